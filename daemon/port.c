/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fizeau/sender.h>
#include <stdlib.h>
#include <string.h>
#include "port.h"

#define BUCKETS 4096
#define RECEIVE_BUFFER (2 << 20) /* one socket takes the bursts of many sessions */

bool fz_port_table_init(struct fz_port_table *table, uint32_t seed)
{
	table->ports = NULL;
	table->seed = seed;
	table->bucket_count = BUCKETS;
	table->buckets = calloc(BUCKETS, sizeof(*table->buckets));
	table->batch = fz_udp_batch_new(FZ_PORT_BATCH, FIZEAU_TEST_PACKET_MAX);
	return table->buckets != NULL && table->batch != NULL;
}

void fz_port_table_free(struct fz_port_table *table)
{
	free(table->buckets);
	fz_udp_batch_free(table->batch);
}

static struct fz_session **bucket_of(const struct fz_port_table *table, const struct fz_port *port,
	const struct fz_addr *remote)
{
	struct fizeau_address address;
	uint32_t hash = table->seed ^ fz_addr_port(&port->local);

	fz_addr_to_message(remote, &address);
	for (size_t i = 0; i < sizeof(address.octets); i++)
		hash = (hash ^ address.octets[i]) * 16777619u;
	return &table->buckets[(hash ^ hash >> 15) % table->bucket_count];
}

struct fz_session *fz_port_find(const struct fz_port_table *table, const struct fz_port *port,
	const struct fz_addr *remote)
{
	struct fz_session *session = *bucket_of(table, port, remote);

	while (session && (session->port != port || !fz_addr_same_host(&session->remote, remote)))
		session = session->next_in_bucket;
	return session;
}

void fz_port_join(struct fz_port_table *table, struct fz_port *port, struct fz_session *session)
{
	struct fz_session **bucket = bucket_of(table, port, &session->remote);

	session->port = port;
	session->next_in_bucket = *bucket;
	*bucket = session;
	port->sessions++;
}

void fz_port_leave(struct fz_port_table *table, struct fz_session *session)
{
	struct fz_session **at = bucket_of(table, session->port, &session->remote);

	while (*at != session)
		at = &(*at)->next_in_bucket;
	*at = session->next_in_bucket;
	session->port->sessions--;
}

static bool wants_mark(const struct fz_session_wanted *wanted)
{
	return wanted->require_ipsec && wanted->conf->ipsec.mark_count > 0;
}

/* Whether its socket is of the kind that the session needs. */
static bool fits(const struct fz_port *port, const struct fz_session_wanted *wanted)
{
	return port->bypass_mark == wanted->bypass_mark && (port->receive_mark || !wants_mark(wanted));
}

static int port_open(struct fz_port_table *table, const struct fz_session_wanted *wanted, uint16_t number,
	struct fz_port **opened)
{
	const struct fz_udp_options options = {.shared = table->batch, .bypass_mark = wanted->bypass_mark,
		.receive_mark = wants_mark(wanted)};
	struct fz_port *port = calloc(1, sizeof(*port));
	int error;

	if (!port)
		return -ENOMEM;
	port->local = wanted->local;
	port->bypass_mark = options.bypass_mark;
	port->receive_mark = options.receive_mark;
	fz_addr_set_port(&port->local, number);
	error = fz_udp_open(&port->local, &options, &port->udp);
	if (error) {
		free(port);
		return error;
	}
	port->next = table->ports;
	table->ports = port;
	*opened = port;
	return 0;
}

static struct fz_port *port_at(const struct fz_port_table *table, const struct fz_addr *local, uint16_t number)
{
	struct fz_port *port = table->ports;

	while (port && (fz_addr_port(&port->local) != number || !fz_addr_same_host(&port->local, local)))
		port = port->next;
	return port;
}

static bool in_range(const struct fz_conf *conf, uint16_t number)
{
	return number >= conf->port_first && number <= conf->port_last;
}

/* A free number of the range; one that another program has, or that is not ours to bind, is passed over. */
static int open_any(struct fz_port_table *table, const struct fz_session_wanted *wanted, struct fz_port **port)
{
	uint32_t count = (uint32_t)(wanted->conf->port_last - wanted->conf->port_first) + 1;

	for (uint32_t i = 0; i < count; i++) {
		uint16_t number = (uint16_t)(wanted->conf->port_first + i);
		if (port_at(table, &wanted->local, number))
			continue;
		int error = port_open(table, wanted, number, port);
		if (error != -EADDRINUSE && error != -EACCES)
			return error;
	}
	return -EADDRINUSE;
}

int fz_port_choose(struct fz_port_table *table, const struct fz_session_wanted *wanted, struct fz_port **port)
{
	uint16_t number = fz_addr_port(&wanted->local);

	/*= rfc5357#section-3.5 TW-3.5-09 TW-3.5-22 */
	/*= rfc8545#section-5.1 PO-5.1-01 PO-5.1-06 */
	if (number && in_range(wanted->conf, number)) {
		*port = port_at(table, &wanted->local, number);
		if (*port && fits(*port, wanted) && !fz_port_find(table, *port, &wanted->remote))
			return 0;
		if (!*port && !port_open(table, wanted, number, port))
			return 0;
	}
	for (*port = table->ports; *port; *port = (*port)->next) {
		if (fz_addr_same_host(&(*port)->local, &wanted->local) &&
			in_range(wanted->conf, fz_addr_port(&(*port)->local)) && fits(*port, wanted) &&
			!fz_port_find(table, *port, &wanted->remote))
			return 0;
	}
	return open_any(table, wanted, port);
}

void fz_port_close_idle(struct fz_port_table *table, struct fz_loop *loop, struct fz_port *port)
{
	struct fz_port **at = &table->ports;

	if (port->sessions || port->reading)
		return;
	while (*at != port)
		at = &(*at)->next;
	*at = port->next;
	fz_loop_remove(loop, fz_udp_fd(port->udp));
	fz_udp_close(port->udp);
	free(port);
}
