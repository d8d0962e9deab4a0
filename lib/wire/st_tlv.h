/* SPDX-License-Identifier: MIT */
/* TLVs of STAMP (RFC 8972 section 4), and their sub-TLVs, which look the same. */
#ifndef FZ_WIRE_ST_TLV_H
#define FZ_WIRE_ST_TLV_H

#include <fizeau/st.h>

#define FZ_ST_TLV_HEADER 4

#define FZ_ST_TLV_U 0x80u /* not understood */
#define FZ_ST_TLV_M 0x40u /* malformed */
#define FZ_ST_TLV_I 0x20u /* integrity check failed */

/* Octets of values that have a fixed number of them, or at least that. */
#define FZ_ST_LOCATION_LEAST 4
#define FZ_ST_TIMESTAMP_INFORMATION_LEAST 4
#define FZ_ST_CLASS_OF_SERVICE_OCTETS 4
#define FZ_ST_DIRECT_MEASUREMENT_OCTETS 12
#define FZ_ST_ACCESS_REPORT_OCTETS 4
#define FZ_ST_FOLLOW_UP_OCTETS 16
#define FZ_ST_HMAC_OCTETS 16

/* One of them, at its place in a packet. */
struct fz_st_tlv {
	size_t at;     /* offset of its header */
	size_t value;  /* offset of its value */
	size_t octets; /* of the value that are there */
	uint8_t flags;
	uint8_t type;  /* 0 where the packet ends before it */
	bool whole;    /* header and value are all there; else it is the last */
};

/* The TLV at *at, of packets of len octets; *at is then behind it. False where none follows. */
bool fz_st_tlv_next(const uint8_t *packet, size_t len, size_t *at, struct fz_st_tlv *tlv);

/* Whether a type is one that is understood here. */
bool fz_st_tlv_known(unsigned type);
/* Whether a TLV is whole, and as long as its type is. */
bool fz_st_tlv_valid(const struct fz_st_tlv *tlv);

/* Writes the header of a sender's TLV: length octets of value follow, at most 65,535. */
void fz_st_tlv_put(uint8_t header[static FZ_ST_TLV_HEADER], unsigned type, size_t length);

#endif
