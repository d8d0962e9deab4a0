/* SPDX-License-Identifier: MIT */
/* OpenSSL 3 deprecates SHA1_Init and its like in favour of EVP. They are what lets a hash go on from a state that was
   kept (40 octets a key, nothing to allocate): EVP takes three times as long for a packet, and twenty times the memory
   for a key. doc/adr/0017. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/crypto/hmac.h"

#include <stdbool.h>
#include <string.h>
#include <fizeau/keys.h>

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static void keep(uint32_t kept[static 5], const SHA_CTX *sha)
{
	kept[0] = sha->h0;
	kept[1] = sha->h1;
	kept[2] = sha->h2;
	kept[3] = sha->h3;
	kept[4] = sha->h4;
}

/* Goes on from behind the key's block. */
static void resume(SHA_CTX *sha, const uint32_t kept[static 5])
{
	sha->h0 = kept[0];
	sha->h1 = kept[1];
	sha->h2 = kept[2];
	sha->h3 = kept[3];
	sha->h4 = kept[4];
	sha->Nl = 8 * SHA_CBLOCK;
	sha->Nh = 0;
	sha->num = 0;
}

static bool hash_key(uint32_t kept[static 5], const uint8_t key[static FZ_HMAC_KEY], uint8_t pad)
{
	uint8_t block[SHA_CBLOCK];
	SHA_CTX sha;
	bool good;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < FZ_HMAC_KEY; i++)
		block[i] ^= key[i];
	good = SHA1_Init(&sha) && SHA1_Update(&sha, block, sizeof(block));
	keep(kept, &sha);
	fizeau_wipe(block, sizeof(block));
	fizeau_wipe(&sha, sizeof(sha));
	return good;
}

int fz_hmac_key_init(struct fz_hmac_key *state, const uint8_t key[static FZ_HMAC_KEY])
{
	if (hash_key(state->inner, key, INNER_PAD) && hash_key(state->outer, key, OUTER_PAD))
		return 0;
	fizeau_wipe(state, sizeof(*state));
	return FIZEAU_ERR_CRYPTO;
}

/* The field from the inner hash, which ends here. */
static int finish(const struct fz_hmac_key *state, SHA_CTX *sha, uint8_t field[static FZ_HMAC_FIELD])
{
	uint8_t whole[SHA_DIGEST_LENGTH];
	bool good = SHA1_Final(whole, sha);

	resume(sha, state->outer);
	good = good && SHA1_Update(sha, whole, sizeof(whole)) && SHA1_Final(whole, sha);
	if (good)
		memcpy(field, whole, FZ_HMAC_FIELD);
	fizeau_wipe(whole, sizeof(whole));
	return good ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac_of(const struct fz_hmac_key *state, const uint8_t *octets, size_t len, uint8_t field[static FZ_HMAC_FIELD])
{
	SHA_CTX sha;
	int error;

	resume(&sha, state->inner);
	error = SHA1_Update(&sha, octets, len) ? finish(state, &sha, field) : FIZEAU_ERR_CRYPTO;
	fizeau_wipe(&sha, sizeof(sha));
	return error;
}

int fz_hmac_init(struct fz_hmac *hmac, const uint8_t key[static FZ_HMAC_KEY])
{
	int error = fz_hmac_key_init(&hmac->key, key);

	resume(&hmac->inner, hmac->key.inner);
	return error;
}

int fz_hmac_update(struct fz_hmac *hmac, const uint8_t *octets, size_t len)
{
	return SHA1_Update(&hmac->inner, octets, len) ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac_final(struct fz_hmac *hmac, uint8_t field[static FZ_HMAC_FIELD])
{
	int error = finish(&hmac->key, &hmac->inner, field);

	resume(&hmac->inner, hmac->key.inner);
	return error;
}

void fz_hmac_wipe(struct fz_hmac *hmac)
{
	fizeau_wipe(hmac, sizeof(*hmac));
}
