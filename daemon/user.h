/* SPDX-License-Identifier: MIT */
/* Who the daemon is: into the background, and from root to its user. */
#ifndef FZ_DAEMON_USER_H
#define FZ_DAEMON_USER_H

#include "log.h"
#include "conf.h"

/* Forks; returns in the child only, which still has the terminal for complaints. The parent waits: for
   fz_user_detach, then it exits 0, or for the child's end, then it exits as that did. A descriptor for fz_user_detach, or
   -1 and error. It comes before anything that is bound to a process: threads, signal descriptors. */
FIZEAU_MUST_USE int fz_user_background(char error[static FZ_CONF_ERROR_MAX]);
/* Lets the parent go and the terminal too. */
void fz_user_detach(int background);
/* If started as root: makes the default folder of storage if there is none, gives it to conf's user, and becomes that user
   for good, with that user's groups, and without any right, but CAP_NET_ADMIN where a class has bypass-ipsec; `-`
   stays. */
FIZEAU_MUST_USE bool fz_user_become(const struct fz_conf *conf, struct fz_log *log, char error[static FZ_CONF_ERROR_MAX]);

/* Secrets must not end in a core file or be read by a debugger of the same user. To be said again after the user changed:
   the kernel sets this back then, as it does for a new program. */
void fz_user_keep_secrets(void);

#endif
