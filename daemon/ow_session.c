/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "engine.h"
#include "ow_session.h"

#define MARGIN_NS 1000000000ll   /* for what was late by less than Timeout, and for the clocks */
#define RECEIVE_BUFFER (2 << 20)
#define RATE_MAX 100000         /* packets/s that a buffer is made for */
#define PACKET_OCTETS 1472      /* longer ones are seldom sent at such rates */
#define RATE_SLACK 4             /* a Poisson stream, or one that catches up, exceeds its mean */

struct fz_ow_session *fz_ow_session_find(const struct fz_engine *engine, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fz_ow_session *session = engine->ow_first;

	while (session && memcmp(session->request.sid, sid, FIZEAU_SID_OCTETS))
		session = session->next;
	return session;
}

/* A socket of its own on a test port: the one wished for if it can be had. */
/*= rfc4656#section-3.5 OW-3.5-13 */
/*= rfc8545#section-5.2 PO-5.2-02 */
static int open_socket(const struct fz_ow_session *session, const struct fz_addr *local, struct fz_udp **udp)
{
	struct fz_engine *engine = session->engine;
	const struct fz_conf *conf = session->conf;
	bool bypass = session->of_class->limits[FZ_LIMIT_BYPASS_IPSEC] && !session->require_ipsec;
	const struct fz_udp_options options = {.shared = engine->ow_batch, .receive_buffer = RECEIVE_BUFFER, .sent_stamps = true,
		.bypass_mark = bypass ? conf->ipsec.bypass_mark : 0,
		.receive_mark = session->require_ipsec && conf->ipsec.mark_count > 0};
	struct fz_addr addr = *local;
	uint32_t count = (uint32_t)(conf->port_last - conf->port_first) + 1;
	uint16_t wish = fz_addr_port(local);

	if (wish >= conf->port_first && wish <= conf->port_last && !fz_udp_open(&addr, &options, udp))
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		fz_addr_set_port(&addr, (uint16_t)(conf->port_first + engine->ow_port++ % count));
		int error = fz_udp_open(&addr, &options, udp);
		if (error != -EADDRINUSE && error != -EACCES)
			return error;
	}
	return -EADDRINUSE;
}

static uint16_t port_of(const struct fz_udp *udp)
{
	struct fz_addr addr;

	fz_udp_local(udp, &addr);
	return fz_addr_port(&addr);
}

static int open_sockets(struct fz_ow_session *session, const struct fz_ow_wanted *wanted)
{
	int error = 0;

	if (wanted->request.conf_receiver) {
		error = open_socket(session, &wanted->receiver, &session->receive_udp);
		if (!error)
			session->request.receiver_port = port_of(session->receive_udp);
	}
	if (!error && wanted->request.conf_sender) {
		error = open_socket(session, &wanted->sender, &session->send_udp);
		if (!error)
			session->request.sender_port = port_of(session->send_udp);
	}
	return error;
}

static void records_in(void *arg, const struct fizeau_record *records, size_t count)
{
	struct fz_ow_session *session = arg;

	if (session->error)
		return;
	session->error = fz_stored_add(session->stored, records, count);
	if (session->error)
		session->changed(session->arg);
}

static bool came_through(void *arg, const struct fz_datagram *datagram, struct fizeau_mono now)
{
	struct fz_ow_session *session = arg;

	return fz_ipsec_datagram(&session->ipsec, &session->conf->ipsec, datagram, now);
}

static void all_sent(void *arg)
{
	struct fz_ow_session *session = arg;

	session->changed(session->arg);
}

static int make_receiver(struct fz_ow_session *session, const struct fz_ow_wanted *wanted)
{
	const struct fizeau_ow_request *request = &wanted->request;
	uint64_t rate = wanted->of_class->limits[FZ_LIMIT_RATE];
	struct fz_endpoint_receiver_config config = {
		.clock = &session->engine->clock,
		.loop = session->engine->loop,
		.udp = session->receive_udp,
		.remote = wanted->sender,
		.session = {
			.mode = fizeau_test_mode_of(wanted->mode),
			.keys = wanted->keys,
			.slots = request->slots,
			.slot_count = request->slot_count,
			.packets = request->packets,
			.start_time = request->start_time,
			.timeout = request->timeout,
			.padding_octets = request->padding_octets,
		},
		.rate_pps = rate > UINT32_MAX ? 0 : rate * RATE_SLACK + 1,
		.wanted = session->require_ipsec ? came_through : NULL,
		.records = records_in,
		.arg = session,
	};

	/* What the system refuses is counted when it is missing. */
	(void)fz_udp_receive_buffer(session->receive_udp,
		fz_udp_receive_buffer_for(rate < RATE_MAX ? rate : RATE_MAX,
			request->padding_octets < PACKET_OCTETS ? request->padding_octets : PACKET_OCTETS));
	memcpy(config.session.sid, request->sid, sizeof(config.session.sid));
	session->receiver = fz_endpoint_receiver_new(&config);
	fizeau_wipe(&config, sizeof(config));
	return session->receiver ? 0 : -ENOMEM;
}

static int make_sender(struct fz_ow_session *session, const struct fz_ow_wanted *wanted)
{
	const struct fizeau_ow_request *request = &wanted->request;
	struct fz_endpoint_sender_config config = {
		.clock = &session->engine->clock,
		.loop = session->engine->loop,
		.udp = session->send_udp,
		.remote = wanted->receiver,
		/*= rfc4656#section-3.5 OW-3.5-21 */
		.dscp = (uint8_t)(request->type_p >> 24 & 0x3f),
		.mode = fizeau_test_mode_of(wanted->mode),
		.keys = wanted->keys,
		.slots = request->slots,
		.slot_count = request->slot_count,
		.packets = request->packets,
		.padding_octets = request->padding_octets,
		.start_time = request->start_time,
		.timeout_ns = session->timeout_ns,
		.learns_departures = true,
		.done = all_sent,
		.arg = session,
	};

	memcpy(config.sid, request->sid, sizeof(config.sid));
	/* To ourselves: the port is known only now. */
	if (session->receive_udp)
		fz_addr_set_port(&config.remote, session->request.receiver_port);
	session->send_to = config.remote;
	session->sender = fz_endpoint_sender_new(&config);
	fizeau_wipe(&config, sizeof(config));
	return session->sender ? 0 : -ENOMEM;
}

static int make_file(struct fz_ow_session *session, const struct fz_ow_wanted *wanted)
{
	struct fz_store_session *head;
	int error;

	if (!session->engine->store)
		return -ENODEV;
	head = calloc(1, sizeof(*head));
	if (!head)
		return -ENOMEM;
	head->request = session->request;
	head->request.slots = wanted->request.slots;
	fz_identity_owner(wanted->identity, head->owner);
	snprintf(head->class_name, sizeof(head->class_name), "%s", wanted->of_class->name);
	error = fz_store_add(session->engine->store, head, (uint64_t)(wanted->length_ns / 1000000000 + 1),
		wanted->of_class->limits[FZ_LIMIT_STORAGE], &session->stored);
	free(head);
	return error;
}

static void release(struct fz_ow_session *session)
{
	fz_endpoint_sender_free(session->sender);
	fz_endpoint_receiver_free(session->receiver);
	fz_udp_close(session->send_udp);
	fz_udp_close(session->receive_udp);
	fz_conf_release(session->conf);
	free(session);
}

static void refused_for_socket(int error, uint8_t *accept, enum fz_counter *counter, const char **why)
{
	*accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	if (error == -EADDRINUSE) {
		*counter = FZ_COUNT_REQUEST_PORTS;
		*why = "no test port left";
	} else if (error == -EMFILE || error == -ENFILE) {
		*counter = FZ_COUNT_REQUEST_DESCRIPTORS;
		*why = "no descriptor left for it";
	} else if (error == -EADDRNOTAVAIL) {
		/*= rfc4656#section-6.2 OW-6.2-03 */
		*accept = FIZEAU_ACCEPT_UNSUPPORTED;
		*counter = FZ_COUNT_REQUEST_UNSUPPORTED;
		*why = "an address that the server is to use is not of this host";
	} else {
		*accept = FIZEAU_ACCEPT_INTERNAL;
		*counter = FZ_COUNT_REQUEST_INTERNAL;
		*why = "no socket or no memory for it";
	}
}

static void refused_for_file(int error, uint8_t *accept, enum fz_counter *counter, const char **why)
{
	if (error == -EMFILE || error == -ENFILE) {
		refused_for_socket(error, accept, counter, why);
		return;
	}
	*counter = FZ_COUNT_REQUEST_STORAGE;
	*accept = error == -EFBIG ? FIZEAU_ACCEPT_PERMANENT_LIMIT : FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	*why = error == -EFBIG ? "its records take more than limit storage of its class" :
		error == -EDQUOT ? "limit storage of its class is used up until older sessions are removed" :
		error == -ENOSPC ? "the disk of its storage is full" :
		error == -ENODEV ? "there is no storage: see the warning at the start of fizeaud" :
		"its file cannot be made";
}

struct fz_ow_session *fz_ow_session_new(const struct fz_ow_wanted *wanted, uint8_t *accept, enum fz_counter *counter,
	const char **why)
{
	struct fz_ow_session *session = calloc(1, sizeof(*session));
	int error = session ? 0 : -ENOMEM;

	if (session) {
		session->engine = wanted->engine;
		session->conf = fz_conf_hold(wanted->conf);
		session->of_class = wanted->of_class;
		session->identity = *wanted->identity;
		session->peer = *wanted->peer;
		session->mode = wanted->mode;
		session->require_ipsec = fz_ipsec_required(wanted->of_class, wanted->mode);
		session->request = wanted->request;
		session->request.slots = NULL;
		session->timeout_ns = fizeau_duration_to_ns(wanted->request.timeout);
		session->length_ns = wanted->length_ns;
		session->changed = wanted->changed;
		session->arg = wanted->arg;
		error = open_sockets(session, wanted);
	}
	if (!error && session->receive_udp)
		error = make_receiver(session, wanted);
	if (!error && session->send_udp)
		error = make_sender(session, wanted);
	if (error)
		refused_for_socket(error, accept, counter, why);
	if (!error && session->receiver) {
		error = make_file(session, wanted);
		if (error)
			refused_for_file(error, accept, counter, why);
	}
	if (error) {
		if (session)
			release(session);
		return NULL;
	}
	session->previous = session->engine->ow_last;
	if (session->previous)
		session->previous->next = session;
	else
		session->engine->ow_first = session;
	session->engine->ow_last = session;
	return session;
}

int fz_ow_session_start(struct fz_ow_session *session)
{
	int error = 0;

	session->running = true;
	session->started = fz_clock_mono();
	session->ends.ns = session->started.ns + session->length_ns + MARGIN_NS;
	if (session->receiver)
		error = fz_endpoint_receiver_start(session->receiver);
	if (!error && session->sender)
		error = fz_endpoint_sender_start(session->sender);
	return error;
}

static bool reached(struct fizeau_mono now, int64_t at, int64_t after)
{
	return at <= INT64_MAX - after - MARGIN_NS && now.ns >= at + after + MARGIN_NS;
}

/*= rfc4656#section-3.8 OW-3.8-17 OW-3.8-18 */
bool fz_ow_session_complete(struct fz_ow_session *session, struct fizeau_mono now)
{
	if (session->sender && !reached(now, fz_endpoint_sender_last(session->sender).ns, session->timeout_ns))
		return false;
	if (!session->receiver)
		return true;
	if (!session->receiver_done.ns && fz_endpoint_receiver_complete(session->receiver))
		session->receiver_done = now;
	return session->receiver_done.ns && reached(now, session->receiver_done.ns, 0);
}

static void count(struct fz_ow_session *session)
{
	uint64_t *of = session->engine->counters.of;
	struct fz_endpoint_receiver_counters r, *was = &session->receiver_counted;
	struct fz_endpoint_sender_counters s;

	if (session->receiver) {
		fz_endpoint_receiver_counters(session->receiver, &r);
		of[FZ_COUNT_PACKETS_RECEIVED] += r.received - was->received;
		of[FZ_COUNT_PACKETS_RECORDED] += r.received - was->received;
		of[FZ_COUNT_DROPPED_HMAC] += r.hmac - was->hmac;
		of[FZ_COUNT_DROPPED_LENGTH] += r.length - was->length;
		of[FZ_COUNT_DROPPED_ERROR_ESTIMATE] += r.error_estimate - was->error_estimate;
		of[FZ_COUNT_DROPPED_UNKNOWN_NUMBER] += r.unknown_number - was->unknown_number;
		of[FZ_COUNT_DROPPED_LATE] += r.late - was->late;
		of[FZ_COUNT_DROPPED_NO_SESSION] += r.foreign_source - was->foreign_source;
		of[FZ_COUNT_DROPPED_NOT_IPSEC] += r.unwanted - was->unwanted;
		of[FZ_COUNT_DROPPED_RATE] += r.rate - was->rate;
		of[FZ_COUNT_DROPPED_MEMORY] += r.memory - was->memory;
		of[FZ_COUNT_DROPPED_RECEIVE] += r.local - was->local;
		*was = r;
	}
	if (session->sender) {
		fz_endpoint_sender_counters(session->sender, &s);
		of[FZ_COUNT_PACKETS_SENT] += s.sent - session->sender_counted.sent;
		of[FZ_COUNT_SKIPPED_LATE] += s.skipped_late - session->sender_counted.skipped_late;
		of[FZ_COUNT_SKIPPED_LOCAL] += s.skipped_drop - session->sender_counted.skipped_drop;
		session->sender_counted = s;
	}
}

void fz_ow_session_tick(struct fz_ow_session *session)
{
	count(session);
	if (session->stored && !session->error)
		session->error = fz_stored_flush(session->stored);
}

static uint64_t wall_now(void)
{
	const struct fz_clock clock = {.error_estimate = 0};

	return fz_clock_wall(&clock).ntp;
}

static void log_end(const struct fz_ow_session *session)
{
	static const char *const hows[] = {"still running", "stopped", "failed", "its connection broke", "aborted"};
	char sid[2 * FIZEAU_SID_OCTETS + 1];

	for (size_t i = 0; i < FIZEAU_SID_OCTETS; i++)
		snprintf(sid + 2 * i, 3, "%02x", session->request.sid[i]);
	fz_log_peer(session->engine->log, FZ_LOG_INFO, &session->peer, fz_clock_mono(),
		"OWAMP session %s ended (%s): %llu packets received, %llu sent%s%s", sid, hows[session->how],
		(unsigned long long)session->receiver_counted.received,
		(unsigned long long)session->sender_counted.sent, session->error ? ", storage: " : "",
		session->error ? fizeau_strerror(session->error) : "");
}

/* What the sender says goes into the file only if all is well. */
static void finish_receiver(struct fz_ow_session *session, const struct fizeau_session_end *end)
{
	const struct fizeau_receiver *receiver = fz_endpoint_receiver_session(session->receiver);
	struct fz_store_end stored = {.stop_ntp = wall_now()};
	uint64_t now_s = (uint64_t)(fizeau_ntp_to_unix_ns(stored.stop_ntp, stored.stop_ntp) / 1000000000);

	/*= rfc4656#section-3.8 OW-3.8-16 */
	fz_endpoint_receiver_finish(session->receiver, stored.stop_ntp);
	/*= rfc4656#section-3.8 OW-3.8-15 */
	if (session->how == FZ_STORE_NORMAL && (session->error || !end || fizeau_receiver_check_end(receiver, end)))
		session->how = FZ_STORE_FAILED;
	stored.how = session->how;
	stored.received_next = fizeau_receiver_next_seqno(receiver);
	if (session->how == FZ_STORE_NORMAL) {
		stored.next_seqno = end->next_seqno;
		stored.range_count = end->range_count;
		stored.ranges = end->ranges;
	}
	int error = fz_stored_end(session->stored, &stored, now_s);
	session->stored = NULL;
	if (error && !session->error)
		session->error = error;
	if (session->error)
		session->how = FZ_STORE_FAILED;
}

void fz_ow_session_finish(struct fz_ow_session *session, enum fz_store_how how, const struct fizeau_session_end *end)
{
	if (session->how != FZ_STORE_RUNNING)
		return;
	session->how = how;
	if (session->sender)
		fz_endpoint_sender_stop(session->sender);
	if (session->running && session->receiver)
		finish_receiver(session, end);
	else if (session->stored)
		fz_stored_drop(session->stored);
	session->stored = NULL;
	count(session);
}

static enum fz_counter counter_of(enum fz_store_how how)
{
	switch (how) {
	case FZ_STORE_NORMAL:
		return FZ_COUNT_ENDED_STOP;
	case FZ_STORE_BROKEN:
	case FZ_STORE_ABORTED:
		return FZ_COUNT_ENDED_CONNECTION;
	case FZ_STORE_RUNNING:
	case FZ_STORE_FAILED:
		break;
	}
	return FZ_COUNT_ENDED_FAILED;
}

void fz_ow_session_end(struct fz_ow_session *session)
{
	struct fz_engine *engine = session->engine;

	fz_ow_session_finish(session, FZ_STORE_BROKEN, NULL);
	if (session->running)
		log_end(session);
	engine->counters.of[session->error ? FZ_COUNT_ENDED_STORAGE : counter_of(session->how)]++;
	fz_admit_leave(engine->admit, &session->place);
	if (session->previous)
		session->previous->next = session->next;
	else
		engine->ow_first = session->next;
	if (session->next)
		session->next->previous = session->previous;
	else
		engine->ow_last = session->previous;
	release(session);
}
