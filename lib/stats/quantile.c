/* SPDX-License-Identifier: MIT */
#include "lib/stats/quantile.h"

#include <stdlib.h>
#include <fizeau/stats.h>

static int compare(const void *left, const void *right)
{
	int64_t a, b;

	a = *(const int64_t *)left;
	b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

/*= rfc2330#section-11.3 FW-11.3-01 */
int64_t fz_quantile(const int64_t *ascending, size_t count, unsigned permille)
{
	/* In two parts, so that the product cannot overflow. */
	size_t whole = count / 1000 * permille;
	size_t rest = (count % 1000 * permille + 999) / 1000;

	return ascending[whole + rest - 1];
}

/*= rfc7679#section-5.2 OD-5.2-01 */
static int64_t median_of(const int64_t *ascending, size_t count)
{
	int64_t low = ascending[(count - 1) / 2], high = ascending[count / 2];

	if (high == INT64_MAX)
		return high;
	return low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
}

/* Without a sum that could overflow: quotients and remainders apart. */
static int64_t mean_of(const int64_t *values, size_t count)
{
	int64_t n = (int64_t)count, quotient = 0, remainder = 0;

	for (size_t i = 0; i < count; i++) {
		quotient += values[i] / n;
		remainder += values[i] % n;
		if (remainder >= n || remainder <= -n) {
			quotient += remainder / n;
			remainder %= n;
		}
	}
	return quotient;
}

/* Newton's iteration: libm would be a dependency for this alone. */
static double root_of(double square)
{
	double root = square > 1 ? square : 1;

	for (;;) {
		double next = (root + square / root) / 2;

		if (!(next < root))
			return root;
		root = next;
	}
}

static int64_t stddev_of(const int64_t *values, size_t count, int64_t mean)
{
	double sum = 0, root;

	for (size_t i = 0; i < count; i++) {
		double d = (double)values[i] - (double)mean;

		sum += d * d;
	}
	root = sum > 0 ? root_of(sum / (double)count) + 0.5 : 0;
	/* The bound is 2^63 in a double. */
	return root < (double)INT64_MAX ? (int64_t)root : INT64_MAX;
}

/*= rfc2330#section-11.3 FW-11.3-02 */
/*= rfc7679#section-5.1 OD-5.1-01 */
/*= rfc7679#section-5.3 OD-5.3-01 */
void fizeau_distribution_of(int64_t *values, size_t count, struct fizeau_distribution *distribution)
{
	size_t finite = count;

	/* Of nothing there may be no array. */
	if (count > 0)
		qsort(values, count, sizeof(*values), compare);
	while (finite > 0 && values[finite - 1] == INT64_MAX)
		finite--;
	*distribution = (struct fizeau_distribution){.values = count};
	if (finite == 0)
		return;
	distribution->valid = true;
	distribution->min = values[0];
	distribution->max = values[count - 1];
	distribution->median = median_of(values, count);
	distribution->p90 = fz_quantile(values, count, 900);
	distribution->p95 = fz_quantile(values, count, 950);
	distribution->p99 = fz_quantile(values, count, 990);
	distribution->p999 = fz_quantile(values, count, 999);
	distribution->mean = mean_of(values, finite);
	distribution->stddev = stddev_of(values, finite, distribution->mean);
}
