/* SPDX-License-Identifier: MIT */
/* What the reflector tells in Location, Timestamp Information and Follow-Up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_tlvs.h"
#include <cmocka.h>

#define U 0x80
#define M 0x40

static uint8_t out[ST_TLVS_MAX];
static struct fizeau_st_reply reply;
static struct st_tlvs p;

static const struct fizeau_st_reflector_config telling = {.tlvs = true, .tell_location = true};

/* One TLV with a value in hexadecimal, by a reflector made for it. */
static void ask(const struct fizeau_st_reflector_config *config, const struct fizeau_st_received *received, unsigned type,
	const char *hex)
{
	struct fizeau_st_reflector *r = st_reflector(config);
	uint8_t value[256];
	size_t len = hex_octets(hex, value, sizeof(value));

	st_tlvs_begin(&p, ST_SEQ, NULL);
	st_tlvs_add(&p, type, len, value);
	st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
	assert_int_equal(
		fizeau_st_reflector_reflect(r, p.octets, p.len, received, out, sizeof(out), &reply), 0);
	assert_int_equal(fizeau_st_reflector_finish(r, out, &reply, packets_t3), 0);
	assert_int_equal(reply.octets, p.len);
	fizeau_st_reflector_free(r);
}

static void assert_value(const char *hex)
{
	uint8_t want[256];
	size_t len = hex_octets(hex, want, sizeof(want));

	assert_int_equal(p.at[1], p.base + 4 + len);
	assert_memory_equal(out + p.base + 4, want, len);
}

/* All three sub-TLVs that ask, and their answers. */
#define ASKS "00000000" "80010008" "0000000000000000" "80040010" "00000000000000000000000000000000" \
	"80070010" "00000000000000000000000000000000"

/*= rfc8972#section-4.2 SX-4.2-01 */
static void location_is_told_by_family(void **state)
{
	struct fizeau_st_received received = st_received;

	(void)state;
	ask(&telling, &received, FIZEAU_ST_LOCATION, ASKS);
	assert_int_equal(out[p.base], 0);
	assert_value("035e9c40" "00030008" "0000000000000000" "00050010" "c0000202000000000000000000000000"
		"00080010" "c0000201000000000000000000000000");
	received.from = (struct fizeau_address){6, {0x20, 1, 0xd, 0xb8, [15] = 1}};
	received.to = (struct fizeau_address){6, {0x20, 1, 0xd, 0xb8, [15] = 2}};
	ask(&telling, &received, FIZEAU_ST_LOCATION, ASKS);
	assert_value("035e9c40" "00030008" "0000000000000000" "00060010" "20010db8000000000000000000000002"
		"00090010" "20010db8000000000000000000000001");
	received.to = (struct fizeau_address){0};
	ask(&telling, &received, FIZEAU_ST_LOCATION, ASKS);
	assert_value("035e9c40" "00030008" "0000000000000000" "00060010" "00000000000000000000000000000000"
		"00090010" "20010db8000000000000000000000001");
	/* Sub-TLVs in another order, twice, none; what a sender should have left zero does not matter. */
	ask(&telling, &st_received, FIZEAU_ST_LOCATION,
		"ffffffff" "80070010" "ffffffffffffffffffffffffffffffff" "00010008" "ffffffffffffffff"
		"80070010" "00000000000000000000000000000000");
	assert_value("035e9c40" "00080010" "c0000201000000000000000000000000" "00030008" "0000000000000000"
		"00080010" "c0000201000000000000000000000000");
	ask(&telling, &st_received, FIZEAU_ST_LOCATION, "00000000");
	assert_value("035e9c40");
}

/*= rfc8972#section-4.2.2 SX-4.2-02 */
static void location_is_not_told_by_policy(void **state)
{
	const struct fizeau_st_reflector_config config = {.tlvs = true};

	(void)state;
	ask(&config, &st_received, FIZEAU_ST_LOCATION, ASKS);
	assert_int_equal(out[p.base], 0);
	assert_value("00000000" "00030008" "0000000000000000" "00050010" "00000000000000000000000000000000"
		"00080010" "00000000000000000000000000000000");
}

/*= rfc8972#section-4 SX-4-02 SX-4-05 SX-4-09 */
static void sub_tlvs_of_location_that_are_unknown_or_malformed(void **state)
{
	static const struct {
		const char *value;
		size_t bad; /* offset of the sub-TLV that is malformed; 0: none */
		const char *told;
	} cases[] = {
		/* Answers are nothing to ask for. */
		{"00000000" "80020008" "0102030405060708", 0, "035e9c40" "80020008" "0102030405060708"},
		{"00000000" "000a0002" "0102" "80010008" "0000000000000000", 0,
			"035e9c40" "800a0002" "0102" "00030008" "0000000000000000"},
		{"00000000" "00fd0004" "00000009", 0, "035e9c40" "80fd0004" "00000009"},
		{"00000000" "80010007" "00000000000000", 4, NULL},
		{"00000000" "80010009" "000000000000000000", 4, NULL},
		{"00000000" "80040008" "0000000000000000", 4, NULL},
		{"00000000" "80090011" "0000000000000000000000000000000000", 4, NULL},
		{"00000000" "80fc0003" "000000", 4, NULL},
		{"00000000" "80010008" "0000000000000000" "80010008" "00000000000000", 16, NULL},
		{"00000000" "80010008" "0000000000000000" "8001ffff", 16, NULL},
		{"00000000" "800100", 4, NULL},
		{"00000000" "80", 4, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bad = p.base + 4 + cases[i].bad;

		ask(&telling, &st_received, FIZEAU_ST_LOCATION, cases[i].value);
		bad = p.base + 4 + cases[i].bad;
		if (cases[i].bad == 0) {
			assert_int_equal(out[p.base], 0);
			assert_value(cases[i].told);
			assert_int_equal(out[p.at[1]], 0);
			continue;
		}
		assert_int_equal(out[p.base], M);
		assert_int_equal(out[bad], U | M);
		assert_memory_equal(out + p.base + 1, p.octets + p.base + 1, bad - p.base - 1);
		assert_memory_equal(out + bad + 1, p.octets + bad + 1, p.len - bad - 1);
	}
}

/*= rfc8972#section-4.3 SX-4.3-01 */
static void timestamp_information_is_that_of_the_stamps(void **state)
{
	struct fizeau_st_reflector_config config = {.tlvs = true};
	struct fizeau_st_received received = st_received;

	(void)state;
	ask(&config, &received, FIZEAU_ST_TIMESTAMP_INFORMATION, "00000000");
	assert_value("00020002");
	config.sync = FIZEAU_ST_SYNC_NTP;
	received.stamp.source = FIZEAU_STAMP_HARDWARE;
	ask(&config, &received, FIZEAU_ST_TIMESTAMP_INFORMATION, "ffffffff");
	assert_value("01010102");
	/* Sub-TLVs: there are none that could be understood. */
	ask(&config, &received, FIZEAU_ST_TIMESTAMP_INFORMATION, "00000000" "00010003" "070809" "00c80000");
	assert_value("01010102" "80010003" "070809" "80c80000");
	ask(&config, &received, FIZEAU_ST_TIMESTAMP_INFORMATION, "00000000" "00010003" "0708");
	assert_int_equal(out[p.base], M);
	assert_value("00000000" "c0010003" "0708");
	ask(&config, &received, FIZEAU_ST_TIMESTAMP_INFORMATION, "00000000" "00fc0003" "070809");
	assert_int_equal(out[p.base], M);
}

/* Number, stamp and method of Follow-Up. */
static void assert_follow_up(size_t at, uint32_t seq, uint64_t stamp, unsigned method)
{
	uint8_t want[20] = {0, FIZEAU_ST_FOLLOW_UP, 0, 16};

	for (unsigned i = 0; i < 4; i++)
		want[4 + i] = (uint8_t)(seq >> 8 * (3 - i));
	for (unsigned i = 0; i < 8; i++)
		want[8 + i] = (uint8_t)(stamp >> 8 * (7 - i));
	want[16] = (uint8_t)method;
	assert_memory_equal(out + at, want, sizeof(want));
}

static void begin_follow_up(uint32_t seq)
{
	st_tlvs_begin(&p, seq, NULL);
	/* What a sender should have left zero. */
	st_tlvs_add(&p, FIZEAU_ST_FOLLOW_UP, 16, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20");
}

static struct fizeau_stamp stamp_of(uint32_t n, enum fizeau_stamp_source source)
{
	return (struct fizeau_stamp){packets_t3.ntp + ((uint64_t)n << 32), packets_t3.error, source};
}

static void reflect_at(struct fizeau_st_reflector *r, uint32_t n)
{
	assert_int_equal(
		fizeau_st_reflector_reflect(r, p.octets, p.len, &st_received, out, sizeof(out), &reply), 0);
	assert_int_equal(fizeau_st_reflector_finish(r, out, &reply, stamp_of(n, FIZEAU_STAMP_USER)), 0);
}

/*= rfc8972#section-4.7 SX-4.7-01 */
static void follow_up_tells_of_the_reflection_before(void **state)
{
	struct fizeau_st_reflector *r = st_reflector(&telling);

	(void)state;
	for (uint32_t n = 0; n < 20; n++) {
		struct fizeau_stamp left = stamp_of(n, n % 3 == 0 ? FIZEAU_STAMP_HARDWARE : FIZEAU_STAMP_KERNEL);
		uint32_t before = n - 1;

		left.ntp += 12345;
		begin_follow_up(100 + n);
		reflect_at(r, n);
		if (n == 0)
			assert_follow_up(p.base, 0, 0, 0);
		else if (before % 2 == 0) /* whose departure was told */
			assert_follow_up(p.base, before, stamp_of(before, 0).ntp + 12345,
				before % 3 == 0 ? FIZEAU_ST_METHOD_HARDWARE : FIZEAU_ST_METHOD_SOFTWARE);
		else
			assert_follow_up(p.base, before, stamp_of(before, 0).ntp, FIZEAU_ST_METHOD_SOFTWARE);
		if (n % 2 == 0)
			fizeau_st_reflector_departed(r, n, left);
		/* Of others, later or too late, it says nothing. */
		left.ntp = 1;
		fizeau_st_reflector_departed(r, n + 1, left);
		fizeau_st_reflector_departed(r, n - 1, left);
	}
	/* In the format of the packet, each of several. */
	fizeau_st_reflector_free(r);
}

/*= rfc8972#section-4.7 SX-4.7-01 */
static void follow_up_of_several_in_the_format_of_the_packet(void **state)
{
	struct fizeau_st_reflector_config config = telling;
	struct fizeau_st_reflector *r;
	uint64_t ptp = fizeau_ptp_from_ntp(packets_t3.ntp, 37);

	(void)state;
	config.format = (struct fizeau_stamp_format){.ptp = true, .tai_utc_s = 37};
	r = st_reflector(&config);
	begin_follow_up(0);
	st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
	st_tlvs_add_asking(&p, FIZEAU_ST_FOLLOW_UP);
	reflect_at(r, 0);
	assert_follow_up(p.at[0], 0, 0, 0);
	reflect_at(r, 1);
	assert_follow_up(p.at[0], 0, ptp, FIZEAU_ST_METHOD_SOFTWARE);
	assert_follow_up(p.at[2], 0, ptp, FIZEAU_ST_METHOD_SOFTWARE);
	/* Behind one that is malformed it is not processed. */
	begin_follow_up(0);
	st_tlvs_add(&p, FIZEAU_ST_ACCESS_REPORT, 3, NULL);
	st_tlvs_add(&p, FIZEAU_ST_FOLLOW_UP, 16, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20");
	reflect_at(r, 2);
	assert_follow_up(p.at[0], 1, ptp + ((uint64_t)1 << 32), FIZEAU_ST_METHOD_SOFTWARE);
	assert_memory_equal(out + p.at[2], p.octets + p.at[2], 20);
	fizeau_st_reflector_free(r);
}

/* Packets of a batch are prepared together, and finished together. */
/*= rfc8972#section-4.7 SX-4.7-01 */
static void follow_up_within_a_batch(void **state)
{
	struct fizeau_st_reflector *r = st_reflector(&telling);
	static uint8_t batch[4][ST_TLVS_MAX];
	struct fizeau_st_reply replies[4];

	(void)state;
	for (uint32_t n = 0; n < 4; n++) {
		begin_follow_up(n);
		assert_int_equal(fizeau_st_reflector_reflect(
					 r, p.octets, p.len, &st_received, batch[n], ST_TLVS_MAX, &replies[n]),
			0);
	}
	for (uint32_t n = 0; n < 4; n++) {
		assert_int_equal(
			fizeau_st_reflector_finish(r, batch[n], &replies[n], stamp_of(n, FIZEAU_STAMP_USER)), 0);
		memcpy(out, batch[n], sizeof(out));
		if (n > 0)
			assert_follow_up(p.base, n - 1, stamp_of(n - 1, 0).ntp, FIZEAU_ST_METHOD_SOFTWARE);
	}
	fizeau_st_reflector_free(r);
}

/*= rfc8972#section-4.7 SX-4.7-01 */
static void follow_up_of_a_stateless_reflector_is_zero(void **state)
{
	struct fizeau_st_reflector_config config = telling;
	struct fizeau_st_reflector *r;

	(void)state;
	config.stateless = true;
	r = st_reflector(&config);
	for (uint32_t n = 0; n < 3; n++) {
		begin_follow_up(n);
		reflect_at(r, n);
		assert_follow_up(p.base, 0, 0, 0);
		fizeau_st_reflector_departed(r, n, packets_t3);
	}
	fizeau_st_reflector_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(location_is_told_by_family),
		cmocka_unit_test(location_is_not_told_by_policy),
		cmocka_unit_test(sub_tlvs_of_location_that_are_unknown_or_malformed),
		cmocka_unit_test(timestamp_information_is_that_of_the_stamps),
		cmocka_unit_test(follow_up_tells_of_the_reflection_before),
		cmocka_unit_test(follow_up_of_several_in_the_format_of_the_packet),
		cmocka_unit_test(follow_up_within_a_batch),
		cmocka_unit_test(follow_up_of_a_stateless_reflector_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
