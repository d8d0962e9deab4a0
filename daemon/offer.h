/* SPDX-License-Identifier: MIT */
#ifndef FZ_DAEMON_OFFER_H
#define FZ_DAEMON_OFFER_H

#include "engine.h"

/* The modes that the greeting offers to this address: what the key sources and the configuration allow, less what its class
   may not use, as far as the address alone tells the class. */
uint32_t fz_offer_modes(struct fz_engine *engine, enum fizeau_protocol protocol, const struct fz_addr *peer);

#endif
