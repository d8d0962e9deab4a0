/* SPDX-License-Identifier: MIT */
/* fizeau twoway or fizeau stamp with one target or with thousands: a pool of threads sets them up, the command's loop runs all tests. */
#ifndef FZ_CLI_TARGETS_H
#define FZ_CLI_TARGETS_H

#include "measurement.h"

/* Measures and prints; an fz_exit. */
int fz_targets_measure(struct fz_command *command);

#endif
