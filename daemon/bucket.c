/* SPDX-License-Identifier: MIT */
#include "bucket.h"

void fz_bucket_init(struct fz_bucket *bucket, uint64_t rate, uint64_t least_depth)
{
	bucket->rate = rate;
	bucket->depth = rate / 4 > least_depth ? rate / 4 : least_depth;
	bucket->units = bucket->depth;
	bucket->at_ns = 0;
}

/* Units that have come back since at_ns; what is less than one stays in at_ns. */
static uint64_t gain(struct fz_bucket *bucket, int64_t now_ns)
{
	uint64_t passed = (uint64_t)(now_ns - bucket->at_ns), rate = bucket->rate, gained, rest = passed % 1000000000u;

	if (__builtin_mul_overflow(passed / 1000000000u, rate, &gained) || gained >= bucket->depth) {
		bucket->at_ns = now_ns;
		return bucket->depth;
	}
	gained += rate <= 18000000000u ? rest * rate / 1000000000u : rest * (rate / 1000000000u);
	if (gained && gained < 18000000000u)
		bucket->at_ns += (int64_t)(gained * 1000000000u / rate);
	else if (gained)
		bucket->at_ns = now_ns;
	return gained;
}

bool fz_bucket_take(struct fz_bucket *bucket, uint64_t units, int64_t now_ns)
{
	if (bucket->rate == UINT64_MAX)
		return true;
	uint64_t gained = gain(bucket, now_ns);
	bucket->units = bucket->depth - bucket->units < gained ? bucket->depth : bucket->units + gained;
	if (bucket->units < units)
		return false;
	bucket->units -= units;
	return true;
}

void fz_bucket_return(struct fz_bucket *bucket, uint64_t units)
{
	if (bucket->rate != UINT64_MAX)
		bucket->units += units;
}
