/* SPDX-License-Identifier: MIT */
/* The session from the server: our Session-Receiver, and its records in memory. */
#ifndef FZ_CLI_ONEWAY_FROM_H
#define FZ_CLI_ONEWAY_FROM_H

#include <stdbool.h>
#include "endpoint/receiver.h"
#include "measurement.h"

struct fz_from {
	struct fz_udp *udp;
	struct fz_endpoint_receiver *receiver; /* NULL: there is no session */
	struct fizeau_record *records;
	size_t record_count, record_capacity, record_max;
	uint32_t packets;                  /* that the session has */
	uint32_t back;                     /* records of packets that arrived */
	bool full;                         /* there was no memory for a record */
	bool finished;
	uint64_t stop_ntp;                 /* when it was */
	bool ended;                        /* the server said how its side ended: end counts */
	struct fizeau_session_end end;
	struct fizeau_skip_range *ranges;  /* of end */
	struct fz_one_way_session session;
	char failure[FZ_ERROR_TEXT];
};

/* Asks for the session and prepares the receiver. False after a complaint; the connection may go on. */
FIZEAU_MUST_USE bool fz_from_request(struct fz_from *from, struct fz_measurement *measurement, uint64_t start_ntp);
/* Start-Sessions is about to be sent. 0 or a negative error. */
FIZEAU_MUST_USE int fz_from_start(struct fz_from *from);
/* Every packet is in or lost, and none can come any more; so it is without a session. */
bool fz_from_complete(const struct fz_from *from);
/* What the server's Stop-Sessions says of the session. */
void fz_from_end(struct fz_from *from, const struct fizeau_session_end *end);
/* No more packets are received. */
void fz_from_finish(struct fz_from *from);
/* There is no result, and why. */
void fz_from_fail(struct fz_from *from, const char *failure);
/* Leaves of the records those that count, and fills the session. */
void fz_from_summarise(struct fz_from *from, const struct fz_measurement *measurement);
void fz_from_close(struct fz_from *from);

#endif
