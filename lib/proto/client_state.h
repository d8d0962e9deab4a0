/* SPDX-License-Identifier: MIT */
/* Inside of the Control-Client: what control_client.c shares with the commands of OWAMP and of RFC 5938. */
#ifndef FZ_PROTO_CLIENT_STATE_H
#define FZ_PROTO_CLIENT_STATE_H

#include <fizeau/control_client.h>
#include "lib/proto/channel.h"
#include "lib/proto/ends.h"
#include "lib/proto/ow_sessions.h"
#include "lib/proto/sessions.h"
#include "lib/proto/sid_list.h"
#include "lib/proto/sid_sessions.h"
#include "lib/proto/slots.h"
#include "lib/wire/accept.h"
#include "lib/wire/fetch.h"
#include "lib/wire/greeting.h"
#include "lib/wire/request_session.h"
#include "lib/wire/setup.h"
#include "lib/wire/start_n.h"

enum fz_client_phase {
	FZ_CLIENT_GREETING,     /* Server-Greeting is due */
	FZ_CLIENT_CHOICE,       /* the caller owes set_up */
	FZ_CLIENT_SERVER_START, /* Server-Start is due */
	FZ_CLIENT_IDLE,         /* set up, no test running; with individual session control also while tests run */
	FZ_CLIENT_SESSION,      /* Accept-Session is due */
	FZ_CLIENT_START,        /* Start-Ack is due */
	FZ_CLIENT_ACKS,         /* Start-N-Acks or Stop-N-Acks are due */
	FZ_CLIENT_RUNNING,      /* from Start-Ack to Stop-Sessions; in OWAMP: to the first one */
	FZ_CLIENT_STOPPING,     /* OWAMP: our Stop-Sessions is out, the server's is due */
	FZ_CLIENT_STOPPED,      /* OWAMP: the server's Stop-Sessions is in, the caller owes stop_ow */
	FZ_CLIENT_FETCH,        /* Fetch-Ack is due, and what follows it */
	FZ_CLIENT_CLOSED,
};

/* A message that the server may send, or a part of one that comes in several: its octets, how they are protected, and
   what is done with them in clear. A handler that wants more parts sets the next one. */
struct fz_client_part {
	size_t octets;
	enum fz_protection protection;
	void (*handle)(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
};

/* What a fetch has brought so far. */
struct fz_client_fetch {
	uint8_t sid[FIZEAU_SID_OCTETS];
	struct fz_fetch_ack ack;
	struct fz_request_head request;
	struct fz_slots slots;
	struct fz_ranges ranges;
	uint32_t records_due; /* not in yet */
	uint8_t *records;     /* FZ_CLIENT_RECORDS_OCTETS while records are due, else NULL */
	size_t have;          /* octets of them that are in */
};

/* As many records as end with a block: 16 records are 25 blocks. */
#define FZ_CLIENT_RECORDS_OCTETS (40u * 16u * FIZEAU_RECORD_OCTETS)

struct fz_client_ow {
	struct fz_request_head request; /* sent and not answered yet */
	struct fz_ow_sessions sessions;
	struct fz_stop stop; /* coming in */
	struct fz_ends ends; /* and its records */
	struct fz_client_fetch fetch;
};

/* What individual session control needs. */
struct fz_client_n {
	struct fz_sid_sessions sessions;
	struct fz_n_head ack;    /* coming in */
	struct fz_sid_list sids; /* of it */
};

struct fizeau_control_client {
	struct fizeau_control_client_config config;
	enum fz_client_phase phase;
	const struct fz_client_part *part; /* that is coming in; NULL before a message */
	struct fz_greeting greeting;
	uint32_t mode; /* in Set-Up-Response */
	uint16_t reflect_length; /* of the request that was sent last */
	uint8_t client_iv[16];
	struct fz_channel channel;
	struct fz_sessions sessions; /* that start and stop together */
	struct fz_client_n n;        /* those that do not */
	struct fz_client_ow *ow; /* NULL in TWAMP */
	struct fizeau_mono deadline;
};

void fz_client_close(struct fizeau_control_client *c, int error, uint8_t accept);
/* The server has nothing to say until the caller asks for something. */
void fz_client_await_caller(struct fizeau_control_client *c, enum fz_client_phase phase);
void fz_client_await_server(struct fizeau_control_client *c, enum fz_client_phase phase, struct fizeau_mono now);
/* Sends the message that was put into the room. An error is libcrypto's, and then the stream is lost. */
FIZEAU_MUST_USE int fz_client_send_sealed(struct fizeau_control_client *c, size_t len);

/* TWAMP with individual session control: control_client_individual.c. */
bool fz_client_individual(const struct fizeau_control_client *c); /* it was chosen */
void fz_client_n_free(struct fz_client_n *n);
/* The caller is through with what the last event lent. */
void fz_client_n_reclaim(struct fz_client_n *n);
/* A session that the server accepts. FIZEAU_ERR_MALFORMED, FIZEAU_ERR_MEMORY. */
FIZEAU_MUST_USE int fz_client_n_accept(struct fizeau_control_client *c, const uint8_t sid[static FIZEAU_SID_OCTETS]);
void fz_client_take_ack_n(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);

/* OWAMP: control_client_owamp.c and fetch_client.c. */
FIZEAU_MUST_USE struct fz_client_ow *fz_client_ow_new(void);
void fz_client_ow_free(struct fz_client_ow *ow); /* NULL is fine */
/* The caller is through with what the last event lent. */
void fz_client_ow_reclaim(struct fz_client_ow *ow);
/* What OWAMP says of an Accept-Session that is not a refusal; sid becomes the session's. */
FIZEAU_MUST_USE int fz_client_check_accept_ow(struct fizeau_control_client *c, struct fz_accept_session *answer);
void fz_client_take_stop(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
void fz_client_take_fetch_ack(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
/* Records are due and nothing else. */
bool fz_client_wants_records(const struct fizeau_control_client *c);
/* Takes octets of them; returns how many. */
size_t fz_client_take_records(
	struct fizeau_control_client *c, const uint8_t *octets, size_t len, struct fizeau_mono now);
void fz_client_fetch_free(struct fz_client_fetch *fetch);

#endif
