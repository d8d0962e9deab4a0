/* SPDX-License-Identifier: MIT */
/* The Server with individual session control: what starts, what stops, what is acknowledged with which Accept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "individual.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fizeau_sid));
}

/* As read_ack_n, but the order of the SIDs is the server's. */
static void acks_in_any_order(
	struct connection *c, uint8_t ack, uint8_t accept, const struct fizeau_sid *named, uint32_t count)
{
	uint8_t got[WIRE_MESSAGE_MAX];
	size_t len = WITH_SIDS(count);
	const uint8_t *waiting;

	assert_true(fizeau_server_output(c->s, &waiting) >= len);
	memcpy(got, waiting, len);
	fizeau_server_sent(c->s, len);
	wire_peer_unseal(&c->peer, got, len);
	assert_int_equal(got[0], ack);
	assert_int_equal(got[1], accept);
	assert_int_equal(got[15], count);
	qsort(got + 16, count, FIZEAU_SID_OCTETS, compare);
	assert_memory_equal(got + 16, named, FIZEAU_SID_OCTETS * count);
}

static void transcript_message(struct connection *c, const json_t *t, const char *name, const char *form, bool given)
{
	uint8_t want[WIRE_MESSAGE_MAX], got[WIRE_MESSAGE_MAX];
	size_t len = member_hex_upto(element_with(t, "message", name), form, want, sizeof(want));
	const uint8_t *waiting;

	if (given) {
		give(c, want, len);
		return;
	}
	assert_true(fizeau_server_output(c->s, &waiting) >= len);
	memcpy(got, waiting, len);
	fizeau_server_sent(c->s, len);
	assert_memory_equal(got, want, len);
}

static void transcript_session(
	struct connection *c, const json_t *t, const char *request, const char *accept, const char *form, const char *sid)
{
	uint8_t octets[FIZEAU_SID_OCTETS];

	assert_int_equal(hex_octets(sid, octets, sizeof(octets)), sizeof(octets));
	transcript_message(c, t, request, form, true);
	(void)server_event(c->s, FIZEAU_EVENT_SESSION_WANTED);
	assert_int_equal(fizeau_server_answer_session(c->s, FIZEAU_ACCEPT_OK, 862, octets, c->now), 0);
	transcript_message(c, t, accept, form, false);
}

/*= rfc5938#section-1 IS-1-04 */
/*= rfc5938#section-3.2 IS-3.2-02 IS-3.2-03 IS-3.2-08 IS-3.2-10 */
/*= rfc5938#section-3.3 IS-3.3-01 IS-3.3-02 IS-3.3-06 */
/*= rfc5938#section-3.4 IS-3.4-03 IS-3.4-04 IS-3.4-07 IS-3.4-09 */
/*= rfc5938#section-3.5 IS-3.5-01 IS-3.5-02 */
static void the_transcript_octet_for_octet(void **state)
{
	static const char *const forms[] = {"ciphertext", "unauthenticated_form"};
	/* deadbeef is 0, cafef00d 5; cafef00d comes first in order. */
	static const uint8_t accepts[] = {FIZEAU_ACCEPT_TEMPORARY_LIMIT, FIZEAU_ACCEPT_OK};
	json_t *t = vectors_group("twamp_control.json", "twamp_individual_session_control");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct connection c;

		open_individual_connection(&c, i == 0 ? FIZEAU_MODE_ENCRYPTED : FIZEAU_MODE_OPEN);
		transcript_session(&c, t, "Request-TW-Session (first)", "Accept-Session (first)", forms[i],
			"0a000002e800000140000000deadbeef");
		transcript_session(&c, t, "Request-TW-Session (second)", "Accept-Session (second)", forms[i],
			"0a000002e800000140000000cafef00d");
		transcript_message(&c, t, "Start-N-Sessions", forms[i], true);
		assert_int_equal(server_event(c.s, FIZEAU_EVENT_START_N_WANTED).n_wanted.count, 2);
		assert_int_equal(fizeau_server_answer_n(c.s, accepts, 2, c.now), 0);
		transcript_message(&c, t, "Start-N-Ack accept 0", forms[i], false);
		transcript_message(&c, t, "Start-N-Ack accept 5", forms[i], false);
		transcript_message(&c, t, "Stop-N-Sessions", forms[i], true);
		assert_int_equal(server_event(c.s, FIZEAU_EVENT_STOP_N_WANTED).n_wanted.count, 1);
		assert_int_equal(fizeau_server_answer_n(c.s, accepts + 1, 1, c.now), 0);
		transcript_message(&c, t, "Stop-N-Ack accept 0", forms[i], false);
		says_nothing_more(&c);
		close_connection(&c);
	}
	json_decref(t);
}

/*= rfc5938#section-3.2 IS-3.2-01 IS-3.2-12 */
/*= rfc5938#section-3.1 IS-3.1-02 IS-3.1-04 IS-3.1-07 */
static void each_session_is_started_and_stopped_by_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES; i++) {
		const struct fizeau_sid both[] = {sids[0], sids[2]}, turned[] = {sids[2], sids[0]};
		struct connection c;

		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 3);
		/* In whatever order they are named. */
		give_n(&c, START_N, turned, 2);
		answer(&c, FIZEAU_EVENT_START_N_WANTED, both, 2, accepted);
		read_ack_n(&c, START_N_ACK, 0, both, 2);
		stop(&c, &sids[0], 1);
		start(&c, &sids[1], 1);
		/* While others run there may be more. */
		get_session_as(&c, sids[3].octets);
		start(&c, &sids[3], 1);
		stop(&c, &sids[1], 3);
		/* When none runs it goes on. */
		get_session_as(&c, sids[4].octets);
		start(&c, &sids[4], 1);
		says_nothing_more(&c);
		close_connection(&c);
	}
}

/*= rfc5938#section-3.2 IS-3.2-07 IS-3.2-08 */
/*= rfc5938#section-3.3 IS-3.3-03 IS-3.3-05 IS-3.3-06 */
static void each_sid_of_a_start_is_acknowledged_once_with_its_accept(void **state)
{
	/* One runs, one is nobody's, one is named twice. */
	const struct fizeau_sid named[] = {sids[0], sids[3], sids[1], sids[5], sids[2], sids[3]};
	const struct fizeau_sid fine[] = {sids[1], sids[3]}, failed[] = {sids[0], sids[3], sids[5]};
	static const uint8_t accepts[] = {0, FIZEAU_ACCEPT_TEMPORARY_LIMIT, 0};

	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES; i++) {
		struct connection c;

		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 4);
		start(&c, &sids[0], 1);
		give_n(&c, START_N, named, 6);
		answer(&c, FIZEAU_EVENT_START_N_WANTED, &sids[1], 3, accepts);
		read_ack_n(&c, START_N_ACK, 0, fine, 2);
		acks_in_any_order(&c, START_N_ACK, FIZEAU_ACCEPT_FAILURE, failed, 3);
		read_ack_n(&c, START_N_ACK, FIZEAU_ACCEPT_TEMPORARY_LIMIT, &sids[2], 1);
		/* What lacked resources may be asked for again. */
		start(&c, &sids[2], 1);
		says_nothing_more(&c);
		close_connection(&c);
	}
}

/*= rfc5938#section-3.4 IS-3.4-07 */
/*= rfc5938#section-3.5 IS-3.5-02 IS-3.5-04 */
static void each_sid_of_a_stop_is_acknowledged_once_with_its_accept(void **state)
{
	/* One was not started, one is nobody's, one is named twice. */
	const struct fizeau_sid named[] = {sids[3], sids[0], sids[1], sids[5], sids[1]};
	const struct fizeau_sid failed[] = {sids[1], sids[3], sids[5]};
	static const uint8_t accepts[] = {FIZEAU_ACCEPT_INTERNAL, 0};

	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES; i++) {
		struct connection c;

		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 4);
		start(&c, sids, 3);
		give_n(&c, STOP_N, named, 5);
		answer(&c, FIZEAU_EVENT_STOP_N_WANTED, sids, 2, accepts);
		read_ack_n(&c, STOP_N_ACK, 0, &sids[1], 1);
		acks_in_any_order(&c, STOP_N_ACK, FIZEAU_ACCEPT_FAILURE, failed, 3);
		read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_INTERNAL, &sids[0], 1);
		/* What could not be stopped still runs; what was is gone. */
		give_n(&c, STOP_N, sids, 2);
		answer(&c, FIZEAU_EVENT_STOP_N_WANTED, sids, 1, accepted);
		read_ack_n(&c, STOP_N_ACK, 0, sids, 1);
		read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_FAILURE, &sids[1], 1);
		says_nothing_more(&c);
		close_connection(&c);
	}
}

/*= rfc5938#section-3.2 IS-3.2-07 */
static void what_nobody_knows_is_refused_without_asking(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_ENCRYPTED);
	give_n(&c, START_N, sids, 2);
	read_ack_n(&c, START_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 2);
	give_n(&c, STOP_N, sids, 1);
	read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 1);
	get_sessions(&c, 1);
	give_n(&c, STOP_N, sids, 1);
	read_ack_n(&c, STOP_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 1);
	start(&c, sids, 1);
	give_n(&c, START_N, sids, 1);
	read_ack_n(&c, START_N_ACK, FIZEAU_ACCEPT_FAILURE, sids, 1);
	says_nothing_more(&c);
	close_connection(&c);
}

/*= rfc5938#section-3.2 IS-3.2-04 IS-3.2-06 */
/*= rfc5938#section-3.4 IS-3.4-02 IS-3.4-05 */
static void no_session_and_more_than_there_can_be_are_the_end(void **state)
{
	static const uint32_t counts[] = {0, 7, 0x10000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < 4 * CONTROL_PAIR_MODES; i++) {
		struct connection c;
		uint8_t octets[WIRE_MESSAGE_MAX];

		open_individual_connection(&c, control_pair_modes[i / 4]);
		get_sessions(&c, 1);
		(void)plain_n(octets, i % 2 == 0 ? START_N : STOP_N, sids, 6);
		put_u32(octets + 12, counts[i % 4]);
		/* What it announces is not waited for. */
		wire_peer_seal(&c.peer, octets, 32);
		give(&c, octets, 17);
		assert_closed(&c, counts[i % 4] == 0 ? FIZEAU_ERR_MALFORMED : FIZEAU_ERR_LIMIT, 0);
		close_connection(&c);
	}
}

/* N and the real length: nobody can tell them apart but by the HMAC or by silence. */
/*= rfc5938#section-3.2 IS-3.2-05 IS-3.2-06 */
/*= rfc5938#section-3.4 IS-3.4-06 */
static void a_number_that_is_not_that_of_the_sids_starts_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES; i++) {
		uint8_t octets[WIRE_MESSAGE_MAX];
		struct fizeau_event event;
		struct connection c;
		size_t len;

		/* More SIDs than come: it stalls. */
		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 3);
		len = plain_n(octets, START_N, sids, 2);
		put_u32(octets + 12, 3);
		give_sealed(&c, octets, len);
		says_nothing_more(&c);
		assert_int_equal(fizeau_server_deadline(c.s).ns, c.now.ns + 900 * SECOND);
		fizeau_server_expire(c.s, (struct fizeau_mono){c.now.ns + 900 * SECOND});
		assert_closed(&c, FIZEAU_ERR_TIMEOUT, 0);
		close_connection(&c);
		/* Or the peer goes. */
		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 3);
		len = plain_n(octets, STOP_N, sids, 2);
		put_u32(octets + 12, 3);
		give_sealed(&c, octets, len);
		fizeau_server_eof(c.s);
		assert_closed(&c, FIZEAU_ERR_LENGTH, 0);
		close_connection(&c);
		/* Fewer: the last SID is no HMAC. In open mode there is none, and the rest is no command. */
		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 3);
		len = plain_n(octets, START_N, sids, 3);
		put_u32(octets + 12, 2);
		wire_peer_seal(&c.peer, octets, len);
		(void)fizeau_server_recv(c.s, octets, len, c.now);
		if ((control_pair_modes[i] & FIZEAU_MODE_OPEN) != 0)
			assert_int_equal(server_event(c.s, FIZEAU_EVENT_START_N_WANTED).n_wanted.count, 2);
		else {
			assert_true(fizeau_server_event(c.s, &event));
			assert_int_equal(event.type, FIZEAU_EVENT_CLOSED);
			assert_int_equal(event.closed.error, FIZEAU_ERR_HMAC);
		}
		close_connection(&c);
	}
}

/*= rfc5938#section-1 IS-1-04 */
static void each_flipped_bit_is_the_end_and_nothing_starts(void **state)
{
	static const uint32_t sealed[] = {FIZEAU_MODE_AUTHENTICATED, FIZEAU_MODE_ENCRYPTED, FIZEAU_MODE_MIXED};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t bit = 0; bit < 8 * WITH_SIDS(2); bit++) {
			uint8_t octets[WIRE_MESSAGE_MAX];
			struct fizeau_event event;
			struct connection c;
			size_t len;

			open_individual_connection(&c, sealed[i]);
			get_sessions(&c, 2);
			len = plain_n(octets, START_N, sids, 2);
			wire_peer_seal(&c.peer, octets, len);
			octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			(void)fizeau_server_recv(c.s, octets, len, c.now);
			/* A flipped length may make it wait for more; it does not start anything then. */
			if (fizeau_server_event(c.s, &event))
				assert_int_equal(event.type, FIZEAU_EVENT_CLOSED);
			else
				assert_true(bit < 128);
			close_connection(&c);
		}
	}
}

/*= rfc5938#section-1 IS-1-03 */
static void mbz_is_not_looked_at(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	struct connection c;
	size_t len;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_ENCRYPTED);
	get_sessions(&c, 1);
	len = plain_n(octets, START_N, sids, 1);
	memset(octets + 1, 0xFF, 11);
	give_sealed(&c, octets, len);
	answer(&c, FIZEAU_EVENT_START_N_WANTED, sids, 1, accepted);
	read_ack_n(&c, START_N_ACK, 0, sids, 1);
	close_connection(&c);
}

/* Accept-Session with 3, and then it is over (wire.md T-15): what the commands of the other kind are, and those that
   only a server has. */
/*= rfc5938#section-2 IS-2-02 */
/*= rfc5938#section-3.1 IS-3.1-04 IS-3.1-05 */
/*= rfc5938#section-3.4 IS-3.4-01 */
/*= rfc5938#section-6.4 IS-6.4-01 */
static void commands_of_the_other_kind_are_unexpected(void **state)
{
	static const uint8_t with[] = {0, 1, 2, 3, 4, 6, 8, 10, 11}, without[] = {7, 8, 9, 10};

	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES * (sizeof(with) + sizeof(without)); i++) {
		size_t at = i / CONTROL_PAIR_MODES;
		bool individual = at < sizeof(with);
		uint8_t octets[WIRE_MESSAGE_MAX];
		struct connection c;

		if (individual)
			open_individual_connection(&c, control_pair_modes[i % CONTROL_PAIR_MODES]);
		else
			open_connection(&c, control_pair_modes[i % CONTROL_PAIR_MODES]);
		get_session(&c);
		(void)plain_n(octets, individual ? with[at] : without[at - sizeof(with)], sids, 1);
		wire_peer_seal(&c.peer, octets, 32);
		give(&c, octets, 16);
		read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
		assert_closed(&c, FIZEAU_ERR_UNEXPECTED, FIZEAU_ACCEPT_UNSUPPORTED);
		close_connection(&c);
	}
}

static void two_sessions_do_not_share_a_sid(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_ENCRYPTED);
	get_sessions(&c, 1);
	give_request(&c);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	assert_int_equal(
		fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, sids[0].octets, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, sids[1].octets, c.now), 0);
	read_accept(&c, 0);
	start(&c, sids, 2);
	close_connection(&c);
}

/*= rfc5938#section-3.2 IS-3.2-11 */
static void commands_that_come_in_one_piece_are_all_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES; i++) {
		uint8_t octets[3 * WIRE_MESSAGE_MAX];
		struct connection c;
		size_t at = 0, len = 0;

		open_individual_connection(&c, control_pair_modes[i]);
		get_sessions(&c, 2);
		for (unsigned int n = 0; n < 3; n++) {
			/* Both start, and one stops. */
			size_t more = plain_n(octets + len, n < 2 ? START_N : STOP_N, &sids[n % 2], 1);

			wire_peer_seal(&c.peer, octets + len, more);
			len += more;
		}
		for (unsigned int n = 0; n < 3; n++) {
			at += fizeau_server_recv(c.s, octets + at, len - at, c.now);
			/* What is still to be answered is not overtaken. */
			assert_int_equal(at, (n + 1) * WITH_SIDS(1));
			assert_int_equal(fizeau_server_recv(c.s, octets + at, len - at, c.now), 0);
			answer(&c, n < 2 ? FIZEAU_EVENT_START_N_WANTED : FIZEAU_EVENT_STOP_N_WANTED, &sids[n % 2], 1,
				accepted);
		}
		read_ack_n(&c, START_N_ACK, 0, &sids[0], 1);
		read_ack_n(&c, START_N_ACK, 0, &sids[1], 1);
		read_ack_n(&c, STOP_N_ACK, 0, &sids[0], 1);
		says_nothing_more(&c);
		close_connection(&c);
	}
}

static void an_answer_fits_its_question(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(fizeau_server_answer_n(c.s, accepted, 1, c.now), FIZEAU_ERR_STATE);
	get_sessions(&c, 2);
	give_n(&c, START_N, sids, 2);
	(void)server_event(c.s, FIZEAU_EVENT_START_N_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, 0, c.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_n(c.s, accepted, 1, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_n(c.s, accepted, 3, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_n(c.s, accepted, 2, c.now), 0);
	assert_int_equal(fizeau_server_answer_n(c.s, accepted, 2, c.now), FIZEAU_ERR_STATE);
	read_ack_n(&c, START_N_ACK, 0, sids, 2);
	close_connection(&c);
}

static void an_end_while_sessions_run_is_not_in_order(void **state)
{
	struct connection c;

	(void)state;
	open_individual_connection(&c, FIZEAU_MODE_OPEN);
	get_sessions(&c, 2);
	start(&c, sids, 2);
	fizeau_server_eof(c.s);
	assert_closed(&c, FIZEAU_ERR_CLOSED, 0);
	close_connection(&c);

	open_individual_connection(&c, FIZEAU_MODE_OPEN);
	get_sessions(&c, 2);
	start(&c, sids, 2);
	stop(&c, sids, 2);
	fizeau_server_eof(c.s);
	assert_closed(&c, 0, 0);
	close_connection(&c);
}

/* As many as a server can have, in one command; its ack is longer than what usually waits. */
static void a_long_command_and_its_long_ack_come_through(void **state)
{
	enum { COUNT = 1000 };
	static uint8_t octets[WITH_SIDS(COUNT)], accepts[COUNT];
	struct fizeau_server_config config = config_of(ALL_MODES);
	struct connection c = {.now = {5 * SECOND}};
	uint8_t head[16] = {START_N_ACK};
	const uint8_t *waiting;

	(void)state;
	config.max_sessions = COUNT;
	open_configured_connection(&c, &config, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_INDIVIDUAL);
	memset(octets, 0, sizeof(octets));
	octets[0] = START_N;
	put_u32(octets + 12, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		/* In an order that is none. */
		uint32_t name = i * 7 % COUNT;
		uint8_t *sid = octets + 16 + 16 * name;

		put_u32(sid, i);
		get_session_as(&c, sid);
	}
	give_sealed(&c, octets, sizeof(octets));
	assert_int_equal(server_event(c.s, FIZEAU_EVENT_START_N_WANTED).n_wanted.count, COUNT);
	assert_int_equal(fizeau_server_answer_n(c.s, accepts, COUNT, c.now), 0);
	assert_int_equal(fizeau_server_output(c.s, &waiting), sizeof(octets));
	read_sealed(&c, octets, sizeof(octets));
	put_u32(head + 12, COUNT);
	assert_memory_equal(octets, head, sizeof(head));
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(octets[16 + 16 * i + 2] << 8 | octets[16 + 16 * i + 3], i);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_transcript_octet_for_octet),
		cmocka_unit_test(each_session_is_started_and_stopped_by_itself),
		cmocka_unit_test(each_sid_of_a_start_is_acknowledged_once_with_its_accept),
		cmocka_unit_test(each_sid_of_a_stop_is_acknowledged_once_with_its_accept),
		cmocka_unit_test(what_nobody_knows_is_refused_without_asking),
		cmocka_unit_test(no_session_and_more_than_there_can_be_are_the_end),
		cmocka_unit_test(a_number_that_is_not_that_of_the_sids_starts_nothing),
		cmocka_unit_test(each_flipped_bit_is_the_end_and_nothing_starts),
		cmocka_unit_test(mbz_is_not_looked_at),
		cmocka_unit_test(commands_of_the_other_kind_are_unexpected),
		cmocka_unit_test(two_sessions_do_not_share_a_sid),
		cmocka_unit_test(commands_that_come_in_one_piece_are_all_answered),
		cmocka_unit_test(an_answer_fits_its_question),
		cmocka_unit_test(an_end_while_sessions_run_is_not_in_order),
		cmocka_unit_test(a_long_command_and_its_long_ack_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
