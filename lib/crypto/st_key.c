/* SPDX-License-Identifier: MIT */
#include <fizeau/keys.h>

#include <string.h>
#include "lib/base/buf.h"
#include "lib/crypto/hmac256.h"
#include "lib/crypto/prf.h"

/*
 * What the key is made from (doc/stamp-ike.md section 2), 32 octets:
 *
 *   0-13   "Fizeau STAMP 1"
 *   14-21  SPIi
 *   22-29  SPIr
 *   30-31  SSID
 */
#define TEXT_OCTETS 32

int fizeau_st_key_ike(const uint8_t *key, size_t octets, const uint8_t spi_i[static 8], const uint8_t spi_r[static 8],
	uint16_t ssid, uint8_t st_key[static FIZEAU_ST_IKE_KEY_OCTETS])
{
	static const uint8_t label[14] = {'F', 'i', 'z', 'e', 'a', 'u', ' ', 'S', 'T', 'A', 'M', 'P', ' ', '1'};
	uint8_t text[TEXT_OCTETS], out[FIZEAU_IKE_KEY_MAX];
	struct fz_writer w = fz_writer_of(text, sizeof(text));
	int error;

	if (octets < 16 || octets > FIZEAU_IKE_KEY_MAX || ssid == 0)
		return FIZEAU_ERR_RANGE;
	fz_write_octets(&w, label, sizeof(label));
	fz_write_octets(&w, spi_i, 8);
	fz_write_octets(&w, spi_r, 8);
	fz_write_u16(&w, ssid);
	error = fz_prf(FIZEAU_PRF_HMAC_SHA2_256, key, octets, text, sizeof(text), out);
	if (error == 0)
		memcpy(st_key, out, FIZEAU_ST_IKE_KEY_OCTETS);
	fizeau_wipe(out, sizeof(out));
	return error;
}

/* The HMAC stands behind what it covers (RFC 8762 section 4.4). */
int fizeau_st_key_verifies(const uint8_t st_key[static FIZEAU_ST_IKE_KEY_OCTETS], const uint8_t *packet, size_t len)
{
	struct fizeau_st_key key = {.octets = FIZEAU_ST_IKE_KEY_OCTETS};
	struct fz_hmac256_key state;
	uint8_t want[FZ_HMAC256_FIELD];
	int error;

	if (len < FZ_HMAC256_BASE + FZ_HMAC256_FIELD)
		return FIZEAU_ERR_LENGTH;
	memcpy(key.key, st_key, FIZEAU_ST_IKE_KEY_OCTETS);
	error = fz_hmac256_key_init(&state, &key);
	if (error == 0)
		error = fz_hmac256_base(&state, packet, want);
	if (error == 0)
		error = fz_hmac256_same(packet + FZ_HMAC256_BASE, want);
	fizeau_wipe(&key, sizeof(key));
	fizeau_wipe(&state, sizeof(state));
	return error;
}
