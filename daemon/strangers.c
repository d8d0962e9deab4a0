/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "bucket.h"
#include "seats.h"
#include "strangers.h"

#define SOURCES 1024u /* power of two */

/* What is remembered of a source. One that hashes to the same place takes it: the price is a question more. */
struct source {
	struct fz_addr from; /* port 0: all of that address */
	uint32_t seat;       /* then without its SSID */
	enum fz_stranger state;
	int64_t until_ns;
};

struct kept {
	struct fz_datagram datagram; /* octets NULL: free */
	uint32_t seat;
	int64_t since_ns;
	uint64_t number; /* the lowest is the oldest */
};

struct fz_strangers {
	uint64_t seed;
	struct fz_bucket asks;
	uint64_t next;   /* number of the next one kept */
	uint32_t count;  /* of those kept */
	struct fz_datagram taken; /* the last one */
	struct kept kept[FZ_STRANGERS_KEPT];
	struct source sources[SOURCES];
};

struct fz_strangers *fz_strangers_new(uint64_t seed)
{
	struct fz_strangers *strangers = calloc(1, sizeof(*strangers));

	if (!strangers)
		return NULL;
	strangers->seed = seed;
	fz_bucket_init(&strangers->asks, FZ_STRANGERS_ASKS, 1);
	return strangers;
}

void fz_strangers_free(struct fz_strangers *strangers)
{
	for (uint32_t i = 0; strangers && i < FZ_STRANGERS_KEPT; i++)
		free(strangers->kept[i].datagram.octets);
	if (strangers)
		free(strangers->taken.octets);
	free(strangers);
}

static uint32_t place_of(const struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from)
{
	return fz_seats_hash(strangers->seed, seat, from) & (SOURCES - 1);
}

static enum fz_stranger state_of(const struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from,
	struct fizeau_mono now)
{
	const struct source *source = &strangers->sources[place_of(strangers, seat, from)];

	return source->until_ns > now.ns && source->seat == seat && fz_addr_equal(&source->from, from) ? source->state :
		FZ_STRANGER_NEW;
}

static void remember(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from, enum fz_stranger state,
	int64_t until_ns)
{
	strangers->sources[place_of(strangers, seat, from)] =
		(struct source){.from = *from, .seat = seat, .state = state, .until_ns = until_ns};
}

/* All of an address on a listener. */
static void host_of(uint32_t *seat, struct fz_addr *from)
{
	*seat &= ~(uint32_t)UINT16_MAX;
	fz_addr_set_port(from, 0);
}

enum fz_stranger fz_strangers_look(const struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from,
	struct fizeau_mono now)
{
	enum fz_stranger state = state_of(strangers, seat, from, now);
	struct fz_addr host = *from;

	if (state != FZ_STRANGER_NEW)
		return state;
	host_of(&seat, &host);
	return state_of(strangers, seat, &host, now);
}

bool fz_strangers_may_ask(struct fz_strangers *strangers, struct fizeau_mono now)
{
	return fz_bucket_take(&strangers->asks, 1, now.ns);
}

void fz_strangers_asked(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from, struct fizeau_mono now)
{
	remember(strangers, seat, from, FZ_STRANGER_WAITS, now.ns + FZ_STRANGERS_WAIT_NS);
}

static bool is_old(const struct kept *kept, struct fizeau_mono now)
{
	return now.ns - kept->since_ns >= FZ_STRANGERS_WAIT_NS;
}

static void forget(struct fz_strangers *strangers, struct kept *kept)
{
	free(kept->datagram.octets);
	kept->datagram.octets = NULL;
	strangers->count--;
}

bool fz_strangers_keep(struct fz_strangers *strangers, uint32_t seat, const struct fz_datagram *in, struct fizeau_mono now)
{
	struct kept *room = NULL;

	for (uint32_t i = 0; i < FZ_STRANGERS_KEPT && !room; i++) {
		struct kept *kept = &strangers->kept[i];
		if (kept->datagram.octets && is_old(kept, now))
			forget(strangers, kept);
		if (!kept->datagram.octets)
			room = kept;
	}
	uint8_t *octets = room ? malloc(in->len) : NULL;
	if (!octets)
		return false;
	memcpy(octets, in->octets, in->len);
	room->datagram = *in;
	room->datagram.octets = octets;
	room->seat = seat;
	room->since_ns = now.ns;
	room->number = strangers->next++;
	strangers->count++;
	return true;
}

static bool is_of(const struct kept *kept, uint32_t seat, const struct fz_addr *from)
{
	return kept->datagram.octets && kept->seat == seat && fz_addr_equal(&kept->datagram.from, from);
}

const struct fz_datagram *fz_strangers_take(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from,
	struct fizeau_mono now)
{
	struct kept *oldest = NULL;

	for (uint32_t i = 0; strangers->count && i < FZ_STRANGERS_KEPT; i++) {
		struct kept *kept = &strangers->kept[i];
		if (is_of(kept, seat, from) && !is_old(kept, now) && (!oldest || kept->number < oldest->number))
			oldest = kept;
	}
	free(strangers->taken.octets);
	strangers->taken.octets = NULL;
	if (!oldest)
		return NULL;
	strangers->taken = oldest->datagram;
	oldest->datagram.octets = NULL;
	strangers->count--;
	return &strangers->taken;
}

uint32_t fz_strangers_refuse(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from, bool host,
	struct fizeau_mono until)
{
	struct fz_addr all = *from;
	uint32_t all_seat = seat, gone = 0;

	for (uint32_t i = 0; strangers->count && i < FZ_STRANGERS_KEPT; i++) {
		if (!is_of(&strangers->kept[i], seat, from))
			continue;
		forget(strangers, &strangers->kept[i]);
		gone++;
	}
	host_of(&all_seat, &all);
	remember(strangers, host ? all_seat : seat, host ? &all : from, FZ_STRANGER_REFUSED, until.ns);
	return gone;
}

void fz_strangers_admit(struct fz_strangers *strangers, uint32_t seat, const struct fz_addr *from)
{
	struct source *source = &strangers->sources[place_of(strangers, seat, from)];

	if (source->seat == seat && fz_addr_equal(&source->from, from))
		source->until_ns = 0;
}
