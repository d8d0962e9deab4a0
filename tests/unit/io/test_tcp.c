/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/tcp.h"
#include "tests/testlib/folder.h"

static struct fz_addr addr_of(const char *text)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(text, &addr));
	return addr;
}

static struct fz_addr bound(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	struct fz_addr addr;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	fz_addr_from_sockaddr(&addr, (struct sockaddr *)&at, len);
	return addr;
}

static void wait_for(int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	assert_int_equal(poll(&pfd, 1, 10000), 1);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* tcp(7): with TCP_USER_TIMEOUT a probe that is due ends the connection if one is out and that time has passed since the
   peer's last word, which is the idle time at least. Three of them may be lost. */
static void lost_probes_are_survived(int fd)
{
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_true(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) >
		1000 * (option(fd, IPPROTO_TCP, TCP_KEEPIDLE) + 3 * option(fd, IPPROTO_TCP, TCP_KEEPINTVL)));
}

static void connect_and_accept(const char *host, uint8_t dscp)
{
	struct fz_addr any = addr_of(host), peer, local, client_local;
	int listener = fz_tcp_listen(&any, 5);
	struct fz_addr at;
	int client, server, v6;
	char octet;

	assert_true(listener >= 0);
	at = bound(listener);
	v6 = fz_addr_version(&at) == 6;
	assert_int_equal(fz_tcp_accept(listener, &peer, &local), -EAGAIN);
	/*= rfc5357#section-3.1 TW-3.1-03 */
	client = dscp != 0 ? fz_tcp_connect_dscp(&at, &any, dscp) : fz_tcp_connect(&at, NULL);
	assert_true(client >= 0);
	wait_for(client, POLLOUT);
	assert_int_equal(fz_tcp_connected(client, &client_local), 0);
	wait_for(listener, POLLIN);
	server = fz_tcp_accept(listener, &peer, &local);
	assert_true(server >= 0);
	assert_true(fz_addr_equal(&peer, &client_local));
	assert_true(fz_addr_equal(&local, &at));
	/* What the client put on its SYN is what the server's packets carry. */
	/*= rfc5357#section-3.1 TW-3.1-04 */
	assert_int_equal(
		option(server, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS), dscp << 2);

	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(option(server, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(client, IPPROTO_TCP, TCP_NODELAY), 1);
	lost_probes_are_survived(client);
	lost_probes_are_survived(server);
	assert_int_equal(write(client, "x", 1), 1);
	wait_for(server, POLLIN);
	assert_int_equal(read(server, &octet, 1), 1);
	close(client);
	close(server);
	close(listener);
}

static void ipv4(void **state)
{
	(void)state;
	connect_and_accept("127.0.0.1", 0);
	connect_and_accept("127.0.0.1", 46);
	connect_and_accept("127.0.0.1", 1);
}

static int has_ipv6(void)
{
	struct fz_addr any = addr_of("::1");
	int fd = fz_tcp_listen(&any, 1);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

static void ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	connect_and_accept("::1", 0);
	connect_and_accept("::1", 46);
	connect_and_accept("::1", 63);
}

/* [::]:P takes no IPv4, so both can be had on one port. */
static void v6_is_v6_only(void **state)
{
	struct fz_addr any6 = addr_of("::"), any4 = addr_of("0.0.0.0"), at;
	int six, four;

	(void)state;
	if (!has_ipv6())
		skip();
	six = fz_tcp_listen(&any6, 1);
	assert_true(six >= 0);
	at = bound(six);
	fz_addr_set_port(&any4, fz_addr_port(&at));
	four = fz_tcp_listen(&any4, 1);
	assert_true(four >= 0);
	close(four);
	close(six);
}

static void refusals(void **state)
{
	struct fz_addr any = addr_of("127.0.0.1"), none = {0}, foreign = addr_of("192.0.2.1"), at, local;
	int listener = fz_tcp_listen(&any, 1), client;

	(void)state;
	at = bound(listener);
	assert_int_equal(fz_tcp_listen(&at, 1), -EADDRINUSE);
	assert_int_equal(fz_tcp_listen(&none, 1), -EAFNOSUPPORT);
	assert_int_equal(fz_tcp_connect(&none, NULL), -EAFNOSUPPORT);
	assert_int_equal(fz_tcp_connect(&at, &foreign), -EADDRNOTAVAIL);
	close(listener);
	client = fz_tcp_connect(&at, NULL);
	if (client >= 0) {
		wait_for(client, POLLOUT);
		assert_int_equal(fz_tcp_connected(client, &local), -ECONNREFUSED);
		close(client);
	} else {
		assert_int_equal(client, -ECONNREFUSED);
	}
}

static void no_descriptor_left(void **state)
{
	struct fz_addr any = addr_of("127.0.0.1"), at, peer, local;
	int listener = fz_tcp_listen(&any, 1), client, server;
	struct rlimit before, now;

	(void)state;
	at = bound(listener);
	client = fz_tcp_connect(&at, NULL);
	wait_for(listener, POLLIN);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = (rlim_t)client + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	server = fz_tcp_accept(listener, &peer, &local);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(server, -EMFILE);
	/* It waits in the backlog. */
	server = fz_tcp_accept(listener, &peer, &local);
	assert_true(server >= 0);
	close(server);
	close(client);
	close(listener);
}

static void unix_sockets(void **state)
{
	struct folder *folder = *state;
	int listener, client, server;
	struct stat st;
	char octet;

	assert_int_equal(fz_unix_connect(folder->path), -ENOENT);
	listener = fz_unix_listen(folder->path, 0660);
	assert_true(listener >= 0);
	assert_int_equal(stat(folder->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	client = fz_unix_connect(folder->path);
	assert_true(client >= 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	assert_int_equal(write(client, "x", 1), 1);
	assert_int_equal(read(server, &octet, 1), 1);
	assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
	/* A live one is left alone and goes on serving. */
	assert_int_equal(fz_unix_listen(folder->path, 0600), -EADDRINUSE);
	assert_int_equal(stat(folder->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(client);
	client = fz_unix_connect(folder->path);
	assert_true(client >= 0);
	close(client);
	close(server);
	close(listener);
	/* A dead one is replaced. */
	assert_int_equal(fz_unix_connect(folder->path), -ECONNREFUSED);
	listener = fz_unix_listen(folder->path, 0600);
	assert_true(listener >= 0);
	assert_int_equal(stat(folder->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(listener);
}

static void unix_paths_that_are_no_sockets(void **state)
{
	struct folder *folder = *state;
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct stat st;
	int fd = open(folder->path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fz_unix_listen(folder->path, 0600), -EEXIST);
	assert_int_equal(stat(folder->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(folder->path);
	/* A link to somewhere else is not followed. */
	assert_int_equal(symlink("/nonexistent", folder->path), 0);
	assert_int_equal(fz_unix_listen(folder->path, 0600), -EEXIST);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(fz_unix_listen(longest, 0600), -ENAMETOOLONG);
	assert_int_equal(fz_unix_connect(longest), -ENAMETOOLONG);
	assert_int_equal(fz_unix_connect(""), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(v6_is_v6_only),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_descriptor_left),
		cmocka_unit_test_setup_teardown(unix_sockets, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(unix_paths_that_are_no_sockets, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
