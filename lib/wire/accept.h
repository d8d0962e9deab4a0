/* SPDX-License-Identifier: MIT */
/* Accept-Session. fizeau_accept_text of the public API is here too. */
#ifndef FZ_WIRE_ACCEPT_H
#define FZ_WIRE_ACCEPT_H

#include <fizeau/event.h>

#define FZ_ACCEPT_SESSION_OCTETS 48

struct fz_accept_session {
	uint8_t accept;
	uint16_t port; /* zero in a refusal, as is sid */
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint16_t reflected_octets, server_octets; /* RFC 6038; zero without that feature, in a refusal, and in OWAMP */
};

/* FIZEAU_ERR_LENGTH unless len is FZ_ACCEPT_SESSION_OCTETS. The HMAC is left to the stream. */
FIZEAU_MUST_USE int fz_accept_session_get(
	struct fz_accept_session *answer, const uint8_t *octets, size_t len);
/* In clear, with a zero HMAC field; all but accept of a refusal goes out as zero. */
FIZEAU_MUST_USE int fz_accept_session_put(
	const struct fz_accept_session *answer, uint8_t *octets, size_t len);
/* Of a TWAMP answer: FIZEAU_ERR_REFUSED for any non-zero accept, FIZEAU_ERR_MALFORMED for one without a port. */
FIZEAU_MUST_USE int fz_accept_session_check(const struct fz_accept_session *answer);

#endif
