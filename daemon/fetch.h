/* SPDX-License-Identifier: MIT */
/* Fetch-Session, served: a stored session to whom it belongs, a bounded piece at a time (RFC 4656 section 3.9). */
#ifndef FZ_DAEMON_FETCH_H
#define FZ_DAEMON_FETCH_H

#include "request.h"

struct fz_fetch;

/* NULL: denied, logged and counted. A session that there is not, that is another's, or that was altered looks the same
   from outside. */
struct fz_fetch *fz_fetch_new(const struct fz_request_from *from, const uint8_t sid[static FIZEAU_SID_OCTETS],
	uint32_t begin, uint32_t end);
void fz_fetch_free(struct fz_fetch *fetch); /* NULL is fine */

/* One piece: first the records are counted, then Fetch-Ack goes out, then the records. 0, done or not; an error: the
   connection cannot go on. */
FIZEAU_MUST_USE int fz_fetch_turn(struct fz_fetch *fetch, struct fizeau_server *server, bool *done);

#endif
