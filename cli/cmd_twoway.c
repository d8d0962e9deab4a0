/* SPDX-License-Identifier: MIT */
/* fizeau twoway: one TWAMP test session with a server. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include "cli.h"
#include "io/ipsec.h"
#include "options.h"
#include "progress.h"
#include "records.h"
#include "setup.h"
#include "twoway_test.h"

/*= rfc5357#section-3.1 TW-3.1-01 */
#define TWAMP_PORT 862
#define ADDRESSES_MAX 16
#define LATE_NS 1000000     /* a departure later than this behind its schedule is counted */
#define LEAD_NS 100000000   /* from the request to the start, beside the round trips in between */
#define DRAIN_NS 1000000000

static const char help[] =
	"usage: fizeau twoway [OPTIONS] HOST[:PORT]\n"
	"Measures both directions to a TWAMP server (RFC 5357), port 862.\n"
	"\n"
	"  -c, --count N            test packets to send (100)\n"
	"  -i, --interval SCHEDULE  100ms periodic, exp:100ms Poisson, exp:1s,0s a list of slots (exp:100ms)\n"
	"  -s, --padding N          octets of Packet Padding (27 with open test packets, else 0)\n"
	"  -w, --timeout T          a packet later than this is lost (2s)\n"
	"  -m, --mode LIST          acceptable modes, best first: encrypted, authenticated, mixed, open\n"
	"                           (with a key authenticated, without open)\n"
	"      --ike MODE           key from an IKE SA: auto, require, initiate, off (auto)\n"
	"      --ike-socket PATH    the key service (/run/charon.ippm)\n"
	"      --ike-static FILE    lab and test only: IKE SAs from a file\n"
	"      --ike-key READING    direct or pbkdf2: how RFC 7717 makes the Token key (direct)\n"
	"  -k, --keyid ID           with --keys: measure with the passphrase of ID\n"
	"      --keys FILE          passphrases, KEYID PASSPHRASE a line\n"
	"      --pbkdf2-max N       largest number of PBKDF2 rounds done for a server (32768)\n"
	"      --dscp D             of the test packets: name (ef, af41, cs1) or number (0)\n"
	"  -4, -6                   only IPv4, only IPv6\n"
	"  -I, --source ADDR        source address\n"
	"  -p, --ports A-B          local UDP ports\n"
	"      --bypass-ipsec[=M]   keep test packets out of IPsec tunnels, with firewall mark M (0x42)\n"
	"      --zero-padding       padding of zeros instead of pseudo-random octets\n"
	"  -j, --json               one JSON document on stdout, fizeau-result(5)\n"
	"      --records FILE       every packet, as JSON lines\n"
	"  -q, --quiet              one line\n"
	"  -v, --verbose            tell the steps\n"
	"      --help               this\n"
	"\n"
	"Times take ns us ms s m h. Exit status: 0 measured; 1 refused, unreachable, not authenticated, every packet\n"
	"lost or cut short by the network; 2 wrong usage or local configuration.\n";

struct twoway {
	struct fz_measure_options options;
	struct fz_loop *loop;
	unsigned interrupts;
	struct fz_passphrases *passphrases;
	struct fz_ike_static *table;
	FILE *records;
	struct fz_setup setup;
	struct fz_test test;
	struct fz_result_session session;
};

static void on_signal(void *arg, int signo)
{
	struct twoway *twoway = arg;

	(void)signo;
	twoway->interrupts++;
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
static int prepare(struct twoway *twoway)
{
	struct fz_measure_options *options = &twoway->options;
	uint8_t key_id[FIZEAU_KEYID_OCTETS];
	char error[FZ_ERROR_TEXT];
	size_t octets;

	if (options->keys_file != NULL) {
		twoway->passphrases = fz_passphrases_load(options->keys_file, error, sizeof(error));
		if (twoway->passphrases == NULL)
			return local_fault(error);
		if (!fz_key_id_from_text(options->key_id, key_id) ||
			fz_passphrases_find(twoway->passphrases, key_id, &octets) == NULL) {
			fz_complain("%s has no passphrase for KeyID %s", options->keys_file, options->key_id);
			return FZ_EXIT_USAGE;
		}
	}
	if (options->ike_static != NULL) {
		twoway->table = fz_ike_static_load(options->ike_static, error, sizeof(error));
		if (twoway->table == NULL)
			return local_fault(error);
	}
	if (options->records != NULL) {
		twoway->records = fopen(options->records, "we");
		if (twoway->records == NULL) {
			fz_complain("%s cannot be written: %s", options->records, strerror(errno));
			return FZ_EXIT_USAGE;
		}
	}
	if (!may_bypass(options))
		return FZ_EXIT_USAGE;
	if (fz_loop_new(&twoway->loop) < 0 || fz_loop_signal(twoway->loop, SIGINT, on_signal, twoway) < 0 ||
		fz_loop_signal(twoway->loop, SIGTERM, on_signal, twoway) < 0)
		return local_fault("no event loop could be made: the system is out of descriptors or memory");
	/* Schedules are kept to the microsecond: timers must not be coalesced. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	return FZ_EXIT_MEASURED;
}

static int resolve(const struct fz_measure_options *options, struct fz_addr addrs[static ADDRESSES_MAX])
{
	uint16_t port = options->port != 0 ? options->port : TWAMP_PORT;
	int family = options->source_given ? options->source.sa.sa_family : options->family;
	int n = fz_addr_resolve(options->host, port, family, addrs, ADDRESSES_MAX);

	if (n < 0)
		fz_complain("host %s cannot be resolved: %s", options->host, gai_strerror(n));
	else if (n == 0)
		fz_complain("host %s has no address of that family", options->host);
	return n;
}

/* The first address that takes the connection. */
static bool connect_any(struct twoway *twoway, const struct fz_addr *addrs, int count)
{
	struct fz_setup *setup = &twoway->setup;

	for (int i = 0; i < count; i++) {
		enum fz_setup_outcome outcome;

		*setup = (struct fz_setup){
			.options = &twoway->options,
			.sa_source = {twoway->loop, &twoway->interrupts, twoway->options.ike_socket, twoway->table},
			.passphrases = twoway->passphrases,
		};
		outcome = fz_setup_run(setup, &addrs[i]);
		if (outcome == FZ_SETUP_CONNECTED)
			return true;
		fz_control_close(&setup->control);
		if (outcome == FZ_SETUP_UNREACHABLE && i + 1 < count) {
			fz_explain(twoway->options.verbose, "%s: trying the next address", setup->error);
			continue;
		}
		if (setup->error[0] != '\0')
			fz_complain("%s", setup->error);
		return false;
	}
	return false;
}

/* Waits for the answer to a command; false after a complaint, or silently when interrupted. */
static bool await(struct twoway *twoway, const char *under_way, enum fizeau_event_type wanted,
	struct fizeau_event *event)
{
	char error[FZ_ERROR_TEXT];
	int rc = fz_control_wait(&twoway->setup.control, event);

	if (rc == -EINTR)
		return false;
	if (rc < 0) {
		fz_complain("server %s: the control connection broke during %s: %s", twoway->setup.host, under_way,
			fizeau_strerror(rc));
		return false;
	}
	if (event->type == wanted)
		return true;
	if (event->type == FIZEAU_EVENT_CLOSED)
		fz_setup_explain_closed(&twoway->setup, under_way, event, error, sizeof(error));
	else
		snprintf(error, sizeof(error), "an event that has no place here: this is a bug of fizeau");
	fz_complain("%s", error);
	return false;
}

static struct fz_test_config test_config(const struct twoway *twoway)
{
	const struct fz_measure_options *options = &twoway->options;
	enum fizeau_test_mode mode = fizeau_test_mode_of(twoway->setup.mode & FIZEAU_MODE_SECURITY);
	/*= rfc5357#section-4.1.2 TW-4.1.2-02 */
	uint32_t padding = mode == FIZEAU_TEST_OPEN
		? (uint32_t)(fizeau_reflector_header_octets(mode) - fizeau_sender_header_octets(mode))
		: 0;

	return (struct fz_test_config){
		.loop = twoway->loop,
		.mode = mode,
		.count = options->count,
		.padding_octets = options->padding_given ? options->padding_octets : padding,
		.zero_padding = options->zero_padding,
		.dscp = options->dscp,
		.bypass_mark = options->bypass_mark,
		.timeout_ns = options->timeout_ns,
		.slots = options->slots,
		.slot_count = options->slot_count,
	};
}

static void explain_session_refusal(const struct twoway *twoway, uint8_t accept)
{
	const char *remedy = "its log may tell why";

	if (accept == FIZEAU_ACCEPT_PERMANENT_LIMIT)
		remedy = "ask for less padding, or see its limits";
	else if (accept == FIZEAU_ACCEPT_TEMPORARY_LIMIT)
		remedy = "it is busy, try again later";
	else if (accept == FIZEAU_ACCEPT_UNSUPPORTED)
		remedy = "it lacks something that was asked for, perhaps --dscp";
	fz_complain("server %s refused the test session (Accept %u, %s): %s", twoway->setup.host, accept,
		fizeau_accept_text(accept), remedy);
}

/* Asks for the session and prepares its sender. */
static bool request(struct twoway *twoway, struct fz_test *test, uint64_t start_ntp)
{
	struct fz_control *control = &twoway->setup.control;
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
	if (!await(twoway, "the request for a test session", FIZEAU_EVENT_SESSION_ANSWER, &event))
		return false;
	if (event.session.accept != FIZEAU_ACCEPT_OK) {
		explain_session_refusal(twoway, event.session.accept);
		return false;
	}
	memcpy(twoway->session.sid, event.session.sid, FIZEAU_SID_OCTETS);
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

static bool start(struct twoway *twoway)
{
	struct fizeau_event event;
	int rc = fizeau_control_client_start(twoway->setup.control.client, fz_clock_mono());

	if (rc < 0) {
		fz_complain("the session cannot be started: %s", fizeau_strerror(rc));
		return false;
	}
	return await(twoway, "the start of the test", FIZEAU_EVENT_START_ACK, &event);
}

/* The control connection carries nothing during the test; that it ends is all that can happen. */
static bool control_is_gone(struct twoway *twoway)
{
	struct fz_control *control = &twoway->setup.control;
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
		int rc = fz_loop_once(twoway->loop, FIZEAU_NEVER);

		if (rc < 0) {
			test->error = rc;
			return;
		}
		if (twoway->interrupts > interrupts) {
			interrupts = twoway->interrupts;
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
	struct fz_control *control = &twoway->setup.control;

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
	for (uint32_t i = 0; i < test->sent; i++) {
		values[i] = test->packets[i].lateness_ns;
		if (values[i] > LATE_NS)
			twoway->session.sender_late++;
	}
	fizeau_distribution_of(values, test->sent, &twoway->session.send_error);
	free(values);
	return 0;
}

static int summarise(struct twoway *twoway)
{
	const struct fz_test *test = &twoway->test;
	const struct fz_measure_options *options = &twoway->options;
	struct fz_result_session *session = &twoway->session;
	struct fz_udp_counters counters;
	int rc;

	fz_udp_counters(test->udp, &counters);
	session->local = test->local;
	session->remote = test->remote;
	session->dscp = options->dscp;
	session->padding_octets = test->config.padding_octets;
	session->packet_octets = (uint32_t)fizeau_sender_octets(test->sender);
	session->schedule = options->schedule;
	session->slots = options->slots;
	session->slot_count = options->slot_count;
	session->wanted = options->count;
	session->timeout_ns = options->timeout_ns;
	session->ending = test->ending;
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
	const struct fz_measure_options *options = &twoway->options;
	const struct fz_test *test = &twoway->test;
	struct fz_result result = {
		.protocol = "TWAMP",
		.mode = twoway->setup.mode & FIZEAU_MODE_SECURITY,
		.key = twoway->setup.key,
		.server = twoway->setup.control.peer,
		.client = twoway->setup.control.local,
		.sessions = &twoway->session,
		.session_count = 1,
	};
	bool good = options->json ? fz_out_json(&result, stdout) : fz_out_text(&result, options->quiet, stdout);

	if (!good)
		fz_complain("the result cannot be written: %s", strerror(errno));
	if (twoway->records != NULL && !fz_records_write(twoway->records, test->records, test->record_count, test->sent,
						options->timeout_ns, sent_ntp, test)) {
		fz_complain("%s cannot be written: %s", options->records, strerror(errno));
		good = false;
	}
	return good;
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
			twoway->setup.host);
	else if (twoway->test.ending == FZ_ENDED_SENDING)
		fz_complain("the kernel takes no more packets to %s: see the route and the firewall of this host",
			twoway->setup.host);
	else if (twoway->session.summary.received == 0 && twoway->session.summary.late > 0)
		fz_complain("every packet came back from %s after the timeout: give more with --timeout",
			twoway->setup.host);
	else if (twoway->session.summary.received == 0)
		fz_complain("no packet came back from %s: UDP may be filtered on the way", twoway->setup.host);
	else
		return FZ_EXIT_MEASURED;
	return FZ_EXIT_REFUSED;
}

static int open_socket(struct twoway *twoway)
{
	const struct fz_measure_options *options = &twoway->options;
	struct fz_test_config config = test_config(twoway);
	int rc = fz_test_open(&twoway->test, &config, &twoway->setup.control.local, options->port_low,
		options->port_high);

	if (rc == -EADDRINUSE && options->port_low != 0)
		fz_complain("every UDP port from %u to %u is taken: give more with --ports", options->port_low,
			options->port_high);
	else if (rc < 0)
		fz_complain("no UDP socket: %s", fizeau_strerror(rc));
	return rc < 0 ? FZ_EXIT_USAGE : FZ_EXIT_MEASURED;
}

static int measure(struct twoway *twoway)
{
	struct fz_test *test = &twoway->test;
	struct fz_progress progress;
	struct fizeau_mono now = fz_clock_mono(), begin;
	struct fz_clock clock;
	uint64_t now_ntp;
	int rc = open_socket(twoway);

	if (rc != FZ_EXIT_MEASURED)
		return rc;
	fz_clock_ask(&clock);
	now_ntp = fz_clock_wall(&clock).ntp;
	begin.ns = now.ns + LEAD_NS + 3 * twoway->setup.control.connect_ns;
	if (!request(twoway, test, fizeau_ntp_add_ns(now_ntp, begin.ns - now.ns)) || !start(twoway))
		return FZ_EXIT_REFUSED;
	/* The reflector goes by the packets, not by the Start Time: a late start moves the schedule. */
	if (begin.ns < fz_clock_mono().ns)
		begin = fz_clock_mono();
	twoway->session.start_unix_ns = fizeau_ntp_to_unix_ns(now_ntp, now_ntp) + begin.ns - now.ns;
	rc = fz_test_start(test, begin);
	if (rc < 0) {
		fz_complain("the test cannot be started: %s", fizeau_strerror(rc));
		return FZ_EXIT_USAGE;
	}
	fz_explain(twoway->options.verbose, "session accepted, reflector at port %u, %u packets of %zu octets",
		fz_addr_port(&test->remote), test->config.count, fizeau_sender_octets(test->sender));
	if (twoway->options.bypass_mark != 0)
		fz_explain(twoway->options.verbose, "test packets go around IPsec, with mark 0x%x",
			(unsigned)twoway->options.bypass_mark);
	if (!twoway->options.quiet)
		fz_progress_begin(&progress, twoway->loop, &test->sent, &test->back, test->config.count,
			(struct fizeau_mono){begin.ns + fz_test_duration_ns(&test->config)});
	run_test(twoway);
	if (!twoway->options.quiet)
		fz_progress_end(&progress);
	stop(twoway);
	if (test->error != 0)
		fz_complain("the test ended early: %s", fizeau_strerror(test->error));
	return report(twoway);
}

static void clean_up(struct twoway *twoway)
{
	fz_passphrases_free(twoway->passphrases);
	fz_ike_static_free(twoway->table);
	if (twoway->records != NULL)
		fclose(twoway->records);
	fz_loop_free(twoway->loop);
}

static int run(struct twoway *twoway)
{
	struct fz_addr addrs[ADDRESSES_MAX];
	int status = prepare(twoway), count;

	if (status != FZ_EXIT_MEASURED)
		return status;
	count = resolve(&twoway->options, addrs);
	if (count <= 0 || !connect_any(twoway, addrs, count))
		return FZ_EXIT_REFUSED;
	status = measure(twoway);
	if (twoway->test.udp != NULL)
		fz_test_close(&twoway->test);
	fz_control_close(&twoway->setup.control);
	return status;
}

int fz_cmd_twoway(int argc, char **argv)
{
	struct twoway *twoway = calloc(1, sizeof(*twoway));
	char error[FZ_ERROR_TEXT];
	int status = FZ_EXIT_USAGE;

	if (twoway == NULL)
		return local_fault("no memory");
	if (!fz_options_measure(argc, argv, &twoway->options, error)) {
		fz_complain("%s", error);
	} else if (twoway->options.help) {
		fputs(help, stdout);
		status = FZ_EXIT_MEASURED;
	} else {
		status = run(twoway);
		clean_up(twoway);
	}
	fizeau_wipe(twoway, sizeof(*twoway));
	free(twoway);
	return status;
}
