/* SPDX-License-Identifier: MIT */
/* The library's STAMP in open mode for st_scapy.py: writes a packet in hexadecimal.

   usage: st_packet send SEQ        a sender's, with all TLVs
          st_packet reflect HEX     the first reflection of a packet */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/st_reflector.h>
#include <fizeau/st_sender.h>

#define OCTETS_MAX 1500

static const struct fizeau_st_key key = {.key = "0123456789abcdef0123456789abcdef", .octets = 32};

static void must(bool good)
{
	if (good)
		return;
	fprintf(stderr, "usage: st_packet send SEQ | reflect HEX\n");
	exit(2);
}

static void print(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", octets[i]);
	printf("\n");
}

static void send_one(uint32_t seq)
{
	struct fizeau_st_sender_config config = {.key = key,
		.open_hmac_tlv = true,
		.ssid = 0x0102,
		.tlvs = 0xfc, /* LOCATION to FOLLOW_UP */
		.dscp = 10,
		.access_id = FIZEAU_ST_ACCESS_3GPP,
		.access_return_code = FIZEAU_ST_NETWORK_AVAILABLE,
		.padding_octets = 16};
	const struct fizeau_stamp t1 = {.ntp = 0xe800000a80000000, .error = 0x8a01};
	struct fizeau_st_sender *sender = fizeau_st_sender_new(&config);
	uint8_t octets[OCTETS_MAX];

	must(sender && fizeau_st_sender_octets(sender) <= sizeof(octets));
	must(fizeau_st_sender_prepare(sender, seq, octets) == 0 && fizeau_st_sender_finish(sender, octets, t1) == 0);
	print(octets, fizeau_st_sender_octets(sender));
	fizeau_st_sender_free(sender);
}

static void reflect_one(const char *hex)
{
	const struct fizeau_st_received received = {
		.stamp = {.ntp = 0xe800000ac0000000, .error = 0x0b02, .source = FIZEAU_STAMP_KERNEL},
		.ttl = 61,
		.tos = 46 << 2 | 1,
		.from_port = 40000,
		.to_port = FIZEAU_ST_PORT,
		.from = {4, {192, 0, 2, 1}},
		.to = {4, {192, 0, 2, 2}},
	};
	const struct fizeau_stamp t3 = {.ntp = 0xe800000b00000000, .error = 0x0b02};
	struct fizeau_st_reflector_config config = {.keys = &key,
		.key_count = 1,
		.open_hmac_tlv = true,
		.tlvs = true,
		.tell_location = true,
		.dscp_allowed = UINT64_MAX,
		.sync = FIZEAU_ST_SYNC_NTP};
	struct fizeau_st_reflector *reflector = fizeau_st_reflector_new(&config);
	uint8_t in[OCTETS_MAX], out[OCTETS_MAX];
	struct fizeau_st_reply reply;
	size_t len = strlen(hex) / 2;

	must(reflector && len <= sizeof(in));
	for (size_t i = 0; i < len; i++) {
		const char octet[3] = {hex[2 * i], hex[2 * i + 1]};

		in[i] = (uint8_t)strtoul(octet, NULL, 16);
	}
	must(fizeau_st_reflector_reflect(reflector, in, len, &received, out, sizeof(out), &reply) == 0);
	must(fizeau_st_reflector_finish(reflector, out, &reply, t3) == 0);
	print(out, reply.octets);
	fizeau_st_reflector_free(reflector);
}

int main(int argc, char **argv)
{
	must(argc == 3);
	if (!strcmp(argv[1], "send"))
		send_one((uint32_t)strtoul(argv[2], NULL, 10));
	else if (!strcmp(argv[1], "reflect"))
		reflect_one(argv[2]);
	else
		must(false);
	return 0;
}
