/* SPDX-License-Identifier: MIT */
#include "tests/testlib/control_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

const uint32_t control_pair_modes[CONTROL_PAIR_MODES] = {
	FIZEAU_MODE_OPEN,
	FIZEAU_MODE_AUTHENTICATED,
	FIZEAU_MODE_ENCRYPTED,
	FIZEAU_MODE_MIXED,
	FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_TW_IKEV2,
	FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_TW_IKEV2,
	FIZEAU_MODE_MIXED | FIZEAU_MODE_TW_IKEV2,
};

const struct fizeau_server_random control_pair_random = {
	.challenge = {0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD,
		0xCE, 0xCF},
	.salt = {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x5B, 0x5C, 0x5D, 0x5E,
		0x5F},
	.server_iv = {0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D,
		0x9E, 0x9F},
};

const struct fizeau_session_keys control_pair_keys = {
	.aes = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E,
		0x1F},
	.hmac = {0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E,
		0x2F, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D,
		0x3E, 0x3F},
};

static const uint8_t client_iv[16] = {
	0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x7B, 0x7C, 0x7D, 0x7E, 0x7F};

void control_pair_open(struct control_pair *p, const struct control_pair_config *config)
{
	const struct fizeau_server_config server = {
		.protocol = config->protocol,
		.modes = config->offered,
		.count = config->count,
		.start_time = CONTROL_PAIR_START_TIME,
		.servwait_ns = CONTROL_PAIR_SERVWAIT_NS,
		.setup_timeout_ns = CONTROL_PAIR_SETUP_NS,
		.max_sessions = config->max_sessions,
		.server_octets = config->server_octets,
	};
	const struct fizeau_control_client_config client = {
		.protocol = config->protocol,
		.answer_timeout_ns = CONTROL_PAIR_ANSWER_NS,
		.max_count = FIZEAU_COUNT_MAX_DEFAULT,
	};

	*p = (struct control_pair){.now = {1000}, .chop = config->chop};
	p->server = fizeau_server_new(&server, &control_pair_random, p->now);
	p->client = fizeau_control_client_new(&client, p->now);
	assert_non_null(p->server);
	assert_non_null(p->client);
}

void control_pair_close(struct control_pair *p)
{
	fizeau_server_free(p->server);
	fizeau_control_client_free(p->client);
}

static size_t at_most(size_t len, size_t chop)
{
	return len < chop ? len : chop;
}

static bool to_client(struct control_pair *p)
{
	const uint8_t *octets;
	size_t len = at_most(fizeau_server_output(p->server, &octets), p->chop);
	size_t taken = fizeau_control_client_recv(p->client, octets, len, p->now);

	assert_true(taken <= len);
	fizeau_server_sent(p->server, taken);
	return taken > 0;
}

static bool to_server(struct control_pair *p)
{
	const uint8_t *octets;
	size_t len = at_most(fizeau_control_client_output(p->client, &octets), p->chop);
	size_t taken = fizeau_server_recv(p->server, octets, len, p->now);

	assert_true(taken <= len);
	fizeau_control_client_sent(p->client, taken);
	return taken > 0;
}

void control_pair_settle(struct control_pair *p)
{
	bool moved;

	do {
		moved = to_client(p);
		moved |= to_server(p);
	} while (moved);
}

void control_pair_server_event(
	struct control_pair *p, enum fizeau_event_type type, struct fizeau_event *event)
{
	assert_true(fizeau_server_event(p->server, event));
	assert_int_equal(event->type, type);
}

void control_pair_client_event(
	struct control_pair *p, enum fizeau_event_type type, struct fizeau_event *event)
{
	assert_true(fizeau_control_client_event(p->client, event));
	assert_int_equal(event->type, type);
}

void control_pair_no_event(struct control_pair *p)
{
	struct fizeau_event event;

	assert_false(fizeau_server_event(p->server, &event));
	assert_int_equal(event.type, FIZEAU_EVENT_NONE);
	assert_false(fizeau_control_client_event(p->client, &event));
	assert_int_equal(event.type, FIZEAU_EVENT_NONE);
}

struct fizeau_set_up control_pair_set_up_of(const struct control_pair_config *config)
{
	static const uint8_t spis[16] = {1, 2, 3, 4, 5, 6, 7, 0, 0x11, 0, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
	struct fizeau_set_up set_up = {.mode = config->mode, .keys = control_pair_keys};

	if ((config->mode & fizeau_mode_ike(config->protocol)) != 0)
		memcpy(set_up.key_id, spis, sizeof(spis));
	else
		memcpy(set_up.key_id, "alice", 5);
	memcpy(set_up.token_key, config->token_key, sizeof(set_up.token_key));
	memcpy(set_up.client_iv, client_iv, sizeof(set_up.client_iv));
	return set_up;
}

void control_pair_set_up(struct control_pair *p, const struct control_pair_config *config)
{
	struct fizeau_set_up set_up = control_pair_set_up_of(config);
	struct fizeau_session_keys keys, *opened = NULL;
	struct fizeau_event event;

	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_GREETING, &event);
	assert_int_equal(fizeau_control_client_set_up(p->client, &set_up, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_KEY_WANTED, &event);
	if ((config->mode & FIZEAU_MODE_OPEN) == 0) {
		assert_int_equal(
			fizeau_token_open(config->token_key, event.key.challenge, event.key.token, &keys), 0);
		opened = &keys;
	}
	assert_int_equal(fizeau_server_answer_key(p->server, FIZEAU_ACCEPT_OK, opened, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_SERVER_START, &event);
	assert_int_equal(event.answer.accept, FIZEAU_ACCEPT_OK);
	assert_int_equal(event.answer.start_time, CONTROL_PAIR_START_TIME);
	control_pair_no_event(p);
}

struct fizeau_tw_request control_pair_request(uint16_t port)
{
	return (struct fizeau_tw_request){
		.ip_version = 4,
		.sender = {.version = 4, .octets = {10, 0, 0, 1}},
		.receiver = {.version = 4, .octets = {10, 0, 0, 2}},
		.sender_port = 20000,
		.receiver_port = port,
		.padding_octets = 64,
		.start_time = UINT64_C(0xE800000500000000),
		.timeout = UINT64_C(0x0000000200000000),
		.dscp = 46,
	};
}

void control_pair_session(struct control_pair *p, uint16_t port, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fizeau_tw_request request = control_pair_request(port);
	struct fizeau_event event;

	assert_int_equal(fizeau_control_client_request_tw(p->client, &request, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_SESSION_WANTED, &event);
	assert_int_equal(fizeau_server_answer_session(p->server, FIZEAU_ACCEPT_OK, port, sid, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_SESSION_ANSWER, &event);
	assert_int_equal(event.session.accept, FIZEAU_ACCEPT_OK);
	assert_int_equal(event.session.port, port);
	assert_memory_equal(event.session.sid, sid, FIZEAU_SID_OCTETS);
}

void control_pair_start(struct control_pair *p)
{
	struct fizeau_event event;

	assert_int_equal(fizeau_control_client_start(p->client, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_START_WANTED, &event);
	assert_int_equal(fizeau_server_answer_start(p->server, FIZEAU_ACCEPT_OK, p->now), 0);
	control_pair_settle(p);
	control_pair_client_event(p, FIZEAU_EVENT_START_ACK, &event);
	assert_int_equal(event.answer.accept, FIZEAU_ACCEPT_OK);
}
