/* SPDX-License-Identifier: MIT */
/* Test sockets by local address and port, and which client address has a session on which. */
#ifndef FZ_DAEMON_PORT_H
#define FZ_DAEMON_PORT_H

#include "io/udp.h"
#include "reflect.h"

#define FZ_PORT_BATCH 32

struct fz_port {
	struct fz_port *next;
	struct fz_reflect *reflect;
	struct fz_udp *udp;
	struct fz_addr local;
	uint32_t bypass_mark; /* of its socket; 0: none */
	bool receive_mark;
	uint32_t sessions;
	bool reading;                            /* not to be closed now */
	struct fz_session *queued[FZ_PORT_BATCH]; /* whose reflection lies in the send batch */
	uint32_t queued_count;
	bool used_up;                            /* a session has had all its packets */
	uint64_t receive_drops;                  /* counted so far */
};

struct fz_port_table {
	struct fz_port *ports;
	struct fz_session **buckets;
	size_t bucket_count;
	uint32_t seed;
	struct fz_udp_batch *batch; /* of all its sockets */
};

/* False without memory; to be freed in any case. */
FIZEAU_MUST_USE bool fz_port_table_init(struct fz_port_table *table, uint32_t seed);
void fz_port_table_free(struct fz_port_table *table);

/* The session of that client address on that port; NULL if there is none. */
struct fz_session *fz_port_find(const struct fz_port_table *table, const struct fz_port *port,
	const struct fz_addr *remote);
void fz_port_join(struct fz_port_table *table, struct fz_port *port, struct fz_session *session);
void fz_port_leave(struct fz_port_table *table, struct fz_session *session);

/* A socket on local's address that remote has no session on: the port wanted if it is in the range and free, else one
   that is open already, else a new one. -EADDRINUSE: none left, or the -errno of the socket. */
FIZEAU_MUST_USE int fz_port_choose(struct fz_port_table *table, const struct fz_session_wanted *wanted,
	struct fz_port **port);
/* Closes it if nobody needs it. */
void fz_port_close_idle(struct fz_port_table *table, struct fz_loop *loop, struct fz_port *port);

#endif
