/* SPDX-License-Identifier: MIT */
#include "ippm_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ippm_msg.h"

#define BUCKETS 4096 /* power of two */

struct entry {
	struct ippm_sa sa;
	int64_t expires_ms;           /* of a vanished SA */
	uint64_t line;                /* the same for an SA and those that it replaced */
	struct entry *newer, *older;  /* all, in the order they came */
	struct entry *next, *prev;    /* vanished ones of the same state, in the order they went */
	struct entry *chain;          /* same bucket */
};

struct queue {
	struct entry *head, *tail;
};

struct ippm_table {
	pthread_mutex_t mutex;
	struct ippm_table_limits limits;
	struct entry *newest, *oldest;
	struct queue gone[2];         /* rekeyed, deleted: each in the order they went, and so expire */
	size_t count, vanished;
	uint64_t lines;               /* given out so far */
	uint64_t seed;                /* SPIs are chosen by peers */
	struct entry *buckets[BUCKETS];
};

struct ippm_table *ippm_table_new(const struct ippm_table_limits *limits)
{
	struct ippm_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (pthread_mutex_init(&t->mutex, NULL)) {
		free(t);
		return NULL;
	}
	t->limits = *limits;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = (uint64_t)(uintptr_t)t;
	return t;
}

static void entry_free(struct entry *e)
{
	ippm_msg_wipe(e, sizeof(*e));
	free(e);
}

void ippm_table_free(struct ippm_table *t)
{
	if (!t)
		return;
	for (struct entry *e = t->newest, *older; e; e = older) {
		older = e->older;
		entry_free(e);
	}
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

static struct entry **bucket(struct ippm_table *t, const uint8_t *spi_i, const uint8_t *spi_r)
{
	uint64_t i, r, mix;

	memcpy(&i, spi_i, sizeof(i));
	memcpy(&r, spi_r, sizeof(r));
	mix = (i ^ t->seed) * 0x9e3779b97f4a7c15u;
	mix = (mix ^ (mix >> 29) ^ r) * 0xbf58476d1ce4e5b9u;
	return &t->buckets[(mix >> 40) & (BUCKETS - 1)];
}

static struct entry *find(struct ippm_table *t, const uint8_t *spi_i, const uint8_t *spi_r)
{
	struct entry *e = *bucket(t, spi_i, spi_r);

	while (e && (memcmp(e->sa.spi_i, spi_i, IPPM_SPI_OCTETS) || memcmp(e->sa.spi_r, spi_r, IPPM_SPI_OCTETS)))
		e = e->chain;
	return e;
}

static struct queue *queue_of(struct ippm_table *t, enum ippm_state state)
{
	return &t->gone[state == IPPM_DELETED];
}

static void queue_append(struct ippm_table *t, struct entry *e)
{
	struct queue *q = queue_of(t, e->sa.state);

	e->prev = q->tail;
	e->next = NULL;
	*(q->tail ? &q->tail->next : &q->head) = e;
	q->tail = e;
	t->vanished++;
}

static void queue_remove(struct ippm_table *t, struct entry *e)
{
	struct queue *q = queue_of(t, e->sa.state);

	*(e->prev ? &e->prev->next : &q->head) = e->next;
	*(e->next ? &e->next->prev : &q->tail) = e->prev;
	t->vanished--;
}

static void discard(struct ippm_table *t, struct entry *e)
{
	struct entry **at = bucket(t, e->sa.spi_i, e->sa.spi_r);

	if (e->sa.state != IPPM_ESTABLISHED)
		queue_remove(t, e);
	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	t->count--;
	entry_free(e);
}

bool ippm_table_up(struct ippm_table *t, const struct ippm_sa *sa)
{
	struct entry *e = calloc(1, sizeof(*e)), *known, **at;

	if (!e)
		return false;
	e->sa = *sa;
	e->sa.state = IPPM_ESTABLISHED;
	e->sa.vanished = 0;
	pthread_mutex_lock(&t->mutex);
	e->line = ++t->lines;
	known = find(t, sa->spi_i, sa->spi_r);
	if (known)
		discard(t, known);
	at = bucket(t, sa->spi_i, sa->spi_r);
	e->chain = *at;
	*at = e;
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
	t->count++;
	pthread_mutex_unlock(&t->mutex);
	return true;
}

/* The one that vanished first, of one remote identity if remote_id is set. */
static struct entry *first_gone(struct ippm_table *t, const char *remote_id, size_t *count)
{
	struct entry *first = NULL;

	*count = 0;
	for (int i = 0; i < 2; i++)
		for (struct entry *e = t->gone[i].head; e; e = e->next) {
			if (remote_id && strcmp(e->sa.remote_id, remote_id) != 0)
				continue;
			++*count;
			if (!first || e->sa.vanished < first->sa.vanished)
				first = e;
			if (!remote_id)
				break;
		}
	return first;
}

/* Nobody can push out the SAs of others by rekeying fast: a peer's own oldest goes first. */
static void make_room(struct ippm_table *t, const char *remote_id)
{
	size_t count;
	struct entry *first = first_gone(t, remote_id, &count);

	if (first && count > t->limits.max_vanished_per_peer)
		discard(t, first);
	while (t->vanished > t->limits.max_vanished && (first = first_gone(t, NULL, &count)))
		discard(t, first);
}

void ippm_table_succeed(struct ippm_table *t, const uint8_t *old_spi_i, const uint8_t *old_spi_r, const uint8_t *spi_i,
	const uint8_t *spi_r)
{
	struct entry *old, *e;

	pthread_mutex_lock(&t->mutex);
	old = find(t, old_spi_i, old_spi_r);
	e = find(t, spi_i, spi_r);
	if (old && e)
		e->line = old->line;
	pthread_mutex_unlock(&t->mutex);
}

static void bury(struct ippm_table *t, struct entry *e, enum ippm_state state, struct ippm_now now)
{
	e->sa.state = state;
	e->sa.vanished = now.unix_s;
	e->expires_ms = now.monotonic_ms + (state == IPPM_REKEYED ? t->limits.grace_ms : t->limits.grace_deleted_ms);
	queue_append(t, e);
}

/* Whoever deletes an SA means all that it replaced: their longer time must not keep a door open. */
static void bury_predecessors(struct ippm_table *t, uint64_t line, struct ippm_now now)
{
	struct entry *next;

	for (struct entry *e = t->gone[0].head; e; e = next) {
		next = e->next;
		if (e->line != line || e->expires_ms <= now.monotonic_ms + t->limits.grace_deleted_ms)
			continue;
		queue_remove(t, e);
		bury(t, e, IPPM_DELETED, now);
	}
}

/*= rfc7717#section-5.1 IK-5.1-08 */
bool ippm_table_vanish(struct ippm_table *t, const uint8_t *spi_i, const uint8_t *spi_r, enum ippm_state state,
	struct ippm_now now, struct ippm_sa *gone)
{
	struct entry *e;

	pthread_mutex_lock(&t->mutex);
	e = find(t, spi_i, spi_r);
	if (!e || e->sa.state != IPPM_ESTABLISHED || state == IPPM_ESTABLISHED) {
		pthread_mutex_unlock(&t->mutex);
		return false;
	}
	bury(t, e, state, now);
	if (state == IPPM_DELETED)
		bury_predecessors(t, e->line, now);
	*gone = e->sa;
	ippm_msg_wipe(gone->key, sizeof(gone->key));
	gone->key_octets = 0;
	make_room(t, gone->remote_id);
	pthread_mutex_unlock(&t->mutex);
	return true;
}

void ippm_table_move(struct ippm_table *t, const uint8_t *spi_i, const uint8_t *spi_r, const char *local_host,
	const char *remote_host)
{
	struct entry *e;

	pthread_mutex_lock(&t->mutex);
	e = find(t, spi_i, spi_r);
	if (e && e->sa.state == IPPM_ESTABLISHED) {
		ippm_text_set(e->sa.local_host, sizeof(e->sa.local_host), local_host);
		ippm_text_set(e->sa.remote_host, sizeof(e->sa.remote_host), remote_host);
	}
	pthread_mutex_unlock(&t->mutex);
}

void ippm_table_expire(struct ippm_table *t, int64_t monotonic_ms, int64_t oldest_hold)
{
	pthread_mutex_lock(&t->mutex);
	for (int i = 0; i < 2; i++) {
		struct entry *e;

		while ((e = t->gone[i].head) && e->expires_ms <= monotonic_ms && e->expires_ms <= oldest_hold)
			discard(t, e);
	}
	pthread_mutex_unlock(&t->mutex);
}

bool ippm_table_by_spis(struct ippm_table *t, const uint8_t *spi_i, const uint8_t *spi_r, struct ippm_sa *sa)
{
	struct entry *e;

	pthread_mutex_lock(&t->mutex);
	e = find(t, spi_i, spi_r);
	if (e)
		*sa = e->sa;
	pthread_mutex_unlock(&t->mutex);
	return e != NULL;
}

static bool passes(const struct ippm_filter *f, const struct ippm_sa *sa)
{
	if (f->remote_host && strcmp(f->remote_host, sa->remote_host) != 0)
		return false;
	if (f->connection && strcmp(f->connection, sa->connection) != 0)
		return false;
	return sa->state == IPPM_ESTABLISHED ? f->established :
	       sa->state == IPPM_REKEYED     ? f->rekeyed :
					       f->deleted;
}

size_t ippm_table_walk(struct ippm_table *t, const struct ippm_filter *filter, size_t skip, struct ippm_sa *sas,
	size_t max, bool *more)
{
	size_t n = 0;

	*more = false;
	pthread_mutex_lock(&t->mutex);
	for (struct entry *e = t->newest; e && !*more; e = e->older) {
		if (!passes(filter, &e->sa))
			continue;
		if (skip)
			skip--;
		else if (n == max)
			*more = true;
		else
			sas[n++] = e->sa;
	}
	pthread_mutex_unlock(&t->mutex);
	return n;
}

size_t ippm_table_count(struct ippm_table *t)
{
	size_t count;

	pthread_mutex_lock(&t->mutex);
	count = t->count;
	pthread_mutex_unlock(&t->mutex);
	return count;
}

/* IKEv2 transform type 2: the PRFs that fizeau measures with. */
static const struct {
	uint16_t id, octets;
	const char *name;
} prfs[] = {
	{2, 20, "hmac-sha1"},
	{4, 16, "aes128-xcbc"},
	{5, 32, "hmac-sha2-256"},
	{6, 48, "hmac-sha2-384"},
	{7, 64, "hmac-sha2-512"},
	{8, 16, "aes128-cmac"},
};

const char *ippm_prf_name(uint16_t prf)
{
	for (size_t i = 0; i < sizeof(prfs) / sizeof(prfs[0]); i++)
		if (prfs[i].id == prf)
			return prfs[i].name;
	return NULL;
}

size_t ippm_prf_octets(uint16_t prf)
{
	for (size_t i = 0; i < sizeof(prfs) / sizeof(prfs[0]); i++)
		if (prfs[i].id == prf)
			return prfs[i].octets;
	return 0;
}

const char *ippm_state_name(enum ippm_state state)
{
	switch (state) {
	case IPPM_ESTABLISHED:
		return "established";
	case IPPM_REKEYED:
		return "rekeyed";
	case IPPM_DELETED:
		return "deleted";
	}
	return "unknown";
}

bool ippm_host_canonical(const char *text, char *host, size_t size)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return inet_ntop(AF_INET, &v4, host, (socklen_t)size) != NULL;
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	if (!IN6_IS_ADDR_V4MAPPED(&v6))
		return inet_ntop(AF_INET6, &v6, host, (socklen_t)size) != NULL;
	memcpy(&v4, v6.s6_addr + 12, sizeof(v4));
	return inet_ntop(AF_INET, &v4, host, (socklen_t)size) != NULL;
}

void ippm_text_set(char *to, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size || !text || !ippm_msg_value_ok(text))
		len = 0;
	if (len)
		memcpy(to, text, len);
	to[len] = '\0';
}
