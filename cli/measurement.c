/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <fizeau/sender.h>
#include "io/ipsec.h"
#include "io/route.h"
#include "measurement.h"

/*= rfc5357#section-3.1 TW-3.1-01 */
#define TWAMP_PORT 862
/*= rfc4656#section-3.1 OW-3.1-01 */
#define OWAMP_PORT 861
#define ADDRESSES_MAX 16
#define BATCH 64
#define RECEIVE_BUFFER (4 << 20)

static void on_signal(void *arg, int signo)
{
	struct fz_measurement *measurement = arg;

	(void)signo;
	measurement->interrupts++;
}

static int local_fault(const char *text)
{
	fz_complain("%s", text);
	return FZ_EXIT_USAGE;
}

/* Asked before anything is sent: a measurement that takes another way than the one asked for is a wrong one. */
static bool may_bypass(const struct fz_measure_options *options)
{
	int error = options->bypass_mark != 0 ? fz_ipsec_bypass_possible(options->bypass_mark) : 0;

	if (error != 0)
		fz_complain("--bypass-ipsec: this host does not allow it: %s%s", fizeau_strerror(error),
			error == -EPERM ? ": it takes root or CAP_NET_ADMIN" : "");
	return error == 0;
}

/* Everything on this host that could be wrong is found before the first packet. */
static int prepare(struct fz_measurement *measurement)
{
	struct fz_measure_options *options = &measurement->options;
	uint8_t key_id[FIZEAU_KEYID_OCTETS];
	char error[FZ_ERROR_TEXT];
	size_t octets;

	if (options->keys_file != NULL) {
		measurement->passphrases = fz_passphrases_load(options->keys_file, error, sizeof(error));
		if (measurement->passphrases == NULL)
			return local_fault(error);
		if (!fz_key_id_from_text(options->key_id, key_id) ||
			fz_passphrases_find(measurement->passphrases, key_id, &octets) == NULL) {
			fz_complain("%s has no passphrase for KeyID %s", options->keys_file, options->key_id);
			return FZ_EXIT_USAGE;
		}
	}
	if (options->ike_static != NULL) {
		measurement->table = fz_ike_static_load(options->ike_static, error, sizeof(error));
		if (measurement->table == NULL)
			return local_fault(error);
	}
	if (options->records != NULL) {
		measurement->records = fopen(options->records, "we");
		if (measurement->records == NULL) {
			fz_complain("%s cannot be written: %s", options->records, strerror(errno));
			return FZ_EXIT_USAGE;
		}
	}
	if (!may_bypass(options))
		return FZ_EXIT_USAGE;
	if (fz_clock_open(&measurement->clock, &options->clock) < 0)
		return local_fault("no memory");
	measurement->clock.keen = true;
	if (fz_loop_new(&measurement->loop) < 0 ||
		fz_loop_signal(measurement->loop, SIGINT, on_signal, measurement) < 0 ||
		fz_loop_signal(measurement->loop, SIGTERM, on_signal, measurement) < 0)
		return local_fault("no event loop could be made: the system is out of descriptors or memory");
	if (fz_clock_watch(&measurement->clock, measurement->loop) < 0)
		return local_fault("no memory");
	/* Schedules are kept to the microsecond: timers must not be coalesced. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	return FZ_EXIT_MEASURED;
}

static int resolve(const struct fz_measure_options *options, struct fz_addr addrs[static ADDRESSES_MAX])
{
	uint16_t usual = options->protocol == FIZEAU_OWAMP ? OWAMP_PORT : TWAMP_PORT;
	uint16_t port = options->port != 0 ? options->port : usual;
	int family = options->source_given ? options->source.sa.sa_family : options->family;
	int n = fz_addr_resolve(options->host, port, family, addrs, ADDRESSES_MAX);

	if (n < 0)
		fz_complain("host %s cannot be resolved: %s", options->host, gai_strerror(n));
	else if (n == 0)
		fz_complain("host %s has no address of that family", options->host);
	return n;
}

/* The first address that takes the connection. */
static bool connect_any(struct fz_measurement *measurement, const struct fz_addr *addrs, int count)
{
	struct fz_setup *setup = &measurement->setup;

	for (int i = 0; i < count; i++) {
		enum fz_setup_outcome outcome;

		*setup = (struct fz_setup){
			.options = &measurement->options,
			.sa_source = {measurement->loop, &measurement->interrupts, measurement->options.ike_socket,
				measurement->table},
			.passphrases = measurement->passphrases,
		};
		outcome = fz_setup_run(setup, &addrs[i]);
		if (outcome == FZ_SETUP_CONNECTED)
			return true;
		fz_control_close(&setup->control);
		if (outcome == FZ_SETUP_UNREACHABLE && i + 1 < count) {
			fz_explain(measurement->options.verbose, "%s: trying the next address", setup->error);
			continue;
		}
		if (setup->error[0] != '\0')
			fz_complain("%s", setup->error);
		return false;
	}
	return false;
}

bool fz_measurement_await(struct fz_measurement *measurement, const char *under_way, enum fizeau_event_type wanted,
	struct fizeau_event *event)
{
	char error[FZ_ERROR_TEXT];
	int rc = fz_control_wait(&measurement->setup.control, event);

	measurement->lost = rc < 0 || event->type == FIZEAU_EVENT_CLOSED;
	if (rc == -EINTR)
		return false;
	if (rc < 0) {
		fz_complain("server %s: the control connection broke during %s: %s", measurement->setup.host,
			under_way, fizeau_strerror(rc));
		return false;
	}
	if (event->type == wanted)
		return true;
	if (event->type == FIZEAU_EVENT_CLOSED)
		fz_setup_explain_closed(&measurement->setup, under_way, event, error, sizeof(error));
	else
		snprintf(error, sizeof(error), "an event that has no place here: this is a bug of fizeau");
	fz_complain("%s", error);
	return false;
}

/* A mark only helps where a rule knows it. */
static void say_way_around(const struct fz_measurement *measurement)
{
	const struct fz_measure_options *options = &measurement->options;
	const struct fz_control *control = &measurement->setup.control;
	struct fz_route route;

	if (options->bypass_mark == 0)
		return;
	fz_explain(options->verbose, "test packets go around IPsec, with mark 0x%x", (unsigned)options->bypass_mark);
	if (fz_route_ask(&control->peer, &control->local, options->bypass_mark, &route) == 0 && route.tunnel)
		fz_complain("--bypass-ipsec: test packets leave by the tunnel %s all the same: no ip rule leads those with mark "
			"0x%x around it", route.interface, (unsigned)options->bypass_mark);
}

bool fz_measurement_start(struct fz_measurement *measurement)
{
	struct fizeau_event event;
	int rc = fizeau_control_client_start(measurement->setup.control.client, fz_clock_mono());

	if (rc < 0) {
		fz_complain("the session cannot be started: %s", fizeau_strerror(rc));
		return false;
	}
	if (!fz_measurement_await(measurement, "the start of the test", FIZEAU_EVENT_START_ACK, &event))
		return false;
	say_way_around(measurement);
	return true;
}

void fz_measurement_explain_refusal(const struct fz_measurement *measurement, const char *what, uint8_t accept)
{
	const char *remedy = "its log may tell why";

	if (accept == FIZEAU_ACCEPT_PERMANENT_LIMIT && measurement->options.protocol == FIZEAU_TWAMP)
		remedy = "ask for less padding, or see its limits";
	else if (accept == FIZEAU_ACCEPT_PERMANENT_LIMIT)
		remedy = "ask for fewer packets, longer intervals or less padding, or see its limits";
	else if (accept == FIZEAU_ACCEPT_TEMPORARY_LIMIT)
		remedy = "it is busy, try again later";
	else if (accept == FIZEAU_ACCEPT_UNSUPPORTED)
		remedy = "it lacks something that was asked for, perhaps --dscp";
	fz_complain("server %s refused %s (Accept %u, %s): %s", measurement->setup.host, what, accept,
		fizeau_accept_text(accept), remedy);
}

static int open_port(const struct fz_measurement *measurement, size_t packet_octets, uint16_t port,
	struct fz_udp **udp)
{
	struct fz_udp_options options = {
		.batch = BATCH,
		.packet_octets = (uint32_t)(packet_octets < FIZEAU_TEST_PACKET_MAX ? packet_octets
										   : FIZEAU_TEST_PACKET_MAX),
		.receive_buffer = RECEIVE_BUFFER,
		.bypass_mark = measurement->options.bypass_mark,
	};
	struct fz_addr bound = measurement->setup.control.local;

	fz_addr_set_port(&bound, port);
	/*= rfc4656#section-4 OW-4-01 */
	return fz_udp_open(&bound, &options, udp);
}

struct fz_udp *fz_measurement_udp(struct fz_measurement *measurement, size_t packet_octets)
{
	uint16_t low = measurement->options.port_low, high = measurement->options.port_high;
	uint32_t range = (uint32_t)(high - low) + 1, first = 0;
	struct fz_udp *udp = NULL;
	int rc = -EADDRINUSE;

	/* Not always the same port first: two commands at once would fight for it. */
	if (low != 0 && getrandom(&first, sizeof(first), 0) != (ssize_t)sizeof(first))
		first = 0;
	for (uint32_t i = 0; i < range && rc == -EADDRINUSE; i++)
		rc = open_port(measurement, packet_octets, low == 0 ? 0 : (uint16_t)(low + (first % range + i) % range),
			&udp);
	if (rc == -EADDRINUSE && low != 0)
		fz_complain("every UDP port from %u to %u is taken: give more with --ports", low, high);
	else if (rc < 0)
		fz_complain("no UDP socket: %s", fizeau_strerror(rc));
	return rc < 0 ? NULL : udp;
}

int64_t fz_schedule_duration_ns(const struct fz_measure_options *options)
{
	uint64_t cycle = 0, cycles = options->count / options->slot_count;

	for (size_t i = 0; i < options->slot_count; i++)
		cycle += (uint64_t)options->slots[i].ns;
	if (cycle != 0 && cycles > (uint64_t)INT64_MAX / 2 / cycle)
		return INT64_MAX / 2;
	return (int64_t)(cycles * cycle);
}

void fz_measurement_facts(const struct fz_measurement *measurement, struct fz_session_facts *facts)
{
	const struct fz_measure_options *options = &measurement->options;

	facts->local = measurement->setup.control.local;
	facts->remote = measurement->setup.control.peer;
	facts->dscp = options->dscp;
	facts->bypass_mark = options->bypass_mark;
	facts->schedule = options->schedule;
	facts->slots = options->slots;
	facts->slot_count = options->slot_count;
	facts->wanted = options->count;
	facts->timeout_ns = options->timeout_ns;
}

bool fz_measurement_print(const struct fz_measurement *measurement, struct fz_result *result)
{
	const struct fz_measure_options *options = &measurement->options;
	const struct fz_setup *setup = &measurement->setup;
	bool good;

	result->protocol = fz_protocol_name(options->protocol);
	result->mode = setup->mode & FIZEAU_MODE_SECURITY;
	result->key = setup->key;
	result->server = setup->control.peer;
	result->client = setup->control.local;
	good = options->json ? fz_out_json(result, stdout) : fz_out_text(result, options->quiet, stdout);
	if (!good)
		fz_complain("the result cannot be written: %s", strerror(errno));
	return good;
}

bool fz_measurement_records_written(const struct fz_measurement *measurement, bool written)
{
	if (!written)
		fz_complain("%s cannot be written: %s", measurement->options.records, strerror(errno));
	return written;
}

static void clean_up(struct fz_measurement *measurement)
{
	fz_passphrases_free(measurement->passphrases);
	fz_ike_static_free(measurement->table);
	if (measurement->records != NULL)
		fclose(measurement->records);
	fz_clock_close(&measurement->clock);
	fz_loop_free(measurement->loop);
}

static int run(struct fz_measurement *measurement, fz_measure_fn *measure)
{
	struct fz_addr addrs[ADDRESSES_MAX];
	int status = prepare(measurement), count;

	if (status != FZ_EXIT_MEASURED)
		return status;
	count = resolve(&measurement->options, addrs);
	if (count <= 0 || !connect_any(measurement, addrs, count))
		return FZ_EXIT_REFUSED;
	status = measure(measurement);
	fz_control_close(&measurement->setup.control);
	return status;
}

int fz_measurement_run(enum fz_measure_command command, int argc, char **argv, fz_measure_fn *measure)
{
	struct fz_measurement *measurement = calloc(1, sizeof(*measurement));
	char error[FZ_ERROR_TEXT];
	int status = FZ_EXIT_USAGE;

	if (measurement == NULL)
		return local_fault("no memory");
	if (!fz_options_measure(command, argc, argv, &measurement->options, error)) {
		fz_complain("%s", error);
	} else if (measurement->options.help) {
		fz_options_help(command, stdout);
		status = FZ_EXIT_MEASURED;
	} else {
		status = run(measurement, measure);
		clean_up(measurement);
	}
	fizeau_wipe(measurement, sizeof(*measurement));
	free(measurement);
	return status;
}
