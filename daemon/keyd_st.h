/* SPDX-License-Identifier: MIT */
/* Which IKE_SA keys a session of STAMP (doc/stamp-ike.md section 4): its first packet is verified under each usable SA
   of its source address, here, so that a session is admitted as the identity that really sent it, and a worker gets
   one key. */
#ifndef FZ_DAEMON_KEYD_ST_H
#define FZ_DAEMON_KEYD_ST_H

#include "keyd.h"

#define FZ_KEYD_ST_PACKET 112 /* octets of a packet that are looked at: the base packet in authenticated mode */

struct fz_keyd_st_request;

/* found: key is the session's, identity whose SA it was. Otherwise the counter, and why, for the log. Wiped after the
   call. */
struct fz_keyd_st_answer {
	bool found;
	enum fz_counter counter;
	const char *reason; /* static */
	uint8_t key[FIZEAU_ST_IKE_KEY_OCTETS];
	struct fz_identity identity;
};

typedef void fz_keyd_st_fn(void *arg, const struct fz_keyd_st_answer *answer);

/* packet is copied. fn is called once from the loop, never from within this call; NULL without memory. What is refused
   for want of an SA may be asked again, but not at once: the two ends learn of an SA at different times. */
struct fz_keyd_st_request *fz_keyd_st_find(struct fz_keyd *keyd, const struct fz_addr *peer, uint16_t ssid,
	const uint8_t *packet, size_t len, fz_keyd_st_fn *fn, void *arg);
void fz_keyd_st_cancel(struct fz_keyd_st_request *request); /* fn will not be called */

#endif
