/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fetch.h"
#include "io/clock.h"

#define UNDER_WAY "the fetch"

void fz_fetched_free(struct fz_fetched *fetched)
{
	free(fetched->slots);
	free(fetched->ranges);
	free(fetched->records);
	*fetched = (struct fz_fetched){0};
}

static enum fz_fetch_outcome broken(char error[static FZ_ERROR_TEXT], const char *host, const char *reason)
{
	snprintf(error, FZ_ERROR_TEXT, "server %s: " UNDER_WAY " failed: %s", host, reason);
	return FZ_FETCH_BROKEN;
}

static enum fz_fetch_outcome refused(const struct fz_measurement *measurement, const uint8_t *sid, bool complete,
	uint8_t accept, char error[static FZ_ERROR_TEXT])
{
	char text[2 * FIZEAU_SID_OCTETS + 1];

	fz_hex_text(sid, FIZEAU_SID_OCTETS, text);
	snprintf(error, FZ_ERROR_TEXT, "server %s does not give session %s (Accept %u, %s): it does not know it, or "
		"does not keep it any more, or it is another's%s", measurement->setup.host, text, accept,
		fizeau_accept_text(accept),
		complete ? ", or it is still going on or ended badly, then --begin or --end gives the part there is"
			 : "");
	return FZ_FETCH_REFUSED;
}

/* The event's slots and ranges are the machine's: ours are needed longer. */
static bool keep(struct fz_fetched *fetched, const struct fizeau_fetch_answer *answer)
{
	struct fizeau_fetch_answer *mine = &fetched->answer;

	*mine = *answer;
	fetched->slots = calloc((size_t)answer->request.slot_count + 1, sizeof(*fetched->slots));
	fetched->ranges = calloc((size_t)answer->end.range_count + 1, sizeof(*fetched->ranges));
	if (fetched->slots == NULL || fetched->ranges == NULL)
		return false;
	if (answer->request.slot_count > 0)
		memcpy(fetched->slots, answer->request.slots, answer->request.slot_count * sizeof(*fetched->slots));
	if (answer->end.range_count > 0)
		memcpy(fetched->ranges, answer->end.ranges, answer->end.range_count * sizeof(*fetched->ranges));
	mine->request.slots = fetched->slots;
	mine->end.ranges = fetched->ranges;
	return true;
}

static bool append(struct fz_fetched *fetched, const uint8_t *octets, size_t count)
{
	if (fetched->record_capacity - fetched->record_count < count) {
		size_t capacity = fetched->record_capacity + (fetched->record_capacity > count
			? fetched->record_capacity : count + 256);
		struct fizeau_record *records = realloc(fetched->records, capacity * sizeof(*records));

		if (records == NULL)
			return false;
		fetched->records = records;
		fetched->record_capacity = capacity;
	}
	for (size_t i = 0; i < count; i++)
		fizeau_record_get(&fetched->records[fetched->record_count++], octets + i * FIZEAU_RECORD_OCTETS);
	return true;
}

static enum fz_fetch_outcome connection_closed(const struct fz_measurement *measurement,
	const struct fizeau_event *event, char error[static FZ_ERROR_TEXT])
{
	fz_setup_explain_closed(&measurement->setup, UNDER_WAY, event, error, FZ_ERROR_TEXT);
	return FZ_FETCH_BROKEN;
}

static enum fz_fetch_outcome receive(struct fz_measurement *measurement, size_t max_records,
	struct fz_fetched *fetched, uint8_t *accept, char error[static FZ_ERROR_TEXT])
{
	const char *host = measurement->setup.host;
	struct fizeau_event event;
	bool answered = false;

	while (true) {
		int rc = fz_control_wait(&measurement->setup.control, &event);

		if (rc == -EINTR) {
			error[0] = '\0';
			return FZ_FETCH_BROKEN;
		}
		if (rc < 0)
			return broken(error, host, fizeau_strerror(rc));
		if (event.type == FIZEAU_EVENT_CLOSED)
			return connection_closed(measurement, &event, error);
		if (event.type == FIZEAU_EVENT_FETCH_ANSWER && !answered) {
			answered = true;
			*accept = event.fetch_answer.accept;
			if (*accept != FIZEAU_ACCEPT_OK)
				return FZ_FETCH_REFUSED;
			if (event.fetch_answer.answer.records > max_records)
				return broken(error, host, "it has more records than the session can have");
			if (!keep(fetched, &event.fetch_answer.answer))
				return broken(error, host, "no memory");
		} else if (event.type == FIZEAU_EVENT_FETCH_RECORDS) {
			if (event.records.count > max_records - fetched->record_count)
				return broken(error, host, "it has more records than the session can have");
			if (!append(fetched, event.records.octets, event.records.count))
				return broken(error, host, "no memory");
		} else if (event.type == FIZEAU_EVENT_FETCH_DONE) {
			return FZ_FETCH_DONE;
		} else {
			return broken(error, host, "an event that has no place here: this is a bug of fizeau");
		}
	}
}

enum fz_fetch_outcome fz_fetch(struct fz_measurement *measurement, const uint8_t sid[static FIZEAU_SID_OCTETS],
	uint32_t begin, uint32_t end, size_t max_records, struct fz_fetched *fetched, char error[static FZ_ERROR_TEXT])
{
	bool complete = begin == FIZEAU_FETCH_ALL_BEGIN && end == FIZEAU_FETCH_ALL_END;
	enum fz_fetch_outcome outcome;
	uint8_t accept = FIZEAU_ACCEPT_OK;
	int rc;

	*fetched = (struct fz_fetched){0};
	rc = fizeau_control_client_fetch(measurement->setup.control.client, sid, begin, end, fz_clock_mono());
	if (rc < 0)
		return broken(error, measurement->setup.host, fizeau_strerror(rc));
	outcome = receive(measurement, max_records, fetched, &accept, error);
	/* What was not proved to its end is nothing. */
	if (outcome != FZ_FETCH_DONE)
		fetched->record_count = 0;
	if (outcome == FZ_FETCH_REFUSED)
		return refused(measurement, sid, complete, accept, error);
	return outcome;
}
