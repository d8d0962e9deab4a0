/* SPDX-License-Identifier: MIT */
/* What both ends of a control connection have in common: the message that is coming in, the octets that are going
   out, the two streams that protect them, and the events that wait for the caller. */
#ifndef FZ_PROTO_CHANNEL_H
#define FZ_PROTO_CHANNEL_H

#include <fizeau/event.h>
#include "lib/crypto/stream.h"

#define FZ_CHANNEL_BLOCK 16  /* no message is shorter, and all are a multiple of it but Set-Up-Response */
#define FZ_CHANNEL_INBOX 164 /* the longest message that is not read in parts */
#define FZ_CHANNEL_OUTBOX 1024
#define FZ_CHANNEL_STREAM 16384      /* the least that is set up for long messages, and what records may fill */
#define FZ_CHANNEL_LONG_MAX 2097152u /* FIZEAU_SLOTS_MAX slots and FIZEAU_SKIP_RANGES_MAX ranges are less */
#define FZ_CHANNEL_EVENTS 4

struct fz_channel {
	bool closed;
	uint32_t mode; /* as agreed; 0 until then */
	bool keyed;    /* the streams are in force */
	struct fizeau_session_keys keys;
	struct fz_stream in, out;

	uint8_t inbox[FZ_CHANNEL_INBOX];
	size_t have;   /* octets of the message that are in */
	size_t opened; /* of these, in clear already */

	uint8_t small[FZ_CHANNEL_OUTBOX];
	uint8_t *large; /* in its place while a long message waits, else NULL */
	size_t large_octets;
	size_t sent, filled; /* outbox + sent .. outbox + filled is still to go */

	struct fizeau_event events[FZ_CHANNEL_EVENTS];
	size_t first_event, event_count;
	enum fizeau_event_type lent; /* an event that carries pointers to the machine's memory; NONE: there is none */
	bool lent_pulled;            /* the caller has got it */
};

/* How the octets of a message, or of a part of one, are protected. */
enum fz_protection {
	FZ_CLEAR,  /* not at all */
	FZ_OPENED, /* encrypted; the HMAC comes in a later part */
	FZ_SEALED, /* encrypted, and the last 16 are the HMAC over all since the last one */
};

/* The streams from here on, under mode; keys are copied, and not looked at if mode leaves control open. */
FIZEAU_MUST_USE int fz_channel_key(struct fz_channel *c, uint32_t mode,
	const struct fizeau_session_keys *keys, const uint8_t in_iv[static 16],
	const uint8_t out_iv[static 16]);
void fz_channel_wipe(struct fz_channel *c);

/* Takes octets until the inbox holds need of them; returns how many. */
size_t fz_channel_fill(struct fz_channel *c, const uint8_t *octets, size_t len, size_t need);
/* Decrypts the inbox up to octet to, which is in. */
FIZEAU_MUST_USE int fz_channel_open(struct fz_channel *c, size_t to);
/* Decrypts the message, or the part of one, that the inbox holds, and checks its HMAC if it ends in one. */
FIZEAU_MUST_USE int fz_channel_open_message(struct fz_channel *c, size_t len, enum fz_protection protection);
/* Decrypts a part that lies elsewhere. */
FIZEAU_MUST_USE int fz_channel_open_part(struct fz_channel *c, uint8_t *octets, size_t len);
/* The inbox is free for the next message. */
void fz_channel_next(struct fz_channel *c);

/* Where a message of len octets may be written, or NULL if too much waits to be sent. */
uint8_t *fz_channel_room(struct fz_channel *c, size_t len);
/* Makes that room, in memory of its own if need be, which is given back once all is sent. FIZEAU_ERR_LIMIT,
   FIZEAU_ERR_MEMORY. */
FIZEAU_MUST_USE int fz_channel_reserve(struct fz_channel *c, size_t len);
/* Octets that may be added until FZ_CHANNEL_STREAM of them wait. */
size_t fz_channel_stream_room(const struct fz_channel *c);
/* The message there, without or with a HMAC in its last 16 octets, is to be sent. */
void fz_channel_send(struct fz_channel *c, size_t len);
FIZEAU_MUST_USE int fz_channel_send_sealed(struct fz_channel *c, size_t len);
/* A part of a message, the HMAC of which comes later, and that HMAC: 16 octets of room. */
FIZEAU_MUST_USE int fz_channel_send_part(struct fz_channel *c, size_t len);
FIZEAU_MUST_USE int fz_channel_send_hmac(struct fz_channel *c);
size_t fz_channel_output(const struct fz_channel *c, const uint8_t **octets);
void fz_channel_sent(struct fz_channel *c, size_t len);

/* Another message may be handled: what it can raise finds its place, so does an answer of that many octets, and no
   event lends out memory that the caller has not seen yet. */
bool fz_channel_ready(const struct fz_channel *c, size_t answer);
/* A place for an event; to be filled in. */
struct fizeau_event *fz_channel_raise(struct fz_channel *c, enum fizeau_event_type type);
bool fz_channel_event(struct fz_channel *c, struct fizeau_event *event);
/* The event raised last lends memory. */
void fz_channel_lend(struct fz_channel *c, enum fizeau_event_type type);
/* Once per loan, when the caller is past that event: its memory is free. */
bool fz_channel_reclaim(struct fz_channel *c);
/* Nothing follows but what is in the outbox. Once only; the keys are wiped. */
void fz_channel_close(struct fz_channel *c, int error, uint8_t accept);

FIZEAU_MUST_USE int fz_channel_test_keys(const struct fz_channel *c,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *keys);

#endif
