/* SPDX-License-Identifier: MIT */
/* The IKE_SAs that the key service knows, living and vanished (doc/key-service.md section 5). Knows no strongSwan: an
   IKE daemon of any kind can feed it. All functions may be called from any thread and return at once. */
#ifndef IPPM_TABLE_H
#define IPPM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPPM_SPI_OCTETS 8
#define IPPM_KEY_MAX 64 /* longest output of a PRF of IKEv2 */

enum ippm_state {
	IPPM_ESTABLISHED,
	IPPM_REKEYED, /* replaced by a newer one */
	IPPM_DELETED, /* gone without successor */
};

struct ippm_sa {
	uint8_t spi_i[IPPM_SPI_OCTETS], spi_r[IPPM_SPI_OCTETS]; /* of initiator and responder of this IKE_SA */
	uint16_t prf;                                           /* transform ID of IKEv2 */
	uint8_t key_octets;
	uint8_t key[IPPM_KEY_MAX];                              /* prf(SK_d, "IPPM") at full length */
	char local_host[64], remote_host[64];                   /* as ippm_host_canonical makes them */
	char local_id[256], remote_id[256];                     /* authenticated; empty: not known, or too long */
	char auth[16], connection[64];
	int64_t established, vanished;                          /* Unix seconds; vanished: 0 while established */
	enum ippm_state state;
};

struct ippm_table_limits {
	int64_t grace_ms, grace_deleted_ms; /* how long an SA stays known after it was rekeyed or deleted */
	size_t max_vanished;                /* vanished SAs that are kept; the oldest give way */
	size_t max_vanished_per_peer;       /* the same for SAs of one remote identity */
};

/* The two clocks of a moment. */
struct ippm_now {
	int64_t monotonic_ms, unix_s;
};

struct ippm_table;

struct ippm_table *ippm_table_new(const struct ippm_table_limits *limits); /* NULL: no memory */
void ippm_table_free(struct ippm_table *table);                            /* wipes all keys */

/* An SA is up. Replaces what is known under the same SPIs. False: no memory. */
bool ippm_table_up(struct ippm_table *table, const struct ippm_sa *sa);
/* The SA with the new SPIs has taken the place of the one with the old ones: deleting it will mean both. */
void ippm_table_succeed(struct ippm_table *table, const uint8_t *old_spi_i, const uint8_t *old_spi_r, const uint8_t *spi_i,
	const uint8_t *spi_r);
/* A living SA has vanished. Copies it without key into *gone (for watchers) and returns true if it was living. With one
   that was deleted, those go that it had replaced: they too are deleted from then on. */
bool ippm_table_vanish(struct ippm_table *table, const uint8_t *spi_i, const uint8_t *spi_r, enum ippm_state state,
	struct ippm_now now, struct ippm_sa *gone);
/* A living SA has new addresses (MOBIKE). */
void ippm_table_move(struct ippm_table *table, const uint8_t *spi_i, const uint8_t *spi_r, const char *local_host,
	const char *remote_host);

/* Forgets and wipes vanished SAs whose time has run out. oldest_hold: when the oldest hold that is open began,
   INT64_MAX if there is none; an SA that was still known then stays. */
void ippm_table_expire(struct ippm_table *table, int64_t monotonic_ms, int64_t oldest_hold);

/* The SA with these SPIs in any state. The caller wipes *sa. */
bool ippm_table_by_spis(struct ippm_table *table, const uint8_t *spi_i, const uint8_t *spi_r, struct ippm_sa *sa);

/* Which SAs a walk visits. */
struct ippm_filter {
	const char *remote_host, *connection; /* NULL: any */
	bool established, rekeyed, deleted;
};
/* Copies up to max SAs that pass the filter, newest first, after leaving out skip. *more: there would be others. */
size_t ippm_table_walk(struct ippm_table *table, const struct ippm_filter *filter, size_t skip, struct ippm_sa *sas,
	size_t max, bool *more);
size_t ippm_table_count(struct ippm_table *table);

/* Name of a PRF in the key service, NULL if RFC 7717 keys cannot come from it; octets of its output. */
const char *ippm_prf_name(uint16_t prf);
size_t ippm_prf_octets(uint16_t prf);
const char *ippm_state_name(enum ippm_state state);
/* The one text of an address, so that texts can be compared; IPv4-mapped IPv6 becomes IPv4. False: not an address. */
bool ippm_host_canonical(const char *text, char *host, size_t size);
/* Copies an identity or a name: empty if it does not fit or has a control character. Never cut. */
void ippm_text_set(char *to, size_t size, const char *text);

#endif
