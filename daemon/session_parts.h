/* SPDX-License-Identifier: MIT */
/* What the sessions of TWAMP (session.c) and of STAMP (stamp_session.c) share. */
#ifndef FZ_DAEMON_SESSION_PARTS_H
#define FZ_DAEMON_SESSION_PARTS_H

#include "session.h"

/* A worker's sessions by slot. */
struct fz_crew {
	struct fz_session **slots; /* FZ_WORKER_SLOTS */
	uint32_t *free;            /* slots that are not in use; from free_count on down */
	uint32_t free_count, unused; /* slots from unused on have never been in use */
	uint32_t sessions;         /* that are not ending */
};

struct fz_session_table {
	struct fz_loop *loop;
	struct fz_log *log;
	struct fz_counters *counters;
	struct fz_session_hooks hooks;
	struct fz_workers *workers;
	struct fz_crew *crews; /* by worker */
	uint32_t crew_count;
	struct fz_port_table ports;
	uint32_t serial; /* of the last session */
	struct fz_timer idle;
	struct fz_session *first, *last;
};

/* A slot of its worker's; with it session->letter is set up. */
FIZEAU_MUST_USE bool fz_session_take_slot(struct fz_session *session);
void fz_session_give_slot(struct fz_session *session);
/* It exists from now on: it has a slot, and its worker knows it. */
void fz_session_link(struct fz_session *session);
/* What any of them begins with; NULL without memory. It holds conf, and is in no table yet. */
struct fz_session *fz_session_new(struct fz_session_table *sessions, struct fz_conf *conf, const struct fz_class *of_class,
	uint32_t mode, const struct fz_addr *remote);
/* Running from now on. */
void fz_session_runs(struct fz_session *session);
/* What a worker is told of any session, from its limits: all but port, keys and dscp. */
void fz_session_fill_order(const struct fz_session *session, bool require_ipsec, struct fz_order_add *add);

#endif
