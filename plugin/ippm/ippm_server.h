/* SPDX-License-Identifier: MIT */
/* Server of the key service (doc/key-service.md): one thread that polls, a table that an IKE daemon feeds, and nothing
   of strongSwan. It never blocks the IKE daemon: the calls below that come from its threads take a lock for a moment. */
#ifndef IPPM_SERVER_H
#define IPPM_SERVER_H

#include <sys/types.h>

#include "ippm_table.h"

struct ippm_server;

struct ippm_server_conf {
	const char *path;                       /* of the Unix socket */
	gid_t group;                            /* of the socket; (gid_t)-1: leave it */
	size_t max_connections, max_initiations;
};

struct ippm_server_ops {
	void *arg;
	/* Starts to set up a childless IKE_SA with a host or by a name of the configuration (the other is NULL) on
	   another thread, and returns at once: 0, or an errno. another: even if one is up. The end is told with
	   ippm_server_initiated. */
	int (*initiate)(void *arg, uint64_t id, const char *remote_host, const char *connection, bool another,
		unsigned timeout_ms);
	/* One line for a person. Seldom called, however clients behave. */
	void (*log)(void *arg, const char *text);
};

enum ippm_event {
	IPPM_EVENT_UP,
	IPPM_EVENT_REKEYED,
	IPPM_EVENT_DOWN,
};

/* Binds the socket, mode 0660; a dead one in its place is removed. NULL: error says why. The table must outlive it. */
struct ippm_server *ippm_server_new(struct ippm_table *table, const struct ippm_server_conf *conf,
	const struct ippm_server_ops *ops, char *error, size_t error_octets);
/* Serves until ippm_server_stop. */
void ippm_server_run(struct ippm_server *server);
/* Closes and unlinks. Not while ippm_server_run runs. */
void ippm_server_free(struct ippm_server *server);

/* From any thread: */
void ippm_server_stop(struct ippm_server *server);
/* The table has changed: wakes whoever waits for an SA, and tells whoever watches. */
void ippm_server_event(struct ippm_server *server, enum ippm_event event, const struct ippm_sa *sa);
/* An initiation has ended: error is 0 or an errno. */
void ippm_server_initiated(struct ippm_server *server, uint64_t id, int error);

struct ippm_now ippm_clock(void);

#endif
