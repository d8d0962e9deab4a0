/* SPDX-License-Identifier: MIT */
/* What a reflected packet costs: CPU of fizeaud beside bare loops in the same run. One of the programs of figures.py;
   doc/performance.md tells how to read it.

     bench_fizeaud [--json] [--only PART] FIZEAUD [PACKETS [RUNS]]
   PART: busy, modes, interleaved, lone, stamp-busy, stamp-modes, stamp-interleaved */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>
#include "io/clock.h"
#include "control.h"
#include "load.h"

enum { RUNS_MAX = 99, CONTROL_PORT = 18629, STAMP_PORT = 18630, KEYED_SSID = 2, SMALL = 41, LARGE = 112, BASE = FIZEAU_ST_BASE_OPEN,
	ROUND = 24 * BENCH_BATCH };

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		bench_fail(path, -errno);
	close(fd);
}

static pid_t start_fizeaud(const char *program, const char *folder, int core)
{
	char conf[160], keys[160], text[1024];
	snprintf(conf, sizeof(conf), "%s/fizeaud.conf", folder);
	snprintf(keys, sizeof(keys), "%s/keys", folder);
	snprintf(text, sizeof(text),
		"listen twamp 127.0.0.1 %d\nlisten stamp 127.0.0.1 %d\nstamp-key bench net 127.0.0.1 ssid %d\nkeys %s\nike off\nuser -\ncontrol %s/ctl\npbkdf2-count 1024\n"
		"workers 1\nclass bench any\nlimit bench connections 100000\nlimit bench sessions 100000\nlimit bench rate 10000000\n"
		"limit bench bandwidth 100000000000\nlimit bench packets 4000000000\n",
		CONTROL_PORT, STAMP_PORT, KEYED_SSID, keys, folder);
	write_file(keys, "bench bench passphrase\n");
	write_file(conf, text);
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork", -errno);
	if (pid == 0) {
		int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
		bench_pin(0, core);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (quiet < 0 || dup2(quiet, STDERR_FILENO) < 0)
			_exit(126);
		execl(program, program, "-f", "-c", conf, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200; i++) {
		struct sockaddr_in to = loopback(CONTROL_PORT);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int connected = connect(fd, (struct sockaddr *)&to, sizeof(to));
		close(fd);
		if (!connected)
			return pid;
		usleep(20000);
	}
	bench_fail("fizeaud does not listen", -ETIMEDOUT);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_value);
	return values[count / 2];
}

struct bench {
	pid_t fizeaud, bare[BENCH_BARES]; /* bare: as in enum bench_bare */
	uint16_t bare_port[BENCH_BARES];
	long packets;
	int runs;
	bool json;
	const char *only; /* part; NULL: all */
	uint64_t lost;
};

/* One way to have packets reflected, and what each of them cost in each run. */
enum column { ECHO_MM, ECHO_TRAINS, MM, TRAINS, OPEN, AUTHENTICATED, ENCRYPTED, MIXED, STAMP, STAMP_AUTHENTICATED, COLUMNS };

/* Sets of columns. */
#define BIT(column) (1u << (column))
#define BARES (BIT(ECHO_MM) | BIT(ECHO_TRAINS) | BIT(MM) | BIT(TRAINS))
#define STAMPS (BIT(STAMP) | BIT(STAMP_AUTHENTICATED))

static const char *const column_names[COLUMNS] = {"echo sendmmsg", "echo UDP_SEGMENT", "bare sendmmsg",
	"bare UDP_SEGMENT", "open", "authenticated", "encrypted", "mixed", "STAMP", "STAMP authenticated"};
static const uint32_t modes[COLUMNS] = {[OPEN] = FIZEAU_MODE_OPEN, [AUTHENTICATED] = FIZEAU_MODE_AUTHENTICATED,
	[ENCRYPTED] = FIZEAU_MODE_ENCRYPTED, [MIXED] = FIZEAU_MODE_MIXED};

struct way {
	struct bench_load load;
	struct bench_control control[BENCH_SENDERS_MAX];
	int connections;
	double ns[RUNS_MAX];
};

/* Of several senders, which are open mode's, one writes the packets of all. */
static void make_sender(struct bench_load *load, enum fizeau_test_mode mode, const struct fizeau_test_keys *keys)
{
	uint32_t padding = (uint32_t)(load->octets - fizeau_sender_header_octets(mode, 0));
	load->sender = fizeau_sender_new(
		&(struct fizeau_sender_config){.mode = mode, .keys = *keys, .padding_octets = padding});
	if (!load->sender)
		bench_fail("sender", FIZEAU_ERR_MEMORY);
}

/* Without control connections: sessions begin with their first packets. */
static void open_stamp(struct way *way, bool keyed)
{
	static const char key[] = "bench passphrase";
	struct fizeau_st_sender_config config = {.ssid = KEYED_SSID + !keyed};
	size_t base = keyed ? FIZEAU_ST_BASE_AUTHENTICATED : FIZEAU_ST_BASE_OPEN;
	if (keyed) {
		config.key.octets = sizeof(key) - 1;
		memcpy(config.key.key, key, config.key.octets);
	}
	if (way->load.octets > base)
		config.padding_octets = (uint32_t)(way->load.octets - base - 4);
	way->load.stamp = fizeau_st_sender_new(&config);
	if (!way->load.stamp || fizeau_st_sender_octets(way->load.stamp) != way->load.octets)
		bench_fail("STAMP sender", FIZEAU_ERR_RANGE);
	for (int i = 0; i < way->load.senders; i++)
		way->load.to[i] = STAMP_PORT;
	bench_load_begin(&way->load);
}

static void open_way(struct bench *bench, struct way *way, enum column column, int senders, int round, size_t octets)
{
	enum fizeau_test_mode mode = fizeau_test_mode_of(modes[column]);
	struct bench_session session = {0};
	bench_load_open(&way->load, senders, round);
	way->load.octets = octets;
	if (BIT(column) & STAMPS) {
		open_stamp(way, column == STAMP_AUTHENTICATED);
		return;
	}
	for (int i = 0; i < senders; i++) {
		struct bench_control *control = &way->control[i];
		if (column < OPEN) {
			way->load.to[i] = bench->bare_port[column];
			continue;
		}
		bench_control_open(control, way->load.host[i], CONTROL_PORT, modes[column]);
		way->connections++;
		bench_control_session(control, way->load.from[i], (uint32_t)(octets - fizeau_sender_header_octets(mode, 0)),
			modes[column], &session);
		way->load.to[i] = session.port;
		bench_control_start(control);
	}
	make_sender(&way->load, column < OPEN ? FIZEAU_TEST_OPEN : mode, &session.keys);
}

static void close_way(struct bench *bench, struct way *way)
{
	for (int i = 0; i < way->connections; i++)
		bench_control_close(&way->control[i]);
	bench->lost += way->load.lost;
	bench_load_close(&way->load);
}

/* The median of the ratios of each run: what else the machine did in that run hit both. */
static double ratio(const struct bench *bench, const struct way *way, const struct way *to)
{
	double ratios[RUNS_MAX];
	for (int i = 0; i < bench->runs; i++)
		ratios[i] = way->ns[i] / to->ns[i];
	return median(ratios, bench->runs);
}

struct goal {
	enum column of, against;
	double limit; /* at most; as packets per CPU second its inverse at least. 0: for comparison only */
};

struct part {
	const char *name;
	int senders, round;
	size_t octets;
	unsigned columns; /* the set of them */
	const struct goal *goals;
	size_t goal_count;
};

static void print_goal(const struct bench *bench, const struct way *ways, const struct goal *goal, const char *separator)
{
	double r = ratio(bench, &ways[goal->of], &ways[goal->against]);
	if (bench->json)
		printf("%s{\"of\":\"%s\",\"against\":\"%s\",\"cpu_ratio\":%.4f,\"cpu_ratio_goal\":%.4f,\"reached\":%s}", separator,
			column_names[goal->of], column_names[goal->against], r, goal->limit,
			goal->limit == 0 ? "null" : r <= goal->limit ? "true" : "false");
	else if (goal->limit > 0)
		printf("  %s / %s: %.2f, goal %.2f: %s\n", column_names[goal->of], column_names[goal->against], r, goal->limit,
			r <= goal->limit ? "reached" : "missed");
	else
		printf("  %s / %s: %.2f\n", column_names[goal->of], column_names[goal->against], r);
}

static void print_runs(const struct bench *bench, const struct way *way, const char *name, const char *separator)
{
	printf("%s\"%s\":[", separator, name);
	for (int i = 0; i < bench->runs; i++)
		printf("%s%.1f", i > 0 ? "," : "", way->ns[i]);
	printf("]");
}

/* All of them take turns within each run. */
static void bench_packets(struct bench *bench, const struct part *part, const char *separator)
{
	static struct way ways[COLUMNS];
	memset(ways, 0, sizeof(ways));
	for (enum column c = ECHO_MM; c < COLUMNS; c++) {
		if (part->columns & BIT(c))
			open_way(bench, &ways[c], c, part->senders, part->round, part->octets);
	}
	for (int run = 0; run < bench->runs; run++) {
		for (enum column c = ECHO_MM; c < COLUMNS; c++) {
			if (!(part->columns & BIT(c)))
				continue;
			ways[c].ns[run] = bench_load_run(&ways[c].load, c < OPEN ? bench->bare[c] : bench->fizeaud,
				part->round == 1 ? bench->packets / 8 : bench->packets);
		}
	}
	if (bench->json)
		printf("%s\"%s\":{\"senders\":%d,\"waiting\":%d,\"octets\":%zu,\"cpu_ns\":{", separator, part->name,
			part->senders, part->round, part->octets);
	else
		printf("CPU of a reflected packet, %d sender%s, %zu octets, %s\n", part->senders,
			part->senders == 1 ? "" : "s, interleaved", part->octets, part->round == 1 ? "one at a time" : "full batches");
	for (enum column c = ECHO_MM; c < COLUMNS; c++) {
		double ns[RUNS_MAX];
		if (!(part->columns & BIT(c)))
			continue;
		memcpy(ns, ways[c].ns, sizeof(ns));
		double middle = median(ns, bench->runs);
		if (bench->json)
			print_runs(bench, &ways[c], column_names[c], c == ECHO_MM ? "" : ",");
		else
			printf("%-20s %6.0f ns (%.0f to %.0f)\n", column_names[c], middle, ns[0], ns[bench->runs - 1]);
		close_way(bench, &ways[c]);
	}
	if (bench->json)
		printf("},\"ratios\":[");
	for (size_t i = 0; i < part->goal_count; i++)
		print_goal(bench, ways, &part->goals[i], i > 0 ? "," : "");
	if (bench->json)
		printf("]}");
	fflush(stdout);
}

static void bench_all_packets(struct bench *bench)
{
	static const struct goal small[] = {{OPEN, TRAINS, 1.15}, {OPEN, MM, 0}};
	static const struct goal large[] = {{OPEN, TRAINS, 1.15}, {AUTHENTICATED, OPEN, 1 / 0.85}, {ENCRYPTED, OPEN, 1 / 0.75},
		{MIXED, OPEN, 0}};
	static const struct goal many[] = {{OPEN, MM, 1.15}};
	static const struct goal lone[] = {{OPEN, MM, 0}};
	static const struct goal stamp_busy[] = {{STAMP, TRAINS, 1.15}, {STAMP, OPEN, 0}};
	static const struct goal stamp_modes[] = {{STAMP_AUTHENTICATED, STAMP, 1 / 0.85}};
	static const struct goal stamp_many[] = {{STAMP, MM, 1.15}, {STAMP, OPEN, 0}};
	static const struct part parts[] = {
		{"busy", 1, ROUND, SMALL, BARES | BIT(OPEN), small, sizeof(small) / sizeof(small[0])},
		{"modes", 1, ROUND, LARGE, BARES | BIT(OPEN) | BIT(AUTHENTICATED) | BIT(ENCRYPTED) | BIT(MIXED), large, sizeof(large) / sizeof(large[0])},
		{"interleaved", BENCH_SENDERS_MAX, ROUND, SMALL, BARES | BIT(OPEN), many, sizeof(many) / sizeof(many[0])},
		{"lone", 1, 1, SMALL, BARES | BIT(OPEN), lone, sizeof(lone) / sizeof(lone[0])},
		{"stamp-busy", 1, ROUND, BASE, BARES | BIT(OPEN) | BIT(STAMP), stamp_busy, sizeof(stamp_busy) / sizeof(stamp_busy[0])},
		{"stamp-modes", 1, ROUND, LARGE, BARES | STAMPS, stamp_modes, sizeof(stamp_modes) / sizeof(stamp_modes[0])},
		{"stamp-interleaved", BENCH_SENDERS_MAX, ROUND, BASE, BARES | BIT(OPEN) | BIT(STAMP), stamp_many,
			sizeof(stamp_many) / sizeof(stamp_many[0])},
	};
	const char *separator = "";

	if (bench->json)
		printf("\"reflected\":{");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (bench->only && strcmp(bench->only, parts[i].name))
			continue;
		bench_packets(bench, &parts[i], separator);
		separator = ",";
	}
	printf(bench->json ? "},\"lost\":%llu," : "packets that did not come back: %llu\n", (unsigned long long)bench->lost);
}

static bool parse(struct bench *bench, int argc, char **argv, const char **program)
{
	int at = 1;
	if (at < argc && !strcmp(argv[at], "--json")) {
		bench->json = true;
		at++;
	}
	if (at + 1 < argc && !strcmp(argv[at], "--only")) {
		bench->only = argv[at + 1];
		at += 2;
	}
	*program = at < argc ? argv[at++] : NULL;
	bench->packets = at < argc ? strtol(argv[at++], NULL, 10) : 192000;
	bench->runs = at < argc ? (int)strtol(argv[at++], NULL, 10) : 5;
	bench->packets -= bench->packets % ROUND;
	return *program && at == argc && bench->packets > 0 && bench->runs >= 1 && bench->runs <= RUNS_MAX;
}

static void start(struct bench *bench, const char *program, const char *folder)
{
	struct rlimit files = {.rlim_cur = 8192, .rlim_max = 8192};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct utsname host;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || uname(&host) < 0)
		bench_fail("8192 open files", -errno);
	bench_pin(0, cores > 1 ? 0 : -1);
	for (int i = 0; i < BENCH_BARES; i++)
		bench->bare[i] = bench_bare_start((enum bench_bare)i, false, cores > 1 ? 1 : -1, &bench->bare_port[i]);
	bench->fizeaud = start_fizeaud(program, folder, cores > 1 ? 1 : -1);
	printf(bench->json ? "{\"kernel\":\"%s\",\"cores\":%ld,\"runs\":%d,\"packets\":%ld,"
			   : "Linux %s, %ld cores; medians (least to most) of %d runs of %ld packets, on loopback\n",
		host.release, cores, bench->runs, bench->packets);
}

static void end(const struct bench *bench, const char *folder)
{
	static const char *const files[] = {"fizeaud.conf", "keys", "ctl"};
	char path[160];

	for (int i = 0; i < BENCH_BARES; i++)
		kill(bench->bare[i], SIGTERM);
	kill(bench->fizeaud, SIGTERM);
	while (wait(NULL) > 0)
		;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/fizeau-bench-XXXXXX";
	struct bench bench = {0};
	const char *program;

	if (!parse(&bench, argc, argv, &program)) {
		fprintf(stderr, "usage: bench_fizeaud [--json] [--only PART] FIZEAUD [PACKETS [RUNS]]\n");
		return 2;
	}
	if (!mkdtemp(folder))
		bench_fail("folder in /tmp", -errno);
	start(&bench, program, folder);
	bench_all_packets(&bench);
	if (bench.json)
		printf("\"unit\":\"nanoseconds of CPU\"}\n");
	end(&bench, folder);
	return 0;
}
