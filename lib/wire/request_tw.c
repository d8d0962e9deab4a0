/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lib/wire/request_tw.h"
#include "lib/base/buf.h"

/*
 * Request-TW-Session, 112 octets, Control-Client to Server (RFC 5357 section 3.5, layout of RFC 4656 3.5).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|      5        |  MBZ  | IPVN  |  Conf-Sender  | Conf-Receiver |
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
 * 88|                         MBZ (8 octets)                        |
 * 96|                       HMAC (16 octets)                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#define IPV4_OCTETS 4u
#define ADDRESS_OCTETS 16u
#define TYPE_P_DSCP_SHIFT 24
#define TYPE_P_DSCP_MASK 0x3F000000u
#define DSCP_MAX 63

static void read_address(struct fz_reader *r, uint8_t ip_version, uint8_t address[static 16])
{
	uint8_t octets[ADDRESS_OCTETS];

	fz_read_octets(r, octets, sizeof(octets));
	memset(address, 0, ADDRESS_OCTETS);
	/*= rfc4656#section-3.5 OW-3.5-09 */
	memcpy(address, octets, ip_version == 4 ? IPV4_OCTETS : ADDRESS_OCTETS);
}

/*= rfc5357#section-3.5 TW-3.5-01 TW-3.5-14 */
/*= rfc4656#section-3.5 OW-3.5-19 */
/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-03 */
int fz_request_tw_get(struct fz_request_tw *request, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint8_t command = fz_read_u8(&r);

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
	fz_read_skip(&r, 8 + 16);
	if (r.failed || fz_reader_left(&r) > 0)
		return FIZEAU_ERR_LENGTH;
	/*= rfc5357#section-3.5 TW-3.5-02 */
	return command == FZ_REQUEST_TW_COMMAND ? 0 : FIZEAU_ERR_UNEXPECTED;
}

/*= rfc5357#section-3.5 TW-3.5-01 TW-3.5-14 */
/*= rfc4656#section-3.1 OW-3.1-36 */
/*= rfc5357#section-2 TW-2-02 */
int fz_request_tw_put(const struct fz_request_tw *request, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u8(&w, FZ_REQUEST_TW_COMMAND);
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

uint8_t fz_request_tw_check(const struct fz_request_tw *request)
{
	/*= rfc4656#section-3.5 OW-3.5-07 */
	if (request->ip_version != 4 && request->ip_version != 6)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	/*= rfc5357#section-3.5 TW-3.5-06 */
	if (request->conf_sender != 0 || request->conf_receiver != 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	/* Slots would follow the message and be taken for commands. */
	if (request->schedule_slots != 0 || request->packets != 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	/*= rfc5357#section-3.5 TW-3.5-18 */
	/*= rfc4656#section-3.5 OW-3.5-21 OW-3.5-22 */
	if ((request->type_p & ~TYPE_P_DSCP_MASK) != 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	if (request->padding_octets > FZ_PADDING_OCTETS_MAX)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	return FIZEAU_ACCEPT_OK;
}

static struct fizeau_address address_to_api(uint8_t ip_version, const uint8_t octets[static 16])
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

void fz_request_tw_to_api(const struct fz_request_tw *request, struct fizeau_tw_request *api)
{
	*api = (struct fizeau_tw_request){
		.ip_version = request->ip_version,
		.sender = address_to_api(request->ip_version, request->sender),
		.receiver = address_to_api(request->ip_version, request->receiver),
		.sender_port = request->sender_port,
		.receiver_port = request->receiver_port,
		.padding_octets = request->padding_octets,
		.start_time = request->start_time,
		.timeout = request->timeout,
		.dscp = (uint8_t)(request->type_p >> TYPE_P_DSCP_SHIFT),
	};
}

static bool address_from_api(
	const struct fizeau_address *address, uint8_t ip_version, uint8_t octets[static 16])
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

int fz_request_tw_from_api(const struct fizeau_tw_request *api, struct fz_request_tw *request)
{
	if (api->dscp > DSCP_MAX || api->sender_port == 0)
		return FIZEAU_ERR_RANGE;
	/*= rfc5357#section-3.5 TW-3.5-05 TW-3.5-07 TW-3.5-12 */
	*request = (struct fz_request_tw){
		.ip_version = api->ip_version,
		.sender_port = api->sender_port,
		.receiver_port = api->receiver_port,
		.padding_octets = api->padding_octets,
		.start_time = api->start_time,
		.timeout = api->timeout,
		.type_p = (uint32_t)api->dscp << TYPE_P_DSCP_SHIFT,
	};
	if (!address_from_api(&api->sender, api->ip_version, request->sender) ||
		!address_from_api(&api->receiver, api->ip_version, request->receiver))
		return FIZEAU_ERR_RANGE;
	return fz_request_tw_check(request) == FIZEAU_ACCEPT_OK ? 0 : FIZEAU_ERR_RANGE;
}
