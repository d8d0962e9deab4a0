/* SPDX-License-Identifier: MIT */
/* The outputs from fixed summaries: what people and scripts depend on. */
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
	return (struct fizeau_distribution){.valid = true, .values = 99, .min = base, .mean = base + 1500,
		.median = base + 1000, .p90 = base + 2000, .p95 = base + 3000, .p99 = base + 4000,
		.p999 = base + 5000, .max = base + 6000, .stddev = 700};
}

static struct fz_session_facts facts(void)
{
	return (struct fz_session_facts){
		.sid = {0xc0, 0x00, 0x02, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		.local = address("192.0.2.1", 40000),
		.remote = address("192.0.2.7", 18760),
		.dscp = 46,
		.packet_octets = 48,
		.schedule = "exp:100ms,0s",
		.slots = slots,
		.slot_count = 2,
		.wanted = 100,
		.timeout_ns = 2000000000,
		.start_unix_ns = 1795499402000000007,
	};
}

static struct fz_result_session measured(void)
{
	struct fz_result_session session = {
		.facts = facts(),
		.sent_by = {.kernel = 95, .user = 5},
		.received_by = {.kernel = 99},
		.send_error = spread(0),
	};

	session.summary = (struct fizeau_round_trip_summary){
		.sent = 100,
		.received = 99,
		.lost = 1,
		.lost_forward_valid = true,
		.lost_forward = 1,
		.duplicates = 2,
		.reordered = 3,
		.round_trip = spread(1000000),
		.forward = spread(-250000),
		.backward = spread(1250000),
		.reflector = spread(20499),
		.ipdv = spread(-499),
		.pdv = spread(0),
		.synchronized_sender = true,
		.synchronized_reflector = true,
		.error_sender_ns = 400000,
		.error_reflector_ns = 1100000,
		.round_trip_error_ns = 5100,
		.ttl_valid = true,
		.forward_ttl_min = 61,
		.forward_ttl_max = 62,
		.backward_ttl_min = 60,
		.backward_ttl_max = 60,
	};
	return session;
}

static struct fz_result keyed_by_ike(const struct fz_result_session *session)
{
	return (struct fz_result){
		.protocol = "TWAMP",
		.mode = FIZEAU_MODE_AUTHENTICATED,
		.key = {.source = FZ_KEY_IKE,
			.spi_i = {0x0f, 0x3c, 0, 1, 2, 3, 4, 5},
			.spi_r = {0x99, 0xab, 6, 7, 8, 9, 10, 11},
			.prf = FIZEAU_PRF_HMAC_SHA2_256,
			.peer_id = "CN=gw.example",
			.local_id = "CN=me.example"},
		.server = address("192.0.2.7", 862),
		.client = address("192.0.2.1", 51000),
		.sessions = session,
		.session_count = 1,
	};
}

/* What print writes, to be freed. */
static char *capture(bool (*print)(const struct fz_result *, FILE *), const struct fz_result *result)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_true(print(result, out));
	assert_int_equal(fclose(out), 0);
	return text;
}

static bool full(const struct fz_result *result, FILE *out)
{
	return fz_out_text(result, false, out);
}

static bool brief(const struct fz_result *result, FILE *out)
{
	return fz_out_text(result, true, out);
}

static void expect(bool (*print)(const struct fz_result *, FILE *), const struct fz_result *result, const char *golden)
{
	char *text = capture(print, result);

	assert_string_equal(text, golden);
	free(text);
}

static void text_of_a_measurement(void **state)
{
	struct fz_result_session session = measured();
	struct fz_result result = keyed_by_ike(&session);

	(void)state;
	expect(full, &result,
		"TWAMP authenticated, keyed by IKEv2 SA 0f3c000102030405/99ab060708090a0b with CN=gw.example, prf "
		"HMAC-SHA2-256\n"
		"192.0.2.1:40000 to 192.0.2.7:18760, 48 octets, dscp 46, schedule exp:100ms,0s, SID "
		"c00002070102030405060708090a0b0c\n"
		"\n"
		"100 sent, 99 received, 1 lost (1.00 %): 1 forward, 0 backward; 2 duplicates, 3 reordered\n"
		"\n"
		"ms                  min     median        p95        p99        max\n"
		"round trip        1.000      1.001      1.003      1.004      1.006\n"
		"forward          -0.250     -0.249     -0.247     -0.246     -0.244\n"
		"backward          1.250      1.251      1.253      1.254      1.256\n"
		"reflector         0.020      0.021      0.023      0.024      0.026\n"
		"ipdv              0.000      0.001      0.003      0.004      0.006\n"
		"pdv               0.000      0.001      0.003      0.004      0.006\n"
		"\n"
		"clocks: here synchronised (within 0.400 ms), there synchronised (within 1.100 ms): forward and "
		"backward are right within 1.500 ms; the round trip within 0.005 ms\n"
		"stamps: sent 95 by the kernel, 5 in user space; received 99 by the kernel\n"
		"send times: 0.001 ms behind schedule (median), 0.004 ms (p99), 0.006 ms (max); no slot missed\n"
		"ttl: forward 61 to 62, backward 60\n");
	expect(brief, &result,
		"192.0.2.7: 100 sent, 1 lost (1.00 %), round trip min/median/max 1.000/1.001/1.006 ms\n");
}

static void text_of_trouble(void **state)
{
	struct fz_result_session session = measured();
	struct fz_result result = keyed_by_ike(&session);
	struct fz_missed_range missed[] = {{7, 7}, {9, 12}};
	char *text;

	(void)state;
	session.summary.synchronized_reflector = false;
	session.summary.lost_forward_valid = false;
	session.summary.lost = 1;
	session.summary.sent = 1000000;
	session.received_by = (struct fz_stamp_counts){.hardware = 1, .kernel = 2, .user = 3};
	session.missed = (struct fz_missed){.count = 5, .ranges = missed, .range_count = 2};
	session.sender_late = 5;
	session.send_drops = 4;
	session.facts.ending = FZ_ENDED_CONTROL;
	session.facts.wanted = 2000000;
	session.discards = (struct fz_discards){.hmac = 7, .foreign_source = 8};
	result.key = (struct fz_result_key){.source = FZ_KEY_PASSPHRASE, .key_id = "joe\033[2J"};
	text = capture(full, &result);
	assert_non_null(strstr(text, "TWAMP authenticated, keyed by the passphrase of KeyID joe?[2J\n"));
	assert_non_null(strstr(text, "1 lost (<0.01 %); 2 duplicates"));
	assert_non_null(strstr(text, "there not synchronised: no forward and backward, the receiver's clock is not "
		"synchronised; the round trip within "));
	assert_non_null(strstr(text, "; received 1 by the network card, 2 by the kernel, 3 in user space (fallback"));
	assert_non_null(strstr(text, " (max); 5 slots missed: 7, 9 to 12\n"));
	assert_non_null(strstr(text, "sender: 5 packets left more than 1 ms behind schedule, at worst 0.006 ms\n"));
	assert_non_null(strstr(text, "local drops: 4 while sending"));
	assert_non_null(strstr(text, "discarded: 7 with a wrong HMAC, 8 from another source\n"));
	assert_non_null(strstr(text, "incomplete: the control connection broke after 1000000 of 2000000 packets\n"));
	free(text);
	session.summary.lost_forward_valid = true;
	session.summary.lost = 5;
	text = capture(full, &result);
	assert_non_null(strstr(text, ": 1 forward, 0 backward, 4 on either way; 2 duplicates"));
	free(text);
	/* What our own socket dropped is never the network's loss. */
	session.receive_drops = 9;
	session.lost_local = 3;
	text = capture(full, &result);
	assert_non_null(strstr(text, "5 lost (<0.01 %): 1 forward, 0 backward, 1 on either way, 3 dropped by this host, not "
		"by the network; 2 duplicates"));
	assert_non_null(strstr(text, ", 9 while receiving (its socket's buffer was full)\n"));
	free(text);
	session.summary.lost_forward_valid = false;
	text = capture(full, &result);
	assert_non_null(strstr(text, "5 lost (<0.01 %): 3 dropped by this host, not by the network; 2 duplicates"));
	free(text);
}

/* Nothing came back: no figure is 0. */
static struct fz_result_session lost(void)
{
	struct fz_result_session session = measured();

	session.send_error.valid = false;
	session.summary = (struct fizeau_round_trip_summary){.sent = 100, .lost = 100};
	return session;
}

static void text_of_nothing(void **state)
{
	struct fz_result_session session = lost();
	struct fz_result result = keyed_by_ike(&session);

	(void)state;
	result.mode = FIZEAU_MODE_OPEN;
	result.key = (struct fz_result_key){.source = FZ_KEY_NONE};
	session.facts.bypass_mark = 0x42;
	expect(full, &result,
		"TWAMP open, no key\n"
		"192.0.2.1:40000 to 192.0.2.7:18760, 48 octets, dscp 46, schedule exp:100ms,0s, SID "
		"c00002070102030405060708090a0b0c, around IPsec\n"
		"\n"
		"100 sent, 0 received, 100 lost (100.00 %); 0 duplicates, 0 reordered\n"
		"\n"
		"ms                  min     median        p95        p99        max\n"
		"round trip            -          -          -          -          -\n"
		"forward               -          -          -          -          -\n"
		"backward              -          -          -          -          -\n"
		"reflector             -          -          -          -          -\n"
		"ipdv                  -          -          -          -          -\n"
		"pdv                   -          -          -          -          -\n"
		"\n");
	expect(brief, &result, "192.0.2.7: 100 sent, 100 lost (100.00 %)\n");
}

#define DISTRIBUTION(min, mean, median, p90, p95, p99, p999, max, stddev) \
	"{\"n\":99,\"min\":" min ",\"mean\":" mean ",\"median\":" median ",\"p90\":" p90 ",\"p95\":" p95 ",\"p99\":" p99 \
	",\"p999\":" p999 ",\"max\":" max ",\"stddev\":" stddev "}"
#define NO_DISTRIBUTION \
	"{\"n\":null,\"min\":null,\"mean\":null,\"median\":null,\"p90\":null,\"p95\":null,\"p99\":null,\"p999\":null," \
	"\"max\":null,\"stddev\":null}"

static void expect_json(const struct fz_result *result, const char *golden)
{
	char *text = capture(fz_out_json, result);
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
/*= rfc7679#section-3.8 OD-3.8-01 OD-3.8.1-01 OD-3.8.2-01 */
/*= rfc2681#section-2.8 RT-2.8-01 */
/*= rfc7680#section-2.8 OL-2.8-01 */
/*= rfc3393#section-1 PV-1-01 */
/*= rfc4737#section-6 RE-1.1-01 RE-6-01 */
/*= rfc7680#section-4.1 OL-4.1-01 */
static void json_of_a_measurement(void **state)
{
	struct fz_result_session session = measured();
	struct fz_result result = keyed_by_ike(&session);

	(void)state;
	expect_json(&result,
		"{\"schema\":\"fizeau.result/1\",\"protocol\":\"TWAMP\",\"mode\":\"authenticated\","
		"\"features\":[],"
		"\"key\":{\"source\":\"ikev2\",\"keyid\":null,\"spi_i\":\"0f3c000102030405\","
		"\"spi_r\":\"99ab060708090a0b\",\"prf\":\"hmac-sha2-256\",\"peer_id\":\"CN=gw.example\","
		"\"local_id\":\"CN=me.example\"},"
		"\"server\":\"192.0.2.7:862\",\"client\":\"192.0.2.1:51000\",\"sessions\":[{"
		"\"sid\":\"c00002070102030405060708090a0b0c\",\"direction\":\"twoway\","
		"\"local\":\"192.0.2.1:40000\",\"remote\":\"192.0.2.7:18760\",\"dscp\":46,\"bypass_ipsec_mark\":null,"
		"\"padding_octets\":0,"
		"\"packet_octets\":48,\"schedule\":[{\"type\":\"exponential\",\"mean_ns\":100000000},"
		"{\"type\":\"fixed\",\"interval_ns\":0}],\"timeout_ns\":2000000000,"
		"\"start_time\":\"2026-11-24T05:50:02.000000007Z\",\"ended\":\"complete\","
		"\"packets\":{\"wanted\":100,\"sent\":100,\"received\":99,\"lost\":1,\"lost_local\":0,\"lost_network\":1,\"loss_ratio\":0.01,"
		"\"lost_forward\":1,\"lost_backward\":0,\"duplicates\":2,\"reordered\":3,\"late\":0,\"across_step\":0,"
		"\"impossible\":0,"
		"\"sender_late\":0,\"send_drops\":0,\"receive_drops\":0,\"discarded\":{\"hmac\":0,\"length\":0,"
		"\"error_estimate\":0,\"unknown_number\":0,\"foreign_source\":0}},"
		"\"round_trip_delay_ns\":" DISTRIBUTION("1000000", "1001500", "1001000", "1002000", "1003000",
			"1004000", "1005000", "1006000", "700") ","
		"\"forward_delay_ns\":" DISTRIBUTION("-250000", "-248500", "-249000", "-248000", "-247000", "-246000",
			"-245000", "-244000", "700") ","
		"\"backward_delay_ns\":" DISTRIBUTION("1250000", "1251500", "1251000", "1252000", "1253000", "1254000",
			"1255000", "1256000", "700") ","
		"\"reflector_ns\":" DISTRIBUTION("20499", "21999", "21499", "22499", "23499", "24499", "25499",
			"26499", "700") ","
		"\"ipdv_ns\":" DISTRIBUTION("-499", "1001", "501", "1501", "2501", "3501", "4501", "5501", "700") ","
		"\"pdv_ns\":" DISTRIBUTION("0", "1500", "1000", "2000", "3000", "4000", "5000", "6000", "700") ","
		"\"send_error_ns\":" DISTRIBUTION("0", "1500", "1000", "2000", "3000", "4000", "5000", "6000",
			"700") ","
		"\"ttl\":{\"forward_min\":61,\"forward_max\":62,\"backward_min\":60,\"backward_max\":60},"
		"\"clock\":{\"sender\":{\"synchronized\":true,\"error_ns\":400000,\"source\":null,\"stepped\":null},"
		"\"receiver\":{\"synchronized\":true,\"error_ns\":1100000,\"source\":null,\"stepped\":null},"
		"\"same\":false,\"usable\":true,\"reason\":null,\"one_way_error_ns\":1500000,"
		"\"ipdv_error_ns\":10200,\"pdv_error_ns\":10200,\"round_trip_error_ns\":5100},"
		"\"missed_slots\":{\"count\":0,\"numbers\":[],\"all\":true},"
		"\"stamps\":{\"sent\":\"user\",\"received\":\"kernel\","
		"\"sent_by\":{\"hardware\":0,\"kernel\":95,\"user\":5},"
		"\"received_by\":{\"hardware\":0,\"kernel\":99,\"user\":0}},"
		"\"reflect_octets\":null,\"dscp_ecn\":null,\"ptp\":null}]}");
}

static void json_of_nothing(void **state)
{
	struct fz_result_session session = lost();
	struct fz_result result = keyed_by_ike(&session);
	struct fz_missed_range missed[] = {{7, 7}, {9, 12}};

	(void)state;
	result.mode = FIZEAU_MODE_OPEN;
	result.key = (struct fz_result_key){.source = FZ_KEY_NONE};
	session.facts.remote = address("2001:db8::7", 18760);
	session.facts.slot_count = 1;
	session.facts.ending = FZ_ENDED_INTERRUPTED;
	session.facts.bypass_mark = 0x42;
	session.receive_drops = session.lost_local = 60;
	session.sent_by = session.received_by = (struct fz_stamp_counts){0};
	session.missed = (struct fz_missed){.count = 7, .ranges = missed, .range_count = 2, .cut = true};
	expect_json(&result,
		"{\"schema\":\"fizeau.result/1\",\"protocol\":\"TWAMP\",\"mode\":\"open\","
		"\"features\":[],"
		"\"key\":{\"source\":\"none\",\"keyid\":null,\"spi_i\":null,\"spi_r\":null,\"prf\":null,"
		"\"peer_id\":null,\"local_id\":null},"
		"\"server\":\"192.0.2.7:862\",\"client\":\"192.0.2.1:51000\",\"sessions\":[{"
		"\"sid\":\"c00002070102030405060708090a0b0c\",\"direction\":\"twoway\","
		"\"local\":\"192.0.2.1:40000\",\"remote\":\"[2001:db8::7]:18760\",\"dscp\":46,\"bypass_ipsec_mark\":66,"
		"\"padding_octets\":0,"
		"\"packet_octets\":48,\"schedule\":[{\"type\":\"exponential\",\"mean_ns\":100000000}],"
		"\"timeout_ns\":2000000000,"
		"\"start_time\":\"2026-11-24T05:50:02.000000007Z\",\"ended\":\"interrupted\","
		"\"packets\":{\"wanted\":100,\"sent\":100,\"received\":0,\"lost\":100,\"lost_local\":60,\"lost_network\":40,\"loss_ratio\":1.0,"
		"\"lost_forward\":null,\"lost_backward\":null,\"duplicates\":0,\"reordered\":0,\"late\":0,\"across_step\":0,"
		"\"impossible\":0,"
		"\"sender_late\":0,\"send_drops\":0,\"receive_drops\":60,\"discarded\":{\"hmac\":0,\"length\":0,"
		"\"error_estimate\":0,\"unknown_number\":0,\"foreign_source\":0}},"
		"\"round_trip_delay_ns\":" NO_DISTRIBUTION ",\"forward_delay_ns\":" NO_DISTRIBUTION ","
		"\"backward_delay_ns\":" NO_DISTRIBUTION ",\"reflector_ns\":" NO_DISTRIBUTION ","
		"\"ipdv_ns\":" NO_DISTRIBUTION ",\"pdv_ns\":" NO_DISTRIBUTION ",\"send_error_ns\":" NO_DISTRIBUTION ","
		"\"ttl\":{\"forward_min\":null,\"forward_max\":null,\"backward_min\":null,\"backward_max\":null},"
		"\"clock\":{\"sender\":{\"synchronized\":null,\"error_ns\":null,\"source\":null,\"stepped\":null},"
		"\"receiver\":{\"synchronized\":null,\"error_ns\":null,\"source\":null,\"stepped\":null},"
		"\"same\":false,\"usable\":null,\"reason\":null,\"one_way_error_ns\":null,"
		"\"ipdv_error_ns\":null,\"pdv_error_ns\":null,\"round_trip_error_ns\":null},"
		"\"missed_slots\":{\"count\":7,\"numbers\":[[7,7],[9,12]],\"all\":false},"
		"\"stamps\":{\"sent\":\"user\",\"received\":null,"
		"\"sent_by\":{\"hardware\":0,\"kernel\":0,\"user\":0},"
		"\"received_by\":{\"hardware\":0,\"kernel\":0,\"user\":0}},"
		"\"reflect_octets\":null,\"dscp_ecn\":null,\"ptp\":null}]}");
}

static uint64_t sent_at(const void *arg, uint32_t seq, bool *back)
{
	const uint64_t *base = arg;

	*back = seq != 1;
	return *base + ((uint64_t)seq << 32);
}

static void records(void **state)
{
	/* 2026-11-24 05:50:02 UTC, and halves of a second. */
	const uint64_t base = (1795499402ull + 2208988800ull) << 32, half = 1ull << 31;
	const struct fizeau_round_trip trips[] = {
		{.seq = 2, .reflector_seq = 0, .t1 = base + 4 * half, .t2 = base + 5 * half, .t3 = base + 6 * half,
			.t4 = base + 8 * half, .forward_ttl = 64, .backward_ttl = 255},
		{.seq = 0, .reflector_seq = 1, .t1 = base, .t2 = base + half, .t3 = base + half,
			.t4 = base + 7 * half, .forward_ttl = 64, .backward_ttl = 63},
		{.seq = 2, .reflector_seq = 2, .t1 = base + 4 * half, .t2 = base + 5 * half, .t3 = base + 6 * half,
			.t4 = base + 8 * half, .forward_ttl = 64, .backward_ttl = 63},
	};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_true(fz_records_write(out, NULL, trips, 3, 3, 3000000000, sent_at, &base));
	fclose(out);
	assert_string_equal(text,
		"{\"seq\":2,\"lost\":false,\"duplicate\":false,\"reflector_seq\":0,\"sent_unix_ns\":1795499404000000000,"
		"\"reflector_received_unix_ns\":1795499404500000000,\"reflector_sent_unix_ns\":1795499405000000000,"
		"\"received_unix_ns\":1795499406000000000,\"round_trip_delay_ns\":1500000000,"
		"\"forward_delay_ns\":500000000,\"backward_delay_ns\":1000000000,\"reflector_ns\":500000000,"
		"\"forward_ttl\":64,\"backward_ttl\":255}\n"
		"{\"seq\":0,\"lost\":true,\"duplicate\":false,\"reflector_seq\":1,\"sent_unix_ns\":1795499402000000000,"
		"\"reflector_received_unix_ns\":1795499402500000000,\"reflector_sent_unix_ns\":1795499402500000000,"
		"\"received_unix_ns\":1795499405500000000,\"round_trip_delay_ns\":3500000000,"
		"\"forward_delay_ns\":500000000,\"backward_delay_ns\":3000000000,\"reflector_ns\":0,"
		"\"forward_ttl\":64,\"backward_ttl\":63}\n"
		"{\"seq\":2,\"lost\":false,\"duplicate\":true,\"reflector_seq\":2,\"sent_unix_ns\":1795499404000000000,"
		"\"reflector_received_unix_ns\":1795499404500000000,\"reflector_sent_unix_ns\":1795499405000000000,"
		"\"received_unix_ns\":1795499406000000000,\"round_trip_delay_ns\":1500000000,"
		"\"forward_delay_ns\":500000000,\"backward_delay_ns\":1000000000,\"reflector_ns\":500000000,"
		"\"forward_ttl\":64,\"backward_ttl\":63}\n"
		"{\"seq\":1,\"lost\":true,\"duplicate\":false,\"reflector_seq\":null,"
		"\"sent_unix_ns\":1795499403000000000,\"reflector_received_unix_ns\":null,"
		"\"reflector_sent_unix_ns\":null,\"received_unix_ns\":null,\"round_trip_delay_ns\":null,"
		"\"forward_delay_ns\":null,\"backward_delay_ns\":null,\"reflector_ns\":null,\"forward_ttl\":null,"
		"\"backward_ttl\":null}\n");
	free(text);
}

static struct fz_stamp_result told(void)
{
	return (struct fz_stamp_result){
		.ssid = 258,
		.any = true,
		.ptp_there = true,
		.numbering = FIZEAU_NUMBERS_COPIED,
		.tlvs = FIZEAU_ST_TLV_BIT(FIZEAU_ST_LOCATION) | FIZEAU_ST_TLV_BIT(FIZEAU_ST_CLASS_OF_SERVICE),
		.counts[FIZEAU_ST_LOCATION] = {.answered = 98, .unknown = 1},
		.counts[FIZEAU_ST_CLASS_OF_SERVICE] = {.answered = 3, .malformed = 4, .integrity = 5, .missing = 6},
		.location = {.destination_port = 862,
			.source_port = 40000,
			.destination = {4, {192, 0, 2, 7}},
			.source = {4, {198, 51, 100, 9}},
			.source_mac_octets = 6,
			.source_mac = {2, 0, 0, 0, 0, 10}},
		.dscp1 = 46,
		.dscp[46] = 2,
		.dscp[0] = 1,
		.ecn[1] = 3,
		.dscp_refused = 3,
		.access_id = 2,
		.access_code = 1,
		.access_sent = 2,
	};
}

static void stamp(void **state)
{
	struct fz_stamp_result r = told();
	struct fz_result_session session = measured();
	struct fz_result result = keyed_by_ike(&session);
	json_t *root, *object;
	char *text;

	(void)state;
	session.stamp = &r;
	session.summary.lost_forward_valid = false;
	session.discards = (struct fz_discards){.ssid = 2, .stamp_format = 3};
	result.protocol = "STAMP";
	text = capture(full, &result);
	assert_non_null(strstr(text, "STAMP authenticated, keyed by IKEv2 SA"));
	assert_non_null(strstr(text, "schedule exp:100ms,0s, SSID 258\n"));
	assert_non_null(strstr(text, "session identifier: came back as 0, the reflector does not know it\n"
		"format of stamps: here NTP, there PTPv2\n"
		"loss by direction: not known, the reflector's numbers are copies of the sender's (stateless)\n"
		"location: packets come to 192.0.2.7:862 from 198.51.100.9:40000, MAC 02:00:00:00:00:0a\n"
		"class of service: arrived with dscp 0 (1) 46 (2), ecn 1 (3); dscp 46 was refused for 3 reflections\n"
		"access report: non-3GPP network, code 1: not echoed, sent 2 times\n"
		"tlv location: 1 not known to the reflector (U)\n"
		"tlv class-of-service: 4 malformed (M), 5 with a wrong HMAC (I), 6 did not come back\n"
		"discarded: 2 of another session, 3 with stamps that are in another format than said\n"));
	free(text);
	text = capture(fz_out_json, &result);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	object = json_object_get(json_array_get(json_object_get(root, "sessions"), 0), "stamp");
	assert_int_equal(json_integer_value(json_object_get(object, "ssid")), 258);
	assert_true(json_is_integer(json_object_get(object, "ssid_returned")));
	assert_string_equal(json_string_value(json_object_get(object, "reflector_numbers")), "copied");
	assert_true(json_is_null(json_object_get(object, "loss_by_direction")));
	assert_true(json_is_null(json_object_get(object, "timestamp_information")));
	assert_true(json_is_null(json_object_get(object, "direct_measurement")));
	assert_true(json_is_null(json_object_get(object, "follow_up")));
	assert_int_equal(json_object_size(json_object_get(object, "tlvs")), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(object, "location"), "source_mac")), "02:00:00:00:00:0a");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_a_measurement),
		cmocka_unit_test(text_of_trouble),
		cmocka_unit_test(text_of_nothing),
		cmocka_unit_test(json_of_a_measurement),
		cmocka_unit_test(json_of_nothing),
		cmocka_unit_test(records),
		cmocka_unit_test(stamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
