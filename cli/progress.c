/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "io/clock.h"
#include "progress.h"

#define SHORT_NS 2000000000
#define EVERY_NS 500000000

static void on_timer(void *arg)
{
	struct fz_progress *progress = arg;
	struct fizeau_mono now = fz_clock_mono();
	int64_t left = progress->end.ns > now.ns ? (progress->end.ns - now.ns) / 100000000 : 0;

	fputs("\r\033[K", stderr);
	if (progress->sent != NULL)
		fprintf(stderr, "%u of %u sent, ", *progress->sent, progress->count);
	if (progress->back != NULL && progress->sent != NULL)
		fprintf(stderr, "%u back, ", *progress->back);
	else if (progress->back != NULL)
		fprintf(stderr, "%u of %u received, ", *progress->back, progress->count);
	fprintf(stderr, "%" PRId64 ".%" PRId64 " s left ", left / 10, left % 10);
	progress->shown = true;
	/* Without a timer there is no progress to see: nothing worth an error. */
	(void)!fz_loop_timer(progress->loop, &progress->timer, (struct fizeau_mono){now.ns + EVERY_NS});
}

void fz_progress_begin(struct fz_progress *progress, struct fz_loop *loop, const uint32_t *sent, const uint32_t *back,
	uint32_t count, struct fizeau_mono end)
{
	struct fizeau_mono now = fz_clock_mono();

	*progress = (struct fz_progress){.loop = loop, .sent = sent, .back = back, .count = count, .end = end};
	progress->timer = (struct fz_timer){.fn = on_timer, .arg = progress};
	if (isatty(STDERR_FILENO) != 1 || end.ns - now.ns <= SHORT_NS)
		return;
	(void)!fz_loop_timer(loop, &progress->timer, (struct fizeau_mono){now.ns + EVERY_NS});
}

void fz_progress_end(struct fz_progress *progress)
{
	if (progress->loop != NULL)
		fz_loop_timer_stop(progress->loop, &progress->timer);
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
