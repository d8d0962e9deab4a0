/* SPDX-License-Identifier: MIT */
/* What a Session-Sender asks for with TLVs, and what it makes of the answers (RFC 8972 section 4). */
#ifndef FZ_PROTO_ST_ASK_H
#define FZ_PROTO_ST_ASK_H

#include <fizeau/st_sender.h>

/* The TLVs that can be asked for. */
#define FZ_ST_ASKABLE \
	(FIZEAU_ST_TLV_BIT(FIZEAU_ST_LOCATION) | FIZEAU_ST_TLV_BIT(FIZEAU_ST_TIMESTAMP_INFORMATION) | \
		FIZEAU_ST_TLV_BIT(FIZEAU_ST_CLASS_OF_SERVICE) | FIZEAU_ST_TLV_BIT(FIZEAU_ST_DIRECT_MEASUREMENT) | \
		FIZEAU_ST_TLV_BIT(FIZEAU_ST_ACCESS_REPORT) | FIZEAU_ST_TLV_BIT(FIZEAU_ST_FOLLOW_UP))

/* Octets of those that a configuration asks for, with their headers. */
size_t fz_st_ask_octets(const struct fizeau_st_sender_config *config);
/* Writes them; packets: sent so far, with this one. */
void fz_st_ask_put(const struct fizeau_st_sender_config *config, uint32_t packets, uint8_t *octets);

/* Which TLVs of a reflection came back with which flags, into unknown, malformed and integrity. False: I is among them, or
   U in all, so that there is nothing to read. */
bool fz_st_ask_flags(const uint8_t *packet, size_t base, size_t len, struct fizeau_st_reflection *reflection);
/* Reads them up to one that is malformed; they may be used. */
void fz_st_ask_get(const struct fizeau_stamp_format *format, const uint8_t *packet, size_t base, size_t len,
	struct fizeau_st_reflection *reflection);

#endif
