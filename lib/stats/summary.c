/* SPDX-License-Identifier: MIT */
#include <fizeau/stats.h>

#include <stdlib.h>
#include <fizeau/time.h>
#include "lib/stats/clocks.h"
#include "lib/stats/conditions.h"
#include "lib/stats/copies.h"
#include "lib/stats/loss.h"
#include "lib/stats/reorder.h"

/* Memory for a summary, set up at once. */
struct work {
	struct fz_arrival *arrivals;
	uint32_t *reflector_seqs;
	int64_t *values;
};

static void work_free(struct work *work)
{
	free(work->arrivals);
	free(work->reflector_seqs);
	free(work->values);
}

static int work_alloc(struct work *work, size_t count)
{
	/* calloc of nothing may be NULL. */
	size_t some = count > 0 ? count : 1;

	work->arrivals = calloc(some, sizeof(*work->arrivals));
	work->reflector_seqs = calloc(some, sizeof(*work->reflector_seqs));
	work->values = calloc(some, sizeof(*work->values));
	if (work->arrivals != NULL && work->reflector_seqs != NULL && work->values != NULL)
		return 0;
	work_free(work);
	return FIZEAU_ERR_MEMORY;
}

static int64_t reflector_ns(const struct fizeau_round_trip *r)
{
	return fizeau_ntp_diff_ns(r->t3, r->t2);
}

static int64_t forward_ns(const struct fizeau_round_trip *r)
{
	return fizeau_ntp_diff_ns(r->t2, r->t1);
}

static int64_t backward_ns(const struct fizeau_round_trip *r)
{
	return fizeau_ntp_diff_ns(r->t4, r->t3);
}

/* Differences of stamps of one clock each: an offset between the two clocks cancels out. */
/*= rfc2681#section-2.4 RT-2.4-01 */
static int64_t round_trip_ns(const struct fizeau_round_trip *r)
{
	return fizeau_ntp_diff_ns(r->t4 - r->t1, r->t3 - r->t2);
}

/* T3 is what the reflector expects of its own sending. On a way that takes less time than that errs by, a round trip comes
   out a little below 0; to leave it out, or to call it 0, would make a lie of the others' median. */
#define RESIDENCE_SLACK_NS 1000000

/* Stamps that cannot be, unless the reflector's clock was set: it had the packet for less than no time, or for longer than
   it was under way. */
static bool impossible(const struct fizeau_round_trip *r)
{
	return reflector_ns(r) < -RESIDENCE_SLACK_NS || round_trip_ns(r) < -RESIDENCE_SLACK_NS;
}

/* Leaves those that a delay can be made of, and counts the others. */
static size_t keep_measured(const struct fizeau_round_trip *records, struct fz_arrival *firsts, size_t count,
	struct fizeau_round_trip_summary *s)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		const struct fizeau_round_trip *r = &records[firsts[i].at];

		if (r->across_step) {
			s->across_step++;
		} else if (impossible(r)) {
			s->impossible++;
		} else {
			firsts[left++] = firsts[i];
		}
	}
	return left;
}

/* The two clocks against each other, and what their rates may add to a round trip. */
static void clocks(const struct fizeau_round_trip *records, const struct fz_arrival *firsts, size_t count,
	struct fizeau_round_trip_summary *s)
{
	struct fz_offset offset = {0};

	for (size_t i = 0; i < count; i++) {
		const struct fizeau_round_trip *r = &records[firsts[i].at];
		int64_t error = fz_drift_ns(fizeau_ntp_diff_ns(r->t4, r->t1), 1) + fz_drift_ns(reflector_ns(r), 1);

		fz_offset_add(&offset, r->t1, forward_ns(r), backward_ns(r));
		if (error > s->round_trip_error_ns)
			s->round_trip_error_ns = error;
	}
	s->clock_moves = offset.moves;
	s->clock_moved_ns = offset.moved_ns;
}

static void distribution_by(int64_t (*duration)(const struct fizeau_round_trip *),
	const struct fizeau_round_trip *records, const struct fz_arrival *firsts, size_t count,
	int64_t *values, struct fizeau_distribution *distribution)
{
	for (size_t i = 0; i < count; i++)
		values[i] = duration(&records[firsts[i].at]);
	fizeau_distribution_of(values, count, distribution);
}

/*= rfc3393#section-2.4 PV-2.4-01 */
/*= rfc5481#section-4.1 DV-4.1-01 */
static void ipdv_of(const struct fizeau_round_trip *records, const struct fz_arrival *firsts, size_t count,
	int64_t *values, struct fizeau_distribution *distribution)
{
	size_t pairs = 0;

	for (size_t i = 1; i < count; i++) {
		if (firsts[i].seq != firsts[i - 1].seq + 1)
			continue;
		values[pairs++] =
			round_trip_ns(&records[firsts[i].at]) - round_trip_ns(&records[firsts[i - 1].at]);
	}
	fizeau_distribution_of(values, pairs, distribution);
}

/*= rfc5481#section-4.2 DV-4.2-01 */
static void pdv_of(const struct fizeau_round_trip *records, const struct fz_arrival *firsts, size_t count,
	int64_t min, int64_t *values, struct fizeau_distribution *distribution)
{
	for (size_t i = 0; i < count; i++)
		values[i] = round_trip_ns(&records[firsts[i].at]) - min;
	fizeau_distribution_of(values, count, distribution);
}

/*= rfc7679#section-3.4 OD-3.4-01 */
static void delays(const struct fizeau_round_trip *records, const struct fz_arrival *firsts, size_t count,
	int64_t *values, struct fizeau_round_trip_summary *s)
{
	distribution_by(forward_ns, records, firsts, count, values, &s->forward);
	distribution_by(backward_ns, records, firsts, count, values, &s->backward);
	distribution_by(reflector_ns, records, firsts, count, values, &s->reflector);
	distribution_by(round_trip_ns, records, firsts, count, values, &s->round_trip);
	ipdv_of(records, firsts, count, values, &s->ipdv);
	pdv_of(records, firsts, count, s->round_trip.min, values, &s->pdv);
}

/* What each record says about clocks and TTLs. */
static void conditions(const struct fizeau_round_trip *records, const struct fz_arrival *firsts, size_t count,
	struct fizeau_round_trip_summary *s)
{
	s->synchronized_sender = s->synchronized_reflector = count > 0;
	for (size_t i = 0; i < count; i++) {
		const struct fizeau_round_trip *r = &records[firsts[i].at];

		fz_conditions_clock(r->sender_error, &s->synchronized_sender, &s->error_sender_ns);
		fz_conditions_clock(r->receive_error, &s->synchronized_sender, &s->error_sender_ns);
		fz_conditions_clock(r->reflector_error, &s->synchronized_reflector, &s->error_reflector_ns);
		fz_conditions_spread(r->forward_ttl, i == 0, &s->forward_ttl_min, &s->forward_ttl_max);
		fz_conditions_spread(r->backward_ttl, i == 0, &s->backward_ttl_min, &s->backward_ttl_max);
	}
	/* 255 is what packets leave with, so it is the usual value between neighbours as well as the unreadable one. */
	s->ttl_valid = count > 0;
}

/* Reordering of the first copies, which are marked among the records by their positions. */
static uint64_t reordered_of(const struct fizeau_round_trip *records, size_t count,
	const struct fz_arrival *firsts, size_t first_count, uint32_t *scratch)
{
	uint64_t next_exp = 0, reordered = 0;

	for (size_t i = 0; i < count; i++)
		scratch[i] = false;
	for (size_t i = 0; i < first_count; i++)
		scratch[firsts[i].at] = true;
	for (size_t i = 0; i < count; i++) {
		if (scratch[i])
			reordered += fz_reorder_arrives(&next_exp, records[i].seq);
	}
	return reordered;
}

/*= rfc7680#section-2.4 OL-2.4-01 OL-2.5-01 */
/*= rfc6673#section-4.3 RL-4.3-01 */
static int arrivals_of(const struct fizeau_round_trip *records, size_t count, uint32_t sent,
	int64_t timeout_ns, struct work *work)
{
	for (size_t i = 0; i < count; i++) {
		if (records[i].seq >= sent)
			return FIZEAU_ERR_UNSENT;
		work->arrivals[i] = (struct fz_arrival){
			.seq = records[i].seq,
			.late = !records[i].across_step && fizeau_ntp_diff_ns(records[i].t4, records[i].t1) > timeout_ns,
			.at = i,
		};
		work->reflector_seqs[i] = records[i].reflector_seq;
	}
	fz_arrivals_sort(work->arrivals, count);
	return 0;
}

static void summarise(const struct fizeau_round_trip *records, size_t count, uint32_t sent, struct work *work,
	struct fizeau_round_trip_summary *s)
{
	struct fz_copies copies = fz_copies_of(work->arrivals, count);
	uint64_t after = count > 0 ? sent - 1 - (uint64_t)work->arrivals[count - 1].seq : sent;
	struct fz_loss loss =
		fz_loss_split(sent - copies.distinct - copies.late_only, after, work->reflector_seqs, count);
	size_t firsts = fz_arrivals_keep_first(work->arrivals, count);

	s->sent = sent;
	s->received = copies.distinct;
	s->lost = sent - copies.distinct;
	s->late = copies.late;
	s->duplicates = copies.duplicates;
	s->lost_forward_valid = loss.valid;
	s->lost_forward = loss.forward;
	s->lost_backward = loss.backward;
	s->reordered = reordered_of(records, count, work->arrivals, firsts, work->reflector_seqs);
	conditions(records, work->arrivals, firsts, s);
	firsts = keep_measured(records, work->arrivals, firsts, s);
	delays(records, work->arrivals, firsts, work->values, s);
	clocks(records, work->arrivals, firsts, s);
}

int fizeau_round_trip_summarise(const struct fizeau_round_trip *records, size_t count, uint32_t sent,
	int64_t timeout_ns, struct fizeau_round_trip_summary *summary)
{
	struct work work;
	int error = work_alloc(&work, count);

	*summary = (struct fizeau_round_trip_summary){0};
	if (error < 0)
		return error;
	error = arrivals_of(records, count, sent, timeout_ns, &work);
	if (error == 0)
		summarise(records, count, sent, &work, summary);
	work_free(&work);
	return error;
}
