/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "stamp.h"

#define RECEIVE_BUFFER (2 << 20) /* one socket takes the bursts of many sessions */
#define SEARCHES 100             /* a second, each through all sessions */
#define NUMBERS 0x7fffu          /* of listeners, before they come again */

struct fz_stamp *fz_stamp_new(struct fz_engine *engine)
{
	struct fz_stamp *stamp = calloc(1, sizeof(*stamp));

	if (!stamp)
		return NULL;
	stamp->engine = engine;
	fz_bucket_init(&stamp->searches, SEARCHES, 1);
	stamp->batch = fz_udp_batch_new(1, 64);
	if (stamp->batch)
		return stamp;
	free(stamp);
	return NULL;
}

static void listener_free(struct fz_stamp_listener *listener)
{
	for (uint32_t i = 0; i < listener->count; i++)
		fz_udp_close(listener->sockets[i]);
	free(listener->sockets);
	free(listener);
}

void fz_stamp_free(struct fz_stamp *stamp)
{
	if (!stamp)
		return;
	fz_stamp_forget_asked(stamp);
	while (stamp->listener_count)
		listener_free(stamp->listeners[--stamp->listener_count]);
	fz_udp_batch_free(stamp->batch);
	free(stamp);
}

const struct fz_stamp_listener *fz_stamp_listener_of(const struct fz_stamp *stamp, uint32_t number)
{
	for (uint32_t i = 0; i < stamp->listener_count; i++) {
		if (stamp->listeners[i]->number == number)
			return stamp->listeners[i];
	}
	return NULL;
}

/* One that no listener has, nor, as far as may be, any that a worker is still closing. */
static uint32_t new_number(struct fz_stamp *stamp)
{
	uint32_t number;

	do
		number = FZ_PORT_STAMP | (stamp->next_number++ & NUMBERS) << 16;
	while (fz_stamp_listener_of(stamp, number));
	return number;
}

/* Before the workers are started there are as many as will be. */
static uint32_t worker_count(const struct fz_stamp *stamp, const struct fz_conf *conf)
{
	uint32_t count = fz_workers_count(fz_session_table_workers(stamp->engine->sessions));

	return count ? count : (uint32_t)conf->workers;
}

/* 0 or -errno. */
static int open_sockets(struct fz_stamp *stamp, struct fz_stamp_listener *listener, uint32_t workers, bool receive_mark)
{
	struct fz_udp_options options = {.shared = stamp->batch, .receive_buffer = RECEIVE_BUFFER,
		.receive_mark = receive_mark, .group = FZ_UDP_FIRST};
	int error = 0;

	listener->sockets = calloc(workers, sizeof(struct fz_udp *));
	if (!listener->sockets)
		return -ENOMEM;
	while (!error && listener->count < workers) {
		error = fz_udp_open(&listener->addr, &options, &listener->sockets[listener->count]);
		listener->count += !error;
		options.group = FZ_UDP_JOINS;
	}
	return error;
}

static bool open_one(struct fz_stamp *stamp, const struct fz_conf *conf, const struct fz_addr *addr, bool optional,
	char *error)
{
	struct fz_stamp_listener *listener;
	char text[FZ_ADDR_TEXT];
	int why = -ENOMEM;

	for (uint32_t i = 0; i < stamp->listener_count; i++) {
		if (fz_addr_equal(&stamp->listeners[i]->addr, addr)) {
			stamp->listeners[i]->keep = true;
			return true;
		}
	}
	fz_addr_text(addr, text);
	if (stamp->listener_count == FZ_STAMP_LISTENERS_MAX) {
		snprintf(error, FZ_CONF_ERROR_MAX, "listen stamp on %s: more than %d addresses at a time", text,
			FZ_STAMP_LISTENERS_MAX);
		return false;
	}
	listener = calloc(1, sizeof(*listener));
	if (listener) {
		listener->addr = *addr;
		listener->keep = listener->fresh = true;
		why = open_sockets(stamp, listener, worker_count(stamp, conf), conf->ipsec.mark_count > 0);
	}
	if (!why) {
		listener->number = new_number(stamp);
		stamp->listeners[stamp->listener_count++] = listener;
		return true;
	}
	if (listener)
		listener_free(listener);
	if (optional && (why == -EAFNOSUPPORT || why == -EADDRNOTAVAIL))
		return true;
	snprintf(error, FZ_CONF_ERROR_MAX, "listen stamp on %s: %s%s", text, fizeau_strerror(why),
		why == -EACCES ? " (ports below 1024 are opened as root or with CAP_NET_BIND_SERVICE, before the daemon "
				 "becomes its user; restart it, or listen on a higher port)" :
		why == -EADDRINUSE ? " (another program has it: see ss -lnup)" : "");
	return false;
}

static bool open_row(struct fz_stamp *stamp, const struct fz_conf *conf, const struct fz_stamp_listen *row, char *error)
{
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(row->port)};
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(row->port)};
	struct fz_addr addr;

	if (!row->any)
		return open_one(stamp, conf, &row->addr, false, error);
	addr = (struct fz_addr){.in = any4, .len = sizeof(any4)};
	if (!open_one(stamp, conf, &addr, false, error))
		return false;
	addr = (struct fz_addr){.in6 = any6, .len = sizeof(any6)};
	return open_one(stamp, conf, &addr, true, error);
}

bool fz_stamp_open(struct fz_stamp *stamp, const struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX])
{
	for (uint32_t i = 0; i < stamp->listener_count; i++)
		stamp->listeners[i]->keep = stamp->listeners[i]->fresh = false;
	for (uint32_t i = 0; i < conf->stamp.listen_count; i++) {
		if (!open_row(stamp, conf, &conf->stamp.listens[i], error)) {
			fz_stamp_discard(stamp);
			return false;
		}
	}
	return true;
}

/* Keeps those of which `stays` is set. */
static void filter(struct fz_stamp *stamp, bool (*stays)(struct fz_stamp *stamp, const struct fz_stamp_listener *listener))
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < stamp->listener_count; i++) {
		if (stays(stamp, stamp->listeners[i]))
			stamp->listeners[kept++] = stamp->listeners[i];
		else
			listener_free(stamp->listeners[i]);
	}
	stamp->listener_count = kept;
}

static bool was_there(struct fz_stamp *stamp, const struct fz_stamp_listener *listener)
{
	(void)stamp;
	return !listener->fresh;
}

void fz_stamp_discard(struct fz_stamp *stamp)
{
	filter(stamp, was_there);
}

static void order_port(struct fz_stamp *stamp, const struct fz_stamp_listener *listener, uint32_t worker)
{
	struct fz_order order;

	memset(&order, 0, sizeof(order));
	order.kind = FZ_ORDER_PORT;
	order.number = listener->number;
	order.port.local = listener->addr;
	fz_workers_insist(fz_session_table_workers(stamp->engine->sessions), worker, &order,
		fz_udp_fd(listener->sockets[worker]));
}

void fz_stamp_worker_started(void *arg, uint32_t worker)
{
	struct fz_engine *engine = arg;

	for (uint32_t i = 0; i < engine->stamp->listener_count; i++)
		order_port(engine->stamp, engine->stamp->listeners[i], worker);
}

static void end_sessions(struct fz_stamp *stamp, const struct fz_stamp_listener *of, uint16_t remote_port)
{
	for (struct fz_session *session = fz_session_table_first(stamp->engine->sessions), *next; session; session = next) {
		next = session->next;
		if (of ? session->stamp.listener == of->number :
			session->stamp.listener && fz_addr_port(&session->remote) == remote_port)
			fz_session_end(session, FZ_COUNT_ENDED_LISTENER);
	}
}

static bool asked_for(struct fz_stamp *stamp, const struct fz_stamp_listener *listener)
{
	struct fz_workers *workers = fz_session_table_workers(stamp->engine->sessions);
	const struct fz_order order = {.kind = FZ_ORDER_CLOSE, .number = listener->number};

	if (listener->keep)
		return true;
	end_sessions(stamp, listener, 0);
	for (uint32_t i = 0; i < fz_workers_count(workers); i++)
		fz_workers_insist(workers, i, &order, -1);
	return false;
}

void fz_stamp_use(struct fz_stamp *stamp)
{
	uint32_t workers = fz_workers_count(fz_session_table_workers(stamp->engine->sessions));

	filter(stamp, asked_for);
	for (uint32_t i = 0; i < stamp->listener_count; i++) {
		struct fz_stamp_listener *listener = stamp->listeners[i];
		if (!listener->fresh)
			continue;
		listener->fresh = false;
		/* What comes from there is a reflector's from now on. */
		end_sessions(stamp, NULL, fz_addr_port(&listener->addr));
		for (uint32_t worker = 0; worker < workers; worker++)
			order_port(stamp, listener, worker);
	}
}
