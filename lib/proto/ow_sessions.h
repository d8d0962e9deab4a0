/* SPDX-License-Identifier: MIT */
/* The OWAMP sessions of a control connection, on either end: accepted and to be started together, or running together
   (RFC 4656 section 3.8). */
#ifndef FZ_PROTO_OW_SESSIONS_H
#define FZ_PROTO_OW_SESSIONS_H

#include <fizeau/record.h>

struct fz_ow_session {
	uint8_t sid[FIZEAU_SID_OCTETS];
	bool server_sends;
	bool named; /* used by fz_ow_sessions_match */
};

struct fz_ow_sessions {
	struct fz_ow_session *sessions;
	uint32_t count;
	size_t cap;
};

/* FIZEAU_ERR_MEMORY, FIZEAU_ERR_RANGE if the SID is there already. */
FIZEAU_MUST_USE int fz_ow_sessions_add(
	struct fz_ow_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS], bool server_sends);
bool fz_ow_sessions_has(const struct fz_ow_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS]);
/* How many the server sends, or the client. */
uint32_t fz_ow_sessions_sent(const struct fz_ow_sessions *s, bool by_server);
/* FIZEAU_ERR_SESSIONS unless ends names exactly the sessions that the server sends, or the client. */
FIZEAU_MUST_USE int fz_ow_sessions_match(
	struct fz_ow_sessions *s, bool by_server, const struct fizeau_session_end *ends, uint32_t count);
/* None is left. */
void fz_ow_sessions_clear(struct fz_ow_sessions *s);

#endif
