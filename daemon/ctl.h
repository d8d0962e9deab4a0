/* SPDX-License-Identifier: MIT */
/* The socket for `fizeau status`: one JSON document a connection, then it is closed (format in fizeaud(8)). */
#ifndef FZ_DAEMON_CTL_H
#define FZ_DAEMON_CTL_H

#include "engine.h"

struct fz_ctl;

/* Opens the socket at path. 0 or -errno. */
FIZEAU_MUST_USE int fz_ctl_open(struct fz_engine *engine, const char *path, struct fz_ctl **ctl);
void fz_ctl_close(struct fz_ctl *ctl); /* removes the socket; NULL is fine */

/* The document; NULL without memory. The caller frees it. */
char *fz_ctl_document(const struct fz_engine *engine);

#endif
