/* SPDX-License-Identifier: MIT */
/* AES-XCBC, which libcrypto does not have, on its AES. */
#ifndef FZ_CRYPTO_XCBC_H
#define FZ_CRYPTO_XCBC_H

#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

/* AES-XCBC-MAC at its full 128 bits (RFC 3566; the RFC's authenticator is its
   leftmost 96). FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_xcbc_mac(
	const uint8_t key[static 16], const uint8_t *text, size_t len, uint8_t mac[static 16]);
/* AES-XCBC-PRF-128: keys of any length (RFC 4434). FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_xcbc_prf(
	const uint8_t *key, size_t key_octets, const uint8_t *text, size_t len, uint8_t out[static 16]);

#endif
