/* SPDX-License-Identifier: MIT */
#include "tests/testlib/st_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

const struct fizeau_st_received st_received = {
	.stamp = {.ntp = 0xe800000a22222222, .error = 0x8b02, .source = FIZEAU_STAMP_KERNEL},
	.ttl = ST_TTL,
	.tos = 46 << 2 | 1,
	.from_port = 40000,
	.to_port = 862,
	.from = {4, {192, 0, 2, 1}},
	.to = {4, {192, 0, 2, 2}},
};

static const json_t *vector(const json_t *group, const char *name)
{
	return element_with(group, "name", name);
}

struct fizeau_st_key st_key(void)
{
	json_t *group = vectors_group("stamp.json", "stamp");
	struct fizeau_st_key key;

	key.octets = member_hex_upto(vector(group, "sender authenticated"), "hmac_key", key.key, sizeof(key.key));
	json_decref(group);
	return key;
}

size_t st_vector(const char *name, const char *form, uint8_t octets[static PACKETS_MAX])
{
	json_t *group = vectors_group("stamp.json", "stamp");
	size_t len = member_hex_upto(vector(group, name), form, octets, PACKETS_MAX);

	json_decref(group);
	return len;
}

struct fizeau_st_sender *st_sender(const struct fizeau_st_sender_config *config)
{
	struct fizeau_st_sender *sender = fizeau_st_sender_new(config);

	assert_non_null(sender);
	return sender;
}

struct fizeau_st_reflector *st_reflector(const struct fizeau_st_reflector_config *config)
{
	struct fizeau_st_reflector *reflector = fizeau_st_reflector_new(config);

	assert_non_null(reflector);
	return reflector;
}

int st_reflect(struct fizeau_st_reflector *reflector, const uint8_t *in, size_t len, uint8_t *out, size_t cap,
	struct fizeau_st_reply *reply)
{
	int error = fizeau_st_reflector_reflect(reflector, in, len, &st_received, out, cap, reply);

	return error == 0 ? fizeau_st_reflector_finish(reflector, out, reply, packets_t3) : error;
}

size_t st_send(struct fizeau_st_sender *sender, uint32_t seq, uint8_t *out, size_t cap)
{
	assert_true(fizeau_st_sender_octets(sender) <= cap);
	assert_int_equal(fizeau_st_sender_prepare(sender, seq, out), 0);
	assert_int_equal(fizeau_st_sender_finish(sender, out, packets_t1), 0);
	return fizeau_st_sender_octets(sender);
}
