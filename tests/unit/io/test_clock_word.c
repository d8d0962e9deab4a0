/* SPDX-License-Identifier: MIT */
/* Answers of chronyd and ptp4l as a stranger would send them. The right ones are laid out by hand after candm.h of chrony
   and IEEE 1588-2008. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "io/clock_word.h"

#define SEQ 0x12345678u
#define US 1000LL

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

/* coefficient x 2^(exponent - 25) seconds */
static uint32_t chrony_float(int exponent, int32_t coefficient)
{
	return (uint32_t)(exponent & 0x7f) << 25 | ((uint32_t)coefficient & 0x1ffffff);
}

/* A good answer: stratum 3; correction -1/1024 s, root delay 1/64 s, root dispersion 1/512 s. */
static void chrony_good(uint8_t a[static FZ_CHRONY_OCTETS])
{
	memset(a, 0, FZ_CHRONY_OCTETS);
	a[0] = 6;
	a[1] = 2;
	put16(a + 4, 33);
	put16(a + 6, 5);
	put32(a + 16, SEQ);
	put32(a + 28, 0xc0000207);
	put16(a + 52, 3);
	put32(a + 68, chrony_float(-9, -(1 << 24)));
	put32(a + 92, chrony_float(-5, 1 << 24));
	put32(a + 96, chrony_float(-8, 1 << 24));
}

static void chrony_question_is_as_long_as_its_answer(void **state)
{
	uint8_t q[FZ_CHRONY_OCTETS];
	const uint8_t head[] = {6, 1, 0, 0, 0, 33, 0, 0, 0x12, 0x34, 0x56, 0x78};

	(void)state;
	memset(q, 0xee, sizeof(q));
	fz_chrony_ask(SEQ, q);
	assert_memory_equal(q, head, sizeof(head));
	for (size_t i = sizeof(head); i < sizeof(q); i++)
		assert_int_equal(q[i], 0);
}

static void chrony_bound_is_the_root_distance_and_the_correction(void **state)
{
	struct fz_clock_word word;
	uint8_t a[FZ_CHRONY_OCTETS];

	(void)state;
	chrony_good(a);
	assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
	assert_true(word.synchronized);
	/* 976562.5 + 15625000 / 2 + 1953125 ns; each rounded up */
	assert_in_range(word.error_ns, 10742187, 10742190);
}

static void chrony_answers_that_do_not_fit_are_none(void **state)
{
	const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{0, 5}, {1, 1}, {5, 34}, {7, 4}, {9, 1}, {16, 0x13}, {19, 0x79}};
	struct fz_clock_word word = {true, 7};
	uint8_t a[FZ_CHRONY_OCTETS];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		chrony_good(a);
		a[changes[i].at] = changes[i].value;
		assert_false(fz_chrony_answer(a, sizeof(a), SEQ, &word));
	}
	chrony_good(a);
	for (size_t len = 0; len < sizeof(a); len++)
		assert_false(fz_chrony_answer(a, len, SEQ, &word));
	assert_false(fz_chrony_answer(a, sizeof(a), SEQ + 1, &word));
	assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
}

/* What chronyd says of a clock that it does not keep. */
static void chrony_not_synchronised(void **state)
{
	struct fz_clock_word word;
	uint8_t a[FZ_CHRONY_OCTETS];

	(void)state;
	for (int i = 0; i < 6; i++) {
		chrony_good(a);
		if (i == 0)
			put16(a + 54, 3); /* leap status: unsynchronised */
		else if (i == 1)
			put16(a + 54, 77);
		else if (i == 2)
			put16(a + 52, 0); /* stratum */
		else if (i == 3)
			put16(a + 52, 16);
		else if (i == 4)
			put32(a + 28, 0x7f7f0101); /* its own reference: local */
		else
			put32(a + 28, 0);
		assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
		assert_false(word.synchronized);
	}
}

static void chrony_absurd_values(void **state)
{
	/* exponents and coefficients at their ends */
	const uint32_t floats[] = {chrony_float(63, (1 << 24) - 1), chrony_float(63, -(1 << 24)), chrony_float(33, 1),
		chrony_float(40, 1 << 23), chrony_float(30, 1 << 20), 0xffffffffu, 0x7fffffffu};
	struct fz_clock_word word;
	uint8_t a[FZ_CHRONY_OCTETS];

	(void)state;
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
		for (size_t at = 68; at <= 96; at += 4) {
			chrony_good(a);
			put32(a + at, floats[i]);
			assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
			assert_true(word.error_ns > 0);
			assert_true(word.error_ns <= FZ_CLOCK_ERROR_MAX_NS);
		}
		put32(a + 68, floats[i]);
		put32(a + 92, floats[i]);
		put32(a + 96, floats[i]);
		assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
		assert_true(word.error_ns <= FZ_CLOCK_ERROR_MAX_NS);
	}
	/* An hour is no error bound of a synchronised clock. */
	chrony_good(a);
	put32(a + 96, chrony_float(12, (1 << 24) - 1));
	assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
	assert_false(word.synchronized);
	/* The smallest values are not nothing. */
	chrony_good(a);
	put32(a + 68, chrony_float(-64, 1));
	put32(a + 92, 0);
	put32(a + 96, 0);
	assert_true(fz_chrony_answer(a, sizeof(a), SEQ, &word));
	assert_true(word.synchronized);
	assert_int_equal(word.error_ns, 1);
}

#define HEAD 54
#define PTP_SEQ 0x4d

/* A response's head, with the data behind it. */
static size_t ptp_answer(uint8_t *a, uint16_t id, const uint8_t *data, size_t len)
{
	size_t all = HEAD + len;

	memset(a, 0, FZ_PTP_ANSWER_MAX);
	a[0] = 0x0d;
	a[1] = 2;
	put16(a + 2, (uint16_t)all);
	a[4] = 24;
	put16(a + 30, PTP_SEQ);
	a[32] = 4;
	a[33] = 0x7f;
	a[46] = 2;
	put16(a + 48, 1);
	put16(a + 50, (uint16_t)(2 + len));
	put16(a + 52, id);
	memcpy(a + HEAD, data, len);
	return all;
}

/* offset -3.5 us, path delay 20 us */
static size_t current_of(uint8_t *a, uint16_t steps)
{
	uint8_t data[18] = {0};

	put16(data, steps);
	memset(data + 2, 0xff, 8);
	put32(data + 6, (uint32_t)-(int32_t)(3500u << 16));
	put32(data + 14, 20000u << 16);
	return ptp_answer(a, FZ_PTP_CURRENT_DATA_SET, data, sizeof(data));
}

static size_t parent_of(uint8_t *a, uint8_t clock_class, uint8_t accuracy)
{
	uint8_t data[32] = {0};

	data[19] = clock_class;
	data[20] = accuracy;
	return ptp_answer(a, FZ_PTP_PARENT_DATA_SET, data, sizeof(data));
}

static size_t port_of(uint8_t *a, uint8_t state, uint8_t stamps)
{
	uint8_t data[16] = {[8] = 0, [9] = 1, [10] = state, [11] = stamps, [12] = 2, [13] = 'l', [14] = 'o'};

	return ptp_answer(a, FZ_PTP_PORT_PROPERTIES_NP, data, sizeof(data));
}

static struct fz_ptp_view view_of(uint16_t steps, uint8_t clock_class, uint8_t accuracy, uint8_t state, uint8_t stamps)
{
	struct fz_ptp_view view = {0};
	uint8_t a[FZ_PTP_ANSWER_MAX];

	assert_true(fz_ptp_answer(&view, a, current_of(a, steps), PTP_SEQ, 24));
	assert_true(fz_ptp_answer(&view, a, parent_of(a, clock_class, accuracy), PTP_SEQ, 24));
	assert_true(fz_ptp_answer(&view, a, port_of(a, state, stamps), PTP_SEQ, 24));
	return view;
}

static void ptp_question(void **state)
{
	uint8_t q[FZ_PTP_OCTETS];

	(void)state;
	fz_ptp_ask(FZ_PTP_PARENT_DATA_SET, PTP_SEQ, 24, q);
	assert_int_equal(q[0], 0x0d);
	assert_int_equal(q[1], 2);
	assert_int_equal(q[2] << 8 | q[3], 54);
	assert_int_equal(q[4], 24);
	assert_int_equal(q[30] << 8 | q[31], PTP_SEQ);
	for (int i = 34; i < 44; i++)
		assert_int_equal(q[i], 0xff);
	assert_int_equal(q[46], 0); /* GET */
	assert_int_equal(q[48] << 8 | q[49], 1);
	assert_int_equal(q[50] << 8 | q[51], 2);
	assert_int_equal(q[52] << 8 | q[53], 0x2002);
}

static void ptp_slave(void **state)
{
	struct fz_ptp_view view = view_of(1, 6, 0x23, 9, 0);
	struct fz_clock_word word;

	(void)state;
	assert_true(fz_ptp_word(&view, false, &word));
	assert_true(word.synchronized);
	assert_int_equal(word.error_ns, 3500 + 20 * US + 1 * US);
	/* Not yet slave: uncalibrated, listening, faulty. */
	for (uint8_t port = 0; port < 9; port++) {
		view = view_of(1, 6, 0x23, port, 0);
		assert_true(fz_ptp_word(&view, true, &word));
		assert_false(word.synchronized);
	}
	/* A card's clock is not this clock, and a grandmaster that does not say how good it is may be anywhere: unless the
	   user says that it is what counts. */
	view = view_of(1, 6, 0x23, 9, 1);
	assert_true(fz_ptp_word(&view, false, &word));
	assert_false(word.synchronized);
	assert_true(fz_ptp_word(&view, true, &word));
	assert_true(word.synchronized);
	view = view_of(1, 248, 0xfe, 9, 0);
	assert_true(fz_ptp_word(&view, false, &word));
	assert_false(word.synchronized);
	assert_true(fz_ptp_word(&view, true, &word));
	assert_true(word.synchronized);
	assert_int_equal(word.error_ns, 3500 + 20 * US);
}

static void ptp_grandmaster(void **state)
{
	struct fz_ptp_view view = view_of(0, 6, 0x21, 6, 0);
	struct fz_clock_word word;

	(void)state;
	assert_true(fz_ptp_word(&view, false, &word));
	assert_true(word.synchronized);
	view = view_of(0, 7, 0x21, 6, 0); /* in holdover */
	assert_true(fz_ptp_word(&view, true, &word));
	assert_false(word.synchronized);
	view = view_of(0, 248, 0xfe, 6, 0);
	assert_true(fz_ptp_word(&view, true, &word));
	assert_false(word.synchronized);
}

static void ptp_of_several_ports_the_slave_counts(void **state)
{
	struct fz_ptp_view view = view_of(1, 6, 0x23, 6, 0);
	struct fz_clock_word word;
	uint8_t a[FZ_PTP_ANSWER_MAX];

	(void)state;
	assert_true(fz_ptp_word(&view, false, &word));
	assert_false(word.synchronized);
	assert_true(fz_ptp_answer(&view, a, port_of(a, 9, 0), PTP_SEQ, 24));
	assert_true(fz_ptp_answer(&view, a, port_of(a, 6, 0), PTP_SEQ, 24));
	assert_true(fz_ptp_word(&view, false, &word));
	assert_true(word.synchronized);
}

static void ptp_answers_that_do_not_fit_are_none(void **state)
{
	const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{0, 0x0b}, {1, 1}, {3, 0xff}, {4, 0}, {31, 0x4e}, {46, 0}, {46, 4}, {49, 2}, {51, 1}, {51, 0xff},
		{52, 0}, {53, 0x00}};
	struct fz_ptp_view view = {0};
	struct fz_clock_word word;
	uint8_t a[FZ_PTP_ANSWER_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		len = current_of(a, 1);
		a[changes[i].at] = changes[i].value;
		assert_false(fz_ptp_answer(&view, a, len, PTP_SEQ, 24));
	}
	/* Cut, with and without the lengths that say so. */
	for (size_t cut = 0; cut < HEAD + 18; cut++) {
		(void)current_of(a, 1);
		assert_false(fz_ptp_answer(&view, a, cut, PTP_SEQ, 24));
		put16(a + 2, (uint16_t)cut);
		assert_false(fz_ptp_answer(&view, a, cut, PTP_SEQ, 24));
		if (cut >= HEAD)
			put16(a + 50, (uint16_t)(cut - HEAD + 2));
		assert_false(fz_ptp_answer(&view, a, cut, PTP_SEQ, 24));
	}
	assert_false(view.current);
	assert_false(fz_ptp_word(&view, true, &word));
}

static void ptp_absurd_values(void **state)
{
	struct fz_ptp_view view = view_of(1, 6, 0x23, 9, 0);
	struct fz_clock_word word;
	uint8_t a[FZ_PTP_ANSWER_MAX];
	size_t len = current_of(a, 1);

	(void)state;
	/* -2^63 and 2^63 - 1, as ptp4l's "no value" */
	memset(a + HEAD + 2, 0, 16);
	a[HEAD + 2] = 0x80;
	memset(a + HEAD + 10, 0xff, 8);
	a[HEAD + 10] = 0x7f;
	assert_true(fz_ptp_answer(&view, a, len, PTP_SEQ, 24));
	assert_true(fz_ptp_word(&view, true, &word));
	assert_false(word.synchronized);
	assert_true(word.error_ns <= FZ_CLOCK_ERROR_MAX_NS);
	/* accuracy: outside its table */
	for (int accuracy = 0; accuracy < 256; accuracy++) {
		view = view_of(1, 6, (uint8_t)accuracy, 9, 0);
		assert_true(fz_ptp_word(&view, false, &word));
		assert_int_equal(word.synchronized, accuracy >= 0x20 && accuracy <= 0x30);
		assert_true(word.error_ns > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chrony_question_is_as_long_as_its_answer),
		cmocka_unit_test(chrony_bound_is_the_root_distance_and_the_correction),
		cmocka_unit_test(chrony_answers_that_do_not_fit_are_none),
		cmocka_unit_test(chrony_not_synchronised),
		cmocka_unit_test(chrony_absurd_values),
		cmocka_unit_test(ptp_question),
		cmocka_unit_test(ptp_slave),
		cmocka_unit_test(ptp_grandmaster),
		cmocka_unit_test(ptp_of_several_ports_the_slave_counts),
		cmocka_unit_test(ptp_answers_that_do_not_fit_are_none),
		cmocka_unit_test(ptp_absurd_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
