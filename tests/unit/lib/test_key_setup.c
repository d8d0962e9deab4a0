/* SPDX-License-Identifier: MIT */
/* Keys are set up once a session: libcrypto's functions for it are wrapped by the linker and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <openssl/evp.h>
#include "tests/testlib/packets.h"
#include <cmocka.h>

int __real_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	const unsigned char *iv, int enc, const OSSL_PARAM params[]);
int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	const unsigned char *iv, int enc, const OSSL_PARAM params[]);
int __real_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[]);
int __wrap_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[]);

static unsigned cipher_keys, mac_keys;

int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	const unsigned char *iv, int enc, const OSSL_PARAM params[])
{
	cipher_keys += key != NULL;
	return __real_EVP_CipherInit_ex2(ctx, cipher, key, iv, enc, params);
}

int __wrap_EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[])
{
	mac_keys += key != NULL;
	return __real_EVP_MAC_init(ctx, key, keylen, params);
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

		cipher_keys = mac_keys = 0;
		sender = packets_sender(packets_modes[i], 64);
		reflector = packets_reflector(packets_modes[i]);
		/* Each end: to encrypt, to decrypt, to authenticate. */
		assert_int_equal(cipher_keys, 4);
		assert_int_equal(mac_keys, 2);
		for (uint32_t seq = 0; seq < 100; seq++) {
			struct fizeau_reflection reflection;
			int octets;

			assert_int_equal(fizeau_sender_prepare(sender, seq, out), 0);
			assert_int_equal(fizeau_sender_finish(sender, out, packets_t1), 0);
			octets = fizeau_reflector_reflect(reflector, out, fizeau_sender_octets(sender),
				packets_t2, 64, back, sizeof(back));
			assert_true(octets > 0);
			assert_int_equal(fizeau_reflector_finish(reflector, back, packets_t3), 0);
			assert_int_equal(
				fizeau_sender_reflection(sender, back, (size_t)octets, &reflection), 0);
			assert_int_equal(reflection.sender_seq, seq);
		}
		assert_int_equal(cipher_keys, 4);
		assert_int_equal(mac_keys, 2);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_set_up_once_a_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
