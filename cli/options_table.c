/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "options.h"
#include "options_table.h"

#define TWOWAY (1u << FZ_TWOWAY)
#define ONEWAY (1u << FZ_ONEWAY)
#define FETCH (1u << FZ_FETCH)
#define STAMP (1u << FZ_STAMP)
#define MANY (TWOWAY | STAMP)           /* the commands that take several targets */
#define TESTS (TWOWAY | ONEWAY | STAMP) /* those that send test packets */
#define SERVERS (TWOWAY | ONEWAY | FETCH) /* those with a control connection */
#define ALL (TESTS | FETCH)

static const struct fz_option table[] = {
	{TESTS, 'c', "count", "N", "test packets to send (100)"},
	{TESTS, 'i', "interval", "SCHEDULE",
		"100ms periodic, exp:100ms Poisson, exp:1s,0s a list of slots (exp:100ms)"},
	{TWOWAY, 's', "padding", "N", "octets of Packet Padding (27 with open test packets, else 0)"},
	{ONEWAY, 's', "padding", "N", "octets of Packet Padding (0)"},
	{STAMP, 's', "padding", "N", "octets of Extra Padding (0); with --light of Packet Padding (27)"},
	{TESTS, 'w', "timeout", "T", "a packet later than this is lost (2s)"},
	{ONEWAY, FZ_OPTION_TO, "to", NULL, "only the direction to HOST"},
	{ONEWAY, FZ_OPTION_FROM, "from", NULL, "only the direction from HOST"},
	{FETCH, FZ_OPTION_BEGIN, "begin", "N", "first number wanted (0)"},
	{FETCH, FZ_OPTION_END, "end", "N", "last number wanted (the session's last)"},
	{MANY, FZ_OPTION_TARGETS, "targets", "FILE", "more of them: HOST[:PORT] a line, # comments; - is stdin"},
	{TWOWAY, 'm', "mode", "LIST", "acceptable modes, best first: encrypted, authenticated, mixed, open\n"
		"(with a key authenticated, without open)"},
	{ONEWAY | FETCH, 'm', "mode", "LIST", "acceptable modes, best first: encrypted, authenticated, open\n"
		"(with a key authenticated, without open)"},
	{TWOWAY, FZ_OPTION_FEATURES, "features", "LIST",
		"features to use, if the server offers all of them: individual,\nreflect-octets[=N], symmetrical, dscp-ecn, ptp (none)"},
	{STAMP, FZ_OPTION_LIGHT, "light", NULL, "packets of TWAMP Light instead of STAMP's"},
	{STAMP, FZ_OPTION_SSID, "ssid", "N", "session identifier, 0: none (random); those of more targets follow"},
	{STAMP, FZ_OPTION_NEED_SSID, "need-ssid", NULL, "end where the reflector does not return the identifier"},
	{STAMP, FZ_OPTION_TLV, "tlv", "LIST", "location, timestamp-information, class-of-service[=DSCP],\n"
		"direct-measurement, follow-up, access-report=ID:CODE, hmac"},
	{STAMP, FZ_OPTION_ACCESS_TIMEOUT, "access-timeout", "T", "an Access Report not echoed for so long is sent again (3s)"},
	{STAMP, FZ_OPTION_ACCESS_RETRIES, "access-retries", "N", "how often, at most (4)"},
	{STAMP, FZ_OPTION_PTP, "ptp", NULL, "stamps in PTPv2 format instead of NTP's"},
	{SERVERS, FZ_OPTION_IKE, "ike", "MODE", "key from an IKE SA: auto, require, initiate, off (auto)"},
	{STAMP, FZ_OPTION_IKE, "ike", "MODE", "key from an IKE SA: auto, require, initiate, off (off)"},
	{ALL, FZ_OPTION_IKE_SOCKET, "ike-socket", "PATH", "the key service (/run/charon.ippm)"},
	{ALL, FZ_OPTION_IKE_STATIC, "ike-static", "FILE", "lab and test only: IKE SAs from a file"},
	{SERVERS, FZ_OPTION_IKE_KEY, "ike-key", "READING", "direct or pbkdf2: how RFC 7717 makes the Token key (direct)"},
	{SERVERS, 'k', "keyid", "ID", "with --keys: use the passphrase of ID"},
	{STAMP, 'k', "keyid", "ID", "with --keys: authenticated, the passphrase of ID is the HMAC key"},
	{ALL, FZ_OPTION_KEYS, "keys", "FILE", "passphrases, KEYID PASSPHRASE a line"},
	{SERVERS, FZ_OPTION_PBKDF2_MAX, "pbkdf2-max", "N", "largest number of PBKDF2 rounds done for a server (32768)"},
	{TESTS, FZ_OPTION_DSCP, "dscp", "D", "of the test packets: name (ef, af41, cs1) or number (0)"},
	{ALL, '4', NULL, NULL, "only IPv4"},
	{ALL, '6', NULL, NULL, "only IPv6"},
	{ALL, 'I', "source", "ADDR", "source address"},
	{TESTS, 'p', "ports", "A-B", "local UDP ports"},
	{TESTS, FZ_OPTION_BYPASS_IPSEC, "bypass-ipsec", "[=M]",
		"keep test packets out of IPsec tunnels, with firewall mark M (0x42)"},
	{TESTS, FZ_OPTION_BUSY_POLL, "busy-poll", NULL, "look instead of sleep around each packet: exact, for a core"},
	{TESTS, FZ_OPTION_ZERO_PADDING, "zero-padding", NULL, "padding of zeros instead of pseudo-random octets"},
	{TESTS, FZ_OPTION_CLOCK, "clock", "SOURCE", "who tells how good the clock is: auto, kernel, chronyd, ptp4l (auto)"},
	{ALL, FZ_OPTION_SAME_CLOCK, "same-clock", NULL, "both ends go by the same clock"},
	{ALL, 'j', "json", NULL, "one JSON document on stdout, fizeau-result(5)"},
	{ALL, FZ_OPTION_RECORDS, "records", "FILE", "every packet, as JSON lines"},
	{MANY | FETCH, 'q', "quiet", NULL, "one line"},
	{ONEWAY, 'q', "quiet", NULL, "one line for each direction"},
	{ALL, 'v', "verbose", NULL, "tell the steps"},
	{ALL, FZ_OPTION_HELP, "help", NULL, "this"},
};

_Static_assert(sizeof(table) / sizeof(table[0]) <= FZ_OPTIONS_MAX, "room for the options of one command");

const struct fz_option *fz_options_table(size_t *count)
{
	*count = sizeof(table) / sizeof(table[0]);
	return table;
}

static int has_argument(const struct fz_option *option)
{
	if (option->argument == NULL)
		return no_argument;
	return option->argument[0] == '[' ? optional_argument : required_argument;
}

void fz_options_getopt(unsigned command, char short_options[static 2 * FZ_OPTIONS_MAX + 2],
	struct option long_options[static FZ_OPTIONS_MAX + 1])
{
	size_t letters = 0, names = 0;

	short_options[letters++] = ':';
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct fz_option *option = &table[i];

		if ((option->commands & (1u << command)) == 0)
			continue;
		if (option->value < FZ_OPTION_HELP)
			short_options[letters++] = (char)option->value;
		if (option->value < FZ_OPTION_HELP && option->argument != NULL)
			short_options[letters++] = ':';
		if (option->name != NULL)
			long_options[names++] =
				(struct option){option->name, has_argument(option), NULL, option->value};
	}
	short_options[letters++] = 'h';
	short_options[letters] = '\0';
	long_options[names] = (struct option){NULL, 0, NULL, 0};
}

static void put_option(const struct fz_option *option, FILE *out)
{
	char left[64] = "    ";
	size_t at = 4;

	if (option->value < FZ_OPTION_HELP)
		snprintf(left, sizeof(left), "-%c%s", option->value, option->name != NULL ? ", " : "  ");
	if (option->name != NULL)
		snprintf(left + at, sizeof(left) - at, "--%s%s%s", option->name,
			has_argument(option) == required_argument ? " " : "",
			option->argument != NULL ? option->argument : "");
	fprintf(out, "  %-24s ", left);
	for (const char *text = option->text; *text != '\0'; text++) {
		fputc(*text, out);
		if (*text == '\n')
			fprintf(out, "%27s", "");
	}
	fputc('\n', out);
}

void fz_options_help(enum fz_measure_command command, FILE *out)
{
	static const char *const heads[] = {
		[FZ_TWOWAY] = "usage: fizeau twoway [OPTIONS] HOST[:PORT]...\n"
			"Measures both directions to TWAMP servers (RFC 5357), port 862, with all of them at once.\n",
		[FZ_ONEWAY] = "usage: fizeau oneway [OPTIONS] HOST[:PORT]\n"
			"Measures to an OWAMP server and from it (RFC 4656), port 861, each direction on its own.\n",
		[FZ_FETCH] = "usage: fizeau fetch [OPTIONS] HOST[:PORT] SID\n"
			"Fetches the records of a session from an OWAMP server (RFC 4656), port 861, and sums them "
			"up.\n",
		[FZ_STAMP] = "usage: fizeau stamp [OPTIONS] HOST[:PORT]...\n"
			"Measures both directions to STAMP or TWAMP Light reflectors (RFC 8762, 8972), port 862, with all "
			"of them at once.\n",
	};

	fprintf(out, "%s\n", heads[command]);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((table[i].commands & (1u << command)) != 0)
			put_option(&table[i], out);
	fputs("\nTimes take ns us ms s m h. Exit status: 0 measured; 1 refused, unreachable, not authenticated, every "
		"packet\nlost or cut short by the network; 2 wrong usage or local configuration.\n", out);
}
