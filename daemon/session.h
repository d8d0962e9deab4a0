/* SPDX-License-Identifier: MIT */
/* TWAMP and STAMP sessions as the main process knows them: whose they are, which worker reflects their packets, and on which port.
   The worker has the keys and the clock of each; here is what was agreed on, and the way to what it counts. */
#ifndef FZ_DAEMON_SESSION_H
#define FZ_DAEMON_SESSION_H

#include "admit.h"
#include "figures.h"
#include "log.h"
#include "port.h"
#include "workers.h"

struct fz_session_table;
struct fz_session;
struct fz_engine;

enum fz_session_state {
	FZ_SESSION_REQUESTED, /* accepted, not started: nothing is reflected */
	FZ_SESSION_RUNNING,
	FZ_SESSION_STOPPED,   /* Stop-Sessions came: reflected for Timeout more */
};

/* Called when a session ends, whatever the reason: it is not to be touched afterwards. */
typedef void fz_session_end_fn(struct fz_session *session, enum fz_counter reason);

struct fz_session_hooks {
	/* Sessions of a worker that waited to be told of their start have been: fz_session_waits. */
	void (*caught_up)(void *arg);
	/* Of STAMP, whose sessions nobody requests (stamp.h). */
	void (*asked)(void *arg, uint32_t worker, const struct fz_ask *ask);
	void (*started)(void *arg, uint32_t worker);
	void *arg;
};

struct fz_session_wanted {
	struct fz_addr local;   /* where packets come to; its port: wanted, 0 any */
	struct fz_addr remote;  /* whose packets, with the Sender Port */
	uint32_t mode;          /* as chosen on the control connection */
	uint8_t sid[FIZEAU_SID_OCTETS];
	struct fizeau_test_keys keys; /* wiped by the caller */
	uint8_t dscp;
	uint32_t padding_octets;
	uint16_t reflect_length; /* octets of it that are to come back, with reflect octets */
	int64_t timeout_ns;     /* reflection after Stop-Sessions */
	struct fz_conf *conf;
	const struct fz_class *of_class;
	bool require_ipsec;     /* packets count only if they come through IPsec */
	uint32_t bypass_mark;   /* not 0: packets go around it */
	fz_session_end_fn *ended;
	void *owner;            /* of the one who asked; may be changed */
};

struct fz_session {
	struct fz_session *next, *previous; /* of all */
	struct fz_session_table *sessions;
	struct fz_port *port;   /* of TWAMP; NULL when ending */
	struct fz_seat seat;
	struct fz_letter letter; /* orders that wait */
	uint32_t worker, slot, serial;
	struct fz_conf *conf;
	const struct fz_class *of_class; /* in conf */
	fz_session_end_fn *ended;
	void *owner;

	enum fz_session_state state;
	bool ending;            /* it has ended here; the worker has not said so yet */
	enum fz_counter reason; /* why, if it is ending */
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint32_t mode;
	uint8_t dscp;
	uint32_t padding_octets;
	struct fz_addr remote;
	uint16_t local_port;
	int64_t timeout_ns;
	struct fizeau_mono started, last; /* last: end at the latest */
	struct {
		uint32_t listener; /* its number; 0: of TWAMP */
		uint16_t ssid;
		bool stateless;
	} stamp;

	/* The owner's: kept here for it, and for status. */
	struct fz_session *next_of_owner;
	struct fz_engine *engine;
	struct fz_place place;
	struct fz_identity identity;
	struct fz_addr peer; /* of the control connection */
};

/* NULL without memory. Counts what ends in counters. */
struct fz_session_table *fz_session_table_new(struct fz_loop *loop, struct fz_log *log, struct fz_counters *counters,
	const struct fz_session_hooks *hooks);
/* Starts the workers. 0 or -errno. */
FIZEAU_MUST_USE int fz_session_table_start(struct fz_session_table *sessions, const struct fz_workers_options *options);
/* As fz_workers_set. */
void fz_session_table_set(struct fz_session_table *sessions, const struct fz_clock_choice *clock, bool busy);
void fz_session_table_free(struct fz_session_table *sessions); /* ends what still runs, and the workers */
struct fz_workers *fz_session_table_workers(const struct fz_session_table *sessions);

/* A session in state REQUESTED, or NULL: accept and counter say why. */
struct fz_session *fz_session_add(struct fz_session_table *sessions, const struct fz_session_wanted *wanted, uint8_t *accept,
	enum fz_counter *counter);
/* STAMP: what a worker asked for, admitted. */
struct fz_stamp_session_wanted {
	uint32_t worker, listener;   /* number of the latter's port */
	uint16_t local_port, ssid;
	struct fz_addr remote;
	uint32_t mode;               /* open or authenticated */
	struct fizeau_st_key key;    /* octets 0: none; wiped by the caller */
	bool open_hmac_tlv, require_ipsec;
	struct fz_conf *conf;
	const struct fz_class *of_class;
	fz_session_end_fn *ended;
};
/* A session in state RUNNING, or NULL: counter says why. */
struct fz_session *fz_session_add_stamp(struct fz_session_table *sessions, const struct fz_stamp_session_wanted *wanted,
	enum fz_counter *counter);

void fz_session_start(struct fz_session *session);
/* Stop-Sessions: reflection goes on for Timeout, then the session ends. */
void fz_session_stop(struct fz_session *session);
void fz_session_end(struct fz_session *session, enum fz_counter reason);
/* Whether its worker is yet to be sent what it was told last: with many orders at once there may be no room for them. */
bool fz_session_waits(const struct fz_session *session);

/* What it has counted so far. */
const struct fz_figures *fz_session_figures(const struct fz_session *session);
/* Where its packets come from, as far as is known. */
void fz_session_remote(const struct fz_session *session, struct fz_addr *remote);
/* When it ends at the latest. */
struct fizeau_mono fz_session_ends(const struct fz_session *session);

/* All sessions, in order of their making; those that are ending too. */
struct fz_session *fz_session_table_first(const struct fz_session_table *sessions);
/* Sessions and ports of a worker. */
void fz_session_table_of_worker(const struct fz_session_table *sessions, uint32_t worker, uint32_t *session_count,
	uint32_t *port_count);

#endif
