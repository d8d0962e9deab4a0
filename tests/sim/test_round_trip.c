/* SPDX-License-Identifier: MIT */
/* Sender and reflector joined by a link that loses, duplicates, delays and reorders, with clocks that are
   off: the summary has to say what the link did. What it did is counted here without the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/stats.h>
#include "tests/testlib/distribution.h"
#include "tests/testlib/link.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define SENT 400
#define ARRIVALS_MAX (SENT * LINK_COPIES_MAX * LINK_COPIES_MAX)
#define OCTETS_MAX 176
#define PADDING 64
#define MS 1000000LL
#define SEEDS 12

struct scenario {
	const char *name;
	struct link_config forward, backward;
	int64_t timeout_ns;
	int64_t offset_ns, drift_ppb; /* of the reflector's clock */
	bool split_unknown; /* copies made on the way forward are lost again: nobody can tell them apart */
};

/* A packet somewhere on its way. */
struct flight {
	int64_t at; /* true time of arrival */
	uint32_t seq;
	int64_t t1, t2, t3, t4; /* what the clocks showed */
	size_t octets;
	uint8_t packet[OCTETS_MAX];
};

struct simulation {
	const struct scenario *scenario;
	enum fizeau_test_mode mode;
	uint64_t seed;
	struct virtual_clock sender_clock, reflector_clock;
	struct fizeau_sender *sender;
	struct fizeau_reflector *reflector;
	struct flight *at_reflector, *at_sender;
	size_t at_reflector_count, at_sender_count;
	/* What the link did, by number. */
	unsigned forward_copies[SENT], backward_copies[SENT];
};

static int by_arrival(const void *left, const void *right)
{
	const struct flight *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* The last packet travels a link of its own, so that it is clear what became of all before it. */
static struct link_config link_for(const struct link_config *link, uint32_t seq)
{
	if (seq == SENT - 1)
		return (struct link_config){.delay_ns = link->delay_ns + link->jitter_ns + link->detour_ns};
	return *link;
}

static void send_all(struct simulation *sim)
{
	static const uint8_t sid[16] = {10, 0, 0, 2, 0xe8};
	const struct fizeau_slot slot = {.exponential = true, .parameter = 0x28f5c29}; /* 10 ms */
	struct fizeau_schedule *schedule = fizeau_schedule_new(sid, &slot, 1);

	assert_non_null(schedule);
	for (uint32_t seq = 0; seq < SENT; seq++) {
		int64_t now = fizeau_duration_to_ns(fizeau_schedule_next(schedule)),
			arrivals[LINK_COPIES_MAX];
		struct link_config link = link_for(&sim->scenario->forward, seq);
		struct flight f = {.seq = seq, .octets = fizeau_sender_octets(sim->sender)};

		assert_int_equal(fizeau_sender_prepare(sim->sender, seq, f.packet), 0);
		assert_int_equal(fizeau_sender_finish(
					 sim->sender, f.packet, virtual_clock_stamp(&sim->sender_clock, now)),
			0);
		f.t1 = virtual_clock_ns(&sim->sender_clock, now);
		sim->forward_copies[seq] = link_pass(&link, &sim->seed, now, arrivals);
		for (unsigned i = 0; i < sim->forward_copies[seq]; i++) {
			f.at = arrivals[i];
			sim->at_reflector[sim->at_reflector_count++] = f;
		}
	}
	fizeau_schedule_free(schedule);
	qsort(sim->at_reflector, sim->at_reflector_count, sizeof(*sim->at_reflector), by_arrival);
}

static void reflect_all(struct simulation *sim)
{
	for (size_t n = 0; n < sim->at_reflector_count; n++) {
		struct flight f = sim->at_reflector[n];
		struct link_config link = link_for(&sim->scenario->backward, f.seq);
		int64_t departs = f.at + 1000 + (int64_t)(link_random(&sim->seed) % 50000),
			arrivals[LINK_COPIES_MAX];
		uint8_t reflection[OCTETS_MAX];
		unsigned copies;
		int octets = fizeau_reflector_reflect(sim->reflector, f.packet, f.octets,
			virtual_clock_stamp(&sim->reflector_clock, f.at), 61, 0, reflection, sizeof(reflection));

		assert_true(octets > 0);
		assert_int_equal(fizeau_reflector_finish(sim->reflector, reflection,
					 virtual_clock_stamp(&sim->reflector_clock, departs)),
			0);
		f.t2 = virtual_clock_ns(&sim->reflector_clock, f.at);
		f.t3 = virtual_clock_ns(&sim->reflector_clock, departs);
		f.octets = (size_t)octets;
		memcpy(f.packet, reflection, f.octets);
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

static void summarise(struct simulation *sim, struct fizeau_round_trip_summary *summary)
{
	struct fizeau_round_trip *records = calloc(ARRIVALS_MAX, sizeof(*records));

	assert_non_null(records);
	for (size_t n = 0; n < sim->at_sender_count; n++) {
		const struct flight *f = &sim->at_sender[n];
		struct fizeau_stamp received = virtual_clock_stamp(&sim->sender_clock, f->at);
		struct fizeau_reflection r;

		assert_int_equal(fizeau_sender_reflection(sim->sender, f->packet, f->octets, &r), 0);
		assert_int_equal(r.sender_seq, f->seq);
		records[n] = (struct fizeau_round_trip){
			.seq = r.sender_seq,
			.reflector_seq = r.seq,
			.t1 = r.sender_ntp,
			.t2 = r.receive_ntp,
			.t3 = r.reflect_ntp,
			.t4 = received.ntp,
			.sender_error = r.sender_error,
			.reflector_error = r.reflector_error,
			.receive_error = received.error,
			.forward_ttl = r.sender_ttl,
			.backward_ttl = 59,
		};
	}
	assert_int_equal(fizeau_round_trip_summarise(
				 records, sim->at_sender_count, SENT, sim->scenario->timeout_ns, summary),
		0);
	free(records);
}

/* What the link did, told by the simulation. */
struct truth {
	uint64_t received, duplicates, late, reordered, forward, backward;
	const struct flight *first[SENT]; /* the first copy in time */
};

static void truth_of(const struct simulation *sim, struct truth *truth)
{
	int64_t highest = -1;

	*truth = (struct truth){0};
	for (size_t n = 0; n < sim->at_sender_count; n++) {
		const struct flight *f = &sim->at_sender[n];

		if (f->t4 - f->t1 > sim->scenario->timeout_ns) {
			truth->late++;
		} else if (truth->first[f->seq] != NULL) {
			truth->duplicates++;
		} else {
			truth->first[f->seq] = f;
			truth->received++;
			if (f->seq < highest)
				truth->reordered++;
			else
				highest = f->seq;
		}
	}
	for (uint32_t seq = 0; seq < SENT; seq++) {
		truth->forward += sim->forward_copies[seq] == 0;
		truth->backward += sim->forward_copies[seq] > 0 && sim->backward_copies[seq] == 0;
	}
}

static int64_t forward_of(const struct flight *f)
{
	return f->t2 - f->t1;
}

static int64_t backward_of(const struct flight *f)
{
	return f->t4 - f->t3;
}

static int64_t reflector_of(const struct flight *f)
{
	return f->t3 - f->t2;
}

static int64_t round_trip_of(const struct flight *f)
{
	return f->t4 - f->t1 - (f->t3 - f->t2);
}

static void assert_delay(const struct truth *truth, int64_t (*delay)(const struct flight *),
	const struct fizeau_distribution *d)
{
	int64_t values[SENT];
	size_t count = 0;

	for (uint32_t seq = 0; seq < SENT; seq++) {
		if (truth->first[seq] != NULL)
			values[count++] = delay(truth->first[seq]);
	}
	assert_distribution(values, count, d);
}

static void assert_variation(const struct truth *truth, const struct fizeau_round_trip_summary *s)
{
	int64_t ipdv[SENT], pdv[SENT], least = INT64_MAX;
	size_t pairs = 0, count = 0;

	for (uint32_t seq = 0; seq < SENT; seq++) {
		if (truth->first[seq] != NULL && round_trip_of(truth->first[seq]) < least)
			least = round_trip_of(truth->first[seq]);
	}
	for (uint32_t seq = 0; seq < SENT; seq++) {
		if (truth->first[seq] == NULL)
			continue;
		pdv[count++] = round_trip_of(truth->first[seq]) - least;
		if (seq > 0 && truth->first[seq - 1] != NULL)
			ipdv[pairs++] =
				round_trip_of(truth->first[seq]) - round_trip_of(truth->first[seq - 1]);
	}
	assert_distribution(pdv, count, &s->pdv);
	assert_distribution(ipdv, pairs, &s->ipdv);
}

static void assert_summary(const struct simulation *sim, const struct fizeau_round_trip_summary *s)
{
	struct truth truth;

	truth_of(sim, &truth);
	assert_int_equal(s->sent, SENT);
	assert_int_equal(s->received, truth.received);
	assert_int_equal(s->lost, SENT - truth.received);
	assert_int_equal(s->duplicates, truth.duplicates);
	assert_int_equal(s->late, truth.late);
	assert_int_equal(s->reordered, truth.reordered);
	if (!sim->scenario->split_unknown) {
		assert_true(s->lost_forward_valid);
		assert_int_equal(s->lost_forward, truth.forward);
		assert_int_equal(s->lost_backward, truth.backward);
	}
	assert_delay(&truth, forward_of, &s->forward);
	assert_delay(&truth, backward_of, &s->backward);
	assert_delay(&truth, reflector_of, &s->reflector);
	assert_delay(&truth, round_trip_of, &s->round_trip);
	assert_variation(&truth, s);
	assert_true(s->synchronized_sender);
	assert_false(s->synchronized_reflector);
	assert_true(s->ttl_valid);
	assert_int_equal(s->forward_ttl_min, 61);
	assert_int_equal(s->forward_ttl_max, 61);
	assert_int_equal(s->backward_ttl_max, 59);
}

static void run_one(const struct scenario *scenario, enum fizeau_test_mode mode, uint64_t seed,
	struct fizeau_round_trip_summary *summary)
{
	/* Half of the sessions cross into the era that begins in 2036. */
	uint64_t base = seed % 2 ? 0xe800000000000000 : 0xffffffff00000000;
	struct simulation *sim = calloc(1, sizeof(*sim));

	assert_non_null(sim);
	*sim = (struct simulation){
		.scenario = scenario,
		.mode = mode,
		.seed = seed,
		.sender_clock = {.base = base, .error = 0x8a80},
		.reflector_clock = {base, scenario->offset_ns, scenario->drift_ppb, 0x0a80},
		.sender = packets_sender(mode, PADDING),
		.reflector = packets_reflector(mode),
		.at_reflector = calloc(SENT * LINK_COPIES_MAX, sizeof(struct flight)),
		.at_sender = calloc(ARRIVALS_MAX, sizeof(struct flight)),
	};
	assert_non_null(sim->at_reflector);
	assert_non_null(sim->at_sender);
	send_all(sim);
	reflect_all(sim);
	summarise(sim, summary);
	assert_summary(sim, summary);
	fizeau_sender_free(sim->sender);
	fizeau_reflector_free(sim->reflector);
	free(sim->at_reflector);
	free(sim->at_sender);
	free(sim);
}

/* Runs a scenario in all modes with many seeds; returns the figures of all added up, to see that what it is
   about has happened. */
static struct fizeau_round_trip_summary run(const struct scenario *scenario)
{
	struct fizeau_round_trip_summary all = {0}, s;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run_one(scenario, packets_modes[seed % 3], seed, &s);
		all.lost_forward += s.lost_forward;
		all.lost_backward += s.lost_backward;
		all.duplicates += s.duplicates;
		all.late += s.late;
		all.reordered += s.reordered;
	}
	return all;
}

static void a_clean_link_with_equal_clocks(void **state)
{
	const struct scenario scenario = {
		.forward = {.delay_ns = 20 * MS}, .backward = {.delay_ns = 30 * MS}, .timeout_ns = 1000 * MS};
	struct fizeau_round_trip_summary s;

	(void)state;
	run_one(&scenario, FIZEAU_TEST_OPEN, 1, &s);
	assert_int_equal(s.received, SENT);
	assert_int_equal(s.forward.min, 20 * MS);
	assert_int_equal(s.forward.max, 20 * MS);
	assert_int_equal(s.backward.median, 30 * MS);
	assert_int_equal(s.round_trip.p999, 50 * MS);
	assert_int_equal(s.round_trip.stddev, 0);
	run(&scenario);
}

static void clocks_that_are_off_and_drift(void **state)
{
	const struct scenario scenario = {.forward = {.delay_ns = 5 * MS, .jitter_ns = 3 * MS},
		.backward = {.delay_ns = 7 * MS, .jitter_ns = 4 * MS},
		.timeout_ns = 1000 * MS,
		.offset_ns = -3600 * 1000 * MS,
		.drift_ppb = 50000};
	struct fizeau_round_trip_summary s;

	(void)state;
	run(&scenario);
	run_one(&scenario, FIZEAU_TEST_ENCRYPTED, 3, &s);
	/* One way is off by an hour, the round trip is not: only the drift during the residence is in it. */
	assert_true(s.forward.max < -3590 * 1000 * MS && s.backward.min > 3590 * 1000 * MS);
	assert_true(s.round_trip.min >= 12 * MS - 10 && s.round_trip.max <= 19 * MS + 10);
}

/*= rfc6673#section-7 RL-7-01 */
static void loss_by_direction(void **state)
{
	const struct scenario scenario = {.forward = {.delay_ns = 10 * MS, .loss = 100},
		.backward = {.delay_ns = 10 * MS, .loss = 50},
		.timeout_ns = 1000 * MS};
	struct fizeau_round_trip_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.lost_forward > all.lost_backward && all.lost_backward > 0);
}

/*= rfc6673#section-5.4 RL-5.4-01 */
/*= rfc4737#section-3.3 RE-3.3-01 */
static void reordering_on_both_ways_is_no_loss(void **state)
{
	const struct scenario scenario = {
		.forward = {.delay_ns = 10 * MS, .detour = 50, .detour_ns = 45 * MS},
		.backward = {.delay_ns = 10 * MS, .detour = 50, .detour_ns = 33 * MS, .jitter_ns = MS},
		.timeout_ns = 1000 * MS};
	struct fizeau_round_trip_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.reordered > 100);
	assert_int_equal(all.lost_forward + all.lost_backward, 0);
}

/*= rfc5357#section-4.2 TW-4.2-08 */
/*= rfc4737#section-3.6 RE-3.6-01 */
static void duplication_on_both_ways(void **state)
{
	const struct scenario scenario = {
		.forward = {.delay_ns = 10 * MS, .jitter_ns = MS, .duplication = 60, .loss = 40},
		.backward = {.delay_ns = 10 * MS, .jitter_ns = MS, .duplication = 80},
		.timeout_ns = 1000 * MS};
	struct fizeau_round_trip_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.duplicates > 100 && all.lost_forward > 10);
}

/*= rfc7680#section-2.5 OL-2.5-01 */
static void packets_that_are_too_late(void **state)
{
	const struct scenario scenario = {.forward = {.delay_ns = 10 * MS,
						  .jitter_ns = 5 * MS,
						  .detour = 60,
						  .detour_ns = 300 * MS,
						  .loss = 30},
		.backward = {.delay_ns = 10 * MS,
			.jitter_ns = 5 * MS,
			.detour = 60,
			.detour_ns = 200 * MS,
			.duplication = 50},
		.timeout_ns = 150 * MS};
	struct fizeau_round_trip_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.late > 100);
}

static void everything_at_once(void **state)
{
	const struct link_config bad = {.delay_ns = 10 * MS,
		.jitter_ns = 25 * MS,
		.loss = 80,
		.duplication = 40,
		.detour = 30,
		.detour_ns = 90 * MS};
	struct scenario scenario = {.forward = bad,
		.backward = bad,
		.timeout_ns = 130 * MS,
		.offset_ns = 123456789,
		.drift_ppb = -87654,
		.split_unknown = true};
	struct fizeau_round_trip_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.late > 0 && all.reordered > 0 && all.duplicates > 0);
	/* Without copies on the way forward the directions can be told, whatever else happens. */
	scenario.forward.duplication = 0;
	scenario.split_unknown = false;
	scenario.timeout_ns = 1000 * MS;
	all = run(&scenario);
	assert_true(all.lost_forward > 0 && all.lost_backward > 0 && all.duplicates > 0);
}

static void a_link_that_loses_all(void **state)
{
	struct fizeau_round_trip_summary s;
	uint64_t seed = 0;
	int64_t arrivals[LINK_COPIES_MAX];
	const struct link_config dead = {.loss = 1000};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(link_pass(&dead, &seed, 0, arrivals), 0);
	assert_int_equal(fizeau_round_trip_summarise(NULL, 0, SENT, MS, &s), 0);
	assert_int_equal(s.lost, SENT);
	assert_false(s.round_trip.valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_link_with_equal_clocks),
		cmocka_unit_test(clocks_that_are_off_and_drift),
		cmocka_unit_test(loss_by_direction),
		cmocka_unit_test(reordering_on_both_ways_is_no_loss),
		cmocka_unit_test(duplication_on_both_ways),
		cmocka_unit_test(packets_that_are_too_late),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(a_link_that_loses_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
