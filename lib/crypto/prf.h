/* SPDX-License-Identifier: MIT */
/* The pseudorandom functions of IKEv2 (RFC 7296 section 2.13). */
#ifndef FZ_CRYPTO_PRF_H
#define FZ_CRYPTO_PRF_H

#include <fizeau/keys.h>

/* prf(key, text); writes fizeau_prf_octets of it. key_octets is not 0. FIZEAU_ERR_RANGE for an unknown PRF,
   FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_prf(enum fizeau_prf prf, const uint8_t *key, size_t key_octets, const uint8_t *text,
	size_t len, uint8_t out[static FIZEAU_IKE_KEY_MAX]);

#endif
