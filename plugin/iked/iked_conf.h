/* SPDX-License-Identifier: MIT */
/* Configuration of fizeau-iked: fizeau-iked(8) describes the directives. Knows no strongSwan. */
#ifndef IKED_CONF_H
#define IKED_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKED_PEERS_MAX 256
#define IKED_CAS_MAX 16
#define IKED_PROPOSALS_MAX 8
#define IKED_TEXT_MAX 256
#define IKED_PSK_MAX 256
#define IKED_PORT 4500

struct iked_psk {
	uint8_t octets[IKED_PSK_MAX];
	size_t len; /* 0: none */
};

struct iked_peer {
	char address[64];  /* canonical text; "%any": whoever shows the identity */
	uint16_t port;
	char id[IKED_TEXT_MAX], name[64];
	struct iked_psk psk;
	char *ca;          /* absolute path; NULL: any that the configuration names for all */
	unsigned line;
};

struct iked_conf {
	char local[64], id[IKED_TEXT_MAX], group[64];
	uint16_t port;
	char *certificate, *key, *socket, *vici;  /* absolute paths; NULL: none */
	char *cas[IKED_CAS_MAX];
	size_t ca_count;
	struct iked_psk psk;                      /* for peers without one of their own */
	char proposals[IKED_PROPOSALS_MAX][IKED_TEXT_MAX];
	unsigned proposal_lines[IKED_PROPOSALS_MAX];
	size_t proposal_count;
	unsigned rekey_s, dpd_s, grace_s, grace_deleted_s, log;
	struct iked_peer *peers;
	size_t peer_count;
};

/* Reads a file. NULL: error is one line for a person, with file and line. */
struct iked_conf *iked_conf_load(const char *path, char *error, size_t error_octets);
void iked_conf_free(struct iked_conf *conf); /* wipes secrets; NULL is fine */

#endif
