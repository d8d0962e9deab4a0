/* SPDX-License-Identifier: MIT */
/* Server-Start. */
#ifndef FZ_WIRE_SERVER_START_H
#define FZ_WIRE_SERVER_START_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_SERVER_START_OCTETS 48
#define FZ_SERVER_START_CLEAR 32 /* what comes before the encrypted block */

struct fz_server_start {
	uint8_t accept;
	uint8_t server_iv[16];
	uint64_t start_time; /* NTP; zero in a refusal */
};

/* FIZEAU_ERR_LENGTH unless len is FZ_SERVER_START_OCTETS. start_time means something only once its block is
   decrypted; accept and server_iv are always in clear. */
FIZEAU_MUST_USE int fz_server_start_get(struct fz_server_start *start, const uint8_t *octets, size_t len);
/* In clear; a start_time beside a refusal goes out as zero. */
FIZEAU_MUST_USE int fz_server_start_put(const struct fz_server_start *start, uint8_t *octets, size_t len);
/* FIZEAU_ERR_REFUSED for any non-zero accept. */
FIZEAU_MUST_USE int fz_server_start_check(const struct fz_server_start *start);

#endif
