/* SPDX-License-Identifier: MIT */
#include "lib/wire/test_twamp.h"

#include <assert.h>
#include "lib/base/buf.h"

/*
 * Sender, open mode (RFC 4656 section 4.1.2, RFC 5357 section 4.1.2), 14 octets:
 *
 *   0-3    Sequence Number
 *   4-11   Timestamp
 *   12-13  Error Estimate
 *
 * Sender, authenticated and encrypted mode, 48 octets:
 *
 *   0-3    Sequence Number
 *   4-15   MBZ
 *   16-23  Timestamp
 *   24-25  Error Estimate
 *   26-31  MBZ
 *   32-47  HMAC, over 0-15 or 0-31
 */
#define SENDER_OPEN 14
#define SENDER_PROTECTED 48
#define SENDER_HMAC 32

/*
 * Reflector, open mode (RFC 5357 section 4.2.1), 41 octets:
 *
 *   0-3    Sequence Number
 *   4-11   Timestamp
 *   12-13  Error Estimate
 *   14-15  MBZ
 *   16-23  Receive Timestamp
 *   24-27  Sender Sequence Number
 *   28-35  Sender Timestamp
 *   36-37  Sender Error Estimate
 *   38-39  MBZ
 *   40     Sender TTL
 *
 * Reflector, authenticated and encrypted mode, 112 octets:
 *
 *   0-3    Sequence Number
 *   4-15   MBZ
 *   16-23  Timestamp
 *   24-25  Error Estimate
 *   26-31  MBZ
 *   32-39  Receive Timestamp
 *   40-47  MBZ
 *   48-51  Sender Sequence Number
 *   52-63  MBZ
 *   64-71  Sender Timestamp
 *   72-73  Sender Error Estimate
 *   74-79  MBZ
 *   80     Sender TTL
 *   81-95  MBZ
 *   96-111 HMAC, over 0-15 or 0-95
 */
#define REFLECTOR_OPEN 41
#define REFLECTOR_PROTECTED 112
#define REFLECTOR_HMAC 96

#define STAMP_OPEN 4 /* offset of Timestamp and Error Estimate, in both directions */
#define STAMP_PROTECTED 16
#define STAMP_OCTETS 10
#define BLOCK 16

/*= rfc4656#section-4.1.2 OW-4.1.2-12 OW-4.1.2-20 */
struct fz_test_layout fz_test_sender_layout(enum fizeau_test_mode mode)
{
	if (mode == FIZEAU_TEST_OPEN)
		return (struct fz_test_layout){.header = SENDER_OPEN};
	return (struct fz_test_layout){
		.header = SENDER_PROTECTED,
		.covered = mode == FIZEAU_TEST_ENCRYPTED ? SENDER_HMAC : BLOCK,
		.hmac = SENDER_HMAC,
	};
}

/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-17 TW-4.2.1-21 */
struct fz_test_layout fz_test_reflector_layout(enum fizeau_test_mode mode)
{
	if (mode == FIZEAU_TEST_OPEN)
		return (struct fz_test_layout){.header = REFLECTOR_OPEN};
	return (struct fz_test_layout){
		.header = REFLECTOR_PROTECTED,
		.covered = mode == FIZEAU_TEST_ENCRYPTED ? REFLECTOR_HMAC : BLOCK,
		.hmac = REFLECTOR_HMAC,
	};
}

/* Timestamp and Error Estimate have the same place in both directions. */
static void put_stamp(uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_stamp stamp)
{
	size_t at = mode == FIZEAU_TEST_OPEN ? STAMP_OPEN : STAMP_PROTECTED;
	struct fz_writer w = fz_writer_of(octets + at, STAMP_OCTETS);

	fz_write_u64(&w, stamp.ntp);
	fz_write_u16(&w, stamp.error);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-02 OW-4.1.2-03 */
/*= rfc5357#section-4 TW-4-01 */
/*= rfc5357#section-4.1.2 TW-4.1.2-01 */
void fz_test_sender_put(uint8_t *octets, enum fizeau_test_mode mode, uint32_t seq)
{
	size_t header = fz_test_sender_layout(mode).header;
	struct fz_writer w = fz_writer_of(octets, header);

	fz_write_u32(&w, seq);
	fz_write_zeros(&w, header - fz_writer_len(&w));
	assert(!w.failed);
}

void fz_test_sender_stamp(uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_stamp stamp)
{
	put_stamp(octets, mode, stamp);
}

void fz_test_sender_get(const uint8_t *octets, enum fizeau_test_mode mode, struct fz_test_sender *packet)
{
	struct fz_reader r = fz_reader_of(octets, fz_test_sender_layout(mode).header);

	packet->seq = fz_read_u32(&r);
	if (mode != FIZEAU_TEST_OPEN)
		fz_read_skip(&r, 12);
	packet->ntp = fz_read_u64(&r);
	packet->error = fz_read_u16(&r);
	assert(!r.failed);
}

/*= rfc5357#section-4.2.1 TW-4.2.1-04 */
static void put_open(struct fz_writer *w, const struct fizeau_reflection *reflection)
{
	fz_write_u32(w, reflection->seq);
	fz_write_zeros(w, STAMP_OCTETS);
	fz_write_zeros(w, 2);
	fz_write_u64(w, reflection->receive_ntp);
	fz_write_u32(w, reflection->sender_seq);
	fz_write_u64(w, reflection->sender_ntp);
	fz_write_u16(w, reflection->sender_error);
	fz_write_zeros(w, 2);
	fz_write_u8(w, reflection->sender_ttl);
}

/*= rfc5357#section-4.2.1 TW-4.2.1-05 */
static void put_protected(struct fz_writer *w, const struct fizeau_reflection *reflection)
{
	fz_write_u32(w, reflection->seq);
	fz_write_zeros(w, 12);
	fz_write_zeros(w, STAMP_OCTETS);
	fz_write_zeros(w, 6);
	fz_write_u64(w, reflection->receive_ntp);
	fz_write_zeros(w, 8);
	fz_write_u32(w, reflection->sender_seq);
	fz_write_zeros(w, 12);
	fz_write_u64(w, reflection->sender_ntp);
	fz_write_u16(w, reflection->sender_error);
	fz_write_zeros(w, 6);
	fz_write_u8(w, reflection->sender_ttl);
	fz_write_zeros(w, 15);
	fz_write_zeros(w, BLOCK);
}

/*= rfc5357#section-4 TW-4-01 */
/*= rfc5357#section-4.2 TW-4.2-04 TW-4.2-05 */
/*= rfc5357#section-4.2.1 TW-4.2.1-08 */
void fz_test_reflector_put(
	uint8_t *octets, enum fizeau_test_mode mode, const struct fizeau_reflection *reflection)
{
	struct fz_writer w = fz_writer_of(octets, fz_test_reflector_layout(mode).header);

	if (mode == FIZEAU_TEST_OPEN)
		put_open(&w, reflection);
	else
		put_protected(&w, reflection);
	assert(!w.failed && w.at == w.end);
}

/*= rfc5357#section-4.2.1 TW-4.2.1-07 TW-4.2.1-09 */
void fz_test_reflector_stamp(uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_stamp stamp)
{
	put_stamp(octets, mode, stamp);
}

void fz_test_reflector_get(
	const uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_reflection *reflection)
{
	struct fz_reader r = fz_reader_of(octets, fz_test_reflector_layout(mode).header);
	bool open = mode == FIZEAU_TEST_OPEN;

	reflection->seq = fz_read_u32(&r);
	fz_read_skip(&r, open ? 0 : 12);
	reflection->reflect_ntp = fz_read_u64(&r);
	reflection->reflector_error = fz_read_u16(&r);
	fz_read_skip(&r, open ? 2 : 6);
	reflection->receive_ntp = fz_read_u64(&r);
	fz_read_skip(&r, open ? 0 : 8);
	reflection->sender_seq = fz_read_u32(&r);
	fz_read_skip(&r, open ? 0 : 12);
	reflection->sender_ntp = fz_read_u64(&r);
	reflection->sender_error = fz_read_u16(&r);
	fz_read_skip(&r, open ? 2 : 6);
	reflection->sender_ttl = fz_read_u8(&r);
	assert(!r.failed);
}
