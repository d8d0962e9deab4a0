/* SPDX-License-Identifier: MIT */
/* Slots of a schedule, taken one by one as they come in: in Request-Session, and in its reproduction. */
#ifndef FZ_PROTO_SLOTS_H
#define FZ_PROTO_SLOTS_H

#include "lib/wire/schedule.h"

struct fz_slots {
	uint32_t due, have; /* announced, and come so far */
	struct fizeau_slot *slots;
	size_t cap;
};

/* That many will come; those before are forgotten. */
void fz_slots_expect(struct fz_slots *s, uint32_t count);
/* FIZEAU_ERR_MALFORMED for an unknown type, FIZEAU_ERR_MEMORY. It is counted all the same. */
FIZEAU_MUST_USE int fz_slots_take(struct fz_slots *s, const uint8_t octets[static FZ_SLOT_OCTETS]);
/* Counted only. */
void fz_slots_skip(struct fz_slots *s);
void fz_slots_free(struct fz_slots *s);

#endif
