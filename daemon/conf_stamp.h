/* SPDX-License-Identifier: MIT */
/* What the configuration says of STAMP and TWAMP Light: where it is served, with which keys, and how. */
#ifndef FZ_DAEMON_CONF_STAMP_H
#define FZ_DAEMON_CONF_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/keys.h>
#include "io/addr.h"

#define FZ_CONF_STAMP_LISTEN_MAX 64
#define FZ_CONF_STAMP_KEYS_MAX 64
#define FZ_CONF_STAMP_SSIDS_MAX 32

struct fz_stamp_listen {
	bool any;            /* `*`: both families */
	struct fz_addr addr; /* port included; unless any */
	uint16_t port;
};

struct fz_ssid_range {
	uint16_t first, last;
};

enum fz_stamp_key_use {
	FZ_STAMP_KEY_PACKETS, /* authenticated mode */
	FZ_STAMP_KEY_TLVS,    /* open mode, with an HMAC TLV that this key verifies (RFC 8972 4.8) */
};

/* A stamp-key line: whose packets it is about, and their key. */
struct fz_stamp_key {
	bool ike; /* IKEv2-derived; else that of key_id in the keys file */
	char key_id[FIZEAU_KEYID_OCTETS + 1];
	struct fz_addr net;
	uint8_t prefix;
	struct fz_ssid_range ssids;
	enum fz_stamp_key_use use;
};

struct fz_stamp_conf {
	struct fz_stamp_listen listens[FZ_CONF_STAMP_LISTEN_MAX];
	uint32_t listen_count;
	struct fz_stamp_key keys[FZ_CONF_STAMP_KEYS_MAX];
	uint32_t key_count;
	struct fz_ssid_range ssids[FZ_CONF_STAMP_SSIDS_MAX];
	uint32_t ssid_count;    /* 0: any */
	uint64_t stateless, answer_short, tlvs, location; /* 0, 1 */
	uint64_t dscps;         /* a bit for each that a sender may ask for */
	bool ptp;               /* format of our own stamps */
};

/* The first line that is about packets from there; NULL: none, they are open. */
const struct fz_stamp_key *fz_stamp_key_of(const struct fz_stamp_conf *conf, const struct fz_addr *remote, uint16_t ssid);
bool fz_stamp_ssid_allowed(const struct fz_stamp_conf *conf, uint16_t ssid);

#endif
