/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "clock_verdict.h"
#include "io/clock.h"
#include "oneway_request.h"
#include "oneway_to.h"

#define MARGIN_NS 100000000 /* RFC 4656 3.8: for Stop-Sessions to arrive after Timeout */

static void on_sent(void *arg, uint32_t seq, struct fizeau_stamp stamp, int64_t lateness_ns)
{
	struct fz_to *to = arg;

	(void)seq;
	(void)stamp;
	if (to->sent == to->capacity) {
		uint32_t capacity = to->capacity == 0 ? 256 : to->capacity * 2;
		int64_t *lateness = realloc(to->lateness, capacity * sizeof(*lateness));

		/* Without memory the packets still count, only their lateness is not told. */
		if (lateness == NULL)
			return;
		to->lateness = lateness;
		to->capacity = capacity;
	}
	to->lateness[to->sent++] = lateness_ns;
}

/*= rfc4656#section-3.8 OW-3.8-17 OW-3.8-18 */
static struct fizeau_mono complete_at(struct fizeau_mono last, int64_t timeout_ns)
{
	if (last.ns > INT64_MAX - timeout_ns - MARGIN_NS)
		return FIZEAU_NEVER;
	return (struct fizeau_mono){last.ns + timeout_ns + MARGIN_NS};
}

static void end_sending(struct fz_to *to)
{
	struct fz_endpoint_sender_counters counters;
	struct fizeau_mono last = fz_endpoint_sender_last(to->sender);

	to->done = true;
	fz_endpoint_sender_end(to->sender, &to->end);
	fz_endpoint_sender_counters(to->sender, &counters);
	to->error = counters.error;
	if (counters.error != 0)
		to->session.facts.ending = FZ_ENDED_SENDING;
	to->complete = complete_at(last, to->session.facts.timeout_ns);
}

static void on_done(void *arg)
{
	end_sending(arg);
}

static struct fz_endpoint_sender *make_sender(struct fz_to *to, struct fz_measurement *measurement,
	const struct fz_ow_session *session)
{
	const struct fz_measure_options *options = measurement->options;
	struct fz_endpoint_sender_config config = {
		.loop = measurement->loop,
		.clock = measurement->clock,
		.udp = to->udp,
		.remote = session->remote,
		.dscp = options->dscp,
		.mode = session->mode,
		.keys = session->keys,
		.slots = session->request.slots,
		.slot_count = session->request.slot_count,
		.packets = options->count,
		.padding_octets = options->padding_octets,
		.zero_padding = options->zero_padding,
		.start_time = session->request.start_time,
		.timeout_ns = options->timeout_ns,
		.learns_departures = true,
		.sent = on_sent,
		.done = on_done,
		.arg = to,
	};
	struct fz_endpoint_sender *sender;

	memcpy(config.sid, session->request.sid, sizeof(config.sid));
	sender = fz_endpoint_sender_new(&config);
	fizeau_wipe(&config, sizeof(config));
	return sender;
}

bool fz_to_request(struct fz_to *to, struct fz_measurement *measurement, uint64_t start_ntp)
{
	struct fz_ow_session session;

	to->complete = FIZEAU_NEVER;
	to->session.direction = FZ_TO;
	to->udp = fz_measurement_udp(measurement, fz_ow_packet_octets(measurement));
	if (to->udp == NULL) {
		fz_to_fail(to, "no UDP socket on this host");
		return false;
	}
	if (fz_ow_request(measurement, FZ_TO, to->udp, start_ntp, &session, &to->session.facts, to->failure)) {
		to->sender = make_sender(to, measurement, &session);
		if (to->sender == NULL)
			snprintf(to->failure, sizeof(to->failure), "the test packets cannot be made");
	}
	fz_ow_session_clear(&session);
	if (to->sender == NULL)
		to->session.failure = to->failure;
	return to->sender != NULL;
}

int fz_to_start(struct fz_to *to)
{
	return to->sender != NULL ? fz_endpoint_sender_start(to->sender) : 0;
}

void fz_to_stop(struct fz_to *to, enum fz_ending ending)
{
	if (to->sender == NULL || to->done)
		return;
	fz_endpoint_sender_stop(to->sender);
	to->session.facts.ending = ending;
	end_sending(to);
}

void fz_to_fail(struct fz_to *to, const char *failure)
{
	snprintf(to->failure, sizeof(to->failure), "%s", failure);
	to->session.failure = to->failure;
}

bool fz_to_fetch(struct fz_to *to, struct fz_measurement *measurement)
{
	size_t max = fz_ow_records_max(measurement->options->count);
	enum fz_fetch_outcome outcome;

	if (to->sender == NULL || to->session.failure != NULL)
		return true;
	outcome = fz_fetch(measurement, to->session.facts.sid, FIZEAU_FETCH_ALL_BEGIN, FIZEAU_FETCH_ALL_END, max,
		&to->fetched, to->failure);
	if (outcome == FZ_FETCH_DONE)
		return true;
	if (to->failure[0] == '\0')
		snprintf(to->failure, sizeof(to->failure), "interrupted before the server's records were fetched");
	to->session.failure = to->failure;
	return outcome != FZ_FETCH_BROKEN;
}

void fz_to_summarise(struct fz_to *to, const struct fz_measurement *measurement)
{
	struct fz_one_way_session *session = &to->session;
	struct fz_endpoint_sender_counters counters;
	int rc;

	if (to->sender == NULL)
		return;
	fz_clock_facts_fill(measurement->clock, measurement->options->same_clock, &session->facts);
	fz_endpoint_sender_counters(to->sender, &counters);
	session->sent_here = true;
	session->sent = counters.sent;
	session->send_drops = counters.skipped_drop;
	session->missed = *fz_endpoint_sender_missed(to->sender);
	session->sent_by = (struct fz_stamp_counts){.user = counters.sent};
	fz_lateness(to->lateness, to->sent, &session->send_error, &session->sender_late);
	if (session->failure != NULL)
		return;
	/* What was sent and skipped is our own account; of the server's copy nothing is needed. */
	rc = fizeau_one_way_summarise(to->fetched.records, to->fetched.record_count, &to->end,
		measurement->options->timeout_ns, &session->summary);
	if (rc == FIZEAU_ERR_UNSENT)
		fz_to_fail(to, "the server has records of packets that were never sent");
	else if (rc < 0)
		fz_to_fail(to, fizeau_strerror(rc));
}

void fz_to_close(struct fz_to *to)
{
	fz_endpoint_sender_free(to->sender);
	fz_udp_close(to->udp);
	free(to->lateness);
	fz_fetched_free(&to->fetched);
}
