/* SPDX-License-Identifier: MIT */
/* What records say of clocks and TTLs, one after the other. */
#ifndef FZ_STATS_CONDITIONS_H
#define FZ_STATS_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

/* An Error Estimate of a clock: whether all of them said that it is synchronised, and the largest bound. */
void fz_conditions_clock(uint16_t estimate, bool *synchronized, int64_t *error_ns);
/* A value of which the first sets both bounds. */
void fz_conditions_spread(uint8_t value, bool first, uint8_t *min, uint8_t *max);

#endif
