/* SPDX-License-Identifier: MIT */
#include <fizeau/record.h>

#include "lib/base/buf.h"

/*
 * Packet record, 25 octets, in Fetch data and in storage (RFC 4656 section 3.9; the drawing governs, not the prose).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|                          Seq Number                           |
 *  4|      Send Error Estimate      |    Receive Error Estimate     |
 *  8|                        Send Timestamp (8)                     |
 * 16|                       Receive Timestamp (8)                   |
 * 24|    TTL        |
 *   +-+-+-+-+-+-+-+-+
 */

/*= rfc4656#section-3.9 OW-3.9-21 */
bool fizeau_record_lost(const struct fizeau_record *record)
{
	return record->receive_ntp == 0;
}

/*= rfc4656#section-3.9 OW-3.9-18 */
void fizeau_record_get(struct fizeau_record *record, const uint8_t octets[static FIZEAU_RECORD_OCTETS])
{
	struct fz_reader r = fz_reader_of(octets, FIZEAU_RECORD_OCTETS);

	record->seq = fz_read_u32(&r);
	record->send_error = fz_read_u16(&r);
	record->receive_error = fz_read_u16(&r);
	record->send_ntp = fz_read_u64(&r);
	record->receive_ntp = fz_read_u64(&r);
	record->ttl = fz_read_u8(&r);
}

/*= rfc4656#section-3.9 OW-3.9-18 */
void fizeau_record_put(const struct fizeau_record *record, uint8_t octets[static FIZEAU_RECORD_OCTETS])
{
	struct fz_writer w = fz_writer_of(octets, FIZEAU_RECORD_OCTETS);

	fz_write_u32(&w, record->seq);
	fz_write_u16(&w, record->send_error);
	fz_write_u16(&w, record->receive_error);
	fz_write_u64(&w, record->send_ntp);
	fz_write_u64(&w, record->receive_ntp);
	fz_write_u8(&w, record->ttl);
}

/*= rfc4656#section-3.8 OW-3.8-04 */
/*= rfc4656#section-3.9 OW-3.9-17 */
int fizeau_session_end_check(const struct fizeau_session_end *end)
{
	uint64_t next = 0; /* the lowest number that a range may begin with */

	if (end->range_count > FIZEAU_SKIP_RANGES_MAX)
		return FIZEAU_ERR_LIMIT;
	for (uint32_t i = 0; i < end->range_count; i++) {
		const struct fizeau_skip_range *range = &end->ranges[i];

		if (range->first < next || range->last < range->first || range->last >= end->next_seqno)
			return FIZEAU_ERR_MALFORMED;
		next = (uint64_t)range->last + 1;
	}
	return 0;
}

bool fizeau_session_end_skipped(const struct fizeau_session_end *end, uint32_t seq)
{
	uint32_t low = 0, high = end->range_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (end->ranges[middle].last < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < end->range_count && end->ranges[low].first <= seq;
}
