/* SPDX-License-Identifier: MIT */
/* What the feature bits of TWAMP make of test packets (RFC 6038, RFC 7750, RFC 8186), with the readings of wire.md T-19 to T-27:
   formats octet by octet, every combination from sender to reflector and back, and what is tolerated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "lib/wire/test_twamp.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define REFLECT FIZEAU_MODE_REFLECT_OCTETS
#define SYMMETRICAL FIZEAU_MODE_SYMMETRICAL
#define DSCP_ECN FIZEAU_MODE_DSCP_ECN
#define PTP FIZEAU_MODE_PTP
#define TAI_UTC 37
#define TOS 0xb9 /* DSCP 46, ECT(1) */
#define TTL 0x3b
#define OCTETS_MAX 1600
#define LENGTH 8 /* to reflect */
#define SERVER_OCTETS 0x5aa5

/* Every combination of the four bits. */
static uint32_t features_of(unsigned int n)
{
	return ((n & 1) != 0 ? REFLECT : 0u) | ((n & 2) != 0 ? SYMMETRICAL : 0u) | ((n & 4) != 0 ? DSCP_ECN : 0u) |
		((n & 8) != 0 ? PTP : 0u);
}

static struct fizeau_sender *sender_with(enum fizeau_test_mode mode, struct fizeau_test_features features, uint32_t padding)
{
	struct fizeau_sender_config config = {
		.mode = mode, .features = features, .padding_octets = padding, .padding_seed = {1, 2, 3, 4, 5, 6, 7, 8}};

	packets_keys(&config.keys);
	return fizeau_sender_new(&config);
}

static struct fizeau_reflector *reflector_with(enum fizeau_test_mode mode, struct fizeau_test_features features)
{
	struct fizeau_reflector_config config = {.mode = mode, .features = features};
	struct fizeau_reflector *reflector;

	packets_keys(&config.keys);
	reflector = fizeau_reflector_new(&config);
	assert_non_null(reflector);
	return reflector;
}

static size_t make(struct fizeau_sender *sender, uint32_t seq, uint8_t *octets)
{
	assert_non_null(sender);
	assert_int_equal(fizeau_sender_prepare(sender, seq, octets), 0);
	assert_int_equal(fizeau_sender_finish(sender, octets, packets_t1), 0);
	return fizeau_sender_octets(sender);
}

static int reflect(struct fizeau_reflector *reflector, const uint8_t *in, size_t len, uint8_t *out)
{
	int octets = fizeau_reflector_reflect(reflector, in, len, packets_t2, TTL, TOS, out, OCTETS_MAX);

	if (octets >= 0)
		assert_int_equal(fizeau_reflector_finish(reflector, out, packets_t3), 0);
	return octets;
}

/* The same moment, to the nanosecond that PTP has. */
static void same_moment(uint64_t got, uint64_t want)
{
	assert_in_range(fizeau_ntp_diff_ns(got, want) + 1, 0, 2);
}

/*= rfc6038#section-5.1.2 RO-5.1.2-01 */
/*= rfc6038#section-5.1.4 RO-5.1.4-01 RO-5.1.4-02 RO-5.1.4-03 */
/*= rfc7750#section-2.2 DE-2.2-01 */
/*= rfc7750#section-2.2.1 DE-2.2.1-03 DE-2.2.1-04 */
/*= rfc7750#section-2.2.2 DE-2.2.2-01 DE-2.2.2-02 */
static void headers_and_least_paddings_are_those_of_the_rfcs(void **state)
{
	static const struct {
		enum fizeau_test_mode mode;
		uint32_t modes;
		size_t sender, reflector;
		uint32_t least, least_8; /* Padding Length, with a length to reflect of 0 and 8 */
	} rows[] = {
		{FIZEAU_TEST_OPEN, 0, 14, 41, 27, 27},
		{FIZEAU_TEST_OPEN, PTP, 14, 41, 27, 27},
		{FIZEAU_TEST_OPEN, REFLECT, 14, 41, 27, 35},
		{FIZEAU_TEST_OPEN, SYMMETRICAL, 41, 41, 0, 0},
		{FIZEAU_TEST_OPEN, SYMMETRICAL | REFLECT, 41, 41, 1, 9},
		{FIZEAU_TEST_OPEN, DSCP_ECN, 14, 44, 30, 30},
		{FIZEAU_TEST_OPEN, DSCP_ECN | REFLECT, 14, 44, 30, 38},
		{FIZEAU_TEST_OPEN, DSCP_ECN | SYMMETRICAL, 44, 44, 0, 0},
		{FIZEAU_TEST_OPEN, DSCP_ECN | SYMMETRICAL | REFLECT, 44, 44, 1, 9},
		{FIZEAU_TEST_AUTHENTICATED, 0, 48, 112, 64, 64},
		{FIZEAU_TEST_AUTHENTICATED, REFLECT | DSCP_ECN | PTP, 48, 112, 64, 72},
		{FIZEAU_TEST_AUTHENTICATED, SYMMETRICAL | DSCP_ECN, 112, 112, 0, 0},
		{FIZEAU_TEST_ENCRYPTED, REFLECT, 48, 112, 64, 72},
		{FIZEAU_TEST_ENCRYPTED, SYMMETRICAL | REFLECT, 112, 112, 1, 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fizeau_sender_header_octets(rows[i].mode, rows[i].modes), rows[i].sender);
		assert_int_equal(fizeau_reflector_header_octets(rows[i].mode, rows[i].modes), rows[i].reflector);
		assert_int_equal(fizeau_test_padding_least(rows[i].mode, rows[i].modes, 0), rows[i].least);
		assert_int_equal(fizeau_test_padding_least(rows[i].mode, rows[i].modes, 8), rows[i].least_8);
	}
}

/* From tests/vectors/test_packets.json: the reflection with S-DSCP-ECN. */
/*= rfc7750#section-2.2.1 DE-2.2.1-01 DE-2.2.1-02 DE-2.2.1-03 DE-2.2.1-04 */
static void s_dscp_ecn_is_the_vector(void **state)
{
	static const struct {
		enum fizeau_test_mode mode;
		const char *name;
	} rows[] = {
		{FIZEAU_TEST_OPEN, "reflector unauthenticated with S-DSCP-ECN (RFC 7750)"},
		{FIZEAU_TEST_ENCRYPTED, "reflector encrypted with S-DSCP-ECN"},
	};
	json_t *group = vectors_group("test_packets.json", "test_packets");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fizeau_reflector *reflector =
			reflector_with(rows[i].mode, (struct fizeau_test_features){.modes = DSCP_ECN});
		const json_t *v = element_with(group, "name", rows[i].name);
		uint8_t in[PACKETS_MAX], out[OCTETS_MAX], want[PACKETS_MAX];
		size_t len = packets_vector("sender", rows[i].mode, "wire", in);
		size_t octets = member_hex_upto(v, "wire", want, sizeof(want));

		if (octets > len)
			len = octets;
		/* It is the fourth of its session. */
		for (int n = 0; n < 4; n++)
			assert_true(reflect(reflector, in, len, out) > 0);
		assert_memory_equal(out, want, octets);
		fizeau_reflector_free(reflector);
	}
	json_decref(group);
}

/*= rfc7750#section-2.2.1 DE-2.2.1-01 DE-2.2.1-02 DE-2.2.1-05 */
static void every_tos_octet_is_told_packet_by_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct fizeau_test_features features = {.modes = DSCP_ECN};
		struct fizeau_reflector *reflector = reflector_with(packets_modes[i], features);
		struct fizeau_sender *sender = sender_with(packets_modes[i], features, 64);
		uint8_t in[OCTETS_MAX], out[OCTETS_MAX];
		struct fizeau_reflection reflection;

		for (unsigned int tos = 0; tos < 256; tos++) {
			size_t len = make(sender, tos, in);
			int octets = fizeau_reflector_reflect(
				reflector, in, len, packets_t2, TTL, (uint8_t)tos, out, sizeof(out));

			assert_true(octets > 0);
			assert_int_equal(fizeau_reflector_finish(reflector, out, packets_t3), 0);
			assert_int_equal(fizeau_sender_reflection(sender, out, (size_t)octets, &reflection), 0);
			assert_int_equal(reflection.sender_tos, tos);
			assert_int_equal(reflection.sender_ttl, TTL);
			if (packets_modes[i] == FIZEAU_TEST_OPEN) {
				assert_int_equal(out[41], tos);
				assert_int_equal(out[42] | out[43], 0);
			} else if (packets_modes[i] == FIZEAU_TEST_AUTHENTICATED) {
				assert_int_equal(out[81], tos);
			}
		}
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

/* The octets of a sender's packet that are neither fields nor HMAC, by RFC 6038 and erratum 5549. */
/*= rfc6038#section-1 RO-1-02 */
/*= rfc6038#section-5.1.4 RO-5.1.4-01 RO-5.1.4-02 */
/*= rfc6038#section-5.1.5 RO-5.1.5-01 */
static void symmetrical_packets_have_mbz_before_their_padding(void **state)
{
	static const uint8_t zeros[112];

	(void)state;
	for (unsigned int n = 0; n < 16; n++) {
		for (size_t i = 0; i < 3; i++) {
			enum fizeau_test_mode mode = packets_modes[i];
			const struct fizeau_test_features features = {
				.modes = features_of(n), .reflect_length = LENGTH, .server_octets = SERVER_OCTETS};
			struct fizeau_sender *sender = sender_with(mode, features, 200), *plain;
			size_t from = mode == FIZEAU_TEST_OPEN ? 14 : 48;
			size_t to = mode != FIZEAU_TEST_OPEN ? 112 : (features.modes & DSCP_ECN) != 0 ? 44 : 41;
			uint8_t octets[OCTETS_MAX], of_plain[OCTETS_MAX];

			if ((features.modes & SYMMETRICAL) == 0)
				to = from;
			assert_int_equal(make(sender, 7, octets), to + 200);
			assert_memory_equal(octets + from, zeros, to - from);
			/* Before that the packet is what it is without, HMAC included. */
			plain = sender_with(mode, (struct fizeau_test_features){.modes = features.modes & PTP}, 200);
			make(plain, 7, of_plain);
			assert_memory_equal(octets, of_plain, from);
			if ((features.modes & REFLECT) != 0) {
				assert_int_equal(octets[to], SERVER_OCTETS >> 8);
				assert_int_equal(octets[to + 1], SERVER_OCTETS & 0xff);
				assert_memory_equal(octets + to + 2, of_plain + from + 2, 198);
			} else {
				assert_memory_equal(octets + to, of_plain + from, 200);
			}
			fizeau_sender_free(plain);
			fizeau_sender_free(sender);
		}
	}
}

/* From sender to reflector and back. */
/*= rfc6038#section-3 RO-3-01 RO-3-02 */
/*= rfc6038#section-4.2 RO-4.2-02 RO-4.2-04 */
/*= rfc6038#section-4.3 RO-4.3-05 */
/*= rfc6038#section-5.1.2 RO-5.1.2-02 RO-5.1.2-03 RO-5.1.2-04 */
/*= rfc6038#section-5.1.3 RO-5.1.3-01 RO-5.1.3-02 */
/*= rfc6038#section-5.2 RO-5.2-01 RO-5.2-02 */
/*= rfc6038#section-5.2.1 RO-5.2.1-01 RO-5.2.1-02 RO-5.2.1-03 RO-5.2.1-05 RO-5.2.1-06 */
/*= rfc6038#section-5.2.2 RO-5.2.2-01 RO-5.2.2-02 */
/*= rfc6038#section-5.2.3 RO-5.2.3-01 */
/*= rfc8186#section-2 PT-2-01 */
static void one_combination(enum fizeau_test_mode mode, uint32_t modes, uint32_t more)
{
	const struct fizeau_test_features features = {.modes = modes, .reflect_length = LENGTH,
		.server_octets = (modes & REFLECT) != 0 ? SERVER_OCTETS : 0, .tai_utc_s = TAI_UTC};
	uint32_t padding = fizeau_test_padding_least(mode, modes, LENGTH) + more;
	size_t head_out = fizeau_sender_header_octets(mode, modes), head_back = fizeau_reflector_header_octets(mode, modes);
	struct fizeau_sender *sender = sender_with(mode, features, padding);
	struct fizeau_reflector *reflector = reflector_with(mode, features);
	uint8_t out[OCTETS_MAX], back[OCTETS_MAX];
	struct fizeau_reflection reflection;

	for (uint32_t seq = 5; seq > 0; seq--) {
		size_t len = make(sender, seq, out);
		int octets = reflect(reflector, out, len, back);

		assert_int_equal(len, head_out + padding);
		assert_int_equal(octets, len);
		/* The padding's tail is cut by exactly what the headers differ. */
		assert_memory_equal(back + head_back, out + head_out, len - head_back);
		if ((modes & REFLECT) != 0)
			assert_memory_equal(back + head_back, "\x5a\xa5", 2);
		assert_int_equal(fizeau_sender_reflection(sender, back, len, &reflection), 0);
		assert_int_equal(reflection.seq, 5 - seq);
		assert_int_equal(reflection.sender_seq, seq);
		same_moment(reflection.sender_ntp, packets_t1.ntp);
		same_moment(reflection.receive_ntp, packets_t2.ntp);
		same_moment(reflection.reflect_ntp, packets_t3.ntp);
		assert_int_equal(reflection.sender_error, packets_t1.error | ((modes & PTP) != 0 ? 0x4000 : 0));
		assert_int_equal(reflection.reflector_error, packets_t3.error | ((modes & PTP) != 0 ? 0x4000 : 0));
		assert_int_equal(reflection.sender_ttl, TTL);
		assert_int_equal(reflection.sender_tos, (modes & DSCP_ECN) != 0 ? TOS : 0);
		assert_int_equal(reflection.padding_came_back, (modes & REFLECT) != 0);
	}
	fizeau_sender_free(sender);
	fizeau_reflector_free(reflector);
}

static void every_combination_goes_there_and_back(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 16; n++) {
		for (size_t i = 0; i < 3; i++) {
			one_combination(packets_modes[i], features_of(n), 0);
			one_combination(packets_modes[i], features_of(n), 1);
			one_combination(packets_modes[i], features_of(n), 1000);
		}
	}
}

/* What was to come back comes back changed, or is not there: told, and counted by whoever asked. */
/*= rfc6038#section-5.2.1 RO-5.2.1-02 */
static void padding_that_was_changed_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct fizeau_test_features features = {
			.modes = REFLECT, .reflect_length = 300, .server_octets = SERVER_OCTETS};
		struct fizeau_sender *sender = sender_with(packets_modes[i], features, 400);
		struct fizeau_reflector *reflector = reflector_with(packets_modes[i], features);
		size_t header = fizeau_reflector_header_octets(packets_modes[i], REFLECT);
		uint8_t out[OCTETS_MAX], back[OCTETS_MAX];
		struct fizeau_reflection reflection;
		size_t len = make(sender, 3, out);

		assert_int_equal(reflect(reflector, out, len, back), len);
		for (size_t at = header; at < len; at++) {
			back[at] ^= 0x10;
			assert_int_equal(fizeau_sender_reflection(sender, back, len, &reflection), 0);
			assert_int_equal(reflection.padding_came_back, at >= header + 300);
			back[at] ^= 0x10;
		}
		assert_int_equal(fizeau_sender_reflection(sender, back, header + 300, &reflection), 0);
		assert_true(reflection.padding_came_back);
		assert_int_equal(fizeau_sender_reflection(sender, back, header + 299, &reflection), 0);
		assert_false(reflection.padding_came_back);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
/*= rfc6038#section-4.3 RO-4.3-05 */
static void a_sender_needs_room_for_what_is_to_come_back(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 16; n++) {
		for (size_t i = 0; i < 3; i++) {
			struct fizeau_test_features features = {.modes = features_of(n), .reflect_length = 100};
			uint32_t least = fizeau_test_padding_least(packets_modes[i], features.modes, 100);
			struct fizeau_sender *sender = sender_with(packets_modes[i], features, least);

			assert_non_null(sender);
			fizeau_sender_free(sender);
			if ((features.modes & REFLECT) == 0)
				continue;
			assert_null(sender_with(packets_modes[i], features, least - 1));
			features.server_octets = SERVER_OCTETS;
			features.reflect_length = 1;
			assert_null(sender_with(packets_modes[i], features, 200));
			features.reflect_length = 2;
			sender = sender_with(packets_modes[i], features, 200);
			assert_non_null(sender);
			fizeau_sender_free(sender);
		}
	}
}

/* T-19, T-22: packets by the RFCs' own, wrong arithmetic, and one octet less than any reading has. */
/*= rfc6038#section-1 RO-1-03 */
/*= rfc7750#section-2.2.2 DE-2.2.2-02 */
static void symmetrical_packets_by_the_letter_are_tolerated(void **state)
{
	static const struct {
		enum fizeau_test_mode mode;
		uint32_t modes;
		size_t least, header;
	} rows[] = {
		{FIZEAU_TEST_OPEN, SYMMETRICAL, 41, 41},
		{FIZEAU_TEST_OPEN, SYMMETRICAL | DSCP_ECN, 41, 44},
		{FIZEAU_TEST_AUTHENTICATED, SYMMETRICAL, 104, 112},
		{FIZEAU_TEST_ENCRYPTED, SYMMETRICAL | DSCP_ECN, 104, 112},
		/* Not symmetrical: any padding will do. */
		{FIZEAU_TEST_OPEN, DSCP_ECN, 14, 44},
		{FIZEAU_TEST_ENCRYPTED, 0, 48, 112},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fizeau_test_features features = {.modes = rows[i].modes};
		struct fizeau_sender *sender = sender_with(rows[i].mode, features, 200);
		struct fizeau_reflector *reflector = reflector_with(rows[i].mode, features);
		size_t fields = rows[i].mode == FIZEAU_TEST_OPEN ? 14 : 48;
		uint8_t in[OCTETS_MAX], out[OCTETS_MAX];

		make(sender, 0, in);
		/* MBZ is not looked at. */
		memset(in + fields, 0xff, fizeau_sender_header_octets(rows[i].mode, rows[i].modes) - fields);
		assert_int_equal(reflect(reflector, in, rows[i].least - 1, out), FIZEAU_ERR_LENGTH);
		for (size_t len = rows[i].least; len < rows[i].header + 60; len++)
			assert_int_equal(reflect(reflector, in, len, out), len < rows[i].header ? rows[i].header : len);
		fizeau_sender_free(sender);
		fizeau_reflector_free(reflector);
	}
}

/*= rfc6038#section-5.2.1 RO-5.2.1-02 */
static void a_packet_too_short_for_what_is_to_come_back_is_refused(void **state)
{
	(void)state;
	for (unsigned int n = 1; n < 16; n += 2) {
		for (size_t i = 0; i < 3; i++) {
			const struct fizeau_test_features features = {.modes = features_of(n), .reflect_length = LENGTH};
			struct fizeau_sender *sender = sender_with(packets_modes[i], features, 200);
			struct fizeau_reflector *reflector = reflector_with(packets_modes[i], features);
			size_t least = fizeau_reflector_header_octets(packets_modes[i], features.modes) + LENGTH;
			uint8_t in[OCTETS_MAX], out[OCTETS_MAX];

			make(sender, 0, in);
			assert_int_equal(reflect(reflector, in, least - 1, out), FIZEAU_ERR_LENGTH);
			assert_int_equal(reflect(reflector, in, least, out), least);
			fizeau_sender_free(sender);
			fizeau_reflector_free(reflector);
		}
	}
}

/* Octets of the wire, from vectors.json (timestamps.ptp): 2023-11-14 22:13:20.123456789 UTC. */
/*= rfc8186#section-2.3 PT-2.3-01 */
/*= rfc8186#section-2.2 PT-2.2-02 PT-2.2-05 */
static void ptp_stamps_and_z_are_in_the_packet_where_agreed_on(void **state)
{
	const struct fizeau_stamp stamp = {.ntp = 0xe8fe6f801f9add37, .error = 0x8a01};
	static const uint8_t ptp[] = {0x65, 0x53, 0xf1, 0x25, 0x07, 0x5b, 0xcd, 0x15, 0xca, 0x01};
	static const uint8_t ntp[] = {0xe8, 0xfe, 0x6f, 0x80, 0x1f, 0x9a, 0xdd, 0x37, 0x8a, 0x01};

	(void)state;
	for (uint32_t modes = 0; modes <= PTP; modes += PTP) {
		const struct fizeau_test_features features = {.modes = modes, .tai_utc_s = TAI_UTC};
		const uint8_t *want = modes != 0 ? ptp : ntp;

		for (size_t i = 0; i < 2; i++) {
			enum fizeau_test_mode mode = packets_modes[i];
			size_t at = mode == FIZEAU_TEST_OPEN ? 4 : 16, t2 = mode == FIZEAU_TEST_OPEN ? 16 : 32;
			size_t t1 = mode == FIZEAU_TEST_OPEN ? 28 : 64;
			struct fizeau_sender *sender = sender_with(mode, features, 64);
			struct fizeau_reflector *reflector = reflector_with(mode, features);
			uint8_t out[OCTETS_MAX], back[OCTETS_MAX];

			assert_int_equal(fizeau_sender_prepare(sender, 0, out), 0);
			assert_int_equal(fizeau_sender_finish(sender, out, stamp), 0);
			assert_memory_equal(out + at, want, sizeof(ptp));
			assert_true(fizeau_reflector_reflect(reflector, out, fizeau_sender_octets(sender), stamp, TTL, TOS,
				back, sizeof(back)) > 0);
			assert_int_equal(fizeau_reflector_finish(reflector, back, stamp), 0);
			assert_memory_equal(back + at, want, sizeof(ptp));
			assert_memory_equal(back + t2, want, 8);
			assert_memory_equal(back + t1, want, sizeof(ptp));
			fizeau_sender_free(sender);
			fizeau_reflector_free(reflector);
		}
	}
}

/* A sender that writes NTP and a reflector that writes PTP, and the other way round: by Z of each. */
/*= rfc8186#section-2 PT-2-01 */
/*= rfc8186#section-2.2 PT-2.2-02 */
/*= rfc8186#section-2.3 PT-2.3-02 PT-2.3-03 */
static void both_formats_in_one_session_give_right_times(void **state)
{
	const struct fizeau_test_features ptp = {.modes = PTP, .tai_utc_s = TAI_UTC}, ntp = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (int which = 0; which < 4; which++) {
			bool sends_ptp = (which & 1) != 0, reflects_ptp = (which & 2) != 0;
			struct fizeau_sender *sender = sender_with(packets_modes[i], sends_ptp ? ptp : ntp, 64);
			struct fizeau_sender *reader = sender_with(packets_modes[i], ptp, 64);
			struct fizeau_reflector *reflector =
				reflector_with(packets_modes[i], reflects_ptp ? ptp : ntp);
			uint8_t out[OCTETS_MAX], back[OCTETS_MAX];
			struct fizeau_reflection reflection;
			size_t len = make(sender, 0, out);

			assert_int_equal(reflect(reflector, out, len, back), len > 41 ? len : 41);
			assert_int_equal(fizeau_sender_reflection(reader, back, len, &reflection), 0);
			same_moment(reflection.sender_ntp, packets_t1.ntp);
			same_moment(reflection.receive_ntp, packets_t2.ntp);
			same_moment(reflection.reflect_ntp, packets_t3.ntp);
			assert_int_equal(fizeau_error_estimate_ptp(reflection.sender_error), sends_ptp);
			assert_int_equal(fizeau_error_estimate_ptp(reflection.reflector_error), reflects_ptp);
			/* T2 - T1 as it is, and not 37 s or 70 years off. */
			assert_int_equal(fizeau_ntp_diff_ns(reflection.receive_ntp, reflection.sender_ntp) / 1000,
				fizeau_ntp_diff_ns(packets_t2.ntp, packets_t1.ntp) / 1000);
			fizeau_sender_free(sender);
			fizeau_sender_free(reader);
			fizeau_reflector_free(reflector);
		}
	}
}

/* Without the feature Z is MBZ: whoever sets it all the same (an echo of it, as of some boxes) still means NTP. */
/*= rfc8186#section-2 PT-2-03 */
static void z_that_nobody_agreed_on_is_ignored(void **state)
{
	struct fizeau_sender *sender = sender_with(FIZEAU_TEST_OPEN, (struct fizeau_test_features){0}, 27);
	struct fizeau_reflector *reflector = reflector_with(FIZEAU_TEST_OPEN, (struct fizeau_test_features){0});
	uint8_t out[OCTETS_MAX], back[OCTETS_MAX];
	struct fizeau_reflection reflection;
	size_t len = make(sender, 0, out);

	(void)state;
	assert_int_equal(reflect(reflector, out, len, back), len);
	back[12] |= 0x40;
	back[36] |= 0x40;
	assert_int_equal(fizeau_sender_reflection(sender, back, len, &reflection), 0);
	assert_int_equal(reflection.sender_ntp, packets_t1.ntp);
	assert_int_equal(reflection.receive_ntp, packets_t2.ntp);
	assert_int_equal(reflection.reflect_ntp, packets_t3.ntp);
	fizeau_sender_free(sender);
	fizeau_reflector_free(reflector);
}

/* 1,000,000,000 ns and more are no PTP stamp, in none of the three places; T-27: the reflector does not mind. */
/*= rfc8186#section-2.3 PT-2.3-01 */
static void a_ptp_stamp_with_too_many_nanoseconds_is_discarded(void **state)
{
	static const size_t places[] = {4, 16, 28};
	const struct fizeau_test_features features = {.modes = PTP, .tai_utc_s = TAI_UTC};
	struct fizeau_sender *sender = sender_with(FIZEAU_TEST_OPEN, features, 27);
	struct fizeau_reflector *reflector = reflector_with(FIZEAU_TEST_OPEN, features);
	uint8_t out[OCTETS_MAX], back[OCTETS_MAX], bad[OCTETS_MAX];
	struct fizeau_reflection reflection;
	size_t len = make(sender, 0, out);

	(void)state;
	assert_int_equal(reflect(reflector, out, len, back), len);
	for (size_t i = 0; i < 3; i++) {
		memcpy(bad, back, len);
		memcpy(bad + places[i] + 4, "\x3b\x9a\xca\x00", 4);
		assert_int_equal(fizeau_sender_reflection(sender, bad, len, &reflection), FIZEAU_ERR_ESTIMATE);
		memcpy(bad + places[i] + 4, "\x3b\x9a\xc9\xff", 4);
		assert_int_equal(fizeau_sender_reflection(sender, bad, len, &reflection), 0);
	}
	memset(out + 4, 0xff, 8);
	assert_int_equal(reflect(reflector, out, len, back), len);
	assert_memory_equal(back + 28, out + 4, 10);
	fizeau_sender_free(sender);
	fizeau_reflector_free(reflector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_and_least_paddings_are_those_of_the_rfcs),
		cmocka_unit_test(s_dscp_ecn_is_the_vector),
		cmocka_unit_test(every_tos_octet_is_told_packet_by_packet),
		cmocka_unit_test(symmetrical_packets_have_mbz_before_their_padding),
		cmocka_unit_test(every_combination_goes_there_and_back),
		cmocka_unit_test(padding_that_was_changed_is_seen),
		cmocka_unit_test(a_sender_needs_room_for_what_is_to_come_back),
		cmocka_unit_test(symmetrical_packets_by_the_letter_are_tolerated),
		cmocka_unit_test(a_packet_too_short_for_what_is_to_come_back_is_refused),
		cmocka_unit_test(ptp_stamps_and_z_are_in_the_packet_where_agreed_on),
		cmocka_unit_test(both_formats_in_one_session_give_right_times),
		cmocka_unit_test(z_that_nobody_agreed_on_is_ignored),
		cmocka_unit_test(a_ptp_stamp_with_too_many_nanoseconds_is_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
