/* SPDX-License-Identifier: MIT */
/* fizeau twoway: a TWAMP test session with a server, with several servers (targets.c) one with each. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "targets.h"
#include "twoway.h"

#define LEAD_NS 100000000   /* from the request to the start, beside the round trips in between */

static enum fizeau_test_mode test_mode(const struct fz_twoway *twoway)
{
	return fizeau_test_mode_of(twoway->measurement.setup.mode & FIZEAU_MODE_SECURITY);
}

static uint32_t padding_octets(const struct fz_twoway *twoway)
{
	const struct fz_measure_options *options = twoway->measurement.options;

	return options->padding_given ? options->padding_octets : fz_features_padding(&options->features, test_mode(twoway));
}

static uint16_t reflect_length(const struct fz_twoway *twoway)
{
	const struct fz_measure_options *options = twoway->measurement.options;

	return fz_features_reflect_length(&options->features, test_mode(twoway), options->padding_given,
		options->padding_octets);
}

/* Before the server has to refuse it without a reason. */
static bool padding_suffices(const struct fz_twoway *twoway)
{
	uint32_t modes = twoway->measurement.options->features.modes;
	uint32_t least = fizeau_test_padding_least(test_mode(twoway), modes, reflect_length(twoway));

	if ((modes & FIZEAU_MODE_REFLECT_OCTETS) == 0 || padding_octets(twoway) >= least)
		return true;
	fz_measurement_fail(&twoway->measurement, FZ_FAULT_LOCAL, "%u octets of padding are not enough for %u that are to come "
		"back from %s: --padding takes %u at least, or leave it out", padding_octets(twoway), reflect_length(twoway),
		twoway->measurement.setup.host, least);
	return false;
}

static int prepare(void *arg, uint32_t seq, uint8_t *buf)
{
	struct fizeau_sender *sender = arg;

	return fizeau_sender_prepare(sender, seq, buf);
}

static int finish(void *arg, uint32_t seq, uint8_t *buf, struct fizeau_stamp stamp)
{
	struct fizeau_sender *sender = arg;

	(void)seq;
	return fizeau_sender_finish(sender, buf, stamp);
}

static int reflection(void *arg, const uint8_t *octets, size_t len, struct fizeau_reflection *reflected)
{
	struct fizeau_sender *sender = arg;

	return fizeau_sender_reflection(sender, octets, len, reflected);
}

static void free_sender(void *arg)
{
	struct fizeau_sender *sender = arg;

	fizeau_sender_free(sender);
}

static int make_packets(const struct fz_twoway *twoway, const struct fizeau_test_keys *keys,
	struct fz_test_packets *maker)
{
	struct fizeau_sender_config config = {
		.mode = test_mode(twoway),
		.keys = *keys,
		.features = twoway->session.features,
		.padding_octets = padding_octets(twoway),
		.zero_padding = twoway->measurement.options->zero_padding,
	};
	struct fizeau_sender *sender = NULL;

	if (getrandom(config.padding_seed, sizeof(config.padding_seed), 0) == (ssize_t)sizeof(config.padding_seed))
		sender = fizeau_sender_new(&config);
	fizeau_wipe(&config, sizeof(config));
	if (sender == NULL)
		return FIZEAU_ERR_MEMORY;
	*maker = (struct fz_test_packets){
		.arg = sender,
		.octets = fizeau_sender_octets(sender),
		.prepare = prepare,
		.finish = finish,
		.reflection = reflection,
		.free = free_sender,
	};
	return 0;
}

size_t fz_twoway_octets_max(const struct fz_measure_options *options)
{
	static const enum fizeau_test_mode modes[] = {FIZEAU_TEST_OPEN, FIZEAU_TEST_AUTHENTICATED, FIZEAU_TEST_ENCRYPTED};
	size_t header = 0;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		size_t octets = fizeau_reflector_header_octets(modes[i], options->features.modes);

		if (octets > header)
			header = octets;
	}
	/* Without --padding an open packet is as long as its reflection, which has a header and what is to come back. */
	return header + (options->padding_given ? options->padding_octets : header + options->features.reflect_length);
}

/* Asks for the session and prepares its sender. */
static bool request(struct fz_twoway *twoway, struct fz_test *test, uint64_t start_ntp)
{
	struct fz_control *control = &twoway->measurement.setup.control;
	struct fizeau_tw_request wish = {
		.ip_version = (uint8_t)fz_addr_version(&control->peer),
		/*= rfc5357#section-3.5 TW-3.5-08 TW-3.5-10 */
		.sender_port = fz_addr_port(&test->local),
		/* Some servers take 0 for a port and not for any. */
		.receiver_port = fz_addr_port(&test->local),
		.padding_octets = padding_octets(twoway),
		/*= rfc5357#section-3.5 TW-3.5-14 */
		.start_time = start_ntp,
		.timeout = fizeau_duration_from_ns(test->config.timeout_ns),
		.dscp = test->config.dscp,
		/* An index of the session, as good as any. */
		.reflect_octets = reflect_length(twoway) > 0 ? fz_addr_port(&test->local) : 0,
		.reflect_length = reflect_length(twoway),
	};
	struct fizeau_test_keys keys = {0};
	struct fz_test_packets maker;
	struct fz_addr remote = control->peer;
	struct fizeau_event event;
	int rc;

	if (!padding_suffices(twoway))
		return false;
	rc = fizeau_control_client_request_tw(control->client, &wish, fz_clock_mono());
	if (rc < 0) {
		fz_measurement_fail(&twoway->measurement, FZ_FAULT_LOCAL, "the session cannot be asked for: %s",
			fizeau_strerror(rc));
		return false;
	}
	if (!fz_measurement_await(&twoway->measurement, "the request for a test session", FIZEAU_EVENT_SESSION_ANSWER,
		    &event))
		return false;
	if (event.session.accept != FIZEAU_ACCEPT_OK) {
		fz_measurement_explain_refusal(&twoway->measurement, "the test session", event.session.accept);
		return false;
	}
	memcpy(twoway->session.facts.sid, event.session.sid, FIZEAU_SID_OCTETS);
	twoway->session.facts.padding_octets = wish.padding_octets;
	twoway->session.features = (struct fizeau_test_features){
		.modes = twoway->measurement.setup.mode & FIZEAU_MODE_FEATURES,
		.reflect_length = wish.reflect_length,
		.server_octets = event.session.server_octets,
		.tai_utc_s = test->config.clock->tai_utc_s,
	};
	/*= rfc5357#section-3.5 TW-3.5-09 TW-3.5-23 */
	fz_addr_set_port(&remote, event.session.port);
	if (test_mode(twoway) != FIZEAU_TEST_OPEN)
		rc = fizeau_control_client_test_keys(control->client, event.session.sid, &keys);
	if (rc >= 0 && twoway->session.features.modes != 0) {
		test->seen = calloc(1, sizeof(*test->seen));
		rc = test->seen != NULL ? 0 : FIZEAU_ERR_MEMORY;
	}
	if (rc >= 0)
		rc = make_packets(twoway, &keys, &maker);
	if (rc >= 0)
		rc = fz_test_accept(test, &maker, event.session.sid, &remote);
	fizeau_wipe(&keys, sizeof(keys));
	if (rc < 0)
		fz_measurement_fail(&twoway->measurement, FZ_FAULT_LOCAL, "the test packets cannot be made: %s",
			fizeau_strerror(rc));
	return rc >= 0;
}

/* The only session of its connection. */
static bool start(struct fz_twoway *twoway)
{
	struct fizeau_sid sid = fz_twoway_sid(twoway);

	return fz_measurement_start(&twoway->measurement, fz_twoway_individual(twoway) ? &sid : NULL);
}

bool fz_twoway_set_up(struct fz_twoway *twoway, const struct fz_phase *phase)
{
	struct fz_measurement *measurement = &twoway->measurement;
	/* Only the time is wanted, and the command's clock is another thread's. */
	struct fz_clock clock = {0};
	struct fizeau_mono now;
	uint64_t now_ntp;

	if (!fz_measurement_connect(measurement) ||
		!fz_twoway_open(twoway, fizeau_reflector_header_octets(test_mode(twoway), measurement->setup.mode) +
				padding_octets(twoway)))
		return false;
	now = fz_clock_mono();
	now_ntp = fz_clock_wall(&clock).ntp;
	twoway->begin = fz_phase_next(phase,
		(struct fizeau_mono){now.ns + LEAD_NS + 3 * measurement->setup.control.connect_ns});
	twoway->unix_less_mono_ns = fizeau_ntp_to_unix_ns(now_ntp, now_ntp) - now.ns;
	if (!request(twoway, &twoway->test, fizeau_ntp_add_ns(now_ntp, twoway->begin.ns - now.ns)) ||
		!start(twoway))
		return false;
	fz_explain(measurement->options->verbose,
		"session with %s accepted, reflector at port %u, %u packets of %zu octets", measurement->setup.host,
		fz_addr_port(&twoway->test.remote), twoway->test.config.count,
		twoway->test.maker.octets);
	fz_control_detach(&measurement->setup.control);
	return true;
}

int fz_cmd_twoway(int argc, char **argv)
{
	return fz_command_run(FZ_TWOWAY, argc, argv, fz_targets_measure);
}
