/* SPDX-License-Identifier: MIT */
#include "lib/stats/loss.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	uint32_t a, b;

	a = *(const uint32_t *)left;
	b = *(const uint32_t *)right;
	return (a > b) - (a < b);
}

/*= rfc6673#section-5.4 RL-5.4-01 */
/*= rfc6673#section-7 RL-7-01 */
struct fz_loss fz_loss_split(uint64_t lost, uint64_t lost_after, uint32_t *reflector_seqs, size_t count)
{
	uint64_t seen = 0, missing;

	if (count == 0)
		return (struct fz_loss){.valid = false};
	/* Counting instead of following the numbers in order of arrival makes
	   reordering harmless on both ways. */
	qsort(reflector_seqs, count, sizeof(*reflector_seqs), compare);
	for (size_t i = 0; i < count; i++)
		seen += i == 0 || reflector_seqs[i] != reflector_seqs[i - 1];
	missing = (uint64_t)reflector_seqs[count - 1] + 1 - seen;
	/* More reflections missing than packets: the numbers do not count reflections from 0, or copies that
	   were made on the way forward were lost again. */
	if (missing > lost)
		return (struct fz_loss){.valid = false};
	/* Nothing is known of what was sent after the last packet that came back. */
	return (struct fz_loss){
		.valid = true,
		.backward = missing,
		.forward = lost - missing > lost_after ? lost - missing - lost_after : 0,
	};
}
