/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"

#define NS_PER_SEC 1000000000LL
#define EVENTS_PER_ROUND 64

struct handler {
	fz_fd_fn *fn; /* NULL: not watched */
	void *arg;
	uint32_t generation; /* of fn; events of an earlier one are stale and dropped */
};

struct signal_handler {
	fz_signal_fn *fn;
	void *arg;
};

struct fz_loop {
	int epoll_fd, timer_fd, signal_fd; /* signal_fd: -1 until a signal is wanted */
	int64_t armed_ns;		   /* when timer_fd will wake us; INT64_MAX: it will not */
	bool stopped;
	int64_t spin_ahead_ns, spin_until_ns;

	struct handler *handlers; /* by descriptor */
	size_t handlers_room;
	uint32_t generation;

	struct fz_timer **heap; /* heap[1] is due first; heap[0] is not used */
	size_t timers, heap_room;

	sigset_t signals;
	struct signal_handler signal_handlers[64];
};

/* epoll's 64 bits: the descriptor below, the generation above. */
static uint64_t tag_of(int fd, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint32_t)fd;
}

static int watch(struct fz_loop *loop, int op, int fd, uint32_t events, uint32_t generation)
{
	struct epoll_event event = {.events = events, .data = {.u64 = tag_of(fd, generation)}};

	return epoll_ctl(loop->epoll_fd, op, fd, &event) == 0 ? 0 : -errno;
}

static struct handler *handler_of(const struct fz_loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->handlers_room || loop->handlers[fd].fn == NULL)
		return NULL;
	return &loop->handlers[fd];
}

static int handlers_reach(struct fz_loop *loop, int fd)
{
	size_t room = loop->handlers_room == 0 ? 64 : loop->handlers_room;
	struct handler *handlers;

	if ((size_t)fd < loop->handlers_room)
		return 0;
	while (room <= (size_t)fd)
		room *= 2;
	handlers = realloc(loop->handlers, room * sizeof(*handlers));
	if (handlers == NULL)
		return -ENOMEM;
	memset(handlers + loop->handlers_room, 0, (room - loop->handlers_room) * sizeof(*handlers));
	loop->handlers = handlers;
	loop->handlers_room = room;
	return 0;
}

int fz_loop_new(struct fz_loop **out)
{
	struct fz_loop *loop = calloc(1, sizeof(*loop));
	int error;

	*out = NULL;
	if (loop == NULL)
		return -ENOMEM;
	loop->armed_ns = INT64_MAX;
	loop->signal_fd = -1;
	sigemptyset(&loop->signals);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	error = loop->epoll_fd < 0 || loop->timer_fd < 0 ? -errno : 0;
	/* Edge-triggered: each expiry is one event, and the descriptor need never be read. Generation 0 is
	 * ours. */
	if (error == 0)
		error = watch(loop, EPOLL_CTL_ADD, loop->timer_fd, EPOLLIN | EPOLLET, 0);
	if (error != 0) {
		fz_loop_free(loop);
		return error;
	}
	*out = loop;
	return 0;
}

void fz_loop_free(struct fz_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->handlers);
	free(loop->heap);
	free(loop);
}

int fz_loop_add(struct fz_loop *loop, int fd, uint32_t events, fz_fd_fn *fn, void *arg)
{
	int error;

	if (fd < 0)
		return -EBADF;
	error = handlers_reach(loop, fd);
	if (error != 0)
		return error;
	if (++loop->generation == 0)
		loop->generation = 1;
	error = watch(loop, EPOLL_CTL_ADD, fd, events, loop->generation);
	if (error == 0)
		loop->handlers[fd] = (struct handler){.fn = fn, .arg = arg, .generation = loop->generation};
	return error;
}

int fz_loop_change(struct fz_loop *loop, int fd, uint32_t events)
{
	const struct handler *handler = handler_of(loop, fd);

	return handler == NULL ? -ENOENT : watch(loop, EPOLL_CTL_MOD, fd, events, handler->generation);
}

void fz_loop_remove(struct fz_loop *loop, int fd)
{
	struct handler *handler = handler_of(loop, fd);

	if (handler == NULL)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	*handler = (struct handler){0};
}

static void put(struct fz_loop *loop, size_t place, struct fz_timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place;
}

/* Moves the timer at place to where it belongs. */
static void sift(struct fz_loop *loop, size_t place)
{
	struct fz_timer *timer = loop->heap[place];

	while (place > 1 && loop->heap[place / 2]->due.ns > timer->due.ns) {
		put(loop, place, loop->heap[place / 2]);
		place /= 2;
	}
	while (place * 2 <= loop->timers) {
		size_t child = place * 2;

		if (child < loop->timers && loop->heap[child + 1]->due.ns < loop->heap[child]->due.ns)
			child++;
		if (loop->heap[child]->due.ns >= timer->due.ns)
			break;
		put(loop, place, loop->heap[child]);
		place = child;
	}
	put(loop, place, timer);
}

int fz_loop_timer(struct fz_loop *loop, struct fz_timer *timer, struct fizeau_mono due)
{
	if (due.ns == FIZEAU_NEVER.ns) {
		fz_loop_timer_stop(loop, timer);
		return 0;
	}
	if (timer->place == 0) {
		if (loop->timers + 1 >= loop->heap_room) {
			size_t room = loop->heap_room == 0 ? 64 : loop->heap_room * 2;
			struct fz_timer **heap = realloc(loop->heap, room * sizeof(struct fz_timer *));

			if (heap == NULL)
				return -ENOMEM;
			loop->heap = heap;
			loop->heap_room = room;
		}
		put(loop, ++loop->timers, timer);
	}
	timer->due = due;
	sift(loop, timer->place);
	return 0;
}

void fz_loop_timer_stop(struct fz_loop *loop, struct fz_timer *timer)
{
	size_t place = timer->place;
	struct fz_timer *last;

	if (place == 0)
		return;
	last = loop->heap[loop->timers--];
	timer->place = 0;
	if (last != timer) {
		put(loop, place, last);
		sift(loop, place);
	}
}

static void run_timers(struct fz_loop *loop)
{
	struct fizeau_mono now = fz_clock_mono();
	/* A timer that sets itself to a moment already past must not keep the descriptors from their turn. */
	size_t most = loop->timers;

	while (most-- > 0 && loop->timers > 0 && loop->heap[1]->due.ns <= now.ns) {
		struct fz_timer *timer = loop->heap[1];

		fz_loop_timer_stop(loop, timer);
		timer->fn(timer->arg);
	}
}

static void on_signal(void *arg, uint32_t events)
{
	struct fz_loop *loop = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		const struct signal_handler *handler = &loop->signal_handlers[(info.ssi_signo - 1) % 64];

		if (handler->fn != NULL)
			handler->fn(handler->arg, (int)info.ssi_signo);
	}
}

int fz_loop_signal(struct fz_loop *loop, int signo, fz_signal_fn *fn, void *arg)
{
	sigset_t wanted = loop->signals;
	int fd, error;

	if (signo < 1 || signo > 64 || sigaddset(&wanted, signo) != 0)
		return -EINVAL;
	error = pthread_sigmask(SIG_BLOCK, &wanted, NULL);
	if (error != 0)
		return -error;
	fd = signalfd(loop->signal_fd, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (loop->signal_fd < 0) {
		error = fz_loop_add(loop, fd, EPOLLIN, on_signal, loop);
		if (error != 0) {
			close(fd);
			return error;
		}
		loop->signal_fd = fd;
	}
	loop->signals = wanted;
	loop->signal_handlers[signo - 1] = (struct signal_handler){.fn = fn, .arg = arg};
	return 0;
}

/* Sees to it that the wait ends by wake_ns. Returns the timeout for epoll_wait, or -errno. timerfd and not
   that timeout, because the timeout counts milliseconds and schedules are kept to the microsecond. */
static int arm(struct fz_loop *loop, int64_t wake_ns, int *timeout)
{
	struct itimerspec when = {0};

	*timeout = -1;
	if (wake_ns == INT64_MAX)
		return 0;
	if (wake_ns <= fz_clock_mono().ns) {
		*timeout = 0;
		return 0;
	}
	/* Waking too early costs one empty round; a system call each time a deadline moves on would cost
	 * more. */
	if (loop->armed_ns <= wake_ns)
		return 0;
	when.it_value.tv_sec = wake_ns / NS_PER_SEC;
	when.it_value.tv_nsec = wake_ns % NS_PER_SEC;
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
		return -errno;
	loop->armed_ns = wake_ns;
	return 0;
}

void fz_loop_spin(struct fz_loop *loop, int64_t ahead_ns)
{
	loop->spin_ahead_ns = ahead_ns;
}

void fz_loop_spin_until(struct fz_loop *loop, struct fizeau_mono until)
{
	if (until.ns > loop->spin_until_ns)
		loop->spin_until_ns = until.ns;
}

/* So close to a timer nothing else is begun: to read what has come takes longer than a schedule may be missed by. */
#define QUIET_NS 60000

/* Looks for events without sleeping until wake_ns, as long as that is wanted: how many, 0 if it is not any more or the
   time has come, or -1 with errno. */
static int spin(struct fz_loop *loop, int64_t wake_ns, struct epoll_event *events)
{
	int64_t now_ns = fz_clock_mono().ns;
	int count = 0;

	while (count == 0 && now_ns < wake_ns &&
		(now_ns < loop->spin_until_ns || wake_ns - now_ns <= loop->spin_ahead_ns)) {
		if (wake_ns - now_ns > QUIET_NS)
			count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, 0);
		now_ns = fz_clock_mono().ns;
	}
	return count;
}

/* Sleeps until there are events or the time has come. */
static int sleep_until(struct fz_loop *loop, int64_t wake_ns, struct epoll_event *events)
{
	int timeout, error = arm(loop, wake_ns, &timeout);

	if (error != 0) {
		errno = -error;
		return -1;
	}
	return epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, timeout);
}

static void dispatch(struct fz_loop *loop, const struct epoll_event *event)
{
	uint32_t generation = (uint32_t)(event->data.u64 >> 32);
	int fd = (int)(event->data.u64 & 0xffffffff);
	const struct handler *handler;

	if (generation == 0)
		return;
	handler = handler_of(loop, fd);
	if (handler != NULL && handler->generation == generation)
		handler->fn(handler->arg, event->events);
}

int fz_loop_once(struct fz_loop *loop, struct fizeau_mono until)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int64_t wake_ns = until.ns;
	int count = 0, i;

	if (loop->timers > 0 && loop->heap[1]->due.ns < wake_ns)
		wake_ns = loop->heap[1]->due.ns;
	if (loop->spin_ahead_ns > 0)
		count = spin(loop, wake_ns, events);
	if (count == 0)
		count = sleep_until(loop, wake_ns == INT64_MAX ? wake_ns : wake_ns - loop->spin_ahead_ns, events);
	if (count < 0 && errno != EINTR)
		return -errno;
	for (i = 0; i < count; i++) {
		if (events[i].data.u64 >> 32 == 0)
			loop->armed_ns = INT64_MAX;
	}
	run_timers(loop);
	for (i = 0; i < count; i++)
		dispatch(loop, &events[i]);
	return 0;
}

int fz_loop_run(struct fz_loop *loop)
{
	int error = 0;

	while (!loop->stopped && error == 0)
		error = fz_loop_once(loop, FIZEAU_NEVER);
	loop->stopped = false;
	return error;
}

void fz_loop_stop(struct fz_loop *loop)
{
	loop->stopped = true;
}
