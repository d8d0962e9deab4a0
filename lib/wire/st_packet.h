/* SPDX-License-Identifier: MIT */
/* Base packets of STAMP (RFC 8762 sections 4.2 and 4.3, with the SSID of RFC 8972 section 3), and TWAMP Light's, which are
   the same up to where they end. TLVs follow them (st_tlv.h). */
#ifndef FZ_WIRE_ST_PACKET_H
#define FZ_WIRE_ST_PACKET_H

#include <fizeau/sender.h>
#include <fizeau/st.h>

static inline size_t fz_st_base(bool authenticated)
{
	return authenticated ? FIZEAU_ST_BASE_AUTHENTICATED : FIZEAU_ST_BASE_OPEN;
}

/* What both ends write, or one of them; stamps are as on the wire, of whatever format. */
struct fz_st_packet {
	uint32_t seq;
	uint64_t stamp;
	uint16_t error;
	uint16_t ssid;
	uint64_t receive_stamp; /* from here on a reflector's */
	uint32_t sender_seq;
	uint64_t sender_stamp;
	uint16_t sender_error;
	uint8_t ttl;
};

/* Reads up to len octets; what lies beyond them is 0, and so is the SSID of a packet too short for STAMP. */
void fz_st_get(const uint8_t *octets, size_t len, bool authenticated, struct fz_st_packet *packet);
/* Writes the first len octets of a base packet, up to all; stamp, error and HMAC are left zero. */
void fz_st_put(uint8_t *octets, size_t len, bool authenticated, const struct fz_st_packet *packet);

/* A stamp on the wire; and back. FIZEAU_ERR_ESTIMATE for a PTPv2 stamp that is none. */
uint64_t fz_st_stamp(const struct fizeau_stamp_format *format, uint64_t ntp);
FIZEAU_MUST_USE int fz_st_ntp(
	const struct fizeau_stamp_format *format, uint16_t estimate, uint64_t stamp, uint64_t *ntp);
/* Writes Timestamp and Error Estimate; returns the Timestamp. */
uint64_t fz_st_put_stamp(
	uint8_t *octets, bool authenticated, const struct fizeau_stamp_format *format, struct fizeau_stamp stamp);

#endif
