/* SPDX-License-Identifier: MIT */
/* What the fuzzers of STAMP share: sessions, and packets that are sealed so that what lies behind HMACs is reached. */
#ifndef FUZZ_ST_FUZZ_H
#define FUZZ_ST_FUZZ_H

#include <stdlib.h>
#include <string.h>
#include <fizeau/st_reflector.h>
#include <fizeau/st_sender.h>
#include "lib/proto/st_cover.h"
#include "lib/wire/st_packet.h"
#include "lib/wire/st_tlv.h"

#define OCTETS_MAX 4096

/* Bits of the first octet of an input. */
#define KIND 3u	       /* open, open with an HMAC TLV, authenticated, TWAMP Light */
#define SEAL_BASE 4u   /* base packets get the right HMAC */
#define SEAL_TLVS 8u   /* HMAC TLVs get the right value */

enum kind { OPEN, OPEN_WITH_HMAC_TLV, AUTHENTICATED, LIGHT };

static const struct fizeau_st_key st_fuzz_key = {.key = {1, 2, 3, 4}, .octets = 4};

static inline void must(bool condition)
{
	if (!condition)
		abort();
}

static inline void st_fuzz_seal(unsigned bits, uint8_t *octets, size_t len)
{
	size_t base = fz_st_base((bits & KIND) == AUTHENTICATED), at = base;
	struct fz_hmac256_key key;
	struct fz_st_tlv tlv;

	if (len < base)
		return;
	must(fz_hmac256_key_init(&key, &st_fuzz_key) == 0);
	while ((bits & SEAL_TLVS) != 0 && fz_st_tlv_next(octets, len, &at, &tlv)) {
		if (tlv.type == FIZEAU_ST_HMAC && tlv.whole && tlv.octets == FZ_ST_HMAC_OCTETS)
			must(fz_st_cover(&key, octets, base, tlv.at) == 0);
	}
	if ((bits & SEAL_BASE) != 0 && base == FIZEAU_ST_BASE_AUTHENTICATED)
		must(fz_st_base_cover(&key, octets) == 0);
}

/* Octets of exactly this size, so that a sanitizer sees the first one that is read too far. */
static inline uint8_t *st_fuzz_copy(const uint8_t *octets, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	must(copy != NULL);
	memcpy(copy, octets, len);
	return copy;
}

#endif
