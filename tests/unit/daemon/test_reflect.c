/* SPDX-License-Identifier: MIT */
/* The reflector on loopback: ports shared by addresses, what is dropped and counted, and when sessions end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/reflect.h"

struct bed {
	struct fz_loop *loop;
	struct fz_log log;
	struct fz_counters counters;
	struct fz_clock clock;
	struct fz_reflect *reflect;
	struct fz_conf *conf;
	unsigned ended;
	enum fz_counter why;
	struct fz_timer done;
};

static struct bed *bed_of(const char *const *lines)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	char error[FZ_CONF_ERROR_MAX];

	assert_non_null(bed);
	assert_int_equal(fz_loop_new(&bed->loop), 0);
	fz_log_open(&bed->log, false, FZ_LOG_ERROR);
	fz_clock_ask(&bed->clock);
	bed->reflect = fz_reflect_new(bed->loop, &bed->log, &bed->clock, &bed->counters, 5);
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
	free(bed);
}

static void on_end(struct fz_session *session, enum fz_counter reason)
{
	struct bed *bed = session->owner;

	bed->ended++;
	bed->why = reason;
}

static struct fz_addr at(const char *host, uint16_t port)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(host, &addr));
	fz_addr_set_port(&addr, port);
	return addr;
}

static struct fz_session *add(struct bed *bed, const char *remote, uint16_t port, uint32_t mode, int64_t timeout_ns)
{
	struct fz_session_wanted wanted = {
		.local = at("127.0.0.1", port),
		.remote = at(remote, 5000),
		.mode = mode,
		.timeout_ns = timeout_ns,
		.conf = bed->conf,
		.of_class = &bed->conf->classes[0],
		.ended = on_end,
		.owner = bed,
		.require_ipsec = fz_ipsec_required(&bed->conf->classes[0], mode),
	};
	uint8_t accept = 0;
	enum fz_counter counter = FZ_COUNTERS;
	struct fz_session *session = fz_reflect_add(bed->reflect, &wanted, &accept, &counter);

	if (!session)
		assert_int_equal(accept, FIZEAU_ACCEPT_TEMPORARY_LIMIT);
	return session;
}

static int sender(const char *host, uint16_t port)
{
	struct fz_addr local = at(host, 0), peer = at("127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &local.sa, local.len), 0);
	assert_int_equal(connect(fd, &peer.sa, peer.len), 0);
	return fd;
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

static const char *const ports[] = {"test-ports 23000-23002", NULL};

static void addresses_share_ports(void **state)
{
	struct bed *bed = bed_of(ports);
	struct fz_session *a = add(bed, "127.0.0.1", 0, 1, 0), *b = add(bed, "127.0.0.2", 0, 1, 0);
	struct fz_session *c = add(bed, "127.0.0.1", 0, 1, 0), *d = add(bed, "127.0.0.1", 23002, 1, 0);

	(void)state;
	assert_true(a && b && c && d);
	assert_int_equal(a->local_port, b->local_port);
	assert_int_not_equal(a->local_port, c->local_port);
	assert_int_equal(d->local_port, 23002);
	/* Three ports, three sessions of one address; another address has all of them still. */
	assert_null(add(bed, "127.0.0.1", 0, 1, 0));
	assert_non_null(add(bed, "127.0.0.2", 0, 1, 0));
	uint16_t freed = c->local_port;
	fz_session_end(c, FZ_COUNT_ENDED_STOP);
	assert_int_equal(add(bed, "127.0.0.1", 0, 1, 0)->local_port, freed);
	bed_free(bed);
}

/*= rfc5357#section-3.7 TW-3.7-02 */
/*= rfc5357#section-4.2 TW-4.2-08 */
static void packets(void **state)
{
	struct bed *bed = bed_of(ports);
	struct fz_session *session = add(bed, "127.0.0.1", 0, 1, 0);
	int fd = sender("127.0.0.1", session->local_port), stranger = sender("127.0.0.9", session->local_port);

	(void)state;
	assert_int_equal(turn(bed, fd, 41), 0);
	assert_int_equal(session->drops[FZ_DROP_NOT_STARTED], 1);
	fz_session_start(session);
	assert_int_equal(turn(bed, fd, 14), 41);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(turn(bed, fd, 1000), 1000);
	assert_int_equal(turn(bed, fd, 13), 0);
	assert_int_equal(session->drops[FZ_DROP_LENGTH], 1);
	assert_int_equal(turn(bed, stranger, 41), 0);
	assert_int_equal(bed->counters.of[FZ_COUNT_DROPPED_NO_SESSION], 1);
	assert_int_equal(session->received, 5);
	assert_int_equal(session->reflected, 3);
	assert_int_equal(bed->counters.of[FZ_COUNT_PACKETS_RECEIVED], 6);
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
	struct fz_session *session = add(bed, "127.0.0.1", 0, FIZEAU_MODE_OPEN, 0);
	int fd = sender("127.0.0.1", session->local_port);
	uint32_t mark = 0x7a;

	(void)state;
	fz_session_start(session);
	for (int i = 0; i < 100; i++)
		assert_int_equal(turn(bed, fd, 41), 0);
	assert_int_equal(session->drops[FZ_DROP_NOT_IPSEC], 100);
	assert_int_equal(bed->counters.of[FZ_COUNT_DROPPED_NOT_IPSEC], 100);
	/* Setting one takes a right that the test may lack. */
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0)
		assert_int_equal(turn(bed, fd, 41), 41);
	close(fd);
	bed_free(bed);

	bed = bed_of(loopback);
	session = add(bed, "127.0.0.1", 0, FIZEAU_MODE_OPEN, 0);
	fd = sender("127.0.0.1", session->local_port);
	fz_session_start(session);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(session->drops[FZ_DROP_NOT_IPSEC], 0);
	close(fd);
	bed_free(bed);
}

/* Nothing is reflected without the key, and what is forged uses up none of what the session may have. */
/*= rfc5357#section-4.2 TW-4.2-03 */
static void forged(void **state)
{
	static const char *const lines[] = {"limit anyone rate 1", NULL};
	struct bed *bed = bed_of(lines);
	struct fz_session *session = add(bed, "127.0.0.1", 0, FIZEAU_MODE_ENCRYPTED, 0);
	int fd = sender("127.0.0.1", session->local_port);

	(void)state;
	fz_session_start(session);
	for (int i = 0; i < 100; i++)
		assert_int_equal(turn(bed, fd, 48), 0);
	assert_int_equal(session->drops[FZ_DROP_HMAC], 100);
	assert_int_equal(session->drops[FZ_DROP_RATE], 0);
	close(fd);
	bed_free(bed);
}

static void rate_and_bandwidth(void **state)
{
	static const char *const slow[] = {"limit anyone rate 1", NULL};
	static const char *const narrow[] = {"limit anyone bandwidth 1", "limit anyone padding 100", NULL};
	struct bed *bed = bed_of(slow);
	struct fz_session *session = add(bed, "127.0.0.1", 0, 1, 0);
	int fd = sender("127.0.0.1", session->local_port);

	(void)state;
	fz_session_start(session);
	/* 32 at once, and perhaps one more if a second passes. */
	for (int i = 0; i < 200; i++)
		turn(bed, fd, 41);
	assert_true(session->reflected >= 32 && session->reflected < 100);
	assert_int_equal(session->drops[FZ_DROP_RATE], 200 - session->reflected);
	close(fd);
	bed_free(bed);
	bed = bed_of(narrow);
	session = add(bed, "127.0.0.1", 0, 1, 0);
	fd = sender("127.0.0.1", session->local_port);
	fz_session_start(session);
	/* One of the largest fits, or five of 41 octets (1696 bits). */
	for (int i = 0; i < 6; i++)
		turn(bed, fd, 41);
	assert_int_equal(session->reflected, 5);
	assert_int_equal(session->drops[FZ_DROP_BANDWIDTH], 1);
	close(fd);
	bed_free(bed);
}

static void longer_than_the_limit(void **state)
{
	static const char *const lines[] = {"limit anyone padding 10", NULL};
	struct bed *bed = bed_of(lines);
	struct fz_session *session = add(bed, "127.0.0.1", 0, 1, 0);
	int fd = sender("127.0.0.1", session->local_port);

	(void)state;
	fz_session_start(session);
	assert_int_equal(turn(bed, fd, 122), 122);
	assert_int_equal(turn(bed, fd, 123), 0);
	assert_int_equal(turn(bed, fd, 2000), 0);
	assert_int_equal(session->drops[FZ_DROP_LENGTH], 2);
	close(fd);
	bed_free(bed);
}

static void ends(void **state)
{
	static const char *const lines[] = {"refwait 50ms", "limit anyone packets 2", NULL};
	static const char *const brief[] = {"limit anyone duration 50ms", NULL};
	struct bed *bed = bed_of(lines);
	struct fz_session *session = add(bed, "127.0.0.1", 0, 1, 0);
	int fd;

	(void)state;
	fz_session_start(session);
	/*= rfc5357#section-4.2 TW-4.2-13 */
	wait_end(bed, 1);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_REFWAIT);
	session = add(bed, "127.0.0.1", 0, 1, 0);
	fd = sender("127.0.0.1", session->local_port);
	fz_session_start(session);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(turn(bed, fd, 41), 41);
	assert_int_equal(bed->ended, 2);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_PACKETS);
	close(fd);
	session = add(bed, "127.0.0.1", 0, 1, 10000000);
	fz_session_start(session);
	fz_session_stop(session);
	/*= rfc5357#section-3.8 TW-3.8-09 */
	wait_end(bed, 3);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_STOP);
	bed_free(bed);
	bed = bed_of(brief);
	session = add(bed, "127.0.0.1", 0, 1, 0);
	fz_session_start(session);
	wait_end(bed, 1);
	assert_int_equal(bed->why, FZ_COUNT_ENDED_DURATION);
	assert_null(fz_reflect_first(bed->reflect));
	bed_free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_share_ports), cmocka_unit_test(packets), cmocka_unit_test(only_through_ipsec), cmocka_unit_test(forged),
		cmocka_unit_test(rate_and_bandwidth), cmocka_unit_test(longer_than_the_limit), cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
