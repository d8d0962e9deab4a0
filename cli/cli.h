/* SPDX-License-Identifier: MIT */
/* What the subcommands of fizeau share: exit status, the table's row, messages on stderr. */
#ifndef FZ_CLI_CLI_H
#define FZ_CLI_CLI_H

#include <stddef.h>

enum fz_exit {
	FZ_EXIT_MEASURED = 0,
	FZ_EXIT_REFUSED = 1, /* refused, unreachable, not authenticated, or every packet lost */
	FZ_EXIT_USAGE = 2,   /* wrong usage or local configuration */
};

#define FZ_ERROR_TEXT 512

/* One subcommand: argv[0] is its name. Returns an fz_exit. */
typedef int fz_command_fn(int argc, char **argv);

int fz_cmd_twoway(int argc, char **argv);
int fz_cmd_oneway(int argc, char **argv);
int fz_cmd_fetch(int argc, char **argv);
int fz_cmd_stamp(int argc, char **argv);
int fz_cmd_keys(int argc, char **argv);
int fz_cmd_status(int argc, char **argv);

/* One line "fizeau: ..." on stderr. */
__attribute__((format(printf, 1, 2))) void fz_complain(const char *format, ...);
/* The same, only if the level of -v is at least one. */
__attribute__((format(printf, 2, 3))) void fz_explain(int verbose, const char *format, ...);

#endif
