/* SPDX-License-Identifier: MIT */
#include "lib/proto/grown.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 16

void *fz_grown(void *old, size_t have, size_t *cap, size_t octets)
{
	size_t more = *cap == 0 ? LEAST : 2 * *cap;
	void *larger;

	if (have < *cap)
		return old;
	larger = calloc(more, octets);
	if (larger == NULL)
		return NULL;
	if (have > 0)
		memcpy(larger, old, have * octets);
	free(old);
	*cap = more;
	return larger;
}
