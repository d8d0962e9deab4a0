/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/departure.h"

#define SECOND 1000000000

static const struct fizeau_mono now = {1000ll * SECOND};

static struct fizeau_stamp stamp_at(int64_t ns, enum fizeau_stamp_source source)
{
	return (struct fizeau_stamp){
		.ntp = fizeau_ntp_from_unix(1700000000 + ns / SECOND, (uint32_t)(ns % SECOND)),
		.error = fizeau_error_estimate(1000, true),
		.source = source,
	};
}

static void learn_from(struct fz_departure *departure, int64_t delay_ns, enum fizeau_stamp_source source,
	struct fizeau_mono when)
{
	struct fizeau_stamp own = stamp_at(500000000, FIZEAU_STAMP_USER), left = stamp_at(500000000 + delay_ns, source);

	fz_departure_learn(departure, &own, &left, FZ_EFFORT_UNKNOWN, when);
}

static void learn(struct fz_departure *departure, int64_t delay_ns)
{
	learn_from(departure, delay_ns, FIZEAU_STAMP_KERNEL, now);
}

static void expect(const struct fz_departure *departure, int64_t delay_ns, int64_t spread_ns)
{
	struct fz_correction correction;

	assert_true(fz_departure_known(departure, FZ_EFFORT_UNKNOWN, now, &correction));
	/* The stamps' format counts in quarters of a nanosecond. */
	assert_in_range(correction.delay_ns + 1, delay_ns, delay_ns + 2);
	assert_in_range(correction.spread_ns + 1, spread_ns, spread_ns + 2);
}

static void few_are_not_enough(void **state)
{
	struct fz_departure departure = {0};
	struct fz_correction correction = {5, 5};
	struct fizeau_stamp stamp = stamp_at(7, FIZEAU_STAMP_USER);

	(void)state;
	assert_false(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, now, &correction));
	assert_int_equal(correction.delay_ns, 0);
	fz_departure_correct(&correction, &stamp);
	assert_true(stamp.ntp == stamp_at(7, FIZEAU_STAMP_USER).ntp);
	assert_int_equal(stamp.error, stamp_at(7, FIZEAU_STAMP_USER).error);
	learn(&departure, 8000);
	learn(&departure, 8000);
	assert_false(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, now, &correction));
	learn(&departure, 8000);
	expect(&departure, 8000, 0);
}

/* One packet that was held up for long moves neither the correction nor, alone, the spread. */
static void median_of_the_last(void **state)
{
	struct fz_departure departure = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		learn(&departure, 50000);
	for (int i = 0; i < FZ_DEPARTURES; i++)
		learn(&departure, i == 11 ? 5000000 : 8000 + (i % 2) * 1000);
	/* Of an even number: halfway between the two in the middle. */
	expect(&departure, 8500, 500);
	/* Smaller again: what was learnt before goes. */
	for (int i = 0; i < FZ_DEPARTURES; i++)
		learn(&departure, 3000 + i * 10);
	expect(&departure, 3155, 145);
}

static void spread_is_of_nine_in_ten(void **state)
{
	struct fz_departure departure = {0};

	(void)state;
	for (int i = 0; i < 20; i++)
		learn(&departure, i == 0 ? 100 : i == 1 ? 90000 : i == 2 ? 12000 : 10000);
	expect(&departure, 10000, 2000);
}

static void what_cannot_be_true(void **state)
{
	struct fz_departure departure = {0};
	struct fz_correction correction;

	(void)state;
	for (int i = 0; i < 10; i++) {
		learn(&departure, -1000);
		learn(&departure, 200000000);
		learn(&departure, 3600ll * SECOND);
		learn_from(&departure, 1000, FIZEAU_STAMP_USER, now);
	}
	assert_false(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, now, &correction));
}

static void forgets_when_idle(void **state)
{
	struct fz_departure departure = {0};
	struct fizeau_mono minute = {now.ns + 60ll * SECOND}, later = {now.ns + 300ll * SECOND};
	struct fz_correction correction;

	(void)state;
	for (int i = 0; i < 5; i++)
		learn(&departure, 9000);
	assert_true(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, minute, &correction));
	assert_false(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, later, &correction));
	learn_from(&departure, 20000, FIZEAU_STAMP_KERNEL, later);
	assert_false(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, later, &correction));
	learn_from(&departure, 20000, FIZEAU_STAMP_KERNEL, later);
	learn_from(&departure, 20000, FIZEAU_STAMP_KERNEL, later);
	assert_true(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, later, &correction));
	assert_in_range(correction.delay_ns, 19999, 20001);
}

/* The card's are later, and never mixed with the kernel's; they count while there are any. */
static void card_and_kernel_apart(void **state)
{
	struct fz_departure departure = {0};
	struct fizeau_mono later = {now.ns + 300ll * SECOND};
	struct fz_correction correction;

	(void)state;
	for (int i = 0; i < 5; i++) {
		learn(&departure, 8000);
		learn_from(&departure, 15000, FIZEAU_STAMP_HARDWARE, now);
	}
	expect(&departure, 15000, 0);
	for (int i = 0; i < 5; i++)
		learn_from(&departure, 7000, FIZEAU_STAMP_KERNEL, later);
	assert_true(fz_departure_known(&departure, FZ_EFFORT_UNKNOWN, later, &correction));
	assert_in_range(correction.delay_ns, 6999, 7001);
}

static void learn_with(struct fz_departure *departure, int64_t delay_ns, int64_t effort_ns)
{
	struct fizeau_stamp own = stamp_at(500000000, FIZEAU_STAMP_USER);
	struct fizeau_stamp left = stamp_at(500000000 + delay_ns, FIZEAU_STAMP_KERNEL);

	fz_departure_learn(departure, &own, &left, effort_ns, now);
}

static void expect_with(const struct fz_departure *departure, int64_t effort_ns, int64_t delay_ns, int64_t spread_ns)
{
	struct fz_correction correction;

	assert_true(fz_departure_known(departure, effort_ns, now, &correction));
	/* Stamps in quarters of a nanosecond, delays as of 10 us: a few in a thousand. */
	assert_in_range(correction.delay_ns + 20, delay_ns, delay_ns + 40);
	assert_in_range(correction.spread_ns + 20, spread_ns, spread_ns + 40);
}

/* A cold processor is slow before the stamp and behind it: neither sort of packet misleads about the other. */
static void grows_with_the_effort(void **state)
{
	struct fz_departure departure = {0};

	(void)state;
	for (int i = 0; i < 20; i++) {
		int64_t effort_ns = i % 4 == 0 ? 2000 : 16000;

		learn_with(&departure, effort_ns * 3 / 2 + (i % 3 == 0 ? effort_ns / 4 : 0), effort_ns);
	}
	expect_with(&departure, 16000, 24000, 4000);
	expect_with(&departure, 2000, 3000, 500);
	expect_with(&departure, 8000, 12000, 2000);
}

static void held_up_before_the_stamp(void **state)
{
	struct fz_departure departure = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		learn_with(&departure, i < 9 ? 12000 : 20000, i < 9 ? 10000 : 40000000);
	expect_with(&departure, 40000000, 48000, 0);
	expect_with(&departure, 10, 1200, 0);
	expect_with(&departure, -5, 1200, 0);
	/* Nothing that is told of a packet leaves the range of what is remembered. */
	for (int i = 0; i < FZ_DEPARTURES; i++)
		learn_with(&departure, 100000000, 1);
	expect_with(&departure, 1000, 100000000, 0);
}

/*= rfc4656#section-4.1.1 OW-4.1.1-07 */
static void the_stamp_is_moved_and_its_error_grows(void **state)
{
	const struct fz_correction correction = {.delay_ns = 8000, .spread_ns = 3000};
	struct fizeau_stamp stamp = stamp_at(SECOND - 4000, FIZEAU_STAMP_USER);

	(void)state;
	fz_departure_correct(&correction, &stamp);
	/* Over the edge of a second. */
	assert_in_range(fizeau_ntp_diff_ns(stamp.ntp, stamp_at(SECOND + 4000, FIZEAU_STAMP_USER).ntp) + 1, 0, 2);
	assert_int_equal(stamp.source, FIZEAU_STAMP_USER);
	assert_in_range(fizeau_error_estimate_ns(stamp.error), 4000, 4200);
	assert_true(fizeau_error_estimate_synchronized(stamp.error));
	/* An error without bound stays one. */
	stamp.error = 0x3fff;
	fz_departure_correct(&correction, &stamp);
	assert_true(fizeau_error_estimate_valid(stamp.error));
	assert_false(fizeau_error_estimate_synchronized(stamp.error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_are_not_enough),
		cmocka_unit_test(median_of_the_last),
		cmocka_unit_test(spread_is_of_nine_in_ten),
		cmocka_unit_test(what_cannot_be_true),
		cmocka_unit_test(forgets_when_idle),
		cmocka_unit_test(card_and_kernel_apart),
		cmocka_unit_test(grows_with_the_effort),
		cmocka_unit_test(held_up_before_the_stamp),
		cmocka_unit_test(the_stamp_is_moved_and_its_error_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
