/* SPDX-License-Identifier: MIT */
/* Metrics against the worked examples of their RFCs (tests/vectors/metrics.json), and summaries by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/stats.h>
#include <fizeau/time.h>
#include "lib/stats/copies.h"
#include "lib/stats/loss.h"
#include "lib/stats/quantile.h"
#include "lib/stats/reorder.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define MAX 64
#define MS 1000000LL
#define SYNC 0x8001 /* S, 2^-32 s */

/* Numbers of an array; null is a delay without end. */
static size_t integers(const json_t *array, int64_t *values)
{
	size_t count = json_array_size(array);

	assert_in_range(count, 1, MAX);
	for (size_t i = 0; i < count; i++) {
		const json_t *element = json_array_get(array, i);

		values[i] = json_is_null(element) ? INT64_MAX : json_integer_value(element);
	}
	return count;
}

static size_t member_integers(const json_t *object, const char *name, int64_t *values)
{
	return integers(json_object_get(object, name), values);
}

/*= rfc2330#section-11.3 FW-11.3-01 FW-11.3-02 */
static void percentiles_are_those_of_rfc_2330(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *edf = json_object_get(v, "rfc2330_edf");
	int64_t values[MAX];
	size_t count = member_integers(edf, "sample", values);
	struct fizeau_distribution d;

	(void)state;
	fizeau_distribution_of(values, count, &d);
	/* values is in order now. */
	assert_int_equal(fz_quantile(values, count, 250), member_int(edf, "p25"));
	assert_int_equal(fz_quantile(values, count, 500), member_int(edf, "p50"));
	assert_int_equal(fz_quantile(values, count, 1000), member_int(edf, "p100"));
	/* The RFC prints another figure for this one, against its own definition. */
	assert_int_equal(fz_quantile(values, count, 150), member_int(edf, "p15_by_definition"));
	assert_int_equal(d.values, 6);
	assert_int_equal(d.min, -5);
	assert_int_equal(d.max, 18);
	json_decref(v);
}

/*= rfc7679#section-5.1 OD-5.1-01 */
/*= rfc7679#section-5.2 OD-5.2-01 */
/*= rfc7679#section-5.3 OD-5.3-01 */
static void undefined_delays_are_infinite(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *percentile = json_object_get(v, "rfc7679_percentile");
	const json_t *median = json_object_get(v, "rfc7679_median");
	int64_t values[MAX];
	struct fizeau_distribution d;
	size_t count = member_integers(percentile, "delays_ms", values);

	(void)state;
	fizeau_distribution_of(values, count, &d);
	assert_int_equal(fz_quantile(values, count, 500), member_int(percentile, "p50"));
	assert_int_equal(d.p99, INT64_MAX);
	assert_int_equal(d.mean, 200);

	count = member_integers(median, "delays_ms", values);
	fizeau_distribution_of(values, count, &d);
	assert_int_equal(d.median, member_int(median, "median"));
	assert_int_equal(d.min, member_int(median, "minimum"));

	/* All undefined, or nothing at all: no value. */
	values[0] = values[1] = INT64_MAX;
	fizeau_distribution_of(values, 2, &d);
	assert_false(d.valid);
	assert_int_equal(d.values, 2);
	fizeau_distribution_of(NULL, 0, &d);
	assert_false(d.valid);
	fizeau_distribution_of(values, 0, &d);
	assert_false(d.valid);
	assert_int_equal(d.values, 0);
	json_decref(v);
}

static void every_percentile_of_1_to_2000(void **state)
{
	static int64_t values[2000];
	struct fizeau_distribution d;

	(void)state;
	for (size_t count = 1; count <= 2000; count += 37) {
		/* The sample count .. 1, so that the k-th smallest is k: percentile p is ceil(p * count). */
		for (size_t i = 0; i < count; i++)
			values[i] = (int64_t)(count - i);
		fizeau_distribution_of(values, count, &d);
		assert_true(d.valid);
		assert_int_equal(d.p90, (count * 900 + 999) / 1000);
		assert_int_equal(d.p95, (count * 950 + 999) / 1000);
		assert_int_equal(d.p99, (count * 990 + 999) / 1000);
		assert_int_equal(d.p999, (count * 999 + 999) / 1000);
		assert_int_equal(d.mean, (count + 1) / 2);
		assert_int_equal(d.median, (count + 1) / 2);
		assert_int_equal(d.min, 1);
		assert_int_equal(d.max, count);
	}
}

static void extremes_do_not_overflow(void **state)
{
	int64_t values[] = {INT64_MAX - 1, INT64_MIN + 1, INT64_MAX - 1, INT64_MIN + 1};
	int64_t spread[] = {-3, -1, 1, 3}, same[] = {7, 7, 7}, one[] = {-42};
	int64_t known[] = {2, 4, 4, 4, 5, 5, 7, 9};
	struct fizeau_distribution d;

	(void)state;
	fizeau_distribution_of(values, 4, &d);
	assert_in_range(d.mean + 2, 0, 4);
	assert_true(d.stddev > INT64_MAX / 2);
	fizeau_distribution_of(spread, 4, &d);
	assert_int_equal(d.mean, 0);
	assert_int_equal(d.median, 0);
	assert_int_equal(d.stddev, 2); /* root of 5 */
	fizeau_distribution_of(same, 3, &d);
	assert_int_equal(d.stddev, 0);
	assert_int_equal(d.mean, 7);
	fizeau_distribution_of(one, 1, &d);
	assert_int_equal(d.min, -42);
	assert_int_equal(d.p999, -42);
	assert_int_equal(d.stddev, 0);
	fizeau_distribution_of(known, 8, &d);
	assert_int_equal(d.mean, 5);
	assert_int_equal(d.stddev, 2);
}

static bool holds(const json_t *array, uint32_t seq)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (json_integer_value(json_array_get(array, i)) == seq)
			return true;
	}
	return false;
}

/* The figure that an example gives for a packet, by the name of its number. */
static void assert_figure(const json_t *v, const char *figure, uint32_t seq, size_t got)
{
	const json_t *given = json_object_get(v, figure);
	char name[16];

	snprintf(name, sizeof(name), "%u", seq);
	if (json_object_get(given, name) != NULL)
		assert_int_equal(got, member_int(given, name));
}

/*= rfc4737#section-3.3 RE-3.3-01 */
/*= rfc4737#section-4.2 RE-4.2-01 */
/*= rfc4737#section-5 RE-5-01 */
static void reordering_is_that_of_rfc_4737(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *cases = json_object_get(v, "rfc4737");

	(void)state;
	assert_int_equal(json_array_size(cases), 5);
	for (size_t c = 0; c < json_array_size(cases); c++) {
		const json_t *example = json_array_get(cases, c);
		const json_t *reordered = json_object_get(example, "reordered");
		int64_t arrivals[MAX];
		uint32_t seqs[MAX], highest[MAX];
		size_t count = member_integers(example, "arrivals", arrivals);
		uint64_t next_exp = 0;

		for (size_t i = 0; i < count; i++)
			seqs[i] = (uint32_t)arrivals[i];
		fz_reorder_highest(seqs, count, highest);
		for (size_t i = 0; i < count; i++) {
			bool is = fz_reorder_arrives(&next_exp, seqs[i]);

			assert_int_equal(is, holds(reordered, seqs[i]));
			assert_int_equal(fz_reorder_extent(highest, i, seqs[i]) > 0, is);
			assert_figure(example, "extent", seqs[i], fz_reorder_extent(highest, i, seqs[i]));
			assert_figure(example, "n_reordered", seqs[i], fz_reorder_n(seqs, i, count));
		}
	}
	json_decref(v);
}

static void the_last_number_is_followed_by_none(void **state)
{
	uint64_t next_exp = 0;

	(void)state;
	assert_false(fz_reorder_arrives(&next_exp, UINT32_MAX));
	assert_true(fz_reorder_arrives(&next_exp, UINT32_MAX));
	assert_true(fz_reorder_arrives(&next_exp, 0));
}

/*= rfc5560#section-2.4 DU-2.4-01 */
/*= rfc5560#section-3.4 DU-3.4-01 */
/*= rfc5560#section-5 DU-5-01 */
static void duplication_is_that_of_rfc_5560(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *cases = json_object_get(v, "rfc5560");

	(void)state;
	assert_int_equal(json_array_size(cases), 4);
	for (size_t c = 0; c < json_array_size(cases); c++) {
		const json_t *example = json_array_get(cases, c);
		struct fz_arrival arrivals[MAX];
		int64_t seqs[MAX];
		size_t count = member_integers(example, "arrivals", seqs);
		struct fz_copies copies;

		for (size_t i = 0; i < count; i++)
			arrivals[i] = (struct fz_arrival){.seq = (uint32_t)seqs[i], .at = i};
		fz_arrivals_sort(arrivals, count);
		copies = fz_copies_of(arrivals, count);
		assert_float_equal((double)copies.duplicates / (double)copies.distinct,
			json_real_value(json_object_get(example, "fraction")), 1e-9);
		assert_float_equal((double)copies.replicated / (double)copies.distinct,
			json_real_value(json_object_get(example, "replicated_rate")), 1e-9);
	}
	json_decref(v);
}

/* A record of one clock: sent at number * 10 ms, with these delays. */
static struct fizeau_round_trip record(
	uint32_t seq, uint32_t reflector_seq, int64_t forward_ms, int64_t backward_ms)
{
	uint64_t t1 = fizeau_ntp_add_ns(0xe800000000000000, (int64_t)seq * 10 * MS);
	uint64_t t2 = fizeau_ntp_add_ns(t1, forward_ms * MS), t3 = fizeau_ntp_add_ns(t2, MS);

	return (struct fizeau_round_trip){
		.seq = seq,
		.reflector_seq = reflector_seq,
		.t1 = t1,
		.t2 = t2,
		.t3 = t3,
		.t4 = fizeau_ntp_add_ns(t3, backward_ms * MS),
		.sender_error = SYNC,
		.reflector_error = SYNC,
		.receive_error = SYNC,
		.forward_ttl = 60,
		.backward_ttl = 250,
	};
}

/*= rfc5481#section-4.1 DV-4.1-01 */
/*= rfc5481#section-4.2 DV-4.2-01 */
static void variation_is_that_of_rfc_5481(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *example = json_object_get(v, "rfc5481");
	int64_t delays[MAX], ipdv[MAX], pdv[MAX];
	size_t count = member_integers(example, "delays_ms", delays);
	struct fizeau_round_trip records[MAX];
	struct fizeau_round_trip_summary s;
	struct fizeau_distribution want;

	(void)state;
	assert_int_equal(member_integers(example, "ipdv", ipdv), count);
	assert_int_equal(member_integers(example, "pdv", pdv), count);
	for (uint32_t i = 0; i < count; i++)
		records[i] = record(i, i, 5, delays[i] - 5);
	assert_int_equal(fizeau_round_trip_summarise(records, count, (uint32_t)count, 1000 * MS, &s), 0);
	for (size_t i = 0; i < count; i++) {
		ipdv[i] *= i > 0 ? MS : 1;
		pdv[i] *= MS;
	}
	fizeau_distribution_of(ipdv + 1, count - 1, &want);
	assert_memory_equal(&s.ipdv, &want, sizeof(want));
	fizeau_distribution_of(pdv, count, &want);
	assert_memory_equal(&s.pdv, &want, sizeof(want));
	json_decref(v);
}

/*= rfc7679#section-3.4 OD-3.4-01 */
/*= rfc7679#section-3.5 OD-3.5-01 */
/*= rfc2681#section-2.4 RT-2.4-01 */
/*= rfc2681#section-2.5 RT-2.5-01 */
/*= rfc3393#section-2.4 PV-2.4-01 */
/*= rfc3393#section-3.6 PV-3.6-01 */
/*= rfc4737#section-3.6 RE-3.6-01 */
static void copies_reordering_and_loss_in_one_session(void **state)
{
	/* 8 sent: 3 lost forward, 5 lost backward, 1 reordered and twice here, 6 reflected twice, 7 last. */
	const struct fizeau_round_trip records[] = {
		record(0, 0, 10, 20),
		record(2, 2, 10, 30),
		record(1, 1, 10, 60),
		record(1, 1, 10, 99),
		record(4, 3, 30, 20),
		record(6, 5, 10, 20),
		record(6, 6, 10, 25),
		record(7, 7, 10, 22),
	};
	struct fizeau_round_trip_summary s;

	(void)state;
	assert_int_equal(fizeau_round_trip_summarise(records, 8, 8, 1000 * MS, &s), 0);
	assert_int_equal(s.sent, 8);
	assert_int_equal(s.received, 6);
	assert_int_equal(s.lost, 2);
	assert_true(s.lost_forward_valid);
	assert_int_equal(s.lost_forward, 1);
	assert_int_equal(s.lost_backward, 1);
	assert_int_equal(s.duplicates, 2);
	assert_int_equal(s.late, 0);
	assert_int_equal(s.reordered, 1);
	/* Round trips without the reflector's 1 ms: 30 70 40 . 50 . 30 32. */
	assert_int_equal(s.round_trip.values, 6);
	assert_int_equal(s.round_trip.min, 30 * MS);
	assert_int_equal(s.round_trip.max, 70 * MS);
	assert_int_equal(s.round_trip.mean, 42 * MS);
	assert_int_equal(s.round_trip.median, 36 * MS);
	assert_int_equal(s.forward.max, 30 * MS);
	assert_int_equal(s.backward.max, 60 * MS);
	assert_int_equal(s.reflector.min, MS);
	assert_int_equal(s.reflector.max, MS);
	/* Pairs: 1-0 = 40, 2-1 = -30, 7-6 = 2. */
	assert_int_equal(s.ipdv.values, 3);
	assert_int_equal(s.ipdv.min, -30 * MS);
	assert_int_equal(s.ipdv.median, 2 * MS);
	assert_int_equal(s.ipdv.max, 40 * MS);
	assert_int_equal(s.pdv.values, 6);
	assert_int_equal(s.pdv.min, 0);
	assert_int_equal(s.pdv.max, 40 * MS);
	assert_true(s.synchronized_sender && s.synchronized_reflector);
	assert_true(s.ttl_valid);
	assert_int_equal(s.forward_ttl_min, 60);
	assert_int_equal(s.backward_ttl_max, 250);
}

/*= rfc7680#section-2.4 OL-2.4-01 OL-2.5-01 */
/*= rfc6673#section-4.3 RL-4.3-01 */
/*= rfc5560#section-2.5 DU-2.5-01 */
static void what_is_later_than_the_threshold_is_lost(void **state)
{
	const struct fizeau_round_trip records[] = {
		record(0, 0, 10, 89), /* 100 ms with the reflector's: in time, just */
		record(1, 1, 10, 90), /* late */
		record(2, 2, 10, 20),
		record(2, 2, 10, 200), /* a copy, but not within T0 */
		record(3, 3, 10, 20),
	};
	struct fizeau_round_trip_summary s;

	(void)state;
	assert_int_equal(fizeau_round_trip_summarise(records, 5, 4, 100 * MS, &s), 0);
	assert_int_equal(s.received, 3);
	assert_int_equal(s.lost, 1);
	assert_int_equal(s.late, 2);
	assert_int_equal(s.duplicates, 0);
	/* It was not lost on the way: it came. */
	assert_true(s.lost_forward_valid);
	assert_int_equal(s.lost_forward, 0);
	assert_int_equal(s.lost_backward, 0);
	assert_int_equal(s.round_trip.values, 3);
	assert_int_equal(s.round_trip.max, 99 * MS);
}

/*= rfc2681#section-2.5 RT-2.5-01 */
static void the_first_copy_in_time_gives_the_delay(void **state)
{
	const struct fizeau_round_trip records[] = {record(0, 1, 40, 5), record(0, 0, 10, 5)};
	struct fizeau_round_trip_summary s;

	(void)state;
	assert_int_equal(fizeau_round_trip_summarise(records, 2, 1, 100 * MS, &s), 0);
	assert_int_equal(s.round_trip.values, 1);
	assert_int_equal(s.round_trip.min, 45 * MS);
	assert_int_equal(s.duplicates, 1);
	assert_int_equal(s.reordered, 0);
}

static void nothing_measured_is_no_value(void **state)
{
	struct fizeau_round_trip_summary s;

	(void)state;
	assert_int_equal(fizeau_round_trip_summarise(NULL, 0, 100, 1000 * MS, &s), 0);
	assert_int_equal(s.sent, 100);
	assert_int_equal(s.lost, 100);
	assert_false(s.lost_forward_valid);
	assert_false(
		s.round_trip.valid || s.forward.valid || s.backward.valid || s.ipdv.valid || s.pdv.valid);
	assert_false(s.ttl_valid || s.synchronized_sender || s.synchronized_reflector);
	assert_int_equal(fizeau_round_trip_summarise(NULL, 0, 0, 1000 * MS, &s), 0);
	assert_int_equal(s.lost, 0);
}

static void a_number_that_was_not_sent_is_an_error(void **state)
{
	const struct fizeau_round_trip records[] = {record(0, 0, 10, 20), record(4, 1, 10, 20)};
	struct fizeau_round_trip_summary s;

	(void)state;
	assert_int_equal(fizeau_round_trip_summarise(records, 2, 4, 1000 * MS, &s), FIZEAU_ERR_UNSENT);
	assert_int_equal(fizeau_round_trip_summarise(records, 2, 5, 1000 * MS, &s), 0);
}

static void assert_split(
	uint64_t lost, uint64_t after, const uint32_t *seqs, size_t count, struct fz_loss want)
{
	uint32_t copy[MAX];
	struct fz_loss got;

	memcpy(copy, seqs, count * sizeof(*seqs));
	got = fz_loss_split(lost, after, copy, count);
	assert_int_equal(got.valid, want.valid);
	assert_int_equal(got.forward, want.forward);
	assert_int_equal(got.backward, want.backward);
}

/*= rfc6673#section-5.4 RL-5.4-01 */
/*= rfc6673#section-7 RL-7-01 */
static void loss_is_split_as_far_as_the_numbers_prove(void **state)
{
	static const uint32_t ordered[] = {0, 1, 2, 3, 4}, swapped[] = {1, 0, 4, 3, 2},
			      gaps[] = {6, 0, 2, 4, 2};
	static const uint32_t junk[] = {0, 1, 2, 4000000000, 3}, highest[] = {UINT32_MAX};

	(void)state;
	assert_split(0, 0, ordered, 5, (struct fz_loss){true, 0, 0});
	assert_split(2, 0, ordered, 5, (struct fz_loss){true, 2, 0});
	/* The same whatever the order on either way. */
	assert_split(2, 0, swapped, 5, (struct fz_loss){true, 2, 0});
	/* 1, 3 and 5 were sent and did not come. */
	assert_split(5, 0, gaps, 5, (struct fz_loss){true, 2, 3});
	/* Of what was lost after the last that came nothing is known. */
	assert_split(5, 2, gaps, 5, (struct fz_loss){true, 0, 3});
	assert_split(5, 4, gaps, 5, (struct fz_loss){true, 0, 3});
	assert_split(2, 2, ordered, 5, (struct fz_loss){true, 0, 0});
	/* Numbers that cannot be a count of reflections. */
	assert_split(3, 0, junk, 5, (struct fz_loss){false, 0, 0});
	assert_split(3, 0, highest, 1, (struct fz_loss){false, 0, 0});
	assert_split(3, 3, ordered, 0, (struct fz_loss){false, 0, 0});
}

/* Loss by direction of reflections with these numbers; -1: not known. */
static void assert_numbering(const uint32_t (*pairs)[2], size_t count, uint32_t sent, bool counts,
	enum fizeau_numbering wanted, int64_t forward, int64_t backward)
{
	struct fizeau_round_trip records[MAX];
	struct fizeau_round_trip_summary s;
	enum fizeau_numbering numbering;

	for (size_t i = 0; i < count; i++)
		records[i] = record(pairs[i][0], pairs[i][1], 10, 20);
	assert_int_equal(fizeau_round_trip_summarise(records, count, sent, 1000 * MS, &s), 0);
	assert_int_equal(fizeau_round_trip_numbering(records, count, sent, counts, &s, &numbering), 0);
	assert_int_equal(numbering, wanted);
	assert_int_equal(s.lost_forward_valid, forward >= 0);
	if (forward >= 0) {
		assert_int_equal(s.lost_forward, forward);
		assert_int_equal(s.lost_backward, backward);
	}
}

/*= rfc8762#section-4 ST-4-01 ST-4-02 */
static void a_stateless_reflector_is_found_out(void **state)
{
	static const uint32_t copied[][2] = {{0, 0}, {2, 2}, {4, 4}}, all[][2] = {{0, 0}, {1, 1}, {2, 2}},
			      own[][2] = {{0, 0}, {2, 1}, {4, 3}}, late[][2] = {{1, 1000}, {2, 1001}, {5, 1003}},
			      other[][2] = {{0, 0}, {1, 70}, {2, 900}}, reordered[][2] = {{1, 0}, {0, 1}, {3, 2}};

	(void)state;
	assert_numbering(copied, 3, 5, false, FIZEAU_NUMBERS_COPIED, -1, -1);
	/* Of one that is known to count the gaps are reflections that were lost. */
	assert_numbering(copied, 3, 5, true, FIZEAU_NUMBERS_OWN, 0, 2);
	assert_numbering(all, 3, 3, false, FIZEAU_NUMBERS_UNKNOWN, 0, 0);
	/* Of what was lost behind the last one that came nothing is known. */
	assert_numbering(all, 3, 6, false, FIZEAU_NUMBERS_UNKNOWN, 0, 0);
	assert_numbering(own, 3, 5, false, FIZEAU_NUMBERS_OWN, 1, 1);
	/* 3 and 4 were lost, one on each way; what became of 0 nobody knows. */
	assert_numbering(late, 3, 6, false, FIZEAU_NUMBERS_OWN, 1, 1);
	assert_numbering(other, 3, 3, false, FIZEAU_NUMBERS_OTHER, -1, -1);
	assert_numbering(reordered, 3, 4, false, FIZEAU_NUMBERS_OWN, 1, 0);
	assert_numbering(NULL, 0, 4, false, FIZEAU_NUMBERS_UNKNOWN, -1, -1);
}

static void one_unsynchronized_stamp_is_enough(void **state)
{
	struct fizeau_round_trip records[] = {record(0, 0, 10, 20), record(1, 1, 10, 20)};
	struct fizeau_round_trip_summary s;

	(void)state;
	records[1].receive_error = 0x0a80; /* 2^-15 s, S clear */
	assert_int_equal(fizeau_round_trip_summarise(records, 2, 2, 1000 * MS, &s), 0);
	assert_false(s.synchronized_sender);
	assert_true(s.synchronized_reflector);
	assert_int_equal(s.error_sender_ns, 30518);
	assert_int_equal(s.error_reflector_ns, 1);

	records[1].receive_error = SYNC;
	records[0].reflector_error = 0x0a80;
	assert_int_equal(fizeau_round_trip_summarise(records, 2, 2, 1000 * MS, &s), 0);
	assert_true(s.synchronized_sender);
	assert_false(s.synchronized_reflector);
	assert_int_equal(s.error_reflector_ns, 30518);
}

static void ttls_of_neighbours_are_255(void **state)
{
	struct fizeau_round_trip records[] = {record(0, 0, 10, 20)};
	struct fizeau_round_trip_summary s;

	(void)state;
	records[0].forward_ttl = records[0].backward_ttl = 255;
	assert_int_equal(fizeau_round_trip_summarise(records, 1, 1, 1000 * MS, &s), 0);
	assert_true(s.ttl_valid);
	assert_int_equal(s.forward_ttl_min, 255);
	assert_int_equal(s.backward_ttl_max, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_rfc_2330),
		cmocka_unit_test(undefined_delays_are_infinite),
		cmocka_unit_test(every_percentile_of_1_to_2000),
		cmocka_unit_test(extremes_do_not_overflow),
		cmocka_unit_test(reordering_is_that_of_rfc_4737),
		cmocka_unit_test(the_last_number_is_followed_by_none),
		cmocka_unit_test(duplication_is_that_of_rfc_5560),
		cmocka_unit_test(variation_is_that_of_rfc_5481),
		cmocka_unit_test(copies_reordering_and_loss_in_one_session),
		cmocka_unit_test(what_is_later_than_the_threshold_is_lost),
		cmocka_unit_test(the_first_copy_in_time_gives_the_delay),
		cmocka_unit_test(nothing_measured_is_no_value),
		cmocka_unit_test(a_number_that_was_not_sent_is_an_error),
		cmocka_unit_test(loss_is_split_as_far_as_the_numbers_prove),
		cmocka_unit_test(a_stateless_reflector_is_found_out),
		cmocka_unit_test(one_unsynchronized_stamp_is_enough),
		cmocka_unit_test(ttls_of_neighbours_are_255),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
