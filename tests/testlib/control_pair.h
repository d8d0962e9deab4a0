/* SPDX-License-Identifier: MIT */
/* A Server and a Control-Client joined by memory, on a virtual clock. Steps of a connection that are not what is tried
   go right or fail the running test. */
#ifndef TESTLIB_CONTROL_PAIR_H
#define TESTLIB_CONTROL_PAIR_H

#include <fizeau/control_client.h>
#include <fizeau/fetch_client.h>
#include <fizeau/server.h>

struct control_pair {
	struct fizeau_server *server;
	struct fizeau_control_client *client;
	struct fizeau_mono now;
	size_t chop; /* octets moved at a time */
};

/* What the set-up of a pair may differ in. */
struct control_pair_config {
	enum fizeau_protocol protocol;
	uint32_t offered, mode;
	uint32_t count;
	uint32_t max_sessions;
	uint8_t token_key[16];
	size_t chop;
	uint16_t server_octets;
};

#define CONTROL_PAIR_SERVWAIT_NS INT64_C(900000000000)
#define CONTROL_PAIR_SETUP_NS INT64_C(10000000000)
#define CONTROL_PAIR_ANSWER_NS INT64_C(5000000000)
#define CONTROL_PAIR_START_TIME UINT64_C(0xE7FFF1F000000000)

#define CONTROL_PAIR_MODES 7u

/* Every security mode of TWAMP, with each key that it can have. */
extern const uint32_t control_pair_modes[CONTROL_PAIR_MODES];
extern const struct fizeau_server_random control_pair_random;
extern const struct fizeau_session_keys control_pair_keys;

/* Both machines; nothing has moved. */
void control_pair_open(struct control_pair *p, const struct control_pair_config *config);
void control_pair_close(struct control_pair *p);
/* Moves octets both ways until neither end gives or takes any. */
void control_pair_settle(struct control_pair *p);
/* The next event, which must be of that type. */
void control_pair_server_event(
	struct control_pair *p, enum fizeau_event_type type, struct fizeau_event *event);
void control_pair_client_event(
	struct control_pair *p, enum fizeau_event_type type, struct fizeau_event *event);
/* Neither has an event. */
void control_pair_no_event(struct control_pair *p);

/* From the greeting to Server-Start on both ends. */
void control_pair_set_up(struct control_pair *p, const struct control_pair_config *config);
/* The client's part of it: the fields of set_up for this configuration. */
struct fizeau_set_up control_pair_set_up_of(const struct control_pair_config *config);
/* A request that is asked for, granted with that port and SID, and answered. */
void control_pair_session(struct control_pair *p, uint16_t port, const uint8_t sid[static FIZEAU_SID_OCTETS]);
struct fizeau_tw_request control_pair_request(uint16_t port);
void control_pair_start(struct control_pair *p);

#endif
