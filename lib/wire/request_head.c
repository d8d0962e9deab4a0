/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lib/wire/request_head.h"
#include "lib/base/buf.h"

/*
 * Head of Request-Session and Request-TW-Session, 112 octets, Control-Client to Server (RFC 4656 section 3.5, RFC 5357
 * section 3.5).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|    1 or 5     |  MBZ  | IPVN  |  Conf-Sender  | Conf-Receiver |
 *  4|                  Number of Schedule Slots                     |
 *  8|                      Number of Packets                        |
 * 12|          Sender Port          |         Receiver Port         |
 * 16|   Sender Address (16 octets): IPv4 in 16-19, then 12 unused   |
 * 32|  Receiver Address (16 octets): IPv4 in 32-35, then 12 unused  |
 * 48|                        SID (16 octets)                        |
 * 64|                         Padding Length                        |
 * 68|                     Start Time (8 octets)                     |
 * 76|                       Timeout (8 octets)                      |
 * 84|                       Type-P Descriptor                       |
 * 88|       MBZ (8 octets); in TWAMP with reflect octets:           |
 *   |       Octets to be reflected (2), Length of padding to        |
 *   |       reflect (2), MBZ (4), which request_tw.c reads and puts |
 * 96|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#define IPV4_OCTETS 4u
#define ADDRESS_OCTETS 16u

static void read_address(struct fz_reader *r, uint8_t ip_version, uint8_t address[static 16])
{
	uint8_t octets[ADDRESS_OCTETS];

	fz_read_octets(r, octets, sizeof(octets));
	memset(address, 0, ADDRESS_OCTETS);
	/*= rfc4656#section-3.5 OW-3.5-09 */
	memcpy(address, octets, ip_version == 4 ? IPV4_OCTETS : ADDRESS_OCTETS);
}

/*= rfc5357#section-3.5 TW-3.5-01 TW-3.5-14 */
/*= rfc4656#section-3.5 OW-3.5-04 OW-3.5-19 */
/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_request_head_get(struct fz_request_head *request, uint8_t command, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t got = fz_read_u8(&r);

	request->ip_version = fz_read_u8(&r) & 0x0F;
	request->conf_sender = fz_read_u8(&r);
	request->conf_receiver = fz_read_u8(&r);
	request->schedule_slots = fz_read_u32(&r);
	request->packets = fz_read_u32(&r);
	request->sender_port = fz_read_u16(&r);
	request->receiver_port = fz_read_u16(&r);
	read_address(&r, request->ip_version, request->sender);
	read_address(&r, request->ip_version, request->receiver);
	fz_read_octets(&r, request->sid, sizeof(request->sid));
	request->padding_octets = fz_read_u32(&r);
	request->start_time = fz_read_u64(&r);
	request->timeout = fz_read_u64(&r);
	request->type_p = fz_read_u32(&r);
	request->reflect_octets = request->reflect_length = 0;
	fz_read_skip(&r, 8 + 16);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	/*= rfc5357#section-3.5 TW-3.5-02 */
	return got == command ? 0 : FIZEAU_ERR_UNEXPECTED;
}

/*= rfc5357#section-3.5 TW-3.5-01 TW-3.5-14 */
/*= rfc4656#section-3.5 OW-3.5-04 */
/*= rfc4656#section-3.1 OW-3.1-36 */
/*= rfc5357#section-2 TW-2-02 */
int fz_request_head_put(const struct fz_request_head *request, uint8_t command, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, command);
	fz_write_u8(&w, request->ip_version & 0x0F);
	fz_write_u8(&w, request->conf_sender);
	fz_write_u8(&w, request->conf_receiver);
	fz_write_u32(&w, request->schedule_slots);
	fz_write_u32(&w, request->packets);
	fz_write_u16(&w, request->sender_port);
	fz_write_u16(&w, request->receiver_port);
	fz_write_octets(&w, request->sender, sizeof(request->sender));
	fz_write_octets(&w, request->receiver, sizeof(request->receiver));
	fz_write_octets(&w, request->sid, sizeof(request->sid));
	fz_write_u32(&w, request->padding_octets);
	fz_write_u64(&w, request->start_time);
	fz_write_u64(&w, request->timeout);
	fz_write_u32(&w, request->type_p);
	fz_write_zeros(&w, 8 + 16);
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

struct fizeau_address fz_address_to_api(uint8_t ip_version, const uint8_t octets[static 16])
{
	static const uint8_t none[ADDRESS_OCTETS];
	struct fizeau_address address = {0};

	/*= rfc5357#section-3.5 TW-3.5-11 */
	if (memcmp(octets, none, sizeof(none)) == 0)
		return address;
	address.version = ip_version;
	memcpy(address.octets, octets, sizeof(address.octets));
	return address;
}

bool fz_address_from_api(const struct fizeau_address *address, uint8_t ip_version, uint8_t octets[static 16])
{
	memset(octets, 0, ADDRESS_OCTETS);
	/*= rfc5357#section-3.5 TW-3.5-10 */
	if (address->version == 0)
		return true;
	if (address->version != ip_version)
		return false;
	/*= rfc4656#section-3.5 OW-3.5-08 */
	memcpy(octets, address->octets, ip_version == 4 ? IPV4_OCTETS : ADDRESS_OCTETS);
	return true;
}
