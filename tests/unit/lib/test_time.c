/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <fizeau/error.h>
#include <fizeau/time.h>
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define NS 1000000000LL

__extension__ typedef unsigned __int128 u128;

/*= rfc4656#section-4.1.2 OW-4.1.2-04 */
static void ntp_of_unix_is_the_vector_and_back(void **state)
{
	json_t *group = vectors_group("timestamps.json", "timestamps");
	const json_t *cases = json_object_get(group, "ntp");

	(void)state;
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *v = json_array_get(cases, i);
		int64_t sec = member_int(v, "unix_sec"), nsec = member_int(v, "nsec");
		uint64_t ntp = fizeau_ntp_from_unix(sec, (uint32_t)nsec);

		assert_int_equal(ntp, member_u64_hex(v, "ntp_truncating"));
		/* Truncation loses less than a nanosecond, so that rounding brings all back. */
		assert_int_equal(fizeau_ntp_to_unix_ns(ntp, ntp), sec * NS + nsec);
	}
	assert_int_equal(json_array_size(cases), 6);
	json_decref(group);
}

static void every_nanosecond_comes_back(void **state)
{
	const uint64_t near = fizeau_ntp_from_unix(1700000000, 0);

	(void)state;
	for (uint32_t nsec = 0; nsec < 1000000000; nsec += 9973) {
		uint64_t ntp = fizeau_ntp_from_unix(1700000000, nsec);

		if (fizeau_ntp_to_unix_ns(ntp, near) != 1700000000 * NS + nsec)
			fail_msg("%u ns does not come back", nsec);
	}
}

static void the_era_nearest_to_a_stamp_is_taken(void **state)
{
	const int64_t wrap = 2085978496; /* 2036-02-07 06:28:16 UTC */
	uint64_t before = fizeau_ntp_from_unix(wrap - 10, 0),
		 after = fizeau_ntp_from_unix(wrap + 10, 500000000);

	(void)state;
	assert_int_equal(fizeau_ntp_to_unix_ns(after, before), (wrap + 10) * NS + NS / 2);
	assert_int_equal(fizeau_ntp_to_unix_ns(before, after), (wrap - 10) * NS);
	assert_int_equal(fizeau_ntp_to_unix_ns(after, after), (wrap + 10) * NS + NS / 2);
	assert_int_equal(fizeau_ntp_to_unix_ns(before, before), (wrap - 10) * NS);
}

/*= rfc8186#section-2.3 PT-2.3-01 */
static void ptp_stamps_are_the_vector_and_go_through_every_era(void **state)
{
	static const struct {
		int64_t unix_s;
		uint32_t ns;
		int32_t tai_utc_s;
		uint64_t ptp;
	} cases[] = {
		{1700000000, 123456789, 37, 0x6553f125075bcd15}, /* vectors.json timestamps.ptp: TAI 1700000037 */
		{1700000000, 0, 0, 0x6553f10000000000},
		{1700000000, 999999999, 37, 0x6553f1253b9ac9ff},
		{2085978495, 999999999, 37, 0x7c5581a43b9ac9ff}, /* NTP wraps next */
		{2085978496, 0, 37, 0x7c5581a500000000},
		{4294967295 - 37, 500000000, 37, 0xffffffff1dcd6500}, /* PTP wraps next */
		{4294967296 - 37, 0, 37, 0},
		{1700000000, 1, -10, 0x6553f0f600000001}, /* TAI behind UTC never was, and does no harm */
	};
	uint64_t ntp;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t want = fizeau_ntp_from_unix(cases[i].unix_s, cases[i].ns);

		assert_int_equal(fizeau_ptp_from_ntp(want, cases[i].tai_utc_s), cases[i].ptp);
		ntp = 0;
		assert_true(fizeau_ntp_from_ptp(cases[i].ptp, cases[i].tai_utc_s, &ntp));
		assert_int_equal(ntp, want);
	}
	/* The last 0.1 ns of a second round up to the next one. */
	assert_int_equal(fizeau_ptp_from_ntp(0xe8fe6f80ffffffff, 37), 0x6553f12600000000);
	ntp = 7;
	assert_false(fizeau_ntp_from_ptp(0x6553f1253b9aca00, 37, &ntp));
	assert_false(fizeau_ntp_from_ptp(0x6553f125ffffffff, 37, &ntp));
	assert_int_equal(ntp, 7);
}

/*= rfc8186#section-2.3 PT-2.3-01 */
static void z_tells_the_format(void **state)
{
	const struct fizeau_stamp_format ptp = {.ptp = true}, ntp = {0};

	(void)state;
	assert_true(fizeau_error_estimate_ptp(0x4001));
	assert_false(fizeau_error_estimate_ptp(0xbf01));
	assert_int_equal(fizeau_error_estimate_in(0x8a01, &ptp), 0xca01);
	assert_int_equal(fizeau_error_estimate_in(0xca01, &ntp), 0x8a01);
	assert_int_equal(fizeau_error_estimate_ns(0xca80), fizeau_error_estimate_ns(0x8a80));
	assert_true(fizeau_error_estimate_synchronized(0xca80));
	assert_false(fizeau_error_estimate_synchronized(0x4a80));
}

static void differences_cross_the_era(void **state)
{
	const int64_t wrap = 2085978496;
	uint64_t before = fizeau_ntp_from_unix(wrap - 1, 0), after = fizeau_ntp_from_unix(wrap + 1, 0);

	(void)state;
	assert_int_equal(fizeau_ntp_diff_ns(after, before), 2 * NS);
	assert_int_equal(fizeau_ntp_diff_ns(before, after), -2 * NS);
	assert_int_equal(fizeau_ntp_diff_ns(5, 5), 0);
	assert_int_equal(fizeau_ntp_diff_ns(1, 0), 0); /* 0.23 ns */
	assert_int_equal(fizeau_ntp_diff_ns(3, 0), 1); /* 0.70 ns */
	assert_int_equal(fizeau_ntp_diff_ns(0, 3), -1);
	assert_int_equal(fizeau_ntp_diff_ns((uint64_t)INT32_MAX << 32, 0), INT32_MAX * NS);
	assert_int_equal(fizeau_ntp_diff_ns(0, (uint64_t)INT32_MAX << 32), -INT32_MAX * NS);
}

static void adding_and_taking_the_difference_agree(void **state)
{
	static const int64_t steps[] = {
		0, 1, -1, 999, 1000000, -1000000, 5 * NS + 1, -5 * NS - 1, 86400 * NS};
	const uint64_t a = fizeau_ntp_from_unix(2085978495, 999999999);

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(fizeau_ntp_diff_ns(fizeau_ntp_add_ns(a, steps[i]), a), steps[i]);
	assert_int_equal(fizeau_ntp_add_ns(0, NS), 1ull << 32);
	assert_int_equal(fizeau_ntp_add_ns(0, -NS), UINT64_MAX - UINT32_MAX);
	assert_int_equal(
		fizeau_ntp_diff_ns(fizeau_ntp_add_ns(fizeau_ntp_add_ns(a, INT64_MIN), INT64_MAX), a), -1);
}

static void durations_are_clamped(void **state)
{
	(void)state;
	assert_int_equal(fizeau_duration_from_ns(2 * NS), 2ull << 32);
	assert_int_equal(fizeau_duration_from_ns(NS / 10), 0x1999999a);
	assert_int_equal(fizeau_duration_from_ns(0), 0);
	assert_int_equal(fizeau_duration_from_ns(-1), 0);
	assert_int_equal(fizeau_duration_from_ns(INT64_MIN), 0);
	assert_int_equal(fizeau_duration_from_ns(INT64_MAX), (uint64_t)UINT32_MAX << 32);
	assert_int_equal(fizeau_duration_to_ns(2ull << 32), 2 * NS);
	assert_int_equal(fizeau_duration_to_ns(0x19999999), NS / 10);
	assert_int_equal(fizeau_duration_to_ns(UINT64_MAX), 4294967296 * NS);
	assert_int_equal(fizeau_duration_to_ns(fizeau_duration_from_ns(123456789)), 123456789);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-05 OW-4.1.2-06 OW-4.1.2-08 OW-4.1.2-10 */
static void estimates_read_as_the_vectors(void **state)
{
	json_t *group = vectors_group("timestamps.json", "timestamps");
	const json_t *cases = json_object_get(group, "error_estimate");

	(void)state;
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *v = json_array_get(cases, i);
		uint16_t wire = (uint16_t)member_u64_hex(v, "wire");
		bool valid = json_is_true(json_object_get(v, "valid"));
		double ns;

		assert_int_equal(fizeau_error_estimate_valid(wire), valid);
		assert_int_equal(fizeau_error_estimate_synchronized(wire), member_int(v, "S"));
		if (!valid)
			continue;
		ns = json_real_value(json_object_get(v, "seconds")) * 1e9;
		if (ns > 9.2e18) {
			assert_int_equal(fizeau_error_estimate_ns(wire), INT64_MAX);
		} else {
			/* An upper bound, and the next nanosecond. */
			assert_true((double)fizeau_error_estimate_ns(wire) >= ns);
			assert_true((double)fizeau_error_estimate_ns(wire) <= ns + 1);
		}
	}
	assert_int_equal(json_array_size(cases), 8);
	json_decref(group);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-07 OW-4.1.2-09 */
static void estimates_are_written_as_upper_bounds(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 64; shift++) {
		for (int step = -1; step <= 1; step++) {
			uint64_t ns = (1ull << shift) + (uint64_t)(int64_t)step;
			uint16_t estimate = fizeau_error_estimate(ns, true);
			int64_t bound = fizeau_error_estimate_ns(estimate);

			assert_true(fizeau_error_estimate_valid(estimate));
			assert_true(fizeau_error_estimate_synchronized(estimate));
			assert_int_equal(estimate & 0x4000, 0);
			assert_int_equal(fizeau_error_estimate(ns, false), estimate & 0x7fff);
			assert_true((uint64_t)bound >= ns || bound == INT64_MAX);
			/* Multiplier * 2^(Scale-32) s, not only its nanoseconds, is not below. */
			assert_true(
				((u128)(estimate & 0xff) << (estimate >> 8 & 0x3f)) * NS >= (u128)ns << 32);
			/* Not more than a step of the Multiplier above. */
			if (bound != INT64_MAX)
				assert_true((uint64_t)bound - ns <= ns / 128 + 1);
		}
	}
	assert_int_equal(fizeau_error_estimate(0, false), 0x0001);
	assert_int_equal(fizeau_error_estimate(0, true), 0x8001);
	/* 2^-15 s, a little less than 30518 ns, in the smallest Scale that holds it. */
	assert_int_equal(fizeau_error_estimate(30517, true), 0x8a80);
}

static void every_error_has_a_text(void **state)
{
	(void)state;
	for (int error = FIZEAU_ERR_SSID; error <= FIZEAU_ERR_MALFORMED; error++) {
		assert_string_not_equal(fizeau_strerror(error), "unknown error");
		for (int other = error + 1; other <= FIZEAU_ERR_MALFORMED; other++)
			assert_string_not_equal(fizeau_strerror(error), fizeau_strerror(other));
	}
	assert_string_equal(fizeau_strerror(-1), "Operation not permitted");
	assert_string_equal(fizeau_strerror(-999), "unknown error");
	assert_string_equal(fizeau_strerror(-5000), "unknown error");
	assert_string_equal(fizeau_strerror(INT32_MIN), "unknown error");
	assert_string_equal(fizeau_strerror(0), "success");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ntp_of_unix_is_the_vector_and_back),
		cmocka_unit_test(every_nanosecond_comes_back),
		cmocka_unit_test(the_era_nearest_to_a_stamp_is_taken),
		cmocka_unit_test(ptp_stamps_are_the_vector_and_go_through_every_era),
		cmocka_unit_test(z_tells_the_format),
		cmocka_unit_test(differences_cross_the_era),
		cmocka_unit_test(adding_and_taking_the_difference_agree),
		cmocka_unit_test(durations_are_clamped),
		cmocka_unit_test(estimates_read_as_the_vectors),
		cmocka_unit_test(estimates_are_written_as_upper_bounds),
		cmocka_unit_test(every_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
