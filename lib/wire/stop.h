/* SPDX-License-Identifier: MIT */
/* Stop-Sessions: its head, which in TWAMP is all but the HMAC. The records of OWAMP are lib/wire/stop_ow.h. */
#ifndef FZ_WIRE_STOP_H
#define FZ_WIRE_STOP_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_STOP_OCTETS 32 /* in TWAMP */
#define FZ_STOP_HEAD_OCTETS 16
#define FZ_STOP_COMMAND 3

struct fz_stop {
	uint8_t accept;
	uint32_t sessions; /* Number of Sessions */
};

/* FIZEAU_ERR_LENGTH unless len is FZ_STOP_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. The HMAC is
   left to the stream. */
FIZEAU_MUST_USE int fz_stop_get(struct fz_stop *stop, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_stop_put(const struct fz_stop *stop, uint8_t *octets, size_t len);
/* The head alone; len is FZ_STOP_HEAD_OCTETS. */
FIZEAU_MUST_USE int fz_stop_head_get(struct fz_stop *stop, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_stop_head_put(const struct fz_stop *stop, uint8_t *octets, size_t len);
/* FIZEAU_ERR_SESSIONS unless it stops all sessions that were started, or all that have not ended by themselves:
   whether those still count is not said (wire.md T-13). */
FIZEAU_MUST_USE int fz_stop_check(const struct fz_stop *stop, uint32_t started, uint32_t alive);

#endif
