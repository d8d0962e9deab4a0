/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "io/route.h"

static struct fz_addr addr_of(const char *text)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(text, &addr));
	return addr;
}

static void loopback(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fz_addr to = addr_of(hosts[i]);
		struct fz_route route;

		assert_int_equal(fz_route_ask(&to, NULL, 0, &route), 0);
		assert_string_equal(route.interface, "lo");
		assert_false(route.tunnel);
		assert_int_equal(fz_route_ask(&to, &to, 0x42, &route), 0);
		assert_string_equal(route.interface, "lo");
	}
}

static void source(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fz_addr to = addr_of(hosts[i]), from;

		fz_addr_set_port(&to, 862);
		assert_int_equal(fz_route_source(&to, 0, &from), 0);
		assert_true(fz_addr_same_host(&from, &to));
		assert_int_equal(fz_addr_port(&from), 0);
	}
}

static void nowhere(void **state)
{
	struct fz_addr none = {.len = 0}, v4 = addr_of("127.0.0.1"), v6 = addr_of("::1");
	struct fz_route route;

	(void)state;
	assert_int_equal(fz_route_ask(&none, NULL, 0, &route), -EINVAL);
	assert_int_equal(fz_route_ask(&v4, &v6, 0, &route), -EINVAL);
	/* No route begins at a foreign address. */
	v4 = addr_of("192.0.2.77");
	assert_true(fz_route_ask(&v4, &v4, 0, &route) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback),
		cmocka_unit_test(source),
		cmocka_unit_test(nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
