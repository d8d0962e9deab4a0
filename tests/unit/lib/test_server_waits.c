/* SPDX-License-Identifier: MIT */
/* What the Server waits for, and how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "tests/testlib/server_connection.h"
#include <cmocka.h>

static void while_an_answer_is_owed_nothing_is_taken(void **state)
{
	uint8_t octets[2 * WIRE_MESSAGE_MAX], ack[START];
	struct fizeau_event event;
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	assert_int_equal(fizeau_server_answer_session(c.s, 0, 1, connection_sid, c.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_start(c.s, 0, c.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_key(c.s, 0, NULL, c.now), FIZEAU_ERR_STATE);
	/* A request and a start in one piece: the start stays with the caller. */
	memset(octets, 0, sizeof(octets));
	plain_request(octets);
	octets[REQUEST] = 2;
	assert_int_equal(fizeau_server_recv(c.s, octets, REQUEST + START, c.now), REQUEST);
	assert_int_equal(fizeau_server_recv(c.s, octets + REQUEST, START, c.now), 0);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	assert_int_equal(fizeau_server_recv(c.s, octets + REQUEST, START, c.now), 0);
	assert_int_equal(fizeau_server_answer_start(c.s, 0, c.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, connection_sid, c.now), 0);
	read_accept(&c, 0);
	assert_int_equal(fizeau_server_recv(c.s, octets + REQUEST, START, c.now), START);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, 0, c.now), 0);
	server_says(c.s, ack, sizeof(ack));
	/* A stop owes nothing: what follows it is taken at once. */
	memset(octets, 0, sizeof(octets));
	octets[0] = 3;
	octets[7] = 1;
	plain_request(octets + STOP);
	assert_int_equal(fizeau_server_recv(c.s, octets, STOP + REQUEST, c.now), STOP + REQUEST);
	assert_true(fizeau_server_event(c.s, &event));
	assert_int_equal(event.type, FIZEAU_EVENT_STOPPED);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	close_connection(&c);
}

/*= rfc4656#section-3 OW-3-02 */
static void a_peer_that_does_not_read_is_not_read_either(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	const uint8_t *output;
	struct connection c;
	size_t taken = 0, len;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	plain_request(octets);
	octets[2] = 1;
	for (unsigned int i = 0; i < 1000; i++)
		taken += fizeau_server_recv(c.s, octets, REQUEST, c.now);
	assert_true(taken < 100 * REQUEST);
	assert_int_equal(taken % REQUEST, 0);
	len = fizeau_server_output(c.s, &output);
	assert_int_equal(len, taken / REQUEST * ACCEPT);
	/* Room for one answer is room for one request. */
	fizeau_server_sent(c.s, ACCEPT);
	assert_int_equal(fizeau_server_recv(c.s, octets, REQUEST, c.now), REQUEST);
	assert_int_equal(fizeau_server_recv(c.s, octets, REQUEST, c.now), 0);
	assert_int_equal(fizeau_server_output(c.s, &output), len);
	close_connection(&c);
}

static void octets_that_wait_keep_their_order(void **state)
{
	enum { ANSWERS = 40, PIECE = 29 };
	uint8_t got[ANSWERS * ACCEPT], want[ACCEPT] = {0};
	struct connection c;
	const uint8_t *output;
	size_t len, at = 0;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	for (uint16_t i = 0; i < ANSWERS; i++) {
		give_request(&c);
		(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
		assert_int_equal(
			fizeau_server_answer_session(c.s, (uint8_t)(1 + i), 862, connection_sid, c.now), 0);
		len = fizeau_server_output(c.s, &output);
		len = len < PIECE ? len : PIECE;
		memcpy(got + at, output, len);
		fizeau_server_sent(c.s, len);
		at += len;
	}
	len = fizeau_server_output(c.s, &output);
	assert_int_equal(at + len, sizeof(got));
	memcpy(got + at, output, len);
	for (uint8_t i = 0; i < ANSWERS; i++) {
		want[0] = (uint8_t)(1 + i);
		assert_memory_equal(got + i * ACCEPT, want, ACCEPT);
	}
	close_connection(&c);
}

static void assert_deadline(struct connection *c, int64_t ns)
{
	assert_int_equal(fizeau_server_deadline(c->s).ns, ns);
	if (ns == INT64_MAX)
		return;
	fizeau_server_expire(c->s, (struct fizeau_mono){ns - 1});
	assert_int_equal(fizeau_server_deadline(c->s).ns, ns);
}

/*= rfc4656#section-3 OW-3-02 OW-3-03 */
static void a_set_up_that_dribbles_is_cut_off_in_time(void **state)
{
	uint8_t octets[SETUP] = {0}, greeting[64];
	struct connection c = {.now = {7 * SECOND}};

	(void)state;
	c.s = server_with(15, c.now);
	server_says(c.s, greeting, sizeof(greeting));
	for (size_t at = 0; at < SETUP - 1; at++) {
		c.now.ns += SECOND / 20;
		give(&c, octets + at, 1);
		assert_deadline(&c, 17 * SECOND);
	}
	fizeau_server_expire(c.s, (struct fizeau_mono){17 * SECOND});
	assert_closed(&c, FIZEAU_ERR_TIMEOUT, 0);
	fizeau_server_free(c.s);
}

/*= rfc5357#section-3.1 TW-3.1-05 TW-3.1-06 TW-3.1-07 TW-3.1-11 */
static void servwait_runs_outside_of_tests(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX], ack[START];
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	/* Part of a command is no sign of life; a whole one is. */
	plain_request(octets);
	c.now.ns += 100 * SECOND;
	give(&c, octets, REQUEST - 1);
	assert_deadline(&c, c.now.ns + 800 * SECOND);
	give(&c, octets + REQUEST - 1, 1);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	/* Our own thinking is not the peer's silence. */
	assert_deadline(&c, INT64_MAX);
	c.now.ns += 2000 * SECOND;
	assert_int_equal(fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, connection_sid, c.now), 0);
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	read_accept(&c, 0);
	/* So is a command that is refused out of hand. */
	c.now.ns += 100 * SECOND;
	octets[2] = 1;
	give(&c, octets, REQUEST);
	read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	give_start(&c);
	assert_deadline(&c, INT64_MAX);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_OK, c.now), 0);
	server_says(c.s, ack, sizeof(ack));
	assert_deadline(&c, INT64_MAX);
	c.now.ns += 100000 * SECOND;
	fizeau_server_expire(c.s, c.now);
	give_stop(&c, 0, 1);
	(void)server_event(c.s, FIZEAU_EVENT_STOPPED);
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	fizeau_server_expire(c.s, (struct fizeau_mono){c.now.ns + 900 * SECOND});
	assert_closed(&c, FIZEAU_ERR_TIMEOUT, 0);
	close_connection(&c);
}

/*= rfc4656#section-3 OW-3-03 */
static void a_command_begun_during_a_test_has_to_end(void **state)
{
	uint8_t octets[STOP] = {3};
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	run_sessions(&c, 1);
	assert_deadline(&c, INT64_MAX);
	c.now.ns += 50 * SECOND;
	give(&c, octets, 1);
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	give(&c, octets, 0);
	c.now.ns += 60 * SECOND;
	give(&c, octets + 1, 20);
	assert_deadline(&c, c.now.ns + 840 * SECOND);
	fizeau_server_expire(c.s, (struct fizeau_mono){c.now.ns + 840 * SECOND});
	assert_closed(&c, FIZEAU_ERR_TIMEOUT, 0);
	close_connection(&c);
}

/*= rfc5357#section-3.1 TW-3.1-08 TW-3.1-09 */
static void servwait_runs_again_when_all_sessions_have_expired(void **state)
{
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN);
	run_sessions(&c, 2);
	c.now.ns += 10 * SECOND;
	fizeau_server_session_expired(c.s, connection_sid, c.now);
	assert_deadline(&c, INT64_MAX);
	c.now.ns += 10 * SECOND;
	fizeau_server_session_expired(c.s, connection_sid, c.now);
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	/* Nothing moves it but a command. */
	fizeau_server_session_expired(c.s, connection_sid, (struct fizeau_mono){c.now.ns + SECOND});
	assert_deadline(&c, c.now.ns + 900 * SECOND);
	fizeau_server_expire(c.s, (struct fizeau_mono){c.now.ns + 900 * SECOND});
	assert_closed(&c, FIZEAU_ERR_TIMEOUT, 0);
	close_connection(&c);
}

static void the_end_of_the_peer_is_in_order_only_between_commands(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	struct connection c;

	(void)state;
	plain_request(octets);
	c = (struct connection){.now = {0}};
	c.s = server_with(15, c.now);
	server_says(c.s, octets, 64);
	fizeau_server_eof(c.s);
	assert_closed(&c, 0, 0);
	fizeau_server_free(c.s);

	open_connection(&c, FIZEAU_MODE_OPEN);
	fizeau_server_eof(c.s);
	assert_closed(&c, 0, 0);
	close_connection(&c);

	open_connection(&c, FIZEAU_MODE_OPEN);
	plain_request(octets);
	give(&c, octets, 3);
	fizeau_server_eof(c.s);
	assert_closed(&c, FIZEAU_ERR_LENGTH, 0);
	close_connection(&c);

	open_connection(&c, FIZEAU_MODE_OPEN);
	run_sessions(&c, 1);
	fizeau_server_eof(c.s);
	assert_closed(&c, FIZEAU_ERR_CLOSED, 0);
	close_connection(&c);

	open_connection(&c, FIZEAU_MODE_OPEN);
	give_request(&c);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	fizeau_server_eof(c.s);
	assert_closed(&c, FIZEAU_ERR_CLOSED, 0);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_an_answer_is_owed_nothing_is_taken),
		cmocka_unit_test(a_peer_that_does_not_read_is_not_read_either),
		cmocka_unit_test(octets_that_wait_keep_their_order),
		cmocka_unit_test(a_set_up_that_dribbles_is_cut_off_in_time),
		cmocka_unit_test(servwait_runs_outside_of_tests),
		cmocka_unit_test(a_command_begun_during_a_test_has_to_end),
		cmocka_unit_test(servwait_runs_again_when_all_sessions_have_expired),
		cmocka_unit_test(the_end_of_the_peer_is_in_order_only_between_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
