/* SPDX-License-Identifier: MIT */
/* One thread's event loop: descriptors (epoll), timers (a heap), signals (signalfd). Callbacks may add and
   remove anything, themselves included; a removed descriptor or timer is not called any more. */
#ifndef FZ_IO_LOOP_H
#define FZ_IO_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/time.h>

struct fz_loop;

typedef void fz_fd_fn(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR ... */
typedef void fz_timer_fn(void *arg);
typedef void fz_signal_fn(void *arg, int signo);

/* A timer lies in its owner's struct; zeroed is stopped. It is due at most once per set. */
struct fz_timer {
	struct fizeau_mono due;
	fz_timer_fn *fn;
	void *arg;
	size_t place; /* in the heap, 0: stopped */
};

FIZEAU_MUST_USE int fz_loop_new(struct fz_loop **loop); /* 0, -errno */
void fz_loop_free(struct fz_loop *loop);                /* closes no descriptor but its own */

FIZEAU_MUST_USE int fz_loop_add(struct fz_loop *loop, int fd, uint32_t events, fz_fd_fn *fn, void *arg);
FIZEAU_MUST_USE int fz_loop_change(struct fz_loop *loop, int fd, uint32_t events);
void fz_loop_remove(struct fz_loop *loop, int fd); /* before the descriptor is closed */

/* Sets or moves a timer; FIZEAU_NEVER stops it. -ENOMEM. fn and arg must be set in it. */
FIZEAU_MUST_USE int fz_loop_timer(struct fz_loop *loop, struct fz_timer *timer, struct fizeau_mono due);
void fz_loop_timer_stop(struct fz_loop *loop, struct fz_timer *timer);

/* Where precision is worth a core: from ahead_ns before a timer is due the loop does not sleep but looks again and
   again; 0, as a loop begins, is never. */
void fz_loop_spin(struct fz_loop *loop, int64_t ahead_ns);
/* Nor does it until then, if it spins at all. */
void fz_loop_spin_until(struct fz_loop *loop, struct fizeau_mono until);

/* Blocks the signal for the process and hands it to fn from the loop. */
FIZEAU_MUST_USE int fz_loop_signal(struct fz_loop *loop, int signo, fz_signal_fn *fn, void *arg);

/* Runs until fz_loop_stop; 0 or -errno. */
FIZEAU_MUST_USE int fz_loop_run(struct fz_loop *loop);
/* One round that waits at most until `until`: for callers with a bound of their own. */
FIZEAU_MUST_USE int fz_loop_once(struct fz_loop *loop, struct fizeau_mono until);
void fz_loop_stop(struct fz_loop *loop);

#endif
