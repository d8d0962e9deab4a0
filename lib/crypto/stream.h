/* SPDX-License-Identifier: MIT */
/* One direction of a control connection (RFC 4656 sections 3.1 and 3.2): one AES-128-CBC chain from the
   direction's IV to the end of the connection, and a running HMAC over the plaintext, which restarts after
   each HMAC field. The end that writes a direction seals, the end that reads it opens; one stream does only
   one. */
#ifndef FZ_CRYPTO_STREAM_H
#define FZ_CRYPTO_STREAM_H

#include <stdbool.h>
#include <fizeau/keys.h>
#include "lib/crypto/aes.h"
#include "lib/crypto/hmac.h"

struct fz_stream {
	bool clear; /* open mode */
	struct fz_aes aes;
	struct fz_hmac hmac;
};

enum fz_stream_end {
	FZ_STREAM_SEALS,
	FZ_STREAM_OPENS,
};

/* keys are copied; NULL is open mode: everything passes in clear, HMAC fields are zero and ignored.
   FIZEAU_ERR_CRYPTO, and then nothing is to be wiped. */
FIZEAU_MUST_USE int fz_stream_init(struct fz_stream *s, enum fz_stream_end end, const struct fizeau_session_keys *keys,
	const uint8_t iv[static FZ_AES_BLOCK]);
/* Feeds the plaintext to the running HMAC and encrypts in place; len is a multiple of 16. */
FIZEAU_MUST_USE int fz_stream_seal(struct fz_stream *s, uint8_t *octets, size_t len);
/* Writes the HMAC field for all since the last one, encrypted as a block of the chain, and restarts. */
FIZEAU_MUST_USE int fz_stream_seal_hmac(struct fz_stream *s, uint8_t field[static FZ_HMAC_FIELD]);
/* Decrypts in place and feeds the plaintext; len is a multiple of 16. Not to be believed before the HMAC. */
FIZEAU_MUST_USE int fz_stream_open(struct fz_stream *s, uint8_t *octets, size_t len);
/* Decrypts the field and compares in constant time: FIZEAU_ERR_HMAC if it differs.
   The connection ends then. */
FIZEAU_MUST_USE int fz_stream_open_hmac(struct fz_stream *s, const uint8_t field[static FZ_HMAC_FIELD]);
/* Wipes and frees; an all-zero struct is fine. */
void fz_stream_wipe(struct fz_stream *s);

#endif
