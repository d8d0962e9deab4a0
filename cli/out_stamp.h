/* SPDX-License-Identifier: MIT */
/* What results say of STAMP beside delays and loss, for people and as JSON. */
#ifndef FZ_CLI_OUT_STAMP_H
#define FZ_CLI_OUT_STAMP_H

#include <jansson.h>
#include <stdio.h>
#include "result.h"

/* Lines of a STAMP session. */
void fz_put_stamp(const struct fz_result_session *session, FILE *out);
/* The object stamp of a session. */
json_t *fz_json_stamp_session(const struct fz_result_session *session);

#endif
