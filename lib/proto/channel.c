/* SPDX-License-Identifier: MIT */
#include "lib/proto/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/wire/setup.h"

/* A message raises one event at most, and the end of the connection another. */
#define EVENTS_KEPT 2

static void wipe_keys(struct fz_channel *c)
{
	if (c->keyed) {
		fz_stream_wipe(&c->in);
		fz_stream_wipe(&c->out);
	}
	c->keyed = false;
	fizeau_wipe(&c->keys, sizeof(c->keys));
}

/*= rfc4656#section-3.4 OW-3.4-01 OW-3.4-02 OW-3.4-04 */
/*= rfc4656#section-3.2 OW-3.2-02 */
/*= rfc5618#section-3.1 MX-3.1-01 */
int fz_channel_key(struct fz_channel *c, uint32_t mode, const struct fizeau_session_keys *keys,
	const uint8_t in_iv[static 16], const uint8_t out_iv[static 16])
{
	const struct fizeau_session_keys *used = fz_mode_protects_control(mode) ? keys : NULL;
	int error = fz_stream_init(&c->in, FZ_STREAM_OPENS, used, in_iv);

	if (error < 0)
		return error;
	error = fz_stream_init(&c->out, FZ_STREAM_SEALS, used, out_iv);
	if (error < 0) {
		fz_stream_wipe(&c->in);
		return error;
	}
	/* The caller may hand back the keys that are kept here already. */
	if (used != NULL && used != &c->keys)
		c->keys = *used;
	c->mode = mode;
	c->keyed = true;
	return 0;
}

static void drop_large(struct fz_channel *c)
{
	if (c->large == NULL)
		return;
	fizeau_wipe(c->large, c->large_octets);
	free(c->large);
	c->large = NULL;
	c->large_octets = 0;
}

void fz_channel_wipe(struct fz_channel *c)
{
	wipe_keys(c);
	drop_large(c);
	fizeau_wipe(c, sizeof(*c));
}

size_t fz_channel_fill(struct fz_channel *c, const uint8_t *octets, size_t len, size_t need)
{
	size_t missing, taken;

	assert(need <= sizeof(c->inbox) && c->have <= need);
	missing = need - c->have;
	taken = len < missing ? len : missing;
	if (taken > 0)
		memcpy(c->inbox + c->have, octets, taken);
	c->have += taken;
	return taken;
}

int fz_channel_open(struct fz_channel *c, size_t to)
{
	int error;

	assert(c->keyed && c->opened <= to && to <= c->have);
	error = fz_stream_open(&c->in, c->inbox + c->opened, to - c->opened);
	c->opened = to;
	return error;
}

/*= rfc4656#section-3.2 OW-3.2-07 OW-3.2-08 OW-3.2-09 */
/*= rfc5357#section-3.2 TW-3.2-01 TW-3.2-03 */
int fz_channel_open_message(struct fz_channel *c, size_t len, enum fz_protection protection)
{
	int error;

	if (protection == FZ_CLEAR)
		return 0;
	if (protection == FZ_OPENED)
		return fz_channel_open(c, len);
	error = fz_channel_open(c, len - FZ_HMAC_FIELD);
	return error < 0 ? error : fz_stream_open_hmac(&c->in, c->inbox + len - FZ_HMAC_FIELD);
}

int fz_channel_open_part(struct fz_channel *c, uint8_t *octets, size_t len)
{
	assert(c->keyed);
	return fz_stream_open(&c->in, octets, len);
}

void fz_channel_next(struct fz_channel *c)
{
	c->have = 0;
	c->opened = 0;
}

static size_t waiting(const struct fz_channel *c)
{
	return c->filled - c->sent;
}

static uint8_t *outbox(struct fz_channel *c)
{
	return c->large != NULL ? c->large : c->small;
}

static size_t outbox_octets(const struct fz_channel *c)
{
	return c->large != NULL ? c->large_octets : sizeof(c->small);
}

uint8_t *fz_channel_room(struct fz_channel *c, size_t len)
{
	uint8_t *box = outbox(c);

	if (outbox_octets(c) - waiting(c) < len)
		return NULL;
	if (c->sent > 0) {
		memmove(box, box + c->sent, waiting(c));
		c->filled -= c->sent;
		c->sent = 0;
	}
	return box + c->filled;
}

int fz_channel_reserve(struct fz_channel *c, size_t len)
{
	size_t octets = waiting(c) + len;
	uint8_t *large;

	if (octets <= outbox_octets(c))
		return 0;
	if (len > FZ_CHANNEL_LONG_MAX || octets > FZ_CHANNEL_LONG_MAX)
		return FIZEAU_ERR_LIMIT;
	if (octets < FZ_CHANNEL_STREAM)
		octets = FZ_CHANNEL_STREAM;
	large = calloc(1, octets);
	if (large == NULL)
		return FIZEAU_ERR_MEMORY;
	memcpy(large, outbox(c) + c->sent, waiting(c));
	c->filled -= c->sent;
	c->sent = 0;
	drop_large(c);
	c->large = large;
	c->large_octets = octets;
	return 0;
}

size_t fz_channel_stream_room(const struct fz_channel *c)
{
	return waiting(c) < FZ_CHANNEL_STREAM ? FZ_CHANNEL_STREAM - waiting(c) : 0;
}

void fz_channel_send(struct fz_channel *c, size_t len)
{
	assert(len <= outbox_octets(c) - c->filled);
	c->filled += len;
}

/*= rfc4656#section-3.2 OW-3.2-01 OW-3.2-06 */
/*= rfc5357#section-3.2 TW-3.2-01 TW-3.2-03 */
int fz_channel_send_sealed(struct fz_channel *c, size_t len)
{
	uint8_t *octets = outbox(c) + c->filled;
	int error;

	assert(c->keyed && len <= outbox_octets(c) - c->filled);
	error = fz_stream_seal(&c->out, octets, len - FZ_HMAC_FIELD);
	if (error == 0)
		error = fz_stream_seal_hmac(&c->out, octets + len - FZ_HMAC_FIELD);
	if (error == 0)
		fz_channel_send(c, len);
	return error;
}

int fz_channel_send_part(struct fz_channel *c, size_t len)
{
	int error;

	assert(c->keyed && len <= outbox_octets(c) - c->filled);
	error = fz_stream_seal(&c->out, outbox(c) + c->filled, len);
	if (error == 0)
		fz_channel_send(c, len);
	return error;
}

int fz_channel_send_hmac(struct fz_channel *c)
{
	int error;

	assert(c->keyed && FZ_HMAC_FIELD <= outbox_octets(c) - c->filled);
	error = fz_stream_seal_hmac(&c->out, outbox(c) + c->filled);
	if (error == 0)
		fz_channel_send(c, FZ_HMAC_FIELD);
	return error;
}

size_t fz_channel_output(const struct fz_channel *c, const uint8_t **octets)
{
	*octets = (c->large != NULL ? c->large : c->small) + c->sent;
	return waiting(c);
}

void fz_channel_sent(struct fz_channel *c, size_t len)
{
	assert(len <= waiting(c));
	c->sent += len;
	if (waiting(c) > 0)
		return;
	c->sent = 0;
	c->filled = 0;
	drop_large(c);
}

bool fz_channel_ready(const struct fz_channel *c, size_t answer)
{
	return !c->closed && c->event_count + EVENTS_KEPT <= FZ_CHANNEL_EVENTS &&
	       (c->lent == FIZEAU_EVENT_NONE || c->lent_pulled) && outbox_octets(c) - waiting(c) >= answer;
}

struct fizeau_event *fz_channel_raise(struct fz_channel *c, enum fizeau_event_type type)
{
	struct fizeau_event *event;

	assert(c->event_count < FZ_CHANNEL_EVENTS);
	event = &c->events[(c->first_event + c->event_count) % FZ_CHANNEL_EVENTS];
	c->event_count++;
	*event = (struct fizeau_event){.type = type};
	return event;
}

bool fz_channel_event(struct fz_channel *c, struct fizeau_event *event)
{
	struct fizeau_event *next = &c->events[c->first_event];

	*event = (struct fizeau_event){.type = FIZEAU_EVENT_NONE};
	if (c->event_count == 0)
		return false;
	*event = *next;
	fizeau_wipe(next, sizeof(*next));
	c->first_event = (c->first_event + 1) % FZ_CHANNEL_EVENTS;
	c->event_count--;
	if (event->type == c->lent)
		c->lent_pulled = true;
	return true;
}

void fz_channel_lend(struct fz_channel *c, enum fizeau_event_type type)
{
	c->lent = type;
	c->lent_pulled = false;
}

bool fz_channel_reclaim(struct fz_channel *c)
{
	if (c->lent == FIZEAU_EVENT_NONE || !c->lent_pulled)
		return false;
	c->lent = FIZEAU_EVENT_NONE;
	c->lent_pulled = false;
	return true;
}

void fz_channel_close(struct fz_channel *c, int error, uint8_t accept)
{
	struct fizeau_event *event;

	if (c->closed)
		return;
	c->closed = true;
	event = fz_channel_raise(c, FIZEAU_EVENT_CLOSED);
	event->closed.error = error;
	event->closed.accept = accept;
	wipe_keys(c);
	fizeau_wipe(c->inbox, sizeof(c->inbox));
}

/*= rfc5618#section-3.1 MX-3.1-02 */
int fz_channel_test_keys(const struct fz_channel *c, const uint8_t sid[static FIZEAU_SID_OCTETS],
	struct fizeau_test_keys *keys)
{
	if (!c->keyed || !fz_mode_protects_test(c->mode))
		return FIZEAU_ERR_STATE;
	return fizeau_test_keys_derive(&c->keys, sid, keys);
}
