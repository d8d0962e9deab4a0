/* SPDX-License-Identifier: MIT */
/* What a worker counts, in memory that it shares with the main process: the worker writes, the main process only reads, at
   any time and without a lock. */
#ifndef FZ_DAEMON_FIGURES_H
#define FZ_DAEMON_FIGURES_H

#include <stdatomic.h>
#include <stddef.h>
#include "counters.h"

#define FZ_WORKER_SLOTS 65536u /* sessions of a worker */

/* Why packets were not reflected. */
enum fz_drop {
	FZ_DROP_NOT_STARTED,
	FZ_DROP_NOT_IPSEC,
	FZ_DROP_LENGTH,
	FZ_DROP_HMAC,
	FZ_DROP_LOOP,
	FZ_DROP_RATE,
	FZ_DROP_BANDWIDTH,
	FZ_DROP_LOCAL,
	FZ_DROPS,
};
const char *fz_drop_name(enum fz_drop drop);

/* Of a session. */
struct fz_figures {
	_Atomic uint64_t received, reflected, drops[FZ_DROPS];
	_Atomic int64_t heard_ns;       /* the last packet that was reflected, monotonic; 0: none yet */
	_Atomic uint32_t remote_port;   /* it came from; 0: none yet */
	_Atomic uint32_t serial;        /* of the session that this is of: a slot has many, one after the other */
};

/* Of a worker: what lies in the memory. Pages of slots that were never used do not exist. */
struct fz_shared {
	_Atomic uint64_t counters[FZ_COUNTERS];
	struct fz_figures slots[FZ_WORKER_SLOTS];
};

/* The only writer's: no bus is locked for it. */
static inline void fz_figure_add(_Atomic uint64_t *figure, uint64_t n)
{
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t fz_figure(const _Atomic uint64_t *figure)
{
	return atomic_load_explicit(figure, memory_order_relaxed);
}

/* A descriptor of zeroed memory that can neither shrink nor grow, or -errno. */
int fz_shared_create(void);
/* NULL if it is not of the right size, or without address space. */
struct fz_shared *fz_shared_map(int fd);            /* to write */
const struct fz_shared *fz_shared_look(int fd);     /* to read */
void fz_shared_unmap(const struct fz_shared *shared); /* NULL is fine */

#endif
