/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <fizeau/event.h>
#include "cli/keying.h"

#define O FIZEAU_MODE_OPEN
#define A FIZEAU_MODE_AUTHENTICATED
#define E FIZEAU_MODE_ENCRYPTED
#define M FIZEAU_MODE_MIXED
#define K FIZEAU_MODE_TW_IKEV2

struct row {
	const char *modes; /* of -m; NULL: not given */
	enum fz_ike_wish ike;
	bool passphrase;
	uint32_t offered;
	bool sa;
	enum fz_keying_verdict verdict;
	uint32_t mode;
	enum fz_key_source source;
	bool asks; /* the key service */
};

static const struct row rows[] = {
	/* Without -m: authenticated with a key, open without (INTERFACE section 2). */
	{NULL, FZ_IKE_AUTO, false, O | A | E | M, false, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
	{NULL, FZ_IKE_AUTO, true, O | A | E | M, false, FZ_KEYING_OK, A, FZ_KEY_PASSPHRASE, false},
	{NULL, FZ_IKE_OFF, false, O | A | E | M | K, true, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
	/*= rfc7717#section-5.2 IK-5.2-03 */
	{NULL, FZ_IKE_OFF, true, O | A | E | M | K, true, FZ_KEYING_OK, A, FZ_KEY_PASSPHRASE, false},
	/*= rfc7717#section-5.3 IK-5.3-01 IK-5.3-02 */
	/*= rfc7717#section-1 IK-1-01 IK-1-02 */
	{NULL, FZ_IKE_AUTO, false, O | A | E | M | K, true, FZ_KEYING_OK, A | K, FZ_KEY_IKE, true},
	{NULL, FZ_IKE_AUTO, true, O | A | E | M | K, true, FZ_KEYING_OK, A | K, FZ_KEY_IKE, true},
	{"encrypted", FZ_IKE_AUTO, true, O | A | E | M | K, true, FZ_KEYING_OK, E | K, FZ_KEY_IKE, true},
	{"mixed", FZ_IKE_AUTO, true, O | A | E | M | K, true, FZ_KEYING_OK, M | K, FZ_KEY_IKE, true},
	/* No key bit without a mode that takes a key. */
	{"open", FZ_IKE_AUTO, true, O | A | E | M | K, true, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
	/* Best first, as listed. */
	{"open,encrypted", FZ_IKE_AUTO, true, O | A | E | K, true, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
	{"encrypted,open", FZ_IKE_AUTO, false, O | A | E, false, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
	{"encrypted,authenticated", FZ_IKE_AUTO, true, O | A, false, FZ_KEYING_OK, A, FZ_KEY_PASSPHRASE, false},
	{"mixed,encrypted", FZ_IKE_AUTO, true, O | A | E, false, FZ_KEYING_OK, E, FZ_KEY_PASSPHRASE, false},
	/*= rfc7717#section-5.1 IK-5.1-07 */
	{NULL, FZ_IKE_AUTO, false, O | A | E | M | K, false, FZ_KEYING_OK, O, FZ_KEY_NONE, true},
	{NULL, FZ_IKE_AUTO, true, O | A | E | M | K, false, FZ_KEYING_OK, A, FZ_KEY_PASSPHRASE, true},
	{"encrypted,open", FZ_IKE_AUTO, false, O | A | E | K, false, FZ_KEYING_OK, O, FZ_KEY_NONE, true},
	{"encrypted", FZ_IKE_AUTO, false, O | A | E | K, false, FZ_KEYING_NO_KEY, 0, FZ_KEY_NONE, true},
	/* A key at hand is used where the server has no authenticated mode. */
	{NULL, FZ_IKE_AUTO, false, O | E | K, true, FZ_KEYING_OK, E | K, FZ_KEY_IKE, true},
	/* A server without open mode, a client without a key. */
	{NULL, FZ_IKE_AUTO, false, A | E, false, FZ_KEYING_NO_KEY, 0, FZ_KEY_NONE, false},
	{"open", FZ_IKE_AUTO, true, A | E, false, FZ_KEYING_NO_MODE, 0, FZ_KEY_NONE, false},
	{"authenticated", FZ_IKE_AUTO, false, A | E, true, FZ_KEYING_NO_KEY, 0, FZ_KEY_NONE, false},
	{"mixed", FZ_IKE_AUTO, true, O | A | E, false, FZ_KEYING_NO_MODE, 0, FZ_KEY_NONE, false},
	/*= rfc7717#section-5.2 IK-5.2-04 */
	{NULL, FZ_IKE_AUTO, true, O | A | E, true, FZ_KEYING_OK, A, FZ_KEY_PASSPHRASE, false},
	{NULL, FZ_IKE_REQUIRE, true, O | A | E, true, FZ_KEYING_SERVER_IKE, 0, FZ_KEY_NONE, false},
	{NULL, FZ_IKE_INITIATE, true, O | A | E, false, FZ_KEYING_SERVER_IKE, 0, FZ_KEY_NONE, false},
	/* require: or else fail; a passphrase is no way out, nor is open mode. */
	{NULL, FZ_IKE_REQUIRE, false, O | A | E | K, true, FZ_KEYING_OK, A | K, FZ_KEY_IKE, true},
	{NULL, FZ_IKE_REQUIRE, true, O | A | E | K, false, FZ_KEYING_NO_SA, 0, FZ_KEY_NONE, true},
	{"open,encrypted", FZ_IKE_REQUIRE, true, O | A | E | K, true, FZ_KEYING_OK, E | K, FZ_KEY_IKE, true},
	{"open,encrypted", FZ_IKE_REQUIRE, true, O | A | E | K, false, FZ_KEYING_NO_SA, 0, FZ_KEY_NONE, true},
	{"mixed", FZ_IKE_REQUIRE, true, O | A | E | K, true, FZ_KEYING_NO_MODE, 0, FZ_KEY_NONE, false},
	{NULL, FZ_IKE_INITIATE, false, O | A | E | K, true, FZ_KEYING_OK, A | K, FZ_KEY_IKE, true},
	{NULL, FZ_IKE_INITIATE, false, O | A | E | K, false, FZ_KEYING_NO_SA, 0, FZ_KEY_NONE, true},
	/* Modes 0, or feature bits alone: not willing. Unknown bits do not matter. */
	{NULL, FZ_IKE_AUTO, false, 0, false, FZ_KEYING_UNWILLING, 0, FZ_KEY_NONE, false},
	{NULL, FZ_IKE_REQUIRE, false, K, true, FZ_KEYING_UNWILLING, 0, FZ_KEY_NONE, false},
	{NULL, FZ_IKE_AUTO, false, 0xFFFFFF00 | O, false, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct fz_keying_wish wish = {.ike = row->ike, .passphrase = row->passphrase};
		struct fz_keying_choice choice = {0};
		enum fz_keying_verdict verdict;

		if (row->modes != NULL)
			assert_true(fz_value_modes(row->modes, wish.modes, &wish.mode_count));
		verdict = fz_keying_choose(&wish, row->offered, row->sa, &choice);
		if (verdict != row->verdict || choice.mode != row->mode || choice.source != row->source)
			fail_msg("row %zu: verdict %d mode %u source %d", i, verdict, choice.mode, choice.source);
		if (fz_keying_wants_sa(&wish, row->offered) != row->asks)
			fail_msg("row %zu: asks the key service: %d", i, !row->asks);
	}
}

/*= rfc7717#section-7 IK-7-01 */
/* Whatever the greeting says, what is chosen was offered, has one security bit, and the key bit only with a key. */
static void never_more_than_offered(void **state)
{
	static const char *const lists[] = {NULL, "open", "authenticated", "encrypted", "mixed",
		"encrypted,authenticated,mixed,open", "open,mixed"};

	(void)state;
	for (uint32_t offered = 0; offered < 256; offered++) {
		for (unsigned bits = 0; bits < 4 * 2 * 2; bits++) {
			for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
				struct fz_keying_wish wish = {.ike = (enum fz_ike_wish)(bits & 3),
					.passphrase = (bits & 4) != 0};
				struct fz_keying_choice choice = {0};
				uint32_t security;

				if (lists[i] != NULL)
					assert_true(fz_value_modes(lists[i], wish.modes, &wish.mode_count));
				if (fz_keying_choose(&wish, offered, (bits & 8) != 0, &choice) != FZ_KEYING_OK)
					continue;
				security = choice.mode & FIZEAU_MODE_SECURITY;
				assert_int_equal(choice.mode & ~offered, 0);
				assert_true(security != 0 && (security & (security - 1)) == 0);
				assert_int_equal((choice.mode & K) != 0, choice.source == FZ_KEY_IKE);
				assert_int_equal(security == O, choice.source == FZ_KEY_NONE);
				assert_true(choice.source != FZ_KEY_IKE || (bits & 8) != 0);
				assert_true(choice.source != FZ_KEY_PASSPHRASE || wish.passphrase);
				if (wish.ike == FZ_IKE_REQUIRE || wish.ike == FZ_IKE_INITIATE)
					assert_int_equal(choice.source, FZ_KEY_IKE);
				if (wish.ike == FZ_IKE_OFF)
					assert_int_not_equal(choice.source, FZ_KEY_IKE);
			}
		}
	}
}

/* Modes of TWAMP as OWAMP has them. */
static uint32_t in_owamp(uint32_t modes)
{
	return (modes & ~(uint32_t)(K | M)) | ((modes & K) != 0 ? FIZEAU_MODE_OW_IKEV2 : 0);
}

/* OWAMP decides alike, with a bit of its own for the key and without mixed mode (RFC 7718; wire.md T-18). */
/*= rfc7717#section-7 IK-7-01 */
static void owamp(void **state)
{
	static const struct row own[] = {
		/* The other protocol's bit, and the reserved one where TWAMP has mixed mode, mean nothing. */
		{NULL, FZ_IKE_REQUIRE, false, O | A | K, true, FZ_KEYING_SERVER_IKE, 0, FZ_KEY_NONE, false},
		{NULL, FZ_IKE_AUTO, false, O | A | K, true, FZ_KEYING_OK, O, FZ_KEY_NONE, false},
		{NULL, FZ_IKE_AUTO, false, M | FIZEAU_MODE_OW_IKEV2, true, FZ_KEYING_UNWILLING, 0, FZ_KEY_NONE, false},
	};
	struct fz_keying_wish wish = {.protocol = FIZEAU_TWAMP, .ike = FZ_IKE_REQUIRE};
	struct fz_keying_choice choice;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) + sizeof(own) / sizeof(own[0]); i++) {
		bool mine = i >= sizeof(rows) / sizeof(rows[0]);
		const struct row *row = mine ? &own[i - sizeof(rows) / sizeof(rows[0])] : &rows[i];
		uint32_t offered = mine ? row->offered : in_owamp(row->offered);
		enum fizeau_protocol protocol = FIZEAU_OWAMP;

		if (row->modes != NULL && strstr(row->modes, "mixed") != NULL)
			continue;
		wish = (struct fz_keying_wish){.protocol = protocol, .ike = row->ike, .passphrase = row->passphrase};
		choice = (struct fz_keying_choice){0};
		if (row->modes != NULL)
			assert_true(fz_value_modes(row->modes, wish.modes, &wish.mode_count));
		if (fz_keying_choose(&wish, offered, row->sa, &choice) != row->verdict ||
			choice.mode != in_owamp(row->mode) || choice.source != row->source)
			fail_msg("row %zu: mode %u source %d", i, choice.mode, choice.source);
		if (fz_keying_wants_sa(&wish, offered) != row->asks)
			fail_msg("row %zu: asks the key service: %d", i, !row->asks);
	}
	wish = (struct fz_keying_wish){.protocol = FIZEAU_TWAMP, .ike = FZ_IKE_REQUIRE};
	assert_int_equal(fz_keying_choose(&wish, A | FIZEAU_MODE_OW_IKEV2, true, &choice), FZ_KEYING_SERVER_IKE);
}

static void offers(void **state)
{
	char text[64];

	(void)state;
	fz_keying_offer_text(O | A | E | M | K, text, sizeof(text));
	assert_string_equal(text, "encrypted, authenticated, mixed, open");
	fz_keying_offer_text(fz_keying_security(FIZEAU_OWAMP, O | A | E | M | 16), text, sizeof(text));
	assert_string_equal(text, "encrypted, authenticated, open");
	fz_keying_offer_text(0, text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(never_more_than_offered),
		cmocka_unit_test(owamp),
		cmocka_unit_test(offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
