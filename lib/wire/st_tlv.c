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

/*= rfc8972#section-4 SX-4-01 SX-4-03 */
void fz_st_tlv_put(uint8_t header[static FZ_ST_TLV_HEADER], unsigned type, size_t length)
{
	struct fz_writer w = fz_writer_of(header, FZ_ST_TLV_HEADER);

	fz_write_u8(&w, FZ_ST_TLV_U);
	fz_write_u8(&w, (uint8_t)type);
	fz_write_u16(&w, (uint16_t)length);
}
