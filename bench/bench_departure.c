/* SPDX-License-Identifier: MIT */
/* Whether the correction by departures helps (io/departure.h): how far the stamp that a program takes is from the kernel's
   transmit stamp of the same packet, as it was taken and as it was corrected by what earlier packets were late.
   Poisson packets on the event loop as an OWAMP sender sends them, to a socket that nobody reads; a line for each
   rate, microseconds, and the median of the rounds for each figure. Every packet's transmit stamp is read, but only
   learnt from when the next packet could have known it.

   usage: bench_departure [PACKETS [ADDRESS]]      (3000, 127.0.0.1; or an address behind a veth pair) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <fizeau/schedule.h>
#include <fizeau/stats.h>
#include "io/departure.h"
#include "io/loop.h"
#include "io/udp.h"

#define ROUNDS 5
#define OCTETS 48
#define SETTLE 32 /* packets that are learnt from before any counts */

struct packet {
	struct fizeau_stamp own, corrected;
	int64_t error_ns, corrected_error_ns; /* absolute; -1: no transmit stamp */
	int64_t spread_ns;
};

struct run {
	struct fz_loop *loop;
	struct fz_clock clock;
	struct fz_udp *udp;
	struct fz_addr to;
	struct fz_timer timer;
	struct fz_departure departure;
	struct fizeau_schedule *schedule;
	struct fizeau_mono start;
	struct packet *packets;
	uint32_t count, sent, told;
};

struct figures {
	int64_t median, p99, corrected_median, corrected_p99, covered; /* covered: of 1000, within the spread */
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench_departure: %s\n", what);
	exit(1);
}

static struct fizeau_mono next_due(struct run *run)
{
	return (struct fizeau_mono){run->start.ns + fizeau_duration_to_ns(fizeau_schedule_next(run->schedule))};
}

static void send_one(void *arg)
{
	struct run *run = arg;
	struct packet *packet = &run->packets[run->sent];
	struct fz_correction correction;

	memset(fz_udp_room(run->udp), 0, OCTETS);
	fz_udp_queue(run->udp, OCTETS, &run->to, NULL, 0);
	fz_udp_want_sent(run->udp, run->sent);
	(void)fz_departure_known(&run->departure, FZ_EFFORT_UNKNOWN, fz_clock_mono(), &correction);
	packet->own = packet->corrected = fz_clock_wall(&run->clock);
	fz_departure_correct(&correction, &packet->corrected);
	packet->error_ns = -1;
	packet->spread_ns = correction.spread_ns;
	if (fz_udp_flush(run->udp) != 1)
		die("the kernel takes no packet");
	run->sent++;
	if (run->sent < run->count && fz_loop_timer(run->loop, &run->timer, next_due(run)) < 0)
		die("no memory");
}

static void on_sent(void *arg, uint32_t events)
{
	struct run *run = arg;
	const struct fz_sent_stamp *stamps;
	int n = fz_udp_read_sent(run->udp, &run->clock, &stamps);

	(void)events;
	for (int i = 0; i < n; i++) {
		struct packet *packet = &run->packets[stamps[i].id];

		if (stamps[i].stamp.source != FIZEAU_STAMP_KERNEL)
			continue;
		packet->error_ns = llabs(fizeau_ntp_diff_ns(stamps[i].stamp.ntp, packet->own.ntp));
		packet->corrected_error_ns = llabs(fizeau_ntp_diff_ns(stamps[i].stamp.ntp, packet->corrected.ntp));
		fz_departure_learn(&run->departure, &packet->own, &stamps[i].stamp, FZ_EFFORT_UNKNOWN,
			fz_clock_mono());
		run->told++;
	}
}

static struct fz_udp *open_at(const char *host, struct fz_addr *addr, bool sent_stamps)
{
	const struct fz_udp_options options = {.batch = 8, .packet_octets = OCTETS, .sent_stamps = sent_stamps};
	struct fz_udp *udp;

	if (!fz_addr_parse(host, addr) || fz_udp_open(addr, &options, &udp) < 0)
		die("no socket");
	fz_udp_local(udp, addr);
	return udp;
}

static struct figures figures_of(const struct run *run)
{
	int64_t *raw = calloc(run->count, sizeof(*raw)), *corrected = calloc(run->count, sizeof(*corrected));
	struct fizeau_distribution before, after;
	struct figures figures;
	int64_t covered = 0;
	size_t n = 0;

	if (raw == NULL || corrected == NULL)
		die("no memory");
	for (uint32_t i = SETTLE; i < run->count; i++) {
		const struct packet *packet = &run->packets[i];

		if (packet->error_ns < 0)
			continue;
		raw[n] = packet->error_ns;
		corrected[n++] = packet->corrected_error_ns;
		covered += packet->corrected_error_ns <= packet->spread_ns;
	}
	if (n == 0)
		die("the kernel gives no transmit stamps");
	fizeau_distribution_of(raw, n, &before);
	fizeau_distribution_of(corrected, n, &after);
	figures = (struct figures){before.median, before.p99, after.median, after.p99, covered * 1000 / (int64_t)n};
	free(raw);
	free(corrected);
	return figures;
}

static struct figures run_once(const char *to, uint32_t count, int64_t interval_ns)
{
	const struct fizeau_slot slot = {.exponential = true, .parameter = fizeau_duration_from_ns(interval_ns)};
	uint8_t sid[16] = {127, 0, 0, 1};
	struct run run = {.count = count, .timer = {.fn = send_one, .arg = &run}};
	struct fz_addr local;
	struct fz_udp *sink = NULL;
	struct figures figures;
	bool loopback = strncmp(to, "127.", 4) == 0;

	fz_clock_ask(&run.clock);
	run.udp = open_at(loopback ? to : "0.0.0.0", &local, true);
	if (loopback)
		sink = open_at(to, &run.to, false);
	else if (fz_addr_parse(to, &run.to))
		fz_addr_set_port(&run.to, 9);
	run.packets = calloc(count, sizeof(*run.packets));
	run.schedule = fizeau_schedule_new(sid, &slot, 1);
	if (run.packets == NULL || run.schedule == NULL || fz_loop_new(&run.loop) < 0 ||
		fz_loop_add(run.loop, fz_udp_fd(run.udp), 0, on_sent, &run) < 0)
		die("no memory");
	run.start = fz_clock_mono();
	if (fz_loop_timer(run.loop, &run.timer, next_due(&run)) < 0)
		die("no memory");
	while (run.sent < count || run.told < count) {
		struct fizeau_mono until = {fz_clock_mono().ns + 200000000};

		if (fz_loop_once(run.loop, until) < 0 || (run.sent == count && fz_clock_mono().ns >= until.ns))
			break;
	}
	figures = figures_of(&run);
	fz_loop_free(run.loop);
	fizeau_schedule_free(run.schedule);
	fz_udp_close(run.udp);
	fz_udp_close(sink);
	free(run.packets);
	return figures;
}

static int64_t median_of(int64_t *values)
{
	struct fizeau_distribution d;

	fizeau_distribution_of(values, ROUNDS, &d);
	return d.median;
}

int main(int argc, char **argv)
{
	static const int64_t intervals_ns[] = {10000000, 1000000, 200000, 50000};
	uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 3000;
	const char *to = argc > 2 ? argv[2] : "127.0.0.1";

	if (count <= SETTLE)
		die("more than 32 packets, please");
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	printf("|stamp - kernel's transmit stamp|, us, medians of %d rounds\n", ROUNDS);
	printf("%12s %10s %10s %10s %10s %10s\n", "packets/s", "median", "corrected", "p99", "corrected", "in spread");
	for (size_t i = 0; i < sizeof(intervals_ns) / sizeof(intervals_ns[0]); i++) {
		int64_t of[5][ROUNDS];
		/* Not longer than a few seconds a round. */
		int64_t most = 3000000000 / intervals_ns[i];
		uint32_t packets = count < most ? count : (uint32_t)most;

		for (int round = 0; round < ROUNDS; round++) {
			struct figures f = run_once(to, packets, intervals_ns[i]);

			of[0][round] = f.median;
			of[1][round] = f.corrected_median;
			of[2][round] = f.p99;
			of[3][round] = f.corrected_p99;
			of[4][round] = f.covered;
		}
		printf("%12lld %10.1f %10.1f %10.1f %10.1f %9.1f%%\n", (long long)(1000000000 / intervals_ns[i]),
			(double)median_of(of[0]) / 1000, (double)median_of(of[1]) / 1000, (double)median_of(of[2]) / 1000,
			(double)median_of(of[3]) / 1000, (double)median_of(of[4]) / 10);
	}
	return 0;
}
