/* SPDX-License-Identifier: MIT */
#include "lib/proto/st_cover.h"

#include "lib/wire/st_tlv.h"

#define SEQ_OCTETS 4 /* the Sequence Number, which begins every packet */

int fz_st_base_check(const struct fz_hmac256_key *key, const uint8_t *packet)
{
	uint8_t want[FZ_HMAC256_FIELD];
	int error = fz_hmac256_base(key, packet, want);

	return error < 0 ? error : fz_hmac256_same(packet + FZ_HMAC256_BASE, want);
}

int fz_st_base_cover(const struct fz_hmac256_key *key, uint8_t *packet)
{
	return fz_hmac256_base(key, packet, packet + FZ_HMAC256_BASE);
}

/* What the headers of a packet's TLVs say. */
struct seen {
	size_t tlvs, padding; /* all, and Extra Padding among them */
	size_t hmac_at;	      /* of the first HMAC TLV; 0: none */
	bool misplaced;	      /* another than Extra Padding follows it, or it is malformed */
};

/*= rfc8972#section-4.8 SX-4.8-02 */
static struct seen look(const uint8_t *packet, size_t base, size_t len)
{
	struct seen seen = {0};
	struct fz_st_tlv tlv;
	size_t at = base;

	for (; fz_st_tlv_next(packet, len, &at, &tlv); seen.tlvs++) {
		if (tlv.type == FIZEAU_ST_EXTRA_PADDING) {
			seen.padding++;
		} else if (seen.hmac_at != 0) {
			seen.misplaced = true;
		} else if (tlv.type == FIZEAU_ST_HMAC) {
			seen.hmac_at = tlv.at;
			seen.misplaced = !fz_st_tlv_valid(&tlv);
		}
	}
	return seen;
}

/*= rfc8972#section-4.8 SX-4.8-01 SX-4.8-03 SX-4.8-04 */
int fz_st_cover_check(const struct fz_hmac256_key *key, const uint8_t *packet, size_t base, size_t len, size_t *hmac_at)
{
	struct seen seen = look(packet, base, len);
	bool padding_alone = seen.tlvs == 1 && seen.padding == 1;
	uint8_t want[FZ_HMAC256_FIELD];
	int error;

	*hmac_at = 0;
	if (seen.hmac_at == 0)
		return key == NULL || seen.tlvs == 0 || padding_alone ? 0 : FIZEAU_ERR_HMAC;
	if (key == NULL || seen.misplaced)
		return FIZEAU_ERR_HMAC;
	*hmac_at = seen.hmac_at;
	error = fz_hmac256_of(key, packet, SEQ_OCTETS, packet + base, seen.hmac_at - base, want);
	return error < 0 ? error : fz_hmac256_same(packet + seen.hmac_at + FZ_ST_TLV_HEADER, want);
}

int fz_st_cover(const struct fz_hmac256_key *key, uint8_t *packet, size_t base, size_t hmac_at)
{
	return fz_hmac256_of(
		key, packet, SEQ_OCTETS, packet + base, hmac_at - base, packet + hmac_at + FZ_ST_TLV_HEADER);
}
