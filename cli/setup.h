/* SPDX-License-Identifier: MIT */
/* From an address to a control connection that takes commands: connect, greeting, choice of mode and key,
   Set-Up-Response, Server-Start, and the second try of RFC 7717 when the server does not know the IKE SA. */
#ifndef FZ_CLI_SETUP_H
#define FZ_CLI_SETUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include "cli.h"
#include "control.h"
#include "fault.h"
#include "keying.h"
#include "keys/passphrase_file.h"
#include "options.h"
#include "result.h"
#include "sa_source.h"

enum fz_setup_outcome {
	FZ_SETUP_CONNECTED,
	FZ_SETUP_UNREACHABLE, /* another address of the host may do */
	FZ_SETUP_REFUSED,
};

struct fz_setup {
	const struct fz_measure_options *options;
	struct fz_sa_source sa_source;
	const struct fz_passphrases *passphrases; /* NULL: none */
	struct fz_control control;      /* open when connected */
	uint32_t mode;                  /* as chosen, the IKE bit included */
	struct fz_result_key key;
	char host[FZ_ADDR_TEXT];        /* the server, for messages */
	enum fz_fault_reason reason;    /* unless connected */
	char error[FZ_ERROR_TEXT];      /* likewise: one line for a person; empty: interrupted */
	atomic_uint *computing;         /* counts the threads that are at PBKDF2; NULL: nobody asks */
};

/* One server address. Close control afterwards, whatever came. */
FIZEAU_MUST_USE enum fz_setup_outcome fz_setup_run(struct fz_setup *setup, const struct fz_addr *server);

/* The line for a connection that ended instead of going on: what was under way, by whom, why and the remedy. */
void fz_setup_explain_closed(const struct fz_setup *setup, const char *under_way, const struct fizeau_event *closed,
	char *error, size_t octets);

enum fz_fault_reason fz_setup_closed_reason(const struct fizeau_event *closed);

/* "TWAMP", "OWAMP". */
const char *fz_protocol_name(enum fizeau_protocol protocol);

#endif
