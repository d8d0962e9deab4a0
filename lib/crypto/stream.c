/* SPDX-License-Identifier: MIT */
#include "lib/crypto/stream.h"

#include <string.h>
#include "lib/crypto/secret.h"

int fz_stream_init(struct fz_stream *s, enum fz_stream_end end, const struct fizeau_session_keys *keys,
	const uint8_t iv[static FZ_AES_BLOCK])
{
	int error = 0;

	*s = (struct fz_stream){.clear = keys == NULL};
	if (s->clear)
		return 0;
	/* An init that fails leaves its part NULL, so that wiping all is fine. */
	error = fz_aes_init(&s->aes, end == FZ_STREAM_SEALS ? FZ_AES_CBC_ENCRYPT : FZ_AES_CBC_DECRYPT, keys->aes, iv);
	if (error == 0)
		error = fz_hmac_init(&s->hmac, keys->hmac);
	if (error < 0)
		fz_stream_wipe(s);
	return error;
}

int fz_stream_seal(struct fz_stream *s, uint8_t *octets, size_t len)
{
	int error;

	if (s->clear)
		return 0;
	/*= rfc4656#section-3.2 OW-3.2-04 */
	error = fz_hmac_update(&s->hmac, octets, len);
	return error < 0 ? error : fz_aes_run(&s->aes, octets, len);
}

int fz_stream_seal_hmac(struct fz_stream *s, uint8_t field[static FZ_HMAC_FIELD])
{
	int error;

	if (s->clear) {
		memset(field, 0, FZ_HMAC_FIELD);
		return 0;
	}
	error = fz_hmac_final(&s->hmac, field);
	return error < 0 ? error : fz_aes_run(&s->aes, field, FZ_HMAC_FIELD);
}

int fz_stream_open(struct fz_stream *s, uint8_t *octets, size_t len)
{
	int error;

	if (s->clear)
		return 0;
	error = fz_aes_run(&s->aes, octets, len);
	return error < 0 ? error : fz_hmac_update(&s->hmac, octets, len);
}

int fz_stream_open_hmac(struct fz_stream *s, const uint8_t field[static FZ_HMAC_FIELD])
{
	uint8_t got[FZ_HMAC_FIELD], want[FZ_HMAC_FIELD];
	int error;

	if (s->clear)
		return 0;
	memcpy(got, field, sizeof(got));
	error = fz_aes_run(&s->aes, got, sizeof(got));
	if (error == 0)
		error = fz_hmac_final(&s->hmac, want);
	if (error == 0 && !fz_secret_equal(got, want, sizeof(want)))
		error = FIZEAU_ERR_HMAC;
	/* What was expected would let a reader of the memory forge. */
	fizeau_wipe(want, sizeof(want));
	return error;
}

void fz_stream_wipe(struct fz_stream *s)
{
	fz_aes_wipe(&s->aes);
	fz_hmac_wipe(&s->hmac);
}
