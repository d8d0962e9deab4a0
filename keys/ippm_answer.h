/* SPDX-License-Identifier: MIT */
/* Reading an answer of the key service: from its lines to SAs, with everything checked. No I/O. */
#ifndef FZ_KEYS_IPPM_ANSWER_H
#define FZ_KEYS_IPPM_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include "ike_sa.h"
#include "plugin/ippm/ippm_msg.h"

enum fz_ippm_kind {
	FZ_IPPM_LOOKUP_REMOTE,
	FZ_IPPM_LOOKUP_SPIS,
	FZ_IPPM_INITIATE,
	FZ_IPPM_LIST,
};

#define FZ_IPPM_REASON_OCTETS 768

struct fz_ippm_answer {
	struct fz_ike_sa sas[IPPM_MSG_ANSWER_SAS];
	size_t count;
	bool more; /* there are more: list them with skip */
	size_t told; /* SAs in the answer, those left out included */
	char reason[FZ_IPPM_REASON_OCTETS]; /* why it failed, or what was left out; else empty */
};

/* Reads a complete message. 0, or -errno: the service's own, -EPROTO for rubbish, -ENOTSUP if no SA is left whose PRF
   is known. Without keys (LIST) an unknown PRF does not matter. The caller wipes answer, on failure too. */
FIZEAU_MUST_USE int fz_ippm_answer_read(const struct ippm_msg_reader *message, enum fz_ippm_kind kind,
	struct fz_ippm_answer *answer);

#endif
