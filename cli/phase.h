/* SPDX-License-Identifier: MIT */
/* When schedules begin, so that periodic packets to many targets do not all leave in the same instant: the targets'
   shares are spread evenly over the period. */
#ifndef FZ_CLI_PHASE_H
#define FZ_CLI_PHASE_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/time.h>
#include "values.h"

struct fz_phase {
	struct fizeau_mono origin;
	int64_t cycle_ns;  /* 0: at any time */
	int64_t offset_ns; /* from the cycle's begin, 0 .. cycle_ns - 1 */
};

/* Of target `index` of count. Poisson streams, and single targets, begin at any time. The cycle is that of the
   schedule, but at most a minute: nobody waits longer for a first packet. */
struct fz_phase fz_phase_of(const struct fz_slot_wish *slots, size_t slot_count, struct fizeau_mono origin, size_t index,
	size_t count);
/* The first time in phase that is not before earliest. */
struct fizeau_mono fz_phase_next(const struct fz_phase *phase, struct fizeau_mono earliest);

#endif
