/* SPDX-License-Identifier: MIT */
/* Requests of the key service and their answers. */
#include <errno.h>
#include <string.h>

#include "ippm_conn.h"

#define PATIENCE_MS 2000 /* an initiation has succeeded: its SA comes to the table in a moment */

static void send_scratch(struct ippm_server *s, struct ippm_conn *c, struct ippm_msg_writer *w)
{
	ippm_msg_put_end(w);
	if (w->failed)
		c->dead = true;
	else
		ippm_conn_queue(c, w->buf, w->len);
	ippm_msg_wipe(s->scratch, w->len);
}

void ippm_answer_error(struct ippm_server *s, struct ippm_conn *c, int error, const char *reason)
{
	struct ippm_msg_writer w = ippm_msg_writer_of(s->scratch, sizeof(s->scratch));

	ippm_msg_put_u64(&w, "errno", (uint64_t)error);
	if (error)
		ippm_msg_put(&w, "reason", reason);
	send_scratch(s, c, &w);
}

static void put_optional(struct ippm_msg_writer *w, const char *key, const char *value)
{
	if (*value)
		ippm_msg_put(w, key, value);
}

static void put_sa(struct ippm_msg_writer *w, const struct ippm_sa *sa, bool with_key)
{
	ippm_msg_put_hex(w, "spi_i", sa->spi_i, sizeof(sa->spi_i));
	ippm_msg_put_hex(w, "spi_r", sa->spi_r, sizeof(sa->spi_r));
	put_optional(w, "prf", ippm_prf_name(sa->prf) ? ippm_prf_name(sa->prf) : "");
	if (with_key)
		ippm_msg_put_hex(w, "key", sa->key, sa->key_octets);
	put_optional(w, "local_host", sa->local_host);
	put_optional(w, "remote_host", sa->remote_host);
	put_optional(w, "local_id", sa->local_id);
	put_optional(w, "remote_id", sa->remote_id);
	put_optional(w, "auth", sa->auth);
	ippm_msg_put_u64(w, "established", (uint64_t)sa->established);
	ippm_msg_put(w, "state", ippm_state_name(sa->state));
	if (sa->state != IPPM_ESTABLISHED)
		ippm_msg_put_u64(w, "vanished", (uint64_t)sa->vanished);
	put_optional(w, "connection", sa->connection);
}

static void answer_sas(struct ippm_server *s, struct ippm_conn *c, size_t count, bool more, bool with_key)
{
	struct ippm_msg_writer w = ippm_msg_writer_of(s->scratch, sizeof(s->scratch));

	ippm_msg_put_u64(&w, "errno", 0);
	if (more)
		ippm_msg_put(&w, "more", "1");
	for (size_t i = 0; i < count; i++)
		put_sa(&w, &s->sas[i], with_key);
	send_scratch(s, c, &w);
	ippm_msg_wipe(s->sas, sizeof(s->sas[0]) * count);
}

void ippm_answer_notice(struct ippm_server *s, struct ippm_conn *c, const struct ippm_notice *notice)
{
	static const char *const names[] = {
		[IPPM_EVENT_UP] = "up", [IPPM_EVENT_REKEYED] = "rekeyed", [IPPM_EVENT_DOWN] = "down"};
	struct ippm_msg_writer w = ippm_msg_writer_of(s->scratch, sizeof(s->scratch));

	ippm_msg_put(&w, "event", names[notice->event]);
	put_sa(&w, &notice->sa, false);
	send_scratch(s, c, &w);
}

/* Usable SAs of a host or a connection: the established ones, then the rekeyed ones if asked for. */
static bool answer_usable(struct ippm_server *s, struct ippm_conn *c, bool rekeyed)
{
	struct ippm_filter filter = {.remote_host = *c->host ? c->host : NULL,
		.connection = *c->connection ? c->connection : NULL, .established = true};
	bool more = false, more_rekeyed = false;
	size_t count = ippm_table_walk(s->table, &filter, 0, s->sas, IPPM_MSG_ANSWER_SAS, &more);

	if (rekeyed) {
		filter.established = false;
		filter.rekeyed = true;
		count += ippm_table_walk(s->table, &filter, 0, s->sas + count, IPPM_MSG_ANSWER_SAS - count,
			&more_rekeyed);
	}
	if (!count)
		return false;
	answer_sas(s, c, count, more || more_rekeyed, true);
	return true;
}

static bool answer_spis(struct ippm_server *s, struct ippm_conn *c)
{
	if (!ippm_table_by_spis(s->table, c->spi_i, c->spi_r, &s->sas[0]))
		return false;
	answer_sas(s, c, 1, false, true);
	return true;
}

static const char *spi_argument(const struct ippm_msg_reader *r, const char *key, uint8_t *spi)
{
	const char *text = ippm_msg_get(r, key);
	size_t len;

	if (!text)
		return "lookup needs remote_host, or spi_i and spi_r";
	if (!ippm_msg_hex(text, spi, IPPM_SPI_OCTETS, &len) || len != IPPM_SPI_OCTETS)
		return "an SPI is 16 hex digits";
	return NULL;
}

/* NULL, or what is wrong. Each handler answers, or sets c->wait. */
static const char *lookup_spis(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	const char *wait = ippm_msg_get(&c->reader, "wait_ms"), *wrong;
	uint64_t wait_ms = 0;

	if ((wrong = spi_argument(&c->reader, "spi_i", c->spi_i)) ||
		(wrong = spi_argument(&c->reader, "spi_r", c->spi_r)))
		return wrong;
	if (wait && !ippm_msg_u64(wait, IPPM_MSG_WAIT_MAX_MS, &wait_ms))
		return "wait_ms is a number up to 10000";
	c->wait = IPPM_WAIT_SA;
	c->deadline = now + (int64_t)wait_ms;
	ippm_request_again(s, c, now);
	return NULL;
}

/*= rfc7717#section-5.1 IK-5.1-05 */
static const char *lookup(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	const char *host = ippm_msg_get(&c->reader, "remote_host");

	if (!host)
		return lookup_spis(s, c, now);
	if (ippm_msg_get(&c->reader, "spi_i") || ippm_msg_get(&c->reader, "spi_r") ||
		ippm_msg_get(&c->reader, "wait_ms"))
		return "lookup takes remote_host, or spi_i, spi_r and wait_ms";
	if (!ippm_host_canonical(host, c->host, sizeof(c->host)))
		return "remote_host is an IPv4 or IPv6 address";
	if (!answer_usable(s, c, true))
		ippm_answer_error(s, c, ENOENT, "no IKE_SA with that host");
	return NULL;
}

static const char *hold(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	if (!c->holding)
		c->hold_since = now;
	c->holding = true;
	ippm_answer_error(s, c, 0, NULL);
	return NULL;
}

static const char *list(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	static const struct ippm_filter all = {.established = true, .rekeyed = true, .deleted = true};
	const char *text = ippm_msg_get(&c->reader, "skip");
	uint64_t skip = 0;
	size_t count;
	bool more;

	(void)now;
	if (text && !ippm_msg_u64(text, UINT32_MAX, &skip))
		return "skip is a number";
	count = ippm_table_walk(s->table, &all, skip, s->sas, IPPM_MSG_ANSWER_SAS, &more);
	answer_sas(s, c, count, more, false);
	return NULL;
}

static const char *watch(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	(void)now;
	c->watching = true;
	atomic_fetch_add(&s->watchers, 1);
	ippm_answer_error(s, c, 0, NULL);
	return NULL;
}

/* The running initiation of that peer, else a free place, else NULL. Call with the mutex held. */
static struct ippm_initiation *initiation_slot(struct ippm_server *s, const struct ippm_conn *c)
{
	struct ippm_initiation *free_slot = NULL;
	size_t running = 0;

	for (size_t i = 0; i < IPPM_INITIATIONS; i++) {
		struct ippm_initiation *at = &s->initiations[i];

		if (at->id && !at->ended && at->another == c->another && !strcmp(at->host, c->host) &&
			!strcmp(at->connection, c->connection))
			return at;
		if (at->id && !at->ended)
			running++;
		else if (!free_slot)
			free_slot = at;
	}
	return running < s->max_initiations ? free_slot : NULL;
}

/* Joins or starts an initiation. 0 or an errno. */
static int begin_initiation(struct ippm_server *s, struct ippm_conn *c, unsigned timeout_ms)
{
	struct ippm_initiation *slot;
	bool start;
	int error = 0;

	pthread_mutex_lock(&s->mutex);
	slot = initiation_slot(s, c);
	if (!slot) {
		pthread_mutex_unlock(&s->mutex);
		return EAGAIN;
	}
	start = !slot->id || slot->ended;
	if (start) {
		*slot = (struct ippm_initiation){.id = ++s->last_initiation, .another = c->another};
		memcpy(slot->host, c->host, sizeof(slot->host));
		memcpy(slot->connection, c->connection, sizeof(slot->connection));
	}
	c->initiation = slot->id;
	pthread_mutex_unlock(&s->mutex);
	if (start && (error = s->ops.initiate(s->ops.arg, c->initiation, *c->host ? c->host : NULL,
			      *c->connection ? c->connection : NULL, c->another, timeout_ms)))
		ippm_server_initiated(s, c->initiation, error);
	return error;
}

static const char *initiation_reason(int error)
{
	switch (error) {
	case ENOENT:
		return "no connection is configured for that host or under that name: see the IKE daemon's configuration";
	case EAGAIN:
		return "too many IKE_SAs are being set up: try again later";
	case ETIMEDOUT:
		return "the IKE_SA was not up in time: is the peer's IKE daemon running and reachable?";
	case EOPNOTSUPP:
		return "an IKE_SA of that connection is up, but it cannot key a measurement with that host: its PRF is not "
			"supported, or it has another address; the IKE daemon's log says why";
	case EHOSTUNREACH:
		return "the IKE_SA could not be set up: the IKE daemon's log says why";
	default:
		return "the IKE daemon could not start to set up the IKE_SA";
	}
}

static const char *initiate(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	const char *host = ippm_msg_get(&c->reader, "remote_host");
	const char *connection = ippm_msg_get(&c->reader, "connection");
	const char *timeout = ippm_msg_get(&c->reader, "timeout_ms");
	const char *another = ippm_msg_get(&c->reader, "another");
	uint64_t timeout_ms = IPPM_MSG_INITIATE_DEFAULT_MS;
	int error;

	if (!host == !connection)
		return "initiate takes remote_host or connection";
	if (host && !ippm_host_canonical(host, c->host, sizeof(c->host)))
		return "remote_host is an IPv4 or IPv6 address";
	if (connection)
		ippm_text_set(c->connection, sizeof(c->connection), connection);
	if (connection && !*c->connection)
		return "connection is a name of at most 63 octets";
	if (timeout && (!ippm_msg_u64(timeout, IPPM_MSG_INITIATE_MAX_MS, &timeout_ms) || !timeout_ms))
		return "timeout_ms is a number from 1 to 60000";
	if (another && strcmp(another, "1") != 0)
		return "another takes the value 1";
	c->another = another != NULL;
	if (!c->another && answer_usable(s, c, false))
		return NULL;
	error = begin_initiation(s, c, (unsigned)timeout_ms);
	if (error) {
		ippm_answer_error(s, c, error, initiation_reason(error));
		return NULL;
	}
	c->wait = IPPM_WAIT_INITIATION;
	c->deadline = now + (int64_t)timeout_ms;
	ippm_request_again(s, c, now);
	return NULL;
}

/* Whether the initiation has ended, and how. */
static bool initiation_ended(struct ippm_server *s, uint64_t id, int *error)
{
	bool ended = true;

	*error = EHOSTUNREACH;
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < IPPM_INITIATIONS; i++)
		if (s->initiations[i].id == id) {
			ended = s->initiations[i].ended;
			*error = s->initiations[i].error;
		}
	pthread_mutex_unlock(&s->mutex);
	return ended;
}

static void again_initiation(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	bool up, ended;
	int error;

	/* In this order: an SA may come to the table between the two looks, and must not be missed then. */
	ended = initiation_ended(s, c->initiation, &error);
	up = (!c->another || (ended && !error)) && answer_usable(s, c, false);
	if (!up && ended && error)
		ippm_answer_error(s, c, error, initiation_reason(error));
	else if (!up && now >= c->deadline)
		ippm_answer_error(s, c, ended ? EOPNOTSUPP : ETIMEDOUT, initiation_reason(ended ? EOPNOTSUPP : ETIMEDOUT));
	else if (!up) {
		if (ended && c->deadline > now + PATIENCE_MS)
			c->deadline = now + PATIENCE_MS;
		return;
	}
	c->wait = IPPM_WAIT_NONE;
}

void ippm_request_again(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	if (c->wait == IPPM_WAIT_INITIATION) {
		again_initiation(s, c, now);
	} else if (c->wait == IPPM_WAIT_SA) {
		if (answer_spis(s, c)) {
			c->wait = IPPM_WAIT_NONE;
		} else if (now >= c->deadline) {
			c->wait = IPPM_WAIT_NONE;
			ippm_answer_error(s, c, ENOENT, "no IKE_SA with these SPIs");
		}
	}
	if (c->wait == IPPM_WAIT_NONE)
		c->active = now;
}

static const struct action {
	const char *name;
	const char *arguments[4];
	const char *(*handle)(struct ippm_server *s, struct ippm_conn *c, int64_t now);
} actions[] = {
	{"lookup", {"remote_host", "spi_i", "spi_r", "wait_ms"}, lookup},
	{"hold", {NULL}, hold},
	{"initiate", {"remote_host", "connection", "timeout_ms", "another"}, initiate},
	{"list", {"skip"}, list},
	{"watch", {NULL}, watch},
};

static bool allowed(const struct action *a, const char *key)
{
	if (!strcmp(key, a->name))
		return true;
	for (size_t i = 0; i < sizeof(a->arguments) / sizeof(a->arguments[0]) && a->arguments[i]; i++)
		if (!strcmp(key, a->arguments[i]))
			return true;
	return false;
}

/* The action of a request that is well formed; NULL and *wrong otherwise. */
static const struct action *action_of(const struct ippm_msg_reader *r, const char **wrong)
{
	const struct action *action = NULL;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const char *value = ippm_msg_get(r, actions[i].name);

		if (!value)
			continue;
		*wrong = "one action a request, with the value 1";
		if (action || strcmp(value, "1") != 0)
			return NULL;
		action = &actions[i];
	}
	*wrong = "no action: lookup=1, hold=1, initiate=1, list=1 or watch=1";
	if (!action)
		return NULL;
	*wrong = "a key occurs twice";
	if (ippm_msg_has_twin(r))
		return NULL;
	*wrong = "a key does not belong to this action";
	for (size_t i = 0; i < r->count; i++)
		if (!allowed(action, r->pairs[i].key))
			return NULL;
	*wrong = NULL;
	return action;
}

void ippm_request(struct ippm_server *s, struct ippm_conn *c, int64_t now)
{
	const char *wrong;
	const struct action *action = action_of(&c->reader, &wrong);

	c->host[0] = c->connection[0] = '\0';
	c->active = now;
	if (action)
		wrong = action->handle(s, c, now);
	if (wrong)
		ippm_answer_error(s, c, EINVAL, wrong);
}
