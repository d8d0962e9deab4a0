/* SPDX-License-Identifier: MIT */
/* Packets of STAMP that belong to no session, at a worker: few are kept while the main process is asked whether their
   source may have one, and sources that it refused are remembered for a while. All of it is bounded, and a flood of
   packets from sources of all kinds costs no more than so many questions a second. */
#ifndef FZ_DAEMON_STRANGERS_H
#define FZ_DAEMON_STRANGERS_H

#include "io/udp.h"

#define FZ_STRANGERS_KEPT 128     /* packets */
#define FZ_STRANGERS_ASKS 4000    /* questions a second; a quarter of that at once */
#define FZ_STRANGERS_WAIT_NS 1000000000ll /* an answer that takes longer is none */

struct fz_strangers;

struct fz_strangers *fz_strangers_new(uint64_t seed); /* NULL without memory */
void fz_strangers_free(struct fz_strangers *strangers); /* NULL is fine */

enum fz_stranger {
	FZ_STRANGER_NEW,
	FZ_STRANGER_WAITS, /* it was asked about */
	FZ_STRANGER_REFUSED,
};

/* What is known of a source: seat is where its session would sit (fz_stamp_seat), from its address and port. */
enum fz_stranger fz_strangers_look(const struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from,
	struct fizeau_mono now);
/* Whether there may be one more question now. */
FIZEAU_MUST_USE bool fz_strangers_may_ask(struct fz_strangers *strangers, struct fizeau_mono now);
/* It was asked. */
void fz_strangers_asked(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from, struct fizeau_mono now);
/* Keeps a copy. False: there is no room, or no memory. */
FIZEAU_MUST_USE bool fz_strangers_keep(struct fz_strangers *strangers, uint32_t seat, const struct fz_datagram *in,
	struct fizeau_mono now);
/* The next that is kept of a source, the oldest first, or NULL; it is good until the next call of any of these. What was
   kept for too long is passed over. */
const struct fz_datagram *fz_strangers_take(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from,
	struct fizeau_mono now);
/* Is not asked about any more until then; host: nor is any other of that address there. Returns how many kept packets
   went. */
uint32_t fz_strangers_refuse(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from, bool host,
	struct fizeau_mono until);
/* It has a session. */
void fz_strangers_admit(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from);

#endif
