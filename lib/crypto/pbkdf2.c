/* SPDX-License-Identifier: MIT */
#include <fizeau/keys.h>

#include <limits.h>
#include <openssl/evp.h>

#define TOKEN_KEY_OCTETS 16 /* dkLen is not in RFC 4656; AES-128 makes it this */

/*= rfc4656#section-3.1 OW-3.1-09 OW-3.1-10 */
int fizeau_count_check(uint32_t count, uint32_t max_count)
{
	if (count < FIZEAU_COUNT_MIN || count > max_count || (count & (count - 1)) != 0)
		return FIZEAU_ERR_COUNT;
	return 0;
}

int fizeau_token_key_passphrase(const uint8_t *passphrase, size_t octets, const uint8_t salt[static 16],
	uint32_t count, uint8_t token_key[static 16])
{
	/* libcrypto takes signed lengths and reads -1 as "up to the terminator". */
	if (octets > INT_MAX || count > INT_MAX)
		return FIZEAU_ERR_CRYPTO;
	/*= rfc4656#section-3.1 OW-3.1-30 */
	if (!PKCS5_PBKDF2_HMAC_SHA1(
		    (const char *)passphrase, (int)octets, salt, 16, (int)count, TOKEN_KEY_OCTETS, token_key))
		return FIZEAU_ERR_CRYPTO;
	return 0;
}
