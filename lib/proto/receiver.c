/* SPDX-License-Identifier: MIT */
#include <fizeau/receiver.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/crypto/packet.h"
#include "lib/wire/test_twamp.h"

#define HEADER_MAX 48	    /* of a sender's packet */
#define RING_FIRST 64	    /* numbers; powers of two */
#define RING_MAX (1u << 22) /* about 38 MB: 100 s of Timeout at 20,000 packets a second */
#define WORK_MAX (1u << 18) /* numbers that one call may walk ahead: some milliseconds */

__extension__ typedef __int128 i128; /* times from the Start Time plus or minus Timeouts: never overflows */

/* The numbers tail .. head - 1 are undecided: each has its scheduled time in a ring, and whether it arrived. Those
   below are lost or were received, those above cannot have arrived yet, or nobody had to ask. */
struct fizeau_receiver {
	enum fizeau_test_mode mode;
	struct fz_test_layout layout;
	struct fz_packet packet; /* not in open mode */
	size_t octets;		 /* payload of each packet */
	uint64_t start, timeout;
	uint32_t packets;
	struct fizeau_schedule *schedule;
	uint64_t ahead; /* offset of number head */
	i128 latest;	/* when the last number up to head was due, or a packet was sent */
	uint32_t tail, head;
	uint32_t open; /* all below have arrived, or are decided */
	uint32_t capacity;
	uint64_t *offsets; /* from the Start Time, 32.32 s */
	bool *arrived;
	uint32_t next_seqno; /* one above the highest that arrived */
	bool finished;
	uint64_t stop;
};

/*= rfc4656#section-3.6 OW-3.6-03 */
static int set_up(struct fizeau_receiver *receiver, const struct fizeau_receiver_config *config)
{
	int error = 0;

	receiver->capacity = RING_FIRST;
	receiver->offsets = calloc(RING_FIRST, sizeof(*receiver->offsets));
	receiver->arrived = calloc(RING_FIRST, sizeof(*receiver->arrived));
	receiver->schedule = fizeau_schedule_new(config->sid, config->slots, config->slot_count);
	if (receiver->offsets == NULL || receiver->arrived == NULL || receiver->schedule == NULL)
		return FIZEAU_ERR_MEMORY;
	receiver->ahead = fizeau_schedule_next(receiver->schedule);
	if (config->mode != FIZEAU_TEST_OPEN)
		error = fz_packet_init(&receiver->packet, config->mode, FZ_PACKET_OPENS, &config->keys);
	return error;
}

struct fizeau_receiver *fizeau_receiver_new(const struct fizeau_receiver_config *config)
{
	static const struct fizeau_test_features no_features;
	struct fizeau_receiver *receiver = calloc(1, sizeof(*receiver));

	if (receiver == NULL)
		return NULL;
	receiver->mode = config->mode;
	receiver->layout = fz_test_sender_layout(config->mode, &no_features);
	receiver->octets = receiver->layout.header + config->padding_octets;
	receiver->start = config->start_time;
	receiver->timeout = config->timeout;
	receiver->packets = config->packets;
	if (set_up(receiver, config) < 0) {
		fizeau_receiver_free(receiver);
		return NULL;
	}
	return receiver;
}

void fizeau_receiver_free(struct fizeau_receiver *receiver)
{
	if (receiver == NULL)
		return;
	fz_packet_wipe(&receiver->packet);
	fizeau_schedule_free(receiver->schedule);
	free(receiver->offsets);
	free(receiver->arrived);
	free(receiver);
}

/* How far two stamps are apart, either way round. */
static uint64_t apart(uint64_t a, uint64_t b)
{
	return (a - b) >> 63 ? b - a : a - b;
}

/* A stamp as time from the Start Time, which may lie in another era. */
static i128 since_start(const struct fizeau_receiver *receiver, uint64_t ntp)
{
	return (int64_t)(ntp - receiver->start);
}

static uint32_t place(const struct fizeau_receiver *receiver, uint32_t seq)
{
	return seq & (receiver->capacity - 1);
}

static bool grow(struct fizeau_receiver *receiver)
{
	uint32_t capacity = receiver->capacity * 2;
	uint64_t *offsets;
	bool *arrived;

	if (capacity > RING_MAX)
		return false;
	offsets = calloc(capacity, sizeof(*offsets));
	arrived = calloc(capacity, sizeof(*arrived));
	if (offsets == NULL || arrived == NULL) {
		free(offsets);
		free(arrived);
		return false;
	}
	for (uint32_t seq = receiver->tail; seq != receiver->head; seq++) {
		offsets[seq & (capacity - 1)] = receiver->offsets[place(receiver, seq)];
		arrived[seq & (capacity - 1)] = receiver->arrived[place(receiver, seq)];
	}
	free(receiver->offsets);
	free(receiver->arrived);
	receiver->offsets = offsets;
	receiver->arrived = arrived;
	receiver->capacity = capacity;
	return true;
}

/* Number head leaves the schedule; the next one is looked at ahead. */
static void step(struct fizeau_receiver *receiver)
{
	if (receiver->latest < receiver->ahead)
		receiver->latest = receiver->ahead;
	receiver->head++;
	receiver->ahead = fizeau_schedule_next(receiver->schedule);
}

/* Number head becomes one of the undecided. */
static bool push(struct fizeau_receiver *receiver)
{
	if (receiver->head - receiver->tail == receiver->capacity && !grow(receiver))
		return false;
	receiver->offsets[place(receiver, receiver->head)] = receiver->ahead;
	receiver->arrived[place(receiver, receiver->head)] = false;
	step(receiver);
	return true;
}

/* Makes a number one of the undecided, unless it is due more than Timeout after its send timestamp. */
static int reach(struct fizeau_receiver *receiver, uint32_t seq, uint64_t sent_ntp)
{
	i128 limit = since_start(receiver, sent_ntp) + receiver->timeout;

	/* What was decided was so since two Timeouts had passed since its scheduled time. Whatever it carries as send
	   timestamp, that is more than one of them from its arrival or from its schedule: no duplicate is missed. */
	if (seq < receiver->tail)
		return FIZEAU_ERR_LATE;
	for (uint32_t work = 0; receiver->head <= seq; work++) {
		if (receiver->ahead > limit)
			return FIZEAU_ERR_LATE;
		if (work == WORK_MAX || !push(receiver))
			return FIZEAU_ERR_MEMORY;
	}
	return 0;
}

/*= rfc4656#section-4.2 OW-4.2-02 OW-4.2-03 OW-4.2-14 */
/*= rfc4656#section-4.1.2 OW-4.1.2-10 */
static int open_packet(
	struct fizeau_receiver *receiver, const uint8_t *octets, size_t len, struct fz_test_sender *packet)
{
	uint8_t header[HEADER_MAX];
	int error = 0;

	assert(receiver->layout.header <= sizeof(header));
	/*= rfc4656#section-3.5 OW-3.5-18 */
	if (len != receiver->octets)
		return FIZEAU_ERR_LENGTH;
	memcpy(header, octets, receiver->layout.header);
	if (receiver->mode != FIZEAU_TEST_OPEN)
		error = fz_packet_open(
			&receiver->packet, header, receiver->layout.covered, header + receiver->layout.hmac);
	if (error < 0)
		return error;
	fz_test_sender_get(header, &receiver->layout, packet);
	return fizeau_error_estimate_valid(packet->error) ? 0 : FIZEAU_ERR_ESTIMATE;
}

/*= rfc4656#section-4.2 OW-4.2-12 OW-4.2-13 */
static int check_times(struct fizeau_receiver *receiver, const struct fz_test_sender *packet, uint64_t received_ntp)
{
	int error;

	if (apart(received_ntp, packet->ntp) > receiver->timeout)
		return FIZEAU_ERR_LATE;
	error = reach(receiver, packet->seq, packet->ntp);
	if (error < 0)
		return error;
	if (apart(packet->ntp, receiver->start + receiver->offsets[place(receiver, packet->seq)]) > receiver->timeout)
		return FIZEAU_ERR_LATE;
	return 0;
}

/*= rfc4656#section-4.2 OW-4.2-10 OW-4.2-11 */
int fizeau_receiver_packet(struct fizeau_receiver *receiver, const uint8_t *octets, size_t len,
	struct fizeau_stamp received, uint8_t ttl, struct fizeau_record *record)
{
	struct fz_test_sender packet;
	int error = open_packet(receiver, octets, len, &packet);

	if (error < 0)
		return error;
	/*= rfc4656#section-3.5 OW-3.5-15 */
	if (packet.seq >= receiver->packets)
		return FIZEAU_ERR_RANGE;
	error = check_times(receiver, &packet, received.ntp);
	if (error < 0)
		return error;
	receiver->arrived[place(receiver, packet.seq)] = true;
	if (receiver->latest < since_start(receiver, packet.ntp))
		receiver->latest = since_start(receiver, packet.ntp);
	if (packet.seq >= receiver->next_seqno)
		receiver->next_seqno = packet.seq + 1;
	*record = (struct fizeau_record){
		.seq = packet.seq,
		.send_error = packet.error,
		.send_ntp = packet.ntp,
		.receive_error = received.error,
		/* The moment at which an era begins would read as "lost". */
		.receive_ntp = received.ntp != 0 ? received.ntp : 1,
		.ttl = ttl,
	};
	return 0;
}

/* Whether a number that has not arrived is lost: it may have left up to Timeout after its time, and have travelled
   for another. At the end it is asked for what was due Timeout before. */
/*= rfc4656#section-4.2 OW-4.2-01 */
/*= rfc4656#section-3.5 OW-3.5-20 */
static bool gone(const struct fizeau_receiver *receiver, uint64_t offset, uint64_t now_ntp)
{
	i128 due = (i128)offset + receiver->timeout;

	if (receiver->finished)
		return due <= since_start(receiver, receiver->stop);
	return due + receiver->timeout < since_start(receiver, now_ntp);
}

/*= rfc4656#section-4.2 OW-4.2-04 */
/*= rfc4656#section-3.9 OW-3.9-21 */
static struct fizeau_record lost_record(
	const struct fizeau_receiver *receiver, uint32_t seq, uint64_t offset, uint16_t receive_error)
{
	return (struct fizeau_record){
		.seq = seq,
		.send_error = FIZEAU_SEND_ERROR_LOST,
		.send_ntp = receiver->start + offset,
		.receive_error = receive_error,
		.ttl = 255,
	};
}

/* What is due by now becomes undecided while there is time, so that the first packet after a long silence need not
   walk all the way. */
static void keep_up(struct fizeau_receiver *receiver, uint64_t now_ntp)
{
	i128 now = since_start(receiver, now_ntp);

	for (uint32_t work = 0; work < WORK_MAX && receiver->head < receiver->packets && receiver->ahead <= now;
		work++) {
		if (!push(receiver))
			return;
	}
}

/*= rfc4656#section-4.2 OW-4.2-08 */
size_t fizeau_receiver_lost(
	struct fizeau_receiver *receiver, struct fizeau_stamp now, struct fizeau_record *records, size_t max)
{
	size_t count = 0;

	while (count < max && receiver->tail < receiver->packets) {
		bool fresh = receiver->tail == receiver->head, arrived;
		uint64_t offset = fresh ? receiver->ahead : receiver->offsets[place(receiver, receiver->tail)];

		if (!gone(receiver, offset, now.ntp))
			break;
		arrived = !fresh && receiver->arrived[place(receiver, receiver->tail)];
		if (fresh)
			step(receiver);
		if (!arrived)
			records[count++] = lost_record(receiver, receiver->tail, offset, now.error);
		receiver->tail++;
	}
	if (!receiver->finished && count < max)
		keep_up(receiver, now.ntp);
	return count;
}

/* The lowest number that has neither arrived nor is lost. */
static uint32_t first_open(struct fizeau_receiver *receiver)
{
	if (receiver->open < receiver->tail)
		receiver->open = receiver->tail;
	while (receiver->open < receiver->head && receiver->arrived[place(receiver, receiver->open)])
		receiver->open++;
	return receiver->open;
}

/* A time from the Start Time as a stamp; false if it is beyond what a stamp can say. */
static bool stamp_of(const struct fizeau_receiver *receiver, i128 time, uint64_t *ntp)
{
	if (time > INT64_MAX)
		return false;
	*ntp = receiver->start + (uint64_t)time;
	return true;
}

bool fizeau_receiver_due(struct fizeau_receiver *receiver, uint64_t *ntp)
{
	uint32_t open = first_open(receiver);
	uint64_t offset = receiver->ahead;

	if (receiver->finished || open == receiver->packets)
		return false;
	if (open < receiver->head)
		offset = receiver->offsets[place(receiver, open)];
	return stamp_of(receiver, (i128)offset + receiver->timeout + receiver->timeout + 1, ntp);
}

/*= rfc4656#section-3.8 OW-3.8-17 */
bool fizeau_receiver_complete(struct fizeau_receiver *receiver, uint64_t *ntp)
{
	if (first_open(receiver) < receiver->packets)
		return false;
	return stamp_of(receiver, receiver->latest + receiver->timeout, ntp);
}

void fizeau_receiver_finish(struct fizeau_receiver *receiver, uint64_t stop_ntp)
{
	receiver->finished = true;
	receiver->stop = stop_ntp;
}

uint32_t fizeau_receiver_next_seqno(const struct fizeau_receiver *receiver)
{
	return receiver->next_seqno;
}

/*= rfc4656#section-3.8 OW-3.8-15 */
int fizeau_receiver_check_end(const struct fizeau_receiver *receiver, const struct fizeau_session_end *end)
{
	return receiver->next_seqno > end->next_seqno ? FIZEAU_ERR_SESSIONS : 0;
}

/*= rfc4656#section-3.8 OW-3.8-12 OW-3.8-13 OW-3.8-14 OW-3.8-16 */
bool fizeau_record_counts(const struct fizeau_record *record, const struct fizeau_session_end *end,
	uint32_t received_next, uint64_t stop_ntp, uint64_t timeout)
{
	i128 age = (int64_t)(stop_ntp - record->send_ntp);

	/* What has not had its Timeout goes, lost or not, or the ratio of the two would be wrong; so does what a sender
	   whose clock is ahead sent "after" the end. */
	if (age < timeout)
		return false;
	if (!fizeau_record_lost(record))
		return true;
	if (end == NULL)
		return record->seq < received_next;
	return record->seq < end->next_seqno && !fizeau_session_end_skipped(end, record->seq);
}
