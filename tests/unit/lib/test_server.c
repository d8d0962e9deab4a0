/* SPDX-License-Identifier: MIT */
/* The Server against octets: the transcript of tests/vectors, altered octets, and what it does not look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/server_connection.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

struct fixture {
	json_t *transcript;
};

static void vector(const json_t *transcript, const char *name, const char *form, uint8_t *octets, size_t len)
{
	member_hex(element_with(transcript, "message", name), form, octets, len);
}

/* Gives a command of the transcript and wants the event; then wants the octets of the answer. */
static void transcript_command(struct connection *c, const json_t *t, const char *name, const char *form,
	size_t len, enum fizeau_event_type type, struct fizeau_event *event)
{
	uint8_t octets[WIRE_MESSAGE_MAX];

	vector(t, name, form, octets, len);
	give(c, octets, len);
	*event = server_event(c->s, type);
}

static void transcript_answer(
	struct connection *c, const json_t *t, const char *name, const char *form, size_t len)
{
	uint8_t want[WIRE_MESSAGE_MAX], got[WIRE_MESSAGE_MAX];

	vector(t, name, form, want, len);
	server_says(c->s, got, len);
	assert_memory_equal(got, want, len);
}

static void transcript_set_up(struct connection *c, const json_t *t, bool open)
{
	uint8_t octets[WIRE_MESSAGE_MAX], got[48];
	struct fizeau_event event;

	transcript_answer(c, t, "Server-Greeting", "on_wire", 64);
	vector(t, "Set-Up-Response", "on_wire", octets, SETUP);
	if (open)
		put_u32(octets, FIZEAU_MODE_OPEN);
	give(c, octets, SETUP);
	event = server_event(c->s, FIZEAU_EVENT_KEY_WANTED);
	assert_int_equal(event.key.mode, open ? FIZEAU_MODE_OPEN : FIZEAU_MODE_ENCRYPTED);
	assert_false(event.key.ike);
	if (!open) {
		assert_memory_equal(event.key.key_id, octets + 4, FIZEAU_KEYID_OCTETS);
		assert_memory_equal(event.key.token, octets + 84, FIZEAU_TOKEN_OCTETS);
		assert_memory_equal(event.key.challenge, control_pair_random.challenge, 16);
		assert_memory_equal(event.key.salt, control_pair_random.salt, 16);
		assert_int_equal(event.key.count, 2048);
	}
	assert_int_equal(
		fizeau_server_answer_key(c->s, FIZEAU_ACCEPT_OK, open ? NULL : &control_pair_keys, c->now),
		0);
	if (!open) {
		transcript_answer(c, t, "Server-Start", "on_wire", 48);
		return;
	}
	vector(t, "Server-Start", "on_wire", octets, 48);
	vector(t, "Server-Start", "third_block_plaintext", octets + 32, 16);
	server_says(c->s, got, sizeof(got));
	assert_memory_equal(got, octets, sizeof(got));
}

/*= rfc4656#section-3.1 OW-3.1-02 OW-3.1-04 OW-3.1-34 OW-3.1-42 OW-3.1-44 */
/*= rfc4656#section-3.2 OW-3.2-01 OW-3.2-02 OW-3.2-04 OW-3.2-05 OW-3.2-06 */
/*= rfc4656#section-3.4 OW-3.4-01 OW-3.4-02 OW-3.4-03 */
/*= rfc5357#section-3.2 TW-3.2-01 TW-3.2-02 TW-3.2-03 */
/*= rfc5357#section-3.5 TW-3.5-02 TW-3.5-13 TW-3.5-20 TW-3.5-21 */
/*= rfc5357#section-3.7 TW-3.7-01 */
static void the_transcript_octet_for_octet(void **state)
{
	const struct fixture *f = *state;
	static const char *const forms[] = {"ciphertext", "unauthenticated_form"};

	for (size_t i = 0; i < 2; i++) {
		const char *form = forms[i];
		struct connection c = {.now = {0}};
		struct fizeau_event event;
		const uint8_t *output;

		c.s = server_with(15, c.now);
		transcript_set_up(&c, f->transcript, i == 1);
		transcript_command(&c, f->transcript, "Request-TW-Session", form, REQUEST,
			FIZEAU_EVENT_SESSION_WANTED, &event);
		assert_int_equal(event.request.sender_port, 20000);
		assert_int_equal(event.request.receiver_port, 862);
		assert_int_equal(event.request.dscp, 46);
		assert_int_equal(event.request.padding_octets, 64);
		assert_int_equal(
			fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, connection_sid, c.now), 0);
		transcript_answer(&c, f->transcript, "Accept-Session", form, ACCEPT);
		transcript_command(
			&c, f->transcript, "Start-Sessions", form, START, FIZEAU_EVENT_START_WANTED, &event);
		assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_OK, c.now), 0);
		transcript_answer(&c, f->transcript, "Start-Ack", form, START);
		transcript_command(
			&c, f->transcript, "Stop-Sessions", form, STOP, FIZEAU_EVENT_STOPPED, &event);
		assert_int_equal(event.stopped.accept, 0);
		assert_int_equal(event.stopped.sessions, 1);
		/* TWAMP: the server does not answer it. */
		/*= rfc5357#section-3.8 TW-3.8-01 */
		assert_int_equal(fizeau_server_output(c.s, &output), 0);
		fizeau_server_free(c.s);
	}
}

/*= rfc4656#section-3.2 OW-3.2-07 OW-3.2-08 */
/*= rfc4656#section-6.10 OW-6.10-01 OW-6.10-02 OW-6.10-03 */
static void each_flipped_bit_of_a_command_ends_the_connection(void **state)
{
	static const size_t lengths[] = {REQUEST, START, STOP};

	(void)state;
	for (size_t kind = 0; kind < 3; kind++) {
		for (size_t bit = 0; bit < 8 * lengths[kind]; bit++) {
			uint8_t octets[WIRE_MESSAGE_MAX], more[REQUEST] = {0};
			const uint8_t *output;
			struct connection c;
			struct fizeau_event event;

			open_connection(&c, FIZEAU_MODE_AUTHENTICATED);
			if (kind == 1)
				get_session(&c);
			if (kind == 2)
				run_sessions(&c, 1);
			plain_request(octets);
			if (kind > 0)
				memset(octets, 0, sizeof(octets));
			if (kind > 0)
				octets[0] = kind == 1 ? 2 : 3;
			if (kind == 2)
				octets[7] = 1;
			wire_peer_seal(&c.peer, octets, lengths[kind]);
			octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
			give(&c, octets, lengths[kind]);
			/* The number itself may have become that of a longer command. */
			if (!fizeau_server_event(c.s, &event)) {
				assert_true(bit < 8 * 16);
				(void)fizeau_server_recv(c.s, more, sizeof(more), c.now);
				assert_true(fizeau_server_event(c.s, &event));
			}
			assert_int_equal(event.type, FIZEAU_EVENT_CLOSED);
			if (event.closed.error == FIZEAU_ERR_UNEXPECTED) {
				assert_true(bit < 8 * 16);
			} else {
				assert_int_equal(event.closed.error, FIZEAU_ERR_HMAC);
				assert_int_equal(fizeau_server_output(c.s, &output), 0);
			}
			close_connection(&c);
		}
	}
}

/* A peer without the keys gets nowhere, however it found the Mode acceptable. */
static void commands_in_clear_do_not_pass_a_protected_connection(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX];
	struct connection c;
	struct fizeau_event event;

	(void)state;
	open_connection(&c, FIZEAU_MODE_ENCRYPTED);
	(void)fizeau_server_recv(c.s, octets, plain_request(octets), c.now);
	assert_true(fizeau_server_event(c.s, &event));
	assert_int_equal(event.type, FIZEAU_EVENT_CLOSED);
	close_connection(&c);
}

/*= rfc4656#section-3.1 OW-3.1-04 OW-3.1-05 OW-3.1-09 OW-3.1-10 OW-3.1-12 */
/*= rfc5618#section-3.1 MX-3.1-05 MX-3.1-06 */
/*= rfc7717#section-5.2 IK-5.2-01 IK-5.2-02 */
static void the_greeting_offers_what_is_configured_and_nothing_else(void **state)
{
	const struct fizeau_mono now = {0};
	struct fizeau_server_config config;

	(void)state;
	for (uint32_t modes = 0; modes < 1024; modes++) {
		bool good = (modes & ~(uint32_t)ALL_MODES) == 0 && !((modes & 128) != 0 && (modes & 14) == 0);
		struct connection c = {.now = now};
		uint8_t greeting[64], want[4];

		config = config_of(modes);
		c.s = fizeau_server_new(&config, &control_pair_random, now);
		assert_int_equal(c.s != NULL, good);
		if (!good)
			continue;
		put_u32(want, modes);
		server_says(c.s, greeting, sizeof(greeting));
		assert_memory_equal(greeting + 12, want, 4);
		/*= rfc4656#section-3.1 OW-3.1-07 OW-3.1-08 */
		assert_memory_equal(greeting + 16, control_pair_random.challenge, 16);
		assert_memory_equal(greeting + 32, control_pair_random.salt, 16);
		put_u32(want, 2048);
		assert_memory_equal(greeting + 48, want, 4);
		if (modes == 0)
			assert_closed(&c, 0, 0);
		fizeau_server_free(c.s);
	}
	config = config_of(0xFFFFFFFF);
	assert_null(fizeau_server_new(&config, &control_pair_random, now));
	for (uint32_t count = 0; count < 5000; count += 500) {
		config = config_of(15);
		config.count = count;
		assert_null(fizeau_server_new(&config, &control_pair_random, now));
	}
	config = config_of(15);
	config.count = 512;
	assert_null(fizeau_server_new(&config, &control_pair_random, now));
	config = config_of(15);
	config.servwait_ns = 0;
	assert_null(fizeau_server_new(&config, &control_pair_random, now));
	config = config_of(15);
	config.setup_timeout_ns = -1;
	assert_null(fizeau_server_new(&config, &control_pair_random, now));
}

/*= rfc4656#section-3.1 OW-3.1-45 */
static void start_time_is_that_of_the_instance_on_each_connection(void **state)
{
	(void)state;
	for (int64_t at = 0; at < 3; at++) {
		struct connection c = {.now = {at * 1000 * SECOND}};
		uint8_t start[48];

		c.s = server_with(1, c.now);
		give_setup(&c, 1);
		(void)server_event(c.s, FIZEAU_EVENT_KEY_WANTED);
		assert_int_equal(fizeau_server_answer_key(c.s, 0, NULL, c.now), 0);
		server_says(c.s, start, sizeof(start));
		assert_memory_equal(start + 32, "\xE7\xFF\xF1\xF0\0\0\0\0", 8);
		fizeau_server_free(c.s);
	}
}

/*= rfc4656#section-3.1 OW-3.1-25 OW-3.1-26 */
/*= rfc7717#section-5.3 IK-5.3-07 IK-5.3-08 */
static void key_id_is_octets_not_a_string(void **state)
{
	struct connection c = {.now = {0}};
	uint8_t octets[SETUP], greeting[64];
	struct fizeau_event event;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		/* SPIs with zero octets in them, rubbish behind, all 80 octets in use. */
		c.s = server_with(ALL_MODES, c.now);
		server_says(c.s, greeting, sizeof(greeting));
		for (size_t at = 0; at < sizeof(octets); at++)
			octets[at] = (uint8_t)(at + 1);
		put_u32(octets, i == 0 ? 132 : 4);
		octets[4] = 0;
		octets[19] = 0;
		give(&c, octets, sizeof(octets));
		event = server_event(c.s, FIZEAU_EVENT_KEY_WANTED);
		assert_int_equal(event.key.ike, i == 0);
		assert_memory_equal(event.key.key_id, octets + 4, 80);
		assert_memory_equal(event.key.token, octets + 84, 64);
		if (i == 0) {
			assert_memory_equal(event.key.spi_i, octets + 4, 8);
			assert_memory_equal(event.key.spi_r, octets + 12, 8);
		}
		fizeau_server_free(c.s);
	}
}

/*= rfc4656#section-3.1 OW-3.1-24 OW-3.1-37 */
/*= rfc4656#section-3.2 OW-3.2-09 */
static void open_mode_looks_at_no_key_field_and_no_hmac(void **state)
{
	struct connection c = {.now = {0}};
	uint8_t octets[WIRE_MESSAGE_MAX], greeting[64], start[48];

	(void)state;
	c.s = server_with(15, c.now);
	server_says(c.s, greeting, sizeof(greeting));
	memset(octets, 0xEE, SETUP);
	put_u32(octets, FIZEAU_MODE_OPEN);
	give(&c, octets, SETUP);
	(void)server_event(c.s, FIZEAU_EVENT_KEY_WANTED);
	assert_int_equal(fizeau_server_answer_key(c.s, FIZEAU_ACCEPT_OK, NULL, c.now), 0);
	server_says(c.s, start, sizeof(start));
	assert_int_equal(start[15], 0);
	plain_request(octets);
	memset(octets + 88, 0xEE, 24);
	give(&c, octets, REQUEST);
	(void)server_event(c.s, FIZEAU_EVENT_SESSION_WANTED);
	fizeau_server_free(c.s);
}

/*= rfc4656#section-3.1 OW-3.1-37 */
static void mbz_under_the_hmac_is_ignored(void **state)
{
	uint8_t octets[WIRE_MESSAGE_MAX], ack[START];
	struct connection c;

	(void)state;
	open_connection(&c, FIZEAU_MODE_ENCRYPTED);
	plain_request(octets);
	octets[1] |= 0xF0;
	memset(octets + 20, 0xEE, 12);
	memset(octets + 36, 0xEE, 12);
	memset(octets + 88, 0xEE, 8);
	give_sealed(&c, octets, REQUEST);
	assert_int_equal(server_event(c.s, FIZEAU_EVENT_SESSION_WANTED).request.sender.version, 0);
	assert_int_equal(fizeau_server_answer_session(c.s, FIZEAU_ACCEPT_OK, 862, connection_sid, c.now), 0);
	read_accept(&c, 0);
	memset(octets, 0xEE, START);
	octets[0] = 2;
	give_sealed(&c, octets, START);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_OK, c.now), 0);
	read_sealed(&c, ack, sizeof(ack));
	memset(octets, 0xEE, STOP);
	octets[0] = 3;
	octets[1] = 1;
	put_u32(octets + 4, 1);
	give_sealed(&c, octets, STOP);
	assert_int_equal(server_event(c.s, FIZEAU_EVENT_STOPPED).stopped.accept, 1);
	close_connection(&c);
}

static void a_protected_mode_takes_no_answer_without_keys(void **state)
{
	struct connection c = {.now = {0}};

	(void)state;
	c.s = server_with(15, c.now);
	give_setup(&c, 8);
	(void)server_event(c.s, FIZEAU_EVENT_KEY_WANTED);
	assert_int_equal(fizeau_server_answer_key(c.s, 0, NULL, c.now), FIZEAU_ERR_RANGE);
	assert_int_equal(fizeau_server_answer_key(c.s, 0, &control_pair_keys, c.now), 0);
	fizeau_server_free(c.s);
	fizeau_server_free(NULL);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->transcript = vectors_group("twamp_control.json", "twamp_control_transcript");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	json_decref(f->transcript);
	free(f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_transcript_octet_for_octet),
		cmocka_unit_test(each_flipped_bit_of_a_command_ends_the_connection),
		cmocka_unit_test(commands_in_clear_do_not_pass_a_protected_connection),
		cmocka_unit_test(the_greeting_offers_what_is_configured_and_nothing_else),
		cmocka_unit_test(start_time_is_that_of_the_instance_on_each_connection),
		cmocka_unit_test(key_id_is_octets_not_a_string),
		cmocka_unit_test(open_mode_looks_at_no_key_field_and_no_hmac),
		cmocka_unit_test(mbz_under_the_hmac_is_ignored),
		cmocka_unit_test(a_protected_mode_takes_no_answer_without_keys),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
