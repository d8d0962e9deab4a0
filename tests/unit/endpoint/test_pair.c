/* SPDX-License-Identifier: MIT */
/* A Session-Sender and a Session-Receiver on one loop, over the loopback device. No figure here depends on how long
   anything takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fizeau/stats.h>
#include "endpoint/receiver.h"
#include "endpoint/sender.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define SECOND ((uint64_t)1 << 32)
#define MS 1000000LL
#define ROUNDS_MAX 2000000 /* of the loop: minutes */
#define RECORDS_MAX 300000
#define PADDING 20

struct pair {
	struct fz_loop *loop;
	struct fz_udp *out, *in;
	struct fz_endpoint_sender_config send;
	struct fz_endpoint_receiver_config receive;
	struct fz_endpoint_sender *sender;
	struct fz_endpoint_receiver *receiver;
	struct fizeau_slot slot;
	bool done;
	uint32_t sent;
	int64_t earliest_ns; /* lateness */
	struct fizeau_record *records;
	size_t count;
};

static void on_records(void *arg, const struct fizeau_record *records, size_t count)
{
	struct pair *p = arg;

	assert_in_range(count, 1, RECORDS_MAX - p->count);
	memcpy(p->records + p->count, records, count * sizeof(*records));
	p->count += count;
}

static void on_sent(void *arg, uint32_t seq, struct fizeau_stamp stamp, int64_t lateness_ns)
{
	struct pair *p = arg;

	(void)seq;
	(void)stamp;
	p->sent++;
	if (lateness_ns < p->earliest_ns)
		p->earliest_ns = lateness_ns;
}

static void on_done(void *arg)
{
	struct pair *p = arg;

	assert_false(p->done);
	p->done = true;
}

static struct fz_udp *open_udp(const char *host)
{
	const struct fz_udp_options options = {.batch = 32, .packet_octets = 512, .receive_buffer = 4 << 20};
	struct fz_addr local;
	struct fz_udp *udp;

	assert_true(fz_addr_parse(host, &local));
	assert_int_equal(fz_udp_open(&local, &options, &udp), 0);
	return udp;
}

static uint64_t wall(int64_t from_now_ns)
{
	struct fz_clock clock;

	fz_clock_ask(&clock);
	return fizeau_ntp_add_ns(fz_clock_wall(&clock).ntp, from_now_ns);
}

/* A session of packets that are interval apart, which begins some time from now. */
static void set_up(struct pair *p, enum fizeau_test_mode mode, const char *host, uint32_t packets, int64_t interval_ns,
	int64_t start_ns)
{
	static const uint8_t sid[16] = {127, 0, 0, 1, 0xe8, [15] = 7};

	*p = (struct pair){.slot = {.parameter = fizeau_duration_from_ns(interval_ns)}};
	p->records = calloc(RECORDS_MAX, sizeof(*p->records));
	assert_non_null(p->records);
	assert_int_equal(fz_loop_new(&p->loop), 0);
	p->out = open_udp(host);
	p->in = open_udp(host);
	p->send = (struct fz_endpoint_sender_config){
		.loop = p->loop,
		.udp = p->out,
		.mode = mode,
		.slots = &p->slot,
		.slot_count = 1,
		.packets = packets,
		.padding_octets = PADDING,
		.start_time = wall(start_ns),
		.timeout_ns = 300 * MS,
		.sent = on_sent,
		.done = on_done,
		.arg = p,
	};
	fz_udp_local(p->in, &p->send.remote);
	memcpy(p->send.sid, sid, sizeof(sid));
	packets_keys(&p->send.keys);
	p->receive = (struct fz_endpoint_receiver_config){
		.loop = p->loop,
		.udp = p->in,
		.session =
			{
				.mode = mode,
				.keys = p->send.keys,
				.slots = &p->slot,
				.slot_count = 1,
				.packets = packets,
				.start_time = p->send.start_time,
				.timeout = fizeau_duration_from_ns(300 * MS),
				.padding_octets = PADDING,
			},
		.records = on_records,
		.arg = p,
	};
	fz_udp_local(p->out, &p->receive.remote);
	/* As behind a NAT: the port says nothing. */
	fz_addr_set_port(&p->receive.remote, 9);
	memcpy(p->receive.session.sid, sid, sizeof(sid));
}

static void start_both(struct pair *p)
{
	p->receiver = fz_endpoint_receiver_new(&p->receive);
	p->sender = fz_endpoint_sender_new(&p->send);
	assert_non_null(p->receiver);
	assert_non_null(p->sender);
	assert_int_equal(fz_endpoint_sender_last(p->sender).ns, INT64_MAX);
	assert_int_equal(fz_endpoint_receiver_start(p->receiver), 0);
	assert_int_equal(fz_endpoint_sender_start(p->sender), 0);
}

static void once(struct pair *p)
{
	assert_int_equal(fz_loop_once(p->loop, (struct fizeau_mono){fz_clock_mono().ns + 10 * MS}), 0);
}

static void run_until(struct pair *p, struct fizeau_mono until)
{
	for (int i = 0; i < ROUNDS_MAX && fz_clock_mono().ns < until.ns; i++)
		once(p);
}

/* To the completed end: Timeout after the last packet was due. */
static void run(struct pair *p)
{
	for (int i = 0; i < ROUNDS_MAX && !p->done; i++)
		once(p);
	assert_true(p->done);
	run_until(p, (struct fizeau_mono){fz_endpoint_sender_last(p->sender).ns + p->send.timeout_ns});
	fz_endpoint_receiver_finish(p->receiver, wall(0));
}

static struct fizeau_session_end sender_end(const struct pair *p)
{
	struct fizeau_session_end end;

	fz_endpoint_sender_end(p->sender, &end);
	assert_memory_equal(end.sid, p->send.sid, sizeof(end.sid));
	assert_int_equal(fizeau_session_end_check(&end), 0);
	return end;
}

static struct fz_endpoint_receiver_counters receiver_counters(const struct pair *p)
{
	struct fz_endpoint_receiver_counters counters;

	fz_endpoint_receiver_counters(p->receiver, &counters);
	return counters;
}

static struct fz_endpoint_sender_counters sender_counters(const struct pair *p)
{
	struct fz_endpoint_sender_counters counters;

	fz_endpoint_sender_counters(p->sender, &counters);
	return counters;
}

static void tear_down(struct pair *p)
{
	fz_endpoint_sender_free(p->sender);
	fz_endpoint_receiver_free(p->receiver);
	fz_udp_close(p->out);
	fz_udp_close(p->in);
	fz_loop_free(p->loop);
	free(p->records);
}

static void every_packet_is_sent_and_recorded(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct pair p;

		set_up(&p, packets_modes[i % 3], i < 3 ? "127.0.0.1" : "::1", 200, MS, 20 * MS);
		start_both(&p);
		run(&p);
		assert_int_equal(sender_counters(&p).sent + sender_counters(&p).skipped_late, 200);
		assert_int_equal(p.sent, sender_counters(&p).sent);
		assert_int_equal(sender_counters(&p).error, 0);
		/* Never before its time. */
		assert_true(p.earliest_ns == 0);
		assert_int_equal(sender_end(&p).next_seqno, 200);
		assert_int_equal(receiver_counters(&p).received, p.sent);
		assert_int_equal(fizeau_receiver_check_end(fz_endpoint_receiver_session(p.receiver),
					 &(struct fizeau_session_end){.next_seqno = 200}),
			0);
		assert_int_equal(p.count, 200);
		for (size_t k = 0; k < p.count; k++) {
			if (!fizeau_record_lost(&p.records[k]))
				assert_int_equal(p.records[k].ttl, 255);
		}
		tear_down(&p);
	}
}

/* Mistake: a receiver that has everything says so, the session is stopped, and the stop takes the last records out. */
/*= rfc4656#section-3.8 OW-3.8-16 OW-3.8-17 */
static void a_complete_session_loses_no_record_to_its_stop(void **state)
{
	struct fizeau_session_end end;
	struct pair p;
	uint64_t stop;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 20, MS, 0);
	start_both(&p);
	for (int i = 0; i < ROUNDS_MAX && !fz_endpoint_receiver_complete(p.receiver); i++)
		once(&p);
	assert_true(p.done);
	end = sender_end(&p);
	stop = wall(0);
	fz_endpoint_receiver_finish(p.receiver, stop);
	assert_int_equal(p.count, 20);
	for (size_t i = 0; i < p.count; i++) {
		if (!fizeau_record_lost(&p.records[i]))
			assert_true(fizeau_record_counts(&p.records[i], &end, 20, stop, p.receive.session.timeout));
	}
	tear_down(&p);
}

/*= rfc4656#section-4.1.1 OW-4.1.1-03 OW-4.1.1-04 OW-4.1.1-05 */
/*= rfc4656#section-3.8 OW-3.8-11 OW-3.8-12 */
static void a_late_start_skips_what_is_too_late_and_sends_the_rest(void **state)
{
	struct fizeau_session_end end;
	struct pair p;
	uint64_t late;
	size_t lost = 0;

	(void)state;
	/* 200,000 are more than Timeout late, and 10 or more still to come. */
	set_up(&p, FIZEAU_TEST_AUTHENTICATED, "127.0.0.1", 200010, MS, -200300 * MS);
	start_both(&p);
	run(&p);
	end = sender_end(&p);
	assert_int_equal(end.next_seqno, 200010);
	assert_true(end.range_count >= 1);
	assert_int_equal(end.ranges[0].first, 0);
	assert_true(end.ranges[0].last >= 200000 - 2);
	assert_int_equal(sender_counters(&p).sent + sender_counters(&p).skipped_late, 200010);
	/* What was sent just in time may arrive too late where the host is busy. */
	late = receiver_counters(&p).late;
	assert_int_equal(receiver_counters(&p).received + late, p.sent);
	/* Those that were never sent have a record as lost ones, which the end takes out. */
	for (size_t i = 0; i < p.count; i++) {
		bool counts = fizeau_record_counts(&p.records[i], &end, 0, wall(1000000 * MS), 0);

		lost += fizeau_record_lost(&p.records[i]);
		assert_int_equal(counts, !fizeau_session_end_skipped(&end, p.records[i].seq));
		assert_true(counts || fizeau_record_lost(&p.records[i]));
	}
	assert_int_equal(lost, sender_counters(&p).skipped_late + late);
	tear_down(&p);
}

/* Loopback takes ICMP errors back at once: nobody listens where the packets go. */
static void nobody_there_is_loss_and_not_the_end_of_sending(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 50, MS, 0);
	p.receiver = fz_endpoint_receiver_new(&p.receive);
	fz_udp_close(p.in);
	p.in = NULL;
	p.sender = fz_endpoint_sender_new(&p.send);
	assert_non_null(p.sender);
	assert_int_equal(fz_endpoint_sender_start(p.sender), 0);
	for (int i = 0; i < ROUNDS_MAX && !p.done; i++)
		once(&p);
	assert_int_equal(sender_counters(&p).sent + sender_counters(&p).skipped_late, 50);
	assert_int_equal(sender_counters(&p).skipped_drop, 0);
	assert_int_equal(sender_counters(&p).error, 0);
	tear_down(&p);
}

/* A broadcast address, which the socket may not send to. */
/*= rfc4656#section-4.1.1 OW-4.1.1-04 */
static void what_the_kernel_refuses_is_one_range_of_skipped_numbers(void **state)
{
	struct fizeau_session_end end;
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_ENCRYPTED, "127.0.0.1", 50, MS, 0);
	assert_true(fz_addr_parse("255.255.255.255", &p.send.remote));
	fz_addr_set_port(&p.send.remote, 9);
	start_both(&p);
	for (int i = 0; i < ROUNDS_MAX && !p.done; i++)
		once(&p);
	assert_int_equal(p.sent, 0);
	assert_int_equal(sender_counters(&p).skipped_drop + sender_counters(&p).skipped_late, 50);
	end = sender_end(&p);
	assert_int_equal(end.next_seqno, 50);
	assert_int_equal(end.range_count, 1);
	assert_int_equal(end.ranges[0].first, 0);
	assert_int_equal(end.ranges[0].last, 49);
	tear_down(&p);
}

static void stop_at_seven(void *arg, uint32_t seq, struct fizeau_stamp stamp, int64_t lateness_ns)
{
	struct pair *p = arg;

	on_sent(arg, seq, stamp, lateness_ns);
	if (seq == 7)
		fz_endpoint_sender_stop(p->sender);
}

/*= rfc4656#section-3.8 OW-3.8-11 */
static void a_stopped_sender_says_which_number_was_next(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 1000, 0, 0);
	p.send.sent = stop_at_seven;
	/* Longer than any machine sleeps before the first packets. */
	p.send.timeout_ns = 2000 * MS;
	p.receive.session.timeout = 2 * SECOND;
	start_both(&p);
	run_until(&p, (struct fizeau_mono){fz_clock_mono().ns + 50 * MS});
	assert_int_equal(sender_end(&p).next_seqno, 8);
	assert_int_equal(p.sent, 8);
	assert_false(p.done);
	/* What did not come shows as lost when its time is over, though nothing arrives any more. */
	for (int i = 0; i < ROUNDS_MAX && p.count < 1000; i++)
		once(&p);
	assert_int_equal(p.count, 1000);
	for (size_t i = 0; i < p.count; i++)
		assert_int_equal(fizeau_record_lost(&p.records[i]), p.records[i].seq >= 8);
	tear_down(&p);
}

/* An early end: of what was due in the last Timeout nothing is said to be lost. */
/*= rfc4656#section-3.8 OW-3.8-16 */
static void an_early_end_calls_nothing_lost_that_may_be_under_way(void **state)
{
	struct pair p;
	uint64_t stop;
	size_t lost = 0;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 100000, MS, -600 * MS);
	start_both(&p);
	fz_endpoint_sender_stop(p.sender);
	run_until(&p, (struct fizeau_mono){fz_clock_mono().ns + 50 * MS});
	stop = wall(0);
	fz_endpoint_receiver_finish(p.receiver, stop);
	for (size_t i = 0; i < p.count; i++) {
		assert_true(fizeau_record_lost(&p.records[i]));
		assert_true(fizeau_ntp_diff_ns(stop, p.records[i].send_ntp) >= p.send.timeout_ns - 1);
		lost++;
	}
	/* Some 350 were due early enough. */
	assert_true(lost >= 300);
	fz_endpoint_receiver_finish(p.receiver, stop);
	assert_int_equal(p.count, lost);
	tear_down(&p);
}

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

/* Every bit of the field: DSCP 46 is Traffic Class 184. */
static void packets_carry_the_dscp_of_the_session(void **state)
{
	struct fz_clock clock;
	struct fz_datagram *datagrams;
	struct pair p;
	int count = 0;

	(void)state;
	fz_clock_ask(&clock);
	for (int i = 0; i < 2; i++) {
		set_up(&p, FIZEAU_TEST_OPEN, i == 0 ? "127.0.0.1" : "::1", 1, 0, 0);
		p.send.dscp = 46;
		p.sender = fz_endpoint_sender_new(&p.send);
		assert_int_equal(fz_endpoint_sender_start(p.sender), 0);
		count = 0;
		for (int k = 0; k < ROUNDS_MAX && count == 0; k++) {
			once(&p);
			count = fz_udp_read(p.in, &clock, &datagrams);
		}
		assert_int_equal(count, 1);
		assert_int_equal(datagrams[0].traffic_class, 46 << 2);
		assert_int_equal(datagrams[0].ttl, 255);
		assert_int_equal(datagrams[0].len, 14 + PADDING);
		tear_down(&p);
	}
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

static void free_the_sender(void *arg)
{
	struct pair *p = arg;

	on_done(arg);
	fz_endpoint_sender_free(p->sender);
	p->sender = NULL;
}

static void nothing_to_send_is_done_at_once(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 0, MS, 0);
	p.send.done = free_the_sender;
	p.sender = fz_endpoint_sender_new(&p.send);
	assert_int_equal(fz_endpoint_sender_start(p.sender), 0);
	once(&p);
	assert_true(p.done);
	tear_down(&p);
}

static void a_packet_that_fits_no_datagram_is_refused(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 1, MS, 0);
	p.send.padding_octets = 65507 - 13;
	assert_null(fz_endpoint_sender_new(&p.send));
	p.send.padding_octets = UINT32_MAX;
	assert_null(fz_endpoint_sender_new(&p.send));
	p.send.padding_octets = 0;
	p.send.slot_count = 0;
	assert_null(fz_endpoint_sender_new(&p.send));
	tear_down(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_sent_and_recorded),
		cmocka_unit_test(a_complete_session_loses_no_record_to_its_stop),
		cmocka_unit_test(a_late_start_skips_what_is_too_late_and_sends_the_rest),
		cmocka_unit_test(nobody_there_is_loss_and_not_the_end_of_sending),
		cmocka_unit_test(what_the_kernel_refuses_is_one_range_of_skipped_numbers),
		cmocka_unit_test(a_stopped_sender_says_which_number_was_next),
		cmocka_unit_test(an_early_end_calls_nothing_lost_that_may_be_under_way),
		cmocka_unit_test(each_datagram_gives_a_record_or_a_reason),
		cmocka_unit_test(what_is_not_wanted_uses_up_nothing),
		cmocka_unit_test(what_waits_in_the_socket_is_not_lost),
		cmocka_unit_test(late_packets_and_those_above_the_rate_are_counted),
		cmocka_unit_test(a_full_socket_is_our_own_loss),
		cmocka_unit_test(packets_carry_the_dscp_of_the_session),
		cmocka_unit_test(a_hostile_schedule_does_not_hold_the_loop),
		cmocka_unit_test(nothing_to_send_is_done_at_once),
		cmocka_unit_test(a_packet_that_fits_no_datagram_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
