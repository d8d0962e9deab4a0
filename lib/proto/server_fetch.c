/* SPDX-License-Identifier: MIT */
/* The Server's side of Fetch-Session (RFC 4656 section 3.9). What precedes the records goes out at once; the records
   are the caller's, piece by piece, as fast as the peer takes them. */
#include <assert.h>
#include <string.h>
#include "lib/proto/server_ow.h"
#include "lib/wire/fetch.h"

/* Room that the end of the records needs: a block that is filled up, and the HMAC. */
#define TAIL_OCTETS (FZ_CHANNEL_BLOCK + FZ_HMAC_FIELD)

/*= rfc4656#section-3.9 OW-3.9-05 OW-3.9-07 */
int fz_server_send_fetch_refusal(struct fizeau_server *s, uint8_t accept)
{
	struct fz_fetch_ack ack = {.accept = accept};
	uint8_t *octets = fz_channel_room(&s->channel, FZ_FETCH_ACK_OCTETS);
	int error;

	/* recv takes no message without room for the answer. */
	assert(octets != NULL && accept != FIZEAU_ACCEPT_OK);
	error = fz_fetch_ack_put(&ack, octets, FZ_FETCH_ACK_OCTETS);
	return error < 0 ? error : fz_channel_send_sealed(&s->channel, FZ_FETCH_ACK_OCTETS);
}

void fz_server_take_fetch(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_fetch fetch;
	struct fizeau_event *event;
	int error = fz_fetch_get(&fetch, octets, FZ_FETCH_OCTETS);

	/* No number lies between them. */
	if (error == 0 && fetch.begin > fetch.end) {
		error = fz_server_send_fetch_refusal(s, FIZEAU_ACCEPT_UNSUPPORTED);
		if (error == 0) {
			fz_server_enter_idle(s, now);
			return;
		}
	}
	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_FETCH_WANTED);
	/*= rfc4656#section-3.9 OW-3.9-02 */
	event->fetch.begin = fetch.begin;
	event->fetch.end = fetch.end;
	memcpy(event->fetch.sid, fetch.sid, sizeof(event->fetch.sid));
	fz_server_await_caller(s, FZ_SERVER_FETCH);
}

static int send_ack(struct fizeau_server *s, const struct fizeau_fetch_answer *answer)
{
	struct fz_fetch_ack ack = {.records = answer->records};

	/*= rfc4656#section-3.9 OW-3.9-09 OW-3.9-10 OW-3.9-11 */
	if (answer->finished) {
		ack.finished = 1;
		ack.next_seqno = answer->end.next_seqno;
		ack.range_count = answer->end.range_count;
	}
	if (fz_fetch_ack_put(&ack, fz_channel_room(&s->channel, FZ_FETCH_ACK_OCTETS), FZ_FETCH_ACK_OCTETS) < 0)
		return FIZEAU_ERR_RANGE;
	return fz_channel_send_sealed(&s->channel, FZ_FETCH_ACK_OCTETS);
}

/*= rfc4656#section-3.9 OW-3.9-14 OW-3.9-15 */
static int send_request(
	struct fizeau_server *s, const struct fizeau_ow_request *api, const struct fz_request_head *request)
{
	size_t len = (size_t)api->slot_count * FZ_SLOT_OCTETS;
	uint8_t *octets = fz_channel_room(&s->channel, FZ_REQUEST_OW_OCTETS);
	int error = fz_request_ow_put(request, octets, FZ_REQUEST_OW_OCTETS);

	if (error == 0)
		error = fz_channel_send_sealed(&s->channel, FZ_REQUEST_OW_OCTETS);
	octets = fz_channel_room(&s->channel, len);
	for (size_t i = 0; error == 0 && i < api->slot_count; i++)
		error = fz_slot_put(&api->slots[i], octets + i * FZ_SLOT_OCTETS, FZ_SLOT_OCTETS);
	if (error == 0)
		error = fz_channel_send_part(&s->channel, len);
	return error < 0 ? error : fz_channel_send_hmac(&s->channel);
}

/*= rfc4656#section-3.9 OW-3.9-14 OW-3.9-16 */
static int send_ranges(struct fizeau_server *s, const struct fizeau_session_end *end)
{
	size_t len = fz_skip_ranges_octets(end->range_count);
	int error = fz_skip_ranges_put(end->ranges, end->range_count, fz_channel_room(&s->channel, len), len);

	if (error == 0 && len > 0)
		error = fz_channel_send_part(&s->channel, len);
	return error < 0 ? error : fz_channel_send_hmac(&s->channel);
}

static void records_are_sent(struct fizeau_server *s, struct fizeau_mono now)
{
	s->ow->carried = 0;
	fz_server_enter_idle(s, now);
}

/*= rfc4656#section-3.9 OW-3.9-13 OW-3.9-14 */
static int send_answer(struct fizeau_server *s, const struct fizeau_fetch_answer *answer,
	const struct fz_request_head *request, struct fizeau_mono now)
{
	struct fizeau_session_end none = {0};
	int error = send_ack(s, answer);

	if (error == 0)
		error = send_request(s, &answer->request, request);
	if (error == 0)
		error = send_ranges(s, answer->finished ? &answer->end : &none);
	if (error == 0 && answer->records == 0)
		error = fz_channel_send_hmac(&s->channel);
	if (error < 0)
		return error;
	s->ow->carried = 0;
	s->ow->records_due = (uint64_t)answer->records * FIZEAU_RECORD_OCTETS;
	if (answer->records == 0) {
		records_are_sent(s, now);
		return 0;
	}
	s->phase = FZ_SERVER_RECORDS;
	s->deadline = fz_server_after(now, s->config.servwait_ns);
	return 0;
}

static int refuse(struct fizeau_server *s, uint8_t accept, struct fizeau_mono now)
{
	int error = fz_server_send_fetch_refusal(s, accept);

	if (error < 0)
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
	else
		fz_server_enter_idle(s, now);
	return error;
}

/*= rfc4656#section-3.9 OW-3.9-05 */
int fizeau_server_answer_fetch(
	struct fizeau_server *s, uint8_t accept, const struct fizeau_fetch_answer *answer, struct fizeau_mono now)
{
	struct fz_request_head request;
	size_t octets;
	int error;

	if (s->phase != FZ_SERVER_FETCH)
		return FIZEAU_ERR_STATE;
	if (accept != FIZEAU_ACCEPT_OK)
		return refuse(s, accept, now);
	error = fz_request_ow_from_api(&answer->request, &request);
	if (error == 0 && answer->finished)
		error = fizeau_session_end_check(&answer->end);
	if (error < 0)
		return error;
	octets = FZ_FETCH_ACK_OCTETS + FZ_REQUEST_OW_OCTETS + (size_t)request.schedule_slots * FZ_SLOT_OCTETS +
	         FZ_HMAC_FIELD + (answer->finished ? fz_skip_ranges_octets(answer->end.range_count) : 0) +
	         FZ_HMAC_FIELD + FZ_HMAC_FIELD;
	error = fz_channel_reserve(&s->channel, octets);
	if (error < 0)
		return error;
	error = send_answer(s, answer, &request, now);
	if (error < 0)
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
	return error;
}

uint64_t fizeau_server_records_wanted(const struct fizeau_server *s)
{
	return s->phase == FZ_SERVER_RECORDS ? s->ow->records_due : 0;
}

/* Seals the whole blocks of what was carried and of octets, and carries the rest. */
static int send_blocks(struct fizeau_server *s, const uint8_t *octets, size_t len)
{
	struct fz_server_ow *ow = s->ow;
	size_t all = ow->carried + len, blocks = all - all % FZ_CHANNEL_BLOCK;
	uint8_t *to = fz_channel_room(&s->channel, all);

	memcpy(to, ow->carry, ow->carried);
	memcpy(to + ow->carried, octets, len);
	memcpy(ow->carry, to + blocks, all - blocks);
	ow->carried = all - blocks;
	ow->records_due -= len;
	return blocks > 0 ? fz_channel_send_part(&s->channel, blocks) : 0;
}

/* Once, at the end: records do not begin with blocks. */
/*= rfc4656#section-3.9 OW-3.9-14 */
static int send_tail(struct fizeau_server *s, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	int error = 0;

	if (ow->carried > 0) {
		uint8_t *to = fz_channel_room(&s->channel, FZ_CHANNEL_BLOCK);

		memcpy(to, ow->carry, ow->carried);
		memset(to + ow->carried, 0, FZ_CHANNEL_BLOCK - ow->carried);
		error = fz_channel_send_part(&s->channel, FZ_CHANNEL_BLOCK);
	}
	if (error == 0)
		error = fz_channel_send_hmac(&s->channel);
	if (error == 0)
		records_are_sent(s, now);
	return error;
}

int64_t fizeau_server_send_records(struct fizeau_server *s, const uint8_t *octets, size_t len, struct fizeau_mono now)
{
	struct fz_server_ow *ow = s->ow;
	size_t room = fz_channel_stream_room(&s->channel);
	int error;

	if (s->phase != FZ_SERVER_RECORDS || len > ow->records_due)
		return FIZEAU_ERR_STATE;
	room = room > ow->carried + TAIL_OCTETS ? room - ow->carried - TAIL_OCTETS : 0;
	if (len > room)
		len = room;
	if (len == 0)
		return 0;
	error = fz_channel_reserve(&s->channel, ow->carried + len + TAIL_OCTETS);
	if (error < 0)
		return error;
	error = send_blocks(s, octets, len);
	s->deadline = fz_server_after(now, s->config.servwait_ns);
	if (error == 0 && ow->records_due == 0)
		error = send_tail(s, now);
	if (error < 0) {
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	return (int64_t)len;
}
