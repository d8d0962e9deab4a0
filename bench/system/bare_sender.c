/* SPDX-License-Identifier: MIT */
/* The sender that fizeau is measured against: clock_nanosleep, without timer slack, until a packet is due, send it, see what
   came back from a bare reflector (bare.h) of its own. No session, no stamp of the kernel's, no cryptography. A line of JSON tells how late the
   packets left (scheduled to the clock right before the system call), how many came back, and how many left only when the
   next one was due already (missed).

     bare_sender periodic|poisson PACKETS INTERVAL_NS [REFLECTOR_CORE [poll]]

   poll: the reflector does not sleep, as a fizeaud with busy-poll. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <netinet/in.h>
#include "io/clock.h"
#include "bare.h"
#include "control.h"

enum { OCTETS = 41, DRAINED = 32 };

struct test {
	long packets;
	int64_t *late;
	long received, missed, refused;
	int fd;
};

static void drain(struct test *test)
{
	uint8_t octets[DRAINED][BENCH_PACKET_MAX];
	struct iovec iov[DRAINED];
	struct mmsghdr messages[DRAINED];
	int n;
	for (int i = 0; i < DRAINED; i++) {
		iov[i] = (struct iovec){octets[i], BENCH_PACKET_MAX};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	n = recvmmsg(test->fd, messages, DRAINED, MSG_DONTWAIT, NULL);
	test->received += n > 0 ? n : 0;
}

static void run(struct test *test, struct fizeau_schedule *schedule)
{
	/* Without it the kernel may wake us 50 us late to save power, which is no fault of the loop's. */
	(void)prctl(PR_SET_TIMERSLACK, 1);
	int64_t began = fz_clock_mono().ns + 10000000;
	int64_t due = began + fizeau_duration_to_ns(fizeau_schedule_next(schedule));
	for (long i = 0; i < test->packets; i++) {
		uint8_t octets[OCTETS] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		int64_t next = began + fizeau_duration_to_ns(fizeau_schedule_next(schedule));
		struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		int64_t now = fz_clock_mono().ns;
		test->late[i] = now - due;
		test->missed += now >= next && next > due;
		test->refused += send(test->fd, octets, sizeof(octets), 0) < 0;
		drain(test);
		due = next;
	}
	int64_t give_up = fz_clock_mono().ns + 2000000000;
	while (test->received < test->packets - test->refused && fz_clock_mono().ns < give_up)
		drain(test);
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	struct test test = {0};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint16_t port;

	if (argc < 4 || argc > 6 || (argc == 6 && strcmp(argv[5], "poll")) || (strcmp(argv[1], "periodic") && strcmp(argv[1], "poisson"))) {
		fprintf(stderr, "usage: bare_sender periodic|poisson PACKETS INTERVAL_NS [REFLECTOR_CORE [poll]]\n");
		return 2;
	}
	struct fizeau_slot slot = {.exponential = argv[1][1] == 'o',
		.parameter = fizeau_duration_from_ns(strtoll(argv[3], NULL, 10))};
	test.packets = strtol(argv[2], NULL, 10);
	test.late = test.packets > 0 ? calloc((size_t)test.packets, sizeof(*test.late)) : NULL;
	if (!test.late || getrandom(sid, sizeof(sid), 0) != (ssize_t)sizeof(sid))
		bench_fail("packets", -EINVAL);
	struct fizeau_schedule *schedule = fizeau_schedule_new(sid, &slot, 1);
	if (!schedule)
		bench_fail("schedule", FIZEAU_ERR_MEMORY);
	bench_bare_start(BENCH_REFLECT_TRAINS, argc == 6, argc > 4 ? (int)strtol(argv[4], NULL, 10) : -1, &port);
	test.fd = bench_udp_socket(INADDR_LOOPBACK, &(uint16_t){0});
	to.sin_port = htons(port);
	if (connect(test.fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_fail("connect", -errno);
	run(&test, schedule);
	qsort(test.late, (size_t)test.packets, sizeof(*test.late), by_value);
	printf("{\"sent\":%ld,\"refused\":%ld,\"received\":%ld,\"missed\":%ld,"
	       "\"late_ns\":{\"median\":%lld,\"p99\":%lld,\"max\":%lld}}\n",
		test.packets - test.refused, test.refused, test.received, test.missed, (long long)test.late[test.packets / 2],
		(long long)test.late[test.packets * 99 / 100], (long long)test.late[test.packets - 1]);
	fizeau_schedule_free(schedule);
	free(test.late);
	return 0;
}
