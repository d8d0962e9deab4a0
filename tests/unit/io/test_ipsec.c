/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/ipsec.h"
#include "io/tcp.h"
#include "io/udp.h"

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

static void test_marks(void **state)
{
	static const char *const bad[] = {"", "0", "0x", "x", "-1", "+1", " 1", "1 ", "0x100000000", "4294967296", "99999999999999999999",
		"1/", "1/x", "0x100/0xff", "0/0xff", "1/2/3", "0x42g"};
	uint32_t mark = 0, mask = 0;

	(void)state;
	assert_true(fz_mark_parse(FZ_BYPASS_MARK_TEXT, &mark, NULL));
	assert_int_equal(mark, FZ_BYPASS_MARK);
	assert_true(fz_mark_parse("66", &mark, &mask));
	assert_int_equal(mark, 66);
	assert_int_equal(mask, UINT32_MAX);
	assert_true(fz_mark_parse("0xFFFFFFFF", &mark, NULL));
	assert_int_equal(mark, UINT32_MAX);
	assert_true(fz_mark_parse("0x10/0xf0", &mark, &mask));
	assert_int_equal(mark, 0x10);
	assert_int_equal(mask, 0xf0);
	assert_false(fz_mark_parse("0x10/0xf0", &mark, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fz_mark_parse(bad[i], &mark, &mask));
}

static bool may_administer(void)
{
	return fz_ipsec_bypass_possible(FZ_BYPASS_MARK) == 0;
}

static void test_bypass_marks(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	if (!may_administer())
		skip();
	for (size_t i = 0; i < 2; i++) {
		const struct fz_udp_options options = {.batch = 1, .packet_octets = 64, .bypass_mark = 0x1234};
		struct fz_addr local = addr_of(hosts[i]);
		struct fz_udp *udp;
		uint32_t mark = 0;
		socklen_t len = sizeof(mark);

		assert_int_equal(fz_udp_open(&local, &options, &udp), 0);
		assert_int_equal(getsockopt(fz_udp_fd(udp), SOL_SOCKET, SO_MARK, &mark, &len), 0);
		assert_int_equal(mark, 0x1234);
		fz_udp_close(udp);
	}
}

/* Status of a child that has no capability: what it found. */
static int without_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	const struct fz_udp_options bypass = {.batch = 1, .packet_octets = 64, .bypass_mark = 7};
	struct fz_addr local;
	struct fz_udp *udp;

	if (syscall(SYS_capset, &header, none) != 0 || !fz_addr_parse("127.0.0.1", &local))
		return 1;
	if (fz_ipsec_bypass_possible(FZ_BYPASS_MARK) != -EPERM)
		return 2;
	if (fz_udp_open(&local, &bypass, &udp) != -EPERM || udp != NULL)
		return 3;
	return 0;
}

static void test_without_the_right_nothing_is_pretended(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(without_rights());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void came_by_loopback(const char *host)
{
	struct fz_addr any = addr_of(host), peer, local, at;
	char name[FZ_INTERFACE_NAME] = "lo";
	int listener = fz_tcp_listen(&any, 5), client, server;
	uint32_t interface, mark;
	char octet;

	assert_true(listener >= 0);
	at = bound(listener);
	client = fz_tcp_connect(&at, NULL);
	assert_true(client >= 0);
	wait_for(listener, POLLIN);
	server = fz_tcp_accept(listener, &peer, &local);
	assert_true(server >= 0);
	assert_int_equal(fz_ipsec_of_connection(server, fz_addr_version(&peer), &interface, &mark), 0);
	assert_int_equal(interface, fz_interface_index("lo"));
	assert_int_equal(mark, 0);
	assert_int_equal(fz_ipsec_pin(server, name), 0);
	assert_int_equal(send(client, "x", 1, 0), 1);
	wait_for(server, POLLIN);
	assert_int_equal(recv(server, &octet, 1, 0), 1);
	close(client);
	close(server);
	close(listener);
}

static void test_interface_of_a_connection(void **state)
{
	(void)state;
	came_by_loopback("127.0.0.1");
	came_by_loopback("::1");
	assert_int_equal(fz_interface_index("no-such-thing"), 0);
}

static void datagram_tells(const char *host, bool marked)
{
	const struct fz_udp_options options = {.batch = 1, .packet_octets = 64, .receive_mark = marked};
	struct fz_addr local = addr_of(host);
	struct fz_datagram *datagrams;
	struct fz_clock clock;
	struct fz_udp *udp;

	fz_clock_ask(&clock);
	assert_int_equal(fz_udp_open(&local, &options, &udp), 0);
	fz_udp_local(udp, &local);
	memcpy(fz_udp_room(udp), "x", 1);
	fz_udp_queue(udp, 1, &local, NULL, 0);
	assert_int_equal(fz_udp_flush(udp), 1);
	wait_for(fz_udp_fd(udp), POLLIN);
	assert_int_equal(fz_udp_read(udp, &clock, &datagrams), 1);
	assert_int_equal(datagrams[0].interface, fz_interface_index("lo"));
	assert_int_equal(datagrams[0].mark, 0);
	fz_udp_close(udp);
}

static void test_interface_of_a_datagram(void **state)
{
	(void)state;
	datagram_tells("127.0.0.1", false);
	datagram_tells("::1", false);
	if (fz_ipsec_receive_mark_possible() == 0) {
		datagram_tells("127.0.0.1", true);
		datagram_tells("::1", true);
	}
}

/* On loopback the mark stays with the packet: what one socket sets, the other is told. */
static void test_mark_of_a_datagram(void **state)
{
	const struct fz_udp_options sending = {.batch = 1, .packet_octets = 64, .bypass_mark = 0xabcd};
	const struct fz_udp_options receiving = {.batch = 1, .packet_octets = 64, .receive_mark = true};
	struct fz_addr local = addr_of("127.0.0.1"), at;
	struct fz_datagram *datagrams;
	struct fz_udp *from, *to;
	struct fz_clock clock;

	(void)state;
	if (!may_administer() || fz_ipsec_receive_mark_possible() != 0)
		skip();
	fz_clock_ask(&clock);
	assert_int_equal(fz_udp_open(&local, &sending, &from), 0);
	assert_int_equal(fz_udp_open(&local, &receiving, &to), 0);
	fz_udp_local(to, &at);
	memcpy(fz_udp_room(from), "x", 1);
	fz_udp_queue(from, 1, &at, NULL, 0);
	assert_int_equal(fz_udp_flush(from), 1);
	wait_for(fz_udp_fd(to), POLLIN);
	assert_int_equal(fz_udp_read(to, &clock, &datagrams), 1);
	assert_int_equal(datagrams[0].mark, 0xabcd);
	fz_udp_close(from);
	fz_udp_close(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_bypass_marks),
		cmocka_unit_test(test_without_the_right_nothing_is_pretended),
		cmocka_unit_test(test_interface_of_a_connection),
		cmocka_unit_test(test_interface_of_a_datagram),
		cmocka_unit_test(test_mark_of_a_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
