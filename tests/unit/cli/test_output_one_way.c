/* SPDX-License-Identifier: MIT */
/* The outputs of OWAMP's sessions from fixed summaries: what people and scripts depend on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "cli/records.h"
#include "cli/result.h"

static const struct fz_slot_wish slots[] = {{true, 100000000}, {false, 0}};

static struct fz_addr address(const char *host, uint16_t port)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(host, &addr));
	fz_addr_set_port(&addr, port);
	return addr;
}

static struct fizeau_distribution spread(int64_t base)
{
	return (struct fizeau_distribution){.valid = true, .values = 95, .min = base, .mean = base + 1500,
		.median = base + 1000, .p90 = base + 2000, .p95 = base + 3000, .p99 = base + 4000,
		.p999 = base + 5000, .max = base + 6000, .stddev = 700};
}

static struct fizeau_distribution runs(uint64_t count, int64_t min, int64_t median, int64_t max)
{
	return (struct fizeau_distribution){.valid = true, .values = count, .min = min, .mean = median,
		.median = median, .max = max};
}

/* The server received: its sender was here. */
static struct fz_one_way_session to(void)
{
	struct fz_one_way_session session = {
		.facts = {
			.sid = {0xc0, 0x00, 0x02, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
			.local = address("192.0.2.1", 40000),
			.remote = address("192.0.2.7", 18760),
			.dscp = 46,
			.packet_octets = 14,
			.schedule = "exp:100ms,0s",
			.slots = slots,
			.slot_count = 2,
			.wanted = 100,
			.timeout_ns = 2000000000,
			.start_unix_ns = 1795499402000000007,
		},
		.direction = FZ_TO,
		.sent_here = true,
		.sent = 98,
		.send_error = spread(0),
		.sent_by = {.user = 98},
	};

	session.summary = (struct fizeau_one_way_summary){
		.sent = 98,
		.skipped = 2,
		.received = 95,
		.lost = 3,
		.duplicates = 19,
		.replicated = 4,
		.reordered = 19,
		.reordering_extent_max = 6,
		.n_reordered = {3, 2, 1},
		.delay = spread(1500000),
		.ipdv = spread(-499),
		.pdv = spread(0),
		.loss_burst = runs(2, 1, 1, 2),
		.loss_gap = runs(1, 7, 7, 7),
		.synchronized_sender = true,
		.synchronized_receiver = true,
		.error_sender_ns = 400000,
		.ipdv_error_ns = 10,
		.pdv_error_ns = 5000000,
		.error_receiver_ns = 1100000,
		.ttl_valid = true,
		.ttl_min = 250,
		.ttl_max = 252,
	};
	return session;
}

/* We received. */
static struct fz_one_way_session from(void)
{
	struct fz_one_way_session session = to();

	session.direction = FZ_FROM;
	session.facts.sid[0] = 0xc1;
	session.sent_here = false;
	session.send_error.valid = false;
	session.received_here = true;
	session.received_by = (struct fz_stamp_counts){.kernel = 100};
	session.summary = (struct fizeau_one_way_summary){
		.sent = 100,
		.received = 100,
		.delay = spread(900000),
		.ipdv = spread(-499),
		.pdv = spread(0),
		.synchronized_sender = true,
		.synchronized_receiver = true,
		.error_sender_ns = 400000,
		.ipdv_error_ns = 10,
		.pdv_error_ns = 5000000,
		.error_receiver_ns = 600000,
		.ttl_valid = true,
		.ttl_min = 255,
		.ttl_max = 255,
	};
	return session;
}

static struct fz_result result_of(const struct fz_one_way_session *sessions, size_t count)
{
	return (struct fz_result){
		.protocol = "OWAMP",
		.mode = FIZEAU_MODE_OPEN,
		.key = {.source = FZ_KEY_NONE},
		.server = address("192.0.2.7", 861),
		.client = address("192.0.2.1", 51000),
		.one_way = sessions,
		.one_way_count = count,
	};
}

static bool full(const struct fz_result *result, FILE *out)
{
	return fz_out_text(result, false, out);
}

static bool brief(const struct fz_result *result, FILE *out)
{
	return fz_out_text(result, true, out);
}

/* What print writes, to be freed. */
static char *capture(bool (*print)(const struct fz_result *, FILE *), const struct fz_one_way_session *sessions,
	size_t count)
{
	struct fz_result result = result_of(sessions, count);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_true(print(&result, out));
	assert_int_equal(fclose(out), 0);
	return text;
}

static void expect(bool (*print)(const struct fz_result *, FILE *), const struct fz_one_way_session *sessions,
	size_t count, const char *golden)
{
	char *text = capture(print, sessions, count);

	assert_string_equal(text, golden);
	free(text);
}

static void expect_lines(const struct fz_one_way_session *session, const char *const *lines)
{
	char *text = capture(full, session, 1);

	for (; *lines != NULL; lines++)
		if (strstr(text, *lines) == NULL)
			fail_msg("no %s in:\n%s", *lines, text);
	free(text);
}

/*= rfc7679#section-3.8 OD-3.8-01 OD-3.8.1-01 OD-3.8.2-01 */
/*= rfc7680#section-2.8 OL-2.8-01 */
/*= rfc7679#section-3.8.3 OD-3.8.3-02 */
static void text_of_both(void **state)
{
	struct fz_one_way_session sessions[] = {to(), from()};

	(void)state;
	expect(full, sessions, 2,
		"OWAMP open, no key\n"
		"to    192.0.2.1:40000 to 192.0.2.7:18760, 14 octets, dscp 46, schedule exp:100ms,0s, timeout "
		"2000.000 ms, SID c00002070102030405060708090a0b0c\n"
		"from  192.0.2.7:18760 to 192.0.2.1:40000, 14 octets, dscp 46, schedule exp:100ms,0s, timeout "
		"2000.000 ms, SID c10002070102030405060708090a0b0c\n"
		"\n"
		"packets            sent                 lost duplicates  reordered     hops\n"
		"to                   98           3 (3.06 %)         19         19   3 to 5\n"
		"from                100           0 (0.00 %)          0          0        0\n"
		"\n"
		"ms                  min     median        p95        p99        max\n"
		"to delay          1.500      1.501      1.503      1.504      1.506\n"
		"to ipdv           0.000      0.001      0.003      0.004      0.006\n"
		"to pdv            0.000      0.001      0.003      0.004      0.006\n"
		"from delay?       0.900      0.901      0.903      0.904      0.906\n"
		"from ipdv         0.000      0.001      0.003      0.004      0.006\n"
		"from pdv          0.000      0.001      0.003      0.004      0.006\n"
		"\n"
		"to    clocks: sender synchronised (within 0.400 ms), receiver synchronised (within 1.100 ms): the "
		"delay is right within 1.500 ms\n"
		"from  clocks: sender synchronised (within 0.400 ms), receiver synchronised (within 0.600 ms): clocks "
		"differ by up to 1.000 ms: one-way delay cannot be trusted\n"
		"to    loss: 2 bursts of 1 to 2 packets (median 1), 1 gap of 7 packets\n"
		"to    reordering: 19 of the received (20.00 %), extent up to 6, 3 1-reordered, 2 2-reordered, 1 "
		"3-reordered\n"
		"to    stamps: sent 98 in user space\n"
		"to    send times: 0.001 ms behind schedule (median), 0.004 ms (p99), 0.006 ms (max); no slot missed\n"
		"from  stamps: received 100 by the kernel\n"
		"to    skipped: 2 packets were never sent\n");
	expect(brief, sessions, 2,
		"to 192.0.2.7: 98 sent, 3 lost (3.06 %), delay min/median/max 1.500/1.501/1.506 ms\n"
		"from 192.0.2.7: 100 sent, 0 lost (0.00 %), delay min/median/max 0.900/0.901/0.906 ms (clocks cannot "
		"be trusted)\n");
}

static void text_of_trouble(void **state)
{
	static const char *const wanted[] = {
		"from delay? ",
		"from  clocks: sender synchronised (within 0.400 ms), receiver not synchronised: one-way delay cannot be "
		"trusted, the receiver's clock is not synchronised\n",
		"from  local drops: 6 while receiving (its socket's buffer was full): 5 of the lost packets were dropped by "
		"this host, not by the network\n",
		"from  discarded: 7 with a wrong HMAC, 8 from another source, 9 outside their time\n",
		"from  stamps: received 99 by the kernel, 1 in user space (fallback",
		"from  incomplete: interrupted after 100 of 100 packets\n",
		NULL,
	};
	static const char *const sending[] = {
		"to    sender: 5 packets left more than 1 ms behind schedule, at worst 0.006 ms\n",
		"to    local drops: 4 while sending\n",
		"to    incomplete: the server stopped after 98 of 100 packets\n",
		NULL,
	};
	struct fz_one_way_session session = from();

	(void)state;
	session.summary.synchronized_receiver = false;
	session.receive_drops = 6;
	session.discards = (struct fz_discards){.hmac = 7, .foreign_source = 8};
	session.discarded_late = 9;
	session.received_by = (struct fz_stamp_counts){.kernel = 99, .user = 1};
	session.lost_local = 5;
	session.facts.ending = FZ_ENDED_INTERRUPTED;
	expect_lines(&session, wanted);
	session = to();
	session.sender_late = 5;
	session.send_drops = 4;
	session.facts.ending = FZ_ENDED_SERVER;
	expect_lines(&session, sending);
}

/* Without records nothing is 0. */
static void text_of_nothing(void **state)
{
	struct fz_one_way_session session = to();

	(void)state;
	session.summary = (struct fizeau_one_way_summary){0};
	session.send_error.valid = false;
	session.facts.packet_octets = 0;
	session.facts.padding_octets = 20;
	session.facts.local.len = 0;
	session.failure = "the server refused";
	expect(full, &session, 1,
		"OWAMP open, no key\n"
		"to    an unknown sender to 192.0.2.7:18760, 20 octets of padding, dscp 46, schedule exp:100ms,0s, "
		"timeout 2000.000 ms, SID c00002070102030405060708090a0b0c\n"
		"\n"
		"packets            sent                 lost duplicates  reordered     hops\n"
		"to                   98                    -          -          -        -\n"
		"\n"
		"ms                  min     median        p95        p99        max\n"
		"to delay              -          -          -          -          -\n"
		"to ipdv               -          -          -          -          -\n"
		"to pdv                -          -          -          -          -\n"
		"\n"
		"to    no result: the server refused\n");
	expect(brief, &session, 1, "to 192.0.2.7: no result: the server refused\n");
}

#define DISTRIBUTION(min, mean, median, p90, p95, p99, p999, max, stddev) \
	"{\"n\":95,\"min\":" min ",\"mean\":" mean ",\"median\":" median ",\"p90\":" p90 ",\"p95\":" p95 ",\"p99\":" p99 \
	",\"p999\":" p999 ",\"max\":" max ",\"stddev\":" stddev "}"
#define NO_DISTRIBUTION \
	"{\"n\":null,\"min\":null,\"mean\":null,\"median\":null,\"p90\":null,\"p95\":null,\"p99\":null,\"p999\":null," \
	"\"max\":null,\"stddev\":null}"
#define HEAD \
	"{\"schema\":\"fizeau.result/1\",\"protocol\":\"OWAMP\",\"mode\":\"open\",\"features\":[]," \
	"\"key\":{\"source\":\"none\",\"keyid\":null,\"spi_i\":null,\"spi_r\":null,\"prf\":null," \
	"\"peer_id\":null,\"local_id\":null}," \
	"\"server\":\"192.0.2.7:861\",\"client\":\"192.0.2.1:51000\",\"sessions\":["
#define FACTS \
	"\"local\":\"192.0.2.1:40000\",\"remote\":\"192.0.2.7:18760\",\"dscp\":46,\"bypass_ipsec_mark\":null,\"padding_octets\":0," \
	"\"packet_octets\":14,\"schedule\":[{\"type\":\"exponential\",\"mean_ns\":100000000}," \
	"{\"type\":\"fixed\",\"interval_ns\":0}],\"timeout_ns\":2000000000," \
	"\"start_time\":\"2026-11-24T05:50:02.000000007Z\","

static void expect_json(const struct fz_one_way_session *sessions, size_t count, const char *golden)
{
	char *text = capture(fz_out_json, sessions, count);
	json_t *got = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *wanted = json_loads(golden, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(got);
	assert_non_null(wanted);
	if (!json_equal(got, wanted))
		assert_string_equal(text, golden);
	json_decref(got);
	json_decref(wanted);
	free(text);
}

/*= rfc2330#section-13 FW-13-01 */
/*= rfc2330#section-11.3 FW-11.3-02 */
/*= rfc7679#section-3.8 OD-3.8-01 OD-3.8.1-01 OD-3.8.2-01 */
/*= rfc7679#section-3.8.3 OD-3.8.3-02 */
/*= rfc7680#section-2.8 OL-2.8-01 */
/*= rfc7680#section-4.1 OL-4.1-01 */
/*= rfc3393#section-1 PV-1-01 */
/*= rfc4737#section-6 RE-1.1-01 RE-6-01 */
/*= rfc4737#section-4.1 RE-4.1-01 */
/*= rfc5560#section-5 DU-5-01 */
static void json_of_both(void **state)
{
	struct fz_one_way_session sessions[] = {to(), from()};

	(void)state;
	/* Ratios that are exact in binary and in decimal. */
	sessions[0].summary.sent = 96;
	sessions[0].summary.received = 76;
	sessions[0].summary.lost = 24;
	expect_json(sessions, 2, HEAD
		"{\"sid\":\"c00002070102030405060708090a0b0c\",\"direction\":\"to\"," FACTS "\"ended\":\"complete\","
		"\"failure\":null,"
		"\"packets\":{\"wanted\":100,\"sent\":96,\"skipped\":2,\"received\":76,\"lost\":24,\"lost_local\":null,\"lost_network\":null,\"loss_ratio\":0.25,"
		"\"duplicates\":19,\"duplication_ratio\":0.25,\"replicated\":4,\"reordered\":19,"
		"\"reordered_ratio\":0.25,\"reordering_extent_max\":6,\"n_reordered\":[3,2,1,0,0,0,0,0],"
		"\"sender_late\":0,\"send_drops\":0,\"receive_drops\":null,\"discarded\":null},"
		"\"delay_ns\":" DISTRIBUTION("1500000", "1501500", "1501000", "1502000", "1503000", "1504000", "1505000",
			"1506000", "700") ","
		"\"ipdv_ns\":" DISTRIBUTION("-499", "1001", "501", "1501", "2501", "3501", "4501", "5501", "700") ","
		"\"pdv_ns\":" DISTRIBUTION("0", "1500", "1000", "2000", "3000", "4000", "5000", "6000", "700") ","
		"\"loss_bursts\":{\"count\":2,\"min\":1,\"mean\":1,\"median\":1,\"max\":2},"
		"\"loss_gaps\":{\"count\":1,\"min\":7,\"mean\":7,\"median\":7,\"max\":7},"
		"\"send_error_ns\":" DISTRIBUTION("0", "1500", "1000", "2000", "3000", "4000", "5000", "6000", "700") ","
		"\"ttl\":{\"min\":250,\"max\":252},"
		"\"clock\":{\"sender\":{\"synchronized\":true,\"error_ns\":400000,\"source\":null,\"stepped\":null},"
		"\"receiver\":{\"synchronized\":true,\"error_ns\":1100000,\"source\":null,\"stepped\":null},"
		"\"error_ns\":1500000,\"trusted\":true,\"same\":false,\"usable\":true,\"reason\":null,"
		"\"one_way_error_ns\":1500000,\"ipdv_error_ns\":10,\"pdv_error_ns\":3000000},"
		"\"missed_slots\":{\"count\":0,\"numbers\":[],\"all\":true},"
		"\"stamps\":{\"sent\":\"user\",\"received\":null,"
		"\"sent_by\":{\"hardware\":0,\"kernel\":0,\"user\":98},\"received_by\":null}},"
		"{\"sid\":\"c10002070102030405060708090a0b0c\",\"direction\":\"from\"," FACTS "\"ended\":\"complete\","
		"\"failure\":null,"
		"\"packets\":{\"wanted\":100,\"sent\":100,\"skipped\":0,\"received\":100,\"lost\":0,\"lost_local\":0,\"lost_network\":0,\"loss_ratio\":0.0,"
		"\"duplicates\":0,\"duplication_ratio\":0.0,\"replicated\":0,\"reordered\":0,"
		"\"reordered_ratio\":0.0,\"reordering_extent_max\":0,\"n_reordered\":[0,0,0,0,0,0,0,0],"
		"\"sender_late\":null,\"send_drops\":null,\"receive_drops\":0,\"discarded\":{\"hmac\":0,\"length\":0,"
		"\"error_estimate\":0,\"unknown_number\":0,\"foreign_source\":0,\"late\":0,\"rate\":0}},"
		"\"delay_ns\":" DISTRIBUTION("900000", "901500", "901000", "902000", "903000", "904000", "905000",
			"906000", "700") ","
		"\"ipdv_ns\":" DISTRIBUTION("-499", "1001", "501", "1501", "2501", "3501", "4501", "5501", "700") ","
		"\"pdv_ns\":" DISTRIBUTION("0", "1500", "1000", "2000", "3000", "4000", "5000", "6000", "700") ","
		"\"loss_bursts\":{\"count\":0,\"min\":null,\"mean\":null,\"median\":null,\"max\":null},"
		"\"loss_gaps\":{\"count\":0,\"min\":null,\"mean\":null,\"median\":null,\"max\":null},"
		"\"send_error_ns\":" NO_DISTRIBUTION ","
		"\"ttl\":{\"min\":255,\"max\":255},"
		"\"clock\":{\"sender\":{\"synchronized\":true,\"error_ns\":400000,\"source\":null,\"stepped\":null},"
		"\"receiver\":{\"synchronized\":true,\"error_ns\":600000,\"source\":null,\"stepped\":null},"
		"\"error_ns\":1000000,\"trusted\":false,\"same\":false,\"usable\":true,\"reason\":null,"
		"\"one_way_error_ns\":1000000,\"ipdv_error_ns\":10,\"pdv_error_ns\":2000000},"
		"\"missed_slots\":null,\"stamps\":{\"sent\":null,\"received\":\"kernel\",\"sent_by\":null,"
		"\"received_by\":{\"hardware\":0,\"kernel\":100,\"user\":0}}}]}");
}

/* What could not be measured is null. */
static void json_of_nothing(void **state)
{
	struct fz_one_way_session session = to();

	(void)state;
	session.summary = (struct fizeau_one_way_summary){0};
	session.send_error.valid = false;
	session.failure = "the server refused";
	session.facts.ending = FZ_ENDED_INVALID;
	expect_json(&session, 1, HEAD
		"{\"sid\":\"c00002070102030405060708090a0b0c\",\"direction\":\"to\"," FACTS "\"ended\":\"invalid\","
		"\"failure\":\"the server refused\","
		"\"packets\":{\"wanted\":100,\"sent\":98,\"skipped\":null,\"received\":null,\"lost\":null,\"lost_local\":null,\"lost_network\":null,"
		"\"loss_ratio\":null,\"duplicates\":null,\"duplication_ratio\":null,\"replicated\":null,"
		"\"reordered\":null,\"reordered_ratio\":null,\"reordering_extent_max\":null,\"n_reordered\":null,"
		"\"sender_late\":0,\"send_drops\":0,\"receive_drops\":null,\"discarded\":null},"
		"\"delay_ns\":" NO_DISTRIBUTION ",\"ipdv_ns\":" NO_DISTRIBUTION ",\"pdv_ns\":" NO_DISTRIBUTION ","
		"\"loss_bursts\":{\"count\":null,\"min\":null,\"mean\":null,\"median\":null,\"max\":null},"
		"\"loss_gaps\":{\"count\":null,\"min\":null,\"mean\":null,\"median\":null,\"max\":null},"
		"\"send_error_ns\":" NO_DISTRIBUTION ",\"ttl\":{\"min\":null,\"max\":null},"
		"\"clock\":{\"sender\":{\"synchronized\":null,\"error_ns\":null,\"source\":null,\"stepped\":null},"
		"\"receiver\":{\"synchronized\":null,\"error_ns\":null,\"source\":null,\"stepped\":null},"
		"\"error_ns\":null,\"trusted\":null,\"same\":false,\"usable\":null,\"reason\":null,"
		"\"one_way_error_ns\":null,\"ipdv_error_ns\":null,\"pdv_error_ns\":null},"
		"\"missed_slots\":{\"count\":0,\"numbers\":[],\"all\":true},"
		"\"stamps\":{\"sent\":\"user\",\"received\":null,"
		"\"sent_by\":{\"hardware\":0,\"kernel\":0,\"user\":98},\"received_by\":null}}]}");
}

static void trust(void **state)
{
	struct fizeau_one_way_summary summary = {.synchronized_sender = true, .synchronized_receiver = true,
		.error_sender_ns = 400, .error_receiver_ns = 600};

	(void)state;
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_UNKNOWN);
	summary.delay = (struct fizeau_distribution){.valid = true, .median = 1000};
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_GOOD);
	summary.delay.median = 999;
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_NOT);
	summary.delay.median = -5;
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_NOT);
	summary.delay.median = 1000;
	summary.synchronized_sender = false;
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_NOT);
	summary.synchronized_sender = true;
	summary.synchronized_receiver = false;
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_NOT);
	summary.synchronized_receiver = true;
	summary.error_sender_ns = summary.error_receiver_ns = INT64_MAX;
	assert_int_equal(fz_one_way_error_ns(&summary), INT64_MAX);
	assert_int_equal(fz_one_way_trust(&summary), FZ_TRUST_NOT);
}

static void lateness(void **state)
{
	int64_t values[] = {2000000, 1000000, 1000001, -5};
	struct fizeau_distribution send_error;
	uint64_t late = 99;

	(void)state;
	fz_lateness(values, 4, &send_error, &late);
	assert_int_equal(late, 2);
	assert_int_equal(send_error.min, -5);
	assert_int_equal(send_error.max, 2000000);
	fz_lateness(values, 0, &send_error, &late);
	assert_int_equal(late, 0);
	assert_false(send_error.valid);
}

static void records(void **state)
{
	/* 2026-11-24 05:50:02 UTC, and halves of a second. */
	const uint64_t base = (1795499402ull + 2208988800ull) << 32, half = 1ull << 31;
	/* S, Scale 1, Multiplier 1: 2^-31 s; without S: 2^-32 s. */
	const struct fizeau_record some[] = {
		{.seq = 2, .send_ntp = base + 4 * half, .receive_ntp = base + 5 * half, .send_error = 0x8101,
			.receive_error = 0x0001, .ttl = 250},
		{.seq = 1, .send_ntp = base + 2 * half, .send_error = FIZEAU_SEND_ERROR_LOST, .receive_error = 0x8101,
			.ttl = 255},
		{.seq = 0, .send_ntp = base, .receive_ntp = base + 7 * half, .send_error = 0x8101,
			.receive_error = 0x8101, .ttl = 250},
		{.seq = 2, .send_ntp = base + 4 * half, .receive_ntp = base + 5 * half, .send_error = 0x8101,
			.receive_error = 0x8101, .ttl = 255},
	};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_true(fz_records_write_one_way(out, "from", some, 4, 3000000000));
	fclose(out);
	assert_string_equal(text,
		"{\"direction\":\"from\",\"seq\":2,\"lost\":false,\"duplicate\":false,\"sent_unix_ns\":1795499404000000000,"
		"\"received_unix_ns\":1795499404500000000,\"delay_ns\":500000000,\"send_synchronized\":true,"
		"\"send_error_ns\":1,\"receive_synchronized\":false,\"receive_error_ns\":1,\"ttl\":250}\n"
		"{\"direction\":\"from\",\"seq\":1,\"lost\":true,\"duplicate\":false,\"sent_unix_ns\":1795499403000000000,"
		"\"received_unix_ns\":null,\"delay_ns\":null,\"send_synchronized\":null,\"send_error_ns\":null,"
		"\"receive_synchronized\":null,\"receive_error_ns\":null,\"ttl\":null}\n"
		"{\"direction\":\"from\",\"seq\":0,\"lost\":true,\"duplicate\":false,\"sent_unix_ns\":1795499402000000000,"
		"\"received_unix_ns\":1795499405500000000,\"delay_ns\":3500000000,\"send_synchronized\":true,"
		"\"send_error_ns\":1,\"receive_synchronized\":true,\"receive_error_ns\":1,\"ttl\":250}\n"
		"{\"direction\":\"from\",\"seq\":2,\"lost\":false,\"duplicate\":true,\"sent_unix_ns\":1795499404000000000,"
		"\"received_unix_ns\":1795499404500000000,\"delay_ns\":500000000,\"send_synchronized\":true,"
		"\"send_error_ns\":1,\"receive_synchronized\":true,\"receive_error_ns\":1,\"ttl\":255}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_both),
		cmocka_unit_test(text_of_trouble),
		cmocka_unit_test(text_of_nothing),
		cmocka_unit_test(json_of_both),
		cmocka_unit_test(json_of_nothing),
		cmocka_unit_test(trust),
		cmocka_unit_test(lateness),
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
