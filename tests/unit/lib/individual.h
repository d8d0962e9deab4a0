/* SPDX-License-Identifier: MIT */
/* What the tests of individual session control at the Server share. Steps that are not what is tried go right or fail the
   running test. */
#ifndef UNIT_LIB_INDIVIDUAL_H
#define UNIT_LIB_INDIVIDUAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "tests/testlib/server_connection.h"
#include <cmocka.h>

#define START_N 7
#define START_N_ACK 8
#define STOP_N 9
#define STOP_N_ACK 10
#define WITH_SIDS(n) (32 + 16 * (size_t)(n))

/* As the servers of this house make them: sorted here, so that an ack names them in this order. */
static const struct fizeau_sid sids[6] = {{{1, 9}}, {{2, 8}}, {{3, 7}}, {{4, 6}}, {{5, 5}}, {{6, 4}}};

static const uint8_t accepted[6];

static inline void get_sessions(struct connection *c, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		get_session_as(c, sids[i].octets);
}

/* The caller is asked for exactly these, and answers. */
static inline void answer(struct connection *c, enum fizeau_event_type type, const struct fizeau_sid *wanted, uint32_t count,
	const uint8_t *accepts)
{
	struct fizeau_event event = server_event(c->s, type);

	assert_int_equal(event.n_wanted.count, count);
	assert_memory_equal(event.n_wanted.sids, wanted, count * sizeof(*wanted));
	assert_int_equal(fizeau_server_answer_n(c->s, accepts, count, c->now), 0);
}

static inline void start(struct connection *c, const struct fizeau_sid *which, uint32_t count)
{
	give_n(c, START_N, which, count);
	answer(c, FIZEAU_EVENT_START_N_WANTED, which, count, accepted);
	read_ack_n(c, START_N_ACK, 0, which, count);
}

static inline void stop(struct connection *c, const struct fizeau_sid *which, uint32_t count)
{
	give_n(c, STOP_N, which, count);
	answer(c, FIZEAU_EVENT_STOP_N_WANTED, which, count, accepted);
	read_ack_n(c, STOP_N_ACK, 0, which, count);
}

static inline void says_nothing_more(struct connection *c)
{
	const uint8_t *octets;
	struct fizeau_event event;

	assert_int_equal(fizeau_server_output(c->s, &octets), 0);
	assert_false(fizeau_server_event(c->s, &event));
}

#endif
