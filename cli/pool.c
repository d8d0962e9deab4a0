/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "io/clock.h"
#include "pool.h"

#define THREADS_FIRST 16
#define STACK_OCTETS (512 * 1024)
#define LOOK_NS 250000000
#define PATIENCE_S 2

struct fz_pool {
	struct fz_pool_config config;
	int ready_fd, end_fd;   /* counts jobs for the owner's loop; wakes all threads for good */
	struct fz_timer look;
	atomic_uint computing;
	unsigned cores;
	size_t left;            /* done was not called for them */
	size_t seen;            /* finished_count when it was looked at last */
	size_t *finished;       /* jobs whose work is done, in that order; room for all */
	size_t told;            /* so many of them done was called for */

	pthread_mutex_t lock;   /* of what follows, and of finished */
	pthread_cond_t ended;   /* a thread did */
	size_t next;            /* the first job that was not begun */
	size_t begun;           /* so many were */
	bool *taken;            /* those */
	unsigned *under_way;    /* jobs of each group */
	size_t finished_count;
	unsigned threads;
	struct thread *over;    /* those that have ended and were not joined */
	bool interrupted;
};

struct thread {
	struct thread *next;    /* that is over */
	struct fz_pool *pool;
	struct fz_worker worker;
	pthread_t id;
};

static void *thread_main(void *arg);
static void on_end(void *arg, uint32_t events);

static void wake(int fd)
{
	uint64_t one = 1;

	/* A full counter wakes as well. */
	(void)!write(fd, &one, sizeof(one));
}

static void free_thread(struct thread *thread)
{
	if (thread->worker.loop != NULL)
		fz_loop_remove(thread->worker.loop, thread->pool->end_fd);
	fz_loop_free(thread->worker.loop);
	free(thread);
}

/* All that a thread needs is made here, so that none is without its loop. */
static struct thread *make_thread(struct fz_pool *pool)
{
	struct thread *thread = calloc(1, sizeof(*thread));

	if (thread == NULL)
		return NULL;
	thread->pool = pool;
	thread->worker.computing = &pool->computing;
	if (fz_loop_new(&thread->worker.loop) < 0 ||
		fz_loop_add(thread->worker.loop, pool->end_fd, EPOLLIN, on_end, &thread->worker) < 0) {
		free_thread(thread);
		return NULL;
	}
	return thread;
}

/* Starts another thread; the lock is held. */
static int add_thread(struct fz_pool *pool)
{
	struct thread *thread = make_thread(pool);
	pthread_attr_t attr;
	int error;

	if (thread == NULL)
		return -ENOMEM;
	error = pthread_attr_init(&attr);
	if (error == 0) {
		pthread_attr_setstacksize(&attr, STACK_OCTETS);
		error = pthread_create(&thread->id, &attr, thread_main, thread);
		pthread_attr_destroy(&attr);
	}
	if (error != 0)
		free_thread(thread);
	else
		pool->threads++;
	return -error;
}

static size_t group_of(const struct fz_pool *pool, size_t job)
{
	return pool->config.groups != NULL ? pool->config.groups[job] : job;
}

/* Finds the first job that may begin; the lock is held. Without one, those that are left are of groups that are busy: the
   threads that are at these will see to them. */
static bool find_job(struct fz_pool *pool, size_t *job)
{
	if (pool->interrupted)
		return false;
	while (pool->next < pool->config.jobs && pool->taken[pool->next])
		pool->next++;
	for (size_t i = pool->next; i < pool->config.jobs; i++) {
		if (pool->taken[i] || (pool->config.groups != NULL &&
			pool->under_way[group_of(pool, i)] >= pool->config.group_max))
			continue;
		*job = i;
		return true;
	}
	return false;
}

static bool take_job(struct fz_pool *pool, size_t *job)
{
	bool there;

	pthread_mutex_lock(&pool->lock);
	there = find_job(pool, job);
	if (there) {
		pool->taken[*job] = true;
		pool->under_way[group_of(pool, *job)]++;
		pool->begun++;
	}
	pthread_mutex_unlock(&pool->lock);
	return there;
}

static void finish_job(struct fz_pool *pool, size_t job)
{
	pthread_mutex_lock(&pool->lock);
	pool->under_way[group_of(pool, job)]--;
	pool->finished[pool->finished_count++] = job;
	pthread_mutex_unlock(&pool->lock);
	wake(pool->ready_fd);
}

static void on_end(void *arg, uint32_t events)
{
	struct fz_worker *worker = arg;

	(void)events;
	worker->interrupts++;
}

static void *thread_main(void *arg)
{
	struct thread *thread = arg;
	struct fz_pool *pool = thread->pool;
	size_t job;

	while (take_job(pool, &job)) {
		pool->config.work(pool->config.arg, &thread->worker, job);
		finish_job(pool, job);
	}
	pthread_mutex_lock(&pool->lock);
	pool->threads--;
	thread->next = pool->over;
	pool->over = thread;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	wake(pool->ready_fd);
	return NULL;
}

/* Joins those that have ended: only then is nothing of theirs in use any more, their stack and the pool's lock included. */
static void reap(struct fz_pool *pool)
{
	struct thread *thread;

	pthread_mutex_lock(&pool->lock);
	thread = pool->over;
	pool->over = NULL;
	pthread_mutex_unlock(&pool->lock);
	while (thread != NULL) {
		struct thread *next = thread->next;

		pthread_join(thread->id, NULL);
		free_thread(thread);
		thread = next;
	}
}

static void on_ready(void *arg, uint32_t events)
{
	struct fz_pool *pool = arg;
	uint64_t count;
	size_t job;

	(void)events;
	(void)!read(pool->ready_fd, &count, sizeof(count));
	reap(pool);
	while (true) {
		pthread_mutex_lock(&pool->lock);
		if (pool->told == pool->finished_count) {
			pthread_mutex_unlock(&pool->lock);
			return;
		}
		job = pool->finished[pool->told++];
		pthread_mutex_unlock(&pool->lock);
		pool->left--;
		pool->config.done(pool->config.arg, job);
	}
}

/* More threads help where all of them wait for servers that do not answer. While some get on they do not: the servers may
   all be the same. Nor while they compute: each would come later to what its server waits for. */
static void on_look(void *arg)
{
	struct fz_pool *pool = arg;
	struct fizeau_mono again = {fz_clock_mono().ns + LOOK_NS};
	size_t waiting, wanted, job;

	pthread_mutex_lock(&pool->lock);
	waiting = pool->interrupted ? 0 : pool->config.jobs - pool->begun;
	wanted = pool->finished_count == pool->seen && atomic_load(&pool->computing) < pool->cores ? THREADS_FIRST : 0;
	pool->seen = pool->finished_count;
	if (wanted > waiting)
		wanted = waiting;
	while (wanted > 0 && pool->threads < pool->config.threads_max && find_job(pool, &job) && add_thread(pool) == 0)
		wanted--;
	pthread_mutex_unlock(&pool->lock);
	if (waiting > 0)
		(void)!fz_loop_timer(pool->config.loop, &pool->look, again);
}

static int start(struct fz_pool *pool)
{
	int error = fz_loop_add(pool->config.loop, pool->ready_fd, EPOLLIN, on_ready, pool);

	if (error < 0)
		return error;
	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < THREADS_FIRST && i < pool->config.jobs && i < pool->config.threads_max && error == 0; i++)
		error = add_thread(pool);
	/* Some are enough. */
	if (pool->threads > 0)
		error = 0;
	pthread_mutex_unlock(&pool->lock);
	if (error == 0)
		error = fz_loop_timer(pool->config.loop, &pool->look,
			(struct fizeau_mono){fz_clock_mono().ns + LOOK_NS});
	return error;
}

int fz_pool_new(const struct fz_pool_config *config, struct fz_pool **out)
{
	struct fz_pool *pool = calloc(1, sizeof(*pool));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_condattr_t attr;
	int error;

	*out = NULL;
	if (pool == NULL)
		return -ENOMEM;
	pool->config = *config;
	pool->cores = cores > 0 ? (unsigned)cores : 1;
	pool->left = config->jobs;
	pool->look = (struct fz_timer){.fn = on_look, .arg = pool};
	pool->finished = calloc(config->jobs, sizeof(*pool->finished));
	pool->taken = calloc(config->jobs, sizeof(*pool->taken));
	pool->under_way = calloc(config->jobs, sizeof(*pool->under_way));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->ended, &attr);
	pthread_condattr_destroy(&attr);
	pool->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pool->end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = pool->ready_fd < 0 || pool->end_fd < 0 ? -errno : 0;
	if (pool->finished == NULL || pool->taken == NULL || pool->under_way == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = start(pool);
	if (error == 0)
		*out = pool;
	else
		(void)!fz_pool_free(pool);
	return error;
}

void fz_pool_interrupt(struct fz_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->interrupted = true;
	pthread_mutex_unlock(&pool->lock);
	/* Nobody reads it: it wakes those that begin to wait later as well. */
	wake(pool->end_fd);
}

size_t fz_pool_left(const struct fz_pool *pool)
{
	return pool->left;
}

size_t fz_pool_busy(struct fz_pool *pool)
{
	size_t busy;

	pthread_mutex_lock(&pool->lock);
	busy = pool->begun - pool->told;
	pthread_mutex_unlock(&pool->lock);
	return busy;
}

/* Whether all threads ended in time. */
static bool await_threads(struct fz_pool *pool)
{
	struct timespec until;
	bool ended;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&pool->lock);
	while (pool->threads > 0 && error == 0)
		error = pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
	ended = pool->threads == 0;
	pthread_mutex_unlock(&pool->lock);
	return ended;
}

bool fz_pool_free(struct fz_pool *pool)
{
	if (pool == NULL)
		return true;
	fz_pool_interrupt(pool);
	fz_loop_timer_stop(pool->config.loop, &pool->look);
	fz_loop_remove(pool->config.loop, pool->ready_fd);
	if (!await_threads(pool))
		return false;
	reap(pool);
	if (pool->ready_fd >= 0)
		close(pool->ready_fd);
	if (pool->end_fd >= 0)
		close(pool->end_fd);
	pthread_cond_destroy(&pool->ended);
	pthread_mutex_destroy(&pool->lock);
	free(pool->finished);
	free(pool->taken);
	free(pool->under_way);
	free(pool);
	return true;
}
