/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "worker.h"

#define QUEUE_MAX 256

struct fz_worker {
	struct fz_loop *loop;
	int wake; /* eventfd: something is done */
	bool started;
	pthread_t thread;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t more;
	struct fz_job *queue, **queue_end, *done, **done_end;
	size_t queued;
	bool stop;
};

struct fz_job *fz_job_new(const uint8_t *secret, size_t octets)
{
	struct fz_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->secret = malloc(octets ? octets : 1);
	if (!job->secret) {
		free(job);
		return NULL;
	}
	if (octets)
		memcpy(job->secret, secret, octets);
	job->secret_octets = octets;
	return job;
}

void fz_job_free(struct fz_job *job)
{
	if (!job)
		return;
	fizeau_wipe(job->secret, job->secret_octets);
	free(job->secret);
	fizeau_wipe(job, sizeof(*job));
	free(job);
}

static void run(struct fz_job *job)
{
	uint8_t key[16];

	/*= rfc4656#section-3.1 OW-3.1-30 OW-3.1-33 */
	if (job->ike)
		job->result = fizeau_token_key_ike(job->secret, job->secret_octets, FIZEAU_IKE_PBKDF2, job->salt,
			job->count, key);
	else
		job->result = fizeau_token_key_passphrase(job->secret, job->secret_octets, job->salt, job->count, key);
	if (job->result >= 0)
		job->result = fizeau_token_open(key, job->challenge, job->token, &job->keys);
	fizeau_wipe(key, sizeof(key));
}

static void *work(void *arg)
{
	struct fz_worker *worker = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->queue && !worker->stop)
			pthread_cond_wait(&worker->more, &worker->lock);
		if (worker->stop)
			break;
		struct fz_job *job = worker->queue;
		worker->queue = job->next;
		if (!worker->queue)
			worker->queue_end = &worker->queue;
		worker->queued--;
		pthread_mutex_unlock(&worker->lock);
		run(job);
		pthread_mutex_lock(&worker->lock);
		job->next = NULL;
		*worker->done_end = job;
		worker->done_end = &job->next;
		while (write(worker->wake, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void woken(void *arg, uint32_t events)
{
	struct fz_worker *worker = arg;
	uint64_t count;
	struct fz_job *job;

	(void)events;
	if (read(worker->wake, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&worker->lock);
	job = worker->done;
	worker->done = NULL;
	worker->done_end = &worker->done;
	pthread_mutex_unlock(&worker->lock);
	while (job) {
		struct fz_job *next = job->next;
		if (job->done)
			job->done(job->arg, job);
		fz_job_free(job);
		job = next;
	}
}

struct fz_worker *fz_worker_new(struct fz_loop *loop)
{
	struct fz_worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->loop = loop;
	worker->queue_end = &worker->queue;
	worker->done_end = &worker->done;
	worker->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->wake < 0 || fz_loop_add(loop, worker->wake, EPOLLIN, woken, worker)) {
		if (worker->wake >= 0)
			close(worker->wake);
		free(worker);
		return NULL;
	}
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->more, NULL);
	return worker;
}

static void jobs_free(struct fz_job *job)
{
	while (job) {
		struct fz_job *next = job->next;
		fz_job_free(job);
		job = next;
	}
}

void fz_worker_free(struct fz_worker *worker)
{
	if (!worker)
		return;
	if (worker->started) {
		pthread_mutex_lock(&worker->lock);
		worker->stop = true;
		pthread_cond_signal(&worker->more);
		pthread_mutex_unlock(&worker->lock);
		pthread_join(worker->thread, NULL);
	}
	fz_loop_remove(worker->loop, worker->wake);
	close(worker->wake);
	jobs_free(worker->queue);
	jobs_free(worker->done);
	pthread_cond_destroy(&worker->more);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

/* The thread starts with the first job: a daemon that goes to the background has forked by then. */
static bool start(struct fz_worker *worker)
{
	sigset_t all, before;

	if (worker->started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	worker->started = !pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return worker->started;
}

bool fz_worker_add(struct fz_worker *worker, struct fz_job *job)
{
	bool room;

	if (!start(worker))
		return false;
	pthread_mutex_lock(&worker->lock);
	room = worker->queued < QUEUE_MAX;
	if (room) {
		job->next = NULL;
		*worker->queue_end = job;
		worker->queue_end = &job->next;
		worker->queued++;
		pthread_cond_signal(&worker->more);
	}
	pthread_mutex_unlock(&worker->lock);
	return room;
}

void fz_worker_forget(struct fz_worker *worker, struct fz_job *job)
{
	struct fz_job **at;
	bool queued = false;

	pthread_mutex_lock(&worker->lock);
	job->done = NULL;
	for (at = &worker->queue; *at && *at != job; at = &(*at)->next)
		;
	if (*at) {
		queued = true;
		*at = job->next;
		if (!*at)
			worker->queue_end = at;
		worker->queued--;
	}
	pthread_mutex_unlock(&worker->lock);
	if (queued)
		fz_job_free(job);
}
