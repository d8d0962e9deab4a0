/* SPDX-License-Identifier: MIT */
/* The host's clocks: monotonic for waiting, wall clock for stamps, and what the kernel says about the latter's
   error (adjtimex). */
#ifndef FZ_IO_CLOCK_H
#define FZ_IO_CLOCK_H

#include <stdbool.h>
#include <time.h>
#include <fizeau/time.h>

/* The wall clock's state as last asked for; stamps carry it. One asks anew every second or so: adjtimex is a
   system call, so never once per packet. */
struct fz_clock {
	uint16_t error_estimate; /* for stamps of the kernel and of user space */
	bool synchronized;
	int64_t error_ns;        /* bound: maxerror of the kernel, or a stated guess when unsynchronised */
	struct fizeau_mono asked;
};

struct fizeau_mono fz_clock_mono(void);
/* Asks the kernel (adjtimex). Where that fails the clock counts as not synchronised. */
void fz_clock_ask(struct fz_clock *clock);
/* fz_clock_ask, if the last time is more than a second ago. */
void fz_clock_refresh(struct fz_clock *clock, struct fizeau_mono now);
/* The wall clock now, source FIZEAU_STAMP_USER. */
struct fizeau_stamp fz_clock_wall(const struct fz_clock *clock);
/* A stamp of the kernel or the card as a stamp of ours. */
struct fizeau_stamp fz_clock_stamp(const struct fz_clock *clock, struct timespec when, enum fizeau_stamp_source source);

#endif
