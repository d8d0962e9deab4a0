/* SPDX-License-Identifier: MIT */
#include "tests/testlib/client_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static void put_number(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void open_in(struct client_connection *k, enum fizeau_protocol protocol, uint32_t mode)
{
	const struct fizeau_control_client_config config = {
		.protocol = protocol,
		.answer_timeout_ns = 5 * SECOND,
		.max_count = FIZEAU_COUNT_MAX_DEFAULT,
	};

	*k = (struct client_connection){
		.now = {5 * SECOND}, .config = {.protocol = protocol, .mode = mode, .token_key = {1, 2, 3}}};
	k->c = fizeau_control_client_new(&config, k->now);
	assert_non_null(k->c);
}

void client_open(struct client_connection *k, uint32_t mode)
{
	open_in(k, FIZEAU_TWAMP, mode);
}

void client_open_owamp(struct client_connection *k, uint32_t mode)
{
	open_in(k, FIZEAU_OWAMP, mode);
}

void client_close(struct client_connection *k)
{
	fizeau_control_client_free(k->c);
	wire_peer_close(&k->server);
}

void client_give(struct client_connection *k, const uint8_t *octets, size_t len)
{
	assert_int_equal(fizeau_control_client_recv(k->c, octets, len, k->now), len);
}

void greeting_octets(uint8_t octets[static 64], uint32_t modes, uint32_t count)
{
	memset(octets, 0, 64);
	put_number(octets + 12, modes);
	memcpy(octets + 16, control_pair_random.challenge, 16);
	memcpy(octets + 32, control_pair_random.salt, 16);
	put_number(octets + 48, count);
}

void client_greet(struct client_connection *k, uint32_t modes, uint32_t count)
{
	uint8_t octets[64];

	greeting_octets(octets, modes, count);
	client_give(k, octets, sizeof(octets));
}

void client_choose(struct client_connection *k)
{
	struct fizeau_set_up set_up = control_pair_set_up_of(&k->config);
	uint8_t octets[164];

	assert_int_equal(fizeau_control_client_set_up(k->c, &set_up, k->now), 0);
	client_says(k->c, octets, sizeof(octets));
}

void server_start_octets(struct client_connection *k, uint8_t octets[static 48])
{
	const struct fizeau_set_up set_up = control_pair_set_up_of(&k->config);
	bool open = (k->config.mode & FIZEAU_MODE_OPEN) != 0;

	memset(octets, 0, 48);
	memcpy(octets + 16, control_pair_random.server_iv, 16);
	memcpy(octets + 32, "\xE7\xFF\xF1\xF0", 4);
	wire_peer_open(&k->server, open ? NULL : &control_pair_keys, control_pair_random.server_iv,
		set_up.client_iv);
	assert_int_equal(fz_stream_seal(&k->server.out, octets + 32, 16), 0);
}

static void set_up(struct client_connection *k, uint32_t offered)
{
	uint8_t octets[48];

	client_greet(k, offered, 2048);
	(void)client_event(k->c, FIZEAU_EVENT_GREETING);
	client_choose(k);
	server_start_octets(k, octets);
	client_give(k, octets, sizeof(octets));
	assert_int_equal(
		client_event(k->c, FIZEAU_EVENT_SERVER_START).answer.start_time, CONTROL_PAIR_START_TIME);
}

void client_set_up(struct client_connection *k, uint32_t mode)
{
	client_open(k, mode);
	set_up(k, 15 | 128 | mode);
}

void client_set_up_owamp(struct client_connection *k, uint32_t mode)
{
	client_open_owamp(k, mode);
	set_up(k, 7 | 16);
}

void client_request(struct client_connection *k)
{
	const struct fizeau_tw_request request = control_pair_request(862);
	uint8_t octets[112];

	assert_int_equal(fizeau_control_client_request_tw(k->c, &request, k->now), 0);
	client_says(k->c, octets, sizeof(octets));
	wire_peer_unseal(&k->server, octets, sizeof(octets));
}

void client_give_sealed(struct client_connection *k, uint8_t *octets, size_t len)
{
	wire_peer_seal(&k->server, octets, len);
	client_give(k, octets, len);
}

void client_give_accept(struct client_connection *k, uint8_t accept, uint16_t port)
{
	uint8_t octets[48] = {accept, 0, (uint8_t)(port >> 8), (uint8_t)port};

	memset(octets + 4, 0x55, FIZEAU_SID_OCTETS);
	client_give_sealed(k, octets, sizeof(octets));
}

void client_session(struct client_connection *k)
{
	client_request(k);
	client_give_accept(k, 0, 862);
	assert_int_equal(client_event(k->c, FIZEAU_EVENT_SESSION_ANSWER).session.accept, 0);
}

void client_start(struct client_connection *k)
{
	uint8_t octets[32];

	assert_int_equal(fizeau_control_client_start(k->c, k->now), 0);
	client_says(k->c, octets, sizeof(octets));
	wire_peer_unseal(&k->server, octets, sizeof(octets));
	assert_int_equal(octets[0], 2);
}

void client_give_ack(struct client_connection *k, uint8_t accept)
{
	uint8_t octets[32] = {accept};

	client_give_sealed(k, octets, sizeof(octets));
}

void client_is_closed(struct client_connection *k, int error, uint8_t accept)
{
	const struct fizeau_tw_request request = control_pair_request(862);
	const struct fizeau_set_up set_up = control_pair_set_up_of(&k->config);
	struct fizeau_event event = client_event(k->c, FIZEAU_EVENT_CLOSED);
	struct fizeau_test_keys keys;
	uint8_t rubbish[100] = {0};
	const uint8_t *output;

	assert_int_equal(event.closed.error, error);
	assert_int_equal(event.closed.accept, accept);
	client_give(k, rubbish, sizeof(rubbish));
	fizeau_control_client_eof(k->c);
	assert_int_equal(fizeau_control_client_deadline(k->c).ns, INT64_MAX);
	fizeau_control_client_expire(k->c, (struct fizeau_mono){INT64_MAX});
	assert_false(fizeau_control_client_event(k->c, &event));
	assert_int_equal(fizeau_control_client_set_up(k->c, &set_up, k->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_request_tw(k->c, &request, k->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_start(k->c, k->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_stop(k->c, 0, k->now), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_test_keys(k->c, event.key.key_id, &keys), FIZEAU_ERR_STATE);
	assert_int_equal(fizeau_control_client_output(k->c, &output), 0);
}
