/* SPDX-License-Identifier: MIT */
/* What is done on the events of a control connection's machine: keys, sessions, their start and their end. */
#include <stdlib.h>
#include <string.h>
#include "conn_parts.h"
#include "ipsec.h"
#include "request.h"

void fz_conn_leave_set_up(struct fz_conn *conn)
{
	fz_keyd_release(conn->engine->keyd, conn->hold);
	conn->hold = NULL;
}

static void forget_session(struct fz_conn *conn, struct fz_session *session)
{
	struct fz_session **at = &conn->sessions;

	while (*at != session)
		at = &(*at)->next_of_owner;
	*at = session->next_of_owner;
}

/* The session's own end (REFWAIT, duration, packets), or what conn.c ends. */
static void session_ended(struct fz_session *session, enum fz_counter reason)
{
	struct fz_conn *conn = session->owner;
	struct fz_engine *engine = session->engine;

	(void)reason;
	fz_admit_leave(engine->admit, &session->place);
	if (!conn)
		return;
	forget_session(conn, session);
	/*= rfc5357#section-3.1 TW-3.1-08 */
	if (session->state == FZ_SESSION_RUNNING && !conn->closed) {
		fizeau_server_session_expired(conn->server, session->sid, fz_clock_mono());
		fz_conn_turn(conn, 0);
	}
}

static void answer_set_up(struct fz_conn *conn, uint8_t accept, enum fz_counter counter,
	const struct fizeau_session_keys *keys, const char *reason)
{
	struct fz_engine *engine = conn->engine;
	char who[FZ_IDENTITY_TEXT], modes[64], features[64] = "";
	bool owamp = conn->protocol == FIZEAU_OWAMP;
	const char *prefix = owamp ? "OWAMP, " : "";

	fz_identity_text(&conn->identity, who);
	fz_conf_modes_text(conn->mode, modes);
	if (!owamp)
		fz_conf_features_text(conn->mode, features);
	if (!accept) {
		conn->of_class = fz_admit_class(conn->conf, &conn->peer, &conn->identity);
		accept = fz_admit_connection(engine->admit, conn->of_class, &conn->peer, conn->mode, &conn->place,
			&counter);
		if (!accept && fz_ipsec_required(conn->of_class, conn->mode) &&
			!fz_ipsec_connection(conn->conf, conn->fd, &conn->peer)) {
			fz_admit_leave(engine->admit, &conn->place);
			accept = FIZEAU_ACCEPT_FAILURE;
			counter = FZ_COUNT_REFUSED_NOT_IPSEC;
		}
		reason = counter == FZ_COUNT_REFUSED_DENY ? "denied by its class, or in none" :
			counter == FZ_COUNT_REFUSED_MODES ? "its class does not allow the mode" :
			counter == FZ_COUNT_REFUSED_NOT_IPSEC ?
			"its class requires IPsec, and the connection does not come through it" :
			"as many connections as its class or its address may have";
	}
	if (accept) {
		conn->refused = true;
		fz_log_peer(engine->log, FZ_LOG_WARNING, &conn->peer, fz_clock_mono(),
			"%sset-up refused, %s%s%s, %s: %s (Accept %u)", prefix, modes, *features ? " with " : "", features,
			who, reason, (unsigned)accept);
	} else {
		counter = FZ_COUNT_SET_UP;
		if (conn->identity.source == FZ_KEY_IKEV2 && conn->identity.reading == FIZEAU_IKE_PBKDF2)
			engine->counters.of[FZ_COUNT_KEY_READING_PBKDF2]++;
		fz_log_peer(engine->log, FZ_LOG_INFO, &conn->peer, fz_clock_mono(), "%sset up: %s%s%s, %s, class %s", prefix,
			modes, *features ? " with " : "", features, who, conn->of_class->name);
		conn->phase = FZ_CONN_OPEN;
		fz_conn_move(conn, &engine->open);
	}
	engine->counters.of[counter]++;
	fz_conn_leave_set_up(conn);
	if (fizeau_server_answer_key(conn->server, accept, keys, fz_clock_mono()))
		conn->broken = true;
}

static void key_opened(void *arg, const struct fz_keyd_answer *answer)
{
	struct fz_conn *conn = arg;

	conn->key_request = NULL;
	conn->identity = answer->identity;
	conn->busy = true;
	answer_set_up(conn, answer->accept, answer->counter, &answer->keys, answer->reason);
	conn->busy = false;
	fz_conn_turn(conn, 0);
}

static void on_key(struct fz_conn *conn, const struct fizeau_event *event)
{
	conn->mode = event->key.mode;
	if (conn->mode & FIZEAU_MODE_OPEN) {
		answer_set_up(conn, FIZEAU_ACCEPT_OK, FZ_COUNT_SET_UP, NULL, NULL);
		return;
	}
	conn->key_request = fz_keyd_open(conn->engine->keyd, event, &conn->peer, key_opened, conn);
	if (!conn->key_request)
		answer_set_up(conn, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_BUSY, NULL, "no memory");
}

struct fz_request_from fz_conn_request_from(const struct fz_conn *conn)
{
	return (struct fz_request_from){
		.engine = conn->engine,
		.conf = conn->conf,
		.of_class = conn->of_class,
		.server = conn->server,
		.peer = &conn->peer,
		.local = &conn->local,
		.identity = &conn->identity,
	};
}

/*= rfc5357#section-3.5 TW-3.5-20 TW-3.5-21 TW-3.5-24 TW-3.5-25 */
/*= rfc8545#section-5.1 PO-5.1-03 PO-5.1-04 */
static void on_session(struct fz_conn *conn, const struct fizeau_event *event)
{
	static const uint8_t no_sid[FIZEAU_SID_OCTETS];
	const struct fz_request_from from = fz_conn_request_from(conn);
	uint8_t accept;
	struct fz_session *session = fz_request_answer(&from, &event->request, session_ended, conn, &accept);

	if (!session) {
		if (fizeau_server_answer_session(conn->server, accept, 0, no_sid, fz_clock_mono()))
			conn->broken = true;
		return;
	}
	session->engine = conn->engine;
	session->next_of_owner = conn->sessions;
	conn->sessions = session;
	conn->engine->counters.of[FZ_COUNT_SESSIONS]++;
	fz_log_peer(conn->engine->log, FZ_LOG_DEBUG, &conn->peer, fz_clock_mono(),
		"session on port %u: padding %u, dscp %u", (unsigned)session->local_port,
		(unsigned)session->padding_octets, (unsigned)session->dscp);
	if (fizeau_server_answer_session(conn->server, FIZEAU_ACCEPT_OK, session->local_port, session->sid,
			fz_clock_mono()))
		conn->broken = true;
}

/*= rfc5357#section-3.7 TW-3.7-01 */
static void on_start(struct fz_conn *conn)
{
	for (struct fz_session *session = conn->sessions; session; session = session->next_of_owner) {
		if (session->state == FZ_SESSION_REQUESTED)
			fz_session_start(session);
	}
	if (fizeau_server_answer_start(conn->server, FIZEAU_ACCEPT_OK, fz_clock_mono()))
		conn->broken = true;
}

/* From now on the sessions are on their own: they outlive the connection by their Timeout. */
/*= rfc5357#section-3.8 TW-3.8-04 */
static void on_stopped(struct fz_conn *conn)
{
	while (conn->sessions) {
		struct fz_session *session = conn->sessions;
		conn->sessions = session->next_of_owner;
		session->owner = NULL;
		fz_session_stop(session);
	}
}

static int compare_sid(const void *key, const void *sid)
{
	return memcmp(key, sid, FIZEAU_SID_OCTETS);
}

/* Start-N-Sessions and Stop-N-Sessions: those that it names, and no others. What ended before its start has lost its
   worker, and the client may ask for another. */
/*= rfc5938#section-3.3 IS-3.3-03 */
/*= rfc5938#section-4.2 IS-4.2-01 IS-4.2-02 IS-4.2-04 */
static void on_n(struct fz_conn *conn, const struct fizeau_event *event)
{
	const struct fizeau_sid *sids = event->n_wanted.sids, *named;
	bool starts = event->type == FIZEAU_EVENT_START_N_WANTED;
	uint32_t count = event->n_wanted.count;
	uint8_t *accepts = malloc(count);
	struct fz_session **at = &conn->sessions, *session;

	if (!accepts) {
		conn->broken = true;
		return;
	}
	memset(accepts, starts ? FIZEAU_ACCEPT_TEMPORARY_LIMIT : FIZEAU_ACCEPT_OK, count);
	while ((session = *at)) {
		named = bsearch(session->sid, sids, count, sizeof(*sids), compare_sid);
		if (named && !starts) {
			*at = session->next_of_owner;
			session->owner = NULL;
			fz_session_stop(session);
			continue;
		}
		if (named) {
			accepts[named - sids] = FIZEAU_ACCEPT_OK;
			fz_session_start(session);
		}
		at = &session->next_of_owner;
	}
	if (fizeau_server_answer_n(conn->server, accepts, count, fz_clock_mono()))
		conn->broken = true;
	free(accepts);
}

static void on_closed(struct fz_conn *conn, int error)
{
	struct fz_engine *engine = conn->engine;

	conn->closed = true;
	if (error && !conn->refused) {
		engine->counters.of[fz_counter_closed(error)]++;
		fz_log_peer(engine->log, FZ_LOG_NOTICE, &conn->peer, fz_clock_mono(), "connection closed: %s",
			error == FIZEAU_ERR_CLOSED ? "the client went away during a test" : fizeau_strerror(error));
	}
	while (conn->sessions)
		fz_session_end(conn->sessions, FZ_COUNT_ENDED_CONNECTION);
	/*= rfc4656#section-3.8 OW-3.8-08 OW-3.8-10 */
	if (conn->protocol == FIZEAU_OWAMP)
		fz_ow_conn_close(&conn->ow, error == FIZEAU_ERR_SESSIONS ? FZ_STORE_FAILED : FZ_STORE_BROKEN);
	fz_admit_leave(engine->admit, &conn->place);
}

/* Those that TWAMP does not have, and those that mean something else in OWAMP. */
static void on_ow_event(struct fz_conn *conn, const struct fizeau_event *event)
{
	const struct fz_request_from from = fz_conn_request_from(conn);
	int error = 0;

	if (event->type == FIZEAU_EVENT_OW_SESSION_WANTED)
		error = fz_ow_conn_session(&conn->ow, &from, &event->ow_request);
	else if (event->type == FIZEAU_EVENT_START_WANTED)
		error = fz_ow_conn_start(&conn->ow);
	else if (event->type == FIZEAU_EVENT_STOPPED)
		error = fz_ow_conn_stopped(&conn->ow, event);
	else if (event->type == FIZEAU_EVENT_FETCH_WANTED)
		error = fz_ow_conn_fetch(&conn->ow, &from, event);
	if (error)
		conn->broken = true;
}

void fz_conn_event(struct fz_conn *conn, const struct fizeau_event *event)
{
	switch (event->type) {
	case FIZEAU_EVENT_KEY_WANTED:
		on_key(conn, event);
		break;
	case FIZEAU_EVENT_SESSION_WANTED:
		on_session(conn, event);
		break;
	case FIZEAU_EVENT_START_WANTED:
		conn->protocol == FIZEAU_OWAMP ? on_ow_event(conn, event) : on_start(conn);
		break;
	case FIZEAU_EVENT_STOPPED:
		conn->protocol == FIZEAU_OWAMP ? on_ow_event(conn, event) : on_stopped(conn);
		break;
	case FIZEAU_EVENT_OW_SESSION_WANTED:
	case FIZEAU_EVENT_FETCH_WANTED:
		on_ow_event(conn, event);
		break;
	case FIZEAU_EVENT_START_N_WANTED:
	case FIZEAU_EVENT_STOP_N_WANTED:
		on_n(conn, event);
		break;
	case FIZEAU_EVENT_CLOSED:
		on_closed(conn, event->closed.error);
		break;
	case FIZEAU_EVENT_NONE:
	case FIZEAU_EVENT_GREETING:
	case FIZEAU_EVENT_SERVER_START:
	case FIZEAU_EVENT_SESSION_ANSWER:
	case FIZEAU_EVENT_START_ACK:
	case FIZEAU_EVENT_START_N_ACK:
	case FIZEAU_EVENT_STOP_N_ACK:
	case FIZEAU_EVENT_FETCH_ANSWER:
	case FIZEAU_EVENT_FETCH_RECORDS:
	case FIZEAU_EVENT_FETCH_DONE:
		break;
	}
}
