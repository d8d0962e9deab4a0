/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "io/stamping.h"

static const struct fz_clock test_clock = {.error_estimate = 0x0c55, .synchronized = true, .error_ns = 1000};

struct control {
	_Alignas(struct cmsghdr) uint8_t octets[CMSG_SPACE(sizeof(struct scm_timestamping))];
};

static struct cmsghdr *fill(struct control *control, int type, const void *data, size_t len)
{
	struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(*control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	memset(control, 0, sizeof(*control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	return cmsg;
}

static struct fizeau_stamp read_stamps(struct timespec kernel, struct timespec card)
{
	struct scm_timestamping stamps = {.ts = {kernel, {0, 0}, card}};
	struct fizeau_stamp stamp = {0};
	struct control control;

	assert_true(fz_stamping_read(
		fill(&control, SCM_TIMESTAMPING, &stamps, sizeof(stamps)), &test_clock, &stamp));
	return stamp;
}

static void kernel_stamp(void **state)
{
	struct fizeau_stamp stamp = read_stamps((struct timespec){100, 250}, (struct timespec){0, 0});

	(void)state;
	assert_int_equal(stamp.source, FIZEAU_STAMP_KERNEL);
	assert_true(stamp.ntp == fizeau_ntp_from_unix(100, 250));
	assert_int_equal(stamp.error, test_clock.error_estimate);
}

/*= rfc2330#section-10.2 FW-10.2-01 */
static void card_stamp_counts_the_lead_as_error(void **state)
{
	/* Over the edge of a second. */
	struct fizeau_stamp stamp =
		read_stamps((struct timespec){101, 10000}, (struct timespec){100, 999990000});

	(void)state;
	assert_int_equal(stamp.source, FIZEAU_STAMP_HARDWARE);
	assert_true(stamp.ntp == fizeau_ntp_from_unix(100, 999990000));
	assert_true(fizeau_error_estimate_ns(stamp.error) >= 21000);
	assert_true(fizeau_error_estimate_synchronized(stamp.error));
}

static void card_of_another_clock_is_not_believed(void **state)
{
	struct timespec kernel = {2000000000, 500};
	/* TAI; free-running since the card came up; after the kernel; too long before. */
	static const struct timespec cards[] = {
		{2000000037, 0}, {3, 7}, {2000000000, 501}, {1999999999, 998999999}};

	(void)state;
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		struct fizeau_stamp stamp = read_stamps(kernel, cards[i]);

		assert_int_equal(stamp.source, FIZEAU_STAMP_KERNEL);
		assert_true(stamp.ntp == fizeau_ntp_from_unix(kernel.tv_sec, (uint32_t)kernel.tv_nsec));
	}
}

static void older_option(void **state)
{
	struct timespec when = {7, 9};
	struct fizeau_stamp stamp;
	struct control control;

	(void)state;
	assert_true(
		fz_stamping_read(fill(&control, SCM_TIMESTAMPNS, &when, sizeof(when)), &test_clock, &stamp));
	assert_true(stamp.ntp == fizeau_ntp_from_unix(7, 9));
	assert_int_equal(stamp.source, FIZEAU_STAMP_KERNEL);
}

static void no_stamp(void **state)
{
	struct scm_timestamping empty = {0};
	struct timespec when = {7, 9};
	struct fizeau_stamp stamp;
	struct control control;
	struct cmsghdr *cmsg;

	(void)state;
	assert_false(fz_stamping_read(
		fill(&control, SCM_TIMESTAMPING, &empty, sizeof(empty)), &test_clock, &stamp));
	assert_false(fz_stamping_read(fill(&control, SCM_RIGHTS, &when, sizeof(when)), &test_clock, &stamp));
	assert_false(fz_stamping_read(fill(&control, SCM_TIMESTAMPNS, &when, 8), &test_clock, &stamp));
	assert_false(
		fz_stamping_read(fill(&control, SCM_TIMESTAMPING, &when, sizeof(when)), &test_clock, &stamp));
	cmsg = fill(&control, SCM_TIMESTAMPNS, &when, sizeof(when));
	cmsg->cmsg_level = 0;
	assert_false(fz_stamping_read(cmsg, &test_clock, &stamp));
}

static void a_descriptor_without_stamps_says_so(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fz_stamping_enable(ends[0]), FIZEAU_STAMP_USER);
	close(ends[0]);
	close(ends[1]);
}

/* A message of the error queue: a stamp where there is one, and an extended error. */
struct news {
	int level, type;
	struct sock_extended_err error;
	struct scm_timestamping stamps;
	bool stamped;
};

static bool read_news(const struct news *news, uint32_t *id, struct fizeau_stamp *stamp)
{
	_Alignas(struct cmsghdr) uint8_t octets[256] = {0};
	struct msghdr msg = {.msg_control = octets, .msg_controllen = sizeof(octets)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (news->stamped) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_TIMESTAMPING;
		cmsg->cmsg_len = CMSG_LEN(sizeof(news->stamps));
		memcpy(CMSG_DATA(cmsg), &news->stamps, sizeof(news->stamps));
		cmsg = CMSG_NXTHDR(&msg, cmsg);
	}
	cmsg->cmsg_level = news->level;
	cmsg->cmsg_type = news->type;
	cmsg->cmsg_len = CMSG_LEN(sizeof(news->error));
	memcpy(CMSG_DATA(cmsg), &news->error, sizeof(news->error));
	msg.msg_controllen = (size_t)((uint8_t *)cmsg - octets) + CMSG_SPACE(sizeof(news->error));
	return fz_stamping_read_sent(&msg, &test_clock, id, stamp);
}

static struct news left_at(struct timespec kernel, struct timespec card)
{
	return (struct news){
		.level = IPPROTO_IP,
		.type = IP_RECVERR,
		.error = {.ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING, .ee_info = SCM_TSTAMP_SND, .ee_data = 77},
		.stamps = {.ts = {kernel, {0, 0}, card}},
		.stamped = true,
	};
}

static void transmit_stamps(void **state)
{
	struct news kernel = left_at((struct timespec){100, 250}, (struct timespec){0, 0});
	struct news card = left_at((struct timespec){0, 0}, (struct timespec){100, 900});
	struct fizeau_stamp stamp = {0};
	uint32_t id = 0;

	(void)state;
	assert_true(read_news(&kernel, &id, &stamp));
	assert_int_equal(id, 77);
	assert_int_equal(stamp.source, FIZEAU_STAMP_KERNEL);
	assert_true(stamp.ntp == fizeau_ntp_from_unix(100, 250));
	assert_int_equal(stamp.error, test_clock.error_estimate);
	kernel.level = IPPROTO_IPV6;
	kernel.type = IPV6_RECVERR;
	assert_true(read_news(&kernel, &id, &stamp));
	assert_true(read_news(&card, &id, &stamp));
	assert_int_equal(stamp.source, FIZEAU_STAMP_HARDWARE);
	assert_true(stamp.ntp == fizeau_ntp_from_unix(100, 900));
}

static void other_news_is_no_transmit_stamp(void **state)
{
	struct news good = left_at((struct timespec){100, 250}, (struct timespec){0, 0}), bad = good;
	struct fizeau_stamp stamp = {0};
	uint32_t id = 0;

	(void)state;
	/* An ICMP error, which has a number in the same place. */
	bad.error.ee_origin = SO_EE_ORIGIN_ICMP;
	bad.error.ee_errno = ECONNREFUSED;
	assert_false(read_news(&bad, &id, &stamp));
	bad.stamped = false;
	assert_false(read_news(&bad, &id, &stamp));
	/* When it was queued, which is before it left. */
	bad = good;
	bad.error.ee_info = SCM_TSTAMP_SCHED;
	assert_false(read_news(&bad, &id, &stamp));
	bad = good;
	bad.stamped = false;
	assert_false(read_news(&bad, &id, &stamp));
	bad = left_at((struct timespec){0, 0}, (struct timespec){0, 0});
	assert_false(read_news(&bad, &id, &stamp));
	bad = good;
	bad.type = IP_PKTINFO;
	assert_false(read_news(&bad, &id, &stamp));
}

static void card_that_left_counts_its_lag_as_error(void **state)
{
	struct fizeau_stamp kernel = fz_clock_stamp(&test_clock, (struct timespec){100, 999990000}, FIZEAU_STAMP_KERNEL);
	struct fizeau_stamp card = fz_clock_stamp(&test_clock, (struct timespec){101, 10000}, FIZEAU_STAMP_HARDWARE);
	int64_t error_ns = fizeau_error_estimate_ns(kernel.error);
	/* TAI; before the kernel; too long after. */
	static const struct timespec others[] = {{137, 999990000}, {100, 999989000}, {101, 1000000}};

	(void)state;
	kernel.error |= 0x8000; /* S: synchronised */
	assert_true(fz_stamping_card_left(&kernel, &card));
	assert_true(fizeau_error_estimate_ns(card.error) >= error_ns + 19999);
	assert_true(fizeau_error_estimate_synchronized(card.error));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		card = fz_clock_stamp(&test_clock, others[i], FIZEAU_STAMP_HARDWARE);
		assert_false(fz_stamping_card_left(&kernel, &card));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_stamp),
		cmocka_unit_test(card_stamp_counts_the_lead_as_error),
		cmocka_unit_test(card_of_another_clock_is_not_believed),
		cmocka_unit_test(older_option),
		cmocka_unit_test(no_stamp),
		cmocka_unit_test(transmit_stamps),
		cmocka_unit_test(other_news_is_no_transmit_stamp),
		cmocka_unit_test(card_that_left_counts_its_lag_as_error),
		cmocka_unit_test(a_descriptor_without_stamps_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
