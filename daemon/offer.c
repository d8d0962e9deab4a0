/* SPDX-License-Identifier: MIT */
#include "offer.h"

static uint32_t twamp_modes(struct fz_engine *engine, const struct fz_addr *peer)
{
	uint32_t modes = fz_keyd_modes(engine->keyd);
	bool later;
	const struct fz_class *c = fz_admit_class_early(engine->conf, peer, &later);

	if (later)
		return modes;
	/*= rfc4656#section-3.1 OW-3.1-12 */
	if (!c || c->limits[FZ_LIMIT_DENY]) {
		engine->counters.of[FZ_COUNT_REFUSED_DENY]++;
		return 0;
	}
	modes &= (uint32_t)c->limits[FZ_LIMIT_MODES] | FIZEAU_MODE_TW_IKEV2;
	if (!(modes & FIZEAU_MODE_SECURITY & ~(uint32_t)FIZEAU_MODE_OPEN))
		modes &= ~(uint32_t)FIZEAU_MODE_TW_IKEV2;
	return modes;
}

/* OWAMP has no mixed mode, a bit of its own for IKEv2, and no features. */
uint32_t fz_offer_modes(struct fz_engine *engine, enum fizeau_protocol protocol, const struct fz_addr *peer)
{
	uint32_t modes = twamp_modes(engine, peer), plain = modes & FIZEAU_MODE_SECURITY & ~(uint32_t)FIZEAU_MODE_MIXED;

	/*= rfc5938#section-3.7 IS-3.7-01 */
	/*= rfc6038#section-4.1 RO-4.1-01 */
	/*= rfc7750#section-2.1 DE-2.1-01 */
	/*= rfc8186#section-2.2 PT-2.2-01 */
	if (protocol == FIZEAU_TWAMP)
		return modes ? modes | engine->conf->features : 0;
	if ((modes & FIZEAU_MODE_TW_IKEV2) && (plain & ~(uint32_t)FIZEAU_MODE_OPEN))
		plain |= fizeau_mode_ike(protocol);
	return plain;
}
