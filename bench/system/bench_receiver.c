/* SPDX-License-Identifier: MIT */
/* What a Session-Receiver keeps up with: a flood from another process over the loopback device, received by a bare
   recvmmsg loop and by our endpoint in turns, so that what else the machine does hits both.

     bench_receiver [PACKETS]

   received is the share of what was sent; the rest found the socket's buffer full. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
#include "endpoint/receiver.h"

enum { RUNS = 5, BATCH = 64, OCTETS = 48, RECEIVE_BUFFER = 4 << 20, IDLE_MS = 200 };

#define TIMEOUT_S 60
#define SECOND ((uint64_t)1 << 32)

static const struct fizeau_slot slot = {.parameter = SECOND / 1000000};
static const uint8_t sid[16] = {127, 0, 0, 1, 0xe8};

/* What the generator is told: first to make the packets of a session, then where to send them. */
struct order {
	enum fizeau_test_mode mode;
	uint32_t packets;
	struct fz_addr to;
};

struct figures {
	double received; /* share of what was sent */
	double a_second; /* of CPU */
};

static _Noreturn void fail(const char *what, int error)
{
	fprintf(stderr, "bench_receiver: %s: %s\n", what, fizeau_strerror(error));
	exit(1);
}

static struct fz_udp *open_udp(void)
{
	const struct fz_udp_options options = {.batch = BATCH, .packet_octets = 256, .receive_buffer = RECEIVE_BUFFER};
	struct fz_addr local;
	struct fz_udp *udp;

	if (!fz_addr_parse("127.0.0.1", &local))
		fail("127.0.0.1", -EINVAL);
	int error = fz_udp_open(&local, &options, &udp);
	if (error < 0)
		fail("UDP socket", error);
	return udp;
}

/* A socket that nothing is asked of but datagrams. */
static int open_bare(struct fz_addr *local)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), octets = RECEIVE_BUFFER;

	if (!fz_addr_parse("127.0.0.1", local))
		fail("127.0.0.1", -EINVAL);
	if (fd < 0 || bind(fd, &local->sa, local->len) < 0 || getsockname(fd, &local->sa, &local->len) < 0)
		fail("UDP socket", -errno);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) < 0)
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
	return fd;
}

static void exchange(int fd, bool out, void *data, size_t len)
{
	ssize_t n = out ? write(fd, data, len) : read(fd, data, len);

	if (n != (ssize_t)len)
		fail("pipe to the generator", n < 0 ? -errno : -EPIPE);
}

static uint8_t *make(const struct order *order, uint64_t start, size_t *len)
{
	struct fizeau_sender *sender = fizeau_sender_new(&(struct fizeau_sender_config){.mode = order->mode});
	struct fizeau_stamp stamp = {.ntp = start, .error = 0x8001};
	uint8_t *octets = calloc(order->packets, OCTETS);

	if (!sender || !octets)
		fail("packets", FIZEAU_ERR_MEMORY);
	for (uint32_t i = 0; i < order->packets; i++) {
		uint8_t *packet = octets + (size_t)i * OCTETS;
		if (fizeau_sender_prepare(sender, i, packet) || fizeau_sender_finish(sender, packet, stamp))
			fail("sender", FIZEAU_ERR_CRYPTO);
	}
	*len = fizeau_sender_octets(sender);
	fizeau_sender_free(sender);
	return octets;
}

static void flood(const struct order *order, uint8_t *octets, size_t len)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	struct fz_addr peer = order->to;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (uint32_t at = 0; at < order->packets;) {
		uint32_t count = order->packets - at < BATCH ? order->packets - at : BATCH;
		for (uint32_t i = 0; i < count; i++) {
			iovs[i] = (struct iovec){octets + (size_t)(at + i) * OCTETS, len};
			msgs[i].msg_hdr = (struct msghdr){
				.msg_name = &peer.sa, .msg_namelen = peer.len, .msg_iov = &iovs[i], .msg_iovlen = 1};
		}
		int sent = sendmmsg(fd, msgs, count, 0);
		if (sent < 0)
			fail("sendmmsg", -errno);
		at += (uint32_t)sent;
	}
	close(fd);
}

/* The generator: a process of its own, made before there is memory to share. */
static _Noreturn void generate(int in, int out)
{
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(in, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
		struct fz_clock clock;
		size_t len;
		fz_clock_ask(&clock);
		uint64_t start = fz_clock_wall(&clock).ntp;
		uint8_t *octets = make(&order, start, &len);
		exchange(out, true, &start, sizeof(start));
		exchange(in, false, &order, sizeof(order));
		flood(&order, octets, len);
		exchange(out, true, &start, sizeof(start));
		free(octets);
	}
	_exit(0);
}

struct generator {
	int in, out;
	uint64_t start;
};

static void start_generator(struct generator *generator)
{
	int to[2], from[2];
	pid_t pid = pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) ? -1 : fork();

	if (pid < 0)
		fail("generator", -errno);
	if (pid == 0) {
		close(to[1]);
		generate(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	*generator = (struct generator){.in = from[0], .out = to[1]};
}

static void prepare(struct generator *generator, struct order *order)
{
	exchange(generator->out, true, order, sizeof(*order));
	exchange(generator->in, false, &generator->start, sizeof(generator->start));
}

static void release(struct generator *generator, struct order *order)
{
	exchange(generator->out, true, order, sizeof(*order));
}

static void await_end(struct generator *generator)
{
	exchange(generator->in, false, &generator->start, sizeof(generator->start));
}

static double cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct figures figures_of(uint64_t received, uint32_t packets, double spent)
{
	return (struct figures){(double)received / packets, spent > 0 ? (double)received / spent : 0};
}

static struct figures bare(struct generator *generator, struct order *order)
{
	static uint8_t octets[BATCH][256];
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	int fd = open_bare(&order->to);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint64_t received = 0;

	prepare(generator, order);
	double before = cpu();
	for (int i = 0; i < BATCH; i++) {
		iovs[i] = (struct iovec){octets[i], sizeof(octets[i])};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iovs[i], .msg_iovlen = 1};
	}
	release(generator, order);
	while (received < order->packets && poll(&pfd, 1, IDLE_MS) > 0) {
		int count = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
		received += count > 0 ? (uint64_t)count : 0;
	}
	double spent = cpu() - before;
	await_end(generator);
	close(fd);
	return figures_of(received, order->packets, spent);
}

struct store {
	struct fizeau_record *records;
	size_t count;
};

static void keep(void *arg, const struct fizeau_record *records, size_t count)
{
	struct store *store = arg;

	memcpy(store->records + store->count, records, count * sizeof(*records));
	store->count += count;
}

static void receive_all(struct fz_loop *loop, int fd, const struct store *store, uint32_t packets)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	while (store->count < packets && poll(&pfd, 1, IDLE_MS) > 0) {
		int error = fz_loop_once(loop, fz_clock_mono());
		if (error < 0)
			fail("loop", error);
	}
}

static struct figures endpoint(struct generator *generator, struct order *order, struct fizeau_record *records)
{
	struct store store = {.records = records};
	struct fz_clock clock;
	struct fz_endpoint_receiver_config config = {
		.clock = &clock,
		.udp = open_udp(),
		.session = {.mode = order->mode,
			.slots = &slot,
			.slot_count = 1,
			.packets = order->packets,
			.timeout = TIMEOUT_S * SECOND},
		.records = keep,
		.arg = &store,
	};
	struct fz_endpoint_receiver_counters counters;
	struct fz_endpoint_receiver *receiver;

	fz_clock_ask(&clock);
	fz_udp_local(config.udp, &order->to);
	prepare(generator, order);
	config.session.start_time = generator->start;
	config.remote = order->to;
	memcpy(config.session.sid, sid, sizeof(sid));
	if (fz_loop_new(&config.loop) < 0)
		fail("loop", FIZEAU_ERR_MEMORY);
	receiver = fz_endpoint_receiver_new(&config);
	if (!receiver || fz_endpoint_receiver_start(receiver) < 0)
		fail("receiver", FIZEAU_ERR_MEMORY);
	double before = cpu();
	release(generator, order);
	receive_all(config.loop, fz_udp_fd(config.udp), &store, order->packets);
	double spent = cpu() - before;
	await_end(generator);
	fz_endpoint_receiver_counters(receiver, &counters);
	if (counters.received + counters.local != order->packets)
		fail("packets are missing that the socket did not drop", FIZEAU_ERR_LATE);
	fz_endpoint_receiver_free(receiver);
	fz_udp_close(config.udp);
	fz_loop_free(config.loop);
	return figures_of(counters.received, order->packets, spent);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, RUNS, sizeof(*values), by_value);
	return values[RUNS / 2];
}

static void bench_mode(struct generator *generator, const char *name, enum fizeau_test_mode mode, uint32_t packets,
	struct fizeau_record *records)
{
	double b_received[RUNS], b_rate[RUNS], o_received[RUNS], o_rate[RUNS];

	for (int i = 0; i < RUNS; i++) {
		struct order order = {.mode = mode, .packets = packets};
		struct figures b = bare(generator, &order), o = endpoint(generator, &order, records);
		b_received[i] = b.received;
		b_rate[i] = b.a_second;
		o_received[i] = o.received;
		o_rate[i] = o.a_second;
	}
	double br = median(b_received), or = median(o_received), bc = median(b_rate), oc = median(o_rate);
	printf("%-14s %9.4f %9.4f %7.2f %12.0f %12.0f %7.2f\n", name, or, br, or / br, oc, bc, bc > 0 ? oc / bc : 0);
}

int main(int argc, char **argv)
{
	long packets = argc > 1 ? strtol(argv[1], NULL, 10) : 500000;
	struct fizeau_record *records;
	struct generator generator;

	if (packets < 1000 || packets > 4000000) {
		fprintf(stderr, "usage: bench_receiver [PACKETS]\n");
		return 2;
	}
	start_generator(&generator);
	records = malloc((size_t)packets * sizeof(*records));
	if (!records)
		fail("records", FIZEAU_ERR_MEMORY);
	/* So that no round pays for the memory's first use. */
	memset(records, 0, (size_t)packets * sizeof(*records));
	printf("a flood of %ld packets, received by our endpoint and by a bare recvmmsg loop (medians of %d runs)\n"
	       "%-14s %9s %9s %7s %12s %12s %7s\n",
		packets, RUNS, "mode", "received", "bare", "ratio", "per CPU s", "bare", "ratio");
	bench_mode(&generator, "open", FIZEAU_TEST_OPEN, (uint32_t)packets, records);
	bench_mode(&generator, "authenticated", FIZEAU_TEST_AUTHENTICATED, (uint32_t)packets, records);
	bench_mode(&generator, "encrypted", FIZEAU_TEST_ENCRYPTED, (uint32_t)packets, records);
	free(records);
	close(generator.out);
	while (wait(NULL) > 0)
		;
	return 0;
}
