/* SPDX-License-Identifier: MIT */
/* The end of a session at its Session-Receiver: when it comes, and what it leaves (RFC 4656 section 3.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/lib/receiver_session.h"
#include <cmocka.h>

/*= rfc4656#section-3.8 OW-3.8-16 */
static void the_end_decides_what_was_due_timeout_before(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);

	(void)state;
	assert_int_equal(arrives(&s, 2, 3 * S, 3 * S), 0);
	assert_int_equal(lost_by(&s, 5 * S + 1), 1);
	fizeau_receiver_finish(s.receiver, START + 7 * SECOND);
	assert_int_equal(lost_by(&s, 7 * S), 3);
	assert_int_equal(s.records[0].seq, 1);
	assert_int_equal(s.records[1].seq, 3);
	assert_int_equal(s.records[2].seq, 4);
	assert_int_equal(lost_by(&s, 100 * S), 0);
	assert_int_equal(due(&s), 0);
	end(&s);
}

/* A complete session stops Timeout after its last packet was due: all of them are in the result. */
static void a_complete_session_has_a_record_of_every_number(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);
	const struct fizeau_session_end whole = {.next_seqno = 10};

	(void)state;
	fizeau_receiver_finish(s.receiver, START + 12 * SECOND);
	assert_int_equal(lost_by(&s, 12 * S), 10);
	for (int i = 0; i < 10; i++)
		assert_true(fizeau_record_counts(&s.records[i], &whole, 0, START + 12 * SECOND, TIMEOUT));
	end(&s);
}

/* When the session is complete, from the Start Time; 0: not to be said yet. */
static int64_t complete(struct session *s)
{
	uint64_t ntp;

	return fizeau_receiver_complete(s->receiver, &ntp) ? (int64_t)(ntp - s->start) : 0;
}

/* Mistake: a session is over as soon as all of its packets are here, and the stop takes the last of them out. */
/*= rfc4656#section-3.8 OW-3.8-17 */
static void a_session_is_complete_timeout_after_its_last_packet(void **state)
{
	const struct fizeau_session_end whole = {.next_seqno = 10};
	struct session s = begin(FIZEAU_TEST_OPEN);
	struct fizeau_record record;

	(void)state;
	for (uint32_t seq = 0; seq < 9; seq++) {
		assert_int_equal(arrives(&s, seq, (seq + 1) * S, (seq + 1) * S), 0);
		assert_int_equal(complete(&s), 0);
	}
	assert_int_equal(arrive(&s, 9, 10 * S + 5, 10 * S + 6, &record), 0);
	assert_int_equal(due(&s), 0);
	assert_int_equal(complete(&s), 12 * S + 5);
	assert_true(fizeau_record_counts(&record, &whole, 10, START + (uint64_t)complete(&s), TIMEOUT));
	assert_false(fizeau_record_counts(&record, &whole, 10, START + (uint64_t)complete(&s) - 1, TIMEOUT));
	end(&s);
	/* If the last ones do not come, that shows later anyway. */
	s = begin(FIZEAU_TEST_OPEN);
	assert_int_equal(arrives(&s, 0, S, S), 0);
	assert_int_equal(lost_by(&s, 14 * S), 8);
	assert_int_equal(complete(&s), 0);
	assert_int_equal(lost_by(&s, 14 * S + 1), 1);
	assert_int_equal(complete(&s), 12 * S);
	end(&s);
}

/*= rfc4656#section-3.8 OW-3.8-15 */
static void an_end_below_a_received_number_cannot_be_true(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);

	(void)state;
	assert_int_equal(fizeau_receiver_check_end(s.receiver, &(struct fizeau_session_end){0}), 0);
	assert_int_equal(arrives(&s, 7, 8 * S, 8 * S), 0);
	assert_int_equal(fizeau_receiver_check_end(s.receiver, &(struct fizeau_session_end){.next_seqno = 5}),
		FIZEAU_ERR_SESSIONS);
	assert_int_equal(fizeau_receiver_check_end(s.receiver, &(struct fizeau_session_end){.next_seqno = 7}),
		FIZEAU_ERR_SESSIONS);
	assert_int_equal(fizeau_receiver_check_end(s.receiver, &(struct fizeau_session_end){.next_seqno = 8}), 0);
	end(&s);
}

static struct fizeau_record received_at(uint32_t seq, uint64_t sent)
{
	return (struct fizeau_record){.seq = seq, .send_ntp = START + sent, .receive_ntp = START + sent + 1};
}

static struct fizeau_record lost_at(uint32_t seq, uint64_t sent)
{
	return (struct fizeau_record){.seq = seq, .send_ntp = START + sent, .send_error = 1, .ttl = 255};
}

static bool counts(struct fizeau_record record, const struct fizeau_session_end *end_)
{
	return fizeau_record_counts(&record, end_, 6, START + 100 * SECOND, TIMEOUT);
}

/*= rfc4656#section-3.8 OW-3.8-12 OW-3.8-16 */
static void skipped_and_young_records_go(void **state)
{
	const struct fizeau_skip_range ranges[] = {{0, 2}, {5, 5}};
	const struct fizeau_session_end stop = {.next_seqno = 8, .ranges = ranges, .range_count = 2};

	(void)state;
	assert_false(counts(lost_at(0, SECOND), &stop));
	assert_false(counts(lost_at(2, SECOND), &stop));
	assert_true(counts(lost_at(3, SECOND), &stop));
	assert_false(counts(lost_at(5, SECOND), &stop));
	assert_true(counts(lost_at(7, SECOND), &stop));
	assert_false(counts(lost_at(8, SECOND), &stop));
	/* What came was sent. */
	assert_true(counts(received_at(2, SECOND), &stop));
	/* The last Timeout before the end, lost or not. */
	assert_true(counts(lost_at(6, 98 * SECOND), &stop));
	assert_false(counts(lost_at(6, 98 * SECOND + 1), &stop));
	assert_true(counts(received_at(6, 98 * SECOND), &stop));
	assert_false(counts(received_at(6, 98 * SECOND + 1), &stop));
	assert_false(counts(received_at(6, 100 * SECOND), &stop));
	/* A sender whose clock is ahead: of its lost packets nothing is known yet, either. */
	assert_false(counts(received_at(6, 100 * SECOND + 1), &stop));
	assert_false(counts(lost_at(6, 101 * SECOND), &stop));
}

/*= rfc4656#section-3.8 OW-3.8-13 OW-3.8-14 */
static void a_broken_connection_leaves_no_loss_behind_the_last_arrival(void **state)
{
	(void)state;
	assert_true(counts(lost_at(0, SECOND), NULL));
	assert_true(counts(lost_at(5, SECOND), NULL));
	assert_false(counts(lost_at(6, SECOND), NULL));
	assert_false(counts(lost_at(7, SECOND), NULL));
	assert_true(counts(received_at(5, SECOND), NULL));
	assert_false(counts(received_at(5, 99 * SECOND), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_decides_what_was_due_timeout_before),
		cmocka_unit_test(a_complete_session_has_a_record_of_every_number),
		cmocka_unit_test(a_session_is_complete_timeout_after_its_last_packet),
		cmocka_unit_test(an_end_below_a_received_number_cannot_be_true),
		cmocka_unit_test(skipped_and_young_records_go),
		cmocka_unit_test(a_broken_connection_leaves_no_loss_behind_the_last_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
