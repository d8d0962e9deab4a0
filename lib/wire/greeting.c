/* SPDX-License-Identifier: MIT */
#include "lib/wire/greeting.h"
#include "lib/base/buf.h"

/*
 * Server-Greeting, 64 octets, Server to Control-Client, in clear (RFC 4656 section 3.1).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|                       Unused (12 octets)                      |
 * 12|                             Modes                             |
 * 16|                     Challenge (16 octets)                     |
 * 32|                       Salt (16 octets)                        |
 * 48|                             Count                             |
 * 52|                        MBZ (12 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/*= rfc4656#section-3.1 OW-3.1-03 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_greeting_get(struct fz_greeting *greeting, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	fz_read_skip(&r, 12);
	greeting->modes = fz_read_u32(&r);
	fz_read_octets(&r, greeting->challenge, sizeof(greeting->challenge));
	fz_read_octets(&r, greeting->salt, sizeof(greeting->salt));
	greeting->count = fz_read_u32(&r);
	fz_read_skip(&r, 12);
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.1 OW-3.1-03 OW-3.1-36 */
/*= rfc5357#section-2 TW-2-02 */
/*= rfc7717#section-5.2 IK-5.2-02 */
int fz_greeting_put(const struct fz_greeting *greeting, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_zeros(&w, 12);
	fz_write_u32(&w, greeting->modes);
	fz_write_octets(&w, greeting->challenge, sizeof(greeting->challenge));
	fz_write_octets(&w, greeting->salt, sizeof(greeting->salt));
	fz_write_u32(&w, greeting->count);
	fz_write_zeros(&w, 12);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

int fz_greeting_check(const struct fz_greeting *greeting)
{
	return greeting->modes == 0 ? FIZEAU_ERR_UNWILLING : 0;
}
