/* SPDX-License-Identifier: MIT */
/* Messages between main process and workers: whole ones with values that make sense are read, all others are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/order.h"

static const enum fz_order_kind kinds[] = {FZ_ORDER_PORT, FZ_ORDER_CLOSE, FZ_ORDER_ADD, FZ_ORDER_START, FZ_ORDER_STOP,
	FZ_ORDER_END, FZ_ORDER_CLOCK, FZ_ORDER_BUSY, FZ_ORDER_ADD_STAMP, FZ_ORDER_REFUSE};

static struct fz_order good(enum fz_order_kind kind)
{
	struct fz_order order;

	memset(&order, 0, sizeof(order));
	order.kind = kind;
	order.number = kind == FZ_ORDER_BUSY ? 1 : 7;
	if (kind == FZ_ORDER_PORT) {
		assert_true(fz_addr_parse("192.0.2.1", &order.port.local));
	} else if (kind == FZ_ORDER_ADD) {
		assert_true(fz_addr_parse("2001:db8::1", &order.add.remote));
		order.add.mode = FIZEAU_TEST_ENCRYPTED;
		order.add.octets_max = FIZEAU_TEST_PACKET_MAX;
		order.add.refwait_ns = order.add.duration_ns = INT64_MAX;
	}
	if (kind == FZ_ORDER_ADD_STAMP) {
		assert_true(fz_addr_parse("192.0.2.1", &order.stamp.base.remote));
		order.stamp.base.port = FZ_PORT_STAMP | 5u << 16;
		order.stamp.base.mode = FIZEAU_TEST_AUTHENTICATED;
		order.stamp.base.refwait_ns = 1;
		order.stamp.key.octets = FIZEAU_ST_KEY_MAX;
	} else if (kind == FZ_ORDER_REFUSE) {
		assert_true(fz_addr_parse("192.0.2.1", &order.refuse.remote));
	}
	return order;
}

static bool reads(const struct fz_order *order)
{
	struct fz_order got;

	return fz_order_read(order, fz_order_octets(order->kind), &got) &&
		memcmp(&got, order, fz_order_octets(order->kind)) == 0;
}

static void lengths(void **state)
{
	struct {
		struct fz_order order;
		uint8_t more[16];
	} octets;
	struct fz_order got;

	(void)state;
	memset(&octets, 0, sizeof(octets));
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		octets.order = good(kinds[k]);
		assert_true(reads(&octets.order));
		for (size_t len = 0; len < sizeof(octets); len++) {
			if (len != fz_order_octets(kinds[k]))
				assert_false(fz_order_read(&octets, len, &got));
		}
	}
}

static void values(void **state)
{
	struct fz_order order;
	uint8_t two = 2;

	(void)state;
	for (uint32_t kind = 0; kind < 300; kind++) {
		uint32_t number = kind * 0x1000001u;
		order = good(FZ_ORDER_END);
		memcpy(&order.kind, &number, sizeof(number));
		if (number < FZ_ORDER_PORT || number > FZ_ORDER_REFUSE) {
			struct fz_order got;
			assert_false(fz_order_read(&order, fz_order_octets(FZ_ORDER_END), &got));
		}
	}
	for (size_t k = 2; k < 6; k++) {
		order = good(kinds[k]);
		order.number = FZ_WORKER_SLOTS;
		assert_false(reads(&order));
	}
	order = good(FZ_ORDER_BUSY);
	order.number = 2;
	assert_false(reads(&order));
	order = good(FZ_ORDER_PORT);
	order.port.local.len = 0;
	assert_false(reads(&order));
	order = good(FZ_ORDER_PORT);
	order.port.local.sa.sa_family = AF_UNIX;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	memcpy(&order.add.require_ipsec, &two, 1);
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	order.add.ipsec.interface_count = FZ_CONF_IPSEC_MAX + 1;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	order.add.ipsec.mark_count = FZ_CONF_IPSEC_MAX + 1;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	order.add.octets_max = FIZEAU_TEST_PACKET_MAX + 1;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	order.add.dscp = 64;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	order.add.timeout_ns = -1;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD);
	memset(&order.add.mode, 0x55, sizeof(order.add.mode));
	assert_false(reads(&order));
	order = good(FZ_ORDER_CLOCK);
	memset(order.clock.path, 'x', sizeof(order.clock.path));
	assert_false(reads(&order));
}

static void stamp(void **state)
{
	struct fz_order order;
	struct fz_ask ask, got;
	uint8_t two = 2, octets[sizeof(ask) + 1] = {0};

	(void)state;
	order = good(FZ_ORDER_ADD_STAMP);
	order.stamp.base.port |= 1;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD_STAMP);
	order.stamp.base.port &= ~FZ_PORT_STAMP;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD_STAMP);
	order.stamp.base.mode = FIZEAU_TEST_ENCRYPTED;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD_STAMP);
	order.stamp.key.octets++;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD_STAMP);
	order.stamp.key.octets = 0;
	assert_false(reads(&order));
	order.stamp.base.mode = FIZEAU_TEST_OPEN;
	assert_true(reads(&order));
	order.stamp.open_hmac_tlv = true;
	assert_false(reads(&order));
	order = good(FZ_ORDER_ADD_STAMP);
	memcpy(&order.stamp.tlvs, &two, 1);
	assert_false(reads(&order));
	order = good(FZ_ORDER_REFUSE);
	order.refuse.for_ns = -1;
	assert_false(reads(&order));
	memset(&ask, 0, sizeof(ask));
	assert_true(fz_addr_parse("192.0.2.1", &ask.remote));
	assert_true(fz_addr_parse("192.0.2.2", &ask.local));
	memcpy(octets, &ask, sizeof(ask));
	for (size_t len = 0; len <= sizeof(octets); len++)
		assert_int_equal(fz_ask_read(octets, len, &got), len == sizeof(ask));
	ask.local.len = 0;
	assert_false(fz_ask_read(&ask, sizeof(ask), &got));
}

static void reports(void **state)
{
	struct fz_report report = {.slot = 1, .reason = FZ_COUNT_ENDED_REFWAIT}, got;
	uint8_t octets[sizeof(report) + 1] = {0};

	(void)state;
	memcpy(octets, &report, sizeof(report));
	for (size_t len = 0; len <= sizeof(octets); len++)
		assert_int_equal(fz_report_read(octets, len, &got), len == sizeof(report));
	for (uint32_t reason = 0; reason < FZ_COUNTERS + 5; reason++) {
		report.reason = reason;
		assert_int_equal(fz_report_read(&report, sizeof(report), &got),
			reason >= FZ_COUNT_ENDED_STOP && reason <= FZ_COUNT_ENDED_FAILED);
	}
	report = (struct fz_report){.slot = FZ_WORKER_SLOTS, .reason = FZ_COUNT_ENDED_STOP};
	assert_false(fz_report_read(&report, sizeof(report), &got));
}

/* With a descriptor and without; a full socket, and the end. */
static void messages(void **state)
{
	uint8_t small[4] = {1, 2, 3, 4}, room[8];
	int ends[2], passed, sent = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(fz_message_receive(ends[1], room, sizeof(room), &passed), -EAGAIN);
	assert_int_equal(fz_message_send(ends[0], small, sizeof(small), -1), 0);
	assert_int_equal(fz_message_receive(ends[1], room, sizeof(room), &passed), 4);
	assert_memory_equal(room, small, sizeof(small));
	assert_int_equal(passed, -1);
	assert_int_equal(fz_message_send(ends[0], small, 1, ends[0]), 0);
	assert_int_equal(fz_message_receive(ends[1], room, sizeof(room), &passed), 1);
	assert_true(passed >= 0 && (fcntl(passed, F_GETFD) & FD_CLOEXEC));
	close(passed);
	/* One that is longer than there is room says so by its length. */
	assert_int_equal(fz_message_send(ends[0], (uint8_t[9]){0}, 9, -1), 0);
	assert_int_equal(fz_message_receive(ends[1], room, sizeof(room), &passed), 9);
	while (fz_message_send(ends[0], small, sizeof(small), -1) == 0)
		assert_true(++sent < 1000000);
	assert_int_equal(fz_message_send(ends[0], small, sizeof(small), -1), -EAGAIN);
	close(ends[0]);
	while (sent-- > 0)
		assert_int_equal(fz_message_receive(ends[1], room, sizeof(room), &passed), 4);
	assert_int_equal(fz_message_receive(ends[1], room, sizeof(room), &passed), 0);
	assert_int_equal(fz_message_send(ends[1], small, sizeof(small), -1), -EPIPE);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths), cmocka_unit_test(values), cmocka_unit_test(stamp), cmocka_unit_test(reports), cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
