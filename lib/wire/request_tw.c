/* SPDX-License-Identifier: MIT */
#include "lib/wire/request_tw.h"

/*
 * Request-TW-Session, 112 octets, Control-Client to Server (RFC 5357 section 3.5): the head of OWAMP's request, with
 * another number and without slots. lib/wire/request_head.c draws it.
 */

#define DSCP_MAX 63

int fz_request_tw_get(struct fz_request_head *request, const uint8_t *octets, size_t len)
{
	/*= rfc5357#section-3.5 TW-3.5-02 */
	return fz_request_head_get(request, FZ_REQUEST_TW_COMMAND, octets, len);
}

int fz_request_tw_put(const struct fz_request_head *request, uint8_t *octets, size_t len)
{
	return fz_request_head_put(request, FZ_REQUEST_TW_COMMAND, octets, len);
}

uint8_t fz_request_tw_check(const struct fz_request_head *request)
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
	if ((request->type_p & ~FZ_TYPE_P_DSCP_MASK) != 0)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	if (request->padding_octets > FZ_PADDING_OCTETS_MAX)
		return FIZEAU_ACCEPT_UNSUPPORTED;
	return FIZEAU_ACCEPT_OK;
}

void fz_request_tw_to_api(const struct fz_request_head *request, struct fizeau_tw_request *api)
{
	*api = (struct fizeau_tw_request){
		.ip_version = request->ip_version,
		.sender = fz_address_to_api(request->ip_version, request->sender),
		.receiver = fz_address_to_api(request->ip_version, request->receiver),
		.sender_port = request->sender_port,
		.receiver_port = request->receiver_port,
		.padding_octets = request->padding_octets,
		.start_time = request->start_time,
		.timeout = request->timeout,
		.dscp = (uint8_t)(request->type_p >> FZ_TYPE_P_DSCP_SHIFT),
	};
}

int fz_request_tw_from_api(const struct fizeau_tw_request *api, struct fz_request_head *request)
{
	if (api->dscp > DSCP_MAX || api->sender_port == 0)
		return FIZEAU_ERR_RANGE;
	/*= rfc5357#section-3.5 TW-3.5-05 TW-3.5-07 TW-3.5-12 */
	*request = (struct fz_request_head){
		.ip_version = api->ip_version,
		.sender_port = api->sender_port,
		.receiver_port = api->receiver_port,
		.padding_octets = api->padding_octets,
		.start_time = api->start_time,
		.timeout = api->timeout,
		.type_p = (uint32_t)api->dscp << FZ_TYPE_P_DSCP_SHIFT,
	};
	if (!fz_address_from_api(&api->sender, api->ip_version, request->sender) ||
		!fz_address_from_api(&api->receiver, api->ip_version, request->receiver))
		return FIZEAU_ERR_RANGE;
	return fz_request_tw_check(request) == FIZEAU_ACCEPT_OK ? 0 : FIZEAU_ERR_RANGE;
}
