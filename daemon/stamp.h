/* SPDX-License-Identifier: MIT */
/* STAMP and TWAMP Light at the main process (doc/adr/0021): the listeners, a socket of each for every worker, and which of
   the sources that send to them may have sessions. */
#ifndef FZ_DAEMON_STAMP_H
#define FZ_DAEMON_STAMP_H

#include "bucket.h"
#include "engine.h"
#include "ipsec.h"

#define FZ_STAMP_LISTENERS_MAX (2 * FZ_CONF_STAMP_LISTEN_MAX)

/* What an address is listened on with: the sockets stay open here too, so that a worker that is started anew has them
   without the rights that they took. */
struct fz_stamp_listener {
	uint32_t number; /* FZ_PORT_STAMP and lowest 16 bits zero */
	struct fz_addr addr;
	struct fz_udp **sockets; /* one of each worker */
	uint32_t count;
	bool keep, fresh;
};

struct fz_stamp {
	struct fz_engine *engine;
	struct fz_stamp_listener *listeners[FZ_STAMP_LISTENERS_MAX];
	uint32_t listener_count;
	uint32_t next_number;
	struct fz_udp_batch *batch; /* what opening takes */
	struct fz_ipsec_view ipsec_view;
	struct fz_bucket searches; /* for a session whose place another may have */
	struct fz_stamp_asked *asked; /* questions that wait for a key */
};

struct fz_stamp *fz_stamp_new(struct fz_engine *engine); /* NULL without memory */
void fz_stamp_free(struct fz_stamp *stamp);              /* before the sessions; NULL is fine */

/* Opens what conf asks for beside what is open, which needs the rights to. False: error says why, and nothing has changed.
   Then one of the two below. */
FIZEAU_MUST_USE bool fz_stamp_open(struct fz_stamp *stamp, const struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX]);
void fz_stamp_use(struct fz_stamp *stamp);     /* closes what conf does not ask for, and tells the workers */
void fz_stamp_discard(struct fz_stamp *stamp); /* what was opened is closed again */

/* Hooks of the sessions (session.h); arg is the engine. */
void fz_stamp_ask(void *arg, uint32_t worker, const struct fz_ask *ask);
void fz_stamp_worker_started(void *arg, uint32_t worker);

/* NULL: it is not listened on any more. */
const struct fz_stamp_listener *fz_stamp_listener_of(const struct fz_stamp *stamp, uint32_t number);
/* Questions that wait are not answered. */
void fz_stamp_forget_asked(struct fz_stamp *stamp);

#endif
