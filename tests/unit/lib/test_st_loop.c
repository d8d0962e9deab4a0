/* SPDX-License-Identifier: MIT */
/* Two reflectors, or a reflector and an echo, that are made to send to each other: it ends at once. Senders, whatever they
   leave in MBZ, are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/link.h"
#include "tests/testlib/st_tlvs.h"
#include <cmocka.h>

#define MS 1000000LL
#define SPOOFED 40 /* packets that start a loop each */

static uint8_t out[ST_TLVS_MAX];

static struct fizeau_stamp at(int64_t ns)
{
	return (struct fizeau_stamp){fizeau_ntp_add_ns(packets_t1.ntp, ns), 0x8b02, FIZEAU_STAMP_KERNEL};
}

static int reflect(struct fizeau_st_reflector *r, const uint8_t *in, size_t len, int64_t now, struct fizeau_st_reply *reply)
{
	struct fizeau_st_received received = st_received;
	int error;

	received.stamp = at(now);
	error = fizeau_st_reflector_reflect(r, in, len, &received, out, sizeof(out), reply);
	return error == 0 ? fizeau_st_reflector_finish(r, out, reply, at(now + 10000)) : error;
}

#define AHEAD (3600000 * MS) /* the other reflector's clock, which so cannot see what it is sent */

/* What comes back 5 ms later of each of n reflections that left 1 ms apart: the other reflector's, or they themselves.
   Returns how many of those were answered. */
static unsigned bounce(
	struct fizeau_st_reflector *r, struct fizeau_st_reflector *other, const struct fizeau_st_key *key, unsigned n)
{
	static uint8_t back[SPOOFED][ST_TLVS_MAX];
	size_t len[SPOOFED];
	struct fizeau_st_reply reply;
	unsigned answered = 0;
	struct st_tlvs p;

	for (unsigned i = 0; i < n; i++) {
		st_tlvs_begin(&p, 1000000 + i, key);
		assert_int_equal(reflect(r, p.octets, p.len, i * MS, &reply), 0);
		len[i] = reply.octets;
		memcpy(back[i], out, len[i]);
		if (other) {
			assert_int_equal(reflect(other, back[i], len[i], AHEAD + i * MS + 2 * MS, &reply), 0);
			memcpy(back[i], out, len[i]);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		int error = reflect(r, back[i], len[i], n * MS + 5 * MS, &reply);

		if (error == 0)
			answered++;
		else
			assert_int_equal(error, FIZEAU_ERR_LOOP);
	}
	return answered;
}

static void reflections_that_come_back_stay_unanswered(void **state)
{
	struct fizeau_st_key key = st_key();

	(void)state;
	for (unsigned kind = 0; kind < 32; kind++) {
		struct fizeau_st_reflector_config config = {.keys = &key,
			.key_count = kind & 1,
			.stateless = kind & 2,
			.tlvs = true,
			.format = {.ptp = kind & 4, .tai_utc_s = 37}};
		struct fizeau_st_reflector *r = st_reflector(&config), *other = NULL;

		config.stateless = kind & 8;
		if (kind & 16)
			other = st_reflector(&config);
		assert_int_equal(bounce(r, other, kind & 1 ? &key : NULL, SPOOFED), 0);
		fizeau_st_reflector_free(r);
		fizeau_st_reflector_free(other);
	}
}

/* A packet every millisecond over 20 ms, so that reflections and packets cross; clocks that are right, fast and slow. What
   was in the buffer is still in MBZ: nothing, random octets, the last reflection, or an older one. */
static void senders_are_answered_whatever_mbz_holds(void **state)
{
	static const int64_t offsets[] = {0, -3 * MS, 3 * MS, -50 * MS, 3600000 * MS};
	uint64_t seed = 7;

	(void)state;
	for (unsigned kind = 0; kind < 2 * 5 * 4; kind++) {
		struct fizeau_st_reflector *r =
			st_reflector(&(struct fizeau_st_reflector_config){.stateless = kind % 2});
		int64_t offset = offsets[kind / 2 % 5];
		unsigned left_over = kind / 10;
		uint8_t earlier[60][44];
		struct fizeau_st_reply reply;

		for (uint32_t n = 0; n < 60; n++) {
			struct st_tlvs p;
			struct fizeau_stamp t1 = at(n * MS + offset);

			st_tlvs_begin(&p, n, NULL);
			for (unsigned i = 16; i < 44 && left_over == 1; i++)
				p.octets[i] = (uint8_t)link_random(&seed);
			if (left_over == 2 && n >= 20)
				memcpy(p.octets + 16, earlier[n - 20] + 16, 28);
			if (left_over == 3 && n >= 25)
				memcpy(p.octets + 16, earlier[n - 25] + 16, 28);
			for (unsigned i = 0; i < 8; i++)
				p.octets[4 + i] = (uint8_t)(t1.ntp >> 8 * (7 - i));
			assert_int_equal(reflect(r, p.octets, p.len, n * MS + 10 * MS, &reply), 0);
			memcpy(earlier[n], out, 44);
		}
		fizeau_st_reflector_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reflections_that_come_back_stay_unanswered),
		cmocka_unit_test(senders_are_answered_whatever_mbz_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
