/* SPDX-License-Identifier: MIT */
/* What server_connection.h has not for OWAMP: requests with slots, Stop-Sessions with records. */
#ifndef TESTLIB_OWAMP_CONNECTION_H
#define TESTLIB_OWAMP_CONNECTION_H

#include "tests/testlib/server_connection.h"

/* The SIDs of sessions that the client receives, and that the server receives. */
extern const uint8_t owamp_client_sid[FIZEAU_SID_OCTETS], owamp_server_sid[FIZEAU_SID_OCTETS];

/* A good head in clear, with that many slots announced. */
void owamp_plain_head(uint8_t octets[static REQUEST], bool conf_sender, bool conf_receiver, uint32_t slots);
/* Slots of one type, a block each, and their HMAC. */
void give_slots(struct connection *c, uint8_t type, uint32_t count);
void give_ow_request(struct connection *c, bool conf_sender, bool conf_receiver);
/* Asks for a session and gets it. */
void get_ow_session(struct connection *c, bool conf_sender, bool conf_receiver);
void start_sessions(struct connection *c);
/* One session that the client sends, one that the server sends; both run. */
void run_both(struct connection *c);

/* A Stop-Sessions with one record of that many ranges, which follow as first, last, ...; returns its octets. */
size_t owamp_plain_stop(
	uint8_t *octets, const uint8_t *sid, uint32_t next_seqno, uint32_t count, const uint32_t *numbers);
/* The client's, of run_both. */
void give_good_stop(struct connection *c);
struct fizeau_session_end owamp_end_of(const uint8_t *sid);

#endif
