/* SPDX-License-Identifier: MIT */
/* chronyd or ptp4l, asked without waiting: a question goes out, and its answer is read when somebody looks again. One that
   is not there costs a system call or two in a while. */
#ifndef FZ_IO_CLOCK_DAEMON_H
#define FZ_IO_CLOCK_DAEMON_H

#include <fizeau/time.h>
#include "io/clock_choice.h"
#include "io/clock_word.h"

struct fz_clock_daemon;

/* source is FZ_CLOCK_CHRONYD or FZ_CLOCK_PTP4L; choice says where if it is that one, and then its word is asserted
   (fz_ptp_word). NULL without memory. Nothing is opened yet. */
struct fz_clock_daemon *fz_clock_daemon_new(enum fz_clock_source source, const struct fz_clock_choice *choice);
void fz_clock_daemon_free(struct fz_clock_daemon *daemon); /* NULL is fine */

/* Sends a question; what is open of an earlier one is forgotten. */
void fz_clock_daemon_ask(struct fz_clock_daemon *daemon, struct fizeau_mono now);
/* Reads what has come. Meant to be called often: it looks 2 ms after the question, and then at ever longer intervals. True
   if there is a new word. */
bool fz_clock_daemon_look(struct fz_clock_daemon *daemon, struct fizeau_mono now);
/* Its last word, widened by its age; false if there is none younger than 10 s, or none to a question that was asked after
   `since`. */
bool fz_clock_daemon_word(const struct fz_clock_daemon *daemon, struct fizeau_mono now, struct fizeau_mono since,
	struct fz_clock_word *word);

#endif
