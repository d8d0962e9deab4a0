/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "key_thread.h"

#define QUEUE_MAX 256

struct fz_key_thread {
	struct fz_loop *loop;
	int wake; /* eventfd: something is done */
	bool started;
	pthread_t id;
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
	struct fz_key_thread *thread = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&thread->lock);
	for (;;) {
		while (!thread->queue && !thread->stop)
			pthread_cond_wait(&thread->more, &thread->lock);
		if (thread->stop)
			break;
		struct fz_job *job = thread->queue;
		thread->queue = job->next;
		if (!thread->queue)
			thread->queue_end = &thread->queue;
		thread->queued--;
		pthread_mutex_unlock(&thread->lock);
		run(job);
		pthread_mutex_lock(&thread->lock);
		job->next = NULL;
		*thread->done_end = job;
		thread->done_end = &job->next;
		while (write(thread->wake, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
	pthread_mutex_unlock(&thread->lock);
	return NULL;
}

static void woken(void *arg, uint32_t events)
{
	struct fz_key_thread *thread = arg;
	uint64_t count;
	struct fz_job *job;

	(void)events;
	if (read(thread->wake, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&thread->lock);
	job = thread->done;
	thread->done = NULL;
	thread->done_end = &thread->done;
	pthread_mutex_unlock(&thread->lock);
	while (job) {
		struct fz_job *next = job->next;
		if (job->done)
			job->done(job->arg, job);
		fz_job_free(job);
		job = next;
	}
}

struct fz_key_thread *fz_key_thread_new(struct fz_loop *loop)
{
	struct fz_key_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	thread->loop = loop;
	thread->queue_end = &thread->queue;
	thread->done_end = &thread->done;
	thread->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (thread->wake < 0 || fz_loop_add(loop, thread->wake, EPOLLIN, woken, thread)) {
		if (thread->wake >= 0)
			close(thread->wake);
		free(thread);
		return NULL;
	}
	pthread_mutex_init(&thread->lock, NULL);
	pthread_cond_init(&thread->more, NULL);
	return thread;
}

static void jobs_free(struct fz_job *job)
{
	while (job) {
		struct fz_job *next = job->next;
		fz_job_free(job);
		job = next;
	}
}

void fz_key_thread_free(struct fz_key_thread *thread)
{
	if (!thread)
		return;
	if (thread->started) {
		pthread_mutex_lock(&thread->lock);
		thread->stop = true;
		pthread_cond_signal(&thread->more);
		pthread_mutex_unlock(&thread->lock);
		pthread_join(thread->id, NULL);
	}
	fz_loop_remove(thread->loop, thread->wake);
	close(thread->wake);
	jobs_free(thread->queue);
	jobs_free(thread->done);
	pthread_cond_destroy(&thread->more);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}

/* The thread starts with the first job: a daemon that goes to the background has forked by then. */
static bool start(struct fz_key_thread *thread)
{
	sigset_t all, before;

	if (thread->started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	thread->started = !pthread_create(&thread->id, NULL, work, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return thread->started;
}

bool fz_key_thread_add(struct fz_key_thread *thread, struct fz_job *job)
{
	bool room;

	if (!start(thread))
		return false;
	pthread_mutex_lock(&thread->lock);
	room = thread->queued < QUEUE_MAX;
	if (room) {
		job->next = NULL;
		*thread->queue_end = job;
		thread->queue_end = &job->next;
		thread->queued++;
		pthread_cond_signal(&thread->more);
	}
	pthread_mutex_unlock(&thread->lock);
	return room;
}

void fz_key_thread_forget(struct fz_key_thread *thread, struct fz_job *job)
{
	struct fz_job **at;
	bool queued = false;

	pthread_mutex_lock(&thread->lock);
	job->done = NULL;
	for (at = &thread->queue; *at && *at != job; at = &(*at)->next)
		;
	if (*at) {
		queued = true;
		*at = job->next;
		if (!*at)
			thread->queue_end = at;
		thread->queued--;
	}
	pthread_mutex_unlock(&thread->lock);
	if (queued)
		fz_job_free(job);
}
