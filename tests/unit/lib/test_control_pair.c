/* SPDX-License-Identifier: MIT */
/* Server and Control-Client joined by two buffers: every mode, chopped at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include "tests/testlib/control_pair.h"
#include <cmocka.h>

/* Longer than any message. */
#define WHOLE 1024

static const uint8_t sids[3][FIZEAU_SID_OCTETS] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};

static struct control_pair_config config_of(uint32_t mode, size_t chop)
{
	return (struct control_pair_config){
		.offered = FIZEAU_MODE_SECURITY | FIZEAU_MODE_TW_IKEV2,
		.mode = mode,
		.count = 2048,
		.max_sessions = 3,
		.token_key = {0xAA, 1, 2, 3},
		.chop = chop,
	};
}

static void assert_same_test_keys(
	struct control_pair *p, uint32_t mode, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fizeau_test_keys ours, theirs, want;
	int expected =
		(mode & (FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_ENCRYPTED)) != 0 ? 0 : FIZEAU_ERR_STATE;

	assert_int_equal(fizeau_server_test_keys(p->server, sid, &ours), expected);
	assert_int_equal(fizeau_control_client_test_keys(p->client, sid, &theirs), expected);
	if (expected != 0)
		return;
	assert_int_equal(fizeau_test_keys_derive(&control_pair_keys, sid, &want), 0);
	assert_memory_equal(&ours, &want, sizeof(want));
	assert_memory_equal(&theirs, &want, sizeof(want));
}

static void a_test(struct control_pair *p, uint32_t mode, unsigned int sessions)
{
	struct fizeau_event event;

	for (unsigned int i = 0; i < sessions; i++) {
		control_pair_session(p, (uint16_t)(9000 + i), sids[i]);
		assert_same_test_keys(p, mode, sids[i]);
	}
	control_pair_start(p);
	assert_int_equal(fizeau_control_client_stop(p->client, FIZEAU_ACCEPT_OK, p->now), 0);
	control_pair_settle(p);
	control_pair_server_event(p, FIZEAU_EVENT_STOPPED, &event);
	assert_int_equal(event.stopped.accept, FIZEAU_ACCEPT_OK);
	assert_int_equal(event.stopped.sessions, sessions);
	control_pair_no_event(p);
}

static void a_connection(uint32_t mode, size_t chop)
{
	struct control_pair_config config = config_of(mode, chop);
	struct control_pair p;
	struct fizeau_event event;

	control_pair_open(&p, &config);
	assert_int_equal(fizeau_server_mode(p.server), 0);
	control_pair_set_up(&p, &config);
	assert_int_equal(fizeau_server_mode(p.server), mode);
	/* The secret may go once the session keys are there. */
	/*= rfc7717#section-5.1 IK-5.1-08 */
	fizeau_wipe(config.token_key, sizeof(config.token_key));
	a_test(&p, mode, 1);
	/* Requests after a stop: the chains and HMACs of both directions go on. */
	a_test(&p, mode, 3);
	a_test(&p, mode, 2);
	fizeau_server_eof(p.server);
	control_pair_server_event(&p, FIZEAU_EVENT_CLOSED, &event);
	assert_int_equal(event.closed.error, 0);
	control_pair_close(&p);
}

/*= rfc4656#section-3 OW-3-01 */
/*= rfc4656#section-3.1 OW-3.1-23 OW-3.1-34 OW-3.1-38 OW-3.1-39 OW-3.1-42 OW-3.1-44 */
/*= rfc4656#section-3.4 OW-3.4-01 OW-3.4-02 OW-3.4-03 OW-3.4-04 */
/*= rfc5357#section-3.2 TW-3.2-01 TW-3.2-02 TW-3.2-03 */
/*= rfc5357#section-3.5 TW-3.5-20 TW-3.5-21 TW-3.5-23 */
/*= rfc8545#section-5.1 PO-5.1-02 */
/*= rfc5357#section-3.8 TW-3.8-01 TW-3.8-04 TW-3.8-07 */
/*= rfc4656#section-3.5 OW-3.5-01 */
/*= rfc5618#section-1 MX-1-01 */
/*= rfc5618#section-3 MX-3-01 */
/*= rfc5618#section-4 MX-4-01 */
/*= rfc4656#section-4 OW-4-02 */
/*= rfc5618#section-3.1 MX-3.1-01 MX-3.1-02 MX-3.1-04 */
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
