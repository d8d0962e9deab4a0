/* SPDX-License-Identifier: MIT */
/* What is known of an IKE_SA that can key a measurement: the same from the key service and from a static file. */
#ifndef FZ_KEYS_IKE_SA_H
#define FZ_KEYS_IKE_SA_H

#include <stdint.h>
#include <fizeau/keys.h>

struct fz_ike_sa {
	uint8_t spi_i[8], spi_r[8];      /* of the IKE initiator and responder, whoever that was */
	enum fizeau_prf prf;
	uint8_t key[FIZEAU_IKE_KEY_MAX]; /* prf(SK_d, "IPPM") at full length; wiped by fz_ike_sa_wipe */
	uint8_t key_octets;              /* 0: not told (list) */
	char local_host[64], remote_host[64]; /* empty: any */
	char local_id[256], remote_id[256];   /* authenticated identities; empty: not known */
	char auth[16], state[16], connection[64];
	int64_t established;             /* Unix seconds; 0: not known */
	int64_t vanished;                /* when it was rekeyed or deleted; 0: it lives, or that is not known */
};

void fz_ike_sa_wipe(struct fz_ike_sa *sa);

#endif
