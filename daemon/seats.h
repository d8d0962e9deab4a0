/* SPDX-License-Identifier: MIT */
/* Who has a session on which test port: by the port's number, the client's address, and its Sender Port. The main process
   and its workers each keep one of these tables, and by the same rule. An address that has one session on a port is found
   whatever Sender Port its packets come from, as a NAT may have rewritten it. Once a second session of the same address
   shares the port, both are found by their Sender Ports only, until the last of them has left it. */
#ifndef FZ_DAEMON_SEATS_H
#define FZ_DAEMON_SEATS_H

#include <stdbool.h>
#include <stdint.h>
#include "io/addr.h"

/* A session's; it lies in the session. */
struct fz_seat {
	struct fz_seat *next; /* in the table */
	struct fz_seat_group *group;
	void *of;             /* the session */
	uint16_t sender_port;
};

/* The sessions of an address on a port. */
struct fz_seat_group {
	struct fz_seat_group *next; /* in the table */
	uint64_t host[2];
	uint32_t zone, port;
	uint32_t count;
	bool shared;           /* more than one, now or before */
	struct fz_seat *alone; /* unless shared */
};

struct fz_seats {
	struct fz_seat_group **groups;
	struct fz_seat **seats;
	uint64_t seed;
	uint32_t mask;  /* of both tables */
	uint32_t count; /* seats taken */
};

/* False without memory; to be freed in any case. */
FIZEAU_MUST_USE bool fz_seats_init(struct fz_seats *seats, uint64_t seed);
void fz_seats_free(struct fz_seats *seats); /* nobody sits any more, or ever leaves */

/* The session that a packet from there is of; NULL if it is of none. */
struct fz_seat *fz_seats_find(const struct fz_seats *seats, uint32_t port, const struct fz_addr *from);
/* That of this very Sender Port. */
struct fz_seat *fz_seats_find_exactly(const struct fz_seats *seats, uint32_t port, const struct fz_addr *from);
/* Those of that address; NULL if there are none. */
const struct fz_seat_group *fz_seats_group(const struct fz_seats *seats, uint32_t port, const struct fz_addr *host);

/* Of a seat. The seed is a secret: who can choose addresses must not be able to choose where they lie. */
uint32_t fz_seats_hash(uint64_t seed, uint32_t port, const struct fz_addr *remote);

/* Takes a seat for remote's address and port. False without memory, or if that very Sender Port sits there already. */
FIZEAU_MUST_USE bool fz_seats_join(struct fz_seats *seats, struct fz_seat *seat, uint32_t port,
	const struct fz_addr *remote);
void fz_seats_leave(struct fz_seats *seats, struct fz_seat *seat);

#endif
