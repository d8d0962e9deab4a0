/* SPDX-License-Identifier: MIT */
/* The session to the server: our Session-Sender, and the server's records of it once they are fetched. */
#ifndef FZ_CLI_ONEWAY_TO_H
#define FZ_CLI_ONEWAY_TO_H

#include <stdbool.h>
#include "endpoint/sender.h"
#include "fetch.h"
#include "measurement.h"

struct fz_to {
	struct fz_udp *udp;
	struct fz_endpoint_sender *sender; /* NULL: there is no session */
	int64_t *lateness;                 /* of every packet that was sent */
	uint32_t sent, capacity;
	bool done;                         /* nothing more will be sent */
	struct fizeau_mono complete;       /* when no packet can arrive in time any more; FIZEAU_NEVER until done */
	int error;                         /* why sending ended */
	struct fizeau_session_end end;     /* once done; its ranges lie in the sender */
	struct fz_fetched fetched;
	struct fz_one_way_session session; /* facts.sid is the server's */
	char failure[FZ_ERROR_TEXT];
};

/* Asks for the session and prepares the sender. False after a complaint; the connection may go on. */
FIZEAU_MUST_USE bool fz_to_request(struct fz_to *to, struct fz_measurement *measurement, uint64_t start_ntp);
/* Start-Ack is in. 0 or a negative error. */
FIZEAU_MUST_USE int fz_to_start(struct fz_to *to);
/* No more packets; nothing if all are sent. */
void fz_to_stop(struct fz_to *to, enum fz_ending ending);
/* The server's records, after both Stop-Sessions. False if the connection is not usable any more. */
FIZEAU_MUST_USE bool fz_to_fetch(struct fz_to *to, struct fz_measurement *measurement);
/* There are no records, and why. */
void fz_to_fail(struct fz_to *to, const char *failure);
/* Fills the session. */
void fz_to_summarise(struct fz_to *to, const struct fz_measurement *measurement);
void fz_to_close(struct fz_to *to);

#endif
