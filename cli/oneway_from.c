/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "clock_verdict.h"
#include "io/clock.h"
#include "oneway_from.h"
#include "oneway_request.h"

static bool room(struct fz_from *from)
{
	size_t capacity = from->record_capacity == 0 ? 256 : from->record_capacity * 2;
	struct fizeau_record *records;

	if (from->record_count < from->record_capacity)
		return true;
	if (from->record_count >= from->record_max)
		return false;
	records = realloc(from->records, capacity * sizeof(*records));
	if (records == NULL) {
		from->full = true;
		return false;
	}
	from->records = records;
	from->record_capacity = capacity;
	return true;
}

static void on_records(void *arg, const struct fizeau_record *records, size_t count)
{
	struct fz_from *from = arg;

	for (size_t i = 0; i < count && room(from); i++) {
		from->records[from->record_count++] = records[i];
		if (!fizeau_record_lost(&records[i]))
			from->back++;
	}
}

static struct fz_endpoint_receiver *make_receiver(struct fz_from *from, struct fz_measurement *measurement,
	const struct fz_ow_session *session)
{
	struct fz_endpoint_receiver_config config = {
		.loop = measurement->loop,
		.clock = measurement->clock,
		.udp = from->udp,
		.remote = session->remote,
		.session = {
			.mode = session->mode,
			.keys = session->keys,
			.slots = session->request.slots,
			.slot_count = session->request.slot_count,
			.packets = session->request.packets,
			.start_time = session->request.start_time,
			.timeout = session->request.timeout,
			.padding_octets = session->request.padding_octets,
		},
		.records = on_records,
		.arg = from,
	};
	struct fz_endpoint_receiver *receiver;

	memcpy(config.session.sid, session->request.sid, sizeof(config.session.sid));
	receiver = fz_endpoint_receiver_new(&config);
	fizeau_wipe(&config, sizeof(config));
	return receiver;
}

bool fz_from_request(struct fz_from *from, struct fz_measurement *measurement, uint64_t start_ntp)
{
	struct fz_ow_session session;

	from->session.direction = FZ_FROM;
	from->packets = measurement->options->count;
	from->record_max = fz_ow_records_max(from->packets);
	from->udp = fz_measurement_udp(measurement, fz_ow_packet_octets(measurement));
	if (from->udp == NULL) {
		fz_from_fail(from, "no UDP socket on this host");
		return false;
	}
	if (fz_ow_request(measurement, FZ_FROM, from->udp, start_ntp, &session, &from->session.facts, from->failure)) {
		from->receiver = make_receiver(from, measurement, &session);
		if (from->receiver == NULL)
			snprintf(from->failure, sizeof(from->failure), "no memory for the session's receiver");
	}
	fz_ow_session_clear(&session);
	if (from->receiver == NULL)
		from->session.failure = from->failure;
	return from->receiver != NULL;
}

int fz_from_start(struct fz_from *from)
{
	return from->receiver != NULL ? fz_endpoint_receiver_start(from->receiver) : 0;
}

bool fz_from_complete(const struct fz_from *from)
{
	return from->receiver == NULL || fz_endpoint_receiver_complete(from->receiver);
}

void fz_from_end(struct fz_from *from, const struct fizeau_session_end *end)
{
	if (from->receiver == NULL || memcmp(end->sid, from->session.facts.sid, FIZEAU_SID_OCTETS) != 0)
		return;
	free(from->ranges);
	from->ranges = calloc((size_t)end->range_count + 1, sizeof(*from->ranges));
	if (from->ranges == NULL) {
		fz_from_fail(from, "no memory for what the server did not send");
		return;
	}
	if (end->range_count > 0)
		memcpy(from->ranges, end->ranges, end->range_count * sizeof(*from->ranges));
	from->end = *end;
	from->end.ranges = from->ranges;
	from->ended = true;
}

void fz_from_finish(struct fz_from *from)
{
	struct fz_clock clock = {.error_estimate = 0};

	if (from->receiver == NULL || from->finished)
		return;
	from->finished = true;
	from->stop_ntp = fz_clock_wall(&clock).ntp;
	fz_endpoint_receiver_finish(from->receiver, from->stop_ntp);
}

void fz_from_fail(struct fz_from *from, const char *failure)
{
	snprintf(from->failure, sizeof(from->failure), "%s", failure);
	from->session.failure = from->failure;
}

/* Drops the records that do not count, now that the end is known. */
/*= rfc4656#section-3.8 OW-3.8-13 OW-3.8-14 OW-3.8-16 */
static void sieve(struct fz_from *from, uint32_t received_next)
{
	uint64_t timeout = fizeau_duration_from_ns(from->session.facts.timeout_ns);
	size_t left = 0;

	for (size_t i = 0; i < from->record_count; i++)
		if (fizeau_record_counts(&from->records[i], from->ended ? &from->end : NULL, received_next,
			    from->stop_ntp, timeout))
			from->records[left++] = from->records[i];
	from->record_count = left;
}

static void fill_counters(struct fz_from *from)
{
	struct fz_one_way_session *session = &from->session;
	struct fz_endpoint_receiver_counters counters;

	fz_endpoint_receiver_counters(from->receiver, &counters);
	session->received_here = true;
	session->receive_drops = counters.local;
	session->discards = (struct fz_discards){
		.hmac = counters.hmac,
		.length = counters.length,
		.error_estimate = counters.error_estimate,
		.unknown_number = counters.unknown_number,
		.foreign_source = counters.foreign_source,
	};
	session->discarded_late = counters.late;
	session->discarded_rate = counters.rate;
	session->received_by = counters.stamps;
	if (counters.memory > 0 || from->full)
		fz_from_fail(from, "no memory for every record");
}

void fz_from_summarise(struct fz_from *from, const struct fz_measurement *measurement)
{
	struct fz_one_way_session *session = &from->session;
	const struct fizeau_receiver *receiver;
	uint32_t received_next;
	int rc;

	if (from->receiver == NULL)
		return;
	fz_clock_facts_fill(measurement->clock, measurement->options->same_clock, &session->facts);
	fill_counters(from);
	receiver = fz_endpoint_receiver_session(from->receiver);
	received_next = fizeau_receiver_next_seqno(receiver);
	/*= rfc4656#section-3.8 OW-3.8-15 */
	if (session->failure == NULL && from->ended && fizeau_receiver_check_end(receiver, &from->end) < 0) {
		session->facts.ending = FZ_ENDED_INVALID;
		fz_from_fail(from, "the server's account of what it sent contradicts what arrived");
	}
	if (session->failure != NULL)
		return;
	sieve(from, received_next);
	if (!from->ended)
		from->end = (struct fizeau_session_end){.next_seqno = received_next};
	rc = fizeau_one_way_summarise(from->records, from->record_count, &from->end, measurement->options->timeout_ns,
		&session->summary);
	if (rc < 0)
		fz_from_fail(from, fizeau_strerror(rc));
	/*= rfc7680#section-2.8 OL-2.8-01 */
	session->lost_local =
		session->receive_drops < session->summary.lost ? session->receive_drops : session->summary.lost;
}

void fz_from_close(struct fz_from *from)
{
	fz_endpoint_receiver_free(from->receiver);
	fz_udp_close(from->udp);
	free(from->records);
	free(from->ranges);
}
