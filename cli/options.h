/* SPDX-License-Identifier: MIT */
/* Options of the measuring commands (INTERFACE section 2). */
#ifndef FZ_CLI_OPTIONS_H
#define FZ_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fizeau/event.h>
#include <fizeau/keys.h>
#include "io/addr.h"
#include "io/clock_choice.h"
#include "twamp_features.h"
#include "values.h"

#define FZ_COUNT_MAX 100000000u       /* test packets of one command: every one of them is remembered */
#define FZ_KEY_SERVICE "/run/charon.ippm"

enum fz_measure_command {
	FZ_TWOWAY,
	FZ_ONEWAY,
	FZ_FETCH,
	FZ_STAMP,
};

enum fz_ike_wish {
	FZ_IKE_AUTO,
	FZ_IKE_REQUIRE,
	FZ_IKE_INITIATE,
	FZ_IKE_OFF,
};

/* What only fizeau stamp takes. */
struct fz_stamp_options {
	bool light;          /* TWAMP Light */
	bool ptp;            /* stamps of ours are PTPv2 */
	bool ssid_given;
	uint16_t ssid;       /* of the first target, those of the others follow; 0: none */
	bool need_ssid;      /* a reflector that does not return it ends its session */
	uint32_t tlvs;       /* FIZEAU_ST_TLV_BIT, of HMAC too */
	bool class_given;
	uint8_t class_dscp;  /* DSCP1 of Class of Service; not given: that of the packets */
	uint8_t access_id, access_code;
	int64_t access_timeout_ns;
	uint32_t access_retries;
};

/* Texts lie in argv. */
struct fz_measure_options {
	char host[256]; /* the first; empty: only targets_file has them */
	uint16_t port;  /* 0: the protocol's */
	char **hosts;   /* twoway, stamp: all of them, as given */
	size_t host_count;
	const char *targets_file; /* twoway, stamp: more of them; NULL: none; "-" is stdin */
	struct fz_feature_wish features; /* twoway */
	uint32_t count;
	struct fz_slot_wish slots[FZ_SLOTS_MAX];
	size_t slot_count;
	const char *schedule;
	bool padding_given;
	uint32_t padding_octets;
	int64_t timeout_ns;
	uint32_t modes[FZ_MODES_MAX];
	size_t mode_count; /* 0: not given */
	enum fz_ike_wish ike;
	const char *ike_socket;
	const char *ike_static;  /* NULL: none */
	enum fizeau_ike_reading ike_reading;
	const char *key_id;      /* NULL: none, and then no keys_file */
	const char *keys_file;
	uint32_t pbkdf2_max;
	uint8_t dscp;
	int family;              /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool source_given;
	struct fz_addr source;
	uint16_t port_low, port_high; /* 0: any */
	bool zero_padding;
	struct fz_clock_choice clock;
	bool same_clock;         /* the user says that both ends go by one clock */
	uint32_t bypass_mark;    /* 0: not asked for */
	bool busy_poll;
	bool json;
	const char *records;     /* NULL: none */
	bool quiet;
	int verbose;
	enum fz_measure_command command;
	enum fizeau_protocol protocol; /* of the command's control connections */
	struct fz_stamp_options stamp;
	bool to, from;           /* oneway: directions wanted, at least one */
	uint8_t sid[FIZEAU_SID_OCTETS]; /* fetch */
	bool range;              /* fetch: --begin or --end was given */
	uint32_t begin, end;     /* fetch: FIZEAU_FETCH_ALL_BEGIN and _END are the complete session */
	bool help;               /* --help: nothing else counts */
};

/* Reads argv; argv[0] is the command's name. False with one line for a person in error. Contradictions between
   options are errors too. */
FIZEAU_MUST_USE bool fz_options_measure(enum fz_measure_command command, int argc, char **argv,
	struct fz_measure_options *options, char error[static 512]);
/* Whether the command takes several targets. */
bool fz_takes_targets(enum fz_measure_command command);
/* "TWAMP", "OWAMP", "STAMP", "TWAMP Light". */
const char *fz_options_protocol(const struct fz_measure_options *options);
void fz_options_help(enum fz_measure_command command, FILE *out);

#endif
