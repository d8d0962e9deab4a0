/* SPDX-License-Identifier: MIT */
/* The Control-Client with individual session control: what it asks for, and which acks it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "tests/testlib/client_connection.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define START_N_ACK 8
#define STOP_N_ACK 10
#define WITH_SIDS(n) (32 + 16 * (size_t)(n))
#define SECONDS_5 INT64_C(5000000000)

static const uint32_t modes[] = {
	FIZEAU_MODE_OPEN,
	FIZEAU_MODE_AUTHENTICATED,
	FIZEAU_MODE_ENCRYPTED,
	FIZEAU_MODE_MIXED,
	FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_TW_IKEV2,
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

static const struct fizeau_sid sids[4] = {{{7, 1}}, {{5, 2}}, {{9, 3}}, {{1, 4}}};

static void get_session(struct client_connection *k, const struct fizeau_sid *sid)
{
	uint8_t octets[48] = {0, 0, 3, 0x5E};

	client_request(k);
	memcpy(octets + 4, sid->octets, sizeof(sid->octets));
	client_give_sealed(k, octets, sizeof(octets));
	assert_memory_equal(client_event(k->c, FIZEAU_EVENT_SESSION_ANSWER).session.sid, sid, sizeof(*sid));
}

static void set_up(struct client_connection *k, uint32_t mode, unsigned int sessions)
{
	client_set_up(k, mode | FIZEAU_MODE_INDIVIDUAL);
	for (unsigned int i = 0; i < sessions; i++)
		get_session(k, &sids[i]);
}

/* A message in clear. */
static size_t plain(uint8_t octets[static WIRE_MESSAGE_MAX], uint8_t number, uint8_t accept, const struct fizeau_sid *which,
	uint32_t count)
{
	memset(octets, 0, WIRE_MESSAGE_MAX);
	octets[0] = number;
	octets[1] = accept;
	octets[15] = (uint8_t)count;
	if (count > 0)
		memcpy(octets + 16, which, 16 * (size_t)count);
	return WITH_SIDS(count);
}

static void says(struct client_connection *k, uint8_t number, const struct fizeau_sid *which, uint32_t count)
{
	uint8_t got[WIRE_MESSAGE_MAX], want[WIRE_MESSAGE_MAX];
	size_t len = plain(want, number, 0, which, count);

	client_says(k->c, got, len);
	wire_peer_unseal(&k->server, got, len);
	assert_memory_equal(got, want, len - 16);
}

static void give_ack(struct client_connection *k, uint8_t number, uint8_t accept, const struct fizeau_sid *which,
	uint32_t count)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	size_t len = plain(octets, number, accept, which, count);

	client_give_sealed(k, octets, len);
}

static void acknowledged(struct client_connection *k, enum fizeau_event_type type, uint8_t accept,
	const struct fizeau_sid *which, uint32_t count)
{
	struct fizeau_event event = client_event(k->c, type);

	assert_int_equal(event.n_ack.accept, accept);
	assert_int_equal(event.n_ack.count, count);
	assert_memory_equal(event.n_ack.sids, which, count * sizeof(*which));
}

static void start(struct client_connection *k, const struct fizeau_sid *which, uint32_t count)
{
	assert_int_equal(fizeau_control_client_start_n(k->c, which, count, k->now), 0);
	says(k, 7, which, count);
	give_ack(k, START_N_ACK, 0, which, count);
	acknowledged(k, FIZEAU_EVENT_START_N_ACK, 0, which, count);
}

static void stop(struct client_connection *k, const struct fizeau_sid *which, uint32_t count)
{
	assert_int_equal(fizeau_control_client_stop_n(k->c, which, count, k->now), 0);
	says(k, 9, which, count);
	give_ack(k, STOP_N_ACK, 0, which, count);
	acknowledged(k, FIZEAU_EVENT_STOP_N_ACK, 0, which, count);
}

static size_t transcript(const json_t *t, const char *name, const char *form, uint8_t octets[static WIRE_MESSAGE_MAX])
{
	return member_hex_upto(element_with(t, "message", name), form, octets, WIRE_MESSAGE_MAX);
}

static void transcript_gives(struct client_connection *k, const json_t *t, const char *name, const char *form)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	size_t len = transcript(t, name, form, octets);

	client_give(k, octets, len);
}

static void transcript_wants(struct client_connection *k, const json_t *t, const char *name, const char *form)
{
	uint8_t want[WIRE_MESSAGE_MAX], got[WIRE_MESSAGE_MAX];
	size_t len = transcript(t, name, form, want);

	client_says(k->c, got, len);
	assert_memory_equal(got, want, len);
}

/*= rfc5938#section-1 IS-1-02 IS-1-04 */
/*= rfc5938#section-3.2 IS-3.2-02 IS-3.2-03 IS-3.2-05 */
/*= rfc5938#section-3.3 IS-3.3-02 */
/*= rfc5938#section-3.4 IS-3.4-03 IS-3.4-04 IS-3.4-06 */
/*= rfc5938#section-3.5 IS-3.5-02 */
static void the_transcript_octet_for_octet(void **state)
{
	static const char *const forms[] = {"ciphertext", "unauthenticated_form"};
	struct fizeau_tw_request request = control_pair_request(862);
	json_t *t = vectors_group("twamp_control.json", "twamp_individual_session_control");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client_connection k;
		struct fizeau_sid two[2];

		client_set_up(&k, (i == 0 ? FIZEAU_MODE_ENCRYPTED : FIZEAU_MODE_OPEN) | FIZEAU_MODE_INDIVIDUAL);
		request.sender_port = 20000;
		assert_int_equal(fizeau_control_client_request_tw(k.c, &request, k.now), 0);
		transcript_wants(&k, t, "Request-TW-Session (first)", forms[i]);
		transcript_gives(&k, t, "Accept-Session (first)", forms[i]);
		memcpy(two[0].octets, client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER).session.sid, 16);
		request.sender_port = 20001;
		assert_int_equal(fizeau_control_client_request_tw(k.c, &request, k.now), 0);
		transcript_wants(&k, t, "Request-TW-Session (second)", forms[i]);
		transcript_gives(&k, t, "Accept-Session (second)", forms[i]);
		memcpy(two[1].octets, client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER).session.sid, 16);
		assert_int_equal(fizeau_control_client_start_n(k.c, two, 2, k.now), 0);
		transcript_wants(&k, t, "Start-N-Sessions", forms[i]);
		transcript_gives(&k, t, "Start-N-Ack accept 0", forms[i]);
		acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 0, &two[0], 1);
		transcript_gives(&k, t, "Start-N-Ack accept 5", forms[i]);
		acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 5, &two[1], 1);
		assert_int_equal(fizeau_control_client_stop_n(k.c, two, 1, k.now), 0);
		transcript_wants(&k, t, "Stop-N-Sessions", forms[i]);
		transcript_gives(&k, t, "Stop-N-Ack accept 0", forms[i]);
		acknowledged(&k, FIZEAU_EVENT_STOP_N_ACK, 0, &two[0], 1);
		client_close(&k);
	}
	json_decref(t);
}

/*= rfc5938#section-3.2 IS-3.2-01 IS-3.2-07 */
/*= rfc5938#section-3.1 IS-3.1-04 IS-3.1-07 */
static void each_session_is_started_and_stopped_by_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODES; i++) {
		struct client_connection k;

		set_up(&k, modes[i], 3);
		start(&k, &sids[1], 2);
		stop(&k, &sids[1], 1);
		get_session(&k, &sids[3]);
		start(&k, &sids[3], 1);
		start(&k, &sids[0], 1);
		stop(&k, &sids[2], 2);
		stop(&k, &sids[0], 1);
		/* What is stopped is gone, and its SID may come again. */
		assert_int_equal(fizeau_control_client_start_n(k.c, &sids[0], 1, k.now), FIZEAU_ERR_RANGE);
		get_session(&k, &sids[0]);
		start(&k, &sids[0], 1);
		client_close(&k);
	}
}

/*= rfc5938#section-2 IS-2-02 */
/*= rfc5938#section-3.1 IS-3.1-05 */
static void the_commands_of_the_other_kind_are_not_there(void **state)
{
	struct client_connection k;

	(void)state;
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 1);
	assert_int_equal(fizeau_control_client_start(k.c, k.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_stop(k.c, 0, k.now), FIZEAU_ERR_STATE);
	start(&k, sids, 1);
	assert_int_equal(fizeau_control_client_stop(k.c, 0, k.now), FIZEAU_ERR_STATE);
	client_close(&k);
	client_set_up(&k, FIZEAU_MODE_ENCRYPTED);
	client_session(&k);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 1, k.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_stop_n(k.c, sids, 1, k.now), FIZEAU_ERR_STATE);
	client_close(&k);
	/* The bit is another one's there. */
	client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 1, k.now), FIZEAU_ERR_STATE);
	client_close(&k);
}

/*= rfc5938#section-3.2 IS-3.2-04 IS-3.2-07 */
/*= rfc5938#section-3.4 IS-3.4-02 IS-3.4-05 */
static void what_cannot_be_asked_for_is_not(void **state)
{
	const struct fizeau_sid twice[] = {sids[0], sids[1], sids[0]}, unknown[] = {sids[0], sids[3]};
	struct client_connection k;
	const uint8_t *octets;

	(void)state;
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 3);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 0, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_start_n(k.c, twice, 3, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_start_n(k.c, unknown, 2, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_stop_n(k.c, sids, 1, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_output(k.c, &octets), 0);
	/* Nothing of it is left over. */
	start(&k, sids, 2);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 3, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_stop_n(k.c, sids, 0, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_stop_n(k.c, sids, 3, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_stop_n(k.c, twice, 3, k.now), FIZEAU_ERR_RANGE);
	stop(&k, sids, 2);
	client_close(&k);
}

/*= rfc5938#section-3.3 IS-3.3-06 */
static void what_is_refused_may_be_asked_for_again(void **state)
{
	struct client_connection k;

	(void)state;
	set_up(&k, FIZEAU_MODE_AUTHENTICATED, 2);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 2, k.now), 0);
	says(&k, 7, sids, 2);
	give_ack(&k, START_N_ACK, FIZEAU_ACCEPT_TEMPORARY_LIMIT, &sids[1], 1);
	acknowledged(&k, FIZEAU_EVENT_START_N_ACK, FIZEAU_ACCEPT_TEMPORARY_LIMIT, &sids[1], 1);
	/* Acks are due: no request may come between. */
	assert_int_equal(fizeau_control_client_request_tw(k.c, &(struct fizeau_tw_request){.ip_version = 4}, k.now),
		FIZEAU_ERR_STATE);
	give_ack(&k, START_N_ACK, 0, &sids[0], 1);
	acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 0, &sids[0], 1);
	start(&k, &sids[1], 1);
	assert_int_equal(fizeau_control_client_stop_n(k.c, sids, 1, k.now), 0);
	says(&k, 9, sids, 1);
	give_ack(&k, STOP_N_ACK, FIZEAU_ACCEPT_INTERNAL, sids, 1);
	acknowledged(&k, FIZEAU_EVENT_STOP_N_ACK, FIZEAU_ACCEPT_INTERNAL, sids, 1);
	stop(&k, sids, 2);
	client_close(&k);
}

/*= rfc5938#section-3.2 IS-3.2-11 IS-3.2-12 */
static void commands_do_not_wait_for_acks_which_come_in_any_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODES; i++) {
		struct client_connection k;

		set_up(&k, modes[i], 3);
		assert_int_equal(fizeau_control_client_start_n(k.c, &sids[0], 1, k.now), 0);
		says(&k, 7, &sids[0], 1);
		assert_int_equal(fizeau_control_client_start_n(k.c, &sids[1], 2, k.now), 0);
		says(&k, 7, &sids[1], 2);
		give_ack(&k, START_N_ACK, 0, &sids[2], 1);
		acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 0, &sids[2], 1);
		assert_int_equal(fizeau_control_client_stop_n(k.c, &sids[2], 1, k.now), 0);
		says(&k, 9, &sids[2], 1);
		give_ack(&k, STOP_N_ACK, 0, &sids[2], 1);
		acknowledged(&k, FIZEAU_EVENT_STOP_N_ACK, 0, &sids[2], 1);
		give_ack(&k, START_N_ACK, 0, &sids[0], 2);
		acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 0, &sids[0], 2);
		assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
		client_close(&k);
	}
}

struct bad_ack {
	uint8_t number, accept;
	uint32_t count;
	unsigned int first; /* of the SIDs named */
	int error;
};

/* Two are being started, one runs and is being stopped, one runs. */
/*= rfc5938#section-3.3 IS-3.3-02 IS-3.3-04 IS-3.3-05 */
/*= rfc5938#section-3.5 IS-3.5-02 IS-3.5-03 IS-3.5-04 */
static void an_ack_that_was_not_asked_for_is_the_end(void **state)
{
	static const struct bad_ack rows[] = {
		{START_N_ACK, 0, 0, 0, FIZEAU_ERR_MALFORMED},
		{STOP_N_ACK, 0, 0, 0, FIZEAU_ERR_MALFORMED},
		{START_N_ACK, 0, 3, 0, FIZEAU_ERR_MALFORMED},
		{START_N_ACK, 0, 2, 1, FIZEAU_ERR_MALFORMED},
		{START_N_ACK, 5, 1, 2, FIZEAU_ERR_MALFORMED},
		{START_N_ACK, 0, 1, 3, FIZEAU_ERR_MALFORMED},
		{STOP_N_ACK, 0, 1, 0, FIZEAU_ERR_MALFORMED},
		{STOP_N_ACK, 0, 1, 3, FIZEAU_ERR_MALFORMED},
		{STOP_N_ACK, 0, 2, 2, FIZEAU_ERR_MALFORMED},
		{7, 0, 1, 0, FIZEAU_ERR_UNEXPECTED},
		{9, 0, 1, 2, FIZEAU_ERR_UNEXPECTED},
		{0, 0, 1, 0, FIZEAU_ERR_UNEXPECTED},
		{3, 0, 1, 0, FIZEAU_ERR_UNEXPECTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * MODES; i++) {
		const struct bad_ack *row = &rows[i / MODES];
		uint8_t octets[WIRE_MESSAGE_MAX];
		struct client_connection k;
		size_t len;

		set_up(&k, modes[i % MODES], 4);
		start(&k, &sids[2], 2);
		assert_int_equal(fizeau_control_client_start_n(k.c, &sids[0], 2, k.now), 0);
		says(&k, 7, &sids[0], 2);
		assert_int_equal(fizeau_control_client_stop_n(k.c, &sids[2], 1, k.now), 0);
		says(&k, 9, &sids[2], 1);
		len = plain(octets, row->number, row->accept, &sids[row->first], row->count);
		client_give_sealed(&k, octets, len);
		client_is_closed(&k, row->error, 0);
		client_close(&k);
	}
}

static void no_session_is_acknowledged_twice(void **state)
{
	const struct fizeau_sid twice[] = {sids[0], sids[0]};
	struct client_connection k;

	(void)state;
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 2);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 2, k.now), 0);
	says(&k, 7, sids, 2);
	give_ack(&k, START_N_ACK, 0, twice, 2);
	client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
	client_close(&k);
	/* Nor once more later, */
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 2);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 2, k.now), 0);
	says(&k, 7, sids, 2);
	give_ack(&k, START_N_ACK, 0, sids, 1);
	acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 0, sids, 1);
	give_ack(&k, START_N_ACK, 0, sids, 1);
	client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
	client_close(&k);
	/* nor when nothing is due. */
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 2);
	start(&k, sids, 1);
	give_ack(&k, START_N_ACK, 0, sids, 1);
	client_is_closed(&k, FIZEAU_ERR_UNEXPECTED, 0);
	client_close(&k);
}

/* What an ack announces is not read if it cannot be. */
static void more_than_can_be_due_is_not_waited_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODES; i++) {
		uint8_t octets[WIRE_MESSAGE_MAX];
		struct client_connection k;
		size_t len;

		set_up(&k, modes[i], 2);
		assert_int_equal(fizeau_control_client_start_n(k.c, sids, 2, k.now), 0);
		says(&k, 7, sids, 2);
		len = plain(octets, START_N_ACK, 0, sids, 2);
		octets[12] = 0x7F;
		wire_peer_seal(&k.server, octets, len);
		client_give(&k, octets, 16);
		client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
		client_close(&k);
	}
}

/*= rfc5938#section-1 IS-1-04 */
static void each_flipped_bit_is_the_end(void **state)
{
	static const uint32_t sealed[] = {FIZEAU_MODE_AUTHENTICATED, FIZEAU_MODE_ENCRYPTED, FIZEAU_MODE_MIXED};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t bit = 0; bit < 8 * WITH_SIDS(2); bit++) {
			uint8_t octets[WIRE_MESSAGE_MAX];
			struct client_connection k;
			struct fizeau_event event;
			size_t len;

			set_up(&k, sealed[i], 2);
			assert_int_equal(fizeau_control_client_start_n(k.c, sids, 2, k.now), 0);
			says(&k, 7, sids, 2);
			len = plain(octets, START_N_ACK, 0, sids, 2);
			wire_peer_seal(&k.server, octets, len);
			octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			client_give(&k, octets, len);
			assert_true(fizeau_control_client_event(k.c, &event));
			assert_int_equal(event.type, FIZEAU_EVENT_CLOSED);
			client_close(&k);
		}
	}
}

static void an_ack_that_does_not_come_whole_is_waited_for_and_no_longer(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	struct client_connection k;
	struct fizeau_event event;
	size_t len;

	(void)state;
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 2);
	assert_int_equal(fizeau_control_client_start_n(k.c, sids, 2, k.now), 0);
	says(&k, 7, sids, 2);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, k.now.ns + SECONDS_5);
	len = plain(octets, START_N_ACK, 0, sids, 1);
	client_give_sealed(&k, octets, len);
	acknowledged(&k, FIZEAU_EVENT_START_N_ACK, 0, sids, 1);
	/* One of two: the other is still due, and octets do not move the deadline. */
	len = plain(octets, START_N_ACK, 0, &sids[1], 1);
	wire_peer_seal(&k.server, octets, len);
	client_give(&k, octets, len - 1);
	assert_false(fizeau_control_client_event(k.c, &event));
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, k.now.ns + SECONDS_5);
	fizeau_control_client_expire(k.c, (struct fizeau_mono){k.now.ns + SECONDS_5});
	client_is_closed(&k, FIZEAU_ERR_TIMEOUT, 0);
	client_close(&k);
}

static void a_sid_that_the_server_gives_twice_is_the_end(void **state)
{
	uint8_t octets[48] = {0, 0, 3, 0x5E};
	struct client_connection k;

	(void)state;
	set_up(&k, FIZEAU_MODE_ENCRYPTED, 1);
	client_request(&k);
	memcpy(octets + 4, sids[0].octets, sizeof(sids[0].octets));
	client_give_sealed(&k, octets, sizeof(octets));
	client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
	client_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_transcript_octet_for_octet),
		cmocka_unit_test(each_session_is_started_and_stopped_by_itself),
		cmocka_unit_test(the_commands_of_the_other_kind_are_not_there),
		cmocka_unit_test(what_cannot_be_asked_for_is_not),
		cmocka_unit_test(what_is_refused_may_be_asked_for_again),
		cmocka_unit_test(commands_do_not_wait_for_acks_which_come_in_any_order),
		cmocka_unit_test(an_ack_that_was_not_asked_for_is_the_end),
		cmocka_unit_test(no_session_is_acknowledged_twice),
		cmocka_unit_test(more_than_can_be_due_is_not_waited_for),
		cmocka_unit_test(each_flipped_bit_is_the_end),
		cmocka_unit_test(an_ack_that_does_not_come_whole_is_waited_for_and_no_longer),
		cmocka_unit_test(a_sid_that_the_server_gives_twice_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
