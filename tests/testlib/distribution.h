/* SPDX-License-Identifier: MIT */
/* Order statistics by their definitions, one after the other and without sorting: what the library's are held to. */
#ifndef TESTLIB_DISTRIBUTION_H
#define TESTLIB_DISTRIBUTION_H

#include <fizeau/stats.h>

/* Fails the test unless d is the distribution of the values (of none: not valid). */
void assert_distribution(const int64_t *values, size_t count, const struct fizeau_distribution *d);

#endif
