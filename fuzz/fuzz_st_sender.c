/* SPDX-License-Identifier: MIT */
/* What comes to a sender of STAMP and TWAMP Light: three octets of configuration (st_fuzz.h, the TLVs that are asked for,
   octets of padding), then the reflection. */
#include "st_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONFIG 3
#define WITHOUT_SSID 16u
#define SSID 0x0102

static struct fizeau_st_sender *new_sender(const uint8_t *data)
{
	unsigned kind = data[0] & KIND;
	struct fizeau_st_sender_config config = {.light = kind == LIGHT,
		.open_hmac_tlv = kind == OPEN_WITH_HMAC_TLV,
		.ssid = kind == LIGHT || (data[0] & WITHOUT_SSID) != 0 ? 0 : SSID,
		.tlvs = kind == LIGHT ? 0 : data[1] & 0xfcu,
		.padding_octets = data[2],
		.format = {.tai_utc_s = 37}};
	struct fizeau_st_sender *sender;

	if (kind == OPEN_WITH_HMAC_TLV || kind == AUTHENTICATED)
		config.key = st_fuzz_key;
	sender = fizeau_st_sender_new(&config);
	must(sender != NULL);
	return sender;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fizeau_st_reflection reflection;
	struct fizeau_st_sender *sender;
	uint8_t *octets;
	int error;

	if (size < CONFIG || size > OCTETS_MAX)
		return 0;
	sender = new_sender(data);
	octets = st_fuzz_copy(data + CONFIG, size - CONFIG);
	st_fuzz_seal(data[0], octets, size - CONFIG);
	error = fizeau_st_sender_reflection(sender, octets, size - CONFIG, &reflection);
	must(error == 0 || error == FIZEAU_ERR_LENGTH || error == FIZEAU_ERR_HMAC || error == FIZEAU_ERR_SSID ||
		error == FIZEAU_ERR_ESTIMATE);
	if (error == 0) {
		must((reflection.base.reflector_error & 0xff) != 0);
		must(reflection.ssid == 0 || reflection.ssid == SSID);
		if (reflection.hmac_failed || reflection.integrity != 0)
			must(reflection.answered == 0);
		must(reflection.location.source_mac_octets <= sizeof(reflection.location.source_mac));
		if ((data[0] & KIND) == LIGHT)
			must((reflection.answered | reflection.unknown | reflection.malformed) == 0);
	}
	fizeau_st_sender_free(sender);
	free(octets);
	return 0;
}
