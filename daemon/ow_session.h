/* SPDX-License-Identifier: MIT */
/* One OWAMP test session of this host: a Session-Receiver that stores its records, a Session-Sender, or both. Its owner
   starts and ends it (ow_conn.c). */
#ifndef FZ_DAEMON_OW_SESSION_H
#define FZ_DAEMON_OW_SESSION_H

#include "admit.h"
#include "endpoint/receiver.h"
#include "endpoint/sender.h"
#include "ipsec.h"
#include "store.h"

struct fz_engine;
struct fz_ow_session;

/* It has something for its owner to look at: all is sent, or storage failed. From within the session, which is not to be
   ended now. */
typedef void fz_ow_session_fn(void *arg);

struct fz_ow_wanted {
	struct fz_engine *engine;
	struct fz_conf *conf;
	const struct fz_class *of_class;
	const struct fz_addr *peer;        /* of the control connection */
	const struct fz_identity *identity;
	uint32_t mode;                     /* as chosen on it */
	struct fizeau_ow_request request;  /* with its SID; a port of an end of ours is a wish, 0: any */
	struct fz_addr sender, receiver;   /* its ends, ports included */
	struct fizeau_test_keys keys;      /* wiped by the caller */
	int64_t length_ns;                 /* how long it will run, Timeout included */
	fz_ow_session_fn *changed;
	void *arg;
};

struct fz_ow_session {
	struct fz_ow_session *next_of_owner; /* the owner's */
	struct fz_ow_session *next, *previous; /* of all */
	struct fz_engine *engine;
	struct fz_conf *conf;
	const struct fz_class *of_class; /* in conf */
	struct fz_place place;
	struct fz_identity identity;
	struct fz_addr peer;
	uint32_t mode;
	struct fizeau_ow_request request; /* real ports; without slots */
	struct fz_addr send_to;           /* of a sender */
	int64_t timeout_ns;
	bool running;
	struct fizeau_mono started, ends;  /* ends: as expected; for status */
	struct fizeau_mono receiver_done;  /* nothing can come any more; 0: not seen yet */
	int64_t length_ns;                 /* from the request on */
	int error;                        /* of its storage, -errno */
	enum fz_store_how how;            /* once finished */
	fz_ow_session_fn *changed;
	void *arg;
	struct fz_udp *send_udp, *receive_udp;
	bool require_ipsec;
	struct fz_ipsec_view ipsec;
	struct fz_endpoint_sender *sender;     /* NULL: the client's */
	struct fz_endpoint_receiver *receiver; /* likewise */
	struct fz_stored *stored;              /* if there is a receiver */
	/* What the engine's counters have of it. */
	struct fz_endpoint_sender_counters sender_counted;
	struct fz_endpoint_receiver_counters receiver_counted;
};

/* NULL: accept, counter and why say why not. */
struct fz_ow_session *fz_ow_session_new(const struct fz_ow_wanted *wanted, uint8_t *accept, enum fz_counter *counter,
	const char **why);
/* Start-Sessions was answered. 0 or -errno. */
FIZEAU_MUST_USE int fz_ow_session_start(struct fz_ow_session *session);
/* Whether every packet was sent, and Timeout and a margin have passed since: the time for Stop-Sessions. */
bool fz_ow_session_complete(struct fz_ow_session *session, struct fizeau_mono now);
/* Brings the engine's counters up to date, and what was received into the file. */
void fz_ow_session_tick(struct fz_ow_session *session);
/* Nothing is sent or received any more, and what was received is in its file, with its end. how: as the control
   connection has it; end: what the session's sender says, NULL if it did not. Numbers that do not add up, or storage that
   fails, make it FZ_STORE_FAILED. Once: a second time nothing happens. */
void fz_ow_session_finish(struct fz_ow_session *session, enum fz_store_how how, const struct fizeau_session_end *end);
/* Frees it; BROKEN if it was not finished. */
void fz_ow_session_end(struct fz_ow_session *session);

/* The running or requested session of that SID; NULL if there is none. */
struct fz_ow_session *fz_ow_session_find(const struct fz_engine *engine, const uint8_t sid[static FIZEAU_SID_OCTETS]);

#endif
