/* SPDX-License-Identifier: MIT */
/* Server-Greeting. */
#ifndef FZ_WIRE_GREETING_H
#define FZ_WIRE_GREETING_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_GREETING_OCTETS 64

struct fz_greeting {
	uint32_t modes;        /* the OR of all that are offered */
	uint8_t challenge[16]; /* comes back in the Token */
	uint8_t salt[16];
	uint32_t count;
};

/* FIZEAU_ERR_LENGTH unless len is FZ_GREETING_OCTETS. */
FIZEAU_MUST_USE int fz_greeting_get(struct fz_greeting *greeting, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_greeting_put(const struct fz_greeting *greeting, uint8_t *octets, size_t len);
/* FIZEAU_ERR_UNWILLING for Modes 0. The Count is looked at only once a mode is chosen that needs it. */
FIZEAU_MUST_USE int fz_greeting_check(const struct fz_greeting *greeting);

#endif
