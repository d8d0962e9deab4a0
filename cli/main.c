/* SPDX-License-Identifier: MIT */
/* fizeau: one program, a table of subcommands. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "cli.h"

struct command {
	const char *name;
	fz_command_fn *run;
	const char *synopsis;
};

static const struct command commands[] = {
	{"twoway", fz_cmd_twoway, "measure both directions to a TWAMP server"},
	{"oneway", fz_cmd_oneway, "measure to an OWAMP server and from it, each direction on its own"},
	{"stamp", fz_cmd_stamp, "measure both directions to a STAMP or TWAMP Light reflector"},
	{"fetch", fz_cmd_fetch, "a session that an OWAMP server has stored"},
	{"keys", fz_cmd_keys, "list the IKE SAs that can key a measurement, or set one up"},
	{"status", fz_cmd_status, "show what a running fizeaud does"},
};

static void usage(FILE *out)
{
	fputs("usage: fizeau COMMAND [OPTIONS] ...\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].synopsis);
	fputs("\nfizeau COMMAND --help describes a command, fizeau(1) all of them.\n", out);
}

/* Keys of a measurement lie in this process: no core file, no debugger of the same user. */
static void harden(void)
{
	const struct rlimit none = {0, 0};

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	harden();
	if (argc < 2) {
		usage(stderr);
		return FZ_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return FZ_EXIT_MEASURED;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("fizeau " FIZEAU_VERSION);
		return FZ_EXIT_MEASURED;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int status;

		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		status = commands[i].run(argc - 1, argv + 1);
		/* A full disk or a closed pipe must not pass for a printed result. */
		if ((fflush(stdout) != 0 || ferror(stdout)) && status == FZ_EXIT_MEASURED) {
			fz_complain("cannot write the output: %s", strerror(errno));
			status = FZ_EXIT_USAGE;
		}
		return status;
	}
	fz_complain("unknown command %s: fizeau --help lists them", argv[1]);
	return FZ_EXIT_USAGE;
}
