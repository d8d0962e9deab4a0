/* SPDX-License-Identifier: MIT */
/* The Control-Client against octets: the transcripts of tests/vectors, and whatever a server may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "tests/testlib/client_connection.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static void put_u32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void vector(const json_t *transcript, const char *name, const char *form, uint8_t *octets, size_t len)
{
	member_hex(element_with(transcript, "message", name), form, octets, len);
}

static void transcript_gives(
	struct client_connection *k, const json_t *t, const char *name, const char *form, size_t len)
{
	uint8_t octets[WIRE_MESSAGE_MAX];

	vector(t, name, form, octets, len);
	client_give(k, octets, len);
}

static void transcript_wants(
	struct client_connection *k, const json_t *t, const char *name, const char *form, size_t len)
{
	uint8_t want[WIRE_MESSAGE_MAX], got[WIRE_MESSAGE_MAX];

	vector(t, name, form, want, len);
	client_says(k->c, got, len);
	assert_memory_equal(got, want, len);
}

static void transcript_set_up(struct client_connection *k, const json_t *t, bool open)
{
	struct fizeau_set_up set_up = control_pair_set_up_of(&k->config);
	struct fizeau_event event;
	uint8_t octets[WIRE_MESSAGE_MAX], got[164], want[164] = {0};

	transcript_gives(k, t, "Server-Greeting", "on_wire", 64);
	event = client_event(k->c, FIZEAU_EVENT_GREETING);
	assert_int_equal(event.greeting.modes, 15);
	assert_int_equal(event.greeting.count, 2048);
	assert_memory_equal(event.greeting.challenge, control_pair_random.challenge, 16);
	assert_memory_equal(event.greeting.salt, control_pair_random.salt, 16);
	assert_int_equal(fizeau_control_client_set_up(k->c, &set_up, k->now), 0);
	vector(t, "Server-Start", "on_wire", octets, 48);
	if (open) {
		/*= rfc4656#section-3.1 OW-3.1-24 */
		put_u32(want, FIZEAU_MODE_OPEN);
		vector(t, "Server-Start", "third_block_plaintext", octets + 32, 16);
	} else {
		vector(t, "Set-Up-Response", "on_wire", want, sizeof(want));
	}
	client_says(k->c, got, sizeof(got));
	assert_memory_equal(got, want, sizeof(want));
	client_give(k, octets, 48);
	assert_int_equal(
		client_event(k->c, FIZEAU_EVENT_SERVER_START).answer.start_time, CONTROL_PAIR_START_TIME);
}

/*= rfc4656#section-3.1 OW-3.1-15 OW-3.1-16 OW-3.1-24 OW-3.1-27 OW-3.1-28 OW-3.1-44 */
/*= rfc4656#section-3.2 OW-3.2-01 OW-3.2-02 OW-3.2-04 OW-3.2-05 OW-3.2-06 */
/*= rfc4656#section-3.4 OW-3.4-01 OW-3.4-02 OW-3.4-03 */
/*= rfc4656#section-3.7 OW-3.7-01 */
/*= rfc5357#section-3.2 TW-3.2-01 TW-3.2-02 TW-3.2-03 */
/*= rfc5357#section-3.5 TW-3.5-01 TW-3.5-05 TW-3.5-07 TW-3.5-08 TW-3.5-09 TW-3.5-12 TW-3.5-23 */
/*= rfc5357#section-3.7 TW-3.7-01 */
/*= rfc5357#section-3.8 TW-3.8-02 TW-3.8-03 TW-3.8-07 */
static void the_transcript_octet_for_octet(void **state)
{
	static const char *const forms[] = {"ciphertext", "unauthenticated_form"};
	static const uint8_t sid[FIZEAU_SID_OCTETS] = {
		0x0A, 0, 0, 2, 0xE8, 0, 0, 1, 0x40, 0, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF};
	const struct fizeau_tw_request request = control_pair_request(862);
	json_t *t = vectors_group("twamp_control.json", "twamp_control_transcript");
	json_t *token = vectors_group("control_keys.json", "token");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client_connection k;
		struct fizeau_event event;

		client_open(&k, i == 0 ? FIZEAU_MODE_ENCRYPTED : FIZEAU_MODE_OPEN);
		member_hex(token, "kek", k.config.token_key, 16);
		transcript_set_up(&k, t, i == 1);
		assert_int_equal(fizeau_control_client_request_tw(k.c, &request, k.now), 0);
		transcript_wants(&k, t, "Request-TW-Session", forms[i], 112);
		transcript_gives(&k, t, "Accept-Session", forms[i], 48);
		event = client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
		assert_int_equal(event.session.accept, 0);
		assert_int_equal(event.session.port, 862);
		assert_memory_equal(event.session.sid, sid, sizeof(sid));
		assert_int_equal(fizeau_control_client_start(k.c, k.now), 0);
		transcript_wants(&k, t, "Start-Sessions", forms[i], 32);
		transcript_gives(&k, t, "Start-Ack", forms[i], 32);
		assert_int_equal(client_event(k.c, FIZEAU_EVENT_START_ACK).answer.accept, 0);
		assert_int_equal(fizeau_control_client_stop(k.c, 0, k.now), 0);
		transcript_wants(&k, t, "Stop-Sessions", forms[i], 32);
		client_close(&k);
	}
	json_decref(token);
	json_decref(t);
}

/*= rfc7717#section-5.3 IK-5.3-01 IK-5.3-02 IK-5.3-03 IK-5.3-04 IK-5.3-05 IK-5.3-06 IK-5.3-12 */
static void set_up_with_an_ike_key_is_the_vector(void **state)
{
	json_t *messages = vectors_group("ikev2_set_up.json", "ikev2_set_up_response");
	json_t *keys = vectors_group("ikev2.json", "ikev2_prf_ippm");
	static const uint32_t modes[] = {0x84, 0x14, 0x88};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct client_connection k;
		struct fizeau_set_up set_up;
		uint8_t want[164], got[164];

		if (i == 1)
			client_open_owamp(&k, modes[i]);
		else
			client_open(&k, modes[i]);
		member_hex(element_with(keys, "name", "PRF_HMAC_SHA2_256"), "optA_leftmost16",
			k.config.token_key, 16);
		member_hex(json_array_get(messages, i), "on_wire", want, sizeof(want));
		client_greet(&k, 0x9F, 2048);
		(void)client_event(k.c, FIZEAU_EVENT_GREETING);
		set_up = control_pair_set_up_of(&k.config);
		memcpy(set_up.key_id, "\1\2\3\4\5\6\7\10\x11\x12\x13\x14\x15\x16\x17\x18", 16);
		assert_int_equal(fizeau_control_client_set_up(k.c, &set_up, k.now), 0);
		client_says(k.c, got, sizeof(got));
		assert_memory_equal(got, want, sizeof(want));
		client_close(&k);
	}
	json_decref(keys);
	json_decref(messages);
}

/*= rfc4656#section-3.2 OW-3.2-05 OW-3.2-07 */
/*= rfc5357#section-3.2 TW-3.2-02 */
static void each_flipped_bit_of_an_answer_ends_the_connection(void **state)
{
	(void)state;
	/* Server-Start from Server-IV on, under the HMAC of Accept-Session; Accept-Session; Start-Ack. */
	for (size_t bit = 8 * 16; bit < 8 * (48 + 48 + 32); bit++) {
		struct client_connection k;
		uint8_t start[48], accept[48] = {0, 0, 3, 0x5E}, ack[32] = {0};

		client_open(&k, FIZEAU_MODE_ENCRYPTED);
		client_greet(&k, 15, 2048);
		(void)client_event(k.c, FIZEAU_EVENT_GREETING);
		client_choose(&k);
		server_start_octets(&k, start);
		wire_peer_seal(&k.server, accept, sizeof(accept));
		wire_peer_seal(&k.server, ack, sizeof(ack));
		if (bit < 8 * 48)
			start[bit / 8] ^= (uint8_t)(1u << bit % 8);
		else if (bit < 8 * 96)
			accept[bit / 8 - 48] ^= (uint8_t)(1u << bit % 8);
		else
			ack[bit / 8 - 96] ^= (uint8_t)(1u << bit % 8);
		client_give(&k, start, sizeof(start));
		(void)client_event(k.c, FIZEAU_EVENT_SERVER_START);
		client_request(&k);
		client_give(&k, accept, sizeof(accept));
		if (bit >= 8 * 96) {
			(void)client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
			client_start(&k);
			client_give(&k, ack, sizeof(ack));
		}
		client_is_closed(&k, FIZEAU_ERR_HMAC, 0);
		client_close(&k);
	}
}

/*= rfc4656#section-3.1 OW-3.1-39 OW-3.1-41 OW-3.1-43 */
/*= rfc4656#section-3.3 OW-3.3-02 OW-3.3-04 */
/*= rfc7717#section-5.3 IK-5.3-11 */
static void a_refused_set_up_ends_with_the_value_that_came(void **state)
{
	(void)state;
	for (unsigned int accept = 1; accept < 256; accept++) {
		struct client_connection k;
		uint8_t octets[48];

		client_open(&k, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_TW_IKEV2);
		client_greet(&k, 0x8F, 2048);
		(void)client_event(k.c, FIZEAU_EVENT_GREETING);
		client_choose(&k);
		/* Whatever stands around it. */
		memset(octets, 0xEE, sizeof(octets));
		octets[15] = (uint8_t)accept;
		client_give(&k, octets, sizeof(octets));
		client_is_closed(&k, FIZEAU_ERR_REFUSED, (uint8_t)accept);
		client_close(&k);
	}
}

/*= rfc4656#section-3.1 OW-3.1-13 */
static void a_server_that_offers_nothing_is_left_without_a_word(void **state)
{
	struct client_connection k;

	(void)state;
	client_open(&k, FIZEAU_MODE_OPEN);
	client_greet(&k, 0, 2048);
	client_is_closed(&k, FIZEAU_ERR_UNWILLING, 0);
	client_close(&k);
}

struct choice {
	uint32_t offered, mode;
	uint32_t count;
	int error;
};

/*= rfc4656#section-3.1 OW-3.1-06 OW-3.1-14 OW-3.1-15 OW-3.1-17 OW-3.1-18 OW-3.1-20 */
/*= rfc5618#section-3.1 MX-3.1-03 MX-3.1-07 */
/*= rfc6038#section-4.1 RO-4.1-02 RO-4.1-03 */
/*= rfc6038#section-4.4 RO-4.4-01 */
/*= rfc7750#section-2.1 DE-2.1-02 */
/*= rfc8186#section-2.2 PT-2.2-03 PT-2.2-04 */
/*= rfc7717#section-5.2 IK-5.2-02 IK-5.2-03 IK-5.2-04 */
/*= rfc7717#section-5.3 IK-5.3-02 */
/*= rfc5357#section-6 TW-6-02 TW-6-03 TW-6-05 */
/*= rfc5938#section-3.1 IS-3.1-03 IS-3.1-06 */
static void only_a_mode_that_was_offered_goes_out_and_only_with_a_sane_count(void **state)
{
	static const struct choice rows[] = {
		{15, 3, 2048, FIZEAU_ERR_MODE},
		{15, 12, 2048, FIZEAU_ERR_MODE},
		{15, 130, 2048, FIZEAU_ERR_MODE},
		{0x8F, 128, 2048, FIZEAU_ERR_MODE},
		{0x8F, 129, 2048, FIZEAU_ERR_MODE},
		{3, 4, 2048, FIZEAU_ERR_MODE},
		{0xFFFFFFFF, 0x401, 2048, FIZEAU_ERR_MODE},
		{0x8F, 0x21, 2048, FIZEAU_ERR_MODE},
		{0x8F, 0x201, 2048, FIZEAU_ERR_MODE},
		{0x3EF, 0x360, 2048, FIZEAU_ERR_MODE},
		{0x3EF, 0x361, 2048, 0},
		{0x3EF, 0x61, 2048, 0},
		{0x3EF, 0x3E4, 2048, 0},
		{15, 0x11, 2048, FIZEAU_ERR_MODE},
		{0x1F, 0x10, 2048, FIZEAU_ERR_MODE},
		{0xFFFFFFFF, 0x80000001, 2048, FIZEAU_ERR_MODE},
		{15, 4, 0, FIZEAU_ERR_COUNT},
		{15, 4, 512, FIZEAU_ERR_COUNT},
		{15, 2, 3000, FIZEAU_ERR_COUNT},
		{15, 8, 65536, FIZEAU_ERR_COUNT},
		{15, 4, 0x80000000, FIZEAU_ERR_COUNT},
		{0x8F, 132, 3000, FIZEAU_ERR_COUNT},
		{0x8F, 132, 512, FIZEAU_ERR_COUNT},
		{0x8F, 132, 65536, 0},
		{0x8F, 2, 32768, 0},
		{15, 4, 1024, 0},
		{15, 1, 0, 0},
		{0x1F, 0x11, 0, 0},
		{0x9F, 0x98, 2048, 0},
		{0xFFFFFFF9, 1, 0x80000000, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client_connection k;
		struct fizeau_set_up set_up;
		const uint8_t *output;

		client_open(&k, rows[i].mode);
		client_greet(&k, rows[i].offered, rows[i].count);
		assert_int_equal(
			client_event(k.c, FIZEAU_EVENT_GREETING).greeting.modes, rows[i].offered & 0x3FF);
		set_up = control_pair_set_up_of(&k.config);
		assert_int_equal(fizeau_control_client_set_up(k.c, &set_up, k.now), rows[i].error);
		assert_int_equal(fizeau_control_client_output(k.c, &output), rows[i].error == 0 ? 164 : 0);
		/* After an error another choice is open. */
		if (rows[i].error != 0 && (rows[i].offered & 1) != 0) {
			k.config.mode = FIZEAU_MODE_OPEN;
			client_choose(&k);
		}
		client_close(&k);
	}
}

/*= rfc4656#section-3.1 OW-3.1-22 */
static void giving_up_says_mode_zero(void **state)
{
	static const uint8_t zeros[164];
	struct client_connection k;
	uint8_t octets[164];
	struct fizeau_set_up set_up;

	(void)state;
	client_open(&k, 0);
	client_greet(&k, 14, 1);
	(void)client_event(k.c, FIZEAU_EVENT_GREETING);
	set_up = control_pair_set_up_of(&k.config);
	assert_int_equal(fizeau_control_client_set_up(k.c, &set_up, k.now), 0);
	client_says(k.c, octets, sizeof(octets));
	assert_memory_equal(octets, zeros, sizeof(zeros));
	client_is_closed(&k, 0, 0);
	client_close(&k);
}

/* Which of the four may be called, each tried in vain. */
static void assert_not_allowed(struct client_connection *k, bool set_up, bool request, bool start, bool stop)
{
	const struct fizeau_set_up choice = control_pair_set_up_of(&k->config);
	const struct fizeau_tw_request session = control_pair_request(862);
	const uint8_t *output;

	if (set_up)
		assert_int_equal(fizeau_control_client_set_up(k->c, &choice, k->now), FIZEAU_ERR_STATE);
	if (request)
		assert_int_equal(fizeau_control_client_request_tw(k->c, &session, k->now), FIZEAU_ERR_STATE);
	if (start)
		assert_int_equal(fizeau_control_client_start(k->c, k->now), FIZEAU_ERR_STATE);
	if (stop)
		assert_int_equal(fizeau_control_client_stop(k->c, 0, k->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_output(k->c, &output), 0);
}

/*= rfc4656#section-3.1 OW-3.1-01 */
/*= rfc4656#section-3.4 OW-3.4-06 */
static void a_call_out_of_place_sends_nothing(void **state)
{
	struct client_connection k;
	uint8_t octets[48];

	(void)state;
	client_open(&k, FIZEAU_MODE_OPEN);
	assert_not_allowed(&k, true, true, true, true);
	client_greet(&k, 1, 0);
	(void)client_event(k.c, FIZEAU_EVENT_GREETING);
	assert_not_allowed(&k, false, true, true, true);
	client_choose(&k);
	assert_not_allowed(&k, true, true, true, true);
	server_start_octets(&k, octets);
	client_give(&k, octets, sizeof(octets));
	(void)client_event(k.c, FIZEAU_EVENT_SERVER_START);
	assert_not_allowed(&k, true, false, true, true);
	client_request(&k);
	assert_not_allowed(&k, true, true, true, true);
	client_give_accept(&k, 0, 862);
	(void)client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
	client_start(&k);
	assert_not_allowed(&k, true, true, true, true);
	client_give_ack(&k, 0);
	(void)client_event(k.c, FIZEAU_EVENT_START_ACK);
	assert_not_allowed(&k, true, true, true, false);
	assert_int_equal(fizeau_control_client_stop(k.c, 0, k.now), 0);
	client_says(k.c, octets, 32);
	assert_not_allowed(&k, true, false, true, true);
	client_close(&k);
}

/*= rfc4656#section-3.5 OW-3.5-26 */
/*= rfc4656#section-3.3 OW-3.3-04 */
/*= rfc5357#section-3.5 TW-3.5-24 */
/*= rfc5357#section-3.8 TW-3.8-07 */
static void a_refused_session_does_not_end_the_connection_and_does_not_count(void **state)
{
	static const uint8_t zeros[FIZEAU_SID_OCTETS];
	struct client_connection k;
	uint8_t octets[32];

	(void)state;
	client_set_up(&k, FIZEAU_MODE_AUTHENTICATED);
	for (unsigned int accept = 1; accept < 256; accept++) {
		struct fizeau_event event;

		client_request(&k);
		/* A port and a SID beside a refusal mean nothing. */
		client_give_accept(&k, (uint8_t)accept, 862);
		event = client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
		assert_int_equal(event.session.accept, accept);
		assert_int_equal(event.session.port, 0);
		assert_memory_equal(event.session.sid, zeros, sizeof(zeros));
	}
	assert_int_equal(fizeau_control_client_start(k.c, k.now), FIZEAU_ERR_STATE);
	client_session(&k);
	client_session(&k);
	client_session(&k);
	client_start(&k);
	client_give_ack(&k, 0);
	(void)client_event(k.c, FIZEAU_EVENT_START_ACK);
	assert_int_equal(fizeau_control_client_stop(k.c, 9, k.now), 0);
	client_says(k.c, octets, sizeof(octets));
	wire_peer_unseal(&k.server, octets, sizeof(octets));
	assert_memory_equal(octets, "\3\11\0\0\0\0\0\3\0\0\0\0\0\0\0\0", 16);
	client_close(&k);
}

static void a_session_without_a_port_is_malformed(void **state)
{
	struct client_connection k;

	(void)state;
	client_set_up(&k, FIZEAU_MODE_OPEN);
	client_request(&k);
	client_give_accept(&k, 0, 0);
	client_is_closed(&k, FIZEAU_ERR_MALFORMED, 0);
	client_close(&k);
}

/*= rfc4656#section-3.7 OW-3.7-06 */
/*= rfc4656#section-3.3 OW-3.3-04 */
static void a_refused_start_ends_the_connection(void **state)
{
	(void)state;
	for (unsigned int accept = 1; accept < 256; accept++) {
		struct client_connection k;

		client_set_up(&k, FIZEAU_MODE_ENCRYPTED);
		client_session(&k);
		client_start(&k);
		client_give_ack(&k, (uint8_t)accept);
		client_is_closed(&k, FIZEAU_ERR_REFUSED, (uint8_t)accept);
		client_close(&k);
	}
}

/*= rfc5357#section-3.4 TW-3.4-01 */
static void a_server_that_speaks_unasked_is_left(void **state)
{
	struct client_connection k;
	uint8_t octet = 0;

	(void)state;
	/* Before the choice its octets wait. */
	client_open(&k, FIZEAU_MODE_OPEN);
	client_greet(&k, 1, 0);
	assert_int_equal(fizeau_control_client_recv(k.c, &octet, 1, k.now), 0);
	client_close(&k);

	client_set_up(&k, FIZEAU_MODE_OPEN);
	client_give(&k, &octet, 1);
	client_is_closed(&k, FIZEAU_ERR_UNEXPECTED, 0);
	client_close(&k);

	client_set_up(&k, FIZEAU_MODE_OPEN);
	client_session(&k);
	client_start(&k);
	client_give_ack(&k, 0);
	(void)client_event(k.c, FIZEAU_EVENT_START_ACK);
	client_give(&k, &octet, 1);
	client_is_closed(&k, FIZEAU_ERR_UNEXPECTED, 0);
	client_close(&k);
}

/*= rfc4656#section-3.1 OW-3.1-37 */
/*= rfc4656#section-3.2 OW-3.2-09 */
static void mbz_of_answers_is_ignored(void **state)
{
	static const uint32_t modes[] = {FIZEAU_MODE_OPEN, FIZEAU_MODE_ENCRYPTED};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client_connection k;
		uint8_t octets[64];

		client_open(&k, modes[i]);
		greeting_octets(octets, 15, 2048);
		memset(octets, 0xEE, 12);
		memset(octets + 52, 0xEE, 12);
		client_give(&k, octets, 64);
		(void)client_event(k.c, FIZEAU_EVENT_GREETING);
		client_choose(&k);
		server_start_octets(&k, octets);
		memset(octets, 0xEE, 15);
		client_give(&k, octets, 48);
		(void)client_event(k.c, FIZEAU_EVENT_SERVER_START);
		client_request(&k);
		memset(octets, 0xEE, sizeof(octets));
		octets[0] = 0;
		wire_peer_seal(&k.server, octets, 48);
		if (i == 0)
			memset(octets + 32, 0xEE, 16);
		client_give(&k, octets, 48);
		assert_int_equal(client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER).session.port, 0xEEEE);
		client_start(&k);
		memset(octets, 0xEE, sizeof(octets));
		octets[0] = 0;
		client_give_sealed(&k, octets, 32);
		(void)client_event(k.c, FIZEAU_EVENT_START_ACK);
		client_close(&k);
	}
}

static void assert_times_out(struct client_connection *k, int64_t at)
{
	struct fizeau_event event;

	assert_int_equal(fizeau_control_client_deadline(k->c).ns, at);
	fizeau_control_client_expire(k->c, (struct fizeau_mono){at - 1});
	assert_false(fizeau_control_client_event(k->c, &event));
	fizeau_control_client_expire(k->c, (struct fizeau_mono){at});
	client_is_closed(k, FIZEAU_ERR_TIMEOUT, 0);
	client_close(k);
}

static void each_answer_has_its_time_and_dribbling_does_not_extend_it(void **state)
{
	struct client_connection k;
	uint8_t octets[64];

	(void)state;
	client_open(&k, FIZEAU_MODE_OPEN);
	greeting_octets(octets, 1, 0);
	for (size_t i = 0; i < 63; i++) {
		k.now.ns += SECOND / 100;
		client_give(&k, octets + i, 1);
	}
	assert_times_out(&k, 10 * SECOND);

	client_open(&k, FIZEAU_MODE_OPEN);
	client_greet(&k, 1, 0);
	(void)client_event(k.c, FIZEAU_EVENT_GREETING);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
	k.now.ns = 100 * SECOND;
	client_choose(&k);
	assert_times_out(&k, 105 * SECOND);

	client_set_up(&k, FIZEAU_MODE_OPEN);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
	k.now.ns = 200 * SECOND;
	client_request(&k);
	memset(octets, 0, sizeof(octets));
	client_give(&k, octets, 47);
	assert_times_out(&k, 205 * SECOND);

	client_set_up(&k, FIZEAU_MODE_OPEN);
	client_session(&k);
	k.now.ns = 300 * SECOND;
	client_start(&k);
	assert_times_out(&k, 305 * SECOND);

	client_set_up(&k, FIZEAU_MODE_OPEN);
	client_session(&k);
	client_start(&k);
	client_give_ack(&k, 0);
	(void)client_event(k.c, FIZEAU_EVENT_START_ACK);
	assert_int_equal(fizeau_control_client_deadline(k.c).ns, INT64_MAX);
	client_close(&k);
}

static void the_end_of_the_server_is_told(void **state)
{
	struct client_connection k;
	uint8_t octets[64];

	(void)state;
	client_open(&k, FIZEAU_MODE_OPEN);
	fizeau_control_client_eof(k.c);
	client_is_closed(&k, FIZEAU_ERR_CLOSED, 0);
	client_close(&k);

	client_open(&k, FIZEAU_MODE_OPEN);
	greeting_octets(octets, 1, 0);
	client_give(&k, octets, 63);
	fizeau_control_client_eof(k.c);
	client_is_closed(&k, FIZEAU_ERR_LENGTH, 0);
	client_close(&k);
}

static void a_request_out_of_range_leaves_the_connection_as_it_was(void **state)
{
	struct client_connection k;
	struct fizeau_tw_request request = control_pair_request(862);

	(void)state;
	client_set_up(&k, FIZEAU_MODE_ENCRYPTED);
	request.dscp = 64;
	assert_int_equal(fizeau_control_client_request_tw(k.c, &request, k.now), FIZEAU_ERR_RANGE);
	client_session(&k);
	client_close(&k);
}

/* A server that answers before it was asked cannot make us hoard what was never sent. */
static void output_that_nobody_takes_is_bounded(void **state)
{
	const struct fizeau_tw_request request = control_pair_request(862);
	struct client_connection k;
	unsigned int requests = 0;
	const uint8_t *output;
	int error = 0;

	(void)state;
	client_set_up(&k, FIZEAU_MODE_OPEN);
	while (error == 0 && requests < 1000) {
		error = fizeau_control_client_request_tw(k.c, &request, k.now);
		if (error < 0)
			break;
		requests++;
		client_give_accept(&k, 5, 0);
		(void)client_event(k.c, FIZEAU_EVENT_SESSION_ANSWER);
	}
	assert_int_equal(error, FIZEAU_ERR_LIMIT);
	assert_int_equal(fizeau_control_client_output(k.c, &output), requests * 112);
	fizeau_control_client_sent(k.c, requests * 112);
	client_session(&k);
	client_close(&k);
}

static void a_configuration_out_of_range_makes_no_client(void **state)
{
	struct fizeau_control_client_config config = {.answer_timeout_ns = 0, .max_count = 32768};

	(void)state;
	assert_null(fizeau_control_client_new(&config, (struct fizeau_mono){0}));
	fizeau_control_client_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_transcript_octet_for_octet),
		cmocka_unit_test(set_up_with_an_ike_key_is_the_vector),
		cmocka_unit_test(each_flipped_bit_of_an_answer_ends_the_connection),
		cmocka_unit_test(a_refused_set_up_ends_with_the_value_that_came),
		cmocka_unit_test(a_server_that_offers_nothing_is_left_without_a_word),
		cmocka_unit_test(only_a_mode_that_was_offered_goes_out_and_only_with_a_sane_count),
		cmocka_unit_test(giving_up_says_mode_zero),
		cmocka_unit_test(a_call_out_of_place_sends_nothing),
		cmocka_unit_test(a_refused_session_does_not_end_the_connection_and_does_not_count),
		cmocka_unit_test(a_session_without_a_port_is_malformed),
		cmocka_unit_test(a_refused_start_ends_the_connection),
		cmocka_unit_test(a_server_that_speaks_unasked_is_left),
		cmocka_unit_test(mbz_of_answers_is_ignored),
		cmocka_unit_test(each_answer_has_its_time_and_dribbling_does_not_extend_it),
		cmocka_unit_test(the_end_of_the_server_is_told),
		cmocka_unit_test(a_request_out_of_range_leaves_the_connection_as_it_was),
		cmocka_unit_test(output_that_nobody_takes_is_bounded),
		cmocka_unit_test(a_configuration_out_of_range_makes_no_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
