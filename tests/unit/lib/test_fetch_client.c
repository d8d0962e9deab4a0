/* SPDX-License-Identifier: MIT */
/* The Fetch-Client against a server made of octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/fetch_client.h>
#include "tests/testlib/client_connection.h"
#include <cmocka.h>

static const uint32_t protected_and_open[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};
static const uint8_t sid[FIZEAU_SID_OCTETS] = {0x5E, 2};

/* What the server says of the session. */
struct said {
	uint8_t accept, finished;
	uint32_t next_seqno, range_count, records;
	uint32_t slot_count;
	uint8_t slot_type, command, ip_version;
	uint32_t ranges[8]; /* first, last, ... */
};

static void put_number(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static struct said good(void)
{
	return (struct said){.finished = 1, .next_seqno = 10, .slot_count = 1, .command = 1, .ip_version = 4};
}

static void ask(struct client_connection *k, uint32_t mode)
{
	uint8_t octets[48];
	static const uint8_t begin_end[8] = {0, 0, 0, 3, 0, 0, 0, 9};

	client_set_up_owamp(k, mode);
	assert_int_equal(fizeau_control_client_fetch(k->c, sid, 3, 9, k->now), 0);
	assert_int_equal(fizeau_control_client_fetch(k->c, sid, 3, 9, k->now), FIZEAU_ERR_STATE);
	client_says(k->c, octets, sizeof(octets));
	wire_peer_unseal(&k->server, octets, sizeof(octets));
	assert_memory_equal(octets, "\x04\0\0\0\0\0\0\0", 8);
	assert_memory_equal(octets + 8, begin_end, 8);
	assert_memory_equal(octets + 16, sid, 16);
}

static void give_ack(struct client_connection *k, const struct said *said)
{
	uint8_t octets[32] = {said->accept, said->finished};

	put_number(octets + 4, said->next_seqno);
	put_number(octets + 8, said->range_count);
	put_number(octets + 12, said->records);
	client_give_sealed(k, octets, sizeof(octets));
}

static void give_head(struct client_connection *k, const struct said *said)
{
	uint8_t octets[112] = {said->command, said->ip_version, 0, 1};

	put_number(octets + 4, said->slot_count);
	memcpy(octets + 48, sid, sizeof(sid));
	client_give_sealed(k, octets, sizeof(octets));
}

/* Slots and ranges, which a test asks for only if they have room here. */
static void give_slots_and_ranges(struct client_connection *k, const struct said *said)
{
	uint8_t octets[128] = {0};
	size_t len = 16 * (size_t)said->slot_count + 16;

	for (uint32_t i = 0; i < said->slot_count; i++)
		octets[16 * i] = said->slot_type;
	client_give_sealed(k, octets, len);
	if (said->slot_type > 1)
		return;
	memset(octets, 0xEE, sizeof(octets));
	len = ((size_t)said->range_count + 1) / 2 * 16 + 16;
	for (uint32_t i = 0; i < 2 * said->range_count; i++)
		put_number(octets + 4 * (size_t)i, said->ranges[i]);
	client_give_sealed(k, octets, len);
}

static struct fizeau_event answered(struct client_connection *k, const struct said *said)
{
	give_ack(k, said);
	give_head(k, said);
	give_slots_and_ranges(k, said);
	return client_event(k->c, FIZEAU_EVENT_FETCH_ANSWER);
}

/* Gives it all, pulling records; returns how many of them came. */
static uint32_t give_records(struct client_connection *k, const uint8_t *octets, size_t len, const uint8_t *clear)
{
	struct fizeau_event event;
	uint32_t count = 0;

	for (size_t at = 0; at < len;) {
		at += fizeau_control_client_recv(k->c, octets + at, len - at, k->now);
		if (!fizeau_control_client_event(k->c, &event))
			continue;
		if (event.type == FIZEAU_EVENT_FETCH_RECORDS) {
			assert_memory_equal(event.records.octets, clear + 25 * (size_t)count, 25 * event.records.count);
			count += (uint32_t)event.records.count;
		} else {
			/* The last octets were its. */
			assert_int_equal(at, len);
			assert_int_equal(event.type, FIZEAU_EVENT_FETCH_DONE);
		}
	}
	return count;
}

/*= rfc4656#section-3.9 OW-3.9-08 */
static void a_refusal_is_told_and_that_is_all(void **state)
{
	(void)state;
	for (unsigned int accept = 1; accept < 256; accept += 3) {
		/* Whatever else it says. */
		struct said said = {.accept = (uint8_t)accept, .finished = 7, .range_count = 99, .records = UINT32_MAX};
		struct client_connection k;

		ask(&k, protected_and_open[accept % 2]);
		give_ack(&k, &said);
		assert_int_equal(client_event(k.c, FIZEAU_EVENT_FETCH_ANSWER).fetch_answer.accept, accept);
		assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
		assert_int_equal(fizeau_control_client_fetch(k.c, sid, 0, 0, k.now), 0);
		client_close(&k);
	}
}

/*= rfc4656#section-3.9 OW-3.9-09 OW-3.9-10 OW-3.9-11 OW-3.9-12 */
static void a_session_that_runs_has_no_end_yet(void **state)
{
	(void)state;
	/* perfSONAR says 2 and tells all the same. */
	for (uint8_t finished = 0; finished <= 2; finished++) {
		struct said said = good();
		struct client_connection k;
		struct fizeau_event event;

		said.finished = finished;
		said.range_count = 1;
		said.ranges[0] = 4;
		said.ranges[1] = 5;
		said.records = 20;
		ask(&k, FIZEAU_MODE_ENCRYPTED);
		event = answered(&k, &said);
		assert_int_equal(event.fetch_answer.answer.finished, finished == 1);
		assert_int_equal(event.fetch_answer.answer.end.next_seqno, finished == 1 ? 10 : 0);
		assert_int_equal(event.fetch_answer.answer.end.range_count, finished == 1 ? 1 : 0);
		assert_memory_equal(event.fetch_answer.answer.end.sid, sid, sizeof(sid));
		assert_int_equal(event.fetch_answer.answer.records, 20);
		client_close(&k);
	}
}

/*= rfc4656#section-3.9 OW-3.9-17 */
static void ranges_that_overlap_or_are_out_of_order_are_the_end(void **state)
{
	static const struct {
		uint32_t count, ranges[8];
	} rows[] = {
		{2, {4, 5, 0, 1}},
		{2, {0, 4, 4, 5}},
		{2, {0, 9, 2, 3}},
		{1, {5, 4}},
		{1, {9, 10}},
		{3, {0, 0, 2, 2, 1, 1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct said said = good();
		struct client_connection k;

		said.range_count = rows[i].count;
		memcpy(said.ranges, rows[i].ranges, sizeof(said.ranges));
		ask(&k, protected_and_open[i % 2]);
		give_ack(&k, &said);
		give_head(&k, &said);
		give_slots_and_ranges(&k, &said);
		client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
		client_close(&k);
	}
}

static void more_than_is_held_is_the_end_before_it_comes(void **state)
{
	static const uint32_t ranges[] = {FIZEAU_SKIP_RANGES_MAX + 1, UINT32_MAX};
	static const uint32_t slots[] = {FIZEAU_SLOTS_MAX + 1, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct said said = good();
		struct client_connection k;

		said.range_count = ranges[i];
		ask(&k, FIZEAU_MODE_ENCRYPTED);
		give_ack(&k, &said);
		client_is_closed(&k, FIZEAU_ERR_LIMIT, 0);
		client_close(&k);

		said = good();
		said.slot_count = slots[i];
		ask(&k, FIZEAU_MODE_ENCRYPTED);
		give_ack(&k, &said);
		give_head(&k, &said);
		client_is_closed(&k, FIZEAU_ERR_LIMIT, 0);
		client_close(&k);
	}
}

/*= rfc4656#section-3.9 OW-3.9-14 */
static void a_reproduction_that_is_no_request_is_the_end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct said said = good();
		struct client_connection k;

		said.command = i == 0 ? 5 : 1;
		said.ip_version = i == 1 ? 5 : 4;
		said.slot_count = i == 2 ? 0 : 2;
		said.slot_type = i == 3 ? 2 : 0;
		ask(&k, FIZEAU_MODE_ENCRYPTED);
		give_ack(&k, &said);
		give_head(&k, &said);
		if (i == 3)
			give_slots_and_ranges(&k, &said);
		client_is_closed(&k, i == 0 ? FIZEAU_ERR_UNEXPECTED : FIZEAU_ERR_MALFORMED, 0);
		client_close(&k);
	}
}

/* Around the octets that are taken at once: 640 records. */
/*= rfc4656#section-3.9 OW-3.9-12 OW-3.9-14 */
static void records_come_through_and_are_proved_at_the_end(void **state)
{
	static const uint32_t counts[] = {1, 15, 16, 17, 639, 640, 641, 1280, 1999};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(counts) / sizeof(counts[0]); i++) {
		uint32_t count = counts[i / 4];
		bool forged = i % 2 == 1;
		size_t len = (25 * (size_t)count + 15) / 16 * 16 + 16;
		uint8_t *clear = malloc(len), *wire = malloc(len);
		struct said said = good();
		struct client_connection k;
		struct fizeau_event event;

		assert_true(clear != NULL && wire != NULL);
		for (size_t at = 0; at < len; at++)
			clear[at] = (uint8_t)(at * 5 + at / 256);
		memcpy(wire, clear, len);
		said.records = count;
		ask(&k, protected_and_open[i / 2 % 2]);
		(void)answered(&k, &said);
		k.now.ns += 1000;
		wire_peer_seal(&k.server, wire, len);
		if (forged && i / 2 % 2 == 1) {
			wire[len - 1] ^= 1;
			assert_int_equal(give_records(&k, wire, len - 16, clear), count);
			client_give(&k, wire + len - 16, 16);
			client_is_closed(&k, FIZEAU_ERR_HMAC, 0);
		} else {
			assert_int_equal(give_records(&k, wire, len, clear), count);
			assert_false(fizeau_control_client_event(k.c, &event));
			assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
			assert_int_equal(fizeau_control_client_fetch(k.c, sid, 0, 1, k.now), 0);
		}
		client_close(&k);
		free(clear);
		free(wire);
	}
}

/* Announced, they take no more room than those that come. */
static void records_may_be_as_many_as_there_are_numbers(void **state)
{
	struct said said = good();
	struct client_connection k;
	uint8_t octets[16000] = {0};

	(void)state;
	said.records = UINT32_MAX;
	ask(&k, FIZEAU_MODE_OPEN);
	assert_int_equal(answered(&k, &said).fetch_answer.answer.records, UINT32_MAX);
	for (int i = 0; i < 5; i++) {
		client_give(&k, octets, sizeof(octets));
		assert_int_equal(client_event(k.c, FIZEAU_EVENT_FETCH_RECORDS).records.count, 640);
	}
	fizeau_control_client_eof(k.c);
	client_is_closed(&k, FIZEAU_ERR_LENGTH, 0);
	client_close(&k);
}

static void each_part_that_comes_moves_the_deadline(void **state)
{
	const int64_t second = INT64_C(1000000000);
	struct said said = good();
	struct client_connection k;
	uint8_t octets[16000] = {0};
	struct fizeau_event event;

	(void)state;
	said.records = 5000;
	ask(&k, FIZEAU_MODE_OPEN);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, 10 * second);
	k.now.ns = 7 * second;
	give_ack(&k, &said);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, 12 * second);
	k.now.ns = 8 * second;
	give_head(&k, &said);
	give_slots_and_ranges(&k, &said);
	(void)client_event(k.c, FIZEAU_EVENT_FETCH_ANSWER);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, 13 * second);
	k.now.ns = 9 * second;
	assert_int_equal(fizeau_control_client_recv(k.c, octets, sizeof(octets) - 1, k.now), sizeof(octets) - 1);
	/* Octets that trickle in do not. */
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, 13 * second);
	client_give(&k, octets, 1);
	/* Nothing is taken before the caller has seen them. */
	assert_int_equal(fizeau_control_client_recv(k.c, octets, 1, k.now), 0);
	event = client_event(k.c, FIZEAU_EVENT_FETCH_RECORDS);
	assert_int_equal(event.records.count, 640);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, 14 * second);
	fizeau_control_client_expire(k.c, (struct fizeau_mono){14 * second});
	client_is_closed(&k, FIZEAU_ERR_TIMEOUT, 0);
	client_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_is_told_and_that_is_all),
		cmocka_unit_test(a_session_that_runs_has_no_end_yet),
		cmocka_unit_test(ranges_that_overlap_or_are_out_of_order_are_the_end),
		cmocka_unit_test(more_than_is_held_is_the_end_before_it_comes),
		cmocka_unit_test(a_reproduction_that_is_no_request_is_the_end),
		cmocka_unit_test(records_come_through_and_are_proved_at_the_end),
		cmocka_unit_test(records_may_be_as_many_as_there_are_numbers),
		cmocka_unit_test(each_part_that_comes_moves_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
