/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lib/wire/stop.h"
#include "lib/base/buf.h"

/*
 * Stop-Sessions of TWAMP, 32 octets, Control-Client to Server (RFC 5357 section 3.8). In OWAMP the records lie between
 * the MBZ and the HMAC, and both ends send it (RFC 4656 section 3.8).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|      3        |    Accept     |              MBZ              |
 *  4|                       Number of Sessions                      |
 *  8|                         MBZ (8 octets)                        |
 * 16|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/*= rfc4656#section-3.8 OW-3.8-02 */
/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_stop_head_get(struct fz_stop *stop, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t command = fz_read_u8(&r);

	stop->accept = fz_read_u8(&r);
	fz_read_skip(&r, 2);
	stop->sessions = fz_read_u32(&r);
	fz_read_skip(&r, 8);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	return command == FZ_STOP_COMMAND ? 0 : FIZEAU_ERR_UNEXPECTED;
}

/*= rfc4656#section-3.8 OW-3.8-02 */
/*= rfc4656#section-3.1 OW-3.1-36 */
/*= rfc5357#section-2 TW-2-02 */
int fz_stop_head_put(const struct fz_stop *stop, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, FZ_STOP_COMMAND);
	fz_write_u8(&w, stop->accept);
	fz_write_zeros(&w, 2);
	fz_write_u32(&w, stop->sessions);
	fz_write_zeros(&w, 8);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc5357#section-3.8 TW-3.8-03 */
int fz_stop_get(struct fz_stop *stop, const uint8_t *octets, size_t len)
{
	return len == FZ_STOP_OCTETS ? fz_stop_head_get(stop, octets, FZ_STOP_HEAD_OCTETS) : FIZEAU_ERR_LENGTH;
}

/*= rfc5357#section-3.8 TW-3.8-02 TW-3.8-03 */
int fz_stop_put(const struct fz_stop *stop, uint8_t *octets, size_t len)
{
	if (len != FZ_STOP_OCTETS)
		return FIZEAU_ERR_LENGTH;
	memset(octets + FZ_STOP_HEAD_OCTETS, 0, FZ_STOP_OCTETS - FZ_STOP_HEAD_OCTETS);
	return fz_stop_head_put(stop, octets, FZ_STOP_HEAD_OCTETS);
}

/*= rfc5357#section-3.8 TW-3.8-08 */
int fz_stop_check(const struct fz_stop *stop, uint32_t started, uint32_t alive)
{
	return stop->sessions == started || stop->sessions == alive ? 0 : FIZEAU_ERR_SESSIONS;
}
