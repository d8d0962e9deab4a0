/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include "json_parts.h"
#include "out_stamp.h"
#include "text_parts.h"

#define MAC_TEXT 24

static const char *sync_name(uint8_t sync)
{
	static const char *const names[] = {
		[FIZEAU_ST_SYNC_NTP] = "ntp",
		[FIZEAU_ST_SYNC_PTP] = "ptp",
		[FIZEAU_ST_SYNC_SSU_BITS] = "ssu_bits",
		[FIZEAU_ST_SYNC_GNSS] = "gnss",
		[FIZEAU_ST_SYNC_FREE] = "free_running",
	};

	return sync < sizeof(names) / sizeof(names[0]) ? names[sync] : "other";
}

static const char *method_name(uint8_t method)
{
	static const char *const names[] = {
		[FIZEAU_ST_METHOD_HARDWARE] = "hardware",
		[FIZEAU_ST_METHOD_SOFTWARE] = "software",
		[FIZEAU_ST_METHOD_CONTROL_PLANE] = "control_plane",
	};

	return method < sizeof(names) / sizeof(names[0]) ? names[method] : "other";
}

static void mac_text(const struct fizeau_st_location *location, char text[static MAC_TEXT])
{
	size_t at = 0;

	text[0] = '\0';
	for (uint8_t i = 0; i < location->source_mac_octets && i < sizeof(location->source_mac); i++)
		at += (size_t)snprintf(text + at, MAC_TEXT - at, "%s%02x", i > 0 ? ":" : "", location->source_mac[i]);
}

static bool is_answered(const struct fz_stamp_result *r, enum fizeau_st_tlv type)
{
	return r->counts[type].answered > 0;
}

static void put_identity(const struct fz_stamp_result *r, FILE *out)
{
	if (!r->any)
		return;
	if (r->ssid != 0 && r->ssid_back == 0)
		fputs("session identifier: came back as 0, the reflector does not know it\n", out);
	if (r->ptp_here || r->ptp_there)
		fprintf(out, "format of stamps: here %s, there %s\n", r->ptp_here ? "PTPv2" : "NTP",
			r->ptp_there ? "PTPv2" : "NTP");
}

/* Why there is no loss by direction, or what it is from. */
static void put_loss(const struct fz_result_session *session, FILE *out)
{
	const struct fz_stamp_result *r = session->stamp;

	if (session->summary.lost == 0 || !r->any)
		return;
	if (r->loss_source == FZ_LOSS_COUNTERS)
		fputs("loss by direction: from the counters of Direct Measurement\n", out);
	else if (r->numbering == FIZEAU_NUMBERS_COPIED)
		fputs("loss by direction: not known, the reflector's numbers are copies of the sender's (stateless)\n", out);
	else if (r->numbering == FIZEAU_NUMBERS_OTHER)
		fputs("loss by direction: not known, the reflector's numbers count something else\n", out);
}

static void put_end(const struct fizeau_address *address, uint16_t port, FILE *out)
{
	char text[FZ_ADDR_TEXT];
	struct fz_addr addr;

	if (address->version == 0) {
		fprintf(out, "port %u", port);
		return;
	}
	fz_addr_from_message(&addr, address, port);
	fz_addr_text(&addr, text);
	fputs(text, out);
}

static void put_location(const struct fz_stamp_result *r, FILE *out)
{
	char mac[MAC_TEXT];

	if (!is_answered(r, FIZEAU_ST_LOCATION))
		return;
	mac_text(&r->location, mac);
	fputs("location: packets come to ", out);
	put_end(&r->location.destination, r->location.destination_port, out);
	fputs(" from ", out);
	put_end(&r->location.source, r->location.source_port, out);
	if (mac[0] != '\0')
		fprintf(out, ", MAC %s", mac);
	if (r->location_changes > 0)
		fprintf(out, " (changed %" PRIu64 " times)", r->location_changes);
	fputc('\n', out);
}

static void put_half(const char *which, uint8_t method, uint8_t sync, FILE *out)
{
	fprintf(out, "%s by %s, clock by %s", which, method == 0 ? "what is not told" : method_name(method),
		sync == 0 ? "what is not told" : sync_name(sync));
}

static void put_information(const struct fz_stamp_result *r, FILE *out)
{
	if (!is_answered(r, FIZEAU_ST_TIMESTAMP_INFORMATION))
		return;
	put_half("reflector's stamps: in", r->information.method_in, r->information.sync_in, out);
	put_half("; out", r->information.method_out, r->information.sync_out, out);
	fputc('\n', out);
}

static void put_values(const char *name, const uint64_t *counts, size_t count, FILE *out)
{
	fprintf(out, "%s", name);
	for (size_t i = 0; i < count; i++)
		if (counts[i] > 0)
			fprintf(out, " %zu (%" PRIu64 ")", i, counts[i]);
}

static void put_class(const struct fz_stamp_result *r, FILE *out)
{
	if (!is_answered(r, FIZEAU_ST_CLASS_OF_SERVICE))
		return;
	put_values("class of service: arrived with dscp", r->dscp, 64, out);
	put_values(", ecn", r->ecn, 4, out);
	if (r->dscp_refused > 0)
		fprintf(out, "; dscp %u was refused for %" PRIu64 " reflections\n", r->dscp1, r->dscp_refused);
	else
		fprintf(out, "; reflections sent with dscp %u\n", r->dscp1);
}

static void put_direct(const struct fz_stamp_result *r, FILE *out)
{
	if (!is_answered(r, FIZEAU_ST_DIRECT_MEASUREMENT))
		return;
	if (!r->direct.valid) {
		fputs("direct measurement: the reflector's counters are not those of this session\n", out);
		return;
	}
	fprintf(out, "direct measurement, behind the first reflection: %u sent, %u received there, %u sent there, %u received here\n",
		r->direct.sent, r->direct.reflector_received, r->direct.reflector_sent, r->direct.received);
}

static void put_follow_up(const struct fz_stamp_result *r, uint64_t received, FILE *out)
{
	if (!is_answered(r, FIZEAU_ST_FOLLOW_UP))
		return;
	if (r->follow_ups == 0) {
		fputs("follow-up: none was told, the reflector is stateless\n", out);
		return;
	}
	fprintf(out, "follow-up: %" PRIu64 " of %" PRIu64 " reflections go by when they really left", r->followed, received);
	if (r->follow_up_method != 0)
		fprintf(out, " (by %s)", method_name(r->follow_up_method));
	fputc('\n', out);
}

static void put_access(const struct fz_stamp_result *r, FILE *out)
{
	if (r->access_sent == 0)
		return;
	fprintf(out, "access report: %s network, code %u: %s, sent %u time%s\n",
		r->access_id == FIZEAU_ST_ACCESS_3GPP ? "3GPP" : "non-3GPP", r->access_code,
		r->access_echoed ? "echoed" : "not echoed", r->access_sent, r->access_sent > 1 ? "s" : "");
}

/*= rfc8972#section-4 SX-4-08 */
static void put_unanswered(const struct fz_stamp_result *r, FILE *out)
{
	for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		const struct fz_tlv_counts *c = &r->counts[type];
		const struct fz_discard_reason reasons[] = {
			{c->unknown, "not known to the reflector (U)"},
			{c->malformed, "malformed (M)"},
			{c->integrity, "with a wrong HMAC (I)"},
			{c->missing, "did not come back"},
		};
		bool begun = false;

		for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
			if (reasons[i].count == 0)
				continue;
			if (!begun)
				fprintf(out, "tlv %s:", fizeau_st_tlv_name(type));
			fprintf(out, "%s %" PRIu64 " %s", begun ? "," : "", reasons[i].count, reasons[i].what);
			begun = true;
		}
		if (begun)
			fputc('\n', out);
	}
}

void fz_put_stamp(const struct fz_result_session *session, FILE *out)
{
	const struct fz_stamp_result *r = session->stamp;

	put_identity(r, out);
	put_loss(session, out);
	put_location(r, out);
	put_information(r, out);
	put_class(r, out);
	put_direct(r, out);
	put_follow_up(r, session->summary.received, out);
	put_access(r, out);
	put_unanswered(r, out);
}

static json_t *name_or_null(uint8_t code, const char *(*name)(uint8_t))
{
	return code != 0 ? json_string(name(code)) : json_null();
}

static json_t *format_of(bool known, bool ptp)
{
	return known ? json_string(ptp ? "ptp" : "ntp") : json_null();
}

static json_t *numbering_of(const struct fz_stamp_result *r)
{
	switch (r->numbering) {
	case FIZEAU_NUMBERS_OWN:
		return json_string("own");
	case FIZEAU_NUMBERS_COPIED:
		return json_string("copied");
	case FIZEAU_NUMBERS_OTHER:
		return json_string("other");
	case FIZEAU_NUMBERS_UNKNOWN:
		break;
	}
	return json_null();
}

static json_t *loss_source_of(const struct fz_stamp_result *r)
{
	switch (r->loss_source) {
	case FZ_LOSS_NUMBERS:
		return json_string("numbers");
	case FZ_LOSS_COUNTERS:
		return json_string("direct_measurement");
	case FZ_LOSS_UNKNOWN:
		break;
	}
	return json_null();
}

static json_t *address_of(const struct fizeau_address *address)
{
	char text[FZ_ADDR_TEXT];
	struct fz_addr addr;

	if (address->version == 0)
		return json_null();
	fz_addr_from_message(&addr, address, 0);
	fz_addr_host_text(&addr, text);
	return json_string(text);
}

static json_t *location_of(const struct fz_stamp_result *r)
{
	json_t *object;
	char mac[MAC_TEXT];

	if (!is_answered(r, FIZEAU_ST_LOCATION))
		return json_null();
	mac_text(&r->location, mac);
	object = json_object();
	json_object_set_new(object, "destination", address_of(&r->location.destination));
	json_object_set_new(object, "destination_port", fz_json_number(r->location.destination_port));
	json_object_set_new(object, "source", address_of(&r->location.source));
	json_object_set_new(object, "source_port", fz_json_number(r->location.source_port));
	json_object_set_new(object, "source_mac", fz_json_text(mac));
	json_object_set_new(object, "changes", fz_json_number(r->location_changes));
	return object;
}

static json_t *information_of(const struct fz_stamp_result *r)
{
	json_t *object;

	if (!is_answered(r, FIZEAU_ST_TIMESTAMP_INFORMATION))
		return json_null();
	object = json_object();
	json_object_set_new(object, "sync_in", name_or_null(r->information.sync_in, sync_name));
	json_object_set_new(object, "method_in", name_or_null(r->information.method_in, method_name));
	json_object_set_new(object, "sync_out", name_or_null(r->information.sync_out, sync_name));
	json_object_set_new(object, "method_out", name_or_null(r->information.method_out, method_name));
	return object;
}

/* {"46": 100}: how many packets had each value. */
static json_t *values_of(const uint64_t *counts, size_t count)
{
	json_t *object = json_object();
	char name[24];

	for (size_t i = 0; i < count; i++) {
		if (counts[i] == 0)
			continue;
		snprintf(name, sizeof(name), "%zu", i);
		json_object_set_new(object, name, fz_json_number(counts[i]));
	}
	return object;
}

static json_t *class_of(const struct fz_stamp_result *r)
{
	json_t *object;

	if (!is_answered(r, FIZEAU_ST_CLASS_OF_SERVICE))
		return json_null();
	object = json_object();
	json_object_set_new(object, "dscp_wanted", fz_json_number(r->dscp1));
	json_object_set_new(object, "dscp_received", values_of(r->dscp, 64));
	json_object_set_new(object, "ecn_received", values_of(r->ecn, 4));
	json_object_set_new(object, "dscp_refused", fz_json_number(r->dscp_refused));
	return object;
}

static json_t *direct_of(const struct fz_stamp_result *r)
{
	const struct fz_direct_result *d = &r->direct;
	json_t *object;

	if (!is_answered(r, FIZEAU_ST_DIRECT_MEASUREMENT))
		return json_null();
	object = json_object();
	json_object_set_new(object, "sent", fz_json_valid_number(d->valid, d->sent));
	json_object_set_new(object, "reflector_received", fz_json_valid_number(d->valid, d->reflector_received));
	json_object_set_new(object, "reflector_sent", fz_json_valid_number(d->valid, d->reflector_sent));
	json_object_set_new(object, "received", fz_json_valid_number(d->valid, d->received));
	json_object_set_new(object, "lost_forward", fz_json_valid_number(d->valid, d->lost_forward));
	json_object_set_new(object, "lost_backward", fz_json_valid_number(d->valid, d->lost_backward));
	return object;
}

static json_t *access_of(const struct fz_stamp_result *r)
{
	json_t *object;

	if (r->access_sent == 0)
		return json_null();
	object = json_object();
	json_object_set_new(object, "id", fz_json_number(r->access_id));
	json_object_set_new(object, "code", fz_json_number(r->access_code));
	json_object_set_new(object, "sent", fz_json_number(r->access_sent));
	json_object_set_new(object, "echoed", json_boolean(r->access_echoed));
	return object;
}

static json_t *follow_up_of(const struct fz_stamp_result *r)
{
	json_t *object;

	if (!is_answered(r, FIZEAU_ST_FOLLOW_UP))
		return json_null();
	object = json_object();
	json_object_set_new(object, "told", fz_json_number(r->follow_ups));
	json_object_set_new(object, "used", fz_json_number(r->followed));
	json_object_set_new(object, "method", name_or_null(r->follow_up_method, method_name));
	return object;
}

static json_t *tlvs_of(const struct fz_stamp_result *r)
{
	json_t *object = json_object();

	for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		const struct fz_tlv_counts *c = &r->counts[type];
		json_t *counts;

		if ((r->tlvs & FIZEAU_ST_TLV_BIT(type)) == 0)
			continue;
		counts = json_object();
		json_object_set_new(counts, "answered", fz_json_number(c->answered));
		json_object_set_new(counts, "unknown", fz_json_number(c->unknown));
		json_object_set_new(counts, "malformed", fz_json_number(c->malformed));
		json_object_set_new(counts, "integrity", fz_json_number(c->integrity));
		json_object_set_new(counts, "missing", fz_json_number(c->missing));
		json_object_set_new(object, fizeau_st_tlv_name(type), counts);
	}
	return object;
}

json_t *fz_json_stamp_session(const struct fz_result_session *session)
{
	const struct fz_stamp_result *r = session->stamp;
	json_t *object = json_object();

	json_object_set_new(object, "ssid", fz_json_valid_number(r->ssid != 0, r->ssid));
	json_object_set_new(object, "ssid_returned", fz_json_valid_number(r->ssid != 0 && r->any, r->ssid_back));
	json_object_set_new(object, "stamp_format", format_of(true, r->ptp_here));
	json_object_set_new(object, "reflector_stamp_format", format_of(r->any, r->ptp_there));
	json_object_set_new(object, "reflector_numbers", numbering_of(r));
	json_object_set_new(object, "loss_by_direction", loss_source_of(r));
	json_object_set_new(object, "tlvs", tlvs_of(r));
	json_object_set_new(object, "location", location_of(r));
	json_object_set_new(object, "timestamp_information", information_of(r));
	json_object_set_new(object, "class_of_service", class_of(r));
	json_object_set_new(object, "direct_measurement", direct_of(r));
	json_object_set_new(object, "access_report", access_of(r));
	json_object_set_new(object, "follow_up", follow_up_of(r));
	return object;
}
