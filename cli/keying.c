/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "keying.h"

static bool must_be_ike(const struct fz_keying_wish *wish)
{
	return wish->ike == FZ_IKE_REQUIRE || wish->ike == FZ_IKE_INITIATE;
}

/* The default is authenticated with a key, open without. A server that has no authenticated mode may have encrypted:
   with a key at hand that is no reason to go without protection. */
static size_t acceptable(const struct fz_keying_wish *wish, bool have_key, uint32_t modes[static FZ_MODES_MAX])
{
	if (wish->mode_count > 0) {
		memcpy(modes, wish->modes, wish->mode_count * sizeof(modes[0]));
		return wish->mode_count;
	}
	if (!have_key) {
		modes[0] = FIZEAU_MODE_OPEN;
		return 1;
	}
	modes[0] = FIZEAU_MODE_AUTHENTICATED;
	modes[1] = FIZEAU_MODE_ENCRYPTED;
	return 2;
}

enum fz_keying_verdict fz_keying_choose(const struct fz_keying_wish *wish, uint32_t offered, bool have_sa,
	struct fz_keying_choice *choice)
{
	uint32_t ike_bit = fizeau_mode_ike(wish->protocol), security = fz_keying_security(wish->protocol, offered);
	/*= rfc7717#section-5.2 IK-5.2-03 IK-5.2-04 */
	/*= rfc7717#section-7 IK-7-01 */
	bool ike = wish->ike != FZ_IKE_OFF && (offered & ike_bit) != 0 && have_sa;
	uint32_t modes[FZ_MODES_MAX];
	bool key_missing = false;
	size_t count = acceptable(wish, ike || wish->passphrase || must_be_ike(wish), modes);

	if (security == 0)
		return FZ_KEYING_UNWILLING;
	if (must_be_ike(wish) && (offered & ike_bit) == 0)
		return FZ_KEYING_SERVER_IKE;
	for (size_t i = 0; i < count; i++) {
		if ((security & modes[i]) == 0 || (modes[i] == FIZEAU_MODE_OPEN && must_be_ike(wish)))
			continue;
		if (modes[i] == FIZEAU_MODE_OPEN) {
			*choice = (struct fz_keying_choice){FIZEAU_MODE_OPEN, FZ_KEY_NONE};
			return FZ_KEYING_OK;
		}
		/*= rfc7717#section-5.3 IK-5.3-01 IK-5.3-02 */
		/*= rfc7717#section-1 IK-1-01 IK-1-02 */
		if (ike) {
			*choice = (struct fz_keying_choice){modes[i] | ike_bit, FZ_KEY_IKE};
			return FZ_KEYING_OK;
		}
		/*= rfc7717#section-5.1 IK-5.1-07 */
		if (wish->passphrase && !must_be_ike(wish)) {
			*choice = (struct fz_keying_choice){modes[i], FZ_KEY_PASSPHRASE};
			return FZ_KEYING_OK;
		}
		key_missing = true;
	}
	/* Who did not say which modes are acceptable lacks a key, not a mode. */
	if (!key_missing && (wish->mode_count > 0 || modes[0] != FIZEAU_MODE_OPEN))
		return FZ_KEYING_NO_MODE;
	return must_be_ike(wish) ? FZ_KEYING_NO_SA : FZ_KEYING_NO_KEY;
}

bool fz_keying_wants_sa(const struct fz_keying_wish *wish, uint32_t offered)
{
	struct fz_keying_choice choice;

	return fz_keying_choose(wish, offered, true, &choice) == FZ_KEYING_OK && choice.source == FZ_KEY_IKE;
}

uint32_t fz_keying_security(enum fizeau_protocol protocol, uint32_t offered)
{
	return offered & (protocol == FIZEAU_TWAMP ? (uint32_t)FIZEAU_MODE_SECURITY
						   : (uint32_t)(FIZEAU_MODE_SECURITY & ~FIZEAU_MODE_MIXED));
}

void fz_keying_offer_text(uint32_t offered, char *text, size_t octets)
{
	static const uint32_t order[] = {FIZEAU_MODE_ENCRYPTED, FIZEAU_MODE_AUTHENTICATED, FIZEAU_MODE_MIXED,
		FIZEAU_MODE_OPEN};
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int len;

		if ((offered & order[i]) == 0 || at >= octets)
			continue;
		len = snprintf(text + at, octets - at, "%s%s", at == 0 ? "" : ", ", fz_mode_name(order[i]));
		at += (size_t)len;
	}
}

const char *fz_key_source_name(enum fz_key_source source)
{
	static const char *const names[] = {
		[FZ_KEY_NONE] = "none",
		[FZ_KEY_PASSPHRASE] = "passphrase",
		[FZ_KEY_IKE] = "ikev2",
	};

	return names[source];
}
