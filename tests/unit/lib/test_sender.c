/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "lib/crypto/packet.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define PADDING 64 /* of the vectors, in the protected modes */

/* Header of a reflection in a mode, MAC'd and encrypted anew after an alteration of its plaintext. */
static void seal_again(enum fizeau_test_mode mode, const uint8_t *plain, uint8_t *wire)
{
	struct fizeau_test_keys keys;
	struct fz_packet packet;

	memcpy(wire, plain, 112);
	if (mode == FIZEAU_TEST_OPEN)
		return;
	packets_keys(&keys);
	assert_int_equal(fz_packet_init(&packet, mode, FZ_PACKET_SEALS, &keys), 0);
	assert_int_equal(
		fz_packet_seal(&packet, wire, mode == FIZEAU_TEST_ENCRYPTED ? 96 : 16, wire + 96), 0);
	fz_packet_wipe(&packet);
}

static void make(struct fizeau_sender *sender, uint32_t seq, uint8_t *packet)
{
	assert_int_equal(fizeau_sender_prepare(sender, seq, packet), 0);
	assert_int_equal(fizeau_sender_finish(sender, packet, packets_t1), 0);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-02 OW-4.1.2-03 OW-4.1.2-13 OW-4.1.2-14 */
/*= rfc4656#section-4.1.2 OW-4.1.2-18 OW-4.1.2-19 OW-4.1.2-20 */
/*= rfc5357#section-4.1.2 TW-4.1.2-01 TW-4.1.2-02 */
/*= rfc5357#section-4.2 TW-4.2-07 */
/*= rfc5357#section-4.2.1 TW-4.2.1-11 TW-4.2.1-16 TW-4.2.1-21 TW-4.2.1-22 */
/*= rfc4656#section-3.5 OW-3.5-18 */
static void packets_are_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t header = fizeau_sender_header_octets(mode, 0);
		struct fizeau_sender *sender = packets_sender(mode, mode == FIZEAU_TEST_OPEN ? 27 : PADDING);
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		size_t len = packets_vector("sender", mode, "wire", want);

		assert_int_equal(fizeau_sender_octets(sender), len);
		/* Twice: a packet depends on nothing that was sent before. */
		for (int round = 0; round < 2; round++) {
			make(sender, 7, got);
			assert_memory_equal(got, want, header);
		}
		fizeau_sender_free(sender);
	}
}

/*= rfc5357#section-4.2.1 TW-4.2.1-22 TW-4.2.1-23 */
static void reflections_of_the_vectors_are_read(void **state)
{
	static const struct fizeau_reflection want = {
		.seq = 3,
		.sender_seq = 7,
		.sender_ntp = 0xe800000a12345678,
		.sender_error = 0x8a01,
		.receive_ntp = 0xe800000a22222222,
		.reflect_ntp = 0xe800000a23456789,
		.reflector_error = 0x8b02,
		.sender_ttl = 0x3b,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fizeau_sender *sender = packets_sender(packets_modes[i], 64);
		uint8_t wire[PACKETS_MAX], before[PACKETS_MAX];
		size_t len = packets_vector("reflector", packets_modes[i], "wire", wire);
		struct fizeau_reflection got;

		memcpy(before, wire, len);
		memset(&got, 0, sizeof(got));
		for (int round = 0; round < 2; round++) {
			assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got), 0);
			assert_memory_equal(&got, &want, sizeof(got));
			assert_memory_equal(wire, before, len);
		}
		fizeau_sender_free(sender);
	}
}

/*= rfc5357#section-4.2.1 TW-4.2.1-15 TW-4.2.1-17 */
static void a_reflection_has_header_and_up_to_all_padding(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		const size_t padding = 100;
		struct fizeau_sender *sender = packets_sender(mode, (uint32_t)padding);
		uint8_t wire[PACKETS_MAX];
		size_t header = packets_vector("reflector", mode, "wire", wire);
		struct fizeau_reflection got;

		assert_int_equal(header, fizeau_reflector_header_octets(mode, 0));
		/* Whatever it holds, padding is not covered. */
		memset(wire + header, 0x77, sizeof(wire) - header);
		for (size_t len = 0; len < sizeof(wire); len++) {
			bool fits = len >= header && len <= header + padding;

			assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got),
				fits ? 0 : FIZEAU_ERR_LENGTH);
		}
		fizeau_sender_free(sender);
	}
}

static void every_flipped_bit_of_what_is_covered_is_refused(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t covered = mode == FIZEAU_TEST_ENCRYPTED ? 96 : 16;
		struct fizeau_sender *sender = packets_sender(mode, 64);
		uint8_t wire[PACKETS_MAX];
		size_t len = packets_vector("reflector", mode, "wire", wire);
		struct fizeau_reflection got;

		for (size_t bit = 0; bit < len * 8; bit++) {
			size_t at = bit / 8;
			bool seen = at < covered || (at >= 96 && at < 112);
			/* Multiplier 2 without its only bit. */
			int clear = mode == FIZEAU_TEST_AUTHENTICATED && bit == 25 * 8 + 1
					    ? FIZEAU_ERR_ESTIMATE
					    : 0;

			wire[at] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got),
				seen ? FIZEAU_ERR_HMAC : clear);
			wire[at] ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got), 0);
		fizeau_sender_free(sender);
	}
}

static void a_reflection_of_another_key_is_refused(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		struct fizeau_sender_config config = {.mode = packets_modes[i], .padding_octets = 64};
		struct fizeau_sender *sender;
		uint8_t wire[PACKETS_MAX];
		size_t len = packets_vector("reflector", packets_modes[i], "wire", wire);
		struct fizeau_reflection got;

		packets_keys(&config.keys);
		config.keys.hmac[31] ^= 1;
		sender = fizeau_sender_new(&config);
		assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got), FIZEAU_ERR_HMAC);
		fizeau_sender_free(sender);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-10 */
static void multiplier_zero_is_discarded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t at = mode == FIZEAU_TEST_OPEN ? 13 : 25;
		struct fizeau_sender *sender = packets_sender(mode, 64);
		uint8_t plain[PACKETS_MAX], wire[PACKETS_MAX];
		size_t len = packets_vector("reflector", mode, "plaintext", plain);
		struct fizeau_reflection got;

		plain[at] = 0;
		seal_again(mode, plain, wire);
		assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got), FIZEAU_ERR_ESTIMATE);
		plain[at] = 1;
		seal_again(mode, plain, wire);
		assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got), 0);
		fizeau_sender_free(sender);
	}
}

/*= rfc4656#section-3.1 OW-3.1-37 */
static void mbz_under_a_good_hmac_is_ignored(void **state)
{
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fizeau_sender *sender = packets_sender(mode, 64);
		uint8_t plain[PACKETS_MAX], wire[PACKETS_MAX];
		size_t len = packets_vector("reflector", mode, "plaintext", plain);
		struct fizeau_reflection want, got;

		seal_again(mode, plain, wire);
		memset(&want, 0, sizeof(want));
		memset(&got, 0, sizeof(got));
		assert_int_equal(fizeau_sender_reflection(sender, wire, len, &want), 0);
		memset(plain + 4, 0xff, 12);
		memset(plain + 81, 0xff, 15);
		seal_again(mode, plain, wire);
		assert_int_equal(fizeau_sender_reflection(sender, wire, len, &got), 0);
		assert_memory_equal(&got, &want, sizeof(got));
		fizeau_sender_free(sender);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-21 OW-4.1.2-23 */
/*= rfc5357#section-4.2.1 TW-4.2.1-12 TW-4.2.1-14 */
static void padding_is_random_or_zero(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t header = fizeau_sender_header_octets(mode, 0);
		struct fizeau_sender_config config = {
			.mode = mode, .padding_octets = 1403, .zero_padding = true};
		struct fizeau_sender *sender = packets_sender(mode, 1403);
		static uint8_t first[2000], second[2000];
		static const uint8_t zeros[2000];
		unsigned ones = 0;

		make(sender, 0, first);
		make(sender, 1, second);
		assert_memory_not_equal(first + header, second + header, 1403);
		for (size_t at = header; at < header + 1403; at++)
			ones += (unsigned)__builtin_popcount(first[at]);
		/* 5612 expected, with a standard deviation of 53. */
		assert_in_range(ones, 5300, 5900);
		fizeau_sender_free(sender);

		packets_keys(&config.keys);
		sender = fizeau_sender_new(&config);
		memset(first, 0xee, sizeof(first));
		make(sender, 0, first);
		assert_memory_equal(first + header, zeros, 1403);
		assert_int_equal(first[header + 1403], 0xee);
		fizeau_sender_free(sender);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-22 */
/*= rfc5357#section-4.2.1 TW-4.2.1-13 */
static void padding_has_a_generator_of_its_own(void **state)
{
	struct fizeau_sender *a = packets_sender(FIZEAU_TEST_AUTHENTICATED, 200);
	struct fizeau_sender *b = packets_sender(FIZEAU_TEST_OPEN, 200);
	uint8_t packet_a[248], packet_b[214];

	(void)state;
	/* It depends on its seed alone, not on the mode or the keys. */
	make(a, 0, packet_a);
	make(b, 0, packet_b);
	assert_memory_equal(packet_a + 48, packet_b + 14, 200);
	fizeau_sender_free(a);
	fizeau_sender_free(b);
}

/*= rfc4656#section-4.1.1 OW-4.1.1-07 */
/*= rfc5357#section-4.1.1 TW-4.1.1-01 */
static void only_the_stamp_is_left_for_the_moment_of_sending(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		size_t at = mode == FIZEAU_TEST_OPEN ? 4 : 16;
		struct fizeau_sender *sender = packets_sender(mode, 10);
		uint8_t prepared[PACKETS_MAX], sent[PACKETS_MAX];

		assert_int_equal(fizeau_sender_prepare(sender, 5, prepared), 0);
		memcpy(sent, prepared, sizeof(sent));
		assert_int_equal(fizeau_sender_finish(sender, sent, packets_t1), 0);
		assert_memory_equal(sent, prepared, at);
		assert_memory_equal(
			sent + at + 10, prepared + at + 10, fizeau_sender_octets(sender) - at - 10);
		assert_memory_equal(sent + at,
			((const uint8_t[]){0xe8, 0, 0, 0x0a, 0x12, 0x34, 0x56, 0x78, 0x8a, 0x01}), 10);
		fizeau_sender_free(sender);
	}
}

/*= rfc3393#section-2.2 PV-2.2-01 */
static void a_packet_fits_a_datagram(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fizeau_sender_config config = {.mode = packets_modes[i]};
		struct fizeau_sender *sender;
		uint32_t most = FIZEAU_TEST_PACKET_MAX - (uint32_t)fizeau_sender_header_octets(config.mode, 0);

		packets_keys(&config.keys);
		config.padding_octets = most + 1;
		assert_null(fizeau_sender_new(&config));
		config.padding_octets = UINT32_MAX;
		assert_null(fizeau_sender_new(&config));
		config.padding_octets = most;
		sender = fizeau_sender_new(&config);
		assert_non_null(sender);
		assert_int_equal(fizeau_sender_octets(sender), 65507);
		fizeau_sender_free(sender);
	}
	fizeau_sender_free(NULL);
}

/*= rfc5618#section-1 MX-1-01 */
/*= rfc5618#section-3.1 MX-3.1-01 MX-3.1-02 MX-3.1-04 */
/*= rfc5618#section-4.1.2 MX-4.1.2-01 MX-4.1.2-02 */
static void mixed_mode_has_open_packets(void **state)
{
	(void)state;
	assert_int_equal(fizeau_test_mode_of(FIZEAU_MODE_OPEN), FIZEAU_TEST_OPEN);
	assert_int_equal(fizeau_test_mode_of(FIZEAU_MODE_AUTHENTICATED), FIZEAU_TEST_AUTHENTICATED);
	assert_int_equal(fizeau_test_mode_of(FIZEAU_MODE_ENCRYPTED), FIZEAU_TEST_ENCRYPTED);
	assert_int_equal(fizeau_test_mode_of(FIZEAU_MODE_MIXED), FIZEAU_TEST_OPEN);
	assert_int_equal(fizeau_test_mode_of(FIZEAU_MODE_TW_IKEV2 | FIZEAU_MODE_MIXED), FIZEAU_TEST_OPEN);
	assert_int_equal(
		fizeau_test_mode_of(FIZEAU_MODE_TW_IKEV2 | FIZEAU_MODE_ENCRYPTED), FIZEAU_TEST_ENCRYPTED);
	assert_int_equal(fizeau_test_mode_of(FIZEAU_MODE_TW_IKEV2 | FIZEAU_MODE_AUTHENTICATED),
		FIZEAU_TEST_AUTHENTICATED);
	assert_int_equal(fizeau_sender_header_octets(fizeau_test_mode_of(FIZEAU_MODE_MIXED), 0), 14);
	assert_int_equal(fizeau_reflector_header_octets(fizeau_test_mode_of(FIZEAU_MODE_MIXED), 0), 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_the_vectors),
		cmocka_unit_test(reflections_of_the_vectors_are_read),
		cmocka_unit_test(a_reflection_has_header_and_up_to_all_padding),
		cmocka_unit_test(every_flipped_bit_of_what_is_covered_is_refused),
		cmocka_unit_test(a_reflection_of_another_key_is_refused),
		cmocka_unit_test(multiplier_zero_is_discarded),
		cmocka_unit_test(mbz_under_a_good_hmac_is_ignored),
		cmocka_unit_test(padding_is_random_or_zero),
		cmocka_unit_test(padding_has_a_generator_of_its_own),
		cmocka_unit_test(only_the_stamp_is_left_for_the_moment_of_sending),
		cmocka_unit_test(a_packet_fits_a_datagram),
		cmocka_unit_test(mixed_mode_has_open_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
