/* SPDX-License-Identifier: MIT */
/* Exponential deviates and schedules, bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/sender.h>
#include "lib/crypto/expdev.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

static uint64_t element_u64(const json_t *array, size_t index)
{
	const char *text = json_string_value(json_array_get(array, index));

	assert_non_null(text);
	return strtoull(text, NULL, 16);
}

/*= rfc4656#section-5.2 OW-5-04 OW-5-05 */
static void products_are_exact(void **state)
{
	json_t *group = vectors_group("schedule.json", "num64_mul");

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);

		assert_int_equal(fz_num64_mul(member_u64_hex(v, "x"), member_u64_hex(v, "y")),
			member_u64_hex(v, "product"));
	}
	assert_int_equal(json_array_size(group), 5);
	json_decref(group);
}

struct uniforms {
	const json_t *given;
	size_t used;
};

static uint32_t next_given(void *source)
{
	struct uniforms *u = source;

	assert_in_range(u->used, 0, json_array_size(u->given) - 1);
	return (uint32_t)element_u64(u->given, u->used++);
}

/*= rfc4656#section-5.1 OW-5-01 OW-5-02 */
/*= rfc4656#section-5.2 OW-5-03 OW-5-04 */
static void every_branch_of_algorithm_s(void **state)
{
	json_t *group = vectors_group("schedule.json", "exponential_edge_cases");

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		struct uniforms u = {json_object_get(v, "uniforms"), 0};

		assert_int_equal(fz_expdev_of(next_given, &u), member_u64_hex(v, "deviate"));
		assert_int_equal(u.used, member_int(v, "uniforms_consumed"));
	}
	assert_int_equal(json_array_size(group), 7);
	json_decref(group);
}

/* The table of RFC 4656 5.2, by what it does: with a fraction one step below Q[k], the minimum is taken over
   k uniforms, and at Q[k] over k + 1. */
struct counted {
	uint32_t first;
	unsigned used;
};

static uint32_t next_counted(void *source)
{
	struct counted *c = source;

	return c->used++ == 0 ? c->first : 1;
}

/*= rfc4656#section-5.2 OW-5-03 */
static void the_q_table_decides_how_many_are_drawn(void **state)
{
	static const uint32_t q[] = {0xB17217F8, 0xEEF193F7, 0xFD271862, 0xFF9D6DD0, 0xFFF4CFD0, 0xFFFEE819,
		0xFFFFE7FF, 0xFFFFFE2B, 0xFFFFFFE0, 0xFFFFFFFE};

	(void)state;
	for (unsigned k = 1; k <= 10; k++) {
		/* u is even after its zero bit is dropped: the largest below Q[k] and
		   the smallest not below it. */
		uint32_t below = (q[k - 1] - 1) & ~1u, not_below = (q[k - 1] + 1) & ~1u;
		struct counted low = {below >> 1, 0}, high = {not_below >> 1, 0};

		fz_expdev_of(next_counted, &low);
		fz_expdev_of(next_counted, &high);
		assert_int_equal(low.used, k == 1 ? 1 : 1 + k);
		assert_int_equal(high.used, 1 + k + 1);
	}
}

/*= rfc4656#section-5.3 OW-5-06 */
static void uniforms_come_from_the_counter_at_0_4_8(void **state)
{
	json_t *group = vectors_group("schedule.json", "exponential");

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		const json_t *want = json_object_get(v, "first_8_uniform32");
		struct fz_expdev e;
		uint8_t sid[16];

		member_hex(v, "sid", sid, sizeof(sid));
		assert_int_equal(fz_expdev_init(&e, sid), 0);
		for (size_t n = 0; n < 8; n++)
			assert_int_equal(fz_expdev_uniform(&e), element_u64(want, n));
		fz_expdev_wipe(&e);
	}
	json_decref(group);
}

/*= rfc4656#section-appendix.b OW-5-07 */
/*= rfc4656#section-5.1 OW-5-01 */
static void the_sums_of_appendix_b_come_out(void **state)
{
	json_t *group = vectors_group("schedule.json", "exponential");

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		const json_t *first = json_object_get(v, "first_16_deviates");
		const json_t *sums = json_object_get(v, "running_sums");
		struct fz_expdev e;
		uint64_t sum = 0, next_check = 1;
		uint8_t sid[16];

		member_hex(v, "sid", sid, sizeof(sid));
		assert_int_equal(fz_expdev_init(&e, sid), 0);
		for (uint64_t n = 1; n <= 1000000; n++) {
			uint64_t deviate = fz_expdev_next(&e);

			sum += deviate;
			if (n <= 16)
				assert_int_equal(deviate, element_u64(first, n - 1));
			if (n == next_check) {
				char name[8] = "1";

				for (uint64_t m = 1, at = 1; m < n; m *= 10)
					name[at++] = '0';
				if (json_object_get(sums, name) != NULL)
					assert_int_equal(sum, member_u64_hex(sums, name));
				else
					assert_int_equal(n, 10000);
				next_check *= 10;
			}
		}
		assert_int_equal(sum, member_u64_hex(v, "rfc4656_appendix_b_sum_1000000"));
		fz_expdev_wipe(&e);
	}
	assert_int_equal(json_array_size(group), 4);
	json_decref(group);
}

/*= rfc4656#section-3.6 OW-3.6-01 OW-3.6-02 OW-3.6-03 */
static void schedules_are_the_vectors(void **state)
{
	json_t *group = vectors_group("schedule.json", "schedules");

	(void)state;
	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		const json_t *given = json_object_get(v, "slots"), *offsets = json_object_get(v, "offsets");
		struct fizeau_slot slots[4];
		struct fizeau_schedule *schedule;
		uint8_t sid[16];

		assert_in_range(json_array_size(given), 1, 4);
		for (size_t k = 0; k < json_array_size(given); k++) {
			slots[k].exponential = member_int(json_array_get(given, k), "type") == 0;
			slots[k].parameter = member_u64_hex(json_array_get(given, k), "parameter");
		}
		member_hex(v, "sid", sid, sizeof(sid));
		schedule = fizeau_schedule_new(sid, slots, json_array_size(given));
		assert_non_null(schedule);
		/* They are copied. */
		memset(slots, 0xee, sizeof(slots));
		for (size_t n = 0; n < json_array_size(offsets); n++)
			assert_int_equal(fizeau_schedule_next(schedule), element_u64(offsets, n));
		assert_int_equal(json_array_size(offsets), 10);
		fizeau_schedule_free(schedule);
	}
	assert_int_equal(json_array_size(group), 3);
	json_decref(group);
}

/*= rfc4656#section-4.1.1 OW-4.1.1-01 */
static void schedules_of_two_sessions_do_not_touch(void **state)
{
	static const uint8_t sids[2][16] = {{1}, {2}};
	const struct fizeau_slot slot = {.exponential = true, .parameter = 1ull << 32};
	struct fizeau_schedule *both[2], *alone;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		both[i] = fizeau_schedule_new(sids[i], &slot, 1);
		assert_non_null(both[i]);
	}
	alone = fizeau_schedule_new(sids[1], &slot, 1);
	assert_non_null(alone);
	for (int n = 0; n < 1000; n++) {
		uint64_t offset = fizeau_schedule_next(both[1]);

		assert_int_equal(fizeau_schedule_next(alone), offset);
		assert_int_not_equal(fizeau_schedule_next(both[0]), offset);
	}
	fizeau_schedule_free(both[0]);
	fizeau_schedule_free(both[1]);
	fizeau_schedule_free(alone);
}

static void a_schedule_has_1_to_65535_slots(void **state)
{
	static const uint8_t sid[16];
	struct fizeau_slot *slots = calloc(65536, sizeof(*slots));
	struct fizeau_schedule *schedule;

	(void)state;
	assert_non_null(slots);
	assert_null(fizeau_schedule_new(sid, slots, 0));
	assert_null(fizeau_schedule_new(sid, slots, 65536));
	schedule = fizeau_schedule_new(sid, slots, 65535);
	assert_non_null(schedule);
	assert_int_equal(fizeau_schedule_next(schedule), 0);
	fizeau_schedule_free(schedule);
	fizeau_schedule_free(NULL);
	free(slots);
}

static void a_schedule_never_goes_back(void **state)
{
	static const uint8_t sid[16];
	const struct fizeau_slot slot = {.parameter = UINT64_MAX / 2 + 2};
	struct fizeau_schedule *schedule = fizeau_schedule_new(sid, &slot, 1);

	(void)state;
	assert_non_null(schedule);
	assert_int_equal(fizeau_schedule_next(schedule), UINT64_MAX / 2 + 2);
	assert_int_equal(fizeau_schedule_next(schedule), UINT64_MAX);
	assert_int_equal(fizeau_schedule_next(schedule), UINT64_MAX);
	fizeau_schedule_free(schedule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_are_exact),
		cmocka_unit_test(every_branch_of_algorithm_s),
		cmocka_unit_test(the_q_table_decides_how_many_are_drawn),
		cmocka_unit_test(uniforms_come_from_the_counter_at_0_4_8),
		cmocka_unit_test(the_sums_of_appendix_b_come_out),
		cmocka_unit_test(schedules_are_the_vectors),
		cmocka_unit_test(schedules_of_two_sessions_do_not_touch),
		cmocka_unit_test(a_schedule_has_1_to_65535_slots),
		cmocka_unit_test(a_schedule_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
