/* SPDX-License-Identifier: MIT */
/* The options of the measuring commands as data: who takes which, and what --help says of them. */
#ifndef FZ_CLI_OPTIONS_TABLE_H
#define FZ_CLI_OPTIONS_TABLE_H

#include <getopt.h>
#include <stddef.h>

enum fz_long_option {
	FZ_OPTION_HELP = 256,
	FZ_OPTION_IKE,
	FZ_OPTION_IKE_SOCKET,
	FZ_OPTION_IKE_STATIC,
	FZ_OPTION_IKE_KEY,
	FZ_OPTION_KEYS,
	FZ_OPTION_DSCP,
	FZ_OPTION_ZERO_PADDING,
	FZ_OPTION_BYPASS_IPSEC,
	FZ_OPTION_BUSY_POLL,
	FZ_OPTION_RECORDS,
	FZ_OPTION_TARGETS,
	FZ_OPTION_PBKDF2_MAX,
	FZ_OPTION_TO,
	FZ_OPTION_FROM,
	FZ_OPTION_BEGIN,
	FZ_OPTION_END,
	FZ_OPTION_CLOCK,
	FZ_OPTION_SAME_CLOCK,
	FZ_OPTION_FEATURES,
	FZ_OPTION_LIGHT,
	FZ_OPTION_PTP,
	FZ_OPTION_SSID,
	FZ_OPTION_NEED_SSID,
	FZ_OPTION_TLV,
	FZ_OPTION_ACCESS_TIMEOUT,
	FZ_OPTION_ACCESS_RETRIES,
};

struct fz_option {
	unsigned commands;     /* bits 1 << enum fz_measure_command */
	int value;             /* what getopt_long returns: the short option's letter, or an fz_long_option */
	const char *name;      /* long option; NULL: short only */
	const char *argument;  /* as --help names it, "[=M]" if it may be left out; NULL: none */
	const char *text;      /* of --help; a line break goes on in the same column */
};

#define FZ_OPTIONS_MAX 64

const struct fz_option *fz_options_table(size_t *count);
/* For getopt_long: the command's options. */
void fz_options_getopt(unsigned command, char short_options[static 2 * FZ_OPTIONS_MAX + 2],
	struct option long_options[static FZ_OPTIONS_MAX + 1]);

#endif
