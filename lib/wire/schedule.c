/* SPDX-License-Identifier: MIT */
#include "lib/wire/schedule.h"
#include "lib/base/buf.h"

/*
 * Schedule slot, 16 octets, in Request-Session and its reproduction (RFC 4656 section 3.5).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|   Slot Type   |                MBZ (7 octets)                 |
 *  8|                 Slot Parameter (timestamp, 8 octets)          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#define SLOT_EXPONENTIAL 0
#define SLOT_FIXED 1

/*= rfc4656#section-3.5 OW-3.5-05 */
/*= rfc4656#section-3.6 OW-3.6-01 */
/*= rfc4656#section-3.1 OW-3.1-37 */
int fz_slot_get(struct fizeau_slot *slot, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t type = fz_read_u8(&r);

	fz_read_skip(&r, 7);
	slot->exponential = type == SLOT_EXPONENTIAL;
	slot->parameter = fz_read_u64(&r);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	return type <= SLOT_FIXED ? 0 : FIZEAU_ERR_MALFORMED;
}

/*= rfc4656#section-3.5 OW-3.5-05 */
/*= rfc4656#section-3.1 OW-3.1-36 */
int fz_slot_put(const struct fizeau_slot *slot, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, slot->exponential ? SLOT_EXPONENTIAL : SLOT_FIXED);
	fz_write_zeros(&w, 7);
	fz_write_u64(&w, slot->parameter);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}
