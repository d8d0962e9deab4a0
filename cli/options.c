/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <fizeau/event.h>
#include <fizeau/sender.h>
#include "io/ipsec.h"
#include "options.h"

#define TIMEOUT_MAX_NS 3600000000000 /* an hour: longer than any packet lives */

enum long_option {
	OPTION_HELP = 256,
	OPTION_IKE,
	OPTION_IKE_SOCKET,
	OPTION_IKE_STATIC,
	OPTION_IKE_KEY,
	OPTION_KEYS,
	OPTION_DSCP,
	OPTION_ZERO_PADDING,
	OPTION_BYPASS_IPSEC,
	OPTION_RECORDS,
	OPTION_PBKDF2_MAX,
};

static const struct option long_options[] = {
	{"count", required_argument, NULL, 'c'},
	{"interval", required_argument, NULL, 'i'},
	{"padding", required_argument, NULL, 's'},
	{"timeout", required_argument, NULL, 'w'},
	{"mode", required_argument, NULL, 'm'},
	{"ike", required_argument, NULL, OPTION_IKE},
	{"ike-socket", required_argument, NULL, OPTION_IKE_SOCKET},
	{"ike-static", required_argument, NULL, OPTION_IKE_STATIC},
	{"ike-key", required_argument, NULL, OPTION_IKE_KEY},
	{"keyid", required_argument, NULL, 'k'},
	{"keys", required_argument, NULL, OPTION_KEYS},
	{"pbkdf2-max", required_argument, NULL, OPTION_PBKDF2_MAX},
	{"dscp", required_argument, NULL, OPTION_DSCP},
	{"source", required_argument, NULL, 'I'},
	{"ports", required_argument, NULL, 'p'},
	{"zero-padding", no_argument, NULL, OPTION_ZERO_PADDING},
	{"bypass-ipsec", optional_argument, NULL, OPTION_BYPASS_IPSEC},
	{"json", no_argument, NULL, 'j'},
	{"records", required_argument, NULL, OPTION_RECORDS},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

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
	uint64_t max = FIZEAU_TEST_PACKET_MAX - fizeau_reflector_header_octets(FIZEAU_TEST_AUTHENTICATED);
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
		options->schedule = value;
		return fz_value_schedule(value, options->slots, &options->slot_count) ||
			refuse(error, "--interval", value,
				"must be like 100ms, exp:100ms or exp:1s,0s (units ns us ms s m h)");
	case 's':
		return set_padding(options, value, error);
	case 'w':
		return (fz_value_time(value, &options->timeout_ns) && options->timeout_ns > 0 &&
			options->timeout_ns <= TIMEOUT_MAX_NS) ||
			refuse(error, "--timeout", value, "must be a time like 2s, at most 1h (units ns us ms s m h)");
	case OPTION_DSCP:
		return fz_value_dscp(value, &options->dscp) ||
			refuse(error, "--dscp", value, "must be a name (ef, af41, cs1, le) or 0 to 63");
	case 'I':
		return set_source(options, value, error);
	case 'p':
		return fz_value_ports(value, &options->port_low, &options->port_high) ||
			refuse(error, "--ports", value, "must be A-B with 1 <= A <= B <= 65535");
	case OPTION_BYPASS_IPSEC:
		return fz_mark_parse(value != NULL ? value : FZ_BYPASS_MARK_TEXT, &options->bypass_mark, NULL) ||
			refuse(error, "--bypass-ipsec", value, "must be a firewall mark, 1 to 0xffffffff");
	default:
		options->zero_padding = true;
		return true;
	}
}

/* Options of modes and keys. */
static bool set_keying(struct fz_measure_options *options, int option, const char *value, char error[static 512])
{
	switch (option) {
	case 'm':
		return fz_value_modes(value, options->modes, &options->mode_count) ||
			refuse(error, "--mode", value,
				"must list some of encrypted, authenticated, mixed and open, best first");
	case OPTION_IKE:
		return set_ike(options, value, error);
	case OPTION_IKE_SOCKET:
		options->ike_socket = value;
		return true;
	case OPTION_IKE_STATIC:
		options->ike_static = value;
		return true;
	case OPTION_IKE_KEY:
		return set_ike_key(options, value, error);
	case 'k':
		return set_key_id(options, value, error);
	case OPTION_PBKDF2_MAX:
		return set_pbkdf2_max(options, value, error);
	default:
		options->keys_file = value;
		return true;
	}
}

static bool set(struct fz_measure_options *options, int option, const char *value, char error[static 512])
{
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
	case OPTION_RECORDS:
		options->records = value;
		return true;
	case OPTION_HELP:
		options->help = true;
		return true;
	case 'm':
	case OPTION_IKE:
	case OPTION_IKE_SOCKET:
	case OPTION_IKE_STATIC:
	case OPTION_IKE_KEY:
	case 'k':
	case OPTION_KEYS:
	case OPTION_PBKDF2_MAX:
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
	if (text != NULL)
		snprintf(error, 512, "%s", text);
	return text == NULL;
}

static void set_defaults(struct fz_measure_options *options)
{
	*options = (struct fz_measure_options){
		.count = 100,
		.schedule = "exp:100ms",
		.slots[0] = {.exponential = true, .ns = 100000000},
		.slot_count = 1,
		.timeout_ns = 2000000000,
		.ike = FZ_IKE_AUTO,
		.ike_socket = FZ_KEY_SERVICE,
		.ike_reading = FIZEAU_IKE_DIRECT,
		/*= rfc5357#section-6 TW-6-03 */
		.pbkdf2_max = FIZEAU_COUNT_MAX_DEFAULT,
		.family = AF_UNSPEC,
	};
}

bool fz_options_measure(int argc, char **argv, struct fz_measure_options *options, char error[static 512])
{
	int option;

	set_defaults(options);
	optind = 0; /* glibc: start anew, several parses in one process */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:i:s:w:m:k:46I:p:jqvh", long_options, NULL)) != -1) {
		if (option == ':') {
			snprintf(error, 512, "%s needs a value", argv[optind - 1]);
			return false;
		}
		if (option == '?') {
			snprintf(error, 512, "unknown option %s: fizeau %s --help lists them", argv[optind - 1],
				argv[0]);
			return false;
		}
		if (!set(options, option == 'h' ? OPTION_HELP : option, optarg, error))
			return false;
	}
	if (options->help)
		return true;
	if (argc - optind != 1) {
		snprintf(error, 512, "fizeau %s takes one HOST[:PORT]", argv[0]);
		return false;
	}
	if (!fz_addr_split(argv[optind], options->host, sizeof(options->host), &options->port)) {
		snprintf(error, 512, "%s is no HOST, HOST:PORT or [IPV6]:PORT", argv[optind]);
		return false;
	}
	return check(options, error);
}
