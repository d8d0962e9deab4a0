/* SPDX-License-Identifier: MIT */
/* Requests to the key service, answered from a table with three SAs: whatever is asked, the answer has the form of the
   page and begins with errno, and nothing but a lookup or an initiation tells a key. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/ippm/ippm_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int initiate(void *arg, uint64_t id, const char *remote_host, const char *connection, bool another,
	unsigned timeout_ms)
{
	(void)arg, (void)id, (void)another;
	assert(!remote_host != !connection && timeout_ms >= 1 && timeout_ms <= IPPM_MSG_INITIATE_MAX_MS);
	return timeout_ms & 1 ? 2 : 0;
}

static void fill(struct ippm_table *table)
{
	for (uint8_t n = 1; n <= 3; n++) {
		struct ippm_sa gone, sa = {.prf = 5, .key_octets = 32, .remote_host = "192.0.2.7", .connection = "b",
			.established = n};

		sa.spi_i[7] = n;
		memset(sa.key, 0x5a, sizeof(sa.key));
		if (!ippm_table_up(table, &sa))
			abort();
		if (n == 2)
			ippm_table_vanish(table, sa.spi_i, sa.spi_r, IPPM_REKEYED, (struct ippm_now){n, n}, &gone);
	}
}

/* Reads what was queued for the client. */
static void look_at(struct ippm_conn *c, bool may_have_key)
{
	static char buf[IPPM_MSG_ANSWER_MAX];
	static struct ippm_msg_pair pairs[IPPM_MSG_ANSWER_PAIRS];
	struct ippm_msg_reader r;
	size_t used;

	ippm_msg_reader_init(&r, buf, sizeof(buf), pairs, IPPM_MSG_ANSWER_PAIRS);
	assert(c->out_len > 0);
	assert(ippm_msg_feed(&r, c->out, c->out_len, &used) == IPPM_MSG_COMPLETE && used == c->out_len);
	assert(!strcmp(r.pairs[0].key, "errno"));
	assert(!ippm_msg_get(&r, "reason") == !strcmp(r.pairs[0].value, "0"));
	assert(may_have_key || !ippm_msg_get(&r, "key"));
	c->out_len = 0;
}

/* One complete request; false if the connection would be closed. */
static bool handle(struct ippm_server *s, struct ippm_conn *c)
{
	bool may_have_key = ippm_msg_get(&c->reader, "lookup") || ippm_msg_get(&c->reader, "initiate");

	ippm_request(s, c, 1000);
	assert(!c->dead);
	if (c->wait != IPPM_WAIT_NONE) {
		assert(c->out_len == 0 && c->deadline >= 1000 && c->deadline <= 1000 + IPPM_MSG_INITIATE_MAX_MS);
		ippm_request_again(s, c, c->deadline);
		assert(c->wait == IPPM_WAIT_NONE);
	}
	look_at(c, may_have_key);
	return !c->watching;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ippm_table_limits limits = {1000, 1000, 16, 16};
	struct ippm_server *s = calloc(1, sizeof(*s));
	struct ippm_conn *c = calloc(1, sizeof(*c));
	char *octets = malloc(size + 1);

	if (!s || !c || !octets)
		abort();
	if (size)
		memcpy(octets, data, size);
	s->table = ippm_table_new(&limits);
	if (!s->table)
		abort();
	fill(s->table);
	s->ops.initiate = initiate;
	s->max_initiations = 2;
	s->wake_fd = -1;
	pthread_mutex_init(&s->mutex, NULL);
	ippm_msg_reader_init(&c->reader, c->in, sizeof(c->in), c->pairs, IPPM_MSG_REQUEST_PAIRS);
	for (size_t at = 0, used; at < size; at += used) {
		enum ippm_msg_status status = ippm_msg_feed(&c->reader, octets + at, size - at, &used);

		if (status < 0 || (status == IPPM_MSG_COMPLETE && !handle(s, c)))
			break;
	}
	pthread_mutex_destroy(&s->mutex);
	ippm_table_free(s->table);
	free(c->out);
	free(c);
	free(s);
	free(octets);
	return 0;
}
