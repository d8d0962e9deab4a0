/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <errno.h>
#include <sys/timex.h>
#include "io/clock_daemon.h"

#define NS_PER_SEC 1000000000LL
#define WATCH_NS (4 * NS_PER_SEC)
#define STEP_NS 10000        /* less is not seen as a step: the clocks cannot be read at once */
#define SUSPICIOUS_NS 100000 /* of two readings that may be apart, before both are read carefully */
#define READS 4

struct fizeau_mono fz_clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct fizeau_mono){(int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec};
}

static int64_t wall_unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* What one reading of the clock cannot resolve: its tick, which is part of every stamp's error. */
static int64_t resolution_ns(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_REALTIME, &ts) != 0 || ts.tv_sec != 0)
		return NS_PER_SEC;
	return ts.tv_nsec;
}

/* Wall clock less monotonic clock: whatever slews the one slews the other, so only setting the clock (and a leap second,
   and the sleep of the machine) changes it. *unsure_ns: half of what lay between the readings. */
static int64_t ahead_of_mono(int64_t *unsure_ns)
{
	int64_t ahead = 0;

	*unsure_ns = INT64_MAX;
	for (int i = 0; i < READS && *unsure_ns > STEP_NS / 2; i++) {
		int64_t before = fz_clock_mono().ns, wall = wall_unix_ns(), width = fz_clock_mono().ns - before;

		if (width / 2 < *unsure_ns) {
			*unsure_ns = width / 2;
			ahead = wall - before - width / 2;
		}
	}
	return ahead;
}

static void set_word(struct fz_clock *clock, enum fz_clock_source source, const struct fz_clock_word *word)
{
	clock->source = source;
	clock->synchronized = word->synchronized;
	clock->error_ns = word->error_ns + resolution_ns();
	clock->error_estimate = fizeau_error_estimate((uint64_t)clock->error_ns, clock->synchronized);
}

/* NTP and PTP daemons tell the kernel what TAI is; 0 is its "not known", since no clock has been there after 1958. */
static struct fz_clock_word kernel_word(int32_t *tai_utc_s)
{
	struct timex tx = {0};
	int state = adjtimex(&tx);
	struct fz_clock_word word = {.error_ns = FZ_CLOCK_ERROR_MAX_NS};

	*tai_utc_s = state != -1 && tx.tai > 0 ? tx.tai : FIZEAU_TAI_UTC_S;
	word.synchronized = state != -1 && state != TIME_ERROR && (tx.status & STA_UNSYNC) == 0;
	/* A bound of 0 from a clock that nobody disciplines is no bound at all. */
	if (state != -1 && tx.maxerror >= 0 && tx.maxerror * 1000LL < FZ_CLOCK_ERROR_MAX_NS &&
		(word.synchronized || tx.maxerror > 0))
		word.error_ns = tx.maxerror * 1000LL;
	return word;
}

static bool daemon_word(const struct fz_clock *clock, const struct fz_clock_daemon *daemon, struct fizeau_mono now,
	struct fz_clock_word *word)
{
	return daemon != NULL && fz_clock_daemon_word(daemon, now, clock->step_noticed, word) && word->synchronized;
}

/* Whose word counts now. A word that is older than a step says nothing. */
static void choose(struct fz_clock *clock, struct fz_clock_word kernel, bool kernel_counts, struct fizeau_mono now)
{
	struct fz_clock_word word;

	if (kernel.synchronized && kernel_counts)
		set_word(clock, FZ_CLOCK_KERNEL, &kernel);
	else if (daemon_word(clock, clock->chronyd, now, &word))
		set_word(clock, FZ_CLOCK_CHRONYD, &word);
	else if (daemon_word(clock, clock->ptp4l, now, &word))
		set_word(clock, FZ_CLOCK_PTP4L, &word);
	else {
		kernel.synchronized = false;
		set_word(clock, clock->choice == FZ_CLOCK_AUTO ? FZ_CLOCK_KERNEL : clock->choice, &kernel);
	}
}

static void ask_daemons(struct fz_clock *clock, struct fizeau_mono now)
{
	if (clock->chronyd != NULL)
		fz_clock_daemon_ask(clock->chronyd, now);
	if (clock->ptp4l != NULL)
		fz_clock_daemon_ask(clock->ptp4l, now);
}

/* Whether the clock was set since it was last looked at. If so its stamps are synchronised with nothing, and off by at
   least that much, until somebody has a newer word. */
static bool look_for_step(struct fz_clock *clock, struct fizeau_mono now)
{
	struct fz_clock_word none = {0};
	int64_t unsure, ahead = ahead_of_mono(&unsure), size = ahead - clock->ahead_ns;
	int64_t magnitude = size < 0 ? -size : size;

	if (magnitude <= STEP_NS + unsure)
		return false;
	clock->ahead_ns = ahead;
	clock->steps.count++;
	clock->steps.size_ns += size;
	clock->steps.unix_ns = wall_unix_ns();
	/* Who was asked before says nothing of the clock as it is now. */
	clock->step_noticed.ns = now.ns + 1;
	none.error_ns = clock->error_ns + magnitude;
	set_word(clock, clock->source, &none);
	clock->asked = now;
	if (clock->stepped != NULL)
		clock->stepped(clock->arg, size);
	return true;
}

static void ask(struct fz_clock *clock, struct fizeau_mono now)
{
	bool kernel_counts = clock->choice == FZ_CLOCK_AUTO || clock->choice == FZ_CLOCK_KERNEL;
	struct fz_clock_word kernel = kernel_word(&clock->tai_utc_s);

	choose(clock, kernel, kernel_counts, now);
	clock->asked = now;
	if (!(kernel_counts && kernel.synchronized))
		ask_daemons(clock, now);
}

void fz_clock_ask(struct fz_clock *clock)
{
	int64_t unsure;

	*clock = (struct fz_clock){.choice = FZ_CLOCK_KERNEL};
	clock->ahead_ns = ahead_of_mono(&unsure);
	ask(clock, fz_clock_mono());
}

int fz_clock_open(struct fz_clock *clock, const struct fz_clock_choice *choice)
{
	bool is_auto = choice->source == FZ_CLOCK_AUTO;

	fz_clock_ask(clock);
	clock->choice = choice->source;
	if (is_auto || choice->source == FZ_CLOCK_CHRONYD)
		clock->chronyd = fz_clock_daemon_new(FZ_CLOCK_CHRONYD, choice);
	if (is_auto || choice->source == FZ_CLOCK_PTP4L)
		clock->ptp4l = fz_clock_daemon_new(FZ_CLOCK_PTP4L, choice);
	if (((is_auto || choice->source == FZ_CLOCK_CHRONYD) && clock->chronyd == NULL) ||
		((is_auto || choice->source == FZ_CLOCK_PTP4L) && clock->ptp4l == NULL)) {
		fz_clock_close(clock);
		return -ENOMEM;
	}
	ask(clock, fz_clock_mono());
	return 0;
}

static void on_watch(void *arg)
{
	struct fz_clock *clock = arg;
	struct fizeau_mono now = fz_clock_mono();

	fz_clock_refresh(clock, now);
	/* Its place in the heap is still there. */
	(void)!fz_loop_timer(clock->loop, &clock->timer, (struct fizeau_mono){now.ns + WATCH_NS});
}

int fz_clock_watch(struct fz_clock *clock, struct fz_loop *loop)
{
	clock->loop = loop;
	clock->timer = (struct fz_timer){.fn = on_watch, .arg = clock};
	return fz_loop_timer(loop, &clock->timer, (struct fizeau_mono){fz_clock_mono().ns + NS_PER_SEC / 100});
}

void fz_clock_close(struct fz_clock *clock)
{
	if (clock->loop != NULL)
		fz_loop_timer_stop(clock->loop, &clock->timer);
	fz_clock_daemon_free(clock->chronyd);
	fz_clock_daemon_free(clock->ptp4l);
	clock->loop = NULL;
	clock->chronyd = clock->ptp4l = NULL;
}

/* From the moment that the caller has read already. */
static bool suspicious(const struct fz_clock *clock, struct fizeau_mono now)
{
	int64_t off = wall_unix_ns() - now.ns - clock->ahead_ns;

	return off < -STEP_NS || off > SUSPICIOUS_NS;
}

void fz_clock_refresh(struct fz_clock *clock, struct fizeau_mono now)
{
	bool news = false, due = now.ns - clock->asked.ns > NS_PER_SEC;

	if ((due || (clock->keen && suspicious(clock, now))) && look_for_step(clock, now))
		return;
	if (clock->chronyd != NULL)
		news |= fz_clock_daemon_look(clock->chronyd, now);
	if (clock->ptp4l != NULL)
		news |= fz_clock_daemon_look(clock->ptp4l, now);
	if (due)
		ask(clock, now);
	else if (news && (clock->source != FZ_CLOCK_KERNEL || !clock->synchronized))
		choose(clock, (struct fz_clock_word){.error_ns = FZ_CLOCK_ERROR_MAX_NS}, false, now);
}

struct fz_clock_steps fz_clock_steps_since(const struct fz_clock *clock, const struct fz_clock_steps *before)
{
	return (struct fz_clock_steps){
		.count = clock->steps.count - before->count,
		.size_ns = clock->steps.size_ns - before->size_ns,
		.unix_ns = clock->steps.unix_ns,
	};
}

struct fizeau_stamp fz_clock_wall(const struct fz_clock *clock)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return fz_clock_stamp(clock, ts, FIZEAU_STAMP_USER);
}

struct fizeau_stamp fz_clock_stamp(
	const struct fz_clock *clock, struct timespec when, enum fizeau_stamp_source source)
{
	return (struct fizeau_stamp){
		.ntp = fizeau_ntp_from_unix(when.tv_sec, (uint32_t)when.tv_nsec),
		.error = clock->error_estimate,
		.source = source,
	};
}
