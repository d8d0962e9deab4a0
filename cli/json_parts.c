/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include "json_parts.h"

json_t *fz_json_text(const char *text)
{
	json_t *value;

	if (text == NULL || *text == '\0')
		return json_null();
	value = json_string(text);
	/* No UTF-8: an identity or a KeyID of some other coding, octet by octet as Latin-1 would be a guess. */
	return value != NULL ? value : json_string("(not UTF-8)");
}

json_t *fz_json_hex(const uint8_t *octets, size_t count)
{
	char text[2 * FIZEAU_SID_OCTETS + 1];

	fz_hex_text(octets, count, text);
	return json_string(text);
}

json_t *fz_json_number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *fz_json_valid_number(bool valid, uint64_t value)
{
	return valid ? fz_json_number(value) : json_null();
}

json_t *fz_json_ratio(uint64_t part, uint64_t whole)
{
	return whole > 0 ? json_real((double)part / (double)whole) : json_null();
}

/*= rfc2330#section-11.3 FW-11.3-02 */
json_t *fz_json_distribution(const struct fizeau_distribution *d)
{
	const struct {
		const char *name;
		int64_t value;
	} fields[] = {
		{"min", d->min}, {"mean", d->mean}, {"median", d->median}, {"p90", d->p90}, {"p95", d->p95},
		{"p99", d->p99}, {"p999", d->p999}, {"max", d->max}, {"stddev", d->stddev},
	};
	json_t *object = json_object();

	json_object_set_new(object, "n", fz_json_valid_number(d->valid, d->values));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(object, fields[i].name, d->valid ? json_integer(fields[i].value) : json_null());
	return object;
}

json_t *fz_json_address(const struct fz_addr *addr)
{
	char text[FZ_ADDR_TEXT];

	if (addr->len == 0)
		return json_null();
	fz_addr_text(addr, text);
	return json_string(text);
}

json_t *fz_json_clock_of(bool valid, bool synchronized, int64_t error_ns)
{
	json_t *object = json_object();

	json_object_set_new(object, "synchronized", valid ? json_boolean(synchronized) : json_null());
	json_object_set_new(object, "error_ns", valid ? json_integer(error_ns) : json_null());
	return object;
}

static json_t *schedule(const struct fz_session_facts *facts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < facts->slot_count; i++) {
		const struct fz_slot_wish *slot = &facts->slots[i];
		json_t *object = json_object();

		json_object_set_new(object, "type", json_string(slot->exponential ? "exponential" : "fixed"));
		json_object_set_new(object, slot->exponential ? "mean_ns" : "interval_ns", json_integer(slot->ns));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *fz_json_time(int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;
	char text[64];
	size_t len;

	if (unix_ns < 0 || gmtime_r(&seconds, &tm) == NULL)
		return json_null();
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%09" PRId64 "Z", unix_ns % 1000000000);
	return json_string(text);
}

json_t *fz_json_stamp(enum fizeau_stamp_source source)
{
	static const char *const names[] = {
		[FIZEAU_STAMP_USER] = "user",
		[FIZEAU_STAMP_KERNEL] = "kernel",
		[FIZEAU_STAMP_HARDWARE] = "hardware",
	};

	return json_string(names[source]);
}

/*= rfc2330#section-13 FW-13-01 */
/*= rfc7679#section-3.8 OD-3.8-01 OD-3.8.1-01 OD-3.8.2-01 */
/*= rfc2681#section-2.8 RT-2.8-01 */
/*= rfc7680#section-2.8 OL-2.8-01 */
/*= rfc3393#section-1 PV-1-01 */
/*= rfc4737#section-6 RE-1.1-01 RE-6-01 */
json_t *fz_json_session(const struct fz_session_facts *facts, const char *direction)
{
	static const char *const endings[] = {
		[FZ_ENDED_COMPLETE] = "complete",
		[FZ_ENDED_INTERRUPTED] = "interrupted",
		[FZ_ENDED_CONTROL] = "control_connection",
		[FZ_ENDED_SENDING] = "sending",
		[FZ_ENDED_SERVER] = "server",
		[FZ_ENDED_INVALID] = "invalid",
		[FZ_ENDED_SSID] = "ssid",
		[FZ_ENDED_NOT] = "running",
	};
	json_t *object = json_object();

	json_object_set_new(object, "sid",
		fz_has_sid(facts) ? fz_json_hex(facts->sid, FIZEAU_SID_OCTETS) : json_null());
	json_object_set_new(object, "direction", json_string(direction));
	json_object_set_new(object, "local", fz_json_address(&facts->local));
	json_object_set_new(object, "remote", fz_json_address(&facts->remote));
	json_object_set_new(object, "dscp", fz_json_number(facts->dscp));
	json_object_set_new(object, "bypass_ipsec_mark",
		fz_json_valid_number(facts->bypass_mark != 0, facts->bypass_mark));
	json_object_set_new(object, "padding_octets", fz_json_number(facts->padding_octets));
	json_object_set_new(object, "packet_octets",
		fz_json_valid_number(facts->packet_octets != 0, facts->packet_octets));
	json_object_set_new(object, "schedule", schedule(facts));
	json_object_set_new(object, "timeout_ns", json_integer(facts->timeout_ns));
	json_object_set_new(object, "start_time", fz_json_time(facts->start_unix_ns));
	json_object_set_new(object, "ended", json_string(endings[facts->ending]));
	return object;
}
