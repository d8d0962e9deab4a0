/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include "request.h"

#define LONGEST_NS (INT64_MAX / 4) /* so that three of them add up */

__extension__ typedef unsigned __int128 u128;

static int64_t at_most(int64_t ns)
{
	return ns < LONGEST_NS ? ns : LONGEST_NS;
}

/* How long the schedule is on the average. */
static int64_t schedule_ns(const struct fizeau_ow_request *request)
{
	uint32_t whole = request->packets / request->slot_count, rest = request->packets % request->slot_count;
	u128 sum = 0;

	for (uint32_t i = 0; i < request->slot_count; i++)
		sum += (u128)request->slots[i].parameter * (whole + (i < rest ? 1u : 0u));
	return sum >> 64 ? LONGEST_NS : at_most(fizeau_duration_to_ns((uint64_t)sum));
}

/* Whether so many units in each packet, at the schedule's mean rate, are more than limit a second. */
static bool exceeds(const struct fizeau_ow_request *request, uint64_t units, uint64_t limit)
{
	u128 round = 0;

	for (uint32_t i = 0; i < request->slot_count; i++)
		round += request->slots[i].parameter;
	return limit != FZ_UNLIMITED && (!limit || ((u128)(units * request->slot_count) << 32) / limit > round);
}

/* From now to its end, Timeout included: what waits for its Start Time takes its place as well. */
static int64_t length_ns(const struct fizeau_ow_request *request)
{
	const struct fz_clock clock = {.error_estimate = 0};
	int64_t wait = fizeau_ntp_diff_ns(request->start_time, fz_clock_wall(&clock).ntp);

	return (wait > 0 ? at_most(wait) : 0) + schedule_ns(request) + at_most(fizeau_duration_to_ns(request->timeout));
}

/* What its class may ask for. */
/*= rfc4656#section-6.5 OW-6.5-01 OW-6.5-03 */
static uint8_t check_limits(const struct fz_request_from *from, const struct fizeau_ow_request *request)
{
	const uint64_t *limits = from->of_class->limits;
	uint64_t octets = fizeau_sender_header_octets(fizeau_test_mode_of(fizeau_server_mode(from->server)), 0) +
		(uint64_t)request->padding_octets;

	if (request->packets > limits[FZ_LIMIT_PACKETS])
		return fz_request_refuse(from, FZ_COUNT_REQUEST_PACKETS, FIZEAU_ACCEPT_PERMANENT_LIMIT,
			"more packets than limit packets of its class");
	if ((uint64_t)length_ns(request) > limits[FZ_LIMIT_DURATION])
		return fz_request_refuse(from, FZ_COUNT_REQUEST_DURATION, FIZEAU_ACCEPT_PERMANENT_LIMIT,
			"it would last longer than limit duration of its class");
	if (request->packets > 1 && exceeds(request, 1, limits[FZ_LIMIT_RATE]))
		return fz_request_refuse(from, FZ_COUNT_REQUEST_RATE, FIZEAU_ACCEPT_PERMANENT_LIMIT,
			"its schedule asks for more packets a second than limit rate of its class");
	if (request->packets > 1 && exceeds(request, octets * 8, limits[FZ_LIMIT_BANDWIDTH]))
		return fz_request_refuse(from, FZ_COUNT_REQUEST_BANDWIDTH, FIZEAU_ACCEPT_PERMANENT_LIMIT,
			"its schedule asks for more bits a second than limit bandwidth of its class");
	return FIZEAU_ACCEPT_OK;
}

/* What the server is asked to send. */
static uint8_t check_sender(const struct fz_request_from *from, const struct fizeau_ow_request *request)
{
	if (!request->conf_sender)
		return FIZEAU_ACCEPT_OK;
	/*= rfc4656#section-3.5 OW-3.5-21 OW-3.5-22 OW-3.5-23 */
	if (request->type_p & ~0x3f000000u)
		return fz_request_refuse(from, FZ_COUNT_REQUEST_UNSUPPORTED, FIZEAU_ACCEPT_UNSUPPORTED,
			"Type-P is no DSCP");
	/*= rfc4656#section-3.5 OW-3.5-14 */
	if (request->conf_receiver && !from->of_class->limits[FZ_LIMIT_THIRD_PARTY])
		return fz_request_refuse(from, FZ_COUNT_REQUEST_THIRD_PARTY, FIZEAU_ACCEPT_UNSUPPORTED,
			"both ends are to be the server's, and limit third-party is no");
	if (!request->conf_receiver && !request->receiver_port)
		return fz_request_refuse(from, FZ_COUNT_REQUEST_UNSUPPORTED, FIZEAU_ACCEPT_UNSUPPORTED,
			"no Receiver Port to send to");
	/* Schedule and keys come from the SID: one of two sessions could not be told from the other. */
	if (!request->conf_receiver && fz_ow_session_find(from->engine, request->sid))
		return fz_request_refuse(from, FZ_COUNT_REQUEST_SID, FIZEAU_ACCEPT_FAILURE, "its SID is in use");
	return FIZEAU_ACCEPT_OK;
}

static struct fz_ow_session *open_session(const struct fz_request_from *from, const struct fz_ow_wanted *wanted,
	uint8_t *accept)
{
	struct fz_ow_session *session;
	enum fz_counter counter;
	struct fz_place place;
	const char *why;

	*accept = fz_request_take_place(from, &place);
	if (*accept)
		return NULL;
	do
		session = fz_ow_session_new(wanted, accept, &counter, &why);
	while (!session && counter == FZ_COUNT_REQUEST_DESCRIPTORS && fz_engine_spare_descriptor(from->engine));
	if (!session) {
		fz_admit_leave(from->engine->admit, &place);
		fz_request_refuse(from, counter, *accept, why);
		return NULL;
	}
	session->place = place;
	return session;
}

/* The request as it is carried out. */
static bool complete_request(const struct fz_request_from *from, struct fz_ow_wanted *wanted)
{
	struct fizeau_ow_request *request = &wanted->request;

	fz_addr_to_message(&wanted->sender, &request->sender);
	fz_addr_to_message(&wanted->receiver, &request->receiver);
	/*= rfc4656#section-3.5 OW-3.5-17 OW-3.5-28 OW-3.5-29 OW-3.5-32 */
	if (request->conf_receiver && !fz_request_make_sid(from->local, request->sid))
		return false;
	return fz_request_make_keys(from, request->sid, &wanted->keys);
}

struct fz_ow_session *fz_ow_request_answer(const struct fz_request_from *from, const struct fizeau_ow_request *request,
	fz_ow_session_fn *changed, void *arg, uint8_t *accept)
{
	const struct fz_request_ends ends = {
		.ip_version = request->ip_version,
		.sender = &request->sender,
		.receiver = &request->receiver,
		.sender_port = request->sender_port,
		.receiver_port = request->receiver_port,
		.sender_here = request->conf_sender,
		.receiver_here = request->conf_receiver,
	};
	struct fz_ow_wanted wanted = {
		.engine = from->engine,
		.conf = from->conf,
		.of_class = from->of_class,
		.peer = from->peer,
		.identity = from->identity,
		.mode = fizeau_server_mode(from->server),
		.request = *request,
		.length_ns = length_ns(request),
		.changed = changed,
		.arg = arg,
	};
	struct fz_ow_session *session = NULL;

	*accept = fz_request_find_ends(from, &ends, &wanted.sender, &wanted.receiver);
	if (!*accept)
		*accept = check_sender(from, request);
	if (!*accept)
		*accept = fz_request_check_padding(from, request->padding_octets);
	if (!*accept)
		*accept = check_limits(from, request);
	if (!*accept && !complete_request(from, &wanted))
		*accept = fz_request_refuse(from, FZ_COUNT_REQUEST_INTERNAL, FIZEAU_ACCEPT_INTERNAL, "no keys for it");
	if (!*accept)
		session = open_session(from, &wanted, accept);
	fizeau_wipe(&wanted, sizeof(wanted));
	return session;
}
