/* SPDX-License-Identifier: MIT */
/* The TWAMP sessions of a control connection where each is started and stopped by itself, on either end (RFC 5938). */
#ifndef FZ_PROTO_SID_SESSIONS_H
#define FZ_PROTO_SID_SESSIONS_H

#include <fizeau/event.h>

enum fz_sid_state {
	FZ_SID_ACCEPTED, /* requested and granted; it does not run */
	FZ_SID_STARTING, /* client: that it runs is not acknowledged yet */
	FZ_SID_RUNNING,
	FZ_SID_STOPPING, /* client: nor that it does not run any more */
	FZ_SID_EXPIRED,  /* server: it has ended by itself, and may still be stopped */
	FZ_SID_STOPPED,  /* gone at the next sweep */
};

#define FZ_SID_STATES (FZ_SID_STOPPED + 1)

struct fz_sid_session {
	struct fizeau_sid sid;
	enum fz_sid_state state;
};

struct fz_sid_sessions {
	struct fz_sid_session *sessions; /* sorted by SID */
	uint32_t count;
	uint32_t in[FZ_SID_STATES]; /* how many are in each state */
	size_t cap;
};

/* One more, in state ACCEPTED. FIZEAU_ERR_MEMORY, FIZEAU_ERR_RANGE if the SID is there already. */
FIZEAU_MUST_USE int fz_sid_sessions_add(struct fz_sid_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS]);
/* NULL: there is none. Good until the next add or sweep. */
struct fz_sid_session *fz_sid_sessions_find(
	const struct fz_sid_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS]);
void fz_sid_sessions_set(struct fz_sid_sessions *s, struct fz_sid_session *session, enum fz_sid_state state);
/* Forgets those that are stopped. */
void fz_sid_sessions_sweep(struct fz_sid_sessions *s);
/* Forgets those that have expired as well. */
void fz_sid_sessions_drop_expired(struct fz_sid_sessions *s);
/* None is left. */
void fz_sid_sessions_clear(struct fz_sid_sessions *s);

#endif
