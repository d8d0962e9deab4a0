/* SPDX-License-Identifier: MIT */
/* The Session-Sender of one session: test packets out and, in TWAMP, reflections in (RFC 4656 section 4.1, RFC 5357
   section 4.1). One pure call per packet, no allocation. */
#ifndef FIZEAU_SENDER_H
#define FIZEAU_SENDER_H

#include "keys.h"
#include "schedule.h"
#include "time.h"

/* Protection of the test packets; mixed mode has open ones. */
enum fizeau_test_mode {
	FIZEAU_TEST_OPEN,
	FIZEAU_TEST_AUTHENTICATED,
	FIZEAU_TEST_ENCRYPTED,
};

/* The test mode that goes with a control mode (RFC 5618: mixed is open here). */
FIZEAU_API enum fizeau_test_mode fizeau_test_mode_of(uint32_t mode);

/* What TWAMP's feature bits make of the packets of a session (RFC 6038, RFC 7750, RFC 8186), as agreed on at the control
   connection. All zero: nothing, and so it is in OWAMP. */
struct fizeau_test_features {
	uint32_t modes;          /* FIZEAU_MODE_REFLECT_OCTETS, _SYMMETRICAL, _DSCP_ECN, _PTP; other bits say nothing here */
	uint16_t reflect_length; /* with REFLECT_OCTETS: octets of the padding, from its first on, that come back */
	uint16_t server_octets;  /* of Accept-Session: the first two of those in every packet; 0: none */
	int32_t tai_utc_s;       /* with PTP: TAI less UTC, for stamps that are written or read */
};

/* Octets before the padding of a sender's packet (14, 48; with SYMMETRICAL those of the reflection) and of a reflection (41,
   with DSCP_ECN 44; 112). modes as in fizeau_test_features. */
FIZEAU_API size_t fizeau_sender_header_octets(enum fizeau_test_mode mode, uint32_t modes);
FIZEAU_API size_t fizeau_reflector_header_octets(enum fizeau_test_mode mode, uint32_t modes);
/* Least Padding Length with which packets are equally long both ways and reflect_length octets come back (RFC 6038 4.2). */
FIZEAU_API uint32_t fizeau_test_padding_least(enum fizeau_test_mode mode, uint32_t modes, uint16_t reflect_length);

#define FIZEAU_TEST_PACKET_MAX 65507u /* largest UDP payload */

struct fizeau_sender_config {
	enum fizeau_test_mode mode;
	struct fizeau_test_keys keys; /* not used in open mode; copied, the caller wipes its own */
	struct fizeau_test_features features;
	uint32_t padding_octets;
	bool zero_padding;            /* else pseudo-random, from padding_seed */
	uint8_t padding_seed[8];      /* from a generator independent of keys and SIDs (RFC 4656 4.1.2) */
};

struct fizeau_sender;

/* NULL without memory, if libcrypto fails, or if the packet would not fit a datagram or what is to come back its padding. With
   FIZEAU_MODE_PTP the stamps of packets are PTPv2. */
FIZEAU_API struct fizeau_sender *fizeau_sender_new(const struct fizeau_sender_config *config);
FIZEAU_API void fizeau_sender_free(struct fizeau_sender *sender);

/* Payload of each packet. */
FIZEAU_API size_t fizeau_sender_octets(const struct fizeau_sender *sender);

/* Writes all of packet seq that does not depend on the moment of sending. buf has fizeau_sender_octets. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_sender_prepare(struct fizeau_sender *sender, uint32_t seq, uint8_t *buf);
/* Writes the stamp into a prepared packet, and what must follow it (HMAC and encryption in encrypted mode). */
FIZEAU_API FIZEAU_MUST_USE int fizeau_sender_finish(struct fizeau_sender *sender, uint8_t *buf, struct fizeau_stamp stamp);

/* A reflection as it was parsed (RFC 5357 4.2.1). */
struct fizeau_reflection {
	uint32_t seq;            /* the reflector's own number: forward loss shows as the difference */
	uint32_t sender_seq;
	uint64_t sender_ntp;     /* T1 as it came back */
	uint64_t receive_ntp;    /* T2 */
	uint64_t reflect_ntp;    /* T3 */
	uint16_t sender_error;   /* with Z as it came: stamps are NTP here whatever they were in the packet */
	uint16_t reflector_error; /* of T2 and T3; likewise */
	uint8_t sender_ttl;      /* TTL or Hop Limit at the reflector; 255: unknown */
	uint8_t sender_tos;      /* with FIZEAU_MODE_DSCP_ECN: TOS or Traffic Class octet at the reflector, DSCP << 2 | ECN;
	                            else 0 */
	bool padding_came_back;  /* with FIZEAU_MODE_REFLECT_OCTETS: what was to come back did, unchanged; else false */
};

/* Checks and parses a reflection; len must be that of the datagram. FIZEAU_ERR_LENGTH if it is shorter than the
   format or longer than header and padding, FIZEAU_ERR_HMAC, FIZEAU_ERR_ESTIMATE (also of a PTPv2 stamp that is none).
   Discard and count each. octets is left as it is. With FIZEAU_MODE_PTP the Z of each Error Estimate decides of what format
   its stamps are; without, Z is not looked at. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_sender_reflection(struct fizeau_sender *sender, const uint8_t *octets, size_t len,
	struct fizeau_reflection *reflection);

#endif
