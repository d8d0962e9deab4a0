/* SPDX-License-Identifier: MIT */
/* Skip Range descriptions, as Stop-Sessions and Fetch data carry them. */
#ifndef FZ_WIRE_SKIP_RANGES_H
#define FZ_WIRE_SKIP_RANGES_H

#include <fizeau/error.h>
#include <fizeau/record.h>

#define FZ_SKIP_RANGE_OCTETS 8
#define FZ_SKIP_RANGES_BLOCK 2 /* in 16 octets */

/* Octets of that many ranges, zero-filled to whole blocks of 16. */
size_t fz_skip_ranges_octets(uint32_t count);
/* The first count ranges; what fills up the rest is not looked at. FIZEAU_ERR_LENGTH if they are not there. */
FIZEAU_MUST_USE int fz_skip_ranges_get(
	struct fizeau_skip_range *ranges, size_t count, const uint8_t *octets, size_t len);
/* And zeros up to len. */
FIZEAU_MUST_USE int fz_skip_ranges_put(
	const struct fizeau_skip_range *ranges, size_t count, uint8_t *octets, size_t len);

#endif
