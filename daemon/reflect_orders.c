/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "reflect_parts.h"

#define RATE_MAX 100000        /* packets/s of a session that has no limit */
#define PACKET_OCTETS 1472     /* longer ones are seldom sent at such rates */
#define BUFFER_MAX (32 << 20)  /* of a socket */
#define FOLLOW_UPS 1000        /* transmit stamps a second for sessions that tell them; each costs as much as a packet */

static struct fz_test_socket *socket_of(const struct fz_reflect *reflect, uint32_t number)
{
	struct fz_test_socket *socket = reflect->sockets;

	while (socket && socket->number != number)
		socket = socket->next;
	return socket;
}

/* Without it the sessions that come for it end at once. */
static void open_socket(struct fz_reflect *reflect, uint32_t number, int fd)
{
	const struct fz_udp_options options = {.shared = reflect->batch, .sent_stamps = true};
	struct fz_test_socket *socket = calloc(1, sizeof(*socket));

	if (!socket || socket_of(reflect, number) || fz_udp_adopt(fd, &options, &socket->udp)) {
		close(fd);
		free(socket);
		return;
	}
	socket->reflect = reflect;
	socket->number = number;
	if (fz_loop_add(reflect->loop, fd, EPOLLIN, fz_reflect_readable, socket)) {
		fz_udp_close(socket->udp);
		free(socket);
		return;
	}
	socket->next = reflect->sockets;
	reflect->sockets = socket;
	if (fz_test_socket_stamp(socket))
		fz_stamp_find_ports(reflect);
}

void fz_test_socket_close_if(struct fz_test_socket *socket)
{
	struct fz_test_socket **at = &socket->reflect->sockets;
	struct fz_reflect *reflect = socket->reflect;
	bool stamp = fz_test_socket_stamp(socket);

	if (!socket->closing || socket->reading || socket->sessions)
		return;
	while (*at != socket)
		at = &(*at)->next;
	*at = socket->next;
	fz_loop_remove(reflect->loop, fz_udp_fd(socket->udp));
	fz_udp_close(socket->udp);
	free(socket);
	if (stamp)
		fz_stamp_find_ports(reflect);
}

/* What its socket has to have room for. */
static uint64_t rate_of(uint64_t limit)
{
	return limit < RATE_MAX ? limit : RATE_MAX;
}

/* Of a session that has no place yet, or no more. */
static void free_parts(struct fz_reflected *session)
{
	fizeau_reflector_free(session->reflector);
	fizeau_st_reflector_free(session->stamp);
	free(session->ipsec);
	free(session);
}

static void session_free(struct fz_reflected *session)
{
	fz_loop_timer_stop(session->reflect->loop, &session->timer);
	fz_seats_leave(&session->reflect->seats, &session->seat);
	session->socket->sessions--;
	session->socket->rate -= rate_of(session->packets_bucket.rate);
	session->reflect->running -= session->state != FZ_REFLECTED_ADDED;
	session->reflect->slots[session->slot] = NULL;
	free_parts(session);
}

void fz_reflected_end(struct fz_reflected *session, enum fz_counter reason)
{
	struct fz_reflect *reflect = session->reflect;
	struct fz_test_socket *socket = session->socket;
	uint32_t slot = session->slot;

	session_free(session);
	reflect->hooks.ended(reflect->hooks.arg, slot, reason);
	fz_test_socket_close_if(socket);
}

static struct fizeau_mono ends(const struct fz_reflected *session)
{
	struct fizeau_mono when = session->last;
	int64_t heard = atomic_load_explicit(&session->figures->heard_ns, memory_order_relaxed);

	if (heard < when.ns - session->refwait_ns)
		when.ns = heard + session->refwait_ns;
	return when;
}

/* Without memory for its timer a session would never end: it ends at once. */
static void arm(struct fz_reflected *session)
{
	if (fz_loop_timer(session->reflect->loop, &session->timer, ends(session)))
		fz_reflected_end(session, FZ_COUNT_ENDED_FAILED);
}

static void due(void *arg)
{
	struct fz_reflected *session = arg;
	struct fizeau_mono now = fz_clock_mono();
	enum fz_counter reason = FZ_COUNT_ENDED_REFWAIT;

	/* The timer is not moved with every packet: it looks anew when it is due. */
	if (now.ns < ends(session).ns) {
		arm(session);
		return;
	}
	/*= rfc5357#section-4.2 TW-4.2-11 TW-4.2-12 TW-4.2-13 */
	/*= rfc5938#section-4.2 IS-4.2-02 IS-4.2-03 IS-4.2-04 */
	if (session->state == FZ_REFLECTED_STOPPED)
		reason = FZ_COUNT_ENDED_STOP;
	else if (now.ns >= session->last.ns)
		reason = FZ_COUNT_ENDED_DURATION;
	fz_reflected_end(session, reason);
}

/* What a slot counted for the session before. */
static void clear_figures(struct fz_figures *figures, uint32_t serial)
{
	atomic_store_explicit(&figures->received, 0, memory_order_relaxed);
	atomic_store_explicit(&figures->reflected, 0, memory_order_relaxed);
	for (int i = 0; i < FZ_DROPS; i++)
		atomic_store_explicit(&figures->drops[i], 0, memory_order_relaxed);
	atomic_store_explicit(&figures->heard_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&figures->remote_port, 0, memory_order_relaxed);
	/* From here on they are read as this session's. */
	atomic_store_explicit(&figures->serial, serial, memory_order_release);
}

static bool make_reflector(struct fz_reflected *session, const struct fz_order_add *add)
{
	struct fizeau_reflector_config config = {.mode = add->mode, .features = add->features, .keys = add->keys};

	config.features.tai_utc_s = session->reflect->clock->tai_utc_s;
	session->reflector = fizeau_reflector_new(&config);
	fizeau_wipe(&config, sizeof(config));
	return session->reflector;
}

/* stamp: of STAMP, else NULL. */
static struct fz_reflected *session_new(struct fz_reflect *reflect, const struct fz_order_add *add,
	const struct fz_order_add_stamp *stamp)
{
	struct fz_reflected *session = calloc(1, sizeof(*session));
	bool made;

	if (!session)
		return NULL;
	session->reflect = reflect;
	made = stamp ? fz_stamp_make(session, stamp) : make_reflector(session, add);
	if (add->require_ipsec) {
		session->ipsec = malloc(sizeof(*session->ipsec));
		if (session->ipsec)
			*session->ipsec = add->ipsec;
	}
	if (made && (session->ipsec || !add->require_ipsec))
		return session;
	free_parts(session);
	return NULL;
}

/* Room for what comes while this process is held up, at the rates that the socket's sessions may have. The buffer never
   shrinks, since it is no memory but a limit of it. What the system refuses is counted when it is missing. */
static void grow_buffer(struct fz_test_socket *socket, const struct fz_order_add *add)
{
	size_t octets = add->octets_max < PACKET_OCTETS ? add->octets_max : PACKET_OCTETS;
	int wanted;

	socket->rate += rate_of(add->rate);
	wanted = fz_udp_receive_buffer_for(socket->rate, octets);
	(void)fz_udp_receive_buffer(socket->udp, wanted < BUFFER_MAX ? wanted : BUFFER_MAX);
}

/* NULL: it has ended. */
static struct fz_reflected *add_session(struct fz_reflect *reflect, uint32_t slot, const struct fz_order_add *add,
	const struct fz_order_add_stamp *stamp)
{
	struct fz_test_socket *socket = socket_of(reflect, add->port);
	struct fz_reflected *session = socket && !reflect->slots[slot] ? session_new(reflect, add, stamp) : NULL;
	uint32_t place = stamp ? fz_stamp_seat(add->port, stamp->ssid) : add->port;

	if (!session) {
		reflect->hooks.ended(reflect->hooks.arg, slot, FZ_COUNT_ENDED_FAILED);
		return NULL;
	}
	if (!fz_seats_join(&reflect->seats, &session->seat, place, &add->remote)) {
		free_parts(session);
		reflect->hooks.ended(reflect->hooks.arg, slot, FZ_COUNT_ENDED_FAILED);
		return NULL;
	}
	grow_buffer(socket, add);
	/* What begins a session of STAMP may be longer than what those that there are may have. */
	if (!stamp && add->octets_max > socket->octets_max) {
		socket->octets_max = add->octets_max;
		fz_udp_want_octets(socket->udp, socket->octets_max);
	}
	session->seat.of = session;
	session->socket = socket;
	socket->sessions++;
	reflect->slots[slot] = session;
	session->slot = slot;
	session->figures = &reflect->shared->slots[slot];
	clear_figures(session->figures, add->serial);
	session->timer = (struct fz_timer){.fn = due, .arg = session};
	session->packets = add->packets;
	session->octets_max = add->octets_max;
	session->remote_port = fz_addr_port(&add->remote);
	session->dscp = add->dscp;
	session->encrypted = add->mode == FIZEAU_TEST_ENCRYPTED;
	session->duration_ns = add->duration_ns;
	session->timeout_ns = add->timeout_ns;
	session->refwait_ns = add->refwait_ns;
	session->last = FIZEAU_NEVER;
	fz_bucket_init(&session->packets_bucket, add->rate, 32);
	fz_bucket_init(&session->bits_bucket, add->bandwidth, 8 * (uint64_t)add->octets_max);
	return session;
}

static void start(struct fz_reflected *session)
{
	int64_t now = fz_clock_mono().ns;

	if (session->state != FZ_REFLECTED_ADDED)
		return;
	session->state = FZ_REFLECTED_RUNS;
	session->reflect->running++;
	atomic_store_explicit(&session->figures->heard_ns, now, memory_order_relaxed);
	if (session->duration_ns < INT64_MAX - now)
		session->last.ns = now + session->duration_ns;
	arm(session);
}

static void add_stamp(struct fz_reflect *reflect, uint32_t slot, const struct fz_order_add_stamp *add)
{
	struct fz_reflected *session = add_session(reflect, slot, &add->base, add);

	if (!session)
		return;
	start(session);
	if (reflect->slots[slot])
		fz_stamp_begin(session, add->ssid);
}

static void stop(struct fz_reflected *session)
{
	int64_t now = fz_clock_mono().ns;

	/* What never began does not go on. */
	if (session->state == FZ_REFLECTED_ADDED) {
		fz_reflected_end(session, FZ_COUNT_ENDED_STOP);
		return;
	}
	session->state = FZ_REFLECTED_STOPPED;
	/*= rfc5357#section-3.5 TW-3.5-15 TW-3.5-16 TW-3.5-17 */
	/*= rfc5357#section-3.8 TW-3.8-09 */
	if (session->timeout_ns < session->last.ns - now)
		session->last.ns = now + session->timeout_ns;
	arm(session);
}

void fz_reflect_order(struct fz_reflect *reflect, const struct fz_order *order, int fd)
{
	struct fz_reflected *session = order->kind == FZ_ORDER_START || order->kind == FZ_ORDER_STOP ||
		order->kind == FZ_ORDER_END ? reflect->slots[order->number] : NULL;
	struct fz_test_socket *socket;

	switch (order->kind) {
	case FZ_ORDER_PORT:
		if (fd >= 0)
			open_socket(reflect, order->number, fd);
		break;
	case FZ_ORDER_CLOSE:
		socket = socket_of(reflect, order->number);
		if (socket) {
			socket->closing = true;
			fz_test_socket_close_if(socket);
		}
		break;
	case FZ_ORDER_ADD:
		(void)add_session(reflect, order->number, &order->add, NULL);
		break;
	case FZ_ORDER_ADD_STAMP:
		add_stamp(reflect, order->number, &order->stamp);
		break;
	case FZ_ORDER_REFUSE:
		fz_stamp_refuse(reflect, &order->refuse);
		break;
	case FZ_ORDER_CLOCK:
	case FZ_ORDER_BUSY:
		/* Not the reflector's. */
		break;
	case FZ_ORDER_START:
		if (session)
			start(session);
		break;
	case FZ_ORDER_STOP:
		if (session)
			stop(session);
		break;
	case FZ_ORDER_END:
		/* It may have ended by itself meanwhile. */
		if (session)
			fz_reflected_end(session, FZ_COUNT_ENDED_CONNECTION);
		break;
	}
}

bool fz_reflect_runs(const struct fz_reflect *reflect)
{
	return reflect->running > 0;
}

struct fz_reflect *fz_reflect_new(struct fz_loop *loop, struct fz_clock *clock, struct fz_shared *shared, uint64_t seed,
	const struct fz_reflect_hooks *hooks)
{
	struct fz_reflect *reflect = calloc(1, sizeof(*reflect));

	if (!reflect)
		return NULL;
	reflect->loop = loop;
	reflect->clock = clock;
	reflect->shared = shared;
	reflect->hooks = *hooks;
	reflect->slots = calloc(FZ_WORKER_SLOTS, sizeof(*reflect->slots));
	reflect->batch = fz_udp_batch_new(FZ_REFLECT_BATCH, FIZEAU_TEST_PACKET_MAX);
	reflect->strangers = fz_strangers_new(seed);
	fz_bucket_init(&reflect->follow_ups, FOLLOW_UPS, 1);
	if (fz_seats_init(&reflect->seats, seed) && reflect->slots && reflect->batch && reflect->strangers)
		return reflect;
	fz_reflect_free(reflect);
	return NULL;
}

void fz_reflect_free(struct fz_reflect *reflect)
{
	if (!reflect)
		return;
	for (uint32_t slot = 0; reflect->slots && slot < FZ_WORKER_SLOTS; slot++) {
		if (reflect->slots[slot])
			session_free(reflect->slots[slot]);
	}
	while (reflect->sockets) {
		reflect->sockets->closing = true;
		fz_test_socket_close_if(reflect->sockets);
	}
	fz_seats_free(&reflect->seats);
	fz_udp_batch_free(reflect->batch);
	fz_strangers_free(reflect->strangers);
	free(reflect->slots);
	free(reflect);
}
