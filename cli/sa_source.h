/* SPDX-License-Identifier: MIT */
/* IKE SAs for a client, from the key service or from a static file, waited for. */
#ifndef FZ_CLI_SA_SOURCE_H
#define FZ_CLI_SA_SOURCE_H

#include <pthread.h>
#include <stddef.h>
#include "io/addr.h"
#include "io/loop.h"
#include "keys/ike_sa.h"
#include "keys/ike_static.h"

#define FZ_SAS_MAX 32

struct fz_sa_source {
	struct fz_loop *loop;
	const unsigned *interrupts;
	const char *socket;               /* key service */
	struct fz_ike_static *table;      /* instead of it; NULL: none */
	pthread_mutex_t *table_lock;      /* of the table, which is read anew when its file changes; NULL: one thread */
};

/* Wipe with fz_sa_list_wipe after every use. */
struct fz_sa_list {
	struct fz_ike_sa sas[FZ_SAS_MAX]; /* newest usable first */
	size_t count;
	int error;                        /* 0 or -errno: -ENOENT no SA, -EINTR interrupted */
	char reason[256];                 /* one line for a person if error */
	bool done;
};

/* SAs with that server, and their keys. */
void fz_sa_lookup(const struct fz_sa_source *source, const struct fz_addr *server, struct fz_sa_list *list);
/* Has the IKE daemon set one up; another: besides those that are there. */
void fz_sa_initiate(const struct fz_sa_source *source, const struct fz_addr *server, bool another, struct fz_sa_list *list);
/* All of them, without keys. */
void fz_sa_all(const struct fz_sa_source *source, struct fz_sa_list *list);
void fz_sa_list_wipe(struct fz_sa_list *list);

#endif
