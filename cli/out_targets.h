/* SPDX-License-Identifier: MIT */
/* Results of several servers: a table, or a document with one of today's for each. */
#ifndef FZ_CLI_OUT_TARGETS_H
#define FZ_CLI_OUT_TARGETS_H

#include "fault.h"
#include "result.h"

struct fz_target_result {
	const char *target;           /* as it was given */
	const struct fz_fault *fault; /* reason FZ_FAULT_NONE: measured */
	struct fz_result result;      /* protocol in any case; without sessions it was not set up */
};

/* One line a target; brief: without the head and for reading one by one. False if out failed. */
bool fz_out_targets_text(const struct fz_target_result *results, size_t count, bool brief, FILE *out);
/* fizeau.result/1 of several targets; false without memory or if out failed. */
FIZEAU_MUST_USE bool fz_out_targets_json(const struct fz_target_result *results, size_t count, FILE *out);

#endif
