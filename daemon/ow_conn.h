/* SPDX-License-Identifier: MIT */
/* OWAMP on a control connection: its sessions from Request-Session to Stop-Sessions, and fetches. conn.c moves the octets
   and hands over events. */
#ifndef FZ_DAEMON_OW_CONN_H
#define FZ_DAEMON_OW_CONN_H

#include "request.h"

struct fz_fetch;

struct fz_ow_conn {
	struct fz_conn *conn;
	struct fz_request_from from;    /* as of the last request; engine and server from the beginning */
	struct fz_ow_session *sessions; /* requested or running */
	struct fz_fetch *fetch;
	struct fizeau_mono fetch_due;   /* when its records have to go out at the latest */
	struct fz_timer tick;
	bool running;                   /* from Start-Sessions to the client's Stop-Sessions */
	bool stop_sent;                 /* ours */
	uint8_t accept;                 /* in it */
	struct fizeau_mono stop_due;    /* when the client's Stop-Sessions is no longer waited for */
};

void fz_ow_conn_init(struct fz_ow_conn *ow, struct fz_conn *conn, const struct fz_request_from *from);

/* The events of the same names. 0, or an error: the connection is to be dropped. */
FIZEAU_MUST_USE int fz_ow_conn_session(struct fz_ow_conn *ow, const struct fz_request_from *from,
	const struct fizeau_ow_request *request);
FIZEAU_MUST_USE int fz_ow_conn_start(struct fz_ow_conn *ow);
FIZEAU_MUST_USE int fz_ow_conn_stopped(struct fz_ow_conn *ow, const struct fizeau_event *event);
FIZEAU_MUST_USE int fz_ow_conn_fetch(struct fz_ow_conn *ow, const struct fz_request_from *from,
	const struct fizeau_event *event);
/* The connection is over: what still runs ends as `how`. */
void fz_ow_conn_close(struct fz_ow_conn *ow, enum fz_store_how how);

/* A fetch has something to do whenever the socket takes more octets. */
bool fz_ow_conn_fetching(const struct fz_ow_conn *ow);
/* Nothing of it has gone out for too long: the client does not read. */
bool fz_ow_conn_overdue(const struct fz_ow_conn *ow, struct fizeau_mono now);
/* Does a bounded piece of it. */
FIZEAU_MUST_USE int fz_ow_conn_fetch_turn(struct fz_ow_conn *ow);

/* Ends what runs, in order: senders stop, Stop-Sessions goes out. */
void fz_ow_conn_wind_down(struct fz_ow_conn *ow);

#endif
