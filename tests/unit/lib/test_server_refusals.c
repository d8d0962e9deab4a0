/* SPDX-License-Identifier: MIT */
/* What the Server refuses, with which Accept, and whether the connection goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "tests/testlib/server_connection.h"
#include <cmocka.h>

static const uint32_t protected_and_open[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};

struct mode_row {
	uint32_t offered, mode;
	int closed_with; /* 0: a key is wanted */
};

/*= rfc4656#section-3.1 OW-3.1-17 OW-3.1-19 OW-3.1-21 OW-3.1-22 OW-3.1-23 */
/*= rfc4656#section-3.1 OW-3.1-40 OW-3.1-43 */
/*= rfc4656#section-3.3 OW-3.3-03 */
/*= rfc7717#section-5.3 IK-5.3-02 */
/*= rfc5618#section-2 MX-2-01 */
/*= rfc6038#section-4.1 RO-4.1-03 */
/*= rfc5938#section-3.1 IS-3.1-01 IS-3.1-06 IS-3.1-07 */
/*= rfc5938#section-3.7 IS-3.7-01 IS-3.7-02 */
static void a_bad_mode_is_answered_with_accept_3_and_no_mode_with_nothing(void **state)
{
	static const struct mode_row rows[] = {
		{ALL_MODES, 0, FIZEAU_ERR_UNWILLING},
		{ALL_MODES, 0x80000000, FIZEAU_ERR_UNWILLING},
		{ALL_MODES, 3, FIZEAU_ERR_MODE},
		{ALL_MODES, 6, FIZEAU_ERR_MODE},
		{ALL_MODES, 12, FIZEAU_ERR_MODE},
		{ALL_MODES, 15, FIZEAU_ERR_MODE},
		{ALL_MODES, 128, FIZEAU_ERR_MODE},
		{ALL_MODES, 129, FIZEAU_ERR_MODE},
		{1, 4, FIZEAU_ERR_MODE},
		{6, 1, FIZEAU_ERR_MODE},
		{7, 8, FIZEAU_ERR_MODE},
		{15, 130, FIZEAU_ERR_MODE},
		{ALL_MODES, 0xFFFFFFFF, FIZEAU_ERR_MODE},
		{ALL_MODES, ALL_FEATURES, FIZEAU_ERR_MODE}, /* and no security mode */
		{ALL_MODES & ~(uint32_t)32, 33, FIZEAU_ERR_MODE},
		{ALL_MODES & ~(uint32_t)64, 65, FIZEAU_ERR_MODE},
		{ALL_MODES & ~(uint32_t)256, 257, FIZEAU_ERR_MODE},
		{ALL_MODES & ~(uint32_t)512, 513, FIZEAU_ERR_MODE},
		{ALL_MODES, 97, 0},
		{ALL_MODES, ALL_FEATURES | 132, 0},
		{ALL_MODES, 0x80000001, 0},
		{15, 0x400 | 2, 0},
		{15, FIZEAU_MODE_INDIVIDUAL | 2, FIZEAU_ERR_MODE},
		{ALL_MODES, FIZEAU_MODE_INDIVIDUAL, FIZEAU_ERR_MODE},
		{ALL_MODES, FIZEAU_MODE_INDIVIDUAL | FIZEAU_MODE_TW_IKEV2, FIZEAU_ERR_MODE},
		{ALL_MODES, FIZEAU_MODE_INDIVIDUAL | 1, 0},
		{ALL_MODES, FIZEAU_MODE_INDIVIDUAL | FIZEAU_MODE_TW_IKEV2 | 8, 0},
		{15, 1, 0},
		{15, 8, 0},
		{ALL_MODES, 130, 0},
		{ALL_MODES, 132, 0},
		{ALL_MODES, 136, 0},
	};
	static const uint8_t zeros[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection c = {.now = {0}};
		uint8_t start[48];

		c.s = server_with(rows[i].offered, c.now);
		give_setup(&c, rows[i].mode);
		if (rows[i].closed_with == 0) {
			struct fizeau_event event = server_event(c.s, FIZEAU_EVENT_KEY_WANTED);

			assert_int_equal(event.key.mode, rows[i].mode & ALL_MODES);
			assert_int_equal(fizeau_server_mode(c.s), rows[i].mode & ALL_MODES);
			fizeau_server_free(c.s);
			continue;
		}
		if (rows[i].closed_with == FIZEAU_ERR_MODE) {
			server_says(c.s, start, sizeof(start));
			assert_memory_equal(start, zeros, 15);
			assert_int_equal(start[15], FIZEAU_ACCEPT_UNSUPPORTED);
			assert_memory_equal(start + 32, zeros, 16);
			assert_closed(&c, FIZEAU_ERR_MODE, FIZEAU_ACCEPT_UNSUPPORTED);
		} else {
			assert_closed(&c, rows[i].closed_with, 0);
		}
		fizeau_server_free(c.s);
	}
}

/*= rfc4656#section-3.1 OW-3.1-39 OW-3.1-40 OW-3.1-43 OW-3.1-44 */
/*= rfc4656#section-3.3 OW-3.3-01 */
/*= rfc7717#section-5.3 IK-5.3-10 */
static void a_refused_key_is_told_in_clear(void **state)
{
	static const uint8_t zeros[16];

	(void)state;
	for (uint8_t accept = 1; accept <= 6; accept++) {
		struct connection c = {.now = {0}};
		struct fizeau_test_keys keys;
		uint8_t start[48];
		int why = accept == 4 || accept == 5 ? FIZEAU_ERR_LIMIT : FIZEAU_ERR_KEY;

		c.s = server_with(ALL_MODES, c.now);
		give_setup(&c, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_TW_IKEV2);
		(void)server_event(c.s, FIZEAU_EVENT_KEY_WANTED);
		assert_int_equal(fizeau_server_answer_key(c.s, accept, NULL, c.now), 0);
		server_says(c.s, start, sizeof(start));
		assert_memory_equal(start, zeros, 15);
		assert_int_equal(start[15], accept);
		assert_memory_equal(start + 32, zeros, 16);
		assert_int_equal(fizeau_server_test_keys(c.s, connection_sid, &keys), FIZEAU_ERR_STATE);
		assert_closed(&c, accept == 3 ? FIZEAU_ERR_MODE : why, accept);
		fizeau_server_free(c.s);
	}
}

/*= rfc5357#section-3.5 TW-3.5-03 TW-3.5-04 */
/*= rfc5357#section-3.9 TW-3.9-01 */
/*= rfc5357#section-8.4 TW-8.4-01 */
/*= rfc5357#section-2 TW-2-04 */
/*= rfc5357#section-3.4 TW-3.4-01 */
/*= rfc4656#section-3.4 OW-3.4-05 OW-3.4-06 */
/*= rfc4656#section-2 OW-2-03 */
static void each_unexpected_command_gets_accept_3_and_the_end(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		for (unsigned int command = 0; command < 256; command++) {
			for (unsigned int running = 0; running < 2; running++) {
				uint8_t octets[START] = {(uint8_t)command};
				struct connection c;

				if (running == 1 ? command == 3 : command == 2 || command == 5)
					continue;
				open_connection(&c, protected_and_open[m]);
				if (running == 1)
					run_sessions(&c, 1);
				/* 16 octets are enough to know. */
				wire_peer_seal(&c.peer, octets, sizeof(octets));
				give(&c, octets, 16);
				read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
				assert_closed(&c, FIZEAU_ERR_UNEXPECTED, FIZEAU_ACCEPT_UNSUPPORTED);
				close_connection(&c);
			}
		}
	}
}

struct bad_octet {
	size_t at;
	uint8_t value;
};

/*= rfc5357#section-3.5 TW-3.5-06 TW-3.5-18 TW-3.5-20 */
/*= rfc4656#section-3.5 OW-3.5-02 OW-3.5-03 OW-3.5-07 OW-3.5-22 OW-3.5-25 */
/*= rfc4656#section-3.3 OW-3.3-03 */
static void a_request_of_the_wrong_form_is_refused_and_the_next_one_served(void **state)
{
	static const struct bad_octet rows[] = {
		{1, 0x05}, {1, 0x00}, {1, 0xF0}, /* IPVN */
		{2, 0x01}, {2, 0xFF},            /* Conf-Sender */
		{3, 0x01}, {3, 0xFF},            /* Conf-Receiver */
		{4, 0xFF}, {7, 0x01},            /* Number of Schedule Slots */
		{8, 0xFF}, {11, 0x01},           /* Number of Packets */
		{64, 0xFF}, {65, 0x01},          /* Padding Length that no datagram has */
		{84, 0x40}, {84, 0x80}, {84, 0xB8}, {85, 0x01}, {87, 0x01}, /* Type-P */
	};

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct connection c;

		open_connection(&c, protected_and_open[m]);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint8_t octets[WIRE_MESSAGE_MAX];
			struct fizeau_event event;

			plain_request(octets);
			octets[rows[i].at] = rows[i].value;
			give_sealed(&c, octets, REQUEST);
			read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
			assert_false(fizeau_server_event(c.s, &event));
		}
		run_sessions(&c, 2);
		close_connection(&c);
	}
}

/*= rfc4656#section-3.5 OW-3.5-02 OW-3.5-03 OW-3.5-25 */
/*= rfc4656#section-3.3 OW-3.3-01 OW-3.3-03 */
/*= rfc5357#section-3.5 TW-3.5-24 TW-3.5-25 */
static void the_caller_refuses_with_what_it_likes_and_the_connection_goes_on(void **state)
{
	struct connection c;
	struct fizeau_event event;

	(void)state;
	open_connection(&c, FIZEAU_MODE_ENCRYPTED);
	for (uint8_t accept = 1; accept <= 5; accept++) {
		give_request(&c);
		(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
		assert_int_equal(fizeau_server_answer_session(c.s, accept, 862, connection_sid, c.now), 0);
		read_accept(&c, accept);
	}
	/* Refused ones do not count. */
	run_sessions(&c, 2);
	give_stop(&c, 0, 2);
	(void)server_event(c.s, FIZEAU_EVENT_STOPPED);
	/* More than max_sessions at once: the third. */
	get_session(&c);
	get_session(&c);
	give_request(&c);
	read_accept(&c, FIZEAU_ACCEPT_TEMPORARY_LIMIT);
	assert_false(fizeau_server_event(c.s, &event));
	close_connection(&c);
}

static void the_reflectors_port_may_be_another_one(void **state)
{
	uint8_t octets[ACCEPT];
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	give_request(&c);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	assert_int_equal(fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 0, connection_sid, c.now),
		FIZEAU_ERR_RANGE);
	/*= rfc5357#section-3.5 TW-3.5-21 TW-3.5-22 */
	assert_int_equal(
		fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 0x4A10, connection_sid, c.now), 0);
	read_sealed(&c, octets, sizeof(octets));
	assert_int_equal(octets[2], 0x4A);
	assert_int_equal(octets[3], 0x10);
	close_connection(&c);
}

/*= rfc5357#section-3.8 TW-3.8-08 */
static void number_of_sessions_is_all_started_or_all_alive(void **state)
{
	(void)state;
	for (unsigned int expired = 0; expired <= 3; expired++) {
		for (uint32_t sessions = 0; sessions < 5; sessions++) {
			unsigned int gone = expired < 2 ? expired : 2;
			struct connection c;

			open_connection(&c, FIZEAU_MODE_ENCRYPTED);
			run_sessions(&c, 2);
			/* One more than there are is of no consequence. */
			for (unsigned int i = 0; i < expired; i++)
				fizeau_server_session_expired(c.s, connection_sid, c.now);
			give_stop(&c, 0, sessions);
			if (sessions == 2 || sessions == 2 - gone)
				assert_int_equal(
					server_event(c.s, FIZEAU_EVENT_STOPPED).stopped.sessions, sessions);
			else
				assert_closed(&c, FIZEAU_ERR_SESSIONS, 0);
			close_connection(&c);
		}
	}
}

/*= rfc5357#section-3.8 TW-3.8-05 */
/*= rfc4656#section-3.8 OW-3.8-06 */
static void a_stop_with_a_failure_is_passed_on(void **state)
{
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	run_sessions(&c, 1);
	give_stop(&c, 77, 1);
	assert_int_equal(server_event(c.s, FIZEAU_EVENT_STOPPED).stopped.accept, 77);
	close_connection(&c);
}

/*= rfc4656#section-3.7 OW-3.7-02 OW-3.7-03 OW-3.7-04 */
static void a_start_may_be_refused(void **state)
{
	uint8_t ack[START];
	struct connection c;
	struct fizeau_event event;

	(void)state;
	open_connection(&c, FIZEAU_MODE_ENCRYPTED);
	/* Of nothing. */
	give_start(&c);
	assert_false(fizeau_server_event(c.s, &event));
	read_sealed(&c, ack, sizeof(ack));
	assert_int_equal(ack[0], FIZEAU_ACCEPT_FAILURE);
	/* By the caller: what was accepted is forgotten, so both places are free again. */
	get_session(&c);
	get_session(&c);
	give_start(&c);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_INTERNAL, c.now), 0);
	read_sealed(&c, ack, sizeof(ack));
	assert_int_equal(ack[0], FIZEAU_ACCEPT_INTERNAL);
	run_sessions(&c, 2);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_mode_is_answered_with_accept_3_and_no_mode_with_nothing),
		cmocka_unit_test(a_refused_key_is_told_in_clear),
		cmocka_unit_test(each_unexpected_command_gets_accept_3_and_the_end),
		cmocka_unit_test(a_request_of_the_wrong_form_is_refused_and_the_next_one_served),
		cmocka_unit_test(the_caller_refuses_with_what_it_likes_and_the_connection_goes_on),
		cmocka_unit_test(the_reflectors_port_may_be_another_one),
		cmocka_unit_test(number_of_sessions_is_all_started_or_all_alive),
		cmocka_unit_test(a_stop_with_a_failure_is_passed_on),
		cmocka_unit_test(a_start_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
