/* SPDX-License-Identifier: MIT */
/* Sessions of OWAMP for people: a table of packets and one of delays, a row or three for each direction. */
#include <inttypes.h>
#include <string.h>
#include "out_clock.h"
#include "out_stamps.h"
#include "text_parts.h"

#define INITIAL_TTL 255 /* RFC 4656 4.1.2: what packets leave with */

static const char *name_of(const struct fz_one_way_session *session)
{
	return session->direction == FZ_TO ? "to" : "from";
}

static void put_head(const struct fz_one_way_session *session, FILE *out)
{
	const struct fz_session_facts *facts = &session->facts;
	const struct fz_addr *ends[] = {&facts->local, &facts->remote};
	char sid[2 * FIZEAU_SID_OCTETS + 1], timeout[32];
	bool to = session->direction == FZ_TO;

	fprintf(out, "%-6s", name_of(session));
	for (int i = 0; i < 2; i++) {
		const struct fz_addr *end = ends[to ? i : 1 - i];
		char text[FZ_ADDR_TEXT] = "an unknown sender";

		if (end->len != 0)
			fz_addr_text(end, text);
		fprintf(out, "%s%s", i == 0 ? "" : " to ", text);
	}
	fz_hex_text(facts->sid, FIZEAU_SID_OCTETS, sid);
	fz_ms_text(facts->timeout_ns, timeout);
	if (facts->packet_octets != 0)
		fprintf(out, ", %u octets", facts->packet_octets);
	else
		fprintf(out, ", %u octets of padding", facts->padding_octets);
	fprintf(out, ", dscp %u, schedule %s, timeout %s ms%s%s%s\n", facts->dscp, facts->schedule, timeout,
		fz_has_sid(facts) ? ", SID " : "", fz_has_sid(facts) ? sid : "",
		facts->bypass_mark != 0 ? ", around IPsec" : "");
}

static void put_packets_head(FILE *out)
{
	fprintf(out, "%-12s %10s %20s %10s %10s %8s\n", "packets", "sent", "lost", "duplicates", "reordered", "hops");
}

static void hops_text(const struct fizeau_one_way_summary *s, char text[static 16])
{
	if (!s->ttl_valid)
		snprintf(text, 16, "-");
	else if (s->ttl_min == s->ttl_max)
		snprintf(text, 16, "%d", INITIAL_TTL - s->ttl_max);
	else
		snprintf(text, 16, "%d to %d", INITIAL_TTL - s->ttl_max, INITIAL_TTL - s->ttl_min);
}

static void lost_text(const struct fizeau_one_way_summary *s, char text[static 48])
{
	FILE *out = fmemopen(text, 48, "w");

	if (out == NULL) {
		snprintf(text, 48, "%" PRIu64, s->lost);
		return;
	}
	fprintf(out, "%" PRIu64, s->lost);
	fz_put_ratio(s->lost, s->sent, out);
	fclose(out);
}

static void put_packets(const struct fz_one_way_session *session, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	char hops[16], lost[48];

	if (session->failure != NULL) {
		char sent[24] = "-";

		if (session->sent_here)
			snprintf(sent, sizeof(sent), "%" PRIu64, session->sent);
		fprintf(out, "%-12s %10s %20s %10s %10s %8s\n", name_of(session), sent, "-", "-", "-", "-");
		return;
	}
	hops_text(s, hops);
	lost_text(s, lost);
	fprintf(out, "%-12s %10" PRIu64 " %20s %10" PRIu64 " %10" PRIu64 " %8s\n", name_of(session), s->sent, lost,
		s->duplicates, s->reordered, hops);
}

static bool doubtful(const struct fz_one_way_session *session)
{
	return !session->facts.clock.same && fz_one_way_trust(&session->summary) == FZ_TRUST_NOT;
}

static void put_delays(const struct fz_one_way_session *session, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	struct fz_clock_verdict clocks = fz_clock_one_way(session);
	char name[16];

	/* A figure that the clocks make meaningless is none; one that they leave little of is marked. */
	snprintf(name, sizeof(name), "%s delay%s", name_of(session), doubtful(session) ? "?" : "");
	fz_put_clock_row(name, &s->delay, fz_clock_usable(&clocks), out);
	snprintf(name, sizeof(name), "%s ipdv", name_of(session));
	fz_put_clock_row(name, &s->ipdv, clocks.variation, out);
	snprintf(name, sizeof(name), "%s pdv", name_of(session));
	fz_put_clock_row(name, &s->pdv, clocks.variation, out);
}

static void put_clocks(const struct fz_one_way_session *session, FILE *out)
{
	fz_put_one_way_clocks(session, name_of(session), out);
}

static void put_runs(const char *one, const char *many, const struct fizeau_distribution *d, FILE *out)
{
	fprintf(out, "%" PRIu64 " %s of %" PRId64, d->values, d->values == 1 ? one : many, d->min);
	if (d->max == d->min)
		fputs(d->max == 1 ? " packet" : " packets", out);
	else
		fprintf(out, " to %" PRId64 " packets (median %" PRId64 ")", d->max, d->median);
}

static void put_loss(const struct fz_one_way_session *session, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;

	if (!s->loss_burst.valid)
		return;
	fprintf(out, "%-6sloss: ", name_of(session));
	put_runs("burst", "bursts", &s->loss_burst, out);
	if (s->loss_gap.valid) {
		fputs(", ", out);
		put_runs("gap", "gaps", &s->loss_gap, out);
	}
	fputc('\n', out);
}

static void put_reordering(const struct fz_one_way_session *session, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;

	if (s->reordered == 0)
		return;
	fprintf(out, "%-6sreordering: %" PRIu64 " of the received", name_of(session), s->reordered);
	fz_put_ratio(s->reordered, s->received, out);
	fprintf(out, ", extent up to %" PRIu64, s->reordering_extent_max);
	for (size_t i = 0; i < FIZEAU_N_REORDERING_MAX && s->n_reordered[i] > 0; i++)
		fprintf(out, ", %" PRIu64 " %zu-reordered", s->n_reordered[i], i + 1);
	fputc('\n', out);
}

static void put_discards(const struct fz_one_way_session *session, FILE *out)
{
	const struct fz_discards *d = &session->discards;
	const struct fz_discard_reason reasons[] = {
		{d->hmac, "with a wrong HMAC"},
		{d->length, "of a wrong length"},
		{d->error_estimate, "with an invalid Error Estimate"},
		{d->unknown_number, "with a number that the session does not have"},
		{d->foreign_source, "from another source"},
		{session->discarded_late, "outside their time"},
		{session->discarded_rate, "above the rate"},
	};
	char prefix[8];

	snprintf(prefix, sizeof(prefix), "%-6s", name_of(session));
	fz_put_discards(prefix, reasons, sizeof(reasons) / sizeof(reasons[0]), out);
}

/* What this host knows of its own end. */
static void put_own_end(const struct fz_one_way_session *session, FILE *out)
{
	char prefix[8];

	snprintf(prefix, sizeof(prefix), "%-6s", name_of(session));
	if (session->sent_here && session->send_error.valid) {
		fprintf(out, "%sstamps: sent ", prefix);
		fz_put_stamp_counts(&session->sent_by, out);
		fputc('\n', out);
		fz_put_send_times(prefix, &session->send_error, &session->missed, out);
	}
	if (session->received_here && session->summary.delay.valid) {
		fprintf(out, "%sstamps: received ", prefix);
		fz_put_stamp_counts(&session->received_by, out);
		fputs(session->received_by.user > 0
				? " (fallback: the kernel gave none, delays include this program's)\n"
				: "\n", out);
	}
}

static void put_trouble(const struct fz_one_way_session *session, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	char text[32];

	if (session->failure != NULL)
		fprintf(out, "%-6sno result: %s\n", name_of(session), session->failure);
	if (s->skipped > 0)
		fprintf(out, "%-6sskipped: %" PRIu64 " packets were never sent\n", name_of(session), s->skipped);
	if (session->sender_late > 0 && session->send_error.valid) {
		fz_ms_text(session->send_error.max, text);
		fprintf(out, "%-6ssender: %" PRIu64 " packets left more than 1 ms behind schedule, at worst %s ms\n",
			name_of(session), session->sender_late, text);
	}
	if (session->send_drops > 0)
		fprintf(out, "%-6slocal drops: %" PRIu64 " while sending\n", name_of(session), session->send_drops);
	if (session->receive_drops > 0)
		fprintf(out, "%-6slocal drops: %" PRIu64 " while receiving (its socket's buffer was full): %" PRIu64
			" of the lost packets were dropped by this host, not by the network\n", name_of(session),
			session->receive_drops, session->lost_local);
	put_discards(session, out);
	if (session->facts.ending != FZ_ENDED_COMPLETE && session->failure == NULL)
		fprintf(out, "%-6sincomplete: %s after %" PRIu64 " of %u packets\n", name_of(session),
			fz_ending_text(session->facts.ending), s->sent, session->facts.wanted);
}

static void put_brief(const struct fz_one_way_session *session, FILE *out)
{
	const struct fizeau_one_way_summary *s = &session->summary;
	struct fz_clock_verdict clocks = fz_clock_one_way(session);
	char host[FZ_ADDR_TEXT], min[32], median[32], max[32];

	fz_addr_host_text(&session->facts.remote, host);
	fprintf(out, "%s %s: ", name_of(session), host);
	if (session->failure != NULL) {
		fprintf(out, "no result: %s\n", session->failure);
		return;
	}
	fprintf(out, "%" PRIu64 " sent, %" PRIu64 " lost", s->sent, s->lost);
	fz_put_ratio(s->lost, s->sent, out);
	if (s->delay.valid && !fz_clock_usable(&clocks)) {
		fprintf(out, ", no delay: %s", fz_clock_fault_text(clocks.fault));
	} else if (s->delay.valid) {
		fz_ms_text(s->delay.min, min);
		fz_ms_text(s->delay.median, median);
		fz_ms_text(s->delay.max, max);
		fprintf(out, ", delay min/median/max %s/%s/%s ms%s", min, median, max,
			doubtful(session) ? " (clocks cannot be trusted)" : "");
	}
	fputc('\n', out);
}

typedef void put_fn(const struct fz_one_way_session *session, FILE *out);

static void put_each(const struct fz_result *result, put_fn *put, FILE *out)
{
	for (size_t i = 0; i < result->one_way_count; i++)
		put(&result->one_way[i], out);
}

void fz_put_one_way(const struct fz_result *result, bool brief, FILE *out)
{
	if (result->one_way_count == 0)
		return;
	if (brief) {
		put_each(result, put_brief, out);
		return;
	}
	put_each(result, put_head, out);
	fputc('\n', out);
	put_packets_head(out);
	put_each(result, put_packets, out);
	fprintf(out, "\n%-12s %10s %10s %10s %10s %10s\n", "ms", "min", "median", "p95", "p99", "max");
	put_each(result, put_delays, out);
	fputc('\n', out);
	put_each(result, put_clocks, out);
	put_each(result, put_loss, out);
	put_each(result, put_reordering, out);
	put_each(result, put_own_end, out);
	put_each(result, put_trouble, out);
}
