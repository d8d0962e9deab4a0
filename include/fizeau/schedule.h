/* SPDX-License-Identifier: MIT */
/* Send schedules (RFC 4656 sections 3.6 and 5): sender and receiver of a session compute the same one. */
#ifndef FIZEAU_SCHEDULE_H
#define FIZEAU_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "keys.h"

#define FIZEAU_SLOTS_MAX 65535u /* of one schedule */

/* One slot of a send schedule (RFC 4656 3.6). */
struct fizeau_slot {
	bool exponential;   /* else fixed */
	uint64_t parameter; /* 32.32 s: mean or interval */
};

struct fizeau_schedule;

/* The schedule that a SID and its slots define; slots are copied. NULL without memory or slots
   (1 .. FIZEAU_SLOTS_MAX). */
FIZEAU_API struct fizeau_schedule *fizeau_schedule_new(const uint8_t sid[static FIZEAU_SID_OCTETS],
	const struct fizeau_slot *slots, size_t count);
FIZEAU_API void fizeau_schedule_free(struct fizeau_schedule *schedule);
/* Offset of the next packet from the Start Time, 32.32 s; the first is preceded by the first slot's wait. */
FIZEAU_API uint64_t fizeau_schedule_next(struct fizeau_schedule *schedule);

#endif
