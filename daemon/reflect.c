/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "log.h"
#include "port.h"

#define BATCHES_A_TURN 8 /* of one socket, before others have their turn */

struct fz_reflect {
	struct fz_loop *loop;
	struct fz_log *log;
	struct fz_counters *counters;
	struct fz_clock *clock;
	struct fz_port_table table;
	struct fz_session *first, *last;
};

static const char *const drop_names[FZ_DROPS] = {
	[FZ_DROP_NOT_STARTED] = "not_started",
	[FZ_DROP_NOT_IPSEC] = "not_ipsec",
	[FZ_DROP_LENGTH] = "length",
	[FZ_DROP_HMAC] = "hmac",
	[FZ_DROP_RATE] = "rate",
	[FZ_DROP_BANDWIDTH] = "bandwidth",
	[FZ_DROP_LOCAL] = "local",
};

const char *fz_drop_name(enum fz_drop drop)
{
	return drop_names[drop];
}

/*= rfc6673#section-8 RL-8-02 */
static void count_drop(struct fz_session *session, enum fz_drop drop)
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

	session->drops[drop]++;
	session->reflect->counters->of[counter_of[drop]]++;
}

static void bucket_init(struct fz_bucket *bucket, uint64_t rate, uint64_t least_depth)
{
	bucket->rate = rate;
	bucket->depth = rate / 4 > least_depth ? rate / 4 : least_depth;
	bucket->units = bucket->depth;
	bucket->at_ns = 0;
}

/* Units that have come back since at_ns; what is less than one stays in at_ns. */
static uint64_t bucket_gain(struct fz_bucket *bucket, int64_t now_ns)
{
	uint64_t passed = (uint64_t)(now_ns - bucket->at_ns), rate = bucket->rate, gained, rest = passed % 1000000000u;

	if (__builtin_mul_overflow(passed / 1000000000u, rate, &gained) || gained >= bucket->depth) {
		bucket->at_ns = now_ns;
		return bucket->depth;
	}
	gained += rate <= 18000000000u ? rest * rate / 1000000000u : rest * (rate / 1000000000u);
	if (gained && gained < 18000000000u)
		bucket->at_ns += (int64_t)(gained * 1000000000u / rate);
	else if (gained)
		bucket->at_ns = now_ns;
	return gained;
}

static bool bucket_take(struct fz_bucket *bucket, uint64_t units, int64_t now_ns)
{
	if (bucket->rate == FZ_UNLIMITED)
		return true;
	uint64_t gained = bucket_gain(bucket, now_ns);
	bucket->units = bucket->depth - bucket->units < gained ? bucket->depth : bucket->units + gained;
	if (bucket->units < units)
		return false;
	bucket->units -= units;
	return true;
}

static void bucket_return(struct fz_bucket *bucket, uint64_t units)
{
	if (bucket->rate != FZ_UNLIMITED)
		bucket->units += units;
}

static bool packets_used_up(const struct fz_session *session)
{
	return session->reflected >= session->of_class->limits[FZ_LIMIT_PACKETS];
}

/* Stamps what is queued, right before it leaves, and accounts for it. */
static void flush(struct fz_reflect *reflect, struct fz_port *port)
{
	uint32_t queued = fz_udp_queued(port->udp);

	for (uint32_t i = 0; i < queued; i++) {
		/*= rfc5357#section-4.2 TW-4.2-09 TW-4.2-10 */
		int error = fizeau_reflector_finish(port->queued[i]->reflector, fz_udp_queued_octets(port->udp, i),
			fz_clock_wall(reflect->clock));
		if (error)
			count_drop(port->queued[i], FZ_DROP_LOCAL);
	}
	int sent = fz_udp_flush(port->udp);
	for (uint32_t i = 0; i < queued; i++) {
		if (sent == (int)queued || fz_udp_left(port->udp, i)) {
			port->queued[i]->reflected++;
			port->used_up |= packets_used_up(port->queued[i]);
			reflect->counters->of[FZ_COUNT_PACKETS_REFLECTED]++;
		} else {
			count_drop(port->queued[i], FZ_DROP_LOCAL);
		}
	}
	port->queued_count = 0;
}

/* One packet of a session: reflected into the send batch, or counted. */
static void reflect_one(struct fz_reflect *reflect, struct fz_port *port, struct fz_session *session,
	const struct fz_datagram *in, struct fizeau_mono now)
{
	uint8_t *out;
	int len;

	session->received++;
	/*= rfc5357#section-3.7 TW-3.7-02 */
	if (session->state == FZ_SESSION_REQUESTED) {
		count_drop(session, FZ_DROP_NOT_STARTED);
		return;
	}
	/* Before the rates: who is outside must not use up what those inside may have. */
	if (session->require_ipsec && !fz_ipsec_datagram(&session->ipsec, session->conf, in, now)) {
		count_drop(session, FZ_DROP_NOT_IPSEC);
		return;
	}
	if (in->truncated || in->len > session->octets_max) {
		count_drop(session, FZ_DROP_LENGTH);
		return;
	}
	if (!bucket_take(&session->packets_bucket, 1, now.ns)) {
		count_drop(session, FZ_DROP_RATE);
		return;
	}
	if (!bucket_take(&session->bits_bucket, (uint64_t)in->len * 8, now.ns)) {
		count_drop(session, FZ_DROP_BANDWIDTH);
		return;
	}
	out = fz_udp_room(port->udp);
	if (!out) {
		flush(reflect, port);
		out = fz_udp_room(port->udp);
	}
	if (!out) {
		count_drop(session, FZ_DROP_LOCAL);
		return;
	}
	/*= rfc5357#section-4.2 TW-4.2-01 TW-4.2-05 TW-4.2-06 TW-4.2-03 TW-4.2-08 */
	len = fizeau_reflector_reflect(session->reflector, in->octets, in->len, in->received, in->ttl, out,
		FIZEAU_TEST_PACKET_MAX);
	if (len < 0) {
		/* A forged packet must not use up what the session may have. */
		bucket_return(&session->packets_bucket, 1);
		bucket_return(&session->bits_bucket, (uint64_t)in->len * 8);
		count_drop(session, len == FIZEAU_ERR_HMAC ? FZ_DROP_HMAC : FZ_DROP_LENGTH);
		return;
	}
	session->heard = now;
	/* To where it came from: a NAT may have rewritten the Sender Port. */
	fz_addr_set_port(&session->remote, fz_addr_port(&in->from));
	/*= rfc5357#section-3.5 TW-3.5-19 TW-3.5-09 */
	/*= rfc5357#section-1.2 TW-1.2-01 */
	/*= rfc4656#section-6.2 OW-6.2-03 */
	fz_udp_queue(port->udp, (size_t)len, &in->from, &in->to, session->dscp);
	port->queued[port->queued_count++] = session;
}

/* Sessions that have had all their packets end between batches. */
static void end_used_up(struct fz_reflect *reflect, struct fz_port *port, const struct fz_datagram *in, int count)
{
	for (int i = 0; i < count && port->used_up; i++) {
		struct fz_session *session = fz_port_find(&reflect->table, port, &in[i].from);
		if (session && packets_used_up(session))
			fz_session_end(session, FZ_COUNT_ENDED_PACKETS);
	}
	port->used_up = false;
}

static void count_receive_drops(struct fz_reflect *reflect, struct fz_port *port)
{
	struct fz_udp_counters counters;

	fz_udp_counters(port->udp, &counters);
	reflect->counters->of[FZ_COUNT_DROPPED_RECEIVE] += counters.receive_drops - port->receive_drops;
	port->receive_drops = counters.receive_drops;
}

static void readable(void *arg, uint32_t events)
{
	struct fz_port *port = arg;
	struct fz_reflect *reflect = port->reflect;
	struct fz_datagram *in;
	int count = FZ_PORT_BATCH, total = 0;

	(void)events;
	port->reading = true;
	/* A batch that is not full was the last; should more have come since, the loop tells. */
	for (int turn = 0; turn < BATCHES_A_TURN && count == FZ_PORT_BATCH; turn++) {
		struct fizeau_mono now = fz_clock_mono();
		fz_clock_refresh(reflect->clock, now);
		count = fz_udp_read(port->udp, reflect->clock, &in);
		for (int i = 0; i < count; i++) {
			reflect->counters->of[FZ_COUNT_PACKETS_RECEIVED]++;
			/*= rfc8545#section-6 PO-6-01 */
			struct fz_session *session = fz_port_find(&reflect->table, port, &in[i].from);
			if (session)
				reflect_one(reflect, port, session, &in[i], now);
			else
				reflect->counters->of[FZ_COUNT_DROPPED_NO_SESSION]++;
		}
		/*= rfc5357#section-3.6 TW-3.6-02 */
		flush(reflect, port);
		end_used_up(reflect, port, in, count);
		total += count > 0 ? count : 0;
	}
	/* Nothing is dropped but behind others that wait: a lone packet need not ask. */
	if (total != 1)
		count_receive_drops(reflect, port);
	port->reading = false;
	fz_port_close_idle(&reflect->table, reflect->loop, port);
}

struct fz_reflect *fz_reflect_new(struct fz_loop *loop, struct fz_log *log, struct fz_clock *clock,
	struct fz_counters *counters, uint32_t seed)
{
	struct fz_reflect *reflect = calloc(1, sizeof(*reflect));

	if (!reflect)
		return NULL;
	if (!fz_port_table_init(&reflect->table, seed)) {
		fz_port_table_free(&reflect->table);
		free(reflect);
		return NULL;
	}
	reflect->loop = loop;
	reflect->log = log;
	reflect->counters = counters;
	reflect->clock = clock;
	return reflect;
}

void fz_reflect_free(struct fz_reflect *reflect)
{
	if (!reflect)
		return;
	while (reflect->first)
		fz_session_end(reflect->first, FZ_COUNT_ENDED_CONNECTION);
	fz_port_table_free(&reflect->table);
	free(reflect);
}

struct fizeau_mono fz_session_ends(const struct fz_session *session)
{
	struct fizeau_mono ends = session->last;

	if (session->state != FZ_SESSION_REQUESTED && session->heard.ns < ends.ns - session->conf->refwait_ns)
		ends.ns = session->heard.ns + session->conf->refwait_ns;
	return ends;
}

static void arm(struct fz_session *session)
{
	if (session->state == FZ_SESSION_REQUESTED)
		return;
	if (fz_loop_timer(session->reflect->loop, &session->timer, fz_session_ends(session)))
		fz_log(session->reflect->log, FZ_LOG_ERROR, "no memory for the timer of a session");
}

static void due(void *arg)
{
	struct fz_session *session = arg;
	struct fizeau_mono now = fz_clock_mono(), ends = fz_session_ends(session);
	enum fz_counter reason = FZ_COUNT_ENDED_REFWAIT;

	/* The timer is not moved with every packet: it looks anew when it is due. */
	if (now.ns < ends.ns) {
		arm(session);
		return;
	}
	/*= rfc5357#section-4.2 TW-4.2-11 TW-4.2-12 TW-4.2-13 */
	if (session->state == FZ_SESSION_STOPPED)
		reason = FZ_COUNT_ENDED_STOP;
	else if (now.ns >= session->last.ns)
		reason = FZ_COUNT_ENDED_DURATION;
	fz_session_end(session, reason);
}

static struct fz_session *session_new(struct fz_reflect *reflect, const struct fz_session_wanted *wanted)
{
	struct fz_session *session = calloc(1, sizeof(*session));
	struct fizeau_reflector_config config = {.mode = fizeau_test_mode_of(wanted->mode)};
	const uint64_t *limits = wanted->of_class->limits;
	uint64_t padding = limits[FZ_LIMIT_PADDING];

	if (!session)
		return NULL;
	config.keys = wanted->keys;
	session->reflector = fizeau_reflector_new(&config);
	fizeau_wipe(&config, sizeof(config));
	if (!session->reflector) {
		free(session);
		return NULL;
	}
	session->reflect = reflect;
	session->conf = fz_conf_hold(wanted->conf);
	session->of_class = wanted->of_class;
	session->ended = wanted->ended;
	session->owner = wanted->owner;
	session->timer = (struct fz_timer){.fn = due, .arg = session};
	memcpy(session->sid, wanted->sid, sizeof(session->sid));
	session->mode = wanted->mode;
	session->dscp = wanted->dscp;
	session->padding_octets = wanted->padding_octets;
	session->timeout_ns = wanted->timeout_ns;
	session->require_ipsec = wanted->require_ipsec;
	session->remote = wanted->remote;
	session->last = FIZEAU_NEVER;
	size_t room = FIZEAU_TEST_PACKET_MAX - 112;
	session->octets_max = 112 + (padding < room ? (size_t)padding : room);
	bucket_init(&session->packets_bucket, limits[FZ_LIMIT_RATE], 32);
	bucket_init(&session->bits_bucket, limits[FZ_LIMIT_BANDWIDTH], 8 * (uint64_t)session->octets_max);
	return session;
}

static void session_free(struct fz_session *session)
{
	fizeau_reflector_free(session->reflector);
	fz_conf_release(session->conf);
	free(session);
}

static int listen_port(struct fz_reflect *reflect, struct fz_port *port)
{
	if (port->reflect)
		return 0;
	port->reflect = reflect;
	return fz_loop_add(reflect->loop, fz_udp_fd(port->udp), EPOLLIN, readable, port);
}

static void refused_for(int error, uint8_t *accept, enum fz_counter *counter)
{
	switch (error) {
	case -EADDRINUSE:
		*accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
		*counter = FZ_COUNT_REQUEST_PORTS;
		return;
	case -EMFILE:
	case -ENFILE:
		*accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
		*counter = FZ_COUNT_REQUEST_DESCRIPTORS;
		return;
	case -EADDRNOTAVAIL:
		*accept = FIZEAU_ACCEPT_UNSUPPORTED;
		*counter = FZ_COUNT_REQUEST_UNSUPPORTED;
		return;
	default:
		*accept = FIZEAU_ACCEPT_INTERNAL;
		*counter = FZ_COUNT_REQUEST_INTERNAL;
	}
}

struct fz_session *fz_reflect_add(struct fz_reflect *reflect, const struct fz_session_wanted *wanted, uint8_t *accept,
	enum fz_counter *counter)
{
	struct fz_session *session = session_new(reflect, wanted);
	struct fz_port *port = NULL;
	int error = session ? fz_port_choose(&reflect->table, wanted, &port) : -ENOMEM;

	if (!error) {
		error = listen_port(reflect, port);
		if (error)
			fz_port_close_idle(&reflect->table, reflect->loop, port);
	}
	if (error) {
		refused_for(error, accept, counter);
		if (session)
			session_free(session);
		return NULL;
	}
	fz_port_join(&reflect->table, port, session);
	session->local_port = fz_addr_port(&port->local);
	session->previous = reflect->last;
	if (reflect->last)
		reflect->last->next = session;
	else
		reflect->first = session;
	reflect->last = session;
	return session;
}

void fz_session_start(struct fz_session *session)
{
	uint64_t duration = session->of_class->limits[FZ_LIMIT_DURATION];

	session->state = FZ_SESSION_RUNNING;
	session->started = session->heard = fz_clock_mono();
	if (duration < (uint64_t)(INT64_MAX - session->started.ns))
		session->last.ns = session->started.ns + (int64_t)duration;
	arm(session);
}

void fz_session_stop(struct fz_session *session)
{
	int64_t now = fz_clock_mono().ns;

	session->state = FZ_SESSION_STOPPED;
	/*= rfc5357#section-3.5 TW-3.5-15 TW-3.5-16 TW-3.5-17 */
	/*= rfc5357#section-3.8 TW-3.8-09 */
	if (session->timeout_ns < session->last.ns - now)
		session->last.ns = now + session->timeout_ns;
	arm(session);
}

void fz_session_end(struct fz_session *session, enum fz_counter reason)
{
	struct fz_reflect *reflect = session->reflect;
	struct fz_port *port = session->port;

	reflect->counters->of[reason]++;
	session->ended(session, reason);
	fz_loop_timer_stop(reflect->loop, &session->timer);
	fz_port_leave(&reflect->table, session);
	if (session->previous)
		session->previous->next = session->next;
	else
		reflect->first = session->next;
	if (session->next)
		session->next->previous = session->previous;
	else
		reflect->last = session->previous;
	session_free(session);
	fz_port_close_idle(&reflect->table, reflect->loop, port);
}

struct fz_session *fz_reflect_first(const struct fz_reflect *reflect)
{
	return reflect->first;
}
