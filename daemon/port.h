/* SPDX-License-Identifier: MIT */
/* Test ports as the main process sees them: which worker has which, and which client has a session on which. */
#ifndef FZ_DAEMON_PORT_H
#define FZ_DAEMON_PORT_H

#include "conf.h"
#include "io/udp.h"
#include "seats.h"

struct fz_port {
	struct fz_port *next;
	struct fz_addr local;
	uint32_t number;      /* that tells it apart from all others, and from those that have been */
	uint32_t worker;
	uint32_t bypass_mark; /* of its socket; 0: none */
	bool receive_mark;
	uint32_t sessions;
	int64_t idle_ns;      /* since when it has none, monotonic */
};

struct fz_port_table {
	struct fz_port *ports;
	struct fz_seats seats;
	struct fz_udp_batch *batch; /* what opening takes */
	uint32_t next_number;
};

/* Where a session could be. */
struct fz_port_wanted {
	const struct fz_addr *local;  /* port 0: any */
	const struct fz_addr *remote; /* with the Sender Port */
	uint16_t first, last;         /* the range */
	uint32_t bypass_mark;
	bool receive_mark;
	/* Whether the packets of a session that is alone on its port come from its Sender Port, as far as is known: else it
	   would not be found any more with another beside it. */
	bool (*as_sent)(const struct fz_seat *alone);
};

/* A worker, when ports are chosen. */
struct fz_port_worker {
	bool runs;
	uint32_t sessions;
};

#define FZ_PORTS_OF_A_HOST 64 /* that one client address is spread over, before its sessions share them */

/* False without memory; to be freed in any case. */
FIZEAU_MUST_USE bool fz_port_table_init(struct fz_port_table *table, uint64_t seed);
void fz_port_table_free(struct fz_port_table *table);

/* Chooses a port for a session, and so its worker: the port wanted if it is in the range and the client's address has no
   session on it; else, at the worker with the fewest sessions, one that is open already, else a new one, else one that the
   address has sessions on with other Sender Ports; else at the next worker. A new one comes with its socket, which is the
   caller's to pass on and to close; else *udp is NULL. Removing a new one that came to nothing is the caller's too.
   -EADDRINUSE: none left; -ENOTCONN: no worker runs; or the -errno of the socket. */
FIZEAU_MUST_USE int fz_port_choose(struct fz_port_table *table, const struct fz_port_wanted *wanted,
	const struct fz_port_worker *workers, uint32_t count, struct fz_port **port, struct fz_udp **udp);
FIZEAU_MUST_USE bool fz_port_join(struct fz_port_table *table, struct fz_port *port, struct fz_seat *seat,
	const struct fz_addr *remote);
void fz_port_leave(struct fz_port_table *table, struct fz_port *port, struct fz_seat *seat, int64_t now_ns);
/* Forgets it. Nobody sits there. */
void fz_port_remove(struct fz_port_table *table, struct fz_port *port);

#endif
