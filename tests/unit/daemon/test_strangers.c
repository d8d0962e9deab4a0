/* SPDX-License-Identifier: MIT */
/* Packets of nobody: kept in order and up to a number, sources remembered for a while, questions up to a rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/order.h"
#include "daemon/strangers.h"

#define SECOND 1000000000ll

static struct fz_addr at(const char *host, uint16_t port)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(host, &addr));
	fz_addr_set_port(&addr, port);
	return addr;
}

static struct fizeau_mono after(int64_t ns)
{
	return (struct fizeau_mono){100 * SECOND + ns};
}

static struct fz_datagram packet(const struct fz_addr *from, uint8_t *octets, size_t len)
{
	return (struct fz_datagram){.octets = octets, .len = len, .from = *from, .received.ntp = octets[0]};
}

static void in_order(void **state)
{
	struct fz_strangers *strangers = fz_strangers_new(7);
	const struct fz_addr a = at("192.0.2.1", 1000), b = at("192.0.2.1", 1001);
	const struct fz_datagram *got;
	uint32_t seat = fz_stamp_seat(FZ_PORT_STAMP, 5);

	(void)state;
	for (uint8_t i = 0; i < 6; i++) {
		uint8_t octets[3] = {i, i, i};
		struct fz_datagram in = packet(i % 2 ? &b : &a, octets, sizeof(octets));
		assert_true(fz_strangers_keep(strangers, seat, &in, after(0)));
	}
	/* Another SSID is another source. */
	assert_null(fz_strangers_take(strangers, seat + 1, &a, after(0)));
	for (uint8_t i = 0; i < 6; i += 2) {
		got = fz_strangers_take(strangers, seat, &a, after(0));
		assert_non_null(got);
		assert_int_equal(got->len, 3);
		assert_int_equal(got->octets[2], i);
		assert_int_equal(got->received.ntp, i);
	}
	assert_null(fz_strangers_take(strangers, seat, &a, after(0)));
	/* What has waited for too long is not reflected any more. */
	assert_null(fz_strangers_take(strangers, seat, &b, after(FZ_STRANGERS_WAIT_NS)));
	fz_strangers_free(strangers);
}

static void bounded(void **state)
{
	struct fz_strangers *strangers = fz_strangers_new(7);
	uint8_t octets[9000] = {0};
	struct fz_addr from = at("2001:db8::1", 1000);
	struct fz_datagram in = packet(&from, octets, sizeof(octets));

	(void)state;
	for (uint32_t i = 0; i < FZ_STRANGERS_KEPT; i++)
		assert_true(fz_strangers_keep(strangers, FZ_PORT_STAMP, &in, after(0)));
	assert_false(fz_strangers_keep(strangers, FZ_PORT_STAMP, &in, after(FZ_STRANGERS_WAIT_NS - 1)));
	/* Old ones make room. */
	assert_true(fz_strangers_keep(strangers, FZ_PORT_STAMP, &in, after(FZ_STRANGERS_WAIT_NS)));
	assert_int_equal(fz_strangers_refuse(strangers, FZ_PORT_STAMP, &from, false, after(2 * SECOND)), FZ_STRANGERS_KEPT);
	assert_true(fz_strangers_keep(strangers, FZ_PORT_STAMP, &in, after(0)));
	fz_strangers_free(strangers);
}

static void remembered(void **state)
{
	struct fz_strangers *strangers = fz_strangers_new(7);
	const struct fz_addr a = at("192.0.2.1", 1000), b = at("192.0.2.1", 1001), c = at("192.0.2.2", 1000);
	uint32_t seat = fz_stamp_seat(FZ_PORT_STAMP | 3u << 16, 5), other = fz_stamp_seat(FZ_PORT_STAMP | 4u << 16, 5);

	(void)state;
	assert_int_equal(fz_strangers_look(strangers, seat, &a, after(0)), FZ_STRANGER_NEW);
	fz_strangers_asked(strangers, seat, &a, after(0));
	assert_int_equal(fz_strangers_look(strangers, seat, &a, after(0)), FZ_STRANGER_WAITS);
	assert_int_equal(fz_strangers_look(strangers, seat, &b, after(0)), FZ_STRANGER_NEW);
	assert_int_equal(fz_strangers_look(strangers, seat, &a, after(FZ_STRANGERS_WAIT_NS)), FZ_STRANGER_NEW);
	assert_int_equal(fz_strangers_refuse(strangers, seat, &a, false, after(SECOND)), 0);
	assert_int_equal(fz_strangers_look(strangers, seat, &a, after(SECOND - 1)), FZ_STRANGER_REFUSED);
	assert_int_equal(fz_strangers_look(strangers, seat + 1, &a, after(0)), FZ_STRANGER_NEW);
	assert_int_equal(fz_strangers_look(strangers, seat, &a, after(SECOND)), FZ_STRANGER_NEW);
	/* All of an address, on that listener. */
	(void)fz_strangers_refuse(strangers, seat, &a, true, after(SECOND));
	assert_int_equal(fz_strangers_look(strangers, seat + 1, &b, after(0)), FZ_STRANGER_REFUSED);
	assert_int_equal(fz_strangers_look(strangers, seat, &c, after(0)), FZ_STRANGER_NEW);
	assert_int_equal(fz_strangers_look(strangers, other, &a, after(0)), FZ_STRANGER_NEW);
	fz_strangers_asked(strangers, seat, &c, after(0));
	fz_strangers_admit(strangers, seat, &c);
	assert_int_equal(fz_strangers_look(strangers, seat, &c, after(0)), FZ_STRANGER_NEW);
	fz_strangers_free(strangers);
}

static void rate(void **state)
{
	struct fz_strangers *strangers = fz_strangers_new(7);
	unsigned asks = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		asks += fz_strangers_may_ask(strangers, after(0));
	assert_int_equal(asks, FZ_STRANGERS_ASKS / 4);
	for (unsigned i = 0; i < 100000; i++)
		asks += fz_strangers_may_ask(strangers, after(SECOND / 10));
	assert_int_equal(asks, FZ_STRANGERS_ASKS / 4 + FZ_STRANGERS_ASKS / 10);
	fz_strangers_free(strangers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(bounded),
		cmocka_unit_test(remembered), cmocka_unit_test(rate)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
