/* SPDX-License-Identifier: MIT */
#include "lib/wire/st_location.h"

#include <string.h>
#include "lib/base/buf.h"

/*
 * The value (RFC 8972 figure 8):
 *
 *   0-1    Destination Port
 *   2-3    Source Port
 *   4-     sub-TLVs
 */
#define SUB_TLVS 4

/* Sub-TLVs (RFC 8972 table 5). */
enum sub_tlv {
	SOURCE_MAC = 1, /* asks for one of the two that follow */
	SOURCE_EUI_48,
	SOURCE_EUI_64,
	DESTINATION, /* likewise */
	DESTINATION_IPV4,
	DESTINATION_IPV6,
	SOURCE, /* likewise */
	SOURCE_IPV4,
	SOURCE_IPV6,
};

#define MAC_OCTETS 8 /* of the values: of an EUI-48 two are MBZ, and of an IPv4 address twelve */
#define ADDRESS_OCTETS 16

static bool sub_valid(const struct fz_st_tlv *sub)
{
	if (sub->type >= SOURCE_MAC && sub->type <= SOURCE_EUI_64)
		return sub->whole && sub->octets == MAC_OCTETS;
	if (sub->type >= DESTINATION && sub->type <= SOURCE_IPV6)
		return sub->whole && sub->octets == ADDRESS_OCTETS;
	return fz_st_tlv_valid(sub); /* types of TLVs and of sub-TLVs for private use are the same */
}

/*= rfc8972#section-4.2 SX-4.2-01 */
void fz_st_location_ask(uint8_t value[static FZ_ST_LOCATION_OCTETS])
{
	uint8_t *at = value + SUB_TLVS;

	memset(value, 0, FZ_ST_LOCATION_OCTETS);
	fz_st_tlv_put(at, SOURCE_MAC, MAC_OCTETS);
	at += FZ_ST_TLV_HEADER + MAC_OCTETS;
	fz_st_tlv_put(at, DESTINATION, ADDRESS_OCTETS);
	at += FZ_ST_TLV_HEADER + ADDRESS_OCTETS;
	fz_st_tlv_put(at, SOURCE, ADDRESS_OCTETS);
}

bool fz_st_location_valid(uint8_t *value, size_t octets)
{
	size_t at = SUB_TLVS;
	struct fz_st_tlv sub;

	while (fz_st_tlv_next(value, octets, &at, &sub)) {
		if (!sub_valid(&sub)) {
			value[sub.at] = FZ_ST_TLV_U | FZ_ST_TLV_M;
			return false;
		}
	}
	return true;
}

/* The answer to one that asks. */
static void answer(uint8_t *sub, unsigned type, const uint8_t *octets, size_t len)
{
	fz_st_tlv_put(sub, type, len);
	sub[0] = 0;
	memcpy(sub + FZ_ST_TLV_HEADER, octets, len);
}

/*= rfc8972#section-4.2 SX-4.2-01 */
/*= rfc8972#section-4.2.2 SX-4.2-02 */
void fz_st_location_answer(uint8_t *value, size_t octets, bool ipv4, const struct fizeau_st_location *location)
{
	static const struct fizeau_st_location untold;
	struct fz_writer w = fz_writer_of(value, SUB_TLVS);
	size_t at = SUB_TLVS;
	struct fz_st_tlv sub;

	if (location == NULL)
		location = &untold;
	fz_write_u16(&w, location->destination_port);
	fz_write_u16(&w, location->source_port);
	while (fz_st_tlv_next(value, octets, &at, &sub)) {
		switch (sub.type) {
		case SOURCE_MAC:
			/* Datagrams come without it. */
			answer(value + sub.at, SOURCE_EUI_64, untold.source_mac, MAC_OCTETS);
			break;
		case DESTINATION:
			answer(value + sub.at, ipv4 ? DESTINATION_IPV4 : DESTINATION_IPV6, location->destination.octets,
				ADDRESS_OCTETS);
			break;
		case SOURCE:
			answer(value + sub.at, ipv4 ? SOURCE_IPV4 : SOURCE_IPV6, location->source.octets, ADDRESS_OCTETS);
			break;
		default:
			value[sub.at] = FZ_ST_TLV_U;
		}
	}
}

static void get_address(const uint8_t *octets, uint8_t version, struct fizeau_address *address)
{
	static const uint8_t zeros[ADDRESS_OCTETS];
	size_t len = version == 4 ? 4 : ADDRESS_OCTETS;

	if (memcmp(octets, zeros, len) == 0)
		return;
	*address = (struct fizeau_address){.version = version};
	memcpy(address->octets, octets, len);
}

static void get_mac(const uint8_t *octets, uint8_t len, struct fizeau_st_location *location)
{
	static const uint8_t zeros[MAC_OCTETS];

	if (memcmp(octets, zeros, len) == 0)
		return;
	location->source_mac_octets = len;
	memcpy(location->source_mac, octets, len);
}

static void get_sub(const uint8_t *octets, unsigned type, struct fizeau_st_location *location)
{
	switch (type) {
	case SOURCE_EUI_48:
		get_mac(octets, 6, location);
		break;
	case SOURCE_EUI_64:
		get_mac(octets, MAC_OCTETS, location);
		break;
	case DESTINATION_IPV4:
		get_address(octets, 4, &location->destination);
		break;
	case DESTINATION_IPV6:
		get_address(octets, 6, &location->destination);
		break;
	case SOURCE_IPV4:
		get_address(octets, 4, &location->source);
		break;
	case SOURCE_IPV6:
		get_address(octets, 6, &location->source);
		break;
	default:
		break;
	}
}

void fz_st_location_get(const uint8_t *value, size_t octets, struct fizeau_st_location *location)
{
	struct fz_reader r = fz_reader_of(value, SUB_TLVS);
	size_t at = SUB_TLVS;
	struct fz_st_tlv sub;

	*location = (struct fizeau_st_location){.destination_port = fz_read_u16(&r)};
	location->source_port = fz_read_u16(&r);
	while (fz_st_tlv_next(value, octets, &at, &sub)) {
		if ((sub.flags & FZ_ST_TLV_M) != 0 || !sub_valid(&sub))
			return;
		if ((sub.flags & FZ_ST_TLV_U) == 0)
			get_sub(value + sub.value, sub.type, location);
	}
}
