/* SPDX-License-Identifier: MIT */
/* Metrics of an OWAMP session from its records: the worked examples of the RFCs, and summaries by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/stats.h>
#include <fizeau/time.h>
#include "tests/testlib/distribution.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define MAX 64
#define MS 1000000LL
#define TIMEOUT_NS (1000 * MS)
#define START 0xe800000000000000
#define SYNC 0x8001 /* S, 2^-32 s */

struct session {
	struct fizeau_record records[MAX];
	size_t count;
	struct fizeau_session_end end;
};

/* Sent at 10 ms times its number. */
static void arrived(struct session *s, uint32_t seq, int64_t delay_ns)
{
	uint64_t sent = fizeau_ntp_add_ns(START, 10 * MS * seq);

	assert_in_range(s->count, 0, MAX - 1);
	s->records[s->count++] = (struct fizeau_record){
		.seq = seq,
		.send_ntp = sent,
		.receive_ntp = fizeau_ntp_add_ns(sent, delay_ns),
		.send_error = SYNC,
		.receive_error = SYNC,
		.ttl = 60,
	};
	if (seq >= s->end.next_seqno)
		s->end.next_seqno = seq + 1;
}

static void was_lost(struct session *s, uint32_t seq)
{
	arrived(s, seq, 0);
	s->records[s->count - 1].receive_ntp = 0;
	s->records[s->count - 1].send_error = FIZEAU_SEND_ERROR_LOST;
	s->records[s->count - 1].ttl = 255;
}

static struct fizeau_one_way_summary summary_of(const struct session *s)
{
	struct fizeau_one_way_summary summary;

	assert_int_equal(fizeau_one_way_summarise(s->records, s->count, &s->end, TIMEOUT_NS, &summary), 0);
	return summary;
}

static void arrivals_of(struct session *s, const json_t *example)
{
	const json_t *arrivals = json_object_get(example, "arrivals");

	*s = (struct session){0};
	for (size_t i = 0; i < json_array_size(arrivals); i++)
		arrived(s, (uint32_t)json_integer_value(json_array_get(arrivals, i)), 20 * MS);
}

/* The largest of the figures that an example gives by number; 0 if it gives none. */
static uint64_t largest(const json_t *figures)
{
	uint64_t most = 0;
	const char *name;
	json_t *figure;

	json_object_foreach((json_t *)figures, name, figure)
	{
		if ((uint64_t)json_integer_value(figure) > most)
			most = (uint64_t)json_integer_value(figure);
	}
	return most;
}

/*= rfc4737#section-3.3 RE-3.3-01 */
/*= rfc4737#section-4.1 RE-4.1-01 */
/*= rfc4737#section-4.2 RE-4.2-01 */
/*= rfc4737#section-5 RE-5-01 */
static void reordering_is_that_of_rfc_4737(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *cases = json_object_get(v, "rfc4737");

	(void)state;
	assert_int_equal(json_array_size(cases), 5);
	for (size_t c = 0; c < json_array_size(cases); c++) {
		const json_t *example = json_array_get(cases, c), *n_given = json_object_get(example, "n_reordered");
		struct fizeau_one_way_summary got;
		struct session s;
		uint64_t n;

		arrivals_of(&s, example);
		got = summary_of(&s);
		assert_int_equal(got.reordered, json_array_size(json_object_get(example, "reordered")));
		assert_int_equal(got.received, s.count);
		assert_int_equal(got.duplicates, 0);
		if (json_object_get(example, "extent") != NULL)
			assert_int_equal(got.reordering_extent_max, largest(json_object_get(example, "extent")));
		/* Each example has one packet that is n-reordered at all; it is so for all smaller n, too. */
		n = largest(n_given);
		for (uint64_t i = 1; n_given != NULL && i <= FIZEAU_N_REORDERING_MAX; i++)
			assert_int_equal(got.n_reordered[i - 1], i <= n);
	}
	json_decref(v);
}

/*= rfc5560#section-5 DU-5-01 */
static void duplication_is_that_of_rfc_5560(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *cases = json_object_get(v, "rfc5560");

	(void)state;
	assert_int_equal(json_array_size(cases), 4);
	for (size_t c = 0; c < json_array_size(cases); c++) {
		const json_t *example = json_array_get(cases, c);
		struct fizeau_one_way_summary got;
		struct session s;

		arrivals_of(&s, example);
		got = summary_of(&s);
		assert_float_equal((double)got.duplicates / (double)got.received,
			json_real_value(json_object_get(example, "fraction")), 1e-9);
		assert_float_equal((double)got.replicated / (double)got.received,
			json_real_value(json_object_get(example, "replicated_rate")), 1e-9);
	}
	json_decref(v);
}

/*= rfc5481#section-4.1 DV-4.1-01 */
/*= rfc5481#section-4.2 DV-4.2-01 */
static void variation_is_that_of_rfc_5481(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *example = json_object_get(v, "rfc5481"), *delays = json_object_get(example, "delays_ms");
	int64_t ipdv[MAX], pdv[MAX];
	struct fizeau_one_way_summary got;
	struct session s = {0};
	size_t pairs = 0;

	(void)state;
	assert_int_equal(json_array_size(delays), 5);
	for (uint32_t i = 0; i < json_array_size(delays); i++) {
		const json_t *with_one_before = json_array_get(json_object_get(example, "ipdv"), i);

		arrived(&s, i, json_integer_value(json_array_get(delays, i)) * MS);
		pdv[i] = json_integer_value(json_array_get(json_object_get(example, "pdv"), i)) * MS;
		if (!json_is_null(with_one_before))
			ipdv[pairs++] = json_integer_value(with_one_before) * MS;
	}
	got = summary_of(&s);
	assert_distribution(ipdv, pairs, &got.ipdv);
	assert_distribution(pdv, s.count, &got.pdv);
	json_decref(v);
}

/*= rfc7680#section-2.4 OL-2.4-01 */
/*= rfc7680#section-4.1 OL-4.1-01 */
static void the_loss_ratio_is_that_of_rfc_7680(void **state)
{
	json_t *v = vectors_group("metrics.json", "metrics");
	const json_t *example = json_object_get(v, "rfc7680_loss_ratio"), *loss = json_object_get(example, "loss");
	struct fizeau_one_way_summary got;
	struct session s = {0};

	(void)state;
	for (uint32_t i = 0; i < json_array_size(loss); i++) {
		if (json_integer_value(json_array_get(loss, i)) != 0)
			was_lost(&s, i);
		else
			arrived(&s, i, MS);
	}
	got = summary_of(&s);
	assert_float_equal(
		(double)got.lost / (double)got.sent, json_real_value(json_object_get(example, "ratio")), 1e-9);
	json_decref(v);
}

/* Numbers 2, 3 lost, 6 too late, 8 .. 9 skipped, 10 lost; 4 before 1, 5 twice. */
static void by_hand(struct session *s)
{
	static const struct fizeau_skip_range ranges[] = {{8, 9}};

	*s = (struct session){0};
	arrived(s, 0, 20 * MS);
	arrived(s, 4, 10 * MS);
	arrived(s, 1, 45 * MS);
	arrived(s, 5, 30 * MS);
	arrived(s, 5, 31 * MS);
	was_lost(s, 2);
	was_lost(s, 3);
	arrived(s, 7, -5 * MS);
	arrived(s, 6, TIMEOUT_NS + MS);
	was_lost(s, 8);
	was_lost(s, 9);
	was_lost(s, 10);
	arrived(s, 11, 25 * MS);
	was_lost(s, 12);
	was_lost(s, 13);
	s->end.next_seqno = 13;
	s->end.ranges = ranges;
	s->end.range_count = 1;
}

/*= rfc7680#section-2.4 OL-2.4-01 OL-2.5-01 */
/*= rfc7680#section-4.1 OL-4.1-01 */
/*= rfc4737#section-3.6 RE-3.6-01 */
static void counts_of_a_session_by_hand(void **state)
{
	struct fizeau_one_way_summary got;
	struct session s;

	(void)state;
	by_hand(&s);
	got = summary_of(&s);
	/* 0 .. 7 and 10 .. 12: what was skipped, or lies behind the end, is not in the sample. */
	assert_int_equal(got.sent, 11);
	assert_int_equal(got.skipped, 2);
	assert_int_equal(got.received, 6);
	assert_int_equal(got.lost, 5);
	assert_int_equal(got.duplicates, 1);
	assert_int_equal(got.replicated, 1);
	assert_int_equal(got.reordered, 1);
	assert_int_equal(got.reordering_extent_max, 1);
	assert_int_equal(got.n_reordered[0], 1);
	assert_int_equal(got.n_reordered[1], 0);
}

static void bursts_and_gaps_of_a_session_by_hand(void **state)
{
	struct fizeau_one_way_summary got;
	struct session s;

	(void)state;
	by_hand(&s);
	got = summary_of(&s);
	/* Lost: 2 3 | 6 | 10 | 12. Received between them: 4 5 | 7 | 11. */
	assert_int_equal(got.loss_burst.values, 4);
	assert_int_equal(got.loss_burst.min, 1);
	assert_int_equal(got.loss_burst.max, 2);
	assert_int_equal(got.loss_gap.values, 3);
	assert_int_equal(got.loss_gap.min, 1);
	assert_int_equal(got.loss_gap.max, 2);
}

/*= rfc7679#section-3.4 OD-3.4-01 */
/*= rfc7679#section-3.5 OD-3.5-01 */
/*= rfc3393#section-2.4 PV-2.4-01 */
/*= rfc3393#section-3.6 PV-3.6-01 */
static void delays_of_a_session_by_hand(void **state)
{
	struct fizeau_one_way_summary got;
	struct session s;

	(void)state;
	by_hand(&s);
	got = summary_of(&s);
	/* -5 10 20 25 30 45: the first copy of 5, and no lost or late one. */
	assert_int_equal(got.delay.values, 6);
	assert_int_equal(got.delay.min, -5 * MS);
	assert_int_equal(got.delay.median, 22500000);
	assert_int_equal(got.delay.max, 45 * MS);
	assert_int_equal(got.pdv.values, 6);
	assert_int_equal(got.pdv.min, 0);
	assert_int_equal(got.pdv.max, 50 * MS);
	/* 0 1 and 4 5 are the pairs. */
	assert_int_equal(got.ipdv.values, 2);
	assert_int_equal(got.ipdv.min, 20 * MS);
	assert_int_equal(got.ipdv.max, 25 * MS);
}

static void conditions_of_a_session(void **state)
{
	struct fizeau_one_way_summary got;
	struct session s;

	(void)state;
	by_hand(&s);
	s.records[2].ttl = 58;
	got = summary_of(&s);
	assert_true(got.synchronized_sender && got.synchronized_receiver);
	assert_int_equal(got.error_sender_ns, 1);
	assert_true(got.ttl_valid);
	assert_int_equal(got.ttl_min, 58);
	assert_int_equal(got.ttl_max, 60);
	s.records[0].send_error = 0x2001; /* 1 s, not synchronised */
	s.records[0].receive_error = 0xa102;
	got = summary_of(&s);
	assert_false(got.synchronized_sender);
	assert_true(got.synchronized_receiver);
	assert_int_equal(got.error_sender_ns, 1000 * MS);
	assert_int_equal(got.error_receiver_ns, 4000 * MS);
}

static void nothing_measured_is_no_figure(void **state)
{
	struct fizeau_one_way_summary got;
	struct session s = {0};

	(void)state;
	got = summary_of(&s);
	assert_int_equal(got.sent, 0);
	was_lost(&s, 0);
	was_lost(&s, 1);
	got = summary_of(&s);
	assert_int_equal(got.lost, 2);
	assert_false(got.delay.valid || got.ipdv.valid || got.pdv.valid || got.loss_gap.valid);
	assert_false(got.ttl_valid || got.synchronized_sender || got.synchronized_receiver);
	assert_int_equal(got.loss_burst.max, 2);
}

static void a_number_that_was_never_sent_is_an_error(void **state)
{
	struct fizeau_one_way_summary got;
	struct session s = {0};

	(void)state;
	arrived(&s, 3, MS);
	s.end.next_seqno = 3;
	assert_int_equal(fizeau_one_way_summarise(s.records, s.count, &s.end, TIMEOUT_NS, &got), FIZEAU_ERR_UNSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reordering_is_that_of_rfc_4737),
		cmocka_unit_test(duplication_is_that_of_rfc_5560),
		cmocka_unit_test(variation_is_that_of_rfc_5481),
		cmocka_unit_test(the_loss_ratio_is_that_of_rfc_7680),
		cmocka_unit_test(counts_of_a_session_by_hand),
		cmocka_unit_test(bursts_and_gaps_of_a_session_by_hand),
		cmocka_unit_test(delays_of_a_session_by_hand),
		cmocka_unit_test(conditions_of_a_session),
		cmocka_unit_test(nothing_measured_is_no_figure),
		cmocka_unit_test(a_number_that_was_never_sent_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
