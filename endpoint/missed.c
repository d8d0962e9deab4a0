/* SPDX-License-Identifier: MIT */
#include "endpoint/missed.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(struct fz_missed *missed)
{
	uint32_t room = missed->room == 0 ? 16 : missed->room * 2;
	struct fz_missed_range *ranges;

	if (missed->range_count < missed->room)
		return true;
	if (missed->range_count == FZ_MISSED_RANGES_MAX)
		return false;
	ranges = realloc(missed->ranges, room * sizeof(*ranges));
	if (ranges == NULL)
		return false;
	missed->ranges = ranges;
	missed->room = room;
	return true;
}

static void add(struct fz_missed *missed, uint32_t seq)
{
	struct fz_missed_range *last = missed->range_count > 0 ? &missed->ranges[missed->range_count - 1] : NULL;

	missed->count++;
	if (missed->cut)
		return;
	if (last != NULL && last->last + 1 == seq)
		last->last = seq;
	else if (make_room(missed))
		missed->ranges[missed->range_count++] = (struct fz_missed_range){seq, seq};
	else
		missed->cut = true;
}

static void judge(struct fz_missed *missed, int64_t due_ns)
{
	if (due_ns <= missed->due_ns)
		return;
	for (uint32_t i = 0; i < missed->waiting_count; i++)
		if (missed->waiting[i].left_ns >= due_ns)
			add(missed, missed->waiting[i].seq);
	missed->waiting_count = 0;
}

void fz_missed_sent(struct fz_missed *missed, uint32_t seq, int64_t due_ns, int64_t left_ns)
{
	judge(missed, due_ns);
	if (missed->waiting_count == FZ_MISSED_WAITING)
		memmove(&missed->waiting[0], &missed->waiting[1],
			--missed->waiting_count * sizeof(missed->waiting[0]));
	missed->due_ns = due_ns;
	missed->waiting[missed->waiting_count].seq = seq;
	missed->waiting[missed->waiting_count++].left_ns = left_ns;
}

void fz_missed_slot(struct fz_missed *missed, uint32_t seq, int64_t due_ns)
{
	judge(missed, due_ns);
	/* Nothing may be added before it afterwards. */
	missed->waiting_count = 0;
	missed->due_ns = due_ns;
	add(missed, seq);
}

void fz_missed_free(struct fz_missed *missed)
{
	free(missed->ranges);
	*missed = (struct fz_missed){0};
}
