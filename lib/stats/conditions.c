/* SPDX-License-Identifier: MIT */
#include "lib/stats/conditions.h"

#include <fizeau/time.h>

void fz_conditions_clock(uint16_t estimate, bool *synchronized, int64_t *error_ns)
{
	int64_t ns = fizeau_error_estimate_ns(estimate);

	if (!fizeau_error_estimate_synchronized(estimate))
		*synchronized = false;
	if (ns > *error_ns)
		*error_ns = ns;
}

void fz_conditions_spread(uint8_t value, bool first, uint8_t *min, uint8_t *max)
{
	if (first || value < *min)
		*min = value;
	if (first || value > *max)
		*max = value;
}
