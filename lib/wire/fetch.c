/* SPDX-License-Identifier: MIT */
#include "lib/wire/fetch.h"
#include "lib/base/buf.h"

/*
 * Fetch-Session, 48 octets, Fetch-Client to Server (RFC 4656 section 3.9).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|      4        |                MBZ (7 octets)                 |
 *  8|                           Begin Seq                           |
 * 12|                            End Seq                            |
 * 16|                        SID (16 octets)                        |
 * 32|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Fetch-Ack, 32 octets, the other way.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|    Accept     |   Finished    |              MBZ              |
 *  4|                          Next Seqno                           |
 *  8|                     Number of Skip Ranges                     |
 * 12|                       Number of Records                       |
 * 16|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#define FINISHED_PERFSONAR_RUNS 2 /* its word for a session that still runs, where RFC 4656 has zero */

/*= rfc4656#section-3.9 OW-3.9-01 */
/*= rfc4656#section-3.1 OW-3.1-37 */
int fz_fetch_get(struct fz_fetch *fetch, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t command = fz_read_u8(&r);

	fz_read_skip(&r, 7);
	fetch->begin = fz_read_u32(&r);
	fetch->end = fz_read_u32(&r);
	fz_read_octets(&r, fetch->sid, sizeof(fetch->sid));
	fz_read_skip(&r, 16);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	return command == FZ_FETCH_COMMAND ? 0 : FIZEAU_ERR_UNEXPECTED;
}

/*= rfc4656#section-3.9 OW-3.9-01 */
/*= rfc4656#section-3.1 OW-3.1-36 */
int fz_fetch_put(const struct fz_fetch *fetch, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, FZ_FETCH_COMMAND);
	fz_write_zeros(&w, 7);
	fz_write_u32(&w, fetch->begin);
	fz_write_u32(&w, fetch->end);
	fz_write_octets(&w, fetch->sid, sizeof(fetch->sid));
	fz_write_zeros(&w, 16);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.9 OW-3.9-06 */
/*= rfc4656#section-3.1 OW-3.1-37 */
int fz_fetch_ack_get(struct fz_fetch_ack *ack, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	ack->accept = fz_read_u8(&r);
	ack->finished = fz_read_u8(&r);
	fz_read_skip(&r, 2);
	ack->next_seqno = fz_read_u32(&r);
	ack->range_count = fz_read_u32(&r);
	ack->records = fz_read_u32(&r);
	fz_read_skip(&r, 16);
	/*= rfc4656#section-3.9 OW-3.9-08 */
	if (ack->accept != 0)
		*ack = (struct fz_fetch_ack){.accept = ack->accept};
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.9 OW-3.9-06 */
/*= rfc4656#section-3.1 OW-3.1-36 */
int fz_fetch_ack_put(const struct fz_fetch_ack *ack, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, ack->accept);
	/*= rfc4656#section-3.9 OW-3.9-07 */
	if (ack->accept != 0) {
		fz_write_zeros(&w, 15);
	} else {
		fz_write_u8(&w, ack->finished);
		fz_write_zeros(&w, 2);
		fz_write_u32(&w, ack->next_seqno);
		fz_write_u32(&w, ack->range_count);
		fz_write_u32(&w, ack->records);
	}
	fz_write_zeros(&w, 16);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.9 OW-3.9-09 */
bool fz_fetch_ack_finished(const struct fz_fetch_ack *ack)
{
	return ack->finished != 0 && ack->finished != FINISHED_PERFSONAR_RUNS;
}
