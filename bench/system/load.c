/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include "control.h"
#include "processes.h"
#include "io/clock.h"

void bench_load_open(struct bench_load *load, int senders, int round)
{
	*load = (struct bench_load){.senders = senders, .round = round};
	for (int i = 0; i < senders; i++) {
		load->host[i] = senders == 1 ? INADDR_LOOPBACK : 0x7f010000u + (uint32_t)i + 1;
		load->fd[i] = bench_udp_socket(load->host[i], &load->from[i]);
	}
}

void bench_load_close(struct bench_load *load)
{
	for (int i = 0; i < load->senders; i++)
		close(load->fd[i]);
	fizeau_sender_free(load->sender);
	fizeau_st_sender_free(load->stamp);
}

static void send_train(struct bench_load *load, const struct sockaddr_in *to)
{
	union {
		struct cmsghdr header;
		uint8_t octets[CMSG_SPACE(sizeof(uint16_t))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT}};
	uint16_t len = (uint16_t)load->octets;
	struct sockaddr_in peer = *to;
	struct iovec iov[BENCH_BATCH];
	struct msghdr msg = {.msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = iov, .msg_iovlen = BENCH_BATCH,
		.msg_control = &control, .msg_controllen = sizeof(control)};
	memcpy(control.octets + CMSG_LEN(0), &len, sizeof(len));
	for (int i = 0; i < BENCH_BATCH; i++)
		iov[i] = (struct iovec){load->packet[i], load->octets};
	if (load->round == 1)
		msg.msg_iovlen = 1;
	if (sendmsg(load->fd[0], &msg, 0) < 0)
		bench_fail("a train of packets", -errno);
}

static bool write_one(struct bench_load *load, uint32_t number, uint8_t *packet, struct fizeau_stamp stamp)
{
	if (load->stamp)
		return !fizeau_st_sender_prepare(load->stamp, number, packet) &&
			!fizeau_st_sender_finish(load->stamp, packet, stamp);
	return !fizeau_sender_prepare(load->sender, number, packet) && !fizeau_sender_finish(load->sender, packet, stamp);
}

static void write_packets(struct bench_load *load, int count)
{
	struct fizeau_stamp stamp = {.ntp = UINT64_C(0xe800000000000000), .error = 0x8001};
	for (int i = 0; i < count; i++) {
		uint32_t number = (uint32_t)((load->sent + i) / load->senders);
		if (!write_one(load, number, load->packet[i], stamp))
			bench_fail("sender", FIZEAU_ERR_CRYPTO);
	}
}

/* The senders' turns go round and round. */
static void send_batch(struct bench_load *load)
{
	int count = load->round == 1 ? 1 : BENCH_BATCH;
	long turn = load->sent;
	write_packets(load, count);
	load->sent += count;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (load->senders == 1) {
		to.sin_port = htons(load->to[0]);
		send_train(load, &to);
		return;
	}
	for (int i = 0; i < BENCH_BATCH; i++) {
		long sender = (turn + i) % load->senders;
		to.sin_port = htons(load->to[sender]);
		if (sendto(load->fd[sender], load->packet[i], load->octets, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			bench_fail("sendto", -errno);
	}
}

/* Without sleeping: to wake the generator would be the reflector's work. */
static bool receive_one(struct bench_load *load, int fd)
{
	uint8_t back[BENCH_PACKET_MAX];
	int64_t give_up = fz_clock_mono().ns + INT64_C(1000000000);
	ssize_t n;
	do
		n = recv(fd, back, sizeof(back), MSG_DONTWAIT);
	while (n < 0 && fz_clock_mono().ns < give_up);
	if (n >= 0 && (size_t)n != load->octets)
		bench_fail("a packet came back longer or shorter", FIZEAU_ERR_MALFORMED);
	load->lost += n < 0;
	return n >= 0;
}

void bench_load_begin(struct bench_load *load)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int i = 0; i < load->senders; i++) {
		write_packets(load, 1);
		to.sin_port = htons(load->to[i]);
		if (sendto(load->fd[i], load->packet[0], load->octets, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			bench_fail("sendto", -errno);
		if (!receive_one(load, load->fd[i]))
			bench_fail("a session's first packet", -ETIMEDOUT);
	}
}

double bench_load_run(struct bench_load *load, pid_t pid, long packets)
{
	struct bench_processes reflector;
	bench_processes_find(&reflector, pid);
	double before = bench_processes_cpu_ns(&reflector);
	long returned = 0;
	for (long done = 0; done < packets; done += load->round) {
		long turn = load->sent;
		if (load->round > 1)
			bench_processes_hold(&reflector);
		for (int sent = 0; sent < load->round; sent += BENCH_BATCH)
			send_batch(load);
		if (load->round > 1)
			bench_processes_release(&reflector);
		for (int i = 0; i < load->round; i++)
			returned += receive_one(load, load->fd[(turn + i) % load->senders]);
	}
	return returned > 0 ? (bench_processes_cpu_ns(&reflector) - before) / (double)returned : 0;
}
