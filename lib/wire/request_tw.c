/* SPDX-License-Identifier: MIT */
#include "lib/wire/request_tw.h"
#include <fizeau/sender.h>
#include "lib/base/buf.h"

/*
 * Request-TW-Session, 112 octets, Control-Client to Server (RFC 5357 section 3.5): the head of OWAMP's request, with
 * another number and without slots. lib/wire/request_head.c draws it.
 */

#define DSCP_MAX 63
#define REFLECT 88 /* offset of Octets to be reflected and Length of padding to reflect, MBZ without that feature */
#define REFLECT_OCTETS 4

/*= rfc6038#section-4.2 RO-4.2-01 */
int fz_request_tw_get(struct fz_request_head *request, const uint8_t *octets, size_t len)
{
	/*= rfc5357#section-3.5 TW-3.5-02 */
	int error = fz_request_head_get(request, FZ_REQUEST_TW_COMMAND, octets, len);
	struct fz_reader r;

	if (error < 0)
		return error;
	r = fz_reader_of(octets + REFLECT, REFLECT_OCTETS);
	request->reflect_octets = fz_read_u16(&r);
	request->reflect_length = fz_read_u16(&r);
	return 0;
}

/*= rfc6038#section-4.2 RO-4.2-01 */
int fz_request_tw_put(const struct fz_request_head *request, uint8_t *octets, size_t len)
{
	int error = fz_request_head_put(request, FZ_REQUEST_TW_COMMAND, octets, len);
	struct fz_writer w;

	if (error < 0)
		return error;
	w = fz_writer_of(octets + REFLECT, REFLECT_OCTETS);
	fz_write_u16(&w, request->reflect_octets);
	fz_write_u16(&w, request->reflect_length);
	return 0;
}

uint8_t fz_request_tw_check(const struct fz_request_head *request, uint32_t mode)
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
	/* Padding is truncated here, so that what is to come back must fit in what is left. */
	/*= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
	/*= rfc6038#section-4.3 RO-4.3-06 */
	if ((mode & FIZEAU_MODE_REFLECT_OCTETS) != 0 && request->padding_octets <
		fizeau_test_padding_least(fizeau_test_mode_of(mode), mode, request->reflect_length))
		return FIZEAU_ACCEPT_UNSUPPORTED;
	return FIZEAU_ACCEPT_OK;
}

void fz_request_tw_to_api(const struct fz_request_head *request, uint32_t mode, struct fizeau_tw_request *api)
{
	bool reflects = (mode & FIZEAU_MODE_REFLECT_OCTETS) != 0;

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
		/*= rfc6038#section-1 RO-1-03 */
		.reflect_octets = reflects ? request->reflect_octets : 0,
		.reflect_length = reflects ? request->reflect_length : 0,
	};
}

int fz_request_tw_from_api(const struct fizeau_tw_request *api, uint32_t mode, struct fz_request_head *request)
{
	if (api->dscp > DSCP_MAX || api->sender_port == 0)
		return FIZEAU_ERR_RANGE;
	/*= rfc6038#section-1 RO-1-02 */
	if ((mode & FIZEAU_MODE_REFLECT_OCTETS) == 0 && (api->reflect_octets != 0 || api->reflect_length != 0))
		return FIZEAU_ERR_RANGE;
	/*= rfc5357#section-3.5 TW-3.5-05 TW-3.5-07 TW-3.5-12 */
	/*= rfc8545#section-5.1 PO-5.1-05 */
	*request = (struct fz_request_head){
		.ip_version = api->ip_version,
		.sender_port = api->sender_port,
		.receiver_port = api->receiver_port,
		.padding_octets = api->padding_octets,
		.start_time = api->start_time,
		.timeout = api->timeout,
		.type_p = (uint32_t)api->dscp << FZ_TYPE_P_DSCP_SHIFT,
		.reflect_octets = api->reflect_octets,
		.reflect_length = api->reflect_length,
	};
	if (!fz_address_from_api(&api->sender, api->ip_version, request->sender) ||
		!fz_address_from_api(&api->receiver, api->ip_version, request->receiver))
		return FIZEAU_ERR_RANGE;
	return fz_request_tw_check(request, mode) == FIZEAU_ACCEPT_OK ? 0 : FIZEAU_ERR_RANGE;
}
