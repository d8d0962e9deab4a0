/* SPDX-License-Identifier: MIT */
#include <fizeau/keys.h>

#include "lib/base/buf.h"
#include "lib/crypto/aes.h"

/*= rfc4656#section-4.1.2 OW-4.1.2-15 OW-4.1.2-16 */
/*= rfc5357#section-4.2.1 TW-4.2.1-25 TW-4.2.1-26 */
/*= rfc7717#section-4.2 IK-4.2-01 */
int fizeau_test_keys_derive(const struct fizeau_session_keys *keys,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *test_keys)
{
	int error =
		fz_aes_once(FZ_AES_ECB_ENCRYPT, sid, NULL, keys->aes, test_keys->aes, sizeof(test_keys->aes));

	if (error == 0)
		error = fz_aes_once(
			FZ_AES_CBC_ENCRYPT, sid, NULL, keys->hmac, test_keys->hmac, sizeof(test_keys->hmac));
	if (error < 0)
		fizeau_wipe(test_keys, sizeof(*test_keys));
	return error;
}

/*
 * SID (RFC 4656 section 3.5), 16 octets:
 *
 *   0-3    address: IPv4, or the last four octets of IPv6
 *   4-11   NTP timestamp
 *   12-15  random
 */
/*= rfc4656#section-3.5 OW-3.5-29 */
void fizeau_sid_make(const uint8_t address[static 4], uint64_t ntp, const uint8_t random[static 4],
	uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fz_writer w = fz_writer_of(sid, FIZEAU_SID_OCTETS);

	fz_write_octets(&w, address, 4);
	fz_write_u64(&w, ntp);
	fz_write_octets(&w, random, 4);
}
