/* SPDX-License-Identifier: MIT */
/* HMAC-SHA1 with the 32-octet keys of O/TWAMP, cut to its leftmost 16 octets (RFC 4656 section 3.2). */
#ifndef FZ_CRYPTO_HMAC_H
#define FZ_CRYPTO_HMAC_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>
#include <openssl/sha.h>

#define FZ_HMAC_FIELD 16
#define FZ_HMAC_KEY 32

/* What SHA-1 has come to after the key's block, for the inner and the outer hash: as secret as the key. */
struct fz_hmac_key {
	uint32_t inner[5], outer[5];
};

/* Nothing to free; fizeau_wipe it. FIZEAU_ERR_CRYPTO, and then it is wiped. */
FIZEAU_MUST_USE int fz_hmac_key_init(struct fz_hmac_key *state, const uint8_t key[static FZ_HMAC_KEY]);
/* The field of a packet, at once. */
FIZEAU_MUST_USE int fz_hmac_of(
	const struct fz_hmac_key *state, const uint8_t *octets, size_t len, uint8_t field[static FZ_HMAC_FIELD]);

/* A running one, for what comes in pieces. */
struct fz_hmac {
	struct fz_hmac_key key;
	SHA_CTX inner;
};

/* FIZEAU_ERR_CRYPTO, and then nothing is to be wiped. */
FIZEAU_MUST_USE int fz_hmac_init(struct fz_hmac *hmac, const uint8_t key[static FZ_HMAC_KEY]);
FIZEAU_MUST_USE int fz_hmac_update(struct fz_hmac *hmac, const uint8_t *octets, size_t len);
/* The field for all since init or the last final; starts over with the same key. */
FIZEAU_MUST_USE int fz_hmac_final(struct fz_hmac *hmac, uint8_t field[static FZ_HMAC_FIELD]);
void fz_hmac_wipe(struct fz_hmac *hmac);

#endif
