/* SPDX-License-Identifier: MIT */
#include "tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* During a test nothing is said on the control connection: the kernel asks whether the peer is still there. */
#define IDLE_PROBE_S 30
#define PROBE_INTERVAL_S 10
/* A peer that acknowledges nothing for this long is gone; retransmission alone would go on for a quarter of an hour. It
   counts from the last word of the peer for probes too, and then ends the connection with the second that is due: were it
   below the idle time, a single lost answer would end a test. So it leaves room for four of them. */
#define UNACKED_MAX_MS 75000

union any_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* Closes and hands the error on. */
static int fail(int fd, int error)
{
	close(fd);
	return error;
}

static int open_stream(const struct fz_addr *addr)
{
	int version = fz_addr_version(addr);
	int fd, error;

	if (version == 0)
		return -EAFNOSUPPORT;
	fd = socket(version == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = version == 6 ? set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
	return error == 0 ? fd : fail(fd, error);
}

/* Messages are small and each waits for the next: Nagle would add a round trip to every one. */
static void tune(int fd)
{
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	(void)set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_PROBE_S);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_INTERVAL_S);
	(void)set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MAX_MS);
}

static void set_dscp(int fd, int version, uint8_t dscp)
{
	if (version == 6)
		(void)set(fd, IPPROTO_IPV6, IPV6_TCLASS, (dscp & 63) << 2);
	else
		(void)set(fd, IPPROTO_IP, IP_TOS, (dscp & 63) << 2);
}

static int local_of(int fd, struct fz_addr *local)
{
	union any_sockaddr bound = {0};
	socklen_t len = sizeof(bound);

	if (getsockname(fd, &bound.sa, &len) != 0)
		return -errno;
	fz_addr_from_sockaddr(local, &bound.sa, len);
	return 0;
}

int fz_tcp_listen(const struct fz_addr *local, int backlog)
{
	int fd = open_stream(local);

	if (fd < 0)
		return fd;
	(void)set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	(void)set(fd, IPPROTO_TCP, TCP_SAVE_SYN, 1);
	if (bind(fd, &local->sa, local->len) != 0 || listen(fd, backlog) != 0)
		return fail(fd, -errno);
	return fd;
}

/* The DSCP in the IP header of the SYN that opened the connection; 0 where the kernel did not keep it. */
static uint8_t syn_dscp(int fd)
{
	uint8_t header[512];
	socklen_t len = sizeof(header);

	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, header, &len) != 0 || len < 20)
		return 0;
	if (header[0] >> 4 == 6)
		return (uint8_t)((header[0] & 15) << 2 | header[1] >> 6);
	return header[1] >> 2;
}

int fz_tcp_accept(int listener, struct fz_addr *peer, struct fz_addr *local)
{
	union any_sockaddr from = {0};
	socklen_t len = sizeof(from);
	uint8_t dscp;
	int fd, error;

	do
		fd = accept4(listener, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return -errno;
	fz_addr_from_sockaddr(peer, &from.sa, len);
	error = local_of(fd, local);
	if (error != 0)
		return fail(fd, error);
	tune(fd);
	dscp = syn_dscp(fd);
	/*= rfc5357#section-3.1 TW-3.1-04 */
	if (dscp != 0)
		set_dscp(fd, fz_addr_version(peer), dscp);
	return fd;
}

int fz_tcp_connect_dscp(const struct fz_addr *peer, const struct fz_addr *source, uint8_t dscp)
{
	int fd = open_stream(peer);

	if (fd < 0)
		return fd;
	tune(fd);
	/*= rfc5357#section-3.1 TW-3.1-03 */
	if (dscp != 0)
		set_dscp(fd, fz_addr_version(peer), dscp);
	if (source != NULL) {
		/* Lets the kernel pick the port at the connect, when it knows which are free towards this
		 * peer. */
		if (fz_addr_port(source) == 0)
			(void)set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, &source->sa, source->len) != 0)
			return fail(fd, -errno);
	}
	if (connect(fd, &peer->sa, peer->len) != 0 && errno != EINPROGRESS)
		return fail(fd, -errno);
	return fd;
}

int fz_tcp_connect(const struct fz_addr *peer, const struct fz_addr *source)
{
	return fz_tcp_connect_dscp(peer, source, 0);
}

int fz_tcp_connected(int fd, struct fz_addr *local)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -errno;
	return error != 0 ? -error : local_of(fd, local);
}

static int unix_address(const char *path, struct sockaddr_un *address)
{
	size_t len = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

static int connect_unix(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		return fail(fd, -errno);
	return fd;
}

/* Removes a socket that nobody listens on. Anything else at that path stays, whatever it is. */
static int clear_way(const struct sockaddr_un *address)
{
	struct stat st;
	int probe;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	probe = connect_unix(address);
	if (probe >= 0)
		return fail(probe, -EADDRINUSE);
	if (probe != -ECONNREFUSED)
		return probe == -EAGAIN ? -EADDRINUSE : probe;
	return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

int fz_unix_listen(const char *path, mode_t mode)
{
	struct sockaddr_un address;
	int error = unix_address(path, &address);
	int fd;

	if (error == 0)
		error = clear_way(&address);
	if (error != 0)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Linux binds with the descriptor's mode less the umask, so the path is never more open than asked
	 * for. */
	if (fchmod(fd, mode) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return fail(fd, -errno);
	if (chmod(path, mode) != 0 || listen(fd, 64) != 0) {
		error = -errno;
		unlink(path);
		return fail(fd, error);
	}
	return fd;
}

int fz_unix_connect(const char *path)
{
	struct sockaddr_un address;
	int error = unix_address(path, &address);

	return error != 0 ? error : connect_unix(&address);
}
