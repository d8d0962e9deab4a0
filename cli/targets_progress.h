/* SPDX-License-Identifier: MIT */
/* One line on a terminal that tells how a measurement with many targets goes. */
#ifndef FZ_CLI_TARGETS_PROGRESS_H
#define FZ_CLI_TARGETS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/loop.h"

struct fz_targets_sums {
	size_t waiting; /* targets that are being set up */
	size_t failed;  /* that cannot be measured */
	uint64_t sent, back;
};

/* How it goes now. */
typedef void fz_targets_sums_fn(const void *arg, struct fz_targets_sums *sums);

struct fz_targets_progress {
	struct fz_loop *loop;
	struct fz_timer timer;
	size_t targets;
	fz_targets_sums_fn *sums;
	const void *arg;
	struct fizeau_mono end; /* when the last schedule so far will be through */
	bool shown;
};

/* Begins if stderr is a terminal; shows something if it takes more than two seconds. */
void fz_targets_progress_begin(struct fz_targets_progress *progress, struct fz_loop *loop, size_t targets,
	fz_targets_sums_fn *sums, const void *arg);
/* Another schedule. */
void fz_targets_progress_until(struct fz_targets_progress *progress, struct fizeau_mono end);
/* Clears the line. */
void fz_targets_progress_end(struct fz_targets_progress *progress);

#endif
