/* SPDX-License-Identifier: MIT */
/* The Session-Receiver of one OWAMP session on the event loop: datagrams in, records out. Client and daemon run the
   same one; where the records go is theirs. */
#ifndef FZ_ENDPOINT_RECEIVER_H
#define FZ_ENDPOINT_RECEIVER_H

#include <fizeau/receiver.h>
#include "io/addr.h"
#include "io/clock.h"
#include "io/loop.h"
#include "io/stamping.h"
#include "io/udp.h"

struct fz_endpoint_receiver;

struct fz_endpoint_receiver_config {
	struct fz_loop *loop;
	struct fz_clock *clock;        /* the process's, asked before; it outlives the receiver */
	struct fz_udp *udp;            /* open and bound; the caller's, in the loop from start to free */
	struct fz_addr remote;         /* whose packets count, by address; a NAT may rewrite the port */
	struct fizeau_receiver_config session; /* keys are copied, the caller wipes its own */
	/* Whether a datagram from remote counts at all; NULL: every one. */
	bool (*wanted)(void *arg, const struct fz_datagram *datagram, struct fizeau_mono now);
	uint64_t rate_pps;             /* more than this is discarded; 0: no bound */
	/* Records in order: arrivals as they come, lost packets when that shows. Must not free the receiver. */
	void (*records)(void *arg, const struct fizeau_record *records, size_t count);
	void *arg;
};

/* NULL without memory. Nothing is received yet. */
struct fz_endpoint_receiver *fz_endpoint_receiver_new(const struct fz_endpoint_receiver_config *config);
void fz_endpoint_receiver_free(struct fz_endpoint_receiver *receiver); /* NULL is fine */

/* The session is started: what came to the socket before is dropped unread. 0 or -errno. To be called right before
   Start-Sessions or Start-Ack goes out, since the sender may be at once. */
FIZEAU_MUST_USE int fz_endpoint_receiver_start(struct fz_endpoint_receiver *receiver);
/* The session ends at stop_ntp (wall clock): gives the records that are still owed, at most 2^22 of lost packets (there
   are more only if far more of the schedule was due at once than anybody can send); nothing comes after it. */
void fz_endpoint_receiver_finish(struct fz_endpoint_receiver *receiver, uint64_t stop_ntp);

/* Every number came or is lost, and Timeout has passed since the last was due (fizeau_receiver_complete): to stop now
   costs no record. */
bool fz_endpoint_receiver_complete(const struct fz_endpoint_receiver *receiver);

/* For fizeau_receiver_check_end and fizeau_receiver_next_seqno. */
const struct fizeau_receiver *fz_endpoint_receiver_session(const struct fz_endpoint_receiver *receiver);

/* Datagrams that gave no record, by reason. */
struct fz_endpoint_receiver_counters {
	uint64_t received;       /* those that did */
	uint64_t hmac, length, error_estimate, unknown_number, late, foreign_source, unwanted, rate, memory;
	uint64_t local;          /* our own socket's buffer was full: never the network's loss */
	struct fz_stamp_counts stamps; /* of the arrivals */
};
void fz_endpoint_receiver_counters(const struct fz_endpoint_receiver *receiver,
	struct fz_endpoint_receiver_counters *counters);

#endif
