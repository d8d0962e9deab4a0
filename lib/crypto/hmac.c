/* SPDX-License-Identifier: MIT */
#include "lib/crypto/hmac.h"

#include <stdbool.h>
#include <string.h>
#include <fizeau/keys.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

int fz_hmac_init(struct fz_hmac *hmac, const uint8_t key[static FZ_HMAC_KEY])
{
	char digest[] = "SHA1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	hmac->ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (hmac->ctx == NULL)
		return FIZEAU_ERR_CRYPTO;
	if (!EVP_MAC_init(hmac->ctx, key, FZ_HMAC_KEY, params)) {
		fz_hmac_wipe(hmac);
		return FIZEAU_ERR_CRYPTO;
	}
	return 0;
}

int fz_hmac_update(struct fz_hmac *hmac, const uint8_t *octets, size_t len)
{
	return EVP_MAC_update(hmac->ctx, octets, len) ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac_final(struct fz_hmac *hmac, uint8_t field[static FZ_HMAC_FIELD])
{
	uint8_t whole[SHA_DIGEST_LENGTH];
	size_t len;
	/* Without a key, init goes back to the state after the key was set. */
	bool good = EVP_MAC_final(hmac->ctx, whole, &len, sizeof(whole)) &&
		    EVP_MAC_init(hmac->ctx, NULL, 0, NULL);

	if (good)
		memcpy(field, whole, FZ_HMAC_FIELD);
	fizeau_wipe(whole, sizeof(whole));
	return good ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac_of(struct fz_hmac *hmac, const uint8_t *octets, size_t len, uint8_t field[static FZ_HMAC_FIELD])
{
	int error = fz_hmac_update(hmac, octets, len);

	return error < 0 ? error : fz_hmac_final(hmac, field);
}

void fz_hmac_wipe(struct fz_hmac *hmac)
{
	EVP_MAC_CTX_free(hmac->ctx);
	hmac->ctx = NULL;
}
