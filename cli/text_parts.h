/* SPDX-License-Identifier: MIT */
/* Pieces of the text for people that results of all kinds are made of. */
#ifndef FZ_CLI_TEXT_PARTS_H
#define FZ_CLI_TEXT_PARTS_H

#include <stdio.h>
#include "result.h"

void fz_put_printable(const char *text, FILE *out);
/* Milliseconds with three decimals. */
void fz_ms_text(int64_t ns, char text[static 32]);
/* "1.00 %"; "-" of an empty whole. */
void fz_ratio_text(uint64_t part, uint64_t whole, char text[static 32]);
/* The same behind a figure, " (1.00 %)"; nothing of an empty whole. */
void fz_put_ratio(uint64_t part, uint64_t whole, FILE *out);
/* Round trips in a line: sent, lost, min, median and max, to its end. */
void fz_put_round_trips(const struct fizeau_round_trip_summary *summary, FILE *out);
/* A row min, median, p95, p99, max. */
void fz_put_row(const char *name, const struct fizeau_distribution *d, FILE *out);
void fz_put_clock_half(const char *who, bool synchronized, int64_t error_ns, FILE *out);
/* Why something was not counted, and how often. A line "discarded: ..." of those that happened, behind prefix; without
   any no line. */
struct fz_discard_reason {
	uint64_t count;
	const char *what;
};
void fz_put_discards(const char *prefix, const struct fz_discard_reason *reasons, size_t count, FILE *out);
/* How sessions end, FZ_ENDED_COMPLETE "". */
const char *fz_ending_text(enum fz_ending ending);

/* The sessions of OWAMP. */
void fz_put_one_way(const struct fz_result *result, bool brief, FILE *out);

#endif
