/* SPDX-License-Identifier: MIT */
#include "lib/crypto/packet.h"

#include <assert.h>
#include <string.h>
#include "lib/crypto/secret.h"

/*= rfc4656#section-4.1.2 OW-4.1.2-13 OW-4.1.2-14 OW-4.1.2-17 */
/*= rfc5357#section-4.2.1 TW-4.2.1-22 TW-4.2.1-23 TW-4.2.1-27 */
int fz_packet_init(struct fz_packet *p, enum fizeau_test_mode mode, unsigned does, const struct fizeau_test_keys *keys)
{
	int error;

	*p = (struct fz_packet){.whole = mode == FIZEAU_TEST_ENCRYPTED};
	error = fz_hmac_key_init(&p->hmac, keys->hmac);
	if (error == 0 && (does & FZ_PACKET_SEALS) != 0)
		error = fz_aes_init(&p->encrypt, p->whole ? FZ_AES_CBC_ENCRYPT : FZ_AES_ECB_ENCRYPT, keys->aes, NULL);
	/* In encrypted mode too: what chains the blocks is added here, and no context has to be set back. */
	if (error == 0 && (does & FZ_PACKET_OPENS) != 0)
		error = fz_aes_init(&p->decrypt, FZ_AES_ECB_DECRYPT, keys->aes, NULL);
	if (error < 0)
		fz_packet_wipe(p);
	return error;
}

static void xor_block(uint8_t *into, const uint8_t *with)
{
	for (size_t i = 0; i < FZ_AES_BLOCK; i++)
		into[i] ^= with[i];
}

/* To set a CBC context back to IV 0 costs more than to encrypt. So its chain goes on from packet to packet, and the
   first block takes out what the chain puts in: the ciphertext before it, which leaves it as with IV 0. */
static int encrypt(struct fz_packet *p, uint8_t *octets, size_t len)
{
	int error;

	if (!p->whole)
		return fz_aes_run(&p->encrypt, octets, len);
	xor_block(octets, p->last);
	error = fz_aes_run(&p->encrypt, octets, len);
	memcpy(p->last, octets + len - FZ_AES_BLOCK, FZ_AES_BLOCK);
	return error;
}

/* The blocks each by itself, then the ciphertext before each; before the first it is the IV, which is 0. */
static int decrypt(struct fz_packet *p, uint8_t *octets, size_t len)
{
	uint8_t before[FZ_PACKET_COVERED_MAX];
	int error;

	memcpy(before, octets, len);
	error = fz_aes_run(&p->decrypt, octets, len);
	for (size_t at = FZ_AES_BLOCK; at < len; at += FZ_AES_BLOCK)
		xor_block(octets + at, before + at - FZ_AES_BLOCK);
	return error;
}

static bool covers(const struct fz_packet *p, size_t covered)
{
	return covered >= FZ_AES_BLOCK && covered <= (p->whole ? FZ_PACKET_COVERED_MAX : FZ_AES_BLOCK);
}

/*= rfc4656#section-4.1.2 OW-4.1.2-18 OW-4.1.2-19 */
/*= rfc5357#section-4.2 TW-4.2-07 */
/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-11 */
int fz_packet_seal(struct fz_packet *p, uint8_t *octets, size_t covered, uint8_t hmac[static FZ_HMAC_FIELD])
{
	int error;

	assert(covers(p, covered));
	error = fz_hmac_of(&p->hmac, octets, covered, hmac);
	return error < 0 ? error : encrypt(p, octets, covered);
}

/*= rfc5357#section-4.2 TW-4.2-02 */
int fz_packet_open(
	struct fz_packet *p, uint8_t *octets, size_t covered, const uint8_t hmac[static FZ_HMAC_FIELD])
{
	uint8_t want[FZ_HMAC_FIELD];
	int error;

	assert(covers(p, covered));
	error = decrypt(p, octets, covered);
	if (error == 0)
		error = fz_hmac_of(&p->hmac, octets, covered, want);
	if (error == 0 && !fz_secret_equal(hmac, want, sizeof(want)))
		error = FIZEAU_ERR_HMAC;
	fizeau_wipe(want, sizeof(want));
	return error;
}

void fz_packet_wipe(struct fz_packet *p)
{
	fz_aes_wipe(&p->encrypt);
	fz_aes_wipe(&p->decrypt);
	fizeau_wipe(p, sizeof(*p));
}
