/* SPDX-License-Identifier: MIT */
/* How long after the stamp that a program takes its packets leave, learnt from the transmit stamps of earlier ones, so that
   the stamp in a packet is the best estimate of its real departure (RFC 4656 section 4.1.1), and what remains of the
   doubt is in its Error Estimate (section 4.1.2). Pure; one for whatever sends alike: a session, or the lone packets of a reflector.

   How long a packet takes through the kernel depends above all on how cold the processor is: caches, clock rate, what else it
   does. So does how long the program took to come to the stamp, on the same processor a moment before. Where that effort is
   known the delay is taken to grow with it: what is learnt is their ratio. */
#ifndef FZ_IO_DEPARTURE_H
#define FZ_IO_DEPARTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/time.h>

#define FZ_DEPARTURES 32 /* that are remembered */

/* Of one source of transmit stamps. */
struct fz_departures {
	int32_t recent[FZ_DEPARTURES]; /* ns, for an effort of 10 us where it is known; the oldest at next once it is full */
	int32_t sorted[FZ_DEPARTURES];
	uint32_t count, next;
	struct fizeau_mono learnt;     /* when the last was */
};

/* Zeroed knows nothing. */
struct fz_departure {
	struct fz_departures kernel, card; /* never mixed: the card's clock is later, and its own */
};

#define FZ_EFFORT_UNKNOWN 0

/* effort_ns: the time from when the program began to see to the packet to its stamp, for packets that were seen to alike. One
   departure is asked always with it, or always without. It counts from 1 us to 40 us: who was held up for longer has
   learnt no more about the processor.

   A packet that the program stamped `own` left at `left` (source KERNEL or HARDWARE). What cannot be true, since a clock
   was set or the stamp is of another packet, is passed over: left before own, or more than 0.1 s after it. */
void fz_departure_learn(struct fz_departure *departure, const struct fizeau_stamp *own, const struct fizeau_stamp *left,
	int64_t effort_ns, struct fizeau_mono now);

struct fz_correction {
	int64_t delay_ns;  /* median of the last ones */
	int64_t spread_ns; /* what nine in ten of them were away from it at most */
};

/* What is known: the card's where there are any, else the kernel's. False if too little is, or nothing that is recent
   (two minutes): the correction is then 0. */
bool fz_departure_known(const struct fz_departure *departure, int64_t effort_ns, struct fizeau_mono now,
	struct fz_correction *correction);
/* Moves a stamp that was just taken to when its packet will leave, and adds the spread to its Error Estimate. */
void fz_departure_correct(const struct fz_correction *correction, struct fizeau_stamp *stamp);

#endif
