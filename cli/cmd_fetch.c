/* SPDX-License-Identifier: MIT */
/* fizeau fetch: a session that an OWAMP server has stored, summed up as if it were just measured. */
#include <stdlib.h>
#include <string.h>
#include "fetch.h"
#include "measurement.h"
#include "records.h"

#define SCHEDULE_TEXT 256 /* longer ones are cut short in the text, not in JSON */

struct stored {
	struct fz_fetched fetched;
	struct fz_slot_wish *slots;
	char schedule[SCHEDULE_TEXT];
	struct fz_one_way_session session;
};

/* The schedule as --interval takes it; "..." when there is no room. */
static bool fill_schedule(struct stored *stored)
{
	const struct fizeau_ow_request *request = &stored->fetched.answer.request;
	bool room = true;
	size_t at = 0;

	stored->slots = calloc((size_t)request->slot_count + 1, sizeof(*stored->slots));
	if (stored->slots == NULL)
		return false;
	for (uint32_t i = 0; i < request->slot_count; i++) {
		struct fz_slot_wish *slot = &stored->slots[i];
		char text[48];
		size_t len;

		slot->exponential = request->slots[i].exponential;
		slot->ns = fizeau_duration_to_ns(request->slots[i].parameter);
		fz_slot_text(slot, text);
		len = strlen(text);
		if (!room || at + len + 6 > sizeof(stored->schedule)) {
			room = false;
			continue;
		}
		at += (size_t)snprintf(stored->schedule + at, sizeof(stored->schedule) - at, "%s%s",
			at == 0 ? "" : ",", text);
	}
	if (!room)
		snprintf(stored->schedule + at, sizeof(stored->schedule) - at, ",...");
	return true;
}

/* No address given is that of the control connection's side. */
static void fill_address(const struct fizeau_address *address, uint16_t port, const struct fz_addr *other,
	struct fz_addr *addr)
{
	*addr = (struct fz_addr){.len = 0};
	if (address->version != 0)
		fz_addr_from_message(addr, address, port);
	else if (other != NULL)
		*addr = *other;
	if (addr->len != 0)
		fz_addr_set_port(addr, port);
}

static void fill_facts(struct stored *stored, const struct fz_measurement *measurement)
{
	const struct fizeau_ow_request *request = &stored->fetched.answer.request;
	struct fz_session_facts *facts = &stored->session.facts;

	memcpy(facts->sid, measurement->options->sid, FIZEAU_SID_OCTETS);
	fill_address(&request->sender, request->sender_port, NULL, &facts->local);
	fill_address(&request->receiver, request->receiver_port, &measurement->setup.control.peer, &facts->remote);
	facts->dscp = (uint8_t)(request->type_p >> 24 & 0x3f);
	facts->padding_octets = request->padding_octets;
	facts->schedule = stored->schedule;
	facts->slots = stored->slots;
	facts->slot_count = request->slot_count;
	facts->wanted = request->packets;
	facts->timeout_ns = fizeau_duration_to_ns(request->timeout);
	facts->start_unix_ns = fizeau_ntp_to_unix_ns(request->start_time, request->start_time);
	facts->ending = FZ_ENDED_COMPLETE;
	facts->clock.same = measurement->options->same_clock ||
		(facts->local.len != 0 && fz_addr_same_host(&facts->local, &facts->remote));
}

/* The end of what lies in begin .. end, as far as it is known: of a session that goes on the records tell the rest. */
static struct fizeau_session_end end_of_part(struct fz_fetched *fetched, uint32_t begin, uint32_t end)
{
	const struct fizeau_session_end *whole = &fetched->answer.end;
	uint32_t next = fetched->answer.finished ? whole->next_seqno : 0, ranges = 0;

	for (size_t i = 0; !fetched->answer.finished && i < fetched->record_count; i++)
		if (fetched->records[i].seq >= next && fetched->records[i].seq != UINT32_MAX)
			next = fetched->records[i].seq + 1;
	if (end < next)
		next = end + 1;
	for (uint32_t i = 0; i < whole->range_count; i++) {
		struct fizeau_skip_range range = fetched->ranges[i];

		if (range.last < begin || range.first >= next)
			continue;
		range.first = range.first < begin ? begin : range.first;
		range.last = range.last >= next ? next - 1 : range.last;
		fetched->ranges[ranges++] = range;
	}
	return (struct fizeau_session_end){.next_seqno = next, .ranges = fetched->ranges, .range_count = ranges};
}

static int summarise(struct stored *stored, const struct fz_measurement *measurement)
{
	const struct fz_measure_options *options = measurement->options;
	struct fz_fetched *fetched = &stored->fetched;
	struct fizeau_session_end end = fetched->answer.end;

	if (options->range || !fetched->answer.finished)
		end = end_of_part(fetched, options->begin, options->end);
	return fizeau_one_way_summarise(fetched->records, fetched->record_count, &end,
		stored->session.facts.timeout_ns, &stored->session.summary);
}

static bool print(const struct stored *stored, const struct fz_measurement *measurement)
{
	struct fz_result result = {.one_way = &stored->session, .one_way_count = 1};
	bool good = fz_measurement_print(measurement, &result);

	if (measurement->records == NULL)
		return good;
	return fz_measurement_records_written(measurement,
		       fz_records_write_one_way(measurement->records, "to", stored->fetched.records,
			       stored->fetched.record_count, stored->session.facts.timeout_ns)) && good;
}

static int report(struct stored *stored, const struct fz_measurement *measurement)
{
	const struct fz_fetched *fetched = &stored->fetched;
	int rc;

	if (!fill_schedule(stored)) {
		fz_complain("no memory");
		return FZ_EXIT_USAGE;
	}
	fill_facts(stored, measurement);
	if (!fetched->answer.finished)
		stored->session.facts.ending = FZ_ENDED_NOT;
	else if (fetched->answer.end.next_seqno < fetched->answer.request.packets)
		stored->session.facts.ending = FZ_ENDED_INTERRUPTED;
	rc = summarise(stored, measurement);
	if (rc < 0) {
		fz_complain("server %s: the records cannot be summarised: %s", measurement->setup.host,
			rc == FIZEAU_ERR_UNSENT ? "there are some of packets that were never sent"
						: fizeau_strerror(rc));
		return FZ_EXIT_REFUSED;
	}
	if (!print(stored, measurement))
		return FZ_EXIT_USAGE;
	if (!fetched->answer.finished)
		fz_complain("the session is still going on: what is there so far");
	if (stored->session.summary.received > 0)
		return FZ_EXIT_MEASURED;
	fz_complain("no packet of the session arrived");
	return FZ_EXIT_REFUSED;
}

static int fetch(struct fz_measurement *measurement)
{
	const struct fz_measure_options *options = measurement->options;
	struct stored stored = {.session = {.direction = FZ_TO}};
	char error[FZ_ERROR_TEXT];
	int status = FZ_EXIT_REFUSED;

	if (fz_fetch(measurement, options->sid, options->begin, options->end, FZ_COUNT_MAX, &stored.fetched, error) ==
		FZ_FETCH_DONE)
		status = report(&stored, measurement);
	else if (error[0] != '\0')
		fz_complain("%s", error);
	fz_fetched_free(&stored.fetched);
	free(stored.slots);
	return status;
}

static int run(struct fz_command *command)
{
	return fz_command_one(command, fetch);
}

int fz_cmd_fetch(int argc, char **argv)
{
	return fz_command_run(FZ_FETCH, argc, argv, run);
}
