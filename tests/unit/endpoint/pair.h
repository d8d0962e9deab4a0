/* SPDX-License-Identifier: MIT */
/* A Session-Sender and a Session-Receiver on one loop, over the loopback device. */
#ifndef UNIT_ENDPOINT_PAIR_H
#define UNIT_ENDPOINT_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "endpoint/receiver.h"
#include "endpoint/sender.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define SECOND ((uint64_t)1 << 32)
#define MS 1000000LL
#define ROUNDS_MAX 2000000 /* of the loop: minutes */
#define RECORDS_MAX 300000
#define PADDING 20

struct pair {
	struct fz_loop *loop;
	struct fz_clock clock;
	struct fz_udp *out, *in;
	struct fz_endpoint_sender_config send;
	struct fz_endpoint_receiver_config receive;
	struct fz_endpoint_sender *sender;
	struct fz_endpoint_receiver *receiver;
	struct fizeau_slot slot;
	bool done;
	uint32_t sent;
	int64_t earliest_ns; /* lateness */
	struct fizeau_record *records;
	size_t count;
};

static inline void on_records(void *arg, const struct fizeau_record *records, size_t count)
{
	struct pair *p = arg;

	assert_in_range(count, 1, RECORDS_MAX - p->count);
	memcpy(p->records + p->count, records, count * sizeof(*records));
	p->count += count;
}

static inline void on_sent(void *arg, uint32_t seq, struct fizeau_stamp stamp, int64_t lateness_ns)
{
	struct pair *p = arg;

	(void)seq;
	(void)stamp;
	p->sent++;
	if (lateness_ns < p->earliest_ns)
		p->earliest_ns = lateness_ns;
}

static inline void on_done(void *arg)
{
	struct pair *p = arg;

	assert_false(p->done);
	p->done = true;
}

static inline struct fz_udp *open_udp(const char *host)
{
	const struct fz_udp_options options = {.batch = 32, .packet_octets = 512, .receive_buffer = 4 << 20};
	struct fz_addr local;
	struct fz_udp *udp;

	assert_true(fz_addr_parse(host, &local));
	assert_int_equal(fz_udp_open(&local, &options, &udp), 0);
	return udp;
}

static inline uint64_t wall(int64_t from_now_ns)
{
	struct fz_clock clock;

	fz_clock_ask(&clock);
	return fizeau_ntp_add_ns(fz_clock_wall(&clock).ntp, from_now_ns);
}

/* A session of packets that are interval apart, which begins some time from now. */
static inline void set_up(struct pair *p, enum fizeau_test_mode mode, const char *host, uint32_t packets,
	int64_t interval_ns, int64_t start_ns)
{
	static const uint8_t sid[16] = {127, 0, 0, 1, 0xe8, [15] = 7};

	*p = (struct pair){.slot = {.parameter = fizeau_duration_from_ns(interval_ns)}};
	p->records = calloc(RECORDS_MAX, sizeof(*p->records));
	assert_non_null(p->records);
	assert_int_equal(fz_loop_new(&p->loop), 0);
	p->out = open_udp(host);
	p->in = open_udp(host);
	fz_clock_ask(&p->clock);
	p->send = (struct fz_endpoint_sender_config){
		.loop = p->loop,
		.clock = &p->clock,
		.udp = p->out,
		.mode = mode,
		.slots = &p->slot,
		.slot_count = 1,
		.packets = packets,
		.padding_octets = PADDING,
		.start_time = wall(start_ns),
		.timeout_ns = 300 * MS,
		.sent = on_sent,
		.done = on_done,
		.arg = p,
	};
	fz_udp_local(p->in, &p->send.remote);
	memcpy(p->send.sid, sid, sizeof(sid));
	packets_keys(&p->send.keys);
	p->receive = (struct fz_endpoint_receiver_config){
		.loop = p->loop,
		.clock = &p->clock,
		.udp = p->in,
		.session =
			{
				.mode = mode,
				.keys = p->send.keys,
				.slots = &p->slot,
				.slot_count = 1,
				.packets = packets,
				.start_time = p->send.start_time,
				.timeout = fizeau_duration_from_ns(300 * MS),
				.padding_octets = PADDING,
			},
		.records = on_records,
		.arg = p,
	};
	fz_udp_local(p->out, &p->receive.remote);
	/* As behind a NAT: the port says nothing. */
	fz_addr_set_port(&p->receive.remote, 9);
	memcpy(p->receive.session.sid, sid, sizeof(sid));
}

static inline void start_both(struct pair *p)
{
	p->receiver = fz_endpoint_receiver_new(&p->receive);
	p->sender = fz_endpoint_sender_new(&p->send);
	assert_non_null(p->receiver);
	assert_non_null(p->sender);
	assert_int_equal(fz_endpoint_sender_last(p->sender).ns, INT64_MAX);
	assert_int_equal(fz_endpoint_receiver_start(p->receiver), 0);
	assert_int_equal(fz_endpoint_sender_start(p->sender), 0);
}

static inline void once(struct pair *p)
{
	assert_int_equal(fz_loop_once(p->loop, (struct fizeau_mono){fz_clock_mono().ns + 10 * MS}), 0);
}

static inline void run_until(struct pair *p, struct fizeau_mono until)
{
	for (int i = 0; i < ROUNDS_MAX && fz_clock_mono().ns < until.ns; i++)
		once(p);
}

/* To the completed end: Timeout after the last packet was due. */
static inline void run(struct pair *p)
{
	for (int i = 0; i < ROUNDS_MAX && !p->done; i++)
		once(p);
	assert_true(p->done);
	run_until(p, (struct fizeau_mono){fz_endpoint_sender_last(p->sender).ns + p->send.timeout_ns});
	fz_endpoint_receiver_finish(p->receiver, wall(0));
}

static inline struct fizeau_session_end sender_end(const struct pair *p)
{
	struct fizeau_session_end end;

	fz_endpoint_sender_end(p->sender, &end);
	assert_memory_equal(end.sid, p->send.sid, sizeof(end.sid));
	assert_int_equal(fizeau_session_end_check(&end), 0);
	return end;
}

static inline struct fz_endpoint_receiver_counters receiver_counters(const struct pair *p)
{
	struct fz_endpoint_receiver_counters counters;

	fz_endpoint_receiver_counters(p->receiver, &counters);
	return counters;
}

static inline struct fz_endpoint_sender_counters sender_counters(const struct pair *p)
{
	struct fz_endpoint_sender_counters counters;

	fz_endpoint_sender_counters(p->sender, &counters);
	return counters;
}

static inline void tear_down(struct pair *p)
{
	fz_endpoint_sender_free(p->sender);
	fz_endpoint_receiver_free(p->receiver);
	fz_udp_close(p->out);
	fz_udp_close(p->in);
	fz_loop_free(p->loop);
	free(p->records);
}

#endif
