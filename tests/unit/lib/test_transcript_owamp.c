/* SPDX-License-Identifier: MIT */
/* OWAMP's Server and Control-Client against the transcript of tests/vectors/owamp_control.json: each says it octet for
   octet, each understands it, and neither takes an altered or shortened one. The keys, IVs and times of the control
   pair are those of the transcript. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/control_pair.h"
#include "tests/testlib/vectors.h"
#include "tests/testlib/wire_peer.h"
#include <cmocka.h>

#define LONGEST 512
#define ALL (FIZEAU_MODE_OPEN | FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2)

enum message {
	REQUEST_SESSION,
	ACCEPT_SESSION,
	START_SESSIONS,
	START_ACK,
	CLIENT_STOP,
	SERVER_STOP,
	FETCH_SESSION,
	FETCH_ACK,
	FETCH_DATA,
	FETCH_TAIL,
	MESSAGES,
};

static const uint8_t sid[FIZEAU_SID_OCTETS] = {0x0a, 0, 0, 2, 0xe8, 0, 0, 1, 0x40, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef};
static const struct fizeau_slot slots[2] = {{true, UINT64_C(0x80000000)}, {false, UINT64_C(0x10000000)}};
static const struct fizeau_skip_range skipped = {0, 2};

struct fixture {
	const char *form; /* "ciphertext" or "unauthenticated_form" */
	const json_t *transcript;
	struct control_pair pair;
};

static size_t message_of(const struct fixture *f, enum message which, const char *form, uint8_t octets[static LONGEST])
{
	return member_hex_upto(json_array_get(f->transcript, which), form, octets, LONGEST);
}

static void open_pair(struct fixture *f, const json_t *transcript, uint32_t mode)
{
	const struct control_pair_config config = {
		.protocol = FIZEAU_OWAMP,
		.offered = ALL,
		.mode = mode,
		.count = 2048,
		.max_sessions = 2,
		.token_key = {1},
		.chop = LONGEST,
	};

	*f = (struct fixture){
		.transcript = transcript, .form = mode == FIZEAU_MODE_OPEN ? "unauthenticated_form" : "ciphertext"};
	control_pair_open(&f->pair, &config);
	control_pair_set_up(&f->pair, &config);
}

static void close_pair(struct fixture *f)
{
	control_pair_close(&f->pair);
}

/* The client has said exactly that, and the server gets it. */
static void client_said(struct fixture *f, enum message which)
{
	uint8_t want[LONGEST];
	size_t len = message_of(f, which, f->form, want);
	const uint8_t *octets;

	assert_int_equal(fizeau_control_client_output(f->pair.client, &octets), len);
	assert_memory_equal(octets, want, len);
	fizeau_control_client_sent(f->pair.client, len);
	assert_int_equal(fizeau_server_recv(f->pair.server, want, len, f->pair.now), len);
}

static void server_said(struct fixture *f, const uint8_t *want, size_t len)
{
	const uint8_t *octets;

	assert_int_equal(fizeau_server_output(f->pair.server, &octets), len);
	assert_memory_equal(octets, want, len);
	fizeau_server_sent(f->pair.server, len);
}

static struct fizeau_ow_request request(void)
{
	return (struct fizeau_ow_request){
		.conf_receiver = true,
		.ip_version = 4,
		.sender = {.version = 4, .octets = {10, 0, 0, 1}},
		.receiver = {.version = 4, .octets = {10, 0, 0, 2}},
		.sender_port = 0x7531,
		.packets = 10,
		.start_time = UINT64_C(0xe800000500000000),
		.timeout = UINT64_C(0x0000000a00000000),
		.slots = slots,
		.slot_count = 2,
	};
}

static void client_requests(struct fixture *f)
{
	const struct fizeau_ow_request wish = request();

	assert_int_equal(fizeau_control_client_request_ow(f->pair.client, &wish, f->pair.now), 0);
	client_said(f, REQUEST_SESSION);
}

static void client_starts(struct fixture *f)
{
	assert_int_equal(fizeau_control_client_start(f->pair.client, f->pair.now), 0);
	client_said(f, START_SESSIONS);
}

static struct fizeau_session_end end(void)
{
	struct fizeau_session_end it = {.next_seqno = 10, .ranges = &skipped, .range_count = 1};

	memcpy(it.sid, sid, sizeof(it.sid));
	return it;
}

static void client_stops(struct fixture *f)
{
	const struct fizeau_session_end it = end();

	assert_int_equal(fizeau_control_client_stop_ow(f->pair.client, FIZEAU_ACCEPT_OK, &it, 1, f->pair.now), 0);
	client_said(f, CLIENT_STOP);
}

static void client_fetches(struct fixture *f)
{
	assert_int_equal(fizeau_control_client_fetch(
				 f->pair.client, sid, FIZEAU_FETCH_ALL_BEGIN, FIZEAU_FETCH_ALL_END, f->pair.now),
		0);
	client_said(f, FETCH_SESSION);
}

/* The message, whole, to the client. */
static void to_client(struct fixture *f, enum message which)
{
	uint8_t octets[LONGEST];
	size_t len = message_of(f, which, f->form, octets);

	assert_int_equal(fizeau_control_client_recv(f->pair.client, octets, len, f->pair.now), len);
}

/* It was said by the server and goes to the client. */
static void server_answered(struct fixture *f, enum message which)
{
	uint8_t octets[LONGEST];

	server_said(f, octets, message_of(f, which, f->form, octets));
	to_client(f, which);
}

static void grant_session(struct fixture *f)
{
	struct fizeau_event event = server_event(f->pair.server, FIZEAU_EVENT_OW_SESSION_WANTED);

	assert_true(event.ow_request.conf_receiver && !event.ow_request.conf_sender);
	assert_int_equal(event.ow_request.packets, 10);
	assert_int_equal(event.ow_request.sender_port, 0x7531);
	assert_int_equal(event.ow_request.receiver_port, 0);
	assert_int_equal(event.ow_request.slot_count, 2);
	assert_memory_equal(&event.ow_request.slots[0].parameter, &slots[0].parameter, 8);
	assert_true(event.ow_request.slots[0].exponential && !event.ow_request.slots[1].exponential);
	assert_int_equal(fizeau_server_answer_session(f->pair.server, FIZEAU_ACCEPT_OK, 0x2238, sid, f->pair.now), 0);
	server_answered(f, ACCEPT_SESSION);
	event = client_event(f->pair.client, FIZEAU_EVENT_SESSION_ANSWER);
	assert_int_equal(event.session.port, 0x2238);
	assert_memory_equal(event.session.sid, sid, sizeof(sid));
}

static void grant_start(struct fixture *f)
{
	(void)server_event(f->pair.server, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(f->pair.server, FIZEAU_ACCEPT_OK, f->pair.now), 0);
	server_answered(f, START_ACK);
	(void)client_event(f->pair.client, FIZEAU_EVENT_START_ACK);
}

static void stop_server(struct fixture *f)
{
	struct fizeau_event event = server_event(f->pair.server, FIZEAU_EVENT_STOPPED);

	assert_int_equal(event.stopped.sessions, 1);
	assert_memory_equal(event.stopped.ends[0].sid, sid, sizeof(sid));
	assert_int_equal(event.stopped.ends[0].next_seqno, 10);
	assert_int_equal(event.stopped.ends[0].range_count, 1);
	assert_int_equal(event.stopped.ends[0].ranges[0].first, 0);
	assert_int_equal(event.stopped.ends[0].ranges[0].last, 2);
	assert_int_equal(fizeau_server_stop(f->pair.server, FIZEAU_ACCEPT_OK, NULL, 0, f->pair.now), 0);
	server_answered(f, SERVER_STOP);
	assert_int_equal(client_event(f->pair.client, FIZEAU_EVENT_STOPPED).stopped.sessions, 0);
}

/* Records 3, 4 and a lost 5. */
static void records(uint8_t octets[static 75])
{
	static const struct fizeau_record all[3] = {
		{.seq = 3,
			.send_error = 0x8a01,
			.receive_error = 0x8b02,
			.send_ntp = UINT64_C(0xe800000600000000),
			.receive_ntp = UINT64_C(0xe800000600400000),
			.ttl = 0x39},
		{.seq = 4,
			.send_error = 0x8a01,
			.receive_error = 0x8b02,
			.send_ntp = UINT64_C(0xe800000700000000),
			.receive_ntp = UINT64_C(0xe800000700500000),
			.ttl = 0x39},
		{.seq = 5,
			.send_error = FIZEAU_SEND_ERROR_LOST,
			.receive_error = 0x8b02,
			.send_ntp = UINT64_C(0xe800000800000000),
			.ttl = 255},
	};

	for (size_t i = 0; i < 3; i++)
		fizeau_record_put(&all[i], octets + i * FIZEAU_RECORD_OCTETS);
}

static void answer_fetch(struct fixture *f)
{
	struct fizeau_event event = server_event(f->pair.server, FIZEAU_EVENT_FETCH_WANTED);
	struct fizeau_fetch_answer answer = {.finished = true, .end = end(), .records = 3, .request = request()};
	uint8_t octets[2 * LONGEST], stored[75];
	size_t len;

	assert_memory_equal(event.fetch.sid, sid, sizeof(sid));
	assert_int_equal(event.fetch.begin, 0);
	assert_int_equal(event.fetch.end, UINT32_MAX);
	answer.request.receiver_port = 0x2238;
	memcpy(answer.request.sid, sid, sizeof(sid));
	assert_int_equal(fizeau_server_answer_fetch(f->pair.server, FIZEAU_ACCEPT_OK, &answer, f->pair.now), 0);
	records(stored);
	assert_int_equal(fizeau_server_send_records(f->pair.server, stored, sizeof(stored), f->pair.now), 75);
	assert_true(fizeau_server_records_wanted(f->pair.server) == 0);
	len = message_of(f, FETCH_ACK, f->form, octets);
	len += message_of(f, FETCH_DATA, f->form, octets + len);
	server_said(f, octets, len);
}

static void take_answer(struct fixture *f)
{
	uint8_t octets[LONGEST], stored[75];
	size_t len = message_of(f, FETCH_DATA, f->form, octets), taken;
	struct fizeau_event event;

	to_client(f, FETCH_ACK);
	taken = fizeau_control_client_recv(f->pair.client, octets, len, f->pair.now);
	event = client_event(f->pair.client, FIZEAU_EVENT_FETCH_ANSWER);
	assert_int_equal(event.fetch_answer.accept, 0);
	assert_true(event.fetch_answer.answer.finished);
	assert_int_equal(event.fetch_answer.answer.records, 3);
	assert_int_equal(event.fetch_answer.answer.end.next_seqno, 10);
	assert_int_equal(event.fetch_answer.answer.end.ranges[0].last, 2);
	assert_int_equal(event.fetch_answer.answer.request.receiver_port, 0x2238);
	assert_memory_equal(event.fetch_answer.answer.request.sid, sid, sizeof(sid));
	taken += fizeau_control_client_recv(f->pair.client, octets + taken, len - taken, f->pair.now);
	event = client_event(f->pair.client, FIZEAU_EVENT_FETCH_RECORDS);
	records(stored);
	assert_int_equal(event.records.count, 3);
	assert_memory_equal(event.records.octets, stored, sizeof(stored));
	taken += fizeau_control_client_recv(f->pair.client, octets + taken, len - taken, f->pair.now);
	(void)client_event(f->pair.client, FIZEAU_EVENT_FETCH_DONE);
	assert_int_equal(taken, len);
}

/*= rfc4656#section-3.5 OW-3.5-04 OW-3.5-05 OW-3.5-15 OW-3.5-16 */
/*= rfc4656#section-3.8 OW-3.8-02 OW-3.8-03 OW-3.8-05 */
/*= rfc4656#section-3.9 OW-3.9-01 OW-3.9-02 OW-3.9-06 OW-3.9-09 OW-3.9-14 OW-3.9-15 OW-3.9-18 OW-3.9-21 */
/*= rfc4656#section-3.2 OW-3.2-02 OW-3.2-04 OW-3.2-05 */
static void both_ends_speak_the_transcript(void **state)
{
	static const uint32_t modes[] = {FIZEAU_MODE_ENCRYPTED, FIZEAU_MODE_AUTHENTICATED, FIZEAU_MODE_OPEN,
		FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2};

	for (size_t i = 0; i < 4; i++) {
		struct fixture f;

		open_pair(&f, *state, modes[i]);
		client_requests(&f);
		grant_session(&f);
		client_starts(&f);
		grant_start(&f);
		client_stops(&f);
		stop_server(&f);
		client_fetches(&f);
		answer_fetch(&f);
		take_answer(&f);
		control_pair_no_event(&f.pair);
		close_pair(&f);
	}
}

/* All that comes before a message, on both ends. */
static void dialogue_before(struct fixture *f, enum message which)
{
	if (which > REQUEST_SESSION)
		client_requests(f);
	if (which > ACCEPT_SESSION)
		grant_session(f);
	if (which > START_SESSIONS)
		client_starts(f);
	if (which > START_ACK)
		grant_start(f);
	if (which > CLIENT_STOP)
		client_stops(f);
	if (which > SERVER_STOP)
		stop_server(f);
	if (which > FETCH_SESSION)
		client_fetches(f);
	if (which > FETCH_ACK) {
		answer_fetch(f);
		to_client(f, FETCH_ACK);
	}
}

static bool from_client(enum message which)
{
	return which == REQUEST_SESSION || which == START_SESSIONS || which == CLIENT_STOP || which == FETCH_SESSION;
}

/* What would say that the whole message has been believed. */
static enum fizeau_event_type believed_by(enum message which)
{
	static const enum fizeau_event_type events[] = {
		[REQUEST_SESSION] = FIZEAU_EVENT_OW_SESSION_WANTED,
		[ACCEPT_SESSION] = FIZEAU_EVENT_SESSION_ANSWER,
		[START_SESSIONS] = FIZEAU_EVENT_START_WANTED,
		[START_ACK] = FIZEAU_EVENT_START_ACK,
		[CLIENT_STOP] = FIZEAU_EVENT_STOPPED,
		[SERVER_STOP] = FIZEAU_EVENT_STOPPED,
		[FETCH_SESSION] = FIZEAU_EVENT_FETCH_WANTED,
		[FETCH_ACK] = FIZEAU_EVENT_FETCH_ANSWER,
		[FETCH_DATA] = FIZEAU_EVENT_FETCH_DONE,
	};

	return events[which];
}

/* Gives octets to whom they are meant for, pulling events as they come. Returns the last one. */
static struct fizeau_event give(struct fixture *f, enum message which, const uint8_t *octets, size_t len)
{
	struct fizeau_event event = {0}, last = {0};
	size_t at = 0;

	for (size_t before = 1; before != at && at < len;) {
		bool got;

		before = at;
		if (from_client(which))
			at += fizeau_server_recv(f->pair.server, octets + at, len - at, f->pair.now);
		else
			at += fizeau_control_client_recv(f->pair.client, octets + at, len - at, f->pair.now);
		do {
			got = from_client(which) ? fizeau_server_event(f->pair.server, &event)
			                         : fizeau_control_client_event(f->pair.client, &event);
			if (got) {
				assert_int_not_equal(event.type, believed_by(which));
				last = event;
			}
		} while (got);
	}
	return last;
}

/* Octets that go on for longer than anything that may be announced. */
static struct fizeau_event give_more(struct fixture *f, enum message which)
{
	static const uint8_t zeros[4096];
	struct fizeau_event event = {0};

	for (int i = 0; i < 400 && event.type != FIZEAU_EVENT_CLOSED; i++)
		event = give(f, which, zeros, sizeof(zeros));
	return event;
}

/*= rfc4656#section-3.2 OW-3.2-07 OW-3.2-08 */
/*= rfc4656#section-6.10 OW-6.10-01 */
static void each_flipped_bit_ends_the_connection(void **state)
{
	for (enum message which = REQUEST_SESSION; which <= FETCH_DATA; which++) {
		uint8_t octets[LONGEST];
		size_t bits;
		struct fixture f = {.transcript = *state};

		bits = message_of(&f, which, "ciphertext", octets) * 8;
		for (size_t bit = 0; bit < bits; bit++) {
			struct fizeau_event event;

			open_pair(&f, *state, FIZEAU_MODE_ENCRYPTED);
			dialogue_before(&f, which);
			(void)message_of(&f, which, "ciphertext", octets);
			octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
			event = give(&f, which, octets, bits / 8);
			/* It may announce more than there is now. */
			if (event.type != FIZEAU_EVENT_CLOSED)
				event = give_more(&f, which);
			assert_int_equal(event.type, FIZEAU_EVENT_CLOSED);
			assert_true(event.closed.error < 0);
			close_pair(&f);
		}
	}
}

static void each_truncation_is_an_error_and_not_a_message(void **state)
{
	static const uint32_t modes[] = {FIZEAU_MODE_ENCRYPTED, FIZEAU_MODE_OPEN};

	for (size_t i = 0; i < 2 * FETCH_TAIL; i++) {
		enum message which = (enum message)(i / 2);
		uint8_t octets[LONGEST];
		size_t whole;
		struct fixture f = {.transcript = *state};

		whole = message_of(&f, which, "ciphertext", octets);
		for (size_t len = 1; len < whole; len++) {
			struct fizeau_event event;

			open_pair(&f, *state, modes[i % 2]);
			dialogue_before(&f, which);
			(void)message_of(&f, which, f.form, octets);
			event = give(&f, which, octets, len);
			assert_int_not_equal(event.type, FIZEAU_EVENT_CLOSED);
			if (from_client(which)) {
				fizeau_server_eof(f.pair.server);
				event = server_event(f.pair.server, FIZEAU_EVENT_CLOSED);
			} else {
				fizeau_control_client_eof(f.pair.client);
				event = client_event(f.pair.client, FIZEAU_EVENT_CLOSED);
			}
			assert_int_equal(event.closed.error, FIZEAU_ERR_LENGTH);
			close_pair(&f);
		}
	}
}

/*= rfc4656#section-3.9 OW-3.9-14 */
static void sections_without_octets_have_the_hmac_of_nothing(void **state)
{
	struct fixture f;
	struct fizeau_fetch_answer answer = {.request = request()};
	uint8_t want[LONGEST], octets[LONGEST];
	const uint8_t *waiting;
	struct fz_stream stream;
	struct fz_aes aes;
	size_t len;

	open_pair(&f, *state, FIZEAU_MODE_ENCRYPTED);
	/* The chain of the transcript goes on. */
	member_hex(json_array_get(f.transcript, FETCH_TAIL), "cbc_iv", want, 16);
	assert_int_equal(fz_stream_init(&stream, FZ_STREAM_SEALS, &control_pair_keys, want), 0);
	assert_int_equal(fz_stream_seal_hmac(&stream, octets), 0);
	assert_int_equal(fz_stream_seal_hmac(&stream, octets + 16), 0);
	assert_int_equal(message_of(&f, FETCH_TAIL, "ciphertext", want), 32);
	assert_memory_equal(octets, want, 32);
	fz_stream_wipe(&stream);

	assert_int_equal(fizeau_control_client_fetch(f.pair.client, sid, 0, 9, f.pair.now), 0);
	len = fizeau_control_client_output(f.pair.client, &waiting);
	assert_int_equal(fizeau_server_recv(f.pair.server, waiting, len, f.pair.now), len);
	(void)server_event(f.pair.server, FIZEAU_EVENT_FETCH_WANTED);
	assert_int_equal(fizeau_server_answer_fetch(f.pair.server, FIZEAU_ACCEPT_OK, &answer, f.pair.now), 0);
	len = fizeau_server_output(f.pair.server, &waiting);
	assert_int_equal(len, 32 + 112 + 2 * 16 + 16 + 16 + 16);
	memcpy(octets, waiting + len - 32, 32);
	assert_int_equal(fz_aes_init(&aes, FZ_AES_CBC_DECRYPT, control_pair_keys.aes, waiting + len - 48), 0);
	assert_int_equal(fz_aes_run(&aes, octets, 32), 0);
	assert_int_equal(message_of(&f, FETCH_TAIL, "plaintext", want), 32);
	assert_memory_equal(octets, want, 32);
	fz_aes_wipe(&aes);
	close_pair(&f);
}

static int set_up(void **state)
{
	*state = vectors_group("owamp_control.json", "owamp_control_transcript");
	return *state == NULL || json_array_size(*state) != MESSAGES ? -1 : 0;
}

static int tear_down(void **state)
{
	json_decref(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_speak_the_transcript),
		cmocka_unit_test(each_flipped_bit_ends_the_connection),
		cmocka_unit_test(each_truncation_is_an_error_and_not_a_message),
		cmocka_unit_test(sections_without_octets_have_the_hmac_of_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
