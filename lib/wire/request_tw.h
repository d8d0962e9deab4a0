/* SPDX-License-Identifier: MIT */
/* Request-TW-Session. */
#ifndef FZ_WIRE_REQUEST_TW_H
#define FZ_WIRE_REQUEST_TW_H

#include <fizeau/event.h>

#define FZ_REQUEST_TW_OCTETS 112
#define FZ_REQUEST_TW_COMMAND 5
/* More cannot follow the shortest header in a UDP datagram. */
#define FZ_PADDING_OCTETS_MAX (65535 - 8 - 14)

struct fz_request_tw {
	uint8_t ip_version;                 /* IPVN */
	uint8_t conf_sender, conf_receiver; /* zero in TWAMP */
	uint32_t schedule_slots, packets;   /* zero in TWAMP */
	uint16_t sender_port, receiver_port;
	uint8_t sender[16], receiver[16]; /* IPv4 in the first four, the rest zero */
	uint8_t sid[FIZEAU_SID_OCTETS];   /* zero in TWAMP */
	uint32_t padding_octets;
	uint64_t start_time, timeout;
	uint32_t type_p;
};

/* FIZEAU_ERR_LENGTH unless len is FZ_REQUEST_TW_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. The HMAC is
   left to the stream. */
FIZEAU_MUST_USE int fz_request_tw_get(struct fz_request_tw *request, const uint8_t *octets, size_t len);
/* In clear, with a zero HMAC field. */
FIZEAU_MUST_USE int fz_request_tw_put(const struct fz_request_tw *request, uint8_t *octets, size_t len);
/* The Accept that the request earns by its form: OK or UNSUPPORTED. */
uint8_t fz_request_tw_check(const struct fz_request_tw *request);

/* A checked request in the terms of the API. */
void fz_request_tw_to_api(const struct fz_request_tw *request, struct fizeau_tw_request *api);
/* FIZEAU_ERR_RANGE if it is one that fz_request_tw_check would not let pass, if an address is not of
   ip_version, or without a Sender Port. */
FIZEAU_MUST_USE int fz_request_tw_from_api(
	const struct fizeau_tw_request *api, struct fz_request_tw *request);

#endif
