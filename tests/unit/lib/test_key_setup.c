/* SPDX-License-Identifier: MIT */
/* Keys are set up once a session, and no context is set back for a packet: libcrypto's functions for it are wrapped by
   the linker and counted. SHA-1 starts twice for the key of a HMAC, and goes on from there for each packet. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include "tests/testlib/st_packets.h"
#include <cmocka.h>

int __real_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	const unsigned char *iv, int enc, const OSSL_PARAM params[]);
int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	const unsigned char *iv, int enc, const OSSL_PARAM params[]);
int __real_SHA1_Init(SHA_CTX *ctx);
int __wrap_SHA1_Init(SHA_CTX *ctx);

int __real_SHA256_Init(SHA256_CTX *ctx);
int __wrap_SHA256_Init(SHA256_CTX *ctx);

static unsigned ciphers, hashes;

int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	const unsigned char *iv, int enc, const OSSL_PARAM params[])
{
	ciphers++;
	return __real_EVP_CipherInit_ex2(ctx, cipher, key, iv, enc, params);
}

int __wrap_SHA1_Init(SHA_CTX *ctx)
{
	hashes++;
	return __real_SHA1_Init(ctx);
}

int __wrap_SHA256_Init(SHA256_CTX *ctx)
{
	hashes++;
	return __real_SHA256_Init(ctx);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-17 */
/*= rfc5357#section-4.2.1 TW-4.2.1-27 */
static void keys_are_set_up_once_a_session(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		struct fizeau_sender *sender;
		struct fizeau_reflector *reflector;
		uint8_t out[PACKETS_MAX], back[PACKETS_MAX];

		ciphers = hashes = 0;
		sender = packets_sender(packets_modes[i], 64);
		reflector = packets_reflector(packets_modes[i]);
		/* Each end: to encrypt, to decrypt, to authenticate. */
		assert_int_equal(ciphers, 4);
		assert_int_equal(hashes, 4);
		for (uint32_t seq = 0; seq < 100; seq++) {
			struct fizeau_reflection reflection;
			int octets;

			assert_int_equal(fizeau_sender_prepare(sender, seq, out), 0);
			assert_int_equal(fizeau_sender_finish(sender, out, packets_t1), 0);
			octets = fizeau_reflector_reflect(reflector, out, fizeau_sender_octets(sender),
				packets_t2, 64, 0, back, sizeof(back));
			assert_true(octets > 0);
			assert_int_equal(fizeau_reflector_finish(reflector, back, packets_t3), 0);
			assert_int_equal(
				fizeau_sender_reflection(sender, back, (size_t)octets, &reflection), 0);
			assert_int_equal(reflection.sender_seq, seq);
		}
		assert_int_equal(ciphers, 4);
		assert_int_equal(hashes, 4);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc8762#section-4.4 ST-4.4-02 */
static void so_are_those_of_stamp(void **state)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_sender *sender;
	struct fizeau_st_reflector *reflector;
	uint8_t out[PACKETS_MAX], back[PACKETS_MAX];

	(void)state;
	hashes = 0;
	sender = st_sender(&(struct fizeau_st_sender_config){
		.key = key, .tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_CLASS_OF_SERVICE)});
	reflector = st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = 1, .tlvs = true});
	assert_int_equal(hashes, 4);
	for (uint32_t seq = 0; seq < 100; seq++) {
		struct fizeau_st_reflection reflection;
		struct fizeau_st_reply reply;
		size_t len = st_send(sender, seq, out, sizeof(out));

		assert_int_equal(st_reflect(reflector, out, len, back, sizeof(back), &reply), 0);
		assert_int_equal(fizeau_st_sender_reflection(sender, back, len, &reflection), 0);
		assert_int_equal(reflection.base.sender_seq, seq);
	}
	assert_int_equal(hashes, 4);
	fizeau_st_sender_free(sender);
	fizeau_st_reflector_free(reflector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_set_up_once_a_session),
		cmocka_unit_test(so_are_those_of_stamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
