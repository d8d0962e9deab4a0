/* SPDX-License-Identifier: MIT */
/* OWAMP's Server and Control-Client joined by two buffers: every mode, chopped at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/control_pair.h"
#include <cmocka.h>

static const uint32_t modes[] = {
	FIZEAU_MODE_OPEN,
	FIZEAU_MODE_AUTHENTICATED,
	FIZEAU_MODE_ENCRYPTED,
	FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_OW_IKEV2,
	FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2,
};

#define MODES (sizeof(modes) / sizeof(modes[0]))
#define ALL (FIZEAU_MODE_OPEN | FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2)
#define WHOLE 4096
#define RANGES 4

static const uint8_t client_sid[FIZEAU_SID_OCTETS] = {0xC1, 2, 3}, server_sid[FIZEAU_SID_OCTETS] = {0x5E, 5, 6};
static const uint8_t both_sid[FIZEAU_SID_OCTETS] = {0xB0, 7, 8};

static const struct fizeau_slot slots[] = {
	{true, UINT64_C(0x0000000080000000)},
	{false, UINT64_C(0x0000000010000000)},
	{false, 1},
	{true, UINT64_MAX},
	{false, 0},
};

static const struct fizeau_skip_range ranges[RANGES] = {{0, 2}, {5, 5}, {7, 30}, {99, 99}};

static struct control_pair_config config_of(uint32_t mode, size_t chop)
{
	return (struct control_pair_config){
		.protocol = FIZEAU_OWAMP,
		.offered = ALL,
		.mode = mode,
		.count = 2048,
		.max_sessions = 3,
		.token_key = {0xAA, 1, 2, 3},
		.chop = chop,
	};
}

static struct fizeau_ow_request request_of(bool conf_sender, bool conf_receiver, uint32_t slot_count)
{
	struct fizeau_ow_request request = {
		.conf_sender = conf_sender,
		.conf_receiver = conf_receiver,
		.ip_version = 4,
		.sender = {.version = 4, .octets = {10, 0, 0, 1}},
		.receiver = {.version = 4, .octets = {10, 0, 0, 2}},
		.sender_port = conf_sender ? 0 : 20000,
		.receiver_port = conf_receiver ? 861 : 20001,
		.packets = 100,
		.padding_octets = 64,
		.start_time = UINT64_C(0xE800000500000000),
		.timeout = UINT64_C(0x0000000A00000000),
		.type_p = 0x2E000000,
		.slots = slots,
		.slot_count = slot_count,
	};

	if (!conf_receiver)
		memcpy(request.sid, client_sid, sizeof(request.sid));
	return request;
}

static void assert_same_address(const struct fizeau_address *got, const struct fizeau_address *want)
{
	assert_int_equal(got->version, want->version);
	assert_memory_equal(got->octets, want->octets, sizeof(want->octets));
}

static void assert_same_request(const struct fizeau_ow_request *got, const struct fizeau_ow_request *want)
{
	assert_int_equal(got->conf_sender, want->conf_sender);
	assert_int_equal(got->conf_receiver, want->conf_receiver);
	assert_int_equal(got->ip_version, want->ip_version);
	assert_same_address(&got->sender, &want->sender);
	assert_same_address(&got->receiver, &want->receiver);
	assert_int_equal(got->sender_port, want->sender_port);
	assert_int_equal(got->receiver_port, want->receiver_port);
	assert_int_equal(got->packets, want->packets);
	assert_memory_equal(got->sid, want->sid, sizeof(want->sid));
	assert_int_equal(got->padding_octets, want->padding_octets);
	assert_true(got->start_time == want->start_time && got->timeout == want->timeout);
	assert_int_equal(got->type_p, want->type_p);
	assert_int_equal(got->slot_count, want->slot_count);
	for (uint32_t i = 0; i < want->slot_count; i++) {
		assert_int_equal(got->slots[i].exponential, want->slots[i].exponential);
		assert_true(got->slots[i].parameter == want->slots[i].parameter);
	}
}

static void assert_same_test_keys(struct control_pair *p, uint32_t mode, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fizeau_test_keys ours, theirs, want;
	int expected = (mode & FIZEAU_MODE_OPEN) == 0 ? 0 : FIZEAU_ERR_STATE;

	assert_int_equal(fizeau_server_test_keys(p->server, sid, &ours), expected);
	assert_int_equal(fizeau_control_client_test_keys(p->client, sid, &theirs), expected);
	if (expected != 0)
		return;
	assert_int_equal(fizeau_test_keys_derive(&control_pair_keys, sid, &want), 0);
	assert_memory_equal(&ours, &want, sizeof(want));
	assert_memory_equal(&theirs, &want, sizeof(want));
}

/* A request that is granted. */
static void a_session(struct control_pair *p, uint32_t mode, bool conf_sender, bool conf_receiver, uint32_t slot_count)
{
	const struct fizeau_ow_request request = request_of(conf_sender, conf_receiver, slot_count);
	const uint8_t *sid = !conf_receiver ? client_sid : conf_sender ? both_sid : server_sid;
	uint16_t port = conf_sender && conf_receiver ? 0 : 8760;
	struct fizeau_event event;

	assert_int_equal(fizeau_control_client_request_ow(p->client, &request, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_OW_SESSION_WANTED, &event);
	assert_same_request(&event.ow_request, &request);
	assert_int_equal(fizeau_server_answer_session(p->server, FIZEAU_ACCEPT_OK, port, sid, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_SESSION_ANSWER, &event);
	assert_int_equal(event.session.accept, FIZEAU_ACCEPT_OK);
	assert_int_equal(event.session.port, port);
	assert_memory_equal(event.session.sid, sid, FIZEAU_SID_OCTETS);
	assert_same_test_keys(p, mode, sid);
}

static struct fizeau_session_end end_of(const uint8_t *sid, uint32_t range_count)
{
	struct fizeau_session_end end = {.next_seqno = 100, .ranges = ranges, .range_count = range_count};

	memcpy(end.sid, sid, sizeof(end.sid));
	return end;
}

static void assert_same_end(const struct fizeau_session_end *got, const struct fizeau_session_end *want)
{
	assert_memory_equal(got->sid, want->sid, sizeof(want->sid));
	assert_int_equal(got->next_seqno, want->next_seqno);
	assert_int_equal(got->range_count, want->range_count);
	for (uint32_t i = 0; i < want->range_count; i++) {
		assert_int_equal(got->ranges[i].first, want->ranges[i].first);
		assert_int_equal(got->ranges[i].last, want->ranges[i].last);
	}
}

static void client_stops(struct control_pair *p, uint32_t range_count, uint32_t count)
{
	const struct fizeau_session_end end = end_of(server_sid, range_count);
	struct fizeau_event event;

	assert_int_equal(fizeau_control_client_stop_ow(p->client, FIZEAU_ACCEPT_OK, &end, count, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_STOPPED, &event);
	assert_int_equal(event.stopped.accept, FIZEAU_ACCEPT_OK);
	assert_int_equal(event.stopped.sessions, count);
	if (count > 0)
		assert_same_end(&event.stopped.ends[0], &end);
	assert_int_equal(
		fizeau_control_client_stop_ow(p->client, FIZEAU_ACCEPT_OK, &end, count, p->now), FIZEAU_ERR_STATE);
}

static void server_stops(struct control_pair *p, uint32_t range_count, uint32_t count)
{
	const struct fizeau_session_end ends[2] = {end_of(both_sid, range_count), end_of(client_sid, RANGES)};
	struct fizeau_event event;

	assert_int_equal(fizeau_server_stop(p->server, FIZEAU_ACCEPT_FAILURE, ends, count, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_STOPPED, &event);
	assert_int_equal(event.stopped.accept, FIZEAU_ACCEPT_FAILURE);
	assert_int_equal(event.stopped.sessions, count);
	for (uint32_t i = 0; i < count; i++)
		assert_same_end(&event.stopped.ends[i], &ends[i]);
	assert_int_equal(fizeau_server_stop(p->server, FIZEAU_ACCEPT_OK, ends, count, p->now), FIZEAU_ERR_STATE);
}

/* One session that the client sends, one that it receives, and one that is all the server's. */
static void a_test(struct control_pair *p, uint32_t mode, uint32_t range_count, bool client_first)
{
	a_session(p, mode, false, true, 2);
	a_session(p, mode, true, false, 5);
	a_session(p, mode, true, true, 1);
	control_pair_start(p);
	control_pair_no_event(p);
	if (client_first)
		client_stops(p, range_count, 1);
	server_stops(p, range_count, 2);
	if (!client_first)
		client_stops(p, range_count, 1);
	control_pair_no_event(p);
}

static void fill_records(uint8_t *octets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct fizeau_record record = {.seq = i,
			.send_ntp = 7 * i,
			.receive_ntp = 9 * i + 1,
			.send_error = 0x0001,
			.receive_error = 0x8001,
			.ttl = (uint8_t)i};

		fizeau_record_put(&record, octets + (size_t)i * FIZEAU_RECORD_OCTETS);
	}
}

/* All of them, piece by piece, and the client takes what comes. */
static void pass_records(struct control_pair *p, const uint8_t *octets, uint32_t count, size_t piece)
{
	size_t len = (size_t)count * FIZEAU_RECORD_OCTETS, given = 0, got = 0;
	struct fizeau_event event = {0};

	while (event.type != FIZEAU_EVENT_FETCH_DONE) {
		size_t some = len - given < piece ? len - given : piece;
		int64_t taken = some > 0 ? fizeau_server_send_records(p->server, octets + given, some, p->now) : 0;

		assert_in_range(taken, 0, some);
		given += (size_t)taken;
		assert_true(fizeau_server_records_wanted(p->server) == len - given);
		control_pair_settle(p);
		while (fizeau_control_client_event(p->client, &event)) {
			if (event.type == FIZEAU_EVENT_FETCH_DONE)
				break;
			assert_int_equal(event.type, FIZEAU_EVENT_FETCH_RECORDS);
			assert_true(event.records.count > 0);
			assert_memory_equal(
				event.records.octets, octets + got, event.records.count * FIZEAU_RECORD_OCTETS);
			got += event.records.count * FIZEAU_RECORD_OCTETS;
			control_pair_settle(p);
		}
	}
	assert_int_equal(got, len);
}

static void a_fetch(struct control_pair *p, uint32_t records, uint32_t range_count, size_t piece)
{
	struct fizeau_fetch_answer answer = {
		.finished = range_count > 0,
		.end = end_of(server_sid, range_count),
		.records = records,
		.request = request_of(false, true, 3),
	};
	uint8_t *octets = calloc(records + 1, FIZEAU_RECORD_OCTETS);
	struct fizeau_event event;

	assert_non_null(octets);
	fill_records(octets, records);
	memcpy(answer.request.sid, server_sid, sizeof(server_sid));
	assert_int_equal(fizeau_control_client_fetch(p->client, server_sid, 3, 4000000000, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_FETCH_WANTED, &event);
	assert_memory_equal(event.fetch.sid, server_sid, sizeof(server_sid));
	assert_int_equal(event.fetch.begin, 3);
	assert_int_equal(event.fetch.end, 4000000000);
	assert_int_equal(fizeau_server_answer_fetch(p->server, FIZEAU_ACCEPT_OK, &answer, p->now), 0);
	assert_true(fizeau_server_records_wanted(p->server) == (uint64_t)records * FIZEAU_RECORD_OCTETS);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_FETCH_ANSWER, &event);
	assert_int_equal(event.fetch_answer.accept, FIZEAU_ACCEPT_OK);
	assert_int_equal(event.fetch_answer.answer.finished, answer.finished);
	assert_int_equal(event.fetch_answer.answer.records, records);
	assert_same_request(&event.fetch_answer.answer.request, &answer.request);
	if (!answer.finished)
		answer.end = (struct fizeau_session_end){0};
	memcpy(answer.end.sid, server_sid, sizeof(server_sid));
	assert_same_end(&event.fetch_answer.answer.end, &answer.end);
	pass_records(p, octets, records, piece);
	control_pair_no_event(p);
	free(octets);
}

static void a_refused_fetch(struct control_pair *p)
{
	struct fizeau_event event;

	assert_int_equal(fizeau_control_client_fetch(
				 p->client, client_sid, FIZEAU_FETCH_ALL_BEGIN, FIZEAU_FETCH_ALL_END, p->now),
		0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_FETCH_WANTED, &event);
	assert_int_equal(fizeau_server_answer_fetch(p->server, FIZEAU_ACCEPT_FAILURE, NULL, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_FETCH_ANSWER, &event);
	assert_int_equal(event.fetch_answer.accept, FIZEAU_ACCEPT_FAILURE);
	control_pair_no_event(p);
}

static void a_connection(uint32_t mode, size_t chop)
{
	struct control_pair_config config = config_of(mode, chop);
	struct control_pair p;
	struct fizeau_event event;

	control_pair_open(&p, &config);
	control_pair_set_up(&p, &config);
	assert_int_equal(fizeau_server_mode(p.server), mode);
	a_fetch(&p, 0, 0, 1);
	a_test(&p, mode, 0, true);
	a_fetch(&p, 1, 1, 1);
	/* And again: the chains and HMACs of both directions go on. */
	a_test(&p, mode, 1, false);
	a_refused_fetch(&p);
	a_test(&p, mode, 2, true);
	a_fetch(&p, 33, 2, chop);
	a_test(&p, mode, 3, false);
	a_fetch(&p, 2000, 3, 1000);
	fizeau_server_eof(p.server);
	control_pair_server_event(&p, FIZEAU_EVENT_CLOSED, &event);
	assert_int_equal(event.closed.error, 0);
	control_pair_close(&p);
}

/*= rfc4656#section-3.4 OW-3.4-01 OW-3.4-02 OW-3.4-04 */
/*= rfc4656#section-3.5 OW-3.5-01 OW-3.5-14 OW-3.5-17 OW-3.5-27 OW-3.5-28 */
/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-06 OW-3.8-09 */
/*= rfc4656#section-3.9 OW-3.9-05 OW-3.9-13 OW-3.9-14 OW-3.9-16 */
static void each_mode_goes_through_however_the_octets_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODES; i++) {
		for (size_t chop = 1; chop <= 33; chop += i == 0 || i == 2 ? 1 : 8)
			a_connection(modes[i], chop);
		a_connection(modes[i], WHOLE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mode_goes_through_however_the_octets_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
