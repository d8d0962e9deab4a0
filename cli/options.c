/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <fizeau/fetch_client.h>
#include <fizeau/sender.h>
#include "io/dscp.h"
#include "io/ipsec.h"
#include "options.h"
#include "options_stamp.h"
#include "options_table.h"

#define TIMEOUT_MAX_NS 3600000000000 /* an hour: longer than any packet lives */

static bool refuse(char error[static 512], const char *option, const char *value, const char *allowed)
{
	snprintf(error, 512, "%s %s: %s", option, value, allowed);
	return false;
}

static bool set_ike(struct fz_measure_options *options, const char *value, char error[static 512])
{
	static const char *const names[] = {
		[FZ_IKE_AUTO] = "auto",
		[FZ_IKE_REQUIRE] = "require",
		[FZ_IKE_INITIATE] = "initiate",
		[FZ_IKE_OFF] = "off",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			options->ike = (enum fz_ike_wish)i;
			return true;
		}
	}
	return refuse(error, "--ike", value, "must be auto, require, initiate or off");
}

static bool set_ike_key(struct fz_measure_options *options, const char *value, char error[static 512])
{
	if (strcmp(value, "direct") == 0)
		options->ike_reading = FIZEAU_IKE_DIRECT;
	else if (strcmp(value, "pbkdf2") == 0)
		options->ike_reading = FIZEAU_IKE_PBKDF2;
	else
		return refuse(error, "--ike-key", value, "must be direct or pbkdf2");
	return true;
}

static bool set_key_id(struct fz_measure_options *options, const char *value, char error[static 512])
{
	size_t len = strlen(value);

	/*= rfc5357#section-9 TW-9-01 */
	/*= rfc4656#section-9 OW-9-01 */
	if (len == 0 || len > FIZEAU_KEYID_OCTETS || !fz_value_utf8(value))
		return refuse(error, "--keyid", value, "must have 1 to 80 octets of UTF-8");
	options->key_id = value;
	return true;
}

static bool set_padding(struct fz_measure_options *options, const char *value, char error[static 512])
{
	uint64_t max = FIZEAU_TEST_PACKET_MAX - fizeau_reflector_header_octets(FIZEAU_TEST_AUTHENTICATED, 0);
	uint64_t number;

	if (!fz_value_number(value, 0, max, &number))
		return refuse(error, "--padding", value, "must be 0 to 65395 octets");
	options->padding_octets = (uint32_t)number;
	options->padding_given = true;
	return true;
}

static bool set_source(struct fz_measure_options *options, const char *value, char error[static 512])
{
	if (!fz_addr_parse(value, &options->source))
		return refuse(error, "--source", value, "must be an IP address of this host");
	options->source_given = true;
	return true;
}

static bool set_count(struct fz_measure_options *options, const char *value, char error[static 512])
{
	uint64_t number;

	if (!fz_value_number(value, 1, FZ_COUNT_MAX, &number))
		return refuse(error, "--count", value, "must be 1 to 100000000 packets");
	options->count = (uint32_t)number;
	return true;
}

static bool set_interval(struct fz_measure_options *options, const char *value, char error[static 512])
{
	options->schedule = value;
	return fz_value_schedule(value, options->slots, &options->slot_count) ||
		refuse(error, "--interval", value, "must be like 100ms, exp:100ms or exp:1s,0s (units ns us ms s m h)");
}

/*= rfc5357#section-6 TW-6-02 TW-6-04 */
static bool set_pbkdf2_max(struct fz_measure_options *options, const char *value, char error[static 512])
{
	uint64_t number;

	if (!fz_value_number(value, FIZEAU_COUNT_MIN, 1u << 31, &number))
		return refuse(error, "--pbkdf2-max", value, "must be 1024 to 2147483648 rounds");
	options->pbkdf2_max = (uint32_t)number;
	return true;
}

/* Options of the packets and their timing. */
static bool set_traffic(struct fz_measure_options *options, int option, const char *value, char error[static 512])
{
	switch (option) {
	case 'c':
		return set_count(options, value, error);
	case 'i':
		return set_interval(options, value, error);
	case 's':
		return set_padding(options, value, error);
	case 'w':
		return (fz_value_time(value, &options->timeout_ns) && options->timeout_ns > 0 &&
			options->timeout_ns <= TIMEOUT_MAX_NS) ||
			refuse(error, "--timeout", value, "must be a time like 2s, at most 1h (units ns us ms s m h)");
	case FZ_OPTION_DSCP:
		return fz_dscp_parse(value, &options->dscp) ||
			refuse(error, "--dscp", value, "must be a name (ef, af41, cs1, le) or 0 to 63");
	case 'I':
		return set_source(options, value, error);
	case 'p':
		return fz_value_ports(value, &options->port_low, &options->port_high) ||
			refuse(error, "--ports", value, "must be A-B with 1 <= A <= B <= 65535");
	case FZ_OPTION_BYPASS_IPSEC:
		return fz_mark_parse(value != NULL ? value : FZ_BYPASS_MARK_TEXT, &options->bypass_mark, NULL) ||
			refuse(error, "--bypass-ipsec", value, "must be a firewall mark, 1 to 0xffffffff");
	case FZ_OPTION_BUSY_POLL:
		options->busy_poll = true;
		return true;
	case FZ_OPTION_TO:
		options->to = true;
		return true;
	case FZ_OPTION_FROM:
		options->from = true;
		return true;
	default:
		options->zero_padding = true;
		return true;
	}
}

static bool set_range(struct fz_measure_options *options, int option, const char *value, char error[static 512])
{
	uint64_t number;

	if (!fz_value_number(value, 0, UINT32_MAX, &number))
		return refuse(error, option == FZ_OPTION_BEGIN ? "--begin" : "--end", value, "must be 0 to 4294967295");
	*(option == FZ_OPTION_BEGIN ? &options->begin : &options->end) = (uint32_t)number;
	options->range = true;
	return true;
}

static bool set_modes(struct fz_measure_options *options, const char *value, char error[static 512])
{
	if (!fz_value_modes(value, options->modes, &options->mode_count))
		return refuse(error, "--mode", value,
			options->protocol == FIZEAU_TWAMP
				? "must list some of encrypted, authenticated, mixed and open, best first"
				: "must list some of encrypted, authenticated and open, best first");
	for (size_t i = 0; i < options->mode_count; i++)
		if (options->protocol == FIZEAU_OWAMP && options->modes[i] == FIZEAU_MODE_MIXED)
			return refuse(error, "--mode", value, "OWAMP has no mixed mode, only TWAMP does");
	return true;
}

static bool set_features(struct fz_measure_options *options, const char *value, char error[static 512])
{
	return fz_features_parse(value, &options->features) || refuse(error, "--features", value,
		"must list some of individual, reflect-octets[=N], symmetrical, dscp-ecn and ptp, with N 1 to 65000");
}

/* Options of modes and keys. */
static bool set_keying(struct fz_measure_options *options, int option, const char *value, char error[static 512])
{
	switch (option) {
	case 'm':
		return set_modes(options, value, error);
	case FZ_OPTION_FEATURES:
		return set_features(options, value, error);
	case FZ_OPTION_IKE:
		return set_ike(options, value, error);
	case FZ_OPTION_IKE_SOCKET:
		options->ike_socket = value;
		return true;
	case FZ_OPTION_IKE_STATIC:
		options->ike_static = value;
		return true;
	case FZ_OPTION_IKE_KEY:
		return set_ike_key(options, value, error);
	case 'k':
		return set_key_id(options, value, error);
	case FZ_OPTION_PBKDF2_MAX:
		return set_pbkdf2_max(options, value, error);
	default:
		options->keys_file = value;
		return true;
	}
}

static bool set(struct fz_measure_options *options, int option, const char *value, char error[static 512])
{
	if (option >= FZ_OPTION_LIGHT && option <= FZ_OPTION_ACCESS_RETRIES)
		return fz_options_set_stamp(&options->stamp, option, value, error);
	switch (option) {
	case '4':
		options->family = AF_INET;
		return true;
	case '6':
		options->family = AF_INET6;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	case 'v':
		options->verbose++;
		return true;
	case FZ_OPTION_CLOCK:
		return fz_clock_choice_parse(value, &options->clock) ||
			refuse(error, "--clock", value, "must be one of " FZ_CLOCK_CHOICES);
	case FZ_OPTION_SAME_CLOCK:
		options->same_clock = true;
		return true;
	case FZ_OPTION_RECORDS:
		options->records = value;
		return true;
	case FZ_OPTION_TARGETS:
		options->targets_file = value;
		return true;
	case 'h':
	case FZ_OPTION_HELP:
		options->help = true;
		return true;
	case FZ_OPTION_BEGIN:
	case FZ_OPTION_END:
		return set_range(options, option, value, error);
	case 'm':
	case FZ_OPTION_FEATURES:
	case FZ_OPTION_IKE:
	case FZ_OPTION_IKE_SOCKET:
	case FZ_OPTION_IKE_STATIC:
	case FZ_OPTION_IKE_KEY:
	case 'k':
	case FZ_OPTION_KEYS:
	case FZ_OPTION_PBKDF2_MAX:
		return set_keying(options, option, value, error);
	default:
		return set_traffic(options, option, value, error);
	}
}

static bool lists_only_open(const struct fz_measure_options *options)
{
	return options->mode_count == 1 && options->modes[0] == FIZEAU_MODE_OPEN;
}

static bool lists_open(const struct fz_measure_options *options)
{
	for (size_t i = 0; i < options->mode_count; i++)
		if (options->modes[i] == FIZEAU_MODE_OPEN)
			return true;
	return false;
}

bool fz_takes_targets(enum fz_measure_command command)
{
	return command == FZ_TWOWAY || command == FZ_STAMP;
}

const char *fz_options_protocol(const struct fz_measure_options *options)
{
	if (options->command == FZ_STAMP)
		return options->stamp.light ? "TWAMP Light" : "STAMP";
	return options->protocol == FIZEAU_OWAMP ? "OWAMP" : "TWAMP";
}

/* What no server could make good. */
static bool check(const struct fz_measure_options *options, char error[static 512])
{
	const char *text = NULL;

	if (options->key_id != NULL && options->keys_file == NULL)
		text = "--keyid needs the file with its passphrase: --keys FILE";
	else if (options->key_id == NULL && options->keys_file != NULL)
		text = "--keys needs to know which of its passphrases: --keyid ID";
	else if ((options->ike == FZ_IKE_REQUIRE || options->ike == FZ_IKE_INITIATE) && lists_only_open(options))
		text = "open mode takes no key: drop --ike or list another mode with --mode";
	else if (options->ike == FZ_IKE_OFF && options->key_id == NULL && options->mode_count > 0 &&
		!lists_open(options))
		text = "these modes need a key: --keyid ID with --keys FILE, or an IKE SA (--ike auto)";
	else if (options->ike == FZ_IKE_OFF && options->ike_static != NULL)
		text = "--ike-static is of no use with --ike off";
	else if (options->ike == FZ_IKE_INITIATE && options->ike_static != NULL)
		text = "an SA from a file cannot be initiated: --ike require";
	else if (options->family != AF_UNSPEC && options->source_given &&
		options->source.sa.sa_family != options->family)
		text = "--source is of the other address family";
	else if (options->begin > options->end)
		text = "--begin must not be above --end";
	else if (options->command == FZ_STAMP)
		text = fz_options_check_stamp(options);
	if (text != NULL)
		snprintf(error, 512, "%s", text);
	return text == NULL;
}

static void set_defaults(struct fz_measure_options *options, enum fz_measure_command command)
{
	*options = (struct fz_measure_options){
		.command = command,
		.protocol = command == FZ_ONEWAY || command == FZ_FETCH ? FIZEAU_OWAMP : FIZEAU_TWAMP,
		.count = 100,
		.schedule = "exp:100ms",
		.slots[0] = {.exponential = true, .ns = 100000000},
		.slot_count = 1,
		.timeout_ns = 2000000000,
		.ike = command == FZ_STAMP ? FZ_IKE_OFF : FZ_IKE_AUTO,
		.ike_socket = FZ_KEY_SERVICE,
		.ike_reading = FIZEAU_IKE_DIRECT,
		/*= rfc5357#section-6 TW-6-03 */
		.pbkdf2_max = FIZEAU_COUNT_MAX_DEFAULT,
		.family = AF_UNSPEC,
		/*= rfc8972#section-4.6 SX-4.6-03 */
		.stamp = {.access_timeout_ns = 3000000000, .access_retries = 4},
		.begin = FIZEAU_FETCH_ALL_BEGIN,
		.end = FIZEAU_FETCH_ALL_END,
	};
}

/* What stands beside the options. */
static bool set_operands(struct fz_measure_options *options, const char *name, int count, char **operands,
	char error[static 512])
{
	bool fetch = options->command == FZ_FETCH;

	if (fz_takes_targets(options->command) && count == 0 && options->targets_file == NULL) {
		snprintf(error, 512, "fizeau %s takes one HOST[:PORT] or more, or --targets FILE", name);
		return false;
	}
	if (!fz_takes_targets(options->command) && count != (fetch ? 2 : 1)) {
		snprintf(error, 512, "fizeau %s takes one HOST[:PORT]%s", name, fetch ? " and one SID" : "");
		return false;
	}
	options->hosts = operands;
	options->host_count = fetch ? 1 : (size_t)count;
	if (count == 0)
		return true;
	if (!fz_addr_split(operands[0], options->host, sizeof(options->host), &options->port)) {
		snprintf(error, 512, "%s is no HOST, HOST:PORT or [IPV6]:PORT", operands[0]);
		return false;
	}
	if (fetch && !fz_value_sid(operands[1], options->sid)) {
		snprintf(error, 512, "%s is no SID: it has 32 hex digits", operands[1]);
		return false;
	}
	return true;
}

bool fz_options_measure(enum fz_measure_command command, int argc, char **argv, struct fz_measure_options *options,
	char error[static 512])
{
	struct option long_options[FZ_OPTIONS_MAX + 1];
	char short_options[2 * FZ_OPTIONS_MAX + 2];
	int option;

	set_defaults(options, command);
	fz_options_getopt(command, short_options, long_options);
	optind = 0; /* glibc: start anew, several parses in one process */
	opterr = 0;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == ':') {
			snprintf(error, 512, "%s needs a value", argv[optind - 1]);
			return false;
		}
		if (option == '?') {
			snprintf(error, 512, "unknown option %s: fizeau %s --help lists them", argv[optind - 1],
				argv[0]);
			return false;
		}
		if (!set(options, option, optarg, error))
			return false;
	}
	if (options->help)
		return true;
	if (!set_operands(options, argv[0], argc - optind, argv + optind, error))
		return false;
	/* Neither or both asked for: both. */
	if (!options->to && !options->from)
		options->to = options->from = true;
	return check(options, error);
}
