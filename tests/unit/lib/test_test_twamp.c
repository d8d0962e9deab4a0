/* SPDX-License-Identifier: MIT */
/* The headers of test packets against the plaintext of tests/vectors/test_packets.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "lib/wire/test_twamp.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

static const struct fizeau_reflection reflection_of_vectors = {
	.seq = 3,
	.sender_seq = 7,
	.sender_ntp = 0xe800000a12345678,
	.sender_error = 0x8a01,
	.receive_ntp = 0xe800000a22222222,
	.reflect_ntp = 0xe800000a23456789,
	.reflector_error = 0x8b02,
	.sender_ttl = 0x3b,
};

static const struct fizeau_test_features none;

static void layouts_equal(struct fz_test_layout got, const struct fz_test_layout *want)
{
	assert_int_equal(got.mode, want->mode);
	assert_int_equal(got.header, want->header);
	assert_int_equal(got.fields, want->fields);
	assert_int_equal(got.least, want->least);
	assert_int_equal(got.covered, want->covered);
	assert_int_equal(got.hmac, want->hmac);
	assert_int_equal(got.dscp_ecn, want->dscp_ecn);
	assert_int_equal(got.stamps.ptp, want->stamps.ptp);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-12 */
/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-17 */
static void layouts_are_those_of_the_rfcs(void **state)
{
	static const struct fz_test_layout sender[] = {
		{FIZEAU_TEST_OPEN, .header = 14, .fields = 14, .least = 14},
		{FIZEAU_TEST_AUTHENTICATED, .header = 48, .fields = 48, .least = 48, .covered = 16, .hmac = 32},
		{FIZEAU_TEST_ENCRYPTED, .header = 48, .fields = 48, .least = 48, .covered = 32, .hmac = 32},
	};
	static const struct fz_test_layout reflector[] = {
		{FIZEAU_TEST_OPEN, .header = 41, .fields = 41, .least = 41},
		{FIZEAU_TEST_AUTHENTICATED, .header = 112, .fields = 112, .least = 112, .covered = 16, .hmac = 96},
		{FIZEAU_TEST_ENCRYPTED, .header = 112, .fields = 112, .least = 112, .covered = 96, .hmac = 96},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		layouts_equal(fz_test_sender_layout(packets_modes[i], &none), &sender[i]);
		layouts_equal(fz_test_reflector_layout(packets_modes[i], &none), &reflector[i]);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-02 OW-4.1.2-03 */
/*= rfc5357#section-4 TW-4-01 */
/*= rfc5357#section-4.1.2 TW-4.1.2-01 */
static void sender_headers_are_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fz_test_layout layout = fz_test_sender_layout(mode, &none);
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		struct fz_test_sender packet;

		packets_vector("sender", mode, "plaintext", want);
		memset(got, 0xee, sizeof(got));
		fz_test_sender_put(got, &layout, 7);
		fz_test_stamp(got, &layout, packets_t1);
		assert_memory_equal(got, want, layout.header);
		assert_int_equal(got[layout.header], 0xee);
		fz_test_sender_get(want, &layout, &packet);
		assert_int_equal(packet.seq, 7);
		assert_int_equal(packet.ntp, packets_t1.ntp);
		assert_int_equal(packet.error, packets_t1.error);
	}
}

/*= rfc5357#section-4 TW-4-01 */
/*= rfc5357#section-4.2.1 TW-4.2.1-04 TW-4.2.1-05 TW-4.2.1-07 TW-4.2.1-09 */
static void reflector_headers_are_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		struct fz_test_layout layout = fz_test_reflector_layout(mode, &none);
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		struct fizeau_reflection reflection;

		packets_vector("reflector", mode, "plaintext", want);
		memset(got, 0xee, sizeof(got));
		fz_test_reflector_put(got, &layout, &reflection_of_vectors);
		fz_test_stamp(got, &layout, packets_t3);
		assert_memory_equal(got, want, layout.header);
		assert_int_equal(got[layout.header], 0xee);
		assert_int_equal(fz_test_reflector_get(want, &layout, &reflection), 0);
		assert_memory_equal(&reflection, &reflection_of_vectors, sizeof(reflection));
	}
}

/*= rfc4656#section-3.1 OW-3.1-36 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-02 TW-2-03 */
static void mbz_is_zero_out_and_ignored_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum fizeau_test_mode mode = packets_modes[i];
		const struct fz_test_layout layout = fz_test_reflector_layout(mode, &none);
		size_t header = layout.header;
		struct fizeau_reflection all_ones, reflection;
		uint8_t used[112], octets[112];

		/* Where all fields are ones, what is zero is MBZ (or HMAC, which is filled in later). */
		memset(&all_ones, 0xff, sizeof(all_ones));
		fz_test_reflector_put(used, &layout, &all_ones);
		fz_test_stamp(
			used, &layout, (struct fizeau_stamp){.ntp = UINT64_MAX, .error = UINT16_MAX});
		fz_test_reflector_put(octets, &layout, &reflection_of_vectors);
		fz_test_stamp(octets, &layout, packets_t3);
		for (size_t at = 0; at < header; at++) {
			assert_true(used[at] == 0 || used[at] == 0xff);
			if (used[at] == 0)
				octets[at] = 0xa5;
		}
		assert_int_equal(fz_test_reflector_get(octets, &layout, &reflection), 0);
		assert_memory_equal(&reflection, &reflection_of_vectors, sizeof(reflection));
		/* Sequence 4 + 4, stamps 8 * 3, estimates 2 * 2, TTL 1. */
		for (size_t at = 0, count = 0; at < header; at++) {
			count += used[at] == 0xff;
			if (at == header - 1)
				assert_int_equal(count, 37);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_are_those_of_the_rfcs),
		cmocka_unit_test(sender_headers_are_the_vectors),
		cmocka_unit_test(reflector_headers_are_the_vectors),
		cmocka_unit_test(mbz_is_zero_out_and_ignored_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
