/* SPDX-License-Identifier: MIT */
/* Exponential deviates with mean 1 (RFC 4656 section 5), bit by bit the same at every implementation. Numbers
   are 64-bit unsigned with the binary point after 32 bits. */
#ifndef FZ_CRYPTO_EXPDEV_H
#define FZ_CRYPTO_EXPDEV_H

#include <stdint.h>
#include "lib/crypto/aes.h"

/* Product, exact before it is cut: (x * y) >> 32, its low 64 bits. */
uint64_t fz_num64_mul(uint64_t x, uint64_t y);

/* Knuth's algorithm S on uniform 32-bit fractions from next(source). */
uint64_t fz_expdev_of(uint32_t (*next)(void *source), void *source);

struct fz_expdev {
	struct fz_aes aes;
	uint64_t counter; /* of 32-bit outputs; the RFC's has 128 bits, of which 64 never fill */
	uint8_t block[FZ_AES_BLOCK];
};

/* Seeded with a SID. FIZEAU_ERR_CRYPTO, and then nothing is to be wiped. */
FIZEAU_MUST_USE int fz_expdev_init(struct fz_expdev *e, const uint8_t sid[static 16]);
uint32_t fz_expdev_uniform(struct fz_expdev *e);
uint64_t fz_expdev_next(struct fz_expdev *e);
void fz_expdev_wipe(struct fz_expdev *e);

#endif
