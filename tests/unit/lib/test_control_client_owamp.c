/* SPDX-License-Identifier: MIT */
/* The Control-Client in OWAMP against a server made of octets: requests and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/fetch_client.h>
#include "tests/testlib/client_connection.h"
#include <cmocka.h>

static const uint32_t protected_and_open[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};
static const struct fizeau_slot slots[2] = {{true, 5}, {false, 6}};
static const uint8_t client_sid[FIZEAU_SID_OCTETS] = {0xC1, 1}, server_sid[FIZEAU_SID_OCTETS] = {0x5E, 2};

#define REQUEST_OCTETS (112 + 2 * 16 + 16)

static struct fizeau_ow_request request_of(bool conf_sender, bool conf_receiver)
{
	struct fizeau_ow_request request = {
		.conf_sender = conf_sender,
		.conf_receiver = conf_receiver,
		.ip_version = 4,
		.sender_port = 1,
		.receiver_port = 861,
		.packets = 10,
		.slots = slots,
		.slot_count = 2,
	};

	memcpy(request.sid, client_sid, sizeof(client_sid));
	return request;
}

/* Sends the request and takes its octets, in clear. */
static void ask(
	struct client_connection *k, bool conf_sender, bool conf_receiver, uint8_t octets[static REQUEST_OCTETS])
{
	const struct fizeau_ow_request request = request_of(conf_sender, conf_receiver);

	assert_int_equal(fizeau_control_client_request_ow(k->c, &request, k->now), 0);
	client_says(k->c, octets, REQUEST_OCTETS);
	wire_peer_unseal(&k->server, octets, 112);
	wire_peer_unseal(&k->server, octets + 112, REQUEST_OCTETS - 112);
}

static void give_accept(struct client_connection *k, uint8_t accept, uint16_t port, const uint8_t *sid)
{
	uint8_t octets[48] = {accept, 0, (uint8_t)(port >> 8), (uint8_t)port};

	memcpy(octets + 4, sid, FIZEAU_SID_OCTETS);
	client_give_sealed(k, octets, sizeof(octets));
}

static void get_session(struct client_connection *k, bool conf_sender, bool conf_receiver)
{
	uint8_t octets[REQUEST_OCTETS];

	ask(k, conf_sender, conf_receiver, octets);
	give_accept(k, 0, conf_sender && conf_receiver ? 0 : 8760, server_sid);
	assert_int_equal(client_event(k->c, FIZEAU_EVENT_SESSION_ANSWER).session.accept, 0);
}

/* One session that the client sends, one that the server sends; both run. */
static void run_both(struct client_connection *k)
{
	get_session(k, false, true);
	get_session(k, true, false);
	client_start(k);
	client_give_ack(k, 0);
	(void)client_event(k->c, FIZEAU_EVENT_START_ACK);
}

static void give_stop(struct client_connection *k, uint32_t count, const uint8_t *sid)
{
	uint8_t octets[64] = {3, [7] = (uint8_t)count, [35] = 10};

	memcpy(octets + 16, sid, FIZEAU_SID_OCTETS);
	client_give_sealed(k, octets, count == 0 ? 32 : 64);
}

static struct fizeau_session_end end_of(const uint8_t *sid)
{
	struct fizeau_session_end end = {.next_seqno = 10};

	memcpy(end.sid, sid, sizeof(end.sid));
	return end;
}

static void send_stop(struct client_connection *k)
{
	const struct fizeau_session_end end = end_of(server_sid);
	uint8_t octets[64];

	assert_int_equal(fizeau_control_client_stop_ow(k->c, 0, &end, 1, k->now), 0);
	client_says(k->c, octets, sizeof(octets));
	wire_peer_unseal(&k->server, octets, sizeof(octets));
}

/*= rfc7718#section-3.2.4 OR-3.2-01 OR-3.2-04 OR-3.2-05 */
static void of_a_greeting_only_owamps_modes_count(void **state)
{
	static const struct {
		uint32_t offered, mode;
		int error;
	} rows[] = {
		{0xFFFFFFFF, 20, 0},
		{0xFFFFFFFF, 18, 0},
		{0xFFFFFFFF, 1, 0},
		{0xFFFFFFFF, 8, FIZEAU_ERR_MODE},
		{0xFFFFFFFF, 132, FIZEAU_ERR_MODE},
		{0xFFFFFFFF, 136, FIZEAU_ERR_MODE},
		{0xFFFFFFFF, 16, FIZEAU_ERR_MODE},
		{0xFFFFFFFF, 17, FIZEAU_ERR_MODE},
		{15 | 128, 20, FIZEAU_ERR_MODE},
		{3, 4, FIZEAU_ERR_MODE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client_connection k;
		struct fizeau_set_up set_up;

		client_open_owamp(&k, rows[i].mode);
		client_greet(&k, rows[i].offered, 2048);
		assert_int_equal(client_event(k.c, FIZEAU_EVENT_GREETING).greeting.modes, rows[i].offered & 23);
		set_up = control_pair_set_up_of(&k.config);
		assert_int_equal(fizeau_control_client_set_up(k.c, &set_up, k.now), rows[i].error);
		client_close(&k);
	}
}

/*= rfc4656#section-3.5 OW-3.5-04 OW-3.5-05 OW-3.5-10 OW-3.5-16 OW-3.5-17 */
/*= rfc8545#section-5.2 PO-5.2-01 */
static void a_request_says_what_was_wanted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		bool sends = i % 3 > 0, receives = i % 3 != 1;
		struct client_connection k;
		uint8_t octets[REQUEST_OCTETS],
			want[REQUEST_OCTETS - 32] = {1, 4, sends, receives, [7] = 2, [11] = 10, [13] = 1, [14] = 0x03,
				0x5D, [127 - 16 + 8] = 0};

		client_set_up_owamp(&k, protected_and_open[i / 3]);
		ask(&k, sends, receives, octets);
		/* The SID is the receiver's to make. */
		if (!receives)
			memcpy(want + 48, client_sid, sizeof(client_sid));
		assert_memory_equal(octets, want, 96);
		assert_memory_equal(
			octets + 112, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06", 32);
		client_close(&k);
	}
}

/*= rfc4656#section-3.5 OW-3.5-03 OW-3.5-17 OW-3.5-26 OW-3.5-27 OW-3.5-28 */
static void an_answer_has_the_port_and_the_sid_that_matter(void **state)
{
	struct client_connection k;
	struct fizeau_event event;
	uint8_t octets[REQUEST_OCTETS];

	(void)state;
	client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
	for (uint8_t accept = 1; accept < 8; accept++) {
		ask(&k, false, true, octets);
		give_accept(&k, accept, 0, server_sid);
		event = client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
		assert_int_equal(event.session.accept, accept);
		assert_int_equal(event.session.sid[0], 0);
	}
	/* Where the client receives, the SID is its own, whatever the answer has there. */
	ask(&k, true, false, octets);
	give_accept(&k, 0, 8760, server_sid);
	event = client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
	assert_int_equal(event.session.port, 8760);
	assert_memory_equal(event.session.sid, client_sid, sizeof(client_sid));
	/* Where the server has both ends there is no port to know. */
	ask(&k, true, true, octets);
	give_accept(&k, 0, 77, server_sid);
	event = client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
	assert_int_equal(event.session.port, 0);
	assert_memory_equal(event.session.sid, server_sid, sizeof(server_sid));
	client_close(&k);
}

/*= rfc4656#section-3.5 OW-3.5-27 OW-3.5-28 */
static void an_answer_without_a_port_or_with_a_sid_that_is_there_is_the_end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct client_connection k;
		uint8_t octets[REQUEST_OCTETS];

		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		if (i == 2)
			get_session(&k, false, true);
		ask(&k, i == 0, i != 0, octets);
		give_accept(&k, 0, i == 2 ? 8761 : 0, server_sid);
		client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
		client_close(&k);
	}
}

static void what_cannot_be_asked_is_not_sent(void **state)
{
	struct client_connection k;
	struct fizeau_ow_request request;
	const struct fizeau_tw_request twamp = control_pair_request(862);
	const uint8_t *octets;

	(void)state;
	client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
	request = request_of(false, false);
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_RANGE);
	request = request_of(false, true);
	request.sender_port = 0;
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_RANGE);
	request = request_of(true, false);
	request.receiver_port = 0;
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_RANGE);
	request = request_of(true, false);
	request.slot_count = 0;
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_RANGE);
	get_session(&k, true, false);
	request = request_of(true, false);
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_fetch(k.c, client_sid, 2, 1, k.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_control_client_request_tw(k.c, &twamp, k.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_stop_ow(k.c, 0, NULL, 0, k.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_output(k.c, &octets), 0);
	client_close(&k);
	/* Nor in the other protocol. */
	client_set_up(&k, FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_fetch(k.c, client_sid, 0, 1, k.now), FIZEAU_ERR_STATE);
	client_session(&k);
	client_start(&k);
	client_give_ack(&k, 0);
	(void)client_event(k.c, FIZEAU_EVENT_START_ACK);
	assert_int_equal(fizeau_control_client_stop_ow(k.c, 0, NULL, 0, k.now), FIZEAU_ERR_STATE);
	client_close(&k);
}

/*= rfc4656#section-3.4 OW-3.4-06 */
static void between_start_and_both_stops_nothing_is_asked(void **state)
{
	const struct fizeau_ow_request request = request_of(false, true);

	(void)state;
	/* The client stops first, the server does, or neither. */
	for (unsigned int i = 0; i < 3; i++) {
		struct client_connection k;

		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		run_both(&k);
		if (i == 1)
			send_stop(&k);
		if (i == 2) {
			give_stop(&k, 1, client_sid);
			(void)client_event(k.c, FIZEAU_EVENT_STOPPED);
		}
		assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), FIZEAU_ERR_STATE);
		assert_int_equal(fizeau_control_client_fetch(k.c, client_sid, 0, 1, k.now), FIZEAU_ERR_STATE);
		assert_int_equal(fizeau_control_client_start(k.c, k.now), FIZEAU_ERR_STATE);
		assert_int_equal(fizeau_control_client_stop(k.c, 0, k.now), FIZEAU_ERR_STATE);
		if (i == 0) {
			client_close(&k);
			continue;
		}
		if (i == 1) {
			give_stop(&k, 1, client_sid);
			(void)client_event(k.c, FIZEAU_EVENT_STOPPED);
		} else {
			send_stop(&k);
		}
		run_both(&k);
		client_close(&k);
	}
}

/*= rfc4656#section-3.8 OW-3.8-09 OW-3.8-10 */
static void a_stop_that_does_not_add_up_is_the_end(void **state)
{
	static const struct {
		uint32_t count;
		const uint8_t *sid;
	} rows[] = {{0, client_sid}, {2, client_sid}, {1, server_sid}};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct client_connection k;

		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		run_both(&k);
		if (i >= 3)
			send_stop(&k);
		give_stop(&k, rows[i % 3].count, rows[i % 3].sid);
		client_is_closed(&k, FIZEAU_ERR_SESSIONS, 0);
		client_close(&k);
	}
}

/*= rfc4656#section-3.8 OW-3.8-04 */
static void the_servers_skip_ranges_are_checked_and_bounded(void **state)
{
	static const struct {
		uint8_t count;
		uint8_t numbers[4]; /* first, last; first, last */
		int error;
	} rows[] = {
		{2, {0, 1, 2, 3}, 0},
		{2, {2, 3, 0, 1}, FIZEAU_ERR_MALFORMED},
		{2, {0, 2, 2, 3}, FIZEAU_ERR_MALFORMED},
		{1, {1, 0, 0, 0}, FIZEAU_ERR_MALFORMED},
		{1, {3, 10, 0, 0}, FIZEAU_ERR_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client_connection k;
		uint8_t octets[80] = {3, [7] = 1, [35] = 10};

		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		run_both(&k);
		memcpy(octets + 16, client_sid, FIZEAU_SID_OCTETS);
		octets[39] = rows[i].count;
		for (size_t n = 0; n < 4; n++)
			octets[43 + 4 * n] = rows[i].numbers[n];
		client_give_sealed(&k, octets, rows[i].count == 2 ? 80 : 64);
		if (rows[i].error == 0)
			assert_int_equal(client_event(k.c, FIZEAU_EVENT_STOPPED).stopped.ends[0].range_count, 2);
		else
			client_is_closed(&k, rows[i].error, 0);
		client_close(&k);
	}
	for (uint32_t count = FIZEAU_SKIP_RANGES_MAX + 1; count > FIZEAU_SKIP_RANGES_MAX; count += 0x7FFF0000) {
		struct client_connection k;
		uint8_t octets[64] = {3, [7] = 1, [36] = (uint8_t)(count >> 24), (uint8_t)(count >> 16),
			(uint8_t)(count >> 8), (uint8_t)count};

		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		run_both(&k);
		memcpy(octets + 16, client_sid, FIZEAU_SID_OCTETS);
		wire_peer_seal(&k.server, octets, sizeof(octets));
		client_give(&k, octets, 48);
		client_is_closed(&k, FIZEAU_ERR_LIMIT, 0);
		client_close(&k);
	}
}

/*= rfc4656#section-3.4 OW-3.4-05 */
static void a_server_that_speaks_out_of_turn_is_left(void **state)
{
	(void)state;
	/* Before the start, between request and answer, after its Stop-Sessions. */
	for (unsigned int i = 0; i < 3; i++) {
		struct client_connection k;
		uint8_t octets[32] = {3}, request[REQUEST_OCTETS];

		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		if (i == 2) {
			run_both(&k);
			give_stop(&k, 1, client_sid);
			(void)client_event(k.c, FIZEAU_EVENT_STOPPED);
		}
		wire_peer_seal(&k.server, octets, sizeof(octets));
		if (i == 1) {
			uint8_t rest[16] = {0};

			ask(&k, false, true, request);
			client_give(&k, octets, sizeof(octets));
			client_give(&k, rest, sizeof(rest));
			client_is_closed(&k, FIZEAU_ERR_HMAC, 0);
		} else {
			client_give(&k, octets, sizeof(octets));
			client_is_closed(&k, FIZEAU_ERR_UNEXPECTED, 0);
		}
		client_close(&k);
	}
	/* While sessions run it may say one thing only. */
	for (unsigned int command = 0; command < 256; command++) {
		struct client_connection k;
		uint8_t octets[32] = {(uint8_t)command};

		if (command == 3)
			continue;
		client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
		run_both(&k);
		wire_peer_seal(&k.server, octets, sizeof(octets));
		client_give(&k, octets, sizeof(octets));
		client_is_closed(&k, FIZEAU_ERR_UNEXPECTED, 0);
		client_close(&k);
	}
}

static void the_servers_stop_is_waited_for_no_longer_than_any_answer(void **state)
{
	struct client_connection k;

	(void)state;
	client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
	run_both(&k);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
	send_stop(&k);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_C(10000000000));
	fizeau_control_client_expire(k.c, (struct fizeau_mono){INT64_C(10000000000)});
	client_is_closed(&k, FIZEAU_ERR_TIMEOUT, 0);
	client_close(&k);
}

/*= rfc4656#section-3.5 OW-3.5-04 */
static void as_many_slots_as_a_schedule_has_go_out(void **state)
{
	struct fizeau_slot *many = calloc(FIZEAU_SLOTS_MAX, sizeof(*many));
	size_t len = 112 + 16 * (size_t)FIZEAU_SLOTS_MAX + 16;
	uint8_t *octets = malloc(len);
	struct fizeau_ow_request request = request_of(false, true);
	struct client_connection k;

	(void)state;
	assert_true(many != NULL && octets != NULL);
	for (uint32_t i = 0; i < FIZEAU_SLOTS_MAX; i++)
		many[i].parameter = i;
	request.slots = many;
	request.slot_count = FIZEAU_SLOTS_MAX;
	client_set_up_owamp(&k, FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(fizeau_control_client_request_ow(k.c, &request, k.now), 0);
	client_says(k.c, octets, len);
	wire_peer_unseal(&k.server, octets, 112);
	wire_peer_unseal(&k.server, octets + 112, len - 112);
	for (uint32_t i = 0; i < FIZEAU_SLOTS_MAX; i++)
		assert_int_equal(octets[112 + 16 * i + 14] << 8 | octets[112 + 16 * i + 15], i & 0xFFFF);
	give_accept(&k, 0, 8760, server_sid);
	(void)client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
	client_close(&k);
	free(octets);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_greeting_only_owamps_modes_count),
		cmocka_unit_test(a_request_says_what_was_wanted),
		cmocka_unit_test(an_answer_has_the_port_and_the_sid_that_matter),
		cmocka_unit_test(an_answer_without_a_port_or_with_a_sid_that_is_there_is_the_end),
		cmocka_unit_test(what_cannot_be_asked_is_not_sent),
		cmocka_unit_test(between_start_and_both_stops_nothing_is_asked),
		cmocka_unit_test(a_stop_that_does_not_add_up_is_the_end),
		cmocka_unit_test(the_servers_skip_ranges_are_checked_and_bounded),
		cmocka_unit_test(a_server_that_speaks_out_of_turn_is_left),
		cmocka_unit_test(the_servers_stop_is_waited_for_no_longer_than_any_answer),
		cmocka_unit_test(as_many_slots_as_a_schedule_has_go_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
