/* SPDX-License-Identifier: MIT */
/* One control connection: octets between the socket and the Server's machine, and answers to its events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "offer.h"
#include "ow_conn.h"

#define LINGER_NS 2000000000ll
#define READS_A_TURN 16 /* of one connection, before others have their turn */
#define SESSIONS_MAX 65535u

enum conn_phase {
	CONN_SET_UP, /* half open */
	CONN_OPEN,
	CONN_LINGER, /* all is said: waiting for the peer to close, so that it gets to read our last words */
};

struct fz_conn {
	struct fz_conn *next, *previous;
	struct fz_conn_list *list;
	struct fz_engine *engine;
	struct fz_conf *conf;
	const struct fz_class *of_class;
	struct fizeau_server *server;
	struct fz_keyd_request *key_request;
	struct fz_keyd_hold *hold;
	struct fz_session *sessions; /* requested or running; stopped ones are on their own */
	struct fz_ow_conn ow;        /* OWAMP's */
	enum fizeau_protocol protocol;
	struct fz_addr peer, local;
	struct fz_identity identity;
	struct fz_place place;
	struct fz_timer timer;
	enum conn_phase phase;
	uint32_t mode, events;
	int fd;
	bool eof, eof_told; /* the peer's, and whether the machine knows */
	bool refused;       /* in the set-up, by us: counted and logged there */
	bool closed, broken;
	int error;          /* errno of the socket; 0: none */
	bool busy;          /* its machine is being turned further up the stack */
	size_t in_len;
	uint8_t in[512];
};

static void list_add(struct fz_conn_list *list, struct fz_conn *conn)
{
	conn->list = list;
	conn->next = NULL;
	conn->previous = list->last;
	if (list->last)
		list->last->next = conn;
	else
		list->first = conn;
	list->last = conn;
	list->count++;
}

static void list_remove(struct fz_conn *conn)
{
	struct fz_conn_list *list = conn->list;

	if (conn->previous)
		conn->previous->next = conn->next;
	else
		list->first = conn->next;
	if (conn->next)
		conn->next->previous = conn->previous;
	else
		list->last = conn->previous;
	list->count--;
}

const struct fz_addr *fz_conn_peer(const struct fz_conn *conn)
{
	return &conn->peer;
}

struct fz_conn *fz_conn_next(const struct fz_conn *conn)
{
	return conn->next;
}

static void forget_session(struct fz_conn *conn, struct fz_session *session)
{
	struct fz_session **at = &conn->sessions;

	while (*at != session)
		at = &(*at)->next_of_owner;
	*at = session->next_of_owner;
}

static void conn_settle(struct fz_conn *conn);

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
		fizeau_server_session_expired(conn->server, fz_clock_mono());
		if (!conn->busy)
			conn_settle(conn);
	}
}

static void leave_set_up(struct fz_conn *conn)
{
	fz_keyd_release(conn->engine->keyd, conn->hold);
	conn->hold = NULL;
}

/* A test that ends for want of its control connection leaves a word about why. */
static void log_loss(struct fz_conn *conn)
{
	if (!conn->error || conn->closed || (!conn->sessions && !conn->ow.running))
		return;
	fz_log_peer(conn->engine->log, FZ_LOG_NOTICE, &conn->peer, fz_clock_mono(),
		"connection lost during a test: %s", strerror(conn->error));
}

void fz_conn_drop(struct fz_conn *conn)
{
	struct fz_engine *engine = conn->engine;

	log_loss(conn);
	conn->closed = true;
	while (conn->sessions)
		/*= rfc4656#section-2 OW-2-02 */
		fz_session_end(conn->sessions, FZ_COUNT_ENDED_CONNECTION);
	if (conn->protocol == FIZEAU_OWAMP)
		fz_ow_conn_close(&conn->ow, FZ_STORE_BROKEN);
	if (conn->key_request)
		fz_keyd_cancel(conn->key_request);
	leave_set_up(conn);
	fz_admit_leave(engine->admit, &conn->place);
	fz_loop_timer_stop(engine->loop, &conn->timer);
	fz_loop_remove(engine->loop, conn->fd);
	close(conn->fd);
	list_remove(conn);
	fizeau_server_free(conn->server);
	fz_conf_release(conn->conf);
	fizeau_wipe(conn, sizeof(*conn));
	free(conn);
}

static void answer_set_up(struct fz_conn *conn, uint8_t accept, enum fz_counter counter,
	const struct fizeau_session_keys *keys, const char *reason)
{
	struct fz_engine *engine = conn->engine;
	char who[FZ_IDENTITY_TEXT], modes[64];
	const char *prefix = conn->protocol == FIZEAU_OWAMP ? "OWAMP, " : "";

	fz_identity_text(&conn->identity, who);
	fz_conf_modes_text(conn->mode, modes);
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
			"%sset-up refused, %s, %s: %s (Accept %u)", prefix, modes, who, reason, (unsigned)accept);
	} else {
		counter = FZ_COUNT_SET_UP;
		if (conn->identity.source == FZ_KEY_IKEV2 && conn->identity.reading == FIZEAU_IKE_PBKDF2)
			engine->counters.of[FZ_COUNT_KEY_READING_PBKDF2]++;
		fz_log_peer(engine->log, FZ_LOG_INFO, &conn->peer, fz_clock_mono(), "%sset up: %s, %s, class %s", prefix,
			modes, who, conn->of_class->name);
		conn->phase = CONN_OPEN;
		list_remove(conn);
		list_add(&engine->open, conn);
	}
	engine->counters.of[counter]++;
	leave_set_up(conn);
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
	conn_settle(conn);
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

static struct fz_request_from request_from(const struct fz_conn *conn)
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
	const struct fz_request_from from = request_from(conn);
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
	const struct fz_request_from from = request_from(conn);
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

static void on_event(struct fz_conn *conn, const struct fizeau_event *event)
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
	case FIZEAU_EVENT_CLOSED:
		on_closed(conn, event->closed.error);
		break;
	case FIZEAU_EVENT_NONE:
	case FIZEAU_EVENT_GREETING:
	case FIZEAU_EVENT_SERVER_START:
	case FIZEAU_EVENT_SESSION_ANSWER:
	case FIZEAU_EVENT_START_ACK:
	case FIZEAU_EVENT_FETCH_ANSWER:
	case FIZEAU_EVENT_FETCH_RECORDS:
	case FIZEAU_EVENT_FETCH_DONE:
		break;
	}
}

/* Feeds what was read and acts on what comes of it, until nothing moves any more. */
static void turn_machine(struct fz_conn *conn)
{
	struct fizeau_event event;
	bool moved = true;

	conn->busy = true;
	while (moved && !conn->broken && !conn->closed) {
		size_t taken = fizeau_server_recv(conn->server, conn->in, conn->in_len, fz_clock_mono());
		memmove(conn->in, conn->in + taken, conn->in_len - taken);
		conn->in_len -= taken;
		moved = taken > 0;
		if (conn->eof && !conn->in_len && !conn->eof_told) {
			fizeau_server_eof(conn->server);
			conn->eof_told = true;
			moved = true;
		}
		while (fizeau_server_event(conn->server, &event)) {
			on_event(conn, &event);
			fizeau_wipe(&event, sizeof(event));
			moved = true;
		}
	}
	conn->busy = false;
}

static void fail_with(struct fz_conn *conn, int error)
{
	conn->broken = true;
	conn->error = error;
}

/* True if all of the output is gone. */
static bool send_output(struct fz_conn *conn)
{
	const uint8_t *octets;
	size_t len;

	while ((len = fizeau_server_output(conn->server, &octets)) > 0) {
		ssize_t sent = send(conn->fd, octets, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			if (errno != EAGAIN)
				fail_with(conn, errno);
			return false;
		}
		fizeau_server_sent(conn->server, (size_t)sent);
	}
	return true;
}

static void want(struct fz_conn *conn, uint32_t events)
{
	if (events != conn->events && fz_loop_change(conn->engine->loop, conn->fd, events))
		conn->broken = true;
	conn->events = events;
}

static void wait_until(struct fz_conn *conn, struct fizeau_mono due)
{
	if (fz_loop_timer(conn->engine->loop, &conn->timer, due))
		conn->broken = true;
}

static void start_linger(struct fz_conn *conn)
{
	conn->phase = CONN_LINGER;
	if (conn->list != &conn->engine->half_open) {
		list_remove(conn);
		list_add(&conn->engine->half_open, conn);
	}
	shutdown(conn->fd, SHUT_WR);
	want(conn, EPOLLIN);
	wait_until(conn, (struct fizeau_mono){fz_clock_mono().ns + LINGER_NS});
	conn->broken |= conn->eof;
}

/* Its machine takes nothing until something of ours has been done. */
static bool waits(const struct fz_conn *conn)
{
	return conn->key_request || fz_ow_conn_fetching(&conn->ow);
}

/* A piece of the fetch; true if it was the last. *sent: whether all of the output is gone. */
static bool fetch_ends(struct fz_conn *conn, bool *sent)
{
	if (!fz_ow_conn_fetching(&conn->ow))
		return false;
	conn->broken |= fz_ow_conn_fetch_turn(&conn->ow) != 0;
	*sent = send_output(conn);
	return !fz_ow_conn_fetching(&conn->ow);
}

static struct fizeau_mono deadline(const struct fz_conn *conn)
{
	if (conn->closed)
		return (struct fizeau_mono){fz_clock_mono().ns + LINGER_NS};
	return fz_ow_conn_fetching(&conn->ow) ? conn->ow.fetch_due : fizeau_server_deadline(conn->server);
}

/* After anything: turns the machine, sends, and says what to wait for. conn may be gone afterwards. */
static void conn_settle(struct fz_conn *conn)
{
	bool sent, fetched;

	if (conn->phase == CONN_LINGER)
		return;
	do {
		turn_machine(conn);
		sent = send_output(conn);
		fetched = sent && !conn->broken && !conn->closed && fetch_ends(conn, &sent);
		/* With the output gone the machine may take what it would not take before. */
	} while (sent && !conn->broken && !conn->closed && ((conn->in_len && !waits(conn)) || fetched));
	if (!conn->broken && conn->closed && sent) {
		start_linger(conn);
	} else if (!conn->broken) {
		/* Who does not read our answers is not read from. */
		bool more = sent && !conn->in_len && !conn->eof && !conn->closed;
		want(conn, (more ? EPOLLIN : 0) | (sent && !fz_ow_conn_fetching(&conn->ow) ? 0 : EPOLLOUT));
		wait_until(conn, deadline(conn));
	}
	if (conn->broken)
		fz_conn_drop(conn);
}

void fz_conn_turn(struct fz_conn *conn, int error)
{
	conn->broken |= error != 0;
	if (!conn->busy)
		conn_settle(conn);
}

void fz_conn_wind_down(struct fz_conn *conn)
{
	if (conn->protocol == FIZEAU_OWAMP && !conn->closed)
		fz_ow_conn_wind_down(&conn->ow);
}

/* True if there is something new to feed. */
static bool read_some(struct fz_conn *conn)
{
	ssize_t got;

	if (conn->eof || conn->in_len)
		return false;
	got = recv(conn->fd, conn->in, sizeof(conn->in), 0);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			fail_with(conn, errno);
		return false;
	}
	conn->eof = got == 0;
	conn->in_len = (size_t)got;
	return true;
}

static void drain(struct fz_conn *conn)
{
	uint8_t rubbish[4096];

	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t got = recv(conn->fd, rubbish, sizeof(rubbish), 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			fz_conn_drop(conn);
			return;
		}
	}
}

static void conn_ready(void *arg, uint32_t events)
{
	struct fz_conn *conn = arg;

	if (conn->phase == CONN_LINGER) {
		drain(conn);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		for (int i = 0; i < READS_A_TURN && read_some(conn); i++)
			turn_machine(conn);
	}
	/* Both directions are gone: nothing that we say will arrive. */
	if (events & (EPOLLHUP | EPOLLERR))
		conn->broken = true;
	conn_settle(conn);
}

static void conn_due(void *arg)
{
	struct fz_conn *conn = arg;

	if (conn->phase == CONN_LINGER || conn->closed) {
		fz_conn_drop(conn);
		return;
	}
	conn->broken |= fz_ow_conn_overdue(&conn->ow, fz_clock_mono());
	fizeau_server_expire(conn->server, fz_clock_mono());
	conn_settle(conn);
}

static struct fizeau_server *make_server(struct fz_engine *engine, enum fizeau_protocol protocol,
	const struct fz_addr *peer)
{
	const struct fizeau_server_config config = {
		.protocol = protocol,
		.modes = fz_offer_modes(engine, protocol, peer),
		.count = (uint32_t)engine->conf->pbkdf2_count,
		.start_time = engine->start_time,
		.servwait_ns = engine->conf->servwait_ns,
		.setup_timeout_ns = engine->conf->setup_timeout_ns,
		.max_sessions = SESSIONS_MAX,
	};
	struct fizeau_server_random random;
	struct fizeau_server *server;

	/*= rfc4656#section-6.10 OW-6.10-04 */
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return NULL;
	server = fizeau_server_new(&config, &random, fz_clock_mono());
	fizeau_wipe(&random, sizeof(random));
	return server;
}

void fz_conn_new(struct fz_engine *engine, enum fizeau_protocol protocol, int fd, const struct fz_addr *peer,
	const struct fz_addr *local)
{
	struct fz_conn *conn = calloc(1, sizeof(*conn));

	if (conn)
		conn->server = make_server(engine, protocol, peer);
	if (!conn || !conn->server || fz_loop_add(engine->loop, fd, EPOLLIN, conn_ready, conn)) {
		engine->counters.of[FZ_COUNT_ACCEPT_FAILED]++;
		close(fd);
		if (conn)
			fizeau_server_free(conn->server);
		free(conn);
		return;
	}
	conn->engine = engine;
	conn->fd = fd;
	conn->events = EPOLLIN;
	conn->peer = *peer;
	conn->local = *local;
	conn->conf = fz_conf_hold(engine->conf);
	conn->protocol = protocol;
	const struct fz_request_from from = request_from(conn);
	fz_ow_conn_init(&conn->ow, conn, &from);
	conn->timer = (struct fz_timer){.fn = conn_due, .arg = conn};
	/*= rfc7717#section-5.1 IK-5.1-08 */
	conn->hold = fz_keyd_hold(engine->keyd);
	list_add(&engine->half_open, conn);
	engine->counters.of[FZ_COUNT_CONNECTIONS]++;
	conn_settle(conn);
}
