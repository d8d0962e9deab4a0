/* SPDX-License-Identifier: MIT */
#include "lib/wire/start.h"
#include "lib/base/buf.h"

/*
 * Start-Sessions, 32 octets, Control-Client to Server, and Start-Ack, 32 octets, the other way
 * (RFC 4656 section 3.7).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0| 2, or: Accept |               MBZ (15 octets)                 |
 * 16|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/*= rfc4656#section-3.7 OW-3.7-01 */
/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_start_get(const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t command = fz_read_u8(&r);

	fz_read_skip(&r, 15 + 16);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	return command == FZ_START_COMMAND ? 0 : FIZEAU_ERR_UNEXPECTED;
}

/*= rfc4656#section-3.7 OW-3.7-01 */
/*= rfc4656#section-3.1 OW-3.1-36 */
/*= rfc5357#section-2 TW-2-02 */
int fz_start_put(uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, FZ_START_COMMAND);
	fz_write_zeros(&w, 15 + 16);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.7 OW-3.7-04 */
int fz_start_ack_get(struct fz_start_ack *ack, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	ack->accept = fz_read_u8(&r);
	fz_read_skip(&r, 15 + 16);
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.7 OW-3.7-04 */
int fz_start_ack_put(const struct fz_start_ack *ack, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, ack->accept);
	fz_write_zeros(&w, 15 + 16);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.3 OW-3.3-04 */
int fz_start_ack_check(const struct fz_start_ack *ack)
{
	return ack->accept == 0 ? 0 : FIZEAU_ERR_REFUSED;
}
