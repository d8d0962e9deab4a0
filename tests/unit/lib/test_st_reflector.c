/* SPDX-License-Identifier: MIT */
/* The reflector of STAMP and TWAMP Light, without TLVs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_tlvs.h"
#include <cmocka.h>

static uint8_t out[FIZEAU_TEST_PACKET_MAX];
static struct fizeau_st_reply reply;

/* The next reflection carries the number of the vectors. */
static void advance(struct fizeau_st_reflector *r, const uint8_t *in, size_t len)
{
	for (int i = 0; i < ST_REFLECTOR_SEQ; i++) {
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
		assert_int_equal(reply.seq, i);
	}
}

/*= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-02 ST-4.3.1-03 ST-4.3.1-04 ST-4.3.1-05 ST-4.3.1-06 */
/*= rfc8762#section-4.3.2 ST-4.3.2-01 */
/*= rfc8762#section-4.4 ST-4.4-01 */
/*= rfc8972#section-3 SX-3-01 SX-3-07 */
static void reflections_are_the_vectors(void **state)
{
	static const char *const names[][2] = {
		{"sender unauthenticated, SSID 0x0102", "reflector unauthenticated (stateful), SSID 0x0102"},
		{"sender authenticated", "reflector authenticated"},
	};
	struct fizeau_st_key key = st_key();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_st_reflector *r =
			st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = i});
		uint8_t in[PACKETS_MAX], before[PACKETS_MAX], want[PACKETS_MAX];
		size_t len = st_vector(names[i][0], "wire", in);

		memcpy(before, in, len);
		assert_int_equal(st_vector(names[i][1], "wire", want), len);
		advance(r, in, len);
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
		assert_int_equal(reply.octets, len);
		assert_int_equal(reply.dscp, 46);
		assert_int_equal(reply.seq, ST_REFLECTOR_SEQ);
		assert_memory_equal(out, want, len);
		assert_memory_equal(in, before, len);
		assert_int_equal(fizeau_st_ssid(in, len, i == 1), ST_SSID);
		fizeau_st_reflector_free(r);
	}
}

/*= rfc8762#section-4.4 ST-4.4-03 */
static void every_flipped_bit_of_an_authenticated_packet_stays_unanswered(void **state)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_reflector *r = st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = 1});
	uint8_t in[PACKETS_MAX];
	size_t len = st_vector("sender authenticated", "wire", in);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		in[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), FIZEAU_ERR_HMAC);
		in[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), 0);
	assert_int_equal(reply.seq, 0);
	fizeau_st_reflector_free(r);
}

/*= rfc8762#section-4.4 ST-4.4-02 */
static void the_first_packet_settles_the_key(void **state)
{
	struct fizeau_st_key keys[FIZEAU_ST_KEYS_MAX + 1];
	struct fizeau_st_reflector *r;
	struct st_tlvs packets[FIZEAU_ST_KEYS_MAX];

	(void)state;
	for (size_t i = 0; i <= FIZEAU_ST_KEYS_MAX; i++)
		keys[i] = (struct fizeau_st_key){.key = {(uint8_t)(i + 1), 1}, .octets = i + 1};
	for (size_t i = 0; i < FIZEAU_ST_KEYS_MAX; i++)
		st_tlvs_begin(&packets[i], ST_SEQ, &keys[i]);
	for (size_t settled = 0; settled < FIZEAU_ST_KEYS_MAX; settled++) {
		uint8_t field[16];

		r = st_reflector(&(struct fizeau_st_reflector_config){.keys = keys, .key_count = FIZEAU_ST_KEYS_MAX});
		assert_int_equal(st_reflect(r, packets[settled].octets, 112, out, sizeof(out), &reply), 0);
		st_hmac_once(&keys[settled], out, 0, 0, field);
		assert_memory_equal(out + 96, field, 16);
		for (size_t i = 0; i < FIZEAU_ST_KEYS_MAX; i++)
			assert_int_equal(st_reflect(r, packets[i].octets, 112, out, sizeof(out), &reply),
				i == settled ? 0 : FIZEAU_ERR_HMAC);
		fizeau_st_reflector_free(r);
	}
	assert_null(fizeau_st_reflector_new(
		&(struct fizeau_st_reflector_config){.keys = keys, .key_count = FIZEAU_ST_KEYS_MAX + 1}));
	assert_null(fizeau_st_reflector_new(&(struct fizeau_st_reflector_config){.open_hmac_tlv = true}));
	keys[1].octets = 0;
	assert_null(fizeau_st_reflector_new(&(struct fizeau_st_reflector_config){.keys = keys, .key_count = 2}));
	keys[1].octets = FIZEAU_ST_KEY_MAX + 1;
	assert_null(fizeau_st_reflector_new(&(struct fizeau_st_reflector_config){.keys = keys, .key_count = 2}));
	keys[1].octets = FIZEAU_ST_KEY_MAX;
	r = st_reflector(&(struct fizeau_st_reflector_config){.keys = keys, .key_count = 2});
	fizeau_st_reflector_free(r);
}

/* Garbage in MBZ, under the HMAC where there is one. */
/*= rfc8762#section-4.2.1 ST-4.2.1-07 */
/*= rfc8762#section-4.2.2 ST-4.2.2-02 */
static void mbz_is_ignored_and_zero(void **state)
{
	struct fizeau_st_key key = st_key();

	(void)state;
	for (size_t keyed = 0; keyed < 2; keyed++) {
		struct fizeau_st_reflector *r =
			st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = keyed});
		struct st_tlvs p;
		uint8_t want[PACKETS_MAX];

		st_tlvs_begin(&p, ST_SEQ, keyed ? &key : NULL);
		assert_int_equal(st_reflect(r, p.octets, p.len, want, sizeof(want), &reply), 0);
		for (size_t at = keyed ? 28 : 16; at < (keyed ? 96 : 44); at++)
			p.octets[at] = (uint8_t)(at * 37 + 1);
		for (size_t at = 4; keyed && at < 16; at++)
			p.octets[at] = 0xee;
		if (keyed)
			st_hmac_once(&key, p.octets, 0, 0, p.octets + 96);
		assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
		want[3]++;
		assert_memory_equal(out, want, keyed ? 96 : 44);
		fizeau_st_reflector_free(r);
	}
}

/*= rfc8762#section-4 ST-4-01 ST-4-02 */
/*= rfc8762#section-4.3.1 ST-4.3.1-02 */
static void numbers_are_counted_or_copied(void **state)
{
	(void)state;
	for (unsigned stateless = 0; stateless < 2; stateless++) {
		struct fizeau_st_reflector *r =
			st_reflector(&(struct fizeau_st_reflector_config){.stateless = stateless != 0});

		for (uint32_t n = 0; n < 50; n++) {
			uint32_t seq = n * 0x01010103; /* a gap, as of lost packets */
			struct st_tlvs p;

			st_tlvs_begin(&p, seq, NULL);
			assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
			assert_int_equal(reply.seq, stateless ? seq : n);
			assert_memory_equal(out + 24, p.octets, 4);
			if (stateless)
				assert_memory_equal(out, p.octets, 4);
			else
				assert_int_equal(out[3], n);
		}
		fizeau_st_reflector_free(r);
	}
}

/*= rfc8762#section-4.2.1 ST-4.2.1-03 ST-4.2.1-05 */
/*= rfc8762#section-4.3.1 ST-4.3.1-03 */
/*= rfc8762#section-4.6 ST-4.6-04 */
static void ptp_stamps_and_those_for_light_senders(void **state)
{
	static const uint8_t light[FIZEAU_ST_LIGHT_REFLECTOR] = {[3] = 1};
	struct fizeau_st_reflector *r =
		st_reflector(&(struct fizeau_st_reflector_config){.format = {.ptp = true, .tai_utc_s = 37}});
	uint64_t t2 = fizeau_ptp_from_ntp(packets_t2.ntp, 37), t3 = fizeau_ptp_from_ntp(packets_t3.ntp, 37);
	struct st_tlvs p;

	(void)state;
	st_tlvs_begin(&p, ST_SEQ, NULL);
	assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(out[4 + i], (uint8_t)(t3 >> 8 * (7 - i)));
		assert_int_equal(out[16 + i], (uint8_t)(t2 >> 8 * (7 - i)));
	}
	assert_int_equal(out[12], (packets_t3.error >> 8) | 0x40);
	/* The sender's go back as they are. */
	assert_memory_equal(out + 28, p.octets + 4, 10);
	assert_int_equal(st_reflect(r, light, sizeof(light), out, sizeof(out), &reply), 0);
	assert_int_equal(out[12], packets_t3.error >> 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(out[4 + i], (uint8_t)(packets_t3.ntp >> 8 * (7 - i)));
		assert_int_equal(out[16 + i], (uint8_t)(packets_t2.ntp >> 8 * (7 - i)));
	}
	fizeau_st_reflector_free(r);
}

/*= rfc8762#section-4 ST-4-03 */
/*= rfc8762#section-4.3 ST-4.3-01 */
/*= rfc8762#section-4.6 ST-4.6-01 ST-4.6-02 */
static void lengths_come_back_and_never_more(void **state)
{
	struct fizeau_st_key key = st_key();
	static uint8_t in[FIZEAU_TEST_PACKET_MAX + 1];

	(void)state;
	memset(in, 0x5a, sizeof(in));
	for (unsigned kind = 0; kind < 3; kind++) {
		struct fizeau_st_reflector *r = st_reflector(&(struct fizeau_st_reflector_config){
			.keys = &key, .key_count = kind == 2, .answer_short = kind == 1});

		if (kind == 2)
			assert_int_equal(st_vector("sender authenticated", "wire", in), 112);
		for (size_t len = 0; len <= 1500; len++) {
			size_t want = len >= 44 ? len : len >= 41 && kind == 0 ? len : len >= 14 && kind == 1 ? 44 : 0;

			if (kind == 2)
				want = len >= 112 ? len : 0;
			memset(out, 0x77, 1600);
			if (want == 0) {
				assert_int_equal(st_reflect(r, in, len, out, sizeof(out), &reply), FIZEAU_ERR_LENGTH);
				continue;
			}
			assert_int_equal(st_reflect(r, in, len, out, want - 1, &reply), FIZEAU_ERR_LENGTH);
			assert_int_equal(st_reflect(r, in, len, out, want, &reply), 0);
			assert_int_equal(reply.octets, want);
			assert_int_equal(out[want], 0x77);
			if (kind < 2) {
				assert_int_equal(out[40], ST_TTL);
				assert_memory_equal(out + 28, in + 4, 10);
				/* What is too short for STAMP has no SSID, but padding. */
				assert_int_equal(out[14], len < 44 ? 0 : 0x5a);
			}
			if (len > 112)
				assert_memory_equal(out + 112, in + 112, len - 112);
		}
		assert_int_equal(st_reflect(r, in, FIZEAU_TEST_PACKET_MAX, out, sizeof(out), &reply), 0);
		assert_int_equal(st_reflect(r, in, sizeof(in), out, sizeof(out), &reply), FIZEAU_ERR_LENGTH);
		fizeau_st_reflector_free(r);
	}
}

/*= rfc8972#section-3 SX-3-01 SX-3-07 */
static void ssids_are_found_and_copied(void **state)
{
	struct fizeau_st_reflector *r = st_reflector(&(struct fizeau_st_reflector_config){0});
	struct st_tlvs p;

	(void)state;
	st_tlvs_begin(&p, ST_SEQ, NULL);
	for (unsigned ssid = 0; ssid <= 0xffff; ssid += 0x101) {
		p.octets[14] = (uint8_t)(ssid >> 8);
		p.octets[15] = (uint8_t)ssid;
		assert_int_equal(fizeau_st_ssid(p.octets, p.len, false), ssid);
		assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
		assert_memory_equal(out + 14, p.octets + 14, 2);
	}
	assert_int_equal(fizeau_st_ssid(p.octets, 43, false), 0);
	assert_int_equal(fizeau_st_ssid(p.octets, 0, false), 0);
	fizeau_st_reflector_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reflections_are_the_vectors),
		cmocka_unit_test(every_flipped_bit_of_an_authenticated_packet_stays_unanswered),
		cmocka_unit_test(the_first_packet_settles_the_key),
		cmocka_unit_test(mbz_is_ignored_and_zero),
		cmocka_unit_test(numbers_are_counted_or_copied),
		cmocka_unit_test(ptp_stamps_and_those_for_light_senders),
		cmocka_unit_test(lengths_come_back_and_never_more),
		cmocka_unit_test(ssids_are_found_and_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
