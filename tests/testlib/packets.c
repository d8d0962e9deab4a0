/* SPDX-License-Identifier: MIT */
#include "tests/testlib/packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

const enum fizeau_test_mode packets_modes[3] = {
	FIZEAU_TEST_OPEN, FIZEAU_TEST_AUTHENTICATED, FIZEAU_TEST_ENCRYPTED};

const struct fizeau_stamp packets_t1 = {.ntp = 0xe800000a12345678, .error = 0x8a01};
const struct fizeau_stamp packets_t2 = {.ntp = 0xe800000a22222222, .error = 0x8b02};
const struct fizeau_stamp packets_t3 = {.ntp = 0xe800000a23456789, .error = 0x8b02};

const char *packets_mode_name(enum fizeau_test_mode mode)
{
	static const char *const names[] = {"unauthenticated", "authenticated", "encrypted"};

	return names[mode];
}

void packets_keys(struct fizeau_test_keys *keys)
{
	json_t *v = vectors_group("test_packets.json", "test_keys_for_packets");

	member_hex(v, "test_aes_key", keys->aes, sizeof(keys->aes));
	member_hex(v, "test_hmac_key", keys->hmac, sizeof(keys->hmac));
	json_decref(v);
}

size_t packets_vector(const char *role, enum fizeau_test_mode mode, const char *form, uint8_t *octets)
{
	json_t *group = vectors_group("test_packets.json", "test_packets");
	char start[64];
	size_t len = 0;

	snprintf(start, sizeof(start), "%s %s", role, packets_mode_name(mode));
	for (size_t i = 0; i < json_array_size(group) && len == 0; i++) {
		const json_t *v = json_array_get(group, i);
		const char *name = member_string(v, "name");

		if (strncmp(name, start, strlen(start)) == 0 && strstr(name, "S-DSCP-ECN") == NULL) {
			len = member_hex_upto(v, form, octets, PACKETS_MAX);
			assert_int_equal(len, member_int(v, "octets"));
		}
	}
	if (len == 0)
		fail_msg("no vector %s", start);
	json_decref(group);
	return len;
}

struct fizeau_sender *packets_sender(enum fizeau_test_mode mode, uint32_t padding_octets)
{
	struct fizeau_sender_config config = {
		.mode = mode, .padding_octets = padding_octets, .padding_seed = {1, 2, 3, 4, 5, 6, 7, 8}};
	struct fizeau_sender *sender;

	packets_keys(&config.keys);
	sender = fizeau_sender_new(&config);
	assert_non_null(sender);
	return sender;
}

struct fizeau_reflector *packets_reflector(enum fizeau_test_mode mode)
{
	struct fizeau_reflector_config config = {.mode = mode};
	struct fizeau_reflector *reflector;

	packets_keys(&config.keys);
	reflector = fizeau_reflector_new(&config);
	assert_non_null(reflector);
	return reflector;
}
