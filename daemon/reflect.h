/* SPDX-License-Identifier: MIT */
/* The UDP side: test sockets, and the Session-Reflectors behind them. A session is found by (local address and port,
   remote address), not by the remote port: a NAT may rewrite that. One socket serves a session of every client address;
   an address that has one on it gets its next session on another port. */
#ifndef FZ_DAEMON_REFLECT_H
#define FZ_DAEMON_REFLECT_H

#include <fizeau/reflector.h>
#include "admit.h"
#include "ipsec.h"
#include "io/clock.h"
#include "io/loop.h"
#include "log.h"

struct fz_reflect;
struct fz_port;
struct fz_session;
struct fz_engine;

enum fz_session_state {
	FZ_SESSION_REQUESTED, /* accepted, not started: nothing is reflected */
	FZ_SESSION_RUNNING,
	FZ_SESSION_STOPPED,   /* Stop-Sessions came: reflected for Timeout more */
};

/* Why packets were not reflected. */
enum fz_drop {
	FZ_DROP_NOT_STARTED,
	FZ_DROP_NOT_IPSEC,
	FZ_DROP_LENGTH,
	FZ_DROP_HMAC,
	FZ_DROP_RATE,
	FZ_DROP_BANDWIDTH,
	FZ_DROP_LOCAL,
	FZ_DROPS,
};
const char *fz_drop_name(enum fz_drop drop);

/* Called when a session ends, whatever the reason, right before it is freed. */
typedef void fz_session_end_fn(struct fz_session *session, enum fz_counter reason);

struct fz_session_wanted {
	struct fz_addr local;   /* where packets come to; its port: wanted, 0 any */
	struct fz_addr remote;  /* whose packets; its port is only reported */
	uint32_t mode;          /* as chosen on the control connection */
	uint8_t sid[FIZEAU_SID_OCTETS];
	struct fizeau_test_keys keys; /* wiped by the caller */
	uint8_t dscp;
	uint32_t padding_octets;
	int64_t timeout_ns;     /* reflection after Stop-Sessions */
	struct fz_conf *conf;
	const struct fz_class *of_class;
	bool require_ipsec;     /* packets count only if they come through IPsec */
	uint32_t bypass_mark;   /* not 0: packets go around it */
	fz_session_end_fn *ended;
	void *owner;            /* of the one who asked; may be changed */
};

struct fz_bucket {
	uint64_t rate;  /* units a second; FZ_UNLIMITED: none */
	uint64_t depth; /* units */
	uint64_t units;
	int64_t at_ns;
};

struct fz_session {
	struct fz_session *next_in_bucket;
	struct fz_session *next, *previous; /* of all */
	struct fz_reflect *reflect;
	struct fz_port *port;
	struct fizeau_reflector *reflector;
	struct fz_timer timer;
	struct fz_conf *conf;
	const struct fz_class *of_class; /* in conf */
	fz_session_end_fn *ended;
	void *owner;

	enum fz_session_state state;
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint32_t mode;
	uint8_t dscp;
	uint32_t padding_octets;
	struct fz_addr remote;
	uint16_t local_port;
	int64_t timeout_ns;
	struct fizeau_mono started, heard, last; /* last: end at the latest */
	struct fz_bucket packets_bucket, bits_bucket;
	uint64_t received, reflected, drops[FZ_DROPS];
	bool require_ipsec;
	struct fz_ipsec_view ipsec;
	size_t octets_max; /* longest packet that is reflected */

	/* The owner's: kept here for it, and for status. */
	struct fz_session *next_of_owner;
	struct fz_engine *engine;
	struct fz_place place;
	struct fz_identity identity;
	struct fz_addr peer; /* of the control connection */
};

/* NULL without memory. */
struct fz_reflect *fz_reflect_new(struct fz_loop *loop, struct fz_log *log, struct fz_clock *clock,
	struct fz_counters *counters, uint32_t seed);
void fz_reflect_free(struct fz_reflect *reflect); /* ends what still runs */

/* A session in state REQUESTED, or NULL: accept and counter say why. */
struct fz_session *fz_reflect_add(struct fz_reflect *reflect, const struct fz_session_wanted *wanted, uint8_t *accept,
	enum fz_counter *counter);
void fz_session_start(struct fz_session *session);
/* Stop-Sessions: reflection goes on for Timeout, then the session ends. */
void fz_session_stop(struct fz_session *session);
void fz_session_end(struct fz_session *session, enum fz_counter reason);
/* When it ends at the latest; for status. */
struct fizeau_mono fz_session_ends(const struct fz_session *session);

/* All sessions, in order of their making. */
struct fz_session *fz_reflect_first(const struct fz_reflect *reflect);

#endif
