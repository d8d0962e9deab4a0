/* SPDX-License-Identifier: MIT */
/* Names of Differentiated Services Code Points. */
#ifndef FZ_IO_DSCP_H
#define FZ_IO_DSCP_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/error.h>

/* Name (ef, af41, cs1, le, default) or number 0 .. 63. */
FIZEAU_MUST_USE bool fz_dscp_parse(const char *text, uint8_t *dscp);

#endif
