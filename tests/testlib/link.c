/* SPDX-License-Identifier: MIT */
#include "tests/testlib/link.h"

#include <stdbool.h>

#define NS_PER_S 1000000000

uint64_t link_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool chance(unsigned per_1000, uint64_t *seed)
{
	return link_random(seed) % 1000 < per_1000;
}

unsigned link_pass(
	const struct link_config *link, uint64_t *seed, int64_t now, int64_t arrivals[static LINK_COPIES_MAX])
{
	unsigned copies;

	if (chance(link->loss, seed))
		return 0;
	copies = chance(link->duplication, seed) ? 2 : 1;
	for (unsigned i = 0; i < copies; i++) {
		arrivals[i] = now + link->delay_ns;
		arrivals[i] += (int64_t)(link_random(seed) % ((uint64_t)link->jitter_ns + 1));
		if (chance(link->detour, seed))
			arrivals[i] += link->detour_ns;
	}
	return copies;
}

int64_t virtual_clock_ns(const struct virtual_clock *clock, int64_t true_ns)
{
	/* In two parts, so that hours do not overflow. */
	int64_t drift =
		true_ns / NS_PER_S * clock->drift_ppb + true_ns % NS_PER_S * clock->drift_ppb / NS_PER_S;

	return true_ns + clock->offset_ns + drift;
}

struct fizeau_stamp virtual_clock_stamp(const struct virtual_clock *clock, int64_t true_ns)
{
	int64_t ns = virtual_clock_ns(clock, true_ns);
	uint64_t sec = (uint64_t)(ns / NS_PER_S), rest;

	/* By hand rather than by the library, which is under test; truncating, as clocks are read. */
	if (ns % NS_PER_S < 0)
		sec--;
	rest = (uint64_t)((ns % NS_PER_S + NS_PER_S) % NS_PER_S);
	return (struct fizeau_stamp){
		.ntp = clock->base + (sec << 32) + (rest << 32) / NS_PER_S,
		.error = clock->error,
		.source = FIZEAU_STAMP_KERNEL,
	};
}
