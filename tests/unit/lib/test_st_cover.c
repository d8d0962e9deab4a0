/* SPDX-License-Identifier: MIT */
/* The HMAC TLV at the reflector: where it has to be, what it covers, what happens where it is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tests/testlib/st_tlvs.h"
#include <cmocka.h>

#define U 0x80
#define M 0x40
#define I 0x20
#define UNKNOWN 200

static uint8_t out[ST_TLVS_MAX];
static struct fizeau_st_reply reply;
static struct st_tlvs p;

/* Both kinds of sessions whose TLVs are under an HMAC. */
enum kind { AUTHENTICATED, OPEN_WITH_HMAC_TLV, KINDS };

static void begin(enum kind kind)
{
	struct fizeau_st_key key = st_key();

	st_tlvs_begin(&p, ST_SEQ, kind == AUTHENTICATED ? &key : NULL);
}

static struct fizeau_st_reflector *new_reflector(enum kind kind)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_reflector_config config = {.keys = &key,
		.key_count = 1,
		.open_hmac_tlv = kind == OPEN_WITH_HMAC_TLV,
		.tlvs = true,
		.tell_location = true,
		.dscp_allowed = UINT64_MAX};

	return st_reflector(&config);
}

/* Reflects as number 3. */
static void reflect(enum kind kind)
{
	struct fizeau_st_reflector *r = new_reflector(kind);

	for (int i = 0; i <= ST_REFLECTOR_SEQ; i++)
		assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
	assert_int_equal(reply.octets, p.len);
	fizeau_st_reflector_free(r);
}

/* What a failure leaves: each TLV as it came, with I. */
static void assert_failed(void)
{
	uint8_t want[ST_TLVS_MAX];

	assert_true(reply.integrity_failed);
	assert_int_equal(reply.dscp, 46);
	memcpy(want, p.octets, p.len);
	for (unsigned i = 0; i < p.count; i++)
		want[p.at[i]] |= I;
	assert_memory_equal(out + p.base, want + p.base, p.len - p.base);
}

/* The HMAC TLV of the reflection is right, and so are its flags. */
static void assert_covered(size_t hmac)
{
	struct fizeau_st_key key = st_key();
	uint8_t field[16];

	assert_false(reply.integrity_failed);
	assert_int_equal(out[hmac], 0);
	assert_memory_equal(out + hmac + 1, p.octets + hmac + 1, 3);
	st_hmac_once(&key, out, p.base, hmac, field);
	assert_memory_equal(out + hmac + 4, field, 16);
	assert_int_equal(out[3], ST_REFLECTOR_SEQ);
}

/*= rfc8972#section-4.8 SX-4.8-01 SX-4.8-02 SX-4.8-03 SX-4.8-06 */
static void covered_tlvs_are_answered_under_a_new_hmac(void **state)
{
	struct fizeau_st_key key = st_key();

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (unsigned type = FIZEAU_ST_EXTRA_PADDING; type <= FIZEAU_ST_FOLLOW_UP + 2; type++) {
			for (unsigned padding = 0; padding < 3; padding++) {
				size_t hmac;

				begin(kind);
				st_tlvs_add_asking(&p, type <= FIZEAU_ST_FOLLOW_UP ? type : UNKNOWN);
				st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
				hmac = st_tlvs_add_hmac(&p, &key);
				for (unsigned i = 0; i < padding; i++)
					st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
				reflect(kind);
				assert_covered(hmac);
				assert_int_equal(out[p.at[0]], type <= FIZEAU_ST_FOLLOW_UP ? 0 : U);
				assert_int_equal(out[p.at[1]], 0);
				assert_int_equal(reply.dscp, 10);
				for (unsigned i = 0; i < padding; i++)
					assert_int_equal(out[p.at[3 + i]], 0);
			}
		}
	}
}

/* The base packet's HMAC is right whatever the TLVs are. */
/*= rfc8762#section-4.4 ST-4.4-01 */
static void the_base_packet_has_its_own(void **state)
{
	struct fizeau_st_key key = st_key();
	uint8_t field[16];

	(void)state;
	begin(AUTHENTICATED);
	st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
	reflect(AUTHENTICATED);
	st_hmac_once(&key, out, 0, 0, field);
	assert_memory_equal(out + 96, field, 16);
}

/*= rfc8972#section-4.8 SX-4.8-01 SX-4.8-05 */
static void without_an_hmac_tlv_none_is_used(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP + 2; type++) {
			begin(kind);
			st_tlvs_add_asking(&p, type <= FIZEAU_ST_FOLLOW_UP ? type : UNKNOWN);
			reflect(kind);
			assert_failed();
			st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
			reflect(kind);
			assert_failed();
		}
	}
}

/*= rfc8972#section-4.8 SX-4.8-01 */
static void extra_padding_alone_needs_none(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		begin(kind);
		st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
		reflect(kind);
		assert_false(reply.integrity_failed);
		assert_int_equal(out[p.base], 0);
		assert_memory_equal(out + p.base + 1, p.octets + p.base + 1, p.len - p.base - 1);
		/* "only one TLV present" */
		st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
		reflect(kind);
		assert_failed();
	}
}

/*= rfc8972#section-4.8 SX-4.8-02 SX-4.8-05 */
static void in_any_other_place_it_has_failed(void **state)
{
	struct fizeau_st_key key = st_key();

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (unsigned place = 0; place < 3; place++) {
			begin(kind);
			for (unsigned i = 0; i < 3; i++) {
				if (i == place)
					st_tlvs_add_hmac(&p, &key);
				st_tlvs_add_asking(&p, i == 1 ? FIZEAU_ST_CLASS_OF_SERVICE : UNKNOWN);
			}
			reflect(kind);
			assert_failed();
			/* A second one, however right, does not help. */
			st_tlvs_add_hmac(&p, &key);
			reflect(kind);
			assert_failed();
		}
		begin(kind);
		st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
		st_tlvs_add_hmac(&p, &key);
		st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
		st_tlvs_add_asking(&p, FIZEAU_ST_ACCESS_REPORT);
		reflect(kind);
		assert_failed();
	}
}

/*= rfc8972#section-4.8 SX-4.8-04 SX-4.8-05 */
static void every_flipped_bit_under_it_is_seen(void **state)
{
	struct fizeau_st_key key = st_key();

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		size_t end;

		begin(kind);
		st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
		st_tlvs_add_asking(&p, FIZEAU_ST_DIRECT_MEASUREMENT);
		st_tlvs_add_hmac(&p, &key);
		end = p.len;
		st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
		for (size_t bit = p.base * 8; bit < end * 8; bit++) {
			p.octets[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
			reflect(kind);
			/* Flags of the HMAC TLV itself are not covered, and say nothing. */
			if (bit / 8 == p.at[2]) {
				assert_covered(p.at[2]);
			} else {
				assert_true(reply.integrity_failed);
				assert_int_equal(reply.dscp, 46);
				assert_int_equal(out[p.base] & I, I);
				/* Another length makes another octet the flags of what follows. */
				if (bit / 8 != p.base + 2 && bit / 8 != p.base + 3)
					assert_memory_equal(out + p.base + 4, p.octets + p.base + 4, 4);
			}
			p.octets[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
		}
		/* The Sequence Number is covered too. */
		if (kind == OPEN_WITH_HMAC_TLV) {
			p.octets[3] ^= 1;
			reflect(kind);
			assert_failed();
			p.octets[3] ^= 1;
		}
		p.octets[end + 4] ^= 1; /* Extra Padding behind it is not */
		reflect(kind);
		assert_covered(p.at[2]);
	}
}

/*= rfc8972#section-4.8 SX-4.8-05 */
static void of_a_wrong_length_or_cut_it_has_failed(void **state)
{
	struct fizeau_st_key key = st_key();

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (size_t length = 0; length < 40; length++) {
			uint8_t value[40] = {0};

			if (length == 16)
				continue;
			begin(kind);
			st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
			st_hmac_once(&key, p.octets, p.base, p.len, value);
			st_tlvs_add(&p, FIZEAU_ST_HMAC, length, value);
			reflect(kind);
			assert_failed();
		}
		for (size_t cut = 1; cut <= 19; cut++) {
			begin(kind);
			st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
			st_tlvs_add_hmac(&p, &key);
			p.len -= cut;
			reflect(kind);
			assert_true(reply.integrity_failed);
			assert_int_equal(out[p.at[0]], U | I);
			assert_int_equal(out[p.at[1]], U | M | I);
			assert_memory_equal(out + p.at[1] + 1, p.octets + p.at[1] + 1, p.len - p.at[1] - 1);
		}
	}
}

/* Without a key, an HMAC TLV cannot be verified, and so nothing beside it may be used. */
/*= rfc8972#section-4.8 SX-4.8-04 */
static void without_a_key_it_has_failed(void **state)
{
	struct fizeau_st_key key = st_key();
	struct fizeau_st_reflector *r =
		st_reflector(&(struct fizeau_st_reflector_config){.tlvs = true, .dscp_allowed = UINT64_MAX});

	(void)state;
	begin(OPEN_WITH_HMAC_TLV);
	st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
	st_tlvs_add_hmac(&p, &key);
	assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
	assert_failed();
	fizeau_st_reflector_free(r);
}

/* A TLV that is malformed under a right HMAC ends the processing; that it does is under the new one. */
/*= rfc8972#section-4 SX-4-10 */
/*= rfc8972#section-4.8 SX-4.8-03 */
static void malformed_ones_under_it(void **state)
{
	struct fizeau_st_key key = st_key();
	size_t hmac;

	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		begin(kind);
		st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
		st_tlvs_add(&p, FIZEAU_ST_ACCESS_REPORT, 3, "\x10\x01");
		st_tlvs_add_asking(&p, FIZEAU_ST_DIRECT_MEASUREMENT);
		hmac = st_tlvs_add_hmac(&p, &key);
		reflect(kind);
		assert_covered(hmac);
		assert_int_equal(out[p.at[0]], 0);
		assert_int_equal(reply.dscp, 10);
		assert_int_equal(out[p.at[1]], M);
		assert_memory_equal(out + p.at[1] + 1, p.octets + p.at[1] + 1, hmac - p.at[1] - 1);
		/* And one behind it, which can be Extra Padding only. */
		begin(kind);
		st_tlvs_add_asking(&p, FIZEAU_ST_CLASS_OF_SERVICE);
		hmac = st_tlvs_add_hmac(&p, &key);
		st_tlvs_add_asking(&p, FIZEAU_ST_EXTRA_PADDING);
		p.len--;
		reflect(kind);
		assert_covered(hmac);
		assert_int_equal(out[p.at[2]], M);
	}
}

/* Keys of every length, over texts of every length up to five blocks. */
/*= rfc8762#section-4.4 ST-4.4-01 ST-4.4-02 */
/*= rfc8972#section-4.8 SX-4.8-03 */
static void keys_and_texts_of_every_length(void **state)
{
	(void)state;
	for (size_t len = 0; len < 5 * 64; len++) {
		struct fizeau_st_key key = {.octets = 1 + len % FIZEAU_ST_KEY_MAX};
		struct fizeau_st_reflector *r;
		uint8_t field[16];
		size_t hmac;

		for (size_t i = 0; i < key.octets; i++)
			key.key[i] = (uint8_t)(i * 7 + len);
		r = st_reflector(&(struct fizeau_st_reflector_config){.keys = &key, .key_count = 1, .tlvs = true});
		st_tlvs_begin(&p, ST_SEQ, &key);
		st_tlvs_add(&p, UNKNOWN, len, NULL);
		hmac = st_tlvs_add_hmac(&p, &key);
		assert_int_equal(st_reflect(r, p.octets, p.len, out, sizeof(out), &reply), 0);
		assert_false(reply.integrity_failed);
		st_hmac_once(&key, out, p.base, hmac, field);
		assert_memory_equal(out + hmac + 4, field, 16);
		st_hmac_once(&key, out, 0, 0, field);
		assert_memory_equal(out + 96, field, 16);
		fizeau_st_reflector_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(covered_tlvs_are_answered_under_a_new_hmac),
		cmocka_unit_test(the_base_packet_has_its_own),
		cmocka_unit_test(without_an_hmac_tlv_none_is_used),
		cmocka_unit_test(extra_padding_alone_needs_none),
		cmocka_unit_test(in_any_other_place_it_has_failed),
		cmocka_unit_test(every_flipped_bit_under_it_is_seen),
		cmocka_unit_test(of_a_wrong_length_or_cut_it_has_failed),
		cmocka_unit_test(without_a_key_it_has_failed),
		cmocka_unit_test(malformed_ones_under_it),
		cmocka_unit_test(keys_and_texts_of_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
