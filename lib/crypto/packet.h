/* SPDX-License-Identifier: MIT */
/* Protection of test packets (RFC 4656 section 4.1.2, RFC 5357 section 4.2.1): the HMAC over the
   plaintext of the first octets, then their encryption: in authenticated mode the first block alone
   (ECB), in encrypted mode all of the header before the HMAC (CBC, IV 0, each packet on its own). HMAC
   and padding stay in clear. */
#ifndef FZ_CRYPTO_PACKET_H
#define FZ_CRYPTO_PACKET_H

#include <stdbool.h>
#include <fizeau/sender.h>
#include "lib/crypto/aes.h"
#include "lib/crypto/hmac.h"

#define FZ_PACKET_COVERED_MAX 96

/* What a session does with packets: either, or both. */
#define FZ_PACKET_SEALS 1u
#define FZ_PACKET_OPENS 2u

struct fz_packet {
	struct fz_hmac_key hmac;
	struct fz_aes encrypt, decrypt;
	bool whole;		     /* encrypted mode */
	uint8_t last[FZ_AES_BLOCK]; /* that encrypt's chain has come to, in encrypted mode */
};

/* Sets up all that a session needs, once. mode is not open. FIZEAU_ERR_CRYPTO, and
   then nothing is to be wiped. */
FIZEAU_MUST_USE int fz_packet_init(struct fz_packet *p, enum fizeau_test_mode mode, unsigned does,
	const struct fizeau_test_keys *keys);
/* Writes the HMAC of the first covered octets, then encrypts them in place. covered: whole blocks, up to
   FZ_PACKET_COVERED_MAX; in authenticated mode one. FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_packet_seal(
	struct fz_packet *p, uint8_t *octets, size_t covered, uint8_t hmac[static FZ_HMAC_FIELD]);
/* Decrypts the first covered octets in place and checks them. FIZEAU_ERR_HMAC, FIZEAU_ERR_CRYPTO. */
FIZEAU_MUST_USE int fz_packet_open(
	struct fz_packet *p, uint8_t *octets, size_t covered, const uint8_t hmac[static FZ_HMAC_FIELD]);
/* An all-zero struct is fine. */
void fz_packet_wipe(struct fz_packet *p);

#endif
