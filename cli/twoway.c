/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "clock_verdict.h"
#include "records.h"
#include "twoway.h"

bool fz_twoway_open(struct fz_twoway *twoway, size_t octets)
{
	const struct fz_measure_options *options = twoway->measurement.options;
	struct fz_test_config config = {
		.loop = twoway->loop,
		.clock = twoway->measurement.clock,
		.count = options->count,
		.dscp = options->dscp,
		.timeout_ns = options->timeout_ns,
		.slots = options->slots,
		.slot_count = options->slot_count,
		.sessions = twoway->measurement.sessions,
		.busy_poll = options->busy_poll,
	};
	struct fz_udp *udp = fz_measurement_udp(&twoway->measurement, octets);

	if (udp == NULL)
		return false;
	fz_test_open(&twoway->test, &config, udp);
	twoway->opened = true;
	return true;
}

/* The control connection carries nothing during the test; that it ends is all that can happen. */
static bool control_is_gone(struct fz_twoway *twoway)
{
	struct fz_control *control = &twoway->measurement.setup.control;
	struct fizeau_event event;

	if (control->error != 0)
		return true;
	while (fz_control_poll(control, &event))
		if (event.type == FIZEAU_EVENT_CLOSED)
			return true;
	return false;
}

/* No session's result is lost because its control connection ended. */
bool fz_twoway_done(struct fz_twoway *twoway)
{
	if (twoway->stamp == NULL && !twoway->gone && !twoway->test.done && control_is_gone(twoway)) {
		twoway->gone = true;
		fz_test_stop_sending(&twoway->test, FZ_ENDED_CONTROL);
	}
	return twoway->test.done;
}

bool fz_twoway_individual(const struct fz_twoway *twoway)
{
	return (twoway->measurement.setup.mode & FIZEAU_MODE_INDIVIDUAL) != 0;
}

struct fizeau_sid fz_twoway_sid(const struct fz_twoway *twoway)
{
	struct fizeau_sid sid;

	memcpy(sid.octets, twoway->session.facts.sid, sizeof(sid.octets));
	return sid;
}

/* What is said last needs no answer: the Stop-N-Ack of a session that is over is not waited for. */
void fz_twoway_stop(struct fz_twoway *twoway)
{
	struct fz_control *control = &twoway->measurement.setup.control;
	struct fizeau_sid sid = fz_twoway_sid(twoway);
	int rc;

	if (control->client == NULL)
		return;
	/*= rfc5357#section-3.8 TW-3.8-05 */
	/*= rfc4656#section-3.8 OW-3.8-19 */
	/*= rfc5938#section-2 IS-2-02 */
	rc = fz_twoway_individual(twoway) ? fizeau_control_client_stop_n(control->client, &sid, 1, fz_clock_mono())
	                                  : fizeau_control_client_stop(control->client, FIZEAU_ACCEPT_OK, fz_clock_mono());
	if (rc >= 0)
		(void)fz_control_flush(control);
}

static int summarise_lateness(struct fz_twoway *twoway)
{
	const struct fz_test *test = &twoway->test;
	int64_t *values = calloc((size_t)test->sent + 1, sizeof(*values));

	if (values == NULL)
		return FIZEAU_ERR_MEMORY;
	for (uint32_t i = 0; i < test->sent; i++)
		values[i] = test->packets[i].lateness_ns;
	fz_lateness(values, test->sent, &twoway->session.send_error, &twoway->session.sender_late);
	free(values);
	return 0;
}

/* What our own socket dropped came back: it is no loss on the way. */
static void mark_local_loss(struct fz_result_session *session)
{
	struct fizeau_round_trip_summary *summary = &session->summary;

	session->lost_local = session->receive_drops < summary->lost ? session->receive_drops : summary->lost;
	summary->lost_backward -=
		session->lost_local < summary->lost_backward ? session->lost_local : summary->lost_backward;
}

int fz_twoway_summarise(struct fz_twoway *twoway)
{
	const struct fz_test *test = &twoway->test;
	const struct fz_measure_options *options = twoway->measurement.options;
	struct fz_result_session *session = &twoway->session;
	struct fz_udp_counters counters;
	int rc;

	fz_udp_counters(test->udp, &counters);
	fz_measurement_facts(&twoway->measurement, &session->facts);
	session->facts.local = test->local;
	session->facts.remote = test->remote;
	session->facts.packet_octets = (uint32_t)test->maker.octets;
	session->facts.ending = test->ending;
	fz_clock_facts_fill(twoway->measurement.clock, options->same_clock, &session->facts);
	session->send_drops = counters.send_drops;
	session->receive_drops = counters.receive_drops;
	session->discards = test->discards;
	session->received_by = test->received_by;
	session->missed = test->missed;
	session->seen = test->seen;
	fz_test_settle(&twoway->test, &session->sent_by);
	if (twoway->stamp != NULL)
		fz_stamp_settle(twoway->stamp);
	rc = summarise_lateness(twoway);
	if (rc < 0)
		return rc;
	rc = fizeau_round_trip_summarise(test->records, test->record_count, test->sent, options->timeout_ns,
		&session->summary);
	if (rc >= 0 && twoway->stamp != NULL) {
		session->stamp = &twoway->stamp->result;
		rc = fz_stamp_split_loss(twoway->stamp, &session->summary);
	}
	if (rc >= 0)
		mark_local_loss(session);
	return rc;
}

static uint64_t sent_ntp(const void *arg, uint32_t seq, bool *back)
{
	const struct fz_test *test = arg;

	*back = test->packets[seq].back;
	return test->packets[seq].ntp;
}

bool fz_twoway_write_records(const struct fz_twoway *twoway, const char *target, FILE *out)
{
	const struct fz_test *test = &twoway->test;

	return fz_records_write(out, target, test->records, test->record_count, test->sent,
		twoway->measurement.options->timeout_ns, sent_ntp, test);
}

void fz_twoway_judge(struct fz_twoway *twoway)
{
	const struct fz_measurement *measurement = &twoway->measurement;
	const char *host = measurement->setup.host;

	if (twoway->test.ending == FZ_ENDED_INTERRUPTED && twoway->test.sent == 0)
		fz_measurement_fail(measurement, FZ_FAULT_INTERRUPTED, "interrupted before the first packet to %s", host);
	else if (twoway->test.error != 0)
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "the test with %s ended early: %s", host,
			fizeau_strerror(twoway->test.error));
	else if (twoway->test.ending == FZ_ENDED_CONTROL)
		fz_measurement_fail(measurement, FZ_FAULT_CONNECTION,
			"server %s: the control connection ended before the test did (%s): the result is incomplete",
			host, fz_control_end_text(&measurement->setup.control));
	else if (twoway->test.ending == FZ_ENDED_SENDING)
		fz_measurement_fail(measurement, FZ_FAULT_SENDING,
			"the kernel takes no more packets to %s: see the route and the firewall of this host", host);
	else if (twoway->session.summary.received == 0 && twoway->session.summary.late > 0)
		fz_measurement_fail(measurement, FZ_FAULT_LATE,
			"every packet came back from %s after the timeout: give more with --timeout", host);
	else if (twoway->stamp != NULL)
		fz_stamp_judge(twoway);
	else if (twoway->session.summary.received == 0)
		fz_measurement_fail(measurement, FZ_FAULT_LOST,
			"no packet came back from %s: UDP may be filtered on the way", host);
}

bool fz_twoway_begin(struct fz_twoway *twoway, unsigned *interrupts, const struct fz_phase *phase)
{
	struct fz_measurement *measurement = &twoway->measurement;
	int rc = twoway->stamp != NULL ? 0 : fz_control_attach(&measurement->setup.control, twoway->loop, interrupts);

	measurement->loop = twoway->loop;
	measurement->interrupts = interrupts;
	/* The reflector goes by the packets, not by the Start Time: a late start moves the schedule. */
	if (twoway->begin.ns < fz_clock_mono().ns)
		twoway->begin = fz_phase_next(phase, fz_clock_mono());
	twoway->session.facts.start_unix_ns = twoway->unix_less_mono_ns + twoway->begin.ns;
	if (rc >= 0)
		rc = fz_test_start(&twoway->test, twoway->begin);
	if (rc < 0)
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "the test cannot be started: %s", fizeau_strerror(rc));
	return rc >= 0;
}

void fz_twoway_close(struct fz_twoway *twoway)
{
	fz_control_close(&twoway->measurement.setup.control);
	if (twoway->opened)
		fz_test_close(&twoway->test);
	twoway->opened = false;
}
