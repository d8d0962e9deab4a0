/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lib/wire/request_session.h"

/*
 * Request-Session, Control-Client to Server (RFC 4656 section 3.5): a head of 112 octets that ends in an HMAC
 * (lib/wire/request_head.c draws it), Number of Schedule Slots slots of 16 octets (lib/wire/schedule.c), and 16 octets
 * of HMAC over the slots.
 */

int fz_request_ow_get(struct fz_request_head *request, const uint8_t *octets, size_t len)
{
	return fz_request_head_get(request, FZ_REQUEST_OW_COMMAND, octets, len);
}

int fz_request_ow_put(const struct fz_request_head *request, uint8_t *octets, size_t len)
{
	return fz_request_head_put(request, FZ_REQUEST_OW_COMMAND, octets, len);
}

uint8_t fz_request_ow_check(const struct fz_request_head *request)
{
	/*= rfc4656#section-3.5 OW-3.5-07 */
	if (request->ip_version != 4 && request->ip_version != 6)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	/*= rfc4656#section-3.5 OW-3.5-12 */
	if (request->conf_sender == 0 && request->conf_receiver == 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	/*= rfc4656#section-3.5 OW-3.5-06 */
	if (request->schedule_slots == 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	if (request->schedule_slots > FIZEAU_SLOTS_MAX)
		return FIZEAU_ACCEPT_PERMANENT_LIMIT;
	/* Without Conf-Sender it is the client that has to apply it, and it has its own opinion of what it can. */
	/*= rfc4656#section-3.5 OW-3.5-21 OW-3.5-22 OW-3.5-23 */
	if (request->conf_sender != 0 && (request->type_p & ~FZ_TYPE_P_DSCP_MASK) != 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	/* Port 0 is "any" for the end that the server runs, and nobody's address for the client's. */
	/*= rfc4656#section-3.5 OW-3.5-16 */
	if (request->conf_receiver == 0 && request->receiver_port == 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	if (request->padding_octets > FZ_PADDING_OCTETS_MAX)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	return FIZEAU_ACCEPT_OK;
}

void fz_request_ow_to_api(const struct fz_request_head *request, struct fizeau_ow_request *api)
{
	*api = (struct fizeau_ow_request){
		/*= rfc4656#section-3.5 OW-3.5-11 */
		.conf_sender = request->conf_sender != 0,
		.conf_receiver = request->conf_receiver != 0,
		.ip_version = request->ip_version,
		.sender = fz_address_to_api(request->ip_version, request->sender),
		.receiver = fz_address_to_api(request->ip_version, request->receiver),
		.sender_port = request->sender_port,
		.receiver_port = request->receiver_port,
		/*= rfc4656#section-3.5 OW-3.5-15 */
		.packets = request->packets,
		.padding_octets = request->padding_octets,
		.start_time = request->start_time,
		.timeout = request->timeout,
		.type_p = request->type_p,
		.slot_count = request->schedule_slots,
	};
	memcpy(api->sid, request->sid, sizeof(api->sid));
}

int fz_request_ow_from_api(const struct fizeau_ow_request *api, struct fz_request_head *request)
{
	*request = (struct fz_request_head){
		.ip_version = api->ip_version,
		/*= rfc4656#section-3.5 OW-3.5-10 */
		.conf_sender = api->conf_sender ? 1 : 0,
		.conf_receiver = api->conf_receiver ? 1 : 0,
		.schedule_slots = api->slot_count,
		.packets = api->packets,
		/*= rfc4656#section-3.5 OW-3.5-16 */
		/*= rfc8545#section-5.2 PO-5.2-01 */
		.sender_port = api->sender_port,
		.receiver_port = api->receiver_port,
		.padding_octets = api->padding_octets,
		.start_time = api->start_time,
		.timeout = api->timeout,
		.type_p = api->type_p,
	};
	memcpy(request->sid, api->sid, sizeof(request->sid));
	if (!fz_address_from_api(&api->sender, api->ip_version, request->sender) ||
		!fz_address_from_api(&api->receiver, api->ip_version, request->receiver))
		return FIZEAU_ERR_RANGE;
	return fz_request_ow_check(request) == FIZEAU_ACCEPT_OK ? 0 : FIZEAU_ERR_RANGE;
}
