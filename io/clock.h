/* SPDX-License-Identifier: MIT */
/* The host's clocks: monotonic for waiting, wall clock for stamps, what the kernel, chronyd or ptp4l say about the
   latter's error, and whether it was set meanwhile. */
#ifndef FZ_IO_CLOCK_H
#define FZ_IO_CLOCK_H

#include <stdbool.h>
#include <time.h>
#include <fizeau/time.h>
#include "io/clock_choice.h"
#include "io/loop.h"

struct fz_clock_daemon;

/* Times that the wall clock was set, while it was watched. */
struct fz_clock_steps {
	uint32_t count;
	int64_t size_ns;           /* by how much, all together: what it shows now less what it would have shown */
	int64_t unix_ns;           /* when the last one was noticed, by the wall clock as set */
};

typedef void fz_clock_step_fn(void *arg, int64_t size_ns);

/* The wall clock's state as last asked for; stamps carry it. One for all sessions of a process: whoever uses it refreshes
   it, which asks anew every second or so, never once per packet. */
struct fz_clock {
	uint16_t error_estimate; /* for stamps of the kernel and of user space */
	bool synchronized;
	int64_t error_ns;        /* bound; a guess when unsynchronised */
	enum fz_clock_source source; /* whose word that is; the kernel's where nobody else's counts */
	int32_t tai_utc_s;       /* TAI less UTC, as the kernel was told; FIZEAU_TAI_UTC_S where nobody told it */
	struct fizeau_mono asked;

	/* Set by its owner after fz_clock_open. */
	bool keen;               /* every refresh looks whether the clock was set, not only those that ask */
	fz_clock_step_fn *stepped; /* NULL: nobody asks. From within a refresh, once for each */
	void *arg;

	/* Its own. */
	int64_t ahead_ns;        /* wall clock less monotonic clock */
	struct fz_clock_steps steps;
	struct fizeau_mono step_noticed;
	enum fz_clock_source choice;
	struct fz_clock_daemon *chronyd, *ptp4l; /* NULL: not asked */
	struct fz_loop *loop;    /* that watches it; NULL: none */
	struct fz_timer timer;
};

struct fizeau_mono fz_clock_mono(void);

/* Sets up a clock that goes by what is chosen, and asks for the first time. -ENOMEM. A daemon's answer is there a few
   milliseconds later at the earliest; until then such a clock is not synchronised. */
FIZEAU_MUST_USE int fz_clock_open(struct fz_clock *clock, const struct fz_clock_choice *choice);
/* Has the loop refresh it now and then, so that daemons' words are young and a step is noticed when nobody measures.
   -ENOMEM. Each process of its own has to open and watch its own: a fork shares descriptors. */
FIZEAU_MUST_USE int fz_clock_watch(struct fz_clock *clock, struct fz_loop *loop);
void fz_clock_close(struct fz_clock *clock); /* also what was only zeroed */

/* Sets up a clock that goes by the kernel alone (adjtimex), with nothing to close. Where that fails the clock counts as
   not synchronised. */
void fz_clock_ask(struct fz_clock *clock);
/* Reads what daemons answered; looks whether the clock was set, and asks anew, if the last time is more than a second
   ago. */
void fz_clock_refresh(struct fz_clock *clock, struct fizeau_mono now);
/* Steps since `before`, a copy of clock->steps. */
struct fz_clock_steps fz_clock_steps_since(const struct fz_clock *clock, const struct fz_clock_steps *before);

/* The wall clock now, source FIZEAU_STAMP_USER. */
struct fizeau_stamp fz_clock_wall(const struct fz_clock *clock);
/* A stamp of the kernel or the card as a stamp of ours. */
struct fizeau_stamp fz_clock_stamp(const struct fz_clock *clock, struct timespec when, enum fizeau_stamp_source source);

#endif
