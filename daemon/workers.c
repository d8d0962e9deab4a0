/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "io/clock.h"
#include "worker.h"
#include "workers.h"

#define PROGRAM "/proc/self/exe"
#define WAITING_MAX 1024 /* orders with contents of their own, of one worker */
#define REPORTS_A_TURN 256
#define STOP_NS 2000000000ll
#define SOON_NS 5000000000ll /* who dies before that has died at once */
#define PAUSE_NS 100000000ll
#define PAUSE_MAX_NS 10000000000ll
#define FD_LOW 10            /* descriptors below are where a worker's are to be */

struct worker {
	struct fz_workers *workers;
	uint32_t index;
	pid_t pid; /* 0: does not run */
	int fd;
	const struct fz_shared *shared;
	bool writes; /* the loop tells when there is room */
	struct fz_letter *queue, **queue_end;
	uint32_t waiting;
	struct fz_timer restart;
	struct fizeau_mono started;
	uint32_t soon; /* times in a row that it died at once */
	uint64_t restarts;
};

struct fz_workers {
	struct fz_loop *loop;
	struct fz_log *log;
	struct fz_counters *past;
	struct fz_workers_hooks hooks;
	struct fz_workers_options options;
	struct fz_clock_choice clock;
	bool busy;
	struct worker *all;
	bool ending;
};

static bool is_own(const struct fz_letter *letter)
{
	return letter->order != NULL;
}

static void letter_free(struct fz_letter *letter)
{
	fizeau_wipe(letter->order, sizeof(*letter->order));
	free(letter->order);
	if (letter->passed >= 0)
		close(letter->passed);
	free(letter);
}

static void append(struct worker *worker, struct fz_letter *letter)
{
	letter->next = NULL;
	*worker->queue_end = letter;
	worker->queue_end = &letter->next;
}

static void drop_first(struct worker *worker)
{
	struct fz_letter *letter = worker->queue;

	worker->queue = letter->next;
	if (!worker->queue)
		worker->queue_end = &worker->queue;
	letter->kinds = 0;
	if (is_own(letter)) {
		worker->waiting--;
		letter_free(letter);
	}
}

/* Whatever goes wrong with its socket: it is of no use any more, and its death is dealt with when it is told. */
static void put_down(struct worker *worker)
{
	fz_loop_remove(worker->workers->loop, worker->fd);
	kill(worker->pid, SIGKILL);
}

static int send_short(struct worker *worker, uint32_t slot, enum fz_order_kind kind)
{
	struct fz_order order;

	memset(&order, 0, sizeof(order));
	order.kind = kind;
	order.number = slot;
	return fz_message_send(worker->fd, &order, fz_order_octets(kind), -1);
}

/* What a letter still holds; 0 if all of it has been sent. */
static int send_letter(struct worker *worker, struct fz_letter *letter)
{
	static const enum fz_order_kind kinds[] = {FZ_ORDER_START, FZ_ORDER_STOP, FZ_ORDER_END};

	if (is_own(letter))
		return fz_message_send(worker->fd, letter->order, fz_order_octets(letter->order->kind), letter->passed);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int error = letter->kinds & 1u << kinds[i] ? send_short(worker, letter->slot, kinds[i]) : 0;
		if (error)
			return error;
		letter->kinds &= ~(1u << kinds[i]);
	}
	return 0;
}

static void write_on(struct worker *worker)
{
	int error = 0;

	while (worker->queue && !(error = send_letter(worker, worker->queue)))
		drop_first(worker);
	if (error && error != -EAGAIN) {
		put_down(worker);
		return;
	}
	if (worker->writes == (worker->queue != NULL))
		return;
	worker->writes = worker->queue != NULL;
	if (fz_loop_change(worker->workers->loop, worker->fd, worker->writes ? EPOLLIN | EPOLLOUT : EPOLLIN))
		put_down(worker);
}

/* False at the end, or if it says what no worker says. */
static bool read_reports(struct worker *worker, int most)
{
	for (int i = 0; i < most; i++) {
		const struct fz_workers_hooks *hooks = &worker->workers->hooks;
		union {
			struct fz_report report;
			struct fz_ask ask;
			uint8_t more[sizeof(struct fz_ask) + 1];
		} octets;
		struct fz_report report;
		struct fz_ask ask;
		int passed, got = fz_message_receive(worker->fd, &octets, sizeof(octets), &passed);
		if (passed >= 0)
			close(passed);
		if (got == -EAGAIN)
			return true;
		if (got > 0 && fz_report_read(&octets, (size_t)got, &report))
			hooks->ended(hooks->arg, worker->index, report.slot, report.reason);
		else if (got > 0 && fz_ask_read(&octets, (size_t)got, &ask))
			hooks->asked(hooks->arg, worker->index, &ask);
		else
			return false;
	}
	return true;
}

static void ready(void *arg, uint32_t events)
{
	struct worker *worker = arg;

	if (!read_reports(worker, REPORTS_A_TURN)) {
		put_down(worker);
		return;
	}
	if (!(events & EPOLLOUT))
		return;
	write_on(worker);
	if (!worker->queue)
		worker->workers->hooks.caught_up(worker->workers->hooks.arg);
}

/* Above the places that a worker finds its own at. */
static int lift(int fd)
{
	int lifted = fd < 0 || fd >= FD_LOW ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FD_LOW);

	if (lifted != fd)
		close(fd);
	return lifted;
}

static int spawn(const struct fz_workers *workers, int orders, int figures, pid_t *pid)
{
	char name[] = FZ_WORKER_NAME;
	char *const argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (error) {
		posix_spawn_file_actions_destroy(&actions);
		return -error;
	}
	/* Until it has said which of them it wants. */
	sigfillset(&all);
	for (int fd = 0; !error && fd < (workers->options.foreground ? 1 : 3); fd++)
		error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, orders, FZ_WORKER_ORDERS);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, figures, FZ_WORKER_FIGURES);
	if (!error)
		error = posix_spawnattr_setsigmask(&attributes, &all);
	if (!error)
		error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	if (!error)
		error = posix_spawn(pid, PROGRAM, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static int order_settings(struct worker *worker)
{
	struct fz_order order;

	memset(&order, 0, sizeof(order));
	order.kind = FZ_ORDER_CLOCK;
	order.clock = worker->workers->clock;
	int error = fz_workers_order(worker->workers, worker->index, &order, -1);
	order.kind = FZ_ORDER_BUSY;
	order.number = worker->workers->busy;
	return error ? error : fz_workers_order(worker->workers, worker->index, &order, -1);
}

static int start(struct worker *worker)
{
	int ends[2] = {-1, -1}, figures = lift(fz_shared_create()), error = 0;
	pid_t pid = 0;

	if (figures < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
		error = figures < 0 ? figures : -errno;
	ends[1] = lift(ends[1]);
	if (!error && ends[1] < 0)
		error = -errno;
	worker->shared = error ? NULL : fz_shared_look(figures);
	if (!error && !worker->shared)
		error = -ENOMEM;
	if (!error)
		error = fz_loop_add(worker->workers->loop, ends[0], EPOLLIN, ready, worker);
	if (!error) {
		error = spawn(worker->workers, ends[1], figures, &pid);
		if (error)
			fz_loop_remove(worker->workers->loop, ends[0]);
	}
	if (ends[1] >= 0)
		close(ends[1]);
	if (figures >= 0)
		close(figures);
	if (error) {
		if (ends[0] >= 0)
			close(ends[0]);
		fz_shared_unmap(worker->shared);
		worker->shared = NULL;
		return error;
	}
	worker->fd = ends[0];
	worker->pid = pid;
	worker->writes = false;
	worker->started = fz_clock_mono();
	if (order_settings(worker))
		put_down(worker);
	else
		worker->workers->hooks.started(worker->workers->hooks.arg, worker->index);
	return 0;
}

static void start_later(struct worker *worker);

static void restart(void *arg)
{
	struct worker *worker = arg;
	int error = start(worker);

	if (!error) {
		worker->restarts++;
		return;
	}
	fz_log(worker->workers->log, FZ_LOG_ERROR, "worker %u cannot be started: %s", (unsigned)worker->index + 1,
		fizeau_strerror(error));
	worker->soon++;
	start_later(worker);
}

/* At once the first time; longer and longer if it goes on. */
static void start_later(struct worker *worker)
{
	int64_t now = fz_clock_mono().ns, pause = 0;

	if (worker->soon > 1)
		pause = worker->soon > 8 ? PAUSE_MAX_NS : PAUSE_NS << (worker->soon - 2);
	if (pause > PAUSE_MAX_NS)
		pause = PAUSE_MAX_NS;
	if (fz_loop_timer(worker->workers->loop, &worker->restart, (struct fizeau_mono){now + pause}))
		fz_log(worker->workers->log, FZ_LOG_ERROR, "worker %u is not started again: no memory for its timer",
			(unsigned)worker->index + 1);
}

/* What it was and held; its sessions are told of by then. */
static void clear(struct worker *worker)
{
	fz_loop_remove(worker->workers->loop, worker->fd);
	close(worker->fd);
	worker->fd = -1;
	while (worker->queue)
		drop_first(worker);
	for (int i = 0; i < FZ_COUNTERS; i++)
		worker->workers->past->of[i] += fz_figure(&worker->shared->counters[i]);
	fz_shared_unmap(worker->shared);
	worker->shared = NULL;
}

static void died(struct worker *worker, int status)
{
	struct fz_workers *workers = worker->workers;
	bool soon = fz_clock_mono().ns - worker->started.ns < SOON_NS;
	pid_t pid = worker->pid;

	fz_log(workers->log, FZ_LOG_ERROR, "worker %u (pid %d) %s %d; its sessions end, and it is started again",
		(unsigned)worker->index + 1, (int)pid, WIFSIGNALED(status) ? "was killed by signal" : "ended with status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	worker->pid = 0;
	/* Sessions that ended in time have said why. */
	(void)read_reports(worker, (int)FZ_WORKER_SLOTS);
	workers->hooks.died(workers->hooks.arg, worker->index);
	clear(worker);
	worker->soon = soon ? worker->soon + 1 : 0;
	start_later(worker);
}

static void on_child(void *arg, int signo)
{
	struct fz_workers *workers = arg;

	(void)signo;
	for (uint32_t i = 0; i < workers->options.count; i++) {
		struct worker *worker = &workers->all[i];
		int status;
		if (worker->pid && waitpid(worker->pid, &status, WNOHANG) == worker->pid)
			died(worker, status);
	}
}

struct fz_workers *fz_workers_new(struct fz_loop *loop, struct fz_log *log, struct fz_counters *past,
	const struct fz_workers_hooks *hooks)
{
	struct fz_workers *workers = calloc(1, sizeof(*workers));

	if (!workers)
		return NULL;
	workers->loop = loop;
	workers->log = log;
	workers->past = past;
	workers->hooks = *hooks;
	return workers;
}

int fz_workers_start(struct fz_workers *workers, const struct fz_workers_options *options)
{
	int error;

	/* Whoever started us may have had it ignored: then nobody would be told of a death. Of anything else nothing is to be
	   told. */
	(void)sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP}, NULL);
	error = fz_loop_signal(workers->loop, SIGCHLD, on_child, workers);
	workers->all = calloc(options->count, sizeof(*workers->all));
	if (!workers->all)
		return -ENOMEM;
	workers->options = *options;
	for (uint32_t i = 0; i < options->count; i++) {
		struct worker *worker = &workers->all[i];
		worker->workers = workers;
		worker->index = i;
		worker->fd = -1;
		worker->queue_end = &worker->queue;
		worker->restart = (struct fz_timer){.fn = restart, .arg = worker};
	}
	for (uint32_t i = 0; i < options->count && !error; i++)
		error = start(&workers->all[i]);
	return error;
}

/* True once it has closed its end, which it does last. */
static bool has_closed(struct worker *worker, int64_t until_ns)
{
	for (;;) {
		int64_t left = until_ns - fz_clock_mono().ns;
		struct pollfd waiting = {.fd = worker->fd, .events = POLLIN};
		uint8_t octets[64];
		int passed, got = fz_message_receive(worker->fd, octets, sizeof(octets), &passed);
		if (got == -EAGAIN && left > 0)
			(void)poll(&waiting, 1, (int)(left / 1000000) + 1);
		else if (got <= 0)
			return got != -EAGAIN;
	}
}

void fz_workers_stop(struct fz_workers *workers)
{
	int64_t until_ns = fz_clock_mono().ns + STOP_NS;

	workers->ending = true;
	for (uint32_t i = 0; i < workers->options.count && workers->all; i++) {
		if (workers->all[i].pid)
			shutdown(workers->all[i].fd, SHUT_WR);
		fz_loop_timer_stop(workers->loop, &workers->all[i].restart);
	}
	for (uint32_t i = 0; i < workers->options.count && workers->all; i++) {
		struct worker *worker = &workers->all[i];
		if (!worker->pid)
			continue;
		if (!has_closed(worker, until_ns))
			kill(worker->pid, SIGKILL);
		while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
			;
		worker->pid = 0;
	}
}

void fz_workers_free(struct fz_workers *workers)
{
	if (!workers)
		return;
	fz_workers_stop(workers);
	for (uint32_t i = 0; i < workers->options.count && workers->all; i++) {
		if (workers->all[i].shared)
			clear(&workers->all[i]);
	}
	free(workers->all);
	free(workers);
}

void fz_workers_set(struct fz_workers *workers, const struct fz_clock_choice *clock, bool busy)
{
	workers->clock = *clock;
	workers->busy = busy;
	for (uint32_t i = 0; i < workers->options.count; i++) {
		/* One that takes no orders any more is started anew, and told then. */
		if (workers->all[i].pid && order_settings(&workers->all[i]))
			put_down(&workers->all[i]);
	}
}

uint32_t fz_workers_count(const struct fz_workers *workers)
{
	return workers->options.count;
}

bool fz_workers_run(const struct fz_workers *workers, uint32_t worker)
{
	return workers->all[worker].pid != 0;
}

pid_t fz_workers_pid(const struct fz_workers *workers, uint32_t worker)
{
	return workers->all[worker].pid;
}

uint64_t fz_workers_restarts(const struct fz_workers *workers, uint32_t worker)
{
	return workers->all[worker].restarts;
}

const struct fz_shared *fz_workers_shared(const struct fz_workers *workers, uint32_t worker)
{
	return workers->all[worker].shared;
}

/* Puts an order into the queue that could not be sent at once. */
static int enqueue(struct worker *worker, const struct fz_order *order, int passed)
{
	struct fz_letter *letter = worker->waiting < WAITING_MAX ? calloc(1, sizeof(*letter)) : NULL;

	if (!letter)
		return -EAGAIN;
	letter->passed = passed < 0 ? -1 : fcntl(passed, F_DUPFD_CLOEXEC, 0);
	letter->order = malloc(sizeof(*letter->order));
	if (!letter->order || (passed >= 0 && letter->passed < 0)) {
		free(letter->order);
		if (letter->passed >= 0)
			close(letter->passed);
		free(letter);
		return -EAGAIN;
	}
	memcpy(letter->order, order, sizeof(*order));
	append(worker, letter);
	worker->waiting++;
	if (!worker->writes)
		write_on(worker);
	return 0;
}

int fz_workers_order(struct fz_workers *workers, uint32_t index, const struct fz_order *order, int passed)
{
	struct worker *worker = &workers->all[index];
	int error = -EAGAIN;

	if (!worker->pid || workers->ending)
		return -EAGAIN;
	if (!worker->queue)
		error = fz_message_send(worker->fd, order, fz_order_octets(order->kind), passed);
	if (error == -EAGAIN)
		return enqueue(worker, order, passed);
	if (error)
		put_down(worker);
	return error ? -EAGAIN : 0;
}

void fz_workers_insist(struct fz_workers *workers, uint32_t index, const struct fz_order *order, int passed)
{
	if (workers->all[index].pid && fz_workers_order(workers, index, order, passed))
		put_down(&workers->all[index]);
}

void fz_workers_tell(struct fz_workers *workers, uint32_t index, struct fz_letter *letter, enum fz_order_kind kind)
{
	struct worker *worker = &workers->all[index];

	if (!worker->pid || workers->ending)
		return;
	if (!letter->kinds)
		append(worker, letter);
	letter->kinds |= 1u << kind;
	if (!worker->writes)
		write_on(worker);
}

void fz_workers_forget(struct fz_workers *workers, uint32_t index, struct fz_letter *letter)
{
	struct worker *worker = &workers->all[index];
	struct fz_letter **at = &worker->queue;

	if (!letter->kinds)
		return;
	while (*at != letter)
		at = &(*at)->next;
	*at = letter->next;
	if (!*at)
		worker->queue_end = at;
	letter->kinds = 0;
}
