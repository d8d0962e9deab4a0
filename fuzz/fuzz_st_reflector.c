/* SPDX-License-Identifier: MIT */
/* What comes to a reflector of STAMP and TWAMP Light. Three octets of configuration (st_fuzz.h, then bits here), then the
   packet, which comes three times: what the second and third get depends on what was kept of those before. */
#include "st_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONFIG 3
#define STATELESS 1u
#define ANSWER_SHORT 2u
#define NO_TLVS 4u
#define PTP 8u
#define NO_LOCATION 16u
#define IPV6 32u

static struct fizeau_st_reflector *new_reflector(const uint8_t *data)
{
	unsigned kind = data[0] & KIND;
	struct fizeau_st_reflector_config config = {.keys = &st_fuzz_key,
		.key_count = kind == OPEN_WITH_HMAC_TLV || kind == AUTHENTICATED,
		.open_hmac_tlv = kind == OPEN_WITH_HMAC_TLV,
		.stateless = data[1] & STATELESS,
		.answer_short = data[1] & ANSWER_SHORT,
		.tlvs = (data[1] & NO_TLVS) == 0,
		.tell_location = (data[1] & NO_LOCATION) == 0,
		.dscp_allowed = data[2] * 0x0101010101010101u,
		.format = {.ptp = data[1] & PTP, .tai_utc_s = 37}};
	struct fizeau_st_reflector *reflector = fizeau_st_reflector_new(&config);

	must(reflector != NULL);
	return reflector;
}

/* The reflection is not longer than it may be, and a sender of base packets reads it. */
static void check(const uint8_t *data, const uint8_t *in, size_t len, const uint8_t *out, const struct fizeau_st_reply *reply)
{
	bool authenticated = (data[0] & KIND) == AUTHENTICATED;
	size_t base = fz_st_base(authenticated);
	struct fizeau_st_sender_config config = {.format = {.tai_utc_s = 37}};
	struct fizeau_st_reflection reflection;
	struct fz_st_packet packet;
	int error;

	must(reply->octets == len || (len < base && reply->octets == FIZEAU_ST_BASE_OPEN && (data[1] & ANSWER_SHORT) != 0));
	must(reply->dscp < 64);
	if (authenticated)
		config.key = st_fuzz_key;
	struct fizeau_st_sender *sender = fizeau_st_sender_new(&config);

	must(sender != NULL);
	fz_st_get(in, len, authenticated, &packet);
	error = fizeau_st_sender_reflection(sender, out, reply->octets < base ? reply->octets : base, &reflection);
	/* T1 may be no stamp. */
	must(error == 0 || (error == FIZEAU_ERR_ESTIMATE && fizeau_error_estimate_ptp(packet.error)));
	if (error == 0)
		must(reflection.base.seq == reply->seq && reflection.base.sender_seq == packet.seq);
	fizeau_st_sender_free(sender);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fizeau_st_received received = {.stamp = {.ntp = 0xe800000a22222222, .error = 0x8b02}, .tos = 0xb9, .ttl = 64};
	struct fizeau_stamp departed = {.ntp = 0xe800000a23456789, .error = 0x8b02};
	struct fizeau_st_reflector *reflector;
	uint8_t *octets, out[OCTETS_MAX];

	if (size < CONFIG || size > OCTETS_MAX)
		return 0;
	received.from.version = received.to.version = data[1] & IPV6 ? 6 : 4;
	octets = st_fuzz_copy(data + CONFIG, size - CONFIG);
	st_fuzz_seal(data[0], octets, size - CONFIG);
	reflector = new_reflector(data);
	for (int i = 0; i < 3; i++) {
		struct fizeau_st_reply reply;
		int error = fizeau_st_reflector_reflect(
			reflector, octets, size - CONFIG, &received, out, sizeof(out), &reply);

		must(error == 0 || error == FIZEAU_ERR_LENGTH || error == FIZEAU_ERR_HMAC || error == FIZEAU_ERR_LOOP);
		if (error < 0)
			continue;
		must(fizeau_st_reflector_finish(reflector, out, &reply, departed) == 0);
		check(data, octets, size - CONFIG, out, &reply);
		departed.ntp += 5;
		fizeau_st_reflector_departed(reflector, reply.seq, departed);
	}
	fizeau_st_reflector_free(reflector);
	free(octets);
	return 0;
}
