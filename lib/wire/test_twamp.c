/* SPDX-License-Identifier: MIT */
#include "lib/wire/test_twamp.h"

#include <assert.h>
#include <fizeau/event.h>
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
 *
 * Symmetrical size (RFC 6038 section 5.1.4): MBZ follows up to the octets of the reflection's header, in clear and under no
 * HMAC.
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
 * With DSCP and ECN monitoring (RFC 7750 section 2.2.1) 44 octets:
 *
 *   41     S-DSCP-ECN
 *   42-43  MBZ
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
 *   81     MBZ, or S-DSCP-ECN
 *   82-95  MBZ
 *   96-111 HMAC, over 0-15 or 0-95
 */
#define REFLECTOR_OPEN 41
#define REFLECTOR_OPEN_DSCP_ECN 44 /* three octets more, although RFC 7750 2.2.2 says four (wire.md T-22) */
#define REFLECTOR_PROTECTED 112
#define REFLECTOR_HMAC 96

/* Symmetrical packets by the letter of RFC 6038, which takes a reflection for 104 octets (erratum 6408), or of RFC 7750,
   which does not say how the sender's MBZ grows (wire.md T-19, T-22): they come, and are read. */
#define SYMMETRICAL_OPEN_LEAST 41
#define SYMMETRICAL_PROTECTED_LEAST 104

#define STAMP_OPEN 4 /* offset of Timestamp and Error Estimate, in both directions */
#define STAMP_PROTECTED 16
#define STAMP_OCTETS 10
#define BLOCK 16

static bool has(const struct fizeau_test_features *features, uint32_t mode)
{
	return (features->modes & mode) != 0;
}

/*= rfc8186#section-2.2 PT-2.2-02 PT-2.2-05 */
static struct fizeau_stamp_format stamps_of(const struct fizeau_test_features *features)
{
	return (struct fizeau_stamp_format){.ptp = has(features, FIZEAU_MODE_PTP), .tai_utc_s = features->tai_utc_s};
}

/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-17 TW-4.2.1-21 */
/*= rfc6038#section-5.1.4 RO-5.1.4-03 */
/*= rfc6038#section-5.2.3 RO-5.2.3-01 */
/*= rfc7750#section-2.2.1 DE-2.2.1-03 DE-2.2.1-04 */
struct fz_test_layout fz_test_reflector_layout(enum fizeau_test_mode mode, const struct fizeau_test_features *features)
{
	struct fz_test_layout layout = {.mode = mode, .header = REFLECTOR_PROTECTED, .stamps = stamps_of(features)};

	layout.dscp_ecn = has(features, FIZEAU_MODE_DSCP_ECN);
	if (mode == FIZEAU_TEST_OPEN) {
		layout.header = layout.dscp_ecn ? REFLECTOR_OPEN_DSCP_ECN : REFLECTOR_OPEN;
	} else {
		layout.covered = mode == FIZEAU_TEST_ENCRYPTED ? REFLECTOR_HMAC : BLOCK;
		layout.hmac = REFLECTOR_HMAC;
	}
	layout.fields = layout.header;
	layout.least = layout.header;
	return layout;
}

/*= rfc4656#section-4.1.2 OW-4.1.2-12 OW-4.1.2-20 */
/*= rfc6038#section-5.1.2 RO-5.1.2-01 */
/*= rfc6038#section-5.1.4 RO-5.1.4-01 RO-5.1.4-02 */
/*= rfc6038#section-5.1.5 RO-5.1.5-01 */
/*= rfc7750#section-2.2 DE-2.2-01 */
/*= rfc7750#section-2.2.2 DE-2.2.2-02 */
struct fz_test_layout fz_test_sender_layout(enum fizeau_test_mode mode, const struct fizeau_test_features *features)
{
	uint8_t reflection = fz_test_reflector_layout(mode, features).header;
	struct fz_test_layout layout = {.mode = mode, .fields = SENDER_OPEN, .stamps = stamps_of(features)};

	if (mode != FIZEAU_TEST_OPEN) {
		layout.fields = SENDER_PROTECTED;
		layout.covered = mode == FIZEAU_TEST_ENCRYPTED ? SENDER_HMAC : BLOCK;
		layout.hmac = SENDER_HMAC;
	}
	layout.header = layout.least = layout.fields;
	if (has(features, FIZEAU_MODE_SYMMETRICAL)) {
		layout.header = reflection;
		layout.least = mode == FIZEAU_TEST_OPEN ? SYMMETRICAL_OPEN_LEAST : SYMMETRICAL_PROTECTED_LEAST;
	}
	/* The reflection is as long as the packet, and has all that is to come back behind its header. */
	if (has(features, FIZEAU_MODE_REFLECT_OCTETS) && features->reflect_length > 0)
		layout.least = (uint32_t)reflection + features->reflect_length;
	return layout;
}

/* Timestamp and Error Estimate have the same place in both directions. */
/*= rfc5357#section-4.2.1 TW-4.2.1-07 TW-4.2.1-09 */
/*= rfc8186#section-2.3 PT-2.3-01 */
void fz_test_stamp(uint8_t *octets, const struct fz_test_layout *layout, struct fizeau_stamp stamp)
{
	size_t at = layout->mode == FIZEAU_TEST_OPEN ? STAMP_OPEN : STAMP_PROTECTED;
	struct fz_writer w = fz_writer_of(octets + at, STAMP_OCTETS);

	if (layout->stamps.ptp) {
		stamp.ntp = fizeau_ptp_from_ntp(stamp.ntp, layout->stamps.tai_utc_s);
		stamp.error = fizeau_error_estimate_in(stamp.error, &layout->stamps);
	}
	fz_write_u64(&w, stamp.ntp);
	fz_write_u16(&w, stamp.error);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-02 OW-4.1.2-03 */
/*= rfc5357#section-4 TW-4-01 */
/*= rfc5357#section-4.1.2 TW-4.1.2-01 */
/*= rfc6038#section-1 RO-1-02 */
void fz_test_sender_put(uint8_t *octets, const struct fz_test_layout *layout, uint32_t seq)
{
	struct fz_writer w = fz_writer_of(octets, layout->header);

	fz_write_u32(&w, seq);
	fz_write_zeros(&w, layout->header - fz_writer_len(&w));
	assert(!w.failed);
}

/*= rfc6038#section-1 RO-1-03 */
void fz_test_sender_get(const uint8_t *octets, const struct fz_test_layout *layout, struct fz_test_sender *packet)
{
	struct fz_reader r = fz_reader_of(octets, layout->fields);

	packet->seq = fz_read_u32(&r);
	if (layout->mode != FIZEAU_TEST_OPEN)
		fz_read_skip(&r, 12);
	packet->ntp = fz_read_u64(&r);
	packet->error = fz_read_u16(&r);
	assert(!r.failed);
}

/*= rfc5357#section-4.2.1 TW-4.2.1-04 */
static void put_open(struct fz_writer *w, const struct fizeau_reflection *reflection, bool dscp_ecn)
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
	if (dscp_ecn) {
		fz_write_u8(w, reflection->sender_tos);
		fz_write_zeros(w, 2);
	}
}

/*= rfc5357#section-4.2.1 TW-4.2.1-05 */
static void put_protected(struct fz_writer *w, const struct fizeau_reflection *reflection, bool dscp_ecn)
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
	fz_write_u8(w, dscp_ecn ? reflection->sender_tos : 0);
	fz_write_zeros(w, 14);
	fz_write_zeros(w, BLOCK);
}

/*= rfc5357#section-4 TW-4-01 */
/*= rfc5357#section-4.2 TW-4.2-04 TW-4.2-05 */
/*= rfc5357#section-4.2.1 TW-4.2.1-08 */
/*= rfc7750#section-2.2.1 DE-2.2.1-01 DE-2.2.1-02 DE-2.2.1-05 */
void fz_test_reflector_put(
	uint8_t *octets, const struct fz_test_layout *layout, const struct fizeau_reflection *reflection)
{
	struct fz_writer w = fz_writer_of(octets, layout->header);
	struct fizeau_reflection written = *reflection;

	if (layout->stamps.ptp)
		written.receive_ntp = fizeau_ptp_from_ntp(reflection->receive_ntp, layout->stamps.tai_utc_s);
	if (layout->mode == FIZEAU_TEST_OPEN)
		put_open(&w, &written, layout->dscp_ecn);
	else
		put_protected(&w, &written, layout->dscp_ecn);
	assert(!w.failed && w.at == w.end);
}

/* A stamp as it came becomes NTP, if its Error Estimate says that it is none. */
/*= rfc8186#section-2 PT-2-01 PT-2-03 */
/*= rfc8186#section-2.3 PT-2.3-01 PT-2.3-02 PT-2.3-03 */
static bool to_ntp(const struct fz_test_layout *layout, uint16_t estimate, uint64_t *stamp)
{
	if (!layout->stamps.ptp || !fizeau_error_estimate_ptp(estimate))
		return true;
	return fizeau_ntp_from_ptp(*stamp, layout->stamps.tai_utc_s, stamp);
}

int fz_test_reflector_get(
	const uint8_t *octets, const struct fz_test_layout *layout, struct fizeau_reflection *reflection)
{
	struct fz_reader r = fz_reader_of(octets, layout->fields);
	bool open = layout->mode == FIZEAU_TEST_OPEN;

	*reflection = (struct fizeau_reflection){.seq = fz_read_u32(&r)};
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
	if (layout->dscp_ecn)
		reflection->sender_tos = fz_read_u8(&r);
	assert(!r.failed);
	if (!to_ntp(layout, reflection->reflector_error, &reflection->reflect_ntp) ||
		!to_ntp(layout, reflection->reflector_error, &reflection->receive_ntp) ||
		!to_ntp(layout, reflection->sender_error, &reflection->sender_ntp))
		return FIZEAU_ERR_ESTIMATE;
	return 0;
}
