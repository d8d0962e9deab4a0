/* SPDX-License-Identifier: MIT */
/* Our machines in the place of perfSONAR's programs: fed with what one end sent, each must say, octet by octet,
   what the other end said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <fizeau/fizeau.h>
#include "lib/base/buf.h"
#include "lib/crypto/stream.h"
#include "tests/vectors/perfsonar_twamp.h"

enum { GREETING = 64, SET_UP = 164, SERVER_START = 48, REQUEST = 112, ACCEPT = 48, START = 32, ACK = 32, STOP = 32 };

struct capture {
	uint32_t mode;
	const uint8_t *client, *server, *packet, *reflection;
	size_t packet_octets;
	/* Read out of the octets above. */
	struct fizeau_session_keys keys;
	uint64_t start_time;
	uint16_t port;
	uint8_t sid[FIZEAU_SID_OCTETS];
};

static const struct fizeau_mono NOW = {1000000000};

static uint32_t count_of(const struct capture *c)
{
	struct fz_reader r = fz_reader_of(c->server + 48, 4);
	return fz_read_u32(&r);
}

static void token_key_of(const struct capture *c, uint8_t token_key[static 16])
{
	const char *passphrase = "secret-passphrase";
	assert_int_equal(fizeau_token_key_passphrase((const uint8_t *)passphrase, strlen(passphrase), c->server + 32,
				 count_of(c), token_key),
		0);
}

/* Opens what the server sealed, to learn the values that its own randomness and clock chose. */
static void read_capture(struct capture *c)
{
	bool open = c->mode == FIZEAU_MODE_OPEN;
	uint8_t start[16], accept[32];
	struct fz_stream stream;
	memcpy(start, c->server + GREETING + 32, sizeof(start));
	memcpy(accept, c->server + GREETING + SERVER_START, sizeof(accept));
	if (!open) {
		uint8_t token_key[16];
		token_key_of(c, token_key);
		assert_int_equal(fizeau_token_open(token_key, c->server + 16, c->client + 84, &c->keys), 0);
	}
	assert_int_equal(fz_stream_init(&stream, FZ_STREAM_OPENS, open ? NULL : &c->keys, c->server + GREETING + 16), 0);
	assert_int_equal(fz_stream_open(&stream, start, sizeof(start)), 0);
	assert_int_equal(fz_stream_open(&stream, accept, sizeof(accept)), 0);
	assert_int_equal(fz_stream_open_hmac(&stream, c->server + GREETING + SERVER_START + 32), 0);
	fz_stream_wipe(&stream);
	struct fz_reader r = fz_reader_of(start, sizeof(start));
	c->start_time = fz_read_u64(&r);
	r = fz_reader_of(accept, sizeof(accept));
	fz_read_skip(&r, 2);
	c->port = fz_read_u16(&r);
	fz_read_octets(&r, c->sid, sizeof(c->sid));
	assert_int_equal(accept[0], FIZEAU_ACCEPT_OK);
}

static void captures(struct capture c[static 4])
{
	c[0] = (struct capture){.mode = FIZEAU_MODE_OPEN, .client = perfsonar_open_client,
		.server = perfsonar_open_server, .packet = perfsonar_open_packet,
		.reflection = perfsonar_open_reflection, .packet_octets = sizeof(perfsonar_open_packet)};
	c[1] = (struct capture){.mode = FIZEAU_MODE_AUTHENTICATED, .client = perfsonar_authenticated_client,
		.server = perfsonar_authenticated_server, .packet = perfsonar_authenticated_packet,
		.reflection = perfsonar_authenticated_reflection,
		.packet_octets = sizeof(perfsonar_authenticated_packet)};
	c[2] = (struct capture){.mode = FIZEAU_MODE_ENCRYPTED, .client = perfsonar_encrypted_client,
		.server = perfsonar_encrypted_server, .packet = perfsonar_encrypted_packet,
		.reflection = perfsonar_encrypted_reflection, .packet_octets = sizeof(perfsonar_encrypted_packet)};
	c[3] = (struct capture){.mode = FIZEAU_MODE_MIXED, .client = perfsonar_mixed_client,
		.server = perfsonar_mixed_server, .packet = perfsonar_mixed_packet,
		.reflection = perfsonar_mixed_reflection, .packet_octets = sizeof(perfsonar_mixed_packet)};
	for (int i = 0; i < 4; i++)
		read_capture(&c[i]);
}

static void server_says(struct fizeau_server *server, const uint8_t **expected, size_t octets)
{
	const uint8_t *output;
	assert_int_equal(fizeau_server_output(server, &output), octets);
	assert_memory_equal(output, *expected, octets);
	fizeau_server_sent(server, octets);
	*expected += octets;
}

static void server_hears(struct fizeau_server *server, const uint8_t **octets, size_t len,
	enum fizeau_event_type type, struct fizeau_event *event)
{
	assert_int_equal(fizeau_server_recv(server, *octets, len, NOW), len);
	*octets += len;
	assert_true(fizeau_server_event(server, event));
	assert_int_equal(event->type, type);
}

static void play_server(const struct capture *c)
{
	struct fizeau_server_config config = {.modes = 15, .count = count_of(c), .start_time = c->start_time,
		.servwait_ns = INT64_C(900000000000), .setup_timeout_ns = INT64_C(10000000000), .max_sessions = 16};
	bool open = c->mode == FIZEAU_MODE_OPEN;
	struct fizeau_server_random random;
	const uint8_t *in = c->client, *out = c->server;
	struct fizeau_event event;
	memcpy(random.challenge, c->server + 16, 16);
	memcpy(random.salt, c->server + 32, 16);
	memcpy(random.server_iv, c->server + GREETING + 16, 16);
	struct fizeau_server *server = fizeau_server_new(&config, &random, NOW);
	assert_non_null(server);
	server_says(server, &out, GREETING);
	server_hears(server, &in, SET_UP, FIZEAU_EVENT_KEY_WANTED, &event);
	assert_int_equal(event.key.mode, c->mode);
	if (!open)
		assert_memory_equal(event.key.key_id, "joe\0", 4);
	assert_int_equal(fizeau_server_answer_key(server, FIZEAU_ACCEPT_OK, open ? NULL : &c->keys, NOW), 0);
	server_says(server, &out, SERVER_START);
	server_hears(server, &in, REQUEST, FIZEAU_EVENT_SESSION_WANTED, &event);
	assert_int_equal(event.request.ip_version, 4);
	assert_int_equal(event.request.padding_octets, c->mode == FIZEAU_MODE_OPEN || c->mode == FIZEAU_MODE_MIXED ? 27 : 64);
	assert_int_equal(fizeau_server_answer_session(server, FIZEAU_ACCEPT_OK, c->port, c->sid, NOW), 0);
	server_says(server, &out, ACCEPT);
	server_hears(server, &in, START, FIZEAU_EVENT_START_WANTED, &event);
	assert_int_equal(fizeau_server_answer_start(server, FIZEAU_ACCEPT_OK, NOW), 0);
	server_says(server, &out, ACK);
	server_hears(server, &in, STOP, FIZEAU_EVENT_STOPPED, &event);
	assert_int_equal(event.stopped.sessions, 1);
	fizeau_server_free(server);
}

static void client_says(struct fizeau_control_client *client, const uint8_t **expected, size_t octets)
{
	const uint8_t *output;
	assert_int_equal(fizeau_control_client_output(client, &output), octets);
	assert_memory_equal(output, *expected, octets);
	fizeau_control_client_sent(client, octets);
	*expected += octets;
}

static void client_hears(struct fizeau_control_client *client, const uint8_t **octets, size_t len,
	enum fizeau_event_type type, struct fizeau_event *event)
{
	assert_int_equal(fizeau_control_client_recv(client, *octets, len, NOW), len);
	*octets += len;
	assert_true(fizeau_control_client_event(client, event));
	assert_int_equal(event->type, type);
}

/* What twping asked for, as our server reads it. */
static struct fizeau_tw_request request_of(const struct capture *c)
{
	uint8_t octets[96];
	struct fz_stream stream;
	struct fizeau_tw_request request = {.ip_version = 4, .sender.version = 4, .receiver.version = 4};
	memcpy(octets, c->client + SET_UP, sizeof(octets));
	assert_int_equal(
		fz_stream_init(&stream, FZ_STREAM_OPENS, c->mode == FIZEAU_MODE_OPEN ? NULL : &c->keys, c->client + 148), 0);
	assert_int_equal(fz_stream_open(&stream, octets, sizeof(octets)), 0);
	fz_stream_wipe(&stream);
	struct fz_reader r = fz_reader_of(octets, sizeof(octets));
	fz_read_skip(&r, 12);
	request.sender_port = fz_read_u16(&r);
	request.receiver_port = fz_read_u16(&r);
	fz_read_octets(&r, request.sender.octets, 16);
	fz_read_octets(&r, request.receiver.octets, 16);
	fz_read_skip(&r, 16);
	request.padding_octets = fz_read_u32(&r);
	request.start_time = fz_read_u64(&r);
	request.timeout = fz_read_u64(&r);
	return request;
}

static void play_client(const struct capture *c)
{
	struct fizeau_control_client_config config = {.answer_timeout_ns = INT64_C(10000000000),
		.max_count = FIZEAU_COUNT_MAX_DEFAULT};
	struct fizeau_set_up set_up = {.mode = c->mode, .keys = c->keys};
	struct fizeau_tw_request request = request_of(c);
	const uint8_t *in = c->server, *out = c->client;
	struct fizeau_event event;
	struct fizeau_control_client *client = fizeau_control_client_new(&config, NOW);
	assert_non_null(client);
	client_hears(client, &in, GREETING, FIZEAU_EVENT_GREETING, &event);
	assert_int_equal(event.greeting.modes, 15);
	if (c->mode != FIZEAU_MODE_OPEN) {
		memcpy(set_up.key_id, "joe", 3);
		token_key_of(c, set_up.token_key);
		memcpy(set_up.client_iv, c->client + 148, 16);
	}
	assert_int_equal(fizeau_control_client_set_up(client, &set_up, NOW), 0);
	client_says(client, &out, SET_UP);
	client_hears(client, &in, SERVER_START, FIZEAU_EVENT_SERVER_START, &event);
	assert_true(event.answer.start_time == c->start_time);
	assert_int_equal(fizeau_control_client_request_tw(client, &request, NOW), 0);
	client_says(client, &out, REQUEST);
	client_hears(client, &in, ACCEPT, FIZEAU_EVENT_SESSION_ANSWER, &event);
	assert_int_equal(event.session.port, c->port);
	assert_memory_equal(event.session.sid, c->sid, FIZEAU_SID_OCTETS);
	assert_int_equal(fizeau_control_client_start(client, NOW), 0);
	client_says(client, &out, START);
	client_hears(client, &in, ACK, FIZEAU_EVENT_START_ACK, &event);
	assert_int_equal(fizeau_control_client_stop(client, FIZEAU_ACCEPT_OK, NOW), 0);
	client_says(client, &out, STOP);
	fizeau_control_client_free(client);
}

/* The second packet of the session, reflected as the second: our reflection is twampd's. */
static void play_packet(const struct capture *c)
{
	enum fizeau_test_mode mode = fizeau_test_mode_of(c->mode);
	struct fizeau_sender_config sender_config = {.mode = mode,
		.padding_octets = (uint32_t)(c->packet_octets - fizeau_sender_header_octets(mode, 0))};
	struct fizeau_reflector_config reflector_config = {.mode = mode};
	struct fizeau_reflection parsed;
	uint8_t out[256];
	if (mode != FIZEAU_TEST_OPEN) {
		assert_int_equal(fizeau_test_keys_derive(&c->keys, c->sid, &sender_config.keys), 0);
		reflector_config.keys = sender_config.keys;
	}
	struct fizeau_sender *sender = fizeau_sender_new(&sender_config);
	struct fizeau_reflector *reflector = fizeau_reflector_new(&reflector_config);
	assert_non_null(sender);
	assert_non_null(reflector);
	assert_int_equal(fizeau_sender_reflection(sender, c->reflection, c->packet_octets, &parsed), 0);
	assert_int_equal(parsed.seq, 1);
	assert_int_equal(parsed.sender_seq, 1);
	struct fizeau_stamp received = {.ntp = parsed.receive_ntp, .error = parsed.reflector_error};
	struct fizeau_stamp sent = {.ntp = parsed.reflect_ntp, .error = parsed.reflector_error};
	for (int i = 0; i < 2; i++)
		assert_int_equal(fizeau_reflector_reflect(reflector, c->packet, c->packet_octets, received,
					 parsed.sender_ttl, 0, out, sizeof(out)),
			c->packet_octets);
	assert_int_equal(fizeau_reflector_finish(reflector, out, sent), 0);
	assert_memory_equal(out, c->reflection, c->packet_octets);
	fizeau_sender_free(sender);
	fizeau_reflector_free(reflector);
}

/*= rfc4656#section-3.1 OW-3.1-27 */
/*= rfc5357#section-3.2 TW-3.2-01 TW-3.2-02 TW-3.2-03 */
static void server_is_octet_for_octet(void **state)
{
	struct capture c[4];
	(void)state;
	captures(c);
	for (int i = 0; i < 4; i++)
		play_server(&c[i]);
}

/*= rfc5357#section-3.5 TW-3.5-01 */
/*= rfc5357#section-3.8 TW-3.8-03 */
static void client_is_octet_for_octet(void **state)
{
	struct capture c[4];
	(void)state;
	captures(c);
	for (int i = 0; i < 4; i++)
		play_client(&c[i]);
}

/*= rfc5357#section-4.2.1 TW-4.2.1-04 TW-4.2.1-05 TW-4.2.1-22 TW-4.2.1-23 */
static void reflection_is_octet_for_octet(void **state)
{
	struct capture c[4];
	(void)state;
	captures(c);
	for (int i = 0; i < 4; i++)
		play_packet(&c[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_is_octet_for_octet),
		cmocka_unit_test(client_is_octet_for_octet),
		cmocka_unit_test(reflection_is_octet_for_octet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
