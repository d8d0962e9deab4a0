/* SPDX-License-Identifier: MIT */
/* One line on a terminal that tells how a longer measurement goes. */
#ifndef FZ_CLI_PROGRESS_H
#define FZ_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include "io/loop.h"

struct fz_progress {
	struct fz_loop *loop;
	struct fz_timer timer;
	const uint32_t *sent, *back; /* counters of the test; NULL: none of that sort */
	uint32_t count;
	struct fizeau_mono end;      /* when the schedule will be through */
	bool shown;
};

/* Begins if stderr is a terminal and the measurement will take more than two seconds. */
void fz_progress_begin(struct fz_progress *progress, struct fz_loop *loop, const uint32_t *sent, const uint32_t *back,
	uint32_t count, struct fizeau_mono end);
/* Clears the line. */
void fz_progress_end(struct fz_progress *progress);

#endif
