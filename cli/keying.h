/* SPDX-License-Identifier: MIT */
/* Which mode and which key: RFC 7717 sections 5.1 to 5.3 and the options, as pure functions of the greeting, the
   wishes and what the key sources have. */
#ifndef FZ_CLI_KEYING_H
#define FZ_CLI_KEYING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/event.h>
#include "options.h"

struct fz_keying_wish {
	enum fizeau_protocol protocol; /* says which bit of Modes is the IKEv2-derived key's */
	uint32_t modes[FZ_MODES_MAX]; /* best first */
	size_t mode_count;            /* 0: not given */
	enum fz_ike_wish ike;
	bool passphrase;              /* there is one */
};

enum fz_key_source {
	FZ_KEY_NONE,
	FZ_KEY_PASSPHRASE,
	FZ_KEY_IKE,
};

/* "none", "passphrase", "ikev2". */
const char *fz_key_source_name(enum fz_key_source source);

struct fz_keying_choice {
	uint32_t mode; /* one security bit, and that of fizeau_mode_ike with FZ_KEY_IKE */
	enum fz_key_source source;
};

enum fz_keying_verdict {
	FZ_KEYING_OK,
	FZ_KEYING_UNWILLING,   /* the server offers nothing */
	FZ_KEYING_NO_MODE,     /* no acceptable mode is offered */
	FZ_KEYING_NO_KEY,      /* an acceptable mode is offered, but there is no key for it */
	FZ_KEYING_SERVER_IKE,  /* an IKEv2-derived key is wanted, the server does not offer that */
	FZ_KEYING_NO_SA,       /* ... and there is no IKE SA */
};

/* Whether an IKE SA would be used if there is one: only then is the key service asked. */
bool fz_keying_wants_sa(const struct fz_keying_wish *wish, uint32_t offered);
/* Decides; choice is written if the verdict is FZ_KEYING_OK. */
enum fz_keying_verdict fz_keying_choose(const struct fz_keying_wish *wish, uint32_t offered, bool have_sa,
	struct fz_keying_choice *choice);

/* The security modes among offered: OWAMP has no mixed mode, its bit is reserved there. */
uint32_t fz_keying_security(enum fizeau_protocol protocol, uint32_t offered);
/* "encrypted, authenticated, open": the names of security modes. */
void fz_keying_offer_text(uint32_t offered, char *text, size_t octets);

#endif
