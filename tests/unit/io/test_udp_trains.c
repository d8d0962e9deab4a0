/* SPDX-License-Identifier: MIT */
/* Trains through the kernel as it is: what arrives is what would have arrived one by one. Over loopback, and over a veth
   pair with an MTU of 1500 between two network namespaces of the test's own (skipped where it may not make them). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/udp.h"

enum { BATCH = 64, OCTETS = 4000, HEADERS4 = 28, HEADERS6 = 48, MTU = 1500 };

struct one {
	size_t len;
	int to; /* of the two receivers */
	uint8_t dscp;
};

struct ends {
	struct fz_udp *from, *to[2];
};

static struct fz_udp *open_at(const char *host)
{
	const struct fz_udp_options options = {.batch = BATCH, .packet_octets = OCTETS, .receive_buffer = 4 << 20};
	struct fz_addr local;
	struct fz_udp *udp;

	assert_true(fz_addr_parse(host, &local));
	return fz_udp_open(&local, &options, &udp) == 0 ? udp : NULL;
}

static void close_ends(struct ends *ends)
{
	fz_udp_close(ends->from);
	fz_udp_close(ends->to[0]);
	fz_udp_close(ends->to[1]);
}

static void expect_next(struct fz_udp *udp, const struct one *sent, int count, int to, const struct fz_addr *from)
{
	struct fz_clock clock;
	struct fz_datagram *got;
	int at = 0, read = 0;

	fz_clock_ask(&clock);
	for (int i = 0; i < count; i++) {
		if (sent[i].to != to)
			continue;
		if (at == read) {
			struct pollfd pfd = {.fd = fz_udp_fd(udp), .events = POLLIN};

			assert_int_equal(poll(&pfd, 1, 10000), 1);
			read = fz_udp_read(udp, &clock, &got);
			assert_true(read > 0);
			at = 0;
		}
		assert_int_equal(got[at].len, sent[i].len);
		assert_false(got[at].truncated);
		for (size_t j = 0; j < sent[i].len; j++)
			assert_int_equal(got[at].octets[j], (uint8_t)(j == 0 ? i : i + to));
		assert_int_equal(got[at].ttl, 255);
		assert_int_equal(got[at].traffic_class, sent[i].dscp << 2);
		assert_true(fz_addr_equal(&got[at].from, from));
		at++;
	}
	assert_int_equal(at, read);
	assert_int_equal(fz_udp_read(udp, &clock, &got), 0);
}

/* Every datagram arrives as it was queued, and in the order of its receiver. */
static void all_arrive(struct ends *ends, const struct one *all, int count)
{
	struct fz_udp_counters before, after;
	struct fz_addr from;

	fz_udp_local(ends->from, &from);
	fz_udp_counters(ends->from, &before);
	for (int i = 0; i < count; i++) {
		struct fz_addr peer;
		uint8_t *room = fz_udp_room(ends->from);

		assert_non_null(room);
		fz_udp_local(ends->to[all[i].to], &peer);
		if (all[i].len > 0) {
			memset(room, i + all[i].to, all[i].len);
			room[0] = (uint8_t)i;
		}
		fz_udp_queue(ends->from, all[i].len, &peer, NULL, all[i].dscp);
	}
	assert_int_equal(fz_udp_flush(ends->from), count);
	fz_udp_counters(ends->from, &after);
	assert_int_equal(after.sent - before.sent, count);
	assert_int_equal(after.send_drops, before.send_drops);
	expect_next(ends->to[0], all, count, 0, &from);
	expect_next(ends->to[1], all, count, 1, &from);
}

static void same(struct ends *ends, int count, size_t len)
{
	struct one all[BATCH];

	for (int i = 0; i < count; i++)
		all[i] = (struct one){.len = len, .dscp = 10};
	all_arrive(ends, all, count);
}

static void mixed(struct ends *ends)
{
	static const struct one all[] = {{41, 0, 0}, {41, 0, 0}, {41, 0, 0}, {41, 1, 0}, {41, 1, 0}, {41, 0, 0}, {42, 0, 0},
		{42, 0, 0}, {42, 0, 46}, {42, 0, 46}, {42, 1, 46}, {112, 1, 46}, {112, 1, 46}, {0, 1, 0}, {0, 1, 0}, {1, 1, 0},
		{1, 1, 0}, {1, 0, 0}, {1000, 0, 8}, {1000, 0, 8}, {999, 0, 8}, {999, 0, 8}, {1000, 0, 8}};

	all_arrive(ends, all, sizeof(all) / sizeof(all[0]));
}

static void over_loopback(const char *host)
{
	struct ends ends = {open_at(host), {open_at(host), open_at(host)}};

	if (ends.from == NULL || ends.to[0] == NULL || ends.to[1] == NULL) {
		close_ends(&ends);
		skip();
	}
	mixed(&ends);
	for (int count = 1; count <= BATCH; count++)
		same(&ends, count, 41);
	/* More than one datagram's worth of octets. */
	same(&ends, BATCH, OCTETS);
	close_ends(&ends);
}

static void loopback4(void **state)
{
	(void)state;
	over_loopback("127.0.0.1");
}

static void loopback6(void **state)
{
	(void)state;
	over_loopback("::1");
}

/* Program and arguments; false if it fails, with what it says on its own standard error. */
static bool run(const char *const *argv)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool up(const char *name, const char *address4, const char *address6)
{
	return run((const char *const[]){"ip", "addr", "add", address4, "dev", name, NULL}) &&
		run((const char *const[]){"ip", "addr", "add", address6, "dev", name, "nodad", NULL}) &&
		run((const char *const[]){"ip", "link", "set", name, "mtu", "1500", "up", NULL});
}

/* Two namespaces, a veth pair between them, the sender's sockets in one, the receivers' in the other. */
static bool lay_cable(struct ends *v4, struct ends *v6)
{
	char other[64];
	int near, far;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	near = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (near < 0 || unshare(CLONE_NEWNET) != 0)
		return false;
	far = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	snprintf(other, sizeof(other), "/proc/%d/fd/%d", (int)getpid(), near);
	if (far < 0 ||
		!run((const char *const[]){"ip", "link", "add", "far", "type", "veth", "peer", "name", "near", "netns", other,
			NULL}) ||
		!up("far", "192.0.2.2/24", "2001:db8::2/64"))
		return false;
	for (int i = 0; i < 2; i++) {
		v4->to[i] = open_at("192.0.2.2");
		v6->to[i] = open_at("2001:db8::2");
	}
	if (setns(near, CLONE_NEWNET) != 0 || !up("near", "192.0.2.1/24", "2001:db8::1/64"))
		return false;
	v4->from = open_at("192.0.2.1");
	v6->from = open_at("2001:db8::1");
	return v4->from && v4->to[0] && v4->to[1] && v6->from && v6->to[0] && v6->to[1];
}

static void over_a_cable(struct ends *ends, size_t headers)
{
	mixed(ends);
	same(ends, BATCH, 41);
	/* As long as the MTU lets a segment be, one octet more, which leaves in fragments as it would alone, and again. */
	same(ends, 40, MTU - headers);
	same(ends, 4, MTU - headers + 1);
	same(ends, 4, MTU - headers + 1);
	same(ends, 4, 3000);
	same(ends, 40, MTU - headers);
}

static void veth(void **state)
{
	static struct ends v4, v6;

	(void)state;
	if (!lay_cable(&v4, &v6)) {
		print_message("# skipped: no network namespaces of its own here (unshare, ip link add type veth)\n");
		skip();
	}
	over_a_cable(&v4, HEADERS4);
	over_a_cable(&v6, HEADERS6);
	/* Taken apart before the device, as for one that cannot do it itself. */
	assert_true(run((const char *const[]){"ip", "link", "set", "near", "gso_max_segs", "1", NULL}));
	over_a_cable(&v4, HEADERS4);
	over_a_cable(&v6, HEADERS6);
	close_ends(&v4);
	close_ends(&v6);
}

int main(void)
{
	/* The namespaces last: the process stays in them. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback4),
		cmocka_unit_test(loopback6),
		cmocka_unit_test(veth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
