/* SPDX-License-Identifier: MIT */
/* The Token, the readings of RFC 7717 that key it, test keys and SIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <fizeau/keys.h>
#include "tests/testlib/vectors.h"
#include <cmocka.h>

static void token_plaintext(
	const uint8_t plain[static 64], uint8_t challenge[static 16], struct fizeau_session_keys *keys)
{
	memcpy(challenge, plain, 16);
	memcpy(keys->aes, plain + 16, 16);
	memcpy(keys->hmac, plain + 32, 32);
}

/*= rfc4656#section-3.1 OW-3.1-27 OW-3.1-28 */
static void token_is_the_vector(void **state)
{
	json_t *v = vectors_group("control_keys.json", "token");
	uint8_t kek[16], plain[64], want[64], challenge[16], token[FIZEAU_TOKEN_OCTETS];
	struct fizeau_session_keys keys, opened;

	(void)state;
	member_hex(v, "kek", kek, sizeof(kek));
	member_hex(v, "plaintext", plain, sizeof(plain));
	member_hex(v, "ciphertext", want, sizeof(want));
	token_plaintext(plain, challenge, &keys);
	assert_int_equal(fizeau_token_seal(kek, challenge, &keys, token), 0);
	assert_memory_equal(token, want, sizeof(want));
	assert_int_equal(fizeau_token_open(kek, challenge, token, &opened), 0);
	assert_memory_equal(&opened, &keys, sizeof(keys));
	json_decref(v);
}

/*= rfc4656#section-3.1 OW-3.1-33 */
static void a_token_that_lacks_the_challenge_yields_no_keys(void **state)
{
	static const struct fizeau_session_keys none;
	json_t *v = vectors_group("control_keys.json", "token");
	uint8_t kek[16], plain[64], challenge[16], token[64];
	struct fizeau_session_keys keys;

	(void)state;
	member_hex(v, "kek", kek, sizeof(kek));
	member_hex(v, "plaintext", plain, sizeof(plain));
	member_hex(v, "ciphertext", token, sizeof(token));
	token_plaintext(plain, challenge, &keys);
	for (size_t bit = 0; bit < 128; bit++) {
		uint8_t flip = (uint8_t)(1u << bit % 8);

		challenge[bit / 8] ^= flip;
		memset(&keys, 0xee, sizeof(keys));
		assert_int_equal(fizeau_token_open(kek, challenge, token, &keys), FIZEAU_ERR_KEY);
		assert_memory_equal(&keys, &none, sizeof(keys));
		challenge[bit / 8] ^= flip;

		kek[bit / 8] ^= flip;
		assert_int_equal(fizeau_token_open(kek, challenge, token, &keys), FIZEAU_ERR_KEY);
		kek[bit / 8] ^= flip;

		/* The first block; the others are for the first HMAC to find out. */
		token[bit / 8] ^= flip;
		assert_int_equal(fizeau_token_open(kek, challenge, token, &keys), FIZEAU_ERR_KEY);
		token[bit / 8] ^= flip;
	}
	assert_int_equal(fizeau_token_open(kek, challenge, token, &keys), 0);
	json_decref(v);
}

/*= rfc7717#section-4.1 IK-4.1-01 */
static void both_readings_of_the_ike_key_are_the_vectors(void **state)
{
	json_t *group = vectors_group("ikev2.json", "ikev2_prf_ippm");
	json_t *sealed = vectors_group("control_keys.json", "token");
	uint8_t key[64], salt[16], want[64], token_key[16], plain[64], challenge[16], token[64];
	struct fizeau_session_keys keys;

	(void)state;
	member_hex(sealed, "plaintext", plain, sizeof(plain));
	token_plaintext(plain, challenge, &keys);
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		size_t octets = member_hex_upto(v, "shared_secret_key", key, sizeof(key));
		uint32_t count = (uint32_t)member_int(v, "optB_count");

		member_hex(v, "optB_salt", salt, sizeof(salt));
		assert_int_equal(
			fizeau_token_key_ike(key, octets, FIZEAU_IKE_DIRECT, salt, count, token_key), 0);
		member_hex(v, "optA_leftmost16", want, 16);
		assert_memory_equal(token_key, want, 16);
		member_hex(v, "optA_token", want, 64);
		assert_int_equal(fizeau_token_seal(token_key, challenge, &keys, token), 0);
		assert_memory_equal(token, want, 64);

		assert_int_equal(
			fizeau_token_key_ike(key, octets, FIZEAU_IKE_PBKDF2, salt, count, token_key), 0);
		member_hex(v, "optB_pbkdf2_of_full_output", want, 16);
		assert_memory_equal(token_key, want, 16);
		member_hex(v, "optB_token", want, 64);
		assert_int_equal(fizeau_token_seal(token_key, challenge, &keys, token), 0);
		assert_memory_equal(token, want, 64);
	}
	assert_int_equal(json_array_size(group), 7);
	json_decref(group);
	json_decref(sealed);
}

static void an_ike_key_has_16_to_64_octets(void **state)
{
	uint8_t key[65] = {1}, salt[16] = {0}, token_key[16];

	(void)state;
	assert_int_equal(
		fizeau_token_key_ike(key, 15, FIZEAU_IKE_DIRECT, salt, 1024, token_key), FIZEAU_ERR_RANGE);
	assert_int_equal(
		fizeau_token_key_ike(key, 0, FIZEAU_IKE_PBKDF2, salt, 1024, token_key), FIZEAU_ERR_RANGE);
	assert_int_equal(
		fizeau_token_key_ike(key, 65, FIZEAU_IKE_DIRECT, salt, 1024, token_key), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_token_key_ike(key, 64, FIZEAU_IKE_DIRECT, salt, 1024, token_key), 0);
	assert_int_equal(fizeau_token_key_ike(key, 16, FIZEAU_IKE_DIRECT, salt, 1024, token_key), 0);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-15 OW-4.1.2-16 */
/*= rfc5357#section-4.2.1 TW-4.2.1-25 TW-4.2.1-26 */
/*= rfc7717#section-4.2 IK-4.2-01 */
static void test_keys_are_the_vectors(void **state)
{
	json_t *group = vectors_group("control_keys.json", "test_session_keys");

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		struct fizeau_session_keys keys;
		struct fizeau_test_keys want, got;
		uint8_t sid[16];

		member_hex(v, "sid", sid, 16);
		member_hex(v, "control_aes_key", keys.aes, 16);
		member_hex(v, "control_hmac_key", keys.hmac, 32);
		member_hex(v, "test_aes_key", want.aes, 16);
		member_hex(v, "test_hmac_key", want.hmac, 32);
		assert_int_equal(fizeau_test_keys_derive(&keys, sid, &got), 0);
		assert_memory_equal(&got, &want, sizeof(want));
	}
	assert_int_equal(json_array_size(group), 3);
	json_decref(group);
}

/*= rfc4656#section-3.5 OW-3.5-29 */
static void a_sid_is_address_time_and_random(void **state)
{
	static const uint8_t address[4] = {10, 0, 0, 2}, random[4] = {0xde, 0xad, 0xbe, 0xef};
	uint8_t sid[16], want[16];

	(void)state;
	hex_octets("0a000002e800000140000000deadbeef", want, sizeof(want));
	fizeau_sid_make(address, 0xe800000140000000, random, sid);
	assert_memory_equal(sid, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_is_the_vector),
		cmocka_unit_test(a_token_that_lacks_the_challenge_yields_no_keys),
		cmocka_unit_test(both_readings_of_the_ike_key_are_the_vectors),
		cmocka_unit_test(an_ike_key_has_16_to_64_octets),
		cmocka_unit_test(test_keys_are_the_vectors),
		cmocka_unit_test(a_sid_is_address_time_and_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
