/* SPDX-License-Identifier: MIT */
#include "lib/proto/ends.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/proto/grown.h"

#define HMAC_OCTETS 16u

int fz_ranges_expect(struct fz_ranges *r, uint32_t count)
{
	if (count > FIZEAU_SKIP_RANGES_MAX - r->due)
		return FIZEAU_ERR_LIMIT;
	r->due += count;
	return 0;
}

static int add_range(struct fz_ranges *r, struct fizeau_skip_range range)
{
	struct fizeau_skip_range *ranges = fz_grown(r->ranges, r->have, &r->cap, sizeof(*ranges));

	if (ranges == NULL)
		return FIZEAU_ERR_MEMORY;
	r->ranges = ranges;
	r->ranges[r->have++] = range;
	return 0;
}

int fz_ranges_take(struct fz_ranges *r, const uint8_t octets[static 16])
{
	struct fizeau_skip_range ranges[FZ_SKIP_RANGES_BLOCK];
	int error = fz_skip_ranges_get(ranges, FZ_SKIP_RANGES_BLOCK, octets, 16);

	for (size_t i = 0; error == 0 && i < FZ_SKIP_RANGES_BLOCK && r->have < r->due; i++)
		error = add_range(r, ranges[i]);
	return error;
}

void fz_ranges_free(struct fz_ranges *r)
{
	free(r->ranges);
	*r = (struct fz_ranges){0};
}

int fz_ends_expect(struct fz_ends *e, uint32_t count)
{
	fz_ends_free(e);
	if (count > 0) {
		e->ends = calloc(count, sizeof(*e->ends));
		if (e->ends == NULL)
			return FIZEAU_ERR_MEMORY;
	}
	e->due = count;
	return 0;
}

size_t fz_ends_due(const struct fz_ends *e)
{
	if (e->ranges.have < e->ranges.due)
		return FZ_SKIP_RANGES_BLOCK * FZ_SKIP_RANGE_OCTETS;
	return e->have < e->due ? FZ_STOP_RECORD_OCTETS : 0;
}

static int take_record(struct fz_ends *e, const uint8_t *octets)
{
	struct fz_stop_record record;
	struct fizeau_session_end *end = &e->ends[e->have];
	int error = fz_stop_record_get(&record, octets, FZ_STOP_RECORD_OCTETS);

	if (error == 0)
		error = fz_ranges_expect(&e->ranges, record.range_count);
	if (error < 0)
		return error;
	e->have++;
	memcpy(end->sid, record.sid, sizeof(end->sid));
	end->next_seqno = record.next_seqno;
	end->range_count = record.range_count;
	return record.range_count > 0 ? add_range(&e->ranges, record.first) : 0;
}

int fz_ends_take(struct fz_ends *e, const uint8_t *octets)
{
	assert(fz_ends_due(e) > 0);
	return e->ranges.have < e->ranges.due ? fz_ranges_take(&e->ranges, octets) : take_record(e, octets);
}

int fz_ends_finish(struct fz_ends *e)
{
	const struct fizeau_skip_range *next = e->ranges.ranges;

	assert(fz_ends_due(e) == 0);
	for (uint32_t i = 0; i < e->due; i++) {
		int error;

		/* They grew until now, so that they have their place only now. */
		if (e->ends[i].range_count > 0) {
			e->ends[i].ranges = next;
			next += e->ends[i].range_count;
		}
		/*= rfc4656#section-3.8 OW-3.8-04 */
		error = fizeau_session_end_check(&e->ends[i]);
		if (error < 0)
			return error;
	}
	return 0;
}

void fz_ends_free(struct fz_ends *e)
{
	free(e->ends);
	fz_ranges_free(&e->ranges);
	*e = (struct fz_ends){0};
}

int64_t fz_ends_octets(const struct fizeau_session_end *ends, uint32_t count)
{
	int64_t octets = FZ_STOP_HEAD_OCTETS + HMAC_OCTETS;
	uint32_t ranges = 0;

	for (uint32_t i = 0; i < count; i++) {
		int error = fizeau_session_end_check(&ends[i]);

		if (error < 0)
			return error;
		if (ends[i].range_count > FIZEAU_SKIP_RANGES_MAX - ranges)
			return FIZEAU_ERR_LIMIT;
		ranges += ends[i].range_count;
		octets += (int64_t)fz_stop_record_octets(ends[i].range_count);
	}
	return octets;
}

/*= rfc4656#section-3.8 OW-3.8-02 OW-3.8-09 */
int fz_ends_put(uint8_t accept, const struct fizeau_session_end *ends, uint32_t count, uint8_t *octets, size_t len)
{
	struct fz_stop stop = {.accept = accept, .sessions = count};
	size_t at = FZ_STOP_HEAD_OCTETS;
	int error = fz_stop_head_put(&stop, octets, FZ_STOP_HEAD_OCTETS);

	for (uint32_t i = 0; error == 0 && i < count; i++) {
		size_t record = fz_stop_record_octets(ends[i].range_count);

		assert(record <= len - at);
		error = fz_stop_record_put(&ends[i], octets + at, record);
		at += record;
	}
	assert(at + HMAC_OCTETS == len);
	memset(octets + at, 0, HMAC_OCTETS);
	return error;
}
