/* SPDX-License-Identifier: MIT */
/* What a Session-Receiver makes of what comes to its socket. No figure here depends on how long anything takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/unit/endpoint/pair.h"
#include <cmocka.h>

/* A packet of the session, sent now, to the receiver. */
static void inject(struct pair *p, struct fz_udp *udp, struct fizeau_sender *packets, uint32_t seq, size_t shorter)
{
	size_t len = fizeau_sender_octets(packets) - shorter;
	struct fizeau_stamp stamp = {.ntp = wall(0), .error = 0x8001};
	uint8_t *octets = fz_udp_room(udp);

	assert_non_null(octets);
	assert_int_equal(fizeau_sender_prepare(packets, seq, octets), 0);
	assert_int_equal(fizeau_sender_finish(packets, octets, stamp), 0);
	fz_udp_queue(udp, len, &p->send.remote, NULL, 0);
	assert_int_equal(fz_udp_flush(udp), 1);
}

/* Runs until so many datagrams of any kind were counted. */
static struct fz_endpoint_receiver_counters run_until_counted(struct pair *p, uint64_t wanted)
{
	struct fz_endpoint_receiver_counters c = {0};

	for (int i = 0; i < ROUNDS_MAX; i++) {
		c = receiver_counters(p);
		if (c.received + c.hmac + c.length + c.error_estimate + c.unknown_number + c.late + c.foreign_source +
				c.unwanted + c.rate + c.memory + c.local >=
			wanted)
			break;
		once(p);
	}
	return c;
}

/*= rfc4656#section-4.2 OW-4.2-03 OW-4.2-07 OW-4.2-11 */
static void each_datagram_gives_a_record_or_a_reason(void **state)
{
	struct fizeau_sender *good = packets_sender(FIZEAU_TEST_ENCRYPTED, PADDING), *bad;
	struct fizeau_sender_config forged = {.mode = FIZEAU_TEST_ENCRYPTED, .padding_octets = PADDING};
	struct fz_udp *foreign = open_udp("127.0.0.2"), *other_port = open_udp("127.0.0.1");
	struct fz_endpoint_receiver_counters c;
	struct pair p;

	(void)state;
	bad = fizeau_sender_new(&forged);
	assert_non_null(bad);
	/* All are due at once; the Timeout is such that nothing is late here however slow this is. */
	set_up(&p, FIZEAU_TEST_ENCRYPTED, "127.0.0.1", 1000, 0, 0);
	p.receive.session.timeout = 100 * SECOND;
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	/* Before the start. */
	inject(&p, p.out, good, 0, 0);
	inject(&p, p.out, good, 1, 0);
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	inject(&p, p.out, good, 5, 0);
	inject(&p, p.out, good, 5, 0);
	inject(&p, p.out, good, 4, 0);
	inject(&p, p.out, bad, 6, 0);
	inject(&p, foreign, good, 7, 0);
	inject(&p, other_port, good, 8, 0);
	inject(&p, p.out, good, 1000, 0);
	inject(&p, p.out, good, 9, 1);
	c = run_until_counted(&p, 8);
	assert_int_equal(c.received, 4);
	assert_int_equal(c.hmac, 1);
	assert_int_equal(c.foreign_source, 1);
	assert_int_equal(c.unknown_number, 1);
	assert_int_equal(c.length, 1);
	assert_int_equal(c.late + c.error_estimate + c.rate + c.memory + c.local, 0);
	assert_int_equal(p.count, 4);
	assert_int_equal(p.records[0].seq, 5);
	assert_int_equal(p.records[1].seq, 5);
	assert_int_equal(p.records[2].seq, 4);
	assert_int_equal(p.records[3].seq, 8);
	fz_udp_close(foreign);
	fz_udp_close(other_port);
	fizeau_sender_free(good);
	fizeau_sender_free(bad);
	tear_down(&p);
}

static bool from_loopback_and_odd(void *arg, const struct fz_datagram *datagram, struct fizeau_mono now)
{
	(void)arg;
	(void)now;
	/* The number is in clear in open mode. */
	return datagram->interface != 0 && (datagram->octets[3] & 1);
}

static void what_is_not_wanted_uses_up_nothing(void **state)
{
	struct fizeau_sender *good = packets_sender(FIZEAU_TEST_OPEN, PADDING);
	struct fz_endpoint_receiver_counters c;
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 1000, 0, 0);
	p.receive.session.timeout = 100 * SECOND;
	p.receive.rate_pps = 1;
	p.receive.wanted = from_loopback_and_odd;
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	for (uint32_t i = 0; i < 100; i += 2)
		inject(&p, p.out, good, i, 0);
	inject(&p, p.out, good, 101, 0);
	c = run_until_counted(&p, 51);
	assert_int_equal(c.unwanted, 50);
	assert_int_equal(c.received, 1);
	assert_int_equal(p.records[0].seq, 101);
	fizeau_sender_free(good);
	tear_down(&p);
}

/* A receiver that slept: what waits in its socket came in time, though more than can be read in one turn. */
static void what_waits_in_the_socket_is_not_lost(void **state)
{
	struct fizeau_sender *good = packets_sender(FIZEAU_TEST_OPEN, PADDING);
	struct fz_endpoint_receiver_counters c;
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 400, 0, 0);
	p.receive.session.timeout = SECOND / 2;
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	for (uint32_t i = 0; i < 400; i++)
		inject(&p, p.out, good, i, 0);
	/* Two Timeouts and more. */
	usleep(1200000);
	c = run_until_counted(&p, 400);
	assert_int_equal(c.received, 400);
	assert_int_equal(p.count, 400);
	fizeau_sender_free(good);
	tear_down(&p);
}

static void late_packets_and_those_above_the_rate_are_counted(void **state)
{
	struct fizeau_sender *good = packets_sender(FIZEAU_TEST_OPEN, PADDING);
	struct fz_endpoint_receiver_counters c;
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 1000, 0, 0);
	p.receive.session.timeout = 100 * SECOND;
	p.receive.rate_pps = 1;
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	for (uint32_t i = 0; i < 100; i++)
		inject(&p, p.out, good, i, 0);
	c = run_until_counted(&p, 100);
	/* A burst of 32, and one more for each second that this took. */
	assert_in_range(c.received, 32, 99);
	assert_int_equal(c.received + c.rate, 100);
	fz_endpoint_receiver_free(p.receiver);
	p.receive.rate_pps = 0;
	p.receive.session.start_time = wall(-1000000 * MS);
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	inject(&p, p.out, good, 0, 0);
	c = run_until_counted(&p, 1);
	assert_int_equal(c.late, 1);
	fizeau_sender_free(good);
	tear_down(&p);
}

static void a_full_socket_is_our_own_loss(void **state)
{
	const struct fz_udp_options options = {.batch = 32, .packet_octets = 512, .receive_buffer = 4096};
	struct fizeau_sender *good = packets_sender(FIZEAU_TEST_OPEN, PADDING);
	struct fz_endpoint_receiver_counters c;
	struct fz_addr local;
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 1000, 0, 0);
	fz_udp_close(p.in);
	assert_true(fz_addr_parse("127.0.0.1", &local));
	assert_int_equal(fz_udp_open(&local, &options, &p.in), 0);
	fz_udp_local(p.in, &p.send.remote);
	p.receive.udp = p.in;
	p.receive.session.timeout = 100 * SECOND;
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	for (uint32_t i = 0; i < 1000; i++)
		inject(&p, p.out, good, i, 0);
	/* What was dropped before the start is none of the session's. */
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	assert_int_equal(receiver_counters(&p).local, 0);
	for (uint32_t i = 0; i < 1000; i++)
		inject(&p, p.out, good, i, 0);
	c = run_until_counted(&p, 1000);
	assert_true(c.local > 0 && c.received > 0);
	assert_int_equal(c.received + c.local, 1000);
	fizeau_sender_free(good);
	tear_down(&p);
}

static void count_only(void *arg, const struct fizeau_record *records, size_t count)
{
	struct pair *p = arg;

	(void)records;
	p->count += count;
}

/* 2^32 - 1 numbers due at once, and all lost at once: others have their turn all the same, and the end comes. */
static void a_hostile_schedule_does_not_hold_the_loop(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", UINT32_MAX, 0, -10000 * MS);
	p.receive.records = count_only;
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	assert_int_equal(fz_endpoint_receiver_start(p.receiver), 0);
	for (int i = 0; i < 100; i++)
		once(&p);
	assert_in_range(p.count, 1, 100 * 8192);
	fz_endpoint_receiver_finish(p.receiver, wall(0));
	assert_in_range(p.count, 1, 5000000);
	tear_down(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_datagram_gives_a_record_or_a_reason),
		cmocka_unit_test(what_is_not_wanted_uses_up_nothing),
		cmocka_unit_test(what_waits_in_the_socket_is_not_lost),
		cmocka_unit_test(late_packets_and_those_above_the_rate_are_counted),
		cmocka_unit_test(a_full_socket_is_our_own_loss),
		cmocka_unit_test(a_hostile_schedule_does_not_hold_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
