/* SPDX-License-Identifier: MIT */
#include "lib/crypto/xcbc.h"

#include <string.h>
#include <fizeau/keys.h>
#include "lib/crypto/aes.h"

/* K1, K2 and K3 are the key's encryptions of blocks of ones, twos and threes. */
static int subkey(const uint8_t key[static 16], uint8_t octet, uint8_t out[static 16])
{
	memset(out, octet, FZ_AES_BLOCK);
	return fz_aes_once(FZ_AES_ECB_ENCRYPT, key, NULL, out, out, FZ_AES_BLOCK);
}

static void xor_block(uint8_t into[static 16], const uint8_t *with, size_t len)
{
	for (size_t i = 0; i < len; i++)
		into[i] ^= with[i];
}

/* All blocks but the last are a CBC chain from IV 0; the last is masked with K2, or, if it had to be filled
   up with one bit and zeros, with K3. */
static int chain(const uint8_t key[static 16], struct fz_aes *aes, const uint8_t *text, size_t len,
	uint8_t mac[static 16])
{
	uint8_t mask[FZ_AES_BLOCK];
	int error = 0;

	memset(mac, 0, FZ_AES_BLOCK);
	while (error == 0 && len > FZ_AES_BLOCK) {
		xor_block(mac, text, FZ_AES_BLOCK);
		error = fz_aes_run(aes, mac, FZ_AES_BLOCK);
		text += FZ_AES_BLOCK;
		len -= FZ_AES_BLOCK;
	}
	if (error == 0)
		error = subkey(key, len == FZ_AES_BLOCK ? 2 : 3, mask);
	if (error < 0)
		return error;
	xor_block(mac, text, len);
	if (len < FZ_AES_BLOCK)
		mac[len] ^= 0x80;
	xor_block(mac, mask, FZ_AES_BLOCK);
	fizeau_wipe(mask, sizeof(mask));
	return fz_aes_run(aes, mac, FZ_AES_BLOCK);
}

int fz_xcbc_mac(const uint8_t key[static 16], const uint8_t *text, size_t len, uint8_t mac[static 16])
{
	uint8_t k1[FZ_AES_BLOCK];
	struct fz_aes aes;
	int error = subkey(key, 1, k1);

	if (error == 0)
		error = fz_aes_init(&aes, FZ_AES_ECB_ENCRYPT, k1, NULL);
	fizeau_wipe(k1, sizeof(k1));
	if (error < 0)
		return error;
	error = chain(key, &aes, text, len, mac);
	fz_aes_wipe(&aes);
	return error;
}

int fz_xcbc_prf(
	const uint8_t *key, size_t key_octets, const uint8_t *text, size_t len, uint8_t out[static 16])
{
	static const uint8_t zero_key[16];
	uint8_t fitted[16] = {0};
	int error = 0;

	if (key_octets <= sizeof(fitted))
		memcpy(fitted, key, key_octets);
	else
		error = fz_xcbc_mac(zero_key, key, key_octets, fitted);
	if (error == 0)
		error = fz_xcbc_mac(fitted, text, len, out);
	fizeau_wipe(fitted, sizeof(fitted));
	return error;
}
