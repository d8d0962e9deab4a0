/* SPDX-License-Identifier: MIT */
/* The Server in OWAMP: what it refuses, with which answer, and whether the connection goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "tests/testlib/owamp_connection.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

static const uint32_t protected_and_open[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};

struct mode_row {
	uint32_t offered, mode;
	int closed_with; /* 0: a key is wanted */
};

/*= rfc7718#section-3.2.4 OR-3.2-01 OR-3.2-02 OR-3.2-03 OR-3.2-05 */
/*= rfc4656#section-3.1 OW-3.1-17 OW-3.1-19 OW-3.1-21 OW-3.1-22 */
static void the_ike_bit_is_16_and_there_is_no_mixed_mode(void **state)
{
	static const struct mode_row rows[] = {
		{OWAMP_MODES, 8, FIZEAU_ERR_UNWILLING},
		{OWAMP_MODES, 128, FIZEAU_ERR_UNWILLING},
		{OWAMP_MODES, 0, FIZEAU_ERR_UNWILLING},
		{OWAMP_MODES, 16, FIZEAU_ERR_MODE},
		{OWAMP_MODES, 17, FIZEAU_ERR_MODE},
		{OWAMP_MODES, 22, FIZEAU_ERR_MODE},
		{OWAMP_MODES, 3, FIZEAU_ERR_MODE},
		{7, 18, FIZEAU_ERR_MODE},
		{3, 4, FIZEAU_ERR_MODE},
		{OWAMP_MODES, 18, 0},
		{OWAMP_MODES, 20, 0},
		{OWAMP_MODES, 132, 0},
		{OWAMP_MODES, 12, 0},
		{OWAMP_MODES, 0xFFFFFFE1, 0},
	};
	struct fizeau_server_config config = config_of(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection c = {.now = {0}};
		uint8_t answer[48];

		c.s = owamp_server_with(rows[i].offered, c.now);
		give_setup(&c, rows[i].mode);
		if (rows[i].closed_with == 0) {
			struct fizeau_event event = server_event(c.s, FIZEAU_EVENT_KEY_WANTED);

			assert_int_equal(event.key.mode, rows[i].mode & OWAMP_MODES);
			assert_int_equal(event.key.ike, (rows[i].mode & 16) != 0);
		} else {
			if (rows[i].closed_with == FIZEAU_ERR_MODE)
				server_says(c.s, answer, sizeof(answer));
			assert_closed(&c, rows[i].closed_with,
				rows[i].closed_with == FIZEAU_ERR_MODE ? FIZEAU_ACCEPT_UNSUPPORTED : 0);
		}
		fizeau_server_free(c.s);
	}
	/* Nor can it be told to offer what the protocol does not have. */
	for (uint32_t modes = 0; modes < 256; modes++) {
		struct fizeau_server *s;
		bool good = (modes & ~OWAMP_MODES) == 0 && (modes != 16 && modes != 17);

		config.protocol = FIZEAU_OWAMP;
		config.modes = modes;
		s = fizeau_server_new(&config, &control_pair_random, (struct fizeau_mono){0});
		assert_int_equal(s != NULL, good);
		fizeau_server_free(s);
	}
}

/*= rfc7717#section-5.3 IK-5.3-02 IK-5.3-07 IK-5.3-08 */
/*= rfc7718#section-3.2.4 OR-3.2-01 */
static void the_set_up_of_the_vector_asks_for_the_key_of_its_spis(void **state)
{
	json_t *messages = vectors_group("ikev2_set_up.json", "ikev2_set_up_response");
	json_t *keys = vectors_group("ikev2.json", "ikev2_prf_ippm");
	struct connection c = {.now = {0}};
	struct fizeau_session_keys opened;
	struct fizeau_event event;
	uint8_t octets[SETUP], greeting[64], token_key[16];

	(void)state;
	member_hex(json_array_get(messages, 1), "on_wire", octets, sizeof(octets));
	member_hex(element_with(keys, "name", "PRF_HMAC_SHA2_256"), "optA_leftmost16", token_key, 16);
	c.s = owamp_server_with(OWAMP_MODES, c.now);
	server_says(c.s, greeting, sizeof(greeting));
	give(&c, octets, sizeof(octets));
	event = server_event(c.s, FIZEAU_EVENT_KEY_WANTED);
	assert_int_equal(event.key.mode, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2);
	assert_true(event.key.ike);
	assert_memory_equal(event.key.spi_i, "\1\2\3\4\5\6\7\10", 8);
	assert_memory_equal(event.key.spi_r, "\x11\x12\x13\x14\x15\x16\x17\x18", 8);
	assert_int_equal(fizeau_token_open(token_key, event.key.challenge, event.key.token, &opened), 0);
	assert_memory_equal(&opened, &control_pair_keys, sizeof(opened));
	fizeau_server_free(c.s);
	json_decref(keys);
	json_decref(messages);
}

/* What the command's answer looks like when it is refused; 0: there is none. */
static size_t answer_octets(unsigned int command)
{
	if (command == 1)
		return 48;
	return command == 2 || command == 4 ? 32 : 0;
}

/*= rfc7718#section-3.1.4 OR-3.1-01 */
/*= rfc4656#section-3.4 OW-3.4-05 OW-3.4-06 */
/*= rfc4656#section-3.9 OW-3.9-05 OW-3.9-07 */
static void each_unexpected_command_is_the_last(void **state)
{
	static const uint8_t zeros[48];

	(void)state;
	for (unsigned int i = 0; i < 2 * 256 * 4; i++) {
		unsigned int command = i / 8, phase = i / 2 % 4;
		uint8_t octets[START] = {(uint8_t)command}, answer[48];
		struct fizeau_session_end end = owamp_end_of(owamp_client_sid);
		size_t len = answer_octets(command);
		struct connection c;

		if (phase == 0 ? command == 1 || command == 2 || command == 4 : command == 3 && phase < 3)
			continue;
		open_owamp_connection(&c, protected_and_open[i % 2]);
		if (phase > 0)
			run_both(&c);
		if (phase == 2) {
			uint8_t stop[64];

			assert_int_equal(fizeau_server_stop(c.s, 0, &end, 1, c.now), 0);
			read_sealed(&c, stop, sizeof(stop));
		}
		if (phase == 3) {
			give_good_stop(&c);
			(void)server_event(c.s, FIZEAU_EVENT_STOPPED);
		}
		/* 16 octets are enough to know. */
		wire_peer_seal(&c.peer, octets, sizeof(octets));
		give(&c, octets, 16);
		if (len > 0) {
			read_sealed(&c, answer, len);
			assert_int_equal(answer[0], FIZEAU_ACCEPT_UNSUPPORTED);
			assert_memory_equal(answer + 1, zeros, len - 17);
		}
		assert_closed(&c, FIZEAU_ERR_UNEXPECTED, FIZEAU_ACCEPT_UNSUPPORTED);
		close_connection(&c);
	}
}

struct bad_octet {
	size_t at;
	uint8_t value;
	bool conf_sender, conf_receiver;
	uint8_t accept;
};

/*= rfc4656#section-3.5 OW-3.5-02 OW-3.5-03 OW-3.5-07 OW-3.5-12 OW-3.5-22 OW-3.5-25 */
/*= rfc4656#section-3.3 OW-3.3-03 */
static void a_request_of_the_wrong_form_is_refused_and_the_next_one_served(void **state)
{
	static const struct bad_octet rows[] = {
		{1, 0x05, false, true, 3},
		{1, 0x00, false, true, 3},  /* IPVN */
		{2, 0x00, false, false, 3}, /* neither Conf */
		{64, 0xFF, false, true, 3},
		{65, 0x01, false, true, 3}, /* Padding Length that no datagram has */
		{84, 0x40, true, false, 3},
		{84, 0x80, true, false, 3}, /* Type-P of who sends */
		{87, 0x01, true, true, 3},
	};

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct connection c;
		struct fizeau_event event;

		open_owamp_connection(&c, protected_and_open[m]);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint8_t octets[REQUEST];

			owamp_plain_head(octets, rows[i].conf_sender, rows[i].conf_receiver, 3);
			octets[rows[i].at] = rows[i].value;
			give_sealed(&c, octets, sizeof(octets));
			assert_false(fizeau_server_event(c.s, &event));
			give_slots(&c, 0, 3);
			read_accept(&c, rows[i].accept);
			assert_false(fizeau_server_event(c.s, &event));
		}
		run_both(&c);
		close_connection(&c);
	}
}

/*= rfc4656#section-3.5 OW-3.5-06 */
/*= rfc4656#section-3.6 OW-3.6-01 */
static void a_schedule_has_slots_and_slots_have_two_types(void **state)
{
	struct connection c;
	struct fizeau_event event;
	uint8_t octets[REQUEST];

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	owamp_plain_head(octets, false, true, 0);
	give_sealed(&c, octets, sizeof(octets));
	give_slots(&c, 0, 0);
	read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
	for (unsigned int type = 2; type < 256; type++) {
		owamp_plain_head(octets, false, true, 20);
		give_sealed(&c, octets, sizeof(octets));
		give_slots(&c, (uint8_t)type, 20);
		read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
	}
	assert_false(fizeau_server_event(c.s, &event));
	run_both(&c);
	close_connection(&c);
}

/*= rfc4656#section-3.2 OW-3.2-08 */
static void more_slots_than_are_held_are_the_end(void **state)
{
	static const uint32_t counts[] = {FIZEAU_SLOTS_MAX + 1, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct connection c;
		uint8_t octets[REQUEST];

		open_owamp_connection(&c, protected_and_open[i % 2]);
		owamp_plain_head(octets, false, true, counts[i / 2]);
		give_sealed(&c, octets, sizeof(octets));
		read_accept(&c, FIZEAU_ACCEPT_PERMANENT_LIMIT);
		assert_closed(&c, FIZEAU_ERR_LIMIT, FIZEAU_ACCEPT_PERMANENT_LIMIT);
		close_connection(&c);
	}
	/* And not a word of it is believed before the head is proved. */
	for (size_t i = 0; i < 3; i++) {
		struct connection c;
		uint8_t octets[REQUEST];

		open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
		owamp_plain_head(octets, false, true, counts[i]);
		wire_peer_seal(&c.peer, octets, sizeof(octets));
		octets[REQUEST - 1] ^= 1;
		give(&c, octets, sizeof(octets));
		assert_closed(&c, FIZEAU_ERR_HMAC, 0);
		close_connection(&c);
	}
}

/*= rfc4656#section-3.5 OW-3.5-04 OW-3.5-05 */
static void as_many_slots_as_are_held_come_through(void **state)
{
	struct connection c;
	struct fizeau_event event;
	uint8_t octets[REQUEST];

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	owamp_plain_head(octets, false, true, FIZEAU_SLOTS_MAX);
	give_sealed(&c, octets, sizeof(octets));
	give_slots(&c, 1, FIZEAU_SLOTS_MAX);
	event = server_event(c.s, FIZEAU_EVENT_OW_SESSION_WANTED);
	assert_int_equal(event.ow_request.slot_count, FIZEAU_SLOTS_MAX);
	for (uint32_t i = 0; i < FIZEAU_SLOTS_MAX; i++) {
		assert_false(event.ow_request.slots[i].exponential);
		assert_true(event.ow_request.slots[i].parameter == i);
	}
	close_connection(&c);
}

/*= rfc4656#section-3.5 OW-3.5-17 OW-3.5-27 OW-3.5-28 */
static void ports_and_sids_of_an_answer(void **state)
{
	struct connection c;
	struct fizeau_event event;
	uint8_t octets[ACCEPT];

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	/* The client's SID where the client receives, and a port to hear from. */
	give_ow_request(&c, true, false);
	event = server_event(c.s, FIZEAU_EVENT_OW_SESSION_WANTED);
	assert_memory_equal(event.ow_request.sid, owamp_client_sid, sizeof(owamp_client_sid));
	assert_int_equal(fizeau_server_answer_session(c.s, 0, 0, owamp_client_sid, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_session(c.s, 0, 8760, owamp_server_sid, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_session(c.s, 0, 8760, owamp_client_sid, c.now), 0);
	read_sealed(&c, octets, sizeof(octets));
	assert_memory_equal(octets, "\0\0\x22\x38\xC1\x01", 6);
	/* The server's where it receives: what stands in the request is nobody's, and no SID comes twice. */
	{
		uint8_t head[REQUEST];

		owamp_plain_head(head, true, true, 2);
		memset(head + 48, 0xEE, 16);
		give_sealed(&c, head, sizeof(head));
		give_slots(&c, 1, 2);
	}
	event = server_event(c.s, FIZEAU_EVENT_OW_SESSION_WANTED);
	assert_int_equal(event.ow_request.sid[0], 0);
	assert_int_equal(event.ow_request.sid[15], 0);
	assert_int_equal(fizeau_server_answer_session(c.s, 0, 0, owamp_client_sid, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_session(c.s, 0, 0, owamp_server_sid, c.now), 0);
	read_sealed(&c, octets, sizeof(octets));
	assert_memory_equal(octets, "\0\0\0\0\x5E\x02", 6);
	close_connection(&c);
}

static void the_sid_of_a_session_does_not_come_again(void **state)
{
	struct connection c;
	struct fizeau_event event;
	struct fizeau_session_end end = owamp_end_of(owamp_client_sid);
	uint8_t stop[64], octets[STOP] = {3};

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_OPEN);
	get_ow_session(&c, true, false);
	give_ow_request(&c, true, false);
	read_accept(&c, FIZEAU_ACCEPT_FAILURE);
	assert_false(fizeau_server_event(c.s, &event));
	start_sessions(&c);
	assert_int_equal(fizeau_server_stop(c.s, 0, &end, 1, c.now), 0);
	read_sealed(&c, stop, sizeof(stop));
	give_sealed(&c, octets, sizeof(octets));
	(void)server_event(c.s, FIZEAU_EVENT_STOPPED);
	/* When that is over it may. */
	get_ow_session(&c, true, false);
	close_connection(&c);
}

static void no_more_sessions_than_are_held(void **state)
{
	struct connection c;
	struct fizeau_event event;
	uint8_t ack[START];

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_OPEN);
	get_ow_session(&c, false, true);
	get_ow_session(&c, true, false);
	give_ow_request(&c, false, true);
	read_accept(&c, FIZEAU_ACCEPT_TEMPORARY_LIMIT);
	assert_false(fizeau_server_event(c.s, &event));
	/* A start that is refused forgets them, and their SIDs. */
	give_start(&c);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_INTERNAL, c.now), 0);
	read_sealed(&c, ack, sizeof(ack));
	run_both(&c);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ike_bit_is_16_and_there_is_no_mixed_mode),
		cmocka_unit_test(the_set_up_of_the_vector_asks_for_the_key_of_its_spis),
		cmocka_unit_test(each_unexpected_command_is_the_last),
		cmocka_unit_test(a_request_of_the_wrong_form_is_refused_and_the_next_one_served),
		cmocka_unit_test(a_schedule_has_slots_and_slots_have_two_types),
		cmocka_unit_test(more_slots_than_are_held_are_the_end),
		cmocka_unit_test(as_many_slots_as_are_held_come_through),
		cmocka_unit_test(ports_and_sids_of_an_answer),
		cmocka_unit_test(the_sid_of_a_session_does_not_come_again),
		cmocka_unit_test(no_more_sessions_than_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
