/* SPDX-License-Identifier: MIT */
#include "lib/proto/slots.h"

#include <assert.h>
#include <stdlib.h>
#include "lib/proto/grown.h"

void fz_slots_expect(struct fz_slots *s, uint32_t count)
{
	fz_slots_free(s);
	s->due = count;
}

void fz_slots_skip(struct fz_slots *s)
{
	assert(s->have < s->due);
	s->have++;
}

int fz_slots_take(struct fz_slots *s, const uint8_t octets[static FZ_SLOT_OCTETS])
{
	struct fizeau_slot slot, *slots;
	uint32_t at = s->have;
	int error = fz_slot_get(&slot, octets, FZ_SLOT_OCTETS);

	fz_slots_skip(s);
	if (error < 0)
		return error;
	slots = fz_grown(s->slots, at, &s->cap, sizeof(*slots));
	if (slots == NULL)
		return FIZEAU_ERR_MEMORY;
	s->slots = slots;
	s->slots[at] = slot;
	return 0;
}

void fz_slots_free(struct fz_slots *s)
{
	free(s->slots);
	*s = (struct fz_slots){0};
}
