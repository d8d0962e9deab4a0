/* SPDX-License-Identifier: MIT */
#include "clock_verdict.h"

#define SAME_CLOCK_NS 1000000 /* what stamps of one clock may be wrong by, when they are corrected */

static int64_t sum(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static enum fz_clock_fault unsynchronized(bool sender, bool receiver)
{
	if (!sender && !receiver)
		return FZ_CLOCK_NEITHER_SYNCHRONIZED;
	if (!sender)
		return FZ_CLOCK_SENDER_UNSYNCHRONIZED;
	return receiver ? FZ_CLOCK_GOOD : FZ_CLOCK_RECEIVER_UNSYNCHRONIZED;
}

static bool contradicts(const struct fizeau_distribution *d, int64_t bound)
{
	return d->valid && d->min < 0 && (d->min == INT64_MIN || -d->min > bound);
}

bool fz_clock_usable(const struct fz_clock_verdict *verdict)
{
	return verdict->known && verdict->fault == FZ_CLOCK_GOOD;
}

struct fz_clock_verdict fz_clock_two_way(const struct fz_result_session *session)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	const struct fz_clock_facts *facts = &session->facts.clock;
	struct fz_clock_verdict v = {
		.known = s->received > 0,
		.fault = FZ_CLOCK_GOOD,
		.variation = true,
		.one_way_error_ns = facts->same ? s->round_trip_error_ns
						: sum(s->error_sender_ns, s->error_reflector_ns),
		.ipdv_error_ns = sum(s->round_trip_error_ns, s->round_trip_error_ns),
		.pdv_error_ns = sum(s->round_trip_error_ns, s->round_trip_error_ns),
	};
	int64_t bound = facts->same ? SAME_CLOCK_NS : v.one_way_error_ns;

	if (facts->steps.count > 0)
		v.fault = FZ_CLOCK_SENDER_SET;
	else if (s->impossible > 0)
		v.fault = FZ_CLOCK_RECEIVER_SET;
	else if (s->clock_moves > 0)
		v.fault = FZ_CLOCK_MOVED;
	else if (!facts->same)
		v.fault = unsynchronized(s->synchronized_sender, s->synchronized_reflector);
	if (v.fault == FZ_CLOCK_GOOD && (contradicts(&s->forward, bound) || contradicts(&s->backward, bound)))
		v.fault = FZ_CLOCK_CONTRADICTION;
	return v;
}

static enum fz_clock_fault set_of(const struct fz_one_way_session *session)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	bool here = session->facts.clock.here && session->facts.clock.steps.count > 0;

	if (s->set_back_sender || (here && session->direction == FZ_TO))
		return FZ_CLOCK_SENDER_SET;
	if (s->set_back_receiver || (here && session->direction == FZ_FROM))
		return FZ_CLOCK_RECEIVER_SET;
	return FZ_CLOCK_GOOD;
}

struct fz_clock_verdict fz_clock_one_way(const struct fz_one_way_session *session)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	const struct fz_clock_facts *facts = &session->facts.clock;
	bool synchronized = s->synchronized_sender && s->synchronized_receiver;
	int64_t both = fz_one_way_error_ns(s), drift = s->delay.valid ? s->delay.max / (1000000 / FIZEAU_DRIFT_PPM) + 1 : 0;
	struct fz_clock_verdict v = {
		.known = session->failure == NULL && s->delay.valid,
		.fault = set_of(session),
		.one_way_error_ns = facts->same ? drift : both,
		.ipdv_error_ns = s->ipdv_error_ns,
		.pdv_error_ns = s->pdv_error_ns,
	};

	/* A clock that was set makes nonsense of differences too; one that is only wrong does not. */
	v.variation = v.fault == FZ_CLOCK_GOOD;
	if (facts->same)
		both = drift;
	if (facts->same || synchronized) {
		v.ipdv_error_ns = least(v.ipdv_error_ns, sum(both, both));
		v.pdv_error_ns = least(v.pdv_error_ns, sum(both, both));
	}
	if (v.fault == FZ_CLOCK_GOOD && !facts->same)
		v.fault = unsynchronized(s->synchronized_sender, s->synchronized_receiver);
	if (v.fault == FZ_CLOCK_GOOD && contradicts(&s->delay, facts->same ? SAME_CLOCK_NS : both))
		v.fault = FZ_CLOCK_CONTRADICTION;
	return v;
}

void fz_clock_facts_fill(const struct fz_clock *clock, bool same_clock, struct fz_session_facts *facts)
{
	facts->clock = (struct fz_clock_facts){
		.here = true,
		.steps = clock->steps,
		.source = clock->source,
		.same = same_clock || fz_addr_same_host(&facts->local, &facts->remote) || fz_addr_is_own(&facts->remote),
	};
}
