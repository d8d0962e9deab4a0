/* SPDX-License-Identifier: MIT */
/* Many TWAMP sessions at once with one fizeaud, each control connection from an address of its own (127.1.0.0/16), each
   session with a socket of its own. A line "ready" follows when all have started. Then commands by standard input, each
   answered by a line of JSON:

     send PACKETS RATE    that many in all, the sessions in turn, evenly paced, the next when the last is back or after a
                          second; what came back whole and authentic, and how many of the session with the fewest
     stop                 Stop-Sessions on every connection, and the end; so does the end of input

     many_sessions PORT MODE CONNECTIONS EACH       MODE as in control.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include "io/clock.h"
#include "bare.h"
#include "control.h"

enum { HOSTS_BEFORE = 0x7f010000, NO_DESCRIPTORS = 77, PATIENCE_NS = 1000000000 };

struct session {
	int fd;
	struct sockaddr_in to;
	struct fizeau_sender *sender;
	uint32_t sent, received;
};

struct many {
	struct bench_control *control;
	struct session *session;
	long connections, sessions;
	uint32_t mode, padding;
	uint64_t bad;
};

static void allow_descriptors(const struct many *many)
{
	struct rlimit files;
	rlim_t wanted = (rlim_t)(many->connections + many->sessions + 32);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		bench_fail("RLIMIT_NOFILE", -errno);
	if (files.rlim_cur >= wanted)
		return;
	files.rlim_cur = wanted;
	if (files.rlim_max < wanted)
		files.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &files) == 0)
		return;
	fprintf(stderr, "many_sessions: %lu open files are needed; as root, or after ulimit -Hn %lu\n", (unsigned long)wanted,
		(unsigned long)wanted);
	exit(NO_DESCRIPTORS);
}

static void open_session(struct many *many, struct bench_control *control, uint32_t host, struct session *session)
{
	struct bench_session answer = {0};
	struct fizeau_sender_config config = {.mode = fizeau_test_mode_of(many->mode & ~FIZEAU_MODE_TW_IKEV2),
		.padding_octets = many->padding};
	uint16_t from;
	session->fd = bench_udp_socket(host, &from);
	bench_control_session(control, from, many->padding, many->mode, &answer);
	session->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(answer.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	config.keys = answer.keys;
	session->sender = fizeau_sender_new(&config);
	if (!session->sender)
		bench_fail("sender", FIZEAU_ERR_MEMORY);
}

static void open_all(struct many *many, uint16_t port)
{
	long each = many->sessions / many->connections;
	for (long i = 0; i < many->connections; i++) {
		uint32_t host = (uint32_t)HOSTS_BEFORE + 1 + (uint32_t)i;
		bench_control_open(&many->control[i], host, port, many->mode);
		for (long j = 0; j < each; j++)
			open_session(many, &many->control[i], host, &many->session[i * each + j]);
		bench_control_start(&many->control[i]);
	}
}

static void drain(struct many *many, struct session *session)
{
	uint8_t octets[BENCH_PACKET_MAX];
	struct fizeau_reflection reflection;
	ssize_t n;
	while ((n = recv(session->fd, octets, sizeof(octets), MSG_DONTWAIT)) >= 0) {
		if (fizeau_sender_reflection(session->sender, octets, (size_t)n, &reflection) ||
			reflection.sender_seq >= session->sent)
			many->bad++;
		else
			session->received++;
	}
}

static void send_one(struct session *session)
{
	struct fizeau_stamp stamp = {.ntp = UINT64_C(0xe800000000000000), .error = 0x8001};
	uint8_t octets[BENCH_PACKET_MAX];
	if (fizeau_sender_prepare(session->sender, session->sent, octets) ||
		fizeau_sender_finish(session->sender, octets, stamp))
		bench_fail("sender", FIZEAU_ERR_CRYPTO);
	if (sendto(session->fd, octets, fizeau_sender_octets(session->sender), 0, (struct sockaddr *)&session->to,
		    sizeof(session->to)) < 0)
		bench_fail("sendto", -errno);
	session->sent++;
}

/* What comes back meanwhile is waited for without sleeping: to wake us would be the reflector's work. */
static bool exchange(struct many *many, struct session *session)
{
	uint32_t before = session->received;
	int64_t give_up = fz_clock_mono().ns + PATIENCE_NS;
	send_one(session);
	while (session->received == before && fz_clock_mono().ns < give_up)
		drain(many, session);
	return session->received > before;
}

static void send_all(struct many *many, long packets, long rate)
{
	int64_t began = fz_clock_mono().ns;
	uint32_t least = UINT32_MAX;
	long back = 0;
	for (long i = 0; i < packets; i++) {
		while (fz_clock_mono().ns - began < (int64_t)((double)i * 1e9 / (double)rate))
			;
		back += exchange(many, &many->session[i % many->sessions]);
	}
	for (long i = 0; i < many->sessions; i++)
		least = many->session[i].received < least ? many->session[i].received : least;
	printf("{\"sent\":%ld,\"back\":%ld,\"bad\":%llu,\"least_of_a_session\":%u}\n", packets, back,
		(unsigned long long)many->bad, least);
	fflush(stdout);
}

static void serve(struct many *many)
{
	char line[128];
	long packets, rate;
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "stop\n")) {
		if (sscanf(line, "send %ld %ld", &packets, &rate) != 2 || packets < 1 || rate < 1)
			bench_fail("command", -EINVAL);
		send_all(many, packets, rate);
	}
	for (long i = 0; i < many->connections; i++)
		bench_control_stop(&many->control[i]);
	printf("{\"stopped\":%ld}\n", many->connections);
	fflush(stdout);
	/* They stay open until the caller has seen enough. */
	(void)!fgets(line, sizeof(line), stdin);
}

int main(int argc, char **argv)
{
	struct many many = {0};
	long each;

	if (argc != 5) {
		fprintf(stderr, "usage: many_sessions PORT MODE CONNECTIONS EACH\n");
		return 2;
	}
	many.mode = bench_mode(argv[2]);
	many.connections = strtol(argv[3], NULL, 10);
	each = strtol(argv[4], NULL, 10);
	if (many.connections < 1 || each < 1 || many.connections > 65000 || each > 65000)
		bench_fail("numbers", -ERANGE);
	many.sessions = many.connections * each;
	many.padding = 41 - 14;
	allow_descriptors(&many);
	many.control = calloc((size_t)many.connections, sizeof(*many.control));
	many.session = calloc((size_t)many.sessions, sizeof(*many.session));
	if (!many.control || !many.session)
		bench_fail("sessions", -ENOMEM);
	open_all(&many, (uint16_t)strtoul(argv[1], NULL, 10));
	puts("ready");
	fflush(stdout);
	serve(&many);
	for (long i = 0; i < many.sessions; i++)
		fizeau_sender_free(many.session[i].sender);
	for (long i = 0; i < many.connections; i++)
		bench_control_close(&many.control[i]);
	free(many.session);
	free(many.control);
	return 0;
}
