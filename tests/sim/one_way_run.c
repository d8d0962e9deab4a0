/* SPDX-License-Identifier: MIT */
#include "tests/sim/one_way_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/distribution.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define COPIES (SENT * LINK_COPIES_MAX)
#define RECORDS_MAX (COPIES + SENT)
#define OCTETS_MAX 80
#define PADDING 11
#define NEVER INT64_MAX

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
	uint32_t next;	   /* the first number that was not used */
	int64_t stop;	   /* true time of the end */
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
	assert_int_equal(fizeau_sender_finish(sim->sender, f.packet, virtual_clock_stamp(&sim->sender_clock, now)), 0);
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
		given = fizeau_receiver_lost(
			sim->receiver, virtual_clock_stamp(&sim->receiver_clock, now), sim->records + sim->count, 3);
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
		if (fizeau_record_counts(
			    &sim->records[i], sim->scenario->broken ? NULL : &sim->end, received_next, stop, timeout))
			sim->records[kept++] = sim->records[i];
	}
	sim->count = kept;
}

/* What the link did, told by the simulation. */
struct truth {
	uint64_t sent, received, duplicates, replicated;
	bool counts[SENT];    /* was sent, and had its time */
	int64_t delay[SENT];  /* of the first copy in time, by number; NEVER: none was */
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

void run_one(const struct scenario *scenario, uint64_t seed, struct fizeau_one_way_summary *summary)
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

struct fizeau_one_way_summary run(const struct scenario *scenario)
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
