/* SPDX-License-Identifier: MIT */
/* Slots of a send schedule, as Request-Session carries them. */
#ifndef FZ_WIRE_SCHEDULE_H
#define FZ_WIRE_SCHEDULE_H

#include <fizeau/error.h>
#include <fizeau/schedule.h>

#define FZ_SLOT_OCTETS 16

/* FIZEAU_ERR_LENGTH unless len is FZ_SLOT_OCTETS, FIZEAU_ERR_MALFORMED for an unknown slot type. */
FIZEAU_MUST_USE int fz_slot_get(struct fizeau_slot *slot, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_slot_put(const struct fizeau_slot *slot, uint8_t *octets, size_t len);

#endif
