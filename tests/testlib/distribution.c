/* SPDX-License-Identifier: MIT */
#include "tests/testlib/distribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* The definition of RFC 2330 11.3, word by word: the smallest value such that enough
   of them are not above it. */
static int64_t percentile(const int64_t *values, size_t count, size_t permille)
{
	int64_t best = INT64_MAX;

	for (size_t i = 0; i < count; i++) {
		size_t not_above = 0;

		for (size_t k = 0; k < count; k++)
			not_above += values[k] <= values[i];
		if (not_above * 1000 >= permille * count && values[i] < best)
			best = values[i];
	}
	return best;
}

void assert_distribution(const int64_t *values, size_t count, const struct fizeau_distribution *d)
{
	int64_t sum = 0;

	assert_int_equal(d->values, count);
	assert_int_equal(d->valid, count > 0);
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	/* The mean is cut towards one side or the other. */
	assert_in_range(d->mean - sum / (int64_t)count + 1, 0, 2);
	assert_int_equal(d->max, percentile(values, count, 1000));
	assert_int_equal(d->p999, percentile(values, count, 999));
	assert_int_equal(d->p99, percentile(values, count, 990));
	assert_int_equal(d->p95, percentile(values, count, 950));
	assert_int_equal(d->p90, percentile(values, count, 900));
	assert_true(d->median >= percentile(values, count, 500));
	assert_int_equal(d->min, percentile(values, count, 1));
}
