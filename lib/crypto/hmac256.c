/* SPDX-License-Identifier: MIT */
/* As hmac.c does with SHA-1, and why: doc/adr/0017. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/crypto/hmac256.h"

#include <stdbool.h>
#include <string.h>
#include <fizeau/keys.h>
#include <openssl/sha.h>
#include "lib/base/buf.h"
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

/* What one HMAC goes through; wiped at once. */
struct work {
	SHA256_CTX sha;
	uint8_t blocks[2 * SHA256_CBLOCK];
};

/* Ends a text of len octets at the end of a block, where it stands in blocks alone: SHA256_Final would collect and copy. The
   key's block was before it. */
static void pad(uint8_t *blocks, size_t len, size_t end)
{
	struct fz_writer w = fz_writer_of(blocks + len, end - len);

	fz_write_u8(&w, 0x80);
	fz_write_zeros(&w, end - len - 1 - sizeof(uint64_t));
	fz_write_u64(&w, 8 * (uint64_t)(SHA256_CBLOCK + len));
}

static void put_words(uint8_t *octets, const SHA256_CTX *sha, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	for (size_t i = 0; i < len / sizeof(uint32_t); i++)
		fz_write_u32(&w, sha->h[i]);
}

/* The field from the inner hash, which is in the first octets of blocks. */
static bool finish(const struct fz_hmac256_key *state, struct work *work, uint8_t field[static FZ_HMAC256_FIELD])
{
	bool good;

	pad(work->blocks, SHA256_DIGEST_LENGTH, SHA256_CBLOCK);
	resume(&work->sha, state->outer);
	good = SHA256_Update(&work->sha, work->blocks, SHA256_CBLOCK);
	put_words(field, &work->sha, FZ_HMAC256_FIELD);
	fizeau_wipe(work, sizeof(*work));
	return good;
}

_Static_assert(FZ_HMAC256_BASE + 1 + sizeof(uint64_t) <= 2 * SHA256_CBLOCK, "the base packet is two blocks");

/*= rfc8762#section-4.4 ST-4.4-01 */
int fz_hmac256_base(
	const struct fz_hmac256_key *state, const uint8_t octets[static FZ_HMAC256_BASE], uint8_t field[static FZ_HMAC256_FIELD])
{
	struct work work;
	bool good;

	memcpy(work.blocks, octets, FZ_HMAC256_BASE);
	pad(work.blocks, FZ_HMAC256_BASE, sizeof(work.blocks));
	resume(&work.sha, state->inner);
	good = SHA256_Update(&work.sha, work.blocks, sizeof(work.blocks));
	put_words(work.blocks, &work.sha, SHA256_DIGEST_LENGTH);
	return finish(state, &work, field) && good ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac256_of(const struct fz_hmac256_key *state, const uint8_t *first, size_t first_len, const uint8_t *second,
	size_t second_len, uint8_t field[static FZ_HMAC256_FIELD])
{
	struct work work;
	bool good;

	resume(&work.sha, state->inner);
	good = SHA256_Update(&work.sha, first, first_len) && SHA256_Update(&work.sha, second, second_len) &&
		SHA256_Final(work.blocks, &work.sha);
	return finish(state, &work, field) && good ? 0 : FIZEAU_ERR_CRYPTO;
}

int fz_hmac256_same(const uint8_t field[static FZ_HMAC256_FIELD], uint8_t want[static FZ_HMAC256_FIELD])
{
	bool same = fz_secret_equal(field, want, FZ_HMAC256_FIELD);

	fizeau_wipe(want, FZ_HMAC256_FIELD);
	return same ? 0 : FIZEAU_ERR_HMAC;
}
