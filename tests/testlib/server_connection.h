/* SPDX-License-Identifier: MIT */
/* A Server with a peer that has spoken so far as a test wants. Steps that are not what is tried go right or fail the
   running test. */
#ifndef TESTLIB_SERVER_CONNECTION_H
#define TESTLIB_SERVER_CONNECTION_H

#include "tests/testlib/control_pair.h"
#include "tests/testlib/wire_peer.h"

#define ALL_FEATURES \
	((uint32_t)FIZEAU_MODE_REFLECT_OCTETS | FIZEAU_MODE_SYMMETRICAL | FIZEAU_MODE_DSCP_ECN | FIZEAU_MODE_PTP)
#define ALL_MODES ((uint32_t)FIZEAU_MODE_SECURITY | FIZEAU_MODE_INDIVIDUAL | FIZEAU_MODE_TW_IKEV2 | ALL_FEATURES)
#define OWAMP_MODES ((uint32_t)FIZEAU_MODE_OPEN | FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2)
#define SECOND INT64_C(1000000000)
/* Octets of the messages. */
#define SETUP 164
#define REQUEST 112
#define ACCEPT 48
#define START 32
#define STOP 32

struct connection {
	struct fizeau_server *s;
	struct wire_peer peer;
	struct fizeau_mono now;
};

/* The SID that get_session grants. */
extern const uint8_t connection_sid[FIZEAU_SID_OCTETS];

void put_u32(uint8_t *at, uint32_t value);
/* SERVWAIT 900 s, 10 s for the set-up, two sessions. */
struct fizeau_server_config config_of(uint32_t modes);
struct fizeau_server *server_with(uint32_t modes, struct fizeau_mono now);
struct fizeau_server *owamp_server_with(uint32_t modes, struct fizeau_mono now);

/* Octets that are all taken. */
void give(struct connection *c, const uint8_t *octets, size_t len);
/* Takes the greeting and answers with that Mode. */
void give_setup(struct connection *c, uint32_t mode);
/* A server that offers all modes, up to and with Server-Start, at 5 s. */
void open_connection(struct connection *c, uint32_t mode);
/* The same in OWAMP. */
void open_owamp_connection(struct connection *c, uint32_t mode);
/* A server of that configuration. */
void open_configured_connection(struct connection *c, const struct fizeau_server_config *config, uint32_t mode);
/* With individual session control on top of the mode, and six sessions. */
void open_individual_connection(struct connection *c, uint32_t mode);
void close_connection(struct connection *c);

/* A good request in clear; returns its octets. */
size_t plain_request(uint8_t octets[static WIRE_MESSAGE_MAX]);
/* Seals in place, then gives. */
void give_sealed(struct connection *c, uint8_t *octets, size_t len);
void give_request(struct connection *c);
void give_start(struct connection *c);
void give_stop(struct connection *c, uint8_t accept, uint32_t sessions);

/* Start-N-Sessions (7) or Stop-N-Sessions (9) in clear; returns its octets. */
size_t plain_n(uint8_t octets[static WIRE_MESSAGE_MAX], uint8_t command, const struct fizeau_sid *sids, uint32_t count);
void give_n(struct connection *c, uint8_t command, const struct fizeau_sid *sids, uint32_t count);

/* What the server has to say, in clear; it must be len octets. */
void read_sealed(struct connection *c, uint8_t *octets, size_t len);
/* It is an Accept-Session with that Accept, and without Port and SID if that is not zero. */
void read_accept(struct connection *c, uint8_t accept);
void get_session(struct connection *c);
void get_session_as(struct connection *c, const uint8_t sid[static FIZEAU_SID_OCTETS]);
/* The server's next message is an ack of that command, with that Accept and exactly these SIDs in this order. */
void read_ack_n(struct connection *c, uint8_t ack, uint8_t accept, const struct fizeau_sid *sids, uint32_t count);
void run_sessions(struct connection *c, unsigned int sessions);
/* The only event is CLOSED, and the server is closed for good. */
void assert_closed(struct connection *c, int error, uint8_t accept);

#endif
