/* SPDX-License-Identifier: MIT */
/* What the two halves of a worker's reflector share: packets (reflect.c) and orders (reflect_orders.c). */
#ifndef FZ_DAEMON_REFLECT_PARTS_H
#define FZ_DAEMON_REFLECT_PARTS_H

#include <fizeau/reflector.h>
#include <fizeau/st_reflector.h>
#include "bucket.h"
#include "io/departure.h"
#include "io/udp.h"
#include "ipsec.h"
#include "reflect.h"
#include "seats.h"
#include "strangers.h"

#define FZ_REFLECT_BATCH 32

enum fz_reflected_state {
	FZ_REFLECTED_ADDED, /* nothing is reflected */
	FZ_REFLECTED_RUNS,
	FZ_REFLECTED_STOPPED,
};

/* A session. */
struct fz_reflected {
	struct fz_seat seat;
	struct fz_reflect *reflect;
	struct fz_test_socket *socket;
	struct fizeau_reflector *reflector;    /* of TWAMP; NULL: */
	struct fizeau_st_reflector *stamp;     /* of STAMP */
	struct fizeau_address remote;          /* STAMP: its source */
	struct fz_figures *figures;
	uint64_t packets;   /* that it may have reflected */
	size_t octets_max;  /* longest packet that is reflected */
	struct fz_bucket packets_bucket, bits_bucket;
	struct fz_ipsec_signs *ipsec; /* what its packets must bear; NULL: nothing */
	struct fz_ipsec_view ipsec_view;
	enum fz_reflected_state state;
	uint32_t slot;
	uint16_t remote_port; /* packets came from last; its Sender Port to begin with */
	uint8_t dscp;
	bool encrypted; /* once T3 is in it */
	struct fz_timer timer;
	int64_t duration_ns, timeout_ns, refwait_ns;
	struct fizeau_mono last; /* end at the latest */
};

struct fz_test_socket {
	struct fz_test_socket *next;
	struct fz_reflect *reflect;
	struct fz_udp *udp;
	uint32_t number;
	uint32_t sessions;
	bool reading, closing;                          /* not to be closed now; to be closed then */
	bool used_up;                                   /* a session has had all its packets */
	struct fz_reflected *queued[FZ_REFLECT_BATCH]; /* whose reflection lies in the send batch */
	struct fizeau_st_reply replies[FZ_REFLECT_BATCH]; /* of STAMP, and likewise */
	struct fz_awaited *awaited[FZ_REFLECT_BATCH];     /* where our own stamp of it belongs; NULL: nowhere */
	uint32_t queued_count;
	uint64_t receive_drops;                         /* counted so far */
	size_t octets_max;                              /* of any session that it has had */
	uint64_t rate;                                  /* packets/s that its sessions may have, all together */
};

#define FZ_REFLECT_STAMPS 64 /* transmit stamps that may be awaited; power of two */

/* A packet whose transmit stamp is awaited. */
struct fz_awaited {
	struct fizeau_stamp taken;
	int64_t effort_ns;          /* of a lone packet; else FZ_EFFORT_UNKNOWN */
	bool first;                 /* of its batch: departures are learnt from it */
	bool follow_up;             /* STAMP: its session wants to know too: */
	uint32_t slot, serial, seq; /* which, and which of its reflections it was */
};

struct fz_reflect {
	struct fz_loop *loop;
	struct fz_clock *clock;
	struct fz_shared *shared;
	struct fz_reflect_hooks hooks;
	struct fz_seats seats;
	struct fz_udp_batch *batch; /* of all sockets */
	struct fz_test_socket *sockets;
	struct fz_departure lone, batches;             /* packets that are alone in their batch; all others */
	struct fz_awaited awaiting[FZ_REFLECT_STAMPS]; /* by id */
	uint32_t awaited;                              /* id of the next */
	struct fizeau_mono stamp_due;                  /* from when on the next may be wanted */
	struct fizeau_mono lone_since;                 /* when the read of a lone packet began; FIZEAU_NEVER: of a batch */
	struct fz_reflected **slots; /* FZ_WORKER_SLOTS */
	uint32_t running;           /* sessions that were started */
	struct fz_strangers *strangers; /* of STAMP */
	uint64_t stamp_ports[1024];     /* a bit for each port that it is listened for on */
	struct fz_bucket follow_ups;    /* transmit stamps for its sessions */
};

/* The socket has something to read. */
void fz_reflect_readable(void *arg, uint32_t events);
/* One packet of a session: reflected into the send batch, or counted. */
void fz_reflect_one(struct fz_test_socket *socket, struct fz_reflected *session, const struct fz_datagram *in,
	struct fizeau_mono now);
/* Sends what is queued, and accounts for it. */
void fz_reflect_flush(struct fz_test_socket *socket);
void fz_reflect_count(struct fz_reflect *reflect, enum fz_counter counter, uint64_t n);
bool fz_reflected_used_up(const struct fz_reflected *session);
void fz_reflected_end(struct fz_reflected *session, enum fz_counter reason);
/* Closes it if that was ordered, and is possible now. */
void fz_test_socket_close_if(struct fz_test_socket *socket);


/* STAMP (reflect_stamp.c). */
static inline bool fz_test_socket_stamp(const struct fz_test_socket *socket)
{
	return socket->number & FZ_PORT_STAMP;
}
/* What tells the session of a packet from others of its address and port. */
uint16_t fz_stamp_ssid(const struct fz_datagram *in);
/* Gives a session that is being made its reflector. False without memory. */
FIZEAU_MUST_USE bool fz_stamp_make(struct fz_reflected *session, const struct fz_order_add_stamp *add);
/* Prepares the reflection of one packet: its octets, or an error of the library. */
FIZEAU_MUST_USE int fz_stamp_reflect(struct fz_reflected *session, const struct fz_datagram *in, uint8_t *out,
	struct fizeau_st_reply *reply);
/* Its listeners are others now. */
void fz_stamp_find_ports(struct fz_reflect *reflect);
/* Has the transmit stamp of the reflection queued last told, which its session wants to know. */
void fz_stamp_await(struct fz_test_socket *socket, const struct fz_reflected *session, uint32_t index,
	struct fizeau_mono now);
/* The transmit stamp is here. */
void fz_stamp_departed(struct fz_reflect *reflect, const struct fz_awaited *awaited, const struct fizeau_stamp *stamp);
/* A packet of nobody. */
void fz_stamp_stranger(struct fz_test_socket *socket, const struct fz_datagram *in, uint16_t ssid, struct fizeau_mono now);
/* A session runs: reflects what was kept for it. It may have ended then. */
void fz_stamp_begin(struct fz_reflected *session, uint16_t ssid);
void fz_stamp_refuse(struct fz_reflect *reflect, const struct fz_order_refuse *refuse);

#endif
