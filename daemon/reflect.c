/* SPDX-License-Identifier: MIT */
#include <sys/epoll.h>
#include "reflect_parts.h"

#define BATCHES_A_TURN 8      /* of one socket, before others have their turn */
#define STAMP_GAP_NS 2000000 /* of packets whose transmit stamps are told, on average */

static void count(struct fz_reflect *reflect, enum fz_counter counter, uint64_t n)
{
	fz_figure_add(&reflect->shared->counters[counter], n);
}

/*= rfc6673#section-8 RL-8-02 */
static void count_drop(struct fz_reflected *session, enum fz_drop drop)
{
	static const enum fz_counter counter_of[FZ_DROPS] = {
		[FZ_DROP_NOT_STARTED] = FZ_COUNT_DROPPED_NOT_STARTED,
		[FZ_DROP_NOT_IPSEC] = FZ_COUNT_DROPPED_NOT_IPSEC,
		[FZ_DROP_LENGTH] = FZ_COUNT_DROPPED_LENGTH,
		[FZ_DROP_HMAC] = FZ_COUNT_DROPPED_HMAC,
		[FZ_DROP_RATE] = FZ_COUNT_DROPPED_RATE,
		[FZ_DROP_BANDWIDTH] = FZ_COUNT_DROPPED_BANDWIDTH,
		[FZ_DROP_LOCAL] = FZ_COUNT_DROPPED_LOCAL,
	};

	fz_figure_add(&session->figures->drops[drop], 1);
	count(session->reflect, counter_of[drop], 1);
}

static bool packets_used_up(const struct fz_reflected *session)
{
	return fz_figure(&session->figures->reflected) >= session->packets;
}

/* It counts as reflected from before it leaves, so that whoever has it back finds it counted. */
static void not_reflected(struct fz_reflected *session)
{
	fz_figure_add(&session->figures->reflected, UINT64_MAX);
	count(session->reflect, FZ_COUNT_PACKETS_REFLECTED, UINT64_MAX);
	count_drop(session, FZ_DROP_LOCAL);
}

/* Has the transmit stamp of the packet told that is the first to leave, of not too many: enough to learn from. Where our own
   stamp of it belongs; NULL: not this time. What was not used of their rate may be made up for: were it only packets behind
   a gap, those in their wake would be expected to take as long. */
static struct fz_awaited *await_stamp(struct fz_reflect *reflect, struct fz_test_socket *socket, struct fizeau_mono now)
{
	const int64_t earliest_ns = now.ns - FZ_REFLECT_STAMPS * STAMP_GAP_NS;

	if (reflect->stamp_due.ns > now.ns)
		return NULL;
	if (reflect->stamp_due.ns < earliest_ns)
		reflect->stamp_due.ns = earliest_ns;
	reflect->stamp_due.ns += STAMP_GAP_NS;
	fz_udp_want_first_sent(socket->udp, reflect->awaited);
	return &reflect->awaiting[reflect->awaited++ % FZ_REFLECT_STAMPS];
}

static struct fz_departure *departure_of(struct fz_reflect *reflect, int64_t effort_ns)
{
	return effort_ns == FZ_EFFORT_UNKNOWN ? &reflect->batches : &reflect->lone;
}

/* Transmit stamps of earlier packets. */
static void learn_departures(struct fz_test_socket *socket)
{
	struct fz_reflect *reflect = socket->reflect;
	const struct fz_sent_stamp *sent;
	int count = fz_udp_read_sent(socket->udp, reflect->clock, &sent);

	for (int i = 0; i < count; i++) {
		uint32_t ago = reflect->awaited - sent[i].id;
		const struct fz_awaited *of = &reflect->awaiting[sent[i].id % FZ_REFLECT_STAMPS];

		/* Of a card in its own time nothing can be learnt. */
		if (ago > 0 && ago <= FZ_REFLECT_STAMPS && sent[i].stamp.source == FIZEAU_STAMP_KERNEL)
			fz_departure_learn(departure_of(reflect, of->effort_ns), &of->taken, &sent[i].stamp, of->effort_ns,
				fz_clock_mono());
	}
}

/* Stamps what is queued, right before it leaves. */
static void stamp_queued(struct fz_reflect *reflect, struct fz_test_socket *socket, uint32_t queued)
{
	struct fizeau_mono now = fz_clock_mono();
	int64_t effort_ns = now.ns > reflect->lone_since.ns ? now.ns - reflect->lone_since.ns : FZ_EFFORT_UNKNOWN;
	struct fz_correction correction;
	struct fizeau_stamp estimate = {.error = reflect->clock->error_estimate}, stamp;
	struct fz_awaited *awaiting;

	/* The Error Estimate is the same for all of a batch. */
	(void)fz_departure_known(departure_of(reflect, effort_ns), effort_ns, now, &correction);
	fz_departure_correct(&correction, &estimate);
	awaiting = await_stamp(reflect, socket, now);
	for (uint32_t i = 0; i < queued; i++) {
		/* They leave together: for all whose stamp is only written, which takes less than to read the clock, it is one moment.
		   What is yet to be encrypted takes its time, and what comes behind it leaves later. */
		if (i == 0 || socket->queued[i - 1]->encrypted) {
			stamp = fz_clock_wall(reflect->clock);
			if (i == 0 && awaiting)
				*awaiting = (struct fz_awaited){stamp, effort_ns};
			stamp.ntp = fizeau_ntp_add_ns(stamp.ntp, correction.delay_ns);
			stamp.error = estimate.error;
		}
		/*= rfc5357#section-4.2 TW-4.2-09 TW-4.2-10 */
		int error = fizeau_reflector_finish(socket->queued[i]->reflector, fz_udp_queued_octets(socket->udp, i), stamp);
		if (error)
			count_drop(socket->queued[i], FZ_DROP_LOCAL);
	}
}

/* Sends what is queued, and accounts for it. */
static void flush(struct fz_reflect *reflect, struct fz_test_socket *socket)
{
	uint32_t queued = fz_udp_queued(socket->udp);

	if (queued == 0)
		return;
	for (uint32_t i = 0; i < queued; i++) {
		fz_figure_add(&socket->queued[i]->figures->reflected, 1);
		socket->used_up |= packets_used_up(socket->queued[i]);
	}
	count(reflect, FZ_COUNT_PACKETS_REFLECTED, queued);
	stamp_queued(reflect, socket, queued);
	int sent = fz_udp_flush(socket->udp);
	for (uint32_t i = 0; i < queued && sent < (int)queued; i++) {
		if (!fz_udp_left(socket->udp, i))
			not_reflected(socket->queued[i]);
	}
	socket->queued_count = 0;
}

static void heard(struct fz_reflected *session, const struct fz_addr *from, struct fizeau_mono now)
{
	/* To where it came from: a NAT may have rewritten the Sender Port. */
	session->remote_port = fz_addr_port(from);
	atomic_store_explicit(&session->figures->remote_port, session->remote_port, memory_order_relaxed);
	atomic_store_explicit(&session->figures->heard_ns, now.ns, memory_order_relaxed);
}

/* One packet of a session: reflected into the send batch, or counted. */
static void reflect_one(struct fz_reflect *reflect, struct fz_test_socket *socket, struct fz_reflected *session,
	const struct fz_datagram *in, struct fizeau_mono now)
{
	uint8_t *out;
	int len;

	fz_figure_add(&session->figures->received, 1);
	/*= rfc5357#section-3.7 TW-3.7-02 */
	if (session->state == FZ_REFLECTED_ADDED) {
		count_drop(session, FZ_DROP_NOT_STARTED);
		return;
	}
	/* Before the rates: who is outside must not use up what those inside may have. */
	if (session->ipsec && !fz_ipsec_datagram(&session->ipsec_view, session->ipsec, in, now)) {
		count_drop(session, FZ_DROP_NOT_IPSEC);
		return;
	}
	if (in->truncated || in->len > session->octets_max) {
		count_drop(session, FZ_DROP_LENGTH);
		return;
	}
	if (!fz_bucket_take(&session->packets_bucket, 1, now.ns)) {
		count_drop(session, FZ_DROP_RATE);
		return;
	}
	if (!fz_bucket_take(&session->bits_bucket, (uint64_t)in->len * 8, now.ns)) {
		count_drop(session, FZ_DROP_BANDWIDTH);
		return;
	}
	out = fz_udp_room(socket->udp);
	if (!out) {
		flush(reflect, socket);
		out = fz_udp_room(socket->udp);
	}
	if (!out) {
		count_drop(session, FZ_DROP_LOCAL);
		return;
	}
	/*= rfc5357#section-4.2 TW-4.2-01 TW-4.2-05 TW-4.2-06 TW-4.2-03 TW-4.2-08 */
	len = fizeau_reflector_reflect(session->reflector, in->octets, in->len, in->received, in->ttl, in->traffic_class, out,
		FIZEAU_TEST_PACKET_MAX);
	if (len < 0) {
		/* A forged packet must not use up what the session may have. */
		fz_bucket_return(&session->packets_bucket, 1);
		fz_bucket_return(&session->bits_bucket, (uint64_t)in->len * 8);
		count_drop(session, len == FIZEAU_ERR_HMAC ? FZ_DROP_HMAC : FZ_DROP_LENGTH);
		return;
	}
	heard(session, &in->from, now);
	/*= rfc5357#section-3.5 TW-3.5-19 TW-3.5-09 */
	/*= rfc5357#section-1.2 TW-1.2-01 */
	/*= rfc4656#section-6.2 OW-6.2-03 */
	/*= rfc7750#section-2.2.1 DE-2.2.1-06 DE-2.2.1-09 DE-2.2.1-11 */
	fz_udp_queue(socket->udp, (size_t)len, &in->from, &in->to, session->dscp);
	socket->queued[socket->queued_count++] = session;
}

static struct fz_reflected *find(const struct fz_test_socket *socket, const struct fz_addr *from)
{
	struct fz_seat *seat = fz_seats_find(&socket->reflect->seats, socket->number, from);

	return seat ? seat->of : NULL;
}

/* Sessions that have had all their packets end between batches. */
static void end_used_up(struct fz_test_socket *socket, const struct fz_datagram *in, int datagrams)
{
	for (int i = 0; i < datagrams && socket->used_up; i++) {
		struct fz_reflected *session = find(socket, &in[i].from);
		if (session && packets_used_up(session))
			fz_reflected_end(session, FZ_COUNT_ENDED_PACKETS);
	}
	socket->used_up = false;
}

static void count_receive_drops(struct fz_reflect *reflect, struct fz_test_socket *socket)
{
	struct fz_udp_counters counters;

	fz_udp_counters(socket->udp, &counters);
	if (counters.receive_drops != socket->receive_drops)
		count(reflect, FZ_COUNT_DROPPED_RECEIVE, counters.receive_drops - socket->receive_drops);
	socket->receive_drops = counters.receive_drops;
}

/* Whether an order that waits may be about this packet: such an order is always sent before the packet can be. */
static bool surprising(const struct fz_reflected *session, const struct fz_addr *from)
{
	return !session || session->state == FZ_REFLECTED_ADDED || session->remote_port != fz_addr_port(from);
}

static void reflect_batch(struct fz_test_socket *socket, const struct fz_datagram *in, int datagrams,
	struct fizeau_mono now)
{
	struct fz_reflect *reflect = socket->reflect;
	struct fz_reflected *session = NULL;
	bool caught_up = false;

	for (int i = 0; i < datagrams; i++) {
		/* Neighbours often are of one session, which can end only between batches and while catching up. */
		if (i == 0 || !fz_addr_equal(&in[i].from, &in[i - 1].from))
			/*= rfc8545#section-6 PO-6-01 */
			session = find(socket, &in[i].from);
		if (surprising(session, &in[i].from) && !caught_up) {
			/* What is queued belongs to sessions that an order may end. */
			flush(reflect, socket);
			reflect->hooks.catch_up(reflect->hooks.arg);
			caught_up = true;
			session = find(socket, &in[i].from);
		}
		if (session)
			reflect_one(reflect, socket, session, &in[i], now);
		else
			count(reflect, FZ_COUNT_DROPPED_NO_SESSION, 1);
	}
	/*= rfc5357#section-3.6 TW-3.6-02 */
	flush(reflect, socket);
	end_used_up(socket, in, datagrams);
}

void fz_reflect_readable(void *arg, uint32_t events)
{
	struct fz_test_socket *socket = arg;
	struct fz_reflect *reflect = socket->reflect;
	struct fz_datagram *in;
	int datagrams = FZ_REFLECT_BATCH, total = 0;

	if (events & EPOLLERR)
		learn_departures(socket);
	socket->reading = true;
	/* A batch that is not full was the last; should more have come since, the loop tells. */
	for (int turn = 0; turn < BATCHES_A_TURN && datagrams == FZ_REFLECT_BATCH; turn++) {
		struct fizeau_mono now = fz_clock_mono();
		fz_clock_refresh(reflect->clock, now);
		datagrams = fz_udp_read(socket->udp, reflect->clock, &in);
		if (datagrams <= 0)
			break;
		count(reflect, FZ_COUNT_PACKETS_RECEIVED, (uint64_t)datagrams);
		reflect->lone_since = datagrams == 1 ? now : FIZEAU_NEVER;
		reflect_batch(socket, in, datagrams, now);
		total += datagrams;
	}
	/* Nothing is dropped but behind others that wait: a lone packet need not ask. */
	if (total != 1)
		count_receive_drops(reflect, socket);
	socket->reading = false;
	fz_test_socket_close_if(socket);
}
