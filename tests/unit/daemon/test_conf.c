/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf.h"

static char error[FZ_CONF_ERROR_MAX];

/* A configuration of these lines, finished; NULL if a line or the whole is refused. */
static struct fz_conf *conf_of(const char *const *lines)
{
	struct fz_conf *conf = fz_conf_new();

	assert_non_null(conf);
	for (; *lines; lines++) {
		if (!fz_conf_line(conf, *lines, error)) {
			fz_conf_release(conf);
			return NULL;
		}
	}
	if (fz_conf_finish(conf, error))
		return conf;
	fz_conf_release(conf);
	return NULL;
}

static char *printed(const struct fz_conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	fz_conf_print(conf, to);
	fclose(to);
	return text;
}

static void defaults(void **state)
{
	const char *const none[] = {NULL};
	struct fz_conf *conf = conf_of(none);

	(void)state;
	assert_non_null(conf);
	assert_int_equal(conf->listen_count, 2);
	assert_true(conf->listens[1].any);
	assert_int_equal(conf->listens[1].protocol, FIZEAU_OWAMP);
	assert_int_equal(conf->listens[1].port, 861);
	assert_true(conf->listens[0].any);
	/*= rfc8545#section-5 PO-5-01 */
	assert_int_equal(conf->listens[0].port, 862);
	/*= rfc5357#section-3.1 TW-3.1-10 */
	assert_true(conf->servwait_ns == 900000000000);
	/*= rfc5357#section-4.2 TW-4.2-14 */
	assert_true(conf->refwait_ns == 900000000000);
	assert_int_equal(conf->pbkdf2_count, 32768);
	assert_int_equal(conf->port_first, 18760);
	assert_int_equal(conf->port_last, 19960);
	assert_true(conf->ike_wait_ns == 2000000000);
	assert_int_equal(conf->ike, FZ_IKE_AUTO);
	assert_string_equal(conf->ike_path, "/run/charon.ippm");
	assert_string_equal(conf->control, "/run/fizeaud.sock");
	assert_string_equal(conf->user, "fizeau");
	assert_int_equal(conf->rule_count, 1);
	assert_string_equal(conf->classes[0].name, "anyone");
	/*= rfc4656#section-6.5 OW-6.5-03 */
	for (int i = 0; i < FZ_LIMIT_ITEMS; i++)
		assert_true(conf->classes[0].limits[i] != FZ_UNLIMITED);
	/*= rfc4656#section-6.2 OW-6.2-02 */
	assert_int_equal(conf->classes[0].limits[FZ_LIMIT_THIRD_PARTY], 0);
	fz_conf_release(conf);
}

/* One listener of one's own, and only that is there. */
static void listeners_given_are_all(void **state)
{
	static const char *const lines[][2] = {{"listen twamp * 1862", NULL}, {"listen owamp * 1861", NULL}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fz_conf *conf = conf_of(lines[i]);
		assert_non_null(conf);
		assert_int_equal(conf->listen_count, 1);
		assert_int_equal(fz_conf_serves(conf, FIZEAU_TWAMP), i == 0);
		assert_int_equal(fz_conf_serves(conf, FIZEAU_OWAMP), i == 1);
		fz_conf_release(conf);
	}
}

static void good_lines(void **state)
{
	/* What is written, and the line that then stands in the effective configuration. */
	static const char *const rows[][2] = {
		{"listen twamp 192.0.2.1 8620", "listen twamp 192.0.2.1 8620\n"},
		{"listen owamp 2001:db8::1 861", "listen owamp 2001:db8::1 861\n"},
		{"listen twamp * 1", "listen twamp * 1\n"},
		{"modes open,mixed", "modes open,mixed\n"},
		{"modes open encrypted", "modes open,encrypted\n"},
		{"features none", "features none\n"},
		{"features ptp", "features ptp\n"},
		{"features symmetrical,dscp-ecn ptp", "features symmetrical,dscp-ecn,ptp\n"},
		{"features ptp,reflect-octets", "features reflect-octets,ptp\n"},
		{"server-octets 65535", "server-octets 65535\n"},
		{"keys /etc/fizeau/keys", "keys /etc/fizeau/keys\n"},
		{"keys \"/etc/with blank\"", "keys \"/etc/with blank\"\n"},
		{"ike off", "ike off\n"},
		{"ike socket /run/x", "ike socket /run/x\n"},
		{"ike static sas # lab", "ike static sas\n"},
		{"ike-wait 0s", "ike-wait 0s\n"},
		{"ike-wait 1500ms", "ike-wait 1500ms\n"},
		{"ike-wait 60s", "ike-wait 1m\n"},
		{"pbkdf2-count 1024", "pbkdf2-count 1024\n"},
		{"test-ports 1-65535", "test-ports 1-65535\n"},
		{"test-ports 5000-5000", "test-ports 5000-5000\n"},
		{"\tservwait   2h\r", "servwait 2h\n"},
		{"refwait 1ms", "refwait 1ms\n"},
		{"setup-timeout 30m", "setup-timeout 30m\n"},
		{"half-open 10", "half-open 10 10\n"},
		{"half-open 1000 3", "half-open 1000 3\n"},
		{"class a open", "class a open\n"},
		{"class a net 192.0.2.0/24 keyid adm*", "class a net 192.0.2.0/24 keyid \"adm*\"\n"},
		{"class a ike-id \"CN=*, O=X\"", "class a ike-id \"CN=*, O=X\"\n"},
		{"class a net ::1", "class a net ::1/128\n"},
		{"limit anyone rate 20k", "limit anyone rate 20000\n"},
		{"limit anyone bandwidth 1G", "limit anyone bandwidth 1000000000\n"},
		{"limit anyone padding none", "limit anyone padding none\n"},
		{"limit anyone duration 90s", "limit anyone duration 90s\n"},
		{"limit anyone modes encrypted", "limit anyone modes encrypted\n"},
		{"limit anyone third-party yes", "limit anyone third-party yes\n"},
		{"limit anyone deny", "limit anyone deny yes\n"},
		{"limit anyone require-ipsec no", "limit anyone require-ipsec no\n"},
		{"limit anyone bypass-ipsec yes", "limit anyone bypass-ipsec yes\n"},
		{"ipsec interface ipsec0", "ipsec interface ipsec0\n"},
		{"ipsec mark 16", "ipsec mark 0x10/0xffffffff\n"},
		{"ipsec mark 0x10/0xf0", "ipsec mark 0x10/0xf0\n"},
		{"ipsec bypass-mark 7", "ipsec bypass-mark 0x7\n"},
		{"# default", "ipsec bypass-mark 0x42\n"},
		{"limit anyone sessions 5", "limit anyone peer-sessions 5\n"},
		{"limit anyone connections 5", "limit anyone peer-connections 5\n"},
		{"limit anyone storage 5M", "limit anyone storage 5000000\n"},
		{"limit anyone packets 7", "limit anyone packets 7\n"},
		{"storage /srv", "storage /srv\n"},
		{"storage-keep 2h", "storage-keep 2h\n"},
		{"control /tmp/x", "control /tmp/x\n"},
		{"# default", "clock-source auto\n"},
		{"clock-source kernel", "clock-source kernel\n"},
		{"clock-source chronyd", "clock-source chronyd\n"},
		{"clock-source chronyd 127.0.0.1:323", "clock-source chronyd 127.0.0.1:323\n"},
		{"clock-source chronyd [::1]:323", "clock-source chronyd [::1]:323\n"},
		{"clock-source chronyd /run/c", "clock-source chronyd /run/c\n"},
		{"clock-source ptp4l", "clock-source ptp4l\n"},
		{"clock-source ptp4l /run/p", "clock-source ptp4l /run/p 0\n"},
		{"clock-source ptp4l /run/p 24", "clock-source ptp4l /run/p 24\n"},
		{"user -", "user -\n"},
		{"workers 3", "workers 3\n"},
		{"busy-poll yes", "busy-poll yes\n"},
		{"# nothing", "user fizeau\n"},
		{"", "user fizeau\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const lines[] = {rows[i][0], NULL};
		struct fz_conf *conf = conf_of(lines);
		if (!conf)
			fail_msg("'%s': %s", rows[i][0], error);
		char *text = printed(conf);
		if (!strstr(text, rows[i][1]))
			fail_msg("'%s' gives no '%s' in:\n%s", rows[i][0], rows[i][1], text);
		free(text);
		fz_conf_release(conf);
	}
}

static void bad_lines(void **state)
{
	/* What is written, and what the complaint has to hold: what is wrong, or what is allowed. */
	static const char *const rows[][2] = {
		{"listen", "allowed: listen twamp|owamp|stamp ADDRESS|* PORT"},
		{"listen twamp * 0", "'0'"},
		{"listen twamp * 65536", "'65536'"},
		{"listen twamp * 862x", "'862x'"},
		{"listen twamp host.example 862", "'host.example'"},
		{"listen ipmp * 862", "'ipmp'"},
		{"listen twamp * 862 863", "allowed: listen"},
		{"modes", "allowed: modes open"},
		{"modes closed", "'closed'"},
		{"modes ,", "allowed: modes"},
		{"features", "allowed: features"},
		{"features none,ptp", "'none,ptp'"},
		{"features ptpv2", "'ptpv2'"},
		{"features ,", "allowed: features"},
		{"server-octets 65536", "0 (none) to 65535"},
		{"server-octets", "0 (none) to 65535"},
		{"keys", "allowed: keys FILE"},
		{"keys a b", "allowed: keys FILE"},
		{"ike", "allowed: ike socket PATH"},
		{"ike off now", "allowed: ike"},
		{"ike socket", "allowed: ike"},
		{"ike file x", "allowed: ike"},
		{"ike socket \"\"", "allowed: ike"},
		{"ike-wait 61s", "0s to 1m"},
		{"ike-wait 5", "ns us ms s m h"},
		{"ike-wait -1s", "ns us ms s m h"},
		{"ike-wait 1.5s", "ns us ms s m h"},
		{"ike-wait 99999999999999999999s", "ns us ms s m h"},
		{"ike-wait 9999999999999999h", "ns us ms s m h"},
		/*= rfc4656#section-3.1 OW-3.1-09 OW-3.1-10 */
		{"pbkdf2-count 3000", "a power of two from 1024"},
		{"pbkdf2-count 512", "a power of two from 1024"},
		{"pbkdf2-count 33554432", "a power of two from 1024"},
		{"pbkdf2-count 4294968320", "a power of two from 1024"},
		{"pbkdf2-count", "a power of two from 1024"},
		{"test-ports 5", "A-B"},
		{"test-ports 5-4", "A not above B"},
		{"test-ports 0-9", "1 to 65535"},
		{"test-ports 1-70000", "1 to 65535"},
		{"test-ports 123456789-5", "1 to 65535"},
		{"servwait 0s", "1ms to 24h"},
		{"servwait 25h", "1ms to 24h"},
		{"refwait 0s", "1ms to 24h"},
		{"setup-timeout 31m", "1ms to 30m"},
		{"half-open 0", "half-open TOTAL"},
		{"half-open 5 6", "second not above"},
		{"half-open 5 1 1", "half-open TOTAL"},
		{"class", "class NAME MATCH"},
		{"class a", "class NAME MATCH"},
		{"class a nobody", "'nobody'"},
		{"class a net", "no value after 'net'"},
		{"class a net 192.0.2.0/33", "'192.0.2.0/33'"},
		{"class a net x/8", "'x/8'"},
		{"class a keyid", "no value after"},
		{"class a any any any any any", "more than four"},
		{"class a/b any", "letters, digits"},
		{"class abcdefghijklmnopqrstuvwxyz0123456 any", "1 to 32"},
		{"limit", "limit CLASS ITEM VALUE"},
		{"limit nobody rate 5", "no class line above names 'nobody'"},
		{"limit anyone speed 5", "unknown item 'speed'"},
		{"limit anyone rate", "limit CLASS ITEM VALUE"},
		{"limit anyone rate fast", "'fast'"},
		{"limit anyone rate 5x", "'5x'"},
		{"limit anyone duration 5", "'5'"},
		{"limit anyone modes none", "'none'"},
		{"limit anyone third-party none", "'none'"},
		{"limit anyone deny maybe", "'maybe'"},
		{"limit anyone rate 5 6", "limit CLASS ITEM VALUE"},
		{"limit anyone require-ipsec", "limit CLASS ITEM VALUE"},
		{"limit anyone require-ipsec none", "'none'"},
		{"ipsec", "allowed: ipsec interface NAME"},
		{"ipsec interface", "allowed: ipsec interface NAME"},
		{"ipsec interface a b", "allowed: ipsec interface NAME"},
		{"ipsec interface sixteen-letters-", "'sixteen-letters-'"},
		{"ipsec interface a/b", "'a/b'"},
		{"ipsec interface \"\"", "allowed: ipsec interface NAME"},
		{"ipsec mark 0", "'0'"},
		{"ipsec mark 0x100/0xff", "'0x100/0xff'"},
		{"ipsec mark x", "'x'"},
		{"ipsec bypass-mark 1/1", "'1/1'"},
		{"ipsec gateway x", "'gateway'"},
		{"storage", "storage DIR"},
		{"storage-keep forever", "storage-keep TIME"},
		{"control", "control PATH"},
		{"clock-source", "clock-source auto, kernel"},
		{"clock-source ntpd", "'ntpd', allowed: clock-source auto, kernel"},
		{"clock-source kernel /run/x", "clock-source auto, kernel"},
		{"clock-source chronyd localhost", "clock-source auto, kernel"},
		{"clock-source chronyd 127.0.0.1", "clock-source auto, kernel"},
		{"clock-source ptp4l run", "clock-source auto, kernel"},
		{"clock-source ptp4l /run/p 256", "clock-source auto, kernel"},
		{"clock-source ptp4l /run/p 1 2", "clock-source auto, kernel"},
		{"user", "user NAME"},
		{"workers 0", "workers N, 1 to 64"},
		{"workers 65", "workers N, 1 to 64"},
		{"busy-poll", "busy-poll yes|no"},
		{"busy-poll 10us", "busy-poll yes|no"},
		{"listen stamp * 0", "1 to 65535"},
		{"stamp-key", "allowed: stamp-key KEYID net CIDR"},
		{"stamp-key a 192.0.2.1", "allowed: stamp-key KEYID net CIDR"},
		{"stamp-key a net 192.0.2.0/33", "'192.0.2.0/33'"},
		{"stamp-key a net 192.0.2.0/24 ssid", "no SSIDs"},
		{"stamp-key a net 192.0.2.0/24 ssid 9-8", "'9-8'"},
		{"stamp-key a net 192.0.2.0/24 ssid 65536", "'65536'"},
		{"stamp-key a net 192.0.2.0/24 open", "'open'"},
		{"stamp-key ike net 192.0.2.0/24 tlvs", "'tlvs'"},
		{"stamp-key \"\" net 192.0.2.0/24", "no KeyID"},
		{"stamp-ssid", "stamp-ssid any"},
		{"stamp-ssid 1,2-1", "'2-1'"},
		{"stamp-ssid 1-", "'1-'"},
		{"stamp-ssid -", "'-'"},
		{"stamp-ssid any 5", "'any'"},
		{"stamp-ssid 111111111", "'111111111'"},
		{"stamp-stateless", "stamp-stateless yes|no"},
		{"stamp-stateless perhaps", "'perhaps'"},
		{"stamp-dscp", "stamp-dscp any|none"},
		{"stamp-dscp ef,any", "'any'"},
		{"stamp-dscp 64", "'64'"},
		{"stamp-dscp ef,", "''"},
		{"stamp-format iso", "stamp-format ntp|ptp"},
		{"stamp-format ntp ptp", "stamp-format ntp|ptp"},
		{"frobnicate 1", "unknown directive 'frobnicate', allowed: listen modes"},
		{"user \"fizeau", "quotation that does not end"},
		{"a b c d e f g h i j k l m", "too many words"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fz_conf *conf = fz_conf_new();
		error[0] = '\0';
		if (fz_conf_line(conf, rows[i][0], error))
			fail_msg("'%s' is taken", rows[i][0]);
		if (!strstr(error, rows[i][1]))
			fail_msg("'%s': no '%s' in '%s'", rows[i][0], rows[i][1], error);
		fz_conf_release(conf);
	}
}

static void whole(void **state)
{
	static const char *const twice[] = {"user a", "user b", NULL};
	static const char *const keyless[] = {"ike off", "modes encrypted", NULL};
	static const char *const unmatched[] = {"limit anyone rate 1", "class a any", NULL};
	static const char *const blind[] = {"limit anyone require-ipsec yes", NULL};
	static const char *const seeing[] = {"limit anyone require-ipsec yes", "ipsec interface ipsec0",
		"ipsec interface xfrm1", "ipsec mark 0x10/0xf0", "ipsec bypass-mark 5", NULL};
	static const char *const fine[] = {"class a open", "class a net ::/0", "class b any", "limit a rate 7",
		"limit b deny", "limit a peer-sessions 2", "limit a sessions 9", NULL};
	struct fz_conf *conf;

	(void)state;
	assert_null(conf_of(blind));
	assert_non_null(strstr(error, "ipsec interface NAME or ipsec mark MARK"));
	conf = conf_of(seeing);
	assert_non_null(conf);
	assert_int_equal(conf->ipsec.interface_count, 2);
	assert_string_equal(conf->ipsec.interfaces[1], "xfrm1");
	assert_int_equal(conf->ipsec.marks[0].mask, 0xf0);
	assert_int_equal(conf->ipsec.bypass_mark, 5);
	fz_conf_release(conf);
	assert_null(conf_of(twice));
	assert_non_null(strstr(error, "second time"));
	/*= rfc4656#section-2 OW-2-05 */
	assert_null(conf_of(keyless));
	assert_non_null(strstr(error, "key source"));
	assert_null(conf_of(unmatched));
	assert_non_null(strstr(error, "'anyone'"));
	conf = conf_of(fine);
	assert_non_null(conf);
	assert_int_equal(conf->class_count, 2);
	assert_int_equal(conf->rule_count, 3);
	assert_int_equal(conf->classes[0].limits[FZ_LIMIT_PEER_SESSIONS], 2);
	assert_true(fz_conf_given(conf, "class"));
	assert_false(fz_conf_given(conf, "user"));
	fz_conf_release(conf);
}

/* What is printed is a configuration of its own, and the same one. */
static void round_trip(void **state)
{
	static const char *const lines[] = {"listen twamp * 1862", "modes open,encrypted", "keys \"a b\"", "ike static f",
		"class a net 10.0.0.0/8 open", "class b any", "limit a duration none", "limit b modes mixed",
		"limit a require-ipsec yes", "limit b bypass-ipsec yes", "ipsec mark 3/7", "ipsec interface a0",
		"listen stamp 2001:db8::1 862", "listen stamp * 1862", "stamp-key \"a b\" net 192.0.2.0/24 ssid 7 tlvs",
		"stamp-key ike net ::/0 ssid 1-65535", "stamp-ssid 0,7-9", "stamp-dscp ef,af41,0", "stamp-format ptp",
		"stamp-stateless yes", "stamp-short yes", "stamp-tlvs no", "stamp-location no", NULL};
	struct fz_conf *conf = conf_of(lines), *again = fz_conf_new();
	char *text, *copy, *second;

	(void)state;
	assert_non_null(conf);
	text = printed(conf);
	copy = strdup(text);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		if (!fz_conf_line(again, line, error))
			fail_msg("%s: %s", line, error);
	}
	assert_true(fz_conf_finish(again, error));
	second = printed(again);
	assert_string_equal(text, second);
	free(text);
	free(copy);
	free(second);
	fz_conf_release(conf);
	fz_conf_release(again);
}

static const struct fz_stamp_key *key_of(const struct fz_conf *conf, const char *host, uint16_t ssid)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(host, &addr));
	return fz_stamp_key_of(&conf->stamp, &addr, ssid);
}

/*= rfc8762#section-4.1 ST-4.1-04 ST-4.1-05 */
/*= rfc8762#section-4.4 ST-4.4-02 */
/*= rfc8762#section-5 ST-5-01 */
/*= rfc8972#section-3 SX-3-05 */
/*= rfc8972#section-6 SX-6-02 */
static void stamp(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const lines[] = {"listen stamp * 862", "stamp-key a net 192.0.2.0/25 ssid 5-6",
		"stamp-key b net 192.0.2.0/24", "stamp-key ike net 2001:db8::/32", "stamp-ssid 1-4,9", "stamp-dscp cs1,46", NULL};
	struct fz_conf *conf = conf_of(none);

	(void)state;
	assert_int_equal(conf->stamp.listen_count, 0);
	assert_true(!conf->stamp.stateless && !conf->stamp.answer_short && conf->stamp.tlvs && conf->stamp.location);
	assert_true(conf->stamp.dscps == UINT64_MAX && !conf->stamp.ptp);
	assert_true(fz_stamp_ssid_allowed(&conf->stamp, 0) && fz_stamp_ssid_allowed(&conf->stamp, 65535));
	fz_conf_release(conf);
	conf = conf_of(lines);
	assert_non_null(conf);
	assert_int_equal(conf->listen_count, 0);
	assert_int_equal(conf->stamp.listen_count, 1);
	assert_true(conf->stamp.listens[0].any && conf->stamp.listens[0].port == 862);
	assert_ptr_equal(key_of(conf, "192.0.2.1", 5), &conf->stamp.keys[0]);
	assert_ptr_equal(key_of(conf, "192.0.2.1", 7), &conf->stamp.keys[1]);
	assert_ptr_equal(key_of(conf, "192.0.2.128", 5), &conf->stamp.keys[1]);
	assert_ptr_equal(key_of(conf, "2001:db8::1", 0), &conf->stamp.keys[2]);
	assert_null(key_of(conf, "192.0.3.1", 5));
	assert_null(key_of(conf, "2001:db9::1", 5));
	for (uint16_t ssid = 0; ssid < 20; ssid++)
		assert_int_equal(fz_stamp_ssid_allowed(&conf->stamp, ssid), (ssid >= 1 && ssid <= 4) || ssid == 9);
	assert_true(conf->stamp.dscps == (UINT64_C(1) << 8 | UINT64_C(1) << 46));
	fz_conf_release(conf);
}

static void files(void **state)
{
	char path[] = "/tmp/fizeau-conf-XXXXXX", wanted[128], long_line[FZ_CONF_LINE_MAX + 100];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct fz_conf *conf;

	(void)state;
	assert_non_null(file);
	fprintf(file, "# one\n\nservwait soon\n");
	fflush(file);
	assert_null(fz_conf_load(path, false, error));
	snprintf(wanted, sizeof(wanted), "%s:3: ", path);
	assert_memory_equal(error, wanted, strlen(wanted));
	assert_int_equal(ftruncate(fd, 0), 0);
	rewind(file);
	memset(long_line, 'x', sizeof(long_line));
	fprintf(file, "user y\n# %.*s\n", (int)sizeof(long_line), long_line);
	fflush(file);
	assert_null(fz_conf_load(path, false, error));
	assert_non_null(strstr(error, ":2: line too long"));
	assert_int_equal(ftruncate(fd, 0), 0);
	rewind(file);
	fprintf(file, "user somebody"); /* no newline at the end */
	fflush(file);
	conf = fz_conf_load(path, false, error);
	assert_non_null(conf);
	assert_string_equal(conf->user, "somebody");
	fz_conf_release(conf);
	fclose(file);
	unlink(path);
	assert_null(fz_conf_load(path, false, error));
	assert_non_null(strstr(error, "cannot be opened"));
	conf = fz_conf_load(path, true, error);
	assert_non_null(conf);
	fz_conf_release(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(listeners_given_are_all), cmocka_unit_test(good_lines), cmocka_unit_test(bad_lines),
		cmocka_unit_test(whole), cmocka_unit_test(round_trip), cmocka_unit_test(stamp), cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
