/* SPDX-License-Identifier: MIT */
/* Options of fizeau stamp that no other command has. */
#ifndef FZ_CLI_OPTIONS_STAMP_H
#define FZ_CLI_OPTIONS_STAMP_H

#include "options.h"

/* Sets one of FZ_OPTION_LIGHT to FZ_OPTION_ACCESS_RETRIES; false with one line for a person. */
FIZEAU_MUST_USE bool fz_options_set_stamp(struct fz_stamp_options *options, int option, const char *value,
	char error[static 512]);
/* What is wrong with all of the options together, NULL: nothing. */
const char *fz_options_check_stamp(const struct fz_measure_options *options);

#endif
