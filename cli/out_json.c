/* SPDX-License-Identifier: MIT */
/* fizeau.result/1; field by field in fizeau-result(5). jansson's *_new functions take what may be NULL, so a lack of
   memory shows once, at the end. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include "result.h"

static json_t *text_or_null(const char *text)
{
	json_t *value;

	if (text == NULL || *text == '\0')
		return json_null();
	value = json_string(text);
	/* No UTF-8: an identity or a KeyID of some other coding, octet by octet as Latin-1 would be a guess. */
	return value != NULL ? value : json_string("(not UTF-8)");
}

static json_t *hex(const uint8_t *octets, size_t count)
{
	char text[2 * FIZEAU_SID_OCTETS + 1];

	fz_hex_text(octets, count, text);
	return json_string(text);
}

static json_t *number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *valid_number(bool valid, uint64_t value)
{
	return valid ? number(value) : json_null();
}

static json_t *distribution(const struct fizeau_distribution *d)
{
	const struct {
		const char *name;
		int64_t value;
	} fields[] = {
		{"min", d->min}, {"mean", d->mean}, {"median", d->median}, {"p90", d->p90}, {"p95", d->p95},
		{"p99", d->p99}, {"p999", d->p999}, {"max", d->max}, {"stddev", d->stddev},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(object, fields[i].name, d->valid ? json_integer(fields[i].value) : json_null());
	return object;
}

static json_t *address(const struct fz_addr *addr)
{
	char text[FZ_ADDR_TEXT];

	fz_addr_text(addr, text);
	return json_string(text);
}

static json_t *key(const struct fz_result_key *k)
{
	static const char *const sources[] = {
		[FZ_KEY_NONE] = "none",
		[FZ_KEY_PASSPHRASE] = "passphrase",
		[FZ_KEY_IKE] = "ikev2",
	};
	bool ike = k->source == FZ_KEY_IKE;
	json_t *object = json_object();

	json_object_set_new(object, "source", json_string(sources[k->source]));
	json_object_set_new(object, "keyid", text_or_null(k->source == FZ_KEY_PASSPHRASE ? k->key_id : NULL));
	json_object_set_new(object, "spi_i", ike ? hex(k->spi_i, 8) : json_null());
	json_object_set_new(object, "spi_r", ike ? hex(k->spi_r, 8) : json_null());
	json_object_set_new(object, "prf", text_or_null(ike ? fizeau_prf_name(k->prf) : NULL));
	json_object_set_new(object, "peer_id", text_or_null(ike ? k->peer_id : NULL));
	json_object_set_new(object, "local_id", text_or_null(ike ? k->local_id : NULL));
	return object;
}

static json_t *discarded(const struct fz_discards *d)
{
	json_t *object = json_object();

	json_object_set_new(object, "hmac", number(d->hmac));
	json_object_set_new(object, "length", number(d->length));
	json_object_set_new(object, "error_estimate", number(d->error_estimate));
	json_object_set_new(object, "unknown_number", number(d->unknown_number));
	json_object_set_new(object, "foreign_source", number(d->foreign_source));
	return object;
}

static json_t *packets(const struct fz_result_session *session)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	json_t *object = json_object();

	json_object_set_new(object, "wanted", number(session->wanted));
	json_object_set_new(object, "sent", number(s->sent));
	json_object_set_new(object, "received", number(s->received));
	json_object_set_new(object, "lost", number(s->lost));
	/*= rfc7680#section-4.1 OL-4.1-01 */
	json_object_set_new(object, "loss_ratio",
		s->sent > 0 ? json_real((double)s->lost / (double)s->sent) : json_null());
	json_object_set_new(object, "lost_forward", valid_number(s->lost_forward_valid, s->lost_forward));
	json_object_set_new(object, "lost_backward", valid_number(s->lost_forward_valid, s->lost_backward));
	json_object_set_new(object, "duplicates", number(s->duplicates));
	json_object_set_new(object, "reordered", number(s->reordered));
	json_object_set_new(object, "late", number(s->late));
	json_object_set_new(object, "sender_late", number(session->sender_late));
	json_object_set_new(object, "send_drops", number(session->send_drops));
	json_object_set_new(object, "receive_drops", number(session->receive_drops));
	json_object_set_new(object, "discarded", discarded(&session->discards));
	return object;
}

static json_t *ttl(const struct fizeau_round_trip_summary *s)
{
	json_t *object = json_object();

	json_object_set_new(object, "forward_min", valid_number(s->ttl_valid, s->forward_ttl_min));
	json_object_set_new(object, "forward_max", valid_number(s->ttl_valid, s->forward_ttl_max));
	json_object_set_new(object, "backward_min", valid_number(s->ttl_valid, s->backward_ttl_min));
	json_object_set_new(object, "backward_max", valid_number(s->ttl_valid, s->backward_ttl_max));
	return object;
}

static json_t *clock_of(bool valid, bool synchronized, int64_t error_ns)
{
	json_t *object = json_object();

	json_object_set_new(object, "synchronized", valid ? json_boolean(synchronized) : json_null());
	json_object_set_new(object, "error_ns", valid ? json_integer(error_ns) : json_null());
	return object;
}

static json_t *clocks(const struct fizeau_round_trip_summary *s)
{
	json_t *object = json_object();

	json_object_set_new(object, "sender",
		clock_of(s->round_trip.valid, s->synchronized_sender, s->error_sender_ns));
	json_object_set_new(object, "receiver",
		clock_of(s->round_trip.valid, s->synchronized_reflector, s->error_reflector_ns));
	return object;
}

static json_t *stamps(const struct fz_result_session *session)
{
	static const char *const names[] = {
		[FIZEAU_STAMP_USER] = "user",
		[FIZEAU_STAMP_KERNEL] = "kernel",
		[FIZEAU_STAMP_HARDWARE] = "hardware",
	};
	json_t *object = json_object();

	json_object_set_new(object, "sent", json_string("user"));
	json_object_set_new(object, "received",
		session->summary.round_trip.valid ? json_string(names[session->received_by]) : json_null());
	return object;
}

static json_t *schedule(const struct fz_result_session *session)
{
	json_t *array = json_array();

	for (size_t i = 0; i < session->slot_count; i++) {
		const struct fz_slot_wish *slot = &session->slots[i];
		json_t *object = json_object();

		json_object_set_new(object, "type", json_string(slot->exponential ? "exponential" : "fixed"));
		json_object_set_new(object, slot->exponential ? "mean_ns" : "interval_ns", json_integer(slot->ns));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *rfc3339(int64_t unix_ns)
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

/*= rfc2330#section-13 FW-13-01 */
/*= rfc7679#section-3.8 OD-3.8-01 OD-3.8.1-01 OD-3.8.2-01 */
/*= rfc2681#section-2.8 RT-2.8-01 */
/*= rfc7680#section-2.8 OL-2.8-01 */
/*= rfc3393#section-1 PV-1-01 */
/*= rfc4737#section-6 RE-1.1-01 RE-6-01 */
static json_t *session_of(const struct fz_result_session *session)
{
	static const char *const endings[] = {
		[FZ_ENDED_COMPLETE] = "complete",
		[FZ_ENDED_INTERRUPTED] = "interrupted",
		[FZ_ENDED_CONTROL] = "control_connection",
		[FZ_ENDED_SENDING] = "sending",
	};
	const struct fizeau_round_trip_summary *s = &session->summary;
	json_t *object = json_object();

	json_object_set_new(object, "sid", hex(session->sid, FIZEAU_SID_OCTETS));
	json_object_set_new(object, "direction", json_string("twoway"));
	json_object_set_new(object, "local", address(&session->local));
	json_object_set_new(object, "remote", address(&session->remote));
	json_object_set_new(object, "dscp", number(session->dscp));
	json_object_set_new(object, "padding_octets", number(session->padding_octets));
	json_object_set_new(object, "packet_octets", number(session->packet_octets));
	json_object_set_new(object, "schedule", schedule(session));
	json_object_set_new(object, "timeout_ns", json_integer(session->timeout_ns));
	json_object_set_new(object, "start_time", rfc3339(session->start_unix_ns));
	json_object_set_new(object, "ended", json_string(endings[session->ending]));
	json_object_set_new(object, "packets", packets(session));
	json_object_set_new(object, "round_trip_delay_ns", distribution(&s->round_trip));
	json_object_set_new(object, "forward_delay_ns", distribution(&s->forward));
	json_object_set_new(object, "backward_delay_ns", distribution(&s->backward));
	json_object_set_new(object, "reflector_ns", distribution(&s->reflector));
	json_object_set_new(object, "ipdv_ns", distribution(&s->ipdv));
	json_object_set_new(object, "pdv_ns", distribution(&s->pdv));
	json_object_set_new(object, "send_error_ns", distribution(&session->send_error));
	json_object_set_new(object, "ttl", ttl(s));
	json_object_set_new(object, "clock", clocks(s));
	json_object_set_new(object, "stamps", stamps(session));
	return object;
}

bool fz_out_json(const struct fz_result *result, FILE *out)
{
	json_t *root = json_object(), *sessions = json_array();
	bool good;

	json_object_set_new(root, "schema", json_string("fizeau.result/1"));
	json_object_set_new(root, "protocol", json_string(result->protocol));
	json_object_set_new(root, "mode", json_string(fz_mode_name(result->mode)));
	json_object_set_new(root, "key", key(&result->key));
	json_object_set_new(root, "server", address(&result->server));
	json_object_set_new(root, "client", address(&result->client));
	for (size_t i = 0; i < result->session_count; i++)
		json_array_append_new(sessions, session_of(&result->sessions[i]));
	good = json_object_set_new(root, "sessions", sessions) == 0 &&
		json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 && fputc('\n', out) != EOF;
	json_decref(root);
	return good;
}
