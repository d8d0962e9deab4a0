/* SPDX-License-Identifier: MIT */
/* Session-Sender and Session-Receiver joined by a link that loses, duplicates, delays and reorders, with clocks that are
   off: records and summary have to say what the link did. What it did is counted here without the library, each metric
   by its definition. Every case is named after the mistake that it would catch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/receiver.h>
#include <fizeau/stats.h>
#include "tests/testlib/distribution.h"
#include "tests/testlib/link.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define SENT 400
#define COPIES (SENT * LINK_COPIES_MAX)
#define RECORDS_MAX (COPIES + SENT)
#define OCTETS_MAX 80
#define PADDING 11
#define MS 1000000LL
#define SEEDS 12
#define NEVER INT64_MAX

struct scenario {
	struct link_config link;
	int64_t timeout_ns;
	int64_t offset_ns, drift_ppb;        /* of the receiver's clock */
	const struct fizeau_slot *slots;     /* NULL: exponential, 10 ms */
	size_t slot_count;
	struct fizeau_skip_range skipped;    /* numbers that the sender does not send; last 0: none */
	struct fizeau_skip_range blackout;   /* numbers that the link loses one and all; last 0: none */
	uint32_t stop_at;                    /* sending stops before this number; 0: at the end of the schedule */
	bool broken;                         /* and the sender does not say so */
};

/* A copy on its way. */
struct flight {
	int64_t at; /* true time of arrival */
	uint32_t seq;
	int64_t sent, received; /* what the clocks showed */
	uint8_t packet[OCTETS_MAX];
};

struct simulation {
	const struct scenario *scenario;
	uint64_t seed;
	struct virtual_clock sender_clock, receiver_clock;
	struct fizeau_sender *sender;
	struct fizeau_receiver *receiver;
	int64_t due[SENT]; /* true time, from the Start Time */
	uint32_t next;     /* the first number that was not used */
	int64_t stop;      /* true time of the end */
	struct flight *flights;
	size_t flight_count;
	struct fizeau_record *records;
	size_t count;
	struct fizeau_session_end end;
};

static const uint8_t sid[16] = {10, 0, 0, 2, 0xe8, [15] = 1};
static const struct fizeau_slot poisson = {.exponential = true, .parameter = 0x28f5c29}; /* 10 ms */

static const struct fizeau_slot *slots_of(const struct scenario *scenario, size_t *count)
{
	*count = scenario->slots == NULL ? 1 : scenario->slot_count;
	return scenario->slots == NULL ? &poisson : scenario->slots;
}

static bool within(const struct fizeau_skip_range *range, uint32_t seq)
{
	return range->last != 0 && range->first <= seq && seq <= range->last;
}

static int by_arrival(const void *left, const void *right)
{
	const struct flight *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

static void send_one(struct simulation *sim, uint32_t seq)
{
	int64_t now = sim->due[seq], arrivals[LINK_COPIES_MAX];
	struct flight f = {.seq = seq, .sent = virtual_clock_ns(&sim->sender_clock, now)};
	unsigned copies;

	assert_in_range(fizeau_sender_octets(sim->sender), 1, OCTETS_MAX);
	assert_int_equal(fizeau_sender_prepare(sim->sender, seq, f.packet), 0);
	assert_int_equal(
		fizeau_sender_finish(sim->sender, f.packet, virtual_clock_stamp(&sim->sender_clock, now)), 0);
	copies = link_pass(&sim->scenario->link, &sim->seed, now, arrivals);
	if (within(&sim->scenario->blackout, seq))
		return;
	for (unsigned i = 0; i < copies; i++) {
		f.at = arrivals[i];
		f.received = virtual_clock_ns(&sim->receiver_clock, f.at);
		sim->flights[sim->flight_count++] = f;
	}
}

static void send_all(struct simulation *sim)
{
	size_t slot_count;
	const struct fizeau_slot *slots = slots_of(sim->scenario, &slot_count);
	struct fizeau_schedule *schedule = fizeau_schedule_new(sid, slots, slot_count);

	assert_non_null(schedule);
	for (uint32_t seq = 0; seq < SENT; seq++)
		sim->due[seq] = fizeau_duration_to_ns(fizeau_schedule_next(schedule));
	fizeau_schedule_free(schedule);
	for (uint32_t seq = 0; seq < sim->next; seq++) {
		if (!within(&sim->scenario->skipped, seq))
			send_one(sim, seq);
	}
	qsort(sim->flights, sim->flight_count, sizeof(*sim->flights), by_arrival);
}

static void take_lost(struct simulation *sim, int64_t now)
{
	size_t given;

	do {
		given = fizeau_receiver_lost(sim->receiver, virtual_clock_stamp(&sim->receiver_clock, now),
			sim->records + sim->count, 3);
		sim->count += given;
		assert_in_range(sim->count, 0, RECORDS_MAX - 3);
	} while (given == 3);
}

static void receive_all(struct simulation *sim)
{
	for (size_t n = 0; n < sim->flight_count && sim->flights[n].at <= sim->stop; n++) {
		const struct flight *f = &sim->flights[n];
		int error = fizeau_receiver_packet(sim->receiver, f->packet, fizeau_sender_octets(sim->sender),
			virtual_clock_stamp(&sim->receiver_clock, f->at), 61, &sim->records[sim->count]);

		assert_true(error == 0 || error == FIZEAU_ERR_LATE);
		sim->count += error == 0;
		/* Not each time, so that losses of several are found at once, too. */
		if (link_random(&sim->seed) % 3 == 0)
			take_lost(sim, f->at);
	}
	fizeau_receiver_finish(sim->receiver, virtual_clock_stamp(&sim->receiver_clock, sim->stop).ntp);
	take_lost(sim, sim->stop);
}

/* The records that stay when the session is over. */
static void validate(struct simulation *sim)
{
	uint64_t stop = virtual_clock_stamp(&sim->receiver_clock, sim->stop).ntp;
	uint64_t timeout = fizeau_duration_from_ns(sim->scenario->timeout_ns);
	uint32_t received_next = fizeau_receiver_next_seqno(sim->receiver);
	size_t kept = 0;

	sim->end = (struct fizeau_session_end){
		.next_seqno = sim->scenario->broken ? received_next : sim->next,
		.ranges = &sim->scenario->skipped,
		.range_count = sim->scenario->skipped.last != 0,
	};
	assert_int_equal(fizeau_receiver_check_end(sim->receiver, &sim->end), 0);
	for (size_t i = 0; i < sim->count; i++) {
		if (fizeau_record_counts(&sim->records[i], sim->scenario->broken ? NULL : &sim->end, received_next,
			    stop, timeout))
			sim->records[kept++] = sim->records[i];
	}
	sim->count = kept;
}

/* What the link did, told by the simulation. */
struct truth {
	uint64_t sent, received, duplicates, replicated;
	bool counts[SENT]; /* was sent, and had its time */
	int64_t delay[SENT]; /* of the first copy in time, by number; NEVER: none was */
	uint32_t order[SENT]; /* numbers of the first copies, in order of arrival */
	size_t arrived;
};

static bool in_time(const struct simulation *sim, const struct flight *f)
{
	int64_t delay = f->received - f->sent;

	return f->at <= sim->stop && delay <= sim->scenario->timeout_ns && delay >= -sim->scenario->timeout_ns;
}

static void truth_of(const struct simulation *sim, struct truth *truth)
{
	int64_t young = virtual_clock_ns(&sim->receiver_clock, sim->stop) - sim->scenario->timeout_ns;
	unsigned copies[SENT] = {0};
	uint32_t highest = 0;

	*truth = (struct truth){0};
	for (uint32_t seq = 0; seq < SENT; seq++)
		truth->delay[seq] = NEVER;
	for (size_t n = 0; n < sim->flight_count; n++) {
		const struct flight *f = &sim->flights[n];

		if (!in_time(sim, f))
			continue;
		if (f->seq > highest)
			highest = f->seq;
		/* The stop is at a time of the receiver's clock, and send timestamps are compared with that. */
		if (f->sent > young)
			continue;
		if (copies[f->seq]++ == 0) {
			truth->delay[f->seq] = f->received - f->sent;
			truth->order[truth->arrived++] = f->seq;
		}
	}
	for (uint32_t seq = 0; seq < sim->next; seq++) {
		truth->counts[seq] = !within(&sim->scenario->skipped, seq) && sim->due[seq] <= young &&
			(!sim->scenario->broken || seq <= highest);
		truth->sent += truth->counts[seq];
		truth->received += copies[seq] > 0;
		truth->duplicates += copies[seq] > 1 ? copies[seq] - 1 : 0;
		truth->replicated += copies[seq] > 1;
	}
}

static void assert_delays(const struct truth *truth, const struct fizeau_one_way_summary *s)
{
	int64_t delay[SENT], pdv[SENT], ipdv[SENT], least = NEVER;
	size_t count = 0, pairs = 0;

	for (uint32_t seq = 0; seq < SENT; seq++) {
		if (truth->delay[seq] < least)
			least = truth->delay[seq];
	}
	for (uint32_t seq = 0; seq < SENT; seq++) {
		if (truth->delay[seq] == NEVER)
			continue;
		delay[count] = truth->delay[seq];
		pdv[count++] = truth->delay[seq] - least;
		if (seq > 0 && truth->delay[seq - 1] != NEVER)
			ipdv[pairs++] = truth->delay[seq] - truth->delay[seq - 1];
	}
	assert_distribution(delay, count, &s->delay);
	assert_distribution(pdv, count, &s->pdv);
	assert_distribution(ipdv, pairs, &s->ipdv);
}

/* RFC 4737 3.3, 4.2 and 5, each by its definition. */
static void assert_reordering(const struct truth *truth, const struct fizeau_one_way_summary *s)
{
	uint64_t reordered = 0, extent_max = 0, n_reordered[FIZEAU_N_REORDERING_MAX] = {0};

	for (size_t i = 0; i < truth->arrived; i++) {
		size_t earliest = i, n = 0;

		for (size_t j = i; j-- > 0;) {
			if (truth->order[j] > truth->order[i])
				earliest = j;
		}
		reordered += earliest < i;
		if (i - earliest > extent_max)
			extent_max = i - earliest;
		while (n < i && truth->order[i - n - 1] > truth->order[i])
			n++;
		for (size_t k = 1; k <= FIZEAU_N_REORDERING_MAX; k++)
			n_reordered[k - 1] += k <= n;
	}
	assert_int_equal(s->reordered, reordered);
	assert_int_equal(s->reordering_extent_max, extent_max);
	assert_memory_equal(s->n_reordered, n_reordered, sizeof(n_reordered));
}

static void assert_runs(const struct truth *truth, const struct fizeau_one_way_summary *s)
{
	int64_t bursts[SENT], gaps[SENT];
	size_t burst_count = 0, gap_count = 0;
	int64_t lost = 0, received = 0;

	for (uint32_t seq = 0; seq <= SENT; seq++) {
		if (seq < SENT && !truth->counts[seq])
			continue;
		if (seq < SENT && truth->delay[seq] == NEVER) {
			if (lost == 0 && burst_count > 0)
				gaps[gap_count++] = received;
			received = 0;
			lost++;
		} else {
			if (lost > 0)
				bursts[burst_count++] = lost;
			lost = 0;
			received++;
		}
	}
	assert_distribution(bursts, burst_count, &s->loss_burst);
	assert_distribution(gaps, gap_count, &s->loss_gap);
}

static void assert_summary(const struct simulation *sim, const struct fizeau_one_way_summary *s)
{
	struct truth truth;

	truth_of(sim, &truth);
	assert_int_equal(s->sent, truth.sent);
	assert_int_equal(s->received, truth.received);
	assert_int_equal(s->lost, truth.sent - truth.received);
	assert_int_equal(s->duplicates, truth.duplicates);
	assert_int_equal(s->replicated, truth.replicated);
	assert_delays(&truth, s);
	assert_reordering(&truth, s);
	assert_runs(&truth, s);
	assert_int_equal(s->synchronized_sender, truth.received > 0);
	assert_false(s->synchronized_receiver);
	assert_int_equal(s->ttl_valid, truth.received > 0);
	if (s->ttl_valid)
		assert_true(s->ttl_min == 61 && s->ttl_max == 61);
}

/* Lost records stand for numbers of which nothing came, with the time of the schedule, once each. */
static void assert_lost_records(const struct simulation *sim)
{
	bool came[SENT] = {false}, lost[SENT] = {false};

	for (size_t i = 0; i < sim->count; i++) {
		if (!fizeau_record_lost(&sim->records[i]))
			came[sim->records[i].seq] = true;
	}
	for (size_t i = 0; i < sim->count; i++) {
		const struct fizeau_record *r = &sim->records[i];

		if (!fizeau_record_lost(r))
			continue;
		assert_false(came[r->seq] || lost[r->seq]);
		lost[r->seq] = true;
		assert_int_equal(fizeau_ntp_diff_ns(r->send_ntp, sim->sender_clock.base), sim->due[r->seq]);
		assert_int_equal(r->send_error, 0x0001);
		assert_int_equal(r->receive_error, sim->receiver_clock.error);
		assert_int_equal(r->ttl, 255);
	}
}

static struct fizeau_receiver *new_receiver(const struct simulation *sim, enum fizeau_test_mode mode)
{
	struct fizeau_receiver_config config = {
		.mode = mode,
		.packets = SENT,
		.start_time = sim->sender_clock.base,
		.timeout = fizeau_duration_from_ns(sim->scenario->timeout_ns),
		.padding_octets = PADDING,
	};
	struct fizeau_receiver *receiver;

	config.slots = slots_of(sim->scenario, &config.slot_count);
	packets_keys(&config.keys);
	memcpy(config.sid, sid, sizeof(sid));
	receiver = fizeau_receiver_new(&config);
	assert_non_null(receiver);
	return receiver;
}

static void run_one(const struct scenario *scenario, uint64_t seed, struct fizeau_one_way_summary *summary)
{
	enum fizeau_test_mode mode = packets_modes[seed % 3];
	/* Half of the sessions cross into the era that begins in 2036. */
	uint64_t base = seed % 2 ? 0xe800000000000000 : 0xffffffff00000000;
	struct simulation *sim = calloc(1, sizeof(*sim));

	assert_non_null(sim);
	*sim = (struct simulation){
		.scenario = scenario,
		.seed = seed,
		.sender_clock = {.base = base, .error = 0x8a80},
		.receiver_clock = {base, scenario->offset_ns, scenario->drift_ppb, 0x0a80},
		.sender = packets_sender(mode, PADDING),
		.next = scenario->stop_at != 0 ? scenario->stop_at : SENT,
		.flights = calloc(COPIES, sizeof(struct flight)),
		.records = calloc(RECORDS_MAX, sizeof(struct fizeau_record)),
	};
	assert_non_null(sim->flights);
	assert_non_null(sim->records);
	sim->receiver = new_receiver(sim, mode);
	send_all(sim);
	/* A complete session ends Timeout after its last packet by both clocks, an early one right away. */
	sim->stop = sim->due[sim->next - 1];
	if (scenario->stop_at == 0)
		sim->stop += scenario->timeout_ns + (scenario->offset_ns < 0 ? -scenario->offset_ns : 0) + 1000 * MS;
	receive_all(sim);
	validate(sim);
	assert_lost_records(sim);
	assert_int_equal(
		fizeau_one_way_summarise(sim->records, sim->count, &sim->end, scenario->timeout_ns, summary), 0);
	assert_summary(sim, summary);
	fizeau_sender_free(sim->sender);
	fizeau_receiver_free(sim->receiver);
	free(sim->flights);
	free(sim->records);
	free(sim);
}

/* Runs a scenario in all modes with many seeds; returns the figures of all added up, to see that what it is about has
   happened. */
static struct fizeau_one_way_summary run(const struct scenario *scenario)
{
	struct fizeau_one_way_summary all = {0}, s;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run_one(scenario, seed, &s);
		all.sent += s.sent;
		all.skipped += s.skipped;
		all.received += s.received;
		all.lost += s.lost;
		all.duplicates += s.duplicates;
		all.reordered += s.reordered;
		if (s.reordering_extent_max > all.reordering_extent_max)
			all.reordering_extent_max = s.reordering_extent_max;
		for (int n = 0; n < FIZEAU_N_REORDERING_MAX; n++)
			all.n_reordered[n] += s.n_reordered[n];
		if (s.loss_burst.max > all.loss_burst.max)
			all.loss_burst.max = s.loss_burst.max;
	}
	return all;
}

static void a_clean_link_has_one_delay_and_no_variation(void **state)
{
	const struct scenario scenario = {.link = {.delay_ns = 20 * MS}, .timeout_ns = 1000 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	run_one(&scenario, 1, &s);
	assert_int_equal(s.received, SENT);
	assert_int_equal(s.delay.min, 20 * MS);
	assert_int_equal(s.delay.p999, 20 * MS);
	assert_int_equal(s.pdv.max, 0);
	assert_int_equal(s.ipdv.values, SENT - 1);
	assert_int_equal(s.ipdv.stddev, 0);
	assert_false(s.loss_burst.valid || s.loss_gap.valid);
	run(&scenario);
}

/* Mistake: delays as unsigned numbers, or raised to 0. */
/*= rfc4656#section-4.2 OW-4.2-10 */
static void a_receiver_clock_that_is_behind_gives_negative_delays(void **state)
{
	const struct scenario scenario = {.link = {.delay_ns = 5 * MS, .jitter_ns = 3 * MS},
		.timeout_ns = 1000 * MS,
		.offset_ns = -700 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	run(&scenario);
	run_one(&scenario, 3, &s);
	assert_int_equal(s.lost, 0);
	assert_true(s.delay.max < -690 * MS);
	assert_true(s.pdv.max <= 3 * MS && s.pdv.min == 0);
}

/* Mistake: an offset that grows is taken out, or makes packets late before the Timeout. */
static void a_clock_that_drifts_shows_in_the_delays(void **state)
{
	const struct scenario scenario = {.link = {.delay_ns = 5 * MS},
		.timeout_ns = 1000 * MS,
		.offset_ns = 100 * MS,
		.drift_ppb = 500000};
	struct fizeau_one_way_summary s;

	(void)state;
	run(&scenario);
	run_one(&scenario, 2, &s);
	assert_int_equal(s.lost, 0);
	/* 500 ppm of some 4 s. */
	assert_true(s.delay.max - s.delay.min > MS && s.delay.min >= 105 * MS);
}

/* Mistake: a clock that is off by more than the Timeout is made up for. */
/*= rfc4656#section-4.2 OW-4.2-12 */
static void clocks_further_apart_than_the_timeout_lose_everything(void **state)
{
	const struct scenario ahead = {
		.link = {.delay_ns = 5 * MS}, .timeout_ns = 1000 * MS, .offset_ns = 1100 * MS};
	const struct scenario behind = {
		.link = {.delay_ns = 5 * MS}, .timeout_ns = 1000 * MS, .offset_ns = -1100 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	s = run(&ahead);
	assert_int_equal(s.received, 0);
	assert_int_equal(s.lost, SEEDS * SENT);
	s = run(&behind);
	assert_int_equal(s.lost, SEEDS * SENT);
}

/* Mistake: a lost packet has delay 0. */
/*= rfc7679#section-3.4 OD-3.4-01 */
/*= rfc3393#section-2.4 PV-2.4-01 */
static void a_lost_packet_has_no_delay_and_no_neighbour(void **state)
{
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .jitter_ns = MS, .loss = 100}, .timeout_ns = 1000 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	assert_true(run(&scenario).lost > 100);
	run_one(&scenario, 5, &s);
	assert_int_equal(s.delay.values, s.received);
	assert_true(s.delay.min >= 10 * MS);
	assert_true(s.ipdv.values < s.received - 1);
}

/* Mistake: a copy gives a delay of its own, or counts as reordered. */
/*= rfc7679#section-3.5 OD-3.5-01 */
/*= rfc4737#section-3.6 RE-3.6-01 */
/*= rfc5560#section-5 DU-5-01 */
static void a_copy_is_no_second_packet(void **state)
{
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .jitter_ns = 40 * MS, .duplication = 300, .loss = 40},
		.timeout_ns = 1000 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	assert_true(run(&scenario).duplicates > 1000);
	run_one(&scenario, 7, &s);
	assert_int_equal(s.delay.values, s.received);
	assert_int_equal(s.duplicates, s.replicated);
}

/* Mistake: variation of neighbours in order of arrival. */
/*= rfc5481#section-4.1 DV-4.1-01 */
/*= rfc3393#section-3.6 PV-3.6-01 */
static void variation_goes_by_number_and_not_by_arrival(void **state)
{
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .detour = 500, .detour_ns = 30 * MS}, .timeout_ns = 1000 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	run(&scenario);
	run_one(&scenario, 4, &s);
	assert_true(s.reordered > 0);
	assert_int_equal(s.ipdv.values, SENT - 1);
	/* Either way or none: nothing else. */
	assert_int_equal(s.ipdv.max, 30 * MS);
	assert_int_equal(s.ipdv.min, -30 * MS);
	assert_int_equal(s.ipdv.median, 0);
}

/* Mistake: the packets that were not overtaken, but overtook, count; or a smaller extent, to the nearest higher one. */
/*= rfc4737#section-3.3 RE-3.3-01 */
/*= rfc4737#section-4.2 RE-4.2-01 */
/*= rfc4737#section-5 RE-5-01 */
static void the_overtaken_are_reordered_and_by_how_many(void **state)
{
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .jitter_ns = 5 * MS, .detour = 60, .detour_ns = 120 * MS},
		.timeout_ns = 1000 * MS};
	struct fizeau_one_way_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.reordered > 100 && all.reordering_extent_max > FIZEAU_N_REORDERING_MAX);
	assert_true(all.n_reordered[0] > all.n_reordered[3] && all.n_reordered[3] > 0);
	assert_int_equal(all.lost, 0);
}

/* Mistake: what comes after the Timeout is received, or both lost and received. */
/*= rfc7680#section-2.5 OL-2.5-01 */
/*= rfc4656#section-4.2 OW-4.2-01 */
static void a_packet_after_the_timeout_is_lost_once(void **state)
{
	const struct scenario scenario = {.link = {.delay_ns = 10 * MS,
						  .jitter_ns = 5 * MS,
						  .detour = 100,
						  .detour_ns = 300 * MS,
						  .duplication = 200},
		.timeout_ns = 150 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	assert_true(run(&scenario).lost > 100);
	run_one(&scenario, 6, &s);
	assert_int_equal(s.received + s.lost, SENT);
	assert_true(s.delay.max <= 150 * MS);
}

/* Mistake: numbers that were never sent are lost. */
/*= rfc7680#section-4.1 OL-4.1-01 */
/*= rfc4656#section-3.8 OW-3.8-12 */
static void skipped_numbers_are_not_lost(void **state)
{
	const struct scenario scenario = {.link = {.delay_ns = 10 * MS, .loss = 50},
		.timeout_ns = 500 * MS,
		.skipped = {0, 99}};
	struct fizeau_one_way_summary all = run(&scenario);

	(void)state;
	assert_int_equal(all.skipped, SEEDS * 100);
	assert_int_equal(all.sent, SEEDS * (SENT - 100));
	assert_true(all.lost < all.sent / 10);
}

/* Mistake: runs in order of the records, where lost ones stand at the end, or cut by what was skipped. */
static void bursts_are_runs_of_numbers(void **state)
{
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .jitter_ns = 50 * MS, .loss = 20, .duplication = 20},
		.timeout_ns = 500 * MS,
		.blackout = {150, 209},
		.skipped = {170, 179}};
	struct fizeau_one_way_summary all = run(&scenario);

	(void)state;
	assert_in_range(all.loss_burst.max, 50, 55);
}

/* Mistake: the schedule of one slot for all, or of slots that begin anew after a skip. */
/*= rfc4656#section-3.6 OW-3.6-02 OW-3.6-03 */
static void several_slots_have_their_times(void **state)
{
	/* Poisson pairs and a pause: the second of each pair leaves with the first. */
	static const struct fizeau_slot slots[] = {
		{.exponential = true, .parameter = 0x3333333}, {.parameter = 0}, {.parameter = 0x1999999}};
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .jitter_ns = 20 * MS, .loss = 200, .duplication = 50},
		.timeout_ns = 300 * MS,
		.slots = slots,
		.slot_count = 3,
		.skipped = {7, 9}};

	(void)state;
	assert_true(run(&scenario).lost > 100);
}

/* Mistake: what is under way when a session stops early counts as lost, or only those that came in time to be seen
   count. */
/*= rfc4656#section-3.8 OW-3.8-16 */
static void an_early_stop_leaves_out_the_last_timeout(void **state)
{
	const struct scenario scenario = {
		.link = {.delay_ns = 200 * MS, .jitter_ns = 100 * MS}, .timeout_ns = 500 * MS, .stop_at = 300};
	struct fizeau_one_way_summary all = run(&scenario);

	(void)state;
	assert_int_equal(all.lost, 0);
	assert_true(all.sent < SEEDS * 300 && all.sent > SEEDS * 200);
}

/* Mistake: a connection that breaks makes all that was not sent any more lost. */
/*= rfc4656#section-3.8 OW-3.8-14 */
static void a_broken_connection_ends_with_the_last_arrival(void **state)
{
	const struct scenario scenario = {.link = {.delay_ns = 10 * MS, .loss = 50},
		.timeout_ns = 200 * MS,
		.blackout = {250, SENT - 1},
		.broken = true};
	struct fizeau_one_way_summary all = run(&scenario);

	(void)state;
	assert_true(all.sent <= SEEDS * 250 && all.sent > SEEDS * 240);
	assert_true(all.lost > 0);
}

static void everything_at_once(void **state)
{
	struct scenario scenario = {.link = {.delay_ns = 10 * MS,
					    .jitter_ns = 25 * MS,
					    .loss = 80,
					    .duplication = 40,
					    .detour = 30,
					    .detour_ns = 90 * MS},
		.timeout_ns = 110 * MS,
		.offset_ns = 12345678,
		.drift_ppb = -87654,
		.skipped = {100, 120},
		.blackout = {200, 220}};
	struct fizeau_one_way_summary all;

	(void)state;
	all = run(&scenario);
	assert_true(all.lost > 0 && all.reordered > 0 && all.duplicates > 0);
	scenario.stop_at = 350;
	scenario.offset_ns = -50 * MS;
	run(&scenario);
}

static void a_link_that_loses_all_leaves_no_figure(void **state)
{
	const struct scenario scenario = {.link = {.loss = 1000}, .timeout_ns = 100 * MS};
	struct fizeau_one_way_summary s;

	(void)state;
	run_one(&scenario, 1, &s);
	assert_int_equal(s.lost, SENT);
	assert_false(s.delay.valid || s.ipdv.valid || s.loss_gap.valid || s.ttl_valid);
	assert_int_equal(s.loss_burst.max, SENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_link_has_one_delay_and_no_variation),
		cmocka_unit_test(a_receiver_clock_that_is_behind_gives_negative_delays),
		cmocka_unit_test(a_clock_that_drifts_shows_in_the_delays),
		cmocka_unit_test(clocks_further_apart_than_the_timeout_lose_everything),
		cmocka_unit_test(a_lost_packet_has_no_delay_and_no_neighbour),
		cmocka_unit_test(a_copy_is_no_second_packet),
		cmocka_unit_test(variation_goes_by_number_and_not_by_arrival),
		cmocka_unit_test(the_overtaken_are_reordered_and_by_how_many),
		cmocka_unit_test(a_packet_after_the_timeout_is_lost_once),
		cmocka_unit_test(skipped_numbers_are_not_lost),
		cmocka_unit_test(bursts_are_runs_of_numbers),
		cmocka_unit_test(several_slots_have_their_times),
		cmocka_unit_test(an_early_stop_leaves_out_the_last_timeout),
		cmocka_unit_test(a_broken_connection_ends_with_the_last_arrival),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(a_link_that_loses_all_leaves_no_figure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
