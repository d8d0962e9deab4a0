/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the keys of IKE_SAs at charon's bus and puts them into the table. */
#ifndef IPPM_LISTENER_H
#define IPPM_LISTENER_H

#include <bus/listeners/listener.h>

#include "ippm_server.h"

struct ippm_listener {
	listener_t listener; /* first: charon calls with it */
	struct ippm_table *table;
	struct ippm_server *server;
};

void ippm_listener_init(struct ippm_listener *listener, struct ippm_table *table, struct ippm_server *server);

#endif
