/* SPDX-License-Identifier: MIT */
#include "tests/testlib/st_tlvs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <cmocka.h>

#define SEQ_OCTETS 4

void st_hmac_once(const struct fizeau_st_key *key, const uint8_t *packet, size_t base, size_t end, uint8_t field[static 16])
{
	uint8_t text[ST_TLVS_MAX], whole[EVP_MAX_MD_SIZE];
	size_t len = base == 0 ? 96 : SEQ_OCTETS + end - base;
	unsigned got;

	assert_true(len <= sizeof(text));
	memcpy(text, packet, base == 0 ? len : SEQ_OCTETS);
	if (base != 0)
		memcpy(text + SEQ_OCTETS, packet + base, end - base);
	assert_non_null(HMAC(EVP_sha256(), key->key, (int)key->octets, text, len, whole, &got));
	assert_int_equal(got, 32);
	memcpy(field, whole, 16);
}

void st_tlvs_begin(struct st_tlvs *p, uint32_t seq, const struct fizeau_st_key *key)
{
	memset(p, 0, sizeof(*p));
	p->len = p->base = st_vector(key ? "sender authenticated" : "sender unauthenticated, SSID 0x0102", "wire", p->octets);
	p->octets[0] = (uint8_t)(seq >> 24);
	p->octets[1] = (uint8_t)(seq >> 16);
	p->octets[2] = (uint8_t)(seq >> 8);
	p->octets[3] = (uint8_t)seq;
	if (key)
		st_hmac_once(key, p->octets, 0, 0, p->octets + 96);
}

size_t st_tlvs_add(struct st_tlvs *p, unsigned type, size_t length, const void *value)
{
	size_t at = p->len;

	assert_true(at + 4 + length <= sizeof(p->octets));
	p->octets[at] = 0x80;
	p->octets[at + 1] = (uint8_t)type;
	p->octets[at + 2] = (uint8_t)(length >> 8);
	p->octets[at + 3] = (uint8_t)length;
	if (value)
		memcpy(p->octets + at + 4, value, length);
	p->at[p->count++ % 32] = at;
	p->len += 4 + length;
	return at;
}

size_t st_tlvs_add_hmac(struct st_tlvs *p, const struct fizeau_st_key *key)
{
	uint8_t field[16];

	st_hmac_once(key, p->octets, p->base, p->len, field);
	return st_tlvs_add(p, FIZEAU_ST_HMAC, sizeof(field), field);
}

size_t st_tlvs_add_asking(struct st_tlvs *p, unsigned type)
{
	static const uint8_t location[24] = {0, 0, 0, 0, 0x80, 7, 0, 16}, cos[4] = {10 << 2}, direct[12] = {1, 2, 3, 4},
			     access[4] = {0x10, 2}, padding[8] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7};

	switch (type) {
	case FIZEAU_ST_EXTRA_PADDING:
		return st_tlvs_add(p, type, sizeof(padding), padding);
	case FIZEAU_ST_LOCATION:
		return st_tlvs_add(p, type, sizeof(location), location);
	case FIZEAU_ST_TIMESTAMP_INFORMATION:
		return st_tlvs_add(p, type, 4, NULL);
	case FIZEAU_ST_CLASS_OF_SERVICE:
		return st_tlvs_add(p, type, sizeof(cos), cos);
	case FIZEAU_ST_DIRECT_MEASUREMENT:
		return st_tlvs_add(p, type, sizeof(direct), direct);
	case FIZEAU_ST_ACCESS_REPORT:
		return st_tlvs_add(p, type, sizeof(access), access);
	case FIZEAU_ST_FOLLOW_UP:
		return st_tlvs_add(p, type, 16, NULL);
	default:
		return st_tlvs_add(p, type, sizeof(padding), padding);
	}
}
