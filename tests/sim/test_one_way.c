/* SPDX-License-Identifier: MIT */
/* One-way sessions over the link model: every case is named after the mistake that it would catch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include "tests/sim/one_way_run.h"
#include <cmocka.h>

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
	const struct scenario scenario = {
		.link = {.delay_ns = 5 * MS, .jitter_ns = 3 * MS}, .timeout_ns = 1000 * MS, .offset_ns = -700 * MS};
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
	const struct scenario scenario = {
		.link = {.delay_ns = 5 * MS}, .timeout_ns = 1000 * MS, .offset_ns = 100 * MS, .drift_ppb = 500000};
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
	const struct scenario ahead = {.link = {.delay_ns = 5 * MS}, .timeout_ns = 1000 * MS, .offset_ns = 1100 * MS};
	const struct scenario behind = {.link = {.delay_ns = 5 * MS}, .timeout_ns = 1000 * MS, .offset_ns = -1100 * MS};
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
	const struct scenario scenario = {
		.link = {.delay_ns = 10 * MS, .loss = 50}, .timeout_ns = 500 * MS, .skipped = {0, 99}};
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
