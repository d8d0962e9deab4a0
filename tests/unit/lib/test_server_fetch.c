/* SPDX-License-Identifier: MIT */
/* The Server and Fetch-Session: its answers, and how records go out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/server_connection.h"
#include <cmocka.h>

static const uint32_t protected_and_open[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};
static const uint8_t sid[FIZEAU_SID_OCTETS] = {0x5E, 2};
static const struct fizeau_slot slots[3] = {{true, 5}, {false, 6}, {false, 7}};
static const struct fizeau_skip_range ranges[3] = {{0, 2}, {4, 4}, {6, 8}};

/* Octets of an answer before its records. */
static size_t answer_octets(uint32_t slot_count, uint32_t range_count)
{
	return 32 + 112 + 16 * (size_t)slot_count + 16 + ((size_t)range_count + 1) / 2 * 16 + 16;
}

static struct fizeau_fetch_answer answer_of(bool finished, uint32_t range_count, uint32_t records)
{
	struct fizeau_fetch_answer answer = {
		.finished = finished,
		.end = {.next_seqno = 10, .ranges = ranges, .range_count = range_count},
		.records = records,
		.request =
			{
				.conf_receiver = true,
				.ip_version = 6,
				.sender_port = 0x1111,
				.receiver_port = 0x2222,
				.packets = 10,
				.slots = slots,
				.slot_count = 3,
			},
	};

	memcpy(answer.request.sid, sid, sizeof(sid));
	return answer;
}

static void give_fetch(struct connection *c, uint32_t begin, uint32_t end)
{
	uint8_t octets[48] = {4};

	put_u32(octets + 8, begin);
	put_u32(octets + 12, end);
	memcpy(octets + 16, sid, sizeof(sid));
	give_sealed(c, octets, sizeof(octets));
}

static void want_fetch(struct connection *c, uint32_t begin, uint32_t end)
{
	struct fizeau_event event;

	give_fetch(c, begin, end);
	event = server_event(c->s, FIZEAU_EVENT_FETCH_WANTED);
	assert_memory_equal(event.fetch.sid, sid, sizeof(sid));
	assert_int_equal(event.fetch.begin, begin);
	assert_int_equal(event.fetch.end, end);
}

static void read_refusal(struct connection *c, uint8_t accept)
{
	static const uint8_t zeros[15];
	uint8_t ack[32];

	read_sealed(c, ack, sizeof(ack));
	assert_int_equal(ack[0], accept);
	assert_memory_equal(ack + 1, zeros, 15);
}

/* All but the records, in clear: the HMACs of its four parts are checked. */
static void read_answer(struct connection *c, uint32_t slot_count, uint32_t range_count, uint8_t *octets)
{
	size_t len = answer_octets(slot_count, range_count), at = 0;
	const size_t parts[4] = {32, 112, 16 * (size_t)slot_count + 16, ((size_t)range_count + 1) / 2 * 16 + 16};

	server_says(c->s, octets, len);
	for (size_t i = 0; i < 4; i++) {
		wire_peer_unseal(&c->peer, octets + at, parts[i]);
		at += parts[i];
	}
	assert_int_equal(at, len);
}

/*= rfc4656#section-3.9 OW-3.9-02 OW-3.9-05 OW-3.9-07 */
static void each_fetch_is_answered_and_the_connection_goes_on(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct connection c;
		struct fizeau_event event;

		open_owamp_connection(&c, protected_and_open[m]);
		for (unsigned int accept = 1; accept < 256; accept += 9) {
			want_fetch(&c, 0, UINT32_MAX);
			assert_int_equal(fizeau_server_answer_fetch(c.s, (uint8_t)accept, NULL, c.now), 0);
			read_refusal(&c, (uint8_t)accept);
			assert_int_equal(fizeau_server_answer_fetch(c.s, 1, NULL, c.now), FIZEAU_ERR_STATE);
		}
		/* From behind its end. */
		give_fetch(&c, 8, 7);
		read_refusal(&c, FIZEAU_ACCEPT_UNSUPPORTED);
		assert_false(fizeau_server_event(c.s, &event));
		want_fetch(&c, 7, 7);
		close_connection(&c);
	}
}

/*= rfc4656#section-3.9 OW-3.9-06 OW-3.9-09 OW-3.9-10 OW-3.9-11 OW-3.9-13 OW-3.9-14 OW-3.9-15 OW-3.9-16 */
static void an_answer_has_its_parts_each_with_an_hmac(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 16; i++) {
		bool finished = (i & 4) != 0;
		uint32_t n = i & 3, sent = finished ? n : 0;
		struct fizeau_fetch_answer answer = answer_of(finished, n, 0);
		struct connection c;
		uint8_t octets[512], hmac[16], *at = octets + 32;

		open_owamp_connection(&c, protected_and_open[i / 8]);
		want_fetch(&c, 0, 9);
		assert_int_equal(fizeau_server_answer_fetch(c.s, FIZEAU_ACCEPT_OK, &answer, c.now), 0);
		{
			const uint8_t *waiting;
			size_t len = fizeau_server_output(c.s, &waiting);

			assert_int_equal(len, answer_octets(3, sent) + 16);
			memcpy(hmac, waiting + len - 16, 16);
			memcpy(octets, waiting, len);
			for (size_t p = 0, from = 0; p < 4; p++) {
				const size_t parts[4] = {32, 112, 64, (sent + 1) / 2 * 16 + 16};

				wire_peer_unseal(&c.peer, octets + from, parts[p]);
				from += parts[p];
			}
			/* The records' own, over nothing. */
			wire_peer_unseal(&c.peer, hmac, 16);
			fizeau_server_sent(c.s, len);
		}
		assert_int_equal(octets[0], 0);
		assert_int_equal(octets[1], finished ? 1 : 0);
		assert_int_equal(octets[7], finished ? 10 : 0);
		assert_int_equal(octets[11], sent);
		assert_int_equal(octets[15], 0);
		assert_memory_equal(at, "\x01\x06\0\x01\0\0\0\x03\0\0\0\x0a\x11\x11\x22\x22", 16);
		assert_memory_equal(at + 48, sid, sizeof(sid));
		assert_memory_equal(at + 112, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\x01", 17);
		for (uint32_t r = 0; r < sent; r++) {
			assert_int_equal(at[112 + 64 + 8 * r + 3], ranges[r].first);
			assert_int_equal(at[112 + 64 + 8 * r + 7], ranges[r].last);
		}
		if (sent % 2 == 1)
			assert_memory_equal(at + 112 + 64 + 8 * sent, "\0\0\0\0\0\0\0\0", 8);
		/* And the next command is taken. */
		want_fetch(&c, 1, 2);
		close_connection(&c);
	}
}

/* As many as the field can say take no more room than one. */
static void records_may_be_as_many_as_there_are_numbers(void **state)
{
	struct fizeau_fetch_answer answer = answer_of(true, 0, UINT32_MAX);
	struct connection c;
	uint8_t octets[512];

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_OPEN);
	want_fetch(&c, 0, UINT32_MAX);
	assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), 0);
	read_answer(&c, 3, 0, octets);
	assert_memory_equal(octets + 12, "\xff\xff\xff\xff", 4);
	assert_true(fizeau_server_records_wanted(c.s) == UINT64_C(107374182375));
	assert_int_equal(fizeau_server_send_records(c.s, octets, 400, c.now), 400);
	assert_true(fizeau_server_records_wanted(c.s) == UINT64_C(107374181975));
	close_connection(&c);
}

static void what_cannot_be_answered_can_still_be_refused(void **state)
{
	static const struct fizeau_skip_range bad[2] = {{4, 5}, {5, 6}};
	struct fizeau_fetch_answer answer = answer_of(true, 2, 1);
	struct connection c;

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), FIZEAU_ERR_STATE);
	want_fetch(&c, 0, 9);
	answer.end.ranges = bad;
	assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), FIZEAU_ERR_MALFORMED);
	answer = answer_of(true, 0, 1);
	answer.request.slot_count = 0;
	assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), FIZEAU_ERR_RANGE);
	assert_true(fizeau_server_records_wanted(c.s) == 0);
	assert_int_equal(fizeau_server_send_records(c.s, sid, 1, c.now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_fetch(c.s, FIZEAU_ACCEPT_INTERNAL, NULL, c.now), 0);
	read_refusal(&c, FIZEAU_ACCEPT_INTERNAL);
	close_connection(&c);
}

/* Takes at most some of what waits, and keeps it. */
static size_t drain(struct connection *c, uint8_t *to, size_t some)
{
	const uint8_t *octets;
	size_t len = fizeau_server_output(c->s, &octets);

	if (len > some)
		len = some;
	memcpy(to, octets, len);
	fizeau_server_sent(c->s, len);
	return len;
}

/*= rfc4656#section-3.9 OW-3.9-13 OW-3.9-14 */
static void records_go_out_in_pieces_and_fill_up_once(void **state)
{
	static const uint32_t counts[] = {1, 2, 9, 16, 17, 5000};
	static const size_t pieces[] = {1, 24, 25, 400, 100000};

	(void)state;
	for (size_t i = 0; i < 6 * 5 * 2; i++) {
		uint32_t count = counts[i / 10];
		size_t piece = pieces[i % 5], len = 25 * (size_t)count, padded = (len + 15) / 16 * 16;
		struct fizeau_fetch_answer answer = answer_of(true, 1, count);
		uint8_t *stored = malloc(len), *got = malloc(padded + 16), head[512];
		size_t given = 0, out = 0;
		struct connection c;

		assert_true(stored != NULL && got != NULL);
		for (size_t k = 0; k < len; k++)
			stored[k] = (uint8_t)(k * 7 + k / 256 + 1);
		open_owamp_connection(&c, protected_and_open[i / 5 % 2]);
		want_fetch(&c, 0, 9);
		assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), 0);
		read_answer(&c, 3, 1, head);
		assert_int_equal(head[15] | head[14] << 8, count);
		while (fizeau_server_records_wanted(c.s) > 0) {
			size_t some = len - given < piece ? len - given : piece;
			int64_t taken = fizeau_server_send_records(c.s, stored + given, some, c.now);
			const uint8_t *octets;

			assert_in_range(taken, 0, some);
			given += (size_t)taken;
			assert_true(fizeau_server_records_wanted(c.s) == len - given);
			assert_in_range(fizeau_server_output(c.s, &octets), 0, 16384);
			/* More than is wanted is not taken. */
			assert_int_equal(
				fizeau_server_send_records(c.s, stored, len - given + 1, c.now), FIZEAU_ERR_STATE);
			if ((size_t)taken < some)
				out += drain(&c, got + out, 5000);
		}
		out += drain(&c, got + out, padded + 16);
		assert_int_equal(out, padded + 16);
		wire_peer_unseal(&c.peer, got, out);
		assert_memory_equal(got, stored, len);
		for (size_t k = len; k < padded; k++)
			assert_int_equal(got[k], 0);
		want_fetch(&c, 0, 9);
		free(stored);
		free(got);
		close_connection(&c);
	}
}

/* A peer that does not read holds what it was going to get, and not for ever. */
static void a_fetch_that_is_not_read_ends_with_servwait(void **state)
{
	struct fizeau_fetch_answer answer = answer_of(true, 0, 100000);
	uint8_t octets[1000] = {0};
	struct connection c;
	int64_t taken = 1;

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	want_fetch(&c, 0, 9);
	/* The caller may take its time to find them. */
	assert_int_equal(fizeau_server_deadline(c.s).ns, INT64_MAX);
	assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), 0);
	c.now.ns += SECOND;
	for (int i = 0; taken > 0; i++) {
		assert_in_range(i, 0, 20);
		taken = fizeau_server_send_records(c.s, octets, sizeof(octets), c.now);
		assert_in_range(taken, 0, sizeof(octets));
	}
	/* What comes meanwhile is left where it is. */
	assert_int_equal(fizeau_server_recv(c.s, octets, 16, c.now), 0);
	assert_int_equal(fizeau_server_deadline(c.s).ns, 906 * SECOND);
	fizeau_server_expire(c.s, (struct fizeau_mono){906 * SECOND});
	assert_int_equal(server_event(c.s, FIZEAU_EVENT_CLOSED).closed.error, FIZEAU_ERR_TIMEOUT);
	assert_true(fizeau_server_records_wanted(c.s) == 0);
	assert_int_equal(fizeau_server_send_records(c.s, octets, 1, c.now), FIZEAU_ERR_STATE);
	close_connection(&c);
}

/* The longest answer there is. */
static void an_answer_may_be_as_long_as_a_request_and_a_stop_together(void **state)
{
	struct fizeau_slot *many = calloc(FIZEAU_SLOTS_MAX, sizeof(*many));
	struct fizeau_skip_range *gaps = calloc(FIZEAU_SKIP_RANGES_MAX, sizeof(*gaps));
	uint8_t *octets = malloc(answer_octets(FIZEAU_SLOTS_MAX, FIZEAU_SKIP_RANGES_MAX));
	struct fizeau_fetch_answer answer = answer_of(true, 0, 1);
	uint8_t record[25] = {0};
	struct connection c;

	(void)state;
	assert_true(many != NULL && gaps != NULL && octets != NULL);
	for (uint32_t i = 0; i < FIZEAU_SKIP_RANGES_MAX; i++)
		gaps[i] = (struct fizeau_skip_range){2 * i, 2 * i};
	answer.request.slots = many;
	answer.request.slot_count = FIZEAU_SLOTS_MAX;
	answer.end.ranges = gaps;
	answer.end.range_count = FIZEAU_SKIP_RANGES_MAX;
	answer.end.next_seqno = UINT32_MAX;
	open_owamp_connection(&c, FIZEAU_MODE_ENCRYPTED);
	want_fetch(&c, 0, 9);
	assert_int_equal(fizeau_server_answer_fetch(c.s, 0, &answer, c.now), 0);
	/* No more goes in before some of it is gone. */
	assert_int_equal(fizeau_server_send_records(c.s, record, sizeof(record), c.now), 0);
	read_answer(&c, FIZEAU_SLOTS_MAX, FIZEAU_SKIP_RANGES_MAX, octets);
	assert_int_equal(fizeau_server_send_records(c.s, record, sizeof(record), c.now), 25);
	close_connection(&c);
	free(octets);
	free(gaps);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fetch_is_answered_and_the_connection_goes_on),
		cmocka_unit_test(an_answer_has_its_parts_each_with_an_hmac),
		cmocka_unit_test(records_may_be_as_many_as_there_are_numbers),
		cmocka_unit_test(what_cannot_be_answered_can_still_be_refused),
		cmocka_unit_test(records_go_out_in_pieces_and_fill_up_once),
		cmocka_unit_test(a_fetch_that_is_not_read_ends_with_servwait),
		cmocka_unit_test(an_answer_may_be_as_long_as_a_request_and_a_stop_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
