/* SPDX-License-Identifier: MIT */
/* What the reflector makes of TLVs: each type, its lengths, flags and places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_tlvs.h"
#include <cmocka.h>

#define U 0x80
#define M 0x40
#define FIRST FIZEAU_ST_EXTRA_PADDING
#define LAST FIZEAU_ST_FOLLOW_UP
#define UNKNOWN 200

static const struct fizeau_st_reflector_config all_allowed = {
	.tlvs = true, .tell_location = true, .dscp_allowed = UINT64_MAX, .sync = FIZEAU_ST_SYNC_PTP};

static uint8_t out[ST_TLVS_MAX];
static struct fizeau_st_reply reply;
static struct st_tlvs p;

/* By a reflector that was made for this packet. */
static void reflect_with(const struct fizeau_st_reflector_config *config)
{
	struct fizeau_st_reflector *r = st_reflector(config);

	assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
	assert_int_equal(reply.octets, p.len);
	fizeau_st_reflector_free(r);
}

static void assert_octets(size_t at, const char *hex)
{
	uint8_t want[64];
	size_t len = hex_octets(hex, want, sizeof(want));

	assert_memory_equal(out + at, want, len);
}

/* All from there on is as it came. */
static void assert_copied(size_t from)
{
	assert_memory_equal(out + from, p.octets + from, p.len - from);
}

/* The answers to st_tlvs_add_asking, of the first packet of a session: flags, type, length, value. */
static const char *answer_to(unsigned type)
{
	static const char *const answers[] = {
		[FIZEAU_ST_EXTRA_PADDING] = "00010008a0a1a2a3a4a5a6a7",
		[FIZEAU_ST_LOCATION] = "00020018035e9c4000080010c0000201000000000000000000000000",
		[FIZEAU_ST_TIMESTAMP_INFORMATION] = "0003000402020202",
		[FIZEAU_ST_CLASS_OF_SERVICE] = "000400042ae40000",
		[FIZEAU_ST_DIRECT_MEASUREMENT] = "0005000c010203040000000100000001",
		[FIZEAU_ST_ACCESS_REPORT] = "0006000410020000",
		[FIZEAU_ST_FOLLOW_UP] = "0007001000000000000000000000000000000000",
	};

	return type <= LAST ? answers[type] : "80c80008a0a1a2a3a4a5a6a7";
}

/*= rfc8972#section-4 SX-4-01 SX-4-04 */
/*= rfc8972#section-4.4 SX-4.4-01 SX-4.4-02 */
/*= rfc8972#section-4.8 SX-4.8-03 SX-4.8-06 */
static void the_answer_of_the_vectors(void **state)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_reflector_config config = all_allowed;
	struct fizeau_st_reflector *r;
	uint8_t in[PACKETS_MAX], want[PACKETS_MAX];
	size_t len = st_vector("sender unauthenticated + CoS TLV + HMAC TLV + Extra Padding TLV (that order)", "wire", in);
	size_t tlvs = st_vector("reflector answer to the above, TLV part", "tlvs", want);

	(void)state;
	config.keys = &key;
	config.key_count = 1;
	config.open_hmac_tlv = true;
	r = st_reflector(&config);
	for (int i = 0; i <= ST_REFLECTOR_SEQ; i++)
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
	assert_int_equal(reply.octets, len);
	assert_int_equal(tlvs, len - 44);
	assert_memory_equal(out + 44, want, tlvs);
	assert_int_equal(reply.dscp, 46);
	assert_false(reply.integrity_failed);
	fizeau_st_reflector_free(r);
}

/*= rfc8972#section-4 SX-4-04 SX-4-07 SX-4-09 */
/*= rfc8972#section-4.1 SX-4.1-02 */
/*= rfc8972#section-4.2 SX-4.2-01 */
/*= rfc8972#section-4.3 SX-4.3-01 */
/*= rfc8972#section-4.5 SX-4.5-01 */
/*= rfc8972#section-4.6 SX-4.6-01 */
static void every_tlv_is_answered_in_every_place(void **state)
{
	(void)state;
	for (unsigned type = FIRST; type <= LAST; type++) {
		for (unsigned place = 0; place < 4; place++) {
			st_tlvs_begin(&p, ST_SEQ, NULL);
			for (unsigned i = 0; i < 4; i++)
				st_tlvs_add_asking(&p, i == place ? type : UNKNOWN);
			reflect_with(&all_allowed);
			for (unsigned i = 0; i < 4; i++)
				assert_octets(p.at[i], answer_to(i == place ? type : UNKNOWN));
		}
	}
}

/* Each beside each, in both orders and with itself. */
static void two_of_all_kinds_are_answered_both(void **state)
{
	(void)state;
	for (unsigned first = FIRST; first <= LAST + 2; first++) {
		for (unsigned second = FIRST; second <= LAST; second++) {
			unsigned type = first <= LAST ? first : UNKNOWN;

			st_tlvs_begin(&p, ST_SEQ, NULL);
			st_tlvs_add_asking(&p, type);
			st_tlvs_add_asking(&p, second);
			reflect_with(&all_allowed);
			assert_octets(p.at[0], answer_to(type));
			assert_octets(p.at[1], answer_to(second));
		}
	}
}

static void add_all(void)
{
	for (unsigned type = FIRST; type <= LAST; type++)
		st_tlvs_add_asking(&p, type);
}

/* A TLV that the packet ends in is malformed; those before it are answered. */
/*= rfc8972#section-4 SX-4-05 */
static void packets_cut_at_every_octet(void **state)
{
	size_t whole;

	(void)state;
	st_tlvs_begin(&p, ST_SEQ, NULL);
	add_all();
	whole = p.len;
	for (p.len = p.base; p.len <= whole; p.len++) {
		bool cut = false;

		memset(out, 0x55, sizeof(out));
		reflect_with(&all_allowed);
		for (unsigned i = 0; i < p.count && p.at[i] < p.len; i++) {
			size_t end = i + 1 < p.count ? p.at[i + 1] : whole;

			if (end <= p.len) {
				assert_octets(p.at[i], answer_to(FIRST + i));
				continue;
			}
			cut = true;
			/* Its type is known, unless the packet ends before it. */
			assert_int_equal(out[p.at[i]], p.len == p.at[i] + 1 ? U | M : M);
			assert_copied(p.at[i] + 1);
		}
		if (p.len == whole)
			assert_false(cut);
		assert_int_equal(out[p.len], 0x55);
	}
}

/*= rfc8972#section-4 SX-4-02 SX-4-05 SX-4-10 */
/*= rfc8972#section-4.7 SX-4.7-01 */
/*= rfc8972#section-6 SX-6-01 */
static void wrong_lengths_are_malformed_and_end_all(void **state)
{
	static const struct {
		unsigned type;
		size_t length;
	} wrong[] = {
		{FIZEAU_ST_LOCATION, 0}, {FIZEAU_ST_LOCATION, 3}, {FIZEAU_ST_LOCATION, 5}, {FIZEAU_ST_TIMESTAMP_INFORMATION, 0},
		{FIZEAU_ST_TIMESTAMP_INFORMATION, 3}, {FIZEAU_ST_TIMESTAMP_INFORMATION, 6}, {FIZEAU_ST_CLASS_OF_SERVICE, 0},
		{FIZEAU_ST_CLASS_OF_SERVICE, 3}, {FIZEAU_ST_CLASS_OF_SERVICE, 5}, {FIZEAU_ST_CLASS_OF_SERVICE, 400},
		{FIZEAU_ST_DIRECT_MEASUREMENT, 0}, {FIZEAU_ST_DIRECT_MEASUREMENT, 11}, {FIZEAU_ST_DIRECT_MEASUREMENT, 13},
		{FIZEAU_ST_ACCESS_REPORT, 0}, {FIZEAU_ST_ACCESS_REPORT, 3}, {FIZEAU_ST_ACCESS_REPORT, 8},
		{FIZEAU_ST_FOLLOW_UP, 0}, {FIZEAU_ST_FOLLOW_UP, 5}, {FIZEAU_ST_FOLLOW_UP, 15}, {FIZEAU_ST_FOLLOW_UP, 17},
		{252, 0}, {252, 2}, {253, 3}, {254, 1},
	};
	uint8_t value[400];

	(void)state;
	memset(value, 0x77, sizeof(value));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t says = wrong[i].type == FIZEAU_ST_FOLLOW_UP ? wrong[i].length : 0;
		size_t bad, next;

		st_tlvs_begin(&p, ST_SEQ, NULL);
		st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
		bad = st_tlvs_add(&p, wrong[i].type, wrong[i].length, value);
		next = st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
		st_tlvs_add_asking(&p, FIZEAU_ST_DIRECT_MEASUREMENT);
		reflect_with(&all_allowed);
		assert_octets(p.at[0], answer_to(FIZEAU_ST_ACCESS_REPORT));
		assert_int_equal(out[bad], wrong[i].type > 8 ? U | M : M);
		assert_memory_equal(out + bad + 1, p.octets + bad + 1, 3);
		/* Sequence Number and Follow-Up Timestamp are zeroed. */
		says = says < 12 ? says : 12;
		for (size_t n = 0; n < says; n++)
			assert_int_equal(out[bad + 4 + n], 0);
		/* One octet of a sub-TLV is its flags. */
		if (wrong[i].type != FIZEAU_ST_LOCATION && wrong[i].type != FIZEAU_ST_TIMESTAMP_INFORMATION)
			assert_copied(bad + 4 + says);
		assert_copied(next);
		/* What was not processed has no effect. */
		assert_int_equal(reply.dscp, 46);
	}
}

/*= rfc8972#section-4 SX-4-05 SX-4-10 */
static void lengths_past_the_end_are_malformed(void **state)
{
	(void)state;
	for (unsigned type = 0; type <= 255; type++) {
		size_t bad;
		bool known = type >= 1 && type <= 7;

		if (type == FIZEAU_ST_HMAC || type == FIZEAU_ST_FOLLOW_UP)
			continue; /* they have tests of their own */
		st_tlvs_begin(&p, ST_SEQ, NULL);
		st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
		bad = st_tlvs_add(&p, type, 12, NULL);
		st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
		p.octets[bad + 2] = 0xff;
		p.octets[bad + 3] = 0xff;
		reflect_with(&all_allowed);
		assert_octets(p.at[0], answer_to(FIZEAU_ST_ACCESS_REPORT));
		assert_int_equal(out[bad], known ? M : U | M);
		assert_copied(bad + 1);
		assert_int_equal(reply.dscp, 46);
	}
}

/*= rfc8972#section-4 SX-4-03 SX-4-04 SX-4-09 */
static void unknown_types_come_back_as_they_were(void **state)
{
	(void)state;
	for (unsigned type = 0; type <= 255; type++) {
		if (type >= 1 && type <= 8)
			continue;
		st_tlvs_begin(&p, ST_SEQ, NULL);
		st_tlvs_add(&p, type, 7, "unknown");
		st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
		reflect_with(&all_allowed);
		assert_memory_equal(out + p.at[0], p.octets + p.at[0], 11);
		assert_octets(p.at[1], answer_to(FIZEAU_ST_ACCESS_REPORT));
	}
}

/* What the sender set in Flags does not matter. */
/*= rfc8972#section-4 SX-4-03 SX-4-04 SX-4-05 SX-4-06 */
static void flags_are_written_anew(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags <= 255; flags++) {
		st_tlvs_begin(&p, ST_SEQ, NULL);
		st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
		st_tlvs_add_asking(&p, UNKNOWN);
		p.octets[p.at[0]] = p.octets[p.at[1]] = (uint8_t)flags;
		reflect_with(&all_allowed);
		assert_octets(p.at[0], answer_to(FIZEAU_ST_ACCESS_REPORT));
		assert_octets(p.at[1], answer_to(UNKNOWN));
	}
}

/*= rfc8972#section-4 SX-4-07 */
/*= rfc8762#section-4.3 ST-4.3-01 */
/*= rfc8762#section-4.6 ST-4.6-02 */
static void without_support_tlvs_are_octets(void **state)
{
	struct fizeau_st_reflector_config config = all_allowed;

	(void)state;
	config.tlvs = false;
	st_tlvs_begin(&p, ST_SEQ, NULL);
	add_all();
	reflect_with(&config);
	assert_copied(p.base);
	assert_int_equal(reply.dscp, 46);
}

/*= rfc8972#section-4.4 SX-4.4-01 SX-4.4-02 SX-4.4-03 */
/*= rfc8972#section-6 SX-6-02 */
static void class_of_service_by_policy(void **state)
{
	struct fizeau_st_reflector_config config = all_allowed;

	(void)state;
	for (unsigned dscp1 = 0; dscp1 < 64; dscp1++) {
		for (unsigned allowed = 0; allowed < 2; allowed++) {
			uint8_t value[4] = {(uint8_t)(dscp1 << 2 | 3), 0xff, 0xff, 0xff};
			uint16_t want = (uint16_t)(dscp1 << 10 | 46 << 4 | 1 << 2 | !allowed);

			config.dscp_allowed = allowed ? (uint64_t)1 << dscp1 : ~((uint64_t)1 << dscp1);
			st_tlvs_begin(&p, ST_SEQ, NULL);
			st_tlvs_add(&p, FIZEAU_ST_CLASS_OF_SERVICE, 4, value);
			reflect_with(&config);
			assert_int_equal(reply.dscp, allowed ? dscp1 : 46);
			assert_int_equal(out[p.base + 4], want >> 8);
			assert_int_equal(out[p.base + 5], want & 0xff);
			assert_octets(p.base + 6, "0000");
		}
	}
	/* Two of them: the packet can be sent with one only, the first. */
	st_tlvs_begin(&p, ST_SEQ, NULL);
	st_tlvs_add(&p, FIZEAU_ST_CLASS_OF_SERVICE, 4, (uint8_t[]){10 << 2, 0, 0, 0});
	st_tlvs_add(&p, FIZEAU_ST_CLASS_OF_SERVICE, 4, (uint8_t[]){12 << 2, 0, 0, 0});
	reflect_with(&all_allowed);
	assert_int_equal(reply.dscp, 10);
	assert_octets(p.at[0] + 4, "2ae40000");
	assert_octets(p.at[1] + 4, "32e50000");
}

/*= rfc8972#section-4.6 SX-4.6-01 */
static void access_reports_of_other_networks_are_discarded(void **state)
{
	(void)state;
	for (unsigned id = 0; id < 16; id++) {
		uint8_t value[4] = {(uint8_t)(id << 4 | 5), 0xc7, 1, 2};

		st_tlvs_begin(&p, ST_SEQ, NULL);
		st_tlvs_add(&p, FIZEAU_ST_ACCESS_REPORT, 4, value);
		st_tlvs_add_asking(&p, FIZEAU_ST_TIMESTAMP_INFORMATION);
		reflect_with(&all_allowed);
		if (id == 1 || id == 2) {
			assert_int_equal(out[p.base], 0);
			assert_int_equal(out[p.base + 4], id << 4);
			assert_octets(p.base + 5, "c70000");
		} else {
			assert_int_equal(out[p.base], U);
			assert_memory_equal(out + p.base + 1, p.octets + p.base + 1, 7);
		}
		assert_octets(p.at[1], answer_to(FIZEAU_ST_TIMESTAMP_INFORMATION));
	}
}

/*= rfc8972#section-4.5 SX-4.5-01 */
static void direct_measurement_counts(void **state)
{
	struct fizeau_st_reflector *r = st_reflector(&all_allowed);

	(void)state;
	for (unsigned n = 1; n <= 300; n++) {
		uint32_t counter = n * 3;
		uint8_t value[12] = {0, 0, (uint8_t)(counter >> 8), (uint8_t)counter, 9, 9, 9, 9, 8, 8, 8, 8};

		st_tlvs_begin(&p, counter, NULL);
		st_tlvs_add(&p, FIZEAU_ST_DIRECT_MEASUREMENT, 12, value);
		assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
		assert_memory_equal(out + p.base + 4, value, 4);
		for (size_t at = p.base + 8; at < p.base + 16; at += 4) {
			assert_int_equal(out[at] | out[at + 1], 0);
			assert_int_equal(out[at + 2] << 8 | out[at + 3], n);
		}
	}
	fizeau_st_reflector_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_of_the_vectors),
		cmocka_unit_test(every_tlv_is_answered_in_every_place),
		cmocka_unit_test(two_of_all_kinds_are_answered_both),
		cmocka_unit_test(packets_cut_at_every_octet),
		cmocka_unit_test(wrong_lengths_are_malformed_and_end_all),
		cmocka_unit_test(lengths_past_the_end_are_malformed),
		cmocka_unit_test(unknown_types_come_back_as_they_were),
		cmocka_unit_test(flags_are_written_anew),
		cmocka_unit_test(without_support_tlvs_are_octets),
		cmocka_unit_test(class_of_service_by_policy),
		cmocka_unit_test(access_reports_of_other_networks_are_discarded),
		cmocka_unit_test(direct_measurement_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
