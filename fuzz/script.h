/* SPDX-License-Identifier: MIT */
/* An input read as a script of steps: each takes what it needs, and past the end everything is zero. */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct script {
	const uint8_t *at, *end;
};

static inline bool script_goes_on(const struct script *s)
{
	return s->at < s->end;
}

static inline uint8_t script_u8(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static inline void script_octets(struct script *s, void *to, size_t len)
{
	size_t left = (size_t)(s->end - s->at);
	size_t taken = len < left ? len : left;

	memset(to, 0, len);
	if (taken > 0)
		memcpy(to, s->at, taken);
	s->at += taken;
}

/* A number of octets and the octets: up to 255. */
static inline size_t script_chunk(struct script *s, uint8_t to[static 256])
{
	size_t len = script_u8(s);

	script_octets(s, to, len);
	return len;
}

#endif
