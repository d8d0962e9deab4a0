/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "cli/options.h"
#include "io/dscp.h"

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"0", 0}, {"1ns", 1}, {"1us", 1000}, {"100ms", 100000000}, {"0.5ms", 500000}, {"2s", 2000000000},
		{"1.5m", 90000000000}, {"2h", 7200000000000}, {"0.000000001s", 1}, {"0.0000000019s", 1},
		{"4294967295s", 4294967295000000000},
	};
	static const char *const bad[] = {"", "s", "1", "0.1", "-1s", "+1s", " 1s", "1 s", "1s ", ".5s", "1.s", "1d",
		"1e3s", "4294967296s", "4294967295.1s", "99999999999999999999h", "1193047h", "0x1s", "nan"};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ns = -1;
		if (!fz_value_time(good[i].text, &ns) || ns != good[i].ns)
			fail_msg("%s gave %lld", good[i].text, (long long)ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ns = -1;
		if (fz_value_time(bad[i], &ns) || ns != -1)
			fail_msg("%s was taken as %lld", bad[i], (long long)ns);
	}
}

static void schedules(void **state)
{
	static const char *const bad[] = {"", ",", "1s,", ",1s", "exp:", "exp:1s,,0s", "poisson:1s", "exp:exp:1s", "1"};
	struct fz_slot_wish slots[FZ_SLOTS_MAX];
	char many[4 * FZ_SLOTS_MAX + 8] = "";
	size_t count = 0;

	(void)state;
	assert_true(fz_value_schedule("100ms", slots, &count));
	assert_int_equal(count, 1);
	assert_false(slots[0].exponential);
	assert_int_equal(slots[0].ns, 100000000);
	assert_true(fz_value_schedule("exp:1s,0s,250us", slots, &count));
	assert_int_equal(count, 3);
	assert_true(slots[0].exponential);
	assert_int_equal(slots[0].ns, 1000000000);
	assert_false(slots[1].exponential);
	assert_int_equal(slots[1].ns, 0);
	assert_int_equal(slots[2].ns, 250000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (fz_value_schedule(bad[i], slots, &count))
			fail_msg("%s was taken", bad[i]);
	for (size_t i = 0; i < FZ_SLOTS_MAX; i++)
		memcpy(many + 3 * i, "1s,", 4);
	many[3 * FZ_SLOTS_MAX - 1] = '\0';
	assert_true(fz_value_schedule(many, slots, &count));
	assert_int_equal(count, FZ_SLOTS_MAX);
	memcpy(many + 3 * FZ_SLOTS_MAX - 1, ",1s", 4);
	assert_false(fz_value_schedule(many, slots, &count));
}

static void modes(void **state)
{
	static const char *const bad[] = {"", "open,", ",open", "closed", "open,open", "open;mixed", "Open",
		"encrypted,authenticated,mixed,open,open"};
	uint32_t list[FZ_MODES_MAX];
	size_t count;

	(void)state;
	assert_true(fz_value_modes("encrypted,authenticated,mixed,open", list, &count));
	assert_int_equal(count, 4);
	assert_int_equal(list[0], FIZEAU_MODE_ENCRYPTED);
	assert_int_equal(list[1], FIZEAU_MODE_AUTHENTICATED);
	assert_int_equal(list[2], FIZEAU_MODE_MIXED);
	assert_int_equal(list[3], FIZEAU_MODE_OPEN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (fz_value_modes(bad[i], list, &count))
			fail_msg("%s was taken", bad[i]);
}

static void dscps(void **state)
{
	static const struct {
		const char *text;
		uint8_t dscp;
	} good[] = {
		{"0", 0}, {"63", 63}, {"ef", 46}, {"EF", 46}, {"af11", 10}, {"af41", 34}, {"af43", 38}, {"cs0", 0},
		{"cs1", 8}, {"cs7", 56}, {"default", 0}, {"le", 1},
	};
	static const char *const bad[] = {"", "64", "-1", "cs8", "af14", "af51", "af4", "af411", "cs", "e", "0x2e"};
	uint8_t dscp;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		dscp = 99;
		assert_true(fz_dscp_parse(good[i].text, &dscp));
		assert_int_equal(dscp, good[i].dscp);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (fz_dscp_parse(bad[i], &dscp))
			fail_msg("%s was taken", bad[i]);
}

static void ports(void **state)
{
	static const char *const bad[] = {"", "-", "0", "0-5", "5-", "-5", "6-5", "1-65536", "70000", "1-2-3", "a-b",
		"000001-2"};
	uint16_t low, high;

	(void)state;
	assert_true(fz_value_ports("8760-9960", &low, &high));
	assert_int_equal(low, 8760);
	assert_int_equal(high, 9960);
	assert_true(fz_value_ports("862", &low, &high));
	assert_int_equal(low, 862);
	assert_int_equal(high, 862);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (fz_value_ports(bad[i], &low, &high))
			fail_msg("%s was taken", bad[i]);
}

/* RFC 3629, section 4. */
static void utf8(void **state)
{
	static const char *const good[] = {"", "joe", "j\xc3\xb6", "\xe2\x82\xac", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc2\x80z"};
	static const char *const bad[] = {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "j\xf6", "\xe2\x82z", "\xf0\x90\x80z"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(fz_value_utf8(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fz_value_utf8(bad[i]));
}

/* Splits a line at blanks into argv and reads it. */
static bool parse(const char *line, struct fz_measure_options *options, char error[static 512])
{
	static char words[512], *argv[48];
	int argc = 0;
	char *at = words;

	snprintf(words, sizeof(words), "%s", line);
	error[0] = '\0';
	while (*at != '\0') {
		argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at == ' ')
			*at++ = '\0';
	}
	argv[argc] = NULL;
	if (strcmp(words, "stamp") == 0)
		return fz_options_measure(FZ_STAMP, argc, argv, options, error);
	if (strcmp(words, "oneway") == 0)
		return fz_options_measure(FZ_ONEWAY, argc, argv, options, error);
	return fz_options_measure(strcmp(words, "fetch") == 0 ? FZ_FETCH : FZ_TWOWAY, argc, argv, options, error);
}

static void defaults(void **state)
{
	struct fz_measure_options options;
	char error[512];

	(void)state;
	assert_true(parse("twoway host", &options, error));
	assert_string_equal(options.host, "host");
	assert_int_equal(options.port, 0);
	assert_int_equal(options.count, 100);
	assert_int_equal(options.slot_count, 1);
	assert_true(options.slots[0].exponential);
	assert_int_equal(options.slots[0].ns, 100000000);
	assert_false(options.padding_given);
	assert_int_equal(options.timeout_ns, 2000000000);
	assert_int_equal(options.mode_count, 0);
	assert_int_equal(options.ike, FZ_IKE_AUTO);
	assert_string_equal(options.ike_socket, "/run/charon.ippm");
	assert_int_equal(options.ike_reading, FIZEAU_IKE_DIRECT);
	/*= rfc5357#section-6 TW-6-03 */
	assert_int_equal(options.pbkdf2_max, 32768);
	assert_int_equal(options.dscp, 0);
	assert_int_equal(options.family, AF_UNSPEC);
	assert_int_equal(options.bypass_mark, 0);
}

static void everything(void **state)
{
	struct fz_measure_options options;
	char error[512];

	(void)state;
	assert_true(parse("twoway -c 7 -i 10ms -s 1400 -w 500ms -m encrypted,mixed --ike require --ike-socket /s "
			  "--ike-key pbkdf2 -k joe --keys /k --dscp ef -6 -I 2001:db8::2 -p 5000-5010 --zero-padding "
			  "-j --records /r -q -v -v [2001:db8::1]:8620 --pbkdf2-max 65536", &options, error));
	assert_string_equal(options.host, "2001:db8::1");
	assert_int_equal(options.port, 8620);
	assert_int_equal(options.count, 7);
	assert_int_equal(options.slots[0].ns, 10000000);
	assert_true(options.padding_given);
	assert_int_equal(options.padding_octets, 1400);
	assert_int_equal(options.timeout_ns, 500000000);
	assert_int_equal(options.mode_count, 2);
	assert_int_equal(options.ike, FZ_IKE_REQUIRE);
	assert_string_equal(options.ike_socket, "/s");
	assert_int_equal(options.ike_reading, FIZEAU_IKE_PBKDF2);
	assert_string_equal(options.key_id, "joe");
	assert_string_equal(options.keys_file, "/k");
	assert_int_equal(options.dscp, 46);
	assert_int_equal(options.family, AF_INET6);
	assert_true(options.source_given);
	assert_int_equal(options.port_low, 5000);
	assert_int_equal(options.port_high, 5010);
	assert_true(options.zero_padding);
	assert_true(options.json);
	assert_string_equal(options.records, "/r");
	assert_true(options.quiet);
	assert_int_equal(options.verbose, 2);
	/*= rfc5357#section-6 TW-6-02 TW-6-04 */
	assert_int_equal(options.pbkdf2_max, 65536);
	assert_true(parse("twoway --bypass-ipsec host", &options, error));
	assert_int_equal(options.bypass_mark, 0x42);
	assert_string_equal(options.host, "host");
	assert_false(options.busy_poll);
	assert_true(parse("twoway --busy-poll host", &options, error));
	assert_true(options.busy_poll);
	assert_true(parse("oneway --busy-poll host", &options, error));
	assert_true(options.busy_poll);
	assert_true(parse("twoway --bypass-ipsec=0x100 host", &options, error));
	assert_int_equal(options.bypass_mark, 0x100);
	assert_true(parse("twoway --targets /t -4", &options, error));
	assert_string_equal(options.targets_file, "/t");
	assert_int_equal(options.host_count, 0);
	assert_true(parse("twoway a:1 b", &options, error));
	assert_int_equal(options.host_count, 2);
	assert_string_equal(options.hosts[1], "b");
	assert_true(parse("twoway --help", &options, error));
	assert_true(options.help);
}

static void refusals(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"twoway", "takes one HOST"},
		{"twoway --targets", "--targets needs a value"},
		{"oneway a b", "takes one HOST"},
		{"oneway --targets f", "unknown option --targets"},
		{"twoway -c", "-c needs a value"},
		{"twoway --nonsense host", "unknown option --nonsense"},
		{"twoway -c 0 host", "--count 0"},
		{"twoway -c 4294967296 host", "--count 4294967296"},
		{"twoway -c -5 host", "--count -5"},
		{"twoway -i 5 host", "--interval 5"},
		{"twoway -s 65396 host", "--padding 65396"},
		{"twoway -s 4294967295 host", "--padding 4294967295"},
		{"twoway -w 0s host", "--timeout 0s"},
		{"twoway -w 2h host", "--timeout 2h"},
		{"twoway -m plain host", "--mode plain"},
		{"twoway --features frobnicate host", "--features frobnicate: must list some of individual, reflect-octets"},
		{"twoway --features ptp,ptp host", "--features ptp,ptp"},
		{"twoway --features ptp, host", "--features ptp,"},
		{"twoway --features ptp=1 host", "--features ptp=1"},
		{"twoway --features reflect-octets= host", "--features reflect-octets="},
		{"twoway --features reflect-octets=0 host", "--features reflect-octets=0"},
		{"twoway --features reflect-octets=65001 host", "--features reflect-octets=65001"},
		{"twoway --features reflect-octets=99999999 host", "--features reflect-octets=99999999"},
		{"oneway --features ptp host", "unknown option --features"},
		{"twoway --ike maybe host", "--ike maybe"},
		{"twoway --ike-key b host", "--ike-key b"},
		{"twoway --dscp 64 host", "--dscp 64"},
		{"twoway -I nowhere host", "--source nowhere"},
		{"twoway -p 9-8 host", "--ports 9-8"},
		{"twoway --bypass-ipsec=0 host", "--bypass-ipsec 0"},
		{"twoway --bypass-ipsec=0x1/0xff host", "--bypass-ipsec 0x1/0xff"},
		{"twoway --bypass-ipsec= host", "--bypass-ipsec"},
		{"twoway -k joe host", "--keys FILE"},
		/*= rfc5357#section-9 TW-9-01 */
		/*= rfc4656#section-9 OW-9-01 */
		{"twoway -k j\xf6 --keys /k host", "UTF-8"},
		{"twoway --keys /k host", "--keyid ID"},
		{"twoway --ike require -m open host", "open mode takes no key"},
		{"twoway --ike off -m encrypted host", "these modes need a key"},
		{"twoway --ike off --ike-static /f host", "--ike-static"},
		{"twoway --ike initiate --ike-static /f host", "cannot be initiated"},
		{"twoway -6 -I 192.0.2.1 host", "address family"},
		{"twoway --pbkdf2-max 1000 host", "--pbkdf2-max 1000"},
		{"twoway [::1 host", "[::1 is no HOST"},
		{"twoway [::1", "[::1 is no HOST"},
		{"twoway host:99999", "host:99999 is no HOST"},
		{"twoway --to host", "unknown option --to"},
		{"twoway --begin 0 host", "unknown option --begin"},
		{"oneway", "fizeau oneway takes one HOST[:PORT]"},
		{"oneway -m encrypted,mixed host", "OWAMP has no mixed mode"},
		{"oneway -m plain host", "encrypted, authenticated and open"},
		{"oneway --begin 0 host", "unknown option --begin"},
		{"fetch host", "one HOST[:PORT] and one SID"},
		{"fetch host 00112233445566778899aabbccddeef", "is no SID"},
		{"fetch host 00112233445566778899aabbccddeeff0", "is no SID"},
		{"fetch host 00112233445566778899aabbccddeefg", "is no SID"},
		{"fetch -c 5 host 00112233445566778899aabbccddeeff", "unknown option -c"},
		{"fetch --begin -1 host 00112233445566778899aabbccddeeff", "--begin -1"},
		{"fetch --end 4294967296 host 00112233445566778899aabbccddeeff", "--end 4294967296"},
		{"fetch --begin 7 --end 6 host 00112233445566778899aabbccddeeff", "--begin must not be above --end"},
	};
	struct fz_measure_options options;
	char error[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].line, &options, error))
			fail_msg("%s was taken", bad[i].line);
		if (strstr(error, bad[i].says) == NULL)
			fail_msg("%s says: %s", bad[i].line, error);
	}
}

static void oneway(void **state)
{
	struct fz_measure_options options;
	char error[512];

	(void)state;
	assert_true(parse("twoway host", &options, error));
	assert_int_equal(options.protocol, FIZEAU_TWAMP);
	assert_true(parse("oneway host", &options, error));
	assert_int_equal(options.protocol, FIZEAU_OWAMP);
	assert_true(options.to && options.from);
	assert_false(options.padding_given);
	assert_int_equal(options.padding_octets, 0);
	assert_true(parse("oneway --to host", &options, error));
	assert_true(options.to && !options.from);
	assert_true(parse("oneway --from host", &options, error));
	assert_true(!options.to && options.from);
	assert_true(parse("oneway --from --to -m authenticated,open -i exp:1s,0s -s 9 --dscp 63 -j [::1]:8610", &options,
		error));
	assert_true(options.to && options.from && options.json);
	assert_int_equal(options.slot_count, 2);
	assert_int_equal(options.padding_octets, 9);
	assert_int_equal(options.dscp, 63);
	assert_int_equal(options.port, 8610);
}

static void fetch(void **state)
{
	static const uint8_t sid[] = {0x7f, 0, 0, 1, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 0x77,
		0x66, 0x55, 0x44, 0x33};
	struct fz_measure_options options;
	char error[512];

	(void)state;
	assert_true(parse("fetch -k joe --keys /k host:8610 7f000001eeddccbbAA99887766554433", &options, error));
	assert_int_equal(options.protocol, FIZEAU_OWAMP);
	assert_int_equal(options.port, 8610);
	assert_memory_equal(options.sid, sid, sizeof(sid));
	assert_false(options.range);
	assert_int_equal(options.begin, 0);
	assert_int_equal(options.end, 0xffffffff);
	assert_true(parse("fetch --begin 5 host 7f000001eeddccbbAA99887766554433 --end 9 --records /r", &options, error));
	assert_true(options.range);
	assert_int_equal(options.begin, 5);
	assert_int_equal(options.end, 9);
	assert_string_equal(options.records, "/r");
}

static void slot_texts(void **state)
{
	static const char *const texts[] = {"exp:100ms", "1s", "250us", "exp:7ns", "1500ms"};
	struct fz_slot_wish slots[FZ_SLOTS_MAX];
	char text[48];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(fz_value_schedule(texts[i], slots, &count));
		fz_slot_text(&slots[0], text);
		assert_string_equal(text, texts[i]);
	}
	fz_slot_text(&(struct fz_slot_wish){false, 0}, text);
	assert_string_equal(text, "0s");
}

static bool helps(enum fz_measure_command command, const char *with, const char *without)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool good;

	assert_non_null(out);
	fz_options_help(command, out);
	assert_int_equal(fclose(out), 0);
	good = strstr(text, with) != NULL && (without == NULL || strstr(text, without) == NULL);
	free(text);
	return good;
}

/*= rfc8972#section-4.6 SX-4.6-03 */
static void stamp(void **state)
{
	static const char *const bad[] = {"", "-m open h", "--ike-key direct h", "--pbkdf2-max 2048 h", "--tlv extra-padding h",
		"--tlv location=1 h", "--tlv access-report=1 h", "--tlv access-report=0:1 h", "--tlv access-report=1:0 h",
		"--tlv access-report=1:256 h", "--tlv hmac h", "--tlv location, h", "--ssid -1 h", "--light --ssid 7 h",
		"--light --need-ssid h", "--ssid 0 --need-ssid h", "--access-timeout 0 h", "--access-retries 101 h"};
	struct fz_measure_options options;
	char error[512], line[128];

	(void)state;
	assert_true(parse("stamp gw:4000 gx", &options, error));
	assert_int_equal(options.host_count, 2);
	assert_int_equal(options.port, 4000);
	assert_string_equal(fz_options_protocol(&options), "STAMP");
	assert_false(options.stamp.ssid_given || options.stamp.light || options.stamp.ptp || options.stamp.need_ssid);
	assert_int_equal(options.stamp.tlvs, 0);
	assert_int_equal(options.ike, FZ_IKE_OFF);
	assert_true(options.stamp.access_timeout_ns == 3000000000);
	assert_int_equal(options.stamp.access_retries, 4);
	assert_true(parse("stamp --ssid 0 --ptp --tlv location,class-of-service=ef,access-report=2:9,hmac -k j --keys f "
		"--access-timeout 1s --access-retries 0 h", &options, error));
	assert_true(options.stamp.ssid_given && options.stamp.ssid == 0 && options.stamp.ptp);
	assert_int_equal(options.stamp.tlvs, 1u << 2 | 1u << 4 | 1u << 6 | 1u << 8);
	assert_true(options.stamp.class_given && options.stamp.class_dscp == 46);
	assert_true(options.stamp.access_id == 2 && options.stamp.access_code == 9);
	assert_true(options.stamp.access_timeout_ns == 1000000000 && options.stamp.access_retries == 0);
	assert_true(parse("stamp --light -s 0 h", &options, error));
	assert_string_equal(fz_options_protocol(&options), "TWAMP Light");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), bad[i][0] != '\0' ? "stamp %s" : "stamp", bad[i]);
		if (parse(line, &options, error) || error[0] == '\0')
			fail_msg("%s was taken", line);
	}
	assert_false(parse("twoway --light h", &options, error));
}

static void help(void **state)
{
	(void)state;
	assert_true(helps(FZ_STAMP, "usage: fizeau stamp [OPTIONS] HOST[:PORT]...\n", "--mode"));
	assert_true(helps(FZ_STAMP, "\n      --tlv LIST           location,", "--ike-key"));
	assert_true(helps(FZ_TWOWAY, "\n      --targets FILE", "--tlv"));
	assert_true(helps(FZ_TWOWAY, "usage: fizeau twoway [OPTIONS] HOST[:PORT]...\n", "--from"));
	assert_true(helps(FZ_TWOWAY, "\n  -c, --count N            test packets to send (100)\n", NULL));
	assert_true(helps(FZ_TWOWAY, "\n      --ike MODE           key from an IKE SA", NULL));
	assert_true(helps(FZ_TWOWAY, "authenticated, mixed, open\n                           (with a key", NULL));
	assert_true(helps(FZ_ONEWAY, "\n      --from               only the direction from HOST\n", "mixed"));
	assert_true(helps(FZ_FETCH, "usage: fizeau fetch [OPTIONS] HOST[:PORT] SID\n", "--count"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(schedules),
		cmocka_unit_test(modes),
		cmocka_unit_test(dscps),
		cmocka_unit_test(ports),
		cmocka_unit_test(utf8),
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(refusals),
		cmocka_unit_test(oneway),
		cmocka_unit_test(fetch),
		cmocka_unit_test(stamp),
		cmocka_unit_test(slot_texts),
		cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
