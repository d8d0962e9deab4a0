/* SPDX-License-Identifier: MIT */
/* What a flush does when the kernel takes less than it was given. Loopback always takes everything, so
   sendmmsg is replaced by one that answers from a script (linked with --wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "io/udp.h"

int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags);

/* Each call checks what is offered; a negative answer is an errno. */
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	int answer;

	(void)fd;
	assert_true(flags & MSG_DONTWAIT);
	check_expected(count);
	function_called();
	answer = mock_type(int);
	for (int i = 0; i < answer; i++)
		msgs[i].msg_len = 1;
	if (answer < 0)
		errno = -answer;
	return answer < 0 ? -1 : answer;
}

static void offered(unsigned count, int answer)
{
	expect_value(__wrap_sendmmsg, count, count);
	expect_function_call(__wrap_sendmmsg);
	will_return(__wrap_sendmmsg, answer);
}

static int open_full(void **state)
{
	const struct fz_udp_options options = {.batch = 10, .packet_octets = 10};
	struct fz_addr local;
	struct fz_udp *udp;

	if (!fz_addr_parse("127.0.0.1", &local) || fz_udp_open(&local, &options, &udp) != 0)
		return -1;
	fz_udp_local(udp, &local);
	for (int i = 0; i < 10; i++)
		fz_udp_queue(udp, 1, &local, NULL, 0);
	*state = udp;
	return 0;
}

static int close_it(void **state)
{
	fz_udp_close(*state);
	return 0;
}

static void flushed(struct fz_udp *udp, int sent)
{
	struct fz_udp_counters counters;

	assert_int_equal(fz_udp_flush(udp), sent);
	fz_udp_counters(udp, &counters);
	assert_int_equal(counters.sent, sent);
	assert_int_equal(counters.send_drops, 10 - sent);
	assert_int_equal(fz_udp_queued(udp), 0);
}

static void whole(void **state)
{
	offered(10, 10);
	flushed(*state, 10);
}

static void short_count_is_retried(void **state)
{
	offered(10, 4);
	offered(6, 6);
	flushed(*state, 10);
}

static void short_count_and_full(void **state)
{
	offered(10, 4);
	offered(6, -EAGAIN);
	flushed(*state, 4);
}

static void full_twice(void **state)
{
	offered(10, -EAGAIN);
	offered(10, -EAGAIN);
	flushed(*state, 0);
}

static void full_once(void **state)
{
	offered(10, -ENOBUFS);
	offered(10, 10);
	flushed(*state, 10);
}

static void one_refused_in_the_middle(void **state)
{
	offered(10, 3);
	offered(7, -EPERM);
	offered(6, 6);
	flushed(*state, 9);
}

static void all_refused(void **state)
{
	for (unsigned left = 10; left > 0; left--)
		offered(left, -ENETUNREACH);
	flushed(*state, 0);
}

static void old_icmp_error(void **state)
{
	offered(10, -ECONNREFUSED);
	offered(9, 9);
	flushed(*state, 9);
}

static void interrupted(void **state)
{
	offered(10, -EINTR);
	offered(10, 10);
	flushed(*state, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, open_full, close_it),
		cmocka_unit_test_setup_teardown(short_count_is_retried, open_full, close_it),
		cmocka_unit_test_setup_teardown(short_count_and_full, open_full, close_it),
		cmocka_unit_test_setup_teardown(full_twice, open_full, close_it),
		cmocka_unit_test_setup_teardown(full_once, open_full, close_it),
		cmocka_unit_test_setup_teardown(one_refused_in_the_middle, open_full, close_it),
		cmocka_unit_test_setup_teardown(all_refused, open_full, close_it),
		cmocka_unit_test_setup_teardown(old_icmp_error, open_full, close_it),
		cmocka_unit_test_setup_teardown(interrupted, open_full, close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
