/* SPDX-License-Identifier: MIT */
#include "tests/testlib/server_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t client_iv[16] = {
	0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x7B, 0x7C, 0x7D, 0x7E, 0x7F};

const uint8_t connection_sid[FIZEAU_SID_OCTETS] = {
	0x0A, 0, 0, 2, 0xE8, 0, 0, 1, 0x40, 0, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF};

struct fizeau_server_config config_of(uint32_t modes)
{
	return (struct fizeau_server_config){
		.modes = modes,
		.count = 2048,
		.start_time = CONTROL_PAIR_START_TIME,
		.servwait_ns = 900 * SECOND,
		.setup_timeout_ns = 10 * SECOND,
		.max_sessions = 2,
	};
}

struct fizeau_server *server_with(uint32_t modes, struct fizeau_mono now)
{
	struct fizeau_server_config config = config_of(modes);
	struct fizeau_server *s = fizeau_server_new(&config, &control_pair_random, now);

	assert_non_null(s);
	return s;
}

struct fizeau_server *owamp_server_with(uint32_t modes, struct fizeau_mono now)
{
	struct fizeau_server_config config = config_of(modes);
	struct fizeau_server *s;

	config.protocol = FIZEAU_OWAMP;
	s = fizeau_server_new(&config, &control_pair_random, now);
	assert_non_null(s);
	return s;
}

void put_u32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

void give(struct connection *c, const uint8_t *octets, size_t len)
{
	assert_int_equal(fizeau_server_recv(c->s, octets, len, c->now), len);
}

void give_setup(struct connection *c, uint32_t mode)
{
	uint8_t octets[SETUP] = {0}, greeting[64];

	server_says(c->s, greeting, sizeof(greeting));
	put_u32(octets, mode);
	if ((mode & 15) != FIZEAU_MODE_OPEN)
		memcpy(octets + 148, client_iv, sizeof(client_iv));
	give(c, octets, sizeof(octets));
}

/* Up to and with Server-Start. */
static void set_up(struct connection *c, uint32_t mode)
{
	const struct fizeau_session_keys *keys = (mode & 15) == FIZEAU_MODE_OPEN ? NULL : &control_pair_keys;
	uint8_t start[48];

	give_setup(c, mode);
	(void)server_event(c->s, FIZEAU_EVENT_KEY_WANTED);
	assert_int_equal(fizeau_server_answer_key(c->s, FIZEAU_ACCEPT_OK, keys, c->now), 0);
	server_says(c->s, start, sizeof(start));
	wire_peer_open(&c->peer, keys, client_iv, control_pair_random.server_iv);
	assert_int_equal(fz_stream_open(&c->peer.in, start + 32, 16), 0);
}

void open_connection(struct connection *c, uint32_t mode)
{
	*c = (struct connection){.now = {5 * SECOND}};
	c->s = server_with(ALL_MODES, c->now);
	set_up(c, mode);
}

void open_owamp_connection(struct connection *c, uint32_t mode)
{
	*c = (struct connection){.now = {5 * SECOND}};
	c->s = owamp_server_with(OWAMP_MODES, c->now);
	set_up(c, mode);
}

void open_configured_connection(struct connection *c, const struct fizeau_server_config *config, uint32_t mode)
{
	*c = (struct connection){.now = {5 * SECOND}};
	c->s = fizeau_server_new(config, &control_pair_random, c->now);
	assert_non_null(c->s);
	set_up(c, mode);
}

void open_individual_connection(struct connection *c, uint32_t mode)
{
	struct fizeau_server_config config = config_of(ALL_MODES);

	config.max_sessions = 6;
	open_configured_connection(c, &config, mode | FIZEAU_MODE_INDIVIDUAL);
}

void close_connection(struct connection *c)
{
	fizeau_server_free(c->s);
	wire_peer_close(&c->peer);
}

size_t plain_request(uint8_t octets[static WIRE_MESSAGE_MAX])
{
	memset(octets, 0, WIRE_MESSAGE_MAX);
	octets[0] = 5;
	octets[1] = 4;
	octets[12] = 0x4E;
	octets[13] = 0x20;
	octets[14] = 0x03;
	octets[15] = 0x5E;
	return REQUEST;
}

void give_sealed(struct connection *c, uint8_t *octets, size_t len)
{
	wire_peer_seal(&c->peer, octets, len);
	give(c, octets, len);
}

void give_request(struct connection *c)
{
	uint8_t octets[WIRE_MESSAGE_MAX];

	give_sealed(c, octets, plain_request(octets));
}

void give_start(struct connection *c)
{
	uint8_t octets[START] = {2};

	give_sealed(c, octets, sizeof(octets));
}

void give_stop(struct connection *c, uint8_t accept, uint32_t sessions)
{
	uint8_t octets[STOP] = {3, accept};

	put_u32(octets + 4, sessions);
	give_sealed(c, octets, sizeof(octets));
}

size_t plain_n(uint8_t octets[static WIRE_MESSAGE_MAX], uint8_t command, const struct fizeau_sid *sids, uint32_t count)
{
	size_t len = 32 + 16 * (size_t)count;

	assert_true(len <= WIRE_MESSAGE_MAX);
	memset(octets, 0, WIRE_MESSAGE_MAX);
	octets[0] = command;
	put_u32(octets + 12, count);
	if (count > 0)
		memcpy(octets + 16, sids, 16 * (size_t)count);
	return len;
}

void give_n(struct connection *c, uint8_t command, const struct fizeau_sid *sids, uint32_t count)
{
	uint8_t octets[WIRE_MESSAGE_MAX];

	give_sealed(c, octets, plain_n(octets, command, sids, count));
}

void read_sealed(struct connection *c, uint8_t *octets, size_t len)
{
	server_says(c->s, octets, len);
	wire_peer_unseal(&c->peer, octets, len);
}

void read_accept(struct connection *c, uint8_t accept)
{
	static const uint8_t zeros[ACCEPT];
	uint8_t octets[ACCEPT];

	read_sealed(c, octets, sizeof(octets));
	assert_int_equal(octets[0], accept);
	/*= rfc5357#section-3.5 TW-3.5-24 TW-3.5-25 */
	if (accept != 0)
		assert_memory_equal(octets + 1, zeros, 31);
}

void get_session_as(struct connection *c, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	give_request(c);
	(void)server_event(c->s, FIZEAU_EVENT_SESSION_WANTED);
	assert_int_equal(fizeau_server_answer_session(c->s, FIZEAU_ACCEPT_OK, 862, sid, c->now), 0);
	read_accept(c, 0);
}

void get_session(struct connection *c)
{
	get_session_as(c, connection_sid);
}

void read_ack_n(struct connection *c, uint8_t ack, uint8_t accept, const struct fizeau_sid *sids, uint32_t count)
{
	uint8_t want[WIRE_MESSAGE_MAX], got[WIRE_MESSAGE_MAX];
	size_t len = plain_n(want, ack, sids, count);
	const uint8_t *waiting;

	want[1] = accept;
	assert_true(fizeau_server_output(c->s, &waiting) >= len);
	memcpy(got, waiting, len);
	fizeau_server_sent(c->s, len);
	wire_peer_unseal(&c->peer, got, len);
	assert_memory_equal(got, want, len - 16);
}

void run_sessions(struct connection *c, unsigned int sessions)
{
	uint8_t ack[START];

	for (unsigned int i = 0; i < sessions; i++)
		get_session(c);
	give_start(c);
	(void)server_event(c->s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c->s, FIZEAU_ACCEPT_OK, c->now), 0);
	read_sealed(c, ack, sizeof(ack));
	assert_int_equal(ack[0], 0);
}

void assert_closed(struct connection *c, int error, uint8_t accept)
{
	struct fizeau_event event = server_event(c->s, FIZEAU_EVENT_CLOSED);
	uint8_t rubbish[100] = {0};
	const uint8_t *octets;

	assert_int_equal(event.closed.error, error);
	assert_int_equal(event.closed.accept, accept);
	/* Closed for good: it takes everything, says nothing, waits for nothing. */
	give(c, rubbish, sizeof(rubbish));
	fizeau_server_eof(c->s);
	assert_false(fizeau_server_event(c->s, &event));
	assert_int_equal(fizeau_server_output(c->s, &octets), 0);
	assert_int_equal(fizeau_server_deadline(c->s).ns, INT64_MAX);
	fizeau_server_expire(c->s, (struct fizeau_mono){INT64_MAX});
	assert_false(fizeau_server_event(c->s, &event));
	assert_int_equal(fizeau_server_answer_key(c->s, 0, NULL, c->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_session(c->s, 0, 1, connection_sid, c->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_server_answer_start(c->s, 0, c->now), FIZEAU_ERR_STATE);
}
