/* SPDX-License-Identifier: MIT */
/* What the clocks leave of a result: which figures mean something, and how wrong they may be. */
#ifndef FZ_CLI_CLOCK_VERDICT_H
#define FZ_CLI_CLOCK_VERDICT_H

#include "result.h"

/* Why one-way delays mean nothing, the worst first. */
enum fz_clock_fault {
	FZ_CLOCK_SENDER_SET,
	FZ_CLOCK_RECEIVER_SET,
	FZ_CLOCK_MOVED,           /* one of them was set, or is being corrected in a hurry */
	FZ_CLOCK_NEITHER_SYNCHRONIZED,
	FZ_CLOCK_SENDER_UNSYNCHRONIZED,
	FZ_CLOCK_RECEIVER_UNSYNCHRONIZED,
	FZ_CLOCK_CONTRADICTION,   /* a delay is below 0 by more than both bounds */
	FZ_CLOCK_GOOD,
};

struct fz_clock_verdict {
	bool known;                  /* there is a figure to judge */
	enum fz_clock_fault fault;
	bool variation;              /* OWAMP: differences of delays mean something all the same */
	/* Bounds of what the clocks add, in nanoseconds. */
	int64_t one_way_error_ns;    /* when good */
	int64_t ipdv_error_ns, pdv_error_ns;
};

struct fz_clock_verdict fz_clock_two_way(const struct fz_result_session *session);
struct fz_clock_verdict fz_clock_one_way(const struct fz_one_way_session *session);
/* Whether one-way delays are to be shown. */
bool fz_clock_usable(const struct fz_clock_verdict *verdict);

/* Fills what is known at the end of a session with an end here: its clock's steps, and whether it is the other's too. */
void fz_clock_facts_fill(const struct fz_clock *clock, bool same_clock, struct fz_session_facts *facts);

#endif
