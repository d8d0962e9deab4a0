/* SPDX-License-Identifier: MIT */
/* The Session-Reflector of one STAMP session, which answers TWAMP Light senders too (RFC 8762 section 4.3, RFC 8972).
   One pure call per packet, no allocation. Which packets are of the session, and whether their sender may have answers
   at all, is the caller's to know. */
#ifndef FIZEAU_ST_REFLECTOR_H
#define FIZEAU_ST_REFLECTOR_H

#include "event.h"
#include "st.h"

#define FIZEAU_ST_KEYS_MAX 8u

struct fizeau_st_reflector_config {
	/* Candidates; copied, the caller wipes its own. The first packet that one of them verifies settles which it is, and
	   the others are wiped. count 0: open mode. */
	const struct fizeau_st_key *keys;
	size_t key_count; /* up to FIZEAU_ST_KEYS_MAX */
	bool open_hmac_tlv; /* packets are open, and TLVs are used only under an HMAC TLV that the first key
	                       verifies (RFC 8972 4.8) */
	bool stateless;     /* Sequence Number is the sender's, and Follow-Up says nothing; else the session's own count */
	/* What is shorter than a base packet gets one, and so more octets than came (RFC 8762 4.6). False: reflections are
	   as long as what came; 41 to 43 octets are a reflection of TWAMP Light, and less gets none. */
	bool answer_short;
	bool tlvs;          /* false: RFC 8762 alone, what follows the base packet is copied */
	bool tell_location; /* false: what Location asks for stays zero (RFC 8972 4.2.2) */
	uint64_t dscp_allowed; /* bit 1 << DSCP: what Class of Service may ask reflections to be sent with (4.4) */
	uint8_t sync;       /* enum fizeau_st_sync, or 0: for Timestamp Information (4.3) */
	struct fizeau_stamp_format format; /* of the stamps that are written */
};

/* What is known of a packet beside its octets. */
struct fizeau_st_received {
	struct fizeau_stamp stamp; /* arrival */
	uint8_t ttl;               /* TTL or Hop Limit; 255: unknown */
	uint8_t tos;               /* whole TOS or Traffic Class octet */
	uint16_t from_port, to_port;
	struct fizeau_address from, to; /* IPv4 as such also on an IPv6 socket; to.version 0: unknown */
};

/* What is known of a reflection beside its octets; kept from reflect to finish. */
struct fizeau_st_reply {
	uint16_t octets;
	uint8_t dscp;          /* to send it with: as received, or as a Class of Service TLV asks and policy allows */
	bool integrity_failed; /* its TLVs were not used: their HMAC is wrong or missing */
	uint32_t seq;          /* its Sequence Number, for fizeau_st_reflector_departed */
	uint16_t follow_up_at; /* offset of a Follow-Up TLV in it: when it leaves will be asked for. 0: there is none */
	/* The library's own. */
	bool light;
	uint16_t hmac_at;
};

struct fizeau_st_reflector;

/* NULL without memory, if libcrypto fails or the configuration is none: too many keys, one without octets or with too
   many, open_hmac_tlv without a key. */
FIZEAU_API struct fizeau_st_reflector *fizeau_st_reflector_new(const struct fizeau_st_reflector_config *config);
FIZEAU_API void fizeau_st_reflector_free(struct fizeau_st_reflector *reflector);

/* Checks a packet and prepares its reflection in out, which has cap octets; in is left as it is, and is not out. 0, and
   reply says how long the reflection is: never longer than what came, unless answer_short. Otherwise there is none,
   count it: FIZEAU_ERR_LENGTH (too short, or cap too small), FIZEAU_ERR_HMAC (of the base packet),
   FIZEAU_ERR_LOOP (a reflection of this session come back, or an answer to one: whoever sent it is a reflector too),
   FIZEAU_ERR_CRYPTO. Wrong TLVs are no error: they come back with the flags of RFC 8972 section 4. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_reflector_reflect(struct fizeau_st_reflector *reflector, const uint8_t *in,
	size_t len, const struct fizeau_st_received *received, uint8_t *out, size_t cap, struct fizeau_st_reply *reply);
/* Writes the stamp of departure into a prepared reflection, and what must follow it: HMACs, and what Follow-Up says of the
   reflection that was finished before. Reflections are finished in the order in which they leave. FIZEAU_ERR_CRYPTO. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_reflector_finish(struct fizeau_st_reflector *reflector, uint8_t *out,
	const struct fizeau_st_reply *reply, struct fizeau_stamp stamp);
/* When reflection seq has really left, once that is known: for Follow-Up in the reflection after it (RFC 8972 4.7), which
   otherwise says what the stamp in the packet said. */
FIZEAU_API void fizeau_st_reflector_departed(struct fizeau_st_reflector *reflector, uint32_t seq,
	struct fizeau_stamp departed);

/* The SSID of a packet, to find its session by: 0 if the packet is too short to have one. */
FIZEAU_API uint16_t fizeau_st_ssid(const uint8_t *packet, size_t len, bool authenticated);

#endif
