/* SPDX-License-Identifier: MIT */
/* Percentiles of the empirical distribution function (RFC 2330 section 11.3). */
#ifndef FZ_STATS_QUANTILE_H
#define FZ_STATS_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* The smallest value x of the ascending ones such that at least permille / 1000 of them are <= x. count > 0,
   permille 1 .. 1000. */
int64_t fz_quantile(const int64_t *ascending, size_t count, unsigned permille);

#endif
