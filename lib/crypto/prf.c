/* SPDX-License-Identifier: MIT */
#include "lib/crypto/prf.h"

#include <string.h>
#include <openssl/evp.h>
#include "lib/crypto/xcbc.h"

static const struct {
	enum fizeau_prf prf;
	const char *name;
	const char *digest; /* of HMAC; NULL: built on AES-128 */
	size_t octets;
} prfs[] = {
	{FIZEAU_PRF_HMAC_SHA1, "hmac-sha1", "SHA1", 20},
	{FIZEAU_PRF_AES128_XCBC, "aes128-xcbc", NULL, 16},
	{FIZEAU_PRF_HMAC_SHA2_256, "hmac-sha2-256", "SHA256", 32},
	{FIZEAU_PRF_HMAC_SHA2_384, "hmac-sha2-384", "SHA384", 48},
	{FIZEAU_PRF_HMAC_SHA2_512, "hmac-sha2-512", "SHA512", 64},
	{FIZEAU_PRF_AES128_CMAC, "aes128-cmac", NULL, 16},
};

#define PRFS (sizeof(prfs) / sizeof(prfs[0]))

const char *fizeau_prf_name(enum fizeau_prf prf)
{
	for (size_t i = 0; i < PRFS; i++) {
		if (prfs[i].prf == prf)
			return prfs[i].name;
	}
	return NULL;
}

enum fizeau_prf fizeau_prf_from_name(const char *name)
{
	for (size_t i = 0; i < PRFS; i++) {
		if (strcmp(prfs[i].name, name) == 0)
			return prfs[i].prf;
	}
	return FIZEAU_PRF_NONE;
}

size_t fizeau_prf_octets(enum fizeau_prf prf)
{
	for (size_t i = 0; i < PRFS; i++) {
		if (prfs[i].prf == prf)
			return prfs[i].octets;
	}
	return 0;
}

static int mac(const char *name, const char *algorithm, const uint8_t *key, size_t key_octets,
	const uint8_t *text, size_t len, uint8_t *out, size_t out_octets)
{
	size_t done = 0;

	if (EVP_Q_mac(NULL, name, NULL, algorithm, NULL, key, key_octets, text, len, out, out_octets,
		    &done) == NULL ||
		done != out_octets)
		return FIZEAU_ERR_CRYPTO;
	return 0;
}

/* AES-CMAC-PRF-128 (RFC 4615): a key of another length is first folded under the zero key. */
static int cmac_prf(
	const uint8_t *key, size_t key_octets, const uint8_t *text, size_t len, uint8_t out[static 16])
{
	static const uint8_t zero_key[16];
	uint8_t folded[16];
	int error = 0;

	if (key_octets == sizeof(folded))
		memcpy(folded, key, sizeof(folded));
	else
		error = mac("CMAC", "AES-128-CBC", zero_key, sizeof(zero_key), key, key_octets, folded,
			sizeof(folded));
	if (error == 0)
		error = mac("CMAC", "AES-128-CBC", folded, sizeof(folded), text, len, out, 16);
	fizeau_wipe(folded, sizeof(folded));
	return error;
}

int fz_prf(enum fizeau_prf prf, const uint8_t *key, size_t key_octets, const uint8_t *text, size_t len,
	uint8_t out[static FIZEAU_IKE_KEY_MAX])
{
	for (size_t i = 0; i < PRFS; i++) {
		if (prfs[i].prf == prf && prfs[i].digest != NULL)
			return mac("HMAC", prfs[i].digest, key, key_octets, text, len, out, prfs[i].octets);
	}
	if (prf == FIZEAU_PRF_AES128_CMAC)
		return cmac_prf(key, key_octets, text, len, out);
	if (prf == FIZEAU_PRF_AES128_XCBC)
		return fz_xcbc_prf(key, key_octets, text, len, out);
	return FIZEAU_ERR_RANGE;
}

/*= rfc7717#section-5.1 IK-5.1-03 */
int fizeau_prf_ippm(
	enum fizeau_prf prf, const uint8_t *sk_d, size_t sk_d_octets, uint8_t key[static FIZEAU_IKE_KEY_MAX])
{
	static const uint8_t ippm[4] = {'I', 'P', 'P', 'M'};
	int error;

	if (sk_d_octets == 0)
		return FIZEAU_ERR_RANGE;
	error = fz_prf(prf, sk_d, sk_d_octets, ippm, sizeof(ippm), key);
	return error < 0 ? error : (int)fizeau_prf_octets(prf);
}
