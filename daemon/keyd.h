/* SPDX-License-Identifier: MIT */
/* The one part that sees passphrases and shared secrets: opens Tokens and answers with session keys and who the peer
   is. Key derivation that costs milliseconds runs in a thread of its own, behind a bounded queue, so that one peer's
   set-up never holds up another's packets. */
#ifndef FZ_DAEMON_KEYD_H
#define FZ_DAEMON_KEYD_H

#include "admit.h"
#include "io/loop.h"
#include "log.h"

struct fz_keyd;
struct fz_keyd_request;

/* accept OK: keys and identity are those of the peer. Otherwise the value for Server-Start, the counter, and for
   the log why (static or in the answer). Wiped after the call. */
struct fz_keyd_answer {
	uint8_t accept;
	enum fz_counter counter;
	struct fizeau_session_keys keys;
	struct fz_identity identity;
	const char *reason;
};

typedef void fz_keyd_fn(void *arg, const struct fz_keyd_answer *answer);

/* NULL without memory. */
struct fz_keyd *fz_keyd_new(struct fz_loop *loop, struct fz_log *log);
void fz_keyd_free(struct fz_keyd *keyd); /* no request may be left */

/* Reads the key sources that conf names; on failure the old ones stay and error says why. */
FIZEAU_MUST_USE bool fz_keyd_load(struct fz_keyd *keyd, const struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX]);

/* What a greeting may offer now: conf's modes as far as there are keys for them. */
uint32_t fz_keyd_modes(const struct fz_keyd *keyd);
/* True if IKEv2-derived keys come from a key service now; path is its socket. */
bool fz_keyd_service(const struct fz_keyd *keyd, const char **path);
/* "socket", "static" or "off", and its path; for status. */
const char *fz_keyd_ike_text(const struct fz_keyd *keyd, const char **path);

/* The secret of a KeyID as it stands in the keys file, for who checks that there is one or hands it to a worker; NULL if
   there is none. It is keyd's, and until the next load. */
const uint8_t *fz_keyd_secret(const struct fz_keyd *keyd, const char *key_id, size_t *octets);

/* Opens the Token of a KEY_WANTED event in a mode other than open. fn is called once from the loop, never from within
   this call; NULL without memory. */
struct fz_keyd_request *fz_keyd_open(struct fz_keyd *keyd, const struct fizeau_event *event,
	const struct fz_addr *peer, fz_keyd_fn *fn, void *arg);
void fz_keyd_cancel(struct fz_keyd_request *request); /* fn will not be called */

/* Placed when a connection is accepted, released when its Token has been opened: while one is held, the key service
   keeps every IKE_SA that it knows. Connections that come within a few seconds share one. */
struct fz_keyd_hold;
struct fz_keyd_hold *fz_keyd_hold(struct fz_keyd *keyd); /* NULL: none needed or none to be had */
void fz_keyd_release(struct fz_keyd *keyd, struct fz_keyd_hold *hold);

#endif
