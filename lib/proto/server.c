/* SPDX-License-Identifier: MIT */
#include <fizeau/server.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/proto/channel.h"
#include "lib/proto/sessions.h"
#include "lib/wire/accept.h"
#include "lib/wire/greeting.h"
#include "lib/wire/request_tw.h"
#include "lib/wire/server_start.h"
#include "lib/wire/setup.h"
#include "lib/wire/start.h"
#include "lib/wire/stop.h"

enum phase {
	PHASE_SET_UP,  /* greeting is out, Set-Up-Response is due */
	PHASE_KEY,     /* the caller owes answer_key */
	PHASE_IDLE,    /* set up, no test running */
	PHASE_SESSION, /* the caller owes answer_session */
	PHASE_START,   /* the caller owes answer_start */
	PHASE_RUNNING, /* between Start-Sessions and Stop-Sessions */
	PHASE_CLOSED,
};

#define NO_COMMAND (-1)
#define LONGEST_ANSWER FZ_ACCEPT_SESSION_OCTETS

/* A message that may come: when, its first octet, its octets in all, and what is done with it in clear. */
struct row {
	enum phase phase;
	int command;
	size_t octets;
	void (*handle)(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
};

struct fizeau_server {
	struct fizeau_server_config config;
	struct fizeau_server_random random;
	enum phase phase;
	const struct row *row; /* the message that is coming in; NULL until its first block is in */
	uint8_t client_iv[16];
	struct fz_channel channel;
	struct fz_sessions sessions;
	struct fizeau_mono deadline;
};

static void close_server(struct fizeau_server *s, int error, uint8_t accept)
{
	fz_channel_close(&s->channel, error, accept);
	s->phase = PHASE_CLOSED;
	s->deadline = FIZEAU_NEVER;
}

static struct fizeau_mono after(struct fizeau_mono now, int64_t ns)
{
	return now.ns > INT64_MAX - ns ? FIZEAU_NEVER : (struct fizeau_mono){now.ns + ns};
}

static void enter_idle(struct fizeau_server *s, struct fizeau_mono now)
{
	s->phase = PHASE_IDLE;
	/*= rfc5357#section-3.1 TW-3.1-05 TW-3.1-07 TW-3.1-11 */
	s->deadline = after(now, s->config.servwait_ns);
}

/* Our own time to find an answer is not the peer's silence. */
static void await_caller(struct fizeau_server *s, enum phase phase)
{
	s->phase = phase;
	s->deadline = FIZEAU_NEVER;
}

/* recv takes no message without room for the answer, so the three below find it. */

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

static int send_accept_session(struct fizeau_server *s, const struct fz_accept_session *answer)
{
	uint8_t *octets = fz_channel_room(&s->channel, FZ_ACCEPT_SESSION_OCTETS);
	int error;

	assert(octets != NULL);
	error = fz_accept_session_put(answer, octets, FZ_ACCEPT_SESSION_OCTETS);
	return error < 0 ? error : fz_channel_send_sealed(&s->channel, FZ_ACCEPT_SESSION_OCTETS);
}

static int send_start_ack(struct fizeau_server *s, uint8_t accept)
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
	close_server(s, why, accept);
	return error;
}

static void refuse_session(struct fizeau_server *s, uint8_t accept, struct fizeau_mono now)
{
	int error = send_accept_session(s, &(struct fz_accept_session){.accept = accept});

	/*= rfc4656#section-3.5 OW-3.5-25 */
	if (error < 0)
		close_server(s, error, FIZEAU_ACCEPT_INTERNAL);
	else
		enter_idle(s, now);
}

static void take_set_up(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_setup setup;
	struct fizeau_event *event;
	int error = fz_setup_get(&setup, octets, FZ_SETUP_OCTETS);

	(void)now;
	if (error == 0)
		error = fz_setup_check(&setup, s->config.modes);
	/*= rfc4656#section-3.1 OW-3.1-22 */
	if (error == FIZEAU_ERR_UNWILLING) {
		close_server(s, error, 0);
		return;
	}
	/*= rfc4656#section-3.1 OW-3.1-19 */
	/*= rfc4656#section-3.3 OW-3.3-03 */
	/*= rfc7717#section-5.3 IK-5.3-02 */
	if (error < 0) {
		(void)refuse_set_up(s, error, FIZEAU_ACCEPT_UNSUPPORTED);
		return;
	}
	s->channel.mode = setup.mode & FZ_MODES_KNOWN;
	memcpy(s->client_iv, setup.client_iv, sizeof(s->client_iv));
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_KEY_WANTED);
	event->key.mode = s->channel.mode;
	/*= rfc4656#section-3.1 OW-3.1-24 */
	if (fz_mode_protects_control(s->channel.mode)) {
		event->key.ike = (s->channel.mode & FIZEAU_MODE_TW_IKEV2) != 0;
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
	await_caller(s, PHASE_KEY);
}

static void take_request_tw(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_request_tw request;
	int error = fz_request_tw_get(&request, octets, FZ_REQUEST_TW_OCTETS);
	uint8_t accept;

	if (error < 0) {
		close_server(s, error, 0);
		return;
	}
	/*= rfc5357#section-3.5 TW-3.5-06 TW-3.5-20 */
	/*= rfc4656#section-3.3 OW-3.3-03 */
	accept = fz_request_tw_check(&request);
	if (accept == FIZEAU_ACCEPT_OK && s->sessions.accepted >= s->config.max_sessions)
		accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	if (accept != FIZEAU_ACCEPT_OK) {
		refuse_session(s, accept, now);
		return;
	}
	fz_request_tw_to_api(&request, &fz_channel_raise(&s->channel, FIZEAU_EVENT_SESSION_WANTED)->request);
	await_caller(s, PHASE_SESSION);
}

static void take_start(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	int error = fz_start_get(octets, FZ_START_OCTETS);

	/* There is nothing to start: a refusal says so, and the peer may still request something. */
	if (error == 0 && s->sessions.accepted == 0) {
		error = send_start_ack(s, FIZEAU_ACCEPT_FAILURE);
		if (error == 0) {
			enter_idle(s, now);
			return;
		}
	}
	if (error < 0) {
		close_server(s, error, 0);
		return;
	}
	(void)fz_channel_raise(&s->channel, FIZEAU_EVENT_START_WANTED);
	/*= rfc5357#section-3.1 TW-3.1-06 */
	await_caller(s, PHASE_START);
}

static void take_stop(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_stop stop;
	struct fizeau_event *event;
	int error = fz_stop_get(&stop, octets, FZ_STOP_OCTETS);

	/*= rfc5357#section-3.8 TW-3.8-08 */
	if (error == 0)
		error = fz_stop_check(&stop, s->sessions.started, fz_sessions_alive(&s->sessions));
	if (error < 0) {
		close_server(s, error, 0);
		return;
	}
	/*= rfc5357#section-3.8 TW-3.8-01 TW-3.8-04 TW-3.8-05 */
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_STOPPED);
	/*= rfc4656#section-3.8 OW-3.8-06 */
	event->stopped.accept = stop.accept;
	event->stopped.sessions = stop.sessions;
	fz_sessions_clear(&s->sessions);
	enter_idle(s, now);
}

/*= rfc5357#section-3.4 TW-3.4-01 */
/*= rfc5618#section-3 MX-3-01 */
/*= rfc5357#section-3.9 TW-3.9-01 */
/*= rfc5357#section-8.4 TW-8.4-01 */
/*= rfc5357#section-2 TW-2-04 */
/*= rfc4656#section-3.4 OW-3.4-05 OW-3.4-06 */
/*= rfc4656#section-2 OW-2-03 */
static const struct row rows[] = {
	{PHASE_SET_UP, NO_COMMAND, FZ_SETUP_OCTETS, take_set_up},
	{PHASE_IDLE, FZ_REQUEST_TW_COMMAND, FZ_REQUEST_TW_OCTETS, take_request_tw},
	{PHASE_IDLE, FZ_START_COMMAND, FZ_START_OCTETS, take_start},
	{PHASE_RUNNING, FZ_STOP_COMMAND, FZ_STOP_OCTETS, take_stop},
};

static const struct row *row_of(enum phase phase, int command)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].phase == phase && rows[i].command == command)
			return &rows[i];
	}
	return NULL;
}

/* The first block of a command is in: which one is it? */
static void take_command(struct fizeau_server *s)
{
	int error = fz_channel_open(&s->channel, FZ_CHANNEL_BLOCK);

	if (error < 0) {
		close_server(s, error, 0);
		return;
	}
	s->row = row_of(s->phase, s->channel.inbox[0]);
	if (s->row != NULL)
		return;
	/* Its length is unknown, so where the next command begins is as well: this is the last answer. */
	/*= rfc5357#section-3.5 TW-3.5-03 TW-3.5-04 */
	error = send_accept_session(s, &(struct fz_accept_session){.accept = FIZEAU_ACCEPT_UNSUPPORTED});
	close_server(s, error < 0 ? error : FIZEAU_ERR_UNEXPECTED, FIZEAU_ACCEPT_UNSUPPORTED);
}

static void take_message(struct fizeau_server *s, struct fizeau_mono now)
{
	const struct row *row = s->row;
	int error = row->command == NO_COMMAND ? 0 : fz_channel_open_message(&s->channel, row->octets);

	s->row = NULL;
	/* One reaction to all that fails, and before anything of the message is used. */
	/*= rfc4656#section-3.2 OW-3.2-07 OW-3.2-08 */
	/*= rfc4656#section-6.10 OW-6.10-01 OW-6.10-02 OW-6.10-03 */
	if (error < 0)
		close_server(s, error, 0);
	else
		row->handle(s, s->channel.inbox, now);
	fz_channel_next(&s->channel);
}

static bool wants_octets(const struct fizeau_server *s)
{
	bool listens = s->phase == PHASE_SET_UP || s->phase == PHASE_IDLE || s->phase == PHASE_RUNNING;

	return listens && fz_channel_ready(&s->channel, LONGEST_ANSWER);
}

size_t fizeau_server_recv(struct fizeau_server *s, const uint8_t *octets, size_t len, struct fizeau_mono now)
{
	size_t taken = 0;

	while (taken < len && wants_octets(s)) {
		/*= rfc4656#section-3 OW-3-01 */
		size_t need = s->row != NULL ? s->row->octets : FZ_CHANNEL_BLOCK;

		taken += fz_channel_fill(&s->channel, octets + taken, len - taken, need);
		/* A command that was begun during a test has to come to its end as well. */
		/*= rfc4656#section-3 OW-3-03 */
		if (s->deadline.ns == INT64_MAX)
			s->deadline = after(now, s->config.servwait_ns);
		if (s->channel.have < need)
			break;
		if (s->row == NULL)
			take_command(s);
		else
			take_message(s, now);
	}
	return s->phase == PHASE_CLOSED ? len : taken;
}

static bool config_good(const struct fizeau_server_config *config)
{
	uint32_t modes = config->modes;

	/*= rfc4656#section-3.1 OW-3.1-05 OW-3.1-09 OW-3.1-10 */
	if ((modes & ~FZ_MODES_KNOWN) != 0 || fizeau_count_check(config->count, UINT32_MAX) < 0)
		return false;
	if ((modes & FIZEAU_MODE_TW_IKEV2) != 0 && !fz_mode_protects_control(modes))
		return false;
	return config->servwait_ns > 0 && config->setup_timeout_ns > 0;
}

/*= rfc4656#section-3.1 OW-3.1-02 OW-3.1-04 */
/*= rfc5618#section-3.1 MX-3.1-05 MX-3.1-06 */
/*= rfc7717#section-5.2 IK-5.2-01 IK-5.2-02 */
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
	s->phase = PHASE_SET_UP;
	s->row = row_of(PHASE_SET_UP, NO_COMMAND);
	s->deadline = after(now, config->setup_timeout_ns);
	if (send_greeting(s) < 0) {
		fizeau_server_free(s);
		return NULL;
	}
	/*= rfc4656#section-3.1 OW-3.1-12 */
	if (config->modes == 0)
		close_server(s, 0, 0);
	return s;
}

void fizeau_server_free(struct fizeau_server *s)
{
	if (s == NULL)
		return;
	fz_channel_wipe(&s->channel);
	fizeau_wipe(s, sizeof(*s));
	free(s);
}

void fizeau_server_eof(struct fizeau_server *s)
{
	bool between = s->phase == PHASE_SET_UP || s->phase == PHASE_IDLE;

	if (s->channel.have > 0)
		close_server(s, FIZEAU_ERR_LENGTH, 0);
	else
		close_server(s, between ? 0 : FIZEAU_ERR_CLOSED, 0);
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
	return fz_channel_event(&s->channel, event);
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

	if (s->phase != PHASE_KEY)
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
		close_server(s, error, FIZEAU_ACCEPT_INTERNAL);
	else
		enter_idle(s, now);
	return error;
}

int fizeau_server_answer_session(struct fizeau_server *s, uint8_t accept, uint16_t port,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_mono now)
{
	struct fz_accept_session answer = {.accept = accept, .port = port};
	int error;

	if (s->phase != PHASE_SESSION)
		return FIZEAU_ERR_STATE;
	if (accept == FIZEAU_ACCEPT_OK && port == 0)
		return FIZEAU_ERR_RANGE;
	/*= rfc5357#section-3.5 TW-3.5-13 TW-3.5-20 TW-3.5-21 TW-3.5-22 */
	/*= rfc4656#section-3.5 OW-3.5-02 OW-3.5-03 */
	memcpy(answer.sid, sid, sizeof(answer.sid));
	error = send_accept_session(s, &answer);
	if (error < 0) {
		close_server(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	if (accept == FIZEAU_ACCEPT_OK)
		fz_sessions_accept(&s->sessions);
	enter_idle(s, now);
	return 0;
}

int fizeau_server_answer_start(struct fizeau_server *s, uint8_t accept, struct fizeau_mono now)
{
	int error;

	if (s->phase != PHASE_START)
		return FIZEAU_ERR_STATE;
	/*= rfc4656#section-3.7 OW-3.7-02 OW-3.7-03 */
	/*= rfc5357#section-3.7 TW-3.7-01 */
	error = send_start_ack(s, accept);
	if (error < 0) {
		close_server(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	if (accept != FIZEAU_ACCEPT_OK) {
		fz_sessions_clear(&s->sessions);
		enter_idle(s, now);
		return 0;
	}
	fz_sessions_start(&s->sessions);
	/* SERVWAIT was suspended when Start-Sessions came, and stays so. */
	/*= rfc5357#section-3.1 TW-3.1-06 */
	s->phase = PHASE_RUNNING;
	return 0;
}

void fizeau_server_session_expired(struct fizeau_server *s, struct fizeau_mono now)
{
	if (s->phase != PHASE_RUNNING)
		return;
	/*= rfc5357#section-3.1 TW-3.1-08 TW-3.1-09 */
	if (fz_sessions_expire(&s->sessions) && s->deadline.ns == INT64_MAX)
		s->deadline = after(now, s->config.servwait_ns);
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
	if (s->phase != PHASE_CLOSED && s->deadline.ns != INT64_MAX && now.ns >= s->deadline.ns)
		close_server(s, FIZEAU_ERR_TIMEOUT, 0);
}
