/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/timex.h>

#include "io/clock.h"

static void mono_never_goes_back(void **state)
{
	struct fizeau_mono last = fz_clock_mono();

	(void)state;
	assert_true(last.ns > 0);
	for (int i = 0; i < 1000; i++) {
		struct fizeau_mono now = fz_clock_mono();

		assert_true(now.ns >= last.ns);
		last = now;
	}
}

static void estimate_is_what_the_kernel_says(void **state)
{
	struct fz_clock clock;
	struct timex tx = {0};
	int kernel = adjtimex(&tx);

	(void)state;
	fz_clock_ask(&clock);
	assert_int_equal(clock.synchronized, kernel != TIME_ERROR && (tx.status & STA_UNSYNC) == 0);
	assert_int_equal(fizeau_error_estimate_synchronized(clock.error_estimate), clock.synchronized);
	assert_true(fizeau_error_estimate_valid(clock.error_estimate));
	assert_int_equal(clock.tai_utc_s, tx.tai > 0 ? tx.tai : 37);
	/* The kernel's bound and the tick are covered, and the wire's value covers both. */
	assert_true(clock.error_ns > 0);
	assert_true(clock.error_ns <= 17000000000LL);
	if (tx.maxerror < 16000000 && clock.synchronized)
		assert_true(clock.error_ns >= tx.maxerror * 1000LL);
	if (!clock.synchronized && tx.maxerror >= 16000000)
		assert_true(clock.error_ns >= 16000000000LL);
	assert_true(fizeau_error_estimate_ns(clock.error_estimate) >= clock.error_ns);
}

static void refresh_asks_once_a_second(void **state)
{
	struct fz_clock clock;
	struct fizeau_mono asked;

	(void)state;
	fz_clock_ask(&clock);
	asked = clock.asked;
	clock.error_estimate = 0xffff;
	fz_clock_refresh(&clock, (struct fizeau_mono){asked.ns + 1000000000});
	assert_int_equal(clock.error_estimate, 0xffff);
	fz_clock_refresh(&clock, (struct fizeau_mono){asked.ns + 1000000001});
	assert_int_not_equal(clock.error_estimate, 0xffff);
	assert_true(clock.asked.ns >= asked.ns);
}

static void stamps(void **state)
{
	struct fz_clock clock = {.error_estimate = 0x8a01, .synchronized = true, .error_ns = 1};
	/* 2208988800 s lie between 1900-01-01 and 1970-01-01 (RFC 868). */
	struct fizeau_stamp stamp =
		fz_clock_stamp(&clock, (struct timespec){1, 500000000}, FIZEAU_STAMP_KERNEL);
	struct timespec before, after;

	(void)state;
	assert_true(stamp.ntp == (2208988801ULL << 32 | 0x80000000));
	assert_int_equal(stamp.error, 0x8a01);
	assert_int_equal(stamp.source, FIZEAU_STAMP_KERNEL);

	clock_gettime(CLOCK_REALTIME, &before);
	stamp = fz_clock_wall(&clock);
	clock_gettime(CLOCK_REALTIME, &after);
	assert_int_equal(stamp.source, FIZEAU_STAMP_USER);
	assert_true(fizeau_ntp_diff_ns(
			    stamp.ntp, fizeau_ntp_from_unix(before.tv_sec, (uint32_t)before.tv_nsec)) >= 0);
	assert_true(fizeau_ntp_diff_ns(
			    fizeau_ntp_from_unix(after.tv_sec, (uint32_t)after.tv_nsec), stamp.ntp) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mono_never_goes_back),
		cmocka_unit_test(estimate_is_what_the_kernel_says),
		cmocka_unit_test(refresh_asks_once_a_second),
		cmocka_unit_test(stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
