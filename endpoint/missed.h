/* SPDX-License-Identifier: MIT */
/* Slots of a schedule that were missed: the packet left when a later one was due already, or did not leave at all. */
#ifndef FZ_ENDPOINT_MISSED_H
#define FZ_ENDPOINT_MISSED_H

#include <stdbool.h>
#include <stdint.h>

#define FZ_MISSED_RANGES_MAX 1024 /* that are told; of more only the count is */
#define FZ_MISSED_WAITING 16      /* packets due at the same moment that are judged together */

/* Numbers first .. last, both included. */
struct fz_missed_range {
	uint32_t first, last;
};

/* Zeroed has missed nothing. */
struct fz_missed {
	uint64_t count;
	struct fz_missed_range *ranges; /* ascending */
	uint32_t range_count, room;
	bool cut;                       /* there are more ranges */
	int64_t due_ns;                 /* of those that wait for the next slot to be judged */
	struct {
		uint32_t seq;
		int64_t left_ns;
	} waiting[FZ_MISSED_WAITING];
	uint32_t waiting_count;
};

/* Packet seq of the slot at due_ns left at left_ns; the next slot judges it. To be called in order of numbers, of slots
   that do not go back in time. The last packet has no slot behind it to miss. */
void fz_missed_sent(struct fz_missed *missed, uint32_t seq, int64_t due_ns, int64_t left_ns);
/* Packet seq of that slot was not sent, or its slot is known to be missed. */
void fz_missed_slot(struct fz_missed *missed, uint32_t seq, int64_t due_ns);
void fz_missed_free(struct fz_missed *missed);

#endif
