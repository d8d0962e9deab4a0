/* SPDX-License-Identifier: MIT */
#include <fizeau/keys.h>

#include <string.h>
#include "lib/base/buf.h"
#include "lib/crypto/prf.h"
#include "lib/crypto/secret.h"

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
#define COVERED 96
#define HMAC_FIELD 16

int fizeau_st_key_verifies(const uint8_t st_key[static FIZEAU_ST_IKE_KEY_OCTETS], const uint8_t *packet, size_t len)
{
	uint8_t out[FIZEAU_IKE_KEY_MAX];
	int error;

	if (len < COVERED + HMAC_FIELD)
		return FIZEAU_ERR_LENGTH;
	error = fz_prf(FIZEAU_PRF_HMAC_SHA2_256, st_key, FIZEAU_ST_IKE_KEY_OCTETS, packet, COVERED, out);
	if (error == 0 && !fz_secret_equal(out, packet + COVERED, HMAC_FIELD))
		error = FIZEAU_ERR_HMAC;
	fizeau_wipe(out, sizeof(out));
	return error;
}
