/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/out_status.h"

static const char document[] =
	"{\"schema\":\"fizeau.status/1\",\"version\":\"0.1.0\",\"uptime_s\":75,\"modes\":[\"open\",\"encrypted\"],"
	"\"listen\":[{\"protocol\":\"twamp\",\"address\":\"*\",\"port\":862}],"
	"\"idle\":{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0},\"connections\":{\"now\":0,\"total\":9,\"refused\":{\"deny\":0,\"modes\":0,\"key\":4,\"busy\":0,\"limit\":0}},"
	"\"sessions\":[{\"sid\":\"c0\",\"peer\":\"192.0.2.1\",\"key\":{\"source\":\"ikev2\",\"keyid\":null,"
	"\"peer_id\":\"CN=a\\u001b[2J\",\"n\":[1,2]},\"received\":10,\"drops\":{\"hmac\":0,\"local\":2}},"
	"{\"sid\":\"c10000\",\"peer\":\"2001:db8::1\",\"key\":{\"source\":\"none\"},\"received\":1000,\"drops\":{\"hmac\":0}}],"
	"\"new_thing\":{\"rate\":1.25,\"on\":true}}";

static bool print(const char *text, bool json, char **printed)
{
	size_t len = 0;
	FILE *out = open_memstream(printed, &len);
	bool good = fz_out_status(text, strlen(text), json, out);

	fclose(out);
	return good;
}

static void for_people(void **state)
{
	char *text;

	(void)state;
	assert_true(print(document, false, &text));
	assert_string_equal(text,
		"version   0.1.0\n"
		"uptime s  75\n"
		"modes     open, encrypted\n"
		"\n"
		"listen:\n"
		"  protocol  address  port\n"
		"  twamp     *        862\n"
		"\n"
		"connections:\n"
		"  now    0\n"
		"  total  9\n"
		"  refused:\n"
		"    key    4\n"
		"\n"
		"sessions:\n"
		"  sid     peer         key                     received  drops\n"
		"  c0      192.0.2.1    ikev2, CN=a?[2J, n 1/2  10        local 2\n"
		"  c10000  2001:db8::1  none                    1000      -\n"
		"\n"
		"new thing:\n"
		"  rate  1.2\n"
		"  on    yes\n");
	free(text);
}

static void for_programs(void **state)
{
	char *text;
	json_t *got, *wanted = json_loads(document, 0, NULL);

	(void)state;
	assert_true(print(document, true, &text));
	got = json_loads(text, 0, NULL);
	assert_true(json_equal(got, wanted));
	json_decref(got);
	json_decref(wanted);
	free(text);
}

/* Whatever answers there: nothing is printed. */
static void rubbish(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "null", "{}", "{\"schema\":1}", "{\"schema\":\"other/1\"}",
		"{\"schema\":\"fizeau.status/1\"} and more", "\x80\x81"};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (print(bad[i], false, &text) || *text != '\0')
			fail_msg("%s was taken", bad[i]);
		free(text);
	}
}

/* Nested deeper than any status, and lists within lists. */
static void deep(void **state)
{
	char *nested = NULL, *text;
	size_t len = 0;
	FILE *out = open_memstream(&nested, &len);

	(void)state;
	fputs("{\"schema\":\"fizeau.status/1\"", out);
	for (int i = 0; i < 200; i++)
		fputs(",\"a\":{\"b\":1", out);
	for (int i = 0; i < 200; i++)
		fputs("}", out);
	fputs(",\"l\":[[1],{\"x\":[{}]}],\"t\":[{\"x\":[1,[2]]},3,null]}", out);
	fclose(out);
	assert_true(print(nested, false, &text));
	free(nested);
	assert_non_null(strstr(text, "1, ..."));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_people),
		cmocka_unit_test(for_programs),
		cmocka_unit_test(rubbish),
		cmocka_unit_test(deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
