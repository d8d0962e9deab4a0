/* SPDX-License-Identifier: MIT */
/* What a measurement found, as the outputs print it: no secrets in it. */
#ifndef FZ_CLI_RESULT_H
#define FZ_CLI_RESULT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <fizeau/keys.h>
#include <fizeau/stats.h>
#include <fizeau/time.h>
#include "endpoint/missed.h"
#include "io/addr.h"
#include "io/clock.h"
#include "io/stamping.h"
#include "keying.h"
#include "stamp_result.h"
#include "twamp_features.h"
#include "values.h"

struct fz_result_key {
	enum fz_key_source source;
	const char *key_id;            /* passphrase; else NULL */
	uint8_t spi_i[8], spi_r[8];    /* IKEv2 */
	enum fizeau_prf prf;
	char peer_id[256], local_id[256]; /* empty: not known */
};

/* Reflections that were not counted, by reason. */
struct fz_discards {
	uint64_t hmac;           /* forged, altered, or another key */
	uint64_t length;         /* shorter or longer than the format allows */
	uint64_t error_estimate; /* Multiplier 0 */
	uint64_t unknown_number; /* a number that was not sent */
	uint64_t foreign_source; /* from another host or port */
	uint64_t ssid;           /* STAMP: of another session */
	uint64_t stamp_format;   /* STAMP: stamps that are in another format than the packet says */
};

/* How a test session ended. */
enum fz_ending {
	FZ_ENDED_COMPLETE,
	FZ_ENDED_INTERRUPTED, /* by the user: fewer packets than wanted */
	FZ_ENDED_CONTROL,     /* the control connection broke in the middle */
	FZ_ENDED_SENDING,     /* the kernel would not send any more */
	FZ_ENDED_SERVER,      /* the server stopped early */
	FZ_ENDED_INVALID,     /* an end said that it failed, or their accounts contradict each other */
	FZ_ENDED_SSID,        /* the reflector does not return the session identifier, which was wanted */
	FZ_ENDED_NOT,         /* it was still going on when it was fetched */
};

/* What this host knows of the clocks of a session, beside what the stamps tell. */
struct fz_clock_facts {
	bool here;                   /* the next two: an end of the session was here */
	struct fz_clock_steps steps; /* of this host's clock, while the command ran */
	enum fz_clock_source source; /* whose word its error was */
	bool same;                   /* both ends go by one clock */
};

/* What a session was asked to be: all of it is reported with any metric. */
struct fz_session_facts {
	uint8_t sid[FIZEAU_SID_OCTETS]; /* zero: there was no session */
	struct fz_addr local, remote;
	uint8_t dscp;
	uint32_t bypass_mark;           /* of this host's packets; 0: they were not sent around IPsec */
	uint32_t padding_octets, packet_octets; /* of the sender's packets; packet_octets 0: not known */
	const char *schedule;
	const struct fz_slot_wish *slots;
	size_t slot_count;
	uint32_t wanted;           /* packets that were to be sent */
	int64_t timeout_ns;
	int64_t start_unix_ns;     /* origin of the schedule */
	enum fz_ending ending;
	struct fz_clock_facts clock;
};

/* A session of TWAMP or STAMP. */
struct fz_result_session {
	struct fz_session_facts facts;
	const struct fz_stamp_result *stamp; /* NULL: TWAMP */
	struct fizeau_round_trip_summary summary;
	struct fizeau_distribution send_error; /* departure less schedule */
	uint64_t sender_late;      /* packets that left more than a millisecond late */
	uint64_t send_drops, receive_drops; /* local ones */
	uint64_t lost_local;       /* of the lost ones: dropped here, at most receive_drops */
	struct fz_discards discards;
	struct fz_missed missed;   /* slots; not owned */
	struct fz_stamp_counts sent_by, received_by; /* T1 of what was sent, T4 of what came */
	struct fizeau_test_features features;
	const struct fz_features_seen *seen; /* NULL: no features; not owned */
};

enum fz_direction {
	FZ_TO,   /* the server receives */
	FZ_FROM, /* the server sends */
};

/* A session of OWAMP. */
struct fz_one_way_session {
	struct fz_session_facts facts; /* of a fetched one: local is its sender */
	enum fz_direction direction;
	const char *failure;       /* one line why there are no records; NULL: there are, and summary counts */
	struct fizeau_one_way_summary summary;
	bool sent_here;            /* the next six say something */
	uint64_t sent;
	struct fizeau_distribution send_error; /* departure less schedule */
	uint64_t sender_late;      /* packets that left more than a millisecond late */
	uint64_t send_drops;       /* not sent, since the kernel would not take them: skipped */
	struct fz_missed missed;   /* slots; not owned */
	struct fz_stamp_counts sent_by; /* stamps in the packets */
	bool received_here;        /* the next five say something */
	uint64_t receive_drops;
	uint64_t lost_local;       /* of the lost ones: dropped here, at most receive_drops */
	struct fz_discards discards;
	uint64_t discarded_late, discarded_rate; /* more that was not counted: outside its time, above the rate */
	struct fz_stamp_counts received_by;
};


/* What departures behind their schedule come to; sorts values in place. */
void fz_lateness(int64_t *values, size_t count, struct fizeau_distribution *send_error, uint64_t *sender_late);

/* Whether delays can be believed: both clocks synchronised, and their errors together within the delay itself. */
enum fz_trust {
	FZ_TRUST_UNKNOWN,
	FZ_TRUST_NOT,
	FZ_TRUST_GOOD,
};
enum fz_trust fz_one_way_trust(const struct fizeau_one_way_summary *summary);
/* Sum of both error bounds, at most INT64_MAX. */
int64_t fz_one_way_error_ns(const struct fizeau_one_way_summary *summary);

struct fz_result {
	const char *protocol; /* "TWAMP", "OWAMP", "STAMP", "TWAMP Light" */
	uint32_t mode;        /* one security mode */
	uint32_t features;    /* TWAMP: bits of FIZEAU_MODE_FEATURES that were agreed on */
	struct fz_result_key key;
	struct fz_addr server, client; /* of the control connection */
	const struct fz_result_session *sessions;
	size_t session_count;
	const struct fz_one_way_session *one_way;
	size_t one_way_count;
};

/* "16 hex digits" of an SPI, hex of a SID; text has room for them and a terminator. */
void fz_hex_text(const uint8_t *octets, size_t count, char *text);
/* Whether there is a SID at all. */
bool fz_has_sid(const struct fz_session_facts *facts);
/* prf as people write it: "HMAC-SHA2-256". */
void fz_prf_text(enum fizeau_prf prf, char text[static 32]);

/* For people, on out; brief is one line a session. False if out failed. */
bool fz_out_text(const struct fz_result *result, bool brief, FILE *out);
/* fizeau.result/1; false without memory or if out failed. */
FIZEAU_MUST_USE bool fz_out_json(const struct fz_result *result, FILE *out);

#endif
