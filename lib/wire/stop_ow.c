/* SPDX-License-Identifier: MIT */
#include "lib/wire/stop_ow.h"
#include "lib/base/buf.h"
#include "lib/wire/skip_ranges.h"

/*
 * Session description record of Stop-Sessions, 32 octets and more, either direction (RFC 4656 section 3.8).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|                        SID (16 octets)                        |
 * 16|                          Next Seqno                           |
 * 20|                     Number of Skip Ranges                     |
 * 24|     Skip Ranges (8 octets each), zero-filled to a multiple    |
 *   |     of 16 octets from the SID on                              |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#define HEAD_OCTETS 24u

/*= rfc4656#section-3.8 OW-3.8-03 */
int fz_stop_record_get(struct fz_stop_record *record, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	fz_read_octets(&r, record->sid, sizeof(record->sid));
	record->next_seqno = fz_read_u32(&r);
	record->range_count = fz_read_u32(&r);
	record->first.first = fz_read_u32(&r);
	record->first.last = fz_read_u32(&r);
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.8 OW-3.8-05 */
size_t fz_stop_record_octets(uint32_t range_count)
{
	return range_count == 0 ? FZ_STOP_RECORD_OCTETS
	                        : FZ_STOP_RECORD_OCTETS + fz_skip_ranges_octets(range_count - 1);
}

/*= rfc4656#section-3.8 OW-3.8-03 OW-3.8-05 */
int fz_stop_record_put(const struct fizeau_session_end *end, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	if (len != fz_stop_record_octets(end->range_count))
		return FIZEAU_ERR_LENGTH;
	fz_write_octets(&w, end->sid, sizeof(end->sid));
	fz_write_u32(&w, end->next_seqno);
	fz_write_u32(&w, end->range_count);
	return fz_skip_ranges_put(end->ranges, end->range_count, octets + HEAD_OCTETS, len - HEAD_OCTETS);
}
