/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include "text_parts.h"

/* Identities come from a peer's certificate: nothing in them may steer the terminal. */
void fz_put_printable(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

void fz_ms_text(int64_t ns, char text[static 32])
{
	uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t us = size / 1000 + (size % 1000 >= 500 ? 1 : 0);

	snprintf(text, 32, "%s%" PRIu64 ".%03" PRIu64, ns < 0 && us > 0 ? "-" : "", us / 1000, us % 1000);
}

void fz_ratio_text(uint64_t part, uint64_t whole, char text[static 32])
{
	uint64_t hundredths = whole > 0 ? part * 10000 / whole : 0;

	if (whole == 0)
		snprintf(text, 32, "-");
	/* Some are not none: 1 of a million lost must not read as 0.00 %. */
	else if (part > 0 && hundredths == 0)
		snprintf(text, 32, "<0.01 %%");
	else
		snprintf(text, 32, "%" PRIu64 ".%02" PRIu64 " %%", hundredths / 100, hundredths % 100);
}

void fz_put_ratio(uint64_t part, uint64_t whole, FILE *out)
{
	char text[32];

	if (whole == 0)
		return;
	fz_ratio_text(part, whole, text);
	fprintf(out, " (%s)", text);
}

void fz_put_round_trips(const struct fizeau_round_trip_summary *summary, FILE *out)
{
	char min[32], median[32], max[32];

	fprintf(out, "%" PRIu64 " sent, %" PRIu64 " lost", summary->sent, summary->lost);
	fz_put_ratio(summary->lost, summary->sent, out);
	if (summary->round_trip.valid) {
		fz_ms_text(summary->round_trip.min, min);
		fz_ms_text(summary->round_trip.median, median);
		fz_ms_text(summary->round_trip.max, max);
		fprintf(out, ", round trip min/median/max %s/%s/%s ms", min, median, max);
	}
	fputc('\n', out);
}

void fz_put_row(const char *name, const struct fizeau_distribution *d, FILE *out)
{
	const int64_t values[] = {d->min, d->median, d->p95, d->p99, d->max};

	fprintf(out, "%-12s", name);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[32] = "-";

		if (d->valid)
			fz_ms_text(values[i], text);
		fprintf(out, " %10s", text);
	}
	fputc('\n', out);
}

void fz_put_clock_half(const char *who, bool synchronized, int64_t error_ns, FILE *out)
{
	char text[32];

	/* The bound of a clock that nobody disciplines is a guess. */
	if (!synchronized) {
		fprintf(out, "%s not synchronised", who);
		return;
	}
	fz_ms_text(error_ns, text);
	fprintf(out, "%s synchronised (within %s ms)", who, text);
}

const char *fz_ending_text(enum fz_ending ending)
{
	static const char *const endings[] = {
		[FZ_ENDED_COMPLETE] = "",
		[FZ_ENDED_INTERRUPTED] = "interrupted",
		[FZ_ENDED_CONTROL] = "the control connection broke",
		[FZ_ENDED_SENDING] = "the kernel would not send any more",
		[FZ_ENDED_SERVER] = "the server stopped",
		[FZ_ENDED_INVALID] = "the result is not valid",
		[FZ_ENDED_SSID] = "the reflector does not return the session identifier",
		[FZ_ENDED_NOT] = "still going on",
	};

	return endings[ending];
}

void fz_put_discards(const char *prefix, const struct fz_discard_reason *reasons, size_t count, FILE *out)
{
	bool begun = false;

	for (size_t i = 0; i < count; i++) {
		if (reasons[i].count == 0)
			continue;
		fprintf(out, "%s%s%" PRIu64 " %s", begun ? "" : prefix, begun ? ", " : "discarded: ", reasons[i].count,
			reasons[i].what);
		begun = true;
	}
	if (begun)
		fputc('\n', out);
}
