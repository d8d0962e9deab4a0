/* SPDX-License-Identifier: MIT */
#include <fizeau/server.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/proto/server_state.h"
#include "lib/wire/fetch.h"
#include "lib/wire/greeting.h"
#include "lib/wire/request_session.h"
#include "lib/wire/request_tw.h"
#include "lib/wire/server_start.h"
#include "lib/wire/setup.h"
#include "lib/wire/start.h"
#include "lib/wire/stop_ow.h"

#define NO_COMMAND (-1)
#define LONGEST_ANSWER FZ_ACCEPT_SESSION_OCTETS

/* When a message may come: in which protocol and phase, and what its first octet is. TWAMP with individual session
   control has commands of its own in the place of some. */
struct row {
	bool twamp, individual, owamp;
	enum fz_server_phase phase;
	int command;
	struct fz_server_part part;
};

void fz_server_close(struct fizeau_server *s, int error, uint8_t accept)
{
	fz_channel_close(&s->channel, error, accept);
	s->phase = FZ_SERVER_CLOSED;
	s->deadline = FIZEAU_NEVER;
}

struct fizeau_mono fz_server_after(struct fizeau_mono now, int64_t ns)
{
	return now.ns > INT64_MAX - ns ? FIZEAU_NEVER : (struct fizeau_mono){now.ns + ns};
}

void fz_server_enter_idle(struct fizeau_server *s, struct fizeau_mono now)
{
	s->phase = FZ_SERVER_IDLE;
	/*= rfc5357#section-3.1 TW-3.1-05 TW-3.1-07 TW-3.1-11 */
	/*= rfc5938#section-3.6 IS-3.6-01 IS-3.6-02 IS-3.6-03 */
	s->deadline = fz_server_n_running(s) ? FIZEAU_NEVER : fz_server_after(now, s->config.servwait_ns);
}

void fz_server_await_caller(struct fizeau_server *s, enum fz_server_phase phase)
{
	s->phase = phase;
	s->deadline = FIZEAU_NEVER;
}

/*= rfc4656#section-3.1 OW-3.1-34 OW-3.1-38 OW-3.1-42 OW-3.1-44 OW-3.1-45 */
static int send_server_start(struct fizeau_server *s, uint8_t accept)
{
	struct fz_server_start start = {.accept = accept, .start_time = s->config.start_time};
	uint8_t *octets = fz_channel_room(&s->channel, FZ_SERVER_START_OCTETS);
	int error;

	assert(octets != NULL);
	memcpy(start.server_iv, s->random.server_iv, sizeof(start.server_iv));
	error = fz_server_start_put(&start, octets, FZ_SERVER_START_OCTETS);
	/*= rfc4656#section-3.2 OW-3.2-05 */
	/*= rfc5357#section-3.2 TW-3.2-02 */
	if (error == 0 && accept == FIZEAU_ACCEPT_OK)
		error = fz_stream_seal(&s->channel.out, octets + FZ_SERVER_START_CLEAR,
			FZ_SERVER_START_OCTETS - FZ_SERVER_START_CLEAR);
	if (error == 0)
		fz_channel_send(&s->channel, FZ_SERVER_START_OCTETS);
	return error;
}

int fz_server_send_accept_session(struct fizeau_server *s, const struct fz_accept_session *answer)
{
	uint8_t *octets = fz_channel_room(&s->channel, FZ_ACCEPT_SESSION_OCTETS);
	int error;

	assert(octets != NULL);
	error = fz_accept_session_put(answer, octets, FZ_ACCEPT_SESSION_OCTETS);
	return error < 0 ? error : fz_channel_send_sealed(&s->channel, FZ_ACCEPT_SESSION_OCTETS);
}

int fz_server_send_start_ack(struct fizeau_server *s, uint8_t accept)
{
	struct fz_start_ack ack = {.accept = accept};
	uint8_t *octets = fz_channel_room(&s->channel, FZ_START_ACK_OCTETS);
	int error;

	assert(octets != NULL);
	error = fz_start_ack_put(&ack, octets, FZ_START_ACK_OCTETS);
	return error < 0 ? error : fz_channel_send_sealed(&s->channel, FZ_START_ACK_OCTETS);
}

static int refuse_set_up(struct fizeau_server *s, int why, uint8_t accept)
{
	int error = send_server_start(s, accept);

	/*= rfc4656#section-3.1 OW-3.1-40 */
	fz_server_close(s, why, accept);
	return error;
}

void fz_server_refuse_session(struct fizeau_server *s, uint8_t accept, struct fizeau_mono now)
{
	int error = fz_server_send_accept_session(s, &(struct fz_accept_session){.accept = accept});

	/*= rfc4656#section-3.5 OW-3.5-25 */
	if (error < 0)
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
	else
		fz_server_enter_idle(s, now);
}

static void take_set_up(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_setup setup;
	struct fizeau_event *event;
	int error = fz_setup_get(&setup, octets, FZ_SETUP_OCTETS);

	(void)now;
	if (error == 0)
		error = fz_setup_check(&setup, s->config.protocol, s->config.modes);
	/*= rfc4656#section-3.1 OW-3.1-22 */
	if (error == FIZEAU_ERR_UNWILLING) {
		fz_server_close(s, error, 0);
		return;
	}
	/*= rfc4656#section-3.1 OW-3.1-19 */
	/*= rfc4656#section-3.3 OW-3.3-03 */
	/*= rfc7717#section-5.3 IK-5.3-02 */
	if (error < 0) {
		(void)refuse_set_up(s, error, FIZEAU_ACCEPT_UNSUPPORTED);
		return;
	}
	s->channel.mode = setup.mode & fz_modes_known(s->config.protocol);
	memcpy(s->client_iv, setup.client_iv, sizeof(s->client_iv));
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_KEY_WANTED);
	event->key.mode = s->channel.mode;
	/*= rfc4656#section-3.1 OW-3.1-24 */
	if (fz_mode_protects_control(s->channel.mode)) {
		event->key.ike = (s->channel.mode & fizeau_mode_ike(s->config.protocol)) != 0;
		/*= rfc4656#section-3.1 OW-3.1-25 OW-3.1-26 */
		memcpy(event->key.key_id, setup.key_id, sizeof(event->key.key_id));
		memcpy(event->key.token, setup.token, sizeof(event->key.token));
		memcpy(event->key.challenge, s->random.challenge, sizeof(event->key.challenge));
		memcpy(event->key.salt, s->random.salt, sizeof(event->key.salt));
		event->key.count = s->config.count;
	}
	/*= rfc7717#section-5.3 IK-5.3-07 IK-5.3-08 */
	if (event->key.ike) {
		memcpy(event->key.spi_i, setup.key_id, sizeof(event->key.spi_i));
		memcpy(event->key.spi_r, setup.key_id + sizeof(event->key.spi_i), sizeof(event->key.spi_r));
	}
	fz_server_await_caller(s, FZ_SERVER_KEY);
}

static void take_start(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	int error = fz_start_get(octets, FZ_START_OCTETS);

	/* There is nothing to start: a refusal says so, and the peer may still request something. */
	if (error == 0 && s->sessions.accepted == 0) {
		error = fz_server_send_start_ack(s, FIZEAU_ACCEPT_FAILURE);
		if (error == 0) {
			fz_server_enter_idle(s, now);
			return;
		}
	}
	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	(void)fz_channel_raise(&s->channel, FIZEAU_EVENT_START_WANTED);
	/*= rfc5357#section-3.1 TW-3.1-06 */
	fz_server_await_caller(s, FZ_SERVER_START);
}

/*= rfc5357#section-3.4 TW-3.4-01 */
/*= rfc5618#section-3 MX-3-01 */
/*= rfc5357#section-3.9 TW-3.9-01 */
/*= rfc5357#section-8.4 TW-8.4-01 */
/*= rfc5357#section-2 TW-2-04 */
/*= rfc4656#section-3.4 OW-3.4-05 OW-3.4-06 */
/*= rfc4656#section-2 OW-2-03 */
/*= rfc7718#section-3.1.4 OR-3.1-01 */
/*= rfc5938#section-2 IS-2-01 IS-2-02 */
/*= rfc5938#section-3.1 IS-3.1-02 IS-3.1-04 IS-3.1-05 */
/*= rfc5938#section-3.4 IS-3.4-01 */
/*= rfc5938#section-6.4 IS-6.4-01 */
static const struct row rows[] = {
	{true, false, true, FZ_SERVER_SET_UP, NO_COMMAND, {FZ_SETUP_OCTETS, FZ_CLEAR, take_set_up}},
	{true, false, true, FZ_SERVER_IDLE, FZ_START_COMMAND, {FZ_START_OCTETS, FZ_SEALED, take_start}},

	{true, true, false, FZ_SERVER_IDLE, FZ_REQUEST_TW_COMMAND,
		{FZ_REQUEST_TW_OCTETS, FZ_SEALED, fz_server_take_request_tw}},
	{true, false, false, FZ_SERVER_RUNNING, FZ_STOP_COMMAND, {FZ_STOP_OCTETS, FZ_SEALED, fz_server_take_stop_tw}},

	{false, true, false, FZ_SERVER_IDLE, FZ_START_N_COMMAND, {FZ_N_HEAD_OCTETS, FZ_OPENED, fz_server_take_n}},
	{false, true, false, FZ_SERVER_IDLE, FZ_STOP_N_COMMAND, {FZ_N_HEAD_OCTETS, FZ_OPENED, fz_server_take_n}},

	{false, false, true, FZ_SERVER_IDLE, FZ_REQUEST_OW_COMMAND,
		{FZ_REQUEST_OW_OCTETS, FZ_SEALED, fz_server_take_request_ow}},
	{false, false, true, FZ_SERVER_IDLE, FZ_FETCH_COMMAND, {FZ_FETCH_OCTETS, FZ_SEALED, fz_server_take_fetch}},
	{false, false, true, FZ_SERVER_RUNNING, FZ_STOP_COMMAND, {FZ_STOP_HEAD_OCTETS, FZ_OPENED, fz_server_take_stop_ow}},
	{false, false, true, FZ_SERVER_STOPPING, FZ_STOP_COMMAND, {FZ_STOP_HEAD_OCTETS, FZ_OPENED, fz_server_take_stop_ow}},
};

static const struct fz_server_part *part_of(const struct fizeau_server *s, int command)
{
	bool owamp = s->config.protocol == FIZEAU_OWAMP, individual = fz_server_individual(s);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (row->phase == s->phase && row->command == command &&
			(owamp ? row->owamp : individual ? row->individual : row->twamp))
			return &row->part;
	}
	return NULL;
}

/* The first block of a command is in: which one is it? */
static void take_command(struct fizeau_server *s)
{
	uint8_t command;
	int error = fz_channel_open(&s->channel, FZ_CHANNEL_BLOCK);

	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	command = s->channel.inbox[0];
	s->part = part_of(s, command);
	if (s->part != NULL)
		return;
	/* Its length is unknown, so where the next command begins is as well: this is the last answer. */
	/*= rfc5357#section-3.5 TW-3.5-03 TW-3.5-04 */
	error = s->ow != NULL ? fz_server_answer_unexpected_ow(s, command) : fz_server_answer_unexpected_tw(s, command);
	fz_server_close(s, error < 0 ? error : FIZEAU_ERR_UNEXPECTED, FIZEAU_ACCEPT_UNSUPPORTED);
}

static void take_part(struct fizeau_server *s, struct fizeau_mono now)
{
	const struct fz_server_part *part = s->part;
	int error = fz_channel_open_message(&s->channel, part->octets, part->protection);

	s->part = NULL;
	/* One reaction to all that fails, and before anything of the message is used. */
	/*= rfc4656#section-3.2 OW-3.2-07 OW-3.2-08 */
	/*= rfc4656#section-6.10 OW-6.10-01 OW-6.10-02 OW-6.10-03 */
	if (error < 0)
		fz_server_close(s, error, 0);
	else
		part->handle(s, s->channel.inbox, now);
	fz_channel_next(&s->channel);
}

static void reclaim(struct fizeau_server *s)
{
	if (fz_channel_reclaim(&s->channel))
		fz_server_ow_reclaim(s->ow);
}

static bool listens(const struct fizeau_server *s)
{
	switch (s->phase) {
	case FZ_SERVER_SET_UP:
	case FZ_SERVER_IDLE:
	case FZ_SERVER_RUNNING:
	case FZ_SERVER_STOPPING:
	case FZ_SERVER_STOPPED:
		return true;
	case FZ_SERVER_KEY:
	case FZ_SERVER_SESSION:
	case FZ_SERVER_START:
	case FZ_SERVER_N:
	case FZ_SERVER_FETCH:
	case FZ_SERVER_RECORDS:
	case FZ_SERVER_CLOSED:
		break;
	}
	return false;
}

size_t fizeau_server_recv(struct fizeau_server *s, const uint8_t *octets, size_t len, struct fizeau_mono now)
{
	size_t taken = 0;

	reclaim(s);
	while (taken < len && listens(s) && fz_channel_ready(&s->channel, LONGEST_ANSWER)) {
		/*= rfc4656#section-3 OW-3-01 */
		size_t need = s->part != NULL ? s->part->octets : FZ_CHANNEL_BLOCK;

		taken += fz_channel_fill(&s->channel, octets + taken, len - taken, need);
		/* A command that was begun during a test has to come to its end as well. */
		/*= rfc4656#section-3 OW-3-03 */
		if (s->deadline.ns == INT64_MAX)
			s->deadline = fz_server_after(now, s->config.servwait_ns);
		if (s->channel.have < need)
			break;
		if (s->part == NULL)
			take_command(s);
		else
			take_part(s, now);
	}
	return s->phase == FZ_SERVER_CLOSED ? len : taken;
}

static bool config_good(const struct fizeau_server_config *config)
{
	uint32_t modes = config->modes;

	/*= rfc4656#section-3.1 OW-3.1-05 OW-3.1-09 OW-3.1-10 */
	if ((modes & ~fz_modes_known(config->protocol)) != 0 || fizeau_count_check(config->count, UINT32_MAX) < 0)
		return false;
	if ((modes & fizeau_mode_ike(config->protocol)) != 0 && !fz_mode_protects_control(modes))
		return false;
	return config->servwait_ns > 0 && config->setup_timeout_ns > 0;
}

/*= rfc4656#section-3.1 OW-3.1-02 OW-3.1-04 */
/*= rfc5618#section-3.1 MX-3.1-05 MX-3.1-06 */
/*= rfc7717#section-5.2 IK-5.2-01 IK-5.2-02 */
/*= rfc7718#section-3.2.4 OR-3.2-02 */
static int send_greeting(struct fizeau_server *s)
{
	struct fz_greeting greeting = {.modes = s->config.modes, .count = s->config.count};
	uint8_t *octets = fz_channel_room(&s->channel, FZ_GREETING_OCTETS);
	int error;

	assert(octets != NULL);
	/*= rfc4656#section-3.1 OW-3.1-07 OW-3.1-08 */
	memcpy(greeting.challenge, s->random.challenge, sizeof(greeting.challenge));
	memcpy(greeting.salt, s->random.salt, sizeof(greeting.salt));
	error = fz_greeting_put(&greeting, octets, FZ_GREETING_OCTETS);
	if (error == 0)
		fz_channel_send(&s->channel, FZ_GREETING_OCTETS);
	return error;
}

struct fizeau_server *fizeau_server_new(const struct fizeau_server_config *config,
	const struct fizeau_server_random *random, struct fizeau_mono now)
{
	struct fizeau_server *s;

	if (!config_good(config))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->config = *config;
	s->random = *random;
	s->phase = FZ_SERVER_SET_UP;
	s->part = part_of(s, NO_COMMAND);
	s->deadline = fz_server_after(now, config->setup_timeout_ns);
	if (config->protocol == FIZEAU_OWAMP)
		s->ow = fz_server_ow_new();
	if ((config->protocol == FIZEAU_OWAMP && s->ow == NULL) || send_greeting(s) < 0) {
		fizeau_server_free(s);
		return NULL;
	}
	/*= rfc4656#section-3.1 OW-3.1-12 */
	if (config->modes == 0)
		fz_server_close(s, 0, 0);
	return s;
}

void fizeau_server_free(struct fizeau_server *s)
{
	if (s == NULL)
		return;
	fz_server_ow_free(s->ow);
	fz_server_n_free(&s->n);
	fz_channel_wipe(&s->channel);
	fizeau_wipe(s, sizeof(*s));
	free(s);
}

void fizeau_server_eof(struct fizeau_server *s)
{
	bool between = s->phase == FZ_SERVER_SET_UP || (s->phase == FZ_SERVER_IDLE && !fz_server_n_running(s));

	if (s->channel.have > 0 || (s->part != NULL && s->phase != FZ_SERVER_SET_UP))
		fz_server_close(s, FIZEAU_ERR_LENGTH, 0);
	else
		fz_server_close(s, between ? 0 : FIZEAU_ERR_CLOSED, 0);
}

size_t fizeau_server_output(const struct fizeau_server *s, const uint8_t **octets)
{
	return fz_channel_output(&s->channel, octets);
}

void fizeau_server_sent(struct fizeau_server *s, size_t len)
{
	fz_channel_sent(&s->channel, len);
}

bool fizeau_server_event(struct fizeau_server *s, struct fizeau_event *event)
{
	bool lent = s->channel.lent_pulled, got = fz_channel_event(&s->channel, event);

	if (got && lent)
		reclaim(s);
	return got;
}

static int why_refused(uint8_t accept)
{
	if (accept == FIZEAU_ACCEPT_PERMANENT_LIMIT || accept == FIZEAU_ACCEPT_TEMPORARY_LIMIT)
		return FIZEAU_ERR_LIMIT;
	return accept == FIZEAU_ACCEPT_UNSUPPORTED ? FIZEAU_ERR_MODE : FIZEAU_ERR_KEY;
}

int fizeau_server_answer_key(struct fizeau_server *s, uint8_t accept, const struct fizeau_session_keys *keys,
	struct fizeau_mono now)
{
	int error;

	if (s->phase != FZ_SERVER_KEY)
		return FIZEAU_ERR_STATE;
	/*= rfc4656#section-3.1 OW-3.1-39 */
	/*= rfc7717#section-5.3 IK-5.3-10 */
	if (accept != FIZEAU_ACCEPT_OK)
		return refuse_set_up(s, why_refused(accept), accept);
	if (fz_mode_protects_control(s->channel.mode) && keys == NULL)
		return FIZEAU_ERR_RANGE;
	/*= rfc4656#section-3.1 OW-3.1-23 */
	/*= rfc5618#section-1 MX-1-01 */
	/*= rfc5618#section-4 MX-4-01 */
	error = fz_channel_key(&s->channel, s->channel.mode, keys, s->client_iv, s->random.server_iv);
	if (error < 0) {
		(void)refuse_set_up(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	error = send_server_start(s, FIZEAU_ACCEPT_OK);
	if (error < 0)
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
	else
		fz_server_enter_idle(s, now);
	return error;
}

int fizeau_server_answer_session(struct fizeau_server *s, uint8_t accept, uint16_t port,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_mono now)
{
	struct fz_accept_session answer = {.accept = accept, .port = port};
	int error;

	if (s->phase != FZ_SERVER_SESSION)
		return FIZEAU_ERR_STATE;
	/*= rfc4656#section-3.5 OW-3.5-02 OW-3.5-03 */
	memcpy(answer.sid, sid, sizeof(answer.sid));
	error = s->ow != NULL ? fz_server_answer_session_ow(s, &answer) : fz_server_answer_session_tw(s, &answer);
	/* Nothing was sent: another answer is allowed. */
	if (error == FIZEAU_ERR_RANGE || error == FIZEAU_ERR_MEMORY)
		return error;
	if (error < 0) {
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	if (accept == FIZEAU_ACCEPT_OK && !fz_server_individual(s))
		fz_sessions_accept(&s->sessions);
	fz_server_enter_idle(s, now);
	return 0;
}

int fizeau_server_answer_start(struct fizeau_server *s, uint8_t accept, struct fizeau_mono now)
{
	int error;

	if (s->phase != FZ_SERVER_START)
		return FIZEAU_ERR_STATE;
	/*= rfc4656#section-3.7 OW-3.7-02 OW-3.7-03 */
	/*= rfc5357#section-3.7 TW-3.7-01 */
	error = fz_server_send_start_ack(s, accept);
	if (error < 0) {
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	if (accept != FIZEAU_ACCEPT_OK) {
		fz_sessions_clear(&s->sessions);
		if (s->ow != NULL)
			fz_server_ow_forget_sessions(s->ow);
		fz_server_enter_idle(s, now);
		return 0;
	}
	fz_sessions_start(&s->sessions);
	/* SERVWAIT was suspended when Start-Sessions came, and stays so. */
	/*= rfc5357#section-3.1 TW-3.1-06 */
	s->phase = FZ_SERVER_RUNNING;
	return 0;
}

void fizeau_server_session_expired(
	struct fizeau_server *s, const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_mono now)
{
	/* In any other phase what comes next sets the deadline. */
	if (fz_server_individual(s)) {
		if (fz_server_n_expire(s, sid) && s->phase == FZ_SERVER_IDLE && s->deadline.ns == INT64_MAX)
			s->deadline = fz_server_after(now, s->config.servwait_ns);
		return;
	}
	if (s->phase != FZ_SERVER_RUNNING && s->phase != FZ_SERVER_STOPPING)
		return;
	/*= rfc5357#section-3.1 TW-3.1-08 TW-3.1-09 */
	if (fz_sessions_expire(&s->sessions) && s->deadline.ns == INT64_MAX)
		s->deadline = fz_server_after(now, s->config.servwait_ns);
}

int fizeau_server_test_keys(const struct fizeau_server *s, const uint8_t sid[static FIZEAU_SID_OCTETS],
	struct fizeau_test_keys *keys)
{
	return fz_channel_test_keys(&s->channel, sid, keys);
}

uint32_t fizeau_server_mode(const struct fizeau_server *s)
{
	return s->channel.mode;
}

struct fizeau_mono fizeau_server_deadline(const struct fizeau_server *s)
{
	return s->deadline;
}

void fizeau_server_expire(struct fizeau_server *s, struct fizeau_mono now)
{
	/*= rfc5357#section-3.1 TW-3.1-05 */
	/*= rfc4656#section-3 OW-3-02 OW-3-03 */
	if (s->phase != FZ_SERVER_CLOSED && s->deadline.ns != INT64_MAX && now.ns >= s->deadline.ns)
		fz_server_close(s, FIZEAU_ERR_TIMEOUT, 0);
}
