/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "out_clock.h"
#include "out_features.h"
#include "out_stamp.h"
#include "out_stamps.h"
#include "result.h"
#include "text_parts.h"

static void put_key(const struct fz_result *result, FILE *out)
{
	const struct fz_result_key *key = &result->key;
	char spi_i[17], spi_r[17], prf[32], features[FZ_FEATURES_TEXT];

	fprintf(out, "%s %s, ", result->protocol, fz_mode_name(result->mode));
	fz_features_text(result->features, features);
	if (result->features != 0)
		fprintf(out, "features %s, ", features);
	switch (key->source) {
	case FZ_KEY_NONE:
		fputs("no key", out);
		break;
	case FZ_KEY_PASSPHRASE:
		fputs("keyed by the passphrase of KeyID ", out);
		fz_put_printable(key->key_id, out);
		break;
	case FZ_KEY_IKE:
		fz_hex_text(key->spi_i, 8, spi_i);
		fz_hex_text(key->spi_r, 8, spi_r);
		fz_prf_text(key->prf, prf);
		fprintf(out, "keyed by IKEv2 SA %s/%s with ", spi_i, spi_r);
		fz_put_printable(key->peer_id[0] != '\0' ? key->peer_id : "an unknown identity", out);
		fprintf(out, ", prf %s", prf);
		break;
	}
	fputc('\n', out);
}

static void put_counts(const struct fz_result_session *session, FILE *out)
{
	const struct fizeau_round_trip_summary *s = &session->summary;

	fprintf(out, "%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " lost", s->sent, s->received, s->lost);
	fz_put_ratio(s->lost, s->sent, out);
	if (s->lost_forward_valid && s->lost > 0) {
		uint64_t known = s->lost_forward + s->lost_backward;

		fprintf(out, ": %" PRIu64 " forward, %" PRIu64 " backward", s->lost_forward, s->lost_backward);
		known += session->lost_local;
		if (s->lost > known)
			fprintf(out, ", %" PRIu64 " on either way", s->lost - known);
	}
	if (session->lost_local > 0)
		fprintf(out, "%s %" PRIu64 " dropped by this host, not by the network",
			s->lost_forward_valid ? "," : ":", session->lost_local);
	fprintf(out, "; %" PRIu64 " duplicates, %" PRIu64 " reordered", s->duplicates, s->reordered);
	if (s->late > 0)
		fprintf(out, ", %" PRIu64 " too late", s->late);
	fputc('\n', out);
}

static void put_ttl(const struct fizeau_round_trip_summary *s, FILE *out)
{
	if (!s->ttl_valid)
		return;
	fprintf(out, "ttl: forward %u", s->forward_ttl_min);
	if (s->forward_ttl_max != s->forward_ttl_min)
		fprintf(out, " to %u", s->forward_ttl_max);
	fprintf(out, ", backward %u", s->backward_ttl_min);
	if (s->backward_ttl_max != s->backward_ttl_min)
		fprintf(out, " to %u", s->backward_ttl_max);
	fputc('\n', out);
}

static void put_stamps(const struct fz_result_session *session, FILE *out)
{
	if (!session->summary.round_trip.valid)
		return;
	fputs("stamps: sent ", out);
	fz_put_stamp_counts(&session->sent_by, out);
	fputs("; received ", out);
	fz_put_stamp_counts(&session->received_by, out);
	if (session->received_by.user > 0)
		fputs(" (fallback: the kernel gave none, delays include this program's)", out);
	fputc('\n', out);
}

static void put_discards(const struct fz_discards *d, FILE *out)
{
	const struct fz_discard_reason reasons[] = {
		{d->hmac, "with a wrong HMAC"},
		{d->length, "of a wrong length"},
		{d->error_estimate, "with an invalid Error Estimate"},
		{d->unknown_number, "with a number that was not sent"},
		{d->foreign_source, "from another source"},
		{d->ssid, "of another session"},
		{d->stamp_format, "with stamps that are in another format than said"},
	};

	fz_put_discards("", reasons, sizeof(reasons) / sizeof(reasons[0]), out);
}

static void put_trouble(const struct fz_result_session *session, FILE *out)
{
	char text[32];

	if (session->sender_late > 0 && session->send_error.valid) {
		fz_ms_text(session->send_error.max, text);
		fprintf(out, "sender: %" PRIu64 " packets left more than 1 ms behind schedule, at worst %s ms\n",
			session->sender_late, text);
	}
	if (session->send_drops > 0 || session->receive_drops > 0)
		fprintf(out, "local drops: %" PRIu64 " while sending (tried again), %" PRIu64
			" while receiving (its socket's buffer was full)\n", session->send_drops,
			session->receive_drops);
	put_discards(&session->discards, out);
	if (session->facts.ending != FZ_ENDED_COMPLETE)
		fprintf(out, "incomplete: %s after %" PRIu64 " of %u packets\n", fz_ending_text(session->facts.ending),
			session->summary.sent, session->facts.wanted);
}

static void session_name(const struct fz_result_session *session, char name[static 2 * FIZEAU_SID_OCTETS + 8])
{
	char sid[2 * FIZEAU_SID_OCTETS + 1];

	fz_hex_text(session->facts.sid, FIZEAU_SID_OCTETS, sid);
	if (session->stamp == NULL)
		snprintf(name, sizeof(sid) + 4, "SID %s", sid);
	else if (session->stamp->ssid != 0)
		snprintf(name, sizeof(sid), "SSID %u", session->stamp->ssid);
	else
		snprintf(name, sizeof(sid), "no SSID");
}

static void put_session(const struct fz_result_session *session, FILE *out)
{
	const struct fizeau_round_trip_summary *s = &session->summary;
	struct fz_clock_verdict clocks = fz_clock_two_way(session);
	char local[FZ_ADDR_TEXT], remote[FZ_ADDR_TEXT], name[2 * FIZEAU_SID_OCTETS + 8];

	fz_addr_text(&session->facts.local, local);
	fz_addr_text(&session->facts.remote, remote);
	session_name(session, name);
	fprintf(out, "%s to %s, %u octets, dscp %u, schedule %s, %s%s\n\n", local, remote,
		session->facts.packet_octets, session->facts.dscp, session->facts.schedule, name,
		session->facts.bypass_mark != 0 ? ", around IPsec" : "");
	put_counts(session, out);
	fprintf(out, "\n%-12s %10s %10s %10s %10s %10s\n", "ms", "min", "median", "p95", "p99", "max");
	fz_put_row("round trip", &s->round_trip, out);
	fz_put_clock_row("forward", &s->forward, fz_clock_usable(&clocks), out);
	fz_put_clock_row("backward", &s->backward, fz_clock_usable(&clocks), out);
	fz_put_row("reflector", &s->reflector, out);
	fz_put_row("ipdv", &s->ipdv, out);
	fz_put_row("pdv", &s->pdv, out);
	fputc('\n', out);
	fz_put_clocks(session, out);
	put_stamps(session, out);
	fz_put_send_times("", &session->send_error, &session->missed, out);
	put_ttl(s, out);
	fz_put_features(session, out);
	if (session->stamp != NULL)
		fz_put_stamp(session, out);
	put_trouble(session, out);
}

static void put_brief(const struct fz_result_session *session, FILE *out)
{
	char host[FZ_ADDR_TEXT];

	fz_addr_host_text(&session->facts.remote, host);
	fprintf(out, "%s: ", host);
	fz_put_round_trips(&session->summary, out);
}

bool fz_out_text(const struct fz_result *result, bool brief, FILE *out)
{
	if (!brief)
		put_key(result, out);
	for (size_t i = 0; i < result->session_count; i++) {
		if (brief)
			put_brief(&result->sessions[i], out);
		else
			put_session(&result->sessions[i], out);
	}
	fz_put_one_way(result, brief, out);
	return ferror(out) == 0;
}
