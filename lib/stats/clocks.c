/* SPDX-License-Identifier: MIT */
#include "lib/stats/clocks.h"

#include <fizeau/stats.h>
#include <fizeau/time.h>

int64_t fz_sum_ns(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t fz_drift_ns(int64_t ns, unsigned clocks)
{
	const int64_t part = 1000000 / FIZEAU_DRIFT_PPM;
	int64_t size = ns < 0 ? -(ns + 1) : ns;

	return size == 0 ? 0 : (size / part + 1) * (int64_t)clocks;
}

static int64_t middle(int64_t low, int64_t high)
{
	return low / 2 + high / 2;
}

static void restart(struct fz_offset *offset, int64_t low, int64_t high)
{
	offset->low = low;
	offset->high = high;
}

void fz_offset_add(struct fz_offset *offset, uint64_t t1, int64_t forward_ns, int64_t backward_ns)
{
	int64_t low = -backward_ns, high = forward_ns, drift;

	if (!offset->begun) {
		offset->begun = true;
		restart(offset, low, high);
		offset->at = t1;
		return;
	}
	drift = fz_drift_ns(fizeau_ntp_diff_ns(t1, offset->at), 2);
	offset->low -= drift;
	offset->high += drift;
	offset->at = t1;
	if (low > offset->high + FZ_STAMP_SLACK_NS || high < offset->low - FZ_STAMP_SLACK_NS) {
		offset->moves++;
		offset->moved_ns = fz_sum_ns(offset->moved_ns, middle(low, high) - middle(offset->low, offset->high));
		restart(offset, low, high);
		return;
	}
	if (low > offset->low)
		offset->low = low;
	if (high < offset->high)
		offset->high = high;
}
