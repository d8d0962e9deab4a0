/* SPDX-License-Identifier: MIT */
/* Lists of targets, and what is printed of several. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "cli/out_targets.h"
#include "cli/records.h"
#include "cli/target_list.h"

static bool read_text(struct fz_target_list *list, const char *text, size_t octets, char error[static 512])
{
	FILE *in = fmemopen(NULL, octets + 1, "w+");
	bool good;

	assert_non_null(in);
	assert_int_equal(fwrite(text, 1, octets, in), octets);
	rewind(in);
	/* fmemopen ends at the last octet that was written. */
	good = fz_target_list_read(list, in, "file", error);
	fclose(in);
	return good;
}

static void a_file(void **state)
{
	static const char text[] = "# probes\n\n192.0.2.7\n\t[2001:db8::7]:8620  # far\r\n gw.example:1\n2001:db8::8\n"
		"192.0.2.7";
	static const struct {
		const char *text, *host;
		uint16_t port;
	} wanted[] = {
		{"192.0.2.7", "192.0.2.7", 0}, {"[2001:db8::7]:8620", "2001:db8::7", 8620},
		{"gw.example:1", "gw.example", 1}, {"2001:db8::8", "2001:db8::8", 0}, {"192.0.2.7", "192.0.2.7", 0},
	};
	struct fz_target_list list = {0};
	char error[512];

	(void)state;
	assert_true(read_text(&list, text, strlen(text), error));
	assert_int_equal(list.count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < list.count; i++) {
		assert_string_equal(list.names[i].text, wanted[i].text);
		assert_string_equal(list.names[i].host, wanted[i].host);
		assert_int_equal(list.names[i].port, wanted[i].port);
	}
	fz_target_list_free(&list);
	assert_int_equal(list.count, 0);
}

static void faults_of_a_file(void **state)
{
	static const struct {
		const char *text;
		size_t octets; /* 0: to the terminator */
		const char *says;
	} bad[] = {
		{"a\nb c\n", 0, "file:2: more than one word"},
		{"a:0\n", 0, "file:1: a:0 is no HOST"},
		{"#\n#\n[::1\n", 0, "file:3: [::1 is no HOST"},
		{"a\n:862\n", 0, "file:2: :862 is no HOST"},
		{"a\xff\n", 0, "file:1: "},
		{"a\x1b[2J\n", 0, "file:1: a control character"},
		{"a\0b\n", 4, "file:1: a NUL octet"},
	};
	char error[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fz_target_list list = {0};
		size_t octets = bad[i].octets != 0 ? bad[i].octets : strlen(bad[i].text);

		if (read_text(&list, bad[i].text, octets, error))
			fail_msg("file %zu was taken", i);
		if (strstr(error, bad[i].says) != error)
			fail_msg("file %zu says: %s", i, error);
		fz_target_list_free(&list);
	}
}

static void long_lines(void **state)
{
	struct fz_target_list list = {0};
	char line[3000], error[512];

	(void)state;
	memset(line, 'a', sizeof(line));
	assert_false(read_text(&list, line, sizeof(line), error));
	assert_string_equal(error, "file:1: the line is longer than 1024 octets");
	/* A name is at most 255. */
	assert_false(read_text(&list, line, 256, error));
	assert_non_null(strstr(error, "is no HOST"));
	assert_true(read_text(&list, line, 255, error));
	assert_int_equal(list.count, 1);
	fz_target_list_free(&list);
}

static void too_many(void **state)
{
	struct fz_target_list list = {0};
	char error[512];

	(void)state;
	for (size_t i = 0; i < FZ_TARGETS_MAX; i++)
		assert_true(fz_target_list_add(&list, "a", error));
	assert_false(fz_target_list_add(&list, "a", error));
	assert_string_equal(error, "more than 65536 targets");
	assert_int_equal(list.count, FZ_TARGETS_MAX);
	fz_target_list_free(&list);
}

static const struct fz_slot_wish slot = {false, 100000000};

static struct fz_result_session session_of(uint64_t sent, uint64_t lost, int64_t base)
{
	struct fz_result_session session = {
		.facts = {.schedule = "100ms", .slots = &slot, .slot_count = 1, .wanted = 100},
		.received_by = {.kernel = 99},
	};

	session.summary = (struct fizeau_round_trip_summary){.sent = sent, .received = sent - lost, .lost = lost};
	if (sent > lost)
		session.summary.round_trip = (struct fizeau_distribution){.valid = true, .values = sent - lost,
			.min = base, .median = base + 1000000, .p95 = base + 2000000, .max = base + 3000000};
	return session;
}

/* One measured, one that lost all, one that was never reached; an interrupted one with a name that is no plain text. */
struct four {
	struct fz_result_session sessions[3];
	struct fz_fault faults[4];
	struct fz_target_result results[4];
};

static void make(struct four *four)
{
	*four = (struct four){
		.sessions = {session_of(100, 1, 1234567), session_of(10, 10, 0), session_of(7, 0, 5000000)},
		.faults = {{FZ_FAULT_NONE, ""}, {FZ_FAULT_LOST, "no packet came back"},
			{FZ_FAULT_UNREACHABLE, "server 192.0.2.9 port 862 cannot be reached: \x1b[2J"}, {FZ_FAULT_NONE, ""}},
		.results = {
			{"gw.example:8620", NULL, {.protocol = "TWAMP", .mode = FIZEAU_MODE_ENCRYPTED,
				.key = {.source = FZ_KEY_PASSPHRASE, .key_id = "joe"}, .session_count = 1}},
			{"192.0.2.8", NULL, {.protocol = "TWAMP", .mode = FIZEAU_MODE_OPEN, .session_count = 1}},
			{"192.0.2.9", NULL, {.protocol = "TWAMP"}},
			{"m\xc3\xbc.example", NULL, {.protocol = "TWAMP", .mode = FIZEAU_MODE_MIXED,
				.key = {.source = FZ_KEY_IKE}, .session_count = 1}},
		},
	};
	four->sessions[2].facts.ending = FZ_ENDED_INTERRUPTED;
	four->sessions[2].sender_late = 3;
	for (size_t i = 0, next = 0; i < 4; i++) {
		four->results[i].fault = &four->faults[i];
		if (four->results[i].result.session_count > 0)
			four->results[i].result.sessions = &four->sessions[next++];
	}
}

static char *print(bool brief, bool json)
{
	struct four four;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	make(&four);
	assert_true(json ? fz_out_targets_json(four.results, 4, out) : fz_out_targets_text(four.results, 4, brief, out));
	assert_int_equal(fclose(out), 0);
	return text;
}

static void table(void **state)
{
	char *text = print(false, false);

	(void)state;
	assert_string_equal(text,
		"TWAMP, 4 targets: 2 measured, 2 not\n"
		"\n"
		"target           mode          key             sent     lost     min ms  median ms     p95 ms     max ms  state\n"
		"gw.example:8620  encrypted     passphrase       100   1.00 %      1.235      2.235      3.235      4.235  measured\n"
		"192.0.2.8        open          none              10 100.00 %          -          -          -          -  lost: no "
		"packet came back\n"
		"192.0.2.9        -             -                  -        -          -          -          -          -  "
		"unreachable: server 192.0.2.9 port 862 cannot be reached: ?[2J\n"
		"m\xc3\xbc.example       mixed         ikev2              7   0.00 %      5.000      6.000      7.000      8.000  "
		"interrupted\n"
		"\n"
		"sender: 3 packets left more than 1 ms behind schedule\n");
	free(text);
}

static void brief_lines(void **state)
{
	char *text = print(true, false);

	(void)state;
	assert_string_equal(text,
		"gw.example:8620: 100 sent, 1 lost (1.00 %), round trip min/median/max 1.235/2.235/4.235 ms\n"
		"192.0.2.8: 10 sent, 10 lost (100.00 %)\n"
		"192.0.2.9: unreachable: server 192.0.2.9 port 862 cannot be reached: ?[2J\n"
		"m\xc3\xbc.example: 7 sent, 0 lost (0.00 %), round trip min/median/max 5.000/6.000/8.000 ms\n");
	free(text);
}

static json_int_t integer(const json_t *object, const char *name)
{
	assert_true(json_is_integer(json_object_get(object, name)));
	return json_integer_value(json_object_get(object, name));
}

static const char *string(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	assert_non_null(text);
	return text;
}

static void document(void **state)
{
	char *text = print(false, true);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *results, *result;

	(void)state;
	assert_non_null(root);
	assert_string_equal(string(root, "schema"), "fizeau.result/1");
	assert_string_equal(string(root, "protocol"), "TWAMP");
	assert_int_equal(integer(root, "targets"), 4);
	assert_int_equal(integer(root, "measured"), 2);
	assert_int_equal(integer(root, "failed"), 2);
	results = json_object_get(root, "results");
	assert_int_equal(json_array_size(results), 4);
	result = json_array_get(results, 0);
	assert_string_equal(string(result, "target"), "gw.example:8620");
	assert_string_equal(string(result, "mode"), "encrypted");
	assert_string_equal(string(json_object_get(result, "key"), "keyid"), "joe");
	assert_int_equal(json_array_size(json_object_get(result, "sessions")), 1);
	assert_null(json_object_get(result, "error"));
	result = json_array_get(results, 1);
	assert_int_equal(json_array_size(json_object_get(result, "sessions")), 1);
	assert_string_equal(string(json_object_get(result, "error"), "reason"), "lost");
	result = json_array_get(results, 2);
	assert_null(json_object_get(result, "sessions"));
	assert_true(json_is_null(json_object_get(result, "mode")) && json_is_null(json_object_get(result, "key")));
	assert_string_equal(string(json_object_get(result, "error"), "reason"), "unreachable");
	result = json_array_get(results, 3);
	assert_string_equal(string(result, "target"), "m\xc3\xbc.example");
	assert_null(json_object_get(result, "error"));
	json_decref(root);
	free(text);
}

static void a_full_disk(void **state)
{
	struct four four;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	make(&four);
	assert_false(fz_out_targets_json(four.results, 4, full));
	assert_false(fz_out_targets_text(four.results, 4, false, full));
	fclose(full);
}

static uint64_t none_came_back(const void *arg, uint32_t seq, bool *back)
{
	(void)arg;
	*back = false;
	return (uint64_t)(3900000000u + seq) << 32;
}

static void records_with_a_target(void **state)
{
	const struct fizeau_round_trip trip = {.seq = 0};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *first, *second;

	(void)state;
	assert_true(fz_records_write(out, "\"a\\\"b\"", &trip, 1, 1, 1000, none_came_back, NULL));
	fclose(out);
	first = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	second = json_loads(strchr(text, '\n') + 1, 0, NULL);
	assert_string_equal(string(first, "target"), "a\"b");
	assert_string_equal(string(second, "target"), "a\"b");
	json_decref(first);
	json_decref(second);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file),
		cmocka_unit_test(faults_of_a_file),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(too_many),
		cmocka_unit_test(table),
		cmocka_unit_test(brief_lines),
		cmocka_unit_test(document),
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(records_with_a_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
