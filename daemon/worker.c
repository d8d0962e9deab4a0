/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "reflect.h"
#include "user.h"
#include "worker.h"

#define ORDERS_A_TURN 64

/* A report that found no room. */
struct unsaid {
	uint32_t next; /* slot + 1; 0: none */
	enum fz_counter reason;
};

struct worker {
	struct fz_loop *loop;
	struct fz_clock clock;
	struct fz_shared *shared;
	struct fz_reflect *reflect;
	struct unsaid *unsaid; /* by slot */
	uint32_t first, last;  /* slot + 1 */
	bool busy; /* not to sleep while a session runs */
	bool over;
};

static void end(struct worker *worker)
{
	worker->over = true;
}

/* False if there is no room. A main process that is gone needs no report. */
static bool say(struct worker *worker, uint32_t slot, enum fz_counter reason)
{
	struct fz_report report;
	int error;

	memset(&report, 0, sizeof(report));
	report.slot = slot;
	report.reason = reason;
	error = fz_message_send(FZ_WORKER_ORDERS, &report, sizeof(report), -1);
	if (error && error != -EAGAIN)
		end(worker);
	return error != -EAGAIN;
}

static void ended(void *arg, uint32_t slot, enum fz_counter reason)
{
	struct worker *worker = arg;

	if (!worker->first && say(worker, slot, reason))
		return;
	worker->unsaid[slot] = (struct unsaid){.reason = reason};
	if (worker->first)
		worker->unsaid[worker->last - 1].next = slot + 1;
	else if (fz_loop_change(worker->loop, FZ_WORKER_ORDERS, EPOLLIN | EPOLLOUT))
		end(worker);
	else
		worker->first = slot + 1;
	worker->last = slot + 1;
}

static void say_on(struct worker *worker)
{
	while (worker->first && say(worker, worker->first - 1, worker->unsaid[worker->first - 1].reason))
		worker->first = worker->unsaid[worker->first - 1].next;
	if (!worker->first && fz_loop_change(worker->loop, FZ_WORKER_ORDERS, EPOLLIN))
		end(worker);
}

static bool ask(void *arg, const struct fz_ask *ask)
{
	struct worker *worker = arg;

	/* What was to be said before goes first, and what is to be said has to have room. */
	return !worker->first && !fz_message_send(FZ_WORKER_ORDERS, ask, sizeof(*ask), -1);
}

/* Each asks on its own: what a fork shares would mix their answers. */
static void set_clock(struct worker *worker, const struct fz_clock_choice *choice)
{
	struct fz_clock clock;

	if (fz_clock_open(&clock, choice)) {
		end(worker);
		return;
	}
	fz_clock_close(&worker->clock);
	worker->clock = clock;
	if (fz_clock_watch(&worker->clock, worker->loop))
		end(worker);
}

static void read_orders(struct worker *worker, int most)
{
	struct {
		struct fz_order order;
		uint8_t more;
	} octets;
	struct fz_order order;

	for (int i = 0; i < most && !worker->over; i++) {
		int passed, got = fz_message_receive(FZ_WORKER_ORDERS, &octets, sizeof(octets), &passed);
		if (got == -EAGAIN)
			break;
		/* The end, or what no fizeaud says. */
		if (got <= 0 || !fz_order_read(&octets, (size_t)got, &order)) {
			if (passed >= 0)
				close(passed);
			end(worker);
			break;
		}
		if (order.kind == FZ_ORDER_CLOCK)
			set_clock(worker, &order.clock);
		else if (order.kind == FZ_ORDER_BUSY)
			worker->busy = order.number;
		else
			fz_reflect_order(worker->reflect, &order, passed);
		if (order.kind == FZ_ORDER_ADD || order.kind == FZ_ORDER_ADD_STAMP) {
			fizeau_wipe(&order, sizeof(order));
			fizeau_wipe(&octets, sizeof(octets));
		}
	}
}

static void catch_up(void *arg)
{
	read_orders(arg, (int)FZ_WORKER_SLOTS);
}

static void ready(void *arg, uint32_t events)
{
	struct worker *worker = arg;

	if (events & EPOLLOUT)
		say_on(worker);
	if (events & ~(uint32_t)EPOLLOUT)
		read_orders(worker, ORDERS_A_TURN);
}

/* Only what was meant for it, whatever the main process inherited. */
static void close_others(void)
{
#ifdef SYS_close_range
	(void)syscall(SYS_close_range, (unsigned)FZ_WORKER_FIGURES + 1, ~0u, 0u);
#endif
}

/* It goes when its main process goes, and not with the signals that a terminal or systemd sends to both. */
static void prepare(void)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

	sigset_t none;

	fz_user_keep_secrets();
	(void)prctl(PR_SET_NAME, FZ_WORKER_NAME, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	close_others();
	/* The main process starts it with all of them blocked. */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0 or -errno. */
static int begin(struct worker *worker)
{
	const struct fz_reflect_hooks hooks = {.ended = ended, .ask = ask, .catch_up = catch_up, .arg = worker};
	uint64_t seed;
	int error;

	worker->shared = fz_shared_map(FZ_WORKER_FIGURES);
	close(FZ_WORKER_FIGURES);
	worker->unsaid = calloc(FZ_WORKER_SLOTS, sizeof(*worker->unsaid));
	if (!worker->shared || !worker->unsaid)
		return -ENOMEM;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return -errno;
	fz_clock_ask(&worker->clock);
	error = fz_loop_new(&worker->loop);
	if (!error)
		error = fz_loop_add(worker->loop, FZ_WORKER_ORDERS, EPOLLIN, ready, worker);
	if (error)
		return error;
	worker->reflect = fz_reflect_new(worker->loop, &worker->clock, worker->shared, seed, &hooks);
	return worker->reflect ? 0 : -ENOMEM;
}

static bool is_orders(int fd)
{
	int domain = 0, type = 0;
	socklen_t domain_len = sizeof(domain), type_len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) && domain == AF_UNIX &&
		!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) && type == SOCK_SEQPACKET;
}

int fz_worker_run(void)
{
	const struct fizeau_mono past = {0};
	struct worker worker = {.first = 0};
	int error;

	if (!is_orders(FZ_WORKER_ORDERS)) {
		fprintf(stderr, FZ_WORKER_NAME ": fizeaud starts its workers itself\n");
		return 2;
	}
	prepare();
	error = begin(&worker);
	while (!error && !worker.over)
		error = fz_loop_once(worker.loop, worker.busy && fz_reflect_runs(worker.reflect) ? past : FIZEAU_NEVER);
	fz_reflect_free(worker.reflect);
	fz_clock_close(&worker.clock);
	fz_loop_free(worker.loop);
	fz_shared_unmap(worker.shared);
	free(worker.unsaid);
	return error ? 1 : 0;
}
