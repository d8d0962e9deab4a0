/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipsec.h"
#include "user.h"

static _Noreturn void wait_for_child(pid_t child, int from_child)
{
	char ready;
	int status = 0;

	if (read(from_child, &ready, 1) == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int fz_user_background(char error[static FZ_CONF_ERROR_MAX])
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot go into the background: %s", strerror(errno));
		return -1;
	}
	child = fork();
	if (child < 0) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot go into the background: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_child(child, ends[0]);
	}
	close(ends[0]);
	(void)setsid();
	return ends[1];
}

void fz_user_detach(int background)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		close(null);
	while (write(background, "", 1) < 0 && errno == EINTR)
		;
	close(background);
}

/* Of all that root may do the one thing that sockets which go around IPsec need, each when it is opened. */
static bool keep_right(void)
{
	const cap_value_t right = CAP_NET_ADMIN;
	cap_t rights = cap_init();
	bool kept = rights && !cap_set_flag(rights, CAP_PERMITTED, 1, &right, CAP_SET) &&
		!cap_set_flag(rights, CAP_EFFECTIVE, 1, &right, CAP_SET) && !cap_set_proc(rights);

	if (rights)
		cap_free(rights);
	return kept;
}

/* The default folder of storage is made while we may, and belongs to who we become. One that the configuration names is
   its administrator's to make. */
static void make_storage(const struct fz_conf *conf, const struct passwd *who)
{
	int fd;

	if (fz_conf_given(conf, "storage") || !fz_conf_serves(conf, FIZEAU_OWAMP))
		return;
	(void)!mkdir(conf->storage, 0700);
	fd = open(conf->storage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Without it there is a warning when it is opened. */
	if (who)
		(void)!fchown(fd, who->pw_uid, who->pw_gid);
	close(fd);
}

bool fz_user_become(const struct fz_conf *conf, struct fz_log *log, char error[static FZ_CONF_ERROR_MAX])
{
	const struct passwd *who;

	if (geteuid())
		return true;
	if (!strcmp(conf->user, "-")) {
		make_storage(conf, NULL);
		return true;
	}
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
	bool keep = fz_ipsec_needs_right(conf);
	if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot keep CAP_NET_ADMIN for bypass-ipsec: %s", strerror(errno));
		return false;
	}
	make_storage(conf, who);
	if (initgroups(who->pw_name, who->pw_gid) || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) ||
		setresuid(who->pw_uid, who->pw_uid, who->pw_uid)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot become user %.60s: %s", conf->user, strerror(errno));
		return false;
	}
	if (keep && !keep_right()) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot keep CAP_NET_ADMIN for bypass-ipsec: %s", strerror(errno));
		return false;
	}
	return true;
}

void fz_user_keep_secrets(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
