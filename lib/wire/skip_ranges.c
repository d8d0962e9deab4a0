/* SPDX-License-Identifier: MIT */
#include "lib/wire/skip_ranges.h"
#include "lib/base/buf.h"

/*
 * Skip Range, 8 octets: packets that were never sent (RFC 4656 sections 3.8 and 3.9).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|                      First Seqno Skipped                      |
 *  4|                      Last Seqno Skipped                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

size_t fz_skip_ranges_octets(uint32_t count)
{
	return ((size_t)count + 1) / FZ_SKIP_RANGES_BLOCK * (FZ_SKIP_RANGES_BLOCK * FZ_SKIP_RANGE_OCTETS);
}

int fz_skip_ranges_get(struct fizeau_skip_range *ranges, size_t count, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	for (size_t i = 0; i < count; i++) {
		ranges[i].first = fz_read_u32(&r);
		ranges[i].last = fz_read_u32(&r);
	}
	return r.failed ? FIZEAU_ERR_LENGTH : 0;
}

int fz_skip_ranges_put(const struct fizeau_skip_range *ranges, size_t count, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	if (count * FZ_SKIP_RANGE_OCTETS > len)
		return FIZEAU_ERR_LENGTH;
	for (size_t i = 0; i < count; i++) {
		fz_write_u32(&w, ranges[i].first);
		fz_write_u32(&w, ranges[i].last);
	}
	fz_write_zeros(&w, len - fz_writer_len(&w));
	return w.failed ? FIZEAU_ERR_LENGTH : 0;
}
