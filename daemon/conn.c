/* SPDX-License-Identifier: MIT */
/* One control connection: octets between the socket and the Server's machine, whose events conn_events.c answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conn_parts.h"
#include "offer.h"

#define LINGER_NS 2000000000ll
#define READS_A_TURN 16 /* of one connection, before others have their turn */
#define SESSIONS_MAX 65535u

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

void fz_conn_move(struct fz_conn *conn, struct fz_conn_list *list)
{
	list_remove(conn);
	list_add(list, conn);
}

const struct fz_addr *fz_conn_peer(const struct fz_conn *conn)
{
	return &conn->peer;
}

struct fz_conn *fz_conn_next(const struct fz_conn *conn)
{
	return conn->next;
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
	fz_conn_leave_set_up(conn);
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
			fz_conn_event(conn, &event);
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

/* Whether a worker is yet to be sent the start of a session: whoever has it acknowledged may send packets at once, and the
   worker has to know by then. */
static bool orders_wait(const struct fz_conn *conn)
{
	const struct fz_session *session = conn->sessions;

	while (session && !fz_session_waits(session))
		session = session->next_of_owner;
	return session != NULL;
}

/* True if all of the output is gone. */
static bool send_output(struct fz_conn *conn)
{
	const uint8_t *octets;
	size_t len;

	conn->held = orders_wait(conn);
	if (conn->held)
		return false;

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
	conn->phase = FZ_CONN_LINGER;
	if (conn->list != &conn->engine->half_open) {
		fz_conn_move(conn, &conn->engine->half_open);
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

	if (conn->phase == FZ_CONN_LINGER)
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
		want(conn, (more ? EPOLLIN : 0) | ((sent && !fz_ow_conn_fetching(&conn->ow)) || conn->held ? 0 : EPOLLOUT));
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

void fz_conn_resume(struct fz_conn *conn)
{
	if (conn->held)
		fz_conn_turn(conn, 0);
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

	if (conn->phase == FZ_CONN_LINGER) {
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

	if (conn->phase == FZ_CONN_LINGER || conn->closed) {
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
		.server_octets = (uint16_t)engine->conf->server_octets,
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
	const struct fz_request_from from = fz_conn_request_from(conn);
	fz_ow_conn_init(&conn->ow, conn, &from);
	conn->timer = (struct fz_timer){.fn = conn_due, .arg = conn};
	/*= rfc7717#section-5.1 IK-5.1-08 */
	conn->hold = fz_keyd_hold(engine->keyd);
	list_add(&engine->half_open, conn);
	engine->counters.of[FZ_COUNT_CONNECTIONS]++;
	conn_settle(conn);
}
