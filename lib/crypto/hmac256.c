/* SPDX-License-Identifier: MIT */
/* As hmac.c does with SHA-1, and why: doc/adr/0017. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/crypto/hmac256.h"

#include <stdbool.h>
#include <string.h>
#include <fizeau/keys.h>
#include <openssl/sha.h>
#include "lib/crypto/secret.h"

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

_Static_assert(FIZEAU_ST_KEY_MAX <= SHA256_CBLOCK, "a longer key would be hashed first (RFC 2104)");

/* Goes on from behind the key's block. */
static void resume(SHA256_CTX *sha, const uint32_t kept[static FZ_HMAC256_WORDS])
{
	memcpy(sha->h, kept, sizeof(sha->h));
	sha->Nl = 8 * SHA256_CBLOCK;
	sha->Nh = 0;
	sha->num = 0;
	sha->md_len = SHA256_DIGEST_LENGTH;
}

static bool hash_key(uint32_t kept[static FZ_HMAC256_WORDS], const struct fizeau_st_key *key, uint8_t pad)
{
	uint8_t block[SHA256_CBLOCK];
	SHA256_CTX sha;
	bool good;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key->octets; i++)
		block[i] ^= key->key[i];
	good = SHA256_Init(&sha) && SHA256_Update(&sha, block, sizeof(block));
	memcpy(kept, sha.h, sizeof(sha.h));
	fizeau_wipe(block, sizeof(block));
	fizeau_wipe(&sha, sizeof(sha));
	return good;
}

int fz_hmac256_key_init(struct fz_hmac256_key *state, const struct fizeau_st_key *key)
{
	if (key->octets < 1 || key->octets > FIZEAU_ST_KEY_MAX)
		return FIZEAU_ERR_RANGE;
	if (hash_key(state->inner, key, INNER_PAD) && hash_key(state->outer, key, OUTER_PAD))
		return 0;
	fizeau_wipe(state, sizeof(*state));
	return FIZEAU_ERR_CRYPTO;
}

/*= rfc8762#section-4.4 ST-4.4-01 */
int fz_hmac256_of(const struct fz_hmac256_key *state, const uint8_t *first, size_t first_len, const uint8_t *second,
	size_t second_len, uint8_t field[static FZ_HMAC256_FIELD])
{
	uint8_t whole[SHA256_DIGEST_LENGTH];
	SHA256_CTX sha;
	bool good;

	resume(&sha, state->inner);
	good = SHA256_Update(&sha, first, first_len) && SHA256_Update(&sha, second, second_len) && SHA256_Final(whole, &sha);
	resume(&sha, state->outer);
	good = good && SHA256_Update(&sha, whole, sizeof(whole)) && SHA256_Final(whole, &sha);
	if (good)
		memcpy(field, whole, FZ_HMAC256_FIELD);
	fizeau_wipe(whole, sizeof(whole));
	fizeau_wipe(&sha, sizeof(sha));
	return good ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac256_check(const struct fz_hmac256_key *state, const uint8_t *first, size_t first_len, const uint8_t *second,
	size_t second_len, const uint8_t field[static FZ_HMAC256_FIELD])
{
	uint8_t want[FZ_HMAC256_FIELD];
	int error = fz_hmac256_of(state, first, first_len, second, second_len, want);

	if (error == 0 && !fz_secret_equal(field, want, sizeof(want)))
		error = FIZEAU_ERR_HMAC;
	fizeau_wipe(want, sizeof(want));
	return error;
}
