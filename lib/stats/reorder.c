/* SPDX-License-Identifier: MIT */
#include "lib/stats/reorder.h"

/*= rfc4737#section-3.3 RE-3.3-01 */
bool fz_reorder_arrives(uint64_t *next_exp, uint32_t seq)
{
	if (seq < *next_exp)
		return true;
	*next_exp = (uint64_t)seq + 1;
	return false;
}

void fz_reorder_highest(const uint32_t *seqs, size_t count, uint32_t *highest)
{
	for (size_t i = 0; i < count; i++)
		highest[i] = i > 0 && highest[i - 1] > seqs[i] ? highest[i - 1] : seqs[i];
}

/* The first position at which the highest number so far is higher is the earliest arrival with a higher number, and
   highest never falls: so halving finds it. */
/*= rfc4737#section-4.2 RE-4.2-01 */
size_t fz_reorder_extent(const uint32_t *highest, size_t at, uint32_t seq)
{
	size_t low = 0, high = at;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (highest[middle] > seq)
			high = middle;
		else
			low = middle + 1;
	}
	return at - low;
}

/*= rfc4737#section-5 RE-5-01 */
size_t fz_reorder_n(const uint32_t *seqs, size_t at, size_t max)
{
	size_t n = 0;

	while (n < max && n < at && seqs[at - n - 1] > seqs[at])
		n++;
	return n;
}
