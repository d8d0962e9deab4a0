/* SPDX-License-Identifier: MIT */
/* Both ends of a session: what is sent, skipped, received and lost. No figure here depends on how long anything
   takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/unit/endpoint/pair.h"
#include <cmocka.h>

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
	uint32_t next;

	(void)state;
	set_up(&p, FIZEAU_TEST_OPEN, "127.0.0.1", 1000, 0, 0);
	p.send.sent = stop_at_seven;
	/* Longer than any machine sleeps before the first packets. */
	p.send.timeout_ns = 2000 * MS;
	p.receive.session.timeout = 2 * SECOND;
	start_both(&p);
	run_until(&p, (struct fizeau_mono){fz_clock_mono().ns + 50 * MS});
	/* All of them are due at once, so that some may have left in the batch of number 7. */
	next = sender_end(&p).next_seqno;
	assert_in_range(next, 8, 8 + 32);
	assert_int_equal(p.sent, next);
	assert_false(p.done);
	/* What did not come shows as lost when its time is over, though nothing arrives any more. */
	for (int i = 0; i < ROUNDS_MAX && p.count < 1000; i++)
		once(&p);
	assert_int_equal(p.count, 1000);
	for (size_t i = 0; i < p.count; i++)
		assert_int_equal(fizeau_record_lost(&p.records[i]), p.records[i].seq >= next);
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
		cmocka_unit_test(packets_carry_the_dscp_of_the_session),
		cmocka_unit_test(nothing_to_send_is_done_at_once),
		cmocka_unit_test(a_packet_that_fits_no_datagram_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
