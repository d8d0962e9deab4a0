/* SPDX-License-Identifier: MIT */
/* HMAC-SHA-256 with STAMP's keys, cut to its leftmost 16 octets (RFC 8762 section 4.4). */
#ifndef FZ_CRYPTO_HMAC256_H
#define FZ_CRYPTO_HMAC256_H

#include <fizeau/st.h>

#define FZ_HMAC256_FIELD 16
#define FZ_HMAC256_WORDS 8

/* What SHA-256 has come to after the key's block, for the inner and the outer hash: as secret as the key. */
struct fz_hmac256_key {
	uint32_t inner[FZ_HMAC256_WORDS], outer[FZ_HMAC256_WORDS];
};

/* Nothing to free; fizeau_wipe it. FIZEAU_ERR_RANGE for a key without octets or with too many, FIZEAU_ERR_CRYPTO; and
   then it is wiped. */
FIZEAU_MUST_USE int fz_hmac256_key_init(struct fz_hmac256_key *state, const struct fizeau_st_key *key);

#define FZ_HMAC256_BASE 96 /* octets of a base packet that are covered (RFC 8762 4.4) */

/* The field of a base packet. FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_hmac256_base(
	const struct fz_hmac256_key *state, const uint8_t octets[static FZ_HMAC256_BASE], uint8_t field[static FZ_HMAC256_FIELD]);
/* The field of a text in two parts. FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_hmac256_of(const struct fz_hmac256_key *state, const uint8_t *first, size_t first_len,
	const uint8_t *second, size_t second_len, uint8_t field[static FZ_HMAC256_FIELD]);
/* Compares a field that came with the one that it should be, in constant time; wipes the latter. FIZEAU_ERR_HMAC. */
FIZEAU_MUST_USE int fz_hmac256_same(
	const uint8_t field[static FZ_HMAC256_FIELD], uint8_t want[static FZ_HMAC256_FIELD]);

#endif
