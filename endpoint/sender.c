/* SPDX-License-Identifier: MIT */
#include "endpoint/sender.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BURST 32	   /* packets sent before others have their turn */
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
	bool under_way;		   /* a number was sent or skipped: the origin stays */
	bool started, done;
	struct fizeau_mono last;
	struct fizeau_skip_range *ranges;
	uint32_t range_count, range_room;
	struct fz_endpoint_sender_counters counters;
	uint8_t octets[];
};

static void on_due(void *arg);

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
	size_t octets = fizeau_sender_header_octets(config->mode) + config->padding_octets;
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
	sender->schedule = fizeau_schedule_new(config->sid, config->slots, config->slot_count);
	if (sender->schedule == NULL || !make_packets(sender, config)) {
		fz_endpoint_sender_free(sender);
		return NULL;
	}
	sender->offset = fizeau_schedule_next(sender->schedule);
	return sender;
}

void fz_endpoint_sender_free(struct fz_endpoint_sender *sender)
{
	if (sender == NULL)
		return;
	fz_loop_timer_stop(sender->config.loop, &sender->timer);
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
	fz_loop_timer_stop(sender->config.loop, &sender->timer);
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
	sender->offset = fizeau_schedule_next(sender->schedule);
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

/* Sends the packet that is next. Each leaves alone, with a stamp of its own: so it is known which one the kernel did
   not take, and that one is skipped rather than lost on the way. */
/*= rfc4656#section-4.1.1 OW-4.1.1-02 OW-4.1.1-07 */
static int send_next(struct fz_endpoint_sender *sender)
{
	const struct fz_endpoint_sender_config *config = &sender->config;
	size_t len = fizeau_sender_octets(sender->packets);
	uint8_t *room = fz_udp_room(config->udp);
	uint32_t seq = sender->next;
	struct fizeau_stamp stamp;
	int64_t lateness_ns;
	int error = prepare(sender);

	if (error < 0 || room == NULL)
		return error < 0 ? error : -ENOBUFS;
	lateness_ns = fz_clock_mono().ns - due_of(sender).ns;
	stamp = fz_clock_wall(sender->config.clock);
	error = fizeau_sender_finish(sender->packets, sender->octets, stamp);
	if (error < 0)
		return error;
	memcpy(room, sender->octets, len);
	fz_udp_queue(config->udp, len, &config->remote, NULL, config->dscp);
	if (fz_udp_flush(config->udp) == 0)
		return skip(sender, &sender->counters.skipped_drop);
	sender->counters.sent++;
	go_on(sender);
	if (config->sent != NULL)
		config->sent(config->arg, seq, stamp, lateness_ns);
	return 0;
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
	int skips = 0, burst = 0, error = 0;

	fz_clock_refresh(sender->config.clock, now);
	if (!sender->under_way)
		place_origin(sender, now);
	while (sender->next < sender->config.packets && now.ns >= due_of(sender).ns) {
		if (skips == SKIPS_A_TURN || burst == BURST)
			break;
		if (now.ns - due_of(sender).ns > sender->config.timeout_ns) {
			skips++;
			error = skip(sender, &sender->counters.skipped_late);
		} else {
			burst++;
			error = send_next(sender);
			/* The callback may have stopped it. */
			if (sender->done)
				return;
			now = fz_clock_mono();
		}
		if (error < 0) {
			end(sender, error);
			return;
		}
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
	return fz_loop_timer(sender->config.loop, &sender->timer, fz_clock_mono());
}

void fz_endpoint_sender_stop(struct fz_endpoint_sender *sender)
{
	sender->done = true;
	fz_loop_timer_stop(sender->config.loop, &sender->timer);
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

struct fizeau_mono fz_endpoint_sender_last(const struct fz_endpoint_sender *sender)
{
	return sender->done ? sender->last : FIZEAU_NEVER;
}

void fz_endpoint_sender_counters(const struct fz_endpoint_sender *sender, struct fz_endpoint_sender_counters *counters)
{
	*counters = sender->counters;
}
