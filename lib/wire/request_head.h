/* SPDX-License-Identifier: MIT */
/* What Request-Session and Request-TW-Session have in common: all of their first 112 octets but the number. */
#ifndef FZ_WIRE_REQUEST_HEAD_H
#define FZ_WIRE_REQUEST_HEAD_H

#include <stdbool.h>
#include <fizeau/event.h>

#define FZ_REQUEST_HEAD_OCTETS 112
/* More cannot follow the shortest header in a UDP datagram. */
#define FZ_PADDING_OCTETS_MAX (65535 - 8 - 14)
/* A Type-P Descriptor with a DSCP has no other bits. */
#define FZ_TYPE_P_DSCP_SHIFT 24
#define FZ_TYPE_P_DSCP_MASK 0x3F000000u

struct fz_request_head {
	uint8_t ip_version;                 /* IPVN */
	uint8_t conf_sender, conf_receiver; /* zero in TWAMP */
	uint32_t schedule_slots, packets;   /* zero in TWAMP */
	uint16_t sender_port, receiver_port;
	uint8_t sender[16], receiver[16]; /* IPv4 in the first four, the rest zero */
	uint8_t sid[FIZEAU_SID_OCTETS];   /* zero in TWAMP */
	uint32_t padding_octets;
	uint64_t start_time, timeout;
	uint32_t type_p;
	uint16_t reflect_octets, reflect_length; /* RFC 6038; for request_tw.h alone */
};

/* FIZEAU_ERR_LENGTH unless len is FZ_REQUEST_HEAD_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. The HMAC is left
   to the stream. */
FIZEAU_MUST_USE int fz_request_head_get(
	struct fz_request_head *request, uint8_t command, const uint8_t *octets, size_t len);
/* In clear, with a zero HMAC field. */
FIZEAU_MUST_USE int fz_request_head_put(
	const struct fz_request_head *request, uint8_t command, uint8_t *octets, size_t len);

/* All zero is "not given". */
struct fizeau_address fz_address_to_api(uint8_t ip_version, const uint8_t octets[static 16]);
/* False if the address is not of ip_version. */
bool fz_address_from_api(const struct fizeau_address *address, uint8_t ip_version, uint8_t octets[static 16]);

#endif
