/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include "port.h"

#define RECEIVE_BUFFER (2 << 20) /* one socket takes the bursts of many sessions */

bool fz_port_table_init(struct fz_port_table *table, uint64_t seed)
{
	table->ports = NULL;
	table->next_number = 0;
	table->batch = fz_udp_batch_new(1, 64);
	return fz_seats_init(&table->seats, seed) && table->batch;
}

void fz_port_table_free(struct fz_port_table *table)
{
	while (table->ports)
		fz_port_remove(table, table->ports);
	fz_seats_free(&table->seats);
	fz_udp_batch_free(table->batch);
}

bool fz_port_join(struct fz_port_table *table, struct fz_port *port, struct fz_seat *seat, const struct fz_addr *remote)
{
	if (!fz_seats_join(&table->seats, seat, port->number, remote))
		return false;
	port->sessions++;
	return true;
}

void fz_port_leave(struct fz_port_table *table, struct fz_port *port, struct fz_seat *seat, int64_t now_ns)
{
	fz_seats_leave(&table->seats, seat);
	if (!--port->sessions)
		port->idle_ns = now_ns;
}

void fz_port_remove(struct fz_port_table *table, struct fz_port *port)
{
	struct fz_port **at = &table->ports;

	while (*at != port)
		at = &(*at)->next;
	*at = port->next;
	free(port);
}

/* Whether its socket is of the kind that the session needs. */
static bool fits(const struct fz_port *port, const struct fz_port_wanted *wanted)
{
	uint16_t number = fz_addr_port(&port->local);

	return number >= wanted->first && number <= wanted->last && fz_addr_same_host(&port->local, wanted->local) &&
		port->bypass_mark == wanted->bypass_mark && (port->receive_mark || !wanted->receive_mark);
}

static int port_open(struct fz_port_table *table, const struct fz_port_wanted *wanted, uint16_t number, uint32_t worker,
	struct fz_port **opened, struct fz_udp **udp)
{
	const struct fz_udp_options options = {.shared = table->batch, .receive_buffer = RECEIVE_BUFFER,
		.bypass_mark = wanted->bypass_mark, .receive_mark = wanted->receive_mark};
	struct fz_port *port = calloc(1, sizeof(*port));
	int error;

	if (!port)
		return -ENOMEM;
	port->local = *wanted->local;
	port->number = ++table->next_number;
	port->worker = worker;
	port->bypass_mark = wanted->bypass_mark;
	port->receive_mark = wanted->receive_mark;
	fz_addr_set_port(&port->local, number);
	error = fz_udp_open(&port->local, &options, udp);
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

/* A free number of the range; one that another program has, or that is not ours to bind, is passed over. */
static int open_any(struct fz_port_table *table, const struct fz_port_wanted *wanted, uint32_t worker,
	struct fz_port **port, struct fz_udp **udp)
{
	uint32_t count = (uint32_t)(wanted->last - wanted->first) + 1;

	for (uint32_t i = 0; i < count; i++) {
		uint16_t number = (uint16_t)(wanted->first + i);
		if (port_at(table, wanted->local, number))
			continue;
		int error = port_open(table, wanted, number, worker, port, udp);
		if (error != -EADDRINUSE && error != -EACCES)
			return error;
	}
	return -EADDRINUSE;
}

/* What a worker's open ports have to offer to an address. */
struct offer {
	struct fz_port *free;   /* it has no session there */
	struct fz_port *shared; /* it has sessions there, with other Sender Ports: where they are fewest */
	uint32_t shared_count;
	uint32_t used;          /* ports that it has sessions on */
};

static void look(const struct fz_port_table *table, const struct fz_port_wanted *wanted, struct fz_port *port,
	struct offer *offer)
{
	const struct fz_seat_group *group = fz_seats_group(&table->seats, port->number, wanted->remote);

	if (!group) {
		offer->free = port;
		return;
	}
	offer->used++;
	if ((group->shared || wanted->as_sent(group->alone)) && (!offer->shared || group->count < offer->shared_count) &&
		!fz_seats_find_exactly(&table->seats, port->number, wanted->remote)) {
		offer->shared = port;
		offer->shared_count = group->count;
	}
}

/* A new port spreads an address over more sockets than it needs to be told apart; that has to end somewhere. */
static int choose_at(struct fz_port_table *table, const struct fz_port_wanted *wanted, uint32_t worker, uint32_t ports_max,
	struct fz_port **port, struct fz_udp **udp)
{
	struct offer offer = {.free = NULL};
	int error = -EADDRINUSE;

	for (struct fz_port *at = table->ports; at && !offer.free; at = at->next) {
		if (at->worker == worker && fits(at, wanted))
			look(table, wanted, at, &offer);
	}
	*port = offer.free;
	if (*port)
		return 0;
	if (!offer.shared || offer.used < ports_max)
		error = open_any(table, wanted, worker, port, udp);
	if (!error)
		return 0;
	*port = offer.shared;
	return *port ? 0 : error;
}

/* The one with the fewest sessions of those that have not been tried. */
static bool next_worker(const struct fz_port_worker *workers, uint32_t count, const bool *tried, uint32_t *least)
{
	bool found = false;

	for (uint32_t i = 0; i < count; i++) {
		if (workers[i].runs && !tried[i] && (!found || workers[i].sessions < workers[*least].sessions)) {
			*least = i;
			found = true;
		}
	}
	return found;
}

int fz_port_choose(struct fz_port_table *table, const struct fz_port_wanted *wanted, const struct fz_port_worker *workers,
	uint32_t count, struct fz_port **port, struct fz_udp **udp)
{
	uint16_t number = fz_addr_port(wanted->local);
	uint32_t worker = 0, ports_max = FZ_PORTS_OF_A_HOST / count > 8 ? FZ_PORTS_OF_A_HOST / count : 8;
	bool tried[FZ_CONF_WORKERS_MAX] = {false};
	int error = -EADDRINUSE;

	*udp = NULL;
	if (!next_worker(workers, count, tried, &worker))
		return -ENOTCONN;
	/*= rfc5357#section-3.5 TW-3.5-09 TW-3.5-22 */
	/*= rfc8545#section-5.1 PO-5.1-01 PO-5.1-06 */
	/*= rfc8545#section-5 PO-5-02 */
	if (number && number >= wanted->first && number <= wanted->last) {
		*port = port_at(table, wanted->local, number);
		if (*port && workers[(*port)->worker].runs && fits(*port, wanted) &&
			!fz_seats_group(&table->seats, (*port)->number, wanted->remote))
			return 0;
		if (!*port && !port_open(table, wanted, number, worker, port, udp))
			return 0;
	}
	do {
		error = choose_at(table, wanted, worker, ports_max, port, udp);
		tried[worker] = true;
	} while (error == -EADDRINUSE && next_worker(workers, count, tried, &worker));
	return error;
}
