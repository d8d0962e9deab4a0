/* SPDX-License-Identifier: MIT */
/* The Session-Receiver of one OWAMP session (RFC 4656 section 4.2): which packets count, and which are lost. One pure
   call per packet; memory grows with the packets that may be under way (their schedules within two Timeouts), not
   with the session.

     fizeau_receiver_packet for every datagram       -> a record, or a reason to discard it
     fizeau_receiver_lost   at fizeau_receiver_due   -> records of what did not come
     fizeau_receiver_finish once, when the session ends, then fizeau_receiver_lost until it gives none
     fizeau_record_counts   of every record, once the sender has said how its side ended */
#ifndef FIZEAU_RECEIVER_H
#define FIZEAU_RECEIVER_H

#include "record.h"
#include "schedule.h"
#include "sender.h"

struct fizeau_receiver_config {
	enum fizeau_test_mode mode;
	struct fizeau_test_keys keys; /* not used in open mode; copied, the caller wipes its own */
	uint8_t sid[FIZEAU_SID_OCTETS];
	const struct fizeau_slot *slots; /* copied */
	size_t slot_count;
	uint32_t packets;             /* Number of Packets */
	uint64_t start_time;          /* NTP: origin of the schedule */
	uint64_t timeout;             /* 32.32 s: later than this is lost */
	uint32_t padding_octets;
};

struct fizeau_receiver;

/* NULL without memory, or if libcrypto fails, or for a schedule without slots. */
FIZEAU_API struct fizeau_receiver *fizeau_receiver_new(const struct fizeau_receiver_config *config);
FIZEAU_API void fizeau_receiver_free(struct fizeau_receiver *receiver); /* NULL is fine */

/* Checks one datagram and makes its record; octets is left as it is. received is the arrival, ttl the received TTL or
   Hop Limit (255: unknown). Duplicates give a record like any other. Otherwise discard and count:
   FIZEAU_ERR_LENGTH   not header and padding
   FIZEAU_ERR_HMAC     forged, altered, or another key
   FIZEAU_ERR_ESTIMATE Error Estimate with Multiplier 0
   FIZEAU_ERR_RANGE    a number that the session does not have
   FIZEAU_ERR_LATE     sent more than Timeout from its arrival or from its schedule (RFC 4656 4.2)
   FIZEAU_ERR_MEMORY   no memory, or more than 2^22 numbers may be under way at once, or more than 2^18 lie between this
                       one and the last that was looked at: a schedule beyond any rate that one end can send */
FIZEAU_API FIZEAU_MUST_USE int fizeau_receiver_packet(struct fizeau_receiver *receiver, const uint8_t *octets, size_t len,
	struct fizeau_stamp received, uint8_t ttl, struct fizeau_record *record);

/* Records of the packets that are lost by now and were not given yet, at most max, in order of number: returns how
   many; call again while it returns max. A packet is lost when Timeout has passed since the latest time that it may
   have been sent at. now is the wall clock, its Error Estimate goes into the records; it must not be after the arrival
   of a packet that is still to be given (one that waits in a socket), or that one is discarded as FIZEAU_ERR_LATE.
   Call it now and then even if nothing is due: the memory of old numbers is given back here. */
FIZEAU_API size_t fizeau_receiver_lost(struct fizeau_receiver *receiver, struct fizeau_stamp now,
	struct fizeau_record *records, size_t max);
/* When the next number can become lost, NTP. False if none can any more. */
FIZEAU_API bool fizeau_receiver_due(struct fizeau_receiver *receiver, uint64_t *ntp);
/* When the session is complete, NTP: Timeout after its last number was due, and after the last send timestamp. A stop
   before that costs records. False while a number may still come that has not come yet. */
FIZEAU_API bool fizeau_receiver_complete(struct fizeau_receiver *receiver, uint64_t *ntp);
/* The session ends at stop: of what did not come, all that was due Timeout before that is lost now. */
FIZEAU_API void fizeau_receiver_finish(struct fizeau_receiver *receiver, uint64_t stop_ntp);

/* One above the highest number that was received; 0: none was. */
FIZEAU_API uint32_t fizeau_receiver_next_seqno(const struct fizeau_receiver *receiver);

/* FIZEAU_ERR_SESSIONS if the sender's end cannot be true, since a number at or above next_seqno was received: the
   whole session is invalid (RFC 4656 3.8). */
FIZEAU_API FIZEAU_MUST_USE int fizeau_receiver_check_end(const struct fizeau_receiver *receiver,
	const struct fizeau_session_end *end);

/* Whether a record stays when the session is over (RFC 4656 3.8): not if its send time is less than timeout before
   stop_ntp, or after it; not if it is a lost one that was skipped or never reached by its sender. end NULL: the
   connection broke without a word from the sender, then a lost one stays only below received_next, one above the
   highest number that was received. */
FIZEAU_API bool fizeau_record_counts(const struct fizeau_record *record, const struct fizeau_session_end *end,
	uint32_t received_next, uint64_t stop_ntp, uint64_t timeout);

#endif
