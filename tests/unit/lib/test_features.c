/* SPDX-License-Identifier: MIT */
/* The feature bits of TWAMP at the control connection (RFC 6038, RFC 7750, RFC 8186): what the messages gain, which requests
   are refused, and every combination from the greeting to the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include "lib/wire/accept.h"
#include "lib/wire/request_tw.h"
#include "tests/testlib/client_connection.h"
#include "tests/testlib/server_connection.h"
#include <cmocka.h>

#define SERVER_OCTETS 0x5aa5

/* The fields of RFC 6038, octet by octet, and MBZ where the Mode does not have them. */
/*= rfc6038#section-1 RO-1-02 RO-1-03 */
/*= rfc6038#section-4.2 RO-4.2-01 */
static void reflect_octets_are_in_their_place_and_in_their_mode_alone(void **state)
{
	static const uint8_t fields[8] = {0xab, 0xcd, 0x00, 0x10, 0xff, 0xff, 0xff, 0xff};
	struct fizeau_tw_request api;
	struct fz_request_head request, again;
	uint8_t octets[WIRE_MESSAGE_MAX], got[WIRE_MESSAGE_MAX];

	(void)state;
	plain_request(octets);
	octets[67] = 64;
	memcpy(octets + 88, fields, sizeof(fields));
	assert_int_equal(fz_request_tw_get(&request, octets, FZ_REQUEST_TW_OCTETS), 0);
	fz_request_tw_to_api(&request, FIZEAU_MODE_OPEN | FIZEAU_MODE_REFLECT_OCTETS, &api);
	assert_int_equal(api.reflect_octets, 0xabcd);
	assert_int_equal(api.reflect_length, 16);
	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN | FIZEAU_MODE_REFLECT_OCTETS, &again), 0);
	assert_int_equal(fz_request_tw_put(&again, got, FZ_REQUEST_TW_OCTETS), 0);
	memset(octets + 92, 0, 4);
	assert_memory_equal(got, octets, FZ_REQUEST_TW_OCTETS);

	assert_int_equal(fz_request_tw_from_api(&api, FIZEAU_MODE_OPEN, &again), FIZEAU_ERR_RANGE);
	fz_request_tw_to_api(&request, FIZEAU_MODE_OPEN | FIZEAU_MODE_SYMMETRICAL, &api);
	assert_int_equal(api.reflect_octets, 0);
	assert_int_equal(api.reflect_length, 0);
}

/* Padding Length, by 26 and 27, 29 and 30, 63 and 64, and by L and L + 1 where nothing is cut off. */
/*= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
/*= rfc6038#section-4.3 RO-4.3-06 */
/*= rfc7750#section-2.2.2 DE-2.2.2-01 */
static void too_little_padding_for_what_is_to_come_back_earns_accept_3(void **state)
{
	static const struct {
		uint32_t mode;
		uint16_t length;
		uint32_t least;
	} rows[] = {
		{1 | 32, 0, 27}, {1 | 32, 8, 35}, {1 | 32, 1000, 1027}, {1 | 32, 65000, 65027}, {8 | 32, 8, 35},
		{2 | 32, 0, 64}, {2 | 32, 8, 72}, {4 | 32 | 128, 8, 72},
		{1 | 32 | 64, 0, 1}, {1 | 32 | 64, 8, 9}, {2 | 32 | 64, 8, 9}, {4 | 32 | 64, 1000, 1001},
		{1 | 32 | 256, 0, 30}, {1 | 32 | 256, 8, 38}, {2 | 32 | 256, 8, 72},
		{1 | 32 | 64 | 256, 8, 9}, {1 | 32 | 512, 8, 35},
		/* Without the feature the octets are MBZ, and nobody is refused for them. */
		{1, 8, 0}, {2, 65535, 0}, {1 | 64 | 256 | 512, 8, 0},
	};
	struct fz_request_head request;
	uint8_t octets[WIRE_MESSAGE_MAX];

	(void)state;
	plain_request(octets);
	assert_int_equal(fz_request_tw_get(&request, octets, FZ_REQUEST_TW_OCTETS), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		request.reflect_length = rows[i].length;
		request.padding_octets = rows[i].least;
		assert_int_equal(fz_request_tw_check(&request, rows[i].mode), FIZEAU_ACCEPT_OK);
		if (rows[i].least == 0)
			continue;
		request.padding_octets = rows[i].least - 1;
		assert_int_equal(fz_request_tw_check(&request, rows[i].mode), FIZEAU_ACCEPT_UNSUPPORTED);
	}
	/* The RFC's own example. */
	request.padding_octets = 10;
	request.reflect_length = 8;
	assert_int_equal(fz_request_tw_check(&request, 33), FIZEAU_ACCEPT_UNSUPPORTED);
}

/*= rfc6038#section-4.3 RO-4.3-01 RO-4.3-02 */
static void an_acceptance_has_both_pairs_of_octets_and_a_refusal_none(void **state)
{
	struct fz_accept_session answer = {.port = 862, .reflected_octets = 0xabcd, .server_octets = 0x1234}, got;
	static const uint8_t want[12] = {0xab, 0xcd, 0x12, 0x34}, zeros[28];
	uint8_t octets[FZ_ACCEPT_SESSION_OCTETS];

	(void)state;
	assert_int_equal(fz_accept_session_put(&answer, octets, sizeof(octets)), 0);
	assert_memory_equal(octets + 20, want, sizeof(want));
	assert_int_equal(fz_accept_session_get(&got, octets, sizeof(octets)), 0);
	assert_int_equal(got.reflected_octets, 0xabcd);
	assert_int_equal(got.server_octets, 0x1234);
	answer.accept = FIZEAU_ACCEPT_UNSUPPORTED;
	assert_int_equal(fz_accept_session_put(&answer, octets, sizeof(octets)), 0);
	assert_memory_equal(octets + 4, zeros, sizeof(zeros));
}

static void a_session(struct control_pair *p, uint32_t mode, uint16_t length, uint16_t server_octets)
{
	bool reflects = (mode & FIZEAU_MODE_REFLECT_OCTETS) != 0;
	struct fizeau_tw_request request = control_pair_request(20000);
	struct fizeau_event event;

	request.padding_octets = 1000;
	request.reflect_octets = reflects ? 0xabcd : 0;
	request.reflect_length = reflects ? length : 0;
	assert_int_equal(fizeau_control_client_request_tw(p->client, &request, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_SESSION_WANTED, &event);
	assert_int_equal(event.request.padding_octets, 1000);
	assert_int_equal(event.request.reflect_octets, request.reflect_octets);
	assert_int_equal(event.request.reflect_length, request.reflect_length);
	assert_int_equal(fizeau_server_answer_session(p->server, 0, 18760, connection_sid, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_SESSION_ANSWER, &event);
	assert_int_equal(event.session.accept, 0);
	assert_int_equal(event.session.reflected_octets, request.reflect_octets);
	assert_int_equal(event.session.server_octets, reflects && length >= 2 ? server_octets : 0);
}

/* All of them with all of the security modes, and with IKEv2-derived keys. */
/*= rfc6038#section-1 RO-1-01 RO-1-04 */
/*= rfc6038#section-3 RO-3-01 RO-3-02 */
/*= rfc6038#section-4.1 RO-4.1-01 RO-4.1-02 RO-4.1-03 */
/*= rfc6038#section-4.2 RO-4.2-02 RO-4.2-03 */
/*= rfc6038#section-4.3 RO-4.3-01 RO-4.3-03 RO-4.3-04 */
/*= rfc6038#section-7 RO-7-01 */
/*= rfc7750#section-1 DE-1-01 */
/*= rfc7750#section-2.1 DE-2.1-01 DE-2.1-02 */
/*= rfc7750#section-3 DE-3-01 */
/*= rfc8186#section-3 PT-3-01 */
static void every_combination_of_features_and_modes_is_agreed_on(void **state)
{
	static const uint32_t security[] = {1, 2, 4, 8, 2 | 128, 4 | 128, 8 | 128};

	(void)state;
	for (size_t s = 0; s < sizeof(security) / sizeof(security[0]); s++) {
		for (uint32_t features = 0; features < 1024; features++) {
			struct control_pair_config config = {
				.offered = ALL_MODES,
				.mode = security[s] | features,
				.count = 2048,
				.max_sessions = 4,
				.token_key = {0xAA, 1, 2, 3},
				.chop = 1000,
				.server_octets = features % 3 == 0 ? 0 : SERVER_OCTETS,
			};
			struct control_pair p;

			if ((features & ~ALL_FEATURES) != 0)
				continue;
			control_pair_open(&p, &config);
			control_pair_set_up(&p, &config);
			assert_int_equal(fizeau_server_mode(p.server), config.mode);
			a_session(&p, config.mode, 8, config.server_octets);
			/* There is no place for Server octets in these. */
			a_session(&p, config.mode, 1, config.server_octets);
			a_session(&p, config.mode, 0, config.server_octets);
			a_session(&p, config.mode, 2, config.server_octets);
			control_pair_close(&p);
		}
	}
}

/*= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08 */
/*= rfc6038#section-4.3 RO-4.3-06 */
static void a_server_refuses_what_cannot_come_back_and_goes_on(void **state)
{
	static const uint8_t few[4] = {0, 0, 0, 34}, enough[4] = {0, 0, 0, 35}, fields[4] = {1, 2, 0, 8};
	struct connection c;
	uint8_t octets[WIRE_MESSAGE_MAX];

	(void)state;
	open_connection(&c, FIZEAU_MODE_OPEN | FIZEAU_MODE_REFLECT_OCTETS);
	plain_request(octets);
	memcpy(octets + 64, few, 4);
	memcpy(octets + 88, fields, 4);
	give_sealed(&c, octets, REQUEST);
	read_accept(&c, FIZEAU_ACCEPT_UNSUPPORTED);
	plain_request(octets);
	memcpy(octets + 64, enough, 4);
	memcpy(octets + 88, fields, 4);
	give_sealed(&c, octets, REQUEST);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	close_connection(&c);
}

/* What asks for more than the Mode allows does not leave. */
/*= rfc6038#section-1 RO-1-02 */
/*= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
static void a_client_does_not_ask_for_what_cannot_be(void **state)
{
	static const struct {
		uint32_t mode, padding;
		uint16_t octets, length;
		int error;
	} rows[] = {
		{1, 100, 7, 0, FIZEAU_ERR_RANGE},
		{1, 100, 0, 8, FIZEAU_ERR_RANGE},
		{1 | 64, 100, 0, 8, FIZEAU_ERR_RANGE},
		{1 | 32, 26, 0, 0, FIZEAU_ERR_RANGE},
		{1 | 32, 34, 0, 8, FIZEAU_ERR_RANGE},
		{1 | 32, 35, 0, 8, 0},
		{2 | 32, 71, 0, 8, FIZEAU_ERR_RANGE},
		{2 | 32, 72, 0, 8, 0},
		{4 | 32 | 64, 8, 0, 8, FIZEAU_ERR_RANGE},
		{4 | 32 | 64, 9, 0, 8, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct control_pair_config config = {.offered = ALL_MODES, .mode = rows[i].mode, .count = 2048,
			.max_sessions = 1, .token_key = {0xAA, 1, 2, 3}, .chop = 1000};
		struct fizeau_tw_request request = control_pair_request(20000);
		struct control_pair p;

		control_pair_open(&p, &config);
		control_pair_set_up(&p, &config);
		request.padding_octets = rows[i].padding;
		request.reflect_octets = rows[i].octets;
		request.reflect_length = rows[i].length;
		assert_int_equal(fizeau_control_client_request_tw(p.client, &request, p.now), rows[i].error);
		control_pair_close(&p);
	}
}

static void give_answer(struct client_connection *k, uint16_t server_octets)
{
	struct fz_accept_session answer = {.port = 9000, .reflected_octets = 0xabcd, .server_octets = server_octets};
	uint8_t octets[WIRE_MESSAGE_MAX];

	assert_int_equal(fz_accept_session_put(&answer, octets, FZ_ACCEPT_SESSION_OCTETS), 0);
	client_give_sealed(k, octets, FZ_ACCEPT_SESSION_OCTETS);
}

/*= rfc6038#section-1 RO-1-03 */
static void server_octets_that_nobody_agreed_on_are_mbz(void **state)
{
	struct client_connection k;
	struct fizeau_event event;

	(void)state;
	client_set_up(&k, FIZEAU_MODE_OPEN);
	client_request(&k);
	give_answer(&k, SERVER_OCTETS);
	assert_true(fizeau_control_client_event(k.c, &event));
	assert_int_equal(event.type, FIZEAU_EVENT_SESSION_ANSWER);
	assert_int_equal(event.session.server_octets, 0);
	assert_int_equal(event.session.reflected_octets, 0);
	client_close(&k);
}

/* client_request asks for no octets to come back. */
/*= rfc6038#section-4.3 RO-4.3-02 */
static void server_octets_that_have_no_place_cost_the_connection(void **state)
{
	struct client_connection k;

	(void)state;
	client_set_up(&k, FIZEAU_MODE_OPEN | FIZEAU_MODE_REFLECT_OCTETS);
	client_request(&k);
	give_answer(&k, SERVER_OCTETS);
	client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
	client_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reflect_octets_are_in_their_place_and_in_their_mode_alone),
		cmocka_unit_test(too_little_padding_for_what_is_to_come_back_earns_accept_3),
		cmocka_unit_test(an_acceptance_has_both_pairs_of_octets_and_a_refusal_none),
		cmocka_unit_test(every_combination_of_features_and_modes_is_agreed_on),
		cmocka_unit_test(a_server_refuses_what_cannot_come_back_and_goes_on),
		cmocka_unit_test(a_client_does_not_ask_for_what_cannot_be),
		cmocka_unit_test(server_octets_that_nobody_agreed_on_are_mbz),
		cmocka_unit_test(server_octets_that_have_no_place_cost_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
