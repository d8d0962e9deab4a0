/* SPDX-License-Identifier: MIT */
#include <fizeau/stats.h>

#include <stdlib.h>
#include <fizeau/time.h>
#include "lib/stats/clocks.h"
#include "lib/stats/conditions.h"
#include "lib/stats/copies.h"
#include "lib/stats/reorder.h"

/* Memory for a summary, set up at once. */
struct work {
	struct fz_arrival *arrivals;
	bool *first; /* by position: the first copy in time of its number */
	uint32_t *seqs, *highest;
	int64_t *values;
};

static void work_free(struct work *work)
{
	free(work->arrivals);
	free(work->first);
	free(work->seqs);
	free(work->highest);
	free(work->values);
}

static int work_alloc(struct work *work, size_t count)
{
	/* calloc of nothing may be NULL. */
	size_t some = count > 0 ? count : 1;

	work->arrivals = calloc(some, sizeof(*work->arrivals));
	work->first = calloc(some, sizeof(*work->first));
	work->seqs = calloc(some, sizeof(*work->seqs));
	work->highest = calloc(some, sizeof(*work->highest));
	work->values = calloc(some, sizeof(*work->values));
	if (work->arrivals != NULL && work->first != NULL && work->seqs != NULL && work->highest != NULL &&
		work->values != NULL)
		return 0;
	work_free(work);
	return FIZEAU_ERR_MEMORY;
}

/* Below 0 if the receiver's clock is behind the sender's by more than the delay. */
/*= rfc7679#section-3.4 OD-3.4-01 */
static int64_t delay_ns(const struct fizeau_record *record)
{
	return fizeau_ntp_diff_ns(record->receive_ntp, record->send_ntp);
}

/* Whether a lost record is one of a packet that was sent at all. */
/*= rfc7680#section-4.1 OL-4.1-01 */
static bool was_sent(const struct fizeau_record *record, const struct fizeau_session_end *end)
{
	return record->seq < end->next_seqno && !fizeau_session_end_skipped(end, record->seq);
}

/* One entry for each record of a packet that was sent; the lost ones, as those that came too late, are late. */
/*= rfc7680#section-2.5 OL-2.5-01 */
static int arrivals_of(const struct fizeau_record *records, size_t count, const struct fizeau_session_end *end,
	int64_t timeout_ns, struct fz_arrival *arrivals, size_t *arrival_count)
{
	*arrival_count = 0;
	for (size_t i = 0; i < count; i++) {
		bool lost = fizeau_record_lost(&records[i]);

		if (!lost && records[i].seq >= end->next_seqno)
			return FIZEAU_ERR_UNSENT;
		if (lost && !was_sent(&records[i], end))
			continue;
		arrivals[(*arrival_count)++] = (struct fz_arrival){
			.seq = records[i].seq,
			.late = lost || delay_ns(&records[i]) > timeout_ns,
			.at = i,
		};
	}
	fz_arrivals_sort(arrivals, *arrival_count);
	return 0;
}

static uint64_t skipped_of(const struct fizeau_session_end *end)
{
	uint64_t skipped = 0;

	for (uint32_t i = 0; i < end->range_count; i++)
		skipped += (uint64_t)end->ranges[i].last - end->ranges[i].first + 1;
	return skipped;
}

/* Runs of lost numbers and of received ones between two of them, in the order of the numbers: which of two neighbours
   arrives first does not matter, and a number that was skipped lies in no run. */
static void runs_of(const struct fz_arrival *arrivals, size_t count, int64_t *values, struct fizeau_one_way_summary *s)
{
	size_t bursts = 0, gaps = 0;
	int64_t lost = 0, received = 0;

	/* A burst and the gap before it have two numbers at least: both kinds fit, from either end. */
	for (size_t i = 0; i < count;) {
		uint32_t seq = arrivals[i].seq;
		bool in_time = false;

		for (; i < count && arrivals[i].seq == seq; i++)
			in_time |= !arrivals[i].late;
		if (in_time) {
			if (lost > 0)
				values[bursts++] = lost;
			lost = 0;
			received++;
		} else {
			if (received > 0 && bursts > 0)
				values[count - ++gaps] = received;
			received = 0;
			lost++;
		}
	}
	if (lost > 0)
		values[bursts++] = lost;
	fizeau_distribution_of(values, bursts, &s->loss_burst);
	fizeau_distribution_of(values + count - gaps, gaps, &s->loss_gap);
}

/*= rfc7680#section-2.4 OL-2.4-01 */
static void count_all(const struct fz_arrival *arrivals, size_t count, struct fizeau_one_way_summary *s)
{
	struct fz_copies copies = fz_copies_of(arrivals, count);

	s->sent = copies.distinct + copies.late_only;
	s->received = copies.distinct;
	s->lost = copies.late_only;
	s->duplicates = copies.duplicates;
	s->replicated = copies.replicated;
}

/* Reordering of the first copies, in order of arrival. */
/*= rfc4737#section-4.1 RE-4.1-01 */
/*= rfc4737#section-4.2 RE-4.2-01 */
/*= rfc4737#section-5 RE-5-01 */
static void reordering_of(const struct fizeau_record *records, size_t count, const struct fz_arrival *firsts,
	size_t first_count, struct work *work, struct fizeau_one_way_summary *s)
{
	uint64_t next_exp = 0;
	size_t arrived = 0;

	for (size_t i = 0; i < first_count; i++)
		work->first[firsts[i].at] = true;
	for (size_t i = 0; i < count; i++) {
		if (work->first[i])
			work->seqs[arrived++] = records[i].seq;
	}
	fz_reorder_highest(work->seqs, arrived, work->highest);
	for (size_t i = 0; i < arrived; i++) {
		size_t extent, n;

		if (!fz_reorder_arrives(&next_exp, work->seqs[i]))
			continue;
		s->reordered++;
		extent = fz_reorder_extent(work->highest, i, work->seqs[i]);
		if (extent > s->reordering_extent_max)
			s->reordering_extent_max = extent;
		n = fz_reorder_n(work->seqs, i, FIZEAU_N_REORDERING_MAX);
		while (n > 0)
			s->n_reordered[--n]++;
	}
}

/*= rfc3393#section-2.4 PV-2.4-01 */
/*= rfc5481#section-4.1 DV-4.1-01 */
static void ipdv_of(const struct fizeau_record *records, const struct fz_arrival *firsts, size_t count, int64_t *values,
	struct fizeau_distribution *ipdv)
{
	size_t pairs = 0;

	for (size_t i = 1; i < count; i++) {
		if (firsts[i].seq == firsts[i - 1].seq + 1)
			values[pairs++] = delay_ns(&records[firsts[i].at]) - delay_ns(&records[firsts[i - 1].at]);
	}
	fizeau_distribution_of(values, pairs, ipdv);
}

/*= rfc5481#section-4.2 DV-4.2-01 */
static void delays(const struct fizeau_record *records, const struct fz_arrival *firsts, size_t count, int64_t *values,
	struct fizeau_one_way_summary *s)
{
	for (size_t i = 0; i < count; i++)
		values[i] = delay_ns(&records[firsts[i].at]);
	fizeau_distribution_of(values, count, &s->delay);
	for (size_t i = 0; i < count; i++)
		values[i] -= s->delay.min;
	fizeau_distribution_of(values, count, &s->pdv);
	ipdv_of(records, firsts, count, values, &s->ipdv);
}

#define SENT_BACK_NS 1000000      /* numbers are sent in their order, each stamped right before */
#define RECEIVED_BACK_NS 10000000 /* a socket's queue has the order of arrival, but for packets on several processors */

/* Copies in order of their numbers, then records in order of arrival. */
static void clocks(const struct fizeau_record *records, size_t count, const struct fz_arrival *firsts, size_t first_count,
	struct fizeau_one_way_summary *s)
{
	const struct fizeau_record *before = NULL;
	int64_t spacing = 0, span = 0;

	for (size_t i = 0; i < first_count; i++) {
		const struct fizeau_record *r = &records[firsts[i].at];
		int64_t gap = before != NULL ? fizeau_ntp_diff_ns(r->send_ntp, before->send_ntp) : 0;

		s->set_back_sender |= gap < -SENT_BACK_NS;
		span = fz_sum_ns(span, gap > 0 ? gap : 0);
		if (before != NULL && r->seq == before->seq + 1 && gap > spacing)
			spacing = gap;
		before = r;
	}
	before = NULL;
	for (size_t i = 0; i < count; i++) {
		if (fizeau_record_lost(&records[i]))
			continue;
		if (before != NULL)
			s->set_back_receiver |=
				fizeau_ntp_diff_ns(records[i].receive_ntp, before->receive_ntp) < -RECEIVED_BACK_NS;
		before = &records[i];
	}
	s->ipdv_error_ns = fz_drift_ns(spacing, 2);
	s->pdv_error_ns = fz_drift_ns(span, 2);
}

static void conditions(const struct fizeau_record *records, const struct fz_arrival *firsts, size_t count,
	struct fizeau_one_way_summary *s)
{
	s->synchronized_sender = s->synchronized_receiver = count > 0;
	for (size_t i = 0; i < count; i++) {
		const struct fizeau_record *r = &records[firsts[i].at];

		fz_conditions_clock(r->send_error, &s->synchronized_sender, &s->error_sender_ns);
		fz_conditions_clock(r->receive_error, &s->synchronized_receiver, &s->error_receiver_ns);
		fz_conditions_spread(r->ttl, i == 0, &s->ttl_min, &s->ttl_max);
	}
	/* 255 is what packets leave with, so it is the usual value between neighbours as well as the unreadable one. */
	s->ttl_valid = count > 0;
}

int fizeau_one_way_summarise(const struct fizeau_record *records, size_t count, const struct fizeau_session_end *end,
	int64_t timeout_ns, struct fizeau_one_way_summary *summary)
{
	size_t arrivals, firsts;
	struct work work;
	int error = work_alloc(&work, count);

	*summary = (struct fizeau_one_way_summary){0};
	if (error < 0)
		return error;
	error = arrivals_of(records, count, end, timeout_ns, work.arrivals, &arrivals);
	if (error == 0) {
		summary->skipped = skipped_of(end);
		count_all(work.arrivals, arrivals, summary);
		runs_of(work.arrivals, arrivals, work.values, summary);
		firsts = fz_arrivals_keep_first(work.arrivals, arrivals);
		reordering_of(records, count, work.arrivals, firsts, &work, summary);
		delays(records, work.arrivals, firsts, work.values, summary);
		conditions(records, work.arrivals, firsts, summary);
		clocks(records, count, work.arrivals, firsts, summary);
	}
	work_free(&work);
	return error;
}
