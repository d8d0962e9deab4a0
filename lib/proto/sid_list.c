/* SPDX-License-Identifier: MIT */
#include "lib/proto/sid_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/proto/grown.h"
#include "lib/wire/start_n.h"

void fz_sid_list_expect(struct fz_sid_list *l, uint32_t count)
{
	fz_sid_list_free(l);
	l->due = count;
}

int fz_sid_list_take(struct fz_sid_list *l, const uint8_t octets[static FIZEAU_SID_OCTETS])
{
	struct fizeau_sid *sids;

	assert(l->have < l->due);
	sids = fz_grown(l->sids, l->have, &l->cap, sizeof(*sids));
	if (sids == NULL)
		return FIZEAU_ERR_MEMORY;
	l->sids = sids;
	return fz_n_sid_get(&sids[l->have++], octets, FIZEAU_SID_OCTETS);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fizeau_sid));
}

void fz_sid_list_sort(struct fz_sid_list *l)
{
	if (l->have > 0)
		qsort(l->sids, l->have, sizeof(*l->sids), compare);
}

void fz_sid_list_free(struct fz_sid_list *l)
{
	free(l->sids);
	*l = (struct fz_sid_list){0};
}
