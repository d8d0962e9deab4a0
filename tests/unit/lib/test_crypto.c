/* SPDX-License-Identifier: MIT */
/* AES, HMAC, PBKDF2 and the PRFs against published figures and tests/vectors/. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "lib/crypto/aes.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/prf.h"
#include "lib/crypto/secret.h"
#include "lib/crypto/xcbc.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

struct prf_case {
	enum fizeau_prf prf;
	const char *key, *text, *output;
};

/* Appendix B of FIPS 197, and the chain of NIST SP 800-38A F.2.1. */
static void aes_is_the_published_one(void **state)
{
	uint8_t key[16], iv[16], octets[32], want[32], plain[32];

	(void)state;
	hex_octets("000102030405060708090a0b0c0d0e0f", key, 16);
	hex_octets("00112233445566778899aabbccddeeff", octets, 16);
	hex_octets("69c4e0d86a7b0430d8cdb78070b4c55a", want, 16);
	assert_int_equal(fz_aes_once(FZ_AES_ECB_ENCRYPT, key, NULL, octets, octets, 16), 0);
	assert_memory_equal(octets, want, 16);

	hex_octets("2b7e151628aed2a6abf7158809cf4f3c", key, 16);
	hex_octets("000102030405060708090a0b0c0d0e0f", iv, 16);
	hex_octets("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", plain, 32);
	hex_octets("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2", want, 32);
	assert_int_equal(fz_aes_once(FZ_AES_CBC_ENCRYPT, key, iv, plain, octets, 32), 0);
	assert_memory_equal(octets, want, 32);
	assert_int_equal(fz_aes_once(FZ_AES_CBC_DECRYPT, key, iv, octets, octets, 32), 0);
	assert_memory_equal(octets, plain, 32);
}

static void a_chain_goes_on_over_calls(void **state)
{
	uint8_t key[16], iv[16], octets[32], want[32];
	struct fz_aes aes;

	(void)state;
	hex_octets("2b7e151628aed2a6abf7158809cf4f3c", key, 16);
	hex_octets("000102030405060708090a0b0c0d0e0f", iv, 16);
	hex_octets("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", octets, 32);
	hex_octets("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2", want, 32);
	assert_int_equal(fz_aes_init(&aes, FZ_AES_CBC_ENCRYPT, key, iv), 0);
	assert_int_equal(fz_aes_run(&aes, octets, 16), 0);
	assert_int_equal(fz_aes_run(&aes, octets + 16, 0), 0);
	assert_int_equal(fz_aes_run(&aes, octets + 16, 16), 0);
	assert_memory_equal(octets, want, 32);
	fz_aes_wipe(&aes);
	fz_aes_wipe(&aes);
}

/*= rfc4656#section-3.2 OW-3.2-01 */
static void hmac_is_cut_to_its_leftmost_16_octets(void **state)
{
	json_t *group = vectors_group("control_keys.json", "hmac_truncation");
	struct fz_hmac hmac;
	uint8_t key[32], text[96], want[20], field[16];

	(void)state;
	member_hex(json_array_get(group, 0), "key", key, sizeof(key));
	assert_int_equal(fz_hmac_init(&hmac, key), 0);
	/* One state for all: it has to start over by itself. */
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		size_t len = member_hex_upto(v, "text", text, sizeof(text));

		member_hex(v, "hmac_sha1", want, sizeof(want));
		assert_int_equal(fz_hmac_of(&hmac.key, text, len, field), 0);
		assert_memory_equal(field, want, sizeof(field));
		member_hex(v, "field", want, 16);
		assert_memory_equal(field, want, sizeof(field));
		for (size_t at = 0; at < len; at++)
			assert_int_equal(fz_hmac_update(&hmac, text + at, 1), 0);
		assert_int_equal(fz_hmac_final(&hmac, field), 0);
		assert_memory_equal(field, want, sizeof(field));
	}
	assert_int_equal(json_array_size(group), 3);
	fz_hmac_wipe(&hmac);
	json_decref(group);
}

/*= rfc4656#section-3.1 OW-3.1-30 */
static void pbkdf2_is_the_vector(void **state)
{
	json_t *group = vectors_group("control_keys.json", "pbkdf2");
	uint8_t salt[16], want[16], key[16];

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		const char *passphrase = member_string(v, "passphrase");

		member_hex(v, "salt", salt, sizeof(salt));
		member_hex(v, "key16", want, sizeof(want));
		assert_int_equal(fizeau_token_key_passphrase((const uint8_t *)passphrase, strlen(passphrase),
					 salt, (uint32_t)member_int(v, "count"), key),
			0);
		assert_memory_equal(key, want, sizeof(want));
	}
	assert_int_equal(json_array_size(group), 5);
	json_decref(group);
}

/*= rfc4656#section-3.1 OW-3.1-09 OW-3.1-10 */
static void counts_are_powers_of_two_in_range(void **state)
{
	static const uint32_t bad[] = {0, 1, 2, 512, 1023, 1025, 3000, 65536, 1u << 31, UINT32_MAX};

	(void)state;
	for (uint32_t count = 1024; count <= 32768; count *= 2)
		assert_int_equal(fizeau_count_check(count, FIZEAU_COUNT_MAX_DEFAULT), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fizeau_count_check(bad[i], FIZEAU_COUNT_MAX_DEFAULT), FIZEAU_ERR_COUNT);
	assert_int_equal(fizeau_count_check(65536, 65536), 0);
	assert_int_equal(fizeau_count_check(1u << 31, UINT32_MAX), 0);
}

/* RFC 4231 4.3 (the key is shorter than the block), RFC 2202 case 2, RFC 4434 and RFC
   4615 with all key lengths. */
static const struct prf_case published[] = {
	{FIZEAU_PRF_HMAC_SHA1, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{FIZEAU_PRF_HMAC_SHA2_256, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{FIZEAU_PRF_HMAC_SHA2_384, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab2"
		"1649"},
	{FIZEAU_PRF_HMAC_SHA2_512, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0"
		"e6fdc"
		"aeab1a34d4a6b4b636e070a38bce737"},
	{FIZEAU_PRF_AES128_XCBC, "000102030405060708090a0b0c0d0e0f",
		"000102030405060708090a0b0c0d0e0f10111213", "47f51b4564966215b8985c63055ed308"},
	{FIZEAU_PRF_AES128_XCBC, "00010203040506070809", "000102030405060708090a0b0c0d0e0f10111213",
		"0fa087af7d866e7653434e602fdde835"},
	{FIZEAU_PRF_AES128_XCBC, "000102030405060708090a0b0c0d0e0fedcb",
		"000102030405060708090a0b0c0d0e0f10111213", "8cd3c93ae598a9803006ffb67c40e9e4"},
	{FIZEAU_PRF_AES128_CMAC, "000102030405060708090a0b0c0d0e0f",
		"000102030405060708090a0b0c0d0e0f10111213", "980ae87b5f4c9c5214f5b6a8455e4c2d"},
	{FIZEAU_PRF_AES128_CMAC, "00010203040506070809", "000102030405060708090a0b0c0d0e0f10111213",
		"290d9e112edb09ee141fcf64c0b72f3d"},
	{FIZEAU_PRF_AES128_CMAC, "000102030405060708090a0b0c0d0e0fedcb",
		"000102030405060708090a0b0c0d0e0f10111213", "84a348a4a45d235babfffc0d2b4da09a"},
};

static void prfs_are_the_published_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		const struct prf_case *c = &published[i];
		uint8_t key[64], text[64], want[64], out[FIZEAU_IKE_KEY_MAX];
		size_t key_octets = hex_octets(c->key, key, sizeof(key));
		size_t len = hex_octets(c->text, text, sizeof(text));
		size_t octets = hex_octets(c->output, want, sizeof(want));

		assert_int_equal(fz_prf(c->prf, key, key_octets, text, len, out), 0);
		assert_int_equal(fizeau_prf_octets(c->prf), octets);
		assert_memory_equal(out, want, octets);
	}
}

/* RFC 3566 section 4.6, cases 1, 3, 4 and 5: nothing, one whole block, more, and exactly two blocks. */
static void xcbc_is_the_published_one(void **state)
{
	static const struct {
		size_t len;
		const char *mac;
	} cases[] = {
		{0, "75f0251d528ac01c4573dfd584d79f29"},
		{3, "5b376580ae2f19afe7219ceef172756f"},
		{16, "d2a246fa349b68a79998a4394ff7a263"},
		{20, "47f51b4564966215b8985c63055ed308"},
		{32, "f54f0ec8d2b9f3d36807734bd5283fd4"},
	};
	uint8_t counting[32], want[16], mac[16];

	(void)state;
	for (size_t i = 0; i < sizeof(counting); i++)
		counting[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hex_octets(cases[i].mac, want, sizeof(want));
		assert_int_equal(fz_xcbc_mac(counting, counting, cases[i].len, mac), 0);
		assert_memory_equal(mac, want, sizeof(mac));
	}
}

/*= rfc7717#section-5.1 IK-5.1-03 */
static void prf_ippm_is_the_vector(void **state)
{
	json_t *group = vectors_group("ikev2.json", "ikev2_prf_ippm");
	uint8_t sk_d[64], want[64], key[FIZEAU_IKE_KEY_MAX];
	size_t known = 0;

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		enum fizeau_prf prf = (enum fizeau_prf)member_int(v, "transform_id");
		size_t sk_d_octets = member_hex_upto(v, "sk_d", sk_d, sizeof(sk_d));
		size_t octets = member_hex_upto(v, "shared_secret_key", want, sizeof(want));
		int got = fizeau_prf_ippm(prf, sk_d, sk_d_octets, key);

		if (fizeau_prf_name(prf) == NULL) {
			/* PRF_HMAC_MD5 is not taken. */
			assert_int_equal(member_int(v, "transform_id"), 1);
			assert_int_equal(got, FIZEAU_ERR_RANGE);
			continue;
		}
		assert_int_equal(got, octets);
		assert_memory_equal(key, want, octets);
		assert_int_equal(fizeau_prf_ippm(prf, sk_d, 0, key), FIZEAU_ERR_RANGE);
		known++;
	}
	assert_int_equal(known, 6);
	json_decref(group);
}

/* doc/stamp-ike.md section 2; the figures are Python's, and one of them openssl's too. */
static void stamp_key_of_an_ike_sa_is_the_vector(void **state)
{
	json_t *group = vectors_group("stamp_ike.json", "stamp_ike");
	uint8_t key[FIZEAU_IKE_KEY_MAX], spi_i[8], spi_r[8], want[32], got[FIZEAU_ST_IKE_KEY_OCTETS];

	(void)state;
	assert_int_equal(json_array_size(group), 12);
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		size_t octets = member_hex_upto(v, "prf_ippm", key, sizeof(key));
		uint16_t ssid = (uint16_t)member_int(v, "ssid");

		member_hex(v, "spi_i", spi_i, sizeof(spi_i));
		member_hex(v, "spi_r", spi_r, sizeof(spi_r));
		member_hex(v, "key", want, sizeof(want));
		assert_int_equal(fizeau_st_key_ike(key, octets, spi_i, spi_r, ssid, got), 0);
		assert_memory_equal(got, want, sizeof(want));
		/* Each end says who the initiator was: the other way round it is another key. */
		assert_int_equal(fizeau_st_key_ike(key, octets, spi_r, spi_i, ssid, got), 0);
		assert_memory_not_equal(got, want, sizeof(want));
		memset(got, 0xaa, sizeof(got));
		memset(want, 0xaa, sizeof(want));
		assert_int_equal(fizeau_st_key_ike(key, octets, spi_i, spi_r, 0, got), FIZEAU_ERR_RANGE);
		assert_int_equal(fizeau_st_key_ike(key, 15, spi_i, spi_r, ssid, got), FIZEAU_ERR_RANGE);
		assert_int_equal(fizeau_st_key_ike(key, sizeof(key) + 1, spi_i, spi_r, ssid, got), FIZEAU_ERR_RANGE);
		assert_memory_equal(got, want, sizeof(want));
	}
	json_decref(group);
}

static void prf_names_go_both_ways(void **state)
{
	static const char *const names[] = {
		"hmac-sha1", "hmac-sha2-256", "hmac-sha2-384", "hmac-sha2-512", "aes128-xcbc", "aes128-cmac"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_not_equal(fizeau_prf_from_name(names[i]), FIZEAU_PRF_NONE);
		assert_string_equal(fizeau_prf_name(fizeau_prf_from_name(names[i])), names[i]);
	}
	assert_int_equal(fizeau_prf_from_name("hmac-sha1-extra"), FIZEAU_PRF_NONE);
	assert_int_equal(fizeau_prf_from_name("hmac-md5"), FIZEAU_PRF_NONE);
	assert_int_equal(fizeau_prf_from_name(""), FIZEAU_PRF_NONE);
	assert_null(fizeau_prf_name(FIZEAU_PRF_NONE));
	assert_int_equal(fizeau_prf_octets(FIZEAU_PRF_NONE), 0);
}

static void secrets_are_wiped_and_compared(void **state)
{
	uint8_t a[16] = {0}, b[16] = {0};

	(void)state;
	for (size_t bit = 0; bit < 128; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(fz_secret_equal(a, b, sizeof(a)));
		fizeau_wipe(b, sizeof(b));
		assert_true(fz_secret_equal(a, b, sizeof(a)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_is_the_published_one),
		cmocka_unit_test(a_chain_goes_on_over_calls),
		cmocka_unit_test(hmac_is_cut_to_its_leftmost_16_octets),
		cmocka_unit_test(pbkdf2_is_the_vector),
		cmocka_unit_test(counts_are_powers_of_two_in_range),
		cmocka_unit_test(prfs_are_the_published_ones),
		cmocka_unit_test(xcbc_is_the_published_one),
		cmocka_unit_test(prf_ippm_is_the_vector),
		cmocka_unit_test(stamp_key_of_an_ike_sa_is_the_vector),
		cmocka_unit_test(prf_names_go_both_ways),
		cmocka_unit_test(secrets_are_wiped_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
