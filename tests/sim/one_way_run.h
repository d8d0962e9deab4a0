/* SPDX-License-Identifier: MIT */
/* Session-Sender and Session-Receiver joined by a link that loses, duplicates, delays and reorders, with clocks that are
   off: records and summary have to say what the link did. What it did is counted here without the library, each metric
   by its definition. */
#ifndef SIM_ONE_WAY_RUN_H
#define SIM_ONE_WAY_RUN_H

#include <fizeau/receiver.h>
#include <fizeau/stats.h>
#include "tests/testlib/link.h"

#define SENT 400 /* numbers of each session */
#define SEEDS 12
#define MS 1000000LL

struct scenario {
	struct link_config link;
	int64_t timeout_ns;
	int64_t offset_ns, drift_ppb;	 /* of the receiver's clock */
	const struct fizeau_slot *slots; /* NULL: exponential, 10 ms */
	size_t slot_count;
	struct fizeau_skip_range skipped;  /* numbers that the sender does not send; last 0: none */
	struct fizeau_skip_range blackout; /* numbers that the link loses one and all; last 0: none */
	uint32_t stop_at;		   /* sending stops before this number; 0: at the end of the schedule */
	bool broken;			   /* and the sender does not say so */
};

/* One session; fails the test unless everything is as the link did it. */
void run_one(const struct scenario *scenario, uint64_t seed, struct fizeau_one_way_summary *summary);
/* Runs a scenario in all modes with SEEDS seeds; returns the figures of all added up, to see that what it is about has
   happened. */
struct fizeau_one_way_summary run(const struct scenario *scenario);

#endif
