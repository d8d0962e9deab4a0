/* SPDX-License-Identifier: MIT */
/* A Control-Client with a server made of octets. Steps that are not what is tried go right or fail the running test. */
#ifndef TESTLIB_CLIENT_CONNECTION_H
#define TESTLIB_CLIENT_CONNECTION_H

#include "tests/testlib/control_pair.h"
#include "tests/testlib/wire_peer.h"

struct client_connection {
	struct fizeau_control_client *c;
	struct wire_peer server;
	struct fizeau_mono now;
	struct control_pair_config config; /* mode, token_key */
};

/* Five seconds for an answer, at 5 s. */
void client_open(struct client_connection *k, uint32_t mode);
void client_open_owamp(struct client_connection *k, uint32_t mode);
void client_close(struct client_connection *k);
/* Octets that are all taken. */
void client_give(struct client_connection *k, const uint8_t *octets, size_t len);
/* The greeting of a server that offers these, in octets and given. */
void greeting_octets(uint8_t octets[static 64], uint32_t modes, uint32_t count);
void client_greet(struct client_connection *k, uint32_t modes, uint32_t count);
/* set_up for k->config, which must be good; the octets are taken. */
void client_choose(struct client_connection *k);
/* The Server-Start that accepts, as it goes over the wire; the streams run from here on. */
void server_start_octets(struct client_connection *k, uint8_t octets[static 48]);
/* From the greeting to SERVER_START. */
void client_set_up(struct client_connection *k, uint32_t mode);
void client_set_up_owamp(struct client_connection *k, uint32_t mode);
/* Asks for a session and takes the octets. */
void client_request(struct client_connection *k);
/* Seals a message of the server in place, then gives it. */
void client_give_sealed(struct client_connection *k, uint8_t *octets, size_t len);
void client_give_accept(struct client_connection *k, uint8_t accept, uint16_t port);
/* Asks for a session and gets it. */
void client_session(struct client_connection *k);
/* Starts, and takes the octets. */
void client_start(struct client_connection *k);
void client_give_ack(struct client_connection *k, uint8_t accept);
/* The only event is CLOSED, and the client is closed for good. */
void client_is_closed(struct client_connection *k, int error, uint8_t accept);

#endif
