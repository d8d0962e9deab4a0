/* SPDX-License-Identifier: MIT */
/* The messages that OWAMP has of its own, and the parts they are made of, against the transcript of tests/vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "lib/wire/fetch.h"
#include "lib/wire/request_session.h"
#include "lib/wire/schedule.h"
#include "lib/wire/setup.h"
#include "lib/wire/skip_ranges.h"
#include "lib/wire/stop_ow.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define MESSAGE_MAX 512

union message {
	struct fz_request_head request;
	struct fizeau_slot slot;
	struct fz_stop stop;
	struct fz_stop_record record;
	struct fz_fetch fetch;
	struct fz_fetch_ack ack;
};

static int get_request(union message *m, const uint8_t *octets, size_t len)
{
	return fz_request_ow_get(&m->request, octets, len);
}

static int put_request(const union message *m, uint8_t *octets, size_t len)
{
	return fz_request_ow_put(&m->request, octets, len);
}

static int get_slot(union message *m, const uint8_t *octets, size_t len)
{
	return fz_slot_get(&m->slot, octets, len);
}

static int put_slot(const union message *m, uint8_t *octets, size_t len)
{
	return fz_slot_put(&m->slot, octets, len);
}

static int get_stop(union message *m, const uint8_t *octets, size_t len)
{
	return fz_stop_head_get(&m->stop, octets, len);
}

static int put_stop(const union message *m, uint8_t *octets, size_t len)
{
	return fz_stop_head_put(&m->stop, octets, len);
}

static int get_record(union message *m, const uint8_t *octets, size_t len)
{
	return fz_stop_record_get(&m->record, octets, len);
}

/* What was read has one range, so that it is the whole record. */
static int put_record(const union message *m, uint8_t *octets, size_t len)
{
	struct fizeau_session_end end = {
		.next_seqno = m->record.next_seqno, .ranges = &m->record.first, .range_count = m->record.range_count};

	memcpy(end.sid, m->record.sid, sizeof(end.sid));
	return fz_stop_record_put(&end, octets, len);
}

static int get_fetch(union message *m, const uint8_t *octets, size_t len)
{
	return fz_fetch_get(&m->fetch, octets, len);
}

static int put_fetch(const union message *m, uint8_t *octets, size_t len)
{
	return fz_fetch_put(&m->fetch, octets, len);
}

static int get_ack(union message *m, const uint8_t *octets, size_t len)
{
	return fz_fetch_ack_get(&m->ack, octets, len);
}

static int put_ack(const union message *m, uint8_t *octets, size_t len)
{
	return fz_fetch_ack_put(&m->ack, octets, len);
}

struct span {
	size_t from, to; /* both inclusive, as wire.md writes them */
};

/* One row a message or part: where it lies in the transcript, and what is MBZ, unused or another layer's (HMAC). */
static const struct codec {
	size_t message, at, octets;
	int (*get)(union message *m, const uint8_t *octets, size_t len);
	int (*put)(const union message *m, uint8_t *octets, size_t len);
	struct span ignored[4];
	size_t ignored_count;
} codecs[] = {
	{0, 0, 112, get_request, put_request, {{20, 31}, {36, 47}, {88, 95}, {96, 111}}, 4},
	{0, 112, 16, get_slot, put_slot, {{1, 7}}, 1},
	{0, 128, 16, get_slot, put_slot, {{1, 7}}, 1},
	{4, 0, 16, get_stop, put_stop, {{2, 3}, {8, 15}}, 2},
	{4, 16, 32, get_record, put_record, {{0, 0}}, 0},
	{6, 0, 48, get_fetch, put_fetch, {{1, 7}, {32, 47}}, 2},
	{7, 0, 32, get_ack, put_ack, {{2, 3}, {16, 31}}, 2},
	{8, 0, 112, get_request, put_request, {{20, 31}, {36, 47}, {88, 95}, {96, 111}}, 4},
};

#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

static int set_up(void **state)
{
	*state = vectors_group("owamp_control.json", "owamp_control_transcript");
	return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	json_decref(*state);
	return 0;
}

static void clear_octets(const json_t *transcript, const struct codec *codec, uint8_t octets[static MESSAGE_MAX])
{
	size_t len = member_hex_upto(
		json_array_get(transcript, codec->message), "unauthenticated_form", octets, MESSAGE_MAX);

	assert_true(codec->at + codec->octets <= len);
	memmove(octets, octets + codec->at, codec->octets);
}

static bool ignored(const struct codec *codec, size_t at)
{
	for (size_t s = 0; s < codec->ignored_count; s++) {
		if (at >= codec->ignored[s].from && at <= codec->ignored[s].to)
			return true;
	}
	return false;
}

/*= rfc4656#section-3.5 OW-3.5-04 OW-3.5-05 */
/*= rfc4656#section-3.8 OW-3.8-02 OW-3.8-03 */
/*= rfc4656#section-3.9 OW-3.9-01 OW-3.9-06 */
static void each_message_reads_and_writes_as_the_transcript(void **state)
{
	for (size_t i = 0; i < CODECS; i++) {
		uint8_t want[MESSAGE_MAX], got[MESSAGE_MAX];
		union message m;

		memset(&m, 0xA5, sizeof(m));
		memset(got, 0xA5, sizeof(got));
		clear_octets(*state, &codecs[i], want);
		assert_int_equal(codecs[i].get(&m, want, codecs[i].octets), 0);
		assert_int_equal(codecs[i].put(&m, got, codecs[i].octets), 0);
		assert_memory_equal(got, want, codecs[i].octets);
	}
}

static void each_truncation_and_a_longer_message_are_refused(void **state)
{
	for (size_t i = 0; i < CODECS; i++) {
		uint8_t octets[MESSAGE_MAX] = {0}, out[MESSAGE_MAX];
		union message m;

		clear_octets(*state, &codecs[i], octets);
		assert_int_equal(codecs[i].get(&m, octets, codecs[i].octets), 0);
		for (size_t len = 0; len <= codecs[i].octets + 1; len++) {
			/* A copy of its own size, so that a sanitizer sees a read past the end. */
			uint8_t *copy = malloc(len + 1);
			union message read;

			assert_non_null(copy);
			memcpy(copy + 1, octets, len);
			if (len != codecs[i].octets) {
				assert_int_equal(codecs[i].get(&read, copy + 1, len), FIZEAU_ERR_LENGTH);
				assert_int_equal(codecs[i].put(&m, out, len), FIZEAU_ERR_LENGTH);
			}
			free(copy);
		}
	}
}

/*= rfc4656#section-3.1 OW-3.1-36 OW-3.1-37 */
/*= rfc4656#section-3.5 OW-3.5-08 OW-3.5-09 */
static void mbz_is_ignored_and_goes_out_as_zero(void **state)
{
	for (size_t i = 0; i < CODECS; i++) {
		uint8_t clean[MESSAGE_MAX], dirty[MESSAGE_MAX], got[MESSAGE_MAX];
		union message m;

		clear_octets(*state, &codecs[i], clean);
		memcpy(dirty, clean, sizeof(dirty));
		for (size_t at = 0; at < codecs[i].octets; at++) {
			if (ignored(&codecs[i], at))
				dirty[at] = 0xFF;
		}
		dirty[1] |= codecs[i].get == get_request ? 0xF0 : 0;
		assert_int_equal(codecs[i].get(&m, dirty, codecs[i].octets), 0);
		assert_int_equal(codecs[i].put(&m, got, codecs[i].octets), 0);
		assert_memory_equal(got, clean, codecs[i].octets);
	}
}

/* Each octet that is not ignored comes back as it was read. */
static void no_octet_of_a_field_is_lost(void **state)
{
	for (size_t i = 0; i < CODECS; i++) {
		for (size_t at = 0; at < codecs[i].octets; at++) {
			uint8_t octets[MESSAGE_MAX], got[MESSAGE_MAX];
			union message m;

			if (ignored(&codecs[i], at))
				continue;
			clear_octets(*state, &codecs[i], octets);
			octets[at] ^= 0x09;
			/* Command and slot type are checked. */
			if (codecs[i].get(&m, octets, codecs[i].octets) != 0) {
				assert_int_equal(at, 0);
				continue;
			}
			/* IPVN decides what an address is, a refusal carries nothing else, the number of ranges how
			   long the record is. */
			if ((codecs[i].get == get_ack && at == 0) || (codecs[i].get == get_request && at == 1) ||
				(codecs[i].get == get_record && at >= 20 && at < 24))
				continue;
			assert_int_equal(codecs[i].put(&m, got, codecs[i].octets), 0);
			assert_memory_equal(got, octets, codecs[i].octets);
		}
	}
}

static void another_command_is_unexpected(void **state)
{
	for (size_t i = 0; i < CODECS; i++) {
		for (unsigned int command = 0; command < 256; command++) {
			uint8_t octets[MESSAGE_MAX], right;
			union message m;

			if (codecs[i].get == get_ack || codecs[i].get == get_record || codecs[i].get == get_slot)
				continue;
			clear_octets(*state, &codecs[i], octets);
			right = octets[0];
			octets[0] = (uint8_t)command;
			assert_int_equal(codecs[i].get(&m, octets, codecs[i].octets),
				command == right ? 0 : FIZEAU_ERR_UNEXPECTED);
		}
	}
}

/*= rfc4656#section-3.6 OW-3.6-01 */
static void slots_are_of_two_types(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		uint8_t octets[FZ_SLOT_OCTETS] = {(uint8_t)type, [8] = 0x80, [15] = 1};
		struct fizeau_slot slot;

		assert_int_equal(fz_slot_get(&slot, octets, sizeof(octets)), type < 2 ? 0 : FIZEAU_ERR_MALFORMED);
		if (type < 2) {
			assert_int_equal(slot.exponential, type == 0);
			assert_true(slot.parameter == UINT64_C(0x8000000000000001));
		}
	}
}

/*= rfc4656#section-3.8 OW-3.8-03 OW-3.8-05 */
static void a_stop_record_fills_its_blocks_with_zeros(void **state)
{
	static const size_t octets_with[] = {32, 32, 48, 48, 64, 64, 80};
	static const struct fizeau_skip_range ranges[6] = {{0, 1}, {3, 3}, {5, 9}, {11, 12}, {14, 14}, {16, 30}};

	(void)state;
	for (uint32_t n = 0; n <= 6; n++) {
		struct fizeau_session_end end = {
			.sid = {0xAB}, .next_seqno = 0x01020304, .ranges = ranges, .range_count = n};
		uint8_t got[80], want[80] = {0xAB, [16] = 1, 2, 3, 4, [23] = (uint8_t)n};

		for (uint32_t i = 0; i < n; i++) {
			want[24 + 8 * i + 3] = (uint8_t)ranges[i].first;
			want[24 + 8 * i + 7] = (uint8_t)ranges[i].last;
		}
		memset(got, 0xA5, sizeof(got));
		assert_int_equal(fz_stop_record_octets(n), octets_with[n]);
		assert_int_equal(fz_stop_record_put(&end, got, octets_with[n]), 0);
		assert_memory_equal(got, want, octets_with[n]);
	}
}

static void skip_ranges_come_two_to_a_block(void **state)
{
	static const struct fizeau_skip_range ranges[3] = {{1, 2}, {4, 0xFFFFFFFE}, {0xFFFFFFFF, 0xFFFFFFFF}};
	struct fizeau_skip_range got[3];
	uint8_t octets[32];

	(void)state;
	assert_int_equal(fz_skip_ranges_octets(0), 0);
	assert_int_equal(fz_skip_ranges_octets(1), 16);
	assert_int_equal(fz_skip_ranges_octets(2), 16);
	assert_int_equal(fz_skip_ranges_octets(3), 32);
	assert_true(fz_skip_ranges_octets(UINT32_MAX) == UINT64_C(34359738368));
	memset(octets, 0xA5, sizeof(octets));
	assert_int_equal(fz_skip_ranges_put(ranges, 3, octets, sizeof(octets)), 0);
	assert_memory_equal(octets, "\0\0\0\x01\0\0\0\x02\0\0\0\x04\xff\xff\xff\xfe", 16);
	assert_memory_equal(octets + 16, "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 16);
	/* What fills up is not looked at. */
	memset(octets + 24, 0x77, 8);
	assert_int_equal(fz_skip_ranges_get(got, 3, octets, sizeof(octets)), 0);
	assert_memory_equal(got, ranges, sizeof(ranges));
	assert_int_equal(fz_skip_ranges_get(got, 3, octets, 23), FIZEAU_ERR_LENGTH);
	assert_int_equal(fz_skip_ranges_put(ranges, 3, octets, 23), FIZEAU_ERR_LENGTH);
}

static void request_of_the_transcript(const json_t *transcript, struct fz_request_head *request)
{
	uint8_t octets[MESSAGE_MAX];

	clear_octets(transcript, &codecs[0], octets);
	assert_int_equal(fz_request_ow_get(request, octets, FZ_REQUEST_OW_OCTETS), 0);
}

/*= rfc4656#section-3.5 OW-3.5-08 OW-3.5-10 OW-3.5-15 OW-3.5-16 OW-3.5-19 OW-3.5-21 */
static void request_goes_through_the_api_and_back(void **state)
{
	struct fizeau_ow_request api;
	struct fz_request_head request, again;
	uint8_t want[MESSAGE_MAX], got[MESSAGE_MAX];

	/* The reproduction: it has both ports and the SID. */
	clear_octets(*state, &codecs[7], want);
	assert_int_equal(fz_request_ow_get(&request, want, FZ_REQUEST_OW_OCTETS), 0);
	assert_int_equal(fz_request_ow_check(&request), FIZEAU_ACCEPT_OK);
	fz_request_ow_to_api(&request, &api);
	assert_true(api.conf_receiver && !api.conf_sender);
	assert_int_equal(api.ip_version, 4);
	assert_int_equal(api.sender.version, 4);
	assert_memory_equal(api.sender.octets, "\x0a\0\0\x01", 4);
	assert_memory_equal(api.receiver.octets, "\x0a\0\0\x02", 4);
	assert_int_equal(api.sender_port, 0x7531);
	assert_int_equal(api.receiver_port, 0x2238);
	assert_int_equal(api.packets, 10);
	assert_int_equal(api.sid[0], 0x0a);
	assert_int_equal(api.sid[15], 0xef);
	assert_int_equal(api.padding_octets, 0);
	assert_true(api.start_time == UINT64_C(0xE800000500000000) && api.timeout == UINT64_C(0x0000000A00000000));
	assert_int_equal(api.type_p, 0);
	assert_int_equal(api.slot_count, 2);

	/* Octets behind an IPv4 address do not go out. */
	memset(api.sender.octets + 4, 0xFF, 12);
	assert_int_equal(fz_request_ow_from_api(&api, &again), 0);
	assert_int_equal(fz_request_ow_put(&again, got, FZ_REQUEST_OW_OCTETS), 0);
	assert_memory_equal(got, want, FZ_REQUEST_OW_OCTETS - 16);
}

/*= rfc4656#section-3.5 OW-3.5-11 OW-3.5-12 */
static void conf_is_no_or_anything_else(void **state)
{
	struct fz_request_head request;
	struct fizeau_ow_request api;

	request_of_the_transcript(*state, &request);
	request.receiver_port = 1;
	for (unsigned int conf = 0; conf < 256 * 256; conf++) {
		request.conf_sender = (uint8_t)(conf >> 8);
		request.conf_receiver = (uint8_t)conf;
		assert_int_equal(fz_request_ow_check(&request), conf == 0 ? 3 : 0);
		fz_request_ow_to_api(&request, &api);
		assert_int_equal(api.conf_sender, conf >> 8 != 0);
		assert_int_equal(api.conf_receiver, (conf & 255) != 0);
		if (conf == 0)
			continue;
		assert_int_equal(fz_request_ow_from_api(&api, &request), 0);
		assert_true(request.conf_sender <= 1 && request.conf_receiver <= 1);
	}
}

/*= rfc4656#section-3.5 OW-3.5-06 OW-3.5-07 OW-3.5-22 OW-3.5-23 */
static void the_form_of_a_request_earns_its_accept(void **state)
{
	struct fz_request_head good, request;

	request_of_the_transcript(*state, &good);
	assert_int_equal(fz_request_ow_check(&good), 0);
	for (unsigned int ipvn = 0; ipvn < 16; ipvn++) {
		request = good;
		request.ip_version = (uint8_t)ipvn;
		assert_int_equal(fz_request_ow_check(&request), ipvn == 4 || ipvn == 6 ? 0 : 3);
	}
	/* A Type-P matters to who sends. */
	for (unsigned int bit = 0; bit < 32; bit++) {
		request = good;
		request.type_p = UINT32_C(1) << bit;
		assert_int_equal(fz_request_ow_check(&request), 0);
		request.conf_sender = 1;
		assert_int_equal(fz_request_ow_check(&request), bit >= 24 && bit <= 29 ? 0 : 3);
	}
	request = good;
	request.schedule_slots = 0;
	assert_int_equal(fz_request_ow_check(&request), 3);
	request.schedule_slots = FIZEAU_SLOTS_MAX;
	assert_int_equal(fz_request_ow_check(&request), 0);
	request.schedule_slots++;
	assert_int_equal(fz_request_ow_check(&request), 4);
	request.schedule_slots = UINT32_MAX;
	assert_int_equal(fz_request_ow_check(&request), 4);
	request = good;
	request.padding_octets = 65535 - 8 - 14;
	assert_int_equal(fz_request_ow_check(&request), 0);
	request.padding_octets++;
	assert_int_equal(fz_request_ow_check(&request), 3);
	/* Where to send to, if it is not the server's to choose. */
	request = good;
	assert_int_equal(request.receiver_port, 0);
	request.conf_sender = 1;
	assert_int_equal(fz_request_ow_check(&request), 0);
	request.conf_receiver = 0;
	assert_int_equal(fz_request_ow_check(&request), 3);
	request.receiver_port = 1;
	assert_int_equal(fz_request_ow_check(&request), 0);
}

static void what_a_request_cannot_carry_is_out_of_range(void **state)
{
	struct fizeau_ow_request good, api;
	struct fz_request_head request;

	request_of_the_transcript(*state, &request);
	fz_request_ow_to_api(&request, &good);
	assert_int_equal(fz_request_ow_from_api(&good, &request), 0);
	api = good;
	api.ip_version = 5;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.sender.version = 6;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.receiver.version = 6;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.conf_receiver = false;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.slot_count = 0;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
	api.slot_count = FIZEAU_SLOTS_MAX + 1;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.conf_sender = true;
	api.type_p = 0x40000000;
	assert_int_equal(fz_request_ow_from_api(&api, &request), FIZEAU_ERR_RANGE);
}

/*= rfc4656#section-3.9 OW-3.9-07 OW-3.9-08 */
static void a_refused_fetch_says_nothing_else(void **state)
{
	static const uint8_t zeros[31];
	uint8_t octets[FZ_FETCH_ACK_OCTETS];

	(void)state;
	for (unsigned int accept = 1; accept < 256; accept++) {
		struct fz_fetch_ack ack = {(uint8_t)accept, 1, 2, 3, 4}, got;

		assert_int_equal(fz_fetch_ack_put(&ack, octets, sizeof(octets)), 0);
		assert_int_equal(octets[0], accept);
		assert_memory_equal(octets + 1, zeros, 31);
		memset(octets + 1, 0xFF, 31);
		assert_int_equal(fz_fetch_ack_get(&got, octets, sizeof(octets)), 0);
		assert_int_equal(got.accept, accept);
		assert_true(got.finished == 0 && got.next_seqno == 0 && got.range_count == 0 && got.records == 0);
	}
}

/*= rfc4656#section-3.9 OW-3.9-09 */
static void finished_is_not_zero_and_not_perfsonars_two(void **state)
{
	(void)state;
	for (unsigned int finished = 0; finished < 256; finished++) {
		struct fz_fetch_ack ack = {.finished = (uint8_t)finished};

		assert_int_equal(fz_fetch_ack_finished(&ack), finished != 0 && finished != 2);
	}
}

/*= rfc7718#section-3.2.4 OR-3.2-01 OR-3.2-03 OR-3.2-05 */
/*= rfc4656#section-3.1 OW-3.1-17 OW-3.1-19 OW-3.1-21 OW-3.1-22 */
static void the_modes_of_owamp_are_its_own(void **state)
{
	const uint32_t all = 1 | 2 | 4 | 16;

	(void)state;
	assert_int_equal(fizeau_mode_ike(FIZEAU_OWAMP), 16);
	assert_int_equal(fizeau_mode_ike(FIZEAU_TWAMP), 128);
	assert_int_equal(fz_modes_known(FIZEAU_OWAMP), all);
	assert_int_equal(fz_modes_known(FIZEAU_TWAMP), 15 | 16 | 32 | 64 | 128 | 256 | 512);
	for (uint32_t mode = 0; mode < 256; mode++) {
		uint32_t security = mode & 7;
		bool one = security == 1 || security == 2 || security == 4;
		bool ike = (mode & 16) != 0;
		int want = one && !(ike && security == 1) ? 0 : FIZEAU_ERR_MODE;

		if ((mode & all) == 0)
			want = FIZEAU_ERR_UNWILLING;
		assert_int_equal(fz_mode_check(FIZEAU_OWAMP, mode, all), want);
		if (want == 0)
			assert_int_equal(fz_mode_check(FIZEAU_OWAMP, mode, all & ~security), FIZEAU_ERR_MODE);
		if (want == 0 && ike)
			assert_int_equal(fz_mode_check(FIZEAU_OWAMP, mode, 7), FIZEAU_ERR_MODE);
		/* There it is individual session control, which was not offered. */
		assert_int_equal(fz_mode_check(FIZEAU_TWAMP, mode | 16, 15 | 128), FIZEAU_ERR_MODE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_reads_and_writes_as_the_transcript),
		cmocka_unit_test(each_truncation_and_a_longer_message_are_refused),
		cmocka_unit_test(mbz_is_ignored_and_goes_out_as_zero),
		cmocka_unit_test(no_octet_of_a_field_is_lost),
		cmocka_unit_test(another_command_is_unexpected),
		cmocka_unit_test(slots_are_of_two_types),
		cmocka_unit_test(a_stop_record_fills_its_blocks_with_zeros),
		cmocka_unit_test(skip_ranges_come_two_to_a_block),
		cmocka_unit_test(request_goes_through_the_api_and_back),
		cmocka_unit_test(conf_is_no_or_anything_else),
		cmocka_unit_test(the_form_of_a_request_earns_its_accept),
		cmocka_unit_test(what_a_request_cannot_carry_is_out_of_range),
		cmocka_unit_test(a_refused_fetch_says_nothing_else),
		cmocka_unit_test(finished_is_not_zero_and_not_perfsonars_two),
		cmocka_unit_test(the_modes_of_owamp_are_its_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
