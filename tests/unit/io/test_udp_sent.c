/* SPDX-License-Identifier: MIT */
/* Transmit stamps over loopback, by names of our own and as the kernel counts. What a kernel knows is found out by a probe
   with sendmsg, which is replaced by one that can forget (linked with --wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "io/stamping.h"
#include "io/udp.h"

enum { BATCH = 64, OCTETS = 100 };

ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);

/* How many octets of control messages the kernel knows. */
static size_t known = SIZE_MAX;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (msg->msg_controllen > known) {
		errno = EINVAL;
		return -1;
	}
	return __real_sendmsg(fd, msg, flags);
}

static struct fz_udp *open_it(const char *host, bool sent_stamps)
{
	const struct fz_udp_options options = {.batch = BATCH, .packet_octets = OCTETS, .receive_buffer = 4 << 20,
		.sent_stamps = sent_stamps};
	struct fz_addr local;
	struct fz_udp *udp;

	assert_true(fz_addr_parse(host, &local));
	return fz_udp_open(&local, &options, &udp) == 0 ? udp : NULL;
}

static void queue(struct fz_udp *udp, size_t len, const struct fz_addr *peer)
{
	memset(fz_udp_room(udp), 0, len);
	fz_udp_queue(udp, len, peer, NULL, 0);
}

/* The next stamps of the kernel, which must be those of these ids, each between before and now. */
static void expect_sent(struct fz_udp *udp, const uint32_t *ids, int count, struct fizeau_stamp before)
{
	const struct fz_sent_stamp *sent;
	struct fz_clock clock;
	int at = 0;

	fz_clock_ask(&clock);
	while (at < count) {
		struct pollfd pfd = {.fd = fz_udp_fd(udp)};
		struct fizeau_stamp now;
		int read;

		assert_int_equal(poll(&pfd, 1, 10000), 1);
		assert_true(pfd.revents & POLLERR);
		read = fz_udp_read_sent(udp, &clock, &sent);
		now = fz_clock_wall(&clock);
		assert_in_range(read, 1, count - at);
		for (int i = 0; i < read; i++) {
			assert_int_equal(sent[i].id, ids[at++]);
			assert_int_equal(sent[i].stamp.source, FIZEAU_STAMP_KERNEL);
			assert_true(fizeau_ntp_diff_ns(sent[i].stamp.ntp, before.ntp) >= 0);
			assert_true(fizeau_ntp_diff_ns(now.ntp, sent[i].stamp.ntp) >= 0);
		}
	}
	assert_int_equal(fz_udp_read_sent(udp, &clock, &sent), 0);
}

static struct fizeau_stamp now_stamp(void)
{
	struct fz_clock clock;

	fz_clock_ask(&clock);
	return fz_clock_wall(&clock);
}

/* Of trains and single ones, those that are wanted and no others. */
static void some_are_told(const char *host)
{
	static const uint32_t wanted[] = {5, 6, 20, 30, 0xfffffff0u};
	struct fz_udp *from = open_it(host, true), *to = open_it(host, false);
	struct fizeau_stamp before = now_stamp();
	struct fz_addr peer;

	if (from == NULL || to == NULL) {
		fz_udp_close(from);
		fz_udp_close(to);
		skip();
	}
	assert_true(fz_udp_tells_sent(from));
	assert_false(fz_udp_tells_sent(to));
	fz_udp_local(to, &peer);
	for (int round = 0; round < 600; round++) {
		size_t at = 0;

		for (uint32_t i = 0; i < 40; i++) {
			queue(from, i < 35 ? 41 : 42, &peer);
			if (i == wanted[at] || i == 39)
				fz_udp_want_sent(from, wanted[at++]);
		}
		assert_int_equal(fz_udp_flush(from), 40);
		expect_sent(from, wanted, 5, before);
	}
	fz_udp_close(from);
	fz_udp_close(to);
}

static void by_our_names(void **state)
{
	(void)state;
	known = SIZE_MAX;
	some_are_told("127.0.0.1");
	some_are_told("::1");
}

static void as_the_kernel_counts(void **state)
{
	(void)state;
	known = FZ_STAMPING_WANT_OCTETS / 2;
	some_are_told("127.0.0.1");
	some_are_told("::1");
	known = SIZE_MAX;
}

static void a_refused_one_does_not_shift_the_others(void **state)
{
	static const uint32_t good[] = {1, 3};
	struct fz_udp *udp = open_it("127.0.0.1", true);
	struct fz_addr at, nowhere;

	(void)state;
	fz_udp_local(udp, &at);
	nowhere = at;
	fz_addr_set_port(&nowhere, 0);
	for (int round = 0; round < 3; round++) {
		struct fizeau_stamp before = now_stamp();

		for (uint32_t i = 0; i < 5; i++) {
			queue(udp, 10, i & 1 ? &at : &nowhere);
			fz_udp_want_sent(udp, i);
		}
		assert_int_equal(fz_udp_flush(udp), 2);
		expect_sent(udp, good, 2, before);
	}
	fz_udp_close(udp);
}

/* The kernel may have counted the one that failed, or not: it counts anew, and what lies behind the stamp that the caller
   took is its own. */
static void a_refused_one_where_the_kernel_counts(void **state)
{
	const struct fz_sent_stamp *sent;
	struct fizeau_stamp before;
	struct fz_clock clock;
	struct fz_udp *udp;
	struct fz_addr at, nowhere;
	int read, own = 0;

	(void)state;
	known = FZ_STAMPING_WANT_OCTETS / 2;
	udp = open_it("127.0.0.1", true);
	known = SIZE_MAX;
	fz_udp_local(udp, &at);
	nowhere = at;
	fz_addr_set_port(&nowhere, 0);
	for (uint32_t i = 0; i < 5; i++) {
		queue(udp, 10, i & 1 ? &at : &nowhere);
		fz_udp_want_sent(udp, i);
	}
	assert_int_equal(fz_udp_flush(udp), 2);
	before = now_stamp();
	queue(udp, 10, &at);
	fz_udp_want_sent(udp, 9);
	assert_int_equal(fz_udp_flush(udp), 1);
	fz_clock_ask(&clock);
	while ((read = fz_udp_read_sent(udp, &clock, &sent)) > 0) {
		for (int i = 0; i < read; i++) {
			if (fizeau_ntp_diff_ns(sent[i].stamp.ntp, before.ntp) < 0)
				continue;
			assert_int_equal(sent[i].id, 9);
			own++;
		}
	}
	assert_int_equal(read, 0);
	assert_int_equal(own, 1);
	fz_udp_close(udp);
}

static void a_kernel_without(void **state)
{
	struct fz_udp *udp;
	const struct fz_sent_stamp *sent;
	struct fz_clock clock;
	struct fz_addr at;

	(void)state;
	known = 0;
	udp = open_it("127.0.0.1", true);
	fz_udp_local(udp, &at);
	assert_false(fz_udp_tells_sent(udp));
	queue(udp, 10, &at);
	fz_udp_want_sent(udp, 1);
	assert_int_equal(fz_udp_flush(udp), 1);
	fz_clock_ask(&clock);
	assert_int_equal(fz_udp_read_sent(udp, &clock, &sent), 0);
	fz_udp_close(udp);
	known = SIZE_MAX;
}

/* Finding out what the kernel knows sends nothing. */
static void the_probe_stays_here(void **state)
{
	struct fz_udp *udp = open_it("127.0.0.1", true);
	struct pollfd pfd = {.fd = fz_udp_fd(udp), .events = POLLIN};
	struct fz_udp_counters counters;

	(void)state;
	assert_int_equal(poll(&pfd, 1, 0), 0);
	fz_udp_counters(udp, &counters);
	assert_int_equal(counters.sent, 0);
	fz_udp_close(udp);
}

static void buffers_for_a_stall(void **state)
{
	struct fz_udp *udp = open_it("127.0.0.1", false);
	int small = fz_udp_receive_buffer_for(0, 41), large = fz_udp_receive_buffer_for(100000, 41);

	(void)state;
	assert_true(small > 0);
	/* 50 ms of it, at least 512 octets of the kernel's for each. */
	assert_true(large - small >= 5000 * 512);
	assert_true(fz_udp_receive_buffer_for(100000, 1400) > large);
	assert_true(fz_udp_receive_buffer_for(UINT64_MAX, SIZE_MAX) > 0);
	assert_true(fz_udp_receive_buffer(udp, 1));
	assert_true(fz_udp_receive_buffer(udp, 4 << 20));
	fz_udp_close(udp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_our_names),
		cmocka_unit_test(as_the_kernel_counts),
		cmocka_unit_test(a_refused_one_does_not_shift_the_others),
		cmocka_unit_test(a_refused_one_where_the_kernel_counts),
		cmocka_unit_test(a_kernel_without),
		cmocka_unit_test(the_probe_stays_here),
		cmocka_unit_test(buffers_for_a_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
