/* SPDX-License-Identifier: MIT */
/* The HMAC of base packets in authenticated mode (RFC 8762 section 4.4), and the HMAC TLV, and whether TLVs may be used
   (RFC 8972 section 4.8). */
#ifndef FZ_PROTO_ST_COVER_H
#define FZ_PROTO_ST_COVER_H

#include "lib/crypto/hmac256.h"

/* Verifies a base packet; writes its HMAC, when all before it is final. FIZEAU_ERR_HMAC, FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_st_base_check(const struct fz_hmac256_key *key, const uint8_t *packet);
FIZEAU_MUST_USE int fz_st_base_cover(const struct fz_hmac256_key *key, uint8_t *packet);

/* Whether the TLVs of a packet, from offset base on, may be used. key is what they have to be covered with; NULL: they need
   not be, and an HMAC TLV cannot be verified. 0: they may, and *hmac_at is the offset of the HMAC TLV that covers them, or
   0 where none has to. FIZEAU_ERR_HMAC: they may not, as it is wrong, at a wrong place or missing. FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_st_cover_check(
	const struct fz_hmac256_key *key, const uint8_t *packet, size_t base, size_t len, size_t *hmac_at);

/* Writes the value of the HMAC TLV at hmac_at; all before it is final then. FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_st_cover(const struct fz_hmac256_key *key, uint8_t *packet, size_t base, size_t hmac_at);

#endif
