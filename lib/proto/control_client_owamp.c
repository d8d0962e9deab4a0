/* SPDX-License-Identifier: MIT */
/* The Control-Client's part of OWAMP: Request-Session and Stop-Sessions (RFC 4656 sections 3.5 and 3.8). */
#include <stdlib.h>
#include <string.h>
#include "lib/proto/client_state.h"

static void take_stop_part(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_stop_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);

static const struct fz_client_part stop_record_part = {FZ_STOP_RECORD_OCTETS, FZ_OPENED, take_stop_part};
static const struct fz_client_part stop_ranges_part = {FZ_CHANNEL_BLOCK, FZ_OPENED, take_stop_part};
static const struct fz_client_part stop_end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_stop_end};

struct fz_client_ow *fz_client_ow_new(void)
{
	return calloc(1, sizeof(struct fz_client_ow));
}

void fz_client_ow_free(struct fz_client_ow *ow)
{
	if (ow == NULL)
		return;
	fz_ends_free(&ow->ends);
	fz_ow_sessions_clear(&ow->sessions);
	fz_client_fetch_free(&ow->fetch);
	fizeau_wipe(ow, sizeof(*ow));
	free(ow);
}

void fz_client_ow_reclaim(struct fz_client_ow *ow)
{
	fz_ends_free(&ow->ends);
	fz_slots_free(&ow->fetch.slots);
	fz_ranges_free(&ow->fetch.ranges);
}

/* What the machine does not hold a client to, but the message cannot carry or the server could not use. */
static int check_request(const struct fizeau_control_client *c, const struct fizeau_ow_request *request)
{
	/*= rfc4656#section-3.5 OW-3.5-16 */
	if (!request->conf_sender && request->sender_port == 0)
		return FIZEAU_ERR_RANGE;
	/*= rfc4656#section-3.5 OW-3.5-17 */
	if (!request->conf_receiver && fz_ow_sessions_has(&c->ow->sessions, request->sid))
		return FIZEAU_ERR_RANGE;
	return 0;
}

/*= rfc4656#section-3.5 OW-3.5-04 */
static int put_request(const struct fz_request_head *head, const struct fizeau_slot *slots, uint8_t *octets)
{
	uint8_t *at = octets + FZ_REQUEST_OW_OCTETS;
	int error = fz_request_ow_put(head, octets, FZ_REQUEST_OW_OCTETS);

	for (uint32_t i = 0; error == 0 && i < head->schedule_slots; i++, at += FZ_SLOT_OCTETS)
		error = fz_slot_put(&slots[i], at, FZ_SLOT_OCTETS);
	return error;
}

/*= rfc4656#section-3.5 OW-3.5-01 OW-3.5-04 */
int fizeau_control_client_request_ow(
	struct fizeau_control_client *c, const struct fizeau_ow_request *request, struct fizeau_mono now)
{
	struct fz_request_head head;
	size_t slots;
	int error;

	if (c->phase != FZ_CLIENT_IDLE || c->ow == NULL)
		return FIZEAU_ERR_STATE;
	error = fz_request_ow_from_api(request, &head);
	if (error == 0)
		error = check_request(c, request);
	if (error < 0)
		return error;
	/* The receiving side makes it. */
	/*= rfc4656#section-3.5 OW-3.5-17 */
	if (request->conf_receiver)
		memset(head.sid, 0, sizeof(head.sid));
	slots = (size_t)head.schedule_slots * FZ_SLOT_OCTETS;
	error = fz_channel_reserve(&c->channel, FZ_REQUEST_OW_OCTETS + slots + FZ_HMAC_FIELD);
	if (error < 0)
		return error;
	error = put_request(
		&head, request->slots, fz_channel_room(&c->channel, FZ_REQUEST_OW_OCTETS + slots + FZ_HMAC_FIELD));
	if (error < 0)
		return error;
	error = fz_client_send_sealed(c, FZ_REQUEST_OW_OCTETS);
	if (error == 0)
		error = fz_client_send_sealed(c, slots + FZ_HMAC_FIELD);
	if (error < 0)
		return error;
	c->ow->request = head;
	fz_client_await_server(c, FZ_CLIENT_SESSION, now);
	return 0;
}

int fz_client_check_accept_ow(struct fizeau_control_client *c, struct fz_accept_session *answer)
{
	const struct fz_request_head *request = &c->ow->request;
	bool server_sends = request->conf_sender != 0, server_receives = request->conf_receiver != 0;
	int error;

	/*= rfc4656#section-3.5 OW-3.5-27 */
	if (server_sends && server_receives)
		answer->port = 0;
	else if (answer->port == 0)
		return FIZEAU_ERR_MALFORMED;
	/*= rfc4656#section-3.5 OW-3.5-17 OW-3.5-28 */
	if (!server_receives)
		memcpy(answer->sid, request->sid, sizeof(answer->sid));
	error = fz_ow_sessions_add(&c->ow->sessions, answer->sid, server_sends);
	return error == FIZEAU_ERR_RANGE ? FIZEAU_ERR_MALFORMED : error;
}

static void next_stop_part(struct fizeau_control_client *c)
{
	switch (fz_ends_due(&c->ow->ends)) {
	case 0:
		c->part = &stop_end_part;
		break;
	case FZ_STOP_RECORD_OCTETS:
		c->part = &stop_record_part;
		break;
	default:
		c->part = &stop_ranges_part;
		break;
	}
}

/* Nothing of it is proved before its end, so no more is read than it may have. */
void fz_client_take_stop(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_client_ow *ow = c->ow;
	int error = fz_stop_head_get(&ow->stop, octets, FZ_STOP_HEAD_OCTETS);

	(void)now;
	/*= rfc4656#section-3.8 OW-3.8-10 */
	if (error == 0 && ow->stop.sessions != fz_ow_sessions_sent(&ow->sessions, true))
		error = FIZEAU_ERR_SESSIONS;
	if (error == 0)
		error = fz_ends_expect(&ow->ends, ow->stop.sessions);
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		next_stop_part(c);
}

static void take_stop_part(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	int error = fz_ends_take(&c->ow->ends, octets);

	(void)now;
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		next_stop_part(c);
}

static void sessions_are_over(struct fizeau_control_client *c)
{
	fz_ow_sessions_clear(&c->ow->sessions);
	fz_sessions_clear(&c->sessions);
	fz_client_await_caller(c, FZ_CLIENT_IDLE);
}

/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-10 */
static void take_stop_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_client_ow *ow = c->ow;
	struct fizeau_event *event;
	int error = fz_ends_finish(&ow->ends);

	(void)octets;
	(void)now;
	if (error == 0)
		error = fz_ow_sessions_match(&ow->sessions, true, ow->ends.ends, ow->ends.due);
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_STOPPED);
	/*= rfc4656#section-3.8 OW-3.8-06 */
	event->stopped.accept = ow->stop.accept;
	event->stopped.sessions = ow->ends.due;
	event->stopped.ends = ow->ends.ends;
	fz_channel_lend(&c->channel, FIZEAU_EVENT_STOPPED);
	if (c->phase == FZ_CLIENT_STOPPING)
		sessions_are_over(c);
	else
		fz_client_await_caller(c, FZ_CLIENT_STOPPED);
}

/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 */
int fizeau_control_client_stop_ow(struct fizeau_control_client *c, uint8_t accept,
	const struct fizeau_session_end *ends, uint32_t count, struct fizeau_mono now)
{
	int64_t octets;
	int error;

	if (c->ow == NULL || (c->phase != FZ_CLIENT_RUNNING && c->phase != FZ_CLIENT_STOPPED))
		return FIZEAU_ERR_STATE;
	error = fz_ow_sessions_match(&c->ow->sessions, false, ends, count);
	if (error < 0)
		return error;
	octets = fz_ends_octets(ends, count);
	if (octets < 0)
		return (int)octets;
	error = fz_channel_reserve(&c->channel, (size_t)octets);
	if (error < 0)
		return error;
	error = fz_ends_put(accept, ends, count, fz_channel_room(&c->channel, (size_t)octets), (size_t)octets);
	if (error == 0)
		error = fz_client_send_sealed(c, (size_t)octets);
	if (error < 0)
		return error;
	if (c->phase == FZ_CLIENT_STOPPED)
		sessions_are_over(c);
	else
		fz_client_await_server(c, FZ_CLIENT_STOPPING, now);
	return 0;
}
