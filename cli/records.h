/* SPDX-License-Identifier: MIT */
/* --records: every packet as a JSON line; fields in fizeau-result(5). */
#ifndef FZ_CLI_RECORDS_H
#define FZ_CLI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fizeau/error.h>
#include <fizeau/stats.h>

/* The reflections in order of arrival, duplicates too, then the numbers that did not come back. sent_ntp gives T1 of
   number seq; target is the JSON of what it was measured with, NULL: not told. False if out failed. */
typedef uint64_t fz_records_sent_fn(const void *arg, uint32_t seq, bool *back);
FIZEAU_MUST_USE bool fz_records_write(FILE *out, const char *target, const struct fizeau_round_trip *records, size_t count,
	uint32_t sent, int64_t timeout_ns, fz_records_sent_fn *sent_ntp, const void *arg);

/* The records of an OWAMP session, as they are; direction is "to" or "from". */
FIZEAU_MUST_USE bool fz_records_write_one_way(FILE *out, const char *direction, const struct fizeau_record *records,
	size_t count, int64_t timeout_ns);

#endif
