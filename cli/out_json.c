/* SPDX-License-Identifier: MIT */
/* fizeau.result/1; field by field in fizeau-result(5). jansson's *_new functions take what may be NULL, so a lack of
   memory shows once, at the end. */
#include <jansson.h>
#include <stdio.h>
#include "json_parts.h"
#include "out_clock.h"
#include "out_features.h"
#include "out_stamp.h"
#include "out_stamps.h"

static json_t *key(const struct fz_result_key *k)
{
	bool ike = k->source == FZ_KEY_IKE;
	json_t *object = json_object();

	json_object_set_new(object, "source", json_string(fz_key_source_name(k->source)));
	json_object_set_new(object, "keyid", fz_json_text(k->source == FZ_KEY_PASSPHRASE ? k->key_id : NULL));
	json_object_set_new(object, "spi_i", ike ? fz_json_hex(k->spi_i, 8) : json_null());
	json_object_set_new(object, "spi_r", ike ? fz_json_hex(k->spi_r, 8) : json_null());
	json_object_set_new(object, "prf", fz_json_text(ike ? fizeau_prf_name(k->prf) : NULL));
	json_object_set_new(object, "peer_id", fz_json_text(ike ? k->peer_id : NULL));
	json_object_set_new(object, "local_id", fz_json_text(ike ? k->local_id : NULL));
	return object;
}

static json_t *discarded(const struct fz_result_session *session)
{
	const struct fz_discards *d = &session->discards;
	json_t *object = json_object();

	json_object_set_new(object, "hmac", fz_json_number(d->hmac));
	json_object_set_new(object, "length", fz_json_number(d->length));
	json_object_set_new(object, "error_estimate", fz_json_number(d->error_estimate));
	json_object_set_new(object, "unknown_number", fz_json_number(d->unknown_number));
	json_object_set_new(object, "foreign_source", fz_json_number(d->foreign_source));
	if (session->stamp != NULL) {
		json_object_set_new(object, "ssid", fz_json_number(d->ssid));
		json_object_set_new(object, "stamp_format", fz_json_number(d->stamp_format));
	}
	return object;
}

static json_t *packets(const struct fz_result_session *session)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	json_t *object = json_object();

	json_object_set_new(object, "wanted", fz_json_number(session->facts.wanted));
	json_object_set_new(object, "sent", fz_json_number(s->sent));
	json_object_set_new(object, "received", fz_json_number(s->received));
	json_object_set_new(object, "lost", fz_json_number(s->lost));
	/*= rfc7680#section-4.1 OL-4.1-01 */
	json_object_set_new(object, "loss_ratio", fz_json_ratio(s->lost, s->sent));
	json_object_set_new(object, "lost_local", fz_json_number(session->lost_local));
	json_object_set_new(object, "lost_network", fz_json_number(s->lost - session->lost_local));
	json_object_set_new(object, "lost_forward", fz_json_valid_number(s->lost_forward_valid, s->lost_forward));
	json_object_set_new(object, "lost_backward", fz_json_valid_number(s->lost_forward_valid, s->lost_backward));
	json_object_set_new(object, "duplicates", fz_json_number(s->duplicates));
	json_object_set_new(object, "reordered", fz_json_number(s->reordered));
	json_object_set_new(object, "late", fz_json_number(s->late));
	json_object_set_new(object, "across_step", fz_json_number(s->across_step));
	json_object_set_new(object, "impossible", fz_json_number(s->impossible));
	json_object_set_new(object, "sender_late", fz_json_number(session->sender_late));
	json_object_set_new(object, "send_drops", fz_json_number(session->send_drops));
	json_object_set_new(object, "receive_drops", fz_json_number(session->receive_drops));
	json_object_set_new(object, "discarded", discarded(session));
	return object;
}

static json_t *ttl(const struct fizeau_round_trip_summary *s)
{
	json_t *object = json_object();

	json_object_set_new(object, "forward_min", fz_json_valid_number(s->ttl_valid, s->forward_ttl_min));
	json_object_set_new(object, "forward_max", fz_json_valid_number(s->ttl_valid, s->forward_ttl_max));
	json_object_set_new(object, "backward_min", fz_json_valid_number(s->ttl_valid, s->backward_ttl_min));
	json_object_set_new(object, "backward_max", fz_json_valid_number(s->ttl_valid, s->backward_ttl_max));
	return object;
}

static json_t *stamps(const struct fz_result_session *session)
{
	json_t *object = json_object();

	bool received = session->summary.round_trip.valid;

	json_object_set_new(object, "sent", fz_json_stamp(fz_stamp_worst(&session->sent_by)));
	json_object_set_new(object, "received",
		received ? fz_json_stamp(fz_stamp_worst(&session->received_by)) : json_null());
	json_object_set_new(object, "sent_by", fz_json_stamp_counts(true, &session->sent_by));
	json_object_set_new(object, "received_by", fz_json_stamp_counts(true, &session->received_by));
	return object;
}

static json_t *session_of(const struct fz_result_session *session)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	struct fz_clock_verdict clocks = fz_clock_two_way(session);
	json_t *object = fz_json_session(&session->facts, "twoway");

	json_object_set_new(object, "packets", packets(session));
	json_object_set_new(object, "round_trip_delay_ns", fz_json_distribution(&s->round_trip));
	json_object_set_new(object, "forward_delay_ns",
		fz_json_clock_distribution(&s->forward, fz_clock_usable(&clocks)));
	json_object_set_new(object, "backward_delay_ns",
		fz_json_clock_distribution(&s->backward, fz_clock_usable(&clocks)));
	json_object_set_new(object, "reflector_ns", fz_json_distribution(&s->reflector));
	json_object_set_new(object, "ipdv_ns", fz_json_distribution(&s->ipdv));
	json_object_set_new(object, "pdv_ns", fz_json_distribution(&s->pdv));
	json_object_set_new(object, "send_error_ns", fz_json_distribution(&session->send_error));
	json_object_set_new(object, "missed_slots", fz_json_missed(true, &session->missed));
	json_object_set_new(object, "ttl", ttl(s));
	json_object_set_new(object, "clock", fz_json_clocks(session));
	json_object_set_new(object, "stamps", stamps(session));
	json_object_set_new(object, "reflect_octets", fz_json_reflect_octets(session));
	json_object_set_new(object, "dscp_ecn", fz_json_dscp_ecn(session));
	json_object_set_new(object, "ptp", fz_json_ptp(session));
	if (session->stamp != NULL)
		json_object_set_new(object, "stamp", fz_json_stamp_session(session));
	return object;
}

json_t *fz_json_result(const struct fz_result *result)
{
	json_t *root = json_object(), *sessions = json_array();

	json_object_set_new(root, "schema", json_string("fizeau.result/1"));
	json_object_set_new(root, "protocol", json_string(result->protocol));
	json_object_set_new(root, "mode", json_string(fz_mode_name(result->mode)));
	json_object_set_new(root, "features", fz_json_features(result->features));
	json_object_set_new(root, "key", key(&result->key));
	json_object_set_new(root, "server", fz_json_address(&result->server));
	json_object_set_new(root, "client", fz_json_address(&result->client));
	for (size_t i = 0; i < result->session_count; i++)
		json_array_append_new(sessions, session_of(&result->sessions[i]));
	for (size_t i = 0; i < result->one_way_count; i++)
		json_array_append_new(sessions, fz_json_one_way(&result->one_way[i]));
	if (json_object_set_new(root, "sessions", sessions) == 0)
		return root;
	json_decref(root);
	return NULL;
}

bool fz_out_json(const struct fz_result *result, FILE *out)
{
	json_t *root = fz_json_result(result);
	bool good = root != NULL && json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
		fputc('\n', out) != EOF;

	json_decref(root);
	return good;
}
