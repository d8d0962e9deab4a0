/* SPDX-License-Identifier: MIT */
/* Who is found on which port: an address alone by any Sender Port, several of an address by theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "daemon/seats.h"

static struct fz_addr at(const char *host, uint16_t port)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(host, &addr));
	fz_addr_set_port(&addr, port);
	return addr;
}

static struct fz_seat *find(const struct fz_seats *seats, uint32_t port, const char *host, uint16_t sender_port)
{
	const struct fz_addr from = at(host, sender_port);

	return fz_seats_find(seats, port, &from);
}

static bool join(struct fz_seats *seats, struct fz_seat *seat, uint32_t port, const char *host, uint16_t sender_port)
{
	const struct fz_addr remote = at(host, sender_port);

	return fz_seats_join(seats, seat, port, &remote);
}

static void alone_and_together(void **state)
{
	struct fz_seats seats;
	struct fz_seat a, b, other, same;

	(void)state;
	assert_true(fz_seats_init(&seats, 1));
	assert_null(find(&seats, 1, "192.0.2.1", 5000));
	assert_true(join(&seats, &a, 1, "192.0.2.1", 5000));
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 5000), &a);
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 6000), &a);
	assert_null(find(&seats, 2, "192.0.2.1", 5000));
	assert_null(find(&seats, 1, "192.0.2.2", 5000));
	assert_true(join(&seats, &other, 1, "192.0.2.2", 5000));
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 6000), &a);
	assert_false(join(&seats, &same, 1, "192.0.2.1", 5000));
	assert_true(join(&seats, &b, 1, "192.0.2.1", 5001));
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 5000), &a);
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 5001), &b);
	assert_null(find(&seats, 1, "192.0.2.1", 6000));
	assert_ptr_equal(find(&seats, 1, "192.0.2.2", 6000), &other);
	/* Who has shared stays exact, until all are gone. */
	fz_seats_leave(&seats, &b);
	assert_null(find(&seats, 1, "192.0.2.1", 5001));
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 5000), &a);
	fz_seats_leave(&seats, &a);
	assert_null(find(&seats, 1, "192.0.2.1", 5000));
	assert_true(join(&seats, &b, 1, "192.0.2.1", 5001));
	assert_ptr_equal(find(&seats, 1, "192.0.2.1", 5000), &b);
	fz_seats_leave(&seats, &b);
	fz_seats_leave(&seats, &other);
	assert_int_equal(seats.count, 0);
	fz_seats_free(&seats);
}

static void addresses_of_ipv6(void **state)
{
	struct fz_seats seats;
	struct fz_seat a, b, c;
	struct fz_addr zoned = at("fe80::1", 5000);

	(void)state;
	assert_true(fz_seats_init(&seats, 2));
	assert_true(join(&seats, &a, 1, "2001:db8::1", 5000));
	assert_true(join(&seats, &b, 1, "2001:db8:0:1::1", 5000));
	zoned.in6.sin6_scope_id = 3;
	assert_true(fz_seats_join(&seats, &c, 1, &zoned));
	assert_ptr_equal(find(&seats, 1, "2001:db8::1", 1), &a);
	assert_ptr_equal(find(&seats, 1, "2001:db8:0:1::1", 1), &b);
	assert_ptr_equal(fz_seats_find(&seats, 1, &zoned), &c);
	assert_null(find(&seats, 1, "fe80::1", 5000));
	fz_seats_leave(&seats, &a);
	fz_seats_leave(&seats, &b);
	fz_seats_leave(&seats, &c);
	fz_seats_free(&seats);
}

/* The tables grow while they are in use. */
static void many(void **state)
{
	enum { COUNT = 20000 };
	struct fz_seat *all = calloc(COUNT, sizeof(*all));
	struct fz_addr from = at("10.0.0.0", 0);
	struct fz_seats seats;

	(void)state;
	assert_non_null(all);
	assert_true(fz_seats_init(&seats, UINT64_C(0x123456789abcdef)));
	for (uint32_t i = 0; i < COUNT; i++) {
		from.in.sin_addr.s_addr = htonl(0x0a000000u + i / 4);
		fz_addr_set_port(&from, (uint16_t)(1000 + i % 4));
		assert_true(fz_seats_join(&seats, &all[i], i % 8 / 4, &from));
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		from.in.sin_addr.s_addr = htonl(0x0a000000u + i / 4);
		fz_addr_set_port(&from, (uint16_t)(1000 + i % 4));
		assert_ptr_equal(fz_seats_find(&seats, i % 8 / 4, &from), &all[i]);
		assert_null(fz_seats_find(&seats, 1 - i % 8 / 4, &from));
		assert_int_equal(fz_seats_group(&seats, i % 8 / 4, &from)->count, 4);
	}
	for (uint32_t i = 0; i < COUNT; i++)
		fz_seats_leave(&seats, &all[i]);
	assert_int_equal(seats.count, 0);
	fz_seats_free(&seats);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_and_together), cmocka_unit_test(addresses_of_ipv6), cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
