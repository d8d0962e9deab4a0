/* SPDX-License-Identifier: MIT */
#include "lib/crypto/packet.h"

#include "lib/crypto/secret.h"

/*= rfc4656#section-4.1.2 OW-4.1.2-13 OW-4.1.2-14 OW-4.1.2-17 */
/*= rfc5357#section-4.2.1 TW-4.2.1-22 TW-4.2.1-23 TW-4.2.1-27 */
int fz_packet_init(struct fz_packet *p, enum fizeau_test_mode mode, const struct fizeau_test_keys *keys)
{
	bool whole = mode == FIZEAU_TEST_ENCRYPTED;
	int error;

	*p = (struct fz_packet){0};
	error = fz_aes_init(&p->encrypt, whole ? FZ_AES_CBC_ENCRYPT : FZ_AES_ECB_ENCRYPT, keys->aes, NULL);
	if (error == 0)
		error = fz_aes_init(
			&p->decrypt, whole ? FZ_AES_CBC_DECRYPT : FZ_AES_ECB_DECRYPT, keys->aes, NULL);
	if (error == 0)
		error = fz_hmac_init(&p->hmac, keys->hmac);
	if (error < 0)
		fz_packet_wipe(p);
	return error;
}

/*= rfc4656#section-4.1.2 OW-4.1.2-18 OW-4.1.2-19 */
/*= rfc5357#section-4.2 TW-4.2-07 */
/*= rfc5357#section-4.2.1 TW-4.2.1-10 TW-4.2.1-11 */
int fz_packet_seal(struct fz_packet *p, uint8_t *octets, size_t covered, uint8_t hmac[static FZ_HMAC_FIELD])
{
	int error = fz_hmac_of(&p->hmac, octets, covered, hmac);

	return error < 0 ? error : fz_aes_run_alone(&p->encrypt, octets, covered);
}

/*= rfc5357#section-4.2 TW-4.2-02 */
int fz_packet_open(
	struct fz_packet *p, uint8_t *octets, size_t covered, const uint8_t hmac[static FZ_HMAC_FIELD])
{
	uint8_t want[FZ_HMAC_FIELD];
	int error = fz_aes_run_alone(&p->decrypt, octets, covered);

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
	fz_hmac_wipe(&p->hmac);
}
