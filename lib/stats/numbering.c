/* SPDX-License-Identifier: MIT */
#include <fizeau/stats.h>

#include <stdlib.h>
#include "lib/stats/loss.h"

/* What of a session's numbers came back. */
struct seen {
	uint64_t distinct;
	uint32_t lowest, highest;
	uint32_t lowest_of_reflector;
	bool all_equal; /* each reflection has the number of its packet */
};

static int compare(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static struct seen look(const struct fizeau_round_trip *records, size_t count, uint32_t *seqs)
{
	struct seen seen = {.all_equal = true, .lowest_of_reflector = records[0].reflector_seq};

	for (size_t i = 0; i < count; i++) {
		seqs[i] = records[i].seq;
		seen.all_equal = seen.all_equal && records[i].seq == records[i].reflector_seq;
		if (records[i].reflector_seq < seen.lowest_of_reflector)
			seen.lowest_of_reflector = records[i].reflector_seq;
	}
	qsort(seqs, count, sizeof(*seqs), compare);
	seen.lowest = seqs[0];
	seen.highest = seqs[count - 1];
	for (size_t i = 0; i < count; i++)
		seen.distinct += i == 0 || seqs[i] != seqs[i - 1];
	return seen;
}

/*= rfc8762#section-4 ST-4-01 ST-4-02 */
static enum fizeau_numbering judge(const struct fizeau_round_trip *records, size_t count, uint32_t sent, bool counts,
	uint32_t *numbers, struct fizeau_round_trip_summary *summary)
{
	struct seen seen = look(records, count, numbers);
	uint64_t lost = sent - seen.distinct, after = sent - 1 - (uint64_t)seen.highest;
	bool late = seen.lowest_of_reflector > seen.lowest;
	struct fz_loss loss;

	if (!counts && seen.all_equal && lost > after) {
		summary->lost_forward_valid = false;
		return FIZEAU_NUMBERS_COPIED;
	}
	/* Where they begin is the reflector's own affair: only what lies between them counts. */
	for (size_t i = 0; i < count; i++)
		numbers[i] = records[i].reflector_seq - (late ? seen.lowest_of_reflector : 0);
	loss = fz_loss_split(late ? lost - seen.lowest : lost, after, numbers, count);
	summary->lost_forward_valid = loss.valid;
	summary->lost_forward = loss.forward;
	summary->lost_backward = loss.backward;
	if (!loss.valid)
		return FIZEAU_NUMBERS_OTHER;
	return counts || !seen.all_equal ? FIZEAU_NUMBERS_OWN : FIZEAU_NUMBERS_UNKNOWN;
}

int fizeau_round_trip_numbering(const struct fizeau_round_trip *records, size_t count, uint32_t sent, bool counts,
	struct fizeau_round_trip_summary *summary, enum fizeau_numbering *numbering)
{
	uint32_t *numbers;

	*numbering = FIZEAU_NUMBERS_UNKNOWN;
	if (count == 0)
		return 0;
	numbers = calloc(count, sizeof(*numbers));
	if (numbers == NULL)
		return FIZEAU_ERR_MEMORY;
	*numbering = judge(records, count, sent, counts, numbers, summary);
	free(numbers);
	return 0;
}
