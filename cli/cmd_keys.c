/* SPDX-License-Identifier: MIT */
/* fizeau keys: the IKE SAs that can key a measurement, never their keys. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli.h"
#include "options.h"
#include "result.h"
#include "sa_source.h"

#define ADDRESSES_MAX 16

static const char help[] =
	"usage: fizeau keys [OPTIONS] [HOST]\n"
	"       fizeau keys [OPTIONS] --initiate HOST\n"
	"Lists the IKE SAs that can key a measurement (with HOST), never the keys.\n"
	"\n"
	"      --initiate HOST    have an IKE SA with HOST set up\n"
	"      --ike-socket PATH  the key service (/run/charon.ippm)\n"
	"      --ike-static FILE  lab and test only: IKE SAs from a file\n"
	"  -4, -6                 only IPv4, only IPv6 addresses of HOST\n"
	"  -j, --json             one JSON document on stdout\n"
	"      --help             this\n"
	"\n"
	"Exit status: 0 there is one; 1 there is none, or no key service; 2 wrong usage.\n";

struct keys {
	const char *host;      /* NULL: all */
	bool initiate, json, help;
	int family;
	const char *ike_static;
	struct fz_sa_source source;
	unsigned interrupts;
	struct fz_addr addrs[ADDRESSES_MAX];
	int addr_count;
};

static void on_signal(void *arg, int signo)
{
	struct keys *keys = arg;

	(void)signo;
	keys->interrupts++;
}

static bool parse(int argc, char **argv, struct keys *keys)
{
	static const struct option long_options[] = {
		{"initiate", required_argument, NULL, 'i'}, {"ike-socket", required_argument, NULL, 's'},
		{"ike-static", required_argument, NULL, 'f'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":46jh", long_options, NULL)) != -1) {
		switch (option) {
		case 'i':
			keys->initiate = true;
			keys->host = optarg;
			break;
		case 's':
			keys->source.socket = optarg;
			break;
		case 'f':
			keys->ike_static = optarg;
			break;
		case '4':
			keys->family = AF_INET;
			break;
		case '6':
			keys->family = AF_INET6;
			break;
		case 'j':
			keys->json = true;
			break;
		case 'h':
			keys->help = true;
			return true;
		case ':':
			fz_complain("%s needs a value", argv[optind - 1]);
			return false;
		default:
			fz_complain("unknown option %s: fizeau keys --help lists them", argv[optind - 1]);
			return false;
		}
	}
	if (argc - optind > (keys->initiate ? 0 : 1)) {
		fz_complain("fizeau keys takes one HOST");
		return false;
	}
	if (keys->initiate && keys->ike_static != NULL) {
		fz_complain("an SA from a file cannot be initiated");
		return false;
	}
	if (optind < argc)
		keys->host = argv[optind];
	return true;
}

static bool is_wanted(const struct keys *keys, const struct fz_ike_sa *sa)
{
	struct fz_addr remote;

	if (keys->host == NULL || sa->remote_host[0] == '\0')
		return true;
	if (!fz_addr_parse(sa->remote_host, &remote))
		return false;
	for (int i = 0; i < keys->addr_count; i++)
		if (fz_addr_same_host(&remote, &keys->addrs[i]))
			return true;
	return false;
}

static void filter(const struct keys *keys, struct fz_sa_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (is_wanted(keys, &list->sas[i]))
			list->sas[kept++] = list->sas[i];
	list->count = kept;
}

static void age_text(int64_t since, char text[static 32])
{
	int64_t age = (int64_t)time(NULL) - since;

	if (since <= 0)
		snprintf(text, 32, "-");
	else if (age < 0)
		snprintf(text, 32, "0s");
	else if (age < 120)
		snprintf(text, 32, "%" PRId64 "s", age);
	else if (age < 7200)
		snprintf(text, 32, "%" PRId64 "m", age / 60);
	else
		snprintf(text, 32, "%" PRId64 "h", age / 3600);
}

/* "established", "rekeyed 40s ago". */
static void state_text(const struct fz_ike_sa *sa, char text[static 64])
{
	char age[32];

	age_text(sa->vanished, age);
	if (sa->vanished > 0)
		snprintf(text, 64, "%s %s ago", sa->state, age);
	else
		snprintf(text, 64, "%s", sa->state);
}

static void put_cell(const char *text, int width)
{
	int octets = 0;

	if (*text == '\0')
		text = "-";
	/* Identities come from a peer's certificate: nothing in them may steer the terminal. */
	for (; *text != '\0'; text++, octets++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	do
		putchar(' ');
	while (++octets <= width);
}

static void put_table(const struct fz_sa_list *list)
{
	static const char *const heads[] = {"SPI INITIATOR", "SPI RESPONDER", "PRF", "AGE", "STATE", "LOCAL", "REMOTE",
		"REMOTE ID"};
	static const int widths[] = {16, 16, 13, 5, 16, 15, 15, 0};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		put_cell(heads[i], widths[i]);
	putchar('\n');
	for (size_t i = 0; i < list->count; i++) {
		const struct fz_ike_sa *sa = &list->sas[i];
		char spi_i[17], spi_r[17], age[32], state[64];
		const char *prf = fizeau_prf_name(sa->prf);
		const char *cells[] = {spi_i, spi_r, prf != NULL ? prf : "", age, state, sa->local_host,
			sa->remote_host, sa->remote_id};

		fz_hex_text(sa->spi_i, 8, spi_i);
		fz_hex_text(sa->spi_r, 8, spi_r);
		age_text(sa->established, age);
		state_text(sa, state);
		for (size_t j = 0; j < sizeof(cells) / sizeof(cells[0]); j++)
			put_cell(cells[j], widths[j]);
		putchar('\n');
	}
}

static void set_text(json_t *object, const char *name, const char *text)
{
	json_t *value = text != NULL && *text != '\0' ? json_string(text) : NULL;

	json_object_set_new(object, name, value != NULL ? value : json_null());
}

static bool put_json(const struct fz_sa_list *list)
{
	json_t *root = json_object(), *array = json_array();
	bool good;

	json_object_set_new(root, "schema", json_string("fizeau.keys/1"));
	for (size_t i = 0; i < list->count; i++) {
		const struct fz_ike_sa *sa = &list->sas[i];
		json_t *object = json_object();
		char spi_i[17], spi_r[17];

		fz_hex_text(sa->spi_i, 8, spi_i);
		fz_hex_text(sa->spi_r, 8, spi_r);
		set_text(object, "spi_i", spi_i);
		set_text(object, "spi_r", spi_r);
		set_text(object, "prf", fizeau_prf_name(sa->prf));
		set_text(object, "local_host", sa->local_host);
		set_text(object, "remote_host", sa->remote_host);
		set_text(object, "local_id", sa->local_id);
		set_text(object, "remote_id", sa->remote_id);
		set_text(object, "auth", sa->auth);
		set_text(object, "state", sa->state);
		set_text(object, "connection", sa->connection);
		json_object_set_new(object, "established_unix_s",
			sa->established > 0 ? json_integer(sa->established) : json_null());
		json_object_set_new(object, "vanished_unix_s",
			sa->vanished > 0 ? json_integer(sa->vanished) : json_null());
		json_array_append_new(array, object);
	}
	good = json_object_set_new(root, "sas", array) == 0 && json_dumpf(root, stdout, JSON_INDENT(2)) == 0 &&
		putchar('\n') != EOF;
	json_decref(root);
	return good;
}

/* Every address of the host, until one works. */
static void initiate(struct keys *keys, struct fz_sa_list *list)
{
	for (int i = 0; i < keys->addr_count; i++) {
		fz_sa_initiate(&keys->source, &keys->addrs[i], false, list);
		if (list->error == 0 || keys->interrupts != 0)
			return;
	}
}

static int show(struct keys *keys, struct fz_sa_list *list)
{
	if (list->error != 0) {
		if (keys->initiate)
			fz_complain("no IKE SA with %s could be set up: %s", keys->host, list->reason);
		else
			fz_complain("%s", list->reason);
		return FZ_EXIT_REFUSED;
	}
	if (!keys->initiate)
		filter(keys, list);
	if (keys->json) {
		if (!put_json(list))
			return FZ_EXIT_USAGE;
	} else if (list->count > 0) {
		put_table(list);
	}
	if (list->count == 0) {
		fz_complain("no IKE SA%s%s: fizeau keys --initiate HOST sets one up", keys->host != NULL ? " with " : "",
			keys->host != NULL ? keys->host : "");
		return FZ_EXIT_REFUSED;
	}
	return FZ_EXIT_MEASURED;
}

static int open_source(struct keys *keys)
{
	char error[FZ_ERROR_TEXT];

	if (keys->ike_static != NULL) {
		keys->source.table = fz_ike_static_load(keys->ike_static, error, sizeof(error));
		if (keys->source.table == NULL) {
			fz_complain("%s", error);
			return FZ_EXIT_USAGE;
		}
	}
	if (fz_loop_new(&keys->source.loop) < 0 || fz_loop_signal(keys->source.loop, SIGINT, on_signal, keys) < 0) {
		fz_complain("no event loop could be made: the system is out of descriptors or memory");
		return FZ_EXIT_USAGE;
	}
	if (keys->host != NULL) {
		keys->addr_count = fz_addr_resolve(keys->host, 0, keys->family, keys->addrs, ADDRESSES_MAX);
		if (keys->addr_count <= 0) {
			fz_complain("host %s cannot be resolved: %s", keys->host,
				keys->addr_count < 0 ? gai_strerror(keys->addr_count) : "no address");
			return FZ_EXIT_REFUSED;
		}
	}
	return FZ_EXIT_MEASURED;
}

int fz_cmd_keys(int argc, char **argv)
{
	struct keys keys = {.family = AF_UNSPEC, .source = {.socket = FZ_KEY_SERVICE}};
	struct fz_sa_list *list;
	int status;

	keys.source.interrupts = &keys.interrupts;
	if (!parse(argc, argv, &keys))
		return FZ_EXIT_USAGE;
	if (keys.help) {
		fputs(help, stdout);
		return FZ_EXIT_MEASURED;
	}
	list = calloc(1, sizeof(*list));
	if (list == NULL) {
		fz_complain("no memory");
		return FZ_EXIT_USAGE;
	}
	status = open_source(&keys);
	if (status == FZ_EXIT_MEASURED) {
		if (keys.initiate)
			initiate(&keys, list);
		else
			fz_sa_all(&keys.source, list);
		status = show(&keys, list);
	}
	fz_sa_list_wipe(list);
	free(list);
	fz_ike_static_free(keys.source.table);
	fz_loop_free(keys.source.loop);
	return status;
}
