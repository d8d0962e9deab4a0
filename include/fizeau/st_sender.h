/* SPDX-License-Identifier: MIT */
/* The Session-Sender of one STAMP session, or of one with a TWAMP Light reflector (RFC 8762 section 4.2, RFC 8972). One
   pure call per packet, no allocation. */
#ifndef FIZEAU_ST_SENDER_H
#define FIZEAU_ST_SENDER_H

#include "event.h"
#include "sender.h"
#include "st.h"

struct fizeau_st_sender_config {
	struct fizeau_st_key key; /* octets 0: none, open mode; copied, the caller wipes its own */
	bool open_hmac_tlv;       /* packets are open, and have an HMAC TLV, which is all that key is for (RFC 8972 4.8) */
	bool light;               /* packets of 14 octets and padding, as TWAMP Light's: open, without SSID and TLVs */
	uint16_t ssid;            /* 0: none */
	struct fizeau_stamp_format format; /* of the stamps that are written; TAI-UTC also for those that are read */
	uint32_t padding_octets;  /* light: Packet Padding; else the value of an Extra Padding TLV, if not 0 */
	bool zero_padding;        /* else pseudo-random, from padding_seed */
	uint8_t padding_seed[8];  /* from a generator independent of keys (RFC 4656 4.1.2) */
	/* FIZEAU_ST_TLV_BIT of LOCATION to FOLLOW_UP: which are sent, each once, in the order of their types. The HMAC TLV
	   comes with them where it must, and Extra Padding after it. */
	uint32_t tlvs;
	uint8_t dscp;             /* CLASS_OF_SERVICE: DSCP1, what reflections should be sent with */
	uint8_t access_id, access_return_code; /* ACCESS_REPORT */
};

struct fizeau_st_sender;

/* NULL without memory, if libcrypto fails or the configuration is none: a packet that would not fit a datagram, TLVs,
   SSID or key with light, open_hmac_tlv without key, TLVs beyond those named, DSCP1 above 63, Access ID above 15. */
FIZEAU_API struct fizeau_st_sender *fizeau_st_sender_new(const struct fizeau_st_sender_config *config);
FIZEAU_API void fizeau_st_sender_free(struct fizeau_st_sender *sender);

/* Payload of each packet. */
FIZEAU_API size_t fizeau_st_sender_octets(const struct fizeau_st_sender *sender);

/* Whether packets that are prepared from now on carry the Access Report that the configuration asks for, as they do at first:
   it is sent once, and again until it is echoed (RFC 8972 4.6). Where it is not, Extra Padding takes its place. */
FIZEAU_API void fizeau_st_sender_report(struct fizeau_st_sender *sender, bool carried);

/* Writes all of packet seq that does not depend on the moment of sending. buf has fizeau_st_sender_octets. Direct
   Measurement's count is that of the packets up to this one, seq + 1. FIZEAU_ERR_CRYPTO. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_sender_prepare(struct fizeau_st_sender *sender, uint32_t seq, uint8_t *buf);
/* Writes the stamp into a prepared packet, and the HMAC of authenticated mode, which covers it. FIZEAU_ERR_CRYPTO. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_sender_finish(
	struct fizeau_st_sender *sender, uint8_t *buf, struct fizeau_stamp stamp);

/* What Location tells: how packets arrive at the reflector. version 0: not told. */
struct fizeau_st_location {
	uint16_t destination_port, source_port;
	struct fizeau_address destination, source;
	uint8_t source_mac_octets; /* 6, 8, or 0: not told */
	uint8_t source_mac[8];
};

/* Synchronization and methods of T2 (in) and T3 (out): enum fizeau_st_sync, enum fizeau_st_method, 0, or others'. */
struct fizeau_st_timestamp_information {
	uint8_t sync_in, method_in, sync_out, method_out;
};

/* A reflection as it was parsed. */
struct fizeau_st_reflection {
	struct fizeau_reflection base; /* all stamps NTP, whatever Z was; Error Estimates as they came */
	uint16_t ssid;      /* as it came back, 0: the reflector knows no SSIDs, or none was sent */
	/* Sets of FIZEAU_ST_TLV_BIT; bit 0 stands for all types that enum fizeau_st_tlv does not name. */
	uint32_t answered;  /* TLVs that came back understood and are told below */
	uint32_t unknown;   /* ... with U: the reflector does not know them */
	uint32_t malformed; /* ... with M, or not readable here: what follows was not looked at */
	uint32_t integrity; /* ... with I: the reflector found their HMAC wrong, and none was looked at */
	bool hmac_failed;   /* the HMAC TLV of the reflection is wrong or missing: no TLV was looked at */
	struct fizeau_st_location location;
	struct fizeau_st_timestamp_information information;
	struct {
		uint8_t dscp1; /* what was asked for */
		uint8_t dscp2; /* DSCP and ECN as they reached the reflector */
		uint8_t ecn;
		uint8_t rp;    /* 0: the reflection was sent with DSCP1; 1: the reflector's policy does not permit it */
	} class_of_service;
	struct {
		uint32_t sender_tx, reflector_rx, reflector_tx;
	} direct;
	struct {
		uint8_t id, return_code; /* echoed */
	} access;
	struct {
		uint32_t seq;    /* reflector's number of the reflection before, and when it left (NTP) */
		uint64_t ntp;    /* 0: not told */
		uint8_t method;  /* enum fizeau_st_method */
	} follow_up;
};

/* Checks and parses a reflection; len must be that of the datagram. octets is left as it is. Discard and count each of:
   FIZEAU_ERR_LENGTH (shorter than the format, or longer than header and all that was sent), FIZEAU_ERR_HMAC (of the base
   packet), FIZEAU_ERR_SSID (neither ours nor 0), FIZEAU_ERR_ESTIMATE (also of a PTPv2 stamp that
   is none), FIZEAU_ERR_CRYPTO. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_sender_reflection(struct fizeau_st_sender *sender, const uint8_t *octets,
	size_t len, struct fizeau_st_reflection *reflection);

#endif
