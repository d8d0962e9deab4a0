/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include "engine.h"
#include "ipsec.h"
#include "stamp.h"
#include "io/tcp.h"
#include "io/udp.h"

#define BACKLOG 512
#define ACCEPTS_A_TURN 64
#define PAUSE_NS 200000000ll
#define FD_MAX 65536u
#define OW_BATCH 32
#define SPIN_AHEAD_NS 5000000 /* a sleep that is longer than it should be is seldom so by more */
#define EXPIRE_MIN_NS 1000000000ll
#define EXPIRE_MAX_NS 60000000000ll
#define FD_RESERVED 64u /* for files, the key service, status */

static struct fz_conn *oldest_half_open_of(const struct fz_engine *engine, const struct fz_addr *peer, uint32_t *count)
{
	struct fz_conn *oldest = NULL;

	*count = 0;
	for (struct fz_conn *conn = engine->half_open.first; conn; conn = fz_conn_next(conn)) {
		if (!fz_addr_same_host(fz_conn_peer(conn), peer))
			continue;
		if (!oldest)
			oldest = conn;
		++*count;
	}
	return oldest;
}

static bool drop_oldest(struct fz_engine *engine, struct fz_conn *conn)
{
	if (!conn)
		return false;
	engine->counters.of[FZ_COUNT_HALF_OPEN_DROPPED]++;
	fz_conn_drop(conn);
	return true;
}

bool fz_engine_spare_descriptor(struct fz_engine *engine)
{
	return drop_oldest(engine, engine->half_open.first);
}

/* The oldest half-open connection goes first: whoever means it has long been set up by then. */
/*= rfc4656#section-3 OW-3-02 */
static void make_room(struct fz_engine *engine, const struct fz_addr *peer)
{
	uint32_t same;
	struct fz_conn *oldest = oldest_half_open_of(engine, peer, &same);

	if (same >= engine->conf->half_open_peer)
		drop_oldest(engine, oldest);
	while (engine->half_open.count >= engine->conf->half_open ||
		engine->half_open.count + engine->open.count >= engine->connections_max) {
		if (!fz_engine_spare_descriptor(engine))
			return;
	}
}

static void resume(void *arg)
{
	struct fz_listener *listener = arg;

	listener->paused = fz_loop_change(listener->engine->loop, listener->fd, EPOLLIN) != 0;
}

/* Without descriptors the listener stays readable: asking it again and again would only burn time. */
static void pause_listener(struct fz_listener *listener, int error)
{
	struct fz_engine *engine = listener->engine;
	struct fizeau_mono now = fz_clock_mono();

	engine->counters.of[FZ_COUNT_ACCEPT_FAILED]++;
	if (fz_loop_timer(engine->loop, &listener->pause, (struct fizeau_mono){now.ns + PAUSE_NS}) ||
		fz_loop_change(engine->loop, listener->fd, 0))
		return;
	if (!listener->paused)
		fz_log_peer(engine->log, FZ_LOG_ERROR, &listener->addr, now, "no connection can be accepted: %s",
			fizeau_strerror(error));
	listener->paused = true;
}

/*= rfc5357#section-3.1 TW-3.1-01 TW-3.1-02 */
static void listener_ready(void *arg, uint32_t events)
{
	struct fz_listener *listener = arg;
	struct fz_engine *engine = listener->engine;
	struct fz_addr peer, local;

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = fz_tcp_accept(listener->fd, &peer, &local);
		if (fd == -EAGAIN)
			return;
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS) {
			if (fz_engine_spare_descriptor(engine))
				continue;
			pause_listener(listener, fd);
			return;
		}
		if (fd < 0)
			continue;
		make_room(engine, &peer);
		if (engine->half_open.count + engine->open.count >= engine->connections_max) {
			engine->counters.of[FZ_COUNT_ACCEPT_FAILED]++;
			close(fd);
			continue;
		}
		fz_conn_new(engine, listener->protocol, fd, &peer, &local);
	}
}

static void listener_free(struct fz_listener *listener)
{
	fz_loop_timer_stop(listener->engine->loop, &listener->pause);
	fz_loop_remove(listener->engine->loop, listener->fd);
	close(listener->fd);
	free(listener);
}

static struct fz_listener *listener_new(struct fz_engine *engine, enum fizeau_protocol protocol,
	const struct fz_addr *addr, int *error)
{
	struct fz_listener *listener = calloc(1, sizeof(*listener));

	*error = -ENOMEM;
	if (!listener)
		return NULL;
	listener->engine = engine;
	listener->protocol = protocol;
	listener->addr = *addr;
	listener->pause = (struct fz_timer){.fn = resume, .arg = listener};
	listener->fd = fz_tcp_listen(addr, BACKLOG);
	*error = listener->fd < 0 ? listener->fd
				  : fz_loop_add(engine->loop, listener->fd, EPOLLIN, listener_ready, listener);
	if (!*error)
		return listener;
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
	return NULL;
}

/* Listeners of a configuration to come: those that are open already are only marked. */
struct new_listeners {
	struct fz_listener *made[FZ_LISTENERS_MAX];
	uint32_t count;
};

static bool open_one(struct fz_engine *engine, struct new_listeners *fresh, enum fizeau_protocol protocol,
	const struct fz_addr *addr, bool optional, char *error)
{
	char text[FZ_ADDR_TEXT];
	struct fz_listener *listener;
	int why;

	for (uint32_t i = 0; i < engine->listener_count; i++) {
		if (fz_addr_equal(&engine->listeners[i]->addr, addr)) {
			engine->listeners[i]->keep = true;
			engine->listeners[i]->protocol = protocol;
			return true;
		}
	}
	listener = listener_new(engine, protocol, addr, &why);
	if (listener) {
		fresh->made[fresh->count++] = listener;
		return true;
	}
	if (optional && (why == -EAFNOSUPPORT || why == -EADDRNOTAVAIL))
		return true;
	fz_addr_text(addr, text);
	snprintf(error, FZ_CONF_ERROR_MAX, "listen on %s: %s%s", text, fizeau_strerror(why),
		why == -EACCES ? " (ports below 1024 are opened as root or with CAP_NET_BIND_SERVICE, before the daemon "
				 "becomes its user; restart it, or listen on a higher port)" :
		why == -EADDRINUSE ? " (another program has it: see ss -ltnp)" : "");
	return false;
}

static bool open_row(struct fz_engine *engine, struct new_listeners *fresh, const struct fz_listen *row, char *error)
{
	struct fz_addr addr;
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(row->port)};
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(row->port)};

	if (!row->any)
		return open_one(engine, fresh, row->protocol, &row->addr, false, error);
	addr = (struct fz_addr){.in = any4, .len = sizeof(any4)};
	if (!open_one(engine, fresh, row->protocol, &addr, false, error))
		return false;
	addr = (struct fz_addr){.in6 = any6, .len = sizeof(any6)};
	return open_one(engine, fresh, row->protocol, &addr, true, error);
}

static bool open_listeners(struct fz_engine *engine, const struct fz_conf *conf, struct new_listeners *fresh, char *error)
{
	for (uint32_t i = 0; i < engine->listener_count; i++)
		engine->listeners[i]->keep = false;
	for (uint32_t i = 0; i < conf->listen_count; i++) {
		if (!open_row(engine, fresh, &conf->listens[i], error))
			return false;
	}
	return true;
}

static void use_listeners(struct fz_engine *engine, const struct new_listeners *fresh)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < engine->listener_count; i++) {
		if (engine->listeners[i]->keep)
			engine->listeners[kept++] = engine->listeners[i];
		else
			listener_free(engine->listeners[i]);
	}
	memcpy(engine->listeners + kept, fresh->made, fresh->count * sizeof(fresh->made[0]));
	engine->listener_count = kept + fresh->count;
}

/* Once for each. */
static void clock_stepped(void *arg, int64_t size_ns)
{
	struct fz_engine *engine = arg;

	fz_log(engine->log, FZ_LOG_WARNING,
		"the wall clock was set by %s%lld.%06lld s: stamps count as not synchronised until its source says otherwise",
		size_ns < 0 ? "-" : "+", (long long)llabs(size_ns / 1000000000),
		(long long)llabs(size_ns % 1000000000 / 1000));
}

static bool configure_clock(struct fz_engine *engine, const struct fz_conf *conf, char *error)
{
	struct fz_clock clock;

	if (engine->conf && !memcmp(&engine->conf->clock, &conf->clock, sizeof(conf->clock)))
		return true;
	if (fz_clock_open(&clock, &conf->clock)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "no memory to ask for the clock's error");
		return false;
	}
	fz_clock_close(&engine->clock);
	engine->clock = clock;
	engine->clock.stepped = clock_stepped;
	engine->clock.arg = engine;
	if (fz_clock_watch(&engine->clock, engine->loop))
		fz_log(engine->log, FZ_LOG_ERROR, "no memory for the timer of the clock");
	return true;
}

bool fz_engine_configure(struct fz_engine *engine, struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX])
{
	struct new_listeners fresh = {.count = 0};

	if (!fz_ipsec_check(conf, engine->log, error) || !open_listeners(engine, conf, &fresh, error) ||
		!fz_stamp_open(engine->stamp, conf, error) || !fz_keyd_load(engine->keyd, conf, error) ||
		!configure_clock(engine, conf, error)) {
		while (fresh.count)
			listener_free(fresh.made[--fresh.count]);
		fz_stamp_discard(engine->stamp);
		return false;
	}
	use_listeners(engine, &fresh);
	fz_stamp_use(engine->stamp);
	fz_session_table_set(engine->sessions, &conf->clock, conf->busy_poll);
	/* OWAMP's senders are here. */
	fz_loop_spin(engine->loop, conf->busy_poll ? SPIN_AHEAD_NS : 0);
	fz_conf_release(engine->conf);
	engine->conf = fz_conf_hold(conf);
	return true;
}

/* Descriptors: as many as the hard limit lets us have, within reason; most are for connections. */
static uint32_t raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 256;
	if (limit.rlim_cur < limit.rlim_max && limit.rlim_cur < FD_MAX) {
		struct rlimit wanted = {.rlim_max = limit.rlim_max,
			.rlim_cur = limit.rlim_max < FD_MAX ? limit.rlim_max : FD_MAX};
		if (!setrlimit(RLIMIT_NOFILE, &wanted))
			limit = wanted;
	}
	uint32_t all = limit.rlim_cur < FD_MAX ? (uint32_t)limit.rlim_cur : FD_MAX;
	return all > 2 * FD_RESERVED ? (all - FD_RESERVED) / 4 * 3 : FD_RESERVED;
}

/*= rfc4656#section-6.5 OW-6.5-05 */
static void expire_stored(void *arg)
{
	struct fz_engine *engine = arg;
	const struct fz_clock clock = {.error_estimate = 0};
	uint64_t ntp = fz_clock_wall(&clock).ntp;
	int64_t keep_ns = engine->conf->storage_keep_ns, wait_ns = keep_ns / 4;

	if (!engine->store)
		return;
	fz_store_expire(engine->store, (uint64_t)(fizeau_ntp_to_unix_ns(ntp, ntp) / 1000000000),
		(uint64_t)((keep_ns + 999999999) / 1000000000));
	wait_ns = wait_ns < EXPIRE_MIN_NS ? EXPIRE_MIN_NS : wait_ns > EXPIRE_MAX_NS ? EXPIRE_MAX_NS : wait_ns;
	if (fz_loop_timer(engine->loop, &engine->store_timer, (struct fizeau_mono){fz_clock_mono().ns + wait_ns}))
		fz_log(engine->log, FZ_LOG_ERROR, "no memory for the timer of stored sessions");
}

void fz_engine_open_store(struct fz_engine *engine)
{
	const char *dir = engine->conf->storage;
	int error;

	if (engine->store || !fz_conf_serves(engine->conf, FIZEAU_OWAMP))
		return;
	error = fz_store_open(dir, engine->log, &engine->store);
	if (error)
		fz_log(engine->log, FZ_LOG_WARNING, "storage %s: %s; OWAMP sessions are not received (%s)", dir,
			error == -EBUSY ? "another fizeaud uses it" : fizeau_strerror(error),
			error == -EBUSY ? "give each a folder of its own with storage DIR"
					: "make the folder and give it to fizeaud's user, or name another one with "
					  "storage DIR");
	else
		expire_stored(engine);
}

static void caught_up(void *arg)
{
	struct fz_engine *engine = arg;
	struct fz_conn *next;

	for (struct fz_conn *conn = engine->open.first; conn; conn = next) {
		next = fz_conn_next(conn);
		fz_conn_resume(conn);
	}
}

int fz_engine_init(struct fz_engine *engine, struct fz_loop *loop, struct fz_log *log)
{
	const struct fz_session_hooks hooks = {.caught_up = caught_up, .asked = fz_stamp_ask,
		.started = fz_stamp_worker_started, .arg = engine};
	uint32_t seeds[2];

	memset(engine, 0, sizeof(*engine));
	if (getrandom(seeds, sizeof(seeds), 0) != (ssize_t)sizeof(seeds))
		return -errno;
	fz_clock_ask(&engine->clock);
	engine->loop = loop;
	engine->log = log;
	/*= rfc4656#section-3.1 OW-3.1-42 OW-3.1-45 */
	engine->start_time = fz_clock_wall(&engine->clock).ntp;
	engine->started = fz_clock_mono();
	engine->connections_max = raise_descriptors();
	engine->admit = fz_admit_new(seeds[0]);
	engine->sessions = fz_session_table_new(loop, log, &engine->counters, &hooks);
	engine->stamp = fz_stamp_new(engine);
	engine->keyd = fz_keyd_new(loop, log);
	engine->ow_batch = fz_udp_batch_new(OW_BATCH, FIZEAU_TEST_PACKET_MAX);
	engine->ow_port = seeds[1];
	engine->store_timer = (struct fz_timer){.fn = expire_stored, .arg = engine};
	if (engine->admit && engine->sessions && engine->stamp && engine->keyd && engine->ow_batch)
		return 0;
	fz_engine_done(engine);
	return -ENOMEM;
}

bool fz_engine_start_workers(struct fz_engine *engine, bool foreground, char error[static FZ_CONF_ERROR_MAX])
{
	const struct fz_workers_options options = {.count = (uint32_t)engine->conf->workers, .foreground = foreground};
	int why = fz_session_table_start(engine->sessions, &options);

	if (why)
		snprintf(error, FZ_CONF_ERROR_MAX, "the workers cannot be started: %s%s", fizeau_strerror(why),
			why == -ENOENT ? " (fizeaud starts itself as /proc/self/exe: mount /proc)" : "");
	return !why;
}

bool fz_engine_measures(const struct fz_engine *engine)
{
	return engine->ow_first != NULL;
}

bool fz_engine_wind_down(struct fz_engine *engine)
{
	struct fz_conn *next;

	while (engine->listener_count)
		listener_free(engine->listeners[--engine->listener_count]);
	for (struct fz_conn *conn = engine->open.first; conn; conn = next) {
		next = fz_conn_next(conn);
		fz_conn_wind_down(conn);
	}
	return fz_engine_measures(engine);
}

void fz_engine_done(struct fz_engine *engine)
{
	while (engine->listener_count)
		listener_free(engine->listeners[--engine->listener_count]);
	while (engine->open.first)
		fz_conn_drop(engine->open.first);
	while (engine->half_open.first)
		fz_conn_drop(engine->half_open.first);
	fz_loop_timer_stop(engine->loop, &engine->store_timer);
	fz_store_close(engine->store);
	fz_clock_close(&engine->clock);
	fz_udp_batch_free(engine->ow_batch);
	fz_stamp_free(engine->stamp);
	fz_session_table_free(engine->sessions);
	fz_keyd_free(engine->keyd);
	fz_admit_free(engine->admit);
	fz_conf_release(engine->conf);
	memset(engine, 0, sizeof(*engine));
}
