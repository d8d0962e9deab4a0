/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/loop.h"

static struct fizeau_mono in_ns(int64_t ns)
{
	return (struct fizeau_mono){fz_clock_mono().ns + ns};
}

static struct fz_loop *new_loop(void)
{
	struct fz_loop *loop;

	assert_int_equal(fz_loop_new(&loop), 0);
	return loop;
}

struct probe {
	struct fz_loop *loop;
	struct fz_timer timer, *victim;
	int fd, victim_fd, calls, limit;
	uint32_t events;
	struct fizeau_mono fired;
	struct probe **order;
};

static void on_timer(void *arg)
{
	struct probe *probe = arg;

	probe->calls++;
	probe->fired = fz_clock_mono();
	if (probe->order != NULL)
		*probe->order++ = probe;
	if (probe->victim != NULL)
		fz_loop_timer_stop(probe->loop, probe->victim);
	if (probe->calls < probe->limit)
		assert_int_equal(fz_loop_timer(probe->loop, &probe->timer, probe->timer.due), 0);
}

static void on_fd(void *arg, uint32_t events)
{
	struct probe *probe = arg;

	probe->calls++;
	probe->events = events;
	if (probe->victim_fd >= 0) {
		fz_loop_remove(probe->loop, probe->victim_fd);
		close(probe->victim_fd);
		probe->victim_fd = -1;
	}
}

static void stop(void *arg)
{
	fz_loop_stop(arg);
}

static void probe_init(struct probe *probe, struct fz_loop *loop)
{
	*probe = (struct probe){.loop = loop, .fd = -1, .victim_fd = -1};
	probe->timer.fn = on_timer;
	probe->timer.arg = probe;
}

static void timers_in_order_and_never_early(void **state)
{
	struct fz_loop *loop = new_loop();
	struct fz_timer end = {.fn = stop, .arg = loop};
	struct probe probes[200];
	struct fizeau_mono start = fz_clock_mono();
	int64_t last_ns = 0;

	(void)state;
	srandom(4656);
	for (size_t i = 0; i < 200; i++) {
		probe_init(&probes[i], loop);
		assert_int_equal(fz_loop_timer(loop, &probes[i].timer,
					 (struct fizeau_mono){start.ns + 1 + random() % 20000000}),
			0);
	}
	/* Move a quarter, stop a quarter. */
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(fz_loop_timer(loop, &probes[i].timer,
					 (struct fizeau_mono){start.ns + random() % 20000000}),
			0);
	for (size_t i = 50; i < 75; i++)
		fz_loop_timer_stop(loop, &probes[i].timer);
	for (size_t i = 75; i < 100; i++)
		assert_int_equal(fz_loop_timer(loop, &probes[i].timer, FIZEAU_NEVER), 0);
	assert_int_equal(fz_loop_timer(loop, &end, (struct fizeau_mono){start.ns + 20000001}), 0);
	assert_int_equal(fz_loop_run(loop), 0);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(probes[i].calls, i < 50 || i >= 100);
		assert_int_equal(probes[i].timer.place, 0);
		if (probes[i].calls != 0)
			assert_true(probes[i].fired.ns >= probes[i].timer.due.ns);
	}
	/* Whoever was due earlier fired earlier. */
	for (size_t i = 0; i < 200; i++) {
		for (size_t j = 0; j < 200; j++) {
			if (probes[i].calls && probes[j].calls &&
				probes[i].timer.due.ns < probes[j].timer.due.ns)
				assert_true(probes[i].fired.ns <= probes[j].fired.ns);
		}
		last_ns = probes[i].fired.ns > last_ns ? probes[i].fired.ns : last_ns;
	}
	assert_true(last_ns <= fz_clock_mono().ns);
	fz_loop_free(loop);
}

static void a_timer_that_rearms_in_the_past_leaves_room(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe timer, reader;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	probe_init(&timer, loop);
	probe_init(&reader, loop);
	timer.limit = 1000000;
	assert_int_equal(fz_loop_timer(loop, &timer.timer, in_ns(-1000)), 0);
	assert_int_equal(fz_loop_add(loop, ends[0], EPOLLIN, on_fd, &reader), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_int_equal(timer.calls, 1);
	assert_int_equal(reader.calls, 1);
	fz_loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

static void a_timer_may_stop_another_that_is_due(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe first, second;

	(void)state;
	probe_init(&first, loop);
	probe_init(&second, loop);
	first.victim = &second.timer;
	assert_int_equal(fz_loop_timer(loop, &first.timer, in_ns(-2000)), 0);
	assert_int_equal(fz_loop_timer(loop, &second.timer, in_ns(-1000)), 0);
	assert_int_equal(fz_loop_once(loop, in_ns(1000)), 0);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 0);
	fz_loop_free(loop);
}

/* A loop that spins keeps timers and descriptors as one that sleeps does, and ends its waits. */
static void spinning(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe timer, fd;
	struct fizeau_mono due = in_ns(2000000), until = in_ns(4000000);
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fz_loop_spin(loop, 1000000);
	fz_loop_spin_until(loop, in_ns(1000000));
	probe_init(&timer, loop);
	probe_init(&fd, loop);
	assert_int_equal(fz_loop_add(loop, ends[0], EPOLLIN, on_fd, &fd), 0);
	assert_int_equal(fz_loop_timer(loop, &timer.timer, due), 0);
	while (fz_clock_mono().ns < until.ns)
		assert_int_equal(fz_loop_once(loop, until), 0);
	assert_int_equal(timer.calls, 1);
	assert_true(timer.fired.ns >= due.ns);
	assert_int_equal(fd.calls, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	for (int i = 0; i < 1000 && fd.calls == 0; i++)
		assert_int_equal(fz_loop_once(loop, in_ns(10000000)), 0);
	assert_true(fd.calls > 0);
	fz_loop_remove(loop, ends[0]);
	close(ends[0]);
	close(ends[1]);
	fz_loop_free(loop);
}

static void once_waits_no_longer_than_asked(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe probe;
	struct fizeau_mono until = in_ns(3000000);

	(void)state;
	probe_init(&probe, loop);
	assert_int_equal(fz_loop_timer(loop, &probe.timer, in_ns(3600000000000)), 0);
	while (fz_clock_mono().ns < until.ns)
		assert_int_equal(fz_loop_once(loop, until), 0);
	assert_int_equal(probe.calls, 0);
	/* A moment that has passed does not wait at all. */
	assert_int_equal(fz_loop_once(loop, (struct fizeau_mono){0}), 0);
	fz_loop_free(loop);
}

static void descriptors(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe probe;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	probe_init(&probe, loop);
	assert_int_equal(fz_loop_add(loop, ends[0], EPOLLIN, on_fd, &probe), 0);
	assert_int_equal(fz_loop_add(loop, ends[0], EPOLLIN, on_fd, &probe), -EEXIST);
	assert_int_equal(fz_loop_once(loop, in_ns(1000)), 0);
	assert_int_equal(probe.calls, 0);
	assert_int_equal(fz_loop_change(loop, ends[0], EPOLLIN | EPOLLOUT), 0);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_int_equal(probe.events, EPOLLOUT);
	assert_int_equal(fz_loop_change(loop, ends[0], EPOLLIN), 0);
	close(ends[1]);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_true(probe.events & EPOLLIN);
	fz_loop_remove(loop, ends[0]);
	fz_loop_remove(loop, ends[0]);
	assert_int_equal(fz_loop_change(loop, ends[0], EPOLLIN), -ENOENT);
	probe.calls = 0;
	assert_int_equal(fz_loop_once(loop, in_ns(1000)), 0);
	assert_int_equal(probe.calls, 0);
	close(ends[0]);
	assert_int_equal(fz_loop_add(loop, ends[0], EPOLLIN, on_fd, &probe), -EBADF);
	assert_int_equal(fz_loop_add(loop, -1, EPOLLIN, on_fd, &probe), -EBADF);
	fz_loop_free(loop);
}

/* Two ready descriptors, each removing the other: whichever comes first, the other is not called. */
static void removal_during_dispatch(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe a, b;
	int pa[2], pb[2];

	(void)state;
	assert_int_equal(pipe(pa), 0);
	assert_int_equal(pipe(pb), 0);
	probe_init(&a, loop);
	probe_init(&b, loop);
	a.victim_fd = pb[0];
	b.victim_fd = pa[0];
	assert_int_equal(fz_loop_add(loop, pa[0], EPOLLIN, on_fd, &a), 0);
	assert_int_equal(fz_loop_add(loop, pb[0], EPOLLIN, on_fd, &b), 0);
	assert_int_equal(write(pa[1], "x", 1), 1);
	assert_int_equal(write(pb[1], "x", 1), 1);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_int_equal(a.calls + b.calls, 1);
	fz_loop_free(loop);
	close(pa[1]);
	close(pb[1]);
	close(a.calls ? pa[0] : pb[0]);
}

struct reuse {
	struct fz_loop *loop;
	struct probe *fresh;
	int victim, spare, calls;
};

/* Closes the other one and gives its number to a pipe that has nothing to read. */
static void replace(void *arg, uint32_t events)
{
	struct reuse *reuse = arg;

	(void)events;
	if (reuse->calls++ > 0)
		return;
	fz_loop_remove(reuse->loop, reuse->victim);
	assert_int_equal(dup2(reuse->spare, reuse->victim), reuse->victim);
	assert_int_equal(fz_loop_add(reuse->loop, reuse->victim, EPOLLIN, on_fd, reuse->fresh), 0);
}

static void a_reused_number_gets_no_stale_event(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe fresh;
	int first[2], second[2], spare[2];
	struct reuse one, two;

	(void)state;
	assert_int_equal(pipe(first), 0);
	assert_int_equal(pipe(second), 0);
	assert_int_equal(pipe(spare), 0);
	probe_init(&fresh, loop);
	one = (struct reuse){.loop = loop, .fresh = &fresh, .victim = second[0], .spare = spare[0]};
	two = (struct reuse){.loop = loop, .fresh = &fresh, .victim = first[0], .spare = spare[0]};
	assert_int_equal(fz_loop_add(loop, first[0], EPOLLIN, replace, &one), 0);
	assert_int_equal(fz_loop_add(loop, second[0], EPOLLIN, replace, &two), 0);
	assert_int_equal(write(first[1], "x", 1), 1);
	assert_int_equal(write(second[1], "x", 1), 1);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_int_equal(one.calls + two.calls, 1);
	assert_int_equal(fresh.calls, 0);
	assert_int_equal(write(spare[1], "x", 1), 1);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_int_equal(fresh.calls, 1);
	fz_loop_free(loop);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
		close(spare[i]);
	}
}

static void high_descriptor_numbers(void **state)
{
	struct fz_loop *loop = new_loop();
	struct probe probe;
	int ends[2], high;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	high = fcntl(ends[0], F_DUPFD, 500);
	assert_true(high >= 500);
	probe_init(&probe, loop);
	assert_int_equal(fz_loop_add(loop, high, EPOLLIN, on_fd, &probe), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(fz_loop_once(loop, FIZEAU_NEVER), 0);
	assert_int_equal(probe.calls, 1);
	fz_loop_free(loop);
	close(ends[0]);
	close(ends[1]);
	close(high);
}

struct signals {
	struct fz_loop *loop;
	int seen[65], total;
};

static void on_signal(void *arg, int signo)
{
	struct signals *signals = arg;

	signals->seen[signo]++;
	if (++signals->total == 2)
		fz_loop_stop(signals->loop);
}

static void signals_come_from_the_loop(void **state)
{
	struct fz_loop *loop = new_loop();
	struct signals signals = {.loop = loop};

	(void)state;
	assert_int_equal(fz_loop_signal(loop, SIGHUP, on_signal, &signals), 0);
	assert_int_equal(fz_loop_signal(loop, SIGUSR1, on_signal, &signals), 0);
	assert_int_equal(fz_loop_signal(loop, 0, on_signal, &signals), -EINVAL);
	assert_int_equal(fz_loop_signal(loop, 65, on_signal, &signals), -EINVAL);
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(signals.total, 0);
	assert_int_equal(fz_loop_run(loop), 0);
	assert_int_equal(signals.seen[SIGHUP], 1);
	assert_int_equal(signals.seen[SIGUSR1], 1);
	fz_loop_free(loop);
}

static void stop_before_run_counts(void **state)
{
	struct fz_loop *loop = new_loop();

	(void)state;
	fz_loop_stop(loop);
	assert_int_equal(fz_loop_run(loop), 0);
	fz_loop_free(loop);
	fz_loop_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_in_order_and_never_early),
		cmocka_unit_test(a_timer_that_rearms_in_the_past_leaves_room),
		cmocka_unit_test(a_timer_may_stop_another_that_is_due),
		cmocka_unit_test(once_waits_no_longer_than_asked),
		cmocka_unit_test(spinning),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(removal_during_dispatch),
		cmocka_unit_test(a_reused_number_gets_no_stale_event),
		cmocka_unit_test(high_descriptor_numbers),
		cmocka_unit_test(signals_come_from_the_loop),
		cmocka_unit_test(stop_before_run_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
