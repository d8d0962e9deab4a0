/* SPDX-License-Identifier: MIT */
#include "ippm_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ippm_conn.h"

#define TICK_MS 1000
#define LOG_EVERY_MS 10000

struct ippm_now ippm_clock(void)
{
	struct timespec monotonic, real;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_REALTIME, &real);
	return (struct ippm_now){(int64_t)monotonic.tv_sec * 1000 + monotonic.tv_nsec / 1000000, real.tv_sec};
}

/* ---- what the IKE daemon's threads call ---- */

static void wake(struct ippm_server *s)
{
	uint64_t one = 1;

	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is awake already */
}

void ippm_server_stop(struct ippm_server *s)
{
	atomic_store(&s->stop, true);
	wake(s);
}

void ippm_server_event(struct ippm_server *s, enum ippm_event event, const struct ippm_sa *sa)
{
	pthread_mutex_lock(&s->mutex);
	if (atomic_load(&s->watchers) && s->notice_count == IPPM_EVENTS) {
		s->notices_lost = true;
	} else if (atomic_load(&s->watchers)) {
		struct ippm_notice *n = &s->notices[s->notice_count++];

		*n = (struct ippm_notice){.event = event, .sa = *sa};
		ippm_msg_wipe(n->sa.key, sizeof(n->sa.key));
		n->sa.key_octets = 0;
	}
	pthread_mutex_unlock(&s->mutex);
	wake(s);
}

void ippm_server_initiated(struct ippm_server *s, uint64_t id, int error)
{
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < IPPM_INITIATIONS; i++)
		if (s->initiations[i].id == id) {
			s->initiations[i].ended = true;
			s->initiations[i].error = error;
		}
	pthread_mutex_unlock(&s->mutex);
	wake(s);
}

/* ---- connections ---- */

void ippm_conn_queue(struct ippm_conn *c, const char *octets, size_t len)
{
	size_t left = c->out_len - c->out_sent;

	if (left + len > IPPM_OUT_MAX) {
		c->dead = true;
		return;
	}
	if (c->out_len + len > c->out_size) {
		size_t size = left + len < 4096 ? 4096 : left + len;
		char *out = malloc(size);

		if (!out) {
			c->dead = true;
			return;
		}
		if (left)
			memcpy(out, c->out + c->out_sent, left);
		ippm_msg_wipe(c->out, c->out_len);
		free(c->out);
		c->out = out;
		c->out_size = size;
		c->out_len = left;
		c->out_sent = 0;
	}
	memcpy(c->out + c->out_len, octets, len);
	c->out_len += len;
}

static void conn_flush(struct ippm_conn *c, int64_t now)
{
	while (!c->dead && c->out_sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			c->dead = true;
		if (n > 0) {
			c->out_sent += (size_t)n;
			c->active = now;
		}
	}
	ippm_msg_wipe(c->out, c->out_len);
	c->out_len = c->out_sent = 0;
	if (c->closing)
		c->dead = true;
}

static bool busy(const struct ippm_conn *c)
{
	return c->dead || c->closing || c->wait != IPPM_WAIT_NONE || c->out_len;
}

static void conn_read(struct ippm_conn *c)
{
	ssize_t n = recv(c->fd, c->raw, sizeof(c->raw), MSG_DONTWAIT);

	if (n > 0) {
		c->raw_at = 0;
		c->raw_len = (size_t)n;
	} else if (n == 0) {
		c->eof = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->dead = true;
	}
}

/* Takes requests as long as they can be answered at once. */
static void conn_work(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	while (!busy(c) && c->raw_at < c->raw_len) {
		bool began = !ippm_msg_partial(&c->reader);
		size_t used;
		enum ippm_msg_status status =
			ippm_msg_feed(&c->reader, c->raw + c->raw_at, c->raw_len - c->raw_at, &used);

		c->raw_at += used;
		if (status < 0) {
			ippm_answer_error(s, c, EPROTO, ippm_msg_status_text(status));
			c->closing = true;
		} else if (status == IPPM_MSG_COMPLETE && c->watching) {
			ippm_answer_error(s, c, EINVAL, "a connection that watches takes no further request");
			c->closing = true;
		} else if (status == IPPM_MSG_COMPLETE) {
			ippm_request(s, c, now);
		} else if (began) {
			c->active = now;
		}
		conn_flush(c, now);
	}
	if (c->eof && c->raw_at == c->raw_len && !busy(c))
		c->dead = true;
}

static bool timed_out(const struct ippm_conn *c, int64_t now)
{
	if (c->wait != IPPM_WAIT_NONE)
		return false;
	if (c->out_len || ippm_msg_partial(&c->reader))
		return now - c->active >= IPPM_PARTIAL_MS;
	return !c->holding && !c->watching && now - c->active >= IPPM_IDLE_MS;
}

static void conn_free(struct ippm_server *s, struct ippm_conn *c)
{
	if (c->watching)
		atomic_fetch_sub(&s->watchers, 1);
	close(c->fd);
	if (c->out)
		ippm_msg_wipe(c->out, c->out_size);
	free(c->out);
	ippm_msg_wipe(c, sizeof(*c));
	free(c);
	s->count--;
}

static void sweep(struct ippm_server *s, int64_t now)
{
	for (struct ippm_conn **at = &s->conns; *at;) {
		struct ippm_conn *c = *at;

		if (!c->dead && !timed_out(c, now)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		conn_free(s, c);
	}
}

/* ---- accepting ---- */

static void log_seldom(struct ippm_server *s, int64_t now, const char *text)
{
	if (s->logged && now - s->logged < LOG_EVERY_MS)
		return;
	s->logged = now;
	s->ops.log(s->ops.arg, text);
}

static bool in_group(int fd, gid_t group)
{
	gid_t groups[256];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The socket's mode says the same; this holds too when someone has loosened it. */
static bool may_connect(struct ippm_server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.gid == s->group || in_group(fd, s->group);
}

static void accept_one(struct ippm_server *s, int64_t now)
{
	static const char full[] = "errno=16\nreason=too many connections to the key service\n\n";
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ippm_conn *c;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		log_seldom(s, now, "no descriptor left for a client of the key service: raise the limit of open files");
		s->accept_after = now + TICK_MS; /* or else poll would return at once again */
	}
	if (fd < 0)
		return;
	if (!may_connect(s, fd)) {
		log_seldom(s, now, "a client that is neither root, nor our user, nor in the socket's group was refused");
		close(fd);
		return;
	}
	c = s->count < s->max_connections ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		log_seldom(s, now, "too many connections to the key service: a client was refused");
		if (send(fd, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_seldom(s, now, "a client that was refused had gone");
		close(fd);
		return;
	}
	c->fd = fd;
	c->active = now;
	ippm_msg_reader_init(&c->reader, c->in, sizeof(c->in), c->pairs, IPPM_MSG_REQUEST_PAIRS);
	c->next = s->conns;
	s->conns = c;
	s->count++;
}

/* ---- the loop ---- */

static void tell_watchers(struct ippm_server *s, int64_t now)
{
	static const size_t one = sizeof(struct ippm_notice);
	struct ippm_notice *copy = NULL;
	size_t count;
	bool lost;

	pthread_mutex_lock(&s->mutex);
	count = s->notice_count;
	lost = s->notices_lost;
	if (count && (copy = malloc(count * one)))
		memcpy(copy, s->notices, count * one);
	s->notice_count = 0;
	s->notices_lost = false;
	pthread_mutex_unlock(&s->mutex);
	for (struct ippm_conn *c = s->conns; c && (count || lost); c = c->next) {
		if (!c->watching)
			continue;
		for (size_t i = 0; copy && i < count && !c->dead; i++)
			ippm_answer_notice(s, c, &copy[i]);
		if (lost || (count && !copy))
			c->dead = true;
		conn_flush(c, now);
	}
	free(copy);
}

static int64_t oldest_hold(const struct ippm_server *s)
{
	int64_t oldest = INT64_MAX;

	for (const struct ippm_conn *c = s->conns; c; c = c->next)
		if (c->holding && c->hold_since < oldest)
			oldest = c->hold_since;
	return oldest;
}

static int poll_timeout(const struct ippm_server *s, int64_t now)
{
	int64_t timeout = TICK_MS;

	for (const struct ippm_conn *c = s->conns; c; c = c->next)
		if (c->wait != IPPM_WAIT_NONE && c->deadline - now < timeout)
			timeout = c->deadline > now ? c->deadline - now : 0;
	return (int)timeout;
}

static size_t fill_poll(const struct ippm_server *s, struct pollfd *fds, int64_t now)
{
	size_t n = 2;

	fds[0] = (struct pollfd){.fd = s->wake_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = now < s->accept_after ? -1 : s->listen_fd, .events = POLLIN};
	for (const struct ippm_conn *c = s->conns; c; c = c->next) {
		short events = 0;

		if (c->out_len)
			events |= POLLOUT;
		if (!c->eof && !busy(c))
			events |= POLLIN;
		fds[n++] = (struct pollfd){.fd = c->fd, .events = events};
	}
	return n;
}

static void serve(struct ippm_server *s, const struct pollfd *fds, int64_t now)
{
	size_t i = 2;

	for (struct ippm_conn *c = s->conns; c; c = c->next, i++) {
		if (fds[i].revents & (POLLERR | POLLNVAL) || (fds[i].revents & POLLHUP && busy(c)))
			c->dead = true;
		if (fds[i].revents & POLLOUT)
			conn_flush(c, now);
		if (fds[i].revents & (POLLIN | POLLHUP) && !busy(c) && c->raw_at == c->raw_len)
			conn_read(c);
		if (!c->dead && c->wait != IPPM_WAIT_NONE) {
			ippm_request_again(s, c, now);
			conn_flush(c, now);
		}
		conn_work(s, c, now);
	}
}

void ippm_server_run(struct ippm_server *s)
{
	struct pollfd *fds = calloc(s->max_connections + 2, sizeof(*fds));

	while (fds && !atomic_load(&s->stop)) {
		int64_t now = ippm_clock().monotonic_ms;
		size_t n = fill_poll(s, fds, now);
		uint64_t wakes;

		if (poll(fds, n, poll_timeout(s, now)) < 0 && errno != EINTR)
			usleep(10000); /* ENOMEM: nothing can be served, but nothing must spin either */
		now = ippm_clock().monotonic_ms;
		ippm_table_expire(s->table, now, oldest_hold(s));
		if (fds[0].revents & POLLIN && read(s->wake_fd, &wakes, sizeof(wakes)) < 0)
			continue;
		serve(s, fds, now);
		tell_watchers(s, now);
		sweep(s, now);
		if (fds[1].revents & POLLIN)
			accept_one(s, now);
	}
	free(fds);
}

/* ---- birth and death ---- */

/* A socket file that nobody listens on may go; anything else stays. */
static bool clear_path(const struct sockaddr_un *address, char *error, size_t size)
{
	struct stat st;
	int fd, alive;

	if (lstat(address->sun_path, &st))
		return true;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(error, size, "%s exists and is no socket: remove it or choose another path", address->sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	alive = fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	if (alive) {
		snprintf(error, size, "%s is in use by another process: stop it or choose another path",
			address->sun_path);
		return false;
	}
	unlink(address->sun_path);
	return true;
}

static bool listen_on(struct ippm_server *s, char *error, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;

	memcpy(address.sun_path, s->path, strlen(s->path) + 1);
	if (!clear_path(&address, error, size))
		return false;
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode is set before bind, so that there is no moment in which others can connect. */
	if (s->listen_fd < 0 || fchmod(s->listen_fd, 0660) ||
		bind(s->listen_fd, (struct sockaddr *)&address, sizeof(address)) ||
		(s->group != (gid_t)-1 && chown(s->path, (uid_t)-1, s->group)) || chmod(s->path, 0660) ||
		stat(s->path, &st) || listen(s->listen_fd, 64)) {
		snprintf(error, size, "cannot listen on %s: %s", s->path, strerror(errno));
		return false;
	}
	s->group = st.st_gid;
	return true;
}

struct ippm_server *ippm_server_new(struct ippm_table *table, const struct ippm_server_conf *conf,
	const struct ippm_server_ops *ops, char *error, size_t error_octets)
{
	struct ippm_server *s;

	if (strlen(conf->path) >= sizeof(s->path)) {
		snprintf(error, error_octets, "%s is too long for a Unix socket (107 octets)", conf->path);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s || pthread_mutex_init(&s->mutex, NULL)) {
		snprintf(error, error_octets, "no memory");
		free(s);
		return NULL;
	}
	s->table = table;
	s->ops = *ops;
	s->max_connections = conf->max_connections;
	s->max_initiations = conf->max_initiations < IPPM_INITIATIONS ? conf->max_initiations : IPPM_INITIATIONS;
	s->group = conf->group;
	s->listen_fd = -1;
	memcpy(s->path, conf->path, strlen(conf->path) + 1);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0)
		snprintf(error, error_octets, "cannot make an eventfd: %s", strerror(errno));
	if (s->wake_fd < 0 || !listen_on(s, error, error_octets)) {
		s->path[0] = '\0';
		ippm_server_free(s);
		return NULL;
	}
	return s;
}

void ippm_server_free(struct ippm_server *s)
{
	if (!s)
		return;
	while (s->conns) {
		struct ippm_conn *c = s->conns;

		s->conns = c->next;
		conn_free(s, c);
	}
	if (s->path[0])
		unlink(s->path);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_mutex_destroy(&s->mutex);
	ippm_msg_wipe(s, sizeof(*s));
	free(s);
}
