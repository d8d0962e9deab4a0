/* SPDX-License-Identifier: MIT */
/* What the Server with individual session control waits for and remembers, and how long. */
#include "individual.h"

static void deadline_is(struct connection *c, int64_t ns)
{
	assert_int_equal(fizeau_server_deadline(c->s).ns, ns);
}

/*= rfc5938#section-3.6 IS-3.6-01 IS-3.6-02 IS-3.6-03 */
static void servwait_runs_while_no_session_does(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_OPEN);
	get_sessions(&c, 3);
	deadline_is(&c, c.now.ns + 900 * SECOND);
	give_n(&c, START_N, sids, 2);
	deadline_is(&c, INT64_MAX);
	c.now.ns += 5000 * SECOND;
	answer(&c, FIZEAU_EVENT_START_N_WANTED, sids, 2, accepted);
	read_ack_n(&c, START_N_ACK, 0, sids, 2);
	deadline_is(&c, INT64_MAX);
	/* Nor does what else comes wake it; but what has begun has to come to its end. */
	get_session_as(&c, sids[4].octets);
	deadline_is(&c, INT64_MAX);
	(void)plain_n(octets, STOP_N, sids, 1);
	give(&c, octets, 17);
	deadline_is(&c, c.now.ns + 900 * SECOND);
	give(&c, octets + 17, 31);
	answer(&c, FIZEAU_EVENT_STOP_N_WANTED, sids, 1, accepted);
	read_ack_n(&c, STOP_N_ACK, 0, sids, 1);
	deadline_is(&c, INT64_MAX);
	c.now.ns += 5000 * SECOND;
	/* An ack that refuses stops nothing. */
	give_n(&c, STOP_N, &sids[1], 1);
	answer(&c, FIZEAU_EVENT_STOP_N_WANTED, &sids[1], 1, (const uint8_t[]){FIZEAU_ACCEPT_INTERNAL});
	read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_INTERNAL, &sids[1], 1);
	deadline_is(&c, INT64_MAX);
	stop(&c, &sids[1], 1);
	deadline_is(&c, c.now.ns + 900 * SECOND);
	/* Nor does one start anything. */
	give_n(&c, START_N, &sids[2], 1);
	answer(&c, FIZEAU_EVENT_START_N_WANTED, &sids[2], 1, (const uint8_t[]){FIZEAU_ACCEPT_TEMPORARY_LIMIT});
	read_ack_n(&c, START_N_ACK, FIZEAU_ACCEPT_TEMPORARY_LIMIT, &sids[2], 1);
	deadline_is(&c, c.now.ns + 900 * SECOND);
	start(&c, &sids[2], 1);
	deadline_is(&c, INT64_MAX);
	stop(&c, &sids[2], 1);
	fizeau_server_expire(c.s, (struct fizeau_mono){c.now.ns + 900 * SECOND});
	assert_closed(&c, FIZEAU_ERR_TIMEOUT, 0);
	close_connection(&c);
}

/*= rfc5938#section-3.6 IS-3.6-03 */
static void refwait_ends_sessions_as_a_stop_does(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_ENCRYPTED);
	get_sessions(&c, 4);
	start(&c, sids, 3);
	fizeau_server_session_expired(c.s, sids[0].octets, c.now);
	fizeau_server_session_expired(c.s, sids[0].octets, c.now);
	/* One that does not run, and one that nobody knows, do not count. */
	fizeau_server_session_expired(c.s, sids[3].octets, c.now);
	fizeau_server_session_expired(c.s, sids[5].octets, c.now);
	deadline_is(&c, INT64_MAX);
	stop(&c, &sids[1], 1);
	deadline_is(&c, INT64_MAX);
	c.now.ns += SECOND;
	fizeau_server_session_expired(c.s, sids[2].octets, c.now);
	deadline_is(&c, c.now.ns + 900 * SECOND);
	/* Who stops one of them need not know, and is not refused; it does not start again. */
	give_n(&c, START_N, sids, 1);
	read_ack_n(&c, START_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 1);
	give_n(&c, STOP_N, sids, 1);
	read_ack_n(&c, STOP_N_ACK, 0, sids, 1);
	give_n(&c, STOP_N, sids, 1);
	read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 1);
	start(&c, &sids[3], 1);
	deadline_is(&c, INT64_MAX);
	says_nothing_more(&c);
	close_connection(&c);
}

static void a_session_that_expires_while_its_end_is_decided_is_stopped(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_OPEN);
	get_sessions(&c, 2);
	start(&c, sids, 1);
	give_n(&c, STOP_N, sids, 1);
	fizeau_server_session_expired(c.s, sids[0].octets, c.now);
	deadline_is(&c, INT64_MAX);
	answer(&c, FIZEAU_EVENT_STOP_N_WANTED, sids, 1, accepted);
	read_ack_n(&c, STOP_N_ACK, 0, sids, 1);
	deadline_is(&c, c.now.ns + 900 * SECOND);
	give_n(&c, STOP_N, sids, 1);
	read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 1);
	close_connection(&c);
}

static void sessions_are_bounded_and_those_that_ended_make_room(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_OPEN);
	get_sessions(&c, 6);
	start(&c, sids, 6);
	give_request(&c);
	read_accept(&c, FIZEAU_ACCEPT_TEMPORARY_LIMIT);
	deadline_is(&c, INT64_MAX);
	stop(&c, sids, 1);
	get_session_as(&c, sids[0].octets);
	give_request(&c);
	read_accept(&c, FIZEAU_ACCEPT_TEMPORARY_LIMIT);
	/* Nobody has to stop what has expired. */
	fizeau_server_session_expired(c.s, sids[1].octets, c.now);
	fizeau_server_session_expired(c.s, sids[2].octets, c.now);
	get_session_as(&c, sids[1].octets);
	get_session_as(&c, sids[2].octets);
	give_request(&c);
	read_accept(&c, FIZEAU_ACCEPT_TEMPORARY_LIMIT);
	start(&c, sids, 3);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servwait_runs_while_no_session_does),
		cmocka_unit_test(refwait_ends_sessions_as_a_stop_does),
		cmocka_unit_test(a_session_that_expires_while_its_end_is_decided_is_stopped),
		cmocka_unit_test(sessions_are_bounded_and_those_that_ended_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
