/* SPDX-License-Identifier: MIT */
/* What a Server keeps for OWAMP alone: server_owamp.c and server_fetch.c. */
#ifndef FZ_PROTO_SERVER_OW_H
#define FZ_PROTO_SERVER_OW_H

#include "lib/proto/ends.h"
#include "lib/proto/ow_sessions.h"
#include "lib/proto/server_state.h"
#include "lib/proto/slots.h"
#include "lib/wire/request_session.h"

struct fz_server_ow {
	struct fz_request_head request; /* coming in, or waiting for its answer */
	uint8_t accept;                 /* that it has earned so far */
	struct fz_slots slots;
	struct fz_ow_sessions sessions;
	struct fz_stop stop;             /* coming in */
	struct fz_ends ends;             /* and its records */
	uint64_t records_due;            /* octets of records that the caller owes */
	uint8_t carry[FZ_CHANNEL_BLOCK]; /* of these, what did not fill a block yet */
	size_t carried;
};

#endif
