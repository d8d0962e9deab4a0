/* SPDX-License-Identifier: MIT */
#include "lib/base/padding.h"

#include <string.h>

#define GAMMA 0x9e3779b97f4a7c15
#define WORDS_BITS 13 /* of a packet's padding: 65,507 octets at most */

/* SplitMix64. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += GAMMA;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void fz_padding_put(uint64_t seed, uint32_t seq, uint8_t *padding, size_t len)
{
	uint64_t state = seed + ((uint64_t)seq << WORDS_BITS) * GAMMA, random;

	for (; len >= sizeof(random); len -= sizeof(random)) {
		random = next(&state);
		memcpy(padding, &random, sizeof(random));
		padding += sizeof(random);
	}
	random = next(&state);
	memcpy(padding, &random, len);
}
