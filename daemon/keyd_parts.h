/* SPDX-License-Identifier: MIT */
/* What the parts of keyd share: set-ups of control connections, and sessions of STAMP. */
#ifndef FZ_DAEMON_KEYD_PARTS_H
#define FZ_DAEMON_KEYD_PARTS_H

#include "key_thread.h"
#include "keyd.h"
#include "keys/ike_static.h"
#include "keys/passphrase_file.h"

struct fz_keyd_st_request;
struct fz_keyd_st_lookup;

struct fz_keyd {
	struct fz_loop *loop;
	struct fz_log *log;
	struct fz_key_thread *thread;
	struct fz_passphrases *passphrases;
	struct fz_ike_static *ike_static;
	enum fz_ike_source ike;
	char ike_path[FZ_CONF_PATH_MAX];
	int64_t ike_wait_ns;
	uint32_t modes; /* as configured; 0: all */
	uint8_t decoy[20];
	struct fz_keyd_hold *holds;
	bool hold_failed; /* said once */
	struct fz_keyd_request *requests;
	unsigned lookups;
	struct fz_keyd_st_request *st_requests;
	struct fz_keyd_st_lookup *st_lookups;
};

/* Lookups that nobody waits for any more. */
void fz_keyd_st_end(struct fz_keyd *keyd);

#endif
