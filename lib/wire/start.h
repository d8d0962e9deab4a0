/* SPDX-License-Identifier: MIT */
/* Start-Sessions and its answer, Start-Ack. */
#ifndef FZ_WIRE_START_H
#define FZ_WIRE_START_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_START_OCTETS 32
#define FZ_START_COMMAND 2
#define FZ_START_ACK_OCTETS 32

struct fz_start_ack {
	uint8_t accept;
};

/* Start-Sessions says nothing but its number. FIZEAU_ERR_LENGTH unless len is FZ_START_OCTETS,
   FIZEAU_ERR_UNEXPECTED for another command. The HMAC is left to the stream. */
FIZEAU_MUST_USE int fz_start_get(const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_start_put(uint8_t *octets, size_t len);

/* FIZEAU_ERR_LENGTH unless len is FZ_START_ACK_OCTETS. The HMAC is left to the stream. */
FIZEAU_MUST_USE int fz_start_ack_get(struct fz_start_ack *ack, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_start_ack_put(const struct fz_start_ack *ack, uint8_t *octets, size_t len);
/* FIZEAU_ERR_REFUSED for any non-zero accept. */
FIZEAU_MUST_USE int fz_start_ack_check(const struct fz_start_ack *ack);

#endif
