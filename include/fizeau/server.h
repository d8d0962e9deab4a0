/* SPDX-License-Identifier: MIT */
/* The Server's end of one control connection (RFC 4656 and RFC 5357, section 3). No I/O: octets and time go in, octets and
   events come out. The loop around it is

     n = fizeau_server_recv(s, octets, len, now);          what it took; the rest must be offered again
     while (fizeau_server_event(s, &event)) ...;           act, and answer now or later
     len = fizeau_server_output(s, &octets);               send, then fizeau_server_sent(s, sent)
     at fizeau_server_deadline(s): fizeau_server_expire(s, now)

   until FIZEAU_EVENT_CLOSED has come and the output is empty. */
#ifndef FIZEAU_SERVER_H
#define FIZEAU_SERVER_H

#include "event.h"
#include "time.h"

struct fizeau_server;

struct fizeau_server_config {
	enum fizeau_protocol protocol;
	uint32_t modes;           /* what the greeting offers; 0: unwilling, the connection ends after it */
	uint32_t count;           /* PBKDF2 Count, valid by fizeau_count_check even if only for form */
	uint64_t start_time;      /* NTP, when this instance came up: the same for all connections */
	int64_t servwait_ns;      /* silence that is borne outside of tests (RFC 5357 3.1); > 0 */
	int64_t setup_timeout_ns; /* time for the peer to finish its set-up; > 0 */
	uint16_t server_octets;   /* with FIZEAU_MODE_REFLECT_OCTETS: what senders are to put into each packet, and get back
	                             (RFC 6038 4.3); told where two octets or more come back. 0: nothing */
	uint32_t max_sessions;    /* requests held at once; more are answered with Accept 5. With individual session control
	                             what runs counts as well, and no command may name more */
};

/* Random octets of one connection, from a CSPRNG; never reused. */
struct fizeau_server_random {
	uint8_t challenge[16];
	uint8_t salt[16];
	uint8_t server_iv[16];
};

/* A machine with the greeting in its output. NULL without memory, or if the configuration is out of range. */
FIZEAU_API struct fizeau_server *fizeau_server_new(const struct fizeau_server_config *config,
	const struct fizeau_server_random *random, struct fizeau_mono now);
/* Wipes and frees; NULL is fine. */
FIZEAU_API void fizeau_server_free(struct fizeau_server *server);

/* Takes octets from the peer; returns how many were consumed, 0 .. len: fewer while an event waits for its
   answer, while one that lends memory was not pulled, or while so much output waits that no more answers fit; all once
   closed. Never an error: what a peer
   can do wrong ends in FIZEAU_EVENT_CLOSED. */
FIZEAU_API size_t fizeau_server_recv(struct fizeau_server *server, const uint8_t *octets, size_t len,
	struct fizeau_mono now);
/* The peer closed its side. */
FIZEAU_API void fizeau_server_eof(struct fizeau_server *server);

/* Octets to send: their number, and where they lie until the next call on this machine. */
FIZEAU_API size_t fizeau_server_output(const struct fizeau_server *server, const uint8_t **octets);
/* That many of them are gone; not more than output said. */
FIZEAU_API void fizeau_server_sent(struct fizeau_server *server, size_t len);

/* The next event; false if there is none. Each is given once. The caller wipes what is secret in it. */
FIZEAU_API FIZEAU_MUST_USE bool fizeau_server_event(struct fizeau_server *server, struct fizeau_event *event);

/* Answer to KEY_WANTED. accept OK: keys are those of the opened Token (NULL in open mode), copied. Otherwise
   Server-Start goes out in clear and the connection ends. FIZEAU_ERR_STATE if none is wanted. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_answer_key(struct fizeau_server *server, uint8_t accept,
	const struct fizeau_session_keys *keys, struct fizeau_mono now);
/* Answer to SESSION_WANTED and OW_SESSION_WANTED. accept OK: port is the reflector's, in OWAMP the receiver's or the
   sender's if the server runs one of them only; sid of the server's making, or the client's where it receives.
   Otherwise port and sid are sent as zero, and the connection goes on. FIZEAU_ERR_RANGE for a port of 0, for another SID
   than the client's where that is due, or for one that a session of this connection has (in OWAMP, and with individual
   session control); FIZEAU_ERR_MEMORY: nothing was sent then, and another answer is allowed. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_answer_session(struct fizeau_server *server, uint8_t accept, uint16_t port,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_mono now);
/* Answer to START_WANTED. Not OK: the sessions accepted so far are forgotten and the connection goes on. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_answer_start(struct fizeau_server *server, uint8_t accept,
	struct fizeau_mono now);
/* Answer to START_N_WANTED and STOP_N_WANTED (RFC 5938): one Accept for each SID of the event, in its order. Not OK: the
   session stays as it was, and may be named again. FIZEAU_ERR_STATE if none is wanted; FIZEAU_ERR_RANGE unless count is
   the event's, FIZEAU_ERR_MEMORY, FIZEAU_ERR_LIMIT if too much of the output waits to be sent: nothing was sent then, and
   another answer is allowed. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_answer_n(struct fizeau_server *server, const uint8_t *accepts, uint32_t count,
	struct fizeau_mono now);
/* OWAMP: the server's own Stop-Sessions, with one end for each running session that is sent from here, in any order.
   Once, while sessions run; when the peer's has come as well, the connection takes requests again. ranges are copied.
   FIZEAU_ERR_STATE otherwise, FIZEAU_ERR_SESSIONS unless ends names exactly those sessions, FIZEAU_ERR_MALFORMED or
   FIZEAU_ERR_LIMIT for ranges that the peer would not take, FIZEAU_ERR_MEMORY: nothing was sent then. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_stop(struct fizeau_server *server, uint8_t accept,
	const struct fizeau_session_end *ends, uint32_t count, struct fizeau_mono now);
/* OWAMP: answer to FETCH_WANTED. accept OK: answer says what follows, and its records are to be given with
   fizeau_server_send_records; slots and ranges are copied. Otherwise answer is not looked at. FIZEAU_ERR_RANGE,
   FIZEAU_ERR_MALFORMED if answer is no answer, FIZEAU_ERR_MEMORY: nothing was sent then, and another answer is
   allowed. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_answer_fetch(struct fizeau_server *server, uint8_t accept,
	const struct fizeau_fetch_answer *answer, struct fizeau_mono now);
/* Octets of records that an answered fetch still wants; 0: none, commands are taken again. */
FIZEAU_API uint64_t fizeau_server_records_wanted(const struct fizeau_server *server);
/* Takes records as they stand in storage, one after the other; the pieces need not end where records do. Returns how
   many octets were taken: fewer than len while the output is full, so send and come again. FIZEAU_ERR_STATE if more
   than are wanted. */
FIZEAU_API FIZEAU_MUST_USE int64_t fizeau_server_send_records(struct fizeau_server *server, const uint8_t *octets,
	size_t len, struct fizeau_mono now);
/* A running session has ended by REFWAIT; when all have, SERVWAIT runs again (RFC 5357 3.1), and Stop-Sessions
   may count them or not (wire.md T-13). With individual session control sid says which it was, and Stop-N-Sessions may
   still name it; otherwise sid is not looked at. */
FIZEAU_API void fizeau_server_session_expired(struct fizeau_server *server, const uint8_t sid[static FIZEAU_SID_OCTETS],
	struct fizeau_mono now);

/* Test keys of a session of this connection. FIZEAU_ERR_STATE in open and mixed mode or before the set-up. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_server_test_keys(const struct fizeau_server *server,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *keys);
/* The mode chosen; 0 before Set-Up-Response. */
FIZEAU_API uint32_t fizeau_server_mode(const struct fizeau_server *server);

/* When expire is to be called next. */
FIZEAU_API struct fizeau_mono fizeau_server_deadline(const struct fizeau_server *server);
/* Time has passed: closes with FIZEAU_ERR_TIMEOUT if the deadline is reached. */
FIZEAU_API void fizeau_server_expire(struct fizeau_server *server, struct fizeau_mono now);

#endif
