/* SPDX-License-Identifier: MIT */
/* The control side: listeners, and the control connections behind them. What the parts of the daemon share. */
#ifndef FZ_DAEMON_ENGINE_H
#define FZ_DAEMON_ENGINE_H

#include <fizeau/server.h>
#include "admit.h"
#include "keyd.h"
#include "session.h"
#include "store.h"

#define FZ_LISTENERS_MAX (2 * FZ_CONF_LISTEN_MAX)

struct fz_engine;
struct fz_conn;
struct fz_ow_session;
struct fz_stamp;

struct fz_listener {
	enum fizeau_protocol protocol;
	struct fz_engine *engine;
	int fd;
	struct fz_addr addr;
	struct fz_timer pause; /* no descriptors left: not to be asked again for a moment */
	bool paused, keep;
};

/* Connections in a list of their own by age. */
struct fz_conn_list {
	struct fz_conn *first, *last;
	uint32_t count;
};

struct fz_engine {
	struct fz_loop *loop;
	struct fz_log *log;
	struct fz_clock clock;             /* of all sessions */
	struct fz_counters counters;
	struct fz_conf *conf; /* for new connections */
	struct fz_keyd *keyd;
	struct fz_admit *admit;
	struct fz_session_table *sessions;      /* of TWAMP and STAMP */
	struct fz_stamp *stamp;            /* where STAMP is listened for */
	struct fz_store *store;            /* of OWAMP sessions; NULL: none are received */
	struct fz_timer store_timer;
	struct fz_udp_batch *ow_batch;     /* of the sockets of all OWAMP sessions */
	struct fz_ow_session *ow_first, *ow_last; /* all of them */
	uint32_t ow_port;                  /* where the next free test port is looked for */
	uint64_t start_time; /* NTP: the same for all connections */
	struct fizeau_mono started;
	struct fz_listener *listeners[FZ_LISTENERS_MAX];
	uint32_t listener_count;
	struct fz_conn_list half_open, open;
	uint32_t connections_max; /* what descriptors allow */
};

/* 0 or -errno. conf is held. */
FIZEAU_MUST_USE int fz_engine_init(struct fz_engine *engine, struct fz_loop *loop, struct fz_log *log);
/* Ends sessions and connections, closes listeners. */
void fz_engine_done(struct fz_engine *engine);

/* Takes over a configuration: key sources and listeners. On failure everything stays as it was, and error says why. */
FIZEAU_MUST_USE bool fz_engine_configure(struct fz_engine *engine, struct fz_conf *conf,
	char error[static FZ_CONF_ERROR_MAX]);

/* Opens the storage of conf, as whoever the daemon has become. Without it sessions are not received: a warning says why. */
void fz_engine_open_store(struct fz_engine *engine);

/* Starts the workers of conf, as whoever the daemon has become. False: error says why. */
FIZEAU_MUST_USE bool fz_engine_start_workers(struct fz_engine *engine, bool foreground,
	char error[static FZ_CONF_ERROR_MAX]);

/* SIGTERM: takes no more connections, and says Stop-Sessions where OWAMP sessions run. True if there are any: their clients
   have a moment to say theirs. */
FIZEAU_MUST_USE bool fz_engine_wind_down(struct fz_engine *engine);
/* Whether OWAMP sessions still run. */
bool fz_engine_measures(const struct fz_engine *engine);

/* Gives a descriptor back for someone who needs one: the oldest half-open connection goes. False if there is none. */
FIZEAU_MUST_USE bool fz_engine_spare_descriptor(struct fz_engine *engine);

/* One control connection (conn.c). fz_conn_new takes over fd, also when it fails. */
void fz_conn_new(struct fz_engine *engine, enum fizeau_protocol protocol, int fd, const struct fz_addr *peer,
	const struct fz_addr *local);
void fz_conn_drop(struct fz_conn *conn);           /* at once */
/* Something happened to its sessions: sends what there is to send. It may be gone afterwards, as it is with an error. */
void fz_conn_turn(struct fz_conn *conn, int error);
/* The same, if what there is to send was held back until the workers know of its sessions' start. */
void fz_conn_resume(struct fz_conn *conn);
void fz_conn_wind_down(struct fz_conn *conn);      /* as fz_engine_wind_down */
const struct fz_addr *fz_conn_peer(const struct fz_conn *conn);
struct fz_conn *fz_conn_next(const struct fz_conn *conn); /* in its list */

#endif
