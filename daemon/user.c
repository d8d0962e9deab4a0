/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include "user.h"

bool fz_user_background(char error[static FZ_CONF_ERROR_MAX])
{
	/* Relative paths of the configuration stay what they are. */
	if (!daemon(1, 0))
		return true;
	snprintf(error, FZ_CONF_ERROR_MAX, "cannot go into the background: %s", strerror(errno));
	return false;
}

bool fz_user_become(const struct fz_conf *conf, struct fz_log *log, char error[static FZ_CONF_ERROR_MAX])
{
	const struct passwd *who;

	if (geteuid() || !strcmp(conf->user, "-"))
		return true;
	who = getpwnam(conf->user);
	if (!who && !fz_conf_given(conf, "user")) {
		who = getpwnam("nobody");
		if (who)
			fz_log(log, FZ_LOG_WARNING,
				"there is no user %s: becoming nobody, who may not be let at the key service; create it "
				"with useradd -r %s", conf->user, conf->user);
	}
	if (!who) {
		snprintf(error, FZ_CONF_ERROR_MAX,
			"there is no user '%.60s': create it with useradd -r, name another one with user NAME, or stay "
			"root with user -", conf->user);
		return false;
	}
	if (initgroups(who->pw_name, who->pw_gid) || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) ||
		setresuid(who->pw_uid, who->pw_uid, who->pw_uid)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot become user %.60s: %s", conf->user, strerror(errno));
		return false;
	}
	return true;
}
