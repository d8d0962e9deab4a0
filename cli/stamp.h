/* SPDX-License-Identifier: MIT */
/* The packets of one STAMP session, and what its reflections tell. */
#ifndef FZ_CLI_STAMP_H
#define FZ_CLI_STAMP_H

#include <stddef.h>
#include <fizeau/st_sender.h>
#include "io/loop.h"
#include "options.h"
#include "stamp_result.h"
#include "twoway_test.h"

/* A departure that was told. */
struct fz_departed {
	uint32_t seq; /* the reflector's */
	uint64_t ntp;
};

/* Counters of one reflection. */
struct fz_direct {
	uint32_t sender_tx, reflector_rx, reflector_tx;
};

struct fz_stamp {
	const struct fz_stamp_options *options;
	struct fizeau_st_sender *sender;
	int32_t tai_utc_s;
	struct fz_test *test;
	struct fizeau_st_reflection last;   /* that was read */
	struct fz_stamp_result result;
	struct fz_departed *departed;       /* one a reflection at most */
	size_t departed_count, departed_room;
	struct fz_direct *direct;           /* likewise */
	size_t direct_count, direct_room;
	struct {
		bool wanted;                /* one has to leave, in the next packet that is prepared */
		uint32_t seq;               /* of the packet that carries it, once it is prepared */
		struct fz_timer timer;
	} access;
};

/* Octets of padding that packets have. */
uint32_t fz_stamp_padding(const struct fz_measure_options *options);
/* Makes the packets of a session for a test that is open; key may be empty. 0; FIZEAU_ERR_LENGTH: there is no such packet; or
   another negative error. The test frees it when it closes, once it has taken maker over. */
FIZEAU_MUST_USE int fz_stamp_new(const struct fz_measure_options *options, const struct fizeau_st_key *key, uint16_t ssid,
	struct fz_test *test, struct fz_stamp **stamp, struct fz_test_packets *maker);
/* When nothing more comes, before the records are summarised: departures that were told become T3. */
void fz_stamp_settle(struct fz_stamp *stamp);
/* And afterwards: loss by direction, as far as the reflector tells it. 0 or a negative error. */
FIZEAU_MUST_USE int fz_stamp_split_loss(struct fz_stamp *stamp, struct fizeau_round_trip_summary *summary);

#endif
