/* SPDX-License-Identifier: MIT */
/* The Server and Stop-Sessions of OWAMP, from either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/owamp_connection.h"
#include <cmocka.h>

static const uint32_t protected_and_open[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};
static const uint8_t other_sid[FIZEAU_SID_OCTETS] = {0x77, 3};

/*= rfc4656#section-3.8 OW-3.8-09 OW-3.8-10 */
static void a_stop_accounts_for_exactly_the_sessions_of_its_side(void **state)
{
	static const uint8_t *const named[] = {owamp_client_sid, other_sid};

	(void)state;
	/* The number alone: none, two, all there are, as many as fit the field. */
	for (unsigned int i = 0; i < 4; i++) {
		static const uint32_t counts[] = {0, 2, 3, UINT32_MAX};
		struct connection c;

		open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
		run_both(&c);
		give_stop(&c, 0, counts[i]);
		assert_closed(&c, FIZEAU_ERR_SESSIONS, 0);
		close_connection(&c);
	}
	/* The server's own session, and one that is nobody's. */
	for (size_t i = 0; i < 2; i++) {
		struct connection c;
		uint8_t octets[WIRE_MESSAGE_MAX];

		open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
		run_both(&c);
		give_sealed(&c, octets, owamp_plain_stop(octets, named[i], 10, 0, NULL));
		assert_closed(&c, FIZEAU_ERR_SESSIONS, 0);
		close_connection(&c);
	}
}

static void no_session_is_named_twice(void **state)
{
	struct connection c;
	uint8_t octets[96] = {3};

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	get_ow_session(&c, false, true);
	give_ow_request(&c, false, true);
	(void)server_event(c.s, FIZEAU_EVENT_OW_SESSION_WANTED);
	assert_int_equal(fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, other_sid, c.now), 0);
	read_accept(&c, 0);
	start_sessions(&c);
	put_u32(octets + 4, 2);
	memcpy(octets + 16, owamp_server_sid, FIZEAU_SID_OCTETS);
	memcpy(octets + 48, owamp_server_sid, FIZEAU_SID_OCTETS);
	give_sealed(&c, octets, sizeof(octets));
	assert_closed(&c, FIZEAU_ERR_SESSIONS, 0);
	close_connection(&c);
}

struct ranges_row {
	uint32_t next_seqno, count;
	uint32_t numbers[6];
	int error;
};

/*= rfc4656#section-3.8 OW-3.8-04 OW-3.8-10 */
static void skip_ranges_are_in_order_and_apart(void **state)
{
	static const struct ranges_row rows[] = {
		{10, 3, {0, 2, 3, 3, 5, 9}, 0},
		{10, 1, {0, 9}, 0},
		{UINT32_MAX, 1, {0, UINT32_MAX - 1}, 0},
		{10, 2, {5, 6, 0, 2}, FIZEAU_ERR_MALFORMED},
		{10, 2, {0, 3, 3, 5}, FIZEAU_ERR_MALFORMED},
		{10, 2, {0, 8, 2, 3}, FIZEAU_ERR_MALFORMED},
		{10, 1, {4, 3}, FIZEAU_ERR_MALFORMED},
		{10, 1, {9, 10}, FIZEAU_ERR_MALFORMED},
		{0, 1, {0, 0}, FIZEAU_ERR_MALFORMED},
		{10, 3, {0, 1, 3, 4, UINT32_MAX, UINT32_MAX}, FIZEAU_ERR_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection c;
		uint8_t octets[WIRE_MESSAGE_MAX];
		size_t len;

		open_owamp_connection(&c, protected_and_open[i % 2]);
		run_both(&c);
		len = owamp_plain_stop(octets, owamp_server_sid, rows[i].next_seqno, rows[i].count, rows[i].numbers);
		give_sealed(&c, octets, len);
		if (rows[i].error == 0)
			assert_int_equal(
				server_event(c.s, FIZEAU_EVENT_STOPPED).stopped.ends[0].range_count, rows[i].count);
		else
			assert_closed(&c, rows[i].error, 0);
		close_connection(&c);
	}
}

/*= rfc4656#section-3.8 OW-3.8-05 */
static void what_fills_a_record_up_is_not_looked_at(void **state)
{
	static const uint32_t numbers[] = {1, 1, 3, 4};

	(void)state;
	for (uint32_t count = 0; count <= 2; count += 2) {
		struct connection c;
		uint8_t octets[WIRE_MESSAGE_MAX];
		size_t len;

		open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
		run_both(&c);
		len = owamp_plain_stop(octets, owamp_server_sid, 10, count, numbers);
		memset(octets + len - 24, 0xFF, 8);
		give_sealed(&c, octets, len);
		assert_int_equal(server_event(c.s, FIZEAU_EVENT_STOPPED).stopped.ends[0].range_count, count);
		close_connection(&c);
	}
}

static void more_ranges_than_are_held_are_the_end(void **state)
{
	static const uint32_t counts[] = {FIZEAU_SKIP_RANGES_MAX + 1, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct connection c;
		uint8_t octets[64] = {3};

		open_owamp_connection(&c, protected_and_open[i % 2]);
		run_both(&c);
		put_u32(octets + 4, 1);
		memcpy(octets + 16, owamp_server_sid, FIZEAU_SID_OCTETS);
		put_u32(octets + 36, counts[i / 2]);
		/* Its first ranges are not waited for. */
		wire_peer_seal(&c.peer, octets, sizeof(octets));
		give(&c, octets, 48);
		assert_closed(&c, FIZEAU_ERR_LIMIT, 0);
		close_connection(&c);
	}
}

/*= rfc4656#section-3.8 OW-3.8-03 OW-3.8-05 */
static void as_many_ranges_as_are_held_come_through(void **state)
{
	uint32_t *numbers = calloc(2 * FIZEAU_SKIP_RANGES_MAX, sizeof(*numbers));
	uint8_t *octets = malloc(8 * FIZEAU_SKIP_RANGES_MAX + 256);
	struct connection c;
	struct fizeau_event event;
	size_t len;

	(void)state;
	assert_true(numbers != NULL && octets != NULL);
	for (uint32_t i = 0; i < FIZEAU_SKIP_RANGES_MAX; i++) {
		numbers[2 * i] = 3 * i;
		numbers[2 * i + 1] = 3 * i + 1;
	}
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	run_both(&c);
	len = owamp_plain_stop(octets, owamp_server_sid, UINT32_MAX, FIZEAU_SKIP_RANGES_MAX, numbers);
	give_sealed(&c, octets, len);
	event = server_event(c.s, FIZEAU_EVENT_STOPPED);
	assert_int_equal(event.stopped.ends[0].range_count, FIZEAU_SKIP_RANGES_MAX);
	assert_memory_equal(event.stopped.ends[0].ranges, numbers, 8 * FIZEAU_SKIP_RANGES_MAX);
	close_connection(&c);
	free(octets);
	free(numbers);
}

/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 */
static void the_servers_own_stop_names_what_it_sends(void **state)
{
	struct connection c;
	struct fizeau_session_end ends[2] = {owamp_end_of(owamp_client_sid), owamp_end_of(owamp_client_sid)};
	static const struct fizeau_skip_range bad = {5, 4};

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 1, c.now), FIZEAU_ERR_STATE);
	run_both(&c);
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 0, c.now), FIZEAU_ERR_SESSIONS);
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 2, c.now), FIZEAU_ERR_SESSIONS);
	ends[0] = owamp_end_of(owamp_server_sid);
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 1, c.now), FIZEAU_ERR_SESSIONS);
	ends[0] = owamp_end_of(owamp_client_sid);
	ends[0].ranges = &bad;
	ends[0].range_count = 1;
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 1, c.now), FIZEAU_ERR_MALFORMED);
	ends[0].range_count = 0;
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 1, c.now), 0);
	assert_int_equal(fizeau_server_stop(c.s, 0, ends, 1, c.now), FIZEAU_ERR_STATE);
	close_connection(&c);
	/* There is no such thing in TWAMP. */
	open_connection(&c, FIZEAU_MODE_OPEN);
	run_sessions(&c, 1);
	assert_int_equal(fizeau_server_stop(c.s, 0, NULL, 0, c.now), FIZEAU_ERR_STATE);
	close_connection(&c);
}

/* What waits has gone in part when the long message joins it. */
static void a_long_message_queues_behind_what_is_half_sent(void **state)
{
	struct fizeau_skip_range *ranges = calloc(1000, sizeof(*ranges));
	struct fizeau_session_end end = owamp_end_of(owamp_client_sid);
	size_t stop = 16 + 24 + 8 * 1000 + 8 + 16;
	uint8_t octets[START + 16 + 24 + 8 * 1000 + 8 + 16];
	const uint8_t *waiting;
	struct connection c;

	(void)state;
	assert_non_null(ranges);
	for (uint32_t i = 0; i < 1000; i++)
		ranges[i] = (struct fizeau_skip_range){2 * i, 2 * i};
	end.next_seqno = UINT32_MAX;
	end.ranges = ranges;
	end.range_count = 1000;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	get_ow_session(&c, true, false);
	give_start(&c);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_OK, c.now), 0);
	assert_int_equal(fizeau_server_output(c.s, &waiting), START);
	memcpy(octets, waiting, 5);
	fizeau_server_sent(c.s, 5);
	assert_int_equal(fizeau_server_stop(c.s, 0, &end, 1, c.now), 0);
	server_says(c.s, octets + 5, START - 5 + stop);
	wire_peer_unseal(&c.peer, octets, START);
	wire_peer_unseal(&c.peer, octets + START, stop);
	assert_int_equal(octets[0], 0);
	assert_int_equal(octets[START], 3);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(octets[START + 40 + 8 * i + 2] << 8 | octets[START + 40 + 8 * i + 3], 2 * i);
	close_connection(&c);
	free(ranges);
}

/*= rfc4656#section-3 OW-3-03 */
static void silence_is_borne_while_sessions_run_and_no_longer(void **state)
{
	struct connection c;
	struct fizeau_session_end end = owamp_end_of(owamp_client_sid);

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(fizeau_server_deadline(c.s).ns, 905 * SECOND);
	run_both(&c);
	assert_int_equal(fizeau_server_deadline(c.s).ns, INT64_MAX);
	/* The client's session still runs, until it is known to have ended. */
	assert_int_equal(fizeau_server_stop(c.s, 0, &end, 1, c.now), 0);
	assert_int_equal(fizeau_server_deadline(c.s).ns, INT64_MAX);
	fizeau_server_session_expired(c.s, connection_sid, c.now);
	assert_int_equal(fizeau_server_deadline(c.s).ns, INT64_MAX);
	fizeau_server_session_expired(c.s, connection_sid, c.now);
	assert_int_equal(fizeau_server_deadline(c.s).ns, 905 * SECOND);
	fizeau_server_expire(c.s, (struct fizeau_mono){905 * SECOND});
	assert_int_equal(server_event(c.s, FIZEAU_EVENT_CLOSED).closed.error, FIZEAU_ERR_TIMEOUT);
	close_connection(&c);
	/* Nothing runs any more once we have stopped what only we send. */
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	get_ow_session(&c, true, false);
	start_sessions(&c);
	assert_int_equal(fizeau_server_stop(c.s, 0, &end, 1, c.now), 0);
	assert_int_equal(fizeau_server_deadline(c.s).ns, 905 * SECOND);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_accounts_for_exactly_the_sessions_of_its_side),
		cmocka_unit_test(no_session_is_named_twice),
		cmocka_unit_test(skip_ranges_are_in_order_and_apart),
		cmocka_unit_test(what_fills_a_record_up_is_not_looked_at),
		cmocka_unit_test(more_ranges_than_are_held_are_the_end),
		cmocka_unit_test(as_many_ranges_as_are_held_come_through),
		cmocka_unit_test(the_servers_own_stop_names_what_it_sends),
		cmocka_unit_test(a_long_message_queues_behind_what_is_half_sent),
		cmocka_unit_test(silence_is_borne_while_sessions_run_and_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
