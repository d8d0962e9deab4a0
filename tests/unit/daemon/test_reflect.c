/* SPDX-License-Identifier: MIT */
/* The reflector on loopback: ports shared by addresses, what is dropped and counted, and when sessions end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/ipsec.h"
#include "daemon/reflect.h"
#include "io/udp.h"

struct bed {
	struct fz_loop *loop;
	struct fz_clock clock;
	struct fz_shared *shared;
	struct fz_reflect *reflect;
	struct fz_conf *conf;
	uint32_t slots; /* in use, or used before */
	uint32_t port;  /* number of the next one */
	unsigned ended;
	enum fz_counter why;
	struct fz_order late; /* carried out when the reflector catches up; kind 0: none */
};

struct session {
	uint32_t slot;
	uint16_t local_port;
	const struct fz_figures *figures;
};

static void on_end(void *arg, uint32_t slot, enum fz_counter reason)
{
	struct bed *bed = arg;

	assert_true(slot < bed->slots);
	bed->ended++;
	bed->why = reason;
}

static void catch_up(void *arg)
{
	struct bed *bed = arg;

	if (bed->late.kind)
		fz_reflect_order(bed->reflect, &bed->late, -1);
	memset(&bed->late, 0, sizeof(bed->late));
}

static struct bed *bed_of(const char *const *lines)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	const struct fz_reflect_hooks hooks = {.ended = on_end, .catch_up = catch_up, .arg = bed};
	char error[FZ_CONF_ERROR_MAX];

	assert_non_null(bed);
	assert_int_equal(fz_loop_new(&bed->loop), 0);
	fz_clock_ask(&bed->clock);
	bed->shared = calloc(1, sizeof(*bed->shared));
	assert_non_null(bed->shared);
	bed->reflect = fz_reflect_new(bed->loop, &bed->clock, bed->shared, 5, &hooks);
	assert_non_null(bed->reflect);
	bed->conf = fz_conf_new();
	for (; *lines; lines++) {
		if (!fz_conf_line(bed->conf, *lines, error))
			fail_msg("%s", error);
	}
	assert_true(fz_conf_finish(bed->conf, error));
	return bed;
}

static void bed_free(struct bed *bed)
{
	fz_reflect_free(bed->reflect);
	fz_loop_free(bed->loop);
	fz_conf_release(bed->conf);
	free(bed->shared);
	free(bed);
}

static struct fz_addr at(const char *host, uint16_t port)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(host, &addr));
	fz_addr_set_port(&addr, port);
	return addr;
}

/* A test socket as the main process would pass it on; the number that the kernel chose. */
static uint16_t open_port(struct bed *bed)
{
	const struct fz_udp_options options = {.batch = 1, .packet_octets = 64, .receive_mark = bed->conf->ipsec.mark_count > 0};
	struct fz_addr local = at("127.0.0.1", 0);
	struct fz_order order = {.kind = FZ_ORDER_PORT, .number = ++bed->port};
	struct fz_udp *udp;

	assert_int_equal(fz_udp_open(&local, &options, &udp), 0);
	fz_udp_local(udp, &local);
	order.port.local = local;
	fz_reflect_order(bed->reflect, &order, dup(fz_udp_fd(udp)));
	fz_udp_close(udp);
	return fz_addr_port(&local);
}

static struct session add_at(struct bed *bed, const char *remote, uint16_t sender_port, uint32_t mode, int64_t timeout_ns)
{
	const struct fz_class *c = &bed->conf->classes[0];
	uint64_t padding = c->limits[FZ_LIMIT_PADDING], duration = c->limits[FZ_LIMIT_DURATION];
	struct fz_order order = {.kind = FZ_ORDER_ADD, .number = bed->slots++};

	order.add.port = bed->port;
	order.add.serial = 1;
	order.add.remote = at(remote, sender_port);
	order.add.mode = fizeau_test_mode_of(mode);
	order.add.octets_max = padding < 2000 ? 112 + (uint32_t)padding : FIZEAU_TEST_PACKET_MAX;
	order.add.packets = c->limits[FZ_LIMIT_PACKETS];
	order.add.rate = c->limits[FZ_LIMIT_RATE];
	order.add.bandwidth = c->limits[FZ_LIMIT_BANDWIDTH];
	order.add.duration_ns = duration < INT64_MAX ? (int64_t)duration : INT64_MAX;
	order.add.timeout_ns = timeout_ns;
	order.add.refwait_ns = bed->conf->refwait_ns;
	order.add.require_ipsec = fz_ipsec_required(c, mode);
	order.add.ipsec = bed->conf->ipsec;
	fz_reflect_order(bed->reflect, &order, -1);
	return (struct session){.slot = order.number, .figures = &bed->shared->slots[order.number]};
}

/* A session with a port of its own. */
static struct session add(struct bed *bed, const char *remote, uint32_t mode, int64_t timeout_ns)
{
	uint16_t port = open_port(bed);
	struct session session = add_at(bed, remote, 5000, mode, timeout_ns);

	session.local_port = port;
	return session;
}

static void tell(struct bed *bed, struct session session, enum fz_order_kind kind)
{
	const struct fz_order order = {.kind = kind, .number = session.slot};

	fz_reflect_order(bed->reflect, &order, -1);
}

static int sender_at(const char *host, uint16_t from, uint16_t port)
{
	struct fz_addr local = at(host, from), peer = at("127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &local.sa, local.len), 0);
	assert_int_equal(connect(fd, &peer.sa, peer.len), 0);
	return fd;
}

static int sender(const char *host, uint16_t port)
{
	return sender_at(host, 0, port);
}

/* Sends, lets the loop see it, and returns the octets of what came back, 0 if nothing. */
static size_t turn(struct bed *bed, int fd, size_t octets)
{
	uint8_t packet[2048] = {0};
	ssize_t got;

	assert_int_equal(send(fd, packet, octets, 0), (ssize_t)octets);
	assert_int_equal(fz_loop_once(bed->loop, fz_clock_mono()), 0);
	got = recv(fd, packet, sizeof(packet), 0);
	return got > 0 ? (size_t)got : 0;
}

static void wait_end(struct bed *bed, unsigned count)
{
	struct fizeau_mono end = {fz_clock_mono().ns + 20000000000};

	while (bed->ended < count && fz_clock_mono().ns < end.ns)
		assert_int_equal(fz_loop_once(bed->loop, end), 0);
	assert_int_equal(bed->ended, count);
}

static const char *const plain[] = {NULL};

static uint16_t port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

/* One alone on a port is found whatever port its packets come from, two of the same address by their Sender Ports only. */
static void sharing(void **state)
{
	struct bed *bed = bed_of(plain);
	uint16_t port = open_port(bed);
	int fd[3] = {sender("127.0.0.1", port), sender("127.0.0.1", port), sender("127.0.0.1", port)};
	struct session one = add_at(bed, "127.0.0.1", port_of(fd[0]), 1, 0), two, other;

	(void)state;
	tell(bed, one, FZ_ORDER_START);
	assert_int_equal(turn(bed, fd[0], 41), 41);
	assert_int_equal(turn(bed, fd[2], 41), 41);
	assert_int_equal(fz_figure(&one.figures->reflected), 2);
	two = add_at(bed, "127.0.0.1", port_of(fd[1]), 1, 0);
	other = add_at(bed, "127.0.0.2", 5000, 1, 0);
	tell(bed, two, FZ_ORDER_START);
	tell(bed, other, FZ_ORDER_START);
	assert_int_equal(turn(bed, fd[0], 41), 41);
	assert_int_equal(turn(bed, fd[1], 41), 41);
	assert_int_equal(turn(bed, fd[2], 41), 0);
	assert_int_equal(fz_figure(&one.figures->reflected), 3);
	assert_int_equal(fz_figure(&two.figures->reflected), 1);
	assert_int_equal(fz_figure(&bed->shared->counters[FZ_COUNT_DROPPED_NO_SESSION]), 1);
	/* Late packets of one that has ended are not the other's. */
	tell(bed, two, FZ_ORDER_END);
	assert_int_equal(turn(bed, fd[1], 41), 0);
	assert_int_equal(turn(bed, fd[0], 41), 41);
	assert_int_equal(fz_figure(&one.figures->reflected), 4);
	/* The same Sender Port twice cannot be told apart. */
	add_at(bed, "127.0.0.1", port_of(fd[0]), 1, 0);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_FAILED);
	int alone = sender("127.0.0.2", port);
	assert_int_equal(turn(bed, alone, 41), 41);
	assert_int_equal(fz_figure(&other.figures->reflected), 1);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(alone);
	bed_free(bed);
}

/* A packet may be looked at before the order that it follows from. */
static void late_orders(void **state)
{
	struct bed *bed = bed_of(plain);
	struct session session = add(bed, "127.0.0.1", 1, 0);
	int fd = sender_at("127.0.0.1", 0, session.local_port);

	(void)state;
	bed->late = (struct fz_order){.kind = FZ_ORDER_START, .number = session.slot};
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_NOT_STARTED]), 0);
	/* Another that ends while its packets are in the batch. */
	bed->late = (struct fz_order){.kind = FZ_ORDER_END, .number = session.slot};
	int stranger = sender("127.0.0.9", session.local_port);
	uint8_t packet[41] = {0};
	for (int i = 0; i < 5; i++)
		assert_int_equal(send(i == 2 ? stranger : fd, packet, sizeof(packet), 0), 41);
	assert_int_equal(fz_loop_once(bed->loop, fz_clock_mono()), 0);
	assert_int_equal(fz_figure(&session.figures->reflected), 3);
	assert_int_equal(bed->ended, 1);
	assert_int_equal(fz_figure(&bed->shared->counters[FZ_COUNT_DROPPED_NO_SESSION]), 3);
	close(fd);
	close(stranger);
	bed_free(bed);
}

/* A port closes when it is told to and nobody needs it any more. */
static void closing(void **state)
{
	struct bed *bed = bed_of(plain);
	struct session session = add(bed, "127.0.0.1", 1, 0);
	const struct fz_order order = {.kind = FZ_ORDER_CLOSE, .number = bed->port};
	int fd = sender("127.0.0.1", session.local_port);
	uint8_t packet[41] = {0};

	(void)state;
	tell(bed, session, FZ_ORDER_START);
	fz_reflect_order(bed->reflect, &order, -1);
	assert_int_equal(turn(bed, fd, 41), 41);
	tell(bed, session, FZ_ORDER_END);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_CONNECTION);
	assert_int_equal(send(fd, packet, sizeof(packet), 0), 41);
	assert_int_equal(recv(fd, packet, sizeof(packet), 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	/* Nobody is there for it any more. */
	add_at(bed, "127.0.0.1", 5000, 1, 0);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_FAILED);
	close(fd);
	bed_free(bed);
}

/*= rfc5357#section-3.7 TW-3.7-02 */
/*= rfc5357#section-4.2 TW-4.2-08 */
static void packets(void **state)
{
	struct bed *bed = bed_of(plain);
	struct session session = add(bed, "127.0.0.1", 1, 0);
	int fd = sender("127.0.0.1", session.local_port), stranger = sender("127.0.0.9", session.local_port);

	(void)state;
	assert_int_equal(turn(bed, fd, 41), 0);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_NOT_STARTED]), 1);
	tell(bed, session, FZ_ORDER_START);
	assert_int_equal(turn(bed, fd, 14), 41);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(turn(bed, fd, 1000), 1000);
	assert_int_equal(turn(bed, fd, 13), 0);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_LENGTH]), 1);
	assert_int_equal(turn(bed, stranger, 41), 0);
	assert_int_equal(fz_figure(&bed->shared->counters[FZ_COUNT_DROPPED_NO_SESSION]), 1);
	assert_int_equal(fz_figure(&session.figures->received), 5);
	assert_int_equal(fz_figure(&session.figures->reflected), 3);
	assert_int_equal(fz_figure(&bed->shared->counters[FZ_COUNT_PACKETS_RECEIVED]), 6);
	close(fd);
	close(stranger);
	bed_free(bed);
}

/* What does not come by the interface or with the mark uses up nothing of what the session may have. */
/*= rfc7717#section-5.4 IK-5.4-01 */
static void only_through_ipsec(void **state)
{
	static const char *const other[] = {"limit anyone rate 1", "limit anyone require-ipsec yes",
		"ipsec interface no-such-one", "ipsec mark 0x70/0xf0", NULL};
	static const char *const loopback[] = {"limit anyone require-ipsec yes", "ipsec interface no-such-one",
		"ipsec interface lo", NULL};
	struct bed *bed = bed_of(other);
	struct session session = add(bed, "127.0.0.1", FIZEAU_MODE_OPEN, 0);
	int fd = sender("127.0.0.1", session.local_port);
	uint32_t mark = 0x7a;

	(void)state;
	tell(bed, session, FZ_ORDER_START);
	for (int i = 0; i < 100; i++)
		assert_int_equal(turn(bed, fd, 41), 0);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_NOT_IPSEC]), 100);
	assert_int_equal(fz_figure(&bed->shared->counters[FZ_COUNT_DROPPED_NOT_IPSEC]), 100);
	/* Setting one takes a right that the test may lack. */
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0)
		assert_int_equal(turn(bed, fd, 41), 41);
	close(fd);
	bed_free(bed);

	bed = bed_of(loopback);
	session = add(bed, "127.0.0.1", FIZEAU_MODE_OPEN, 0);
	fd = sender("127.0.0.1", session.local_port);
	tell(bed, session, FZ_ORDER_START);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_NOT_IPSEC]), 0);
	close(fd);
	bed_free(bed);
}

/* Nothing is reflected without the key, and what is forged uses up none of what the session may have. */
/*= rfc5357#section-4.2 TW-4.2-03 */
static void forged(void **state)
{
	static const char *const lines[] = {"limit anyone rate 1", NULL};
	struct bed *bed = bed_of(lines);
	struct session session = add(bed, "127.0.0.1", FIZEAU_MODE_ENCRYPTED, 0);
	int fd = sender("127.0.0.1", session.local_port);

	(void)state;
	tell(bed, session, FZ_ORDER_START);
	for (int i = 0; i < 100; i++)
		assert_int_equal(turn(bed, fd, 48), 0);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_HMAC]), 100);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_RATE]), 0);
	close(fd);
	bed_free(bed);
}

static void rate_and_bandwidth(void **state)
{
	static const char *const slow[] = {"limit anyone rate 1", NULL};
	static const char *const narrow[] = {"limit anyone bandwidth 1", "limit anyone padding 100", NULL};
	struct bed *bed = bed_of(slow);
	struct session session = add(bed, "127.0.0.1", 1, 0);
	int fd = sender("127.0.0.1", session.local_port);

	(void)state;
	tell(bed, session, FZ_ORDER_START);
	/* 32 at once, and perhaps one more if a second passes. */
	for (int i = 0; i < 200; i++)
		turn(bed, fd, 41);
	assert_true(fz_figure(&session.figures->reflected) >= 32 && fz_figure(&session.figures->reflected) < 100);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_RATE]), 200 - fz_figure(&session.figures->reflected));
	close(fd);
	bed_free(bed);
	bed = bed_of(narrow);
	session = add(bed, "127.0.0.1", 1, 0);
	fd = sender("127.0.0.1", session.local_port);
	tell(bed, session, FZ_ORDER_START);
	/* One of the largest fits, or five of 41 octets (1696 bits). */
	for (int i = 0; i < 6; i++)
		turn(bed, fd, 41);
	assert_int_equal(fz_figure(&session.figures->reflected), 5);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_BANDWIDTH]), 1);
	close(fd);
	bed_free(bed);
}

static void longer_than_the_limit(void **state)
{
	static const char *const lines[] = {"limit anyone padding 10", NULL};
	struct bed *bed = bed_of(lines);
	struct session session = add(bed, "127.0.0.1", 1, 0);
	int fd = sender("127.0.0.1", session.local_port);

	(void)state;
	tell(bed, session, FZ_ORDER_START);
	assert_int_equal(turn(bed, fd, 122), 122);
	assert_int_equal(turn(bed, fd, 123), 0);
	assert_int_equal(turn(bed, fd, 2000), 0);
	assert_int_equal(fz_figure(&session.figures->drops[FZ_DROP_LENGTH]), 2);
	close(fd);
	bed_free(bed);
}

static void ends(void **state)
{
	static const char *const lines[] = {"refwait 50ms", "limit anyone packets 2", NULL};
	static const char *const brief[] = {"limit anyone duration 50ms", NULL};
	struct bed *bed = bed_of(lines);
	struct session session = add(bed, "127.0.0.1", 1, 0);
	int fd;

	(void)state;
	tell(bed, session, FZ_ORDER_START);
	/*= rfc5357#section-4.2 TW-4.2-13 */
	wait_end(bed, 1);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_REFWAIT);
	session = add(bed, "127.0.0.1", 1, 0);
	fd = sender("127.0.0.1", session.local_port);
	tell(bed, session, FZ_ORDER_START);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(bed->ended, 2);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_PACKETS);
	close(fd);
	session = add(bed, "127.0.0.1", 1, 10000000);
	tell(bed, session, FZ_ORDER_START);
	tell(bed, session, FZ_ORDER_STOP);
	/*= rfc5357#section-3.8 TW-3.8-09 */
	wait_end(bed, 3);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_STOP);
	bed_free(bed);
	bed = bed_of(brief);
	session = add(bed, "127.0.0.1", 1, 0);
	tell(bed, session, FZ_ORDER_START);
	wait_end(bed, 1);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_DURATION);
	bed_free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sharing), cmocka_unit_test(late_orders), cmocka_unit_test(closing), cmocka_unit_test(packets), cmocka_unit_test(only_through_ipsec), cmocka_unit_test(forged),
		cmocka_unit_test(rate_and_bandwidth), cmocka_unit_test(longer_than_the_limit), cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
