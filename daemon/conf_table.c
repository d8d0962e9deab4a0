/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <fizeau/keys.h>
#include "conf_table.h"

#define SECOND 1000000000ll

static bool fail(char *error, const char *what, const char *word)
{
	snprintf(error, FZ_CONF_ERROR_MAX, "%s '%.100s'", what, word);
	return false;
}

static bool port_of(const char *text, uint16_t *port)
{
	uint64_t n;

	if (!fz_value_number(text, &n) || n < 1 || n > 65535)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool set_listen(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	struct fz_listen row = {.protocol = FIZEAU_TWAMP};
	bool stamp;

	if (words->count != 4)
		return fail(error, "not three values after", words->word[0]);
	stamp = !strcmp(words->word[1], "stamp");
	if (!strcmp(words->word[1], "owamp"))
		row.protocol = FIZEAU_OWAMP;
	else if (!stamp && strcmp(words->word[1], "twamp"))
		return fail(error, "unknown protocol", words->word[1]);
	row.any = !strcmp(words->word[2], "*");
	if (!row.any && !fz_addr_parse(words->word[2], &row.addr))
		return fail(error, "no address:", words->word[2]);
	if (!port_of(words->word[3], &row.port))
		return fail(error, "no port:", words->word[3]);
	if (!row.any)
		fz_addr_set_port(&row.addr, row.port);
	if (stamp) {
		const struct fz_stamp_listen at = {.any = row.any, .addr = row.addr, .port = row.port};
		return fz_conf_add_stamp_listen(conf, &at) || fail(error, "more than 64 times", "listen stamp");
	}
	if (conf->listen_count == FZ_CONF_LISTEN_MAX)
		return fail(error, "more than 64 times", "listen");
	conf->listens[conf->listen_count++] = row;
	return true;
}

static void print_listen(const struct fz_conf *conf, FILE *to)
{
	for (uint32_t i = 0; i < conf->listen_count; i++) {
		const struct fz_listen *row = &conf->listens[i];
		char host[FZ_ADDR_TEXT] = "*";
		if (!row->any)
			fz_addr_host_text(&row->addr, host);
		fprintf(to, "listen %s %s %u\n", row->protocol == FIZEAU_TWAMP ? "twamp" : "owamp", host,
			(unsigned)row->port);
	}
	fz_conf_print_stamp_listens(conf, to);
}

static bool set_modes(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	for (size_t i = 1; i < words->count; i++) {
		if (!fz_value_modes(words->word[i], &conf->modes))
			return fail(error, "unknown mode in", words->word[i]);
	}
	if (!conf->modes)
		return fail(error, "no mode after", words->word[0]);
	return true;
}

static void print_modes(const struct fz_conf *conf, FILE *to)
{
	char text[64];

	fz_conf_modes_text(conf->modes, text);
	if (conf->modes)
		fprintf(to, "modes %s\n", text);
	else
		fprintf(to, "# modes: all that the key sources allow, and open\n");
}

/* Values that one line gives are all there are: a default does not stay. */
static bool set_features(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	uint32_t features = 0;

	if (words->count < 2)
		return fail(error, "no feature after", words->word[0]);
	for (size_t i = 1; i < words->count; i++) {
		if (!fz_value_features(words->word[i], &features))
			return fail(error, "unknown feature in", words->word[i]);
	}
	conf->features = features;
	return true;
}

static void print_features(const struct fz_conf *conf, FILE *to)
{
	char text[64];

	fz_conf_features_text(conf->features, text);
	fprintf(to, "features %s\n", conf->features ? text : "none");
}

static bool set_ike(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	size_t wanted = 3;

	if (words->count >= 2 && !strcmp(words->word[1], "off")) {
		conf->ike = FZ_IKE_OFF;
		wanted = 2;
	} else if (words->count >= 2 && !strcmp(words->word[1], "socket")) {
		conf->ike = FZ_IKE_SOCKET;
	} else if (words->count >= 2 && !strcmp(words->word[1], "static")) {
		conf->ike = FZ_IKE_STATIC;
	} else {
		return fail(error, "unknown kind of key source after", words->word[0]);
	}
	if (words->count != wanted)
		return fail(error, "wrong number of values after", words->word[1]);
	if (conf->ike == FZ_IKE_OFF)
		return true;
	if (!*words->word[2] || strlen(words->word[2]) >= sizeof(conf->ike_path))
		return fail(error, "empty, or longer than 107 characters:", words->word[2]);
	snprintf(conf->ike_path, sizeof(conf->ike_path), "%s", words->word[2]);
	return true;
}

static void print_ike(const struct fz_conf *conf, FILE *to)
{
	switch (conf->ike) {
	case FZ_IKE_AUTO:
		fprintf(to, "# ike socket %s, if it exists\n", conf->ike_path);
		return;
	case FZ_IKE_OFF:
		fprintf(to, "ike off\n");
		return;
	case FZ_IKE_SOCKET:
	case FZ_IKE_STATIC:
		fprintf(to, "ike %s ", conf->ike == FZ_IKE_SOCKET ? "socket" : "static");
		fz_conf_print_word(conf->ike_path, to);
		fputc('\n', to);
		return;
	}
}

static bool set_count(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	uint64_t n;

	/*= rfc4656#section-3.1 OW-3.1-09 OW-3.1-10 OW-3.1-11 */
	if (words->count != 2 || !fz_value_number(words->word[1], &n) || n > (1u << 24) ||
		fizeau_count_check((uint32_t)n, 1u << 24))
		return fail(error, "no usable count:", words->count > 1 ? words->word[1] : "");
	conf->pbkdf2_count = n;
	return true;
}

static void print_count(const struct fz_conf *conf, FILE *to)
{
	fprintf(to, "pbkdf2-count %llu\n", (unsigned long long)conf->pbkdf2_count);
}

static bool set_ports(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	const char *dash = words->count == 2 ? strchr(words->word[1], '-') : NULL;
	char first[8] = "";

	if (dash && dash - words->word[1] < 8)
		memcpy(first, words->word[1], (size_t)(dash - words->word[1]));
	if (!dash || !port_of(first, &conf->port_first) || !port_of(dash + 1, &conf->port_last) ||
		conf->port_first > conf->port_last)
		return fail(error, "no range of ports:", words->count > 1 ? words->word[1] : "");
	return true;
}

static void print_ports(const struct fz_conf *conf, FILE *to)
{
	fprintf(to, "test-ports %u-%u\n", (unsigned)conf->port_first, (unsigned)conf->port_last);
}

static bool set_half_open(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	uint64_t all, peer;

	if (words->count < 2 || words->count > 3 || !fz_value_number(words->word[1], &all) || all < 1 || all > 65536)
		return fail(error, "no number in range after", words->word[0]);
	peer = conf->half_open_peer < all ? conf->half_open_peer : all;
	if (words->count == 3 && (!fz_value_number(words->word[2], &peer) || peer < 1 || peer > all))
		return fail(error, "no number in range:", words->word[2]);
	conf->half_open = all;
	conf->half_open_peer = peer;
	return true;
}

static void print_half_open(const struct fz_conf *conf, FILE *to)
{
	fprintf(to, "half-open %llu %llu\n", (unsigned long long)conf->half_open,
		(unsigned long long)conf->half_open_peer);
}

/* What the kernel takes as a name of an interface. */
static bool interface_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < FZ_INTERFACE_NAME && !name[strcspn(name, "/: \t")] && strcmp(name, ".") &&
		strcmp(name, "..");
}

static bool set_ipsec(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	struct fz_ipsec_signs *ipsec = &conf->ipsec;
	const char *value = words->count == 3 ? words->word[2] : "";

	if (words->count != 3)
		return fail(error, "not two values after", words->word[0]);
	if (!strcmp(words->word[1], "interface")) {
		if (!interface_name(value))
			return fail(error, "no name of an interface:", value);
		if (ipsec->interface_count == FZ_CONF_IPSEC_MAX)
			return fail(error, "more than 8 times", "ipsec interface");
		snprintf(ipsec->interfaces[ipsec->interface_count++], FZ_INTERFACE_NAME, "%s", value);
		return true;
	}
	if (!strcmp(words->word[1], "mark")) {
		if (ipsec->mark_count == FZ_CONF_IPSEC_MAX)
			return fail(error, "more than 8 times", "ipsec mark");
		if (!fz_mark_parse(value, &ipsec->marks[ipsec->mark_count].mark,
			    &ipsec->marks[ipsec->mark_count].mask))
			return fail(error, "no firewall mark:", value);
		ipsec->mark_count++;
		return true;
	}
	if (strcmp(words->word[1], "bypass-mark"))
		return fail(error, "unknown kind after ipsec:", words->word[1]);
	return fz_mark_parse(value, &ipsec->bypass_mark, NULL) || fail(error, "no firewall mark:", value);
}

static void print_ipsec(const struct fz_conf *conf, FILE *to)
{
	for (uint32_t i = 0; i < conf->ipsec.interface_count; i++) {
		fprintf(to, "ipsec interface ");
		fz_conf_print_word(conf->ipsec.interfaces[i], to);
		fputc('\n', to);
	}
	for (uint32_t i = 0; i < conf->ipsec.mark_count; i++)
		fprintf(to, "ipsec mark 0x%x/0x%x\n", (unsigned)conf->ipsec.marks[i].mark,
			(unsigned)conf->ipsec.marks[i].mask);
	fprintf(to, "ipsec bypass-mark 0x%x\n", (unsigned)conf->ipsec.bypass_mark);
}

static bool set_clock(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	const char *values[FZ_WORDS_MAX];

	for (size_t i = 1; i < words->count; i++)
		values[i - 1] = words->word[i];
	return fz_clock_choice_of(values, words->count - 1, &conf->clock) ||
		fail(error, "no source of that kind:", words->count > 1 ? words->word[1] : "");
}

static void print_clock(const struct fz_conf *conf, FILE *to)
{
	const struct fz_clock_choice *clock = &conf->clock;
	char text[FZ_ADDR_TEXT];

	fprintf(to, "clock-source %s", fz_clock_source_name(clock->source));
	if (clock->given && clock->addr.len != 0) {
		fz_addr_text(&clock->addr, text);
		fprintf(to, " %s", text);
	} else if (clock->given) {
		fputc(' ', to);
		fz_conf_print_word(clock->path, to);
	}
	if (clock->given && clock->source == FZ_CLOCK_PTP4L)
		fprintf(to, " %u", (unsigned)clock->domain);
	fputc('\n', to);
}

#define AT(member) offsetof(struct fz_conf, member)

/*= rfc5357#section-3.1 TW-3.1-10 TW-3.1-11 */
/*= rfc5357#section-4.2 TW-4.2-14 TW-4.2-15 */
/*= rfc6038#section-1 RO-1-01 */
/*= rfc7750#section-1 DE-1-01 */
/*= rfc8186#section-2 PT-2-02 */
static const struct fz_directive directives[] = {
	{.name = "listen", .type = FZ_DIRECTIVE_OTHER, .allowed = "listen twamp|owamp|stamp ADDRESS|* PORT (1 to 65535)",
		.set = set_listen, .print = print_listen, .repeatable = true},
	{.name = "modes", .type = FZ_DIRECTIVE_OTHER, .allowed = "modes open,authenticated,encrypted,mixed",
		.set = set_modes, .print = print_modes},
	{.name = "features", .type = FZ_DIRECTIVE_OTHER, .fallback = "individual,reflect-octets,symmetrical,dscp-ecn",
		.set = set_features, .print = print_features,
		.allowed = "features individual,reflect-octets,symmetrical,dscp-ecn,ptp, or features none"},
	{.name = "server-octets", .type = FZ_DIRECTIVE_NUMBER, .offset = AT(server_octets), .max = UINT16_MAX,
		.fallback = "0", .allowed = "server-octets N, 0 (none) to 65535"},
	{.name = "keys", .type = FZ_DIRECTIVE_TEXT, .offset = AT(keys), .allowed = "keys FILE"},
	{.name = "ike", .type = FZ_DIRECTIVE_OTHER, .allowed = "ike socket PATH, ike static FILE, ike off",
		.set = set_ike, .print = print_ike},
	{.name = "ike-wait", .type = FZ_DIRECTIVE_TIME, .offset = AT(ike_wait_ns), .max = 60 * SECOND,
		.fallback = "2s", .allowed = "ike-wait TIME, 0s to 1m (ns us ms s m h)"},
	{.name = "pbkdf2-count", .type = FZ_DIRECTIVE_OTHER, .fallback = "32768", .set = set_count,
		.print = print_count, .allowed = "pbkdf2-count N, a power of two from 1024 to 16777216"},
	{.name = "test-ports", .type = FZ_DIRECTIVE_OTHER, .fallback = "18760-19960", .set = set_ports,
		.print = print_ports, .allowed = "test-ports A-B, 1 to 65535, A not above B"},
	{.name = "servwait", .type = FZ_DIRECTIVE_TIME, .offset = AT(servwait_ns), .min = 1000000,
		.max = 86400 * SECOND, .fallback = "900s", .allowed = "servwait TIME, 1ms to 24h (ns us ms s m h)"},
	{.name = "refwait", .type = FZ_DIRECTIVE_TIME, .offset = AT(refwait_ns), .min = 1000000,
		.max = 86400 * SECOND, .fallback = "900s", .allowed = "refwait TIME, 1ms to 24h (ns us ms s m h)"},
	{.name = "setup-timeout", .type = FZ_DIRECTIVE_TIME, .offset = AT(setup_timeout_ns), .min = 1000000,
		.max = 1800 * SECOND, .fallback = "10s", .allowed = "setup-timeout TIME, 1ms to 30m (ns us ms s m h)"},
	{.name = "half-open", .type = FZ_DIRECTIVE_OTHER, .fallback = "512", .set = set_half_open,
		.print = print_half_open, .allowed = "half-open TOTAL [OF-ONE-ADDRESS], 1 to 65536, the second not above"},
	{.name = "class", .type = FZ_DIRECTIVE_OTHER, .set = fz_conf_set_class, .print = fz_conf_print_classes,
		.allowed = "class NAME MATCH..., MATCH: open, any, net CIDR, keyid GLOB, ike-id GLOB",
		.repeatable = true},
	{.name = "limit", .type = FZ_DIRECTIVE_OTHER, .set = fz_conf_set_limit, .print = fz_conf_print_limits,
		.allowed = "limit CLASS ITEM VALUE, ITEM: modes, connections, peer-connections, sessions, peer-sessions, "
			   "packets, rate, bandwidth, padding, duration, storage (a number, TIME for duration, or none), "
			   "third-party yes|no, deny [yes|no], require-ipsec yes|no, bypass-ipsec yes|no",
		.repeatable = true},
	{.name = "ipsec", .type = FZ_DIRECTIVE_OTHER, .fallback = "bypass-mark " FZ_BYPASS_MARK_TEXT, .set = set_ipsec,
		.print = print_ipsec, .repeatable = true,
		.allowed = "ipsec interface NAME, ipsec mark MARK[/MASK], ipsec bypass-mark MARK, MARK: 1 to 0xffffffff"},
	{.name = "storage", .type = FZ_DIRECTIVE_TEXT, .offset = AT(storage), .fallback = "/var/lib/fizeau",
		.allowed = "storage DIR"},
	{.name = "storage-keep", .type = FZ_DIRECTIVE_TIME, .offset = AT(storage_keep_ns), .max = 8760 * 3600 * SECOND,
		.fallback = "1h", .allowed = "storage-keep TIME, 0s to 8760h (ns us ms s m h)"},
	{.name = "clock-source", .type = FZ_DIRECTIVE_OTHER, .fallback = "auto", .set = set_clock, .print = print_clock,
		.allowed = "clock-source " FZ_CLOCK_CHOICES},
	{.name = "control", .type = FZ_DIRECTIVE_TEXT, .offset = AT(control), .fallback = "/run/fizeaud.sock",
		.allowed = "control PATH"},
	{.name = "user", .type = FZ_DIRECTIVE_TEXT, .offset = AT(user), .fallback = "fizeau",
		.allowed = "user NAME, or user - to stay"},
	{.name = "workers", .type = FZ_DIRECTIVE_NUMBER, .offset = AT(workers), .min = 1,
		.max = FZ_CONF_WORKERS_MAX, .allowed = "workers N, 1 to 64"},
	{.name = "busy-poll", .type = FZ_DIRECTIVE_YES, .offset = AT(busy_poll), .fallback = "no",
		.allowed = "busy-poll yes|no"},
	{.name = "stamp-key", .type = FZ_DIRECTIVE_OTHER, .set = fz_conf_set_stamp_key, .print = fz_conf_print_stamp_keys,
		.repeatable = true, .allowed = "stamp-key KEYID net CIDR [ssid N[-M]] [tlvs], stamp-key ike net CIDR [ssid N[-M]]"},
	{.name = "stamp-ssid", .type = FZ_DIRECTIVE_OTHER, .fallback = "any", .set = fz_conf_set_stamp_ssid,
		.print = fz_conf_print_stamp_ssid, .allowed = "stamp-ssid any, stamp-ssid N[-M],..., 0 (none) to 65535"},
	{.name = "stamp-stateless", .type = FZ_DIRECTIVE_YES, .offset = AT(stamp.stateless), .fallback = "no",
		.allowed = "stamp-stateless yes|no"},
	{.name = "stamp-short", .type = FZ_DIRECTIVE_YES, .offset = AT(stamp.answer_short), .fallback = "no",
		.allowed = "stamp-short yes|no"},
	{.name = "stamp-tlvs", .type = FZ_DIRECTIVE_YES, .offset = AT(stamp.tlvs), .fallback = "yes",
		.allowed = "stamp-tlvs yes|no"},
	{.name = "stamp-location", .type = FZ_DIRECTIVE_YES, .offset = AT(stamp.location), .fallback = "yes",
		.allowed = "stamp-location yes|no"},
	{.name = "stamp-dscp", .type = FZ_DIRECTIVE_OTHER, .fallback = "any", .set = fz_conf_set_stamp_dscp,
		.print = fz_conf_print_stamp_dscp, .allowed = "stamp-dscp any|none, or DSCP,... (ef, af41, cs1 or 0 to 63)"},
	{.name = "stamp-format", .type = FZ_DIRECTIVE_OTHER, .fallback = "ntp", .set = fz_conf_set_stamp_format,
		.print = fz_conf_print_stamp_format, .allowed = "stamp-format ntp|ptp"},
};

_Static_assert(sizeof(directives) / sizeof(directives[0]) <= 64, "fz_conf.seen has a bit for each");

const struct fz_directive *fz_directives(size_t *count)
{
	*count = sizeof(directives) / sizeof(directives[0]);
	return directives;
}
