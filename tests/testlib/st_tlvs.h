/* SPDX-License-Identifier: MIT */
/* Packets with TLVs, made octet by octet, without the library. */
#ifndef TESTLIB_ST_TLVS_H
#define TESTLIB_ST_TLVS_H

#include "tests/testlib/st_packets.h"

#define ST_TLVS_MAX 2000

struct st_tlvs {
	uint8_t octets[ST_TLVS_MAX];
	size_t len, base;
	size_t at[32]; /* of the headers */
	unsigned count;
};

/* The vectors' packet, number seq; key NULL: open. */
void st_tlvs_begin(struct st_tlvs *p, uint32_t seq, const struct fizeau_st_key *key);
/* Appends one, U set; value NULL: zeros. Its offset. */
size_t st_tlvs_add(struct st_tlvs *p, unsigned type, size_t length, const void *value);
/* Appends an HMAC TLV over all so far. */
size_t st_tlvs_add_hmac(struct st_tlvs *p, const struct fizeau_st_key *key);
/* One of the type as a sender makes it, with something to answer. */
size_t st_tlvs_add_asking(struct st_tlvs *p, unsigned type);

/* HMAC-SHA-256-128 by libcrypto at once, over the first four octets and from base to end; 0: the base packet's own 96. */
void st_hmac_once(const struct fizeau_st_key *key, const uint8_t *packet, size_t base, size_t end, uint8_t field[static 16]);

#endif
