/* SPDX-License-Identifier: MIT */
/* Threads for work that waits, each with an event loop of its own, so that what was written for one server serves
   thousands (doc/adr/0014). There are few of them as long as they get on, and more when all of them wait: a server that
   does not answer holds up nobody but itself. */
#ifndef FZ_CLI_POOL_H
#define FZ_CLI_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "io/loop.h"

#define FZ_POOL_FDS_THREAD 4 /* descriptors that a thread takes: its loop, and a resolver or the key service */

/* One thread, as its work sees it. */
struct fz_worker {
	struct fz_loop *loop;
	unsigned interrupts;    /* not 0: end at once */
	atomic_uint *computing; /* how many threads of the pool use a core instead of waiting: kept by the work */
};

struct fz_pool_config {
	struct fz_loop *loop;   /* the owner's */
	size_t jobs;            /* numbered from 0 */
	unsigned threads_max;
	const size_t *groups;   /* of each job, below jobs: of one group group_max are under way at most; NULL: no groups */
	unsigned group_max;
	void (*work)(void *arg, struct fz_worker *worker, size_t job); /* in a thread */
	void (*done)(void *arg, size_t job);                           /* from the owner's loop, after work */
	void *arg;
};

struct fz_pool;

/* Starts. 0 or -errno. */
FIZEAU_MUST_USE int fz_pool_new(const struct fz_pool_config *config, struct fz_pool **pool);
/* No job is begun any more, and those under way are interrupted. done is still called for these. */
void fz_pool_interrupt(struct fz_pool *pool);
/* Jobs that done will be called for, unless the pool is interrupted. */
size_t fz_pool_left(const struct fz_pool *pool);
/* Jobs under way, which done will be called for in any case. */
size_t fz_pool_busy(struct fz_pool *pool);
/* Interrupts and frees. False if a thread does not end: it waits for a resolver, which cannot be interrupted. The pool
   and what arg leads to must stay then, and the process should end. */
FIZEAU_MUST_USE bool fz_pool_free(struct fz_pool *pool);

#endif
