/* SPDX-License-Identifier: MIT */
/* The reflector of STAMP and TWAMP Light, without TLVs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_packets.h"
#include <cmocka.h>

static uint8_t out[FIZEAU_TEST_PACKET_MAX];
static struct fizeau_st_reply reply;

/* The next reflection carries the number of the vectors. */
static void advance(struct fizeau_st_reflector *r, const uint8_t *in, size_t len)
{
	for (int i = 0; i < ST_REFLECTOR_SEQ; i++) {
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
		assert_int_equal(reply.seq, i);
	}
}

/*= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-02 ST-4.3.1-03 ST-4.3.1-04 ST-4.3.1-05 ST-4.3.1-06 */
/*= rfc8762#section-4.3.2 ST-4.3.2-01 */
/*= rfc8762#section-4.4 ST-4.4-01 */
/*= rfc8972#section-3 SX-3-01 SX-3-07 */
static void reflections_are_the_vectors(void **state)
{
	static const char *const names[][2] = {
		{"sender unauthenticated, SSID 0x0102", "reflector unauthenticated (stateful), SSID 0x0102"},
		{"sender authenticated", "reflector authenticated"},
	};
	struct fizeau_st_key key = st_key();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_st_reflector *r =
			st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = i});
		uint8_t in[PACKETS_MAX], before[PACKETS_MAX], want[PACKETS_MAX];
		size_t len = st_vector(names[i][0], "wire", in);

		memcpy(before, in, len);
		assert_int_equal(st_vector(names[i][1], "wire", want), len);
		advance(r, in, len);
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
		assert_int_equal(reply.octets, len);
		assert_int_equal(reply.dscp, 46);
		assert_int_equal(reply.seq, ST_REFLECTOR_SEQ);
		assert_memory_equal(out, want, len);
		assert_memory_equal(in, before, len);
		assert_int_equal(fizeau_st_ssid(in, len, i == 1), ST_SSID);
		fizeau_st_reflector_free(r);
	}
}

/*= rfc8762#section-4.4 ST-4.4-03 */
static void every_flipped_bit_of_an_authenticated_packet_stays_unanswered(void **state)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_reflector *r = st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = 1});
	uint8_t in[PACKETS_MAX];
	size_t len = st_vector("sender authenticated", "wire", in);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		in[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), FIZEAU_ERR_HMAC);
		in[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
	assert_int_equal(reply.seq, 0);
	fizeau_st_reflector_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reflections_are_the_vectors),
		cmocka_unit_test(every_flipped_bit_of_an_authenticated_packet_stays_unanswered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
