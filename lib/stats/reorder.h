/* SPDX-License-Identifier: MIT */
/* Reordering (RFC 4737) of a stream without duplicates: seqs are its numbers in order of arrival. */
#ifndef FZ_STATS_REORDER_H
#define FZ_STATS_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Section 3.3: whether a packet that arrives now is reordered. next_exp is 0 before the first, and has 64
   bits since it can be one above the last number. */
bool fz_reorder_arrives(uint64_t *next_exp, uint32_t seq);

/* The highest number up to each packet. */
void fz_reorder_highest(const uint32_t *seqs, size_t count, uint32_t *highest);

/* Section 4.2: positions from packet at, whose number is seq, back to the earliest arrival with a higher number; 0 if
   there is none. */
size_t fz_reorder_extent(const uint32_t *highest, size_t at, uint32_t seq);

/* Section 5: the largest n, up to max, for which packet at is n-reordered; 0 if for none. */
size_t fz_reorder_n(const uint32_t *seqs, size_t at, size_t max);

#endif
