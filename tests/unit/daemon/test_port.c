/* SPDX-License-Identifier: MIT */
/* Which port a session gets, and so which worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "daemon/port.h"

#define FIRST 23400
#define SESSIONS_MAX 4096

struct bed {
	struct fz_port_table table;
	struct fz_port_worker workers[4];
	uint32_t count;
	uint16_t last;
	struct fz_seat seats[SESSIONS_MAX];
	uint32_t sessions;
};

static bool as_sent(const struct fz_seat *alone)
{
	return alone->of == NULL;
}

static struct bed *bed_new(uint32_t workers, uint16_t ports)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	assert_true(fz_port_table_init(&bed->table, 3));
	bed->count = workers;
	bed->last = (uint16_t)(FIRST + ports - 1);
	for (uint32_t i = 0; i < workers; i++)
		bed->workers[i].runs = true;
	return bed;
}

static void bed_free(struct bed *bed)
{
	for (struct fz_port *port = bed->table.ports; port; port = port->next)
		port->sessions = 0;
	for (uint32_t i = 0; i < bed->sessions; i++) {
		if (bed->seats[i].group)
			fz_seats_leave(&bed->table.seats, &bed->seats[i]);
	}
	fz_port_table_free(&bed->table);
	free(bed);
}

/* The port of one more session, or an error; the socket is closed again, its port stays in the table. */
static int add(struct bed *bed, const char *host, uint16_t sender_port, uint16_t wanted, struct fz_port **port)
{
	struct fz_addr local, remote;
	const struct fz_port_wanted where = {.local = &local, .remote = &remote, .first = FIRST, .last = bed->last,
		.as_sent = as_sent};
	struct fz_udp *udp;
	int error;

	assert_true(fz_addr_parse("127.0.0.1", &local) && fz_addr_parse(host, &remote));
	fz_addr_set_port(&local, wanted);
	fz_addr_set_port(&remote, sender_port);
	error = fz_port_choose(&bed->table, &where, bed->workers, bed->count, port, &udp);
	if (error)
		return error;
	fz_udp_close(udp);
	assert_true(bed->sessions < SESSIONS_MAX);
	assert_true(fz_port_join(&bed->table, *port, &bed->seats[bed->sessions++], &remote));
	bed->workers[(*port)->worker].sessions++;
	return 0;
}

static uint16_t number(const struct fz_port *port)
{
	return fz_addr_port(&port->local);
}

/*= rfc5357#section-3.5 TW-3.5-22 */
static void addresses_share_ports(void **state)
{
	struct bed *bed = bed_new(1, 3);
	struct fz_port *a, *b, *c, *d, *e;

	(void)state;
	assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &a), 0);
	assert_int_equal(add(bed, "127.0.0.2", 5000, 0, &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(add(bed, "127.0.0.1", 5000, FIRST + 2, &c), 0);
	assert_int_equal(number(c), FIRST + 2);
	/* Wanted, but the address has a session there. */
	assert_int_equal(add(bed, "127.0.0.1", 5000, FIRST + 2, &d), 0);
	assert_true(d != a && d != c);
	assert_int_equal(add(bed, "127.0.0.2", 5000, FIRST + 2, &e), 0);
	assert_ptr_equal(e, c);
	/* All three used up by this Sender Port. */
	assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &e), -EADDRINUSE);
	assert_int_equal(add(bed, "127.0.0.1", 5001, 0, &e), 0);
	fz_port_leave(&bed->table, d, &bed->seats[3], 17);
	assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &e), 0);
	assert_ptr_equal(e, d);
	bed_free(bed);
}

static void rewritten_ones_are_left_alone(void **state)
{
	struct bed *bed = bed_new(1, 1);
	struct fz_port *port;

	(void)state;
	assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &port), 0);
	bed->seats[0].of = bed;
	assert_int_equal(add(bed, "127.0.0.1", 5001, 0, &port), -EADDRINUSE);
	bed->seats[0].of = NULL;
	assert_int_equal(add(bed, "127.0.0.1", 5001, 0, &port), 0);
	fz_port_leave(&bed->table, port, &bed->seats[0], 16);
	assert_int_equal(port->idle_ns, 0);
	fz_port_leave(&bed->table, port, &bed->seats[1], 17);
	assert_int_equal(port->idle_ns, 17);
	bed_free(bed);
}

static void workers_take_turns(void **state)
{
	struct bed *bed = bed_new(3, 100);
	struct fz_port *port;

	(void)state;
	bed->workers[1].sessions = 5;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &port), 0);
		assert_int_not_equal(port->worker, 1);
	}
	assert_int_equal(bed->workers[0].sessions, 5);
	assert_int_equal(bed->workers[2].sessions, 5);
	bed->workers[0].runs = false;
	for (int i = 0; i < 10; i++)
		assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &port), 0);
	assert_int_equal(bed->workers[0].sessions, 5);
	assert_int_equal(bed->workers[1].sessions, 10);
	/* A port wanted belongs to the worker that has it, also if that is the busier one. */
	bed->workers[1].sessions = 1000;
	while (port->worker != 1)
		port = port->next ? port->next : bed->table.ports;
	uint16_t wanted = number(port);
	assert_int_equal(add(bed, "127.0.0.2", 5000, wanted, &port), 0);
	assert_int_equal(number(port), wanted);
	bed->workers[1].runs = bed->workers[2].runs = false;
	assert_int_equal(add(bed, "127.0.0.3", 5000, 0, &port), -ENOTCONN);
	bed_free(bed);
}

/* The other worker still has a port for it. */
static void next_worker(void **state)
{
	struct bed *bed = bed_new(2, 2);
	struct fz_port *port;

	(void)state;
	assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &port), 0);
	assert_int_equal(add(bed, "127.0.0.1", 5000, 0, &port), 0);
	assert_int_equal(bed->workers[0].sessions, 1);
	assert_int_equal(bed->workers[1].sessions, 1);
	bed->workers[0].sessions = 9;
	assert_int_equal(add(bed, "127.0.0.2", 5000, 0, &port), 0);
	assert_int_equal(port->worker, 1);
	assert_int_equal(add(bed, "127.0.0.2", 5000, 0, &port), 0);
	assert_int_equal(port->worker, 0);
	assert_int_equal(add(bed, "127.0.0.2", 5000, 0, &port), -EADDRINUSE);
	bed_free(bed);
}

/* One address does not take a socket for each of its sessions. */
static void spread_ends(void **state)
{
	struct bed *bed = bed_new(2, 1000);
	struct fz_port *port;
	uint32_t ports = 0;

	(void)state;
	for (uint16_t i = 0; i < 2000; i++)
		assert_int_equal(add(bed, "127.0.0.1", (uint16_t)(5000 + i), 0, &port), 0);
	for (port = bed->table.ports; port; port = port->next) {
		ports++;
		assert_true(port->sessions >= 2000 / FZ_PORTS_OF_A_HOST && port->sessions <= 2000 / FZ_PORTS_OF_A_HOST + 1);
	}
	assert_int_equal(ports, FZ_PORTS_OF_A_HOST);
	bed_free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_share_ports), cmocka_unit_test(rewritten_ones_are_left_alone),
		cmocka_unit_test(workers_take_turns), cmocka_unit_test(next_worker), cmocka_unit_test(spread_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
