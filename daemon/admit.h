/* SPDX-License-Identifier: MIT */
/* Who may do how much: the class of a peer by its address and authenticated identity, and what is in use. */
#ifndef FZ_DAEMON_ADMIT_H
#define FZ_DAEMON_ADMIT_H

#include "conf.h"
#include "counters.h"

enum fz_key_source {
	FZ_KEY_NONE, /* open mode */
	FZ_KEY_PASSPHRASE,
	FZ_KEY_IKEV2,
};

/* Who a peer has shown to be; for people and for classes, never a secret. */
struct fz_identity {
	enum fz_key_source source;
	bool stamp;                           /* of a session of STAMP */
	char key_id[FIZEAU_KEYID_OCTETS + 1]; /* passphrase */
	uint8_t spi_i[8], spi_r[8];           /* IKEv2 */
	enum fizeau_prf prf;
	enum fizeau_ike_reading reading;      /* of the Token; STAMP has none */
	char peer_id[256], local_id[256];     /* authenticated by IKE; empty: not known */
};

/* "KeyID alice", "IKEv2 SA 0f3c.../99ab... with CN=gw, prf hmac-sha2-256, reading direct", "no key". */
#define FZ_IDENTITY_TEXT 512
void fz_identity_text(const struct fz_identity *identity, char text[static FZ_IDENTITY_TEXT]);

/* Whose a stored session is: "keyid alice", "ike-id CN=gw", "ike-sa 0f3c.../99ab..." where IKE tells no identity or
   one of 255 octets and more, empty in open mode. Equal texts are the same peer, whatever IKE_SA it comes with. */
#define FZ_IDENTITY_OWNER 320
void fz_identity_owner(const struct fz_identity *identity, char text[static FZ_IDENTITY_OWNER + 1]);

/* The class of the first rule that matches; NULL: none, which is a refusal. */
const struct fz_class *fz_admit_class(const struct fz_conf *conf, const struct fz_addr *peer,
	const struct fz_identity *identity);
/* The same before the identity is known: the class if no rule that could still match stands above it, else NULL with
   *open set: to be decided later. */
const struct fz_class *fz_admit_class_early(const struct fz_conf *conf, const struct fz_addr *peer, bool *open);

/* Connections and sessions in use, by class name and by address; outlives configurations. */
struct fz_admit;

struct fz_admit *fz_admit_new(uint32_t seed); /* NULL without memory */
void fz_admit_free(struct fz_admit *admit);

/* One connection's or session's place in the counts; zeroed is none. */
struct fz_place {
	struct fz_usage *of_class, *of_peer;
	bool session;
};

/* Takes a place for a set-up connection of class (mode is the security mode chosen), or says in accept and counter
   why not. -ENOMEM counts as Accept 2. */
FIZEAU_MUST_USE uint8_t fz_admit_connection(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer,
	uint32_t mode, struct fz_place *place, enum fz_counter *counter);
FIZEAU_MUST_USE uint8_t fz_admit_session(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer,
	struct fz_place *place, enum fz_counter *counter);
/* Whether it is its address that has as many sessions as it may have, and not only its class. */
bool fz_admit_peer_full(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer);
void fz_admit_leave(struct fz_admit *admit, struct fz_place *place);

/* In use now by a class. */
void fz_admit_in_use(const struct fz_admit *admit, const char *class_name, uint32_t *connections, uint32_t *sessions);

#endif
