/* SPDX-License-Identifier: MIT */
#include "lib/wire/server_start.h"
#include "lib/base/buf.h"

/*
 * Server-Start, 48 octets, Server to Control-Client (RFC 4656 section 3.1).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|                        MBZ (15 octets)                        |
 *   |                                               +-+-+-+-+-+-+-+-+
 *   |                                               |    Accept (15)|
 * 16|                     Server-IV (16 octets)                     |
 *   +===============================================================+  encrypted from here in the modes that
 * 32|                     Start-Time (8 octets)                     |  protect control, unless Accept is a
 * 40|                         MBZ (8 octets)                        |  refusal
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * It has no HMAC: octets 32-47 are the first input of the Server's first one.
 */

/*= rfc4656#section-3.1 OW-3.1-35 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_server_start_get(struct fz_server_start *start, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	fz_read_skip(&r, 15);
	start->accept = fz_read_u8(&r);
	fz_read_octets(&r, start->server_iv, sizeof(start->server_iv));
	start->start_time = fz_read_u64(&r);
	fz_read_skip(&r, 8);
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.1 OW-3.1-35 OW-3.1-36 OW-3.1-43 */
/*= rfc5357#section-2 TW-2-02 */
int fz_server_start_put(const struct fz_server_start *start, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_zeros(&w, 15);
	fz_write_u8(&w, start->accept);
	fz_write_octets(&w, start->server_iv, sizeof(start->server_iv));
	fz_write_u64(&w, start->accept == 0 ? start->start_time : 0);
	fz_write_zeros(&w, 8);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.3 OW-3.3-02 OW-3.3-04 */
/*= rfc5357#section-3.3 TW-3.3-01 */
int fz_server_start_check(const struct fz_server_start *start)
{
	return start->accept == 0 ? 0 : FIZEAU_ERR_REFUSED;
}
