/* SPDX-License-Identifier: MIT */
/* What is known of an OWAMP session's packets: the receiver's records (RFC 4656 section 3.9), and what its sender says
   of them in Stop-Sessions (section 3.8). */
#ifndef FIZEAU_RECORD_H
#define FIZEAU_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "keys.h"

#define FIZEAU_RECORD_OCTETS 25u           /* of a record on the wire and in storage */
#define FIZEAU_SKIP_RANGES_MAX 65536u      /* of one session; a peer that has more is not served */
#define FIZEAU_SEND_ERROR_LOST 0x0001u     /* Send Error Estimate of a lost record: S 0, Multiplier 1 (wire.md T-09) */

/* One packet at its Session-Receiver. A lost one has receive_ntp 0, the time its schedule gives as send_ntp, and
   ttl 255. */
struct fizeau_record {
	uint64_t send_ntp, receive_ntp;
	uint32_t seq;
	uint16_t send_error, receive_error; /* Error Estimates as on the wire */
	uint8_t ttl;                        /* TTL or Hop Limit on arrival; 255: unknown */
};

/* Readers go by the Receive Timestamp alone. */
FIZEAU_API bool fizeau_record_lost(const struct fizeau_record *record);
FIZEAU_API void fizeau_record_get(struct fizeau_record *record, const uint8_t octets[static FIZEAU_RECORD_OCTETS]);
FIZEAU_API void fizeau_record_put(const struct fizeau_record *record, uint8_t octets[static FIZEAU_RECORD_OCTETS]);

/* Numbers first .. last, both included, that were never sent. */
struct fizeau_skip_range {
	uint32_t first, last;
};

/* What the sender says of a session when it stops. */
struct fizeau_session_end {
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint32_t next_seqno;                    /* the first number that was not used; 0: nothing was sent */
	const struct fizeau_skip_range *ranges; /* ascending, apart from each other, below next_seqno */
	uint32_t range_count;
};

/* FIZEAU_ERR_MALFORMED unless the ranges are in order, do not overlap and lie below next_seqno; FIZEAU_ERR_LIMIT if
   there are more than FIZEAU_SKIP_RANGES_MAX. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_session_end_check(const struct fizeau_session_end *end);
/* Whether a number lies in one of the ranges (binary search). */
FIZEAU_API bool fizeau_session_end_skipped(const struct fizeau_session_end *end, uint32_t seq);

#endif
