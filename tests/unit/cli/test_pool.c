/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include "cli/pool.h"
#include "io/clock.h"

#define JOBS 200
#define ROUNDS_MAX 10000 /* of the loop, each with an end of its own: a bound for what hangs */

struct setting {
	struct fz_loop *loop;
	struct fz_pool *pool;
	size_t stuck;          /* jobs below wait until they are interrupted */
	atomic_uint begun[JOBS];
	unsigned done[JOBS];   /* of the loop's thread */
	unsigned told;
	size_t order[JOBS];    /* in which they were told */
	atomic_uint interrupted;
	size_t *groups;        /* NULL: none */
	atomic_uint under_way[2], most[2];
};

/* One of the group is at work, and gives others the time to be too many. */
static void count_group(struct setting *setting, size_t group, struct fz_worker *worker)
{
	unsigned now = atomic_fetch_add(&setting->under_way[group], 1) + 1, most = atomic_load(&setting->most[group]);

	while (now > most && !atomic_compare_exchange_weak(&setting->most[group], &most, now))
		;
	assert_int_equal(fz_loop_once(worker->loop, (struct fizeau_mono){fz_clock_mono().ns + 2000000}), 0);
	atomic_fetch_sub(&setting->under_way[group], 1);
}

static void work(void *arg, struct fz_worker *worker, size_t job)
{
	struct setting *setting = arg;

	atomic_fetch_add(&setting->begun[job], 1);
	if (setting->groups != NULL)
		count_group(setting, setting->groups[job], worker);
	if (job >= setting->stuck)
		return;
	while (worker->interrupts == 0)
		assert_int_equal(fz_loop_once(worker->loop, FIZEAU_NEVER), 0);
	atomic_fetch_add(&setting->interrupted, 1);
}

static void done(void *arg, size_t job)
{
	struct setting *setting = arg;

	assert_int_equal(atomic_load(&setting->begun[job]), 1);
	setting->done[job]++;
	setting->order[setting->told++] = job;
}

static int begin(void **state)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	assert_non_null(setting);
	assert_int_equal(fz_loop_new(&setting->loop), 0);
	*state = setting;
	return 0;
}

static int end(void **state)
{
	struct setting *setting = *state;

	fz_loop_free(setting->loop);
	free(setting);
	return 0;
}

static void start(struct setting *setting, size_t jobs, unsigned threads_max)
{
	struct fz_pool_config config = {
		.loop = setting->loop, .jobs = jobs, .threads_max = threads_max, .work = work, .done = done, .arg = setting,
		.groups = setting->groups, .group_max = 3};

	assert_int_equal(fz_pool_new(&config, &setting->pool), 0);
	assert_int_equal(fz_pool_left(setting->pool), jobs);
}

static void run_until_told(struct setting *setting, unsigned told)
{
	for (int i = 0; i < ROUNDS_MAX && setting->told < told; i++)
		assert_int_equal(fz_loop_once(setting->loop, (struct fizeau_mono){fz_clock_mono().ns + 10000000}), 0);
	assert_int_equal(setting->told, told);
}

static void every_job_is_done_once(void **state)
{
	struct setting *setting = *state;

	start(setting, JOBS, 1000);
	run_until_told(setting, JOBS);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(setting->done[i], 1);
	assert_int_equal(fz_pool_left(setting->pool), 0);
	assert_int_equal(fz_pool_busy(setting->pool), 0);
	assert_true(fz_pool_free(setting->pool));
}

static void one_thread_does_them_in_their_order(void **state)
{
	struct setting *setting = *state;

	start(setting, JOBS, 1);
	run_until_told(setting, JOBS);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(setting->order[i], i);
	assert_true(fz_pool_free(setting->pool));
}

/* However many wait, those behind them have their turn. */
static void jobs_that_wait_hold_up_nobody(void **state)
{
	struct setting *setting = *state;

	setting->stuck = 100;
	start(setting, JOBS, 1000);
	run_until_told(setting, JOBS - 100);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(setting->done[i], i >= 100);
	assert_int_equal(fz_pool_busy(setting->pool), 100);
	fz_pool_interrupt(setting->pool);
	run_until_told(setting, JOBS);
	assert_int_equal(atomic_load(&setting->interrupted), 100);
	assert_true(fz_pool_free(setting->pool));
}

static void no_more_threads_than_allowed(void **state)
{
	struct setting *setting = *state;
	unsigned begun = 0;

	setting->stuck = JOBS;
	start(setting, JOBS, 20);
	/* Time for more of them, if there were to be more. */
	for (int i = 0; i < 60; i++)
		assert_int_equal(fz_loop_once(setting->loop, (struct fizeau_mono){fz_clock_mono().ns + 10000000}), 0);
	fz_pool_interrupt(setting->pool);
	for (size_t i = 0; i < JOBS; i++)
		begun += atomic_load(&setting->begun[i]);
	assert_true(begun >= 1 && begun <= 20);
	assert_true(fz_pool_free(setting->pool));
}

/* Of a group there are at most three under way, and all of them have their turn; those of the other group wait for none. */
static void groups_are_bounded(void **state)
{
	struct setting *setting = *state;
	size_t groups[JOBS];

	for (size_t i = 0; i < JOBS; i++)
		groups[i] = i >= JOBS / 2;
	setting->groups = groups;
	start(setting, JOBS, 1000);
	run_until_told(setting, JOBS);
	assert_true(atomic_load(&setting->most[0]) >= 1 && atomic_load(&setting->most[0]) <= 3);
	assert_true(atomic_load(&setting->most[1]) >= 1 && atomic_load(&setting->most[1]) <= 3);
	assert_true(fz_pool_free(setting->pool));
}

static void freed_in_the_middle(void **state)
{
	struct setting *setting = *state;

	setting->stuck = JOBS / 2;
	start(setting, JOBS, 1000);
	assert_true(fz_pool_free(setting->pool));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_job_is_done_once, begin, end),
		cmocka_unit_test_setup_teardown(one_thread_does_them_in_their_order, begin, end),
		cmocka_unit_test_setup_teardown(jobs_that_wait_hold_up_nobody, begin, end),
		cmocka_unit_test_setup_teardown(no_more_threads_than_allowed, begin, end),
		cmocka_unit_test_setup_teardown(groups_are_bounded, begin, end),
		cmocka_unit_test_setup_teardown(freed_in_the_middle, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
