/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "io/stamping.h"
#include "twoway_test.h"

#define RETRY_NS 1000000      /* after the kernel refused a packet */
#define EACH_STAMPED_PPS 10000 /* up to which every packet's transmit stamp is wanted */
#define STAMP_GAP_NS 1000000  /* above that, of all sessions of the process */
#define READS_OF_STAMPS 8     /* batches of them before others have their turn */
#define AWAIT_NS 20000000     /* how long a busy loop does not sleep for a reflection */
#define RESERVED 1000000u     /* packets that memory is reserved for; it is used when they are sent */

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

/* Each transmit stamp costs a message of the kernel's: at high rates a sample has to do. */
static int64_t stamp_gap_ns(const struct fz_test_config *config)
{
	int64_t sessions = config->sessions > 1 ? config->sessions : 1, cycle_ns = 0;

	for (size_t i = 0; i < config->slot_count; i++)
		cycle_ns += config->slots[i].ns;
	if (cycle_ns / (int64_t)config->slot_count * EACH_STAMPED_PPS >= sessions * 1000000000)
		return 0;
	return sessions * STAMP_GAP_NS;
}

void fz_test_open(struct fz_test *test, const struct fz_test_config *config, struct fz_udp *udp)
{
	*test = (struct fz_test){
		.config = *config,
		.udp = udp,
		.timer = {.fn = on_due, .arg = test},
		.failing = FIZEAU_NEVER,
		.stamp_gap_ns = stamp_gap_ns(config),
		.stamp_wanted = {INT64_MIN / 2},
	};
	fz_udp_local(udp, &test->local);
}

static struct fizeau_schedule *make_schedule(const struct fz_test_config *config, const uint8_t *seed)
{
	struct fizeau_slot *slots = calloc(config->slot_count, sizeof(*slots));
	struct fizeau_schedule *schedule;

	if (slots == NULL)
		return NULL;
	for (size_t i = 0; i < config->slot_count; i++) {
		slots[i].exponential = config->slots[i].exponential;
		slots[i].parameter = fizeau_duration_from_ns(config->slots[i].ns);
	}
	schedule = fizeau_schedule_new(seed, slots, config->slot_count);
	free(slots);
	return schedule;
}

/* So that nothing is allocated while packets are sent. Without memory for all there may still be enough for what comes. */
static void reserve(struct fz_test *test)
{
	uint32_t count = test->config.count < RESERVED ? test->config.count : RESERVED;

	test->packets = malloc(count * sizeof(*test->packets));
	test->capacity = test->packets != NULL ? count : 0;
	test->records = malloc(count * sizeof(*test->records));
	test->record_capacity = test->records != NULL ? count : 0;
}

int fz_test_accept(struct fz_test *test, const struct fz_test_packets *maker,
	const uint8_t seed[static FIZEAU_SID_OCTETS], const struct fz_addr *remote)
{
	test->maker = *maker;
	test->remote = *remote;
	/*= rfc5357#section-3.6 TW-3.6-01 */
	test->schedule = make_schedule(&test->config, seed);
	if (test->schedule == NULL)
		return FIZEAU_ERR_MEMORY;
	test->next = malloc(test->maker.octets);
	reserve(test);
	return test->next != NULL ? 0 : FIZEAU_ERR_MEMORY;
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

	if (test->prepared)
		return true;
	/*= rfc4656#section-4.1.2 OW-4.1.2-11 */
	/*= rfc5560#section-2.5 DU-2.5-02 */
	rc = test->maker.prepare(test->maker.arg, test->sent, test->next);
	test->prepared = rc >= 0;
	if (rc < 0)
		fail(test, rc);
	return rc >= 0;
}

/* Queues a packet that is due, all but its stamp. False if there is no room, or nothing more can be done. */
static bool queue(struct fz_test *test, uint32_t seq, struct fizeau_mono now)
{
	size_t octets = test->maker.octets;
	uint8_t *room = fz_udp_room(test->udp);
	int rc = 0;

	if (room == NULL)
		return false;
	if (seq == test->sent && test->prepared)
		memcpy(room, test->next, octets);
	else
		rc = test->maker.prepare(test->maker.arg, seq, room);
	if (rc < 0) {
		fail(test, rc);
		return false;
	}
	fz_udp_queue(test->udp, octets, &test->remote, NULL, test->config.dscp);
	if (now.ns - test->stamp_wanted.ns >= test->stamp_gap_ns) {
		fz_udp_want_sent(test->udp, seq);
		test->stamp_wanted = now;
	}
	return true;
}

/* Queues what is due; returns how many packets. */
static uint32_t queue_due(struct fz_test *test, struct fizeau_mono now)
{
	uint32_t count = 0;

	while (count < FZ_TEST_BURST && test->sent + count < test->config.count) {
		bool waited = count < test->due_count;

		if ((!waited && test->due.ns > now.ns) || !queue(test, test->sent + count, now))
			break;
		count++;
		if (waited)
			continue;
		test->dues[test->due_count++] = test->due.ns;
		if (test->sent + count < test->config.count)
			schedule_next(test);
	}
	return count;
}

/* Stamps what is queued. */
static bool stamp_batch(struct fz_test *test, uint32_t count, struct fizeau_mono now, struct fz_sent *batch)
{
	struct fz_correction correction;

	(void)fz_departure_known(&test->departure, FZ_EFFORT_UNKNOWN, now, &correction);
	for (uint32_t i = 0; i < count; i++) {
		struct fizeau_stamp own;
		int rc;

		batch[i] = (struct fz_sent){
			.lateness_ns = fz_clock_mono().ns - test->dues[i],
			.corrected_ns = (int32_t)correction.delay_ns,
			.source = FIZEAU_STAMP_USER,
			.steps = test->config.clock->steps.count,
		};
		/*= rfc5357#section-4.1.1 TW-4.1.1-01 */
		own = fz_clock_wall(test->config.clock);
		fz_departure_correct(&correction, &own);
		rc = test->maker.finish(test->maker.arg, test->sent + i, fz_udp_queued_octets(test->udp, i), own);
		if (rc < 0) {
			fail(test, rc);
			return false;
		}
		batch[i].ntp = own.ntp;
		batch[i].error = own.error;
	}
	return true;
}

/* Sends a batch of what is due: how many packets. refused: not all that were due. */
static uint32_t send_batch(struct fz_test *test, struct fizeau_mono now, bool *refused)
{
	struct fz_sent batch[FZ_TEST_BURST];
	uint32_t count = queue_due(test, now), left;

	if (test->done || !stamp_batch(test, count, now, batch)) {
		fz_udp_unqueue(test->udp);
		return 0;
	}
	left = (uint32_t)fz_udp_flush_in_order(test->udp);
	*refused = left < count;
	if (left == 0)
		return 0;
	test->last = fz_clock_mono();
	test->prepared = false;
	for (uint32_t i = 0; i < left; i++) {
		fz_missed_sent(&test->missed, test->sent, test->dues[i], test->dues[i] + batch[i].lateness_ns);
		if (!remember(test, &batch[i])) {
			fail(test, -ENOMEM);
			return i;
		}
	}
	test->due_count -= left;
	memmove(test->dues, test->dues + left, test->due_count * sizeof(test->dues[0]));
	return left;
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

	if (test->more)
		return;
	if (test->back == test->sent || fz_clock_mono().ns >= until.ns) {
		test->done = true;
		fz_loop_timer_stop(test->config.loop, &test->timer);
		return;
	}
	set_timer(test, until);
}

bool fz_test_all_sent(const struct fz_test *test)
{
	return test->sent == test->config.count;
}

/* After a long sleep (a suspended process) the schedule goes on from now, instead of in one burst. */
static void after_sleep(struct fz_test *test, struct fizeau_mono now)
{
	int64_t asleep_ns = now.ns - test->due.ns;

	if (asleep_ns <= test->config.timeout_ns || test->failing.ns != INT64_MAX || test->due_count > 0)
		return;
	fz_missed_slot(&test->missed, test->sent, test->due.ns);
	test->start.ns += asleep_ns;
	test->due = now;
}

static void on_due(void *arg)
{
	struct fz_test *test = arg;
	struct fizeau_mono now = fz_clock_mono();
	bool refused = false;

	if (fz_test_all_sent(test)) {
		wait_for_last(test);
		return;
	}
	fz_clock_refresh(test->config.clock, now);
	after_sleep(test, now);
	if (send_batch(test, now, &refused) > 0)
		test->failing = FIZEAU_NEVER;
	if (test->done)
		return;
	if (refused) {
		send_failed(test);
		return;
	}
	if (test->config.busy_poll)
		fz_loop_spin_until(test->config.loop, (struct fizeau_mono){test->last.ns + AWAIT_NS});
	if (fz_test_all_sent(test))
		wait_for_last(test);
	else if (prepare(test))
		set_timer(test, test->due);
}

/* A transmit stamp. */
static void learn_sent(struct fz_test *test, const struct fz_sent_stamp *sent, struct fizeau_mono now)
{
	struct fizeau_stamp own = {.source = FIZEAU_STAMP_USER}, kernel, stamp = sent->stamp;
	struct fz_sent *packet;
	int64_t after_ns;

	if (sent->id >= test->sent)
		return;
	packet = &test->packets[sent->id];
	kernel = (struct fizeau_stamp){packet->ntp, packet->error, FIZEAU_STAMP_KERNEL};
	if (stamp.source == FIZEAU_STAMP_HARDWARE &&
		(packet->source != FIZEAU_STAMP_KERNEL || !fz_stamping_card_left(&kernel, &stamp)))
		return;
	own.ntp = packet->source == FIZEAU_STAMP_USER ? fizeau_ntp_add_ns(packet->ntp, -packet->corrected_ns) : packet->ntp;
	after_ns = fizeau_ntp_diff_ns(stamp.ntp, own.ntp);
	if (after_ns < 0 || after_ns > test->config.timeout_ns)
		return;
	if (packet->source == FIZEAU_STAMP_USER)
		fz_departure_learn(&test->departure, &own, &stamp, FZ_EFFORT_UNKNOWN, now);
	packet->ntp = stamp.ntp;
	packet->error = stamp.error;
	packet->source = (uint8_t)stamp.source;
}

/* A batch of transmit stamps: how many there were. */
static int read_sent(struct fz_test *test, struct fizeau_mono now)
{
	const struct fz_sent_stamp *stamps;
	int n = fz_udp_read_sent(test->udp, test->config.clock, &stamps);

	for (int i = 0; i < n; i++)
		learn_sent(test, &stamps[i], now);
	return n;
}

static void discard(struct fz_test *test, int error)
{
	if (error == FIZEAU_ERR_HMAC)
		test->discards.hmac++;
	else if (error == FIZEAU_ERR_ESTIMATE)
		test->discards.error_estimate++;
	else if (error == FIZEAU_ERR_SSID)
		test->discards.ssid++;
	else if (error == FIZEAU_ERR_MALFORMED)
		test->discards.stamp_format++;
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
	rc = test->maker.reflection(test->maker.arg, datagram->octets, datagram->len, &reflection);
	if (rc < 0) {
		discard(test, rc);
		return;
	}
	if (reflection.sender_seq >= test->sent) {
		test->discards.unknown_number++;
		return;
	}
	packet = &test->packets[reflection.sender_seq];
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
		.across_step = packet->steps != test->config.clock->steps.count,
	};
	rc = test->maker.counts != NULL ? test->maker.counts(test->maker.arg, &trip) : 0;
	if (rc < 0) {
		discard(test, rc);
		return;
	}
	if (!packet->back)
		test->back++;
	packet->back = true;
	fz_stamp_count(&test->received_by, datagram->received.source);
	if (test->seen != NULL)
		fz_features_see(test->seen, &reflection, datagram->traffic_class);
	/* Who floods us with copies must not take the memory: a few of each number are enough to see it. */
	if (test->record_count < (size_t)test->config.count * 4 + 1000 && !record(test, &trip))
		fail(test, -ENOMEM);
}

static void on_readable(void *arg, uint32_t events)
{
	struct fz_test *test = arg;
	struct fz_datagram *datagrams;
	struct fizeau_mono now = fz_clock_mono();
	int n;

	/* What is not in one batch of stamps the loop tells again. */
	if ((events & EPOLLERR) != 0 && read_sent(test, now) > 0 && (events & EPOLLIN) == 0)
		return;
	n = fz_udp_read(test->udp, test->config.clock, &datagrams);
	/* After their stamps: a step between those and T1 must have been noticed. */
	fz_clock_refresh(test->config.clock, fz_clock_mono());
	/* An error on a UDP socket is news of an ICMP message: what is lost shows as lost. */
	for (int i = 0; i < n && !test->done; i++)
		reflected(test, &datagrams[i]);
	if (!test->done && fz_test_all_sent(test) && test->back == test->sent)
		wait_for_last(test);
}

void fz_test_settle(struct fz_test *test, struct fz_stamp_counts *sent_by)
{
	for (int reads = 0; reads < READS_OF_STAMPS && read_sent(test, fz_clock_mono()) > 0; reads++)
		;
	*sent_by = (struct fz_stamp_counts){0};
	for (uint32_t i = 0; i < test->sent; i++)
		fz_stamp_count(sent_by, (enum fizeau_stamp_source)test->packets[i].source);
	for (size_t i = 0; i < test->record_count; i++) {
		const struct fz_sent *packet = &test->packets[test->records[i].seq];

		test->records[i].t1 = packet->ntp;
		test->records[i].sender_error = packet->error;
	}
}

void fz_test_stop_sending(struct fz_test *test, enum fz_ending ending)
{
	if (test->done || (fz_test_all_sent(test) && !test->more))
		return;
	test->ending = ending;
	test->config.count = test->sent;
	test->more = false;
	if (test->sent == 0)
		test->done = true;
	else
		wait_for_last(test);
}

void fz_test_add(struct fz_test *test)
{
	if (test->done || !test->more || !fz_test_all_sent(test))
		return;
	test->config.count++;
	test->due = fz_clock_mono();
	set_timer(test, test->due);
}

void fz_test_prepare_anew(struct fz_test *test)
{
	test->prepared = false;
}

void fz_test_no_more(struct fz_test *test)
{
	test->more = false;
	if (!test->done && fz_test_all_sent(test))
		wait_for_last(test);
}

void fz_test_close(struct fz_test *test)
{
	fz_loop_timer_stop(test->config.loop, &test->timer);
	if (test->udp != NULL) {
		fz_loop_remove(test->config.loop, fz_udp_fd(test->udp));
		fz_udp_close(test->udp);
	}
	if (test->maker.free != NULL)
		test->maker.free(test->maker.arg);
	fizeau_schedule_free(test->schedule);
	fz_missed_free(&test->missed);
	free(test->next);
	free(test->packets);
	free(test->records);
	free(test->seen);
	*test = (struct fz_test){0};
}
