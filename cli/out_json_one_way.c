/* SPDX-License-Identifier: MIT */
/* Sessions of OWAMP in fizeau.result/1. */
#include "json_parts.h"
#include "out_clock.h"
#include "out_stamps.h"

/* What only the receiver knows is null where its records are not at hand. */
static json_t *discarded(const struct fz_one_way_session *session)
{
	const struct fz_discards *d = &session->discards;
	json_t *object;

	if (!session->received_here)
		return json_null();
	object = json_object();
	json_object_set_new(object, "hmac", fz_json_number(d->hmac));
	json_object_set_new(object, "length", fz_json_number(d->length));
	json_object_set_new(object, "error_estimate", fz_json_number(d->error_estimate));
	json_object_set_new(object, "unknown_number", fz_json_number(d->unknown_number));
	json_object_set_new(object, "foreign_source", fz_json_number(d->foreign_source));
	json_object_set_new(object, "late", fz_json_number(session->discarded_late));
	json_object_set_new(object, "rate", fz_json_number(session->discarded_rate));
	return object;
}

static json_t *n_reordered(const struct fz_one_way_session *session)
{
	json_t *array = json_array();

	for (size_t i = 0; i < FIZEAU_N_REORDERING_MAX; i++)
		json_array_append_new(array, fz_json_number(session->summary.n_reordered[i]));
	return array;
}

static json_t *packets(const struct fz_one_way_session *session)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	bool known = session->failure == NULL;
	json_t *object = json_object();

	json_object_set_new(object, "wanted", fz_json_number(session->facts.wanted));
	json_object_set_new(object, "sent",
		known ? fz_json_number(s->sent) : fz_json_valid_number(session->sent_here, session->sent));
	json_object_set_new(object, "skipped", fz_json_valid_number(known, s->skipped));
	json_object_set_new(object, "received", fz_json_valid_number(known, s->received));
	json_object_set_new(object, "lost", fz_json_valid_number(known, s->lost));
	json_object_set_new(object, "lost_local",
		fz_json_valid_number(known && session->received_here, session->lost_local));
	json_object_set_new(object, "lost_network",
		fz_json_valid_number(known && session->received_here, s->lost - session->lost_local));
	/*= rfc7680#section-4.1 OL-4.1-01 */
	json_object_set_new(object, "loss_ratio", known ? fz_json_ratio(s->lost, s->sent) : json_null());
	json_object_set_new(object, "duplicates", fz_json_valid_number(known, s->duplicates));
	/*= rfc5560#section-5 DU-5-01 */
	json_object_set_new(object, "duplication_ratio",
		known ? fz_json_ratio(s->duplicates, s->received) : json_null());
	json_object_set_new(object, "replicated", fz_json_valid_number(known, s->replicated));
	json_object_set_new(object, "reordered", fz_json_valid_number(known, s->reordered));
	/*= rfc4737#section-4.1 RE-4.1-01 */
	json_object_set_new(object, "reordered_ratio",
		known ? fz_json_ratio(s->reordered, s->received) : json_null());
	json_object_set_new(object, "reordering_extent_max", fz_json_valid_number(known, s->reordering_extent_max));
	json_object_set_new(object, "n_reordered", known ? n_reordered(session) : json_null());
	json_object_set_new(object, "sender_late", fz_json_valid_number(session->sent_here, session->sender_late));
	json_object_set_new(object, "send_drops", fz_json_valid_number(session->sent_here, session->send_drops));
	json_object_set_new(object, "receive_drops",
		fz_json_valid_number(session->received_here, session->receive_drops));
	json_object_set_new(object, "discarded", discarded(session));
	return object;
}

/* Lengths of runs, in packets: how many runs, and how long. */
static json_t *runs(bool known, const struct fizeau_distribution *d)
{
	json_t *object = json_object();

	json_object_set_new(object, "count", fz_json_valid_number(known, d->valid ? d->values : 0));
	json_object_set_new(object, "min", d->valid ? json_integer(d->min) : json_null());
	json_object_set_new(object, "mean", d->valid ? json_integer(d->mean) : json_null());
	json_object_set_new(object, "median", d->valid ? json_integer(d->median) : json_null());
	json_object_set_new(object, "max", d->valid ? json_integer(d->max) : json_null());
	return object;
}

static json_t *ttl(const struct fizeau_one_way_summary *s)
{
	json_t *object = json_object();

	json_object_set_new(object, "min", fz_json_valid_number(s->ttl_valid, s->ttl_min));
	json_object_set_new(object, "max", fz_json_valid_number(s->ttl_valid, s->ttl_max));
	return object;
}

static json_t *stamps(const struct fz_one_way_session *session)
{
	bool received = session->received_here && session->summary.delay.valid;
	json_t *object = json_object();

	json_object_set_new(object, "sent",
		session->sent_here ? fz_json_stamp(fz_stamp_worst(&session->sent_by)) : json_null());
	json_object_set_new(object, "received",
		received ? fz_json_stamp(fz_stamp_worst(&session->received_by)) : json_null());
	json_object_set_new(object, "sent_by", fz_json_stamp_counts(session->sent_here, &session->sent_by));
	json_object_set_new(object, "received_by",
		fz_json_stamp_counts(session->received_here, &session->received_by));
	return object;
}

json_t *fz_json_one_way(const struct fz_one_way_session *session)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	struct fz_clock_verdict clocks = fz_clock_one_way(session);
	bool known = session->failure == NULL;
	json_t *object = fz_json_session(&session->facts, session->direction == FZ_TO ? "to" : "from");

	json_object_set_new(object, "failure", fz_json_text(session->failure));
	json_object_set_new(object, "packets", packets(session));
	json_object_set_new(object, "delay_ns", fz_json_clock_distribution(&s->delay, fz_clock_usable(&clocks)));
	json_object_set_new(object, "ipdv_ns", fz_json_clock_distribution(&s->ipdv, clocks.variation));
	json_object_set_new(object, "pdv_ns", fz_json_clock_distribution(&s->pdv, clocks.variation));
	json_object_set_new(object, "loss_bursts", runs(known, &s->loss_burst));
	json_object_set_new(object, "loss_gaps", runs(known, &s->loss_gap));
	json_object_set_new(object, "send_error_ns", fz_json_distribution(&session->send_error));
	json_object_set_new(object, "missed_slots", fz_json_missed(session->sent_here, &session->missed));
	json_object_set_new(object, "ttl", ttl(s));
	json_object_set_new(object, "clock", fz_json_one_way_clocks(session));
	json_object_set_new(object, "stamps", stamps(session));
	return object;
}
