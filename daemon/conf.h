/* SPDX-License-Identifier: MIT */
/* The configuration: INTERFACE section 4 as a struct, fed line by line, so that it can be tested and fuzzed without
   files. It is never changed once finished; connections and sessions hold references to the one they began with. */
#ifndef FZ_DAEMON_CONF_H
#define FZ_DAEMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fizeau/event.h>
#include "conf_stamp.h"
#include "io/addr.h"
#include "io/clock_choice.h"
#include "io/ipsec.h"

#define FZ_CONF_LISTEN_MAX 64
#define FZ_CONF_WORKERS_MAX 64
#define FZ_CONF_CLASS_MAX 64
#define FZ_CONF_RULE_MAX 256
#define FZ_CONF_MATCH_MAX 4
#define FZ_CONF_IPSEC_MAX 8
#define FZ_CONF_NAME_MAX 32   /* of a class */
#define FZ_CONF_PATH_MAX 108  /* also what a Unix socket's address holds */
#define FZ_CONF_LINE_MAX 1024
#define FZ_CONF_ERROR_MAX 512

#define FZ_UNLIMITED UINT64_MAX

struct fz_listen {
	enum fizeau_protocol protocol;
	bool any;            /* `*`: both families */
	struct fz_addr addr; /* port included; unless any */
	uint16_t port;
};

enum fz_ike_source {
	FZ_IKE_AUTO,   /* the default socket, where it exists */
	FZ_IKE_SOCKET,
	FZ_IKE_STATIC,
	FZ_IKE_OFF,
};

enum fz_limit {
	FZ_LIMIT_MODES,            /* bits of FIZEAU_MODE_SECURITY */
	FZ_LIMIT_CONNECTIONS,      /* of the class together */
	FZ_LIMIT_PEER_CONNECTIONS, /* of one address */
	FZ_LIMIT_SESSIONS,
	FZ_LIMIT_PEER_SESSIONS,
	FZ_LIMIT_PACKETS,          /* per session */
	FZ_LIMIT_RATE,             /* packets/s per session */
	FZ_LIMIT_BANDWIDTH,        /* bit/s of UDP payload per session */
	FZ_LIMIT_PADDING,          /* octets */
	FZ_LIMIT_DURATION,         /* ns */
	FZ_LIMIT_STORAGE,          /* octets of OWAMP records */
	FZ_LIMIT_THIRD_PARTY,      /* 0, 1 */
	FZ_LIMIT_DENY,             /* 0, 1 */
	FZ_LIMIT_REQUIRE_IPSEC,    /* 0, 1: open mode only through IPsec */
	FZ_LIMIT_BYPASS_IPSEC,     /* 0, 1: test packets go around IPsec */
	FZ_LIMIT_ITEMS,
};

struct fz_class {
	char name[FZ_CONF_NAME_MAX + 1];
	bool matched; /* a class line names it */
	uint32_t given; /* limits, by item */
	uint64_t limits[FZ_LIMIT_ITEMS];
};

enum fz_match_kind {
	FZ_MATCH_OPEN,
	FZ_MATCH_ANY,
	FZ_MATCH_NET,
	FZ_MATCH_KEYID,
	FZ_MATCH_IKE_ID,
};

struct fz_match {
	enum fz_match_kind kind;
	struct fz_addr net;
	uint8_t prefix;
	char glob[256];
};

/* One class line: all of its matches have to hold. */
struct fz_rule {
	uint8_t class_index;
	uint8_t count;
	struct fz_match matches[FZ_CONF_MATCH_MAX];
};

/* How to see that a packet came through IPsec, and how to keep one out of it. */
struct fz_ipsec_signs {
	char interfaces[FZ_CONF_IPSEC_MAX][FZ_INTERFACE_NAME];
	uint32_t interface_count;
	struct {
		uint32_t mark, mask;
	} marks[FZ_CONF_IPSEC_MAX];
	uint32_t mark_count;
	uint32_t bypass_mark;
};

struct fz_conf {
	unsigned references;
	uint64_t seen; /* directives given, by row of the table */

	struct fz_listen listens[FZ_CONF_LISTEN_MAX];
	uint32_t listen_count;
	uint32_t modes; /* bits of FIZEAU_MODE_SECURITY; 0: all that the key sources allow */
	uint32_t features; /* bits of FIZEAU_MODE_FEATURES that TWAMP's greeting offers */
	uint64_t server_octets; /* RFC 6038's; 0: none */
	char keys[FZ_CONF_PATH_MAX];
	enum fz_ike_source ike;
	char ike_path[FZ_CONF_PATH_MAX];
	int64_t ike_wait_ns;
	uint64_t pbkdf2_count;
	uint16_t port_first, port_last;
	int64_t servwait_ns, refwait_ns, setup_timeout_ns;
	uint64_t half_open, half_open_peer;

	struct fz_class classes[FZ_CONF_CLASS_MAX];
	uint32_t class_count;
	struct fz_rule rules[FZ_CONF_RULE_MAX];
	uint32_t rule_count;
	struct fz_ipsec_signs ipsec;

	char storage[FZ_CONF_PATH_MAX];
	int64_t storage_keep_ns;
	char control[FZ_CONF_PATH_MAX];
	char user[FZ_CONF_PATH_MAX];
	uint64_t workers; /* 0: not finished yet */
	uint64_t busy_poll; /* 0, 1 */
	struct fz_clock_choice clock;
	struct fz_stamp_conf stamp;
};

/* Everything at its default; NULL without memory. One reference is the caller's. */
struct fz_conf *fz_conf_new(void);
struct fz_conf *fz_conf_hold(struct fz_conf *conf);
void fz_conf_release(struct fz_conf *conf); /* NULL is fine */

/* One line without its newline. False: error says what is wrong and what is allowed, without file and line. */
FIZEAU_MUST_USE bool fz_conf_line(struct fz_conf *conf, const char *line, char error[static FZ_CONF_ERROR_MAX]);
/* After the last line: defaults that depend on what was given, and what only shows in the whole. */
FIZEAU_MUST_USE bool fz_conf_finish(struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX]);

/* The file's configuration, finished; missing_ok: the defaults if there is no such file. NULL: error is
   "file:line: what is wrong, what is allowed". */
struct fz_conf *fz_conf_load(const char *path, bool missing_ok, char error[static FZ_CONF_ERROR_MAX]);

/* The effective configuration in the file's own syntax. */
void fz_conf_print(const struct fz_conf *conf, FILE *to);

/* Whether any listener is for this protocol. */
bool fz_conf_serves(const struct fz_conf *conf, enum fizeau_protocol protocol);
/* True if the directive was given, not defaulted. */
bool fz_conf_given(const struct fz_conf *conf, const char *directive);

/* Names as in `modes`; text of a list of modes, comma-separated. */
void fz_conf_modes_text(uint32_t modes, char text[static 64]);
/* The same for features, as in `features`; empty for none. */
void fz_conf_features_text(uint32_t features, char text[static 64]);
const char *fz_conf_limit_name(enum fz_limit item);
/* The matches of a rule as the file writes them. */
void fz_conf_rule_text(const struct fz_rule *rule, char *text, size_t octets);

#endif
