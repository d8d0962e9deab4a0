/* SPDX-License-Identifier: MIT */
/* The Session-Receiver of OWAMP: what counts, what is discarded and what is lost (RFC 4656 section 4.2), with what
   work and memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/lib/receiver_session.h"
#include <cmocka.h>

/*= rfc4656#section-4.2 OW-4.2-02 OW-4.2-07 */
/*= rfc4656#section-3.5 OW-3.5-18 */
static void a_record_is_what_came_and_when(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct session s = begin(packets_modes[i]);
		struct fizeau_record record;

		assert_int_equal(arrive(&s, 1, 2 * S + 7, 3 * S, &record), 0);
		assert_int_equal(record.seq, 1);
		assert_int_equal(record.send_ntp, START + 2 * SECOND + 7);
		assert_int_equal(record.receive_ntp, START + 3 * SECOND);
		assert_int_equal(record.send_error, 0x0a11);
		assert_int_equal(record.receive_error, HERE);
		assert_int_equal(record.ttl, 61);
		assert_false(fizeau_record_lost(&record));
		/* An overtaken one stands behind. */
		assert_int_equal(arrive(&s, 0, S, 3 * S, &record), 0);
		assert_int_equal(record.seq, 0);
		assert_int_equal(fizeau_receiver_next_seqno(s.receiver), 2);
		end(&s);
	}
}

/* The packets of vectors.json, which no code of ours made. */
static void packets_of_the_vectors_are_read(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fizeau_receiver_config config = config_of(packets_modes[i]);
		uint8_t octets[PACKETS_MAX];
		size_t len = packets_vector("sender", packets_modes[i], "wire", octets);
		struct fizeau_record record;
		struct fizeau_receiver *receiver;

		config.padding_octets = (uint32_t)(len - fizeau_sender_header_octets(config.mode, 0));
		config.start_time = packets_t1.ntp - 8 * SECOND;
		receiver = fizeau_receiver_new(&config);
		assert_non_null(receiver);
		assert_int_equal(fizeau_receiver_packet(receiver, octets, len, packets_t2, 255, &record), 0);
		assert_int_equal(record.seq, 7);
		assert_int_equal(record.send_ntp, packets_t1.ntp);
		assert_int_equal(record.send_error, packets_t1.error);
		assert_int_equal(record.receive_ntp, packets_t2.ntp);
		fizeau_receiver_free(receiver);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-12 */
static void a_datagram_of_another_length_is_none_of_ours(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct session s = begin(packets_modes[i]);
		size_t len = fizeau_sender_octets(s.sender);
		struct fizeau_record record;

		assert_int_equal(fizeau_sender_prepare(s.sender, 0, s.octets), 0);
		assert_int_equal(fizeau_sender_finish(s.sender, s.octets, here(START + SECOND)), 0);
		for (size_t n = 0; n < PACKETS_MAX; n++) {
			int error = fizeau_receiver_packet(s.receiver, s.octets, n, here(START + SECOND), 255, &record);

			assert_int_equal(error, n == len ? 0 : FIZEAU_ERR_LENGTH);
		}
		end(&s);
	}
}

/*= rfc4656#section-4.2 OW-4.2-03 OW-4.2-14 */
static void a_flipped_bit_under_the_hmac_is_discarded_and_lost_later(void **state)
{
	(void)state;
	for (int i = 1; i < 3; i++) {
		struct session s = begin(packets_modes[i]);
		size_t covered = packets_modes[i] == FIZEAU_TEST_ENCRYPTED ? 32 : 16;
		struct fizeau_record record;

		assert_int_equal(fizeau_sender_prepare(s.sender, 0, s.octets), 0);
		assert_int_equal(fizeau_sender_finish(s.sender, s.octets, here(START + SECOND)), 0);
		for (size_t bit = 0; bit < 8 * 48; bit++) {
			if (bit / 8 >= covered && bit / 8 < 32)
				continue;
			s.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(fizeau_receiver_packet(s.receiver, s.octets, fizeau_sender_octets(s.sender),
						 here(START + SECOND), 255, &record),
				FIZEAU_ERR_HMAC);
			s.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(lost_by(&s, 5 * S + 1), 1);
		assert_int_equal(s.records[0].seq, 0);
		end(&s);
	}
}

/*= rfc4656#section-4.1.2 OW-4.1.2-10 */
static void multiplier_zero_is_discarded(void **state)
{
	struct session s = begin(FIZEAU_TEST_ENCRYPTED);
	struct fizeau_stamp there = {.ntp = START + SECOND, .error = 0x8000};
	struct fizeau_record record;

	(void)state;
	assert_int_equal(fizeau_sender_prepare(s.sender, 0, s.octets), 0);
	assert_int_equal(fizeau_sender_finish(s.sender, s.octets, there), 0);
	assert_int_equal(fizeau_receiver_packet(s.receiver, s.octets, fizeau_sender_octets(s.sender),
				 here(START + SECOND), 255, &record),
		FIZEAU_ERR_ESTIMATE);
	end(&s);
}

/*= rfc4656#section-3.5 OW-3.5-15 */
static void no_number_above_those_of_the_session(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);

	(void)state;
	assert_int_equal(arrives(&s, 9, 10 * S, 10 * S), 0);
	assert_int_equal(arrives(&s, 10, 11 * S, 11 * S), FIZEAU_ERR_RANGE);
	assert_int_equal(arrives(&s, UINT32_MAX, 11 * S, 11 * S), FIZEAU_ERR_RANGE);
	assert_int_equal(lost_by(&s, 100 * S), 9);
	assert_int_equal(due(&s), 0);
	end(&s);
}

/*= rfc4656#section-4.2 OW-4.2-10 OW-4.2-12 */
static void the_send_timestamp_is_within_timeout_of_the_arrival(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);
	struct fizeau_record record;

	(void)state;
	assert_int_equal(arrives(&s, 2, 3 * S, 5 * S), 0);
	assert_int_equal(arrives(&s, 2, 3 * S, 5 * S + 1), FIZEAU_ERR_LATE);
	/* Sent in the future: recorded as it is. */
	assert_int_equal(arrive(&s, 2, 3 * S, 1 * S, &record), 0);
	assert_int_equal(record.send_ntp, START + 3 * SECOND);
	assert_int_equal(record.receive_ntp, START + 1 * SECOND);
	assert_int_equal(arrives(&s, 2, 3 * S, 1 * S - 1), FIZEAU_ERR_LATE);
	end(&s);
}

/*= rfc4656#section-4.2 OW-4.2-13 */
static void the_send_timestamp_is_within_timeout_of_the_schedule(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);

	(void)state;
	assert_int_equal(arrives(&s, 4, 7 * S, 7 * S), 0);
	assert_int_equal(arrives(&s, 4, 7 * S + 1, 7 * S), FIZEAU_ERR_LATE);
	assert_int_equal(arrives(&s, 4, 3 * S, 3 * S), 0);
	assert_int_equal(arrives(&s, 4, 3 * S - 1, 3 * S), FIZEAU_ERR_LATE);
	/* A number that has its time later by so much is not looked up yet, and none the worse for it. */
	assert_int_equal(arrives(&s, 9, 8 * S - 1, 8 * S), FIZEAU_ERR_LATE);
	assert_int_equal(arrives(&s, 9, 8 * S, 8 * S), 0);
	end(&s);
}

/*= rfc4656#section-4.2 OW-4.2-11 */
static void duplicates_give_a_record_each(void **state)
{
	struct session s = begin(FIZEAU_TEST_AUTHENTICATED);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(arrives(&s, 3, 4 * S, 4 * S + i), 0);
	assert_int_equal(fizeau_receiver_next_seqno(s.receiver), 4);
	end(&s);
}

/* It may leave Timeout late and travel for another: at that very moment nothing is decided, and thereafter no
   timestamp that it could carry would be good. */
/*= rfc4656#section-4.2 OW-4.2-01 OW-4.2-11 */
/*= rfc4656#section-3.5 OW-3.5-20 */
static void no_copy_is_too_late_to_be_recorded_that_is_in_time(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);

	(void)state;
	assert_int_equal(arrives(&s, 0, S, S), 0);
	assert_int_equal(lost_by(&s, 5 * S), 0);
	assert_int_equal(arrives(&s, 0, 3 * S, 5 * S), 0);
	assert_int_equal(lost_by(&s, 5 * S + 1), 0);
	for (int64_t sent = -6 * S; sent < 12 * S; sent += S / 4)
		assert_int_equal(arrives(&s, 0, sent, 5 * S + 1), FIZEAU_ERR_LATE);
	end(&s);
}

/*= rfc4656#section-4.2 OW-4.2-04 OW-4.2-08 */
/*= rfc4656#section-3.9 OW-3.9-20 OW-3.9-21 */
static void what_does_not_come_is_lost_two_timeouts_after_its_time(void **state)
{
	struct session s = begin(FIZEAU_TEST_OPEN);

	(void)state;
	assert_int_equal(due(&s), 5 * S + 1);
	assert_int_equal(arrives(&s, 0, S, S), 0);
	assert_int_equal(due(&s), 6 * S + 1);
	assert_int_equal(arrives(&s, 2, 3 * S, 3 * S), 0);
	assert_int_equal(lost_by(&s, 6 * S), 0);
	assert_int_equal(lost_by(&s, 6 * S + 1), 1);
	assert_int_equal(s.records[0].seq, 1);
	assert_int_equal(s.records[0].send_ntp, START + 2 * SECOND);
	assert_int_equal(s.records[0].receive_ntp, 0);
	assert_int_equal(s.records[0].send_error, 0x0001);
	assert_int_equal(s.records[0].receive_error, HERE);
	assert_int_equal(s.records[0].ttl, 255);
	assert_true(fizeau_record_lost(&s.records[0]));
	assert_int_equal(lost_by(&s, 6 * S + 1), 0);
	assert_int_equal(due(&s), 8 * S + 1);
	/* Some at a time, in order. */
	assert_int_equal(fizeau_receiver_lost(s.receiver, here(START + 100 * SECOND), s.records, 3), 3);
	assert_int_equal(s.records[0].seq, 3);
	assert_int_equal(s.records[2].seq, 5);
	assert_int_equal(fizeau_receiver_lost(s.receiver, here(START + 100 * SECOND), s.records, 5), 4);
	assert_int_equal(s.records[3].seq, 9);
	assert_int_equal(due(&s), 0);
	assert_int_equal(lost_by(&s, 1000 * S), 0);
	end(&s);
}

/*= rfc4656#section-3.6 OW-3.6-03 */
static void lost_packets_have_the_times_of_the_vectors(void **state)
{
	json_t *v = vectors_group("schedule.json", "schedules");

	(void)state;
	assert_int_equal(json_array_size(v), 3);
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *example = json_array_get(v, i), *given = json_object_get(example, "slots");
		const json_t *offsets = json_object_get(example, "offsets");
		struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);
		struct fizeau_slot slots[MAX];
		struct session s;

		for (size_t k = 0; k < json_array_size(given); k++) {
			slots[k].exponential = member_int(json_array_get(given, k), "type") == 0;
			slots[k].parameter = member_u64_hex(json_array_get(given, k), "parameter");
		}
		member_hex(example, "sid", config.sid, sizeof(config.sid));
		config.slots = slots;
		config.slot_count = json_array_size(given);
		s = begin_with(&config);
		assert_int_equal(lost_by(&s, 3600 * S), 10);
		for (size_t k = 0; k < 10; k++) {
			uint64_t offset = strtoull(json_string_value(json_array_get(offsets, k)), NULL, 16);

			assert_int_equal(s.records[k].seq, k);
			assert_int_equal(s.records[k].send_ntp, START + offset);
		}
		end(&s);
	}
	json_decref(v);
}

static void nothing_changes_across_the_era_of_2036(void **state)
{
	struct fizeau_receiver_config config = config_of(FIZEAU_TEST_ENCRYPTED);
	struct fizeau_record record;
	struct session s;

	(void)state;
	config.start_time = 0 - 3 * SECOND;
	s = begin_with(&config);
	assert_int_equal(arrives(&s, 1, 2 * S, 2 * S + 5), 0);
	/* The era begins at this very moment, which must not read as a lost packet. */
	assert_int_equal(arrive(&s, 2, 3 * S - 9, 3 * S, &record), 0);
	assert_false(fizeau_record_lost(&record));
	assert_int_equal(arrives(&s, 3, 4 * S, 6 * S + 1), FIZEAU_ERR_LATE);
	assert_int_equal(due(&s), 5 * S + 1);
	assert_int_equal(lost_by(&s, 8 * S + 1), 2);
	assert_int_equal(s.records[0].seq, 0);
	assert_int_equal(s.records[1].seq, 3);
	assert_int_equal(s.records[1].send_ntp, SECOND);
	end(&s);
}

/* All numbers due at once, more than anybody could send: what a peer can ask for. */
static void a_hostile_schedule_is_bounded_in_work_and_memory(void **state)
{
	struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);
	const struct fizeau_slot at_once = {.parameter = 0};
	uint64_t given = 0;
	int refused = 0;
	struct session s;

	(void)state;
	config.slots = &at_once;
	config.packets = UINT32_MAX;
	s = begin_with(&config);
	for (int i = 0; i < 100; i++)
		refused += arrives(&s, UINT32_MAX - 1, 0, 0) == FIZEAU_ERR_MEMORY;
	assert_int_equal(refused, 100);
	/* Those within reach are recorded all the same. */
	assert_int_equal(arrives(&s, 1000, 0, 0), 0);
	assert_int_equal(due(&s), 4 * S + 1);
	for (int i = 0; i < 1000; i++)
		given += lost_by(&s, 4 * S + 1);
	assert_int_equal(given, 1000 * MAX);
	assert_int_equal(s.records[MAX - 1].seq, 1000 * MAX);
	end(&s);
}

/* Numbers far ahead are walked to a bounded way at a time; the way that was gone is gone. */
static void one_packet_costs_a_bounded_walk(void **state)
{
	struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);
	const struct fizeau_slot at_once = {.parameter = 0};
	struct session s;
	int calls = 1;

	(void)state;
	config.slots = &at_once;
	config.packets = 1u << 20;
	s = begin_with(&config);
	while (calls < 100 && arrives(&s, config.packets - 1, 0, 0) == FIZEAU_ERR_MEMORY)
		calls++;
	assert_int_equal(calls, 4);
	end(&s);
}

/* A number that is decided is not taken for the one that has its place in memory now. */
static void decided_numbers_stay_decided(void **state)
{
	struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);
	struct session s;

	(void)state;
	config.packets = 1000;
	s = begin_with(&config);
	for (uint32_t seq = 0; seq < 1000; seq++) {
		int64_t now = (seq + 1) * S;

		assert_int_equal(arrives(&s, seq, now, now), 0);
		assert_int_equal(lost_by(&s, now), 0);
		for (uint32_t old = 8; old <= 256 && old <= seq; old *= 2)
			assert_int_equal(arrives(&s, seq - old, now, now), FIZEAU_ERR_LATE);
	}
	end(&s);
}

/* Forged in open mode: a number far ahead whose time is good by schedule costs no more than the numbers between. */
static void a_gap_of_a_hundred_thousand_numbers_is_exact(void **state)
{
	struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);
	const struct fizeau_slot fast = {.parameter = SECOND / 50000};
	uint64_t lost = 0;
	size_t count;
	struct session s;

	(void)state;
	config.slots = &fast;
	config.packets = 200000;
	s = begin_with(&config);
	assert_int_equal(arrives(&s, 0, 0, 0), 0);
	assert_int_equal(arrives(&s, 100000, 2 * S, 2 * S), 0);
	assert_int_equal(arrives(&s, 1, 0, 2 * S), 0);
	do {
		count = lost_by(&s, 100 * S);
		lost += count;
	} while (count == MAX);
	assert_int_equal(lost, 200000 - 3);
	end(&s);
}

static void timeouts_and_start_times_beyond_reason(void **state)
{
	const uint64_t timeouts[] = {0, 1, INT64_MAX, UINT64_MAX};
	const uint64_t starts[] = {0, 1, START, START + INT64_MAX, UINT64_MAX};
	const struct fizeau_slot long_ago = {.parameter = UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		for (size_t k = 0; k < sizeof(starts) / sizeof(starts[0]); k++) {
			struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);
			struct session s;

			config.timeout = timeouts[i];
			config.start_time = starts[k];
			config.slots = k % 2 ? &long_ago : &every_second;
			s = begin_with(&config);
			(void)due(&s);
			(void)arrives(&s, 3, 4 * S, 4 * S);
			assert_in_range(lost_by(&s, INT64_MAX), 0, 10);
			fizeau_receiver_finish(s.receiver, START);
			assert_in_range(lost_by(&s, INT64_MIN), 0, 10);
			end(&s);
		}
	}
}

static void no_session_without_slots(void **state)
{
	struct fizeau_receiver_config config = config_of(FIZEAU_TEST_OPEN);

	(void)state;
	config.slot_count = 0;
	assert_null(fizeau_receiver_new(&config));
	fizeau_receiver_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_what_came_and_when),
		cmocka_unit_test(packets_of_the_vectors_are_read),
		cmocka_unit_test(a_datagram_of_another_length_is_none_of_ours),
		cmocka_unit_test(a_flipped_bit_under_the_hmac_is_discarded_and_lost_later),
		cmocka_unit_test(multiplier_zero_is_discarded),
		cmocka_unit_test(no_number_above_those_of_the_session),
		cmocka_unit_test(the_send_timestamp_is_within_timeout_of_the_arrival),
		cmocka_unit_test(the_send_timestamp_is_within_timeout_of_the_schedule),
		cmocka_unit_test(duplicates_give_a_record_each),
		cmocka_unit_test(no_copy_is_too_late_to_be_recorded_that_is_in_time),
		cmocka_unit_test(what_does_not_come_is_lost_two_timeouts_after_its_time),
		cmocka_unit_test(lost_packets_have_the_times_of_the_vectors),
		cmocka_unit_test(nothing_changes_across_the_era_of_2036),
		cmocka_unit_test(a_hostile_schedule_is_bounded_in_work_and_memory),
		cmocka_unit_test(one_packet_costs_a_bounded_walk),
		cmocka_unit_test(decided_numbers_stay_decided),
		cmocka_unit_test(a_gap_of_a_hundred_thousand_numbers_is_exact),
		cmocka_unit_test(timeouts_and_start_times_beyond_reason),
		cmocka_unit_test(no_session_without_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
