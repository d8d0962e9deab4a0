/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "io/udp.h"

static struct fz_addr addr_of(const char *text)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(text, &addr));
	return addr;
}

static struct fz_udp *open_udp(const char *host, uint32_t batch, uint32_t packet_octets, int receive_buffer)
{
	const struct fz_udp_options options = {
		.batch = batch, .packet_octets = packet_octets, .receive_buffer = receive_buffer};
	struct fz_addr local = addr_of(host);
	struct fz_udp *udp;

	if (fz_udp_open(&local, &options, &udp) != 0)
		return NULL;
	return udp;
}

static struct fz_addr local_of(const struct fz_udp *udp)
{
	struct fz_addr local;

	fz_udp_local(udp, &local);
	return local;
}

static struct fz_clock asked_clock(void)
{
	struct fz_clock clock;

	fz_clock_ask(&clock);
	return clock;
}

static int read_wait(struct fz_udp *udp, struct fz_datagram **datagrams)
{
	struct pollfd pfd = {.fd = fz_udp_fd(udp), .events = POLLIN};
	struct fz_clock clock = asked_clock();

	assert_int_equal(poll(&pfd, 1, 10000), 1);
	return fz_udp_read(udp, &clock, datagrams);
}

static void send_one(struct fz_udp *udp, const char *text, const struct fz_addr *peer,
	const struct fz_addr *from, uint8_t dscp)
{
	uint8_t *room = fz_udp_room(udp);

	assert_non_null(room);
	memcpy(room, text, strlen(text));
	fz_udp_queue(udp, strlen(text), peer, from, dscp);
}

/* Everything that is told of a datagram, over loopback. */
static void to_and_fro(const char *host, const char *any, const char *second)
{
	struct fz_udp *left = open_udp(host, 4, 100, 0), *right = open_udp(any, 4, 100, 0);
	struct fz_addr left_at = local_of(left), right_bound = local_of(right), right_at = addr_of(second);
	struct timespec before, after;
	struct fz_datagram *got;
	struct fizeau_stamp early, late;
	struct fz_clock clock = asked_clock();

	assert_int_equal(fz_udp_read(right, &clock, &got), 0);
	fz_addr_set_port(&right_at, fz_addr_port(&right_bound));
	clock_gettime(CLOCK_REALTIME, &before);
	send_one(left, "ping", &right_at, NULL, 46);
	assert_int_equal(fz_udp_flush(left), 1);
	assert_int_equal(read_wait(right, &got), 1);
	clock_gettime(CLOCK_REALTIME, &after);
	assert_int_equal(got->len, 4);
	assert_memory_equal(got->octets, "ping", 4);
	assert_false(got->truncated);
	assert_true(fz_addr_equal(&got->from, &left_at));
	assert_true(fz_addr_equal(&got->to, &right_at));
	/* 255 goes out, and is read from the header on arrival. */
	/*= rfc5357#section-4.2.1 TW-4.2.1-03 */
	/*= rfc4656#section-4.1.2 OW-4.1.2-01 */
	assert_int_equal(got->ttl, 255);
	assert_int_equal(got->traffic_class, 46 << 2);
	early = fz_clock_stamp(&clock, before, FIZEAU_STAMP_USER);
	late = fz_clock_stamp(&clock, after, FIZEAU_STAMP_USER);
	assert_true(fizeau_ntp_diff_ns(got->received.ntp, early.ntp) >= 0);
	assert_true(fizeau_ntp_diff_ns(late.ntp, got->received.ntp) >= 0);
	assert_true(fizeau_error_estimate_valid(got->received.error));

	/* Back from the address that it came to, though the socket is bound to all of them. */
	send_one(right, "pong", &got->from, &got->to, 0);
	assert_int_equal(fz_udp_flush(right), 1);
	assert_int_equal(read_wait(left, &got), 1);
	assert_memory_equal(got->octets, "pong", 4);
	assert_true(fz_addr_equal(&got->from, &right_at));
	assert_true(fz_addr_equal(&got->to, &left_at));
	assert_int_equal(got->traffic_class, 0);
	fz_udp_close(left);
	fz_udp_close(right);
}

static void ipv4(void **state)
{
	(void)state;
	to_and_fro("127.0.0.1", "0.0.0.0", "127.0.0.53");
	to_and_fro("127.0.0.1", "127.0.0.2", "127.0.0.2");
}

static void ipv6(void **state)
{
	struct fz_udp *probe = open_udp("::1", 1, 10, 0);

	(void)state;
	if (probe == NULL)
		skip();
	fz_udp_close(probe);
	to_and_fro("::1", "::", "::1");
	to_and_fro("::1", "::1", "::1");
}

static void stamps_are_the_kernels(void **state)
{
	struct fz_udp *udp = open_udp("127.0.0.1", 4, 100, 0);
	struct fz_addr at = local_of(udp);
	struct fz_datagram *got;
	int kernel = 0;

	(void)state;
	assert_int_equal(fz_udp_stamp_source(udp), FIZEAU_STAMP_KERNEL);
	/* The kernel switches its stamps on a moment after the first socket asks for them. */
	for (int i = 0; i < 10000 && !kernel; i++) {
		send_one(udp, "x", &at, NULL, 0);
		assert_int_equal(fz_udp_flush(udp), 1);
		assert_int_equal(read_wait(udp, &got), 1);
		kernel = got->received.source == FIZEAU_STAMP_KERNEL;
	}
	assert_true(kernel);
	fz_udp_close(udp);
}

/* What the header carries is what is told, whatever it is. */
/*= rfc2330#section-15 FW-15-01 */
static void ttl_of_the_header(void **state)
{
	struct fz_udp *receiver = open_udp("127.0.0.1", 4, 100, 0);
	struct fz_addr at = local_of(receiver);
	struct fz_datagram *got;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ttl = 37, off = 0;

	(void)state;
	/*= rfc5357#section-4.2 TW-4.2-05 */
	/*= rfc4656#section-4.2 OW-4.2-05 */
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, &at.sa, at.len), 1);
	assert_int_equal(read_wait(receiver, &got), 1);
	assert_int_equal(got->ttl, 37);
	/*= rfc5357#section-4.2 TW-4.2-06 */
	/*= rfc4656#section-4.2 OW-4.2-06 */
	assert_int_equal(setsockopt(fz_udp_fd(receiver), IPPROTO_IP, IP_RECVTTL, &off, sizeof(off)), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, &at.sa, at.len), 1);
	assert_int_equal(read_wait(receiver, &got), 1);
	assert_int_equal(got->ttl, 255);
	close(fd);
	fz_udp_close(receiver);
}

static void hop_limit_of_the_header(void **state)
{
	struct fz_udp *receiver = open_udp("::1", 4, 100, 0);
	struct fz_addr at;
	struct fz_datagram *got;
	int fd, hops = 37, class = 0xb9;

	(void)state;
	if (receiver == NULL)
		skip();
	at = local_of(receiver);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class)), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, &at.sa, at.len), 1);
	assert_int_equal(read_wait(receiver, &got), 1);
	assert_int_equal(got->ttl, 37);
	assert_int_equal(got->traffic_class, 0xb9);
	close(fd);
	fz_udp_close(receiver);
}

static void batches(void **state)
{
	struct fz_udp *udp = open_udp("127.0.0.1", 8, 100, 0);
	struct fz_addr at = local_of(udp);
	struct fz_udp_counters counters;
	struct fz_datagram *got;

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(fz_udp_queued(udp), i);
		send_one(udp, "-", &at, NULL, 0);
	}
	assert_null(fz_udp_room(udp));
	assert_null(fz_udp_queued_octets(udp, 8));
	/* Finishing right before they leave. */
	for (uint32_t i = 0; i < 8; i++)
		*fz_udp_queued_octets(udp, i) = (uint8_t)('a' + i);
	assert_int_equal(fz_udp_flush(udp), 8);
	assert_int_equal(fz_udp_queued(udp), 0);
	assert_int_equal(fz_udp_flush(udp), 0);
	assert_non_null(fz_udp_room(udp));
	assert_int_equal(read_wait(udp, &got), 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(got[i].octets[0], 'a' + i);
	fz_udp_counters(udp, &counters);
	assert_int_equal(counters.sent, 8);
	assert_int_equal(counters.received, 8);
	assert_int_equal(counters.send_drops, 0);
	assert_int_equal(counters.receive_drops, 0);
	fz_udp_close(udp);
}

static void longer_than_asked_for(void **state)
{
	struct fz_udp *sender = open_udp("127.0.0.1", 1, 100, 0), *receiver = open_udp("127.0.0.1", 4, 41, 0);
	struct fz_addr at = local_of(receiver);
	struct fz_datagram *got;

	(void)state;
	for (size_t len = 41; len <= 42; len++) {
		memset(fz_udp_room(sender), 'x', len);
		fz_udp_queue(sender, len, &at, NULL, 0);
		assert_int_equal(fz_udp_flush(sender), 1);
		assert_int_equal(read_wait(receiver, &got), 1);
		assert_int_equal(got->len, 41);
		assert_int_equal(got->truncated, len > 41);
	}
	/* An empty datagram is one, too. */
	fz_udp_queue(sender, 0, &at, NULL, 0);
	assert_int_equal(fz_udp_flush(sender), 1);
	assert_int_equal(read_wait(receiver, &got), 1);
	assert_int_equal(got->len, 0);
	fz_udp_close(sender);
	fz_udp_close(receiver);
}

/* Short and long ones in one batch, each whole, whatever lies beside it. */
static void all_lengths(void **state)
{
	static const size_t lens[] = {65507, 14, 1600, 1599, 65507, 1601, 1, 1472, 9000, 3200};
	enum { COUNT = sizeof(lens) / sizeof(lens[0]) };
	struct fz_udp *sender = open_udp("127.0.0.1", COUNT, 65507, 0),
		      *receiver = open_udp("127.0.0.1", COUNT, 65507, 1 << 20);
	struct fz_addr at = local_of(receiver);
	struct fz_datagram *got;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			uint8_t *room = fz_udp_room(sender);
			for (size_t j = 0; j < lens[i]; j++)
				room[j] = (uint8_t)(j * 31 + j / 256 + i);
			fz_udp_queue(sender, lens[i], &at, NULL, 0);
		}
		assert_int_equal(fz_udp_flush(sender), COUNT);
		assert_int_equal(read_wait(receiver, &got), COUNT);
		for (size_t i = 0; i < COUNT; i++) {
			assert_int_equal(got[i].len, lens[i]);
			assert_false(got[i].truncated);
			for (size_t j = 0; j < lens[i]; j++)
				assert_int_equal(got[i].octets[j], (uint8_t)(j * 31 + j / 256 + i));
		}
	}
	fz_udp_close(sender);
	fz_udp_close(receiver);
}

/* One that the kernel refuses costs itself only. */
static void one_refused(void **state)
{
	struct fz_udp *udp = open_udp("127.0.0.1", 8, 100, 0);
	struct fz_addr at = local_of(udp), nowhere = addr_of("192.0.2.1"), not_ours = addr_of("198.51.100.1");
	struct fz_udp_counters counters;
	struct fz_datagram *got;

	(void)state;
	fz_addr_set_port(&nowhere, 0); /* port 0 cannot be sent to */
	send_one(udp, "a", &nowhere, NULL, 0);
	send_one(udp, "b", &at, NULL, 0);
	send_one(udp, "c", &at, &not_ours, 0);
	send_one(udp, "d", &at, NULL, 0);
	send_one(udp, "e", &nowhere, NULL, 0);
	assert_int_equal(fz_udp_flush(udp), 2);
	assert_int_equal(read_wait(udp, &got), 2);
	assert_int_equal(got[0].octets[0], 'b');
	assert_int_equal(got[1].octets[0], 'd');
	fz_udp_counters(udp, &counters);
	assert_int_equal(counters.sent, 2);
	assert_int_equal(counters.send_drops, 3);
	fz_udp_close(udp);
}

/* Nobody listens there: the ICMP error must not end anything. */
static void port_unreachable(void **state)
{
	struct fz_udp *gone = open_udp("127.0.0.1", 1, 10, 0), *udp = open_udp("127.0.0.1", 4, 10, 0);
	struct fz_addr nobody = local_of(gone), at = local_of(udp);
	struct fz_datagram *got;

	(void)state;
	fz_udp_close(gone);
	for (int i = 0; i < 3; i++) {
		send_one(udp, "a", &nobody, NULL, 0);
		send_one(udp, "b", &at, NULL, 0);
		assert_int_equal(fz_udp_flush(udp), 2);
		assert_int_equal(read_wait(udp, &got), 1);
		assert_int_equal(got->octets[0], 'b');
	}
	fz_udp_close(udp);
}

/* What ICMP says of nobody is told, and holds nothing up. */
static void icmp_is_counted(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	for (size_t host = 0; host < 2; host++) {
		const struct fz_udp_options options = {.batch = 4, .packet_octets = 10, .icmp_news = true};
		struct fz_udp *gone = open_udp(hosts[host], 1, 10, 0), *udp;
		struct fz_addr nobody = local_of(gone), local = addr_of(hosts[host]);
		const struct fz_sent_stamp *stamps;
		struct fz_clock clock = asked_clock();
		struct fz_udp_counters counters;

		assert_int_equal(fz_udp_open(&local, &options, &udp), 0);
		fz_udp_close(gone);
		fz_udp_counters(udp, &counters);
		assert_int_equal(counters.icmp, 0);
		for (unsigned i = 0; i < 3; i++) {
			struct pollfd pfd = {.fd = fz_udp_fd(udp)};

			send_one(udp, "a", &nobody, NULL, 0);
			assert_int_equal(fz_udp_flush_in_order(udp), 1);
			assert_int_equal(poll(&pfd, 1, 10000), 1);
			assert_true(pfd.revents & POLLERR);
			/* In the second round it is the next packet that meets the error. */
			if (i != 1)
				assert_int_equal(fz_udp_read_sent(udp, &clock, &stamps), 0);
		}
		fz_udp_counters(udp, &counters);
		assert_int_equal(counters.icmp, 3);
		assert_int_equal(counters.icmp_error, ECONNREFUSED);
		assert_int_equal(counters.send_drops, 0);
		fz_udp_close(udp);
	}
}

/* All that were sent are received or counted as dropped here: never silently lost. */
static void own_buffer_full(void **state)
{
	struct fz_udp *sender = open_udp("127.0.0.1", 64, 1000, 0),
		      *receiver = open_udp("127.0.0.1", 64, 1000, 4096);
	struct fz_addr at = local_of(receiver);
	struct fz_clock clock = asked_clock();
	struct fz_udp_counters in, out;
	struct fz_datagram *got;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 64; i++) {
			memset(fz_udp_room(sender), 0, 1000);
			fz_udp_queue(sender, 1000, &at, NULL, 0);
		}
		assert_int_equal(fz_udp_flush(sender), 64);
		while (fz_udp_read(receiver, &clock, &got) > 0)
			;
		fz_udp_counters(sender, &out);
		fz_udp_counters(receiver, &in);
		assert_int_equal(in.received + in.receive_drops, out.sent);
	}
	assert_true(in.receive_drops > 0);
	fz_udp_close(sender);
	fz_udp_close(receiver);
}

/* Two sockets over one batch: each sends and receives its own. */
static void shared_batch(void **state)
{
	struct fz_udp_batch *batch = fz_udp_batch_new(4, 100);
	const struct fz_udp_options options = {.shared = batch};
	struct fz_addr local = addr_of("127.0.0.1"), left_at, right_at;
	struct fz_udp *left, *right;
	struct fz_udp_counters counters;
	struct fz_datagram *got;
	uint8_t *first;

	(void)state;
	assert_non_null(batch);
	assert_int_equal(fz_udp_open(&local, &options, &left), 0);
	assert_int_equal(fz_udp_open(&local, &options, &right), 0);
	left_at = local_of(left);
	right_at = local_of(right);
	send_one(left, "to the right", &right_at, NULL, 0);
	assert_int_equal(fz_udp_flush(left), 1);
	send_one(right, "to the left", &left_at, NULL, 0);
	assert_int_equal(fz_udp_flush(right), 1);
	assert_int_equal(read_wait(right, &got), 1);
	assert_memory_equal(got->octets, "to the right", 12);
	assert_true(fz_addr_equal(&got->from, &left_at));
	assert_int_equal(read_wait(left, &got), 1);
	assert_memory_equal(got->octets, "to the left", 11);
	assert_true(fz_addr_equal(&got->to, &left_at));
	fz_udp_counters(left, &counters);
	assert_int_equal(counters.sent, 1);
	assert_int_equal(counters.received, 1);
	/* What is not sent after all gives its room back: what follows begins where it began. */
	first = fz_udp_room(left);
	for (int i = 0; i < 4; i++)
		send_one(left, "not yet", &right_at, NULL, 0);
	fz_udp_unqueue(right);
	assert_int_equal(fz_udp_queued(left), 4);
	fz_udp_unqueue(left);
	assert_int_equal(fz_udp_queued(left), 0);
	assert_ptr_equal(fz_udp_room(right), first);
	/* What a socket leaves behind in the batch goes with it. */
	send_one(left, "never", &right_at, NULL, 0);
	fz_udp_close(left);
	assert_int_equal(fz_udp_queued(right), 0);
	assert_int_equal(fz_udp_flush(right), 0);
	fz_udp_close(right);
	fz_udp_batch_free(batch);
	fz_udp_batch_free(NULL);
	assert_null(fz_udp_batch_new(0, 100));
	assert_null(fz_udp_batch_new(65, 100));
	assert_null(fz_udp_batch_new(1, 0));
}

static void bad_options(void **state)
{
	struct fz_addr local = addr_of("127.0.0.1"), none = {0}, foreign = addr_of("192.0.2.1");
	struct fz_udp_options options = {.batch = 1, .packet_octets = 100};
	struct fz_udp *udp, *taken;

	(void)state;
	assert_int_equal(fz_udp_open(&none, &options, &udp), -EINVAL);
	assert_int_equal(fz_udp_open(&foreign, &options, &udp), -EADDRNOTAVAIL);
	assert_null(udp);
	taken = open_udp("127.0.0.1", 1, 100, 0);
	local = local_of(taken);
	assert_int_equal(fz_udp_open(&local, &options, &udp), -EADDRINUSE);
	fz_udp_close(taken);
	options.batch = 0;
	assert_int_equal(fz_udp_open(&local, &options, &udp), -EINVAL);
	options.batch = 65;
	assert_int_equal(fz_udp_open(&local, &options, &udp), -EINVAL);
	options = (struct fz_udp_options){.batch = 1};
	assert_int_equal(fz_udp_open(&local, &options, &udp), -EINVAL);
	fz_udp_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(stamps_are_the_kernels),
		cmocka_unit_test(ttl_of_the_header),
		cmocka_unit_test(hop_limit_of_the_header),
		cmocka_unit_test(batches),
		cmocka_unit_test(longer_than_asked_for),
		cmocka_unit_test(all_lengths),
		cmocka_unit_test(one_refused),
		cmocka_unit_test(port_unreachable),
		cmocka_unit_test(icmp_is_counted),
		cmocka_unit_test(own_buffer_full),
		cmocka_unit_test(shared_batch),
		cmocka_unit_test(bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
