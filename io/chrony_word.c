/* SPDX-License-Identifier: MIT */
#include "io/clock_word.h"

#include <string.h>
#include "lib/base/buf.h"

/* candm.h of chrony 3.0 to 4.x */
#define VERSION 6
#define REQUEST 1
#define REPLY 2
#define TRACKING 33
#define REPLY_TRACKING 5
#define LEAP_UNSYNCHRONIZED 3
#define STRATUM_MAX 15
#define LOCAL_REFERENCE 0x7f7f0101u
#define COEFFICIENT_BITS 25

void fz_chrony_ask(uint32_t seq, uint8_t octets[static FZ_CHRONY_OCTETS])
{
	struct fz_writer w = fz_writer_of(octets, FZ_CHRONY_OCTETS);

	fz_write_u8(&w, VERSION);
	fz_write_u8(&w, REQUEST);
	fz_write_u16(&w, 0);
	fz_write_u16(&w, TRACKING);
	fz_write_u16(&w, 0); /* attempt */
	fz_write_u32(&w, seq);
	fz_write_zeros(&w, FZ_CHRONY_OCTETS - fz_writer_len(&w));
}

/* chrony's float: seconds as coefficient x 2^(exponent - 25), both two's complement, of 25 and 7 bits. The magnitude in
   nanoseconds, rounded up, at most INT64_MAX. */
static int64_t magnitude_ns(uint32_t value)
{
	int exponent = (int)(value >> COEFFICIENT_BITS), shift;
	int64_t coefficient = value & ((1u << COEFFICIENT_BITS) - 1);
	uint64_t ns;

	if (exponent >= 1 << 6)
		exponent -= 1 << 7;
	if (coefficient >= 1 << (COEFFICIENT_BITS - 1))
		coefficient -= 1 << COEFFICIENT_BITS;
	if (coefficient < 0)
		coefficient = -coefficient;
	/* 25 and 30 bits */
	ns = (uint64_t)coefficient * 1000000000u;
	shift = exponent - COEFFICIENT_BITS;
	if (ns == 0)
		return 0;
	if (shift >= 0)
		return shift < 8 ? (int64_t)(ns << shift) : INT64_MAX;
	if (shift <= -63)
		return 1;
	return (int64_t)((ns >> -shift) + ((ns & ((UINT64_C(1) << -shift) - 1)) != 0));
}

static int64_t sum(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static bool head_is_right(struct fz_reader *r, uint32_t seq)
{
	bool right = fz_read_u8(r) == VERSION;

	right &= fz_read_u8(r) == REPLY;
	fz_read_skip(r, 2);
	right &= fz_read_u16(r) == TRACKING;
	right &= fz_read_u16(r) == REPLY_TRACKING;
	right &= fz_read_u16(r) == 0; /* success */
	fz_read_skip(r, 6);
	right &= fz_read_u32(r) == seq;
	fz_read_skip(r, 8);
	return right;
}

bool fz_chrony_answer(const uint8_t *octets, size_t len, uint32_t seq, struct fz_clock_word *word)
{
	struct fz_reader r = fz_reader_of(octets, len);
	int64_t correction, delay, dispersion;
	uint16_t stratum, leap;
	uint32_t reference;

	/* Later versions may append. */
	if (len < FZ_CHRONY_OCTETS || !head_is_right(&r, seq))
		return false;
	reference = fz_read_u32(&r);
	fz_read_skip(&r, 20); /* address of the source */
	stratum = fz_read_u16(&r);
	leap = fz_read_u16(&r);
	fz_read_skip(&r, 12); /* time of the last measurement */
	correction = magnitude_ns(fz_read_u32(&r));
	fz_read_skip(&r, 20); /* last and RMS offset, frequency, its residual and skew */
	delay = magnitude_ns(fz_read_u32(&r));
	dispersion = magnitude_ns(fz_read_u32(&r));
	if (r.failed)
		return false;
	word->error_ns = sum(sum(correction, delay / 2 + delay % 2), dispersion);
	word->synchronized = leap < LEAP_UNSYNCHRONIZED && stratum >= 1 && stratum <= STRATUM_MAX &&
		reference != 0 && reference != LOCAL_REFERENCE && word->error_ns < FZ_CLOCK_ERROR_MAX_NS;
	if (word->error_ns > FZ_CLOCK_ERROR_MAX_NS)
		word->error_ns = FZ_CLOCK_ERROR_MAX_NS;
	return true;
}
