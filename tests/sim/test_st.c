/* SPDX-License-Identifier: MIT */
/* STAMP's sender and reflector joined by a link that loses, duplicates, delays and reorders, with clocks that are off:
   stamps and numbers tell what the link did, and so do Direct Measurement and Follow-Up. What it did is counted here without
   the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/stats.h>
#include "tests/testlib/link.h"
#include "tests/testlib/st_packets.h"
#include <cmocka.h>

#define SENT 300
#define ARRIVALS_MAX (SENT * LINK_COPIES_MAX * LINK_COPIES_MAX)
#define OCTETS_MAX 400
#define MS 1000000LL
#define SEEDS 8
#define BIT(type) FIZEAU_ST_TLV_BIT(FIZEAU_ST_##type)
#define ASKED (BIT(LOCATION) | BIT(CLASS_OF_SERVICE) | BIT(DIRECT_MEASUREMENT) | BIT(FOLLOW_UP))

/* A packet somewhere on its way. */
struct flight {
	int64_t at;    /* true time of arrival */
	uint32_t seq;  /* the sender's */
	uint32_t turn; /* at the reflector: how many it had answered before */
	int64_t t1, t2, t3, t4; /* what the clocks showed */
	size_t octets;
	uint8_t packet[OCTETS_MAX];
};

struct simulation {
	const struct link_config *forward, *backward;
	uint64_t seed;
	struct virtual_clock sender_clock, reflector_clock;
	struct fizeau_st_sender *sender;
	struct fizeau_st_reflector *reflector;
	bool stateless;
	struct flight *at_reflector, *at_sender;
	size_t at_reflector_count, at_sender_count;
	int64_t departed[SENT * LINK_COPIES_MAX]; /* by turn */
	unsigned forward_copies[SENT], backward_copies[SENT];
};

static int by_arrival(const void *left, const void *right)
{
	const struct flight *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* The last packet travels alone, so that it is clear what became of all before it. */
static struct link_config link_for(const struct link_config *link, uint32_t seq)
{
	if (seq == SENT - 1)
		return (struct link_config){.delay_ns = link->delay_ns + link->jitter_ns + link->detour_ns};
	return *link;
}

/*= rfc8762#section-4.2.1 ST-4.2.1-01 */
static void send_all(struct simulation *sim)
{
	for (uint32_t seq = 0; seq < SENT; seq++) {
		int64_t now = seq * 3 * MS, arrivals[LINK_COPIES_MAX];
		struct link_config link = link_for(sim->forward, seq);
		struct flight f = {.seq = seq, .octets = fizeau_st_sender_octets(sim->sender)};

		assert_true(f.octets <= OCTETS_MAX);
		assert_int_equal(fizeau_st_sender_prepare(sim->sender, seq, f.packet), 0);
		assert_int_equal(
			fizeau_st_sender_finish(sim->sender, f.packet, virtual_clock_stamp(&sim->sender_clock, now)), 0);
		f.t1 = virtual_clock_ns(&sim->sender_clock, now);
		sim->forward_copies[seq] = link_pass(&link, &sim->seed, now, arrivals);
		for (unsigned i = 0; i < sim->forward_copies[seq]; i++) {
			f.at = arrivals[i];
			sim->at_reflector[sim->at_reflector_count++] = f;
		}
	}
	qsort(sim->at_reflector, sim->at_reflector_count, sizeof(*sim->at_reflector), by_arrival);
}

static void reflect_one(struct simulation *sim, struct flight *f, int64_t departs)
{
	struct fizeau_st_received received = st_received;
	struct fizeau_st_reply reply;
	uint8_t out[OCTETS_MAX];

	received.stamp = virtual_clock_stamp(&sim->reflector_clock, f->at);
	assert_int_equal(
		fizeau_st_reflector_reflect(sim->reflector, f->packet, f->octets, &received, out, sizeof(out), &reply), 0);
	assert_int_equal(fizeau_st_reflector_finish(
				 sim->reflector, out, &reply, virtual_clock_stamp(&sim->reflector_clock, departs)),
		0);
	assert_int_equal(reply.octets, f->octets);
	assert_int_equal(reply.dscp, 10);
	/* It leaves a little later than its stamp says. */
	fizeau_st_reflector_departed(
		sim->reflector, reply.seq, virtual_clock_stamp(&sim->reflector_clock, departs + 777));
	f->t2 = virtual_clock_ns(&sim->reflector_clock, f->at);
	f->t3 = virtual_clock_ns(&sim->reflector_clock, departs);
	sim->departed[f->turn] = virtual_clock_ns(&sim->reflector_clock, departs + 777);
	memcpy(f->packet, out, f->octets);
}

static void reflect_all(struct simulation *sim)
{
	int64_t busy_until = 0;

	for (size_t n = 0; n < sim->at_reflector_count; n++) {
		struct flight f = sim->at_reflector[n];
		struct link_config link = link_for(sim->backward, f.seq);
		int64_t departs = f.at + 1000 + (int64_t)(link_random(&sim->seed) % 50000), arrivals[LINK_COPIES_MAX];
		unsigned copies;

		departs = departs > busy_until ? departs : busy_until + 1000;
		busy_until = departs;
		f.turn = (uint32_t)n;
		reflect_one(sim, &f, departs);
		copies = link_pass(&link, &sim->seed, departs, arrivals);
		for (unsigned i = 0; i < copies; i++) {
			f.at = arrivals[i];
			f.t4 = virtual_clock_ns(&sim->sender_clock, f.at);
			sim->at_sender[sim->at_sender_count++] = f;
		}
		sim->backward_copies[f.seq] += copies;
	}
	qsort(sim->at_sender, sim->at_sender_count, sizeof(*sim->at_sender), by_arrival);
}

/* A stamp is what the clock showed, to the nanosecond that formats cost. */
static void assert_shows(const struct virtual_clock *clock, uint64_t ntp, int64_t shown)
{
	int64_t got = fizeau_ntp_diff_ns(ntp, clock->base);

	assert_true(got >= shown - 2 && got <= shown + 2);
}

static void assert_told(const struct simulation *sim, const struct flight *f, const struct fizeau_st_reflection *r)
{
	assert_int_equal(r->answered & ASKED, ASKED);
	assert_int_equal(r->base.sender_seq, f->seq);
	assert_int_equal(r->base.seq, sim->stateless ? f->seq : f->turn);
	assert_shows(&sim->sender_clock, r->base.sender_ntp, f->t1);
	assert_shows(&sim->reflector_clock, r->base.receive_ntp, f->t2);
	assert_shows(&sim->reflector_clock, r->base.reflect_ntp, f->t3);
	assert_int_equal(r->direct.sender_tx, f->seq + 1);
	assert_int_equal(r->direct.reflector_rx, f->turn + 1);
	assert_int_equal(r->direct.reflector_tx, f->turn + 1);
	if (sim->stateless || f->turn == 0) {
		assert_true(r->follow_up.ntp == 0 && r->follow_up.seq == 0);
	} else {
		assert_int_equal(r->follow_up.seq, f->turn - 1);
		assert_shows(&sim->reflector_clock, r->follow_up.ntp, sim->departed[f->turn - 1]);
	}
}

static void read_all(struct simulation *sim, struct fizeau_round_trip_summary *summary)
{
	struct fizeau_round_trip *records = calloc(ARRIVALS_MAX, sizeof(*records));

	assert_non_null(records);
	for (size_t n = 0; n < sim->at_sender_count; n++) {
		const struct flight *f = &sim->at_sender[n];
		struct fizeau_stamp received = virtual_clock_stamp(&sim->sender_clock, f->at);
		struct fizeau_st_reflection r;

		assert_int_equal(fizeau_st_sender_reflection(sim->sender, f->packet, f->octets, &r), 0);
		assert_told(sim, f, &r);
		records[n] = (struct fizeau_round_trip){
			.seq = r.base.sender_seq,
			.reflector_seq = r.base.seq,
			.t1 = r.base.sender_ntp,
			.t2 = r.base.receive_ntp,
			.t3 = r.base.reflect_ntp,
			.t4 = received.ntp,
			.sender_error = r.base.sender_error,
			.reflector_error = r.base.reflector_error,
			.receive_error = received.error,
			.forward_ttl = r.base.sender_ttl,
			.backward_ttl = 59,
		};
	}
	assert_int_equal(
		fizeau_round_trip_summarise(records, sim->at_sender_count, SENT, 2000 * MS, summary), 0);
	free(records);
}

static void assert_summary(const struct simulation *sim, const struct fizeau_round_trip_summary *s)
{
	uint64_t received = 0, forward = 0, backward = 0;

	for (uint32_t seq = 0; seq < SENT; seq++) {
		received += sim->backward_copies[seq] > 0;
		forward += sim->forward_copies[seq] == 0;
		backward += sim->forward_copies[seq] > 0 && sim->backward_copies[seq] == 0;
	}
	assert_int_equal(s->received, received);
	assert_int_equal(s->lost, SENT - received);
	assert_int_equal(s->duplicates, sim->at_sender_count - received);
	if (sim->stateless || sim->forward->duplication > 0)
		return;
	assert_true(s->lost_forward_valid);
	assert_int_equal(s->lost_forward, forward);
	assert_int_equal(s->lost_backward, backward);
}

static void run(const struct link_config *forward, const struct link_config *backward, unsigned kind, uint64_t seed,
	struct fizeau_round_trip_summary *summary)
{
	struct fizeau_st_key key = st_key();
	bool keyed = kind & 1, stateless = kind & 2;
	struct fizeau_st_sender_config sender = {.ssid = ST_SSID,
		.tlvs = ASKED,
		.dscp = 10,
		.padding_octets = 30,
		.format = {.ptp = kind & 4, .tai_utc_s = 37}};
	struct fizeau_st_reflector_config reflector = {.keys = &key,
		.key_count = keyed,
		.stateless = stateless,
		.tlvs = true,
		.dscp_allowed = UINT64_MAX,
		.format = {.ptp = kind & 8, .tai_utc_s = 37}};
	struct simulation *sim = calloc(1, sizeof(*sim));
	/* Half of the sessions cross into the era that begins in 2036. */
	uint64_t base = seed % 2 ? 0xe800000000000000 : 0xffffffff00000000;

	assert_non_null(sim);
	if (keyed)
		sender.key = key;
	*sim = (struct simulation){
		.forward = forward,
		.backward = backward,
		.seed = seed,
		.sender_clock = {.base = base, .error = 0x8a80},
		.reflector_clock = {base, -3600 * 1000 * MS, 50000, 0x0a80},
		.sender = st_sender(&sender),
		.reflector = st_reflector(&reflector),
		.stateless = stateless,
		.at_reflector = calloc(SENT * LINK_COPIES_MAX, sizeof(struct flight)),
		.at_sender = calloc(ARRIVALS_MAX, sizeof(struct flight)),
	};
	assert_non_null(sim->at_reflector);
	assert_non_null(sim->at_sender);
	send_all(sim);
	reflect_all(sim);
	read_all(sim, summary);
	assert_summary(sim, summary);
	fizeau_st_sender_free(sim->sender);
	fizeau_st_reflector_free(sim->reflector);
	free(sim->at_reflector);
	free(sim->at_sender);
	free(sim);
}

#define KINDS 16 /* open or authenticated, stateful or stateless, formats of both ends */

/*= rfc8762#section-4 ST-4-01 ST-4-02 */
/*= rfc8972#section-4.5 SX-4.5-01 */
/*= rfc8972#section-4.7 SX-4.7-01 */
static void a_bad_link(void **state)
{
	const struct link_config bad = {.delay_ns = 10 * MS,
		.jitter_ns = 20 * MS,
		.loss = 80,
		.duplication = 50,
		.detour = 30,
		.detour_ns = 90 * MS};
	struct link_config without_copies = bad;
	struct fizeau_round_trip_summary s;
	uint64_t duplicates = 0, forward = 0, backward = 0;

	(void)state;
	without_copies.duplication = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		for (unsigned kind = 0; kind < KINDS; kind++) {
			run(&bad, &bad, kind, seed, &s);
			duplicates += s.duplicates;
			run(&without_copies, &bad, kind, seed, &s);
			forward += s.lost_forward;
			backward += s.lost_backward;
		}
	}
	/* What the test is about has happened. */
	assert_true(duplicates > 100 && forward > 100 && backward > 100);
}

static void a_clean_link(void **state)
{
	const struct link_config clean = {.delay_ns = 20 * MS};
	struct fizeau_round_trip_summary s;

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		run(&clean, &clean, kind, 5, &s);
		assert_int_equal(s.received, SENT);
		assert_true(s.round_trip.min >= 40 * MS - 20 && s.round_trip.max <= 40 * MS + 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_link),
		cmocka_unit_test(a_bad_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
