/* SPDX-License-Identifier: MIT */
#include "lib/wire/st_tlv.h"

#include <string.h>
#include "lib/base/buf.h"

static const char *const names[] = {
	[FIZEAU_ST_EXTRA_PADDING] = "extra-padding",
	[FIZEAU_ST_LOCATION] = "location",
	[FIZEAU_ST_TIMESTAMP_INFORMATION] = "timestamp-information",
	[FIZEAU_ST_CLASS_OF_SERVICE] = "class-of-service",
	[FIZEAU_ST_DIRECT_MEASUREMENT] = "direct-measurement",
	[FIZEAU_ST_ACCESS_REPORT] = "access-report",
	[FIZEAU_ST_FOLLOW_UP] = "follow-up",
	[FIZEAU_ST_HMAC] = "hmac",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *fizeau_st_tlv_name(unsigned type)
{
	return type < NAMES ? names[type] : NULL;
}

unsigned fizeau_st_tlv_from_name(const char *name)
{
	for (unsigned type = 1; type < NAMES; type++) {
		if (strcmp(names[type], name) == 0)
			return type;
	}
	return 0;
}

/*
 * A TLV (RFC 8972 section 4):
 *
 *   0      STAMP TLV Flags: U 0x80, M 0x40, I 0x20
 *   1      Type
 *   2-3    Length of the value
 *   4-     Value
 */

/*= rfc8972#section-4 SX-4-01 SX-4-07 */
bool fz_st_tlv_next(const uint8_t *packet, size_t len, size_t *at, struct fz_st_tlv *tlv)
{
	struct fz_reader r = fz_reader_of(packet + *at, len - *at);
	size_t length;

	if (*at >= len)
		return false;
	*tlv = (struct fz_st_tlv){.at = *at};
	tlv->flags = fz_read_u8(&r);
	tlv->type = fz_read_u8(&r);
	length = fz_read_u16(&r);
	tlv->octets = fz_reader_left(&r);
	tlv->value = len - tlv->octets;
	tlv->whole = !r.failed && length <= tlv->octets;
	if (tlv->whole)
		tlv->octets = length;
	*at = tlv->value + tlv->octets;
	return true;
}

bool fz_st_tlv_known(unsigned type)
{
	return fizeau_st_tlv_name(type) != NULL;
}

#define PRIVATE_FIRST 252
#define PRIVATE_LAST 254
#define ENTERPRISE_OCTETS 4

/*= rfc8972#section-4 SX-4-02 */
/*= rfc8972#section-4.3 SX-4.3-01 */
/*= rfc8972#section-6 SX-6-01 */
bool fz_st_tlv_valid(const struct fz_st_tlv *tlv)
{
	static const struct {
		uint8_t least;
		bool exactly;
	} lengths[] = {
		[FIZEAU_ST_LOCATION] = {FZ_ST_LOCATION_LEAST, false},
		[FIZEAU_ST_TIMESTAMP_INFORMATION] = {FZ_ST_TIMESTAMP_INFORMATION_LEAST, false},
		[FIZEAU_ST_CLASS_OF_SERVICE] = {FZ_ST_CLASS_OF_SERVICE_OCTETS, true},
		[FIZEAU_ST_DIRECT_MEASUREMENT] = {FZ_ST_DIRECT_MEASUREMENT_OCTETS, true},
		[FIZEAU_ST_ACCESS_REPORT] = {FZ_ST_ACCESS_REPORT_OCTETS, true},
		[FIZEAU_ST_FOLLOW_UP] = {FZ_ST_FOLLOW_UP_OCTETS, true},
		[FIZEAU_ST_HMAC] = {FZ_ST_HMAC_OCTETS, true},
	};

	if (!tlv->whole)
		return false;
	if (tlv->type >= PRIVATE_FIRST && tlv->type <= PRIVATE_LAST)
		return tlv->octets >= ENTERPRISE_OCTETS;
	if (tlv->type >= sizeof(lengths) / sizeof(lengths[0]))
		return true;
	return tlv->octets == lengths[tlv->type].least ||
		(tlv->octets > lengths[tlv->type].least && !lengths[tlv->type].exactly);
}

/*= rfc8972#section-4 SX-4-01 SX-4-03 */
void fz_st_tlv_put(uint8_t header[static FZ_ST_TLV_HEADER], unsigned type, size_t length)
{
	struct fz_writer w = fz_writer_of(header, FZ_ST_TLV_HEADER);

	fz_write_u8(&w, FZ_ST_TLV_U);
	fz_write_u8(&w, (uint8_t)type);
	fz_write_u16(&w, (uint16_t)length);
}
