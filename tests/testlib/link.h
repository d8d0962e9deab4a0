/* SPDX-License-Identifier: MIT */
/* A seeded model of a network path, and clocks that are off: what happens is known, so that figures can be
   held to it. True time is in nanoseconds from the start of the simulation. */
#ifndef TESTLIB_LINK_H
#define TESTLIB_LINK_H

#include <stdint.h>
#include <fizeau/time.h>

/* One direction. All chances are per 1000 packets. */
struct link_config {
	int64_t delay_ns;
	int64_t jitter_ns; /* added to each packet: uniform from 0 up to this */
	unsigned loss;
	unsigned duplication; /* of those not lost; the copy has a delay of its own */
	unsigned detour;      /* such packets take detour_ns more, and so are overtaken */
	int64_t detour_ns;
};

#define LINK_COPIES_MAX 2

/* The next number of a generator whose whole state is *seed. */
uint64_t link_random(uint64_t *seed);

/* A packet enters at true time now: writes when its copies leave; returns how many do, 0 .. 2. */
unsigned link_pass(const struct link_config *link, uint64_t *seed, int64_t now,
	int64_t arrivals[static LINK_COPIES_MAX]);

/* A clock that started at base, offset_ns off, and runs drift_ppb too fast. */
struct virtual_clock {
	uint64_t base; /* NTP, for true time 0 */
	int64_t offset_ns;
	int64_t drift_ppb;
	uint16_t error;
};

/* What it shows at a true time: nanoseconds since its base. */
int64_t virtual_clock_ns(const struct virtual_clock *clock, int64_t true_ns);
struct fizeau_stamp virtual_clock_stamp(const struct virtual_clock *clock, int64_t true_ns);

#endif
