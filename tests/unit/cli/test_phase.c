/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "cli/phase.h"

static const struct fizeau_mono origin = {5000};

static void poisson_streams_begin_at_any_time(void **state)
{
	const struct fz_slot_wish slots[] = {{false, 1000}, {true, 1000}};
	struct fz_phase phase = fz_phase_of(slots, 2, origin, 3, 10);

	(void)state;
	assert_int_equal(fz_phase_next(&phase, (struct fizeau_mono){12345}).ns, 12345);
}

static void a_single_target_begins_at_any_time(void **state)
{
	const struct fz_slot_wish slot = {false, 1000};
	struct fz_phase phase = fz_phase_of(&slot, 1, origin, 0, 1);

	(void)state;
	assert_int_equal(fz_phase_next(&phase, (struct fizeau_mono){12345}).ns, 12345);
}

/* Whenever its set-up is done, each of ten targets begins in its own tenth of the period, and within a period. */
static void periodic_streams_are_spread(void **state)
{
	const struct fz_slot_wish slots[] = {{false, 700}, {false, 300}};

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		struct fz_phase phase = fz_phase_of(slots, 2, origin, i, 10);

		for (int64_t earliest = 5000; earliest < 8000; earliest += 37) {
			int64_t begin = fz_phase_next(&phase, (struct fizeau_mono){earliest}).ns;

			assert_true(begin >= earliest && begin < earliest + 1000);
			assert_int_equal((begin - origin.ns) % 1000, i * 100);
		}
	}
}

static void nobody_waits_longer_than_a_minute(void **state)
{
	const struct fz_slot_wish slots[] = {{false, 4000000000000000000}, {false, 4000000000000000000}, {false, 9}};
	struct fz_phase phase = fz_phase_of(slots, 3, origin, 999, 1000);

	(void)state;
	assert_true(fz_phase_next(&phase, origin).ns < origin.ns + 60000000000);
	assert_true(fz_phase_next(&phase, origin).ns >= origin.ns);
}

static void all_at_once_are_not_spread(void **state)
{
	const struct fz_slot_wish slot = {false, 0};
	struct fz_phase phase = fz_phase_of(&slot, 1, origin, 1, 2);

	(void)state;
	assert_int_equal(fz_phase_next(&phase, (struct fizeau_mono){12345}).ns, 12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poisson_streams_begin_at_any_time),
		cmocka_unit_test(a_single_target_begins_at_any_time),
		cmocka_unit_test(periodic_streams_are_spread),
		cmocka_unit_test(nobody_waits_longer_than_a_minute),
		cmocka_unit_test(all_at_once_are_not_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
