/* SPDX-License-Identifier: MIT */
/* What the two halves of a control connection share: octets (conn.c) and events (conn_events.c). */
#ifndef FZ_DAEMON_CONN_PARTS_H
#define FZ_DAEMON_CONN_PARTS_H

#include "engine.h"
#include "ow_conn.h"

enum fz_conn_phase {
	FZ_CONN_SET_UP, /* half open */
	FZ_CONN_OPEN,
	FZ_CONN_LINGER, /* all is said: waiting for the peer to close, so that it gets to read our last words */
};

struct fz_conn {
	struct fz_conn *next, *previous;
	struct fz_conn_list *list;
	struct fz_engine *engine;
	struct fz_conf *conf;
	const struct fz_class *of_class;
	struct fizeau_server *server;
	struct fz_keyd_request *key_request;
	struct fz_keyd_hold *hold;
	struct fz_session *sessions; /* requested or running; stopped ones are on their own */
	struct fz_ow_conn ow;        /* OWAMP's */
	enum fizeau_protocol protocol;
	struct fz_addr peer, local;
	struct fz_identity identity;
	struct fz_place place;
	struct fz_timer timer;
	enum fz_conn_phase phase;
	uint32_t mode, events;
	int fd;
	bool eof, eof_told; /* the peer's, and whether the machine knows */
	bool refused;       /* in the set-up, by us: counted and logged there */
	bool closed, broken;
	int error;          /* errno of the socket; 0: none */
	bool held;          /* its output, until the workers know of what it acknowledges */
	bool busy;          /* its machine is being turned further up the stack */
	size_t in_len;
	uint8_t in[512];
};

/* Acts on an event of its machine. */
void fz_conn_event(struct fz_conn *conn, const struct fizeau_event *event);
/* Where its requests come from. */
struct fz_request_from fz_conn_request_from(const struct fz_conn *conn);
/* From now on the IKE SAs may go. */
void fz_conn_leave_set_up(struct fz_conn *conn);
/* Into another list, as its youngest. */
void fz_conn_move(struct fz_conn *conn, struct fz_conn_list *list);

#endif
