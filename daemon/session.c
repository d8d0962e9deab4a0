/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "session_parts.h"

#define IDLE_NS 1000000000ll /* a port without sessions stays open for so long: often the next one comes at once */

bool fz_session_take_slot(struct fz_session *session)
{
	struct fz_crew *crew = &session->sessions->crews[session->worker];

	if (crew->free_count)
		session->slot = crew->free[--crew->free_count];
	else if (crew->unused < FZ_WORKER_SLOTS)
		session->slot = crew->unused++;
	else
		return false;
	session->letter.slot = session->slot;
	return true;
}

void fz_session_give_slot(struct fz_session *session)
{
	struct fz_crew *crew = &session->sessions->crews[session->worker];

	crew->slots[session->slot] = NULL;
	crew->free[crew->free_count++] = session->slot;
}

void fz_session_link(struct fz_session *session)
{
	struct fz_session_table *sessions = session->sessions;

	sessions->crews[session->worker].slots[session->slot] = session;
	sessions->crews[session->worker].sessions++;
	session->previous = sessions->last;
	if (sessions->last)
		sessions->last->next = session;
	else
		sessions->first = session;
	sessions->last = session;
}

static uint32_t next_serial(struct fz_session_table *sessions)
{
	sessions->serial += sessions->serial == UINT32_MAX ? 2 : 1;
	return sessions->serial;
}

static void unlink_session(struct fz_session_table *sessions, struct fz_session *session)
{
	if (session->previous)
		session->previous->next = session->next;
	else
		sessions->first = session->next;
	if (session->next)
		session->next->previous = session->previous;
	else
		sessions->last = session->previous;
}

const struct fz_figures *fz_session_figures(const struct fz_session *session)
{
	static const struct fz_figures none;
	const struct fz_figures *figures =
		&fz_workers_shared(session->sessions->workers, session->worker)->slots[session->slot];

	/* The worker has not come to it yet. */
	return atomic_load_explicit(&figures->serial, memory_order_acquire) == session->serial ? figures : &none;
}

void fz_session_remote(const struct fz_session *session, struct fz_addr *remote)
{
	uint32_t port = atomic_load_explicit(&fz_session_figures(session)->remote_port, memory_order_relaxed);

	*remote = session->remote;
	if (port && port <= UINT16_MAX)
		fz_addr_set_port(remote, (uint16_t)port);
}

/* Its figures are final: the last that is seen of it. */
static void gone(struct fz_session *session)
{
	struct fz_session_table *sessions = session->sessions;
	const struct fz_figures *figures = fz_session_figures(session);

	sessions->counters->of[session->reason]++;
	fz_log_peer(sessions->log, FZ_LOG_INFO, &session->peer, fz_clock_mono(),
		"session on port %u ended (%s): %llu packets received, %llu reflected", (unsigned)session->local_port,
		fz_counter_name(session->reason), (unsigned long long)fz_figure(&figures->received),
		(unsigned long long)fz_figure(&figures->reflected));
	fz_workers_forget(sessions->workers, session->worker, &session->letter);
	fz_session_give_slot(session);
	unlink_session(sessions, session);
	fz_conf_release(session->conf);
	free(session);
}

static void close_idle(void *arg);

static void close_idle_later(struct fz_session_table *sessions, int64_t when_ns)
{
	if (fz_loop_timer(sessions->loop, &sessions->idle, (struct fizeau_mono){when_ns}))
		fz_log(sessions->log, FZ_LOG_ERROR, "no memory for the timer of test ports");
}

static void close_idle(void *arg)
{
	struct fz_session_table *sessions = arg;
	int64_t now_ns = fz_clock_mono().ns, next_ns = INT64_MAX;

	for (struct fz_port *port = sessions->ports.ports, *next; port; port = next) {
		next = port->next;
		if (port->sessions)
			continue;
		if (now_ns - port->idle_ns >= IDLE_NS) {
			const struct fz_order order = {.kind = FZ_ORDER_CLOSE, .number = port->number};
			if (!fz_workers_order(sessions->workers, port->worker, &order, -1)) {
				fz_port_remove(&sessions->ports, port);
				continue;
			}
			port->idle_ns = now_ns;
		}
		if (port->idle_ns + IDLE_NS < next_ns)
			next_ns = port->idle_ns + IDLE_NS;
	}
	if (next_ns < INT64_MAX)
		close_idle_later(sessions, next_ns);
}

/* For all here it is over: who asked for it is told, its seat is free. The worker may still have to hear of it. */
static void leave(struct fz_session *session, enum fz_counter reason)
{
	struct fz_session_table *sessions = session->sessions;
	int64_t now_ns = fz_clock_mono().ns;

	session->reason = reason;
	session->ending = true;
	if (session->port) {
		fz_port_leave(&sessions->ports, session->port, &session->seat, now_ns);
		if (!session->port->sessions && !sessions->idle.place)
			close_idle_later(sessions, now_ns + IDLE_NS);
		session->port = NULL;
	}
	sessions->crews[session->worker].sessions--;
	session->ended(session, reason);
	session->owner = NULL;
}

static void reported(void *arg, uint32_t worker, uint32_t slot, enum fz_counter reason)
{
	struct fz_session_table *sessions = arg;
	struct fz_session *session = sessions->crews[worker].slots[slot];

	if (!session)
		return;
	if (!session->ending)
		leave(session, reason);
	gone(session);
}

static void worker_died(void *arg, uint32_t worker)
{
	struct fz_session_table *sessions = arg;
	struct fz_crew *crew = &sessions->crews[worker];

	for (uint32_t slot = 0; slot < crew->unused; slot++) {
		struct fz_session *session = crew->slots[slot];
		if (!session)
			continue;
		if (!session->ending)
			leave(session, FZ_COUNT_ENDED_WORKER);
		gone(session);
	}
	for (struct fz_port *port = sessions->ports.ports, *next; port; port = next) {
		next = port->next;
		if (port->worker == worker)
			fz_port_remove(&sessions->ports, port);
	}
}

static void asked(void *arg, uint32_t worker, const struct fz_ask *ask)
{
	struct fz_session_table *sessions = arg;

	sessions->hooks.asked(sessions->hooks.arg, worker, ask);
}

static void caught_up(void *arg)
{
	struct fz_session_table *sessions = arg;

	sessions->hooks.caught_up(sessions->hooks.arg);
}

static void worker_started(void *arg, uint32_t worker)
{
	struct fz_session_table *sessions = arg;

	sessions->hooks.started(sessions->hooks.arg, worker);
}

struct fz_session_table *fz_session_table_new(struct fz_loop *loop, struct fz_log *log, struct fz_counters *counters,
	const struct fz_session_hooks *session_hooks)
{
	struct fz_session_table *sessions = calloc(1, sizeof(*sessions));
	const struct fz_workers_hooks hooks = {.ended = reported, .asked = asked, .caught_up = caught_up,
		.started = worker_started, .died = worker_died, .arg = sessions};
	uint64_t seed;

	if (!sessions)
		return NULL;
	sessions->loop = loop;
	sessions->log = log;
	sessions->counters = counters;
	sessions->hooks = *session_hooks;
	sessions->idle = (struct fz_timer){.fn = close_idle, .arg = sessions};
	sessions->workers = fz_workers_new(loop, log, counters, &hooks);
	if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed) && fz_port_table_init(&sessions->ports, seed) &&
		sessions->workers)
		return sessions;
	fz_session_table_free(sessions);
	return NULL;
}

int fz_session_table_start(struct fz_session_table *sessions, const struct fz_workers_options *options)
{
	sessions->crews = calloc(options->count, sizeof(*sessions->crews));
	if (!sessions->crews)
		return -ENOMEM;
	sessions->crew_count = options->count;
	for (uint32_t i = 0; i < options->count; i++) {
		sessions->crews[i].slots = calloc(FZ_WORKER_SLOTS, sizeof(struct fz_session *));
		sessions->crews[i].free = calloc(FZ_WORKER_SLOTS, sizeof(uint32_t));
		if (!sessions->crews[i].slots || !sessions->crews[i].free)
			return -ENOMEM;
	}
	return fz_workers_start(sessions->workers, options);
}

void fz_session_table_free(struct fz_session_table *sessions)
{
	if (!sessions)
		return;
	for (struct fz_session *session = sessions->first, *next; session; session = next) {
		next = session->next;
		if (!session->ending)
			leave(session, session->stamp.listener ? FZ_COUNT_ENDED_LISTENER : FZ_COUNT_ENDED_CONNECTION);
	}
	fz_loop_timer_stop(sessions->loop, &sessions->idle);
	if (sessions->workers)
		fz_workers_stop(sessions->workers);
	/* The workers have counted to the end by now. */
	while (sessions->first)
		gone(sessions->first);
	fz_workers_free(sessions->workers);
	fz_port_table_free(&sessions->ports);
	for (uint32_t i = 0; i < sessions->crew_count; i++) {
		free(sessions->crews[i].slots);
		free(sessions->crews[i].free);
	}
	free(sessions->crews);
	free(sessions);
}

void fz_session_table_set(struct fz_session_table *sessions, const struct fz_clock_choice *clock, bool busy)
{
	fz_workers_set(sessions->workers, clock, busy);
}

struct fz_workers *fz_session_table_workers(const struct fz_session_table *sessions)
{
	return sessions->workers;
}

struct fz_session *fz_session_new(struct fz_session_table *sessions, struct fz_conf *conf, const struct fz_class *of_class,
	uint32_t mode, const struct fz_addr *remote)
{
	struct fz_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->sessions = sessions;
	session->serial = next_serial(sessions);
	session->conf = fz_conf_hold(conf);
	session->of_class = of_class;
	session->mode = mode;
	session->remote = *remote;
	session->last = FIZEAU_NEVER;
	return session;
}

static struct fz_session *session_new(struct fz_session_table *sessions, const struct fz_session_wanted *wanted)
{
	struct fz_session *session =
		fz_session_new(sessions, wanted->conf, wanted->of_class, wanted->mode, &wanted->remote);

	if (!session)
		return NULL;
	session->ended = wanted->ended;
	session->owner = wanted->owner;
	memcpy(session->sid, wanted->sid, sizeof(session->sid));
	session->dscp = wanted->dscp;
	session->padding_octets = wanted->padding_octets;
	session->timeout_ns = wanted->timeout_ns;
	return session;
}

static void refused_for(int error, uint8_t *accept, enum fz_counter *counter)
{
	switch (error) {
	case -EADDRINUSE:
		*accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
		*counter = FZ_COUNT_REQUEST_PORTS;
		return;
	case -EMFILE:
	case -ENFILE:
		*accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
		*counter = FZ_COUNT_REQUEST_DESCRIPTORS;
		return;
	case -EADDRNOTAVAIL:
		*accept = FIZEAU_ACCEPT_UNSUPPORTED;
		*counter = FZ_COUNT_REQUEST_UNSUPPORTED;
		return;
	case -EAGAIN:
	case -ENOTCONN:
		*accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
		*counter = FZ_COUNT_REQUEST_WORKER;
		return;
	default:
		*accept = FIZEAU_ACCEPT_INTERNAL;
		*counter = FZ_COUNT_REQUEST_INTERNAL;
	}
}

static bool as_sent(const struct fz_seat *alone)
{
	const struct fz_session *session = alone->of;
	struct fz_addr remote;

	fz_session_remote(session, &remote);
	return fz_addr_port(&remote) == fz_addr_port(&session->remote);
}

/* A port, and with it a worker. One that is new there becomes known to it. */
static int choose_port(struct fz_session_table *sessions, const struct fz_session_wanted *wanted, struct fz_port **port)
{
	const struct fz_port_wanted where = {
		.local = &wanted->local,
		.remote = &wanted->remote,
		.first = wanted->conf->port_first,
		.last = wanted->conf->port_last,
		.bypass_mark = wanted->bypass_mark,
		.receive_mark = wanted->require_ipsec && wanted->conf->ipsec.mark_count > 0,
		.as_sent = as_sent,
	};
	struct fz_port_worker workers[FZ_CONF_WORKERS_MAX];
	struct fz_udp *udp;
	int error;

	for (uint32_t i = 0; i < sessions->crew_count; i++)
		workers[i] = (struct fz_port_worker){.runs = fz_workers_run(sessions->workers, i),
			.sessions = sessions->crews[i].sessions};
	error = fz_port_choose(&sessions->ports, &where, workers, sessions->crew_count, port, &udp);
	if (error || !udp)
		return error;
	struct fz_order order;
	memset(&order, 0, sizeof(order));
	order.kind = FZ_ORDER_PORT;
	order.number = (*port)->number;
	order.port.local = (*port)->local;
	error = fz_workers_order(sessions->workers, (*port)->worker, &order, fz_udp_fd(udp));
	fz_udp_close(udp);
	if (error) {
		fz_port_remove(&sessions->ports, *port);
		return error;
	}
	/* Should nothing come of the session, it is closed like any other that has none. */
	(*port)->idle_ns = fz_clock_mono().ns;
	if (!sessions->idle.place)
		close_idle_later(sessions, (*port)->idle_ns + IDLE_NS);
	return 0;
}

void fz_session_fill_order(const struct fz_session *session, bool require_ipsec, struct fz_order_add *add)
{
	const uint64_t *limits = session->of_class->limits;
	uint64_t padding = limits[FZ_LIMIT_PADDING], duration = limits[FZ_LIMIT_DURATION];
	size_t room = FIZEAU_TEST_PACKET_MAX - 112;

	add->serial = session->serial;
	add->mode = fizeau_test_mode_of(session->mode);
	add->remote = session->remote;
	add->octets_max = (uint32_t)(112 + (padding < room ? (size_t)padding : room));
	add->packets = limits[FZ_LIMIT_PACKETS];
	add->rate = limits[FZ_LIMIT_RATE];
	add->bandwidth = limits[FZ_LIMIT_BANDWIDTH];
	add->duration_ns = duration < INT64_MAX ? (int64_t)duration : INT64_MAX;
	add->timeout_ns = session->timeout_ns;
	add->refwait_ns = session->conf->refwait_ns;
	add->require_ipsec = require_ipsec;
	if (require_ipsec)
		add->ipsec = session->conf->ipsec;
}

static int order_add(struct fz_session *session, const struct fz_session_wanted *wanted)
{
	struct fz_order order;
	int error;

	/* Not a bit of what lay here before goes to the worker. */
	memset(&order, 0, sizeof(order));
	order.kind = FZ_ORDER_ADD;
	order.number = session->slot;
	order.add.port = session->port->number;
	order.add.features.modes = wanted->mode & FIZEAU_MODE_FEATURES;
	order.add.features.reflect_length = wanted->reflect_length;
	order.add.keys = wanted->keys;
	order.add.dscp = wanted->dscp;
	fz_session_fill_order(session, wanted->require_ipsec, &order.add);
	error = fz_workers_order(session->sessions->workers, session->worker, &order, -1);
	fizeau_wipe(&order, sizeof(order));
	return error;
}

/* Gives it a seat, a slot, and to its worker. */
static int place(struct fz_session_table *sessions, struct fz_session *session, const struct fz_session_wanted *wanted)
{
	int error = choose_port(sessions, wanted, &session->port);

	if (error)
		return error;
	session->worker = session->port->worker;
	session->seat.of = session;
	if (!fz_port_join(&sessions->ports, session->port, &session->seat, &wanted->remote))
		return -ENOMEM;
	error = -EAGAIN;
	if (fz_session_take_slot(session)) {
		error = order_add(session, wanted);
		if (error)
			fz_session_give_slot(session);
	}
	if (error) {
		fz_port_leave(&sessions->ports, session->port, &session->seat, fz_clock_mono().ns);
		return error;
	}
	session->local_port = fz_addr_port(&session->port->local);
	return 0;
}

struct fz_session *fz_session_add(struct fz_session_table *sessions, const struct fz_session_wanted *wanted, uint8_t *accept,
	enum fz_counter *counter)
{
	struct fz_session *session = session_new(sessions, wanted);
	int error = session ? place(sessions, session, wanted) : -ENOMEM;

	if (error) {
		refused_for(error, accept, counter);
		if (session)
			fz_conf_release(session->conf);
		free(session);
		return NULL;
	}
	fz_session_link(session);
	return session;
}

void fz_session_runs(struct fz_session *session)
{
	uint64_t duration = session->of_class->limits[FZ_LIMIT_DURATION];

	session->state = FZ_SESSION_RUNNING;
	session->started = fz_clock_mono();
	if (duration < (uint64_t)(INT64_MAX - session->started.ns))
		session->last.ns = session->started.ns + (int64_t)duration;
}

void fz_session_start(struct fz_session *session)
{
	fz_session_runs(session);
	fz_workers_tell(session->sessions->workers, session->worker, &session->letter, FZ_ORDER_START);
}

void fz_session_stop(struct fz_session *session)
{
	int64_t now = fz_clock_mono().ns;

	session->state = FZ_SESSION_STOPPED;
	if (session->timeout_ns < session->last.ns - now)
		session->last.ns = now + session->timeout_ns;
	fz_workers_tell(session->sessions->workers, session->worker, &session->letter, FZ_ORDER_STOP);
}

void fz_session_end(struct fz_session *session, enum fz_counter reason)
{
	if (session->ending)
		return;
	fz_workers_tell(session->sessions->workers, session->worker, &session->letter, FZ_ORDER_END);
	leave(session, reason);
}

bool fz_session_waits(const struct fz_session *session)
{
	return session->letter.kinds != 0;
}

struct fizeau_mono fz_session_ends(const struct fz_session *session)
{
	struct fizeau_mono ends = session->last;
	int64_t heard = atomic_load_explicit(&fz_session_figures(session)->heard_ns, memory_order_relaxed);

	if (session->state != FZ_SESSION_REQUESTED && heard < ends.ns - session->conf->refwait_ns)
		ends.ns = (heard ? heard : session->started.ns) + session->conf->refwait_ns;
	return ends;
}

struct fz_session *fz_session_table_first(const struct fz_session_table *sessions)
{
	return sessions->first;
}

void fz_session_table_of_worker(const struct fz_session_table *sessions, uint32_t worker, uint32_t *session_count,
	uint32_t *port_count)
{
	*session_count = sessions->crews[worker].sessions;
	*port_count = 0;
	for (const struct fz_port *port = sessions->ports.ports; port; port = port->next)
		*port_count += port->worker == worker;
}
