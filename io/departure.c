/* SPDX-License-Identifier: MIT */
#include "departure.h"

#include <string.h>

#define LEAST 3                /* of which one alone cannot mislead */
#define DELAY_MAX_NS 100000000 /* longer than any packet waits in this host */
#define EFFORT_NS 10000        /* for which delays are remembered where it is known */
#define EFFORT_LEAST_NS 1000
#define EFFORT_MOST_NS 40000
#define FORGET_NS 120000000000 /* a sender of one packet a minute still learns */

/* Where a value is, or belongs, among the sorted ones. */
static uint32_t place_of(const struct fz_departures *departures, int32_t value)
{
	uint32_t low = 0, high = departures->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (departures->sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void forget_oldest(struct fz_departures *departures)
{
	uint32_t place = place_of(departures, departures->recent[departures->next]);

	departures->count--;
	memmove(&departures->sorted[place], &departures->sorted[place + 1],
		(departures->count - place) * sizeof(departures->sorted[0]));
}

static void remember(struct fz_departures *departures, int32_t delay_ns)
{
	uint32_t place;

	if (departures->count == FZ_DEPARTURES)
		forget_oldest(departures);
	place = place_of(departures, delay_ns);
	memmove(&departures->sorted[place + 1], &departures->sorted[place],
		(departures->count - place) * sizeof(departures->sorted[0]));
	departures->sorted[place] = delay_ns;
	departures->recent[departures->next] = delay_ns;
	departures->next = (departures->next + 1) % FZ_DEPARTURES;
	departures->count++;
}

static int64_t effort_of(int64_t effort_ns)
{
	if (effort_ns == FZ_EFFORT_UNKNOWN)
		return EFFORT_NS;
	if (effort_ns < EFFORT_LEAST_NS)
		return EFFORT_LEAST_NS;
	return effort_ns < EFFORT_MOST_NS ? effort_ns : EFFORT_MOST_NS;
}

void fz_departure_learn(struct fz_departure *departure, const struct fizeau_stamp *own, const struct fizeau_stamp *left,
	int64_t effort_ns, struct fizeau_mono now)
{
	struct fz_departures *departures =
		left->source == FIZEAU_STAMP_HARDWARE ? &departure->card : &departure->kernel;
	int64_t delay_ns = fizeau_ntp_diff_ns(left->ntp, own->ntp);

	if (delay_ns < 0 || delay_ns > DELAY_MAX_NS || left->source == FIZEAU_STAMP_USER)
		return;
	if (now.ns - departures->learnt.ns > FORGET_NS)
		*departures = (struct fz_departures){0};
	remember(departures, (int32_t)(delay_ns * EFFORT_NS / effort_of(effort_ns)));
	departures->learnt = now;
}

static bool known(const struct fz_departures *departures, struct fizeau_mono now)
{
	return departures->count >= LEAST && now.ns - departures->learnt.ns <= FORGET_NS;
}

bool fz_departure_known(const struct fz_departure *departure, int64_t effort_ns, struct fizeau_mono now,
	struct fz_correction *correction)
{
	const struct fz_departures *departures = known(&departure->card, now) ? &departure->card : &departure->kernel;
	const int32_t *sorted = departures->sorted;
	uint32_t low = 0, high;
	int64_t median, spread;

	*correction = (struct fz_correction){0};
	if (!known(departures, now))
		return false;
	median = ((int64_t)sorted[(departures->count - 1) / 2] + sorted[departures->count / 2]) / 2;
	/* From both ends, drops whichever is farther from the median until nine in ten are left. */
	high = departures->count - 1;
	for (uint32_t drop = departures->count / 10; drop > 0; drop--) {
		if (sorted[high] - median >= median - sorted[low])
			high--;
		else
			low++;
	}
	spread = sorted[high] - median > median - sorted[low] ? sorted[high] - median : median - sorted[low];
	correction->delay_ns = median * effort_of(effort_ns) / EFFORT_NS;
	correction->spread_ns = spread * effort_of(effort_ns) / EFFORT_NS;
	return true;
}

/*= rfc4656#section-4.1.1 OW-4.1.1-07 */
void fz_departure_correct(const struct fz_correction *correction, struct fizeau_stamp *stamp)
{
	int64_t error_ns;

	if (correction->delay_ns == 0 && correction->spread_ns == 0)
		return;
	error_ns = fizeau_error_estimate_ns(stamp->error);
	if (error_ns < INT64_MAX - correction->spread_ns)
		error_ns += correction->spread_ns;
	stamp->ntp = fizeau_ntp_add_ns(stamp->ntp, correction->delay_ns);
	stamp->error = fizeau_error_estimate((uint64_t)error_ns, fizeau_error_estimate_synchronized(stamp->error));
}
