/* SPDX-License-Identifier: MIT */
/* Round-trip loss by direction, from the numbers that the reflector gives to what it
   sends (RFC 6673 section 7). */
#ifndef FZ_STATS_LOSS_H
#define FZ_STATS_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fz_loss {
	bool valid;
	uint64_t forward, backward; /* what the numbers prove */
};

/* lost: numbers of the sender of which nothing came back, lost_after of them above every
   number that came back. reflector_seqs: the reflector's number of every arrival, late ones
   and copies too; sorted in place. */
struct fz_loss fz_loss_split(uint64_t lost, uint64_t lost_after, uint32_t *reflector_seqs, size_t count);

#endif
