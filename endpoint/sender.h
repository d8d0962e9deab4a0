/* SPDX-License-Identifier: MIT */
/* The Session-Sender of one OWAMP session on the event loop: packets out by schedule, and an account of those that were
   not sent (RFC 4656 section 4.1.1). Client and daemon run the same one.

   The schedule goes by the monotonic clock. Its origin, the Start Time, is found by the wall clock, and anew each
   second until the first number has had its turn; from then on it stays. A wall clock that is set while packets are sent
   thus neither stalls nor hurries them, but their stamps move with it, and the receiver discards those that are more
   than Timeout from their schedule. */
#ifndef FZ_ENDPOINT_SENDER_H
#define FZ_ENDPOINT_SENDER_H

#include <fizeau/record.h>
#include <fizeau/sender.h>
#include "endpoint/missed.h"
#include "io/addr.h"
#include "io/clock.h"
#include "io/loop.h"
#include "io/stamping.h"
#include "io/udp.h"

struct fz_endpoint_sender;

/* A packet left: number, the stamp it carries, and how much later than its schedule. Packets that are due at once leave as
   one batch. */
typedef void fz_endpoint_sent_fn(void *arg, uint32_t seq, struct fizeau_stamp stamp, int64_t lateness_ns);

struct fz_endpoint_sender_config {
	struct fz_loop *loop;
	struct fz_clock *clock;          /* the process's, asked before; it outlives the sender */
	struct fz_udp *udp;              /* open and bound, for datagrams as long as the packets; the caller's */
	struct fz_addr remote;           /* where to */
	uint8_t dscp;
	enum fizeau_test_mode mode;
	struct fizeau_test_keys keys;    /* not used in open mode; copied, the caller wipes its own */
	uint8_t sid[FIZEAU_SID_OCTETS];
	const struct fizeau_slot *slots; /* copied */
	size_t slot_count;
	uint32_t packets;
	uint32_t padding_octets;
	bool zero_padding;
	uint64_t start_time;             /* NTP: origin of the schedule, future or past */
	int64_t timeout_ns;              /* a packet that is later than this is not sent */
	bool learns_departures;          /* the socket has transmit stamps, and nobody else watches it: the sender has it in
	                                    the loop while it sends, and the stamps in packets are corrected by what earlier
	                                    ones were late (io/departure.h) */
	fz_endpoint_sent_fn *sent;       /* NULL: nobody asks; may stop the sender, not free it: what left in the same batch
	                                    is still told */
	void (*done)(void *arg);         /* once, from the loop: every packet was sent or skipped, or sending is over since
	                                    sending cannot go on (counters: error); not after fz_endpoint_sender_stop. May
	                                    free the sender */
	void *arg;                       /* of both */
};

/* NULL without memory, or if the packet would not fit a datagram. Nothing is sent yet. */
struct fz_endpoint_sender *fz_endpoint_sender_new(const struct fz_endpoint_sender_config *config);
void fz_endpoint_sender_free(struct fz_endpoint_sender *sender); /* NULL is fine */

/* Start-Ack is through: sends from now on, or from the Start Time if that is later. 0 or -errno. */
FIZEAU_MUST_USE int fz_endpoint_sender_start(struct fz_endpoint_sender *sender);
/* No more packets. */
void fz_endpoint_sender_stop(struct fz_endpoint_sender *sender);

/* For Stop-Sessions: the next number and what was skipped; its ranges lie in the sender. */
void fz_endpoint_sender_end(const struct fz_endpoint_sender *sender, struct fizeau_session_end *end);
/* Scheduled time of the last packet there will be: Timeout after it the session is complete. FIZEAU_NEVER until done. */
struct fizeau_mono fz_endpoint_sender_last(const struct fz_endpoint_sender *sender);

/* Slots that were missed, skipped ones included; its ranges lie in the sender. */
const struct fz_missed *fz_endpoint_sender_missed(const struct fz_endpoint_sender *sender);

struct fz_endpoint_sender_counters {
	uint32_t sent;
	struct fz_stamp_counts left; /* transmit stamps that came: the stamps in the packets are corrected by them, and
	                                are of user space all the same */
	uint32_t skipped_late; /* more than Timeout behind their schedule */
	uint32_t skipped_drop; /* the kernel would not take them */
	int error;             /* -errno or FIZEAU_ERR_*, why sending ended before its time; 0. FIZEAU_ERR_LIMIT: it would
	                          take more than FIZEAU_SKIP_RANGES_MAX ranges to say what was not sent */
};
void fz_endpoint_sender_counters(const struct fz_endpoint_sender *sender, struct fz_endpoint_sender_counters *counters);

#endif
