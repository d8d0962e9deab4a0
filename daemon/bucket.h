/* SPDX-License-Identifier: MIT */
/* A token bucket: so many units a second, and at most a quarter of a second's at once. */
#ifndef FZ_DAEMON_BUCKET_H
#define FZ_DAEMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct fz_bucket {
	uint64_t rate;  /* units a second; UINT64_MAX: no bound */
	uint64_t depth; /* units */
	uint64_t units;
	int64_t at_ns;
};

void fz_bucket_init(struct fz_bucket *bucket, uint64_t rate, uint64_t least_depth);
/* False: there are not that many, and none are taken. now_ns is monotonic. */
bool fz_bucket_take(struct fz_bucket *bucket, uint64_t units, int64_t now_ns);
/* What was taken for nothing. */
void fz_bucket_return(struct fz_bucket *bucket, uint64_t units);

#endif
