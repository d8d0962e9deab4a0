/* SPDX-License-Identifier: MIT */
/* Features of TWAMP at the client: which are wished for, how much padding they take, what is seen of them and told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "cli/out_features.h"
#include "cli/twamp_features.h"

static void wishes(void **state)
{
	struct fz_feature_wish wish;
	char text[FZ_FEATURES_TEXT];

	(void)state;
	assert_true(fz_features_parse("ptp,reflect-octets=300,symmetrical,dscp-ecn", &wish));
	assert_int_equal(wish.modes, 32 | 64 | 256 | 512);
	assert_int_equal(wish.reflect_length, 300);
	assert_true(fz_features_parse("individual", &wish));
	assert_int_equal(wish.modes, 16);
	assert_true(fz_features_parse("reflect-octets", &wish));
	assert_int_equal(wish.modes, 32);
	assert_int_equal(wish.reflect_length, 0);
	fz_features_text(0, text);
	assert_string_equal(text, "none");
	fz_features_text(FIZEAU_MODE_FEATURES | 15 | 128, text);
	assert_string_equal(text, "individual, reflect-octets, symmetrical, dscp-ecn, ptp");
}

/* What is wished for fits, by the least the RFCs allow; T-22's 30 octets. */
/*= rfc6038#section-4.2 RO-4.2-05 RO-4.2-06 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
/*= rfc6038#section-5.1.3 RO-5.1.3-01 RO-5.1.3-02 */
/*= rfc7750#section-2.2.2 DE-2.2.2-01 */
static void padding(void **state)
{
	static const struct {
		struct fz_feature_wish wish;
		enum fizeau_test_mode mode;
		uint32_t padding;
		uint16_t length, of_500; /* what comes back, also of a padding of 500 */
	} rows[] = {
		{{0}, FIZEAU_TEST_OPEN, 27, 0, 0},
		{{0}, FIZEAU_TEST_ENCRYPTED, 0, 0, 0},
		{{.modes = 64}, FIZEAU_TEST_OPEN, 0, 0, 0},
		{{.modes = 256}, FIZEAU_TEST_OPEN, 30, 0, 0},
		{{.modes = 32}, FIZEAU_TEST_OPEN, 35, 8, 473},
		{{.modes = 32}, FIZEAU_TEST_AUTHENTICATED, 72, 8, 436},
		{{.modes = 32, .reflect_length = 100}, FIZEAU_TEST_OPEN, 127, 100, 100},
		{{.modes = 32 | 256}, FIZEAU_TEST_OPEN, 38, 8, 470},
		{{.modes = 32 | 64}, FIZEAU_TEST_OPEN, 9, 8, 499},
		{{.modes = 32 | 64 | 256}, FIZEAU_TEST_ENCRYPTED, 9, 8, 499},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fz_features_padding(&rows[i].wish, rows[i].mode), rows[i].padding);
		assert_int_equal(fz_features_reflect_length(&rows[i].wish, rows[i].mode, false, 0), rows[i].length);
		assert_int_equal(fz_features_reflect_length(&rows[i].wish, rows[i].mode, true, 500), rows[i].of_500);
	}
	assert_int_equal(fz_features_reflect_length(&rows[4].wish, FIZEAU_TEST_OPEN, true, 3), 0);
	assert_int_equal(fz_features_reflect_length(&rows[4].wish, FIZEAU_TEST_OPEN, true, 65300), 65000);
}

static void what_was_seen_is_told(void **state)
{
	static struct fz_features_seen seen;
	struct fz_result_session session = {
		.features = {.modes = 32 | 256 | 512, .reflect_length = 8, .server_octets = 0x00ff, .tai_utc_s = 37}, .seen = &seen};
	struct fizeau_reflection reflection = {.sender_tos = 0xb9, .padding_came_back = true, .reflector_error = 0xca01};
	char *text = NULL, *json;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *value;

	(void)state;
	for (int i = 0; i < 3; i++)
		fz_features_see(&seen, &reflection, 0);
	reflection = (struct fizeau_reflection){.sender_tos = 0xbb, .reflector_error = 0x8a01};
	fz_features_see(&seen, &reflection, 0x28);
	fz_put_features(&session, out);
	fclose(out);
	assert_string_equal(text,
		"type: forward dscp 46 ect1 in 3, dscp 46 ce in 1; backward dscp 0 not-ect in 3, dscp 10 not-ect in 1\n"
		"padding: 8 octets came back unchanged in 3 reflections, altered in 1; the server's octets: 0x00ff\n"
		"format: PTP in 3 reflections, TAI less UTC 37 s\n");
	free(text);

	value = json_pack("[o,o,o,o]", fz_json_reflect_octets(&session), fz_json_dscp_ecn(&session), fz_json_ptp(&session),
		fz_json_features(session.features.modes));
	json = json_dumps(value, JSON_COMPACT);
	assert_string_equal(json, "[{\"length\":8,\"server_octets\":255,\"came_back\":3,\"altered\":1},"
		"{\"forward\":[{\"dscp\":46,\"ecn\":1,\"packets\":3},{\"dscp\":46,\"ecn\":3,\"packets\":1}],"
		"\"backward\":[{\"dscp\":0,\"ecn\":0,\"packets\":3},{\"dscp\":10,\"ecn\":0,\"packets\":1}]},"
		"{\"reflections\":3,\"tai_utc_s\":37},[\"reflect-octets\",\"dscp-ecn\",\"ptp\"]]");
	free(json);
	json_decref(value);
	/* Without its feature each is null, and no line. */
	session.features.modes = 64;
	value = json_pack("[o,o,o]", fz_json_reflect_octets(&session), fz_json_dscp_ecn(&session), fz_json_ptp(&session));
	json = json_dumps(value, JSON_COMPACT);
	assert_string_equal(json, "[null,null,null]");
	free(json);
	json_decref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes),
		cmocka_unit_test(padding),
		cmocka_unit_test(what_was_seen_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
