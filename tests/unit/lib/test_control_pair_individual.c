/* SPDX-License-Identifier: MIT */
/* Server and Control-Client joined by two buffers, with individual session control: every mode, chopped at every
   octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include "tests/testlib/control_pair.h"
#include <cmocka.h>

/* Longer than any message. */
#define WHOLE 1024

static const struct fizeau_sid sids[3] = {{{1, 2, 3}}, {{4, 5, 6}}, {{7, 8, 9}}};

/* The server is asked for these, gives each the Accept, and the client hears it: one ack for each value. */
static void carried_out(struct control_pair *p, bool starts, const struct fizeau_sid *which, const uint8_t *accepts,
	uint32_t count)
{
	struct fizeau_event event;
	uint32_t heard = 0;

	control_pair_settle(p);
	control_pair_server_event(p, starts ? FIZEAU_EVENT_START_N_WANTED : FIZEAU_EVENT_STOP_N_WANTED, &event);
	assert_int_equal(event.n_wanted.count, count);
	assert_memory_equal(event.n_wanted.sids, which, count * sizeof(*which));
	assert_int_equal(fizeau_server_answer_n(p->server, accepts, count, p->now), 0);
	while (heard < count) {
		control_pair_settle(p);
		control_pair_client_event(p, starts ? FIZEAU_EVENT_START_N_ACK : FIZEAU_EVENT_STOP_N_ACK, &event);
		for (uint32_t i = 0; i < event.n_ack.count; i++, heard++) {
			uint32_t at = 0;

			while (at < count && memcmp(&which[at], &event.n_ack.sids[i], sizeof(*which)) != 0)
				at++;
			assert_true(at < count);
			assert_int_equal(event.n_ack.accept, accepts[at]);
		}
	}
	control_pair_settle(p);
	control_pair_no_event(p);
}

static void a_connection(uint32_t mode, size_t chop)
{
	static const uint8_t one_lacks[] = {0, FIZEAU_ACCEPT_TEMPORARY_LIMIT, 0}, good[3];
	struct control_pair_config config = {
		.offered = FIZEAU_MODE_SECURITY | FIZEAU_MODE_TW_IKEV2 | FIZEAU_MODE_INDIVIDUAL,
		.mode = mode | FIZEAU_MODE_INDIVIDUAL,
		.count = 2048,
		.max_sessions = 3,
		.token_key = {0xAA, 1, 2, 3},
		.chop = chop,
	};
	struct control_pair p;
	struct fizeau_event event;

	control_pair_open(&p, &config);
	control_pair_set_up(&p, &config);
	assert_int_equal(fizeau_server_mode(p.server), mode | FIZEAU_MODE_INDIVIDUAL);
	for (unsigned int i = 0; i < 3; i++)
		control_pair_session(&p, (uint16_t)(9000 + i), sids[i].octets);
	assert_int_equal(fizeau_control_client_start_n(p.client, sids, 3, p.now), 0);
	carried_out(&p, true, sids, one_lacks, 3);
	assert_int_equal(fizeau_control_client_stop_n(p.client, sids, 1, p.now), 0);
	carried_out(&p, false, sids, good, 1);
	/* Requests go on while one runs. */
	control_pair_session(&p, 9003, sids[0].octets);
	assert_int_equal(fizeau_control_client_start_n(p.client, sids, 2, p.now), 0);
	carried_out(&p, true, sids, good, 2);
	assert_int_equal(fizeau_control_client_stop_n(p.client, sids, 3, p.now), 0);
	carried_out(&p, false, sids, good, 3);
	fizeau_server_eof(p.server);
	control_pair_server_event(&p, FIZEAU_EVENT_CLOSED, &event);
	assert_int_equal(event.closed.error, 0);
	control_pair_close(&p);
}

/*= rfc5938#section-2 IS-2-01 */
/*= rfc5938#section-3.1 IS-3.1-01 IS-3.1-02 IS-3.1-03 IS-3.1-07 */
/*= rfc5938#section-3.2 IS-3.2-01 IS-3.2-08 */
/*= rfc5938#section-3.3 IS-3.3-02 IS-3.3-06 */
/*= rfc5938#section-3.4 IS-3.4-07 */
static void each_mode_goes_through_however_the_octets_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONTROL_PAIR_MODES; i++) {
		for (size_t chop = 1; chop <= 33; chop++)
			a_connection(control_pair_modes[i], chop);
		a_connection(control_pair_modes[i], WHOLE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mode_goes_through_however_the_octets_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
