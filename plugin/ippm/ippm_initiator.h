/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IPPM_INITIATOR_H
#define IPPM_INITIATOR_H

#include "ippm_server.h"

/* Sets up a childless IKE_SA on one of charon's worker threads, which it occupies until the end or the time-out. Returns at
   once; the server is told. As the initiate of struct ippm_server_ops. */
int ippm_initiate(struct ippm_server *server, uint64_t id, const char *remote_host, const char *connection,
	bool another, unsigned timeout_ms);

#endif
