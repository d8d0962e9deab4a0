/* SPDX-License-Identifier: MIT */
/* HMAC-SHA1 with the 32-octet keys of O/TWAMP, cut to its leftmost 16 octets (RFC 4656 section 3.2). */
#ifndef FZ_CRYPTO_HMAC_H
#define FZ_CRYPTO_HMAC_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_HMAC_FIELD 16
#define FZ_HMAC_KEY 32

struct fz_hmac {
	struct evp_mac_ctx_st *ctx;
};

/* FIZEAU_ERR_CRYPTO, and then nothing is to be wiped. */
FIZEAU_MUST_USE int fz_hmac_init(struct fz_hmac *hmac, const uint8_t key[static FZ_HMAC_KEY]);
FIZEAU_MUST_USE int fz_hmac_update(struct fz_hmac *hmac, const uint8_t *octets, size_t len);
/* The field for all since init or the last final; starts over with the same key. */
FIZEAU_MUST_USE int fz_hmac_final(struct fz_hmac *hmac, uint8_t field[static FZ_HMAC_FIELD]);
/* Update and final for packets. */
FIZEAU_MUST_USE int fz_hmac_of(
	struct fz_hmac *hmac, const uint8_t *octets, size_t len, uint8_t field[static FZ_HMAC_FIELD]);
/* Wipes and frees; an all-zero struct is fine. */
void fz_hmac_wipe(struct fz_hmac *hmac);

#endif
