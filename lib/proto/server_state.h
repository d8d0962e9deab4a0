/* SPDX-License-Identifier: MIT */
/* Inside of the Server: what server.c shares with the commands of each protocol. */
#ifndef FZ_PROTO_SERVER_STATE_H
#define FZ_PROTO_SERVER_STATE_H

#include <fizeau/server.h>
#include "lib/proto/channel.h"
#include "lib/proto/sessions.h"
#include "lib/proto/sid_list.h"
#include "lib/proto/sid_sessions.h"
#include "lib/wire/accept.h"
#include "lib/wire/setup.h"
#include "lib/wire/start_n.h"

enum fz_server_phase {
	FZ_SERVER_SET_UP,   /* greeting is out, Set-Up-Response is due */
	FZ_SERVER_KEY,      /* the caller owes answer_key */
	FZ_SERVER_IDLE,     /* set up, no test running; with individual session control also while tests run */
	FZ_SERVER_SESSION,  /* the caller owes answer_session */
	FZ_SERVER_START,    /* the caller owes answer_start */
	FZ_SERVER_N,        /* the caller owes answer_n */
	FZ_SERVER_RUNNING,  /* from Start-Sessions to Stop-Sessions; in OWAMP: to the first one */
	FZ_SERVER_STOPPING, /* OWAMP: our Stop-Sessions is out, the peer's is due */
	FZ_SERVER_STOPPED,  /* OWAMP: the peer's Stop-Sessions is in, the caller owes stop */
	FZ_SERVER_FETCH,    /* the caller owes answer_fetch */
	FZ_SERVER_RECORDS,  /* the caller owes send_records */
	FZ_SERVER_CLOSED,
};

/* A message that may come, or a part of one that comes in several: its octets, how they are protected, and what is done
   with them in clear. A handler that wants more parts sets the next one. */
struct fz_server_part {
	size_t octets;
	enum fz_protection protection;
	void (*handle)(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
};

struct fz_server_ow;

/* What individual session control needs. */
struct fz_server_n {
	struct fz_sid_sessions sessions;
	struct fz_n_head command; /* coming in, or waiting for its answer */
	struct fz_sid_list sids;  /* of it: those that the caller is asked for come first, sorted, once all are in */
	uint8_t *accepts;         /* one for each, once all are in */
	uint32_t wanted;          /* how many the caller is asked for */
};

struct fizeau_server {
	struct fizeau_server_config config;
	struct fizeau_server_random random;
	enum fz_server_phase phase;
	const struct fz_server_part *part; /* that is coming in; NULL until the first block of a command is in */
	uint8_t client_iv[16];
	struct fz_channel channel;
	struct fz_sessions sessions; /* that start and stop together */
	struct fz_server_n n;        /* those that do not */
	uint16_t reflected_octets, server_octets; /* for the answer to a TWAMP request; 0 without reflect octets */
	struct fz_server_ow *ow; /* NULL in TWAMP */
	struct fizeau_mono deadline;
};

void fz_server_close(struct fizeau_server *s, int error, uint8_t accept);
struct fizeau_mono fz_server_after(struct fizeau_mono now, int64_t ns);
void fz_server_enter_idle(struct fizeau_server *s, struct fizeau_mono now);
/* Our own time to find an answer is not the peer's silence. */
void fz_server_await_caller(struct fizeau_server *s, enum fz_server_phase phase);
/* recv takes no message without room for the answer, so these find it. */
FIZEAU_MUST_USE int fz_server_send_accept_session(struct fizeau_server *s, const struct fz_accept_session *answer);
FIZEAU_MUST_USE int fz_server_send_start_ack(struct fizeau_server *s, uint8_t accept);
/* A request is refused and the connection goes on. */
void fz_server_refuse_session(struct fizeau_server *s, uint8_t accept, struct fizeau_mono now);

/* TWAMP: server_twamp.c. */
void fz_server_take_request_tw(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
void fz_server_take_stop_tw(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
/* Answers a command that has no place, if there is an answer to it. */
FIZEAU_MUST_USE int fz_server_answer_unexpected_tw(struct fizeau_server *s, uint8_t command);
FIZEAU_MUST_USE int fz_server_answer_session_tw(struct fizeau_server *s, const struct fz_accept_session *answer);

/* TWAMP with individual session control: server_individual.c. */
bool fz_server_individual(const struct fizeau_server *s); /* it was chosen */
void fz_server_n_free(struct fz_server_n *n);
/* A session that is accepted. FIZEAU_ERR_MEMORY, FIZEAU_ERR_RANGE if the SID is there already. */
FIZEAU_MUST_USE int fz_server_n_add(struct fizeau_server *s, const uint8_t sid[static FIZEAU_SID_OCTETS]);
bool fz_server_n_full(struct fizeau_server *s); /* no more are accepted */
bool fz_server_n_running(const struct fizeau_server *s);
/* A session has ended by itself. True if it was the last that ran. */
bool fz_server_n_expire(struct fizeau_server *s, const uint8_t sid[static FIZEAU_SID_OCTETS]);
void fz_server_take_n(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);

/* OWAMP: server_owamp.c and server_fetch.c. */
FIZEAU_MUST_USE struct fz_server_ow *fz_server_ow_new(void);
void fz_server_ow_free(struct fz_server_ow *ow); /* NULL is fine */
/* The caller is through with what the last event lent. */
void fz_server_ow_reclaim(struct fz_server_ow *ow);
void fz_server_ow_forget_sessions(struct fz_server_ow *ow);
void fz_server_take_request_ow(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
void fz_server_take_stop_ow(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
void fz_server_take_fetch(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
FIZEAU_MUST_USE int fz_server_answer_unexpected_ow(struct fizeau_server *s, uint8_t command);
FIZEAU_MUST_USE int fz_server_answer_session_ow(struct fizeau_server *s, const struct fz_accept_session *answer);
FIZEAU_MUST_USE int fz_server_send_fetch_refusal(struct fizeau_server *s, uint8_t accept);

#endif
