/* SPDX-License-Identifier: MIT */
#include "endpoint/receiver.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define BATCHES_A_TURN 8       /* read before others have their turn */
#define RECORDS_AT_ONCE 64     /* the largest batch of io/udp.h */
#define LOST_A_TURN 4096       /* records of lost packets before others have their turn */
#define LOST_AT_END (1u << 22) /* a session that has more to say at its end was made to do harm */
#define BATCHES_BEFORE 1024    /* dropped unread at the start: more than a socket's buffer holds */
#define SLACK_NS 10000000      /* a stamp is taken before its datagram can be read */
#define LOOK_NS 1000000000     /* the wall clock may be set, so that no wait is longer */
#define BURST_NS 250000000     /* of the rate's bound */
#define BURST_PACKETS 32       /* at least */

struct fz_endpoint_receiver {
	struct fz_endpoint_receiver_config config;
	struct fizeau_receiver *session;
	struct fz_timer timer;
	bool started, finished, complete;
	int64_t interval_ns; /* the rate's; 0: no bound */
	int64_t rate_ns;     /* up to when its packets are used up */
	uint64_t drops_before;
	struct fz_endpoint_receiver_counters counters;
	struct fizeau_record records[RECORDS_AT_ONCE];
};

static void on_due(void *arg);

struct fz_endpoint_receiver *fz_endpoint_receiver_new(const struct fz_endpoint_receiver_config *config)
{
	struct fz_endpoint_receiver *receiver = calloc(1, sizeof(*receiver));

	if (receiver == NULL)
		return NULL;
	receiver->session = fizeau_receiver_new(&config->session);
	if (receiver->session == NULL) {
		free(receiver);
		return NULL;
	}
	receiver->config = *config;
	/* The session has its own. */
	fizeau_wipe(&receiver->config.session.keys, sizeof(receiver->config.session.keys));
	receiver->config.session.slots = NULL;
	receiver->timer = (struct fz_timer){.fn = on_due, .arg = receiver};
	receiver->interval_ns = config->rate_pps == 0 ? 0 : (int64_t)(1000000000u / config->rate_pps);
	receiver->rate_ns = INT64_MIN;
	return receiver;
}

static void leave_loop(struct fz_endpoint_receiver *receiver)
{
	fz_loop_timer_stop(receiver->config.loop, &receiver->timer);
	if (receiver->started)
		fz_loop_remove(receiver->config.loop, fz_udp_fd(receiver->config.udp));
	receiver->started = false;
}

void fz_endpoint_receiver_free(struct fz_endpoint_receiver *receiver)
{
	if (receiver == NULL)
		return;
	leave_loop(receiver);
	fizeau_receiver_free(receiver->session);
	free(receiver);
}

/* Whether one more packet is within the rate. It is used up only by what gives a record: a forged packet must not use
   up what the session may have. */
static bool rate_allows(const struct fz_endpoint_receiver *receiver, struct fizeau_mono now)
{
	int64_t burst_ns = BURST_PACKETS * receiver->interval_ns;

	if (burst_ns < BURST_NS)
		burst_ns = BURST_NS;
	return receiver->interval_ns == 0 || receiver->rate_ns <= now.ns + burst_ns - receiver->interval_ns;
}

static void rate_use(struct fz_endpoint_receiver *receiver, struct fizeau_mono now)
{
	if (receiver->rate_ns < now.ns)
		receiver->rate_ns = now.ns;
	receiver->rate_ns += receiver->interval_ns;
}

static void discard(struct fz_endpoint_receiver_counters *counters, int error)
{
	if (error == FIZEAU_ERR_LENGTH)
		counters->length++;
	else if (error == FIZEAU_ERR_ESTIMATE)
		counters->error_estimate++;
	else if (error == FIZEAU_ERR_RANGE)
		counters->unknown_number++;
	else if (error == FIZEAU_ERR_LATE)
		counters->late++;
	else if (error == FIZEAU_ERR_MEMORY)
		counters->memory++;
	else
		counters->hmac++;
}

/* One datagram; false if it gives no record. */
static bool arrives(struct fz_endpoint_receiver *receiver, const struct fz_datagram *datagram, struct fizeau_mono now,
	struct fizeau_record *record)
{
	struct fz_endpoint_receiver_counters *counters = &receiver->counters;
	int error;

	if (!fz_addr_same_host(&datagram->from, &receiver->config.remote)) {
		counters->foreign_source++;
		return false;
	}
	if (receiver->config.wanted != NULL && !receiver->config.wanted(receiver->config.arg, datagram, now)) {
		counters->unwanted++;
		return false;
	}
	if (!rate_allows(receiver, now)) {
		counters->rate++;
		return false;
	}
	error = datagram->truncated ? FIZEAU_ERR_LENGTH
				    : fizeau_receiver_packet(receiver->session, datagram->octets, datagram->len,
					      datagram->received, datagram->ttl, record);
	if (error < 0) {
		discard(counters, error);
		return false;
	}
	rate_use(receiver, now);
	counters->received++;
	fz_stamp_count(&counters->stamps, datagram->received.source);
	return true;
}

/* Reads a batch: how many datagrams, and the arrival that none to come is before. */
/*= rfc4656#section-4.2 OW-4.2-07 */
static int read_batch(struct fz_endpoint_receiver *receiver, struct fizeau_stamp *passed)
{
	struct fizeau_mono now = fz_clock_mono();
	struct fz_datagram *in;
	size_t records = 0;
	int count;

	fz_clock_refresh(receiver->config.clock, now);
	*passed = fz_clock_wall(receiver->config.clock);
	count = fz_udp_read(receiver->config.udp, receiver->config.clock, &in);
	assert(count <= RECORDS_AT_ONCE);
	for (int i = 0; i < count; i++) {
		if (arrives(receiver, &in[i], now, &receiver->records[records]))
			records++;
	}
	/* What is still in the socket came after what was read. */
	if (count > 0)
		passed->ntp = in[count - 1].received.ntp;
	passed->ntp = fizeau_ntp_add_ns(passed->ntp, -SLACK_NS);
	if (records > 0)
		receiver->config.records(receiver->config.arg, receiver->records, records);
	return count;
}

/* What is lost by then: how many records, at most max. */
static size_t give_lost(struct fz_endpoint_receiver *receiver, struct fizeau_stamp then, size_t max)
{
	size_t given = 0, count = RECORDS_AT_ONCE;

	while (given < max && count == RECORDS_AT_ONCE) {
		count = fizeau_receiver_lost(receiver->session, then, receiver->records, RECORDS_AT_ONCE);
		if (count > 0)
			receiver->config.records(receiver->config.arg, receiver->records, count);
		given += count;
	}
	return given;
}

/* An error on a UDP socket is news of an ICMP message: what is lost shows as lost. */
static bool turn(struct fz_endpoint_receiver *receiver)
{
	struct fizeau_stamp passed;
	int count = 1;

	for (int batch = 0; batch < BATCHES_A_TURN && count > 0; batch++)
		count = read_batch(receiver, &passed);
	return give_lost(receiver, passed, LOST_A_TURN) >= LOST_A_TURN;
}

static void on_readable(void *arg, uint32_t events)
{
	(void)events;
	(void)turn(arg);
}

/* When the timer has something to do next: what may be lost then, or the end. False: it has not. */
static bool next_look(struct fz_endpoint_receiver *receiver, uint64_t *ntp)
{
	uint64_t now = fz_clock_wall(receiver->config.clock).ntp;

	if (fizeau_receiver_due(receiver->session, ntp))
		return true;
	if (!fizeau_receiver_complete(receiver->session, ntp))
		return false;
	receiver->complete = fizeau_ntp_diff_ns(*ntp, now) <= 0;
	return !receiver->complete;
}

/* The timer is not moved with every packet: it looks anew when it is due. */
static void on_due(void *arg)
{
	struct fz_endpoint_receiver *receiver = arg;
	bool more = turn(receiver);
	struct fizeau_mono due = fz_clock_mono();
	int64_t wait = 0;
	uint64_t ntp;

	if (!next_look(receiver, &ntp))
		return;
	if (!more)
		wait = fizeau_ntp_diff_ns(ntp, fz_clock_wall(receiver->config.clock).ntp) + SLACK_NS;
	if (wait < 0)
		wait = 0;
	due.ns += wait < LOOK_NS ? wait : LOOK_NS;
	/* Its place in the heap is still there. */
	(void)!fz_loop_timer(receiver->config.loop, &receiver->timer, due);
}

/*= rfc4656#section-3.5 OW-3.5-19 */
int fz_endpoint_receiver_start(struct fz_endpoint_receiver *receiver)
{
	struct fz_udp_counters counters;
	struct fz_datagram *dropped;
	int count = 1, error;

	assert(!receiver->started && !receiver->finished);
	for (int batch = 0; batch < BATCHES_BEFORE && count > 0; batch++)
		count = fz_udp_read(receiver->config.udp, receiver->config.clock, &dropped);
	fz_udp_counters(receiver->config.udp, &counters);
	receiver->drops_before = counters.receive_drops;
	error = fz_loop_add(receiver->config.loop, fz_udp_fd(receiver->config.udp), EPOLLIN, on_readable, receiver);
	if (error < 0)
		return error;
	receiver->started = true;
	return fz_loop_timer(receiver->config.loop, &receiver->timer, fz_clock_mono());
}

void fz_endpoint_receiver_finish(struct fz_endpoint_receiver *receiver, uint64_t stop_ntp)
{
	struct fizeau_stamp passed;
	int count = receiver->started ? 1 : 0;

	if (receiver->finished)
		return;
	for (int batch = 0; batch < BATCHES_BEFORE && count > 0; batch++)
		count = read_batch(receiver, &passed);
	receiver->finished = true;
	leave_loop(receiver);
	fizeau_receiver_finish(receiver->session, stop_ntp);
	(void)give_lost(receiver, fz_clock_wall(receiver->config.clock), LOST_AT_END);
}

bool fz_endpoint_receiver_complete(const struct fz_endpoint_receiver *receiver)
{
	return receiver->complete;
}

const struct fizeau_receiver *fz_endpoint_receiver_session(const struct fz_endpoint_receiver *receiver)
{
	return receiver->session;
}

void fz_endpoint_receiver_counters(
	const struct fz_endpoint_receiver *receiver, struct fz_endpoint_receiver_counters *counters)
{
	struct fz_udp_counters udp;

	*counters = receiver->counters;
	fz_udp_counters(receiver->config.udp, &udp);
	counters->local = udp.receive_drops - receiver->drops_before;
}
