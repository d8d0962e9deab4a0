/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "io/clock.h"
#include "oneway_request.h"

size_t fz_ow_packet_octets(const struct fz_measurement *measurement)
{
	enum fizeau_test_mode mode = fizeau_test_mode_of(measurement->setup.mode & FIZEAU_MODE_SECURITY);

	/*= rfc4656#section-3.5 OW-3.5-18 */
	return fizeau_sender_header_octets(mode, 0) + measurement->options->padding_octets;
}

size_t fz_ow_records_max(uint32_t packets)
{
	return (size_t)packets * 4 + 1000;
}

static struct fizeau_slot *make_slots(const struct fz_measure_options *options)
{
	struct fizeau_slot *slots = calloc(options->slot_count, sizeof(*slots));

	for (size_t i = 0; slots != NULL && i < options->slot_count; i++) {
		slots[i].exponential = options->slots[i].exponential;
		slots[i].parameter = fizeau_duration_from_ns(options->slots[i].ns);
	}
	return slots;
}

/* Who receives makes the SID. */
/*= rfc4656#section-3.5 OW-3.5-17 */
static bool make_sid(const struct fz_addr *local, uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fz_clock clock = {.error_estimate = 0};
	uint8_t tail[4], random[4];

	/* The SID is key material: its last octets come from the kernel's generator. */
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	fz_addr_tail(local, tail);
	fizeau_sid_make(tail, fz_clock_wall(&clock).ntp, random, sid);
	return true;
}

/*= rfc4656#section-3.5 OW-3.5-10 OW-3.5-12 OW-3.5-15 OW-3.5-16 OW-3.5-19 */
static void fill(const struct fz_measurement *measurement, enum fz_direction direction, const struct fz_addr *local,
	uint64_t start_ntp, struct fizeau_ow_request *request)
{
	const struct fz_measure_options *options = measurement->options;
	bool to = direction == FZ_TO;

	request->conf_receiver = to;
	request->conf_sender = !to;
	request->ip_version = (uint8_t)fz_addr_version(local);
	/* Unlike TWAMP's, this request has no zero for "where the connection comes from". */
	fz_addr_to_message(local, to ? &request->sender : &request->receiver);
	fz_addr_to_message(&measurement->setup.control.peer, to ? &request->receiver : &request->sender);
	*(to ? &request->sender_port : &request->receiver_port) = fz_addr_port(local);
	request->packets = options->count;
	request->padding_octets = options->padding_octets;
	request->start_time = start_ntp;
	request->timeout = fizeau_duration_from_ns(options->timeout_ns);
	/*= rfc4656#section-3.5 OW-3.5-21 */
	request->type_p = (uint32_t)options->dscp << 24;
	request->slot_count = (uint32_t)options->slot_count;
}

static bool fail(char failure[static FZ_ERROR_TEXT], const char *what, const char *reason)
{
	snprintf(failure, FZ_ERROR_TEXT, "%s: %s", what, reason);
	fz_complain("%s", failure);
	return false;
}

/* Sends the request and waits for its answer. False if none came. */
static bool ask(struct fz_measurement *measurement, const struct fizeau_ow_request *request,
	struct fizeau_event *event, char failure[static FZ_ERROR_TEXT])
{
	int rc = fizeau_control_client_request_ow(measurement->setup.control.client, request, fz_clock_mono());

	if (rc < 0)
		return fail(failure, "the session cannot be asked for", fizeau_strerror(rc));
	if (fz_measurement_await(measurement, "the request for a test session", FIZEAU_EVENT_SESSION_ANSWER, event))
		return true;
	snprintf(failure, FZ_ERROR_TEXT, "the control connection broke");
	return false;
}

/* Behind a NAT our own address is not the one that the server knows: perhaps it takes that of the connection. */
/*= rfc4656#section-3.5 OW-3.5-03 OW-3.5-26 */
static bool ask_again(struct fz_measurement *measurement, enum fz_direction direction,
	struct fizeau_ow_request *request, struct fizeau_event *event, char failure[static FZ_ERROR_TEXT])
{
	fz_explain(measurement->options->verbose, "server %s refused the session (Accept %u): asking again without the "
		"address of this host", measurement->setup.host, event->session.accept);
	*(direction == FZ_TO ? &request->sender : &request->receiver) = (struct fizeau_address){.version = 0};
	return ask(measurement, request, event, failure);
}

static bool refused(const struct fz_measurement *measurement, enum fz_direction direction, uint8_t accept,
	char failure[static FZ_ERROR_TEXT])
{
	fz_measurement_explain_refusal(measurement,
		direction == FZ_TO ? "the test session to it" : "the test session from it", accept);
	snprintf(failure, FZ_ERROR_TEXT, "the server refused the session (Accept %u, %s)", accept,
		fizeau_accept_text(accept));
	return false;
}

/* The server's answer, once it is favourable. */
static bool obtain(struct fz_measurement *measurement, enum fz_direction direction, struct fz_ow_session *session,
	char failure[static FZ_ERROR_TEXT])
{
	struct fz_control *control = &measurement->setup.control;
	struct fizeau_event event;
	int rc;

	if (!ask(measurement, &session->request, &event, failure))
		return false;
	if (event.session.accept == FIZEAU_ACCEPT_FAILURE &&
		!ask_again(measurement, direction, &session->request, &event, failure))
		return false;
	if (event.session.accept != FIZEAU_ACCEPT_OK)
		return refused(measurement, direction, event.session.accept, failure);
	/*= rfc4656#section-3.5 OW-3.5-27 */
	session->remote = control->peer;
	fz_addr_set_port(&session->remote, event.session.port);
	/*= rfc4656#section-3.5 OW-3.5-28 */
	if (direction == FZ_TO)
		memcpy(session->request.sid, event.session.sid, FIZEAU_SID_OCTETS);
	if (session->mode == FIZEAU_TEST_OPEN)
		return true;
	rc = fizeau_control_client_test_keys(control->client, session->request.sid, &session->keys);
	return rc >= 0 || fail(failure, "the test packets cannot be made", fizeau_strerror(rc));
}

static void fill_facts(const struct fz_measurement *measurement, const struct fz_ow_session *session,
	const struct fz_addr *local, bool accepted, struct fz_session_facts *facts)
{
	fz_measurement_facts(measurement, facts);
	if (accepted)
		memcpy(facts->sid, session->request.sid, FIZEAU_SID_OCTETS);
	facts->local = *local;
	facts->remote = session->remote;
	facts->padding_octets = measurement->options->padding_octets;
	facts->packet_octets = (uint32_t)fz_ow_packet_octets(measurement);
	facts->start_unix_ns = fizeau_ntp_to_unix_ns(session->request.start_time, session->request.start_time);
}

bool fz_ow_request(struct fz_measurement *measurement, enum fz_direction direction, const struct fz_udp *udp,
	uint64_t start_ntp, struct fz_ow_session *session, struct fz_session_facts *facts,
	char failure[static FZ_ERROR_TEXT])
{
	struct fz_addr local;
	bool good;

	fz_udp_local(udp, &local);
	*session = (struct fz_ow_session){
		.slots = make_slots(measurement->options),
		.remote = measurement->setup.control.peer,
		.mode = fizeau_test_mode_of(measurement->setup.mode & FIZEAU_MODE_SECURITY),
	};
	fz_addr_set_port(&session->remote, 0);
	fill(measurement, direction, &local, start_ntp, &session->request);
	session->request.slots = session->slots;
	if (session->slots == NULL)
		good = fail(failure, "the session cannot be asked for", "no memory");
	else if (direction == FZ_FROM && !make_sid(&local, session->request.sid))
		good = fail(failure, "no SID can be made", "the system gives no random octets");
	else
		good = obtain(measurement, direction, session, failure);
	fill_facts(measurement, session, &local, good, facts);
	return good;
}

void fz_ow_session_clear(struct fz_ow_session *session)
{
	free(session->slots);
	fizeau_wipe(session, sizeof(*session));
}
