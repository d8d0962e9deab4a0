/* SPDX-License-Identifier: MIT */
/* From a request for a session to the session, or to the Accept value that says why not: TWAMP's in request.c, OWAMP's in
   ow_request.c, and what both look at. */
#ifndef FZ_DAEMON_REQUEST_H
#define FZ_DAEMON_REQUEST_H

#include "engine.h"
#include "ow_session.h"

/* Who asks, on which connection. */
struct fz_request_from {
	struct fz_engine *engine;
	struct fz_conf *conf;
	const struct fz_class *of_class;
	struct fizeau_server *server;
	const struct fz_addr *peer, *local; /* of the control connection */
	const struct fz_identity *identity;
};

/* Request-TW-Session: a session, or NULL with the Accept value. sid is its SID. */
struct fz_session *fz_request_answer(const struct fz_request_from *from, const struct fizeau_tw_request *request,
	fz_session_end_fn *ended, void *owner, uint8_t *accept);

/* Request-Session: likewise. changed and arg as in ow_session.h. */
struct fz_ow_session *fz_ow_request_answer(const struct fz_request_from *from, const struct fizeau_ow_request *request,
	fz_ow_session_fn *changed, void *arg, uint8_t *accept);

/* What they share. Those that return an Accept value have counted and logged why. */

/* Counts and logs a refusal; returns accept. */
uint8_t fz_request_refuse(const struct fz_request_from *from, enum fz_counter counter, uint8_t accept, const char *why);

/* Where a session's packets come from and go to, as a request says it. */
struct fz_request_ends {
	uint8_t ip_version;
	const struct fizeau_address *sender, *receiver; /* version 0: that side's end of the control connection */
	uint16_t sender_port, receiver_port;
	bool sender_here, receiver_here;                /* that end is the server's to run */
};
/* As addresses, unless one is of a third party that its class may not name, or no unicast address, or of the other
   family. */
FIZEAU_MUST_USE uint8_t fz_request_find_ends(const struct fz_request_from *from, const struct fz_request_ends *ends,
	struct fz_addr *sender, struct fz_addr *receiver);

FIZEAU_MUST_USE uint8_t fz_request_check_padding(const struct fz_request_from *from, uint32_t padding_octets);
/* A place among the sessions of its class and address. */
FIZEAU_MUST_USE uint8_t fz_request_take_place(const struct fz_request_from *from, struct fz_place *place);
/* A SID of this host's. False without random octets. */
FIZEAU_MUST_USE bool fz_request_make_sid(const struct fz_addr *local, uint8_t sid[static FIZEAU_SID_OCTETS]);
/* Test keys, where the mode has any; the caller wipes them. */
FIZEAU_MUST_USE bool fz_request_make_keys(const struct fz_request_from *from,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *keys);

#endif
