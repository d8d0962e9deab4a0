/* SPDX-License-Identifier: MIT */
/* fizeau oneway: an OWAMP session to a server and one from it, on one control connection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "io/clock.h"
#include "measurement.h"
#include "oneway_from.h"
#include "oneway_request.h"
#include "oneway_to.h"
#include "progress.h"
#include "records.h"

#define LEAD_NS 200000000         /* from the request to the start, beside the round trips in between */
#define STOP_WAIT_NS 10000000000  /* for the server's Stop-Sessions after ours */

struct oneway {
	struct fz_measurement *measurement;
	struct fz_to to;
	struct fz_from from;
	bool gone;                /* the control connection is */
	bool hurried;             /* the user did not want to wait for the server */
	bool stopped;             /* the server's Stop-Sessions is in */
	uint8_t accept;           /* of it */
};

static bool request(struct oneway *oneway, struct fizeau_mono *begin)
{
	struct fz_measurement *measurement = oneway->measurement;
	const struct fz_measure_options *options = measurement->options;
	struct fizeau_mono now = fz_clock_mono();
	uint64_t start_ntp;
	bool any = false;

	/* Never a burst: the schedule begins when Start-Ack should be through. */
	/*= rfc4656#section-4.1.1 OW-4.1.1-06 */
	begin->ns = now.ns + LEAD_NS + 4 * measurement->setup.control.connect_ns;
	start_ntp = fizeau_ntp_add_ns(fz_clock_wall(measurement->clock).ntp, begin->ns - now.ns);
	/*= rfc4656#section-3.5 OW-3.5-01 */
	if (options->to)
		any = fz_to_request(&oneway->to, measurement, start_ntp);
	if (options->from && !measurement->lost)
		any |= fz_from_request(&oneway->from, measurement, start_ntp);
	return any && !measurement->lost;
}

/* What the server's Stop-Sessions says. */
static void server_stopped(struct oneway *oneway, const struct fizeau_event *event)
{
	oneway->stopped = true;
	oneway->accept = event->stopped.accept;
	for (uint32_t i = 0; i < event->stopped.sessions && event->stopped.ends != NULL; i++)
		fz_from_end(&oneway->from, &event->stopped.ends[i]);
	if (oneway->from.ended && oneway->from.end.next_seqno < oneway->from.packets &&
		oneway->from.session.facts.ending == FZ_ENDED_COMPLETE)
		oneway->from.session.facts.ending = FZ_ENDED_SERVER;
}

/* During the test the control connection carries nothing but the server's Stop-Sessions. */
static void look_at_control(struct oneway *oneway)
{
	struct fz_control *control = &oneway->measurement->setup.control;
	struct fizeau_event event;

	while (!oneway->gone && !oneway->stopped && fz_control_poll(control, &event)) {
		if (event.type == FIZEAU_EVENT_STOPPED)
			server_stopped(oneway, &event);
		else
			oneway->gone = true;
	}
	if (control->error != 0 && !oneway->stopped)
		oneway->gone = true;
}

/* A server that is done a moment before us has not stopped early: our own Timeout is waited for. */
static bool stopped_early(const struct oneway *oneway)
{
	const struct fz_from *from = &oneway->from;

	if (!oneway->stopped)
		return false;
	return oneway->accept != FIZEAU_ACCEPT_OK || (oneway->to.sender != NULL && !oneway->to.done) ||
		(from->receiver != NULL && (!from->ended || from->end.next_seqno < from->packets));
}

static void end_early(struct oneway *oneway, enum fz_ending ending)
{
	fz_to_stop(&oneway->to, ending);
	if (!fz_from_complete(&oneway->from))
		oneway->from.session.facts.ending = ending;
}

/* The loop until both sessions are complete, or there is a reason to end them. 0 or -errno. */
static int run_test(struct oneway *oneway)
{
	struct fz_measurement *measurement = oneway->measurement;

	while (true) {
		bool to_complete = oneway->to.sender == NULL || fz_clock_mono().ns >= oneway->to.complete.ns;
		int rc;

		if (to_complete && fz_from_complete(&oneway->from))
			return 0;
		rc = fz_loop_once(measurement->loop, to_complete ? FIZEAU_NEVER : oneway->to.complete);
		if (rc < 0)
			return rc;
		look_at_control(oneway);
		if (oneway->gone || stopped_early(oneway)) {
			end_early(oneway, oneway->gone ? FZ_ENDED_CONTROL : FZ_ENDED_SERVER);
			return 0;
		}
		if (*measurement->interrupts > 0) {
			end_early(oneway, FZ_ENDED_INTERRUPTED);
			/* From here on another one means that not even the results are waited for. */
			*measurement->interrupts = 0;
			return 0;
		}
	}
}

/* Waits for the server's Stop-Sessions. */
static void await_stop(struct oneway *oneway)
{
	struct fz_measurement *measurement = oneway->measurement;
	struct fizeau_mono until = {fz_clock_mono().ns + STOP_WAIT_NS};
	char error[FZ_ERROR_TEXT];
	struct fizeau_event event;
	int rc;

	if (oneway->stopped)
		return;
	rc = fz_control_wait_until(&measurement->setup.control, until, &event);
	if (rc >= 0 && event.type == FIZEAU_EVENT_STOPPED) {
		server_stopped(oneway, &event);
		return;
	}
	oneway->gone = true;
	oneway->hurried = rc == -EINTR;
	if (rc == -ETIMEDOUT)
		fz_complain("server %s does not stop: it sends no Stop-Sessions", measurement->setup.host);
	else if (rc >= 0 && event.type == FIZEAU_EVENT_CLOSED) {
		fz_setup_explain_closed(&measurement->setup, "the end of the test", &event, error, sizeof(error));
		fz_complain("%s", error);
	}
}

/* Both Stop-Sessions, whoever is first. Sending has ended already. */
/*= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 OW-3.8-19 OW-3.8-20 */
static void stop(struct oneway *oneway)
{
	struct fz_control *control = &oneway->measurement->setup.control;
	bool sends = oneway->to.sender != NULL;
	int rc;

	if (oneway->gone)
		return;
	rc = fizeau_control_client_stop_ow(control->client, FIZEAU_ACCEPT_OK, sends ? &oneway->to.end : NULL,
		sends ? 1 : 0, fz_clock_mono());
	if (rc < 0) {
		fz_complain("Stop-Sessions cannot be sent: %s", fizeau_strerror(rc));
		oneway->gone = true;
		return;
	}
	await_stop(oneway);
}

/* What is known of the sessions once both sides have stopped, or will not any more. */
static void conclude(struct oneway *oneway)
{
	struct fz_measurement *measurement = oneway->measurement;
	char text[FZ_ERROR_TEXT];

	fz_from_finish(&oneway->from);
	/*= rfc4656#section-3.8 OW-3.8-06 OW-3.8-07 */
	if (oneway->stopped && oneway->accept != FIZEAU_ACCEPT_OK) {
		snprintf(text, sizeof(text), "the server ended the test with Accept %u (%s), which makes its results "
			"invalid: see its log", oneway->accept, fizeau_accept_text(oneway->accept));
		if (oneway->to.session.failure == NULL)
			fz_to_fail(&oneway->to, text);
		if (oneway->from.session.failure == NULL)
			fz_from_fail(&oneway->from, text);
		oneway->to.session.facts.ending = oneway->from.session.facts.ending = FZ_ENDED_INVALID;
	}
	if (oneway->gone && oneway->to.session.failure == NULL)
		fz_to_fail(&oneway->to, oneway->hurried
			? "interrupted before the server's records were fetched"
			: "without the control connection the server's records cannot be fetched");
	else if (!fz_to_fetch(&oneway->to, measurement))
		oneway->gone = true;
	fz_to_summarise(&oneway->to, measurement);
	fz_from_summarise(&oneway->from, measurement);
}

static bool write_records(const struct oneway *oneway, FILE *out)
{
	const struct fz_to *to = &oneway->to;
	const struct fz_from *from = &oneway->from;
	int64_t timeout_ns = oneway->measurement->options->timeout_ns;

	if (to->session.failure == NULL && to->sender != NULL &&
		!fz_records_write_one_way(out, "to", to->fetched.records, to->fetched.record_count, timeout_ns))
		return false;
	return from->session.failure != NULL || from->receiver == NULL ||
		fz_records_write_one_way(out, "from", from->records, from->record_count, timeout_ns);
}

static bool print(struct oneway *oneway)
{
	const struct fz_measurement *measurement = oneway->measurement;
	struct fz_one_way_session sessions[2];
	struct fz_result result = {.one_way = sessions};
	bool good;

	if (measurement->options->to)
		sessions[result.one_way_count++] = oneway->to.session;
	if (measurement->options->from)
		sessions[result.one_way_count++] = oneway->from.session;
	good = fz_measurement_print(measurement, &result);
	if (measurement->records == NULL)
		return good;
	return fz_measurement_records_written(measurement, write_records(oneway, measurement->records)) && good;
}

/* Complains of what is wrong with a session's result. False if there is something. */
static bool judge(const struct oneway *oneway, const struct fz_one_way_session *session)
{
	const char *host = oneway->measurement->setup.host;
	const char *way = session->direction == FZ_TO ? "to" : "from";

	if (session->failure != NULL)
		fz_complain("no result of the session %s %s: %s", way, host, session->failure);
	else if (session->facts.ending == FZ_ENDED_CONTROL)
		fz_complain("server %s: the control connection ended before the test did (%s): the result %s it is "
			"incomplete", host, fz_control_end_text(&oneway->measurement->setup.control), way);
	else if (session->facts.ending == FZ_ENDED_SERVER)
		fz_complain("server %s stopped the session %s it early: see its log", host, way);
	else if (session->facts.ending == FZ_ENDED_SENDING)
		fz_complain("the kernel takes no more packets to %s: see the route and the firewall of this host",
			host);
	else if (session->sent_here && session->sent == 0 && session->send_drops > 0)
		fz_complain("the kernel takes no packets to %s: see the route and the firewall of this host", host);
	else if (session->sent_here && session->sent == 0)
		fz_complain("nothing was sent to %s: this host was late by more than --timeout for every packet", host);
	else if (session->summary.sent == 0 && session->facts.ending == FZ_ENDED_INTERRUPTED)
		fz_complain("interrupted before there was a result of the session %s %s: --timeout must have passed for a packet "
			"to count", way, host);
	else if (session->summary.received == 0)
		fz_complain("no packet %s %s arrived: UDP may be filtered on the way or stopped by a NAT, or the clocks "
			"differ by more than --timeout", way, host);
	else
		return true;
	return false;
}

static int report(struct oneway *oneway)
{
	const struct fz_measure_options *options = oneway->measurement->options;
	bool good = true;

	if (!print(oneway))
		return FZ_EXIT_USAGE;
	if (options->to)
		good = judge(oneway, &oneway->to.session);
	if (options->from)
		good = judge(oneway, &oneway->from.session) && good;
	return good ? FZ_EXIT_MEASURED : FZ_EXIT_REFUSED;
}

static void explain_session(const struct fz_measurement *measurement, const struct fz_one_way_session *session)
{
	const struct fz_session_facts *facts = &session->facts;
	char sid[2 * FIZEAU_SID_OCTETS + 1];

	fz_hex_text(facts->sid, FIZEAU_SID_OCTETS, sid);
	fz_explain(measurement->options->verbose, "session %s the server started, its port there is %u, %u packets of %u "
		"octets, SID %s", session->direction == FZ_TO ? "to" : "from", fz_addr_port(&facts->remote), facts->wanted,
		facts->packet_octets, sid);
}

static int measure_with(struct oneway *oneway)
{
	struct fz_measurement *measurement = oneway->measurement;
	const struct fz_measure_options *options = measurement->options;
	bool sends, receives;
	struct fz_progress progress;
	struct fizeau_mono begin;
	int rc;

	if (!request(oneway, &begin))
		return FZ_EXIT_REFUSED;
	/* The server may send as soon as it has Start-Sessions. */
	rc = fz_from_start(&oneway->from);
	if (rc >= 0 && !fz_measurement_start(measurement, NULL))
		return FZ_EXIT_REFUSED;
	if (rc >= 0)
		rc = fz_to_start(&oneway->to);
	if (rc < 0) {
		fz_complain("the test cannot be started: %s", fizeau_strerror(rc));
		return FZ_EXIT_USAGE;
	}
	sends = oneway->to.sender != NULL;
	receives = oneway->from.receiver != NULL;
	if (sends)
		explain_session(measurement, &oneway->to.session);
	if (receives)
		explain_session(measurement, &oneway->from.session);
	if (!options->quiet)
		fz_progress_begin(&progress, measurement->loop, sends ? &oneway->to.sent : NULL,
			receives ? &oneway->from.back : NULL, options->count,
			(struct fizeau_mono){begin.ns + fz_schedule_duration_ns(options)});
	rc = run_test(oneway);
	if (!options->quiet)
		fz_progress_end(&progress);
	if (rc < 0) {
		fz_complain("the test ended early: %s", fizeau_strerror(rc));
		end_early(oneway, FZ_ENDED_SENDING);
	}
	stop(oneway);
	conclude(oneway);
	return report(oneway);
}

static int measure(struct fz_measurement *measurement)
{
	struct oneway *oneway = calloc(1, sizeof(*oneway));
	int status;

	if (oneway == NULL) {
		fz_complain("no memory");
		return FZ_EXIT_USAGE;
	}
	oneway->measurement = measurement;
	status = measure_with(oneway);
	fz_to_close(&oneway->to);
	fz_from_close(&oneway->from);
	free(oneway);
	return status;
}

static int run(struct fz_command *command)
{
	return fz_command_one(command, measure);
}

int fz_cmd_oneway(int argc, char **argv)
{
	return fz_command_run(FZ_ONEWAY, argc, argv, run);
}
