/* SPDX-License-Identifier: MIT */
/* doc/key-service.md section 5: which SAs are known, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "plugin/ippm/ippm_table.h"

static const struct ippm_table_limits limits = {
	.grace_ms = 300000, .grace_deleted_ms = 30000, .max_vanished = 8, .max_vanished_per_peer = 4};
static const struct ippm_filter any = {.established = true, .rekeyed = true, .deleted = true};

static struct ippm_sa sa(unsigned n, const char *host, const char *id)
{
	struct ippm_sa made = {.prf = 5, .key_octets = 32, .established = 1000 + n};

	made.spi_i[0] = 0xaa;
	made.spi_i[6] = (uint8_t)(n >> 8);
	made.spi_i[7] = (uint8_t)n;
	made.spi_r[0] = 0xbb;
	memset(made.key, (int)n, 32);
	ippm_text_set(made.remote_host, sizeof(made.remote_host), host);
	ippm_text_set(made.remote_id, sizeof(made.remote_id), id);
	ippm_text_set(made.connection, sizeof(made.connection), "conn");
	return made;
}

static struct ippm_table *with(unsigned count, const char *host, const char *id)
{
	struct ippm_table *t = ippm_table_new(&limits);

	for (unsigned n = 1; n <= count; n++) {
		struct ippm_sa s = sa(n, host, id);

		assert_true(ippm_table_up(t, &s));
	}
	return t;
}

static bool vanish(struct ippm_table *t, unsigned n, enum ippm_state state, int64_t ms)
{
	struct ippm_sa s = sa(n, "", ""), gone;
	struct ippm_now now = {ms, 5000 + ms / 1000};

	return ippm_table_vanish(t, s.spi_i, s.spi_r, state, now, &gone);
}

static bool known(struct ippm_table *t, unsigned n)
{
	struct ippm_sa s = sa(n, "", ""), found;

	return ippm_table_by_spis(t, s.spi_i, s.spi_r, &found);
}

static void finds_by_both_spis_only(void **state)
{
	struct ippm_table *t = with(3, "192.0.2.1", "a");
	struct ippm_sa s = sa(2, "", ""), found;

	(void)state;
	assert_true(ippm_table_by_spis(t, s.spi_i, s.spi_r, &found));
	assert_int_equal(found.key[31], 2);
	assert_int_equal(found.key_octets, 32);
	assert_string_equal(found.remote_host, "192.0.2.1");
	assert_false(ippm_table_by_spis(t, s.spi_r, s.spi_i, &found));
	s.spi_r[7] ^= 1;
	assert_false(ippm_table_by_spis(t, s.spi_i, s.spi_r, &found));
	ippm_table_free(t);
}

static void walks_newest_first_by_host(void **state)
{
	struct ippm_table *t = with(3, "192.0.2.1", "a");
	struct ippm_sa other = sa(9, "192.0.2.9", "b"), sas[4];
	struct ippm_filter filter = {.remote_host = "192.0.2.1", .established = true};
	bool more;

	(void)state;
	assert_true(ippm_table_up(t, &other));
	assert_true(vanish(t, 2, IPPM_REKEYED, 0));
	assert_int_equal(ippm_table_walk(t, &filter, 0, sas, 4, &more), 2);
	assert_false(more);
	assert_int_equal(sas[0].spi_i[7], 3);
	assert_int_equal(sas[1].spi_i[7], 1);
	filter.rekeyed = true;
	filter.established = false;
	assert_int_equal(ippm_table_walk(t, &filter, 0, sas, 4, &more), 1);
	assert_int_equal(sas[0].spi_i[7], 2);
	assert_int_equal(ippm_table_walk(t, &any, 0, sas, 3, &more), 3);
	assert_true(more);
	assert_int_equal(ippm_table_walk(t, &any, 3, sas, 3, &more), 1);
	assert_false(more);
	filter = (struct ippm_filter){.connection = "nope", .established = true};
	assert_int_equal(ippm_table_walk(t, &filter, 0, sas, 4, &more), 0);
	ippm_table_free(t);
}

static void succeed(struct ippm_table *t, unsigned old, unsigned n)
{
	struct ippm_sa before = sa(old, "", ""), after = sa(n, "", "");

	ippm_table_succeed(t, before.spi_i, before.spi_r, after.spi_i, after.spi_r);
}

static void deleting_an_sa_shortens_the_time_of_those_it_replaced(void **state)
{
	struct ippm_table *t = with(4, "192.0.2.1", "a");

	(void)state;
	/* 1 was replaced by 2, and 2 by 3; 4 is another SA with the same peer. */
	assert_true(vanish(t, 1, IPPM_REKEYED, 0));
	succeed(t, 1, 2);
	assert_true(vanish(t, 2, IPPM_REKEYED, 290000));
	succeed(t, 2, 3);
	assert_true(vanish(t, 4, IPPM_REKEYED, 290000));
	assert_true(vanish(t, 3, IPPM_DELETED, 291000));
	/* Rekeyed long ago: its own time ends earlier still. */
	ippm_table_expire(t, 300000, INT64_MAX);
	assert_false(known(t, 1));
	assert_true(known(t, 2) && known(t, 3) && known(t, 4));
	ippm_table_expire(t, 320999, INT64_MAX);
	assert_true(known(t, 2) && known(t, 3));
	ippm_table_expire(t, 321000, INT64_MAX);
	assert_false(known(t, 2) || known(t, 3));
	assert_true(known(t, 4));
	ippm_table_free(t);
}

static void an_sa_that_comes_twice_is_known_once(void **state)
{
	struct ippm_table *t = with(1, "192.0.2.1", "a");
	struct ippm_sa again = sa(1, "192.0.2.2", "a"), found;

	(void)state;
	assert_true(vanish(t, 1, IPPM_DELETED, 0));
	assert_true(ippm_table_up(t, &again));
	assert_int_equal(ippm_table_count(t), 1);
	assert_true(ippm_table_by_spis(t, again.spi_i, again.spi_r, &found));
	assert_int_equal(found.state, IPPM_ESTABLISHED);
	assert_string_equal(found.remote_host, "192.0.2.2");
	ippm_table_expire(t, INT64_MAX, INT64_MAX);
	assert_true(known(t, 1));
	ippm_table_free(t);
}

static void grace_is_300_s_after_rekeying_and_30_s_after_deletion(void **state)
{
	struct ippm_table *t = with(3, "192.0.2.1", "a");

	(void)state;
	assert_true(vanish(t, 1, IPPM_REKEYED, 1000));
	assert_true(vanish(t, 2, IPPM_DELETED, 1000));
	ippm_table_expire(t, 30999, INT64_MAX);
	assert_true(known(t, 1) && known(t, 2));
	ippm_table_expire(t, 31000, INT64_MAX);
	assert_true(known(t, 1) && !known(t, 2));
	ippm_table_expire(t, 300999, INT64_MAX);
	assert_true(known(t, 1));
	ippm_table_expire(t, 301000, INT64_MAX);
	assert_false(known(t, 1));
	assert_true(known(t, 3));
	ippm_table_free(t);
}

static void a_hold_keeps_what_was_known_when_it_began(void **state)
{
	struct ippm_table *t = with(2, "192.0.2.1", "a");

	(void)state;
	assert_true(vanish(t, 1, IPPM_DELETED, 0)); /* until 30000 */
	ippm_table_expire(t, 900000, 29999);        /* a hold since 29999 */
	assert_true(known(t, 1));
	assert_true(vanish(t, 2, IPPM_REKEYED, 900000));
	ippm_table_expire(t, 9000000, 29999);
	assert_true(known(t, 1) && known(t, 2));
	ippm_table_expire(t, 9000000, 30000); /* only a hold since 30000: too late for 1 */
	assert_false(known(t, 1));
	assert_true(known(t, 2));
	ippm_table_expire(t, 9000000, INT64_MAX);
	assert_int_equal(ippm_table_count(t), 0);
	ippm_table_free(t);
}

static void vanishing_happens_once(void **state)
{
	struct ippm_table *t = with(1, "192.0.2.1", "a");
	struct ippm_sa s = sa(1, "", ""), gone, found;

	(void)state;
	assert_true(ippm_table_vanish(t, s.spi_i, s.spi_r, IPPM_REKEYED, (struct ippm_now){7, 77}, &gone));
	assert_int_equal(gone.state, IPPM_REKEYED);
	assert_int_equal(gone.vanished, 77);
	assert_int_equal(gone.key_octets, 0);
	for (size_t i = 0; i < sizeof(gone.key); i++)
		assert_int_equal(gone.key[i], 0);
	assert_false(vanish(t, 1, IPPM_DELETED, 99)); /* charon destroys a rekeyed SA later: still rekeyed */
	assert_true(ippm_table_by_spis(t, s.spi_i, s.spi_r, &found));
	assert_int_equal(found.state, IPPM_REKEYED);
	assert_int_equal(found.key[0], 1);
	assert_false(vanish(t, 42, IPPM_DELETED, 99));
	ippm_table_free(t);
}

static void memory_is_bounded_and_the_oldest_gives_way(void **state)
{
	struct ippm_table *t = ippm_table_new(&limits);

	(void)state;
	for (unsigned n = 1; n <= 20; n++) {
		char id[16];
		struct ippm_sa s;

		snprintf(id, sizeof(id), "peer%u", n);
		s = sa(n, "192.0.2.1", id);
		assert_true(ippm_table_up(t, &s));
		assert_true(vanish(t, n, n % 2 ? IPPM_REKEYED : IPPM_DELETED, n * 1000));
	}
	assert_int_equal(ippm_table_count(t), 8);
	for (unsigned n = 1; n <= 20; n++)
		assert_int_equal(known(t, n), n > 12);
	ippm_table_free(t);
}

static void a_peer_that_rekeys_fast_pushes_out_only_its_own(void **state)
{
	struct ippm_table *t = with(1, "192.0.2.1", "victim");

	(void)state;
	assert_true(vanish(t, 1, IPPM_REKEYED, 0));
	for (unsigned n = 2; n <= 1000; n++) {
		struct ippm_sa s = sa(n, "192.0.2.2", "flood");

		assert_true(ippm_table_up(t, &s));
		assert_true(vanish(t, n, IPPM_REKEYED, n * 1000));
	}
	assert_true(known(t, 1));
	assert_int_equal(ippm_table_count(t), 1 + 4);
	assert_true(known(t, 1000) && known(t, 997) && !known(t, 996));
	ippm_table_free(t);
}

static void living_ones_are_never_dropped(void **state)
{
	struct ippm_table *t = with(5000, "192.0.2.1", "a");

	(void)state;
	ippm_table_expire(t, INT64_MAX, INT64_MAX);
	assert_int_equal(ippm_table_count(t), 5000);
	for (unsigned n = 1; n <= 5000; n++)
		assert_true(known(t, n));
	ippm_table_free(t);
}

static void moves_addresses(void **state)
{
	struct ippm_table *t = with(1, "192.0.2.1", "a");
	struct ippm_sa s = sa(1, "", ""), found;

	(void)state;
	ippm_table_move(t, s.spi_i, s.spi_r, "10.0.0.1", "2001:db8::2");
	assert_true(ippm_table_by_spis(t, s.spi_i, s.spi_r, &found));
	assert_string_equal(found.local_host, "10.0.0.1");
	assert_string_equal(found.remote_host, "2001:db8::2");
	ippm_table_free(t);
}

static void texts_are_whole_or_empty(void **state)
{
	char to[8];

	(void)state;
	ippm_text_set(to, sizeof(to), "moon");
	assert_string_equal(to, "moon");
	ippm_text_set(to, sizeof(to), "1234567");
	assert_string_equal(to, "1234567");
	ippm_text_set(to, sizeof(to), "12345678");
	assert_string_equal(to, "");
	ippm_text_set(to, sizeof(to), "a\nb=1");
	assert_string_equal(to, "");
	ippm_text_set(to, sizeof(to), NULL);
	assert_string_equal(to, "");
}

static void addresses_have_one_text(void **state)
{
	char host[64];

	(void)state;
	assert_true(ippm_host_canonical("2001:DB8:0:0::1", host, sizeof(host)));
	assert_string_equal(host, "2001:db8::1");
	assert_true(ippm_host_canonical("::ffff:192.0.2.1", host, sizeof(host)));
	assert_string_equal(host, "192.0.2.1");
	assert_false(ippm_host_canonical("moon", host, sizeof(host)));
	assert_false(ippm_host_canonical("192.0.2", host, sizeof(host)));
	assert_false(ippm_host_canonical("", host, sizeof(host)));
}

static void the_six_prfs(void **state)
{
	static const struct {
		uint16_t id;
		size_t octets;
		const char *name;
	} prfs[] = {{2, 20, "hmac-sha1"}, {5, 32, "hmac-sha2-256"}, {6, 48, "hmac-sha2-384"},
		{7, 64, "hmac-sha2-512"}, {4, 16, "aes128-xcbc"}, {8, 16, "aes128-cmac"}};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(ippm_prf_name(prfs[i].id), prfs[i].name);
		assert_int_equal(ippm_prf_octets(prfs[i].id), prfs[i].octets);
	}
	assert_null(ippm_prf_name(1)); /* HMAC-MD5 */
	assert_int_equal(ippm_prf_octets(3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_both_spis_only),
		cmocka_unit_test(walks_newest_first_by_host),
		cmocka_unit_test(deleting_an_sa_shortens_the_time_of_those_it_replaced),
		cmocka_unit_test(an_sa_that_comes_twice_is_known_once),
		cmocka_unit_test(grace_is_300_s_after_rekeying_and_30_s_after_deletion),
		cmocka_unit_test(a_hold_keeps_what_was_known_when_it_began),
		cmocka_unit_test(vanishing_happens_once),
		cmocka_unit_test(memory_is_bounded_and_the_oldest_gives_way),
		cmocka_unit_test(a_peer_that_rekeys_fast_pushes_out_only_its_own),
		cmocka_unit_test(living_ones_are_never_dropped),
		cmocka_unit_test(moves_addresses),
		cmocka_unit_test(texts_are_whole_or_empty),
		cmocka_unit_test(addresses_have_one_text),
		cmocka_unit_test(the_six_prfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
