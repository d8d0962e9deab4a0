/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include "twoway_test.h"

#define BURST 32              /* packets sent before reflections are read again */
#define RETRY_NS 1000000      /* after the kernel refused a packet */

static void on_due(void *arg);
static void on_readable(void *arg, uint32_t events);

static void fail(struct fz_test *test, int error)
{
	test->error = error;
	test->done = true;
	fz_loop_timer_stop(test->config.loop, &test->timer);
}

static void set_timer(struct fz_test *test, struct fizeau_mono due)
{
	int rc = fz_loop_timer(test->config.loop, &test->timer, due);

	if (rc < 0)
		fail(test, rc);
}

void fz_test_open(struct fz_test *test, const struct fz_test_config *config, struct fz_udp *udp)
{
	*test = (struct fz_test){
		.config = *config,
		.udp = udp,
		.timer = {.fn = on_due, .arg = test},
		.failing = FIZEAU_NEVER,
		.received_by = FIZEAU_STAMP_HARDWARE,
	};
	fz_udp_local(udp, &test->local);
}

static struct fizeau_schedule *make_schedule(const struct fz_test_config *config, const uint8_t *sid)
{
	struct fizeau_slot *slots = calloc(config->slot_count, sizeof(*slots));
	struct fizeau_schedule *schedule;

	if (slots == NULL)
		return NULL;
	for (size_t i = 0; i < config->slot_count; i++) {
		slots[i].exponential = config->slots[i].exponential;
		slots[i].parameter = fizeau_duration_from_ns(config->slots[i].ns);
	}
	schedule = fizeau_schedule_new(sid, slots, config->slot_count);
	free(slots);
	return schedule;
}

int fz_test_accept(struct fz_test *test, const uint8_t sid[static FIZEAU_SID_OCTETS],
	const struct fizeau_test_keys *keys, const struct fz_addr *remote)
{
	struct fizeau_sender_config config = {
		.mode = test->config.mode,
		.padding_octets = test->config.padding_octets,
		.zero_padding = test->config.zero_padding,
	};

	if (keys != NULL)
		config.keys = *keys;
	if (getrandom(config.padding_seed, sizeof(config.padding_seed), 0) != (ssize_t)sizeof(config.padding_seed))
		return -EIO;
	test->remote = *remote;
	test->sender = fizeau_sender_new(&config);
	fizeau_wipe(&config, sizeof(config));
	/*= rfc5357#section-3.6 TW-3.6-01 */
	test->schedule = make_schedule(&test->config, sid);
	return test->sender != NULL && test->schedule != NULL ? 0 : FIZEAU_ERR_MEMORY;
}

/* When packet `sent` is due. */
static void schedule_next(struct fz_test *test)
{
	test->due.ns = test->start.ns + fizeau_duration_to_ns(fizeau_schedule_next(test->schedule));
}

int fz_test_start(struct fz_test *test, struct fizeau_mono start)
{
	test->start = start;
	schedule_next(test);
	set_timer(test, test->due);
	if (test->error != 0)
		return test->error;
	return fz_loop_add(test->config.loop, fz_udp_fd(test->udp), EPOLLIN, on_readable, test);
}

static bool remember(struct fz_test *test, const struct fz_sent *packet)
{
	if (test->sent == test->capacity) {
		uint32_t capacity = test->capacity == 0 ? 256 : test->capacity * 2;
		struct fz_sent *packets = realloc(test->packets, capacity * sizeof(*packets));

		if (packets == NULL)
			return false;
		test->packets = packets;
		test->capacity = capacity;
	}
	test->packets[test->sent++] = *packet;
	return true;
}

/* Writes the packet that is next, all but its stamp, while there is time. */
static bool prepare(struct fz_test *test)
{
	int rc;

	if (test->next != NULL)
		return true;
	test->next = fz_udp_room(test->udp);
	if (test->next == NULL) {
		fail(test, -ENOBUFS);
		return false;
	}
	/*= rfc4656#section-4.1.2 OW-4.1.2-11 */
	/*= rfc5560#section-2.5 DU-2.5-02 */
	rc = fizeau_sender_prepare(test->sender, test->sent, test->next);
	if (rc < 0)
		fail(test, rc);
	return rc >= 0;
}

/* Sends the packet that is due. False if the kernel did not take it, or nothing more can be done. */
static bool send_one(struct fz_test *test)
{
	struct fz_sent packet = {0};
	struct fizeau_stamp stamp;
	uint8_t *octets;
	int rc;

	if (!prepare(test))
		return false;
	octets = test->next;
	test->next = NULL;
	fz_udp_queue(test->udp, fizeau_sender_octets(test->sender), &test->remote, NULL, test->config.dscp);
	packet.lateness_ns = fz_clock_mono().ns - test->due.ns;
	/*= rfc5357#section-4.1.1 TW-4.1.1-01 */
	stamp = fz_clock_wall(test->config.clock);
	rc = fizeau_sender_finish(test->sender, octets, stamp);
	if (rc < 0) {
		fail(test, rc);
		return false;
	}
	rc = fz_udp_flush(test->udp);
	if (rc < 1)
		return false;
	packet.ntp = stamp.ntp;
	packet.error = stamp.error;
	test->last = fz_clock_mono();
	if (!remember(test, &packet))
		fail(test, -ENOMEM);
	return !test->done;
}

/* The kernel refused: the same number is tried again, so that a local drop never looks like loss on the way. */
static void send_failed(struct fz_test *test)
{
	struct fizeau_mono now = fz_clock_mono();

	if (test->done)
		return;
	if (test->failing.ns == INT64_MAX)
		test->failing = now;
	if (now.ns - test->failing.ns > test->config.timeout_ns)
		fz_test_stop_sending(test, FZ_ENDED_SENDING);
	else
		set_timer(test, (struct fizeau_mono){now.ns + RETRY_NS});
}

static void wait_for_last(struct fz_test *test)
{
	struct fizeau_mono until = {test->last.ns + test->config.timeout_ns};

	if (test->back == test->sent || fz_clock_mono().ns >= until.ns) {
		test->done = true;
		fz_loop_timer_stop(test->config.loop, &test->timer);
		return;
	}
	set_timer(test, until);
}

static bool all_sent(const struct fz_test *test)
{
	return test->sent == test->config.count;
}

static void on_due(void *arg)
{
	struct fz_test *test = arg;
	struct fizeau_mono now = fz_clock_mono();

	if (all_sent(test)) {
		wait_for_last(test);
		return;
	}
	fz_clock_refresh(test->config.clock, now);
	/* After a long sleep (a suspended process) the schedule goes on from now, instead of in one burst. */
	if (now.ns - test->due.ns > test->config.timeout_ns && test->failing.ns == INT64_MAX)
		test->start.ns += now.ns - test->due.ns;
	for (int i = 0; i < BURST && !all_sent(test) && now.ns >= test->due.ns; i++) {
		if (!send_one(test)) {
			send_failed(test);
			return;
		}
		test->failing = FIZEAU_NEVER;
		if (!all_sent(test))
			schedule_next(test);
		now = fz_clock_mono();
	}
	if (all_sent(test))
		wait_for_last(test);
	else if (prepare(test))
		set_timer(test, test->due);
}

static void discard(struct fz_test *test, int error)
{
	if (error == FIZEAU_ERR_HMAC)
		test->discards.hmac++;
	else if (error == FIZEAU_ERR_ESTIMATE)
		test->discards.error_estimate++;
	else
		test->discards.length++;
}

static bool record(struct fz_test *test, const struct fizeau_round_trip *trip)
{
	if (test->record_count == test->record_capacity) {
		size_t capacity = test->record_capacity == 0 ? 256 : test->record_capacity * 2;
		struct fizeau_round_trip *records = realloc(test->records, capacity * sizeof(*records));

		if (records == NULL)
			return false;
		test->records = records;
		test->record_capacity = capacity;
	}
	test->records[test->record_count++] = *trip;
	return true;
}

static void reflected(struct fz_test *test, const struct fz_datagram *datagram)
{
	struct fizeau_reflection reflection;
	struct fizeau_round_trip trip;
	struct fz_sent *packet;
	int rc;

	if (!fz_addr_equal(&datagram->from, &test->remote)) {
		test->discards.foreign_source++;
		return;
	}
	if (datagram->truncated) {
		test->discards.length++;
		return;
	}
	rc = fizeau_sender_reflection(test->sender, datagram->octets, datagram->len, &reflection);
	if (rc < 0) {
		discard(test, rc);
		return;
	}
	if (reflection.sender_seq >= test->sent) {
		test->discards.unknown_number++;
		return;
	}
	packet = &test->packets[reflection.sender_seq];
	if (!packet->back)
		test->back++;
	packet->back = true;
	if (datagram->received.source < test->received_by)
		test->received_by = datagram->received.source;
	trip = (struct fizeau_round_trip){
		.seq = reflection.sender_seq,
		.reflector_seq = reflection.seq,
		/* Our own note of T1: in authenticated mode the copy that came back is not protected. */
		.t1 = packet->ntp,
		.t2 = reflection.receive_ntp,
		.t3 = reflection.reflect_ntp,
		.t4 = datagram->received.ntp,
		.sender_error = packet->error,
		.reflector_error = reflection.reflector_error,
		.receive_error = datagram->received.error,
		.forward_ttl = reflection.sender_ttl,
		.backward_ttl = datagram->ttl,
	};
	/* Who floods us with copies must not take the memory: a few of each number are enough to see it. */
	if (test->record_count < (size_t)test->config.count * 4 + 1000 && !record(test, &trip))
		fail(test, -ENOMEM);
}

static void on_readable(void *arg, uint32_t events)
{
	struct fz_test *test = arg;
	struct fz_datagram *datagrams;
	int n;

	(void)events;
	fz_clock_refresh(test->config.clock, fz_clock_mono());
	n = fz_udp_read(test->udp, test->config.clock, &datagrams);
	/* An error on a UDP socket is news of an ICMP message: what is lost shows as lost. */
	for (int i = 0; i < n && !test->done; i++)
		reflected(test, &datagrams[i]);
	if (!test->done && all_sent(test) && test->back == test->sent)
		wait_for_last(test);
}

void fz_test_stop_sending(struct fz_test *test, enum fz_ending ending)
{
	if (test->done || all_sent(test))
		return;
	test->ending = ending;
	test->config.count = test->sent;
	if (test->sent == 0)
		test->done = true;
	else
		wait_for_last(test);
}

void fz_test_close(struct fz_test *test)
{
	fz_loop_timer_stop(test->config.loop, &test->timer);
	if (test->udp != NULL) {
		fz_loop_remove(test->config.loop, fz_udp_fd(test->udp));
		fz_udp_close(test->udp);
	}
	fizeau_sender_free(test->sender);
	fizeau_schedule_free(test->schedule);
	free(test->packets);
	free(test->records);
	*test = (struct fz_test){0};
}
