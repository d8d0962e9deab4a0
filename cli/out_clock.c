/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include "json_parts.h"
#include "out_clock.h"
#include "text_parts.h"

void fz_put_clock_row(const char *name, const struct fizeau_distribution *d, bool meaningful, FILE *out)
{
	const struct fizeau_distribution none = {.valid = false};

	fz_put_row(name, meaningful ? d : &none, out);
}

json_t *fz_json_clock_distribution(const struct fizeau_distribution *d, bool meaningful)
{
	const struct fizeau_distribution none = {.valid = false};

	return fz_json_distribution(meaningful ? d : &none);
}

const char *fz_clock_fault_text(enum fz_clock_fault fault)
{
	static const char *const texts[] = {
		[FZ_CLOCK_SENDER_SET] = "the sender's clock was set meanwhile",
		[FZ_CLOCK_RECEIVER_SET] = "the receiver's clock was set meanwhile",
		[FZ_CLOCK_MOVED] = "the clocks moved against each other: one was set, or is being corrected",
		[FZ_CLOCK_NEITHER_SYNCHRONIZED] = "neither clock is synchronised",
		[FZ_CLOCK_SENDER_UNSYNCHRONIZED] = "the sender's clock is not synchronised",
		[FZ_CLOCK_RECEIVER_UNSYNCHRONIZED] = "the receiver's clock is not synchronised",
		[FZ_CLOCK_CONTRADICTION] = "delays are further below 0 than the clocks' bounds allow",
		[FZ_CLOCK_GOOD] = "",
	};

	return texts[fault];
}

/* "+0.500 s" would be as good, but the tables are in milliseconds. */
static void put_size(int64_t ns, FILE *out)
{
	char text[32];

	fz_ms_text(ns, text);
	fprintf(out, "%s%s ms", ns > 0 ? "+" : "", text);
}

static void put_steps(const struct fz_clock_steps *steps, const char *prefix, FILE *out)
{
	if (steps->count == 0)
		return;
	fprintf(out, "%sclock here: set ", prefix);
	if (steps->count > 1)
		fprintf(out, "%" PRIu32 " times, ", steps->count);
	fputs("by ", out);
	put_size(steps->size_ns, out);
	fputs(steps->count > 1 ? " together, while measuring\n" : ", while measuring\n", out);
}

static void put_left_out(const struct fizeau_round_trip_summary *s, FILE *out)
{
	if (s->across_step > 0)
		fprintf(out, "clock here: %" PRIu64 " reflections have no delay, the clock was set between T1 and T4\n",
			s->across_step);
	if (s->impossible > 0)
		fprintf(out, "clock there: %" PRIu64 " reflections have no delay, by their stamps the reflector had them "
			"for less than no time or for longer than they were under way\n",
			s->impossible);
	if (s->clock_moves > 0) {
		fputs("clock there: moved against the one here by ", out);
		put_size(s->clock_moved_ns, out);
		fputc('\n', out);
	}
}

/* Whether the one-way rows mean anything, and how far the others are right. */
void fz_put_clocks(const struct fz_result_session *session, FILE *out)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	struct fz_clock_verdict v = fz_clock_two_way(session);
	char text[32];

	if (!v.known)
		return;
	fputs("clocks: ", out);
	if (session->facts.clock.same) {
		fputs("one for both ends", out);
	} else {
		fz_put_clock_half("here", s->synchronized_sender, s->error_sender_ns, out);
		fz_put_clock_half(", there", s->synchronized_reflector, s->error_reflector_ns, out);
	}
	fz_ms_text(v.one_way_error_ns, text);
	if (fz_clock_usable(&v))
		fprintf(out, ": forward and backward are right within %s ms", text);
	else
		fprintf(out, ": no forward and backward, %s", fz_clock_fault_text(v.fault));
	fz_ms_text(s->round_trip_error_ns, text);
	if (s->round_trip.valid)
		fprintf(out, "; the round trip within %s ms", text);
	fputc('\n', out);
	put_steps(&session->facts.clock.steps, "", out);
	put_left_out(s, out);
}

/*= rfc7679#section-3.8 OD-3.8-01 */
/*= rfc7680#section-2.8 OL-2.8-01 */
void fz_put_one_way_clocks(const struct fz_one_way_session *session, const char *name, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	struct fz_clock_verdict v = fz_clock_one_way(session);
	char text[32], prefix[16];

	if (!v.known)
		return;
	snprintf(prefix, sizeof(prefix), "%-6s", name);
	fprintf(out, "%sclocks: ", prefix);
	if (session->facts.clock.same) {
		fputs("one for both ends", out);
	} else {
		fz_put_clock_half("sender", s->synchronized_sender, s->error_sender_ns, out);
		fz_put_clock_half(", receiver", s->synchronized_receiver, s->error_receiver_ns, out);
	}
	fz_ms_text(v.one_way_error_ns, text);
	if (!fz_clock_usable(&v))
		fprintf(out, ": one-way delay cannot be trusted, %s\n", fz_clock_fault_text(v.fault));
	else if (session->facts.clock.same || fz_one_way_trust(s) == FZ_TRUST_GOOD)
		fprintf(out, ": the delay is right within %s ms\n", text);
	else
		fprintf(out, ": clocks differ by up to %s ms: one-way delay cannot be trusted\n", text);
	if (session->facts.clock.here)
		put_steps(&session->facts.clock.steps, prefix, out);
}

static json_t *steps_of(const struct fz_clock_steps *steps)
{
	json_t *object;

	if (steps->count == 0)
		return json_null();
	object = json_object();
	json_object_set_new(object, "count", fz_json_number(steps->count));
	json_object_set_new(object, "size_ns", json_integer(steps->size_ns));
	json_object_set_new(object, "noticed", fz_json_time(steps->unix_ns));
	return object;
}

/* What is known of the other end's: that it happened, perhaps by how much. */
static json_t *seen_step(bool happened, bool sized, int64_t size_ns)
{
	json_t *object;

	if (!happened)
		return json_null();
	object = json_object();
	json_object_set_new(object, "count", json_null());
	json_object_set_new(object, "size_ns", sized ? json_integer(size_ns) : json_null());
	json_object_set_new(object, "noticed", json_null());
	return object;
}

/* One end's clock; facts are this host's, NULL for the other's. */
static json_t *end_of(json_t *end, const struct fz_clock_facts *facts, json_t *seen)
{
	bool here = facts != NULL && facts->here;

	json_object_set_new(end, "source", here ? json_string(fz_clock_source_name(facts->source)) : json_null());
	if (here && facts->steps.count > 0) {
		json_object_set_new(end, "stepped", steps_of(&facts->steps));
		json_decref(seen);
	} else {
		json_object_set_new(end, "stepped", seen);
	}
	return end;
}

static void set_verdict(json_t *object, const struct fz_clock_verdict *v, const struct fz_clock_facts *facts)
{
	static const char *const reasons[] = {
		[FZ_CLOCK_SENDER_SET] = "sender_stepped",
		[FZ_CLOCK_RECEIVER_SET] = "receiver_stepped",
		[FZ_CLOCK_MOVED] = "clocks_moved",
		[FZ_CLOCK_NEITHER_SYNCHRONIZED] = "neither_synchronized",
		[FZ_CLOCK_SENDER_UNSYNCHRONIZED] = "sender_not_synchronized",
		[FZ_CLOCK_RECEIVER_UNSYNCHRONIZED] = "receiver_not_synchronized",
		[FZ_CLOCK_CONTRADICTION] = "bounds_contradicted",
	};
	bool usable = fz_clock_usable(v);

	json_object_set_new(object, "same", json_boolean(facts->same));
	json_object_set_new(object, "usable", v->known ? json_boolean(usable) : json_null());
	json_object_set_new(object, "reason", v->known && !usable ? json_string(reasons[v->fault]) : json_null());
	json_object_set_new(object, "one_way_error_ns", usable ? json_integer(v->one_way_error_ns) : json_null());
	json_object_set_new(object, "ipdv_error_ns",
		v->known && v->variation ? json_integer(v->ipdv_error_ns) : json_null());
	json_object_set_new(object, "pdv_error_ns",
		v->known && v->variation ? json_integer(v->pdv_error_ns) : json_null());
}

json_t *fz_json_clocks(const struct fz_result_session *session)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	const struct fz_clock_facts *facts = &session->facts.clock;
	struct fz_clock_verdict v = fz_clock_two_way(session);
	bool there = facts->steps.count == 0 && (s->clock_moves > 0 || s->impossible > 0);
	json_t *object = json_object();

	json_object_set_new(object, "sender",
		end_of(fz_json_clock_of(v.known, s->synchronized_sender, s->error_sender_ns), facts, json_null()));
	json_object_set_new(object, "receiver",
		end_of(fz_json_clock_of(v.known, s->synchronized_reflector, s->error_reflector_ns), NULL,
			seen_step(there, s->clock_moves > 0, s->clock_moved_ns)));
	set_verdict(object, &v, facts);
	json_object_set_new(object, "round_trip_error_ns",
		s->round_trip.valid ? json_integer(s->round_trip_error_ns) : json_null());
	return object;
}

json_t *fz_json_one_way_clocks(const struct fz_one_way_session *session)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	const struct fz_clock_facts *facts = &session->facts.clock;
	struct fz_clock_verdict v = fz_clock_one_way(session);
	enum fz_trust trust = fz_one_way_trust(s);
	bool valid = s->delay.valid, to = session->direction == FZ_TO;
	json_t *object = json_object();

	json_object_set_new(object, "sender",
		end_of(fz_json_clock_of(valid, s->synchronized_sender, s->error_sender_ns), to ? facts : NULL,
			seen_step(s->set_back_sender, false, 0)));
	json_object_set_new(object, "receiver",
		end_of(fz_json_clock_of(valid, s->synchronized_receiver, s->error_receiver_ns), to ? NULL : facts,
			seen_step(s->set_back_receiver, false, 0)));
	/*= rfc7679#section-3.8.3 OD-3.8.3-02 */
	json_object_set_new(object, "error_ns", valid ? json_integer(fz_one_way_error_ns(s)) : json_null());
	json_object_set_new(object, "trusted",
		trust == FZ_TRUST_UNKNOWN ? json_null()
					  : json_boolean(fz_clock_usable(&v) && (facts->same || trust == FZ_TRUST_GOOD)));
	set_verdict(object, &v, facts);
	return object;
}
