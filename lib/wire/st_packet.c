/* SPDX-License-Identifier: MIT */
#include "lib/wire/st_packet.h"

#include <string.h>
#include "lib/base/buf.h"

/*
 * Open mode, 44 octets (RFC 8762 figures 2 and 5, RFC 8972 figures 1 and 2):
 *
 *   0-3    Sequence Number
 *   4-11   Timestamp
 *   12-13  Error Estimate
 *   14-15  SSID
 *   16-23  Receive Timestamp              from here on a reflector's; MBZ in a sender's packet
 *   24-27  Session-Sender Sequence Number
 *   28-35  Session-Sender Timestamp
 *   36-37  Session-Sender Error Estimate
 *   38-39  MBZ
 *   40     Ses-Sender TTL
 *   41-43  MBZ
 *
 * Authenticated mode, 112 octets (RFC 8762 figures 4 and 6, RFC 8972 figures 3 and 4):
 *
 *   0-3    Sequence Number
 *   4-15   MBZ
 *   16-23  Timestamp
 *   24-25  Error Estimate
 *   26-27  SSID
 *   28-31  MBZ
 *   32-39  Receive Timestamp              from here to 95 a reflector's; MBZ in a sender's packet
 *   40-47  MBZ
 *   48-51  Session-Sender Sequence Number
 *   52-63  MBZ
 *   64-71  Session-Sender Timestamp
 *   72-73  Session-Sender Error Estimate
 *   74-79  MBZ
 *   80     Ses-Sender TTL
 *   81-95  MBZ
 *   96-111 HMAC, over 0-95
 */
struct places {
	uint8_t stamp, error, ssid, receive_stamp, sender_seq, sender_stamp, sender_error, ttl;
};

static const struct places places[] = {
	[false] = {4, 12, 14, 16, 24, 28, 36, 40},
	[true] = {16, 24, 26, 32, 48, 64, 72, 80},
};

/* A function for each size, as the compiler does well only with sizes that it knows. */
static inline uint16_t get_u16(const uint8_t *octets)
{
	struct fz_reader r = fz_reader_of(octets, 2);

	return fz_read_u16(&r);
}

static inline uint32_t get_u32(const uint8_t *octets)
{
	struct fz_reader r = fz_reader_of(octets, 4);

	return fz_read_u32(&r);
}

static inline uint64_t get_u64(const uint8_t *octets)
{
	struct fz_reader r = fz_reader_of(octets, 8);

	return fz_read_u64(&r);
}

static inline void put_u16(uint8_t *octets, uint16_t value)
{
	struct fz_writer w = fz_writer_of(octets, 2);

	fz_write_u16(&w, value);
}

static inline void put_u32(uint8_t *octets, uint32_t value)
{
	struct fz_writer w = fz_writer_of(octets, 4);

	fz_write_u32(&w, value);
}

static inline void put_u64(uint8_t *octets, uint64_t value)
{
	struct fz_writer w = fz_writer_of(octets, 8);

	fz_write_u64(&w, value);
}

static inline void get_all(const uint8_t *octets, const struct places *at, struct fz_st_packet *packet)
{
	*packet = (struct fz_st_packet){
		.seq = get_u32(octets),
		.stamp = get_u64(octets + at->stamp),
		.error = get_u16(octets + at->error),
		.ssid = get_u16(octets + at->ssid),
		.receive_stamp = get_u64(octets + at->receive_stamp),
		.sender_seq = get_u32(octets + at->sender_seq),
		.sender_stamp = get_u64(octets + at->sender_stamp),
		.sender_error = get_u16(octets + at->sender_error),
		.ttl = octets[at->ttl],
	};
}

/*= rfc8762#section-4.2.1 ST-4.2.1-07 */
void fz_st_get(const uint8_t *octets, size_t len, bool authenticated, struct fz_st_packet *packet)
{
	uint8_t extended[FIZEAU_ST_BASE_AUTHENTICATED] = {0};

	if (len >= fz_st_base(authenticated)) {
		get_all(octets, &places[authenticated], packet);
		return;
	}
	memcpy(extended, octets, len);
	get_all(extended, &places[authenticated], packet);
	packet->ssid = 0; /* TWAMP Light has padding there, or MBZ */
}

/*= rfc8762#section-4.2 ST-4.2-01 */
/*= rfc8762#section-4.2.1 ST-4.2.1-06 */
/*= rfc8762#section-4.2.2 ST-4.2.2-01 ST-4.2.2-02 */
/*= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-06 */
/*= rfc8762#section-4.3.2 ST-4.3.2-01 */
/*= rfc8972#section-3 SX-3-01 */
void fz_st_put(uint8_t *octets, size_t len, bool authenticated, const struct fz_st_packet *packet)
{
	const struct places *at = &places[authenticated];

	memset(octets, 0, len);
	put_u32(octets, packet->seq);
	if (len >= fz_st_base(authenticated))
		put_u16(octets + at->ssid, packet->ssid);
	if (len <= at->ttl)
		return;
	put_u64(octets + at->receive_stamp, packet->receive_stamp);
	put_u32(octets + at->sender_seq, packet->sender_seq);
	put_u64(octets + at->sender_stamp, packet->sender_stamp);
	put_u16(octets + at->sender_error, packet->sender_error);
	octets[at->ttl] = packet->ttl;
}

/*= rfc8762#section-4.2.1 ST-4.2.1-02 ST-4.2.1-03 ST-4.2.1-04 ST-4.2.1-05 */
uint64_t fz_st_stamp(const struct fizeau_stamp_format *format, uint64_t ntp)
{
	return format->ptp ? fizeau_ptp_from_ntp(ntp, format->tai_utc_s) : ntp;
}

int fz_st_ntp(const struct fizeau_stamp_format *format, uint16_t estimate, uint64_t stamp, uint64_t *ntp)
{
	*ntp = stamp;
	if (fizeau_error_estimate_ptp(estimate) && !fizeau_ntp_from_ptp(stamp, format->tai_utc_s, ntp))
		return FIZEAU_ERR_ESTIMATE;
	return 0;
}

uint64_t fz_st_put_stamp(
	uint8_t *octets, bool authenticated, const struct fizeau_stamp_format *format, struct fizeau_stamp stamp)
{
	const struct places *at = &places[authenticated];
	uint64_t wire = fz_st_stamp(format, stamp.ntp);

	put_u64(octets + at->stamp, wire);
	put_u16(octets + at->error, fizeau_error_estimate_in(stamp.error, format));
	return wire;
}
