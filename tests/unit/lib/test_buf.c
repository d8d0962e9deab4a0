/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "lib/base/buf.h"
#include <cmocka.h>

static const uint8_t counting[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};

/*= rfc4656#section-2 OW-2-04 */
static void reads_network_order(void **state)
{
	struct fz_reader r = fz_reader_of(counting, sizeof(counting));
	uint8_t octets[2];

	(void)state;
	assert_int_equal(fz_read_u8(&r), 1);
	assert_int_equal(fz_read_u16(&r), 0x0203);
	assert_int_equal(fz_read_u32(&r), 0x04050607);
	fz_read_skip(&r, 1);
	assert_int_equal(fz_reader_left(&r), 10);
	assert_int_equal(fz_read_u64(&r), 0x090a0b0c0d0e0f10);
	fz_read_octets(&r, octets, 2);
	assert_memory_equal(octets, counting + 16, 2);
	assert_int_equal(fz_reader_left(&r), 0);
	assert_false(r.failed);
}

static void a_short_read_fails_for_good(void **state)
{
	struct fz_reader r = fz_reader_of(counting, 3);
	uint8_t octets[2] = {0xff, 0xff};

	(void)state;
	assert_int_equal(fz_read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(fz_reader_left(&r), 0);
	/* One octet would be there, but what was asked before it is not. */
	assert_int_equal(fz_read_u8(&r), 0);
	fz_read_octets(&r, octets, 2);
	assert_int_equal(octets[0] | octets[1], 0);
	fz_read_skip(&r, 0);
	assert_true(r.failed);
}

static void an_empty_reader_holds_nothing(void **state)
{
	struct fz_reader r = fz_reader_of(counting, 0);

	(void)state;
	fz_read_skip(&r, 0);
	assert_false(r.failed);
	assert_int_equal(fz_read_u8(&r), 0);
	assert_true(r.failed);
}

static void skipping_too_far_fails(void **state)
{
	struct fz_reader r = fz_reader_of(counting, sizeof(counting));

	(void)state;
	fz_read_skip(&r, SIZE_MAX);
	assert_true(r.failed);
}

/*= rfc5357#section-2 TW-2-01 */
static void writes_network_order(void **state)
{
	uint8_t octets[21];
	static const uint8_t want[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 1, 2, 0xee, 0xee};
	struct fz_writer w = fz_writer_of(octets, 19);

	(void)state;
	memset(octets, 0xee, sizeof(octets));
	fz_write_u8(&w, 1);
	fz_write_u16(&w, 0x0203);
	fz_write_u32(&w, 0x04050607);
	fz_write_u64(&w, 0x08090a0b0c0d0e0f);
	fz_write_zeros(&w, 2);
	fz_write_octets(&w, counting, 2);
	assert_false(w.failed);
	assert_int_equal(fz_writer_len(&w), 19);
	assert_memory_equal(octets, want, sizeof(want));
}

static void a_write_that_does_not_fit_writes_nothing(void **state)
{
	uint8_t octets[4] = {9, 9, 9, 9};
	struct fz_writer w = fz_writer_of(octets, 3);

	(void)state;
	fz_write_u32(&w, 0);
	fz_write_zeros(&w, 1);
	fz_write_octets(&w, counting, 2);
	fz_write_u8(&w, 1);
	assert_true(w.failed);
	assert_int_equal(fz_writer_len(&w), 0);
	assert_memory_equal(octets, "\t\t\t\t", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_network_order),
		cmocka_unit_test(a_short_read_fails_for_good),
		cmocka_unit_test(an_empty_reader_holds_nothing),
		cmocka_unit_test(skipping_too_far_fails),
		cmocka_unit_test(writes_network_order),
		cmocka_unit_test(a_write_that_does_not_fit_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
