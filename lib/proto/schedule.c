/* SPDX-License-Identifier: MIT */
#include <fizeau/sender.h>

#include <stdlib.h>
#include <string.h>
#include "lib/crypto/expdev.h"

#define SLOTS_MAX 65535

/*= rfc4656#section-4.1.1 OW-4.1.1-01 */
struct fizeau_schedule {
	struct fz_expdev deviates;
	uint64_t offset; /* of the last packet */
	size_t at;	 /* slot of the next */
	size_t count;
	struct fizeau_slot slots[];
};

struct fizeau_schedule *fizeau_schedule_new(
	const uint8_t sid[static FIZEAU_SID_OCTETS], const struct fizeau_slot *slots, size_t count)
{
	struct fizeau_schedule *schedule;

	if (count < 1 || count > SLOTS_MAX)
		return NULL;
	schedule = calloc(1, sizeof(*schedule) + count * sizeof(*slots));
	if (schedule == NULL)
		return NULL;
	if (fz_expdev_init(&schedule->deviates, sid) < 0) {
		free(schedule);
		return NULL;
	}
	schedule->count = count;
	memcpy(schedule->slots, slots, count * sizeof(*slots));
	return schedule;
}

void fizeau_schedule_free(struct fizeau_schedule *schedule)
{
	if (schedule == NULL)
		return;
	fz_expdev_wipe(&schedule->deviates);
	free(schedule);
}

/*= rfc4656#section-3.6 OW-3.6-01 OW-3.6-02 OW-3.6-03 */
uint64_t fizeau_schedule_next(struct fizeau_schedule *schedule)
{
	const struct fizeau_slot *slot = &schedule->slots[schedule->at];
	uint64_t wait = slot->parameter;

	if (slot->exponential)
		wait = fz_num64_mul(fz_expdev_next(&schedule->deviates), slot->parameter);
	schedule->at = (schedule->at + 1) % schedule->count;
	/* A schedule of more than 136 years ends there rather than begin again. */
	schedule->offset = wait > UINT64_MAX - schedule->offset ? UINT64_MAX : schedule->offset + wait;
	return schedule->offset;
}
