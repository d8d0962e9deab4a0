/* SPDX-License-Identifier: MIT */
/* What this host itself did to a session, in both outputs and of both protocols: where its stamps are from, how it kept
   the schedule, and what its own socket dropped. */
#ifndef FZ_CLI_OUT_STAMPS_H
#define FZ_CLI_OUT_STAMPS_H

#include <jansson.h>
#include <stdio.h>
#include "result.h"

/* "95 by the kernel, 5 in user space"; "none". */
void fz_put_stamp_counts(const struct fz_stamp_counts *counts, FILE *out);
/* A line of the send-time error and the slots that were missed, behind prefix; nothing if nothing was sent. */
void fz_put_send_times(const char *prefix, const struct fizeau_distribution *send_error, const struct fz_missed *missed,
	FILE *out);

/* {hardware, kernel, user}; null if not valid. */
json_t *fz_json_stamp_counts(bool valid, const struct fz_stamp_counts *counts);
/* {count, numbers, all}; null if not valid. */
json_t *fz_json_missed(bool valid, const struct fz_missed *missed);

#endif
