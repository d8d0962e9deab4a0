/* SPDX-License-Identifier: MIT */
#include "lib/crypto/aes.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <openssl/evp.h>

static const uint8_t zero_iv[FZ_AES_BLOCK];

static bool mode_is_cbc(enum fz_aes_mode mode)
{
	return mode == FZ_AES_CBC_ENCRYPT || mode == FZ_AES_CBC_DECRYPT;
}

static bool mode_encrypts(enum fz_aes_mode mode)
{
	return mode == FZ_AES_ECB_ENCRYPT || mode == FZ_AES_CBC_ENCRYPT;
}

int fz_aes_init(struct fz_aes *aes, enum fz_aes_mode mode, const uint8_t key[static 16], const uint8_t *iv)
{
	const EVP_CIPHER *cipher = mode_is_cbc(mode) ? EVP_aes_128_cbc() : EVP_aes_128_ecb();

	if (iv == NULL)
		iv = zero_iv;
	aes->ctx = EVP_CIPHER_CTX_new();
	if (aes->ctx == NULL)
		return FIZEAU_ERR_CRYPTO;
	if (!EVP_CipherInit_ex2(
		    aes->ctx, cipher, key, mode_is_cbc(mode) ? iv : NULL, mode_encrypts(mode), NULL) ||
		!EVP_CIPHER_CTX_set_padding(aes->ctx, 0)) {
		fz_aes_wipe(aes);
		return FIZEAU_ERR_CRYPTO;
	}
	return 0;
}

int fz_aes_run(struct fz_aes *aes, uint8_t *octets, size_t len)
{
	int done = 0;

	assert(len % FZ_AES_BLOCK == 0 && len <= INT_MAX);
	if (len == 0)
		return 0;
	if (!EVP_CipherUpdate(aes->ctx, octets, &done, octets, (int)len) || (size_t)done != len)
		return FIZEAU_ERR_CRYPTO;
	return 0;
}

void fz_aes_wipe(struct fz_aes *aes)
{
	/* Frees the provider's context, which cleanses its key schedule. */
	EVP_CIPHER_CTX_free(aes->ctx);
	aes->ctx = NULL;
}

int fz_aes_once(enum fz_aes_mode mode, const uint8_t key[static 16], const uint8_t *iv, const uint8_t *from,
	uint8_t *to, size_t len)
{
	struct fz_aes aes;
	int error = fz_aes_init(&aes, mode, key, iv);

	if (error < 0)
		return error;
	if (to != from)
		memcpy(to, from, len);
	error = fz_aes_run(&aes, to, len);
	fz_aes_wipe(&aes);
	return error;
}
