/* SPDX-License-Identifier: MIT */
/* Metrics over the records of a session: pure functions (RFC 2330, 2681, 3393, 4737, 5481, 5560, 6673, 7679, 7680).
   A figure that could not be measured says so with valid = false; it is never 0. */
#ifndef FIZEAU_STATS_H
#define FIZEAU_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"
#include "record.h"

/* One reflection that came back, in order of arrival. */
struct fizeau_round_trip {
	uint32_t seq;             /* the sender's number */
	uint32_t reflector_seq;
	uint64_t t1, t2, t3, t4;  /* NTP: sent, received and sent by the reflector, received back */
	uint16_t sender_error;    /* Error Estimate of T1 */
	uint16_t reflector_error; /* of T2 and T3 */
	uint16_t receive_error;   /* of T4 */
	uint8_t forward_ttl;      /* TTL at the reflector; 255: no router on the way, or it could not be read */
	uint8_t backward_ttl;     /* TTL of the reflection on arrival; likewise */
	bool across_step;         /* the sender's clock was set meanwhile: T4 and T1 cannot be compared */
};

/* Order statistics of a set of durations in nanoseconds; percentiles by the definition of RFC 2330 11.3. */
struct fizeau_distribution {
	bool valid; /* false: no value */
	uint64_t values;
	int64_t min, mean, median, p90, p95, p99, p999, max;
	int64_t stddev;
};

struct fizeau_round_trip_summary {
	uint64_t sent;
	uint64_t received;         /* numbers that came back at least once within the loss threshold */
	uint64_t lost;
	bool lost_forward_valid;   /* false when the reflector's numbers cannot tell: none came back, or they do not
	                              count what it sent (a stateless reflector's are not always found out) */
	uint64_t lost_forward, lost_backward; /* what the numbers prove; what was late, or sent after the last packet that
	                              came back, is in neither */
	uint64_t duplicates;       /* further copies of a number within the loss threshold */
	uint64_t late;             /* arrivals after the loss threshold: a number with no other counts as lost */
	uint64_t reordered;        /* RFC 4737 3.3, on the first copies in order of arrival */
	uint64_t across_step;      /* of the received: without a delay, since the sender's clock was set meanwhile */
	uint64_t impossible;       /* of the received: likewise, since T3 - T2 is negative or longer than T4 - T1, by more
	                              than 1 ms: the reflector's clock was set meanwhile */
	struct fizeau_distribution round_trip; /* T4 - T1 less the reflector's residence T3 - T2; a little below 0 where the
	                              way is shorter than T3, an expectation, may err */
	struct fizeau_distribution forward;    /* T2 - T1 */
	struct fizeau_distribution backward;   /* T4 - T3 */
	struct fizeau_distribution reflector;  /* T3 - T2 */
	struct fizeau_distribution ipdv;       /* RFC 3393: round trip of consecutive numbers, both received */
	struct fizeau_distribution pdv;        /* RFC 5481: round trip less the minimum */
	bool synchronized_sender, synchronized_reflector; /* every Error Estimate said so */
	int64_t error_sender_ns, error_reflector_ns;      /* largest bound */
	uint64_t clock_moves;      /* how often the two clocks moved against each other by more than clocks drift: one was
	                              set, or is being corrected in a hurry */
	int64_t clock_moved_ns;    /* by how much, all together: reflector's less sender's */
	int64_t round_trip_error_ns; /* what clocks that run FIZEAU_DRIFT_PPM too fast or slow add to a round trip */
	bool ttl_valid;
	uint8_t forward_ttl_min, forward_ttl_max, backward_ttl_min, backward_ttl_max;
};

#define FIZEAU_N_REORDERING_MAX 8
/* How far from its nominal rate a clock may run: what the kernel's discipline corrects at most. */
#define FIZEAU_DRIFT_PPM 500

struct fizeau_one_way_summary {
	uint64_t sent;             /* skipped numbers are none of them (RFC 7680 4.1) */
	uint64_t skipped;          /* never sent */
	uint64_t received;         /* numbers that arrived at least once within the loss threshold */
	uint64_t lost;             /* sent, and not received */
	uint64_t duplicates;       /* further copies of a number (RFC 5560 5.1) */
	uint64_t replicated;       /* numbers with more than one copy (RFC 5560 5.2) */
	uint64_t reordered;        /* RFC 4737 3.3, on first copies in order of arrival */
	uint64_t reordering_extent_max; /* RFC 4737 4.2 */
	uint64_t n_reordered[FIZEAU_N_REORDERING_MAX]; /* RFC 4737 5: [n - 1] packets are n-reordered */
	struct fizeau_distribution delay; /* RFC 7679; of the packets that arrived */
	struct fizeau_distribution ipdv;  /* RFC 3393: of consecutive numbers, both received */
	struct fizeau_distribution pdv;   /* RFC 5481: delay less the minimum */
	struct fizeau_distribution loss_burst; /* lengths, in packets, of runs of lost numbers (RFC 3357) */
	struct fizeau_distribution loss_gap;   /* lengths, in packets, of runs of received numbers between two bursts */
	bool synchronized_sender, synchronized_receiver; /* every Error Estimate said so */
	int64_t error_sender_ns, error_receiver_ns;      /* largest bound */
	bool set_back_sender, set_back_receiver;         /* stamps that go back where packets do not: the clock was set */
	int64_t ipdv_error_ns, pdv_error_ns;             /* what clocks that run FIZEAU_DRIFT_PPM too fast or slow add */
	bool ttl_valid;
	uint8_t ttl_min, ttl_max;
};

/* Order statistics of values, which may be NULL if count is 0; sorts them in place. INT64_MAX stands for a delay without
   end (RFC 7679 5.1): it has its part in median, percentiles and max, not in mean and stddev. */
FIZEAU_API void fizeau_distribution_of(int64_t *values, size_t count, struct fizeau_distribution *distribution);

/* Summary of a session: records in order of arrival; sent is how many packets went out, numbered from 0;
   timeout_ns the loss threshold. FIZEAU_ERR_MEMORY; FIZEAU_ERR_UNSENT if a record's number was never sent. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_round_trip_summarise(const struct fizeau_round_trip *records, size_t count,
	uint32_t sent, int64_t timeout_ns, struct fizeau_round_trip_summary *summary);

/* How a reflector numbers what it sends (RFC 8762 section 4). */
enum fizeau_numbering {
	FIZEAU_NUMBERS_UNKNOWN, /* too little came back to tell: nothing, or all of it and in order */
	FIZEAU_NUMBERS_OWN,     /* it counts its reflections: stateful */
	FIZEAU_NUMBERS_COPIED,  /* the sender's: stateless, or a count that only packets lost on the way back leave gaps in */
	FIZEAU_NUMBERS_OTHER,   /* neither */
};

/* For reflectors that may be stateless, or whose numbers may begin above 0: finds that out, and corrects the loss by
   direction in what fizeau_round_trip_summarise made of the same records. counts says that the reflector is known to count. Of
   numbers that begin late what was lost before the first reflection is in neither direction. FIZEAU_ERR_MEMORY. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_round_trip_numbering(const struct fizeau_round_trip *records, size_t count,
	uint32_t sent, bool counts, struct fizeau_round_trip_summary *summary, enum fizeau_numbering *numbering);

/* Summary of an OWAMP session: its records in order of arrival, lost ones included, and what its sender said at its
   end (ranges and next_seqno; a number below that which has no record is neither sent nor lost: RFC 4656 3.8 drops the
   last Timeout's worth of an early stop). timeout_ns is the loss threshold. FIZEAU_ERR_MEMORY; FIZEAU_ERR_UNSENT if a
   record of a received packet has a number that was never sent. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_one_way_summarise(const struct fizeau_record *records, size_t count,
	const struct fizeau_session_end *end, int64_t timeout_ns, struct fizeau_one_way_summary *summary);

#endif
