/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include "bare.h"
#include "control.h"

enum { SENDER_HEADER = 14, REFLECTOR_HEADER = 41 };

struct loop {
	int fd;
	enum bench_bare bare;
	uint32_t number;
	uint8_t octets[BENCH_BATCH][BENCH_PACKET_MAX], reply[BENCH_BATCH][BENCH_PACKET_MAX];
	struct sockaddr_in from[BENCH_BATCH];
	struct iovec in[BENCH_BATCH], out[BENCH_BATCH];
	struct mmsghdr read[BENCH_BATCH], sent[BENCH_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BENCH_BATCH][320];
	_Alignas(struct cmsghdr) uint8_t segment[BENCH_BATCH][CMSG_SPACE(sizeof(uint16_t))];
};

int bench_udp_socket(uint32_t address, uint16_t *port)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	socklen_t len = sizeof(local);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), buffer = BENCH_BUFFER;
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, len) < 0 || getsockname(fd, (struct sockaddr *)&local, &len) < 0)
		bench_fail("UDP socket", -errno);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0)
		bench_fail("receive buffer", -errno);
	*port = ntohs(local.sin_port);
	return fd;
}

void bench_pin(pid_t pid, int core)
{
	cpu_set_t cores;
	CPU_ZERO(&cores);
	if (core < 0)
		return;
	CPU_SET((size_t)core, &cores);
	if (sched_setaffinity(pid, sizeof(cores), &cores) < 0)
		bench_fail("core", -errno);
}

static void ask(int fd, int level, int option)
{
	int on = 1;
	if (setsockopt(fd, level, option, &on, sizeof(on)) < 0)
		bench_fail("socket option", -errno);
}

static bool follows(const struct loop *loop, int i)
{
	return i > 0 && loop->out[i].iov_len == loop->out[i - 1].iov_len &&
		loop->from[i].sin_port == loop->from[i - 1].sin_port &&
		loop->from[i].sin_addr.s_addr == loop->from[i - 1].sin_addr.s_addr;
}

static void add_segment(struct loop *loop, int i)
{
	struct msghdr *msg = &loop->sent[i].msg_hdr;
	struct cmsghdr header = {.cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
	uint16_t len = (uint16_t)msg->msg_iov->iov_len;
	memcpy(loop->segment[i], &header, sizeof(header));
	memcpy(loop->segment[i] + CMSG_LEN(0), &len, sizeof(len));
	msg->msg_control = loop->segment[i];
	msg->msg_controllen = sizeof(loop->segment[i]);
}

static void write32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void write_ntp(uint8_t *at, struct timespec t)
{
	write32(at, (uint32_t)((uint64_t)t.tv_sec + 2208988800u));
	write32(at + 4, (uint32_t)(((uint64_t)t.tv_nsec << 32) / 1000000000u));
}

/* What the kernel tells of a packet: arrival and TTL go into the reflection, class and address are looked at. */
struct told {
	struct timespec arrival;
	int ttl, class;
	struct in_pktinfo to;
};

static struct told read_control(struct msghdr *msg)
{
	struct told told = {.ttl = 255};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&told.arrival, CMSG_DATA(c), sizeof(told.arrival));
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
			memcpy(&told.ttl, CMSG_DATA(c), sizeof(told.ttl));
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			told.class = *CMSG_DATA(c);
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&told.to, CMSG_DATA(c), sizeof(told.to));
	}
	return told;
}

/* RFC 5357 4.2.1 in open mode, all but T3. Returns its octets, 0 if it is none of ours. */
static size_t reflect(struct loop *loop, int i)
{
	const uint8_t *in = loop->octets[i];
	uint8_t *out = loop->reply[i];
	size_t len = loop->read[i].msg_len;
	struct told told = read_control(&loop->read[i].msg_hdr);

	if (len < SENDER_HEADER || told.to.ipi_ifindex == 0 || told.class != 0)
		return 0;
	write32(out, loop->number++);
	write32(out + 12, 0x80010000); /* Error Estimate, MBZ */
	write_ntp(out + 16, told.arrival);
	memcpy(out + 24, in, SENDER_HEADER);
	out[38] = out[39] = 0;
	out[40] = (uint8_t)told.ttl;
	if (len > REFLECTOR_HEADER)
		memcpy(out + REFLECTOR_HEADER, in + SENDER_HEADER, len - REFLECTOR_HEADER);
	return len > REFLECTOR_HEADER ? len : REFLECTOR_HEADER;
}

static void prepare(struct loop *loop, int count)
{
	struct timespec now;
	for (int i = 0; i < count; i++) {
		if (loop->bare < BENCH_REFLECT)
			loop->out[i] = (struct iovec){loop->octets[i], loop->read[i].msg_len};
		else
			loop->out[i] = (struct iovec){loop->reply[i], reflect(loop, i)};
	}
	for (int i = 0; i < count && loop->bare >= BENCH_REFLECT; i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		write_ntp(loop->reply[i] + 4, now);
	}
}

static void send_back(struct loop *loop, int count)
{
	bool trains = loop->bare == BENCH_ECHO_TRAINS || loop->bare == BENCH_REFLECT_TRAINS;
	int messages = 0;

	prepare(loop, count);
	for (int i = 0; i < count; i++) {
		if (loop->out[i].iov_len == 0)
			continue;
		if (trains && messages > 0 && follows(loop, i)) {
			if (loop->sent[messages - 1].msg_hdr.msg_iovlen++ == 1)
				add_segment(loop, messages - 1);
			continue;
		}
		loop->sent[messages++].msg_hdr = (struct msghdr){.msg_name = &loop->from[i], .msg_namelen = sizeof(loop->from[i]),
			.msg_iov = &loop->out[i], .msg_iovlen = 1};
	}
	for (int at = 0; at < messages;) {
		int sent = sendmmsg(loop->fd, loop->sent + at, (unsigned)(messages - at), 0);
		at += sent > 0 ? sent : 1;
	}
}

static _Noreturn void serve(int fd, enum bench_bare bare, bool polls)
{
	static struct loop loop;
	loop.fd = fd;
	loop.bare = bare;
	ask(fd, SOL_SOCKET, SO_TIMESTAMPNS);
	ask(fd, IPPROTO_IP, IP_PKTINFO);
	ask(fd, IPPROTO_IP, IP_RECVTTL);
	ask(fd, IPPROTO_IP, IP_RECVTOS);
	for (;;) {
		for (int i = 0; i < BENCH_BATCH; i++) {
			loop.in[i] = (struct iovec){loop.octets[i], BENCH_PACKET_MAX};
			loop.read[i].msg_hdr = (struct msghdr){.msg_name = &loop.from[i], .msg_namelen = sizeof(loop.from[i]),
				.msg_iov = &loop.in[i], .msg_iovlen = 1, .msg_control = loop.control[i],
				.msg_controllen = sizeof(loop.control[i])};
		}
		int count = recvmmsg(fd, loop.read, BENCH_BATCH, polls ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
		if (count > 0)
			send_back(&loop, count);
	}
}

pid_t bench_bare_start(enum bench_bare bare, bool polls, int core, uint16_t *port)
{
	int fd = bench_udp_socket(INADDR_LOOPBACK, port);
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork", -errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_pin(0, core);
		serve(fd, bare, polls);
	}
	close(fd);
	return pid;
}
