/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/ike_static.h"
#include "tests/testlib/vectors.h"
#include "tests/testlib/folder.h"

#define SK20 "303132333435363738393a3b3c3d3e3f40414243"
#define SK16 "303132333435363738393a3b3c3d3e3f"

static struct fz_ike_static *parse(const char *text, char error[256])
{
	error[0] = '\0';
	return fz_ike_static_parse("sas", (const uint8_t *)text, strlen(text), error, 256);
}

static struct fz_addr addr_of(const char *text)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(text, &addr));
	return addr;
}

/* Every PRF derives the key of the vectors from their SK_d. */
static void keys_of_the_vectors(void **state)
{
	json_t *group = vectors_group("ikev2.json", "ikev2_prf_ippm");
	char line[512], error[256];
	const json_t *element;
	size_t index, tried = 0;

	(void)state;
	json_array_foreach(group, index, element)
	{
		const char *name = fizeau_prf_name((enum fizeau_prf)member_int(element, "transform_id"));
		uint8_t key[FIZEAU_IKE_KEY_MAX];
		size_t octets = member_hex_upto(element, "shared_secret_key", key, sizeof(key));
		const struct fz_ike_sa *sa;
		struct fz_ike_static *table;

		if (name == NULL)
			continue;
		snprintf(line, sizeof(line), "0123456789abcdef FEDCBA9876543210 %s %s", name,
			member_string(element, "sk_d"));
		table = parse(line, error);
		assert_string_equal(error, "");
		sa = fz_ike_static_at(table, 0);
		assert_int_equal(sa->prf, member_int(element, "transform_id"));
		assert_int_equal(sa->key_octets, octets);
		assert_memory_equal(sa->key, key, octets);
		assert_memory_equal(sa->spi_i, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
		assert_memory_equal(sa->spi_r, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
		fz_ike_static_free(table);
		tried++;
	}
	assert_int_equal(tried, 6);
	json_decref(group);
}

static void options(void **state)
{
	char error[256];
	struct fz_ike_static *table = parse("# lab\n"
					    "1111111111111111 2222222222222222 hmac-sha1 " SK20
					    " remote 2001:DB8:0::1 remote-id \"C=CH, CN=b\"  "
					    "local-id a.example\n"
					    "  1111111111111111\t3333333333333333 aes128-cmac " SK16 "\n",
		error);
	const struct fz_ike_sa *sa;

	(void)state;
	assert_non_null(table);
	assert_int_equal(fz_ike_static_count(table), 2);
	sa = fz_ike_static_by_spis(table, (const uint8_t *)"\x11\x11\x11\x11\x11\x11\x11\x11",
		(const uint8_t *)"\x22\x22\x22\x22\x22\x22\x22\x22");
	assert_ptr_equal(sa, fz_ike_static_at(table, 0));
	assert_string_equal(sa->remote_host, "2001:db8::1");
	assert_string_equal(sa->local_host, "");
	assert_string_equal(sa->remote_id, "C=CH, CN=b");
	assert_string_equal(sa->local_id, "a.example");
	assert_string_equal(sa->auth, "static");
	assert_string_equal(sa->state, "established");
	sa = fz_ike_static_by_spis(table, (const uint8_t *)"\x11\x11\x11\x11\x11\x11\x11\x11",
		(const uint8_t *)"\x33\x33\x33\x33\x33\x33\x33\x33");
	assert_ptr_equal(sa, fz_ike_static_at(table, 1));
	assert_string_equal(sa->remote_host, "");
	assert_string_equal(sa->remote_id, "");
	assert_null(fz_ike_static_by_spis(table, (const uint8_t *)"\x22\x22\x22\x22\x22\x22\x22\x22",
		(const uint8_t *)"\x11\x11\x11\x11\x11\x11\x11\x11"));
	assert_null(fz_ike_static_at(table, 2));
	fz_ike_static_free(table);
	fz_ike_static_free(NULL);
}

static uint8_t by_remote(const struct fz_ike_static *table, const char *host)
{
	struct fz_addr remote = addr_of(host);
	const struct fz_ike_sa *sa = fz_ike_static_by_remote(table, &remote);

	return sa == NULL ? 0 : sa->spi_i[7];
}

static void the_last_that_fits(void **state)
{
	char error[256];
	struct fz_ike_static *table =
		parse("0000000000000001 1111111111111111 hmac-sha1 " SK20 " remote 192.0.2.1\n"
		      "0000000000000002 1111111111111111 hmac-sha1 " SK20 " remote 192.0.2.1\n"
		      "0000000000000003 1111111111111111 hmac-sha1 " SK20 " remote 192.0.2.2\n",
			error);

	(void)state;
	assert_non_null(table);
	assert_int_equal(by_remote(table, "192.0.2.1"), 2);
	assert_int_equal(by_remote(table, "192.0.2.2"), 3);
	assert_int_equal(by_remote(table, "::ffff:192.0.2.2"), 3);
	assert_int_equal(by_remote(table, "192.0.2.3"), 0);
	fz_ike_static_free(table);
	table = parse("0000000000000001 1111111111111111 hmac-sha1 " SK20 " remote 192.0.2.1\n"
		      "0000000000000004 1111111111111111 hmac-sha1 " SK20 "\n"
		      "0000000000000005 1111111111111111 hmac-sha1 " SK20 "\n",
		error);
	assert_int_equal(by_remote(table, "192.0.2.1"), 1);
	assert_int_equal(by_remote(table, "2001:db8::1"), 5);
	fz_ike_static_free(table);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *where, *part;
	} cases[] = {
		{"0123456789abcde fedcba9876543210 hmac-sha1 " SK20, "sas:1: ", "initiator is not 16"},
		{"0123456789abcdefff fedcba9876543210 hmac-sha1 " SK20, "sas:1: ", "initiator is not 16"},
		{"0123456789abcdeg fedcba9876543210 hmac-sha1 " SK20, "sas:1: ", "initiator is not 16"},
		{"\n0123456789abcdef 12 hmac-sha1 " SK20, "sas:2: ", "responder is not 16"},
		{"0000000000000000 fedcba9876543210 hmac-sha1 " SK20, "sas:1: ", "initiator is 0"},
		{"0123456789abcdef 0000000000000000 hmac-sha1 " SK20, "sas:1: ", "responder is 0"},
		{"0123456789abcdef", "sas:1: ", "responder is not 16"},
		{"0123456789abcdef fedcba9876543210", "sas:1: ", "no PRF"},
		{"0123456789abcdef fedcba9876543210 hmac-md5 " SK16, "sas:1: ", "no PRF"},
		{"0123456789abcdef fedcba9876543210 " SK20 " hmac-sha1", "sas:1: ", "no PRF"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1", "sas:1: ", "SK_d"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 303", "sas:1: ", "SK_d"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK16,
			"sas:1: ", "has 16 octets, with hmac-sha1 it has 20"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " via x", "sas:1: ", "remote ADDR"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " remote",
			"sas:1: ", "remote needs a value"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " remote host.example",
			"sas:1: ", "no IP address"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " remote ::1 remote ::1",
			"sas:1: ", "twice"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " local-id \"a b",
			"sas:1: ", "not closed"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " local-id \"a\"b",
			"sas:1: ", "no blank"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " local-id \"\"",
			"sas:1: ", "needs a value"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 "\r\n", "sas:1: ", "carriage return"},
		{"0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 "\n\n"
		 "0123456789ABCDEF fedcba9876543210 aes128-xcbc " SK16,
			"sas:3: ", "earlier line"},
	};
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(parse(cases[i].text, error));
		assert_ptr_equal(strstr(error, cases[i].where), error);
		assert_non_null(strstr(error, cases[i].part));
		/* No error shows SK_d. */
		assert_null(strstr(error, SK16));
	}
}

static void long_values(void **state)
{
	char text[1000], id[400], error[256];
	struct fz_ike_static *table;

	(void)state;
	memset(id, 'i', sizeof(id));
	id[255] = '\0';
	snprintf(text, sizeof(text), "0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " remote-id %s", id);
	table = parse(text, error);
	assert_non_null(table);
	assert_string_equal(fz_ike_static_at(table, 0)->remote_id, id);
	fz_ike_static_free(table);
	id[255] = 'i';
	id[256] = '\0';
	snprintf(text, sizeof(text), "0123456789abcdef fedcba9876543210 hmac-sha1 " SK20 " remote-id %s", id);
	assert_null(parse(text, error));
	assert_non_null(strstr(error, "1 to 255 octets"));
}

/* Replaces the file as an editor does, so that every version is another inode. */
static void replace(const struct folder *folder, const char *text, mode_t mode)
{
	char fresh[128];
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", folder->path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	assert_int_equal(rename(fresh, folder->path), 0);
}

static void refresh(void **state)
{
	static const char first[] = "0000000000000001 1111111111111111 hmac-sha1 " SK20 "\n";
	static const char second[] = "0000000000000002 1111111111111111 hmac-sha1 " SK20 "\n";
	struct folder *folder = *state;
	struct fz_ike_static *table;
	const struct fz_ike_sa *sa;
	char error[256];

	assert_null(fz_ike_static_load(folder->path, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));
	replace(folder, first, 0644);
	assert_null(fz_ike_static_load(folder->path, error, sizeof(error)));
	assert_non_null(strstr(error, "chmod 600"));
	replace(folder, first, 0600);
	table = fz_ike_static_load(folder->path, error, sizeof(error));
	assert_non_null(table);
	/* Nothing changed: what was handed out stays where it is. */
	sa = fz_ike_static_at(table, 0);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), 0);
	assert_ptr_equal(fz_ike_static_at(table, 0), sa);
	replace(folder, second, 0600);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), 0);
	assert_int_equal(fz_ike_static_count(table), 1);
	assert_int_equal(fz_ike_static_at(table, 0)->spi_i[7], 2);
	/* Broken, open to others, gone: the old content stays, and each is said once. */
	replace(folder, "rubbish\n", 0600);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/file:1: "));
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), 0);
	replace(folder, first, 0640);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), -1);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), 0);
	assert_int_equal(fz_ike_static_at(table, 0)->spi_i[7], 2);
	unlink(folder->path);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), -1);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), 0);
	assert_int_equal(fz_ike_static_at(table, 0)->spi_i[7], 2);
	replace(folder, first, 0600);
	assert_int_equal(fz_ike_static_refresh(table, error, sizeof(error)), 0);
	assert_int_equal(fz_ike_static_at(table, 0)->spi_i[7], 1);
	fz_ike_static_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_the_vectors),
		cmocka_unit_test(options),
		cmocka_unit_test(the_last_that_fits),
		cmocka_unit_test(refusals),
		cmocka_unit_test(long_values),
		cmocka_unit_test_setup_teardown(refresh, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
