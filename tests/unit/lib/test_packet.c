/* SPDX-License-Identifier: MIT */
/* Packets of one session, one after the other, against libcrypto called once for each with a context of its own: nothing
   of a packet may be left in the state that the next one finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "lib/crypto/packet.h"
#include <cmocka.h>

#define PACKETS 20000
#define TEXT_MAX 300

/* The same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void fill(uint64_t *state, uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)next_random(state);
}

/* RFC 2104, cut to 16 octets. */
static void hmac_once(const uint8_t key[static 32], const uint8_t *octets, size_t len, uint8_t field[static 16])
{
	uint8_t whole[EVP_MAX_MD_SIZE];
	unsigned got;

	assert_non_null(HMAC(EVP_sha1(), key, 32, octets, len, whole, &got));
	assert_int_equal(got, 20);
	memcpy(field, whole, 16);
}

static void encrypt_once(
	const EVP_CIPHER *cipher, const uint8_t key[static 16], const uint8_t *octets, size_t len, uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got;

	assert_non_null(ctx);
	assert_true(EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv));
	assert_true(EVP_CIPHER_CTX_set_padding(ctx, 0));
	assert_true(EVP_EncryptUpdate(ctx, out, &got, octets, (int)len));
	assert_int_equal(got, len);
	EVP_CIPHER_CTX_free(ctx);
}

/* One packet as the RFC has it: HMAC over the plaintext of the first len octets, which are then encrypted. */
static void protect_once(enum fizeau_test_mode mode, const struct fizeau_test_keys *keys, const uint8_t *plain, size_t len,
	uint8_t *octets, uint8_t hmac[static 16])
{
	hmac_once(keys->hmac, plain, len, hmac);
	encrypt_once(mode == FIZEAU_TEST_ENCRYPTED ? EVP_aes_128_cbc() : EVP_aes_128_ecb(), keys->aes, plain, len, octets);
}

static void assert_seals(struct fz_packet *packet, const uint8_t *plain, size_t len, const uint8_t *wire,
	const uint8_t hmac[static 16])
{
	uint8_t octets[FZ_PACKET_COVERED_MAX], field[16];

	memcpy(octets, plain, len);
	assert_int_equal(fz_packet_seal(packet, octets, len, field), 0);
	assert_memory_equal(octets, wire, len);
	assert_memory_equal(field, hmac, 16);
}

static void assert_opens(struct fz_packet *packet, const uint8_t *plain, size_t len, const uint8_t *wire,
	const uint8_t hmac[static 16])
{
	uint8_t octets[FZ_PACKET_COVERED_MAX];

	memcpy(octets, wire, len);
	assert_int_equal(fz_packet_open(packet, octets, len, hmac), 0);
	assert_memory_equal(octets, plain, len);
}

static void assert_refuses(struct fz_packet *packet, size_t bit, size_t len, const uint8_t *wire,
	const uint8_t hmac[static 16])
{
	uint8_t octets[FZ_PACKET_COVERED_MAX], field[16];

	memcpy(octets, wire, len);
	memcpy(field, hmac, 16);
	if (bit < len * 8)
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
	else
		field[bit / 8 - len] ^= (uint8_t)(1u << bit % 8);
	assert_int_equal(fz_packet_open(packet, octets, len, field), FIZEAU_ERR_HMAC);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-17 OW-4.1.2-18 OW-4.1.2-19 */
/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-11 */
static void each_packet_stands_alone(enum fizeau_test_mode mode, size_t blocks)
{
	uint8_t plain[FZ_PACKET_COVERED_MAX], wire[FZ_PACKET_COVERED_MAX], hmac[16];
	uint64_t random = 7717 + mode;
	struct fizeau_test_keys keys;
	struct fz_packet packet;

	fill(&random, keys.aes, sizeof(keys.aes));
	fill(&random, keys.hmac, sizeof(keys.hmac));
	assert_int_equal(fz_packet_init(&packet, mode, FZ_PACKET_SEALS | FZ_PACKET_OPENS, &keys), 0);
	for (int i = 0; i < PACKETS; i++) {
		size_t len = 16 * (1 + next_random(&random) % blocks);

		fill(&random, plain, len);
		protect_once(mode, &keys, plain, len, wire, hmac);
		switch (next_random(&random) % 3) {
		case 0:
			assert_seals(&packet, plain, len, wire, hmac);
			break;
		case 1:
			assert_opens(&packet, plain, len, wire, hmac);
			break;
		default:
			assert_refuses(&packet, next_random(&random) % ((len + 16) * 8), len, wire, hmac);
		}
	}
	fz_packet_wipe(&packet);
}

static void authenticated_packets_stand_alone(void **state)
{
	(void)state;
	each_packet_stands_alone(FIZEAU_TEST_AUTHENTICATED, 1);
}

static void encrypted_packets_stand_alone(void **state)
{
	(void)state;
	each_packet_stands_alone(FIZEAU_TEST_ENCRYPTED, FZ_PACKET_COVERED_MAX / 16);
}

/* What only seals, or only opens, does that as well, and has nothing of the other. */
static void a_session_has_what_it_uses(void **state)
{
	static const enum fizeau_test_mode modes[] = {FIZEAU_TEST_AUTHENTICATED, FIZEAU_TEST_ENCRYPTED};
	static const uint8_t plain[16] = {1, 2, 3};
	struct fizeau_test_keys keys = {.aes = {4}, .hmac = {5}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fz_packet seals, opens;
		uint8_t wire[16], hmac[16];

		assert_int_equal(fz_packet_init(&seals, modes[i], FZ_PACKET_SEALS, &keys), 0);
		assert_int_equal(fz_packet_init(&opens, modes[i], FZ_PACKET_OPENS, &keys), 0);
		assert_null(seals.decrypt.ctx);
		assert_null(opens.encrypt.ctx);
		protect_once(modes[i], &keys, plain, sizeof(plain), wire, hmac);
		assert_seals(&seals, plain, sizeof(plain), wire, hmac);
		assert_opens(&opens, plain, sizeof(plain), wire, hmac);
		fz_packet_wipe(&seals);
		fz_packet_wipe(&opens);
	}
}

static void nothing_is_left_of_the_keys(void **state)
{
	const struct fizeau_test_keys keys = {.aes = {4}, .hmac = {5}};
	static const struct fz_packet nothing;
	struct fz_packet packet;
	struct fz_hmac hmac;
	static const struct fz_hmac no_hmac;

	(void)state;
	memset(&packet, 0, sizeof(packet));
	assert_int_equal(fz_packet_init(&packet, FIZEAU_TEST_ENCRYPTED, FZ_PACKET_SEALS, &keys), 0);
	assert_memory_not_equal(&packet, &nothing, sizeof(packet));
	fz_packet_wipe(&packet);
	assert_memory_equal(&packet, &nothing, sizeof(packet));
	memset(&hmac, 0, sizeof(hmac));
	assert_int_equal(fz_hmac_init(&hmac, keys.hmac), 0);
	fz_hmac_wipe(&hmac);
	assert_memory_equal(&hmac, &no_hmac, sizeof(hmac));
}

/* All lengths over several blocks of SHA-1, at once and in pieces, with one state. */
/*= rfc4656#section-3.2 OW-3.2-01 */
static void hmac_of_any_length_is_libcryptos(void **state)
{
	uint8_t key[32], text[TEXT_MAX], want[16], field[16];
	uint64_t random = 4656;

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct fz_hmac hmac;

		fill(&random, key, sizeof(key));
		assert_int_equal(fz_hmac_init(&hmac, key), 0);
		for (size_t len = 0; len <= sizeof(text); len++) {
			size_t piece;

			fill(&random, text, len);
			hmac_once(key, text, len, want);
			assert_int_equal(fz_hmac_of(&hmac.key, text, len, field), 0);
			assert_memory_equal(field, want, sizeof(want));
			for (size_t at = 0; at < len; at += piece) {
				piece = 1 + next_random(&random) % (len - at);
				assert_int_equal(fz_hmac_update(&hmac, text + at, piece), 0);
			}
			assert_int_equal(fz_hmac_final(&hmac, field), 0);
			assert_memory_equal(field, want, sizeof(want));
		}
		fz_hmac_wipe(&hmac);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authenticated_packets_stand_alone),
		cmocka_unit_test(encrypted_packets_stand_alone),
		cmocka_unit_test(a_session_has_what_it_uses),
		cmocka_unit_test(nothing_is_left_of_the_keys),
		cmocka_unit_test(hmac_of_any_length_is_libcryptos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
