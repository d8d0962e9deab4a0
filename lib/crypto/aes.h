/* SPDX-License-Identifier: MIT */
/* AES-128 in ECB and CBC without padding: whole blocks in place, the key schedule set up once. */
#ifndef FZ_CRYPTO_AES_H
#define FZ_CRYPTO_AES_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_AES_BLOCK 16

enum fz_aes_mode {
	FZ_AES_ECB_ENCRYPT,
	FZ_AES_ECB_DECRYPT,
	FZ_AES_CBC_ENCRYPT,
	FZ_AES_CBC_DECRYPT,
};

struct fz_aes {
	struct evp_cipher_ctx_st *ctx;
};

/* iv: 16 octets, for CBC only, NULL is zeros. FIZEAU_ERR_CRYPTO, and then nothing is to be wiped. */
FIZEAU_MUST_USE int fz_aes_init(
	struct fz_aes *aes, enum fz_aes_mode mode, const uint8_t key[static 16], const uint8_t *iv);
/* The next blocks, in place; a CBC chain goes on over calls. len is a multiple of 16. FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_aes_run(struct fz_aes *aes, uint8_t *octets, size_t len);
/* Wipes and frees; an all-zero struct is fine. */
void fz_aes_wipe(struct fz_aes *aes);

/* All at once, for what is done once per connection or session; to may be from. */
FIZEAU_MUST_USE int fz_aes_once(enum fz_aes_mode mode, const uint8_t key[static 16], const uint8_t *iv,
	const uint8_t *from, uint8_t *to, size_t len);

#endif
