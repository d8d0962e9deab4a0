/* SPDX-License-Identifier: MIT */
/* The round trip as the kernel sees it: a UDP echo of 41 octets between two network namespaces, whose four stamps are all the
   kernel's, receive stamps from the packet and transmit stamps from the error queue. A line of JSON tells
   (T4 - T1) - (T3 - T2), in nanoseconds, and how many packets gave all four.

     kernel_echo CLIENT_NETNS SERVER_NETNS SERVER_ADDRESS PACKETS MEAN_INTERVAL_NS [SERVER_CORE] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "io/clock.h"
#include "bare.h"
#include "control.h"

enum { PACKETS_MAX = 100000, OCTETS = 41, PORT = 18631, PATIENCE_MS = 1000 };

/* Shared by both ends; 0: not known. */
struct stamps {
	int64_t t1, t2, t3, t4;
};

static void enter(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		bench_fail(path, -errno);
	close(fd);
}

static int stamped_socket(void)
{
	int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
		SOF_TIMESTAMPING_OPT_TSONLY;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) < 0)
		bench_fail("stamps of the kernel", -errno);
	return fd;
}

static int64_t stamp_of(struct msghdr *msg)
{
	struct scm_timestamping stamps;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING)
			continue;
		memcpy(&stamps, CMSG_DATA(c), sizeof(stamps));
		return (int64_t)stamps.ts[0].tv_sec * 1000000000 + stamps.ts[0].tv_nsec;
	}
	return 0;
}

/* What was read with its stamp: octets, or -1. from may be NULL. */
static ssize_t read_stamped(int fd, int flags, uint8_t *octets, struct sockaddr_in *from, int64_t *stamp)
{
	_Alignas(struct cmsghdr) uint8_t control[512];
	struct iovec iov = {octets, OCTETS};
	struct msghdr msg = {.msg_name = from, .msg_namelen = from ? sizeof(*from) : 0, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, flags);
	if (n >= 0)
		*stamp = stamp_of(&msg);
	return n;
}

/* The stamp of the packet that was sent last: one is under way at a time. */
static int64_t departure(int fd)
{
	uint8_t octets[OCTETS];
	int64_t stamp = 0;
	struct pollfd error = {.fd = fd};
	for (int i = 0; i < 20; i++) {
		if (read_stamped(fd, MSG_ERRQUEUE | MSG_DONTWAIT, octets, NULL, &stamp) >= 0)
			return stamp;
		(void)poll(&error, 1, 1);
	}
	return 0;
}

/* As fizeau and fizeaud wait. What the kernel does to tell of a transmit stamp it does between the stamp and the packet's
   arrival behind a veth pair, and a socket in an epoll set adds a microsecond to it. */
static int watched(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		bench_fail("epoll", -errno);
	return epoll;
}

static uint32_t number_of(const uint8_t *octets)
{
	uint32_t number;
	memcpy(&number, octets, sizeof(number));
	return number;
}

static _Noreturn void serve(int fd, struct stamps *stamps, uint32_t packets)
{
	struct epoll_event event;
	int epoll = watched(fd);

	for (;;) {
		uint8_t octets[OCTETS];
		struct sockaddr_in from;
		int64_t arrival = 0;
		(void)epoll_wait(epoll, &event, 1, -1);
		ssize_t n = read_stamped(fd, MSG_DONTWAIT, octets, &from, &arrival);
		if (n != OCTETS || number_of(octets) >= packets)
			continue;
		if (sendto(fd, octets, sizeof(octets), 0, (struct sockaddr *)&from, sizeof(from)) < 0)
			continue;
		stamps[number_of(octets)].t2 = arrival;
		stamps[number_of(octets)].t3 = departure(fd);
	}
}

static pid_t start_server(const char *netns, const struct sockaddr_in *at, struct stamps *stamps, uint32_t packets,
	int core)
{
	int ready[2];
	char one;
	if (pipe2(ready, O_CLOEXEC) < 0)
		bench_fail("pipe", -errno);
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork", -errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_pin(0, core);
		enter(netns);
		int fd = stamped_socket();
		if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 || write(ready[1], "", 1) != 1)
			bench_fail("echo server", -errno);
		serve(fd, stamps, packets);
	}
	close(ready[1]);
	if (read(ready[0], &one, 1) != 1)
		bench_fail("echo server", -ECHILD);
	close(ready[0]);
	return pid;
}

static void exchange(int fd, int epoll, uint32_t number, struct stamps *stamps)
{
	uint8_t octets[OCTETS] = {0};
	struct epoll_event event;
	int64_t arrival = 0, give_up = fz_clock_mono().ns + PATIENCE_MS * INT64_C(1000000);
	memcpy(octets, &number, sizeof(number));
	if (send(fd, octets, sizeof(octets), 0) < 0)
		return;
	stamps->t1 = departure(fd);
	while (stamps->t4 == 0 && fz_clock_mono().ns < give_up && epoll_wait(epoll, &event, 1, PATIENCE_MS) > 0) {
		if (read_stamped(fd, MSG_DONTWAIT, octets, NULL, &arrival) == OCTETS && number_of(octets) == number)
			stamps->t4 = arrival;
	}
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void print(const struct stamps *stamps, uint32_t packets)
{
	int64_t *trips = calloc(packets, sizeof(*trips));
	uint32_t whole = 0;
	if (!trips)
		bench_fail("packets", -ENOMEM);
	for (uint32_t i = 0; i < packets; i++) {
		const struct stamps *s = &stamps[i];
		if (s->t1 && s->t2 && s->t3 && s->t4)
			trips[whole++] = (s->t4 - s->t1) - (s->t3 - s->t2);
	}
	qsort(trips, whole, sizeof(*trips), by_value);
	if (whole > 0)
		printf("{\"packets\":%u,\"whole\":%u,\"median\":%lld,\"p99\":%lld}\n", packets, whole, (long long)trips[whole / 2],
			(long long)trips[whole * 99 / 100]);
	else
		printf("{\"packets\":%u,\"whole\":0}\n", packets);
	free(trips);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint32_t packets = argc == 6 || argc == 7 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;

	if (packets < 1 || packets > PACKETS_MAX || inet_pton(AF_INET, argv[3], &at.sin_addr) != 1) {
		fprintf(stderr, "usage: kernel_echo CLIENT_NETNS SERVER_NETNS SERVER_ADDRESS PACKETS MEAN_INTERVAL_NS [SERVER_CORE]\n");
		return 2;
	}
	struct fizeau_slot slot = {.exponential = true, .parameter = fizeau_duration_from_ns(strtoll(argv[5], NULL, 10))};
	struct stamps *stamps = mmap(NULL, packets * sizeof(*stamps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stamps == MAP_FAILED || getrandom(sid, sizeof(sid), 0) != (ssize_t)sizeof(sid))
		bench_fail("packets", -errno);
	struct fizeau_schedule *schedule = fizeau_schedule_new(sid, &slot, 1);
	pid_t server = start_server(argv[2], &at, stamps, packets, argc == 7 ? (int)strtol(argv[6], NULL, 10) : -1);
	enter(argv[1]);
	int fd = stamped_socket();
	if (!schedule || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		bench_fail("echo client", -errno);
	int epoll = watched(fd);
	int64_t began = fz_clock_mono().ns;
	for (uint32_t i = 0; i < packets; i++) {
		int64_t due = began + fizeau_duration_to_ns(fizeau_schedule_next(schedule));
		struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		exchange(fd, epoll, i, &stamps[i]);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	print(stamps, packets);
	fizeau_schedule_free(schedule);
	return 0;
}
