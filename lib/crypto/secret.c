/* SPDX-License-Identifier: MIT */
#include "lib/crypto/secret.h"

#include <fizeau/keys.h>
#include <openssl/crypto.h>

void fizeau_wipe(void *secret, size_t octets)
{
	OPENSSL_cleanse(secret, octets);
}

bool fz_secret_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
