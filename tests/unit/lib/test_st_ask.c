/* SPDX-License-Identifier: MIT */
/* TLVs between sender and reflector of the library, and from reflectors that do as they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_tlvs.h"
#include <cmocka.h>

#define U 0x80
#define M 0x40
#define I 0x20
#define BIT(type) FIZEAU_ST_TLV_BIT(FIZEAU_ST_##type)
#define ASKED \
	(BIT(LOCATION) | BIT(TIMESTAMP_INFORMATION) | BIT(CLASS_OF_SERVICE) | BIT(DIRECT_MEASUREMENT) | BIT(ACCESS_REPORT) | \
		BIT(FOLLOW_UP))

enum kind { OPEN, OPEN_WITH_HMAC_TLV, AUTHENTICATED, KINDS };

struct ends {
	struct fizeau_st_sender *sender;
	struct fizeau_st_reflector *reflector;
	size_t base;
	uint8_t packet[ST_TLVS_MAX], back[ST_TLVS_MAX];
	size_t len;
	struct fizeau_st_reply reply;
	struct fizeau_st_reflection got;
};

static void begin(struct ends *e, enum kind kind, uint32_t tlvs, uint32_t padding)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_sender_config sender = {.ssid = ST_SSID,
		.tlvs = tlvs,
		.padding_octets = padding,
		.dscp = 10,
		.access_id = FIZEAU_ST_ACCESS_NON_3GPP,
		.access_return_code = FIZEAU_ST_NETWORK_UNAVAILABLE,
		.open_hmac_tlv = kind == OPEN_WITH_HMAC_TLV};
	struct fizeau_st_reflector_config reflector = {.keys = &key,
		.key_count = kind != OPEN,
		.open_hmac_tlv = kind == OPEN_WITH_HMAC_TLV,
		.tlvs = true,
		.tell_location = true,
		.dscp_allowed = UINT64_MAX,
		.sync = FIZEAU_ST_SYNC_NTP};

	memset(e, 0, sizeof(*e));
	if (kind != OPEN)
		sender.key = key;
	e->sender = st_sender(&sender);
	e->reflector = st_reflector(&reflector);
	e->base = kind == AUTHENTICATED ? 112 : 44;
}

static void end(struct ends *e)
{
	fizeau_st_sender_free(e->sender);
	fizeau_st_reflector_free(e->reflector);
}

static void exchange(struct ends *e, uint32_t seq)
{
	e->len = st_send(e->sender, seq, e->packet, sizeof(e->packet));
	assert_int_equal(st_reflect(e->reflector, e->packet, e->len, e->back, sizeof(e->back), &e->reply), 0);
	assert_int_equal(e->reply.octets, e->len);
}

static void read_back(struct ends *e)
{
	assert_int_equal(fizeau_st_sender_reflection(e->sender, e->back, e->len, &e->got), 0);
}

/*= rfc8972#section-4 SX-4-01 SX-4-04 SX-4-08 */
/*= rfc8972#section-4.2 SX-4.2-01 */
/*= rfc8972#section-4.3 SX-4.3-01 */
/*= rfc8972#section-4.4 SX-4.4-01 SX-4.4-02 */
/*= rfc8972#section-4.5 SX-4.5-01 */
/*= rfc8972#section-4.6 SX-4.6-01 */
/*= rfc8972#section-4.7 SX-4.7-01 */
/*= rfc8972#section-4.8 SX-4.8-01 SX-4.8-06 */
static void all_tlvs_there_and_back(void **state)
{
	struct ends e;

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		uint32_t hmac = kind != OPEN ? BIT(HMAC) : 0;

		begin(&e, kind, ASKED, 20);
		for (uint32_t n = 0; n < 3; n++) {
			exchange(&e, n * 2);
			read_back(&e);
			assert_int_equal(e.got.answered, ASKED | hmac | BIT(EXTRA_PADDING));
			assert_int_equal(e.got.unknown | e.got.malformed | e.got.integrity, 0);
			assert_false(e.got.hmac_failed);
			assert_int_equal(e.reply.dscp, 10);
			assert_int_equal(e.got.ssid, ST_SSID);
			assert_int_equal(e.got.location.destination_port, 862);
			assert_int_equal(e.got.location.source_port, 40000);
			assert_memory_equal(&e.got.location.destination, &st_received.to, sizeof(st_received.to));
			assert_memory_equal(&e.got.location.source, &st_received.from, sizeof(st_received.from));
			assert_int_equal(e.got.location.source_mac_octets, 0);
			assert_int_equal(e.got.information.sync_in, FIZEAU_ST_SYNC_NTP);
			assert_int_equal(e.got.information.method_in, FIZEAU_ST_METHOD_SOFTWARE);
			assert_int_equal(e.got.information.sync_out, FIZEAU_ST_SYNC_NTP);
			assert_int_equal(e.got.information.method_out, FIZEAU_ST_METHOD_SOFTWARE);
			assert_int_equal(e.got.class_of_service.dscp1, 10);
			assert_int_equal(e.got.class_of_service.dscp2, 46);
			assert_int_equal(e.got.class_of_service.ecn, 1);
			assert_int_equal(e.got.class_of_service.rp, 0);
			assert_int_equal(e.got.direct.sender_tx, n * 2 + 1);
			assert_int_equal(e.got.direct.reflector_rx, n + 1);
			assert_int_equal(e.got.direct.reflector_tx, n + 1);
			assert_int_equal(e.got.access.id, FIZEAU_ST_ACCESS_NON_3GPP);
			assert_int_equal(e.got.access.return_code, FIZEAU_ST_NETWORK_UNAVAILABLE);
			assert_int_equal(e.got.follow_up.seq, n > 0 ? n - 1 : 0);
			assert_true(e.got.follow_up.ntp == (n > 0 ? packets_t3.ntp : 0));
			assert_int_equal(e.got.follow_up.method, n > 0 ? FIZEAU_ST_METHOD_SOFTWARE : 0);
		}
		end(&e);
	}
}

/* Each alone, and each two: what is asked for is what is there. */
/*= rfc8972#section-4.8 SX-4.8-01 */
static void every_choice_of_tlvs(void **state)
{
	struct ends e;

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (uint32_t tlvs = 0; tlvs <= ASKED; tlvs += BIT(LOCATION)) {
			for (uint32_t padding = 0; padding < 2; padding++) {
				uint32_t want = tlvs;

				begin(&e, kind, tlvs, padding);
				exchange(&e, 0);
				read_back(&e);
				if ((kind == AUTHENTICATED && tlvs != 0) || kind == OPEN_WITH_HMAC_TLV)
					want |= BIT(HMAC);
				if (padding)
					want |= BIT(EXTRA_PADDING);
				assert_int_equal(e.got.answered, want);
				end(&e);
			}
		}
	}
}

/* Offset of the TLV of a type in a reflection with all. */
static size_t place_of(const struct ends *e, unsigned type)
{
	size_t at = e->base;

	while (e->back[at + 1] != type) {
		at += 4 + (size_t)(e->back[at + 2] << 8 | e->back[at + 3]);
		assert_true(at < e->len);
	}
	return at;
}

/*= rfc8972#section-4 SX-4-08 */
/*= rfc8972#section-6 SX-6-01 */
static void flags_of_reflections(void **state)
{
	struct ends e;

	(void)state;
	for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		uint32_t bit = FIZEAU_ST_TLV_BIT(type), before = (bit - 1) & ASKED;

		begin(&e, OPEN, ASKED, 8);
		exchange(&e, 0);
		e.back[place_of(&e, type)] = U;
		read_back(&e);
		assert_int_equal(e.got.answered, (ASKED & ~bit) | BIT(EXTRA_PADDING));
		assert_int_equal(e.got.unknown, bit);
		assert_int_equal(e.got.malformed | e.got.integrity, 0);
		for (unsigned u = 0; u <= U; u += U) {
			e.back[place_of(&e, type)] = (uint8_t)(M | u);
			read_back(&e);
			assert_int_equal(e.got.answered, before);
			assert_int_equal(e.got.malformed, bit);
			e.back[place_of(&e, type)] = (uint8_t)(I | u);
			read_back(&e);
			assert_int_equal(e.got.answered, 0);
			assert_int_equal(e.got.integrity, bit);
			assert_int_equal(e.got.class_of_service.dscp2 | e.got.access.id, 0);
		}
		/* Reserved ones are ignored. */
		e.back[place_of(&e, type)] = 0x1f;
		read_back(&e);
		assert_int_equal(e.got.answered, ASKED | BIT(EXTRA_PADDING));
		end(&e);
	}
}

/*= rfc8972#section-6 SX-6-01 */
static void lengths_of_reflected_tlvs(void **state)
{
	struct ends e;

	(void)state;
	for (unsigned type = FIZEAU_ST_TIMESTAMP_INFORMATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		uint32_t bit = FIZEAU_ST_TLV_BIT(type), before = (bit - 1) & ASKED;
		size_t at;

		begin(&e, OPEN, ASKED, 8);
		exchange(&e, 0);
		at = place_of(&e, type);
		e.back[at + 2] = 0xff;
		read_back(&e);
		assert_int_equal(e.got.answered, before);
		assert_int_equal(e.got.malformed, bit);
		e.back[at + 2] = 0;
		e.back[at + 3] = 3;
		read_back(&e);
		assert_int_equal(e.got.answered, before);
		assert_int_equal(e.got.malformed, bit);
		end(&e);
	}
}

/*= rfc8972#section-4.8 SX-4.8-04 SX-4.8-05 */
static void every_flipped_bit_under_the_hmac_tlv(void **state)
{
	struct ends e;

	(void)state;
	for (enum kind kind = OPEN_WITH_HMAC_TLV; kind < KINDS; kind++) {
		size_t hmac;

		begin(&e, kind, BIT(CLASS_OF_SERVICE) | BIT(ACCESS_REPORT), 8);
		exchange(&e, 0);
		hmac = place_of(&e, FIZEAU_ST_HMAC);
		for (size_t bit = e.base * 8; bit < (hmac + 20) * 8; bit++) {
			if (bit / 8 == hmac)
				continue;
			e.back[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
			read_back(&e);
			assert_int_equal(e.got.answered, 0);
			assert_true(e.got.hmac_failed || e.got.integrity != 0);
			assert_int_equal(e.got.class_of_service.dscp2 | e.got.access.id, 0);
			e.back[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
		}
		read_back(&e);
		assert_false(e.got.hmac_failed);
		end(&e);
	}
}

/* A reflector of RFC 8762 copies what it does not know; so no TLV of it is answered, and none has failed. */
/*= rfc8972#section-4 SX-4-07 SX-4-08 */
static void a_reflector_without_tlvs(void **state)
{
	struct ends e;

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		uint32_t hmac = kind != OPEN ? BIT(HMAC) : 0;

		begin(&e, kind, ASKED, 8);
		exchange(&e, 0);
		memcpy(e.back + e.base, e.packet + e.base, e.len - e.base);
		read_back(&e);
		assert_int_equal(e.got.answered, 0);
		assert_int_equal(e.got.unknown, ASKED | BIT(EXTRA_PADDING) | hmac);
		assert_int_equal(e.got.malformed | e.got.integrity | e.got.hmac_failed, 0);
		end(&e);
	}
}

/* Base packet only, or without the SSID: no TLV is there. */
/*= rfc8972#section-3 SX-3-08 */
/*= rfc8972#section-4 SX-4-07 */
static void reflections_without_any(void **state)
{
	struct ends e;

	(void)state;
	begin(&e, OPEN, ASKED, 8);
	exchange(&e, 0);
	assert_int_equal(fizeau_st_sender_reflection(e.sender, e.back, 44, &e.got), 0);
	assert_int_equal(e.got.answered | e.got.unknown | e.got.malformed, 0);
	assert_int_equal(e.got.ssid, ST_SSID);
	e.back[14] = e.back[15] = 0;
	read_back(&e);
	assert_int_equal(e.got.answered | e.got.unknown | e.got.malformed, 0);
	assert_int_equal(e.got.ssid, 0);
	/* TWAMP Light, which takes TLVs for padding that it does not shorten. */
	memmove(e.back + 41, e.packet + 14, e.len - 14);
	assert_int_equal(fizeau_st_sender_reflection(e.sender, e.back, e.len + 27, &e.got), 0);
	assert_int_equal(e.got.answered | e.got.unknown | e.got.malformed, 0);
	assert_int_equal(e.got.base.sender_seq, 0);
	end(&e);
}

/* Reflections of which octets were changed: each read or refused, and what is told has been asked for. */
static void random_changes(void **state)
{
	uint64_t seed = 11;
	struct ends e;

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		begin(&e, kind, ASKED, 40);
		for (uint32_t n = 0; n < 3000; n++) {
			unsigned changes = 1 + n % 5;
			size_t len;
			int error;

			exchange(&e, n);
			for (unsigned i = 0; i < changes; i++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				e.back[(kind == OPEN ? 0 : e.base) + (seed >> 33) % (e.len - (kind == OPEN ? 0 : e.base))] =
					(uint8_t)(seed >> 25);
			}
			len = n % 3 == 0 ? e.base + (seed >> 40) % (e.len - e.base) : e.len;
			error = fizeau_st_sender_reflection(e.sender, e.back, len, &e.got);
			assert_true(error == 0 || (kind == OPEN && (error == FIZEAU_ERR_SSID || error == FIZEAU_ERR_ESTIMATE)));
			if (error == 0 && (e.got.hmac_failed || e.got.integrity))
				assert_int_equal(e.got.answered, 0);
			/* And the same at the reflector. */
			memcpy(e.packet + e.base, e.back + e.base, e.len - e.base);
			error = st_reflect(e.reflector, e.packet, len, e.back, sizeof(e.back), &e.reply);
			assert_int_equal(error, 0);
			assert_int_equal(e.reply.octets, len);
			for (size_t i = 0; i < 3; i++)
				assert_int_equal(e.back[(kind == AUTHENTICATED ? 48 : 24) + i], e.packet[i]);
		}
		end(&e);
	}
}

static void names_of_types(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 300; type++) {
		const char *name = fizeau_st_tlv_name(type);

		assert_int_equal(name != NULL, type >= FIZEAU_ST_EXTRA_PADDING && type <= FIZEAU_ST_HMAC);
		if (name)
			assert_int_equal(fizeau_st_tlv_from_name(name), type);
	}
	assert_int_equal(fizeau_st_tlv_from_name("locations"), 0);
	assert_int_equal(fizeau_st_tlv_from_name(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_tlvs_there_and_back),
		cmocka_unit_test(every_choice_of_tlvs),
		cmocka_unit_test(flags_of_reflections),
		cmocka_unit_test(lengths_of_reflected_tlvs),
		cmocka_unit_test(every_flipped_bit_under_the_hmac_tlv),
		cmocka_unit_test(a_reflector_without_tlvs),
		cmocka_unit_test(reflections_without_any),
		cmocka_unit_test(random_changes),
		cmocka_unit_test(names_of_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
