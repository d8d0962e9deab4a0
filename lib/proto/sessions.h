/* SPDX-License-Identifier: MIT */
/* How many test sessions of a control connection are where, on either end (RFC 5357 section 3.8). */
#ifndef FZ_PROTO_SESSIONS_H
#define FZ_PROTO_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

struct fz_sessions {
	uint32_t accepted; /* requested and granted, not started yet */
	uint32_t started;  /* by the last Start-Sessions */
	uint32_t expired;  /* of these, ended by themselves */
};

void fz_sessions_accept(struct fz_sessions *s);
/* The accepted ones run from now on. */
void fz_sessions_start(struct fz_sessions *s);
/* One of the running has ended by itself. True if it was the last. */
bool fz_sessions_expire(struct fz_sessions *s);
uint32_t fz_sessions_alive(const struct fz_sessions *s);
/* None is left: all are stopped, or their start was refused. */
void fz_sessions_clear(struct fz_sessions *s);

#endif
