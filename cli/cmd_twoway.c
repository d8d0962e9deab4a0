/* SPDX-License-Identifier: MIT */
/* fizeau twoway: one TWAMP test session with a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "measurement.h"
#include "progress.h"
#include "records.h"
#include "twoway_test.h"

#define LEAD_NS 100000000   /* from the request to the start, beside the round trips in between */
#define DRAIN_NS 1000000000

struct twoway {
	struct fz_measurement *measurement;
	struct fz_test test;
	struct fz_result_session session;
};

static struct fz_test_config test_config(const struct twoway *twoway)
{
	const struct fz_measure_options *options = &twoway->measurement->options;
	enum fizeau_test_mode mode = fizeau_test_mode_of(twoway->measurement->setup.mode & FIZEAU_MODE_SECURITY);
	/*= rfc5357#section-4.1.2 TW-4.1.2-02 */
	uint32_t padding = mode == FIZEAU_TEST_OPEN
		? (uint32_t)(fizeau_reflector_header_octets(mode) - fizeau_sender_header_octets(mode))
		: 0;

	return (struct fz_test_config){
		.loop = twoway->measurement->loop,
		.clock = &twoway->measurement->clock,
		.mode = mode,
		.count = options->count,
		.padding_octets = options->padding_given ? options->padding_octets : padding,
		.zero_padding = options->zero_padding,
		.dscp = options->dscp,
		.timeout_ns = options->timeout_ns,
		.slots = options->slots,
		.slot_count = options->slot_count,
	};
}

/* Asks for the session and prepares its sender. */
static bool request(struct twoway *twoway, struct fz_test *test, uint64_t start_ntp)
{
	struct fz_control *control = &twoway->measurement->setup.control;
	struct fizeau_tw_request wish = {
		.ip_version = (uint8_t)fz_addr_version(&control->peer),
		/*= rfc5357#section-3.5 TW-3.5-08 TW-3.5-10 */
		.sender_port = fz_addr_port(&test->local),
		.padding_octets = test->config.padding_octets,
		/*= rfc5357#section-3.5 TW-3.5-14 */
		.start_time = start_ntp,
		.timeout = fizeau_duration_from_ns(test->config.timeout_ns),
		.dscp = test->config.dscp,
	};
	struct fizeau_test_keys keys = {0};
	struct fz_addr remote = control->peer;
	struct fizeau_event event;
	int rc = fizeau_control_client_request_tw(control->client, &wish, fz_clock_mono());

	if (rc < 0) {
		fz_complain("the session cannot be asked for: %s", fizeau_strerror(rc));
		return false;
	}
	if (!fz_measurement_await(twoway->measurement, "the request for a test session", FIZEAU_EVENT_SESSION_ANSWER,
		    &event))
		return false;
	if (event.session.accept != FIZEAU_ACCEPT_OK) {
		fz_measurement_explain_refusal(twoway->measurement, "the test session", event.session.accept);
		return false;
	}
	memcpy(twoway->session.facts.sid, event.session.sid, FIZEAU_SID_OCTETS);
	/*= rfc5357#section-3.5 TW-3.5-09 TW-3.5-23 */
	fz_addr_set_port(&remote, event.session.port);
	if (test->config.mode != FIZEAU_TEST_OPEN)
		rc = fizeau_control_client_test_keys(control->client, event.session.sid, &keys);
	if (rc >= 0)
		rc = fz_test_accept(test, event.session.sid, &keys, &remote);
	fizeau_wipe(&keys, sizeof(keys));
	if (rc < 0)
		fz_complain("the test packets cannot be made: %s", fizeau_strerror(rc));
	return rc >= 0;
}

/* The control connection carries nothing during the test; that it ends is all that can happen. */
static bool control_is_gone(struct twoway *twoway)
{
	struct fz_control *control = &twoway->measurement->setup.control;
	struct fizeau_event event;

	if (control->error != 0)
		return true;
	while (fz_control_poll(control, &event))
		if (event.type == FIZEAU_EVENT_CLOSED)
			return true;
	return false;
}

/* The loop until the test is done. No session's result is lost because its control connection ended. */
static void run_test(struct twoway *twoway)
{
	struct fz_test *test = &twoway->test;
	unsigned interrupts = 0;
	bool gone = false;

	while (!test->done) {
		int rc = fz_loop_once(twoway->measurement->loop, FIZEAU_NEVER);

		if (rc < 0) {
			test->error = rc;
			return;
		}
		if (twoway->measurement->interrupts > interrupts) {
			interrupts = twoway->measurement->interrupts;
			fz_test_stop_sending(test, FZ_ENDED_INTERRUPTED);
			/* Asked twice: not even what is under way is waited for. */
			if (interrupts > 1)
				test->done = true;
		}
		if (!gone && control_is_gone(twoway)) {
			gone = true;
			fz_test_stop_sending(test, FZ_ENDED_CONTROL);
		}
	}
}

static void stop(struct twoway *twoway)
{
	struct fz_control *control = &twoway->measurement->setup.control;

	/*= rfc5357#section-3.8 TW-3.8-05 */
	/*= rfc4656#section-3.8 OW-3.8-19 */
	if (fizeau_control_client_stop(control->client, FIZEAU_ACCEPT_OK, fz_clock_mono()) >= 0)
		fz_control_drain(control, DRAIN_NS);
}

static int summarise_lateness(struct twoway *twoway)
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

static int summarise(struct twoway *twoway)
{
	const struct fz_test *test = &twoway->test;
	const struct fz_measure_options *options = &twoway->measurement->options;
	struct fz_result_session *session = &twoway->session;
	struct fz_udp_counters counters;
	int rc;

	fz_udp_counters(test->udp, &counters);
	fz_measurement_facts(twoway->measurement, &session->facts);
	session->facts.local = test->local;
	session->facts.remote = test->remote;
	session->facts.padding_octets = test->config.padding_octets;
	session->facts.packet_octets = (uint32_t)fizeau_sender_octets(test->sender);
	session->facts.ending = test->ending;
	session->send_drops = counters.send_drops;
	session->receive_drops = counters.receive_drops;
	session->discards = test->discards;
	session->received_by = test->received_by;
	rc = summarise_lateness(twoway);
	if (rc < 0)
		return rc;
	return fizeau_round_trip_summarise(test->records, test->record_count, test->sent, options->timeout_ns,
		&session->summary);
}

static uint64_t sent_ntp(const void *arg, uint32_t seq, bool *back)
{
	const struct fz_test *test = arg;

	*back = test->packets[seq].back;
	return test->packets[seq].ntp;
}

static bool print(struct twoway *twoway)
{
	const struct fz_measurement *measurement = twoway->measurement;
	const struct fz_test *test = &twoway->test;
	struct fz_result result = {.sessions = &twoway->session, .session_count = 1};
	bool good = fz_measurement_print(measurement, &result);

	if (measurement->records == NULL)
		return good;
	return fz_measurement_records_written(measurement,
		       fz_records_write(measurement->records, test->records, test->record_count, test->sent,
			       measurement->options.timeout_ns, sent_ntp, test)) && good;
}

static int report(struct twoway *twoway)
{
	int rc = summarise(twoway);

	if (rc < 0) {
		fz_complain("the records cannot be summarised: %s", fizeau_strerror(rc));
		return FZ_EXIT_REFUSED;
	}
	if (!print(twoway))
		return FZ_EXIT_USAGE;
	if (twoway->test.ending == FZ_ENDED_CONTROL)
		fz_complain("server %s: the control connection ended before the test did: the result is incomplete",
			twoway->measurement->setup.host);
	else if (twoway->test.ending == FZ_ENDED_SENDING)
		fz_complain("the kernel takes no more packets to %s: see the route and the firewall of this host",
			twoway->measurement->setup.host);
	else if (twoway->session.summary.received == 0 && twoway->session.summary.late > 0)
		fz_complain("every packet came back from %s after the timeout: give more with --timeout",
			twoway->measurement->setup.host);
	else if (twoway->session.summary.received == 0)
		fz_complain("no packet came back from %s: UDP may be filtered on the way",
			twoway->measurement->setup.host);
	else
		return FZ_EXIT_MEASURED;
	return FZ_EXIT_REFUSED;
}

static int measure_with(struct twoway *twoway)
{
	struct fz_test *test = &twoway->test;
	struct fz_progress progress;
	struct fizeau_mono now = fz_clock_mono(), begin;
	uint64_t now_ntp;
	int rc;

	now_ntp = fz_clock_wall(&twoway->measurement->clock).ntp;
	begin.ns = now.ns + LEAD_NS + 3 * twoway->measurement->setup.control.connect_ns;
	if (!request(twoway, test, fizeau_ntp_add_ns(now_ntp, begin.ns - now.ns)) ||
		!fz_measurement_start(twoway->measurement))
		return FZ_EXIT_REFUSED;
	/* The reflector goes by the packets, not by the Start Time: a late start moves the schedule. */
	if (begin.ns < fz_clock_mono().ns)
		begin = fz_clock_mono();
	twoway->session.facts.start_unix_ns = fizeau_ntp_to_unix_ns(now_ntp, now_ntp) + begin.ns - now.ns;
	rc = fz_test_start(test, begin);
	if (rc < 0) {
		fz_complain("the test cannot be started: %s", fizeau_strerror(rc));
		return FZ_EXIT_USAGE;
	}
	fz_explain(twoway->measurement->options.verbose,
		"session accepted, reflector at port %u, %u packets of %zu octets", fz_addr_port(&test->remote), test->config.count, fizeau_sender_octets(test->sender));
	if (!twoway->measurement->options.quiet)
		fz_progress_begin(&progress, twoway->measurement->loop, &test->sent, &test->back, test->config.count,
			(struct fizeau_mono){begin.ns + fz_schedule_duration_ns(&twoway->measurement->options)});
	run_test(twoway);
	if (!twoway->measurement->options.quiet)
		fz_progress_end(&progress);
	stop(twoway);
	if (test->error != 0)
		fz_complain("the test ended early: %s", fizeau_strerror(test->error));
	return report(twoway);
}

static int measure(struct fz_measurement *measurement)
{
	struct twoway twoway = {.measurement = measurement};
	struct fz_test_config config = test_config(&twoway);
	size_t octets = fizeau_reflector_header_octets(config.mode) + config.padding_octets;
	struct fz_udp *udp = fz_measurement_udp(measurement, octets);
	int status;

	if (udp == NULL)
		return FZ_EXIT_USAGE;
	fz_test_open(&twoway.test, &config, udp);
	status = measure_with(&twoway);
	fz_test_close(&twoway.test);
	return status;
}

int fz_cmd_twoway(int argc, char **argv)
{
	return fz_measurement_run(FZ_TWOWAY, argc, argv, measure);
}
