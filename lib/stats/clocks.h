/* SPDX-License-Identifier: MIT */
/* What the stamps themselves say of the clocks. */
#ifndef FZ_STATS_CLOCKS_H
#define FZ_STATS_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

/* Stamps of different sources (card, kernel, user space, corrected ones) may be apart by so much without a clock's fault. */
#define FZ_STAMP_SLACK_NS 100000

/* How far the reflector's clock is ahead of the sender's, packet by packet: no delay is negative, so each packet tells a
   range, and while both clocks keep going the ranges have something in common, but for drift. */
struct fz_offset {
	bool begun;
	uint64_t at;        /* NTP: the sender's clock at the last packet */
	int64_t low, high;  /* ns */
	uint64_t moves;
	int64_t moved_ns;
};
/* The next packet in order of sending: sent at t1, T2 - T1 and T4 - T3. */
void fz_offset_add(struct fz_offset *offset, uint64_t t1, int64_t forward_ns, int64_t backward_ns);

/* a + b, at most INT64_MAX and at least INT64_MIN: stamps may say anything. */
int64_t fz_sum_ns(int64_t a, int64_t b);
/* What FIZEAU_DRIFT_PPM of so many clocks come to in a time; rounded up. */
int64_t fz_drift_ns(int64_t ns, unsigned clocks);

#endif
