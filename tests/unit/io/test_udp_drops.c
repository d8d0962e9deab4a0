/* SPDX-License-Identifier: MIT */
/* What a flush does when the kernel takes less than it was given. Loopback always takes everything, so
   sendmmsg is replaced by one that answers from a script (linked with --wrap). A script says what is offered as the
   datagrams of each message: "1111" four single ones, "31" a train of three and a single one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "io/udp.h"

int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags);

static unsigned segment_of(struct msghdr *msg)
{
	uint16_t segment = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_SEGMENT)
			memcpy(&segment, CMSG_DATA(cmsg), sizeof(segment));
	}
	return segment;
}

/* Each call checks what is offered; a negative answer is an errno. */
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	char shape[65] = "";
	int answer;

	(void)fd;
	assert_true(flags & MSG_DONTWAIT);
	assert_in_range(count, 1, 64);
	for (unsigned i = 0; i < count; i++) {
		struct msghdr *msg = &msgs[i].msg_hdr;

		assert_in_range(msg->msg_iovlen, 1, 64);
		shape[i] = "?123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-*"[msg->msg_iovlen];
		assert_int_equal(segment_of(msg), msg->msg_iovlen > 1 ? msg->msg_iov[0].iov_len : 0);
		for (size_t j = 0; j < msg->msg_iovlen; j++)
			assert_int_equal(msg->msg_iov[j].iov_len, msg->msg_iov[0].iov_len);
	}
	check_expected_ptr(shape);
	function_called();
	answer = mock_type(int);
	for (int i = 0; i < answer; i++)
		msgs[i].msg_len = 1;
	if (answer < 0)
		errno = -answer;
	return answer < 0 ? -1 : answer;
}

static void offered(const char *shape, int answer)
{
	expect_string(__wrap_sendmmsg, shape, shape);
	expect_function_call(__wrap_sendmmsg);
	will_return(__wrap_sendmmsg, answer);
}

static int open_empty(void **state)
{
	const struct fz_udp_options options = {.batch = 64, .packet_octets = 2000};
	struct fz_addr local;
	struct fz_udp *udp;

	if (!fz_addr_parse("127.0.0.1", &local) || fz_udp_open(&local, &options, &udp) != 0)
		return -1;
	*state = udp;
	return 0;
}

/* One datagram a letter: the host by the letter, 1 octet to small ones, 2 to capitals. */
static void queue(struct fz_udp *udp, const char *to)
{
	struct fz_addr peer;

	assert_true(fz_addr_parse("127.0.0.1", &peer));
	fz_addr_set_port(&peer, 9);
	for (; *to; to++) {
		peer.in.sin_addr.s_addr = htonl(0x7f000000u | (*to & 31u));
		fz_udp_queue(udp, *to & 32 ? 1 : 2, &peer, NULL, 0);
	}
}

static int open_full(void **state)
{
	if (open_empty(state) != 0)
		return -1;
	queue(*state, "ababababab");
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
	offered("1111111111", 10);
	flushed(*state, 10);
}

static void short_count_is_retried(void **state)
{
	offered("1111111111", 4);
	offered("111111", 6);
	flushed(*state, 10);
}

static void short_count_and_full(void **state)
{
	offered("1111111111", 4);
	offered("111111", -EAGAIN);
	flushed(*state, 4);
}

static void full_twice(void **state)
{
	offered("1111111111", -EAGAIN);
	offered("1111111111", -EAGAIN);
	flushed(*state, 0);
}

static void full_once(void **state)
{
	offered("1111111111", -ENOBUFS);
	offered("1111111111", 10);
	flushed(*state, 10);
}

static void one_refused_in_the_middle(void **state)
{
	offered("1111111111", 3);
	offered("1111111", -EPERM);
	offered("111111", 6);
	flushed(*state, 9);
}

/* Which ones left, and not only how many. */
static void those_that_left_are_known(void **state)
{
	struct fz_udp *udp = *state;

	offered("2121", 1);
	offered("121", -EPERM);
	offered("21", 2);
	queue(udp, "aabccd");
	assert_int_equal(fz_udp_flush(udp), 5);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(fz_udp_left(udp, i), i != 2);
	assert_false(fz_udp_left(udp, 6));
	offered("1", -EPERM);
	queue(udp, "a");
	assert_int_equal(fz_udp_flush(udp), 0);
	assert_false(fz_udp_left(udp, 0));
	assert_false(fz_udp_left(udp, 1));
}

static void in_order_none_overtakes_one_refused(void **state)
{
	struct fz_udp *udp = *state;
	struct fz_udp_counters counters;

	offered("2121", 1);
	offered("121", -EPERM);
	queue(udp, "aabccd");
	assert_int_equal(fz_udp_flush_in_order(udp), 2);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(fz_udp_left(udp, i), i < 2);
	assert_int_equal(fz_udp_queued(udp), 0);
	fz_udp_counters(udp, &counters);
	assert_int_equal(counters.sent, 2);
	assert_int_equal(counters.send_drops, 1);
	/* A train that is refused is tried one by one all the same. */
	offered("3", -EINVAL);
	offered("111", 3);
	queue(udp, "eee");
	assert_int_equal(fz_udp_flush_in_order(udp), 3);
}

static void all_refused(void **state)
{
	static const char ten[] = "1111111111";

	for (int gone = 0; gone < 10; gone++)
		offered(ten + gone, -ENETUNREACH);
	flushed(*state, 0);
}

static void old_icmp_error(void **state)
{
	offered("1111111111", -ECONNREFUSED);
	offered("111111111", 9);
	flushed(*state, 9);
}

static void interrupted(void **state)
{
	offered("1111111111", -EINTR);
	offered("1111111111", 10);
	flushed(*state, 10);
}

static void sends(struct fz_udp *udp, const char *to, int sent)
{
	struct fz_udp_counters before, after;

	queue(udp, to);
	fz_udp_counters(udp, &before);
	assert_int_equal(fz_udp_flush(udp), sent);
	fz_udp_counters(udp, &after);
	assert_int_equal(after.sent - before.sent, sent);
	assert_int_equal(after.send_drops - before.send_drops, (int)strlen(to) - sent);
	assert_int_equal(fz_udp_queued(udp), 0);
}

static void neighbours_share_trains(void **state)
{
	offered("1", 1);
	sends(*state, "a", 1);
	offered("4", 1);
	sends(*state, "aaaa", 4);
	offered("3121", 4);
	sends(*state, "aaabAAa", 7);
	offered("*", 1);
	sends(*state, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64);
}

static void class_and_source_part_trains(void **state)
{
	struct fz_udp *udp = *state;
	struct fz_addr peer, from;

	assert_true(fz_addr_parse("127.0.0.1", &peer));
	assert_true(fz_addr_parse("127.0.0.2", &from));
	for (int i = 0; i < 3; i++)
		fz_udp_queue(udp, 1, &peer, NULL, 46);
	for (int i = 0; i < 2; i++)
		fz_udp_queue(udp, 1, &peer, NULL, 0);
	for (int i = 0; i < 4; i++)
		fz_udp_queue(udp, 1, &peer, &from, 46);
	fz_udp_queue(udp, 1, &peer, NULL, 46);
	fz_addr_set_port(&peer, 7);
	for (int i = 0; i < 2; i++)
		fz_udp_queue(udp, 1, &peer, NULL, 46);
	offered("32412", 5);
	assert_int_equal(fz_udp_flush(udp), 12);
}

static void empty_ones_are_no_train(void **state)
{
	struct fz_addr peer;

	assert_true(fz_addr_parse("127.0.0.1", &peer));
	fz_udp_queue(*state, 0, &peer, NULL, 0);
	fz_udp_queue(*state, 0, &peer, NULL, 0);
	offered("11", 2);
	assert_int_equal(fz_udp_flush(*state), 2);
}

/* 32 of 2000 octets are 64,000; a 33rd would be more than a datagram holds. */
static void no_longer_than_a_datagram(void **state)
{
	struct fz_addr peer;

	assert_true(fz_addr_parse("127.0.0.1", &peer));
	for (int i = 0; i < 64; i++)
		fz_udp_queue(*state, 2000, &peer, NULL, 0);
	offered("ww", 2);
	assert_int_equal(fz_udp_flush(*state), 64);
}

static void a_refused_train_leaves_one_by_one(void **state)
{
	static const int errors[] = {EINVAL, EMSGSIZE, EIO, EOPNOTSUPP};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char to[4] = {(char)('d' + i), (char)('d' + i), (char)('d' + i), '\0'};

		offered("3", -errors[i]);
		offered("111", 3);
		sends(*state, to, 3);
		/* And it is remembered, for this host. */
		offered("111", 3);
		sends(*state, to, 3);
		offered("2", 1);
		sends(*state, "aa", 2);
	}
}

static void refused_between_others(void **state)
{
	offered("213", 2);
	offered("3", -EIO);
	offered("111", 1);
	/* One of them meets an error of its own. */
	offered("11", -EPERM);
	offered("1", 1);
	sends(*state, "aabccc", 5);
	offered("21112", 5);
	sends(*state, "aacccbb", 7);
}

static void a_train_after_a_refused_one_is_still_one(void **state)
{
	offered("32", -EINVAL);
	offered("1112", 4);
	sends(*state, "aaabb", 5);
}

static void shorter_ones_may_fit(void **state)
{
	offered("2", -EMSGSIZE);
	offered("11", 2);
	sends(*state, "AA", 2);
	offered("211", 3);
	sends(*state, "aaAA", 4);
	/* IPsec is in the way of any length. */
	offered("2", -EIO);
	offered("11", 2);
	sends(*state, "BB", 2);
	offered("11", 2);
	sends(*state, "bb", 2);
}

static void errors_of_the_datagrams_are_not_the_trains(void **state)
{
	offered("2", -EPERM);
	offered("11", -EPERM);
	offered("1", -EPERM);
	sends(*state, "aa", 0);
	offered("2", 1);
	sends(*state, "aa", 2);
}

static void full_in_the_middle_of_trains(void **state)
{
	offered("312", 1);
	offered("12", -EAGAIN);
	sends(*state, "aaabcc", 3);
	offered("23", -ENOBUFS);
	offered("23", 1);
	offered("3", -ENOBUFS);
	sends(*state, "aabbb", 2);
	/* A train that the full queue keeps back is not refused. */
	offered("3", 1);
	sends(*state, "bbb", 3);
}

static void a_refusal_is_forgotten(void **state)
{
	offered("2", -EIO);
	offered("11", 2);
	sends(*state, "aa", 2);
	for (int i = 0; i < 1024; i++) {
		offered("11", 2);
		sends(*state, "aa", 2);
	}
	offered("2", 1);
	sends(*state, "aa", 2);
}

/* What one socket is refused another is not, even if it comes to lie in the same place. */
static void a_refusal_goes_with_its_socket(void **state)
{
	struct fz_udp_batch *batch = fz_udp_batch_new(4, 10);
	const struct fz_udp_options options = {.shared = batch};
	struct fz_addr local;
	struct fz_udp *one, *two;

	(void)state;
	assert_true(fz_addr_parse("127.0.0.1", &local));
	assert_int_equal(fz_udp_open(&local, &options, &one), 0);
	assert_int_equal(fz_udp_open(&local, &options, &two), 0);
	offered("2", -EIO);
	offered("11", 2);
	sends(one, "aa", 2);
	offered("2", 1);
	sends(two, "aa", 2);
	fz_udp_close(one);
	assert_int_equal(fz_udp_open(&local, &options, &one), 0);
	offered("2", 1);
	sends(one, "aa", 2);
	fz_udp_close(one);
	fz_udp_close(two);
	fz_udp_batch_free(batch);
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
		cmocka_unit_test_setup_teardown(those_that_left_are_known, open_empty, close_it),
		cmocka_unit_test_setup_teardown(in_order_none_overtakes_one_refused, open_empty, close_it),
		cmocka_unit_test_setup_teardown(all_refused, open_full, close_it),
		cmocka_unit_test_setup_teardown(old_icmp_error, open_full, close_it),
		cmocka_unit_test_setup_teardown(interrupted, open_full, close_it),
		cmocka_unit_test_setup_teardown(neighbours_share_trains, open_empty, close_it),
		cmocka_unit_test_setup_teardown(class_and_source_part_trains, open_empty, close_it),
		cmocka_unit_test_setup_teardown(empty_ones_are_no_train, open_empty, close_it),
		cmocka_unit_test_setup_teardown(no_longer_than_a_datagram, open_empty, close_it),
		cmocka_unit_test_setup_teardown(a_refused_train_leaves_one_by_one, open_empty, close_it),
		cmocka_unit_test_setup_teardown(refused_between_others, open_empty, close_it),
		cmocka_unit_test_setup_teardown(a_train_after_a_refused_one_is_still_one, open_empty, close_it),
		cmocka_unit_test_setup_teardown(shorter_ones_may_fit, open_empty, close_it),
		cmocka_unit_test_setup_teardown(errors_of_the_datagrams_are_not_the_trains, open_empty, close_it),
		cmocka_unit_test_setup_teardown(full_in_the_middle_of_trains, open_empty, close_it),
		cmocka_unit_test_setup_teardown(a_refusal_is_forgotten, open_empty, close_it),
		cmocka_unit_test(a_refusal_goes_with_its_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
