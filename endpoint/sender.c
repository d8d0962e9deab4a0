/* SPDX-License-Identifier: MIT */
#include "endpoint/sender.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "io/departure.h"

#define BURST 32	   /* packets that leave as one batch, before others have their turn */
#define OWN_STAMPS 64	   /* power of two: packets whose transmit stamp may be awaited at once */
#define STAMP_GAP_NS 500000 /* a sample is enough to learn from */
#define SKIPS_A_TURN 4096  /* numbers skipped before others have their turn: well below a millisecond */
#define LOOK_NS 1000000000 /* until the first packet the wall clock is looked at this often */

struct fz_endpoint_sender {
	struct fz_endpoint_sender_config config;
	struct fizeau_sender *packets;
	struct fizeau_schedule *schedule;
	struct fz_timer timer;
	uint64_t offset;	   /* of number next from the Start Time, 32.32 s */
	struct fizeau_mono origin; /* the Start Time */
	uint32_t next;		   /* the next number */
	bool prepared;		   /* it lies in octets, all but its stamp */
	uint64_t ahead[BURST];	   /* offsets of the numbers behind next that were looked at already */
	uint32_t ahead_count;
	struct fz_departure departure;
	struct {
		uint32_t seq;
		struct fizeau_stamp stamp; /* as it was taken, before it was corrected */
	} own[OWN_STAMPS];
	struct fizeau_mono stamp_wanted;
	bool watched; /* the socket is in the loop */
	struct fz_missed missed;
	bool under_way;		   /* a number was sent or skipped: the origin stays */
	bool started, done;
	struct fizeau_mono last;
	struct fizeau_skip_range *ranges;
	uint32_t range_count, range_room;
	struct fz_endpoint_sender_counters counters;
	uint8_t octets[];
};

/* A packet of a batch: its stamp, and when it was taken, from the Start Time on. */
struct left {
	struct fizeau_stamp stamp;
	int64_t left_ns;
};

static void on_due(void *arg);
static void on_sent(void *arg, uint32_t events);

static bool make_packets(struct fz_endpoint_sender *sender, const struct fz_endpoint_sender_config *config)
{
	struct fizeau_sender_config packets = {
		.mode = config->mode,
		.keys = config->keys,
		.padding_octets = config->padding_octets,
		.zero_padding = config->zero_padding,
	};
	ssize_t got = getrandom(packets.padding_seed, sizeof(packets.padding_seed), 0);

	if (got == (ssize_t)sizeof(packets.padding_seed))
		sender->packets = fizeau_sender_new(&packets);
	fizeau_wipe(&packets, sizeof(packets));
	return sender->packets != NULL;
}

struct fz_endpoint_sender *fz_endpoint_sender_new(const struct fz_endpoint_sender_config *config)
{
	size_t octets = fizeau_sender_header_octets(config->mode, 0) + config->padding_octets;
	struct fz_endpoint_sender *sender;

	if (octets > FIZEAU_TEST_PACKET_MAX)
		return NULL;
	sender = calloc(1, sizeof(*sender) + octets);
	if (sender == NULL)
		return NULL;
	sender->config = *config;
	/* Its cipher has the keys, and the schedule the slots. */
	fizeau_wipe(&sender->config.keys, sizeof(sender->config.keys));
	sender->config.slots = NULL;
	sender->timer = (struct fz_timer){.fn = on_due, .arg = sender};
	sender->last = FIZEAU_NEVER;
	sender->stamp_wanted = (struct fizeau_mono){INT64_MIN / 2};
	sender->schedule = fizeau_schedule_new(config->sid, config->slots, config->slot_count);
	if (sender->schedule == NULL || !make_packets(sender, config)) {
		fz_endpoint_sender_free(sender);
		return NULL;
	}
	sender->offset = fizeau_schedule_next(sender->schedule);
	return sender;
}

static void leave_loop(struct fz_endpoint_sender *sender)
{
	fz_loop_timer_stop(sender->config.loop, &sender->timer);
	if (sender->watched)
		fz_loop_remove(sender->config.loop, fz_udp_fd(sender->config.udp));
	sender->watched = false;
}

void fz_endpoint_sender_free(struct fz_endpoint_sender *sender)
{
	if (sender == NULL)
		return;
	leave_loop(sender);
	fz_missed_free(&sender->missed);
	fizeau_sender_free(sender->packets);
	fizeau_schedule_free(sender->schedule);
	free(sender->ranges);
	free(sender);
}

/* When number next is due. A Start Time is within 68 years of now and an offset below 137: they fit. */
static struct fizeau_mono due_of(const struct fz_endpoint_sender *sender)
{
	return (struct fizeau_mono){sender->origin.ns + fizeau_duration_to_ns(sender->offset)};
}

static void end(struct fz_endpoint_sender *sender, int error)
{
	sender->done = true;
	sender->counters.error = error;
	leave_loop(sender);
	if (sender->last.ns == INT64_MAX)
		sender->last = fz_clock_mono();
	sender->config.done(sender->config.arg);
}

/* The number is used up, by a packet or without one. */
static void go_on(struct fz_endpoint_sender *sender)
{
	sender->last = due_of(sender);
	sender->under_way = true;
	sender->prepared = false;
	sender->next++;
	if (sender->ahead_count == 0) {
		sender->offset = fizeau_schedule_next(sender->schedule);
		return;
	}
	sender->offset = sender->ahead[0];
	sender->ahead_count--;
	memmove(&sender->ahead[0], &sender->ahead[1], sender->ahead_count * sizeof(sender->ahead[0]));
}

/* Room for one range more. */
static int make_room(struct fz_endpoint_sender *sender)
{
	uint32_t room = sender->range_room == 0 ? 16 : sender->range_room * 2;
	struct fizeau_skip_range *ranges;

	if (sender->range_count < sender->range_room)
		return 0;
	if (sender->range_count == FIZEAU_SKIP_RANGES_MAX)
		return FIZEAU_ERR_LIMIT;
	ranges = realloc(sender->ranges, room * sizeof(*ranges));
	if (ranges == NULL)
		return FIZEAU_ERR_MEMORY;
	sender->ranges = ranges;
	sender->range_room = room;
	return 0;
}

/* The next number is used up without a packet. 0, or why sending cannot go on: what is not accounted for would look
   like loss. */
/*= rfc4656#section-4.1.1 OW-4.1.1-04 */
/*= rfc4656#section-3.8 OW-3.8-12 */
static int skip(struct fz_endpoint_sender *sender, uint32_t *counter)
{
	int error;

	if (sender->range_count > 0 && sender->ranges[sender->range_count - 1].last + 1 == sender->next) {
		sender->ranges[sender->range_count - 1].last++;
	} else {
		error = make_room(sender);
		if (error < 0)
			return error;
		sender->ranges[sender->range_count++] = (struct fizeau_skip_range){sender->next, sender->next};
	}
	++*counter;
	fz_missed_slot(&sender->missed, sender->next, fizeau_duration_to_ns(sender->offset));
	go_on(sender);
	return 0;
}

/* Writes the packet that is next, all but its stamp, while there is time. */
/*= rfc4656#section-4.1.2 OW-4.1.2-11 */
/*= rfc5560#section-2.5 DU-2.5-02 */
static int prepare(struct fz_endpoint_sender *sender)
{
	int error;

	if (sender->prepared)
		return 0;
	error = fizeau_sender_prepare(sender->packets, sender->next, sender->octets);
	sender->prepared = error == 0;
	return error;
}

/* Queues packet seq, all but its stamp; false if there is no room. */
static bool queue(struct fz_endpoint_sender *sender, uint32_t seq, struct fizeau_mono now, int *error)
{
	const struct fz_endpoint_sender_config *config = &sender->config;
	size_t len = fizeau_sender_octets(sender->packets);
	uint8_t *room = fz_udp_room(config->udp);

	*error = 0;
	if (room == NULL)
		return false;
	if (seq == sender->next && sender->prepared)
		memcpy(room, sender->octets, len);
	else
		*error = fizeau_sender_prepare(sender->packets, seq, room);
	if (*error < 0)
		return false;
	fz_udp_queue(config->udp, len, &config->remote, NULL, config->dscp);
	if (sender->watched && now.ns - sender->stamp_wanted.ns >= STAMP_GAP_NS) {
		fz_udp_want_sent(config->udp, seq);
		sender->stamp_wanted = now;
	}
	return true;
}

/* Offset of the number that is `behind` behind the next one, below BURST. */
static uint64_t offset_behind(struct fz_endpoint_sender *sender, uint32_t behind)
{
	while (sender->ahead_count < behind)
		sender->ahead[sender->ahead_count++] = fizeau_schedule_next(sender->schedule);
	return behind == 0 ? sender->offset : sender->ahead[behind - 1];
}

/* Queues what is due from number next on, at least that one: how many packets, or why not. */
static int queue_due(struct fz_endpoint_sender *sender, struct fizeau_mono now)
{
	uint32_t count = 0;
	int error = 0;

	while (count < BURST && count < sender->config.packets - sender->next) {
		if (now.ns < sender->origin.ns + fizeau_duration_to_ns(offset_behind(sender, count)) ||
			!queue(sender, sender->next + count, now, &error))
			break;
		count++;
	}
	if (error < 0)
		return error;
	return count > 0 ? (int)count : -ENOBUFS;
}

/* Stamps what is queued, right before it leaves. */
/*= rfc4656#section-4.1.1 OW-4.1.1-02 OW-4.1.1-07 */
static int stamp_batch(struct fz_endpoint_sender *sender, uint32_t count, struct fizeau_mono now, struct left *batch)
{
	struct fz_correction correction;

	(void)fz_departure_known(&sender->departure, FZ_EFFORT_UNKNOWN, now, &correction);
	for (uint32_t i = 0; i < count; i++) {
		struct fizeau_stamp stamp;
		int error;

		batch[i].left_ns = fz_clock_mono().ns - sender->origin.ns;
		stamp = fz_clock_wall(sender->config.clock);
		sender->own[(sender->next + i) % OWN_STAMPS].seq = sender->next + i;
		sender->own[(sender->next + i) % OWN_STAMPS].stamp = stamp;
		fz_departure_correct(&correction, &stamp);
		batch[i].stamp = stamp;
		error = fizeau_sender_finish(sender->packets, fz_udp_queued_octets(sender->config.udp, i), stamp);
		if (error < 0)
			return error;
	}
	return 0;
}

/* The next number left. */
static void sent(struct fz_endpoint_sender *sender, const struct left *left)
{
	int64_t offset_ns = fizeau_duration_to_ns(sender->offset);
	uint32_t seq = sender->next;

	sender->counters.sent++;
	fz_missed_sent(&sender->missed, seq, offset_ns, left->left_ns);
	go_on(sender);
	if (sender->config.sent != NULL)
		sender->config.sent(sender->config.arg, seq, left->stamp, left->left_ns - offset_ns);
}

/* Sends a batch of what is due, each packet with a stamp of its own. It is known which one the kernel did not take: that
   one is skipped rather than lost on the way, and those behind it are tried anew. */
static int send_batch(struct fz_endpoint_sender *sender, struct fizeau_mono now)
{
	struct left batch[BURST];
	int count = queue_due(sender, now), error = count < 0 ? count : 0, left;

	if (error == 0)
		error = stamp_batch(sender, (uint32_t)count, now, batch);
	if (error < 0) {
		fz_udp_unqueue(sender->config.udp);
		return error;
	}
	left = fz_udp_flush_in_order(sender->config.udp);
	/* The callback may stop the sender: what left has left. */
	for (int i = 0; i < left; i++)
		sent(sender, &batch[i]);
	return left < count && !sender->done ? skip(sender, &sender->counters.skipped_drop) : 0;
}

/* Transmit stamps of earlier packets. */
static void on_sent(void *arg, uint32_t events)
{
	struct fz_endpoint_sender *sender = arg;
	const struct fz_sent_stamp *stamps;
	struct fizeau_mono now = fz_clock_mono();
	struct fz_datagram *unwanted;
	int count = fz_udp_read_sent(sender->config.udp, sender->config.clock, &stamps);

	(void)events;
	for (int i = 0; i < count; i++) {
		uint32_t seq = stamps[i].id;

		/* Of a card in its own time nothing can be learnt. */
		if (stamps[i].stamp.source != FIZEAU_STAMP_KERNEL || sender->own[seq % OWN_STAMPS].seq != seq)
			continue;
		fz_stamp_count(&sender->counters.left, stamps[i].stamp.source);
		fz_departure_learn(&sender->departure, &sender->own[seq % OWN_STAMPS].stamp, &stamps[i].stamp,
			FZ_EFFORT_UNKNOWN, now);
	}
	/* Other news is an error, which goes by being read. */
	if (count == 0)
		(void)!fz_udp_read(sender->config.udp, sender->config.clock, &unwanted);
}

/* Until the first number has had its turn the origin goes with the wall clock, which may still be set. From then on
   the monotonic clock alone counts: a wall clock that is set changes the stamps, and sending goes on. */
static void place_origin(struct fz_endpoint_sender *sender, struct fizeau_mono now)
{
	int64_t until = fizeau_ntp_diff_ns(sender->config.start_time, fz_clock_wall(sender->config.clock).ntp);

	sender->origin.ns = now.ns + until;
}

static void set_timer(struct fz_endpoint_sender *sender, struct fizeau_mono now)
{
	struct fizeau_mono due = due_of(sender);
	int error = prepare(sender);

	if (!sender->under_way && due.ns - now.ns > LOOK_NS)
		due.ns = now.ns + LOOK_NS;
	if (error == 0)
		error = fz_loop_timer(sender->config.loop, &sender->timer, due);
	if (error < 0)
		end(sender, error);
}

/*= rfc4656#section-4.1.1 OW-4.1.1-03 OW-4.1.1-05 */
static void on_due(void *arg)
{
	struct fz_endpoint_sender *sender = arg;
	struct fizeau_mono now = fz_clock_mono();
	int skips = 0, error = 0;

	fz_clock_refresh(sender->config.clock, now);
	if (!sender->under_way)
		place_origin(sender, now);
	while (sender->next < sender->config.packets && skips < SKIPS_A_TURN && error == 0 &&
		now.ns - due_of(sender).ns > sender->config.timeout_ns) {
		skips++;
		error = skip(sender, &sender->counters.skipped_late);
	}
	if (error == 0 && sender->next < sender->config.packets && skips < SKIPS_A_TURN && now.ns >= due_of(sender).ns)
		error = send_batch(sender, now);
	if (sender->done)
		return;
	if (error < 0) {
		end(sender, error);
		return;
	}
	if (sender->next == sender->config.packets)
		end(sender, 0);
	else
		set_timer(sender, now);
}

/*= rfc4656#section-3.5 OW-3.5-19 */
int fz_endpoint_sender_start(struct fz_endpoint_sender *sender)
{
	assert(!sender->started);
	sender->started = true;
	if (sender->config.learns_departures && fz_udp_tells_sent(sender->config.udp)) {
		int error = fz_loop_add(sender->config.loop, fz_udp_fd(sender->config.udp), 0, on_sent, sender);

		if (error < 0)
			return error;
		sender->watched = true;
	}
	return fz_loop_timer(sender->config.loop, &sender->timer, fz_clock_mono());
}

void fz_endpoint_sender_stop(struct fz_endpoint_sender *sender)
{
	sender->done = true;
	leave_loop(sender);
}

/*= rfc4656#section-3.8 OW-3.8-11 */
void fz_endpoint_sender_end(const struct fz_endpoint_sender *sender, struct fizeau_session_end *out)
{
	*out = (struct fizeau_session_end){
		.next_seqno = sender->next,
		.ranges = sender->ranges,
		.range_count = sender->range_count,
	};
	memcpy(out->sid, sender->config.sid, sizeof(out->sid));
}

const struct fz_missed *fz_endpoint_sender_missed(const struct fz_endpoint_sender *sender)
{
	return &sender->missed;
}

struct fizeau_mono fz_endpoint_sender_last(const struct fz_endpoint_sender *sender)
{
	return sender->done ? sender->last : FIZEAU_NEVER;
}

void fz_endpoint_sender_counters(const struct fz_endpoint_sender *sender, struct fz_endpoint_sender_counters *counters)
{
	*counters = sender->counters;
}
