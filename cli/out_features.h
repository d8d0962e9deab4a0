/* SPDX-License-Identifier: MIT */
/* What the features of TWAMP found, for both outputs. */
#ifndef FZ_CLI_OUT_FEATURES_H
#define FZ_CLI_OUT_FEATURES_H

#include <jansson.h>
#include <stdio.h>
#include "result.h"

/* Names of the features among the bits of a Mode. */
json_t *fz_json_features(uint32_t modes);
/* Each null without its feature. */
json_t *fz_json_reflect_octets(const struct fz_result_session *session);
json_t *fz_json_dscp_ecn(const struct fz_result_session *session);
json_t *fz_json_ptp(const struct fz_result_session *session);
/* A line for each feature that has something to tell. */
void fz_put_features(const struct fz_result_session *session, FILE *out);

#endif
