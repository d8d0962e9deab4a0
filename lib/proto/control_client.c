/* SPDX-License-Identifier: MIT */
#include <fizeau/control_client.h>

#include <stdlib.h>
#include <string.h>
#include "lib/proto/client_state.h"
#include "lib/wire/request_tw.h"
#include "lib/wire/server_start.h"
#include "lib/wire/setup.h"
#include "lib/wire/start.h"

/* When a message may come: in which protocol and phase. */
struct row {
	bool twamp, owamp;
	enum fz_client_phase phase;
	struct fz_client_part part;
};

void fz_client_close(struct fizeau_control_client *c, int error, uint8_t accept)
{
	fz_channel_close(&c->channel, error, accept);
	c->phase = FZ_CLIENT_CLOSED;
	c->deadline = FIZEAU_NEVER;
}

void fz_client_await_caller(struct fizeau_control_client *c, enum fz_client_phase phase)
{
	c->phase = phase;
	c->deadline = FIZEAU_NEVER;
}

void fz_client_await_server(struct fizeau_control_client *c, enum fz_client_phase phase, struct fizeau_mono now)
{
	int64_t ns = c->config.answer_timeout_ns;

	c->phase = phase;
	c->deadline = now.ns > INT64_MAX - ns ? FIZEAU_NEVER : (struct fizeau_mono){now.ns + ns};
}

static void take_greeting(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fizeau_event *event;
	int error = fz_greeting_get(&c->greeting, octets, FZ_GREETING_OCTETS);

	(void)now;
	/*= rfc4656#section-3.1 OW-3.1-13 */
	if (error == 0)
		error = fz_greeting_check(&c->greeting);
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_GREETING);
	/*= rfc4656#section-3.1 OW-3.1-06 */
	/*= rfc5618#section-3.1 MX-3.1-07 */
	/*= rfc7718#section-3.2.4 OR-3.2-04 */
	event->greeting.modes = c->greeting.modes & fz_modes_known(c->config.protocol);
	memcpy(event->greeting.challenge, c->greeting.challenge, sizeof(event->greeting.challenge));
	memcpy(event->greeting.salt, c->greeting.salt, sizeof(event->greeting.salt));
	event->greeting.count = c->greeting.count;
	fz_client_await_caller(c, FZ_CLIENT_CHOICE);
}

static void take_server_start(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_start start;
	struct fizeau_event *event;
	int error = fz_server_start_get(&start, octets, FZ_SERVER_START_OCTETS);

	(void)now;
	/* A refusal is in clear: to be told before anything is decrypted. */
	/*= rfc4656#section-3.1 OW-3.1-39 OW-3.1-41 */
	/*= rfc4656#section-3.3 OW-3.3-04 */
	/*= rfc7717#section-5.3 IK-5.3-11 */
	if (error == 0)
		error = fz_server_start_check(&start);
	if (error < 0) {
		fz_client_close(c, error, start.accept);
		return;
	}
	/*= rfc4656#section-3.1 OW-3.1-44 */
	/*= rfc4656#section-3.4 OW-3.4-03 */
	error = fz_channel_key(&c->channel, c->mode, &c->channel.keys, start.server_iv, c->client_iv);
	c->channel.opened = FZ_SERVER_START_CLEAR;
	if (error == 0)
		error = fz_channel_open(&c->channel, FZ_SERVER_START_OCTETS);
	if (error == 0)
		error = fz_server_start_get(&start, octets, FZ_SERVER_START_OCTETS);
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_SERVER_START);
	event->answer.accept = FIZEAU_ACCEPT_OK;
	event->answer.start_time = start.start_time;
	fz_client_await_caller(c, FZ_CLIENT_IDLE);
}

/* Server octets go where the sender's padding comes back. */
/*= rfc6038#section-4.3 RO-4.3-02 RO-4.3-05 */
static int check_accept_tw(const struct fizeau_control_client *c, const struct fz_accept_session *answer)
{
	int error = fz_accept_session_check(answer);

	if (error == 0 && answer->server_octets != 0 && c->reflect_length < sizeof(answer->server_octets))
		error = FIZEAU_ERR_MALFORMED;
	return error;
}

static void take_accept_session(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_accept_session answer;
	struct fizeau_event *event;
	int error = fz_accept_session_get(&answer, octets, FZ_ACCEPT_SESSION_OCTETS);

	(void)now;
	/*= rfc6038#section-1 RO-1-03 */
	if ((c->mode & FIZEAU_MODE_REFLECT_OCTETS) == 0)
		answer.reflected_octets = answer.server_octets = 0;
	if (error == 0 && answer.accept != FIZEAU_ACCEPT_OK)
		error = FIZEAU_ERR_REFUSED;
	if (error == 0)
		error = c->ow != NULL ? fz_client_check_accept_ow(c, &answer) : check_accept_tw(c, &answer);
	if (error == 0 && fz_client_individual(c))
		error = fz_client_n_accept(c, answer.sid);
	if (error < 0 && error != FIZEAU_ERR_REFUSED) {
		fz_client_close(c, error, 0);
		return;
	}
	/*= rfc4656#section-3.5 OW-3.5-26 */
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_SESSION_ANSWER);
	event->session.accept = answer.accept;
	if (error == 0) {
		/*= rfc5357#section-3.5 TW-3.5-23 */
		/*= rfc8545#section-5.1 PO-5.1-02 */
		event->session.port = answer.port;
		memcpy(event->session.sid, answer.sid, sizeof(event->session.sid));
		event->session.reflected_octets = answer.reflected_octets;
		event->session.server_octets = answer.server_octets;
		/*= rfc5357#section-3.8 TW-3.8-07 */
		if (!fz_client_individual(c))
			fz_sessions_accept(&c->sessions);
	}
	fz_client_await_caller(c, FZ_CLIENT_IDLE);
}

static void take_start_ack(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_start_ack ack;
	struct fizeau_event *event;
	int error = fz_start_ack_get(&ack, octets, FZ_START_ACK_OCTETS);

	(void)now;
	/*= rfc4656#section-3.7 OW-3.7-06 */
	if (error == 0)
		error = fz_start_ack_check(&ack);
	if (error < 0) {
		fz_client_close(c, error, ack.accept);
		return;
	}
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_START_ACK);
	event->answer.accept = FIZEAU_ACCEPT_OK;
	fz_sessions_start(&c->sessions);
	fz_client_await_caller(c, FZ_CLIENT_RUNNING);
}

static const struct row rows[] = {
	{true, true, FZ_CLIENT_GREETING, {FZ_GREETING_OCTETS, FZ_CLEAR, take_greeting}},
	{true, true, FZ_CLIENT_SERVER_START, {FZ_SERVER_START_OCTETS, FZ_CLEAR, take_server_start}},
	{true, true, FZ_CLIENT_SESSION, {FZ_ACCEPT_SESSION_OCTETS, FZ_SEALED, take_accept_session}},
	{true, true, FZ_CLIENT_START, {FZ_START_ACK_OCTETS, FZ_SEALED, take_start_ack}},
	{true, false, FZ_CLIENT_ACKS, {FZ_N_HEAD_OCTETS, FZ_OPENED, fz_client_take_ack_n}},
	{false, true, FZ_CLIENT_RUNNING, {FZ_STOP_HEAD_OCTETS, FZ_OPENED, fz_client_take_stop}},
	{false, true, FZ_CLIENT_STOPPING, {FZ_STOP_HEAD_OCTETS, FZ_OPENED, fz_client_take_stop}},
	{false, true, FZ_CLIENT_FETCH, {FZ_FETCH_ACK_OCTETS, FZ_SEALED, fz_client_take_fetch_ack}},
};

static const struct fz_client_part *part_of(const struct fizeau_control_client *c)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].phase == c->phase && (c->ow != NULL ? rows[i].owamp : rows[i].twamp))
			return &rows[i].part;
	}
	return NULL;
}

static void take_part(struct fizeau_control_client *c, struct fizeau_mono now)
{
	const struct fz_client_part *part = c->part;
	int error = fz_channel_open_message(&c->channel, part->octets, part->protection);

	c->part = NULL;
	/*= rfc4656#section-3.2 OW-3.2-07 */
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		part->handle(c, c->channel.inbox, now);
	fz_channel_next(&c->channel);
}

static void reclaim(struct fizeau_control_client *c)
{
	if (!fz_channel_reclaim(&c->channel))
		return;
	if (c->ow != NULL)
		fz_client_ow_reclaim(c->ow);
	else
		fz_client_n_reclaim(&c->n);
}

size_t fizeau_control_client_recv(
	struct fizeau_control_client *c, const uint8_t *octets, size_t len, struct fizeau_mono now)
{
	size_t taken = 0;

	reclaim(c);
	/* The deadline was set when the answer was asked for; octets that trickle in do not move it. */
	while (taken < len && c->phase != FZ_CLIENT_CHOICE && fz_channel_ready(&c->channel, 0)) {
		if (fz_client_wants_records(c)) {
			taken += fz_client_take_records(c, octets + taken, len - taken, now);
			continue;
		}
		if (c->part == NULL)
			c->part = part_of(c);
		/*= rfc5357#section-3.4 TW-3.4-01 */
		if (c->part == NULL) {
			fz_client_close(c, FIZEAU_ERR_UNEXPECTED, 0);
			break;
		}
		taken += fz_channel_fill(&c->channel, octets + taken, len - taken, c->part->octets);
		if (c->channel.have == c->part->octets)
			take_part(c, now);
	}
	return c->phase == FZ_CLIENT_CLOSED ? len : taken;
}

struct fizeau_control_client *fizeau_control_client_new(
	const struct fizeau_control_client_config *config, struct fizeau_mono now)
{
	struct fizeau_control_client *c;

	if (config->answer_timeout_ns <= 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->config = *config;
	if (config->protocol == FIZEAU_OWAMP) {
		c->ow = fz_client_ow_new();
		if (c->ow == NULL) {
			fizeau_control_client_free(c);
			return NULL;
		}
	}
	fz_client_await_server(c, FZ_CLIENT_GREETING, now);
	return c;
}

void fizeau_control_client_free(struct fizeau_control_client *c)
{
	if (c == NULL)
		return;
	fz_client_ow_free(c->ow);
	fz_client_n_free(&c->n);
	fz_channel_wipe(&c->channel);
	fizeau_wipe(c, sizeof(*c));
	free(c);
}

/* Parts of a message are in, and parts of it are not. */
static bool amid_message(const struct fizeau_control_client *c)
{
	return c->part != NULL || fz_client_wants_records(c);
}

void fizeau_control_client_eof(struct fizeau_control_client *c)
{
	fz_client_close(c, c->channel.have > 0 || amid_message(c) ? FIZEAU_ERR_LENGTH : FIZEAU_ERR_CLOSED, 0);
}

size_t fizeau_control_client_output(const struct fizeau_control_client *c, const uint8_t **octets)
{
	return fz_channel_output(&c->channel, octets);
}

void fizeau_control_client_sent(struct fizeau_control_client *c, size_t len)
{
	fz_channel_sent(&c->channel, len);
}

bool fizeau_control_client_event(struct fizeau_control_client *c, struct fizeau_event *event)
{
	bool lent = c->channel.lent_pulled, got = fz_channel_event(&c->channel, event);

	if (got && lent)
		reclaim(c);
	return got;
}

struct fizeau_mono fizeau_control_client_deadline(const struct fizeau_control_client *c)
{
	return c->deadline;
}

void fizeau_control_client_expire(struct fizeau_control_client *c, struct fizeau_mono now)
{
	if (c->phase != FZ_CLIENT_CLOSED && c->deadline.ns != INT64_MAX && now.ns >= c->deadline.ns)
		fz_client_close(c, FIZEAU_ERR_TIMEOUT, 0);
}

/* May this mode answer the greeting? */
static int check_mode(const struct fizeau_control_client *c, uint32_t mode)
{
	/*= rfc4656#section-3.1 OW-3.1-17 OW-3.1-18 OW-3.1-20 */
	/*= rfc5618#section-3.1 MX-3.1-03 */
	/*= rfc7717#section-5.3 IK-5.3-02 */
	/*= rfc6038#section-4.1 RO-4.1-02 */
	/*= rfc7750#section-2.1 DE-2.1-02 */
	/*= rfc8186#section-2.2 PT-2.2-03 PT-2.2-04 */
	if ((mode & ~fz_modes_known(c->config.protocol)) != 0 ||
		fz_mode_check(c->config.protocol, mode, c->greeting.modes) < 0)
		return FIZEAU_ERR_MODE;
	if (!fz_mode_protects_control(mode))
		return 0;
	/* With an IKEv2-derived key PBKDF2 may be left out, and whoever does run it looks at the maximum first. */
	/*= rfc5357#section-6 TW-6-02 TW-6-05 */
	/*= rfc7717#section-5.2 IK-5.2-02 */
	return fizeau_count_check(c->greeting.count,
		(mode & fizeau_mode_ike(c->config.protocol)) != 0 ? UINT32_MAX : c->config.max_count);
}

/*= rfc4656#section-3.1 OW-3.1-15 OW-3.1-24 OW-3.1-27 OW-3.1-28 */
/*= rfc7717#section-5.3 IK-5.3-03 IK-5.3-04 IK-5.3-05 IK-5.3-06 */
static int send_set_up(struct fizeau_control_client *c, const struct fizeau_set_up *set_up)
{
	struct fz_setup setup = {.mode = set_up->mode};
	uint8_t *octets = fz_channel_room(&c->channel, FZ_SETUP_OCTETS);
	int error = 0;

	if (octets == NULL)
		return FIZEAU_ERR_LIMIT;
	if (fz_mode_protects_control(set_up->mode)) {
		memcpy(setup.key_id, set_up->key_id, sizeof(setup.key_id));
		memcpy(setup.client_iv, set_up->client_iv, sizeof(setup.client_iv));
		error = fizeau_token_seal(
			set_up->token_key, c->greeting.challenge, &set_up->keys, setup.token);
	}
	if (error == 0)
		error = fz_setup_put(&setup, octets, FZ_SETUP_OCTETS);
	if (error == 0)
		fz_channel_send(&c->channel, FZ_SETUP_OCTETS);
	return error;
}

int fizeau_control_client_set_up(
	struct fizeau_control_client *c, const struct fizeau_set_up *set_up, struct fizeau_mono now)
{
	int error;

	/*= rfc4656#section-3.1 OW-3.1-01 OW-3.1-14 */
	if (c->phase != FZ_CLIENT_CHOICE)
		return FIZEAU_ERR_STATE;
	error = set_up->mode == 0 ? 0 : check_mode(c, set_up->mode);
	if (error == 0)
		error = send_set_up(c, set_up);
	if (error < 0)
		return error;
	/*= rfc4656#section-3.1 OW-3.1-22 */
	if (set_up->mode == 0) {
		fz_client_close(c, 0, 0);
		return 0;
	}
	c->mode = set_up->mode;
	if (fz_mode_protects_control(c->mode)) {
		c->channel.keys = set_up->keys;
		memcpy(c->client_iv, set_up->client_iv, sizeof(c->client_iv));
	}
	fz_client_await_server(c, FZ_CLIENT_SERVER_START, now);
	return 0;
}

int fz_client_send_sealed(struct fizeau_control_client *c, size_t len)
{
	int error = fz_channel_send_sealed(&c->channel, len);

	if (error < 0)
		fz_client_close(c, error, 0);
	return error;
}

/*= rfc4656#section-3.5 OW-3.5-01 */
/*= rfc5357#section-3.5 TW-3.5-01 TW-3.5-08 TW-3.5-09 */
/*= rfc6038#section-1 RO-1-04 */
int fizeau_control_client_request_tw(
	struct fizeau_control_client *c, const struct fizeau_tw_request *request, struct fizeau_mono now)
{
	struct fz_request_head message;
	uint8_t *octets;
	int error;

	if (c->phase != FZ_CLIENT_IDLE || c->ow != NULL)
		return FIZEAU_ERR_STATE;
	error = fz_request_tw_from_api(request, c->mode, &message);
	if (error < 0)
		return error;
	octets = fz_channel_room(&c->channel, FZ_REQUEST_TW_OCTETS);
	if (octets == NULL)
		return FIZEAU_ERR_LIMIT;
	error = fz_request_tw_put(&message, octets, FZ_REQUEST_TW_OCTETS);
	if (error == 0)
		error = fz_client_send_sealed(c, FZ_REQUEST_TW_OCTETS);
	c->reflect_length = request->reflect_length;
	if (error == 0)
		fz_client_await_server(c, FZ_CLIENT_SESSION, now);
	return error;
}

/*= rfc4656#section-3.7 OW-3.7-01 */
/*= rfc5357#section-3.7 TW-3.7-01 */
/*= rfc5938#section-2 IS-2-02 */
/*= rfc5938#section-3.1 IS-3.1-05 */
int fizeau_control_client_start(struct fizeau_control_client *c, struct fizeau_mono now)
{
	uint8_t *octets;
	int error;

	if (c->phase != FZ_CLIENT_IDLE || c->sessions.accepted == 0)
		return FIZEAU_ERR_STATE;
	octets = fz_channel_room(&c->channel, FZ_START_OCTETS);
	if (octets == NULL)
		return FIZEAU_ERR_LIMIT;
	error = fz_start_put(octets, FZ_START_OCTETS);
	if (error == 0)
		error = fz_client_send_sealed(c, FZ_START_OCTETS);
	if (error == 0)
		fz_client_await_server(c, FZ_CLIENT_START, now);
	return error;
}

/*= rfc5357#section-3.8 TW-3.8-01 TW-3.8-02 TW-3.8-03 TW-3.8-07 */
int fizeau_control_client_stop(struct fizeau_control_client *c, uint8_t accept, struct fizeau_mono now)
{
	struct fz_stop stop = {.accept = accept, .sessions = c->sessions.started};
	uint8_t *octets;
	int error;

	(void)now;
	if (c->phase != FZ_CLIENT_RUNNING || c->ow != NULL)
		return FIZEAU_ERR_STATE;
	octets = fz_channel_room(&c->channel, FZ_STOP_OCTETS);
	if (octets == NULL)
		return FIZEAU_ERR_LIMIT;
	error = fz_stop_put(&stop, octets, FZ_STOP_OCTETS);
	if (error == 0)
		error = fz_client_send_sealed(c, FZ_STOP_OCTETS);
	if (error < 0)
		return error;
	fz_sessions_clear(&c->sessions);
	fz_client_await_caller(c, FZ_CLIENT_IDLE);
	return 0;
}

int fizeau_control_client_test_keys(const struct fizeau_control_client *c,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *keys)
{
	return fz_channel_test_keys(&c->channel, sid, keys);
}
