/* SPDX-License-Identifier: MIT */
/* The Server's commands of OWAMP: Request-Session and Stop-Sessions (RFC 4656 sections 3.5 and 3.8). Both are as long
   as the peer likes, so they are taken in parts, and what was announced is held against its bound first. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/proto/server_ow.h"
#include "lib/wire/fetch.h"
#include "lib/wire/start.h"

static void take_slot(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
static void take_request_end(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
static void take_stop_part(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
static void take_stop_end(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);

static const struct fz_server_part slot_part = {FZ_SLOT_OCTETS, FZ_OPENED, take_slot};
static const struct fz_server_part request_end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_request_end};
static const struct fz_server_part stop_record_part = {FZ_STOP_RECORD_OCTETS, FZ_OPENED, take_stop_part};
static const struct fz_server_part stop_ranges_part = {FZ_CHANNEL_BLOCK, FZ_OPENED, take_stop_part};
static const struct fz_server_part stop_end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_stop_end};

struct fz_server_ow *fz_server_ow_new(void)
{
	return calloc(1, sizeof(struct fz_server_ow));
}

void fz_server_ow_free(struct fz_server_ow *ow)
{
	if (ow == NULL)
		return;
	fz_slots_free(&ow->slots);
	fz_ends_free(&ow->ends);
	fz_ow_sessions_clear(&ow->sessions);
	fizeau_wipe(ow, sizeof(*ow));
	free(ow);
}

void fz_server_ow_reclaim(struct fz_server_ow *ow)
{
	fz_ends_free(&ow->ends);
}

void fz_server_ow_forget_sessions(struct fz_server_ow *ow)
{
	fz_ow_sessions_clear(&ow->sessions);
}

/* The answer that whoever sent this is waiting for. Nobody has said what an unknown command is answered with. */
/*= rfc7718#section-3.1.4 OR-3.1-01 */
int fz_server_answer_unexpected_ow(struct fizeau_server *s, uint8_t command)
{
	switch (command) {
	case FZ_REQUEST_OW_COMMAND:
		return fz_server_send_accept_session(
			s, &(struct fz_accept_session){.accept = FIZEAU_ACCEPT_UNSUPPORTED});
	case FZ_START_COMMAND:
		return fz_server_send_start_ack(s, FIZEAU_ACCEPT_UNSUPPORTED);
	case FZ_FETCH_COMMAND:
		return fz_server_send_fetch_refusal(s, FIZEAU_ACCEPT_UNSUPPORTED);
	default:
		return 0;
	}
}

static uint8_t check_request(const struct fizeau_server *s)
{
	const struct fz_request_head *request = &s->ow->request;
	uint8_t accept = fz_request_ow_check(request);

	if (accept != FIZEAU_ACCEPT_OK)
		return accept;
	if (s->sessions.accepted >= s->config.max_sessions)
		return FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	/* The SID is the key of the test packets: two sessions with one would share it. */
	/*= rfc4656#section-3.5 OW-3.5-17 */
	if (request->conf_receiver == 0 && fz_ow_sessions_has(&s->ow->sessions, request->sid))
		return FIZEAU_ACCEPT_FAILURE;
	return FIZEAU_ACCEPT_OK;
}

/*= rfc4656#section-3.2 OW-3.2-08 */
/*= rfc4656#section-3.5 OW-3.5-04 */
void fz_server_take_request_ow(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	int error = fz_request_ow_get(&ow->request, octets, FZ_REQUEST_OW_OCTETS);

	(void)now;
	if (error == 0 && ow->request.schedule_slots > FIZEAU_SLOTS_MAX) {
		/* What it announces is not read, so where the next command begins is lost. */
		error = fz_server_send_accept_session(
			s, &(struct fz_accept_session){.accept = FIZEAU_ACCEPT_PERMANENT_LIMIT});
		fz_server_close(s, error < 0 ? error : FIZEAU_ERR_LIMIT, FIZEAU_ACCEPT_PERMANENT_LIMIT);
		return;
	}
	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	/*= rfc4656#section-3.3 OW-3.3-03 */
	ow->accept = check_request(s);
	fz_slots_expect(&ow->slots, ow->request.schedule_slots);
	s->part = ow->slots.due > 0 ? &slot_part : &request_end_part;
}

/* Of a request that is refused anyway the slots are read, so that the connection can go on, and not kept. */
static void take_slot(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	int error = 0;

	(void)now;
	if (ow->accept == FIZEAU_ACCEPT_OK)
		error = fz_slots_take(&ow->slots, octets);
	else
		fz_slots_skip(&ow->slots);
	/*= rfc4656#section-3.6 OW-3.6-01 */
	if (error < 0)
		ow->accept = error == FIZEAU_ERR_MALFORMED ? FIZEAU_ACCEPT_UNSUPPORTED : FIZEAU_ACCEPT_INTERNAL;
	s->part = ow->slots.have < ow->slots.due ? &slot_part : &request_end_part;
}

static void take_request_end(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	struct fizeau_event *event;

	(void)octets;
	if (ow->accept != FIZEAU_ACCEPT_OK) {
		fz_slots_free(&ow->slots);
		fz_server_refuse_session(s, ow->accept, now);
		return;
	}
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_OW_SESSION_WANTED);
	fz_request_ow_to_api(&ow->request, &event->ow_request);
	event->ow_request.slots = ow->slots.slots;
	/* Ours to make: perfSONAR's field has what lay there. */
	/*= rfc4656#section-3.5 OW-3.5-17 */
	if (event->ow_request.conf_receiver)
		memset(event->ow_request.sid, 0, sizeof(event->ow_request.sid));
	fz_server_await_caller(s, FZ_SERVER_SESSION);
}

static int accept_request(struct fizeau_server *s, struct fz_accept_session *answer)
{
	struct fz_server_ow *ow = s->ow;
	bool sends = ow->request.conf_sender != 0, receives = ow->request.conf_receiver != 0;

	/* One end each: the other's port is told. Both: there is nobody to tell it. */
	/*= rfc4656#section-3.5 OW-3.5-27 */
	if (sends && receives)
		answer->port = 0;
	else if (answer->port == 0)
		return FIZEAU_ERR_RANGE;
	/*= rfc4656#section-3.5 OW-3.5-17 OW-3.5-28 */
	if (!receives && memcmp(answer->sid, ow->request.sid, sizeof(answer->sid)) != 0)
		return FIZEAU_ERR_RANGE;
	return fz_ow_sessions_add(&ow->sessions, answer->sid, sends);
}

int fz_server_answer_session_ow(struct fizeau_server *s, const struct fz_accept_session *answer)
{
	struct fz_accept_session checked = *answer;
	int error = checked.accept == FIZEAU_ACCEPT_OK ? accept_request(s, &checked) : 0;

	if (error < 0)
		return error;
	fz_slots_free(&s->ow->slots);
	return fz_server_send_accept_session(s, &checked);
}

static void next_stop_part(struct fizeau_server *s)
{
	switch (fz_ends_due(&s->ow->ends)) {
	case 0:
		s->part = &stop_end_part;
		break;
	case FZ_STOP_RECORD_OCTETS:
		s->part = &stop_record_part;
		break;
	default:
		s->part = &stop_ranges_part;
		break;
	}
}

/* Nothing of it is proved before its end, so no more is read than it may have. */
void fz_server_take_stop_ow(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	int error = fz_stop_head_get(&ow->stop, octets, FZ_STOP_HEAD_OCTETS);

	(void)now;
	/*= rfc4656#section-3.8 OW-3.8-10 */
	if (error == 0 && ow->stop.sessions != fz_ow_sessions_sent(&ow->sessions, false))
		error = FIZEAU_ERR_SESSIONS;
	if (error == 0)
		error = fz_ends_expect(&ow->ends, ow->stop.sessions);
	if (error < 0)
		fz_server_close(s, error, 0);
	else
		next_stop_part(s);
}

static void take_stop_part(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	int error = fz_ends_take(&s->ow->ends, octets);

	(void)now;
	if (error < 0)
		fz_server_close(s, error, 0);
	else
		next_stop_part(s);
}

static void sessions_are_over(struct fizeau_server *s, struct fizeau_mono now)
{
	fz_ow_sessions_clear(&s->ow->sessions);
	fz_sessions_clear(&s->sessions);
	fz_server_enter_idle(s, now);
}

/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-10 */
static void take_stop_end(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	struct fizeau_event *event;
	int error = fz_ends_finish(&ow->ends);

	(void)octets;
	if (error == 0)
		error = fz_ow_sessions_match(&ow->sessions, false, ow->ends.ends, ow->ends.due);
	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_STOPPED);
	/*= rfc4656#section-3.8 OW-3.8-06 */
	event->stopped.accept = ow->stop.accept;
	event->stopped.sessions = ow->ends.due;
	event->stopped.ends = ow->ends.ends;
	fz_channel_lend(&s->channel, FIZEAU_EVENT_STOPPED);
	if (s->phase == FZ_SERVER_STOPPING)
		sessions_are_over(s, now);
	else
		fz_server_await_caller(s, FZ_SERVER_STOPPED);
}

/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 */
int fizeau_server_stop(struct fizeau_server *s, uint8_t accept, const struct fizeau_session_end *ends, uint32_t count,
	struct fizeau_mono now)
{
	int64_t octets;
	int error;

	if (s->ow == NULL || (s->phase != FZ_SERVER_RUNNING && s->phase != FZ_SERVER_STOPPED))
		return FIZEAU_ERR_STATE;
	error = fz_ow_sessions_match(&s->ow->sessions, true, ends, count);
	if (error < 0)
		return error;
	octets = fz_ends_octets(ends, count);
	if (octets < 0)
		return (int)octets;
	error = fz_channel_reserve(&s->channel, (size_t)octets);
	if (error < 0)
		return error;
	error = fz_ends_put(accept, ends, count, fz_channel_room(&s->channel, (size_t)octets), (size_t)octets);
	if (error == 0)
		error = fz_channel_send_sealed(&s->channel, (size_t)octets);
	if (error < 0) {
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	if (s->phase == FZ_SERVER_STOPPED) {
		sessions_are_over(s, now);
		return 0;
	}
	s->phase = FZ_SERVER_STOPPING;
	/* What the client sends may take its time; what we have sent is over. */
	if (fz_ow_sessions_sent(&s->ow->sessions, false) == 0 && s->deadline.ns == INT64_MAX)
		s->deadline = fz_server_after(now, s->config.servwait_ns);
	return 0;
}
