/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "lib/crypto/packet.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define TTL 0x3b

static int reflect(
	struct fizeau_reflector *reflector, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	int octets = fizeau_reflector_reflect(reflector, in, len, packets_t2, TTL, 0, out, cap);

	if (octets >= 0)
		assert_int_equal(fizeau_reflector_finish(reflector, out, packets_t3), 0);
	return octets;
}

/* The next reflections carry number seq. */
static void advance_to(struct fizeau_reflector *reflector, const uint8_t *in, size_t len, uint32_t seq)
{
	uint8_t out[PACKETS_MAX];

	for (uint32_t n = 0; n < seq; n++)
		assert_true(reflect(reflector, in, len, out, sizeof(out)) > 0);
}

/*= rfc5357#section-4.2 TW-4.2-02 TW-4.2-04 TW-4.2-05 TW-4.2-07 */
/*= rfc5357#section-4.2.1 TW-4.2.1-04 TW-4.2.1-05 TW-4.2.1-07 TW-4.2.1-08 */
/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-11 TW-4.2.1-21 */
/*= rfc5357#section-4.2.1 TW-4.2.1-22 TW-4.2.1-23 TW-4.2.1-24 */
/*= rfc5618#section-4.2 MX-4.2-01 */
static void reflections_are_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fizeau_reflector *reflector = packets_reflector(mode);
		uint8_t in[PACKETS_MAX], before[PACKETS_MAX], want[PACKETS_MAX], out[PACKETS_MAX];
		size_t len = packets_vector("sender", mode, "wire", in);
		size_t octets = packets_vector("reflector", mode, "wire", want);

		memcpy(before, in, len);
		advance_to(reflector, in, len, 3);
		assert_int_equal(reflect(reflector, in, len, out, sizeof(out)), octets);
		assert_memory_equal(out, want, octets);
		assert_memory_equal(in, before, len);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc5357#section-4.2 TW-4.2-02 TW-4.2-03 TW-4.2-12 */
static void every_flipped_bit_of_what_is_covered_stays_unanswered(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t covered = mode == FIZEAU_TEST_ENCRYPTED ? 32 : 16;
		struct fizeau_reflector *reflector = packets_reflector(mode);
		struct fizeau_sender *sender = packets_sender(mode, 64);
		uint8_t in[PACKETS_MAX], out[PACKETS_MAX];
		size_t len = packets_vector("sender", mode, "wire", in);
		struct fizeau_reflection reflection;
		uint32_t answered = 0;

		for (size_t bit = 0; bit < len * 8; bit++) {
			size_t at = bit / 8;
			bool seen = at < covered || (at >= 32 && at < 48);
			int octets;

			in[at] ^= (uint8_t)(1u << bit % 8);
			octets = reflect(reflector, in, len, out, sizeof(out));
			assert_int_equal(octets, seen ? FIZEAU_ERR_HMAC : 112);
			answered += !seen;
			in[at] ^= (uint8_t)(1u << bit % 8);
		}
		/* What was refused has taken no number. */
		assert_int_equal(reflect(reflector, in, len, out, sizeof(out)), 112);
		assert_int_equal(fizeau_sender_reflection(sender, out, 112, &reflection), 0);
		assert_int_equal(reflection.seq, answered);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-12 */
/*= rfc5357#section-4.2.1 TW-4.2.1-15 TW-4.2.1-17 TW-4.2.1-18 TW-4.2.1-19 TW-4.2.1-20 */
static void every_length_is_answered_by_the_longer_of_packet_and_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t head_in = fizeau_sender_header_octets(mode, 0),
		       head_out = fizeau_reflector_header_octets(mode, 0);
		struct fizeau_reflector *reflector = packets_reflector(mode);
		uint8_t in[1500], out[1500];

		packets_vector("sender", mode, "wire", in);
		for (size_t at = head_in; at < sizeof(in); at++)
			in[at] = (uint8_t)(at - head_in);
		for (size_t len = 0; len <= sizeof(in); len++) {
			size_t want = len > head_out ? len : head_out;
			int octets;

			memset(out, 0xee, sizeof(out));
			octets = reflect(reflector, in, len, out, sizeof(out));
			if (len < head_in) {
				assert_int_equal(octets, FIZEAU_ERR_LENGTH);
				continue;
			}
			assert_int_equal(octets, want);
			/* The padding's first octets come back; its tail is dropped. */
			assert_memory_equal(out + head_out, in + head_in, want - head_out);
			if (want < sizeof(out))
				assert_int_equal(out[want], 0xee);
		}
		fizeau_reflector_free(reflector);
	}
}

static void a_reflection_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fizeau_reflector *reflector = packets_reflector(mode);
		uint8_t in[PACKETS_MAX], out[PACKETS_MAX];
		size_t len = packets_vector("sender", mode, "wire", in);
		size_t want = fizeau_reflector_header_octets(mode, 0);

		assert_int_equal(fizeau_reflector_reflect(reflector, in, len, packets_t2, TTL, 0, out, want - 1),
			FIZEAU_ERR_LENGTH);
		assert_int_equal(
			fizeau_reflector_reflect(reflector, in, len, packets_t2, TTL, 0, out, want), want);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc5357#section-4.2 TW-4.2-08 */
/*= rfc5357#section-4.2.1 TW-4.2.1-01 TW-4.2.1-06 */
/*= rfc6673#section-8 RL-8-01 */
/*= rfc5357#section-1.2 TW-1.2-01 */
static void copies_have_numbers_of_their_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fizeau_reflector *reflector = packets_reflector(mode),
					*other = packets_reflector(mode);
		struct fizeau_sender *sender = packets_sender(mode, 64);
		/* Lost, reordered and duplicated: the reflector counts what it sends. */
		static const uint32_t arriving[] = {5, 5, 2, 900, UINT32_MAX, 0};
		uint8_t in[PACKETS_MAX], out[PACKETS_MAX];
		struct fizeau_reflection reflection;
		int octets;

		for (uint32_t n = 0; n < sizeof(arriving) / sizeof(arriving[0]); n++) {
			assert_int_equal(fizeau_sender_prepare(sender, arriving[n], in), 0);
			assert_int_equal(fizeau_sender_finish(sender, in, packets_t1), 0);
			octets = reflect(reflector, in, fizeau_sender_octets(sender), out, sizeof(out));
			assert_true(octets > 0);
			assert_int_equal(
				fizeau_sender_reflection(sender, out, (size_t)octets, &reflection), 0);
			assert_int_equal(reflection.seq, n);
			assert_int_equal(reflection.sender_seq, arriving[n]);
		}
		/* Another session starts at 0. */
		octets = reflect(other, in, fizeau_sender_octets(sender), out, sizeof(out));
		assert_true(octets > 0);
		assert_int_equal(fizeau_sender_reflection(sender, out, (size_t)octets, &reflection), 0);
		assert_int_equal(reflection.seq, 0);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
		fizeau_reflector_free(other);
	}
}

/*= rfc5357#section-4.2.1 TW-4.2.1-08 */
/*= rfc5357#section-4.2 TW-4.2-06 */
static void the_senders_fields_come_back_bit_for_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fizeau_reflector *reflector = packets_reflector(mode);
		struct fizeau_sender *sender = packets_sender(mode, 98);
		/* Z set and Multiplier 0: the sender's business. */
		const struct fizeau_stamp odd = {.ntp = 0xffffffff00000001, .error = 0x7f00};
		uint8_t in[PACKETS_MAX], out[PACKETS_MAX];
		struct fizeau_reflection reflection;
		int octets;

		assert_int_equal(fizeau_sender_prepare(sender, 0xfffffffe, in), 0);
		assert_int_equal(fizeau_sender_finish(sender, in, odd), 0);
		octets = fizeau_reflector_reflect(
			reflector, in, fizeau_sender_octets(sender), packets_t2, 255, 0, out, sizeof(out));
		assert_true(octets > 0);
		assert_int_equal(fizeau_reflector_finish(reflector, out, packets_t3), 0);
		assert_int_equal(fizeau_sender_reflection(sender, out, (size_t)octets, &reflection), 0);
		assert_int_equal(reflection.sender_ntp, odd.ntp);
		assert_int_equal(reflection.sender_error, odd.error);
		assert_int_equal(reflection.sender_seq, 0xfffffffe);
		assert_int_equal(reflection.sender_ttl, 255);
		assert_int_equal(reflection.receive_ntp, packets_t2.ntp);
		assert_int_equal(reflection.reflect_ntp, packets_t3.ntp);
		assert_int_equal(reflection.reflector_error, packets_t3.error);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc4656#section-3.1 OW-3.1-37 */
static void mbz_under_a_good_hmac_is_ignored(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fizeau_reflector *reflector = packets_reflector(mode);
		struct fizeau_test_keys keys;
		struct fz_packet packet;
		uint8_t in[PACKETS_MAX], out[PACKETS_MAX];
		size_t len = packets_vector("sender", mode, "plaintext", in);

		memset(in + 4, 0xff, 12);
		memset(in + 26, 0xff, 6);
		packets_keys(&keys);
		assert_int_equal(fz_packet_init(&packet, mode, FZ_PACKET_SEALS, &keys), 0);
		assert_int_equal(
			fz_packet_seal(&packet, in, mode == FIZEAU_TEST_ENCRYPTED ? 32 : 16, in + 32), 0);
		assert_int_equal(reflect(reflector, in, len, out, sizeof(out)), 112);
		fz_packet_wipe(&packet);
		fizeau_reflector_free(reflector);
	}
}

/* The packet of a sender in authenticated mode with that number, and octets 4 to 15 as told. */
static void seal_in(const struct fizeau_test_keys *keys, uint32_t seq, uint8_t mbz, uint8_t in[static 112])
{
	struct fz_packet packet;

	memset(in, 0x5a, 112);
	memset(in, 0, 3);
	in[3] = (uint8_t)seq;
	memset(in + 4, mbz, 12);
	assert_int_equal(fz_packet_init(&packet, FIZEAU_TEST_AUTHENTICATED, FZ_PACKET_SEALS, keys), 0);
	assert_int_equal(fz_packet_seal(&packet, in, 16, in + 32), 0);
	fz_packet_wipe(&packet);
}

/* Whether the packet's block and HMAC can be sent back depends on the number, and on what MBZ came as; what is sent is what
   libcrypto makes of the reflection, in any case. */
/*= rfc5357#section-4.2.1 TW-4.2.1-01 TW-4.2.1-05 TW-4.2.1-10 */
static void the_block_is_the_reflections_whatever_the_number_was(void **state)
{
	static const struct {
		uint32_t seq;
		uint8_t mbz;
	} came[] = {{0, 0}, {1, 0}, {2, 0xff}, {9, 0}, {9, 0xff}, {5, 1}, {6, 0}, {8, 0}};
	struct fizeau_reflector *reflector = packets_reflector(FIZEAU_TEST_AUTHENTICATED);
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	struct fizeau_test_keys keys;

	(void)state;
	packets_keys(&keys);
	assert_non_null(aes);
	assert_true(EVP_EncryptInit_ex(aes, EVP_aes_128_ecb(), NULL, keys.aes, NULL));
	assert_true(EVP_CIPHER_CTX_set_padding(aes, 0));
	for (uint32_t n = 0; n < sizeof(came) / sizeof(came[0]); n++) {
		uint8_t in[112], out[112], block[16] = {0}, want[16], hmac[EVP_MAX_MD_SIZE];
		int got;

		block[3] = (uint8_t)n;
		assert_true(EVP_EncryptUpdate(aes, want, &got, block, 16));
		assert_non_null(HMAC(EVP_sha1(), keys.hmac, sizeof(keys.hmac), block, 16, hmac, NULL));
		seal_in(&keys, came[n].seq, came[n].mbz, in);
		assert_int_equal(reflect(reflector, in, 112, out, sizeof(out)), 112);
		assert_memory_equal(out, want, 16);
		assert_memory_equal(out + 96, hmac, 16);
		assert_int_equal(memcmp(out, in, 16) == 0, came[n].seq == n && came[n].mbz == 0);
		assert_int_equal(out[51], came[n].seq);
	}
	EVP_CIPHER_CTX_free(aes);
	fizeau_reflector_free(reflector);
}

/*= rfc5357#section-4.2.1 TW-4.2.1-14 TW-4.2.1-16 */
static void padding_can_be_zero(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fizeau_reflector_config config = {.mode = packets_modes[i], .zero_padding = true};
		struct fizeau_sender *sender = packets_sender(config.mode, 1000);
		struct fizeau_reflector *reflector;
		size_t header = fizeau_reflector_header_octets(config.mode, 0);
		static const uint8_t zeros[1100];
		uint8_t in[1100], out[1100];
		int octets;

		packets_keys(&config.keys);
		reflector = fizeau_reflector_new(&config);
		assert_non_null(reflector);
		assert_int_equal(fizeau_sender_prepare(sender, 0, in), 0);
		assert_int_equal(fizeau_sender_finish(sender, in, packets_t1), 0);
		memset(out, 0xee, sizeof(out));
		octets = reflect(reflector, in, fizeau_sender_octets(sender), out, sizeof(out));
		assert_int_equal(octets, fizeau_sender_octets(sender));
		assert_memory_equal(out + header, zeros, (size_t)octets - header);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
	fizeau_reflector_free(NULL);
}

/* A packet of one mode is nothing in another protected one. */
static void a_packet_of_another_mode_is_refused(void **state)
{
	struct fizeau_reflector *authenticated = packets_reflector(FIZEAU_TEST_AUTHENTICATED);
	struct fizeau_reflector *encrypted = packets_reflector(FIZEAU_TEST_ENCRYPTED);
	uint8_t in[PACKETS_MAX], out[PACKETS_MAX];
	size_t len;

	(void)state;
	len = packets_vector("sender", FIZEAU_TEST_ENCRYPTED, "wire", in);
	assert_int_equal(reflect(authenticated, in, len, out, sizeof(out)), FIZEAU_ERR_HMAC);
	len = packets_vector("sender", FIZEAU_TEST_AUTHENTICATED, "wire", in);
	assert_int_equal(reflect(encrypted, in, len, out, sizeof(out)), FIZEAU_ERR_HMAC);
	memset(in, 0, sizeof(in));
	assert_int_equal(reflect(encrypted, in, len, out, sizeof(out)), FIZEAU_ERR_HMAC);
	fizeau_reflector_free(authenticated);
	fizeau_reflector_free(encrypted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reflections_are_the_vectors),
		cmocka_unit_test(every_flipped_bit_of_what_is_covered_stays_unanswered),
		cmocka_unit_test(every_length_is_answered_by_the_longer_of_packet_and_header),
		cmocka_unit_test(a_reflection_that_does_not_fit_is_refused),
		cmocka_unit_test(copies_have_numbers_of_their_own),
		cmocka_unit_test(the_senders_fields_come_back_bit_for_bit),
		cmocka_unit_test(mbz_under_a_good_hmac_is_ignored),
		cmocka_unit_test(the_block_is_the_reflections_whatever_the_number_was),
		cmocka_unit_test(padding_can_be_zero),
		cmocka_unit_test(a_packet_of_another_mode_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
