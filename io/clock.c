/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <sys/timex.h>

#define NS_PER_SEC 1000000000LL
/* The kernel's own largest maxerror (NTP_PHASE_LIMIT): what it says of a clock that nobody disciplines. */
#define ERROR_MAX_US 16000000LL

struct fizeau_mono fz_clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct fizeau_mono){(int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec};
}

/* What one reading of the clock cannot resolve: its tick, which is part of every stamp's error. */
static int64_t resolution_ns(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_REALTIME, &ts) != 0 || ts.tv_sec != 0)
		return NS_PER_SEC;
	return ts.tv_nsec;
}

void fz_clock_ask(struct fz_clock *clock)
{
	struct timex tx = {0};
	int state = adjtimex(&tx);
	int64_t error_us = ERROR_MAX_US;

	clock->synchronized = state != -1 && state != TIME_ERROR && (tx.status & STA_UNSYNC) == 0;
	/* A bound of 0 from a clock that nobody disciplines is no bound at all. */
	if (state != -1 && tx.maxerror >= 0 && tx.maxerror < ERROR_MAX_US &&
		(clock->synchronized || tx.maxerror > 0))
		error_us = tx.maxerror;
	clock->error_ns = error_us * 1000 + resolution_ns();
	clock->error_estimate = fizeau_error_estimate((uint64_t)clock->error_ns, clock->synchronized);
	clock->asked = fz_clock_mono();
}

void fz_clock_refresh(struct fz_clock *clock, struct fizeau_mono now)
{
	if (now.ns - clock->asked.ns > NS_PER_SEC)
		fz_clock_ask(clock);
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
