/* SPDX-License-Identifier: MIT */
/* A whole connection with each allocation in turn refused, ours and libcrypto's: it ends in an error, not in a crash,
   and nothing goes out that was not sealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "tests/testlib/control_pair.h"
#include <cmocka.h>

/* Counts down over all allocations; the one that finds it at zero fails. The hooks have no argument for it. */
static long until_failure = -1;
static bool failed;

static bool fails(void)
{
	if (until_failure < 0)
		return false;
	if (until_failure-- > 0)
		return false;
	failed = true;
	return true;
}

static void *crypto_malloc(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : malloc(len);
}

static void *crypto_realloc(void *old, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : realloc(old, len);
}

static void crypto_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

void *__real_calloc(size_t count, size_t len);
void *__wrap_calloc(size_t count, size_t len);

void *__wrap_calloc(size_t count, size_t len)
{
	return fails() ? NULL : __real_calloc(count, len);
}

static void settle(struct control_pair *p)
{
	for (int i = 0; i < 4; i++) {
		const uint8_t *octets;
		size_t len = fizeau_server_output(p->server, &octets);

		fizeau_server_sent(p->server, fizeau_control_client_recv(p->client, octets, len, p->now));
		len = fizeau_control_client_output(p->client, &octets);
		fizeau_control_client_sent(p->client, fizeau_server_recv(p->server, octets, len, p->now));
	}
}

/* 0 if the event came, the error of CLOSED if that came instead. */
static int server_wants(struct control_pair *p, enum fizeau_event_type type, struct fizeau_event *event)
{
	settle(p);
	assert_true(fizeau_server_event(p->server, event));
	if (event->type == type)
		return 0;
	assert_int_equal(event->type, FIZEAU_EVENT_CLOSED);
	assert_true(event->closed.error < 0);
	return event->closed.error;
}

static int client_wants(struct control_pair *p, enum fizeau_event_type type, struct fizeau_event *event)
{
	settle(p);
	assert_true(fizeau_control_client_event(p->client, event));
	if (event->type == type)
		return 0;
	assert_int_equal(event->type, FIZEAU_EVENT_CLOSED);
	assert_true(event->closed.error < 0);
	return event->closed.error;
}

static int set_up(struct control_pair *p, const struct control_pair_config *config)
{
	const struct fizeau_set_up choice = control_pair_set_up_of(config);
	struct fizeau_session_keys keys;
	struct fizeau_event event;
	int error = client_wants(p, FIZEAU_EVENT_GREETING, &event);

	if (error == 0)
		error = fizeau_control_client_set_up(p->client, &choice, p->now);
	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_KEY_WANTED, &event);
	if (error == 0)
		error = fizeau_token_open(config->token_key, event.key.challenge, event.key.token, &keys);
	if (error == 0)
		error = fizeau_server_answer_key(p->server, FIZEAU_ACCEPT_OK, &keys, p->now);
	return error < 0 ? error : client_wants(p, FIZEAU_EVENT_SERVER_START, &event);
}

static int measure(struct control_pair *p)
{
	static const uint8_t sid[FIZEAU_SID_OCTETS] = {1};
	const struct fizeau_tw_request request = control_pair_request(862);
	struct fizeau_test_keys keys;
	struct fizeau_event event;
	int error = fizeau_control_client_request_tw(p->client, &request, p->now);

	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_SESSION_WANTED, &event);
	if (error == 0)
		error = fizeau_server_answer_session(p->server, FIZEAU_ACCEPT_OK, 862, sid, p->now);
	if (error == 0)
		error = fizeau_server_test_keys(p->server, sid, &keys);
	if (error == 0)
		error = client_wants(p, FIZEAU_EVENT_SESSION_ANSWER, &event);
	if (error == 0)
		error = fizeau_control_client_start(p->client, p->now);
	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_START_WANTED, &event);
	if (error == 0)
		error = fizeau_server_answer_start(p->server, FIZEAU_ACCEPT_OK, p->now);
	if (error == 0)
		error = client_wants(p, FIZEAU_EVENT_START_ACK, &event);
	if (error == 0)
		error = fizeau_control_client_stop(p->client, FIZEAU_ACCEPT_OK, p->now);
	return error < 0 ? error : server_wants(p, FIZEAU_EVENT_STOPPED, &event);
}

static int connection(void)
{
	const struct control_pair_config config = {.mode = FIZEAU_MODE_ENCRYPTED, .token_key = {1}};
	const struct fizeau_server_config server = {.modes = FIZEAU_MODE_ENCRYPTED,
		.count = 1024,
		.servwait_ns = 1,
		.setup_timeout_ns = 1,
		.max_sessions = 1};
	const struct fizeau_control_client_config client = {.answer_timeout_ns = 1, .max_count = 1024};
	struct control_pair p = {.now = {0}};
	int error = FIZEAU_ERR_MEMORY;

	p.server = fizeau_server_new(&server, &control_pair_random, p.now);
	p.client = fizeau_control_client_new(&client, p.now);
	if (p.server != NULL && p.client != NULL)
		error = set_up(&p, &config);
	if (error == 0)
		error = measure(&p);
	control_pair_close(&p);
	return error;
}

static void each_allocation_that_fails_ends_in_an_error(void **state)
{
	long refused = 0;

	(void)state;
	/* The first one fills what libcrypto keeps for good. */
	assert_int_equal(connection(), 0);
	do {
		int error;

		failed = false;
		until_failure = refused;
		error = connection();
		until_failure = -1;
		/* libcrypto can do without some of what it asks for. */
		if (!failed)
			assert_int_equal(error, 0);
		if (error != 0)
			assert_true(error == FIZEAU_ERR_MEMORY || error == FIZEAU_ERR_CRYPTO ||
				    error == FIZEAU_ERR_REFUSED);
		refused++;
		assert_true(refused < 10000);
	} while (failed);
	/* Two are ours; each of the streams has several. */
	assert_true(refused > 10);
	assert_int_equal(connection(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_that_fails_ends_in_an_error),
	};

	/* Before anything else of libcrypto. */
	if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
