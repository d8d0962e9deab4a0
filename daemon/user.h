/* SPDX-License-Identifier: MIT */
/* Who the daemon is: into the background, and from root to its user. */
#ifndef FZ_DAEMON_USER_H
#define FZ_DAEMON_USER_H

#include "log.h"
#include "conf.h"

/* Goes into the background; returns in the child only. */
FIZEAU_MUST_USE bool fz_user_background(char error[static FZ_CONF_ERROR_MAX]);
/* If started as root: becomes conf's user for good, with that user's groups; `-` stays. */
FIZEAU_MUST_USE bool fz_user_become(const struct fz_conf *conf, struct fz_log *log, char error[static FZ_CONF_ERROR_MAX]);

#endif
