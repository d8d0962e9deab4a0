/* SPDX-License-Identifier: MIT */
#include <sys/epoll.h>
#include "reflect_parts.h"

#define BATCHES_A_TURN 8      /* of one socket, before others have their turn */
#define STAMP_GAP_NS 2000000 /* of packets whose transmit stamps are told, on average */
#define STAMPS_AHEAD 16       /* of that rate */

void fz_reflect_count(struct fz_reflect *reflect, enum fz_counter counter, uint64_t n)
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
		[FZ_DROP_LOOP] = FZ_COUNT_DROPPED_LOOP,
		[FZ_DROP_RATE] = FZ_COUNT_DROPPED_RATE,
		[FZ_DROP_BANDWIDTH] = FZ_COUNT_DROPPED_BANDWIDTH,
		[FZ_DROP_LOCAL] = FZ_COUNT_DROPPED_LOCAL,
	};

	fz_figure_add(&session->figures->drops[drop], 1);
	fz_reflect_count(session->reflect, counter_of[drop], 1);
}

bool fz_reflected_used_up(const struct fz_reflected *session)
{
	return fz_figure(&session->figures->reflected) >= session->packets;
}

/* It counts as reflected from before it leaves, so that whoever has it back finds it counted. */
static void not_reflected(struct fz_reflected *session)
{
	fz_figure_add(&session->figures->reflected, UINT64_MAX);
	fz_reflect_count(session->reflect, FZ_COUNT_PACKETS_REFLECTED, UINT64_MAX);
	count_drop(session, FZ_DROP_LOCAL);
}

/* Has the transmit stamp of the packet told that is the first to leave, of not too many: enough to learn from. Where our own
   stamp of it belongs; NULL: not this time. What was not used of their rate may be made up for: were it only packets behind
   a gap, those in their wake would be expected to take as long. */
static struct fz_awaited *await_stamp(struct fz_reflect *reflect, struct fz_test_socket *socket, struct fizeau_mono now)
{
	const int64_t earliest_ns = now.ns - STAMPS_AHEAD * STAMP_GAP_NS;
	struct fz_awaited *awaited = socket->awaited[0];

	/* Its session wants it told anyway. */
	if (awaited || reflect->stamp_due.ns > now.ns)
		return awaited;
	if (reflect->stamp_due.ns < earliest_ns)
		reflect->stamp_due.ns = earliest_ns;
	reflect->stamp_due.ns += STAMP_GAP_NS;
	fz_udp_want_first_sent(socket->udp, reflect->awaited);
	awaited = &reflect->awaiting[reflect->awaited++ % FZ_REFLECT_STAMPS];
	awaited->follow_up = false;
	return awaited;
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
		if (ago == 0 || ago > FZ_REFLECT_STAMPS || sent[i].stamp.source != FIZEAU_STAMP_KERNEL)
			continue;
		if (of->first)
			fz_departure_learn(departure_of(reflect, of->effort_ns), &of->taken, &sent[i].stamp, of->effort_ns,
				fz_clock_mono());
		if (of->follow_up)
			fz_stamp_departed(reflect, of, &sent[i].stamp);
	}
}

static int finish(struct fz_test_socket *socket, uint32_t i, struct fizeau_stamp stamp)
{
	const struct fz_reflected *session = socket->queued[i];
	uint8_t *octets = fz_udp_queued_octets(socket->udp, i);

	return session->stamp ? fizeau_st_reflector_finish(session->stamp, octets, &socket->replies[i], stamp) :
		fizeau_reflector_finish(session->reflector, octets, stamp);
}

/* Stamps what is queued, right before it leaves. */
static void stamp_queued(struct fz_reflect *reflect, struct fz_test_socket *socket, uint32_t queued)
{
	struct fizeau_mono now = fz_clock_mono();
	int64_t effort_ns = now.ns > reflect->lone_since.ns ? now.ns - reflect->lone_since.ns : FZ_EFFORT_UNKNOWN;
	struct fz_correction correction;
	struct fizeau_stamp estimate = {.error = reflect->clock->error_estimate}, taken = estimate, stamp = estimate;

	/* The Error Estimate is the same for all of a batch. */
	(void)fz_departure_known(departure_of(reflect, effort_ns), effort_ns, now, &correction);
	fz_departure_correct(&correction, &estimate);
	socket->awaited[0] = await_stamp(reflect, socket, now);
	for (uint32_t i = 0; i < queued; i++) {
		struct fz_awaited *awaited = socket->awaited[i];
		/* They leave together: for all whose stamp is only written, which takes less than to read the clock, it is one moment.
		   What is yet to be encrypted takes its time, and what comes behind it leaves later. */
		if (i == 0 || socket->queued[i - 1]->encrypted) {
			taken = fz_clock_wall(reflect->clock);
			stamp.ntp = fizeau_ntp_add_ns(taken.ntp, correction.delay_ns);
			stamp.source = taken.source;
			stamp.error = estimate.error;
		}
		if (awaited) {
			awaited->taken = taken;
			awaited->effort_ns = effort_ns;
			awaited->first = i == 0;
			socket->awaited[i] = NULL;
		}
		/*= rfc5357#section-4.2 TW-4.2-09 TW-4.2-10 */
		if (finish(socket, i, stamp))
			count_drop(socket->queued[i], FZ_DROP_LOCAL);
	}
}

void fz_reflect_flush(struct fz_test_socket *socket)
{
	struct fz_reflect *reflect = socket->reflect;
	uint32_t queued = fz_udp_queued(socket->udp);

	if (queued == 0)
		return;
	for (uint32_t i = 0; i < queued; i++) {
		fz_figure_add(&socket->queued[i]->figures->reflected, 1);
		socket->used_up |= fz_reflected_used_up(socket->queued[i]);
	}
	fz_reflect_count(reflect, FZ_COUNT_PACKETS_REFLECTED, queued);
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

static enum fz_drop drop_of(int error)
{
	return error == FIZEAU_ERR_HMAC ? FZ_DROP_HMAC : error == FIZEAU_ERR_LOOP ? FZ_DROP_LOOP :
		error == FIZEAU_ERR_CRYPTO ? FZ_DROP_LOCAL : FZ_DROP_LENGTH;
}

void fz_reflect_one(struct fz_test_socket *socket, struct fz_reflected *session, const struct fz_datagram *in,
	struct fizeau_mono now)
{
	uint32_t index;
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
		fz_reflect_flush(socket);
		out = fz_udp_room(socket->udp);
	}
	if (!out) {
		count_drop(session, FZ_DROP_LOCAL);
		return;
	}
	index = socket->queued_count;
	/*= rfc5357#section-4.2 TW-4.2-01 TW-4.2-05 TW-4.2-06 TW-4.2-03 TW-4.2-08 */
	len = session->stamp ? fz_stamp_reflect(session, in, out, &socket->replies[index]) :
		fizeau_reflector_reflect(session->reflector, in->octets, in->len, in->received, in->ttl, in->traffic_class,
			out, FIZEAU_TEST_PACKET_MAX);
	if (len < 0) {
		/* A forged packet must not use up what the session may have. */
		fz_bucket_return(&session->packets_bucket, 1);
		fz_bucket_return(&session->bits_bucket, (uint64_t)in->len * 8);
		count_drop(session, drop_of(len));
		return;
	}
	heard(session, &in->from, now);
	/*= rfc5357#section-3.5 TW-3.5-19 TW-3.5-09 */
	/*= rfc5357#section-1.2 TW-1.2-01 */
	/*= rfc4656#section-6.2 OW-6.2-03 */
	/*= rfc7750#section-2.2.1 DE-2.2.1-06 DE-2.2.1-09 DE-2.2.1-11 */
	fz_udp_queue(socket->udp, (size_t)len, &in->from, &in->to,
		session->stamp ? socket->replies[index].dscp : session->dscp);
	socket->queued[socket->queued_count++] = session;
	if (session->stamp && socket->replies[index].follow_up_at)
		fz_stamp_await(socket, session, index, now);
}

/* What tells sessions of the same source apart; 0 but for STAMP. */
static uint16_t ssid_of(const struct fz_test_socket *socket, const struct fz_datagram *in)
{
	return fz_test_socket_stamp(socket) ? fz_stamp_ssid(in) : 0;
}

static struct fz_reflected *find(const struct fz_test_socket *socket, const struct fz_datagram *in, uint16_t ssid)
{
	const struct fz_seats *seats = &socket->reflect->seats;
	const struct fz_seat *seat = fz_test_socket_stamp(socket) ?
		fz_seats_find_exactly(seats, fz_stamp_seat(socket->number, ssid), &in->from) :
		fz_seats_find(seats, socket->number, &in->from);

	return seat ? seat->of : NULL;
}

/* Sessions that have had all their packets end between batches. */
static void end_used_up(struct fz_test_socket *socket, const struct fz_datagram *in, int datagrams)
{
	for (int i = 0; i < datagrams && socket->used_up; i++) {
		struct fz_reflected *session = find(socket, &in[i], ssid_of(socket, &in[i]));
		if (session && fz_reflected_used_up(session))
			fz_reflected_end(session, FZ_COUNT_ENDED_PACKETS);
	}
	socket->used_up = false;
}

static void count_receive_drops(struct fz_reflect *reflect, struct fz_test_socket *socket)
{
	struct fz_udp_counters counters;

	fz_udp_counters(socket->udp, &counters);
	if (counters.receive_drops != socket->receive_drops)
		fz_reflect_count(reflect, FZ_COUNT_DROPPED_RECEIVE, counters.receive_drops - socket->receive_drops);
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
	uint16_t ssid, before = 0;

	for (int i = 0; i < datagrams; i++) {
		/* Neighbours often are of one session, which can end only between batches and while catching up. */
		ssid = ssid_of(socket, &in[i]);
		if (i == 0 || ssid != before || !fz_addr_equal(&in[i].from, &in[i - 1].from))
			/*= rfc8545#section-6 PO-6-01 */
			session = find(socket, &in[i], ssid);
		before = ssid;
		if (surprising(session, &in[i].from) && !caught_up) {
			/* What is queued belongs to sessions that an order may end. */
			fz_reflect_flush(socket);
			reflect->hooks.catch_up(reflect->hooks.arg);
			caught_up = true;
			session = find(socket, &in[i], ssid);
		}
		if (session)
			fz_reflect_one(socket, session, &in[i], now);
		else if (fz_test_socket_stamp(socket))
			fz_stamp_stranger(socket, &in[i], ssid, now);
		else
			fz_reflect_count(reflect, FZ_COUNT_DROPPED_NO_SESSION, 1);
	}
	/*= rfc5357#section-3.6 TW-3.6-02 */
	fz_reflect_flush(socket);
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
		fz_reflect_count(reflect, FZ_COUNT_PACKETS_RECEIVED, (uint64_t)datagrams);
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
