/* SPDX-License-Identifier: MIT */
/* Request-TW-Session. */
#ifndef FZ_WIRE_REQUEST_TW_H
#define FZ_WIRE_REQUEST_TW_H

#include "lib/wire/request_head.h"

#define FZ_REQUEST_TW_OCTETS FZ_REQUEST_HEAD_OCTETS
#define FZ_REQUEST_TW_COMMAND 5

/* FIZEAU_ERR_LENGTH unless len is FZ_REQUEST_TW_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. The HMAC is
   left to the stream. */
FIZEAU_MUST_USE int fz_request_tw_get(struct fz_request_head *request, const uint8_t *octets, size_t len);
/* In clear, with a zero HMAC field. */
FIZEAU_MUST_USE int fz_request_tw_put(const struct fz_request_head *request, uint8_t *octets, size_t len);
/* The Accept that the request earns by its form, in a connection of that Mode: OK or UNSUPPORTED. */
uint8_t fz_request_tw_check(const struct fz_request_head *request, uint32_t mode);

/* A checked request in the terms of the API. */
void fz_request_tw_to_api(const struct fz_request_head *request, uint32_t mode, struct fizeau_tw_request *api);
/* FIZEAU_ERR_RANGE if it is one that fz_request_tw_check would not let pass, if an address is not of
   ip_version, without a Sender Port, or with a value that only a feature of another Mode has. */
FIZEAU_MUST_USE int fz_request_tw_from_api(
	const struct fizeau_tw_request *api, uint32_t mode, struct fz_request_head *request);

#endif
