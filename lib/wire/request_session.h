/* SPDX-License-Identifier: MIT */
/* Request-Session of OWAMP: the head with its HMAC. The slots that follow it are lib/wire/schedule.h. */
#ifndef FZ_WIRE_REQUEST_SESSION_H
#define FZ_WIRE_REQUEST_SESSION_H

#include "lib/wire/request_head.h"

#define FZ_REQUEST_OW_OCTETS FZ_REQUEST_HEAD_OCTETS
#define FZ_REQUEST_OW_COMMAND 1

/* FIZEAU_ERR_LENGTH unless len is FZ_REQUEST_OW_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. The HMAC is left to
   the stream. */
FIZEAU_MUST_USE int fz_request_ow_get(struct fz_request_head *request, const uint8_t *octets, size_t len);
/* In clear, with a zero HMAC field. */
FIZEAU_MUST_USE int fz_request_ow_put(const struct fz_request_head *request, uint8_t *octets, size_t len);
/* The Accept that the head earns by its form: OK, UNSUPPORTED, or PERMANENT_LIMIT for more slots than are held. */
uint8_t fz_request_ow_check(const struct fz_request_head *request);

/* In the terms of the API, without the slots: their place and number are the caller's to fill in. */
void fz_request_ow_to_api(const struct fz_request_head *request, struct fizeau_ow_request *api);
/* FIZEAU_ERR_RANGE if it is one that fz_request_ow_check would not let pass, or if an address is not of ip_version. */
FIZEAU_MUST_USE int fz_request_ow_from_api(const struct fizeau_ow_request *api, struct fz_request_head *request);

#endif
