/* SPDX-License-Identifier: MIT */
/* The workers: processes of this program that reflect test packets (worker.h), one a core. Here they are started, told what
   to do, and started anew when they die (doc/adr/0013). */
#ifndef FZ_DAEMON_WORKERS_H
#define FZ_DAEMON_WORKERS_H

#include <sys/types.h>
#include "figures.h"
#include "io/loop.h"
#include "log.h"
#include "order.h"

struct fz_workers;

struct fz_workers_options {
	uint32_t count;
	bool foreground; /* else their terminal is /dev/null */
};

struct fz_workers_hooks {
	/* A session's report. */
	void (*ended)(void *arg, uint32_t worker, uint32_t slot, enum fz_counter reason);
	/* STAMP: a source that has no session. */
	void (*asked)(void *arg, uint32_t worker, const struct fz_ask *ask);
	/* What waited to be sent to one has been: letters are no letters any more. */
	void (*caught_up)(void *arg);
	/* One runs: what all of them are to know (fz_workers_insist). */
	void (*started)(void *arg, uint32_t worker);
	/* One is gone, and with it all its sessions and ports; what it counted for them can be read until this returns. */
	void (*died)(void *arg, uint32_t worker);
	void *arg;
};

/* Orders about a session that could not be sent yet: it lies in the session, zeroed to begin with, and needs no memory. */
struct fz_letter {
	struct fz_letter *next;
	uint32_t slot;
	uint32_t kinds;         /* bits by fz_order_kind; 0: it is in no queue */
	struct fz_order *order; /* the workers' own */
	int passed;
};

struct fz_workers *fz_workers_new(struct fz_loop *loop, struct fz_log *log, struct fz_counters *past,
	const struct fz_workers_hooks *hooks); /* NULL without memory. past: what dead workers counted is added there */
/* Starts them. 0 or -errno. */
FIZEAU_MUST_USE int fz_workers_start(struct fz_workers *workers, const struct fz_workers_options *options);
/* For all of them from now on: whose word on the clock counts, and whether they are not to sleep while a session runs. */
void fz_workers_set(struct fz_workers *workers, const struct fz_clock_choice *clock, bool busy);
/* Has them end in order, and waits for it, but not long. Figures can still be read. */
void fz_workers_stop(struct fz_workers *workers);
void fz_workers_free(struct fz_workers *workers);

uint32_t fz_workers_count(const struct fz_workers *workers);
/* Whether it could take a session. */
bool fz_workers_run(const struct fz_workers *workers, uint32_t worker);
pid_t fz_workers_pid(const struct fz_workers *workers, uint32_t worker); /* 0: it does not run */
uint64_t fz_workers_restarts(const struct fz_workers *workers, uint32_t worker);
/* NULL if it does not run. */
const struct fz_shared *fz_workers_shared(const struct fz_workers *workers, uint32_t worker);

/* FZ_ORDER_PORT (passed: its socket, still the caller's to close), and those that have no function of their own; the order is the caller's
   to wipe. 0, or -EAGAIN: too much waits to be sent. */
FIZEAU_MUST_USE int fz_workers_order(struct fz_workers *workers, uint32_t worker, const struct fz_order *order, int passed);
/* The same for what no worker can be without: one that does not take it is started anew. */
void fz_workers_insist(struct fz_workers *workers, uint32_t worker, const struct fz_order *order, int passed);
/* FZ_ORDER_START, FZ_ORDER_STOP, FZ_ORDER_END; the slot is the letter's. Never fails. */
void fz_workers_tell(struct fz_workers *workers, uint32_t worker, struct fz_letter *letter, enum fz_order_kind kind);
/* It is not to be sent any more. */
void fz_workers_forget(struct fz_workers *workers, uint32_t worker, struct fz_letter *letter);

#endif
