/* SPDX-License-Identifier: MIT */
/* A thread that turns secrets into Token keys and opens Tokens with them: PBKDF2 at high counts takes longer than a
   packet may wait. Jobs are done in order; done is called from the loop. */
#ifndef FZ_DAEMON_KEY_THREAD_H
#define FZ_DAEMON_KEY_THREAD_H

#include <stdbool.h>
#include <fizeau/event.h>
#include "io/loop.h"

struct fz_key_thread;
struct fz_job;

typedef void fz_job_fn(void *arg, struct fz_job *job);

struct fz_job {
	struct fz_job *next;
	fz_job_fn *done; /* NULL: nobody waits any more */
	void *arg;
	bool ike;        /* secret is prf(SK_d, "IPPM"), else a passphrase */
	uint8_t *secret; /* wiped and freed with the job */
	size_t secret_octets;
	uint8_t salt[16], challenge[16], token[FIZEAU_TOKEN_OCTETS];
	uint32_t count;
	int result; /* 0, or FIZEAU_ERR_* */
	struct fizeau_session_keys keys;
};

struct fz_key_thread *fz_key_thread_new(struct fz_loop *loop); /* NULL: no memory or no descriptor */
void fz_key_thread_free(struct fz_key_thread *thread);          /* waits for the job at hand */

/* A job with room for the secret; NULL without memory. */
struct fz_job *fz_job_new(const uint8_t *secret, size_t octets);
void fz_job_free(struct fz_job *job);
/* Hands the job over; it is freed after done. False if the queue is full or there is no thread: still the caller's. */
FIZEAU_MUST_USE bool fz_key_thread_add(struct fz_key_thread *thread, struct fz_job *job);
/* done will not be called; the job is the thread's to free. */
void fz_key_thread_forget(struct fz_key_thread *thread, struct fz_job *job);

#endif
