/* SPDX-License-Identifier: MIT */
/* The sender of STAMP and TWAMP Light, and its packets with TLVs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_packets.h"
#include <cmocka.h>

static struct fizeau_st_reflection reflection;

/*= rfc8762#section-4.2 ST-4.2-01 */
/*= rfc8762#section-4.2.1 ST-4.2.1-06 */
/*= rfc8762#section-4.2.2 ST-4.2.2-01 */
/*= rfc8762#section-4.4 ST-4.4-01 */
/*= rfc8972#section-3 SX-3-01 SX-3-03 */
static void packets_are_the_vectors(void **state)
{
	static const char *const names[] = {"sender unauthenticated, SSID 0x0102", "sender authenticated"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_st_sender_config config = {.ssid = ST_SSID};
		struct fizeau_st_sender *sender;
		uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
		size_t len = st_vector(names[i], "wire", want);

		if (i == 1)
			config.key = st_key();
		sender = st_sender(&config);
		assert_int_equal(st_send(sender, ST_SEQ, got, sizeof(got)), len);
		assert_memory_equal(got, want, len);
		fizeau_st_sender_free(sender);
	}
}

/*= rfc8762#section-4.3.1 ST-4.3.1-01 */
/*= rfc8762#section-4.3.2 ST-4.3.2-01 */
static void reflections_of_the_vectors_are_read(void **state)
{
	static const char *const names[] = {"reflector unauthenticated (stateful), SSID 0x0102", "reflector authenticated"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_st_sender_config config = {.ssid = ST_SSID};
		struct fizeau_st_sender *sender;
		uint8_t octets[PACKETS_MAX];
		size_t len = st_vector(names[i], "wire", octets);

		if (i == 1)
			config.key = st_key();
		sender = st_sender(&config);
		assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), 0);
		assert_int_equal(reflection.base.seq, ST_REFLECTOR_SEQ);
		assert_int_equal(reflection.base.sender_seq, ST_SEQ);
		assert_true(reflection.base.sender_ntp == packets_t1.ntp);
		assert_true(reflection.base.receive_ntp == packets_t2.ntp);
		assert_true(reflection.base.reflect_ntp == packets_t3.ntp);
		assert_int_equal(reflection.base.sender_error, packets_t1.error);
		assert_int_equal(reflection.base.reflector_error, packets_t3.error);
		assert_int_equal(reflection.base.sender_ttl, ST_TTL);
		assert_int_equal(reflection.ssid, ST_SSID);
		fizeau_st_sender_free(sender);
	}
}

/*= rfc8972#section-4 SX-4-03 */
/*= rfc8972#section-4.1 SX-4.1-01 SX-4.1-02 */
/*= rfc8972#section-4.4 SX-4.4-04 */
/*= rfc8972#section-4.8 SX-4.8-02 SX-4.8-03 SX-4.8-06 */
static void the_packet_with_tlvs_is_the_vector(void **state)
{
	struct fizeau_st_sender_config config = {.key = st_key(),
		.open_hmac_tlv = true,
		.ssid = ST_SSID,
		.tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_CLASS_OF_SERVICE),
		.dscp = 46,
		.padding_octets = 8};
	struct fizeau_st_sender *sender = st_sender(&config);
	uint8_t want[PACKETS_MAX], got[PACKETS_MAX];
	size_t len = st_vector("sender unauthenticated + CoS TLV + HMAC TLV + Extra Padding TLV (that order)", "wire", want);

	(void)state;
	assert_int_equal(st_send(sender, ST_SEQ, got, sizeof(got)), len);
	assert_memory_equal(got, want, len - 8);
	fizeau_st_sender_free(sender);
}

/*= rfc8972#section-4.1 SX-4.1-01 */
static void padding_is_as_configured(void **state)
{
	struct fizeau_st_sender_config config = {.padding_octets = 200, .padding_seed = {1}, .ssid = ST_SSID};
	static uint8_t packets[3][300], zeros[200];
	struct fizeau_st_sender *sender = st_sender(&config);

	(void)state;
	assert_int_equal(st_send(sender, 0, packets[0], 300), 248);
	assert_int_equal(st_send(sender, 1, packets[1], 300), 248);
	fizeau_st_sender_free(sender);
	assert_memory_equal(packets[0] + 44, "\x80\x01\0\xc8", 4);
	assert_memory_not_equal(packets[0] + 48, zeros, 200);
	assert_memory_not_equal(packets[0] + 48, packets[1] + 48, 200);
	config.padding_seed[0] = 2;
	sender = st_sender(&config);
	st_send(sender, 0, packets[2], 300);
	fizeau_st_sender_free(sender);
	assert_memory_not_equal(packets[0] + 48, packets[2] + 48, 200);
	config.zero_padding = true;
	sender = st_sender(&config);
	st_send(sender, 0, packets[2], 300);
	assert_memory_equal(packets[2] + 44, "\x80\x01\0\xc8", 4);
	assert_memory_equal(packets[2] + 48, zeros, 200);
	fizeau_st_sender_free(sender);
}

static void configurations_that_are_none(void **state)
{
	const struct fizeau_st_sender_config wrong[] = {
		{.light = true, .ssid = 1}, {.light = true, .key = st_key()},
		{.light = true, .tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_LOCATION)}, {.open_hmac_tlv = true},
		{.tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_EXTRA_PADDING)}, {.tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_HMAC)},
		{.tlvs = 1}, {.tlvs = 1u << 31}, {.dscp = 64}, {.access_id = 16},
		{.padding_octets = FIZEAU_TEST_PACKET_MAX - 44 - 4 + 1}, {.padding_octets = UINT32_MAX},
		{.key = {.octets = FIZEAU_ST_KEY_MAX + 1}},
		{.light = true, .padding_octets = FIZEAU_TEST_PACKET_MAX - 14 + 1},
		{.key = st_key(), .tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_LOCATION),
			.padding_octets = FIZEAU_TEST_PACKET_MAX - 112 - 60 - 20 - 4 + 1},
	};
	const struct fizeau_st_sender_config largest[] = {
		{.padding_octets = FIZEAU_TEST_PACKET_MAX - 44 - 4},
		{.light = true, .padding_octets = FIZEAU_TEST_PACKET_MAX - 14},
		{.key = st_key(), .tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_LOCATION),
			.padding_octets = FIZEAU_TEST_PACKET_MAX - 112 - 60 - 20 - 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(fizeau_st_sender_new(&wrong[i]));
	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		struct fizeau_st_sender *sender = st_sender(&largest[i]);

		assert_int_equal(fizeau_st_sender_octets(sender), FIZEAU_TEST_PACKET_MAX);
		fizeau_st_sender_free(sender);
	}
}

/*= rfc8762#section-4.4 ST-4.4-03 */
static void every_flipped_bit_of_an_authenticated_reflection_is_seen(void **state)
{
	struct fizeau_st_sender *sender =
		st_sender(&(struct fizeau_st_sender_config){.key = st_key(), .ssid = ST_SSID});
	uint8_t octets[PACKETS_MAX];
	size_t len = st_vector("reflector authenticated", "wire", octets);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), FIZEAU_ERR_HMAC);
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), 0);
	fizeau_st_sender_free(sender);
}

/* By session: shortest and longest reflection that is read. */
/*= rfc8762#section-4.6 ST-4.6-01 */
static void lengths_of_reflections(void **state)
{
	const struct {
		struct fizeau_st_sender_config config;
		size_t least, most;
	} cases[] = {
		{{.ssid = ST_SSID}, 41, 71},
		{{.ssid = ST_SSID, .padding_octets = 100}, 41, 148 + 27},
		{{.light = true}, 41, 44},
		{{.light = true, .padding_octets = 2}, 41, 44},
		{{.light = true, .padding_octets = 30}, 41, 71},
		{{.light = true, .padding_octets = 1000}, 41, 1041},
		{{.ssid = ST_SSID, .key = st_key()}, 112, 112},
		{{.ssid = ST_SSID, .key = st_key(), .padding_octets = 60}, 112, 176},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fizeau_st_sender *sender = st_sender(&cases[i].config);
		bool keyed = cases[i].config.key.octets > 0;
		uint8_t octets[1500] = {0};

		st_vector(keyed ? "reflector authenticated" : "reflector unauthenticated (stateful), SSID 0x0102", "wire", octets);
		for (size_t len = 0; len <= sizeof(octets); len++) {
			int want = len >= cases[i].least && len <= cases[i].most ? 0 : FIZEAU_ERR_LENGTH;

			assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), want);
			if (want == 0)
				assert_true(reflection.base.sender_ntp == packets_t1.ntp);
		}
		fizeau_st_sender_free(sender);
	}
}

/*= rfc8972#section-3 SX-3-03 SX-3-08 */
static void ssids_of_reflections(void **state)
{
	struct fizeau_st_sender *sender = st_sender(&(struct fizeau_st_sender_config){.ssid = ST_SSID});
	struct fizeau_st_sender *without = st_sender(&(struct fizeau_st_sender_config){.ssid = 0});
	struct fizeau_st_sender *light = st_sender(&(struct fizeau_st_sender_config){.light = true});
	uint8_t octets[PACKETS_MAX];
	size_t len = st_vector("reflector unauthenticated (stateful), SSID 0x0102", "wire", octets);

	(void)state;
	for (unsigned ssid = 0; ssid <= 0xffff; ssid++) {
		octets[14] = (uint8_t)(ssid >> 8);
		octets[15] = (uint8_t)ssid;
		assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection),
			ssid == 0 || ssid == ST_SSID ? 0 : FIZEAU_ERR_SSID);
		if (ssid == 0 || ssid == ST_SSID)
			assert_int_equal(reflection.ssid, ssid);
		/* Whoever sent none may get a Member ID, or anything. */
		assert_int_equal(fizeau_st_sender_reflection(without, octets, len, &reflection), 0);
		assert_int_equal(reflection.ssid, 0);
		assert_int_equal(fizeau_st_sender_reflection(light, octets, len, &reflection), 0);
		assert_int_equal(reflection.ssid, 0);
	}
	fizeau_st_sender_free(sender);
	fizeau_st_sender_free(without);
	fizeau_st_sender_free(light);
}

static void put_u64(uint8_t *to, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> 8 * (7 - i));
}

/* Sender and reflector each with its format, as Z says. */
/*= rfc8762#section-4.2.1 ST-4.2.1-02 ST-4.2.1-03 ST-4.2.1-04 ST-4.2.1-05 */
/*= rfc8186#section-2.3 PT-2.3-01 PT-2.3-02 PT-2.3-03 */
static void stamps_of_either_format(void **state)
{
	(void)state;
	for (unsigned formats = 0; formats < 4; formats++) {
		bool sender_ptp = formats & 1, reflector_ptp = formats & 2;
		struct fizeau_st_sender *sender = st_sender(&(struct fizeau_st_sender_config){
			.ssid = ST_SSID, .format = {.ptp = sender_ptp, .tai_utc_s = 37}});
		uint8_t packet[44], octets[PACKETS_MAX];
		size_t len = st_vector("reflector unauthenticated (stateful), SSID 0x0102", "wire", octets);

		assert_int_equal(st_send(sender, 0, packet, sizeof(packet)), 44);
		assert_int_equal(packet[12], sender_ptp ? 0xca : 0x8a);
		memcpy(octets + 28, packet + 4, 10);
		if (reflector_ptp) {
			octets[12] |= 0x40;
			put_u64(octets + 4, fizeau_ptp_from_ntp(packets_t3.ntp, 37));
			put_u64(octets + 16, fizeau_ptp_from_ntp(packets_t2.ntp, 37));
		}
		assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), 0);
		assert_in_range(fizeau_ntp_diff_ns(reflection.base.sender_ntp, packets_t1.ntp) + 1, 0, 2);
		assert_in_range(fizeau_ntp_diff_ns(reflection.base.receive_ntp, packets_t2.ntp) + 1, 0, 2);
		assert_in_range(fizeau_ntp_diff_ns(reflection.base.reflect_ntp, packets_t3.ntp) + 1, 0, 2);
		assert_int_equal(fizeau_error_estimate_ptp(reflection.base.reflector_error), reflector_ptp);
		assert_int_equal(fizeau_error_estimate_ptp(reflection.base.sender_error), sender_ptp);
		/* Nanoseconds that are none. */
		if (reflector_ptp) {
			put_u64(octets + 16, 1000000000);
			assert_int_equal(
				fizeau_st_sender_reflection(sender, octets, len, &reflection), FIZEAU_ERR_ESTIMATE);
		}
		octets[13] = 0; /* Multiplier */
		assert_int_equal(fizeau_st_sender_reflection(sender, octets, len, &reflection), FIZEAU_ERR_ESTIMATE);
		fizeau_st_sender_free(sender);
	}
}

/*= rfc8762#section-4.6 ST-4.6-02 */
static void light_packets_are_short_and_end_in_padding(void **state)
{
	struct fizeau_st_sender_config config = {.light = true, .padding_octets = 27, .zero_padding = true};
	struct fizeau_st_sender *sender = st_sender(&config);
	uint8_t packet[64], base[PACKETS_MAX], zeros[27] = {0};

	(void)state;
	st_vector("sender unauthenticated, SSID 0x0102", "wire", base);
	assert_int_equal(st_send(sender, ST_SEQ, packet, sizeof(packet)), 41);
	assert_memory_equal(packet, base, 14);
	assert_memory_equal(packet + 14, zeros, 27);
	fizeau_st_sender_free(sender);
	config.zero_padding = false;
	sender = st_sender(&config);
	assert_int_equal(st_send(sender, ST_SEQ, packet, sizeof(packet)), 41);
	assert_memory_equal(packet, base, 14);
	assert_memory_not_equal(packet + 14, zeros, 27);
	fizeau_st_sender_free(sender);
}

/* Without a report packets are as long as with one, and the count of Direct Measurement goes by the number. */
/*= rfc8972#section-4.6 SX-4.6-02 */
static void a_report_is_in_some_packets(void **state)
{
	static const uint8_t direct[] = {0x80, 5, 0, 12, 0, 0, 0, 8}, report[] = {0x80, 6, 0, 4, 0x10, 2, 0, 0},
			     padding[] = {0x80, 1, 0, 4, 0, 0, 0, 0}, follow_up[] = {0x80, 7, 0, 16, 0};
	struct fizeau_st_sender_config config = {
		.tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_DIRECT_MEASUREMENT) | FIZEAU_ST_TLV_BIT(FIZEAU_ST_ACCESS_REPORT) |
			FIZEAU_ST_TLV_BIT(FIZEAU_ST_FOLLOW_UP),
		.access_id = FIZEAU_ST_ACCESS_3GPP,
		.access_return_code = FIZEAU_ST_NETWORK_UNAVAILABLE,
	};
	struct fizeau_st_sender *sender = st_sender(&config);
	uint8_t got[PACKETS_MAX];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool carried = i % 2 == 0;

		if (i > 0)
			fizeau_st_sender_report(sender, carried);
		assert_int_equal(st_send(sender, ST_SEQ, got, sizeof(got)), 44 + 16 + 8 + 20);
		assert_memory_equal(got + 44, direct, sizeof(direct));
		assert_memory_equal(got + 60, carried ? report : padding, 8);
		assert_memory_equal(got + 68, follow_up, sizeof(follow_up));
	}
	fizeau_st_sender_free(sender);
	config.tlvs = 0;
	sender = st_sender(&config);
	fizeau_st_sender_report(sender, false);
	assert_int_equal(st_send(sender, ST_SEQ, got, sizeof(got)), 44);
	fizeau_st_sender_free(sender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_the_vectors),
		cmocka_unit_test(reflections_of_the_vectors_are_read),
		cmocka_unit_test(the_packet_with_tlvs_is_the_vector),
		cmocka_unit_test(padding_is_as_configured),
		cmocka_unit_test(configurations_that_are_none),
		cmocka_unit_test(every_flipped_bit_of_an_authenticated_reflection_is_seen),
		cmocka_unit_test(lengths_of_reflections),
		cmocka_unit_test(ssids_of_reflections),
		cmocka_unit_test(stamps_of_either_format),
		cmocka_unit_test(light_packets_are_short_and_end_in_padding),
		cmocka_unit_test(a_report_is_in_some_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
