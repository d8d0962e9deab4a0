/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "fetch.h"
#include "ow_conn.h"

#define TICK_NS 1000000000ll

static void arm(struct fz_ow_conn *ow, int64_t after_ns)
{
	if (fz_loop_timer(ow->from.engine->loop, &ow->tick, (struct fizeau_mono){fz_clock_mono().ns + after_ns}))
		fz_log(ow->from.engine->log, FZ_LOG_ERROR, "no memory for the timer of OWAMP sessions");
}

/* From within a session: looked at when it has returned. */
static void changed(void *arg)
{
	arm(arg, 0);
}

static void end_all(struct fz_ow_conn *ow, enum fz_store_how how)
{
	while (ow->sessions) {
		struct fz_ow_session *session = ow->sessions;
		ow->sessions = session->next_of_owner;
		fz_ow_session_finish(session, how, NULL);
		fz_ow_session_end(session);
	}
}

/* Our senders stop first, then we say what they did. */
/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 OW-3.8-19 */
static int send_stop(struct fz_ow_conn *ow, uint8_t accept)
{
	struct fizeau_session_end *ends = NULL;
	uint32_t count = 0, at = 0;
	int error;

	for (const struct fz_ow_session *session = ow->sessions; session; session = session->next_of_owner)
		count += session->sender != NULL;
	if (count) {
		ends = calloc(count, sizeof(*ends));
		if (!ends)
			return FIZEAU_ERR_MEMORY;
	}
	for (struct fz_ow_session *session = ow->sessions; session; session = session->next_of_owner) {
		if (!session->sender)
			continue;
		fz_endpoint_sender_stop(session->sender);
		fz_endpoint_sender_end(session->sender, &ends[at++]);
	}
	error = fizeau_server_stop(ow->from.server, accept, ends, count, fz_clock_mono());
	free(ends);
	ow->stop_sent = true;
	ow->accept = accept;
	ow->stop_due.ns = fz_clock_mono().ns + ow->from.conf->servwait_ns;
	return error;
}

/* What the sender of a session said; NULL: nothing. own is where to put it if the sender is ours. */
static const struct fizeau_session_end *end_of(const struct fz_ow_session *session, const struct fizeau_event *event,
	struct fizeau_session_end *own)
{
	if (session->sender) {
		fz_endpoint_sender_end(session->sender, own);
		return own;
	}
	for (uint32_t i = 0; event->stopped.ends && i < event->stopped.sessions; i++) {
		if (!memcmp(event->stopped.ends[i].sid, session->request.sid, FIZEAU_SID_OCTETS))
			return &event->stopped.ends[i];
	}
	return NULL;
}

/* Both have said Stop-Sessions, or we do now: receivers take no more, and what they have is what there is. */
/*= rfc4656#section-3.8 OW-3.8-06 OW-3.8-07 OW-3.8-10 */
int fz_ow_conn_stopped(struct fz_ow_conn *ow, const struct fizeau_event *event)
{
	bool failed = event->stopped.accept || (ow->stop_sent && ow->accept);
	struct fizeau_session_end own;
	uint8_t accept = FIZEAU_ACCEPT_OK;
	int error = 0;

	/* Files are ended before our word goes out: what it confirms is there. */
	for (struct fz_ow_session *session = ow->sessions; session; session = session->next_of_owner) {
		fz_ow_session_finish(session, failed ? FZ_STORE_FAILED : FZ_STORE_NORMAL, end_of(session, event, &own));
		if (session->error)
			accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	}
	if (!ow->stop_sent)
		error = send_stop(ow, accept);
	end_all(ow, FZ_STORE_NORMAL);
	fz_loop_timer_stop(ow->from.engine->loop, &ow->tick);
	ow->running = ow->stop_sent = false;
	return error;
}

/* The client's Stop-Sessions may still come: what we ended ourselves is no longer there then. */
static int fail_all(struct fz_ow_conn *ow)
{
	int error = ow->stop_sent ? 0 : send_stop(ow, FIZEAU_ACCEPT_TEMPORARY_LIMIT);

	end_all(ow, FZ_STORE_FAILED);
	return error;
}

static void tick(void *arg)
{
	struct fz_ow_conn *ow = arg;
	struct fizeau_mono now = fz_clock_mono();
	bool complete = true, failed = false;
	int error = 0;

	if (!ow->running)
		return;
	for (struct fz_ow_session *session = ow->sessions; session; session = session->next_of_owner) {
		fz_ow_session_tick(session);
		complete &= fz_ow_session_complete(session, now);
		failed |= session->error != 0;
	}
	if (failed) {
		fz_log_peer(ow->from.engine->log, FZ_LOG_WARNING, ow->from.peer, now,
			"OWAMP sessions ended, since their records cannot be stored (Accept 5)");
		error = fail_all(ow);
	} else if (complete && !ow->stop_sent) {
		error = send_stop(ow, FIZEAU_ACCEPT_OK);
	} else if (ow->stop_sent && now.ns >= ow->stop_due.ns) {
		fz_log_peer(ow->from.engine->log, FZ_LOG_NOTICE, ow->from.peer, now, "no Stop-Sessions from the client");
		error = FIZEAU_ERR_TIMEOUT;
	}
	arm(ow, TICK_NS);
	fz_conn_turn(ow->conn, error);
}

void fz_ow_conn_init(struct fz_ow_conn *ow, struct fz_conn *conn, const struct fz_request_from *from)
{
	*ow = (struct fz_ow_conn){.conn = conn, .from = *from, .tick = {.fn = tick, .arg = ow}};
}

/*= rfc8545#section-4 PO-4-01 */
int fz_ow_conn_session(struct fz_ow_conn *ow, const struct fz_request_from *from,
	const struct fizeau_ow_request *request)
{
	static const uint8_t no_sid[FIZEAU_SID_OCTETS];
	struct fz_ow_session *session;
	uint16_t port = 0;
	uint8_t accept;

	ow->from = *from;
	session = fz_ow_request_answer(from, request, changed, ow, &accept);
	if (!session)
		return fizeau_server_answer_session(from->server, accept, 0, no_sid, fz_clock_mono());
	session->next_of_owner = ow->sessions;
	ow->sessions = session;
	from->engine->counters.of[FZ_COUNT_SESSIONS]++;
	/*= rfc4656#section-3.5 OW-3.5-27 */
	if (!request->conf_sender)
		port = session->request.receiver_port;
	else if (!request->conf_receiver)
		port = session->request.sender_port;
	fz_log_peer(from->engine->log, FZ_LOG_DEBUG, from->peer, fz_clock_mono(),
		"OWAMP session on port %u: %s, %u packets, padding %u", (unsigned)port,
		!request->conf_sender ? "receives" : !request->conf_receiver ? "sends" : "both ends",
		(unsigned)request->packets, (unsigned)request->padding_octets);
	return fizeau_server_answer_session(from->server, FIZEAU_ACCEPT_OK, port, session->request.sid, fz_clock_mono());
}

int fz_ow_conn_start(struct fz_ow_conn *ow)
{
	int error = 0;

	for (struct fz_ow_session *session = ow->sessions; session && !error; session = session->next_of_owner)
		error = fz_ow_session_start(session);
	if (error) {
		end_all(ow, FZ_STORE_FAILED);
		return fizeau_server_answer_start(ow->from.server, FIZEAU_ACCEPT_INTERNAL, fz_clock_mono());
	}
	ow->running = true;
	ow->stop_sent = false;
	arm(ow, TICK_NS);
	return fizeau_server_answer_start(ow->from.server, FIZEAU_ACCEPT_OK, fz_clock_mono());
}

void fz_ow_conn_close(struct fz_ow_conn *ow, enum fz_store_how how)
{
	fz_fetch_free(ow->fetch);
	ow->fetch = NULL;
	end_all(ow, how);
	fz_loop_timer_stop(ow->from.engine->loop, &ow->tick);
	ow->running = false;
}

/* Receivers go on until the client has said its Stop-Sessions. */
/*= rfc4656#section-3.8 OW-3.8-20 */
void fz_ow_conn_wind_down(struct fz_ow_conn *ow)
{
	if (ow->running && !ow->stop_sent)
		fz_conn_turn(ow->conn, send_stop(ow, FIZEAU_ACCEPT_OK));
}

int fz_ow_conn_fetch(struct fz_ow_conn *ow, const struct fz_request_from *from, const struct fizeau_event *event)
{
	int error = 0;

	ow->from = *from;
	fz_fetch_free(ow->fetch);
	ow->fetch_due.ns = fz_clock_mono().ns + from->conf->servwait_ns;
	ow->fetch = fz_fetch_new(from, event->fetch.sid, event->fetch.begin, event->fetch.end);
	if (!ow->fetch)
		error = fizeau_server_answer_fetch(from->server, FIZEAU_ACCEPT_FAILURE, NULL, fz_clock_mono());
	return error;
}

bool fz_ow_conn_overdue(const struct fz_ow_conn *ow, struct fizeau_mono now)
{
	return ow->fetch && now.ns >= ow->fetch_due.ns;
}

bool fz_ow_conn_fetching(const struct fz_ow_conn *ow)
{
	return ow->fetch != NULL;
}

int fz_ow_conn_fetch_turn(struct fz_ow_conn *ow)
{
	bool done = false;
	int error = fz_fetch_turn(ow->fetch, ow->from.server, &done);

	ow->fetch_due.ns = fz_clock_mono().ns + ow->from.conf->servwait_ns;

	if (done || error) {
		fz_fetch_free(ow->fetch);
		ow->fetch = NULL;
	}
	return error;
}
