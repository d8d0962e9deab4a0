/* SPDX-License-Identifier: MIT */
/* The other end of a machine under test, made of octets: it seals what it is given and opens what comes, so that a
   test can say anything in any mode. Failures fail the running test. */
#ifndef TESTLIB_WIRE_PEER_H
#define TESTLIB_WIRE_PEER_H

#include <fizeau/control_client.h>
#include <fizeau/server.h>
#include "lib/crypto/stream.h"

#define WIRE_MESSAGE_MAX 256

/* One direction as each end sees it; keys NULL: open mode. */
struct wire_peer {
	struct fz_stream out, in;
};

void wire_peer_open(struct wire_peer *w, const struct fizeau_session_keys *keys,
	const uint8_t out_iv[static 16], const uint8_t in_iv[static 16]);
void wire_peer_close(struct wire_peer *w);
/* Seals a message in place; its last 16 octets become the HMAC. */
void wire_peer_seal(struct wire_peer *w, uint8_t *octets, size_t len);
/* Opens a message in place and checks its HMAC. */
void wire_peer_unseal(struct wire_peer *w, uint8_t *octets, size_t len);

/* All that waits in the output, taken; fails unless it is len octets. */
void server_says(struct fizeau_server *server, uint8_t *octets, size_t len);
void client_says(struct fizeau_control_client *client, uint8_t *octets, size_t len);
/* The next event, which must be of that type and the only one. */
struct fizeau_event server_event(struct fizeau_server *server, enum fizeau_event_type type);
struct fizeau_event client_event(struct fizeau_control_client *client, enum fizeau_event_type type);

#endif
