/* SPDX-License-Identifier: MIT */
/* The sender of STAMP and TWAMP Light, without TLVs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_packets.h"
#include <cmocka.h>

static struct fizeau_st_reflection reflection;

/*= rfc8762#section-4.2 ST-4.2-01 */
/*= rfc8762#section-4.2.1 ST-4.2.1-06 */
/*= rfc8762#section-4.2.2 ST-4.2.2-01 */
/*= rfc8762#section-4.4 ST-4.4-01 */
/*= rfc8972#section-3 SX-3-01 SX-3-03 */
static void packets_are_the_vectors(void **state)
{
	static const char *const names[] = {"sender unauthenticated, SSID 0x0102", "sender authenticated"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_st_sender_config config = {.ssid = ST_SSID};
		struct fizeau_st_sender *sender;
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		size_t len = st_vector(names[i], "wire", want);

		if (i == 1)
			config.key = st_key();
		sender = st_sender(&config);
		assert_int_equal(st_send(sender, ST_SEQ, got, sizeof(got)), len);
		assert_memory_equal(got, want, len);
		fizeau_st_sender_free(sender);
	}
}

/*= rfc8762#section-4.3.1 ST-4.3.1-01 */
/*= rfc8762#section-4.3.2 ST-4.3.2-01 */
static void reflections_of_the_vectors_are_read(void **state)
{
	static const char *const names[] = {"reflector unauthenticated (stateful), SSID 0x0102", "reflector authenticated"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_st_sender_config config = {.ssid = ST_SSID};
		struct fizeau_st_sender *sender;
		uint8_t octets[PACKETS_MAX];
		size_t len = st_vector(names[i], "wire", octets);

		if (i == 1)
			config.key = st_key();
		sender = st_sender(&config);
		assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), 0);
		assert_int_equal(reflection.base.seq, ST_REFLECTOR_SEQ);
		assert_int_equal(reflection.base.sender_seq, ST_SEQ);
		assert_true(reflection.base.sender_ntp == packets_t1.ntp);
		assert_true(reflection.base.receive_ntp == packets_t2.ntp);
		assert_true(reflection.base.reflect_ntp == packets_t3.ntp);
		assert_int_equal(reflection.base.sender_error, packets_t1.error);
		assert_int_equal(reflection.base.reflector_error, packets_t3.error);
		assert_int_equal(reflection.base.sender_ttl, ST_TTL);
		assert_int_equal(reflection.ssid, ST_SSID);
		fizeau_st_sender_free(sender);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_the_vectors),
		cmocka_unit_test(reflections_of_the_vectors_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
