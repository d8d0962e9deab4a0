/* SPDX-License-Identifier: MIT */
#include "lib/wire/start_n.h"
#include "lib/base/buf.h"

/*
 * Start-N-Sessions (7) and Stop-N-Sessions (9), Control-Client to Server, and their answers Start-N-Ack (8) and
 * Stop-N-Ack (10), the other way: 32 + 16 N octets (RFC 5938 sections 3.2 to 3.5).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|  7, 8, 9, 10  | Accept or MBZ |              MBZ              |
 *  4|                         MBZ (8 octets)                        |
 * 12|                     Number of Sessions (N)                    |
 * 16|                     N SIDs (16 octets each)                   |
 *   |                        HMAC (16 octets)                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#define HMAC_OCTETS 16u

static bool known(uint8_t command)
{
	return command >= FZ_START_N_COMMAND && command <= FZ_STOP_N_ACK_COMMAND;
}

static bool acknowledges(uint8_t command)
{
	return command == FZ_START_N_ACK_COMMAND || command == FZ_STOP_N_ACK_COMMAND;
}

/*= rfc5938#section-3.2 IS-3.2-02 IS-3.2-03 */
/*= rfc5938#section-3.3 IS-3.3-01 IS-3.3-02 */
/*= rfc5938#section-3.4 IS-3.4-03 IS-3.4-04 */
/*= rfc5938#section-3.5 IS-3.5-01 IS-3.5-02 */
/*= rfc5938#section-6.4 IS-6.4-01 */
/*= rfc5938#section-1 IS-1-03 */
int fz_n_head_get(struct fz_n_head *head, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t accept;

	head->command = fz_read_u8(&r);
	accept = fz_read_u8(&r);
	head->accept = acknowledges(head->command) ? accept : 0;
	fz_read_skip(&r, 2 + 8);
	head->sessions = fz_read_u32(&r);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	return known(head->command) ? 0 : FIZEAU_ERR_UNEXPECTED;
}

/*= rfc5938#section-3.2 IS-3.2-02 IS-3.2-03 IS-3.2-10 */
/*= rfc5938#section-3.3 IS-3.3-01 IS-3.3-02 */
/*= rfc5938#section-3.4 IS-3.4-03 IS-3.4-04 IS-3.4-09 */
/*= rfc5938#section-3.5 IS-3.5-01 IS-3.5-02 */
/*= rfc5938#section-6.4 IS-6.4-01 */
/*= rfc5938#section-1 IS-1-02 */
int fz_n_head_put(const struct fz_n_head *head, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, head->command);
	fz_write_u8(&w, acknowledges(head->command) ? head->accept : 0);
	fz_write_zeros(&w, 2 + 8);
	fz_write_u32(&w, head->sessions);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc5938#section-3.2 IS-3.2-04 IS-3.2-06 */
/*= rfc5938#section-3.3 IS-3.3-04 */
/*= rfc5938#section-3.4 IS-3.4-02 IS-3.4-05 */
/*= rfc5938#section-3.5 IS-3.5-03 */
int fz_n_head_check(const struct fz_n_head *head, uint32_t max)
{
	if (head->sessions == 0)
		return FIZEAU_ERR_MALFORMED;
	return head->sessions <= max ? 0 : FIZEAU_ERR_LIMIT;
}

size_t fz_n_octets(uint32_t sessions)
{
	return FZ_N_HEAD_OCTETS + (size_t)sessions * FIZEAU_SID_OCTETS + HMAC_OCTETS;
}

int fz_n_sid_get(struct fizeau_sid *sid, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	fz_read_octets(&r, sid->octets, sizeof(sid->octets));
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

int fz_n_sid_put(const struct fizeau_sid *sid, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_octets(&w, sid->octets, sizeof(sid->octets));
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}
