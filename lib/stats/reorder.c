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

/*= rfc4737#section-4.2 RE-4.2-01 */
size_t fz_reorder_extent(const uint32_t *seqs, size_t at)
{
	size_t earliest = 0;

	while (earliest < at && seqs[earliest] < seqs[at])
		earliest++;
	return at - earliest;
}

/*= rfc4737#section-5 RE-5-01 */
size_t fz_reorder_n(const uint32_t *seqs, size_t at)
{
	size_t n = 0;

	while (n < at && seqs[at - n - 1] > seqs[at])
		n++;
	return n;
}
