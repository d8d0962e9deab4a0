/* SPDX-License-Identifier: MIT */
/* What summaries say of clocks that are set or go wrong: made-up sessions in which each end has a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <fizeau/stats.h>
#include <fizeau/time.h>

#define MS 1000000LL
#define PACKETS 100
#define TIMEOUT (2000 * MS)

static uint64_t ntp(int64_t ns)
{
	return fizeau_ntp_add_ns(UINT64_C(0xee000000) << 32, ns);
}

/* A packet every 10 ms, 5 ms there, 1 ms at the reflector, 7 ms back; the reflector's clock is `offset` ahead, and jumps by
   `jump` between packets `from - 1` and `from`. */
static void trips(struct fizeau_round_trip *records, int64_t offset, int64_t jump, uint32_t from)
{
	uint16_t error = fizeau_error_estimate((uint64_t)MS, true);

	for (uint32_t i = 0; i < PACKETS; i++) {
		int64_t sent = i * 10 * MS, there = offset + (i >= from ? jump : 0);

		records[i] = (struct fizeau_round_trip){
			.seq = i,
			.reflector_seq = i,
			.t1 = ntp(sent),
			.t2 = ntp(sent + 5 * MS + there),
			.t3 = ntp(sent + 6 * MS + there),
			.t4 = ntp(sent + 13 * MS),
			.sender_error = error,
			.reflector_error = error,
			.receive_error = error,
		};
	}
}

static struct fizeau_round_trip_summary summary_of(const struct fizeau_round_trip *records)
{
	struct fizeau_round_trip_summary s;

	assert_int_equal(fizeau_round_trip_summarise(records, PACKETS, PACKETS, TIMEOUT, &s), 0);
	return s;
}

static void clocks_that_keep_going(void **state)
{
	const int64_t offsets[] = {0, 3 * MS, -40000 * MS, INT64_C(1000000000) * 1000000000};
	struct fizeau_round_trip records[PACKETS];

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		trips(records, offsets[i], 0, 0);
		struct fizeau_round_trip_summary s = summary_of(records);

		assert_int_equal(s.clock_moves, 0);
		assert_int_equal(s.impossible, 0);
		assert_int_equal(s.round_trip.values, PACKETS);
		/* 500 ppm of 13 ms and of 1 ms: 7 us */
		assert_in_range(s.round_trip_error_ns, 7000, 7100);
	}
	/* Clocks that drift apart by 800 ppm, in one second 0.8 ms. */
	trips(records, 0, 0, 0);
	for (uint32_t i = 0; i < PACKETS; i++) {
		records[i].t2 = fizeau_ntp_add_ns(records[i].t2, i * 8000);
		records[i].t3 = fizeau_ntp_add_ns(records[i].t3, i * 8000);
	}
	assert_int_equal(summary_of(records).clock_moves, 0);
}

static void a_reflector_that_is_set(void **state)
{
	const int64_t jumps[] = {20 * MS, -20 * MS, 3600000 * MS, -3600000 * MS};
	struct fizeau_round_trip records[PACKETS];

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		trips(records, 7 * MS, jumps[i], 40);
		struct fizeau_round_trip_summary s = summary_of(records);

		assert_int_equal(s.clock_moves, 1);
		/* Known as well as the round trip allows. */
		assert_in_range(s.clock_moved_ns - jumps[i] + 13 * MS, 0, 26 * MS);
		/* Round trips do not mind. */
		assert_int_equal(s.round_trip.values, PACKETS);
		assert_in_range(s.round_trip.max, 12 * MS - 2, 12 * MS + 2);
	}
	/* While it had a packet: T3 - T2 goes wrong. */
	for (int back = 0; back < 2; back++) {
		trips(records, 0, 0, 0);
		records[40].t3 = fizeau_ntp_add_ns(records[40].t3, back ? -20 * MS : 20 * MS);
		struct fizeau_round_trip_summary s = summary_of(records);

		assert_int_equal(s.impossible, 1);
		assert_int_equal(s.received, PACKETS);
		assert_int_equal(s.round_trip.values, PACKETS - 1);
		assert_int_equal(s.reflector.values, PACKETS - 1);
		assert_true(s.round_trip.min > 0);
	}
}

/* T3 is an estimate: by a little it may lie behind the departure. */
static void a_round_trip_below_what_stamps_can_tell(void **state)
{
	struct fizeau_round_trip records[PACKETS];
	struct fizeau_round_trip_summary s;

	(void)state;
	trips(records, 0, 0, 0);
	records[40].t4 = fizeau_ntp_add_ns(records[40].t1, fizeau_ntp_diff_ns(records[40].t3, records[40].t2) - 5000);
	s = summary_of(records);
	assert_int_equal(s.impossible, 0);
	assert_int_equal(s.round_trip.values, PACKETS);
	assert_true(s.round_trip.min <= -4998 && s.round_trip.min >= -5002);
}

static void a_sender_that_is_set(void **state)
{
	struct fizeau_round_trip records[PACKETS];
	struct fizeau_round_trip_summary s;

	(void)state;
	/* By an hour, with numbers 40 and 41 under way: they are neither lost nor late. */
	trips(records, 0, 0, 0);
	for (uint32_t i = 40; i < PACKETS; i++) {
		if (i > 41)
			records[i].t1 = fizeau_ntp_add_ns(records[i].t1, 3600000 * MS);
		records[i].t4 = fizeau_ntp_add_ns(records[i].t4, 3600000 * MS);
		records[i].across_step = i <= 41;
	}
	s = summary_of(records);
	assert_int_equal(s.across_step, 2);
	assert_int_equal(s.received, PACKETS);
	assert_int_equal(s.late, 0);
	assert_int_equal(s.round_trip.values, PACKETS - 2);
	assert_in_range(s.round_trip.max, 12 * MS - 2, 12 * MS + 2);
}

/* Stamps may be anything. */
static void absurd_stamps(void **state)
{
	struct fizeau_round_trip records[PACKETS];
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 100; round++) {
		trips(records, 0, 0, 0);
		for (uint32_t i = 0; i < PACKETS; i++) {
			uint64_t *stamps[] = {&records[i].t1, &records[i].t2, &records[i].t3, &records[i].t4};

			for (int k = 0; k < 4; k++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				*stamps[k] = random;
			}
			if (i % 2) {
				records[i].t2 = records[i].t1 + (UINT64_C(1) << 63);
				records[i].t3 = records[i].t2;
			}
		}
		struct fizeau_round_trip_summary s = summary_of(records);

		assert_true(!s.round_trip.valid || s.round_trip.min >= 0);
	}
}

static struct fizeau_one_way_summary one_way(void (*change)(struct fizeau_record *record, uint32_t i))
{
	struct fizeau_record records[PACKETS];
	struct fizeau_session_end end = {.next_seqno = PACKETS};
	struct fizeau_one_way_summary s;

	for (uint32_t i = 0; i < PACKETS; i++) {
		records[i] = (struct fizeau_record){
			.seq = i,
			.send_ntp = ntp(i * 100 * MS),
			.receive_ntp = ntp(i * 100 * MS + 5 * MS),
			.send_error = fizeau_error_estimate((uint64_t)MS, true),
			.receive_error = fizeau_error_estimate((uint64_t)MS, true),
		};
		change(&records[i], i);
	}
	assert_int_equal(fizeau_one_way_summarise(records, PACKETS, &end, TIMEOUT, &s), 0);
	return s;
}

static void nothing(struct fizeau_record *record, uint32_t i)
{
	(void)record;
	(void)i;
}

static void sender_goes_back(struct fizeau_record *record, uint32_t i)
{
	if (i >= 50)
		record->send_ntp = fizeau_ntp_add_ns(record->send_ntp, -500 * MS);
}

static void receiver_goes_back(struct fizeau_record *record, uint32_t i)
{
	if (i >= 50)
		record->receive_ntp = fizeau_ntp_add_ns(record->receive_ntp, -500 * MS);
}

/* Number 50 overtakes 49: that is no fault of a clock. */
static void reordered(struct fizeau_record *record, uint32_t i)
{
	if (i == 49 || i == 50) {
		record->seq = 99 - i;
		record->send_ntp = ntp((99 - i) * 100 * MS);
		record->receive_ntp = ntp(5010 * MS + i * MS);
	}
}

static void one_way_clocks(void **state)
{
	struct fizeau_one_way_summary s = one_way(nothing);

	(void)state;
	assert_false(s.set_back_sender || s.set_back_receiver);
	/* Two clocks of 500 ppm each: 100 us in 100 ms, 9.9 ms in the 9.9 s of the session. */
	assert_in_range(s.ipdv_error_ns, 100000, 101000);
	assert_in_range(s.pdv_error_ns, 9900000, 9910000);
	s = one_way(reordered);
	assert_false(s.set_back_sender || s.set_back_receiver);
	s = one_way(sender_goes_back);
	assert_true(s.set_back_sender);
	assert_false(s.set_back_receiver);
	s = one_way(receiver_goes_back);
	assert_true(s.set_back_receiver);
	assert_false(s.set_back_sender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_that_keep_going),
		cmocka_unit_test(a_reflector_that_is_set),
		cmocka_unit_test(a_round_trip_below_what_stamps_can_tell),
		cmocka_unit_test(a_sender_that_is_set),
		cmocka_unit_test(absurd_stamps),
		cmocka_unit_test(one_way_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
