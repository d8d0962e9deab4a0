/* SPDX-License-Identifier: MIT */
/* doc/key-service.md sections 2 and 4: the form of a message, and everything that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "plugin/ippm/ippm_msg.h"

#define LEN(text) (sizeof(text) - 1)

static struct ippm_msg_reader reader(void)
{
	static char buf[IPPM_MSG_REQUEST_MAX];
	static struct ippm_msg_pair pairs[IPPM_MSG_REQUEST_PAIRS];
	struct ippm_msg_reader r;

	ippm_msg_reader_init(&r, buf, sizeof(buf), pairs, IPPM_MSG_REQUEST_PAIRS);
	return r;
}

static enum ippm_msg_status feed(struct ippm_msg_reader *r, const char *text, size_t len)
{
	size_t used;

	return ippm_msg_feed(r, text, len, &used);
}

static void reads_two_messages_chopped_anywhere(void **state)
{
	static const char text[] = "lookup=1\nremote_host=2001:db8::1\n\nlist=1\nempty=\nodd=a=b\n\n";

	(void)state;
	for (size_t chop = 1; chop < LEN(text); chop++) {
		struct ippm_msg_reader r = reader();
		int messages = 0;

		for (size_t at = 0; at < LEN(text);) {
			size_t used, len = LEN(text) - at < chop ? LEN(text) - at : chop;
			enum ippm_msg_status status = ippm_msg_feed(&r, text + at, len, &used);

			assert_true(status >= 0 && used > 0);
			at += used;
			if (status != IPPM_MSG_COMPLETE)
				continue;
			if (messages++ == 0) {
				assert_int_equal(at, strlen("lookup=1\nremote_host=2001:db8::1\n\n"));
				assert_int_equal(r.count, 2);
				assert_string_equal(ippm_msg_get(&r, "remote_host"), "2001:db8::1");
				assert_null(ippm_msg_get(&r, "list"));
			} else {
				assert_int_equal(r.count, 3);
				assert_string_equal(ippm_msg_get(&r, "list"), "1");
				assert_string_equal(ippm_msg_get(&r, "empty"), "");
				assert_string_equal(ippm_msg_get(&r, "odd"), "a=b");
				assert_null(ippm_msg_get(&r, "lookup"));
			}
		}
		assert_int_equal(messages, 2);
		assert_false(ippm_msg_partial(&r));
	}
}

static void every_truncation_is_incomplete(void **state)
{
	static const char text[] = "lookup=1\nspi_i=0011223344556677\n\n";

	(void)state;
	for (size_t len = 0; len < LEN(text); len++) {
		struct ippm_msg_reader r = reader();

		assert_int_equal(feed(&r, text, len), IPPM_MSG_MORE);
		assert_int_equal(ippm_msg_partial(&r), len > 0);
	}
}

static void broken_form_is_refused_and_stays_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		enum ippm_msg_status status;
	} cases[] = {
		{"lookup\n", 7, IPPM_MSG_NO_EQUALS},
		{"=1\n", 3, IPPM_MSG_BAD_KEY},
		{"Lookup=1\n", 9, IPPM_MSG_BAD_KEY},
		{" lookup=1\n", 10, IPPM_MSG_BAD_KEY},
		{"k2345678901234567890123456789012x=1\n", 36, IPPM_MSG_BAD_KEY},
		{"look\0up=1\n", 10, IPPM_MSG_CONTROL},
		{"lookup=1\r\n", 10, IPPM_MSG_CONTROL},
		{"a=\x7f\n", 4, IPPM_MSG_CONTROL},
		{"\0", 1, IPPM_MSG_CONTROL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ippm_msg_reader r = reader();

		assert_int_equal(feed(&r, cases[i].text, cases[i].len), cases[i].status);
		assert_int_equal(feed(&r, "list=1\n\n", 8), cases[i].status);
	}
}

static void limits_hold_to_the_octet(void **state)
{
	char text[4096];
	struct ippm_msg_reader r = reader();

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1] = '=';
	text[IPPM_MSG_LINE_MAX] = text[IPPM_MSG_LINE_MAX + 1] = '\n';
	assert_int_equal(feed(&r, text, IPPM_MSG_LINE_MAX + 2), IPPM_MSG_COMPLETE);
	r = reader();
	text[IPPM_MSG_LINE_MAX] = 'x';
	assert_int_equal(feed(&r, text, IPPM_MSG_LINE_MAX), IPPM_MSG_MORE);
	assert_int_equal(feed(&r, "x", 1), IPPM_MSG_LINE_LONG);

	r = reader();
	for (int i = 0; i < IPPM_MSG_REQUEST_PAIRS; i++)
		assert_int_equal(feed(&r, "a=1\n", 4), IPPM_MSG_MORE);
	assert_int_equal(feed(&r, "\n", 1), IPPM_MSG_COMPLETE);
	for (int i = 0; i < IPPM_MSG_REQUEST_PAIRS; i++)
		assert_int_equal(feed(&r, "a=1\n", 4), IPPM_MSG_MORE);
	assert_int_equal(feed(&r, "a=1\n", 4), IPPM_MSG_TOO_MANY);

	/* 2048 octets: four lines of 511 octets and a newline leave no room for the empty line. */
	r = reader();
	text[511] = '\n';
	for (int i = 0; i < 4; i++)
		assert_int_equal(feed(&r, text, 512), IPPM_MSG_MORE);
	assert_int_equal(feed(&r, "\n", 1), IPPM_MSG_TOO_LONG);
}

static void an_error_is_the_end_of_the_stream_not_of_memory(void **state)
{
	struct ippm_msg_reader r = reader();

	(void)state;
	for (int i = 0; i < 100000; i++)
		(void)feed(&r, "flood", 5);
	assert_int_equal(r.status, IPPM_MSG_LINE_LONG);
	ippm_msg_reader_wipe(&r);
	assert_int_equal(feed(&r, "list=1\n\n", 8), IPPM_MSG_COMPLETE);
}

static void sas_are_separated_by_their_first_line(void **state)
{
	static const char text[] = "errno=0\nspi_i=01\nkey=aa\nspi_i=02\nspi_r=03\nkey=bb\n\n";
	struct ippm_msg_reader r = reader();

	(void)state;
	assert_int_equal(feed(&r, text, LEN(text)), IPPM_MSG_COMPLETE);
	assert_int_equal(ippm_msg_next_sa(&r, 0), 1);
	assert_int_equal(ippm_msg_next_sa(&r, 2), 3);
	assert_int_equal(ippm_msg_next_sa(&r, 4), r.count);
	assert_int_equal(ippm_msg_next_sa(&r, 99), r.count);
	assert_string_equal(ippm_msg_get_in(&r, 1, 3, "key"), "aa");
	assert_null(ippm_msg_get_in(&r, 1, 3, "spi_r"));
	assert_string_equal(ippm_msg_get_in(&r, 3, 99, "key"), "bb");
	assert_true(ippm_msg_has_twin(&r));
}

static void wipe_leaves_nothing(void **state)
{
	struct ippm_msg_reader r = reader();

	(void)state;
	assert_int_equal(feed(&r, "key=c0ffee\n\n", 12), IPPM_MSG_COMPLETE);
	ippm_msg_reader_wipe(&r);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(r.buf[i], 0);
}

static void writes_what_the_page_shows(void **state)
{
	static const uint8_t spi[8] = {0xb5, 0x03, 0x51, 0x11, 0x56, 0xca, 0x01, 0xee};
	static const char expected[] = "errno=0\nspi_i=b503511156ca01ee\nremote_id=C=CH, CN=a\n"
				       "established=18446744073709551615\n\n";
	char buf[128];
	struct ippm_msg_writer w = ippm_msg_writer_of(buf, sizeof(buf));

	(void)state;
	ippm_msg_put_u64(&w, "errno", 0);
	ippm_msg_put_hex(&w, "spi_i", spi, sizeof(spi));
	ippm_msg_put(&w, "remote_id", "C=CH, CN=a");
	ippm_msg_put_u64(&w, "established", UINT64_MAX);
	ippm_msg_put_end(&w);
	assert_false(w.failed);
	assert_int_equal(w.len, LEN(expected));
	assert_memory_equal(buf, expected, w.len);
}

static void a_writer_that_is_too_small_fails_and_stays_within(void **state)
{
	char buf[64];

	(void)state;
	for (size_t size = 0; size < 24; size++) {
		struct ippm_msg_writer w = ippm_msg_writer_of(buf, size);

		memset(buf, '#', sizeof(buf));
		ippm_msg_put(&w, "connection", "moon"); /* 16 octets */
		ippm_msg_put(&w, "errno", "0");         /* 8 octets */
		ippm_msg_put_end(&w);                   /* 1 octet: 25 in all */
		assert_true(w.failed);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
	}
}

static void a_value_cannot_break_the_frame(void **state)
{
	char buf[1024], longest[IPPM_MSG_LINE_MAX + 1];
	struct ippm_msg_writer w = ippm_msg_writer_of(buf, sizeof(buf));

	(void)state;
	ippm_msg_put(&w, "remote_id", "moon\nerrno=0");
	assert_true(w.failed);
	assert_int_equal(w.len, 0);
	assert_false(ippm_msg_value_ok("a\nb"));
	assert_true(ippm_msg_value_ok("C=CH, O=Z\xc3\xbcrich"));
	memset(longest, 'a', sizeof(longest));
	longest[IPPM_MSG_LINE_MAX] = '\0';
	assert_false(ippm_msg_value_ok(longest));
}

static void hex_and_numbers(void **state)
{
	uint8_t octets[4];
	size_t len;
	uint64_t n;

	(void)state;
	assert_true(ippm_msg_hex("00fFA9", octets, 4, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(octets, "\x00\xff\xa9", 3);
	assert_false(ippm_msg_hex("0", octets, 4, &len));
	assert_false(ippm_msg_hex("", octets, 4, &len));
	assert_false(ippm_msg_hex("0g", octets, 4, &len));
	assert_false(ippm_msg_hex("0011223344", octets, 4, &len));
	assert_int_equal(len, 0);
	assert_true(ippm_msg_u64("10000", 10000, &n) && n == 10000);
	assert_true(ippm_msg_u64("18446744073709551615", UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(ippm_msg_u64("18446744073709551616", UINT64_MAX, &n));
	assert_false(ippm_msg_u64("10001", 10000, &n));
	assert_false(ippm_msg_u64("-1", 10000, &n));
	assert_false(ippm_msg_u64(" 1", 10000, &n));
	assert_false(ippm_msg_u64("1x", 10000, &n));
	assert_false(ippm_msg_u64("", 10000, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_two_messages_chopped_anywhere),
		cmocka_unit_test(every_truncation_is_incomplete),
		cmocka_unit_test(broken_form_is_refused_and_stays_refused),
		cmocka_unit_test(limits_hold_to_the_octet),
		cmocka_unit_test(an_error_is_the_end_of_the_stream_not_of_memory),
		cmocka_unit_test(sas_are_separated_by_their_first_line),
		cmocka_unit_test(wipe_leaves_nothing),
		cmocka_unit_test(writes_what_the_page_shows),
		cmocka_unit_test(a_writer_that_is_too_small_fails_and_stays_within),
		cmocka_unit_test(a_value_cannot_break_the_frame),
		cmocka_unit_test(hex_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
