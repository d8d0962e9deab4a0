/* SPDX-License-Identifier: MIT */
/* Which arrivals are the first of their number, and how many copies came (RFC 5560). */
#ifndef FZ_STATS_COPIES_H
#define FZ_STATS_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One arrival; at is its position in order of arrival. */
struct fz_arrival {
	uint32_t seq;
	bool late; /* after the loss threshold: it is no copy (RFC 5560 2.5: T0 is the threshold) */
	size_t at;
};

struct fz_copies {
	uint64_t distinct;   /* numbers that arrived in time */
	uint64_t duplicates; /* further copies of them in time */
	uint64_t replicated; /* numbers with more than one copy in time */
	uint64_t late;	     /* arrivals that were late */
	uint64_t late_only;  /* numbers that arrived late only */
};

/* Sorts by number, of equal numbers by arrival. */
void fz_arrivals_sort(struct fz_arrival *arrivals, size_t count);
/* Of sorted arrivals. */
struct fz_copies fz_copies_of(const struct fz_arrival *arrivals, size_t count);
/* Moves the first arrivals in time of each number to the front, still sorted; returns how many. */
size_t fz_arrivals_keep_first(struct fz_arrival *arrivals, size_t count);

#endif
