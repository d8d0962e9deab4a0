/* SPDX-License-Identifier: MIT */
#include <fizeau/fetch_client.h>

#include <stdlib.h>
#include <string.h>
#include "lib/proto/client_state.h"

/* The answer comes in sections, each proved by an HMAC of its own before anything is made of it, but the records: there
   may be more of them than memory, so that they are handed on as they come. */

static void take_request(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_slot(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_request_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_ranges(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_ranges_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_records_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);

static const struct fz_client_part request_part = {FZ_REQUEST_OW_OCTETS, FZ_SEALED, take_request};
static const struct fz_client_part slot_part = {FZ_SLOT_OCTETS, FZ_OPENED, take_slot};
static const struct fz_client_part request_end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_request_end};
static const struct fz_client_part ranges_part = {FZ_CHANNEL_BLOCK, FZ_OPENED, take_ranges};
static const struct fz_client_part ranges_end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_ranges_end};
static const struct fz_client_part records_end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_records_end};

void fz_client_fetch_free(struct fz_client_fetch *fetch)
{
	fz_slots_free(&fetch->slots);
	fz_ranges_free(&fetch->ranges);
	free(fetch->records);
	*fetch = (struct fz_client_fetch){0};
}

/*= rfc4656#section-3.9 OW-3.9-01 OW-3.9-02 */
int fizeau_control_client_fetch(struct fizeau_control_client *c, const uint8_t sid[static FIZEAU_SID_OCTETS],
	uint32_t begin, uint32_t end, struct fizeau_mono now)
{
	struct fz_fetch fetch = {.begin = begin, .end = end};
	uint8_t *octets;
	int error;

	if (c->phase != FZ_CLIENT_IDLE || c->ow == NULL)
		return FIZEAU_ERR_STATE;
	if (begin > end)
		return FIZEAU_ERR_RANGE;
	octets = fz_channel_room(&c->channel, FZ_FETCH_OCTETS);
	if (octets == NULL)
		return FIZEAU_ERR_LIMIT;
	memcpy(fetch.sid, sid, sizeof(fetch.sid));
	error = fz_fetch_put(&fetch, octets, FZ_FETCH_OCTETS);
	if (error == 0)
		error = fz_client_send_sealed(c, FZ_FETCH_OCTETS);
	if (error < 0)
		return error;
	memcpy(c->ow->fetch.sid, sid, sizeof(c->ow->fetch.sid));
	fz_client_await_server(c, FZ_CLIENT_FETCH, now);
	return 0;
}

/* A fetch has come this far: time for what is next begins. */
static void more_is_due(struct fizeau_control_client *c, const struct fz_client_part *part, struct fizeau_mono now)
{
	c->part = part;
	fz_client_await_server(c, FZ_CLIENT_FETCH, now);
}

void fz_client_take_fetch_ack(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_fetch_ack *ack = &c->ow->fetch.ack;
	int error = fz_fetch_ack_get(ack, octets, FZ_FETCH_ACK_OCTETS);

	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	/*= rfc4656#section-3.9 OW-3.9-08 */
	if (ack->accept != FIZEAU_ACCEPT_OK) {
		fz_channel_raise(&c->channel, FIZEAU_EVENT_FETCH_ANSWER)->fetch_answer.accept = ack->accept;
		fz_client_await_caller(c, FZ_CLIENT_IDLE);
		return;
	}
	error = fz_ranges_expect(&c->ow->fetch.ranges, ack->range_count);
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		more_is_due(c, &request_part, now);
}

/*= rfc4656#section-3.9 OW-3.9-14 */
static void take_request(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_client_fetch *fetch = &c->ow->fetch;
	int error = fz_request_ow_get(&fetch->request, octets, FZ_REQUEST_OW_OCTETS);

	/* That server has taken the request; whether we would is not asked. */
	if (error == 0 && (fetch->request.ip_version != 4 && fetch->request.ip_version != 6))
		error = FIZEAU_ERR_MALFORMED;
	if (error == 0 && fetch->request.schedule_slots == 0)
		error = FIZEAU_ERR_MALFORMED;
	if (error == 0 && fetch->request.schedule_slots > FIZEAU_SLOTS_MAX)
		error = FIZEAU_ERR_LIMIT;
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	fz_slots_expect(&fetch->slots, fetch->request.schedule_slots);
	more_is_due(c, &slot_part, now);
}

static void take_slot(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_slots *slots = &c->ow->fetch.slots;
	int error = fz_slots_take(slots, octets);

	(void)now;
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		c->part = slots->have < slots->due ? &slot_part : &request_end_part;
}

static void take_request_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	(void)octets;
	more_is_due(c, c->ow->fetch.ranges.due > 0 ? &ranges_part : &ranges_end_part, now);
}

static void take_ranges(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_ranges *ranges = &c->ow->fetch.ranges;
	int error = fz_ranges_take(ranges, octets);

	(void)now;
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		c->part = ranges->have < ranges->due ? &ranges_part : &ranges_end_part;
}

/* All but the records is in and proved. */
static int raise_answer(struct fizeau_control_client *c)
{
	struct fz_client_fetch *fetch = &c->ow->fetch;
	bool finished = fz_fetch_ack_finished(&fetch->ack);
	struct fizeau_session_end end = {0};
	struct fizeau_event *event;
	int error;

	memcpy(end.sid, fetch->sid, sizeof(end.sid));
	/* Of a session that still runs they say nothing, and perfSONAR sends them as they are. */
	/*= rfc4656#section-3.9 OW-3.9-10 OW-3.9-11 */
	if (finished) {
		end.next_seqno = fetch->ack.next_seqno;
		end.ranges = fetch->ranges.ranges;
		end.range_count = fetch->ranges.have;
	}
	/*= rfc4656#section-3.9 OW-3.9-17 */
	error = fizeau_session_end_check(&end);
	if (error < 0)
		return error;
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_FETCH_ANSWER);
	event->fetch_answer.accept = FIZEAU_ACCEPT_OK;
	event->fetch_answer.answer.finished = finished;
	event->fetch_answer.answer.end = end;
	event->fetch_answer.answer.records = fetch->ack.records;
	fz_request_ow_to_api(&fetch->request, &event->fetch_answer.answer.request);
	event->fetch_answer.answer.request.slots = fetch->slots.slots;
	fz_channel_lend(&c->channel, FIZEAU_EVENT_FETCH_ANSWER);
	return 0;
}

static void take_ranges_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_client_fetch *fetch = &c->ow->fetch;
	int error = 0;

	(void)octets;
	if (fetch->ack.records > 0) {
		fetch->records = calloc(1, FZ_CLIENT_RECORDS_OCTETS);
		if (fetch->records == NULL)
			error = FIZEAU_ERR_MEMORY;
	}
	if (error == 0)
		error = raise_answer(c);
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	fetch->records_due = fetch->ack.records;
	fetch->have = 0;
	more_is_due(c, fetch->records_due > 0 ? NULL : &records_end_part, now);
}

bool fz_client_wants_records(const struct fizeau_control_client *c)
{
	return c->phase == FZ_CLIENT_FETCH && c->ow->fetch.records_due > 0 && c->ow->fetch.records != NULL;
}

size_t fz_client_take_records(
	struct fizeau_control_client *c, const uint8_t *octets, size_t len, struct fizeau_mono now)
{
	struct fz_client_fetch *fetch = &c->ow->fetch;
	uint64_t due = (uint64_t)fetch->records_due * FIZEAU_RECORD_OCTETS;
	uint32_t count = FZ_CLIENT_RECORDS_OCTETS / FIZEAU_RECORD_OCTETS;
	size_t need = FZ_CLIENT_RECORDS_OCTETS, taken;
	struct fizeau_event *event;
	int error;

	/* The last ones do not end with a block: what fills it up is theirs as well. */
	if (due < need) {
		count = fetch->records_due;
		need = ((size_t)due + FZ_CHANNEL_BLOCK - 1) / FZ_CHANNEL_BLOCK * FZ_CHANNEL_BLOCK;
	}
	taken = len < need - fetch->have ? len : need - fetch->have;
	memcpy(fetch->records + fetch->have, octets, taken);
	fetch->have += taken;
	if (fetch->have < need)
		return taken;
	error = fz_channel_open_part(&c->channel, fetch->records, need);
	if (error < 0) {
		fz_client_close(c, error, 0);
		return taken;
	}
	fetch->have = 0;
	fetch->records_due -= count;
	event = fz_channel_raise(&c->channel, FIZEAU_EVENT_FETCH_RECORDS);
	event->records.octets = fetch->records;
	event->records.count = count;
	fz_channel_lend(&c->channel, FIZEAU_EVENT_FETCH_RECORDS);
	more_is_due(c, fetch->records_due > 0 ? NULL : &records_end_part, now);
	return taken;
}

static void take_records_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	(void)octets;
	(void)now;
	fz_client_fetch_free(&c->ow->fetch);
	(void)fz_channel_raise(&c->channel, FIZEAU_EVENT_FETCH_DONE);
	fz_client_await_caller(c, FZ_CLIENT_IDLE);
}
