/* SPDX-License-Identifier: MIT */
#include "lib/stats/copies.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	const struct fz_arrival *a = left, *b = right;

	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

void fz_arrivals_sort(struct fz_arrival *arrivals, size_t count)
{
	qsort(arrivals, count, sizeof(*arrivals), compare);
}

/*= rfc5560#section-2.4 DU-2.4-01 */
/*= rfc5560#section-2.5 DU-2.5-01 */
/*= rfc5560#section-3.4 DU-3.4-01 */
/*= rfc5560#section-5 DU-5-01 */
struct fz_copies fz_copies_of(const struct fz_arrival *arrivals, size_t count)
{
	struct fz_copies copies = {0};

	for (size_t i = 0; i < count;) {
		uint32_t seq = arrivals[i].seq;
		uint64_t in_time = 0, late = 0;

		for (; i < count && arrivals[i].seq == seq; i++) {
			in_time += !arrivals[i].late;
			late += arrivals[i].late;
		}
		copies.distinct += in_time > 0;
		copies.duplicates += in_time > 1 ? in_time - 1 : 0;
		copies.replicated += in_time > 1;
		copies.late += late;
		copies.late_only += in_time == 0;
	}
	return copies;
}

/*= rfc2681#section-2.5 RT-2.5-01 */
/*= rfc3393#section-3.6 PV-3.6-01 */
/*= rfc7679#section-3.5 OD-3.5-01 */
/*= rfc4737#section-3.6 RE-3.6-01 */
size_t fz_arrivals_keep_first(struct fz_arrival *arrivals, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (arrivals[i].late || (kept > 0 && arrivals[kept - 1].seq == arrivals[i].seq))
			continue;
		arrivals[kept++] = arrivals[i];
	}
	return kept;
}
