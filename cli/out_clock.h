/* SPDX-License-Identifier: MIT */
/* What results say of the clocks, for people and as JSON. */
#ifndef FZ_CLI_OUT_CLOCK_H
#define FZ_CLI_OUT_CLOCK_H

#include <jansson.h>
#include <stdio.h>
#include "clock_verdict.h"

/* A row of figures, "-" where the clocks make them meaningless. */
void fz_put_clock_row(const char *name, const struct fizeau_distribution *d, bool meaningful, FILE *out);
json_t *fz_json_clock_distribution(const struct fizeau_distribution *d, bool meaningful);

/* Lines on the clocks of a session: of TWAMP, and of OWAMP behind name. */
void fz_put_clocks(const struct fz_result_session *session, FILE *out);
void fz_put_one_way_clocks(const struct fz_one_way_session *session, const char *name, FILE *out);
/* Why one-way delays mean nothing, in a few words. */
const char *fz_clock_fault_text(enum fz_clock_fault fault);

/* The object clock of a session. */
json_t *fz_json_clocks(const struct fz_result_session *session);
json_t *fz_json_one_way_clocks(const struct fz_one_way_session *session);

#endif
