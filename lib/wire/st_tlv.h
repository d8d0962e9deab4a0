/* SPDX-License-Identifier: MIT */
/* TLVs of STAMP (RFC 8972 section 4). */
#ifndef FZ_WIRE_ST_TLV_H
#define FZ_WIRE_ST_TLV_H

#include <fizeau/st.h>

#define FZ_ST_TLV_HEADER 4

#define FZ_ST_TLV_U 0x80u /* not understood */
#define FZ_ST_TLV_M 0x40u /* malformed */
#define FZ_ST_TLV_I 0x20u /* integrity check failed */

/* Writes the header of a sender's TLV: length octets of value follow, at most 65,535. */
void fz_st_tlv_put(uint8_t header[static FZ_ST_TLV_HEADER], unsigned type, size_t length);

#endif
