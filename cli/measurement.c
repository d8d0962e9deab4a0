/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
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
#define SPIN_AHEAD_NS 5000000 /* a sleep that is longer than it should be is seldom so by more */
#define BUSY_POLL_US 50       /* of a card that can be polled, per read */

static void on_signal(void *arg, int signo)
{
	struct fz_command *command = arg;

	(void)signo;
	command->interrupts++;
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

/* All servers of a command that takes several: operands first. */
static bool load_targets(struct fz_command *command)
{
	const struct fz_measure_options *options = &command->options;
	const char *path = options->targets_file;
	bool is_stdin = path != NULL && strcmp(path, "-") == 0, good = true;
	char error[FZ_ERROR_TEXT];
	FILE *in;

	for (size_t i = 0; i < options->host_count && good; i++)
		good = fz_target_list_add(&command->targets, options->hosts[i], error);
	if (good && path != NULL) {
		in = is_stdin ? stdin : fopen(path, "re");
		if (in == NULL) {
			fz_complain("%s cannot be read: %s", path, strerror(errno));
			return false;
		}
		good = fz_target_list_read(&command->targets, in, is_stdin ? "stdin" : path, error);
		if (!is_stdin)
			fclose(in);
	}
	if (!good)
		fz_complain("%s", error);
	else if (command->targets.count == 0)
		fz_complain("%s names no target: a line has one HOST[:PORT]", is_stdin ? "stdin" : path);
	return good && command->targets.count > 0;
}

/* Everything on this host that could be wrong is found before the first packet. */
static int prepare(struct fz_command *command)
{
	struct fz_measure_options *options = &command->options;
	uint8_t key_id[FIZEAU_KEYID_OCTETS];
	char error[FZ_ERROR_TEXT];
	size_t octets;

	/* Before signals are the loop's: the targets may be typed in. */
	if (fz_takes_targets(options->command) && !load_targets(command))
		return FZ_EXIT_USAGE;
	if (options->keys_file != NULL) {
		command->passphrases = fz_passphrases_load(options->keys_file, error, sizeof(error));
		if (command->passphrases == NULL)
			return local_fault(error);
		if (!fz_key_id_from_text(options->key_id, key_id) ||
			fz_passphrases_find(command->passphrases, key_id, &octets) == NULL) {
			fz_complain("%s has no passphrase for KeyID %s", options->keys_file, options->key_id);
			return FZ_EXIT_USAGE;
		}
	}
	if (options->ike_static != NULL) {
		command->table = fz_ike_static_load(options->ike_static, error, sizeof(error));
		if (command->table == NULL)
			return local_fault(error);
	}
	if (options->records != NULL) {
		command->records = fopen(options->records, "we");
		if (command->records == NULL) {
			fz_complain("%s cannot be written: %s", options->records, strerror(errno));
			return FZ_EXIT_USAGE;
		}
	}
	if (!may_bypass(options))
		return FZ_EXIT_USAGE;
	if (fz_clock_open(&command->clock, &options->clock) < 0)
		return local_fault("no memory");
	command->clock.keen = true;
	if (fz_loop_new(&command->loop) < 0 ||
		fz_loop_signal(command->loop, SIGINT, on_signal, command) < 0 ||
		fz_loop_signal(command->loop, SIGTERM, on_signal, command) < 0)
		return local_fault("no event loop could be made: the system is out of descriptors or memory");
	if (fz_clock_watch(&command->clock, command->loop) < 0)
		return local_fault("no memory");
	if (options->busy_poll)
		fz_loop_spin(command->loop, SPIN_AHEAD_NS);
	/* Schedules are kept to the microsecond: timers must not be coalesced. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	return FZ_EXIT_MEASURED;
}

void fz_measurement_fail(const struct fz_measurement *measurement, enum fz_fault_reason reason, const char *format, ...)
{
	char text[FZ_ERROR_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (measurement->fault == NULL) {
		fz_complain("%s", text);
		return;
	}
	measurement->fault->reason = reason;
	snprintf(measurement->fault->text, sizeof(measurement->fault->text), "%s", text);
}

static int resolve(const struct fz_measurement *measurement, struct fz_addr addrs[static ADDRESSES_MAX])
{
	const struct fz_measure_options *options = measurement->options;
	uint16_t usual = options->protocol == FIZEAU_OWAMP ? OWAMP_PORT : TWAMP_PORT;
	uint16_t port = measurement->port != 0 ? measurement->port : usual;
	int family = options->source_given ? options->source.sa.sa_family : options->family;
	int n = fz_addr_resolve(measurement->host, port, family, addrs, ADDRESSES_MAX);

	if (n < 0)
		fz_measurement_fail(measurement, FZ_FAULT_UNRESOLVED, "host %s cannot be resolved: %s",
			measurement->host, gai_strerror(n));
	else if (n == 0)
		fz_measurement_fail(measurement, FZ_FAULT_UNRESOLVED, "host %s has no address of that family",
			measurement->host);
	return n;
}

static void init_setup(struct fz_measurement *measurement)
{
	measurement->setup = (struct fz_setup){
		.options = measurement->options,
		.sa_source = {measurement->loop, measurement->interrupts, measurement->options->ike_socket,
			measurement->table, measurement->table_lock},
		.passphrases = measurement->passphrases,
		.computing = measurement->computing,
	};
}

/* The first address that takes the connection. */
static bool connect_any(struct fz_measurement *measurement, const struct fz_addr *addrs, int count)
{
	struct fz_setup *setup = &measurement->setup;

	for (int i = 0; i < count; i++) {
		enum fz_setup_outcome outcome;

		init_setup(measurement);
		outcome = fz_setup_run(setup, &addrs[i]);
		if (outcome == FZ_SETUP_CONNECTED)
			return true;
		fz_control_close(&setup->control);
		if (outcome == FZ_SETUP_UNREACHABLE && i + 1 < count) {
			fz_explain(measurement->options->verbose, "%s: trying the next address", setup->error);
			continue;
		}
		if (setup->error[0] != '\0')
			fz_measurement_fail(measurement, setup->reason, "%s", setup->error);
		return false;
	}
	return false;
}

bool fz_measurement_connect(struct fz_measurement *measurement)
{
	struct fz_addr addrs[ADDRESSES_MAX];
	int count = resolve(measurement, addrs);

	/* A resolver cannot be interrupted; who asked for an end meanwhile does not want a connection. */
	return count > 0 && *measurement->interrupts == 0 && connect_any(measurement, addrs, count);
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
		fz_measurement_fail(measurement, FZ_FAULT_CONNECTION, "server %s: the control connection broke during "
			"%s: %s", measurement->setup.host, under_way, fizeau_strerror(rc));
		return false;
	}
	if (event->type == wanted)
		return true;
	if (event->type == FIZEAU_EVENT_CLOSED)
		fz_setup_explain_closed(&measurement->setup, under_way, event, error, sizeof(error));
	else
		snprintf(error, sizeof(error), "an event that has no place here: this is a bug of fizeau");
	fz_measurement_fail(measurement, fz_setup_closed_reason(event), "%s", error);
	return false;
}

/* A mark only helps where a rule knows it. */
static void say_way_around(const struct fz_measurement *measurement)
{
	const struct fz_measure_options *options = measurement->options;
	const struct fz_control *control = &measurement->setup.control;
	struct fz_route route;

	if (options->bypass_mark == 0)
		return;
	fz_explain(options->verbose, "test packets go around IPsec, with mark 0x%x", (unsigned)options->bypass_mark);
	if (fz_route_ask(&control->peer, &control->local, options->bypass_mark, &route) == 0 && route.tunnel)
		fz_complain("--bypass-ipsec: test packets leave by the tunnel %s all the same: no ip rule leads those with mark "
			"0x%x around it", route.interface, (unsigned)options->bypass_mark);
}

/* Where packets to peer leave from; false after a complaint. */
static bool find_source(struct fz_measurement *measurement, const struct fz_addr *peer, struct fz_addr *local)
{
	const struct fz_measure_options *options = measurement->options;
	int rc;

	if (options->source_given) {
		*local = options->source;
		return true;
	}
	rc = fz_route_source(peer, options->bypass_mark, local);
	if (rc < 0)
		fz_measurement_fail(measurement, FZ_FAULT_UNREACHABLE, "no way to %s: %s: see the routes of this host",
			measurement->setup.host, fizeau_strerror(rc));
	return rc >= 0;
}

bool fz_measurement_find(struct fz_measurement *measurement)
{
	struct fz_control *control = &measurement->setup.control;
	struct fz_addr addrs[ADDRESSES_MAX];
	int count = resolve(measurement, addrs);

	init_setup(measurement);
	for (int i = 0; i < count && *measurement->interrupts == 0; i++) {
		control->peer = addrs[i];
		fz_addr_host_text(&addrs[i], measurement->setup.host);
		if (find_source(measurement, &addrs[i], &control->local)) {
			say_way_around(measurement);
			return true;
		}
	}
	return false;
}

/*= rfc5938#section-2 IS-2-01 IS-2-02 */
/*= rfc5938#section-4.1 IS-4.1-01 */
bool fz_measurement_start(struct fz_measurement *measurement, const struct fizeau_sid *sid)
{
	struct fizeau_control_client *client = measurement->setup.control.client;
	struct fizeau_event event;
	int rc = sid != NULL ? fizeau_control_client_start_n(client, sid, 1, fz_clock_mono())
	                     : fizeau_control_client_start(client, fz_clock_mono());

	if (rc < 0) {
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "the session cannot be started: %s",
			fizeau_strerror(rc));
		return false;
	}
	if (!fz_measurement_await(measurement, "the start of the test",
		    sid != NULL ? FIZEAU_EVENT_START_N_ACK : FIZEAU_EVENT_START_ACK, &event))
		return false;
	if (sid != NULL && event.n_ack.accept != FIZEAU_ACCEPT_OK) {
		fz_measurement_explain_refusal(measurement, "to start the test session", event.n_ack.accept);
		return false;
	}
	say_way_around(measurement);
	return true;
}

void fz_measurement_explain_refusal(const struct fz_measurement *measurement, const char *what, uint8_t accept)
{
	const char *remedy = "its log may tell why";

	if (accept == FIZEAU_ACCEPT_PERMANENT_LIMIT && measurement->options->protocol == FIZEAU_TWAMP)
		remedy = "ask for less padding, or see its limits";
	else if (accept == FIZEAU_ACCEPT_PERMANENT_LIMIT)
		remedy = "ask for fewer packets, longer intervals or less padding, or see its limits";
	else if (accept == FIZEAU_ACCEPT_TEMPORARY_LIMIT)
		remedy = "it is busy, try again later";
	else if (accept == FIZEAU_ACCEPT_UNSUPPORTED)
		remedy = "it lacks something that was asked for, perhaps --dscp";
	fz_measurement_fail(measurement, FZ_FAULT_REFUSED, "server %s refused %s (Accept %u, %s): %s",
		measurement->setup.host, what, accept, fizeau_accept_text(accept), remedy);
}

/* Mean rate of the packets that come to a socket of ours, rounded up. */
static uint64_t rate_pps(const struct fz_measure_options *options)
{
	uint64_t cycle_ns = 0;

	for (size_t i = 0; i < options->slot_count; i++)
		cycle_ns += (uint64_t)options->slots[i].ns;
	/* What is due at once comes back at once. */
	if (cycle_ns == 0)
		return (uint64_t)options->count * 20;
	return 1000000000u * (uint64_t)options->slot_count / cycle_ns + 1;
}

/* Room for what comes while this process is held up. */
static void size_buffer(const struct fz_measurement *measurement, struct fz_udp *udp, size_t packet_octets)
{
	int needed = fz_udp_receive_buffer_for(rate_pps(measurement->options), packet_octets);

	if (!fz_udp_receive_buffer(udp, needed))
		fz_explain(measurement->options->verbose, "the receive buffer is smaller than the %d octets that ride out 50 ms "
			"at this rate: packets may be dropped here (they are told as local). Remedy: sysctl "
			"net.core.rmem_max=%d, or CAP_NET_ADMIN", needed, needed);
}

static int open_port(const struct fz_measurement *measurement, size_t packet_octets, uint16_t port,
	struct fz_udp **udp)
{
	struct fz_udp_options options = {
		.shared = measurement->udp_batch,
		.batch = BATCH,
		.packet_octets = (uint32_t)(packet_octets < FIZEAU_TEST_PACKET_MAX ? packet_octets
										   : FIZEAU_TEST_PACKET_MAX),
		.receive_buffer = RECEIVE_BUFFER,
		.sent_stamps = true,
		.icmp_news = measurement->options->command == FZ_STAMP,
		.busy_poll_us = measurement->options->busy_poll ? BUSY_POLL_US : 0,
		.bypass_mark = measurement->options->bypass_mark,
	};
	struct fz_addr bound = measurement->setup.control.local;

	fz_addr_set_port(&bound, port);
	/*= rfc4656#section-4 OW-4-01 */
	return fz_udp_open(&bound, &options, udp);
}

struct fz_udp *fz_measurement_udp(struct fz_measurement *measurement, size_t packet_octets)
{
	uint16_t low = measurement->options->port_low, high = measurement->options->port_high;
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
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "every UDP port from %u to %u is taken: give more with --ports", low, high);
	else if (rc < 0)
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "no UDP socket: %s", fizeau_strerror(rc));
	if (rc >= 0)
		size_buffer(measurement, udp, packet_octets);
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
	const struct fz_measure_options *options = measurement->options;

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

void fz_measurement_result(const struct fz_measurement *measurement, struct fz_result *result)
{
	const struct fz_setup *setup = &measurement->setup;

	result->protocol = fz_options_protocol(measurement->options);
	result->mode = setup->mode & FIZEAU_MODE_SECURITY;
	result->features = measurement->options->protocol == FIZEAU_TWAMP ? setup->mode & FIZEAU_MODE_FEATURES : 0;
	result->key = setup->key;
	result->server = setup->control.peer;
	result->client = setup->control.local;
}

bool fz_measurement_print(const struct fz_measurement *measurement, struct fz_result *result)
{
	const struct fz_measure_options *options = measurement->options;
	bool good;

	fz_measurement_result(measurement, result);
	good = options->json ? fz_out_json(result, stdout) : fz_out_text(result, options->quiet, stdout);
	if (!good)
		fz_complain("the result cannot be written: %s", strerror(errno));
	return good;
}

bool fz_measurement_records_written(const struct fz_measurement *measurement, bool written)
{
	if (!written)
		fz_complain("%s cannot be written: %s", measurement->options->records, strerror(errno));
	return written;
}

static void clean_up(struct fz_command *command)
{
	fz_target_list_free(&command->targets);
	fz_passphrases_free(command->passphrases);
	fz_ike_static_free(command->table);
	if (command->records != NULL)
		fclose(command->records);
	fz_clock_close(&command->clock);
	fz_loop_free(command->loop);
	pthread_mutex_destroy(&command->table_lock);
}

static int run(struct fz_command *command, fz_command_measure_fn *measure)
{
	int status = prepare(command);

	return status == FZ_EXIT_MEASURED ? measure(command) : status;
}

int fz_command_run(enum fz_measure_command which, int argc, char **argv, fz_command_measure_fn *measure)
{
	struct fz_command *command = calloc(1, sizeof(*command));
	char error[FZ_ERROR_TEXT];
	int status = FZ_EXIT_USAGE;

	if (command == NULL)
		return local_fault("no memory");
	if (!fz_options_measure(which, argc, argv, &command->options, error)) {
		fz_complain("%s", error);
	} else if (command->options.help) {
		fz_options_help(which, stdout);
		status = FZ_EXIT_MEASURED;
	} else {
		pthread_mutex_init(&command->table_lock, NULL);
		status = run(command, measure);
		clean_up(command);
	}
	fizeau_wipe(command, sizeof(*command));
	free(command);
	return status;
}

void fz_measurement_init(struct fz_measurement *measurement, struct fz_command *command)
{
	*measurement = (struct fz_measurement){
		.options = &command->options,
		.host = command->options.host,
		.port = command->options.port,
		.loop = command->loop,
		.clock = &command->clock,
		.interrupts = &command->interrupts,
		.passphrases = command->passphrases,
		.table = command->table,
		.table_lock = &command->table_lock,
		.records = command->records,
		.sessions = command->targets.count > 0 ? (uint32_t)command->targets.count : 1,
		.setup.control.fd = -1,
	};
}

int fz_command_one(struct fz_command *command, fz_measure_fn *measure)
{
	struct fz_measurement *measurement = calloc(1, sizeof(*measurement));
	int status = FZ_EXIT_REFUSED;

	if (measurement == NULL)
		return local_fault("no memory");
	fz_measurement_init(measurement, command);
	if (fz_measurement_connect(measurement))
		status = measure(measurement);
	fz_control_close(&measurement->setup.control);
	fizeau_wipe(measurement, sizeof(*measurement));
	free(measurement);
	return status;
}
