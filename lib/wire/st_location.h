/* SPDX-License-Identifier: MIT */
/* The Location TLV's value (RFC 8972 section 4.2): ports, and sub-TLVs that ask for addresses in general, which the answer
   makes those of a family. */
#ifndef FZ_WIRE_ST_LOCATION_H
#define FZ_WIRE_ST_LOCATION_H

#include <fizeau/st_sender.h>
#include "lib/wire/st_tlv.h"

/* Octets of a value that asks for all there is. */
#define FZ_ST_LOCATION_OCTETS 56

void fz_st_location_ask(uint8_t value[static FZ_ST_LOCATION_OCTETS]);

/* Whether a value of octets, at least FZ_ST_LOCATION_LEAST, can be answered; if not, M is set in the sub-TLV that is wrong. */
bool fz_st_location_valid(uint8_t *value, size_t octets);
/* Answers a valid one; NULL: with zeros. ipv4 is the family of addresses that are not told. */
void fz_st_location_answer(uint8_t *value, size_t octets, bool ipv4, const struct fizeau_st_location *location);

/* Reads an answer; what makes no sense is not told. */
void fz_st_location_get(const uint8_t *value, size_t octets, struct fizeau_st_location *location);

#endif
