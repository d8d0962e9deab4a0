/* SPDX-License-Identifier: MIT */
/* Whether the source of a packet of STAMP may have a session: by its address, SSID and key, and the limits of its class. */
#include <stdlib.h>
#include <string.h>
#include "keyd_st.h"
#include "stamp.h"

#define REFUSED_NS 2000000000ll /* that a source is not asked about again */
#define SILENT_NS 10000000000ll /* with less silence, or a tenth of refwait, nobody loses its place */
#define ASKED_MAX 1024          /* that wait for a key */

/* A question under way. */
struct fz_stamp_asked {
	struct fz_stamp_asked *next;
	struct fz_stamp *stamp;
	struct fz_conf *conf;
	uint32_t worker;
	struct fz_ask ask;
	const struct fz_stamp_key *rule; /* in conf; NULL: open */
	struct fizeau_st_key key;
	struct fz_identity identity;
	struct fz_keyd_st_request *request; /* NULL: nobody is asked for the key */
};

static void asked_free(struct fz_stamp_asked *asked)
{
	struct fz_stamp_asked **at = &asked->stamp->asked;

	while (*at != asked)
		at = &(*at)->next;
	*at = asked->next;
	if (asked->request)
		fz_keyd_st_cancel(asked->request);
	fz_conf_release(asked->conf);
	fizeau_wipe(asked, sizeof(*asked));
	free(asked);
}

void fz_stamp_forget_asked(struct fz_stamp *stamp)
{
	while (stamp->asked)
		asked_free(stamp->asked);
}

/* Counts and logs why, and has the worker not ask again for a while: about all of that address if host. */
static void refuse(struct fz_stamp *stamp, uint32_t worker, const struct fz_ask *ask, bool host, enum fz_counter counter,
	const char *why)
{
	struct fz_engine *engine = stamp->engine;
	struct fz_order order;

	engine->counters.of[counter]++;
	fz_log_peer(engine->log, FZ_LOG_NOTICE, &ask->remote, fz_clock_mono(), "STAMP session (SSID %u) refused: %s",
		(unsigned)ask->ssid, why);
	memset(&order, 0, sizeof(order));
	order.kind = FZ_ORDER_REFUSE;
	order.refuse.seat = fz_stamp_seat(ask->port, ask->ssid);
	order.refuse.remote = ask->remote;
	order.refuse.host = host;
	order.refuse.for_ns = REFUSED_NS;
	/* Should it not reach the worker, that one asks again. */
	if (fz_workers_order(fz_session_table_workers(engine->sessions), worker, &order, -1))
		engine->counters.of[FZ_COUNT_REQUEST_WORKER]++;
}

static void refuse_asked(struct fz_stamp_asked *asked, bool host, enum fz_counter counter, const char *why)
{
	refuse(asked->stamp, asked->worker, &asked->ask, host, counter, why);
	asked_free(asked);
}

static void session_ended(struct fz_session *session, enum fz_counter reason)
{
	(void)reason;
	fz_admit_leave(session->engine->admit, &session->place);
}

static bool through_ipsec(struct fz_stamp_asked *asked)
{
	const struct fz_datagram in = {.interface = asked->ask.interface, .mark = asked->ask.mark};

	return fz_ipsec_datagram(&asked->stamp->ipsec_view, &asked->conf->ipsec, &in, fz_clock_mono());
}

static int64_t heard_ns(const struct fz_session *session)
{
	int64_t heard = atomic_load_explicit(&fz_session_figures(session)->heard_ns, memory_order_relaxed);

	return heard ? heard : session->started.ns;
}

/* The session that has been silent for the longest time, of those that stand in the way. */
static struct fz_session *most_silent(const struct fz_stamp_asked *asked, const struct fz_class *c, bool of_peer)
{
	struct fz_session *found = NULL;

	for (struct fz_session *session = fz_session_table_first(asked->stamp->engine->sessions); session;
		session = session->next) {
		if (!session->stamp.listener || session->ending || (of_peer ?
			!fz_addr_same_host(&session->remote, &asked->ask.remote) : strcmp(session->of_class->name, c->name)))
			continue;
		if (!found || heard_ns(session) < heard_ns(found))
			found = session;
	}
	return found;
}

/* Whoever forges addresses makes sessions that nothing follows on: they must not keep their places from those that measure
   until refwait is over. */
static bool make_room(const struct fz_stamp_asked *asked, const struct fz_class *c)
{
	struct fz_stamp *stamp = asked->stamp;
	int64_t now = fz_clock_mono().ns, silence = asked->conf->refwait_ns / 10;
	struct fz_session *session;

	if (!fz_bucket_take(&stamp->searches, 1, now))
		return false;
	session = most_silent(asked, c, fz_admit_peer_full(stamp->engine->admit, c, &asked->ask.remote));
	if (!session || now - heard_ns(session) < (silence < SILENT_NS ? silence : SILENT_NS))
		return false;
	fz_session_end(session, FZ_COUNT_ENDED_SILENT);
	return true;
}

static bool take_place(const struct fz_stamp_asked *asked, const struct fz_class *c, struct fz_place *place)
{
	struct fz_admit *admit = asked->stamp->engine->admit;
	enum fz_counter counter;

	return !fz_admit_session(admit, c, &asked->ask.remote, place, &counter) ||
		(make_room(asked, c) && !fz_admit_session(admit, c, &asked->ask.remote, place, &counter));
}

static void begin(struct fz_stamp_asked *asked, const struct fz_stamp_listener *listener, const struct fz_class *c,
	uint32_t mode)
{
	struct fz_engine *engine = asked->stamp->engine;
	struct fz_stamp_session_wanted wanted = {
		.worker = asked->worker,
		.listener = listener->number,
		.local_port = fz_addr_port(&listener->addr),
		.ssid = asked->ask.ssid,
		.remote = asked->ask.remote,
		.mode = mode,
		.open_hmac_tlv = mode == FIZEAU_MODE_OPEN && asked->key.octets > 0,
		.require_ipsec = fz_ipsec_required(c, mode),
		.conf = asked->conf,
		.of_class = c,
		.ended = session_ended,
	};
	struct fz_session *session;
	struct fz_place place;
	enum fz_counter counter;
	char identity[FZ_IDENTITY_TEXT];

	/* What was sent to many would have many answers. */
	if (!fz_addr_is_own(&asked->ask.local)) {
		refuse_asked(asked, false, FZ_COUNT_REQUEST_SOURCE, "what it sent to is no address of this host");
		return;
	}
	if (!take_place(asked, c, &place)) {
		refuse_asked(asked, false, FZ_COUNT_REQUEST_SESSIONS, "as many sessions as its class or its address may have");
		return;
	}
	wanted.key = asked->key;
	session = fz_session_add_stamp(engine->sessions, &wanted, &counter);
	fizeau_wipe(&wanted, sizeof(wanted));
	if (!session) {
		fz_admit_leave(engine->admit, &place);
		refuse_asked(asked, false, counter, "its worker could not take it, or there is no memory for it");
		return;
	}
	session->engine = engine;
	session->place = place;
	session->identity = asked->identity;
	session->peer = asked->ask.remote;
	engine->counters.of[FZ_COUNT_SESSIONS]++;
	fz_identity_text(&session->identity, identity);
	fz_log_peer(engine->log, FZ_LOG_INFO, &session->peer, fz_clock_mono(),
		"STAMP session (SSID %u) on port %u: class %s, %s, %s, worker %u", (unsigned)session->stamp.ssid,
		(unsigned)session->local_port, c->name, mode == FIZEAU_MODE_OPEN ? "open" : "authenticated", identity,
		(unsigned)session->worker + 1);
	asked_free(asked);
}

/* Its key and who it is are known: by the limits of its class. */
/*= rfc8762#section-5 ST-5-01 */
static void admit(struct fz_stamp_asked *asked)
{
	const struct fz_stamp_listener *listener = fz_stamp_listener_of(asked->stamp, asked->ask.port);
	const struct fz_class *c = fz_admit_class(asked->conf, &asked->ask.remote, &asked->identity);
	bool packets = asked->key.octets > 0 && asked->rule && asked->rule->use == FZ_STAMP_KEY_PACKETS;
	uint32_t mode = packets ? FIZEAU_MODE_AUTHENTICATED : FIZEAU_MODE_OPEN;

	if (!listener)
		asked_free(asked);
	else if (!c || c->limits[FZ_LIMIT_DENY])
		/* With another SSID it might have another key, and so be of another class. */
		refuse_asked(asked, !asked->conf->stamp.key_count, FZ_COUNT_REFUSED_DENY,
			c ? "its class is denied" : "it is of no class");
	else if (!(c->limits[FZ_LIMIT_MODES] & mode))
		refuse_asked(asked, !asked->conf->stamp.key_count, FZ_COUNT_REFUSED_MODES, packets ?
			"its class may not measure in authenticated mode" : "its class may not measure in open mode");
	else if (fz_ipsec_required(c, mode) && !through_ipsec(asked))
		refuse_asked(asked, false, FZ_COUNT_REFUSED_NOT_IPSEC, "not through IPsec, which its class requires");
	else
		begin(asked, listener, c, mode);
}

static void on_ike_key(void *arg, const struct fz_keyd_st_answer *answer)
{
	struct fz_stamp_asked *asked = arg;

	asked->request = NULL;
	if (!answer->found) {
		refuse_asked(asked, false, answer->counter, answer->reason);
		return;
	}
	memcpy(asked->key.key, answer->key, sizeof(answer->key));
	asked->key.octets = sizeof(answer->key);
	asked->identity = answer->identity;
	admit(asked);
}

/* The key that its packets are of, then admit(): now, or when the key service has answered. */
static void find_key(struct fz_stamp_asked *asked)
{
	struct fz_keyd *keyd = asked->stamp->engine->keyd;
	const struct fz_stamp_key *rule = asked->rule;
	const struct fz_ask *ask = &asked->ask;
	size_t shown = ask->len < sizeof(ask->octets) ? ask->len : sizeof(ask->octets);
	const uint8_t *secret;

	if (!rule) {
		admit(asked);
		return;
	}
	if (rule->ike) {
		asked->request = fz_keyd_st_find(keyd, &ask->remote, ask->ssid, ask->octets, shown, on_ike_key, asked);
		if (!asked->request)
			refuse_asked(asked, false, FZ_COUNT_REQUEST_INTERNAL, "no memory for it");
		return;
	}
	secret = fz_keyd_secret(keyd, rule->key_id, &asked->key.octets);
	if (!secret || asked->key.octets > sizeof(asked->key.key)) {
		asked->key.octets = 0;
		refuse_asked(asked, false, FZ_COUNT_REFUSED_KEY, "the keys file has no key for it any more");
		return;
	}
	memcpy(asked->key.key, secret, asked->key.octets);
	/* Whose packets anybody can send is nobody, though their TLVs are protected. */
	if (rule->use == FZ_STAMP_KEY_PACKETS) {
		asked->identity.source = FZ_KEY_PASSPHRASE;
		snprintf(asked->identity.key_id, sizeof(asked->identity.key_id), "%s", rule->key_id);
	}
	admit(asked);
}

static uint32_t count_asked(const struct fz_stamp *stamp)
{
	uint32_t count = 0;

	for (const struct fz_stamp_asked *asked = stamp->asked; asked; asked = asked->next)
		count++;
	return count;
}

static bool unicast(const struct fz_addr *addr)
{
	struct fizeau_address address;

	fz_addr_to_message(addr, &address);
	return fz_address_is_unicast(&address);
}

/*= rfc8972#section-3 SX-3-05 SX-3-06 */
void fz_stamp_ask(void *arg, uint32_t worker, const struct fz_ask *ask)
{
	struct fz_engine *engine = arg;
	struct fz_stamp *stamp = engine->stamp;
	struct fz_stamp_asked *asked;

	if (!fz_stamp_listener_of(stamp, ask->port))
		return;
	if (!unicast(&ask->remote) || !unicast(&ask->local)) {
		refuse(stamp, worker, ask, false, FZ_COUNT_REQUEST_SOURCE, "it, or what it sent to, is no unicast address");
		return;
	}
	if (!fz_stamp_ssid_allowed(&engine->conf->stamp, ask->ssid)) {
		refuse(stamp, worker, ask, false, FZ_COUNT_REQUEST_SSID, "stamp-ssid does not allow its SSID");
		return;
	}
	asked = count_asked(stamp) < ASKED_MAX ? calloc(1, sizeof(*asked)) : NULL;
	if (!asked) {
		refuse(stamp, worker, ask, false, FZ_COUNT_REFUSED_BUSY, "too many sessions begin at once");
		return;
	}
	asked->next = stamp->asked;
	asked->stamp = stamp;
	asked->conf = fz_conf_hold(engine->conf);
	asked->worker = worker;
	asked->ask = *ask;
	asked->rule = fz_stamp_key_of(&asked->conf->stamp, &ask->remote, ask->ssid);
	stamp->asked = asked;
	find_key(asked);
}
