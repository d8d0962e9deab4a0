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

/*= rfc4656#section-4.1.2 OW-4.1.2-12 */
/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-17 */
static void layouts_are_those_of_the_rfcs(void **state)
{
	static const struct fz_test_layout sender[] = {{14, 0, 0}, {48, 16, 32}, {48, 32, 32}};
	static const struct fz_test_layout reflector[] = {{41, 0, 0}, {112, 16, 96}, {112, 96, 96}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fz_test_layout s = fz_test_sender_layout(packets_modes[i]);
		struct fz_test_layout r = fz_test_reflector_layout(packets_modes[i]);

		assert_memory_equal(&s, &sender[i], sizeof(s));
		assert_memory_equal(&r, &reflector[i], sizeof(r));
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
		struct fz_test_layout layout = fz_test_sender_layout(mode);
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		struct fz_test_sender packet;

		packets_vector("sender", mode, "plaintext", want);
		memset(got, 0xee, sizeof(got));
		fz_test_sender_put(got, mode, 7);
		fz_test_sender_stamp(got, mode, packets_t1);
		assert_memory_equal(got, want, layout.header);
		assert_int_equal(got[layout.header], 0xee);
		fz_test_sender_get(want, mode, &packet);
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
		struct fz_test_layout layout = fz_test_reflector_layout(mode);
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		struct fizeau_reflection reflection;

		packets_vector("reflector", mode, "plaintext", want);
		memset(got, 0xee, sizeof(got));
		fz_test_reflector_put(got, mode, &reflection_of_vectors);
		fz_test_reflector_stamp(got, mode, packets_t3);
		assert_memory_equal(got, want, layout.header);
		assert_int_equal(got[layout.header], 0xee);
		memset(&reflection, 0, sizeof(reflection));
		fz_test_reflector_get(want, mode, &reflection);
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
		size_t header = fz_test_reflector_layout(mode).header;
		struct fizeau_reflection all_ones, reflection;
		uint8_t used[112], octets[112];

		/* Where all fields are ones, what is zero is MBZ (or HMAC, which is filled in later). */
		memset(&all_ones, 0xff, sizeof(all_ones));
		fz_test_reflector_put(used, mode, &all_ones);
		fz_test_reflector_stamp(
			used, mode, (struct fizeau_stamp){.ntp = UINT64_MAX, .error = UINT16_MAX});
		fz_test_reflector_put(octets, mode, &reflection_of_vectors);
		fz_test_reflector_stamp(octets, mode, packets_t3);
		for (size_t at = 0; at < header; at++) {
			assert_true(used[at] == 0 || used[at] == 0xff);
			if (used[at] == 0)
				octets[at] = 0xa5;
		}
		memset(&reflection, 0, sizeof(reflection));
		fz_test_reflector_get(octets, mode, &reflection);
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
