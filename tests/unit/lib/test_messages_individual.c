/* SPDX-License-Identifier: MIT */
/* Start-N-Sessions, Stop-N-Sessions and their acks against the transcript of tests/vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "lib/wire/start_n.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define MESSAGE_MAX 64

struct row {
	const char *name;
	struct fz_n_head head;
	const char *sids[2];
};

#define FIRST "0a000002e800000140000000deadbeef"
#define SECOND "0a000002e800000140000000cafef00d"

static const struct row rows[] = {
	{"Start-N-Sessions", {7, 0, 2}, {FIRST, SECOND}},
	{"Start-N-Ack accept 0", {8, 0, 1}, {FIRST, NULL}},
	{"Start-N-Ack accept 5", {8, 5, 1}, {SECOND, NULL}},
	{"Stop-N-Sessions", {9, 0, 1}, {FIRST, NULL}},
	{"Stop-N-Ack accept 0", {10, 0, 1}, {FIRST, NULL}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static size_t message(const struct row *row, uint8_t octets[static MESSAGE_MAX])
{
	json_t *t = vectors_group("twamp_control.json", "twamp_individual_session_control");
	size_t len = member_hex_upto(element_with(t, "message", row->name), "unauthenticated_form", octets, MESSAGE_MAX);

	json_decref(t);
	return len;
}

/*= rfc5938#section-3.2 IS-3.2-02 IS-3.2-03 IS-3.2-05 IS-3.2-10 */
/*= rfc5938#section-3.3 IS-3.3-01 IS-3.3-02 IS-3.3-05 */
/*= rfc5938#section-3.4 IS-3.4-03 IS-3.4-04 IS-3.4-06 IS-3.4-09 */
/*= rfc5938#section-3.5 IS-3.5-01 IS-3.5-02 IS-3.5-04 */
/*= rfc5938#section-6.4 IS-6.4-01 */
static void each_message_reads_and_writes_as_the_transcript(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		uint8_t octets[MESSAGE_MAX], out[MESSAGE_MAX] = {0}, want[FIZEAU_SID_OCTETS];
		size_t len = message(&rows[i], octets);
		struct fz_n_head head;

		assert_int_equal(fz_n_octets(rows[i].head.sessions), len);
		assert_int_equal(fz_n_head_get(&head, octets, 16), 0);
		assert_int_equal(head.command, rows[i].head.command);
		assert_int_equal(head.accept, rows[i].head.accept);
		assert_int_equal(head.sessions, rows[i].head.sessions);
		memset(out, 0xEE, 16);
		assert_int_equal(fz_n_head_put(&head, out, 16), 0);
		for (uint32_t at = 0; at < head.sessions; at++) {
			struct fizeau_sid sid;

			assert_int_equal(hex_octets(rows[i].sids[at], want, sizeof(want)), 16);
			assert_int_equal(fz_n_sid_get(&sid, octets + 16 + 16 * at, 16), 0);
			assert_memory_equal(sid.octets, want, sizeof(want));
			assert_int_equal(fz_n_sid_put(&sid, out + 16 + 16 * at, 16), 0);
		}
		assert_memory_equal(out, octets, len);
	}
}

static void each_truncation_and_a_longer_message_are_refused(void **state)
{
	uint8_t octets[MESSAGE_MAX] = {0};
	struct fz_n_head head;
	struct fizeau_sid sid;

	(void)state;
	(void)message(&rows[0], octets);
	head = rows[0].head;
	sid = (struct fizeau_sid){{1}};
	for (size_t len = 0; len <= 32; len++) {
		/* In memory of exactly that size, so that a sanitizer sees what reads or writes past it. */
		uint8_t *exact = malloc(len + (len == 0));
		int want = len == 16 ? 0 : FIZEAU_ERR_LENGTH;
		struct fz_n_head got;
		struct fizeau_sid read;

		assert_non_null(exact);
		memcpy(exact, octets, len);
		assert_int_equal(fz_n_head_get(&got, exact, len), want);
		assert_int_equal(fz_n_sid_get(&read, exact, len), want);
		assert_int_equal(fz_n_head_put(&head, exact, len), want);
		assert_int_equal(fz_n_sid_put(&sid, exact, len), want);
		free(exact);
	}
}

/*= rfc5938#section-1 IS-1-02 IS-1-03 */
static void mbz_is_ignored_and_goes_out_as_zero(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		bool ack = rows[i].head.command % 2 == 0;
		uint8_t octets[MESSAGE_MAX], out[16];
		struct fz_n_head head;

		(void)message(&rows[i], octets);
		memset(octets + (ack ? 2 : 1), 0xFF, ack ? 10 : 11);
		assert_int_equal(fz_n_head_get(&head, octets, 16), 0);
		assert_int_equal(head.accept, rows[i].head.accept);
		assert_int_equal(head.sessions, rows[i].head.sessions);
		head.accept = 0x55;
		assert_int_equal(fz_n_head_put(&head, out, sizeof(out)), 0);
		assert_int_equal(out[1], ack ? 0x55 : 0);
		for (size_t at = 2; at < 12; at++)
			assert_int_equal(out[at], 0);
	}
}

/*= rfc5938#section-6.4 IS-6.4-01 */
static void another_command_is_unexpected(void **state)
{
	(void)state;
	for (unsigned int command = 0; command < 256; command++) {
		uint8_t octets[16] = {(uint8_t)command};
		struct fz_n_head head;

		assert_int_equal(fz_n_head_get(&head, octets, sizeof(octets)),
			command >= 7 && command <= 10 ? 0 : FIZEAU_ERR_UNEXPECTED);
	}
}

/*= rfc5938#section-3.2 IS-3.2-04 IS-3.2-06 */
/*= rfc5938#section-3.3 IS-3.3-04 */
/*= rfc5938#section-3.4 IS-3.4-02 IS-3.4-05 */
/*= rfc5938#section-3.5 IS-3.5-03 */
static void a_message_names_a_session_and_no_more_than_there_can_be(void **state)
{
	static const struct {
		uint32_t sessions, max;
		int error;
	} tries[] = {
		{0, 0, FIZEAU_ERR_MALFORMED},
		{0, 5, FIZEAU_ERR_MALFORMED},
		{1, 0, FIZEAU_ERR_LIMIT},
		{1, 1, 0},
		{5, 5, 0},
		{6, 5, FIZEAU_ERR_LIMIT},
		{UINT32_MAX, UINT32_MAX - 1, FIZEAU_ERR_LIMIT},
		{0x80000000, 5, FIZEAU_ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		assert_int_equal(
			fz_n_head_check(&(struct fz_n_head){7, 0, tries[i].sessions}, tries[i].max), tries[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_reads_and_writes_as_the_transcript),
		cmocka_unit_test(each_truncation_and_a_longer_message_are_refused),
		cmocka_unit_test(mbz_is_ignored_and_goes_out_as_zero),
		cmocka_unit_test(another_command_is_unexpected),
		cmocka_unit_test(a_message_names_a_session_and_no_more_than_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
