/* SPDX-License-Identifier: MIT */
/* STAMP packets (RFC 8762), their TLVs (RFC 8972), and TWAMP Light's: what sender and reflector share. "st" is to STAMP
   what "ow" and "tw" are to OWAMP and TWAMP. */
#ifndef FIZEAU_ST_H
#define FIZEAU_ST_H

#include <stddef.h>
#include "time.h"

#define FIZEAU_ST_PORT 862u               /* of the reflector (RFC 8762 4.1) */
#define FIZEAU_ST_KEY_MAX 64u             /* octets of a key; at least 1 */
#define FIZEAU_ST_BASE_OPEN 44u           /* base packets, of both ends */
#define FIZEAU_ST_BASE_AUTHENTICATED 112u
#define FIZEAU_ST_LIGHT_SENDER 14u        /* shortest packet of a TWAMP Light sender */
#define FIZEAU_ST_LIGHT_REFLECTOR 41u     /* shortest reflection of a TWAMP Light reflector */

/* Key of HMAC-SHA-256, of base packets and of the HMAC TLV (RFC 8762 4.4, RFC 8972 4.8). Secret: wipe it. octets 0: none. */
struct fizeau_st_key {
	uint8_t key[FIZEAU_ST_KEY_MAX];
	size_t octets;
};

/* Types of TLVs (RFC 8972 5.1). */
enum fizeau_st_tlv {
	FIZEAU_ST_EXTRA_PADDING = 1,
	FIZEAU_ST_LOCATION,
	FIZEAU_ST_TIMESTAMP_INFORMATION,
	FIZEAU_ST_CLASS_OF_SERVICE,
	FIZEAU_ST_DIRECT_MEASUREMENT,
	FIZEAU_ST_ACCESS_REPORT,
	FIZEAU_ST_FOLLOW_UP,
	FIZEAU_ST_HMAC,
};
#define FIZEAU_ST_TLV_BIT(type) (1u << (type)) /* a type in a set of them */

/* What synchronizes a clock (RFC 8972 5.4); 0 is reserved, and used here for "not told". */
enum fizeau_st_sync {
	FIZEAU_ST_SYNC_NTP = 1,
	FIZEAU_ST_SYNC_PTP,
	FIZEAU_ST_SYNC_SSU_BITS,
	FIZEAU_ST_SYNC_GNSS, /* GPS, GLONASS, LORAN-C, BDS, Galileo */
	FIZEAU_ST_SYNC_FREE, /* local, free-running */
};

/* How a stamp was taken (RFC 8972 5.5). */
enum fizeau_st_method {
	FIZEAU_ST_METHOD_HARDWARE = 1,
	FIZEAU_ST_METHOD_SOFTWARE,
	FIZEAU_ST_METHOD_CONTROL_PLANE,
};

/* Access networks (RFC 8972 4.6) and their states (5.6). */
enum fizeau_st_access {
	FIZEAU_ST_ACCESS_3GPP = 1,
	FIZEAU_ST_ACCESS_NON_3GPP,
};
enum fizeau_st_return_code {
	FIZEAU_ST_NETWORK_AVAILABLE = 1,
	FIZEAU_ST_NETWORK_UNAVAILABLE,
};

/* Name of a TLV type as people give it and read it ("location", "class-of-service"), NULL if it has none; and back,
   0 if unknown. Static. */
FIZEAU_API const char *fizeau_st_tlv_name(unsigned type);
FIZEAU_API unsigned fizeau_st_tlv_from_name(const char *name);

#endif
