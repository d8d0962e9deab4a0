/* SPDX-License-Identifier: MIT */
/* The UDP side of a worker: test sockets, and the Session-Reflectors behind them, as the main process orders them. One
   socket serves the sessions of all client addresses; seats.h says how a packet's session is found. */
#ifndef FZ_DAEMON_REFLECT_H
#define FZ_DAEMON_REFLECT_H

#include "io/clock.h"
#include "io/loop.h"
#include "order.h"

struct fz_reflect;

struct fz_reflect_hooks {
	/* A session has ended; its slot is free. */
	void (*ended)(void *arg, uint32_t slot, enum fz_counter reason);
	/* STAMP: asks about a source. False: not now. */
	bool (*ask)(void *arg, const struct fz_ask *ask);
	/* Carries out the orders that wait: a packet may be here before the one that it follows from was looked at. */
	void (*catch_up)(void *arg);
	void *arg;
};

/* shared is written to. NULL without memory. */
struct fz_reflect *fz_reflect_new(struct fz_loop *loop, struct fz_clock *clock, struct fz_shared *shared, uint64_t seed,
	const struct fz_reflect_hooks *hooks);
void fz_reflect_free(struct fz_reflect *reflect); /* tells nobody of what ends with it */

/* fd: the socket of a FZ_ORDER_PORT, taken over; else -1. What cannot be done ends the session concerned. */
void fz_reflect_order(struct fz_reflect *reflect, const struct fz_order *order, int fd);
/* Whether a session was started that has not ended. */
bool fz_reflect_runs(const struct fz_reflect *reflect);

#endif
