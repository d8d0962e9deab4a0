/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include "json_parts.h"
#include "out_stamps.h"
#include "text_parts.h"

#define RANGES_SHOWN 8 /* to people; scripts get more */

void fz_put_stamp_counts(const struct fz_stamp_counts *counts, FILE *out)
{
	const struct {
		uint64_t count;
		const char *where;
	} sources[] = {
		{counts->hardware, "by the network card"},
		{counts->kernel, "by the kernel"},
		{counts->user, "in user space"},
	};
	const char *between = "";

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (sources[i].count == 0)
			continue;
		fprintf(out, "%s%" PRIu64 " %s", between, sources[i].count, sources[i].where);
		between = ", ";
	}
	if (*between == '\0')
		fputs("none", out);
}

static void put_missed(const struct fz_missed *missed, FILE *out)
{
	if (missed->count == 0) {
		fputs("no slot missed", out);
		return;
	}
	fprintf(out, "%" PRIu64 " %s missed:", missed->count, missed->count == 1 ? "slot" : "slots");
	for (uint32_t i = 0; i < missed->range_count && i < RANGES_SHOWN; i++) {
		const struct fz_missed_range *range = &missed->ranges[i];

		fprintf(out, "%s %u", i == 0 ? "" : ",", range->first);
		if (range->last != range->first)
			fprintf(out, " to %u", range->last);
	}
	if (missed->cut || missed->range_count > RANGES_SHOWN)
		fputs(" and more", out);
}

void fz_put_send_times(const char *prefix, const struct fizeau_distribution *send_error, const struct fz_missed *missed,
	FILE *out)
{
	char median[32], p99[32], max[32];

	if (!send_error->valid)
		return;
	fz_ms_text(send_error->median, median);
	fz_ms_text(send_error->p99, p99);
	fz_ms_text(send_error->max, max);
	fprintf(out, "%ssend times: %s ms behind schedule (median), %s ms (p99), %s ms (max); ", prefix, median, p99, max);
	put_missed(missed, out);
	fputc('\n', out);
}

json_t *fz_json_stamp_counts(bool valid, const struct fz_stamp_counts *counts)
{
	json_t *object;

	if (!valid)
		return json_null();
	object = json_object();
	json_object_set_new(object, "hardware", fz_json_number(counts->hardware));
	json_object_set_new(object, "kernel", fz_json_number(counts->kernel));
	json_object_set_new(object, "user", fz_json_number(counts->user));
	return object;
}

json_t *fz_json_missed(bool valid, const struct fz_missed *missed)
{
	json_t *object, *numbers;

	if (!valid)
		return json_null();
	object = json_object();
	numbers = json_array();
	for (uint32_t i = 0; i < missed->range_count; i++) {
		json_t *range = json_array();

		json_array_append_new(range, fz_json_number(missed->ranges[i].first));
		json_array_append_new(range, fz_json_number(missed->ranges[i].last));
		json_array_append_new(numbers, range);
	}
	json_object_set_new(object, "count", fz_json_number(missed->count));
	json_object_set_new(object, "numbers", numbers);
	json_object_set_new(object, "all", json_boolean(!missed->cut));
	return object;
}
