/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "io/addr.h"

static void parse_and_print(void **state)
{
	static const char *const same[] = {"192.0.2.1", "2001:db8::1", "::1", "0.0.0.0", "::"};
	static const char *const bad[] = {"", "192.0.2", "192.0.2.1.4", "192.0.2.256", "1", "localhost",
		"[::1]", "::1::", "2001:db8::1:", "::1%nosuch"};
	char text[FZ_ADDR_TEXT];
	struct fz_addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_true(fz_addr_parse(same[i], &addr));
		fz_addr_host_text(&addr, text);
		assert_string_equal(text, same[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fz_addr_parse(bad[i], &addr));
	assert_true(fz_addr_parse("192.0.2.1", &addr));
	fz_addr_set_port(&addr, 862);
	fz_addr_text(&addr, text);
	assert_string_equal(text, "192.0.2.1:862");
	assert_true(fz_addr_parse("2001:db8::1", &addr));
	fz_addr_set_port(&addr, 65535);
	fz_addr_text(&addr, text);
	assert_string_equal(text, "[2001:db8::1]:65535");
	assert_int_equal(fz_addr_port(&addr), 65535);
}

static void longest_text_fits(void **state)
{
	struct fz_addr addr = {
		.in6 = {.sin6_family = AF_INET6, .sin6_scope_id = 4294967295u, .sin6_port = 0xffff},
		.len = sizeof(addr.in6)};
	char text[FZ_ADDR_TEXT];

	(void)state;
	memset(&addr.in6.sin6_addr, 0xfe, 16);
	fz_addr_text(&addr, text);
	assert_string_equal(text, "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe%4294967295]:65535");
}

static void zones(void **state)
{
	struct fz_addr addr, other;
	char text[FZ_ADDR_TEXT];

	(void)state;
	assert_true(fz_addr_parse("fe80::1%lo", &addr));
	assert_int_equal(addr.in6.sin6_scope_id, if_nametoindex("lo"));
	fz_addr_text(&addr, text);
	assert_string_equal(text, "[fe80::1%lo]:0");
	other = addr;
	other.in6.sin6_scope_id++;
	assert_false(fz_addr_same_host(&addr, &other));
}

static void mapped_is_unmapped(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(862)};
	struct fizeau_address message = {.version = 6};
	struct fz_addr mapped, plain;

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr), 1);
	fz_addr_from_sockaddr(&mapped, (const struct sockaddr *)&in6, sizeof(in6));
	assert_true(fz_addr_parse("192.0.2.7", &plain));
	assert_int_equal(fz_addr_version(&mapped), 4);
	assert_int_equal(fz_addr_port(&mapped), 862);
	assert_true(fz_addr_same_host(&mapped, &plain));
	assert_false(fz_addr_equal(&mapped, &plain));
	fz_addr_set_port(&plain, 862);
	assert_true(fz_addr_equal(&mapped, &plain));

	memcpy(message.octets, &in6.sin6_addr, 16);
	fz_addr_from_message(&mapped, &message, 862);
	assert_true(fz_addr_equal(&mapped, &plain));
	assert_true(fz_addr_parse("::ffff:192.0.2.7", &mapped));
	assert_true(fz_addr_same_host(&mapped, &plain));
}

static void messages(void **state)
{
	static const uint8_t v4[16] = {192, 0, 2, 1};
	struct fizeau_address message;
	struct fz_addr addr, back;
	uint8_t tail[4];

	(void)state;
	assert_true(fz_addr_parse("192.0.2.1", &addr));
	memset(&message, 0xff, sizeof(message));
	fz_addr_to_message(&addr, &message);
	assert_int_equal(message.version, 4);
	assert_memory_equal(message.octets, v4, 16);
	fz_addr_from_message(&back, &message, 0);
	assert_true(fz_addr_equal(&addr, &back));
	fz_addr_tail(&addr, tail);
	assert_memory_equal(tail, v4, 4);

	assert_true(fz_addr_parse("2001:db8::a:b", &addr));
	fz_addr_to_message(&addr, &message);
	assert_int_equal(message.version, 6);
	assert_int_equal(message.octets[0], 0x20);
	fz_addr_from_message(&back, &message, 0);
	assert_true(fz_addr_equal(&addr, &back));
	fz_addr_tail(&addr, tail);
	assert_memory_equal(tail, "\0\x0a\0\x0b", 4);

	message = (struct fizeau_address){0};
	fz_addr_from_message(&back, &message, 862);
	assert_int_equal(fz_addr_version(&back), 0);
	assert_false(fz_addr_same_host(&back, &addr));
}

static void foreign_families_and_short_lengths(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct fz_addr addr;

	(void)state;
	fz_addr_from_sockaddr(&addr, &other, sizeof(other));
	assert_int_equal(fz_addr_version(&addr), 0);
	fz_addr_from_sockaddr(&addr, (const struct sockaddr *)&in, sizeof(in) - 1);
	assert_int_equal(fz_addr_version(&addr), 0);
}

static void split(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
		{"host", "host", 0},
		{"host:862", "host", 862},
		{"192.0.2.1:1", "192.0.2.1", 1},
		{"[2001:db8::1]:862", "2001:db8::1", 862},
		{"[2001:db8::1]", "2001:db8::1", 0},
		{"2001:db8::1", "2001:db8::1", 0},
		{"fe80::1%eth0", "fe80::1%eth0", 0},
		{"::1", "::1", 0},
		{"host:65535", "host", 65535},
	};
	static const char *const bad[] = {"", ":862", "host:", "host:0", "host:65536", "host:8x", "host:-1",
		"host: 1", "[::1", "[]:1", "[::1]862", "[::1]:", "[host]:1", "host:123456",
		"a-host-name-that-is-too-long"};
	char host[20];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(fz_addr_split(good[i].text, host, sizeof(host), &port));
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fz_addr_split(bad[i], host, sizeof(host), &port));
}

static void resolve_literals(void **state)
{
	struct fz_addr addrs[4];

	(void)state;
	assert_int_equal(fz_addr_resolve("192.0.2.1", 862, AF_UNSPEC, addrs, 4), 1);
	assert_int_equal(fz_addr_version(&addrs[0]), 4);
	assert_int_equal(fz_addr_port(&addrs[0]), 862);
	assert_int_equal(fz_addr_resolve("2001:db8::1", 861, AF_INET6, addrs, 4), 1);
	assert_int_equal(fz_addr_version(&addrs[0]), 6);
	assert_int_equal(fz_addr_port(&addrs[0]), 861);
	assert_true(fz_addr_resolve("2001:db8::1", 0, AF_INET, addrs, 4) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_and_print),
		cmocka_unit_test(longest_text_fits),
		cmocka_unit_test(zones),
		cmocka_unit_test(mapped_is_unmapped),
		cmocka_unit_test(messages),
		cmocka_unit_test(foreign_families_and_short_lengths),
		cmocka_unit_test(split),
		cmocka_unit_test(resolve_literals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
