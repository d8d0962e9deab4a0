/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "io/clock.h"
#include "targets_progress.h"

#define SHORT_NS 2000000000
#define EVERY_NS 500000000

static void on_timer(void *arg)
{
	struct fz_targets_progress *progress = arg;
	struct fizeau_mono now = fz_clock_mono();
	struct fz_targets_sums sums = {0};
	int64_t left = progress->end.ns > now.ns ? (progress->end.ns - now.ns) / 100000000 : 0;

	progress->sums(progress->arg, &sums);
	fprintf(stderr, "\r\033[K%zu of %zu targets set up", progress->targets - sums.waiting, progress->targets);
	if (sums.failed > 0)
		fprintf(stderr, " (%zu failed)", sums.failed);
	fprintf(stderr, ", %" PRIu64 " sent, %" PRIu64 " back, %" PRId64 ".%" PRId64 " s left ", sums.sent, sums.back,
		left / 10, left % 10);
	progress->shown = true;
	/* Without a timer there is no progress to see: nothing worth an error. */
	(void)!fz_loop_timer(progress->loop, &progress->timer, (struct fizeau_mono){now.ns + EVERY_NS});
}

void fz_targets_progress_begin(struct fz_targets_progress *progress, struct fz_loop *loop, size_t targets,
	fz_targets_sums_fn *sums, const void *arg)
{
	*progress = (struct fz_targets_progress){.loop = loop, .targets = targets, .sums = sums, .arg = arg};
	progress->timer = (struct fz_timer){.fn = on_timer, .arg = progress};
	if (isatty(STDERR_FILENO) == 1)
		(void)!fz_loop_timer(loop, &progress->timer, (struct fizeau_mono){fz_clock_mono().ns + SHORT_NS});
}

void fz_targets_progress_until(struct fz_targets_progress *progress, struct fizeau_mono end)
{
	if (end.ns > progress->end.ns)
		progress->end = end;
}

void fz_targets_progress_end(struct fz_targets_progress *progress)
{
	if (progress->loop != NULL)
		fz_loop_timer_stop(progress->loop, &progress->timer);
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
