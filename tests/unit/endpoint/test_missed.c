/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "endpoint/missed.h"

static void expect(const struct fz_missed *missed, uint64_t count, const struct fz_missed_range *ranges, uint32_t n)
{
	assert_int_equal(missed->count, count);
	assert_int_equal(missed->range_count, n);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(missed->ranges[i].first, ranges[i].first);
		assert_int_equal(missed->ranges[i].last, ranges[i].last);
	}
}

static void late_is_not_missed(void **state)
{
	struct fz_missed missed = {0};

	(void)state;
	for (uint32_t seq = 0; seq < 100; seq++)
		fz_missed_sent(&missed, seq, seq * 1000, seq * 1000 + 999);
	expect(&missed, 0, NULL, 0);
	fz_missed_free(&missed);
}

/* A stall: the packets that wait leave at once, the last of them before its next slot. */
static void a_stall(void **state)
{
	static const struct fz_missed_range expected[] = {{10, 16}, {30, 30}};
	struct fz_missed missed = {0};

	(void)state;
	for (uint32_t seq = 0; seq < 100; seq++) {
		int64_t due_ns = seq * 1000, left_ns = due_ns + 10;

		if (seq >= 10 && due_ns < 17500)
			left_ns = 17500 + seq;
		if (seq == 30)
			left_ns = due_ns + 1000;
		fz_missed_sent(&missed, seq, due_ns, left_ns);
	}
	expect(&missed, 8, expected, 2);
	fz_missed_free(&missed);
}

static void pairs_are_judged_by_the_next_pair(void **state)
{
	static const struct fz_missed_range expected[] = {{4, 5}, {9, 9}};
	struct fz_missed missed = {0};

	(void)state;
	for (uint32_t seq = 0; seq < 20; seq++) {
		int64_t due_ns = seq / 2 * 1000, left_ns = due_ns + 5 + seq % 2 * 5;

		if (seq == 4 || seq == 5 || seq == 9)
			left_ns += 1000;
		fz_missed_sent(&missed, seq, due_ns, left_ns);
	}
	expect(&missed, 3, expected, 2);
	fz_missed_free(&missed);
}

static void more_at_once_than_are_judged(void **state)
{
	static const struct fz_missed_range expected[] = {{100 - FZ_MISSED_WAITING, 99}};
	struct fz_missed missed = {0};

	(void)state;
	for (uint32_t seq = 0; seq < 100; seq++)
		fz_missed_sent(&missed, seq, 5, 2000);
	fz_missed_sent(&missed, 100, 1000, 2000);
	expect(&missed, FZ_MISSED_WAITING, expected, 1);
	fz_missed_free(&missed);
}

static void skipped_ones(void **state)
{
	static const struct fz_missed_range expected[] = {{0, 4}, {6, 6}};
	struct fz_missed missed = {0};

	(void)state;
	for (uint32_t seq = 0; seq < 5; seq++)
		fz_missed_slot(&missed, seq, seq * 10);
	fz_missed_sent(&missed, 5, 50, 51);
	fz_missed_slot(&missed, 6, 60);
	fz_missed_sent(&missed, 7, 70, 71);
	fz_missed_sent(&missed, 8, 80, 81);
	expect(&missed, 6, expected, 2);
	fz_missed_free(&missed);
}

static void bounded(void **state)
{
	struct fz_missed missed = {0};

	(void)state;
	for (uint32_t seq = 0; seq < 10 * FZ_MISSED_RANGES_MAX; seq += 2)
		fz_missed_slot(&missed, seq, seq);
	assert_true(missed.cut);
	assert_int_equal(missed.count, 5 * FZ_MISSED_RANGES_MAX);
	assert_int_equal(missed.range_count, FZ_MISSED_RANGES_MAX);
	fz_missed_free(&missed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_is_not_missed),
		cmocka_unit_test(a_stall),
		cmocka_unit_test(pairs_are_judged_by_the_next_pair),
		cmocka_unit_test(more_at_once_than_are_judged),
		cmocka_unit_test(skipped_ones),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
