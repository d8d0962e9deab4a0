/* SPDX-License-Identifier: MIT */
/* The Session-Sender of one two-way test session on the event loop: packets out by schedule, reflections in. */
#ifndef FZ_CLI_TWOWAY_TEST_H
#define FZ_CLI_TWOWAY_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/sender.h>
#include <fizeau/stats.h>
#include "endpoint/missed.h"
#include "io/addr.h"
#include "io/clock.h"
#include "io/departure.h"
#include "io/loop.h"
#include "io/udp.h"
#include "result.h"

#define FZ_TEST_BURST 32 /* packets that leave as one batch */

struct fz_test_config {
	struct fz_loop *loop;
	struct fz_clock *clock;      /* the process's, asked before; it outlives the test */
	uint32_t count;
	uint8_t dscp;
	int64_t timeout_ns;
	const struct fz_slot_wish *slots;
	size_t slot_count;
	uint32_t sessions;           /* that the process has, this one included; 0 counts as 1 */
	bool busy_poll;              /* the loop does not sleep while reflections are awaited */
};

/* Who makes a test's packets and reads what comes back. The functions are as their namesakes in fizeau/sender.h. */
struct fz_test_packets {
	void *arg;     /* theirs */
	size_t octets; /* of each packet */
	int (*prepare)(void *arg, uint32_t seq, uint8_t *buf);
	int (*finish)(void *arg, uint32_t seq, uint8_t *buf, struct fizeau_stamp stamp);
	int (*reflection)(void *arg, const uint8_t *octets, size_t len, struct fizeau_reflection *reflection);
	/* Of the one read last: 0, or why it is discarded all the same; NULL: it is not. */
	int (*counts)(void *arg, const struct fizeau_round_trip *trip);
	void (*free)(void *arg);
};

/* One packet that was sent. */
struct fz_sent {
	uint64_t ntp;         /* T1 of the result: the transmit stamp once it is known, till then as it is in the packet */
	int64_t lateness_ns;  /* departure less schedule */
	int32_t corrected_ns; /* how far the stamp in the packet is from when it was taken */
	uint16_t error;
	uint8_t source;       /* of ntp: enum fizeau_stamp_source */
	bool back;            /* a reflection came */
	uint32_t steps;       /* how often the clock had been set when it was sent */
};

struct fz_test {
	struct fz_test_config config;
	struct fz_udp *udp;
	struct fz_addr local, remote;
	struct fz_test_packets maker; /* the protocol's; zeroed till there is a session */
	struct fizeau_schedule *schedule;
	struct fz_timer timer;
	struct fizeau_mono start;    /* of the schedule */
	struct fizeau_mono due;      /* of the first packet that does not wait in dues */
	int64_t dues[FZ_TEST_BURST]; /* of packets from `sent` on that the kernel did not take yet */
	uint32_t due_count;
	struct fizeau_mono last;     /* departure of the last packet */
	struct fizeau_mono failing;  /* since when the kernel refuses to send; INT64_MAX: it does not */
	uint8_t *next;               /* packet `sent`, if prepared, all but its stamp */
	bool prepared;
	struct fz_departure departure;
	int64_t stamp_gap_ns;        /* no transmit stamp is wanted sooner after the last one that was */
	struct fizeau_mono stamp_wanted;
	struct fz_missed missed;     /* slots */
	struct fz_sent *packets;
	uint32_t sent, capacity;
	struct fizeau_round_trip *records; /* in order of arrival */
	size_t record_count, record_capacity;
	uint32_t back;               /* numbers that came back */
	struct fz_features_seen *seen; /* NULL: nobody asks; freed by fz_test_close */
	struct fz_discards discards;
	struct fz_stamp_counts received_by;
	bool more;                   /* packets may be added: the test is not done before fz_test_no_more */
	int error;                   /* -errno or FIZEAU_ERR_*: no memory, libcrypto */
	bool done;
	enum fz_ending ending;
};

/* On a socket that is open and bound, and closed by fz_test_close; its batch may serve other sockets too. */
void fz_test_open(struct fz_test *test, const struct fz_test_config *config, struct fz_udp *udp);
/* Prepares for a session that was accepted. maker is taken over: fz_test_close frees it, whatever comes; seed is the
   schedule's (RFC 4656 section 5). 0 or a negative error. */
FIZEAU_MUST_USE int fz_test_accept(struct fz_test *test, const struct fz_test_packets *maker,
	const uint8_t seed[static FIZEAU_SID_OCTETS], const struct fz_addr *remote);
/* Starts sending; start is the schedule's origin. test->done tells when the loop has done its work. */
FIZEAU_MUST_USE int fz_test_start(struct fz_test *test, struct fizeau_mono start);
/* When nothing more comes: T1 of every record is the one that is known by now. Tells where they are from. */
void fz_test_settle(struct fz_test *test, struct fz_stamp_counts *sent_by);
/* No more packets; what is under way is still waited for. */
void fz_test_stop_sending(struct fz_test *test, enum fz_ending ending);
/* One more packet than the schedule has, at once; only after all of these have left, and while there may be more. */
void fz_test_add(struct fz_test *test);
bool fz_test_all_sent(const struct fz_test *test);
/* Has what is prepared already prepared anew. */
void fz_test_prepare_anew(struct fz_test *test);
/* There will be no more. */
void fz_test_no_more(struct fz_test *test);
void fz_test_close(struct fz_test *test);

#endif
