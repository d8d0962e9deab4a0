/* SPDX-License-Identifier: MIT */
/* A whole connection with each allocation in turn refused, ours and libcrypto's: it ends in an error, not in a crash,
   and nothing goes out that was not sealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <fizeau/fetch_client.h>
#include "tests/testlib/owamp_connection.h"
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

/* The largest request that the library made. */
static size_t largest;

void *__wrap_calloc(size_t count, size_t len)
{
	if (count * len > largest)
		largest = count * len;
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

static const uint8_t owamp_sid[FIZEAU_SID_OCTETS] = {2};

/* Enough of everything that arrays have to grow and the outbox does. */
#define MANY 100u

/* Without memory for the slots the request is refused, and that is an end as well. */
static int session_wanted(struct control_pair *p)
{
	struct fizeau_event event;

	settle(p);
	if (!fizeau_control_client_event(p->client, &event))
		return server_wants(p, FIZEAU_EVENT_OW_SESSION_WANTED, &event);
	if (event.type == FIZEAU_EVENT_CLOSED)
		return event.closed.error;
	assert_int_equal(event.type, FIZEAU_EVENT_SESSION_ANSWER);
	assert_int_equal(event.session.accept, FIZEAU_ACCEPT_INTERNAL);
	return FIZEAU_ERR_REFUSED;
}

static int measure_one_way(struct control_pair *p)
{
	struct fizeau_slot slots[MANY] = {{0}};
	struct fizeau_skip_range ranges[MANY];
	struct fizeau_session_end end = {.next_seqno = UINT32_MAX, .ranges = ranges, .range_count = MANY};
	const struct fizeau_ow_request request = {.conf_receiver = true,
		.ip_version = 4,
		.sender_port = 1,
		.slots = slots,
		.slot_count = MANY};
	struct fizeau_event event;
	int error = fizeau_control_client_request_ow(p->client, &request, p->now);

	for (uint32_t i = 0; i < MANY; i++)
		ranges[i] = (struct fizeau_skip_range){2 * i, 2 * i};
	memcpy(end.sid, owamp_sid, sizeof(end.sid));
	if (error == 0)
		error = session_wanted(p);
	if (error == 0)
		error = fizeau_server_answer_session(p->server, FIZEAU_ACCEPT_OK, 862, owamp_sid, p->now);
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
		error = fizeau_control_client_stop_ow(p->client, FIZEAU_ACCEPT_OK, &end, 1, p->now);
	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_STOPPED, &event);
	if (error == 0)
		error = fizeau_server_stop(p->server, FIZEAU_ACCEPT_OK, NULL, 0, p->now);
	return error < 0 ? error : client_wants(p, FIZEAU_EVENT_STOPPED, &event);
}

static int fetch(struct control_pair *p)
{
	static const uint8_t record[FIZEAU_RECORD_OCTETS];
	struct fizeau_slot slots[MANY] = {{0}};
	struct fizeau_skip_range range = {0, 0};
	const struct fizeau_fetch_answer answer = {.finished = true,
		.end = {.next_seqno = 1, .ranges = &range, .range_count = 1},
		.records = 1,
		.request = {.conf_receiver = true, .ip_version = 4, .slots = slots, .slot_count = MANY}};
	struct fizeau_event event;
	int error = fizeau_control_client_fetch(p->client, owamp_sid, 0, 1, p->now);

	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_FETCH_WANTED, &event);
	if (error == 0)
		error = fizeau_server_answer_fetch(p->server, FIZEAU_ACCEPT_OK, &answer, p->now);
	if (error == 0)
		error = client_wants(p, FIZEAU_EVENT_FETCH_ANSWER, &event);
	if (error == 0 && fizeau_server_send_records(p->server, record, sizeof(record), p->now) < 0)
		error = FIZEAU_ERR_MEMORY;
	if (error == 0)
		error = client_wants(p, FIZEAU_EVENT_FETCH_RECORDS, &event);
	return error < 0 ? error : client_wants(p, FIZEAU_EVENT_FETCH_DONE, &event);
}

static int get_sessions(struct control_pair *p, const struct fizeau_sid *sids)
{
	const struct fizeau_tw_request request = control_pair_request(862);
	struct fizeau_event event;
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < MANY; i++) {
		error = fizeau_control_client_request_tw(p->client, &request, p->now);
		if (error == 0)
			error = server_wants(p, FIZEAU_EVENT_SESSION_WANTED, &event);
		if (error == 0)
			error = fizeau_server_answer_session(p->server, FIZEAU_ACCEPT_OK, 862, sids[i].octets, p->now);
		if (error == 0)
			error = client_wants(p, FIZEAU_EVENT_SESSION_ANSWER, &event);
	}
	return error;
}

/* Many sessions by one command each way; some do not start. */
static int measure_individual(struct control_pair *p)
{
	struct fizeau_sid sids[MANY] = {{{0}}};
	uint8_t accepts[MANY] = {0};
	struct fizeau_event event;
	int error;

	for (uint32_t i = 0; i < MANY; i++) {
		sids[i].octets[0] = (uint8_t)i;
		accepts[i] = i < MANY / 2 ? FIZEAU_ACCEPT_OK : FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	}
	error = get_sessions(p, sids);
	if (error == 0)
		error = fizeau_control_client_start_n(p->client, sids, MANY, p->now);
	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_START_N_WANTED, &event);
	if (error == 0)
		error = fizeau_server_answer_n(p->server, accepts, MANY, p->now);
	for (int i = 0; error == 0 && i < 2; i++)
		error = client_wants(p, FIZEAU_EVENT_START_N_ACK, &event);
	if (error == 0)
		error = fizeau_control_client_stop_n(p->client, sids, MANY / 2, p->now);
	if (error == 0)
		error = server_wants(p, FIZEAU_EVENT_STOP_N_WANTED, &event);
	if (error == 0)
		error = fizeau_server_answer_n(p->server, accepts, MANY / 2, p->now);
	return error < 0 ? error : client_wants(p, FIZEAU_EVENT_STOP_N_ACK, &event);
}

static int connection(enum fizeau_protocol protocol, bool individual)
{
	const uint32_t mode = FIZEAU_MODE_ENCRYPTED | (individual ? (uint32_t)FIZEAU_MODE_INDIVIDUAL : 0);
	const struct control_pair_config config = {.protocol = protocol, .mode = mode, .token_key = {1}};
	const struct fizeau_server_config server = {.protocol = protocol,
		.modes = mode,
		.count = 1024,
		.servwait_ns = 1,
		.setup_timeout_ns = 1,
		.max_sessions = MANY};
	const struct fizeau_control_client_config client = {
		.protocol = protocol, .answer_timeout_ns = 1, .max_count = 1024};
	struct control_pair p = {.now = {0}};
	int error = FIZEAU_ERR_MEMORY;

	p.server = fizeau_server_new(&server, &control_pair_random, p.now);
	p.client = fizeau_control_client_new(&client, p.now);
	if (p.server != NULL && p.client != NULL)
		error = set_up(&p, &config);
	if (error == 0)
		error = protocol == FIZEAU_OWAMP ? measure_one_way(&p)
		      : individual             ? measure_individual(&p)
		                               : measure(&p);
	if (error == 0 && protocol == FIZEAU_OWAMP)
		error = fetch(&p);
	control_pair_close(&p);
	return error;
}

static void each_failure_ends_in_an_error(enum fizeau_protocol protocol, bool individual)
{
	long refused = 0;

	/* The first one fills what libcrypto keeps for good. */
	assert_int_equal(connection(protocol, individual), 0);
	do {
		int error;

		failed = false;
		until_failure = refused;
		error = connection(protocol, individual);
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
	assert_int_equal(connection(protocol, individual), 0);
}

static void each_allocation_that_fails_ends_in_an_error(void **state)
{
	(void)state;
	each_failure_ends_in_an_error(FIZEAU_TWAMP, false);
	each_failure_ends_in_an_error(FIZEAU_TWAMP, true);
	each_failure_ends_in_an_error(FIZEAU_OWAMP, false);
}

/* Whoever announces a lot and sends little makes us hold little. */
static void memory_grows_with_what_comes_and_not_with_what_is_announced(void **state)
{
	static const uint8_t sids[2][FIZEAU_SID_OCTETS] = {{1}, {2}};
	struct connection c;
	uint8_t head[REQUEST], slot[16] = {1}, ack[START], record[48] = {3};

	(void)state;
	open_owamp_connection(&c, FIZEAU_MODE_OPEN);
	largest = 0;
	owamp_plain_head(head, false, true, FIZEAU_SLOTS_MAX);
	give_sealed(&c, head, sizeof(head));
	for (int i = 0; i < 10; i++)
		give(&c, slot, sizeof(slot));
	assert_in_range(largest, 1, 1024);
	close_connection(&c);

	open_owamp_connection(&c, FIZEAU_MODE_OPEN);
	for (size_t i = 0; i < 2; i++) {
		give_ow_request(&c, false, true);
		(void)server_event(c.s, FIZEAU_EVENT_OW_SESSION_WANTED);
		assert_int_equal(fizeau_server_answer_session(c.s, 0, 862, sids[i], c.now), 0);
		read_accept(&c, 0);
	}
	give_start(&c);
	(void)server_event(c.s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c.s, FIZEAU_ACCEPT_OK, c.now), 0);
	read_sealed(&c, ack, sizeof(ack));
	largest = 0;
	put_u32(record + 4, 2);
	put_u32(record + 36, FIZEAU_SKIP_RANGES_MAX);
	give(&c, record, sizeof(record));
	for (int i = 0; i < 10; i++)
		give(&c, slot, sizeof(slot));
	assert_in_range(largest, 1, 1024);
	close_connection(&c);
}

static void nor_with_a_number_of_sids(void **state)
{
	struct fizeau_server_config config = config_of(ALL_MODES);
	uint8_t head[16] = {7}, sid[16] = {1};
	struct connection c;

	(void)state;
	config.max_sessions = 65535;
	open_configured_connection(&c, &config, FIZEAU_MODE_OPEN | FIZEAU_MODE_INDIVIDUAL);
	largest = 0;
	put_u32(head + 12, config.max_sessions);
	give(&c, head, sizeof(head));
	for (int i = 0; i < 10; i++)
		give(&c, sid, sizeof(sid));
	assert_in_range(largest, 1, 1024);
	close_connection(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_that_fails_ends_in_an_error),
		cmocka_unit_test(memory_grows_with_what_comes_and_not_with_what_is_announced),
		cmocka_unit_test(nor_with_a_number_of_sids),
	};

	/* Before anything else of libcrypto. */
	if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
