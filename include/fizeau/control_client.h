/* SPDX-License-Identifier: MIT */
/* The Control-Client's end of one control connection (RFC 4656 and RFC 5357, section 3). No I/O; driven like the Server
   (server.h). Which mode and key to use is the caller's decision, between GREETING and set_up. */
#ifndef FIZEAU_CONTROL_CLIENT_H
#define FIZEAU_CONTROL_CLIENT_H

#include "event.h"
#include "time.h"

struct fizeau_control_client;

struct fizeau_control_client_config {
	enum fizeau_protocol protocol;
	int64_t answer_timeout_ns; /* time for the server's next answer; > 0 */
	uint32_t max_count;        /* largest PBKDF2 Count that is computed: FIZEAU_COUNT_MAX_DEFAULT */
};

/* What goes into Set-Up-Response. In open mode only mode counts. */
struct fizeau_set_up {
	uint32_t mode; /* one security mode, and the bit of fizeau_mode_ike for an IKEv2-derived key; 0: give up */
	uint8_t key_id[FIZEAU_KEYID_OCTETS]; /* zero filled; SPIi | SPIr | zeros when IKEv2-derived */
	uint8_t token_key[16];               /* from fizeau_token_key_passphrase or fizeau_token_key_ike */
	struct fizeau_session_keys keys;     /* random */
	uint8_t client_iv[16];               /* random */
};

/* NULL without memory, or if the configuration is out of range. */
FIZEAU_API struct fizeau_control_client *fizeau_control_client_new(const struct fizeau_control_client_config *config,
	struct fizeau_mono now);
FIZEAU_API void fizeau_control_client_free(struct fizeau_control_client *client);

FIZEAU_API size_t fizeau_control_client_recv(struct fizeau_control_client *client, const uint8_t *octets, size_t len,
	struct fizeau_mono now);
FIZEAU_API void fizeau_control_client_eof(struct fizeau_control_client *client);
FIZEAU_API size_t fizeau_control_client_output(const struct fizeau_control_client *client, const uint8_t **octets);
FIZEAU_API void fizeau_control_client_sent(struct fizeau_control_client *client, size_t len);
FIZEAU_API FIZEAU_MUST_USE bool fizeau_control_client_event(struct fizeau_control_client *client,
	struct fizeau_event *event);
FIZEAU_API struct fizeau_mono fizeau_control_client_deadline(const struct fizeau_control_client *client);
FIZEAU_API void fizeau_control_client_expire(struct fizeau_control_client *client, struct fizeau_mono now);

/* Answers the greeting. FIZEAU_ERR_MODE if the mode was not offered or is not exactly one security mode,
   FIZEAU_ERR_COUNT if the mode needs PBKDF2's Count in form and it is not, FIZEAU_ERR_STATE before the greeting;
   nothing was sent then and another call is allowed. The caller wipes set_up. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_set_up(struct fizeau_control_client *client,
	const struct fizeau_set_up *set_up, struct fizeau_mono now);
/* For this and the next two: FIZEAU_ERR_LIMIT if too much of the output waits to be sent, FIZEAU_ERR_CRYPTO if
   libcrypto fails, and then the connection is closed.
   Sends Request-TW-Session; one SESSION_ANSWER will come. One request at a time, before start or after stop.
   FIZEAU_ERR_STATE otherwise, FIZEAU_ERR_RANGE for a value that the message cannot carry. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_request_tw(struct fizeau_control_client *client,
	const struct fizeau_tw_request *request, struct fizeau_mono now);
/* OWAMP: sends Request-Session; one SESSION_ANSWER will come, in which the SID is the session's, whoever made it. As
   above; FIZEAU_ERR_LIMIT or FIZEAU_ERR_MEMORY also if the slots do not find room, FIZEAU_ERR_RANGE also without the
   port of an end that the client runs, or for a SID that a session of this connection has. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_request_ow(struct fizeau_control_client *client,
	const struct fizeau_ow_request *request, struct fizeau_mono now);
/* Sends Start-Sessions for all accepted sessions; one START_ACK will come. FIZEAU_ERR_STATE without one, and with
   individual session control. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_start(struct fizeau_control_client *client, struct fizeau_mono now);
/* Sends Stop-Sessions with accept; nothing is answered (RFC 5357 3.8). New requests may follow. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_stop(struct fizeau_control_client *client, uint8_t accept,
	struct fizeau_mono now);

/* With individual session control (FIZEAU_MODE_INDIVIDUAL, RFC 5938) each session is started and stopped by itself, and
   requests may also be sent while others run. These send Start-N-Sessions for sessions that were accepted and do not run,
   and Stop-N-Sessions for sessions that run. START_N_ACKs or STOP_N_ACKs will come, one or more, that name each of them
   once. Others may be started and stopped before they have come; no request then. FIZEAU_ERR_STATE without individual
   session control or before Accept-Session has come; FIZEAU_ERR_RANGE for no session, one that is in another state, or
   one that is named twice; FIZEAU_ERR_LIMIT, FIZEAU_ERR_MEMORY if the message does not find room: nothing was sent then. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_start_n(struct fizeau_control_client *client,
	const struct fizeau_sid *sids, uint32_t count, struct fizeau_mono now);
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_stop_n(struct fizeau_control_client *client,
	const struct fizeau_sid *sids, uint32_t count, struct fizeau_mono now);

/* OWAMP: sends Stop-Sessions with one end for each running session that is sent by the client, in any order; ranges are
   copied. The server sends one as well, before or after: STOPPED. When both are through, new requests and fetches may
   follow. FIZEAU_ERR_SESSIONS unless ends names exactly those sessions, FIZEAU_ERR_MALFORMED or FIZEAU_ERR_LIMIT for
   ranges that the server would not take, FIZEAU_ERR_MEMORY: nothing was sent then. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_stop_ow(struct fizeau_control_client *client, uint8_t accept,
	const struct fizeau_session_end *ends, uint32_t count, struct fizeau_mono now);

/* As fizeau_server_test_keys. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_test_keys(const struct fizeau_control_client *client,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *keys);

#endif
