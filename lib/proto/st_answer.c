/* SPDX-License-Identifier: MIT */
#include "lib/proto/st_answer.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/wire/st_location.h"
#include "lib/wire/st_tlv.h"

/* Octets of Follow-Up that say something: Sequence Number and Follow-Up Timestamp. */
#define FOLLOW_UP_SAYS 12

static void copy_address(struct fizeau_address *to, const struct fizeau_address *from)
{
	if (from->version != 0)
		*to = *from;
}

/*= rfc8972#section-4.2 SX-4.2-01 */
static void location(const struct fz_st_answer *from, uint8_t *value, size_t octets)
{
	const struct fizeau_st_received *received = from->received;
	struct fizeau_st_location told = {.destination_port = received->to_port, .source_port = received->from_port};

	copy_address(&told.destination, &received->to);
	copy_address(&told.source, &received->from);
	fz_st_location_answer(
		value, octets, received->from.version == 4, from->config->tell_location ? &told : NULL);
}

enum fizeau_st_method fz_st_method(enum fizeau_stamp_source source)
{
	return source == FIZEAU_STAMP_HARDWARE ? FIZEAU_ST_METHOD_HARDWARE : FIZEAU_ST_METHOD_SOFTWARE;
}

/* The sub-TLVs that may follow are none that anybody has defined. */
/*= rfc8972#section-4.3 SX-4.3-01 */
static void timestamp_information(const struct fz_st_answer *from, uint8_t *value, size_t octets)
{
	struct fz_writer w = fz_writer_of(value, FZ_ST_TIMESTAMP_INFORMATION_LEAST);
	size_t at = FZ_ST_TIMESTAMP_INFORMATION_LEAST;
	struct fz_st_tlv sub;

	fz_write_u8(&w, from->config->sync);
	fz_write_u8(&w, (uint8_t)fz_st_method(from->received->stamp.source));
	fz_write_u8(&w, from->config->sync);
	fz_write_u8(&w, FIZEAU_ST_METHOD_SOFTWARE);
	while (fz_st_tlv_next(value, octets, &at, &sub))
		value[sub.at] = FZ_ST_TLV_U;
}

static bool subs_valid(uint8_t *value, size_t octets)
{
	size_t at = FZ_ST_TIMESTAMP_INFORMATION_LEAST;
	struct fz_st_tlv sub;

	while (fz_st_tlv_next(value, octets, &at, &sub)) {
		/* Their types are those of sub-TLVs, so that lengths are known of those for private use alone. */
		if (!sub.whole || (!fz_st_tlv_known(sub.type) && !fz_st_tlv_valid(&sub))) {
			value[sub.at] = FZ_ST_TLV_U | FZ_ST_TLV_M;
			return false;
		}
	}
	return true;
}

#define DSCP_BITS 6
#define RP_DENIED 1u /* the reflection is sent with the DSCP that came */

/* The first one decides what the reflection is sent with; another is granted what is so already. */
/*= rfc8972#section-4.4 SX-4.4-01 SX-4.4-02 SX-4.4-03 */
/*= rfc8972#section-6 SX-6-02 */
static void class_of_service(
	const struct fz_st_answer *from, uint8_t *value, bool first, struct fizeau_st_reply *reply)
{
	struct fz_writer w = fz_writer_of(value, FZ_ST_CLASS_OF_SERVICE_OCTETS);
	unsigned dscp1 = value[0] >> 2, tos = from->received->tos;
	bool granted = first ? (from->config->dscp_allowed >> dscp1 & 1) != 0 : dscp1 == reply->dscp;

	if (first && granted)
		reply->dscp = (uint8_t)dscp1;
	/* DSCP1, DSCP2, ECN, RP: 6, 6, 2 and 2 bits. */
	fz_write_u16(&w, (uint16_t)(dscp1 << 10 | tos << 2 | (granted ? 0 : RP_DENIED)));
	fz_write_u16(&w, 0);
}

/*= rfc8972#section-4.5 SX-4.5-01 */
static void direct_measurement(const struct fz_st_answer *from, uint8_t *value)
{
	struct fz_writer w = fz_writer_of(value + 4, FZ_ST_DIRECT_MEASUREMENT_OCTETS - 4);

	fz_write_u32(&w, from->packets);
	fz_write_u32(&w, from->packets);
}

/* False: it says nothing, and is discarded. Its octets stay, as a reflection is as long as what came. */
/*= rfc8972#section-4.6 SX-4.6-01 */
static bool access_report(uint8_t *value)
{
	unsigned id = value[0] >> 4;

	if (id != FIZEAU_ST_ACCESS_3GPP && id != FIZEAU_ST_ACCESS_NON_3GPP)
		return false;
	value[0] = (uint8_t)(id << 4);
	memset(value + 2, 0, 2);
	return true;
}

/* Answers one that is valid; false: it comes back as not understood. */
static bool answer(const struct fz_st_answer *from, const struct fz_st_tlv *tlv, uint8_t *packet, uint32_t *answered,
	struct fizeau_st_reply *reply)
{
	uint8_t *value = packet + tlv->value;
	bool first;

	if (!fz_st_tlv_known(tlv->type))
		return false;
	first = (*answered & FIZEAU_ST_TLV_BIT(tlv->type)) == 0;
	switch ((enum fizeau_st_tlv)tlv->type) {
	case FIZEAU_ST_LOCATION:
		location(from, value, tlv->octets);
		break;
	case FIZEAU_ST_TIMESTAMP_INFORMATION:
		timestamp_information(from, value, tlv->octets);
		break;
	case FIZEAU_ST_CLASS_OF_SERVICE:
		class_of_service(from, value, first, reply);
		break;
	case FIZEAU_ST_DIRECT_MEASUREMENT:
		direct_measurement(from, value);
		break;
	case FIZEAU_ST_ACCESS_REPORT:
		if (!access_report(value))
			return false;
		break;
	case FIZEAU_ST_FOLLOW_UP:
		memset(value, 0, FZ_ST_FOLLOW_UP_OCTETS);
		if (first)
			reply->follow_up_at = (uint16_t)tlv->at;
		break;
	case FIZEAU_ST_EXTRA_PADDING:
	case FIZEAU_ST_HMAC:
		break;
	}
	*answered |= FIZEAU_ST_TLV_BIT(tlv->type);
	return true;
}

static bool valid(const struct fz_st_tlv *tlv, uint8_t *packet)
{
	if (!fz_st_tlv_valid(tlv))
		return false;
	if (tlv->type == FIZEAU_ST_LOCATION)
		return fz_st_location_valid(packet + tlv->value, tlv->octets);
	if (tlv->type == FIZEAU_ST_TIMESTAMP_INFORMATION)
		return subs_valid(packet + tlv->value, tlv->octets);
	return true;
}

/*= rfc8972#section-4 SX-4-05 SX-4-10 */
/*= rfc8972#section-4.7 SX-4.7-01 */
static void malformed(const struct fz_st_tlv *tlv, uint8_t *packet)
{
	packet[tlv->at] = (uint8_t)(FZ_ST_TLV_M | (fz_st_tlv_known(tlv->type) ? 0 : FZ_ST_TLV_U));
	if (tlv->type == FIZEAU_ST_FOLLOW_UP)
		memset(packet + tlv->value, 0, tlv->octets < FOLLOW_UP_SAYS ? tlv->octets : FOLLOW_UP_SAYS);
}

/*= rfc8972#section-4 SX-4-04 SX-4-09 */
void fz_st_answer(const struct fz_st_answer *from, uint8_t *packet, size_t base, size_t len, struct fizeau_st_reply *reply)
{
	struct fz_st_tlv tlv;
	uint32_t answered = 0;
	size_t at = base;

	while (fz_st_tlv_next(packet, len, &at, &tlv)) {
		if (!valid(&tlv, packet)) {
			malformed(&tlv, packet);
			return;
		}
		packet[tlv.at] = answer(from, &tlv, packet, &answered, reply) ? 0 : FZ_ST_TLV_U;
	}
}

/*= rfc8972#section-4 SX-4-06 */
/*= rfc8972#section-4.8 SX-4.8-05 */
void fz_st_answer_failed(uint8_t *packet, size_t base, size_t len)
{
	struct fz_st_tlv tlv;
	size_t at = base;

	while (fz_st_tlv_next(packet, len, &at, &tlv))
		packet[tlv.at] = (uint8_t)((tlv.flags & FZ_ST_TLV_U) | FZ_ST_TLV_I | (tlv.whole ? 0 : FZ_ST_TLV_M));
}

/*= rfc8972#section-4.7 SX-4.7-01 */
void fz_st_answer_follow_up(uint8_t *packet, size_t at, size_t len, const struct fz_st_departure *before)
{
	struct fz_st_tlv tlv;

	while (fz_st_tlv_next(packet, len, &at, &tlv)) {
		struct fz_writer w = fz_writer_of(packet + tlv.value, FZ_ST_FOLLOW_UP_OCTETS);

		if ((tlv.flags & FZ_ST_TLV_M) != 0)
			return;
		if (tlv.type != FIZEAU_ST_FOLLOW_UP)
			continue;
		fz_write_u32(&w, before->seq);
		fz_write_u64(&w, before->stamp);
		fz_write_u8(&w, before->method);
	}
}
