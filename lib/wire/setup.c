/* SPDX-License-Identifier: MIT */
#include "lib/wire/setup.h"
#include "lib/base/buf.h"

/*
 * Set-Up-Response, 164 octets, Control-Client to Server, in clear (RFC 4656 section 3.1, RFC 7717 section 5.3).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  0|                             Mode                              |
 *  4|    KeyID (80 octets): a name, zero filled; IKEv2-derived key: |
 *   |    SPIi (4-11), SPIr (12-19), zeros (20-83)                   |
 * 84|    Token (64 octets): Challenge | AES Session-key |           |
 *   |    HMAC Session-key, encrypted on its own                     |
 *148|                     Client-IV (16 octets)                     |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * RFC 7717 draws Token with 16 and Client-IV with 12 octets; its text leaves the sizes as they are.
 */

/*= rfc4656#section-3.1 OW-3.1-16 OW-3.1-25 */
/*= rfc7717#section-5.3 IK-5.3-12 */
int fz_setup_get(struct fz_setup *setup, const uint8_t *octets, size_t len)
{
	struct fz_reader r = fz_reader_of(octets, len);

	setup->mode = fz_read_u32(&r);
	fz_read_octets(&r, setup->key_id, sizeof(setup->key_id));
	fz_read_octets(&r, setup->token, sizeof(setup->token));
	fz_read_octets(&r, setup->client_iv, sizeof(setup->client_iv));
	return r.failed || fz_reader_left(&r) > 0 ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-3.1 OW-3.1-16 OW-3.1-25 */
/*= rfc7717#section-5.3 IK-5.3-12 */
int fz_setup_put(const struct fz_setup *setup, uint8_t *octets, size_t len)
{
	struct fz_writer w = fz_writer_of(octets, len);

	fz_write_u32(&w, setup->mode);
	fz_write_octets(&w, setup->key_id, sizeof(setup->key_id));
	fz_write_octets(&w, setup->token, sizeof(setup->token));
	fz_write_octets(&w, setup->client_iv, sizeof(setup->client_iv));
	return w.failed || fz_writer_len(&w) != len ? FIZEAU_ERR_LENGTH : 0;
}

/*= rfc4656#section-6.7 OW-6.7-01 */
int fz_setup_check(const struct fz_setup *setup, enum fizeau_protocol protocol, uint32_t offered)
{
	return fz_mode_check(protocol, setup->mode, offered);
}

/*= rfc7718#section-3.2.4 OR-3.2-01 OR-3.2-05 */
uint32_t fizeau_mode_ike(enum fizeau_protocol protocol)
{
	return protocol == FIZEAU_OWAMP ? FIZEAU_MODE_OW_IKEV2 : FIZEAU_MODE_TW_IKEV2;
}

/* RFC 8186 describes its bit for OWAMP too, but OWAMP's registry does not have it. */
/*= rfc7718#section-3.2.4 OR-3.2-01 OR-3.2-03 OR-3.2-05 */
/*= rfc5938#section-3.1 IS-3.1-01 */
/*= rfc6038#section-4.4 RO-4.4-01 */
/*= rfc6038#section-7 RO-7-01 */
/*= rfc7750#section-3 DE-3-01 */
/*= rfc8186#section-3 PT-3-01 */
uint32_t fz_modes_known(enum fizeau_protocol protocol)
{
	uint32_t known = FIZEAU_MODE_SECURITY | fizeau_mode_ike(protocol);

	if (protocol == FIZEAU_OWAMP)
		return known & ~(uint32_t)FIZEAU_MODE_MIXED;
	return known | FIZEAU_MODE_FEATURES;
}

const char *fizeau_feature_name(uint32_t feature)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{FIZEAU_MODE_INDIVIDUAL, "individual"},
		{FIZEAU_MODE_REFLECT_OCTETS, "reflect-octets"},
		{FIZEAU_MODE_SYMMETRICAL, "symmetrical"},
		{FIZEAU_MODE_DSCP_ECN, "dscp-ecn"},
		{FIZEAU_MODE_PTP, "ptp"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].bit == feature)
			return names[i].name;
	return NULL;
}

int fz_mode_check(enum fizeau_protocol protocol, uint32_t mode, uint32_t offered)
{
	/*= rfc4656#section-3.1 OW-3.1-21 */
	uint32_t known = mode & fz_modes_known(protocol);
	uint32_t security = known & FIZEAU_MODE_SECURITY;

	/*= rfc4656#section-3.1 OW-3.1-22 */
	if (known == 0)
		return FIZEAU_ERR_UNWILLING;
	/*= rfc4656#section-3.1 OW-3.1-18 OW-3.1-19 */
	/*= rfc5618#section-2 MX-2-01 */
	if ((known & ~offered) != 0)
		return FIZEAU_ERR_MODE;
	/*= rfc4656#section-3.1 OW-3.1-17 */
	/*= rfc5938#section-3.1 IS-3.1-06 */
	if (security == 0 || (security & (security - 1)) != 0)
		return FIZEAU_ERR_MODE;
	/*= rfc7717#section-5.3 IK-5.3-02 */
	if ((known & fizeau_mode_ike(protocol)) != 0 && !fz_mode_protects_control(known))
		return FIZEAU_ERR_MODE;
	return 0;
}

/*= rfc5618#section-3.1 MX-3.1-01 MX-3.1-04 */
bool fz_mode_protects_control(uint32_t mode)
{
	return (mode & (FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_MIXED)) != 0;
}

/* The bit is another one's in OWAMP. */
/*= rfc5938#section-3.1 IS-3.1-01 IS-3.1-03 */
bool fz_mode_individual(enum fizeau_protocol protocol, uint32_t mode)
{
	return protocol == FIZEAU_TWAMP && (mode & FIZEAU_MODE_INDIVIDUAL) != 0;
}

/*= rfc5618#section-3.1 MX-3.1-02 MX-3.1-04 */
bool fz_mode_protects_test(uint32_t mode)
{
	return (mode & (FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_ENCRYPTED)) != 0;
}
