/* SPDX-License-Identifier: MIT */
#include <fizeau/keys.h>

#include <string.h>
#include "lib/crypto/aes.h"
#include "lib/crypto/secret.h"

/*
 * Token in clear (RFC 4656 section 3.1), 64 octets:
 *
 *   0-15   Challenge
 *   16-31  AES Session-key
 *   32-63  HMAC Session-key
 */
#define AT_AES 16
#define AT_HMAC 32

/*= rfc4656#section-3.1 OW-3.1-27 OW-3.1-28 */
int fizeau_token_seal(const uint8_t token_key[static 16], const uint8_t challenge[static 16],
	const struct fizeau_session_keys *keys, uint8_t token[static FIZEAU_TOKEN_OCTETS])
{
	int error;

	memcpy(token, challenge, 16);
	memcpy(token + AT_AES, keys->aes, sizeof(keys->aes));
	memcpy(token + AT_HMAC, keys->hmac, sizeof(keys->hmac));
	error = fz_aes_once(FZ_AES_CBC_ENCRYPT, token_key, NULL, token, token, FIZEAU_TOKEN_OCTETS);
	if (error < 0)
		fizeau_wipe(token, FIZEAU_TOKEN_OCTETS);
	return error;
}

int fizeau_token_open(const uint8_t token_key[static 16], const uint8_t challenge[static 16],
	const uint8_t token[static FIZEAU_TOKEN_OCTETS], struct fizeau_session_keys *keys)
{
	uint8_t plain[FIZEAU_TOKEN_OCTETS] = {0};
	int error = fz_aes_once(FZ_AES_CBC_DECRYPT, token_key, NULL, token, plain, sizeof(plain));

	/*= rfc4656#section-3.1 OW-3.1-33 */
	if (error == 0 && !fz_secret_equal(plain, challenge, 16))
		error = FIZEAU_ERR_KEY;
	if (error == 0) {
		memcpy(keys->aes, plain + AT_AES, sizeof(keys->aes));
		memcpy(keys->hmac, plain + AT_HMAC, sizeof(keys->hmac));
	} else {
		fizeau_wipe(keys, sizeof(*keys));
	}
	fizeau_wipe(plain, sizeof(plain));
	return error;
}

int fizeau_token_key_ike(const uint8_t *key, size_t octets, enum fizeau_ike_reading reading,
	const uint8_t salt[static 16], uint32_t count, uint8_t token_key[static 16])
{
	if (octets < 16 || octets > FIZEAU_IKE_KEY_MAX)
		return FIZEAU_ERR_RANGE;
	switch (reading) {
	case FIZEAU_IKE_DIRECT:
		memcpy(token_key, key, 16);
		return 0;
	case FIZEAU_IKE_PBKDF2:
		return fizeau_token_key_passphrase(key, octets, salt, count, token_key);
	}
	return FIZEAU_ERR_RANGE;
}
