/* SPDX-License-Identifier: MIT */
#include "tests/testlib/owamp_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const uint8_t owamp_client_sid[FIZEAU_SID_OCTETS] = {0xC1, 1}, owamp_server_sid[FIZEAU_SID_OCTETS] = {0x5E, 2};

void owamp_plain_head(uint8_t octets[static REQUEST], bool conf_sender, bool conf_receiver, uint32_t slots)
{
	memset(octets, 0, REQUEST);
	octets[0] = 1;
	octets[1] = 4;
	octets[2] = conf_sender;
	octets[3] = conf_receiver;
	put_u32(octets + 4, slots);
	put_u32(octets + 8, 10);
	put_u32(octets + 12, 0x4E204E21);
	if (!conf_receiver)
		memcpy(octets + 48, owamp_client_sid, sizeof(owamp_client_sid));
	put_u32(octets + 76, 2);
}

void give_slots(struct connection *c, uint8_t type, uint32_t count)
{
	uint8_t *octets = calloc((size_t)count + 1, 16);

	assert_non_null(octets);
	for (uint32_t i = 0; i < count; i++) {
		octets[16 * (size_t)i] = type;
		put_u32(octets + 16 * (size_t)i + 12, i);
	}
	give_sealed(c, octets, 16 * (size_t)count + 16);
	free(octets);
}

void give_ow_request(struct connection *c, bool conf_sender, bool conf_receiver)
{
	uint8_t octets[REQUEST];

	owamp_plain_head(octets, conf_sender, conf_receiver, 2);
	give_sealed(c, octets, sizeof(octets));
	give_slots(c, 1, 2);
}

void get_ow_session(struct connection *c, bool conf_sender, bool conf_receiver)
{
	const uint8_t *sid = conf_receiver ? owamp_server_sid : owamp_client_sid;

	give_ow_request(c, conf_sender, conf_receiver);
	(void)server_event(c->s, FIZEAU_EVENT_OW_SESSION_WANTED);
	assert_int_equal(fizeau_server_answer_session(c->s, FIZEAU_ACCEPT_OK, 862, sid, c->now), 0);
	read_accept(c, 0);
}

void start_sessions(struct connection *c)
{
	uint8_t ack[START];

	give_start(c);
	(void)server_event(c->s, FIZEAU_EVENT_START_WANTED);
	assert_int_equal(fizeau_server_answer_start(c->s, FIZEAU_ACCEPT_OK, c->now), 0);
	read_sealed(c, ack, sizeof(ack));
	assert_int_equal(ack[0], 0);
}

void run_both(struct connection *c)
{
	get_ow_session(c, false, true);
	get_ow_session(c, true, false);
	start_sessions(c);
}

size_t owamp_plain_stop(
	uint8_t *octets, const uint8_t *sid, uint32_t next_seqno, uint32_t count, const uint32_t *numbers)
{
	size_t len = (16 + 24 + 8 * (size_t)count + 15) / 16 * 16;

	memset(octets, 0, len + 16);
	octets[0] = 3;
	put_u32(octets + 4, 1);
	memcpy(octets + 16, sid, FIZEAU_SID_OCTETS);
	put_u32(octets + 32, next_seqno);
	put_u32(octets + 36, count);
	for (uint32_t i = 0; i < 2 * count; i++)
		put_u32(octets + 40 + 4 * (size_t)i, numbers[i]);
	return len + 16;
}

void give_good_stop(struct connection *c)
{
	uint8_t octets[WIRE_MESSAGE_MAX];

	give_sealed(c, octets, owamp_plain_stop(octets, owamp_server_sid, 10, 0, NULL));
}

struct fizeau_session_end owamp_end_of(const uint8_t *sid)
{
	struct fizeau_session_end end = {.next_seqno = 10};

	memcpy(end.sid, sid, sizeof(end.sid));
	return end;
}
