/* SPDX-License-Identifier: MIT */
#include "phase.h"

#define CYCLE_MAX_NS 60000000000

struct fz_phase fz_phase_of(const struct fz_slot_wish *slots, size_t slot_count, struct fizeau_mono origin, size_t index,
	size_t count)
{
	struct fz_phase phase = {.origin = origin};

	if (count < 2)
		return phase;
	for (size_t i = 0; i < slot_count; i++) {
		if (slots[i].exponential) {
			phase.cycle_ns = 0;
			return phase;
		}
		phase.cycle_ns += slots[i].ns < CYCLE_MAX_NS ? slots[i].ns : CYCLE_MAX_NS;
		if (phase.cycle_ns > CYCLE_MAX_NS)
			phase.cycle_ns = CYCLE_MAX_NS;
	}
	phase.offset_ns = phase.cycle_ns / (int64_t)count * (int64_t)index;
	return phase;
}

struct fizeau_mono fz_phase_next(const struct fz_phase *phase, struct fizeau_mono earliest)
{
	int64_t since, cycles;

	if (phase->cycle_ns == 0)
		return earliest;
	since = earliest.ns - phase->origin.ns - phase->offset_ns;
	if (since < 0)
		return (struct fizeau_mono){phase->origin.ns + phase->offset_ns};
	cycles = (since + phase->cycle_ns - 1) / phase->cycle_ns;
	return (struct fizeau_mono){phase->origin.ns + phase->offset_ns + cycles * phase->cycle_ns};
}
