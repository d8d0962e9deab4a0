/* SPDX-License-Identifier: MIT */
#include "lib/wire/accept.h"
#include "lib/base/buf.h"

/*
 * Accept-Session, 48 octets, Server to Control-Client (RFC 4656 section 3.5, RFC 5357 section 3.5, RFC 6038 section
 * 4.3: octets 20-23 are MBZ without reflect octets).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|    Accept     |      MBZ      |             Port              |
 *  4|                        SID (16 octets)                        |
 * 20|        Reflected octets       |         Server octets         |
 * 24|                         MBZ (8 octets)                        |
 * 32|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/*= rfc4656#section-3.5 OW-3.5-24 */
/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_accept_session_get(struct fz_accept_session *answer, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	answer->accept = fz_read_u8(&r);
	fz_read_skip(&r, 1);
	answer->port = fz_read_u16(&r);
	fz_read_octets(&r, answer->sid, sizeof(answer->sid));
	/*= rfc6038#section-4.3 RO-4.3-01 RO-4.3-02 */
	answer->reflected_octets = fz_read_u16(&r);
	answer->server_octets = fz_read_u16(&r);
	fz_read_skip(&r, 8 + 16);
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.5 OW-3.5-24 */
/*= rfc4656#section-3.1 OW-3.1-36 */
/*= rfc5357#section-2 TW-2-02 */
int fz_accept_session_put(const struct fz_accept_session *answer, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, answer->accept);
	fz_write_u8(&w, 0);
	/*= rfc5357#section-3.5 TW-3.5-24 TW-3.5-25 */
	/*= rfc8545#section-5.1 PO-5.1-03 PO-5.1-04 */
	if (answer->accept != 0) {
		fz_write_zeros(&w, 2 + FIZEAU_SID_OCTETS + 4);
	} else {
		/*= rfc5357#section-3.5 TW-3.5-21 */
		fz_write_u16(&w, answer->port);
		fz_write_octets(&w, answer->sid, sizeof(answer->sid));
		/*= rfc6038#section-4.3 RO-4.3-01 RO-4.3-02 */
		fz_write_u16(&w, answer->reflected_octets);
		fz_write_u16(&w, answer->server_octets);
	}
	fz_write_zeros(&w, 8 + 16);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.3 OW-3.3-04 */
int fz_accept_session_check(const struct fz_accept_session *answer)
{
	if (answer->accept != 0)
		return FIZEAU_ERR_REFUSED;
	return answer->port == 0 ? FIZEAU_ERR_MALFORMED : 0;
}

/*= rfc4656#section-3.3 OW-3.3-01 OW-3.3-04 */
/*= rfc7717#section-5.3 IK-5.3-11 */
const char *fizeau_accept_text(uint8_t accept)
{
	switch (accept) {
	case FIZEAU_ACCEPT_OK:
		return "accepted";
	case FIZEAU_ACCEPT_INTERNAL:
		return "internal error";
	case FIZEAU_ACCEPT_UNSUPPORTED:
		return "some aspect of the request is not supported";
	case FIZEAU_ACCEPT_PERMANENT_LIMIT:
		return "permanent resource limit";
	case FIZEAU_ACCEPT_TEMPORARY_LIMIT:
		return "temporary resource limit";
	case FIZEAU_ACCEPT_NO_IKE_SA:
		return "no IKE SA with these SPIs";
	default:
		return "failure";
	}
}
