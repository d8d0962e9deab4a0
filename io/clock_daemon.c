/* SPDX-License-Identifier: MIT */
#include "io/clock_daemon.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CHRONYD_PORT 323
#define READS_MAX 32                    /* answers of a question that are looked at */
#define LOOK_NS INT64_C(2000000)        /* to the first look; then twice as long each time */
#define AGE_MAX_NS INT64_C(10000000000) /* of a word */
#define RETRY_NS INT64_C(16000000000)   /* after nobody was there */
#define DRIFT_PPM 15                    /* by which a word ages: PHI, RFC 5905's tolerance of a disciplined clock */

struct fz_clock_daemon {
	enum fz_clock_source source;
	struct fz_clock_choice choice;
	bool asserted;
	int fd;                      /* -1: not open */
	char own_path[FZ_CLOCK_PATH_MAX]; /* of our end; "": none */
	bool use_path;               /* the usual chronyd does not listen on UDP: the next time by its socket */
	uint32_t seq;
	bool open_question;
	struct fizeau_mono asked, look, retry;
	struct fz_ptp_view view;     /* answers so far */
	bool known;
	struct fz_clock_word word;
	struct fizeau_mono word_asked; /* when its question went out */
};

struct fz_clock_daemon *fz_clock_daemon_new(enum fz_clock_source source, const struct fz_clock_choice *choice)
{
	struct fz_clock_daemon *daemon = calloc(1, sizeof(*daemon));

	if (daemon == NULL)
		return NULL;
	daemon->source = source;
	daemon->fd = -1;
	daemon->look = FIZEAU_NEVER;
	if (choice->source == source) {
		daemon->choice = *choice;
		daemon->asserted = true;
	}
	/* Who cannot read what we ask must not know the number that its answer needs. */
	if (getrandom(&daemon->seq, sizeof(daemon->seq), 0) != (ssize_t)sizeof(daemon->seq))
		daemon->seq = 0;
	return daemon;
}

static void hang_up(struct fz_clock_daemon *daemon)
{
	if (daemon->fd >= 0)
		close(daemon->fd);
	if (daemon->own_path[0] != '\0')
		unlink(daemon->own_path);
	daemon->own_path[0] = '\0';
	daemon->fd = -1;
	daemon->open_question = false;
	daemon->look = FIZEAU_NEVER;
}

void fz_clock_daemon_free(struct fz_clock_daemon *daemon)
{
	if (daemon == NULL)
		return;
	hang_up(daemon);
	free(daemon);
}

/* chronyd answers only who has a name in a folder; ptp4l takes the names that the kernel gives. */
static bool bind_own(struct fz_clock_daemon *daemon, const char *path)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	socklen_t len = offsetof(struct sockaddr_un, sun_path);
	const char *slash = strrchr(path, '/');
	int n;

	if (daemon->source == FZ_CLOCK_CHRONYD) {
		n = snprintf(own.sun_path, sizeof(own.sun_path), "%.*s/fizeau.%d.%d.sock", (int)(slash - path), path,
			(int)getpid(), daemon->fd);
		if (n < 0 || (size_t)n >= sizeof(own.sun_path))
			return false;
		unlink(own.sun_path);
		len += (socklen_t)n + 1;
	}
	if (bind(daemon->fd, (const struct sockaddr *)&own, len) != 0)
		return false;
	/* It may run as another user; the folder says who gets here. */
	if (own.sun_path[0] != '\0')
		(void)!chmod(own.sun_path, 0666);
	memcpy(daemon->own_path, own.sun_path, sizeof(daemon->own_path));
	return true;
}

static bool open_path(struct fz_clock_daemon *daemon, const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	daemon->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->fd >= 0 && bind_own(daemon, path) &&
		connect(daemon->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	hang_up(daemon);
	return false;
}

static bool open_address(struct fz_clock_daemon *daemon, const struct fz_addr *addr)
{
	daemon->fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->fd >= 0 && connect(daemon->fd, &addr->sa, addr->len) == 0)
		return true;
	hang_up(daemon);
	return false;
}

static bool open_usual(struct fz_clock_daemon *daemon)
{
	struct fz_addr loopback;

	if (daemon->source == FZ_CLOCK_PTP4L)
		return open_path(daemon, "/var/run/ptp4lro") || open_path(daemon, "/var/run/ptp4l");
	if (daemon->use_path)
		return open_path(daemon, "/run/chrony/chronyd.sock");
	if (!fz_addr_parse("127.0.0.1", &loopback))
		return false;
	fz_addr_set_port(&loopback, CHRONYD_PORT);
	return open_address(daemon, &loopback);
}

static bool open_it(struct fz_clock_daemon *daemon)
{
	const struct fz_clock_choice *choice = &daemon->choice;

	if (daemon->fd >= 0)
		return true;
	if (!choice->given)
		return open_usual(daemon);
	return choice->addr.len != 0 ? open_address(daemon, &choice->addr) : open_path(daemon, choice->path);
}

static bool send_question(struct fz_clock_daemon *daemon)
{
	static const enum fz_ptp_id ids[] = {
		FZ_PTP_CURRENT_DATA_SET, FZ_PTP_PARENT_DATA_SET, FZ_PTP_PORT_PROPERTIES_NP};
	uint8_t chrony[FZ_CHRONY_OCTETS], ptp[FZ_PTP_OCTETS];

	if (daemon->source == FZ_CLOCK_CHRONYD) {
		fz_chrony_ask(daemon->seq, chrony);
		return send(daemon->fd, chrony, sizeof(chrony), MSG_NOSIGNAL) == (ssize_t)sizeof(chrony);
	}
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		fz_ptp_ask(ids[i], (uint16_t)daemon->seq, daemon->choice.domain, ptp);
		if (send(daemon->fd, ptp, sizeof(ptp), MSG_NOSIGNAL) != (ssize_t)sizeof(ptp))
			return false;
	}
	return true;
}

static void not_there(struct fz_clock_daemon *daemon, struct fizeau_mono now)
{
	hang_up(daemon);
	daemon->use_path = daemon->source == FZ_CLOCK_CHRONYD && !daemon->use_path;
	daemon->retry.ns = daemon->use_path ? now.ns : now.ns + RETRY_NS;
}

void fz_clock_daemon_ask(struct fz_clock_daemon *daemon, struct fizeau_mono now)
{
	if (now.ns < daemon->retry.ns)
		return;
	daemon->seq++;
	if (!open_it(daemon) || !send_question(daemon)) {
		not_there(daemon, now);
		return;
	}
	daemon->view = (struct fz_ptp_view){0};
	daemon->open_question = true;
	daemon->asked = now;
	daemon->look.ns = now.ns + LOOK_NS;
}

/* One datagram; true if the word is complete with it. */
static bool heard(struct fz_clock_daemon *daemon, const uint8_t *octets, size_t len)
{
	if (daemon->source == FZ_CLOCK_CHRONYD)
		return fz_chrony_answer(octets, len, daemon->seq, &daemon->word);
	return fz_ptp_answer(&daemon->view, octets, len, (uint16_t)daemon->seq, daemon->choice.domain) &&
		fz_ptp_word(&daemon->view, daemon->asserted, &daemon->word);
}

bool fz_clock_daemon_look(struct fz_clock_daemon *daemon, struct fizeau_mono now)
{
	uint8_t octets[FZ_PTP_ANSWER_MAX];
	bool news = false;
	ssize_t n = 0;

	if (now.ns < daemon->look.ns)
		return false;
	for (int i = 0; i < READS_MAX && n >= 0; i++) {
		n = recv(daemon->fd, octets, sizeof(octets), MSG_TRUNC);
		if (n > 0 && (size_t)n <= sizeof(octets) && daemon->open_question)
			news |= heard(daemon, octets, (size_t)n);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		not_there(daemon, now);
		return false;
	}
	if (news) {
		daemon->known = true;
		daemon->word_asked = daemon->asked;
	}
	daemon->look.ns = now.ns + (now.ns - daemon->asked.ns);
	/* Every port of ptp4l answers on its own. */
	if (news && daemon->source == FZ_CLOCK_CHRONYD) {
		daemon->open_question = false;
		daemon->look = FIZEAU_NEVER;
	}
	return news;
}

bool fz_clock_daemon_word(const struct fz_clock_daemon *daemon, struct fizeau_mono now, struct fizeau_mono since,
	struct fz_clock_word *word)
{
	int64_t age = now.ns - daemon->word_asked.ns;

	if (!daemon->known || age > AGE_MAX_NS || daemon->word_asked.ns < since.ns)
		return false;
	*word = daemon->word;
	word->error_ns += age > 0 ? age / (1000000 / DRIFT_PPM) + 1 : 0;
	return true;
}
