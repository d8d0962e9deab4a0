/* SPDX-License-Identifier: MIT */
/* Every TWAMP-Control message against the transcripts of tests/vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "lib/wire/accept.h"
#include "lib/wire/greeting.h"
#include "lib/wire/request_tw.h"
#include "lib/wire/server_start.h"
#include "lib/wire/setup.h"
#include "lib/wire/start.h"
#include "lib/wire/stop.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define MESSAGE_MAX 256

/* Any message, so that one loop can try what holds for all of them. */
union message {
	struct fz_greeting greeting;
	struct fz_setup setup;
	struct fz_server_start server_start;
	struct fz_request_head request;
	struct fz_accept_session accept;
	struct fz_start_ack ack;
	struct fz_stop stop;
};

static int get_greeting(union message *m, const uint8_t *octets, size_t len)
{
	return fz_greeting_get(&m->greeting, octets, len);
}

static int put_greeting(const union message *m, uint8_t *octets, size_t len)
{
	return fz_greeting_put(&m->greeting, octets, len);
}

static int get_setup(union message *m, const uint8_t *octets, size_t len)
{
	return fz_setup_get(&m->setup, octets, len);
}

static int put_setup(const union message *m, uint8_t *octets, size_t len)
{
	return fz_setup_put(&m->setup, octets, len);
}

static int get_server_start(union message *m, const uint8_t *octets, size_t len)
{
	return fz_server_start_get(&m->server_start, octets, len);
}

static int put_server_start(const union message *m, uint8_t *octets, size_t len)
{
	return fz_server_start_put(&m->server_start, octets, len);
}

static int get_request(union message *m, const uint8_t *octets, size_t len)
{
	return fz_request_tw_get(&m->request, octets, len);
}

static int put_request(const union message *m, uint8_t *octets, size_t len)
{
	return fz_request_tw_put(&m->request, octets, len);
}

static int get_accept(union message *m, const uint8_t *octets, size_t len)
{
	return fz_accept_session_get(&m->accept, octets, len);
}

static int put_accept(const union message *m, uint8_t *octets, size_t len)
{
	return fz_accept_session_put(&m->accept, octets, len);
}

static int get_start(union message *m, const uint8_t *octets, size_t len)
{
	(void)m;
	return fz_start_get(octets, len);
}

static int put_start(const union message *m, uint8_t *octets, size_t len)
{
	(void)m;
	return fz_start_put(octets, len);
}

static int get_ack(union message *m, const uint8_t *octets, size_t len)
{
	return fz_start_ack_get(&m->ack, octets, len);
}

static int put_ack(const union message *m, uint8_t *octets, size_t len)
{
	return fz_start_ack_put(&m->ack, octets, len);
}

static int get_stop(union message *m, const uint8_t *octets, size_t len)
{
	return fz_stop_get(&m->stop, octets, len);
}

static int put_stop(const union message *m, uint8_t *octets, size_t len)
{
	return fz_stop_put(&m->stop, octets, len);
}

struct span {
	size_t from, to; /* both inclusive, as wire.md writes them */
};

/* One row a message: its octets in the transcript, and what is MBZ, unused or another layer's (HMAC). */
static const struct codec {
	const char *name, *form;
	size_t octets;
	int (*get)(union message *m, const uint8_t *octets, size_t len);
	int (*put)(const union message *m, uint8_t *octets, size_t len);
	struct span ignored[4];
	size_t ignored_count;
} codecs[] = {
	{"Server-Greeting", "on_wire", 64, get_greeting, put_greeting, {{0, 11}, {52, 63}}, 2},
	{"Set-Up-Response", "on_wire", 164, get_setup, put_setup, {{0, 0}}, 0},
	{"Server-Start", NULL, 48, get_server_start, put_server_start, {{0, 14}, {40, 47}}, 2},
	{"Request-TW-Session", "unauthenticated_form", 112, get_request, put_request,
		{{20, 31}, {36, 47}, {92, 95}, {96, 111}}, 4},
	{"Accept-Session", "unauthenticated_form", 48, get_accept, put_accept, {{1, 1}, {24, 31}, {32, 47}},
		3},
	{"Start-Sessions", "unauthenticated_form", 32, get_start, put_start, {{1, 15}, {16, 31}}, 2},
	{"Start-Ack", "unauthenticated_form", 32, get_ack, put_ack, {{1, 15}, {16, 31}}, 2},
	{"Stop-Sessions", "unauthenticated_form", 32, get_stop, put_stop, {{2, 3}, {8, 15}, {16, 31}}, 3},
};

#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

static int set_up(void **state)
{
	*state = vectors_group("twamp_control.json", "twamp_control_transcript");
	return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	json_decref(*state);
	return 0;
}

/* The octets of the transcript in clear. */
static void clear_octets(
	const json_t *transcript, const struct codec *codec, uint8_t octets[static MESSAGE_MAX])
{
	const json_t *message = element_with(transcript, "message", codec->name);

	if (codec->form != NULL) {
		member_hex(message, codec->form, octets, codec->octets);
		return;
	}
	member_hex(message, "on_wire", octets, 48);
	member_hex(message, "third_block_plaintext", octets + 32, 16);
}

/*= rfc4656#section-3.1 OW-3.1-03 OW-3.1-16 OW-3.1-25 OW-3.1-35 OW-3.1-36 */
/*= rfc4656#section-3.5 OW-3.5-24 */
/*= rfc4656#section-3.7 OW-3.7-01 OW-3.7-04 */
/*= rfc5357#section-3.5 TW-3.5-01 */
/*= rfc5357#section-3.8 TW-3.8-02 TW-3.8-03 */
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

			if (len == codecs[i].octets) {
				free(copy);
				continue;
			}
			assert_non_null(copy);
			memcpy(copy + 1, octets, len);
			assert_int_equal(codecs[i].get(&m, copy + 1, len), FIZEAU_ERR_LENGTH);
			assert_int_equal(codecs[i].put(&m, out, len), FIZEAU_ERR_LENGTH);
			free(copy);
		}
	}
}

/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc5357#section-2 TW-2-02 TW-2-03 */
/*= rfc4656#section-3.5 OW-3.5-09 */
static void mbz_is_ignored_and_goes_out_as_zero(void **state)
{
	for (size_t i = 0; i < CODECS; i++) {
		uint8_t clean[MESSAGE_MAX], dirty[MESSAGE_MAX], got[MESSAGE_MAX];
		union message m;

		clear_octets(*state, &codecs[i], clean);
		memcpy(dirty, clean, sizeof(dirty));
		for (size_t s = 0; s < codecs[i].ignored_count; s++) {
			const struct span *span = &codecs[i].ignored[s];

			memset(dirty + span->from, 0xFF, span->to - span->from + 1);
		}
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
			bool ignored = false;

			for (size_t s = 0; s < codecs[i].ignored_count; s++)
				ignored |= at >= codecs[i].ignored[s].from && at <= codecs[i].ignored[s].to;
			if (ignored)
				continue;
			clear_octets(*state, &codecs[i], octets);
			octets[at] ^= 0x09;
			/* The command is checked, IPVN decides what an address is, a refusal carries nothing
			 * else. */
			if (codecs[i].get(&m, octets, codecs[i].octets) != 0) {
				assert_int_equal(at, 0);
				continue;
			}
			if ((codecs[i].get == get_accept && at == 0) ||
				(codecs[i].get == get_request && at == 1) ||
				(codecs[i].get == get_server_start && at == 15))
				continue;
			assert_int_equal(codecs[i].put(&m, got, codecs[i].octets), 0);
			assert_memory_equal(got, octets, codecs[i].octets);
		}
	}
}

static void greeting_has_the_fields_of_the_transcript(void **state)
{
	uint8_t octets[MESSAGE_MAX];
	struct fz_greeting greeting;

	clear_octets(*state, &codecs[0], octets);
	assert_int_equal(fz_greeting_get(&greeting, octets, FZ_GREETING_OCTETS), 0);
	assert_int_equal(greeting.modes, 15);
	assert_int_equal(greeting.count, 2048);
	assert_int_equal(greeting.challenge[0], 0xC0);
	assert_int_equal(greeting.challenge[15], 0xCF);
	assert_int_equal(greeting.salt[0], 0x50);
	assert_int_equal(greeting.salt[15], 0x5F);
	assert_int_equal(fz_greeting_check(&greeting), 0);
	greeting.modes = 0;
	assert_int_equal(fz_greeting_check(&greeting), FIZEAU_ERR_UNWILLING);
}

/*= rfc7717#section-5.3 IK-5.3-02 IK-5.3-04 IK-5.3-05 IK-5.3-06 IK-5.3-12 */
static void set_up_with_an_ike_key_is_the_vector(void **state)
{
	json_t *messages = vectors_group("ikev2_set_up.json", "ikev2_set_up_response");
	static const uint32_t modes[] = {0x84, 0x14, 0x88};
	static const uint8_t spis[16] = {
		1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
	static const uint8_t zeros[64];
	uint8_t octets[MESSAGE_MAX], got[MESSAGE_MAX];
	struct fz_setup setup;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		member_hex(json_array_get(messages, i), "on_wire", octets, FZ_SETUP_OCTETS);
		assert_int_equal(fz_setup_get(&setup, octets, FZ_SETUP_OCTETS), 0);
		assert_int_equal(setup.mode, modes[i]);
		assert_memory_equal(setup.key_id, spis, 16);
		assert_memory_equal(setup.key_id + 16, zeros, 64);
		assert_int_equal(setup.token[0], 0xFE);
		assert_int_equal(setup.token[63], 0x26);
		assert_int_equal(setup.client_iv[0], 0x70);
		assert_int_equal(fz_setup_put(&setup, got, FZ_SETUP_OCTETS), 0);
		assert_memory_equal(got, octets, FZ_SETUP_OCTETS);
	}
	json_decref(messages);
}

/*= rfc4656#section-3.1 OW-3.1-17 OW-3.1-18 OW-3.1-19 OW-3.1-21 OW-3.1-22 */
/*= rfc7717#section-5.3 IK-5.3-02 */
/*= rfc4656#section-6.7 OW-6.7-01 */
/*= rfc5938#section-3.1 IS-3.1-06 IS-3.1-07 */
static void a_mode_is_one_security_mode_that_was_offered(void **state)
{
	const uint32_t features = 16 | 32 | 64 | 256 | 512, all = 15 | 128 | features;

	(void)state;
	for (uint32_t mode = 0; mode < 1024; mode++) {
		uint32_t security = mode & 15;
		bool one = security == 1 || security == 2 || security == 4 || security == 8;
		bool ike = (mode & 128) != 0;
		int want = one && !(ike && security == 1) ? 0 : FIZEAU_ERR_MODE;

		if ((mode & all) == 0)
			want = FIZEAU_ERR_UNWILLING;
		assert_int_equal(fz_mode_check(FIZEAU_TWAMP, mode, all), want);
		/* Bits that nobody here implements do not count. */
		assert_int_equal(fz_mode_check(FIZEAU_TWAMP, mode | 0x80000000, all), want);
		if (want == 0)
			assert_int_equal(fz_mode_check(FIZEAU_TWAMP, mode, all & ~security), FIZEAU_ERR_MODE);
		if (want == 0 && ike)
			assert_int_equal(fz_mode_check(FIZEAU_TWAMP, mode, all & ~128u), FIZEAU_ERR_MODE);
		/* Each feature has to have been offered. */
		for (uint32_t bit = 16; want == 0 && bit <= 512; bit *= 2) {
			if ((mode & features & bit) != 0)
				assert_int_equal(fz_mode_check(FIZEAU_TWAMP, mode, all & ~bit), FIZEAU_ERR_MODE);
		}
	}
	assert_int_equal(fz_mode_check(FIZEAU_TWAMP, 0, 0), FIZEAU_ERR_UNWILLING);
	assert_int_equal(fz_mode_check(FIZEAU_TWAMP, 0x80000000, all), FIZEAU_ERR_UNWILLING);
}

/*= rfc5618#section-3.1 MX-3.1-01 MX-3.1-02 MX-3.1-04 */
static void mixed_mode_protects_control_and_not_the_test(void **state)
{
	static const struct {
		uint32_t mode;
		bool control, test;
	} rows[] = {{1, false, false}, {2, true, true}, {4, true, true}, {8, true, false}, {130, true, true},
		{136, true, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fz_mode_protects_control(rows[i].mode), rows[i].control);
		assert_int_equal(fz_mode_protects_test(rows[i].mode), rows[i].test);
	}
}

/*= rfc4656#section-3.1 OW-3.1-43 */
/*= rfc4656#section-3.3 OW-3.3-04 */
static void server_start_that_refuses_has_no_start_time(void **state)
{
	struct fz_server_start start = {.accept = 6, .start_time = 0x0102030405060708}, got;
	uint8_t octets[FZ_SERVER_START_OCTETS];

	(void)state;
	assert_int_equal(fz_server_start_put(&start, octets, sizeof(octets)), 0);
	assert_int_equal(fz_server_start_get(&got, octets, sizeof(octets)), 0);
	assert_int_equal(got.accept, 6);
	assert_int_equal(got.start_time, 0);
	for (unsigned int accept = 0; accept < 256; accept++) {
		got.accept = (uint8_t)accept;
		assert_int_equal(fz_server_start_check(&got), accept == 0 ? 0 : FIZEAU_ERR_REFUSED);
	}
}

static void request_of_the_transcript(const json_t *transcript, struct fz_request_head *request)
{
	uint8_t octets[MESSAGE_MAX];

	clear_octets(transcript, &codecs[3], octets);
	assert_int_equal(fz_request_tw_get(request, octets, FZ_REQUEST_TW_OCTETS), 0);
}

/*= rfc5357#section-3.5 TW-3.5-05 TW-3.5-07 TW-3.5-12 TW-3.5-14 TW-3.5-18 */
/*= rfc4656#section-3.5 OW-3.5-19 */
/*= rfc4656#section-3.5 OW-3.5-07 OW-3.5-08 OW-3.5-21 */
/*= rfc8545#section-5.1 PO-5.1-05 */
static void request_goes_through_the_api_and_back(void **state)
{
	struct fizeau_tw_request api;
	struct fz_request_head request, again;
	uint8_t want[MESSAGE_MAX], got[MESSAGE_MAX];

	request_of_the_transcript(*state, &request);
	assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), FIZEAU_ACCEPT_OK);
	fz_request_tw_to_api(&request, FIZEAU_MODE_OPEN, &api);
	assert_int_equal(api.ip_version, 4);
	assert_int_equal(api.sender.version, 4);
	assert_memory_equal(api.sender.octets, "\x0a\0\0\x01", 4);
	assert_memory_equal(api.receiver.octets, "\x0a\0\0\x02", 4);
	assert_int_equal(api.sender_port, 20000);
	assert_int_equal(api.receiver_port, 862);
	assert_int_equal(api.padding_octets, 64);
	assert_int_equal(api.start_time, 0xE800000500000000);
	assert_int_equal(api.timeout, 0x0000000200000000);
	assert_int_equal(api.dscp, 46);

	/* Octets behind an IPv4 address do not go out. */
	memset(api.sender.octets + 4, 0xFF, 12);
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &again), 0);
	clear_octets(*state, &codecs[3], want);
	assert_int_equal(fz_request_tw_put(&again, got, FZ_REQUEST_TW_OCTETS), 0);
	assert_memory_equal(got, want, FZ_REQUEST_TW_OCTETS);
}

/*= rfc5357#section-3.5 TW-3.5-10 TW-3.5-11 */
static void addresses_of_zero_are_not_given(void **state)
{
	static const uint8_t zeros[16];
	struct fizeau_tw_request api;
	struct fz_request_head request, again;
	uint8_t octets[MESSAGE_MAX];

	/* What stands behind an IPv4 address does not make it given. */
	clear_octets(*state, &codecs[3], octets);
	memset(octets + 16, 0, 4);
	memset(octets + 20, 0xEE, 12);
	assert_int_equal(fz_request_tw_get(&request, octets, FZ_REQUEST_TW_OCTETS), 0);
	fz_request_tw_to_api(&request, FIZEAU_MODE_OPEN, &api);
	assert_int_equal(api.sender.version, 0);
	assert_int_equal(api.receiver.version, 4);

	/* In IPv6 all 16 octets do. */
	octets[1] = 6;
	assert_int_equal(fz_request_tw_get(&request, octets, FZ_REQUEST_TW_OCTETS), 0);
	fz_request_tw_to_api(&request, FIZEAU_MODE_OPEN, &api);
	assert_int_equal(api.sender.version, 6);
	assert_memory_equal(api.sender.octets, octets + 16, 16);

	api.sender.version = 0;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &again), 0);
	assert_memory_equal(again.sender, zeros, 16);
	assert_memory_equal(again.receiver, request.receiver, 16);
}

/*= rfc5357#section-3.5 TW-3.5-06 TW-3.5-18 */
/*= rfc4656#section-3.5 OW-3.5-07 OW-3.5-22 */
static void a_request_of_the_wrong_form_earns_accept_3(void **state)
{
	struct fz_request_head good, request;

	request_of_the_transcript(*state, &good);
	for (unsigned int ipvn = 0; ipvn < 16; ipvn++) {
		request = good;
		request.ip_version = (uint8_t)ipvn;
		assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), ipvn == 4 || ipvn == 6 ? 0 : 3);
	}
	for (unsigned int conf = 1; conf < 256; conf++) {
		request = good;
		request.conf_sender = (uint8_t)conf;
		assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), 3);
		request = good;
		request.conf_receiver = (uint8_t)conf;
		assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), 3);
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		request = good;
		request.type_p = UINT32_C(1) << bit;
		assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), bit >= 24 && bit <= 29 ? 0 : 3);
	}
	request = good;
	request.schedule_slots = UINT32_MAX;
	assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), 3);
	request = good;
	request.packets = 1;
	assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), 3);
	request = good;
	request.padding_octets = UINT32_MAX;
	assert_int_equal(fz_request_tw_check(&request, FIZEAU_MODE_OPEN), 3);
}

static void what_a_request_cannot_carry_is_out_of_range(void **state)
{
	struct fizeau_tw_request good, api;
	struct fz_request_head request;

	request_of_the_transcript(*state, &request);
	fz_request_tw_to_api(&request, FIZEAU_MODE_OPEN, &good);
	api = good;
	api.ip_version = 5;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.sender.version = 6;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.receiver.version = 6;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.dscp = 64;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.sender_port = 0;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	api = good;
	api.padding_octets = UINT32_MAX;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	/* The largest that fit. */
	api = good;
	api.dscp = 63;
	api.padding_octets = 65535 - 8 - 14;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), 0);
	api.padding_octets++;
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &request), FIZEAU_ERR_RANGE);
	assert_int_equal(fz_request_tw_from_api(&good, FIZEAU_MODE_OPEN, &request), 0);
}

/*= rfc5357#section-3.5 TW-3.5-02 */
static void another_command_is_unexpected(void **state)
{
	uint8_t octets[MESSAGE_MAX];
	union message m;

	for (size_t i = 3; i < CODECS; i++) {
		if (codecs[i].get == get_accept || codecs[i].get == get_ack)
			continue;
		for (unsigned int command = 0; command < 256; command++) {
			uint8_t right;

			clear_octets(*state, &codecs[i], octets);
			right = octets[0];
			octets[0] = (uint8_t)command;
			assert_int_equal(codecs[i].get(&m, octets, codecs[i].octets),
				command == right ? 0 : FIZEAU_ERR_UNEXPECTED);
		}
	}
}

/*= rfc5357#section-3.5 TW-3.5-21 TW-3.5-24 TW-3.5-25 */
/*= rfc8545#section-5.1 PO-5.1-03 PO-5.1-04 */
/*= rfc4656#section-3.3 OW-3.3-04 */
static void a_refused_session_has_no_port_and_no_sid(void **state)
{
	struct fz_accept_session answer = {.port = 862, .sid = {1, 2, 3}}, got;
	uint8_t octets[FZ_ACCEPT_SESSION_OCTETS];

	(void)state;
	for (unsigned int accept = 0; accept < 256; accept++) {
		static const uint8_t zeros[47];

		answer.accept = (uint8_t)accept;
		assert_int_equal(fz_accept_session_put(&answer, octets, sizeof(octets)), 0);
		assert_int_equal(octets[0], accept);
		if (accept != 0)
			assert_memory_equal(octets + 1, zeros, 47);
		assert_int_equal(fz_accept_session_get(&got, octets, sizeof(octets)), 0);
		assert_int_equal(fz_accept_session_check(&got), accept == 0 ? 0 : FIZEAU_ERR_REFUSED);
	}
	got = answer;
	got.accept = 0;
	got.port = 0;
	assert_int_equal(fz_accept_session_check(&got), FIZEAU_ERR_MALFORMED);
}

/*= rfc4656#section-3.3 OW-3.3-01 OW-3.3-04 */
/*= rfc5357#section-3.3 TW-3.3-01 */
/*= rfc7717#section-5.3 IK-5.3-11 */
static void each_accept_has_a_text_and_the_unknown_ones_that_of_failure(void **state)
{
	(void)state;
	for (unsigned int accept = 0; accept < 256; accept++) {
		struct fz_start_ack ack = {.accept = (uint8_t)accept};

		assert_int_equal(fz_start_ack_check(&ack), accept == 0 ? 0 : FIZEAU_ERR_REFUSED);
		for (unsigned int other = 0; other < accept; other++) {
			bool same = accept > 6 && (other == 1 || other > 6);

			assert_int_equal(strcmp(fizeau_accept_text((uint8_t)accept),
						 fizeau_accept_text((uint8_t)other)) == 0,
				same);
		}
	}
	assert_string_equal(fizeau_accept_text(1), "failure");
	assert_string_equal(fizeau_accept_text(6), "no IKE SA with these SPIs");
}

/*= rfc5357#section-3.8 TW-3.8-08 */
static void stop_counts_all_started_or_all_alive(void **state)
{
	(void)state;
	for (uint32_t sessions = 0; sessions < 8; sessions++) {
		struct fz_stop stop = {.sessions = sessions};

		assert_int_equal(
			fz_stop_check(&stop, 5, 3), sessions == 5 || sessions == 3 ? 0 : FIZEAU_ERR_SESSIONS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_reads_and_writes_as_the_transcript),
		cmocka_unit_test(each_truncation_and_a_longer_message_are_refused),
		cmocka_unit_test(mbz_is_ignored_and_goes_out_as_zero),
		cmocka_unit_test(no_octet_of_a_field_is_lost),
		cmocka_unit_test(greeting_has_the_fields_of_the_transcript),
		cmocka_unit_test(set_up_with_an_ike_key_is_the_vector),
		cmocka_unit_test(a_mode_is_one_security_mode_that_was_offered),
		cmocka_unit_test(mixed_mode_protects_control_and_not_the_test),
		cmocka_unit_test(server_start_that_refuses_has_no_start_time),
		cmocka_unit_test(request_goes_through_the_api_and_back),
		cmocka_unit_test(addresses_of_zero_are_not_given),
		cmocka_unit_test(a_request_of_the_wrong_form_earns_accept_3),
		cmocka_unit_test(what_a_request_cannot_carry_is_out_of_range),
		cmocka_unit_test(another_command_is_unexpected),
		cmocka_unit_test(a_refused_session_has_no_port_and_no_sid),
		cmocka_unit_test(each_accept_has_a_text_and_the_unknown_ones_that_of_failure),
		cmocka_unit_test(stop_counts_all_started_or_all_alive),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
