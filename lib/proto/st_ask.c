/* SPDX-License-Identifier: MIT */
#include "lib/proto/st_ask.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/wire/st_location.h"
#include "lib/wire/st_packet.h"
#include "lib/wire/st_tlv.h"

static size_t value_octets(enum fizeau_st_tlv type)
{
	switch (type) {
	case FIZEAU_ST_LOCATION:
		return FZ_ST_LOCATION_OCTETS;
	case FIZEAU_ST_TIMESTAMP_INFORMATION:
		return FZ_ST_TIMESTAMP_INFORMATION_LEAST;
	case FIZEAU_ST_CLASS_OF_SERVICE:
		return FZ_ST_CLASS_OF_SERVICE_OCTETS;
	case FIZEAU_ST_DIRECT_MEASUREMENT:
		return FZ_ST_DIRECT_MEASUREMENT_OCTETS;
	case FIZEAU_ST_ACCESS_REPORT:
		return FZ_ST_ACCESS_REPORT_OCTETS;
	case FIZEAU_ST_FOLLOW_UP:
		return FZ_ST_FOLLOW_UP_OCTETS;
	case FIZEAU_ST_EXTRA_PADDING:
	case FIZEAU_ST_HMAC:
		break;
	}
	return 0; /* none to ask for */
}

static bool asked(const struct fizeau_st_sender_config *config, enum fizeau_st_tlv type)
{
	return (config->tlvs & FIZEAU_ST_TLV_BIT(type)) != 0;
}

size_t fz_st_ask_octets(const struct fizeau_st_sender_config *config)
{
	size_t octets = 0;

	for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		if (asked(config, type))
			octets += FZ_ST_TLV_HEADER + value_octets(type);
	}
	return octets;
}

/* What the sender says in those that do not only ask. */
/*= rfc8972#section-4.4 SX-4.4-04 */
/*= rfc8972#section-4.5 SX-4.5-01 */
/*= rfc8972#section-4.6 SX-4.6-01 */
static void put_value(
	const struct fizeau_st_sender_config *config, enum fizeau_st_tlv type, uint32_t packets, uint8_t *value)
{
	size_t octets = value_octets(type);
	struct fz_writer w = fz_writer_of(value, octets);

	memset(value, 0, octets);
	if (type == FIZEAU_ST_LOCATION) {
		fz_st_location_ask(value);
	} else if (type == FIZEAU_ST_CLASS_OF_SERVICE) {
		fz_write_u8(&w, (uint8_t)(config->dscp << 2));
	} else if (type == FIZEAU_ST_DIRECT_MEASUREMENT) {
		fz_write_u32(&w, packets);
	} else if (type == FIZEAU_ST_ACCESS_REPORT) {
		fz_write_u8(&w, (uint8_t)(config->access_id << 4));
		fz_write_u8(&w, config->access_return_code);
	}
}

/*= rfc8972#section-4.2 SX-4.2-01 */
/*= rfc8972#section-4.3 SX-4.3-01 */
void fz_st_ask_put(const struct fizeau_st_sender_config *config, uint32_t packets, uint8_t *octets)
{
	for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		if (!asked(config, type))
			continue;
		fz_st_tlv_put(octets, type, value_octets(type));
		put_value(config, type, packets, octets + FZ_ST_TLV_HEADER);
		octets += FZ_ST_TLV_HEADER + value_octets(type);
	}
}

static uint32_t bit_of(const struct fz_st_tlv *tlv)
{
	return FIZEAU_ST_TLV_BIT(fz_st_tlv_known(tlv->type) ? tlv->type : 0);
}

/*= rfc8972#section-4 SX-4-08 */
/*= rfc8972#section-4.8 SX-4.8-05 */
bool fz_st_ask_flags(const uint8_t *packet, size_t base, size_t len, struct fizeau_st_reflection *reflection)
{
	bool integrity = false, any = false;
	struct fz_st_tlv tlv;
	size_t at = base;

	while (fz_st_tlv_next(packet, len, &at, &tlv)) {
		if ((tlv.flags & FZ_ST_TLV_I) != 0) {
			integrity = true;
			reflection->integrity |= bit_of(&tlv);
		}
		if ((tlv.flags & (FZ_ST_TLV_U | FZ_ST_TLV_M)) == FZ_ST_TLV_U)
			reflection->unknown |= bit_of(&tlv);
		else
			any = true;
	}
	return any && !integrity;
}

static void get_class_of_service(const uint8_t *value, struct fizeau_st_reflection *reflection)
{
	reflection->class_of_service.dscp1 = value[0] >> 2;
	reflection->class_of_service.dscp2 = (uint8_t)((value[0] & 3) << 4 | value[1] >> 4);
	reflection->class_of_service.ecn = value[1] >> 2 & 3;
	reflection->class_of_service.rp = value[1] & 3;
}

/* False: the stamp is none. */
static bool get_follow_up(const struct fizeau_stamp_format *format, struct fz_reader r, struct fizeau_st_reflection *reflection)
{
	uint64_t stamp;

	reflection->follow_up.seq = fz_read_u32(&r);
	stamp = fz_read_u64(&r);
	reflection->follow_up.method = fz_read_u8(&r);
	return stamp == 0 ||
		fz_st_ntp(format, reflection->base.reflector_error, stamp, &reflection->follow_up.ntp) == 0;
}

/* Values of a valid one; false: there is none in it after all. */
static bool get_value(const struct fizeau_stamp_format *format, const struct fz_st_tlv *tlv, const uint8_t *value,
	struct fizeau_st_reflection *reflection)
{
	struct fz_reader r = fz_reader_of(value, tlv->octets);

	switch ((enum fizeau_st_tlv)tlv->type) {
	case FIZEAU_ST_LOCATION:
		fz_st_location_get(value, tlv->octets, &reflection->location);
		return true;
	case FIZEAU_ST_TIMESTAMP_INFORMATION:
		reflection->information.sync_in = fz_read_u8(&r);
		reflection->information.method_in = fz_read_u8(&r);
		reflection->information.sync_out = fz_read_u8(&r);
		reflection->information.method_out = fz_read_u8(&r);
		return true;
	case FIZEAU_ST_CLASS_OF_SERVICE:
		get_class_of_service(value, reflection);
		return true;
	case FIZEAU_ST_DIRECT_MEASUREMENT:
		reflection->direct.sender_tx = fz_read_u32(&r);
		reflection->direct.reflector_rx = fz_read_u32(&r);
		reflection->direct.reflector_tx = fz_read_u32(&r);
		return true;
	case FIZEAU_ST_ACCESS_REPORT:
		reflection->access.id = fz_read_u8(&r) >> 4;
		reflection->access.return_code = fz_read_u8(&r);
		return true;
	case FIZEAU_ST_FOLLOW_UP:
		return get_follow_up(format, r, reflection);
	case FIZEAU_ST_EXTRA_PADDING:
	case FIZEAU_ST_HMAC:
		break;
	}
	return true;
}

/*= rfc8972#section-4 SX-4-08 */
/*= rfc8972#section-6 SX-6-01 */
void fz_st_ask_get(const struct fizeau_stamp_format *format, const uint8_t *packet, size_t base, size_t len,
	struct fizeau_st_reflection *reflection)
{
	struct fz_st_tlv tlv;
	size_t at = base;

	while (fz_st_tlv_next(packet, len, &at, &tlv)) {
		if ((tlv.flags & FZ_ST_TLV_M) != 0 || !fz_st_tlv_valid(&tlv)) {
			reflection->malformed |= bit_of(&tlv);
			return;
		}
		if ((tlv.flags & FZ_ST_TLV_U) != 0 || !fz_st_tlv_known(tlv.type))
			continue;
		if (!get_value(format, &tlv, packet + tlv.value, reflection)) {
			reflection->malformed |= bit_of(&tlv);
			return;
		}
		reflection->answered |= bit_of(&tlv);
	}
}
