/* SPDX-License-Identifier: MIT */
/* doc/key-service.md: the server with real sockets, fed by a table of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/ippm/ippm_msg.h"
#include "plugin/ippm/ippm_server.h"

#define LONG_MS 20000 /* no test waits this long unless something is broken */

struct fixture {
	char dir[64], path[80];
	struct ippm_table *table;
	struct ippm_server *server;
	pthread_t thread;
	atomic_uint initiations, logs;
	_Atomic uint64_t last_id;
	atomic_int refuse;
	atomic_bool another;
	char host[64];
};

struct client {
	int fd;
	struct ippm_msg_reader r;
	char buf[IPPM_MSG_ANSWER_MAX], raw[4096];
	struct ippm_msg_pair pairs[IPPM_MSG_ANSWER_PAIRS];
	size_t at, len;
};

static int initiate(void *arg, uint64_t id, const char *host, const char *connection, bool another, unsigned timeout_ms)
{
	struct fixture *f = arg;

	(void)connection;
	(void)timeout_ms;
	atomic_store(&f->another, another);
	if (host)
		snprintf(f->host, sizeof(f->host), "%s", host);
	if (atomic_load(&f->refuse))
		return atomic_load(&f->refuse);
	atomic_store(&f->last_id, id);
	atomic_fetch_add(&f->initiations, 1);
	return 0;
}

static void count_log(void *arg, const char *text)
{
	struct fixture *f = arg;

	(void)text;
	atomic_fetch_add(&f->logs, 1);
}

static void *run(void *arg)
{
	struct fixture *f = arg;

	ippm_server_run(f->server);
	return NULL;
}

static int start(void **state)
{
	static const struct ippm_table_limits limits = {300000, 30000, 4096, 256};
	struct fixture *f = calloc(1, sizeof(*f));
	char error[256];

	snprintf(f->dir, sizeof(f->dir), "/tmp/ippm-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/ippm", f->dir);
	f->table = ippm_table_new(&limits);
	f->server = ippm_server_new(f->table, &(struct ippm_server_conf){f->path, (gid_t)-1, 64, 2},
		&(struct ippm_server_ops){f, initiate, count_log}, error, sizeof(error));
	if (!f->server || pthread_create(&f->thread, NULL, run, f))
		return -1;
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	ippm_server_stop(f->server);
	pthread_join(f->thread, NULL);
	ippm_server_free(f->server);
	ippm_table_free(f->table);
	if (!access(f->path, F_OK) || rmdir(f->dir)) /* the socket is gone */
		return -1;
	free(f);
	return 0;
}

static int dial(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct client *client(struct fixture *f)
{
	struct client *c = calloc(1, sizeof(*c));

	c->fd = dial(f);
	ippm_msg_reader_init(&c->r, c->buf, sizeof(c->buf), c->pairs, IPPM_MSG_ANSWER_PAIRS);
	return c;
}

static void hang_up(struct client *c)
{
	close(c->fd);
	free(c);
}

static void say(struct client *c, const char *text)
{
	assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next message; false if the server closed. */
static bool hear(struct client *c)
{
	enum ippm_msg_status status = IPPM_MSG_MORE;

	while (status != IPPM_MSG_COMPLETE) {
		size_t used;

		if (c->at == c->len) {
			struct pollfd p = {.fd = c->fd, .events = POLLIN};
			ssize_t n;

			assert_int_equal(poll(&p, 1, LONG_MS), 1);
			n = recv(c->fd, c->raw, sizeof(c->raw), 0);
			if (n <= 0)
				return false;
			c->at = 0;
			c->len = (size_t)n;
		}
		status = ippm_msg_feed(&c->r, c->raw + c->at, c->len - c->at, &used);
		assert_true(status >= 0);
		c->at += used;
	}
	return true;
}

static const char *value(struct client *c, const char *key)
{
	const char *text = ippm_msg_get(&c->r, key);

	return text ? text : "(none)";
}

/* Asks and checks errno, which is the first line. */
static void ask(struct client *c, const char *request, const char *errno_text)
{
	say(c, request);
	assert_true(hear(c));
	assert_string_equal(c->pairs[0].key, "errno");
	assert_string_equal(c->pairs[0].value, errno_text);
	assert_int_equal(ippm_msg_get(&c->r, "reason") != NULL, strcmp(errno_text, "0") != 0);
}

static struct ippm_sa sa(unsigned n)
{
	struct ippm_sa s = {.prf = 5, .key_octets = 32, .established = 1764000000, .auth = "psk",
		.local_host = "192.0.2.1", .remote_host = "192.0.2.7", .local_id = "a", .remote_id = "C=CH, CN=b",
		.connection = "b"};

	s.spi_i[7] = (uint8_t)n;
	s.spi_i[6] = (uint8_t)(n >> 8);
	s.spi_r[0] = 0xff;
	memset(s.key, 0xab, 32);
	return s;
}

static void up(struct fixture *f, unsigned n)
{
	struct ippm_sa s = sa(n);

	assert_true(ippm_table_up(f->table, &s));
	ippm_server_event(f->server, IPPM_EVENT_UP, &s);
}

static void gone(struct fixture *f, unsigned n, enum ippm_state how)
{
	struct ippm_sa s = sa(n), vanished;

	assert_true(ippm_table_vanish(f->table, s.spi_i, s.spi_r, how, ippm_clock(), &vanished));
	ippm_server_event(f->server, how == IPPM_REKEYED ? IPPM_EVENT_REKEYED : IPPM_EVENT_DOWN, &vanished);
}

#define BY_SPIS "lookup=1\nspi_i=0000000000000001\nspi_r=ff00000000000000\n"

static void socket_is_for_owner_and_group(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void a_second_server_leaves_the_first_alone(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);
	char error[256];

	assert_null(ippm_server_new(f->table, &(struct ippm_server_conf){f->path, (gid_t)-1, 4, 4},
		&(struct ippm_server_ops){f, initiate, count_log}, error, sizeof(error)));
	assert_non_null(strstr(error, "in use"));
	ask(c, "list=1\n\n", "0");
	hang_up(c);
}

static void looks_up_by_host_and_by_spis(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);
	char key[65];

	memset(key, 0, sizeof(key));
	for (int i = 0; i < 32; i++)
		memcpy(key + 2 * i, "ab", 2);
	ask(c, "lookup=1\nremote_host=192.0.2.7\n\n", "2");
	ask(c, BY_SPIS "\n", "2");
	up(f, 1);
	ask(c, "lookup=1\nremote_host=::ffff:192.0.2.7\n\n", "0");
	assert_string_equal(value(c, "key"), key);
	assert_string_equal(value(c, "prf"), "hmac-sha2-256");
	assert_string_equal(value(c, "remote_id"), "C=CH, CN=b");
	assert_string_equal(value(c, "state"), "established");
	assert_string_equal(value(c, "established"), "1764000000");
	assert_string_equal(value(c, "vanished"), "(none)");
	ask(c, BY_SPIS "\n", "0");
	assert_string_equal(value(c, "spi_r"), "ff00000000000000");
	assert_string_equal(value(c, "key"), key);
	ask(c, "lookup=1\nremote_host=192.0.2.8\n\n", "2");
	gone(f, 1, IPPM_DELETED);
	ask(c, "lookup=1\nremote_host=192.0.2.7\n\n", "2");
	ask(c, BY_SPIS "\n", "0");
	assert_string_equal(value(c, "state"), "deleted");
	hang_up(c);
}

static void established_come_before_rekeyed(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);
	size_t first, second, third;

	up(f, 1);
	up(f, 2);
	up(f, 3);
	gone(f, 3, IPPM_REKEYED);
	gone(f, 1, IPPM_REKEYED);
	ask(c, "lookup=1\nremote_host=192.0.2.7\n\n", "0");
	first = ippm_msg_next_sa(&c->r, 0);
	second = ippm_msg_next_sa(&c->r, first + 1);
	third = ippm_msg_next_sa(&c->r, second + 1);
	assert_int_equal(first, 1);
	assert_string_equal(c->pairs[first].value, "0000000000000002");
	assert_string_equal(c->pairs[second].value, "0000000000000003");
	assert_string_equal(c->pairs[third].value, "0000000000000001");
	assert_string_equal(ippm_msg_get_in(&c->r, second, third, "state"), "rekeyed");
	hang_up(c);
}

static void an_unknown_pair_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);

	say(c, BY_SPIS "wait_ms=10000\n\nlist=1\n\n"); /* the second waits for the first */
	usleep(100000);
	up(f, 7);
	up(f, 1);
	assert_true(hear(c));
	assert_string_equal(value(c, "errno"), "0");
	assert_string_equal(value(c, "spi_i"), "0000000000000001");
	assert_true(hear(c));
	assert_string_equal(value(c, "key"), "(none)");
	ask(c, "lookup=1\nspi_i=00000000000000ee\nspi_r=0000000000000000\nwait_ms=50\n\n", "2");
	hang_up(c);
}

static void list_has_no_key_and_pages(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);
	size_t count = 0;

	for (unsigned n = 1; n <= 100; n++)
		up(f, n);
	ask(c, "list=1\n\n", "0");
	assert_string_equal(value(c, "more"), "1");
	assert_string_equal(value(c, "spi_i"), "0000000000000064");
	assert_string_equal(value(c, "key"), "(none)");
	ask(c, "list=1\nskip=64\n\n", "0");
	assert_string_equal(value(c, "more"), "(none)");
	for (size_t at = ippm_msg_next_sa(&c->r, 0); at < c->r.count; at = ippm_msg_next_sa(&c->r, at + 1))
		count++;
	assert_int_equal(count, 36);
	hang_up(c);
}

static void wrong_requests_are_answered_and_survived(void **state)
{
	static const char *const wrong[] = {
		"\n",
		"hello=1\n\n",
		"lookup=1\n\n",
		"lookup=2\nremote_host=192.0.2.7\n\n",
		"lookup=1\nremote_host=moon\n\n",
		"lookup=1\nremote_host=192.0.2.7\nspi_i=0000000000000001\n\n",
		"lookup=1\nspi_i=0000000000000001\n\n",
		"lookup=1\nspi_i=01\nspi_r=02\n\n",
		"lookup=1\nspi_i=000000000000000g\nspi_r=0000000000000000\n\n",
		BY_SPIS "wait_ms=10001\n\n",
		BY_SPIS "wait_ms=-1\n\n",
		BY_SPIS "spi_i=0000000000000001\n\n",
		BY_SPIS "colour=red\n\n",
		"lookup=1\nlist=1\n\n",
		"list=1\nlist=1\n\n",
		"hold=1\nremote_host=192.0.2.7\n\n",
		"initiate=1\n\n",
		"initiate=1\nremote_host=192.0.2.7\nconnection=b\n\n",
		"initiate=1\nconnection=\n\n",
		"initiate=1\nconnection=b\ntimeout_ms=0\n\n",
		"initiate=1\nconnection=b\nanother=yes\n\n",
		"initiate=1\nconnection=b\ntimeout_ms=60001\n\n",
		"list=1\nskip=x\n\n",
	};
	struct client *c = client(*state);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ask(c, wrong[i], "22");
	ask(c, "list=1\n\n", "0");
	hang_up(c);
}

static void broken_form_is_answered_once_and_closed(void **state)
{
	static const char *const broken[] = {"rubbish\n", "=\n", "a=\r\n", "GET / HTTP/1.1\r\n\r\n", "\x01\n"};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct client *c = client(*state);

		ask(c, broken[i], "71");
		assert_false(hear(c));
		hang_up(c);
	}
}

static void another_beside_those_that_are_up(void **state)
{
	struct fixture *f = *state;
	struct client *a = client(f), *b = client(f), *c = client(f);

	up(f, 1);
	say(a, "initiate=1\nremote_host=192.0.2.7\nanother=1\n\n");
	while (atomic_load(&f->initiations) < 1)
		usleep(1000);
	assert_true(atomic_load(&f->another));
	say(b, "initiate=1\nremote_host=192.0.2.7\nanother=1\n\n"); /* the same one */
	/* What is there will do. Asked twice: after the second answer the round that took the first has taken b's too. */
	ask(c, "initiate=1\nremote_host=192.0.2.7\n\n", "0");
	ask(c, "initiate=1\nremote_host=192.0.2.7\n\n", "0");
	assert_string_equal(value(c, "spi_i"), "0000000000000001");
	up(f, 2);
	ippm_server_initiated(f->server, atomic_load(&f->last_id), 0);
	assert_true(hear(a));
	assert_string_equal(value(a, "spi_i"), "0000000000000002");
	assert_true(hear(b));
	assert_string_equal(value(b, "spi_i"), "0000000000000002");
	assert_int_equal(atomic_load(&f->initiations), 1);
	/* Fails: the SA that is there is not what was asked for. */
	say(a, "initiate=1\nremote_host=192.0.2.7\nanother=1\n\n");
	while (atomic_load(&f->initiations) < 2)
		usleep(1000);
	ippm_server_initiated(f->server, atomic_load(&f->last_id), EHOSTUNREACH);
	assert_true(hear(a));
	assert_string_equal(value(a, "errno"), "113");
	ask(c, "initiate=1\nremote_host=192.0.2.7\nanother=1\ntimeout_ms=50\n\n", "110");
	hang_up(a);
	hang_up(b);
	hang_up(c);
}

static void initiations_are_shared_and_capped(void **state)
{
	struct fixture *f = *state;
	struct client *a = client(f), *b = client(f), *c = client(f), *d = client(f), *e = client(f);

	say(a, "initiate=1\nremote_host=192.0.2.7\n\n");
	while (atomic_load(&f->initiations) < 1)
		usleep(1000);
	say(b, "initiate=1\nremote_host=192.0.2.7\n\n");
	say(c, "initiate=1\nremote_host=192.0.2.8\n\n");
	while (atomic_load(&f->initiations) < 2)
		usleep(1000);
	ask(d, "initiate=1\nremote_host=192.0.2.9\n\n", "11");
	up(f, 1);
	assert_true(hear(a));
	assert_string_equal(value(a, "spi_i"), "0000000000000001");
	assert_string_equal(value(a, "errno"), "0");
	assert_true(hear(b));
	assert_string_equal(value(b, "errno"), "0");
	ask(e, "initiate=1\nremote_host=192.0.2.7\n\n", "0"); /* it is there already */
	assert_int_equal(atomic_load(&f->initiations), 2);
	ippm_server_initiated(f->server, atomic_load(&f->last_id), EHOSTUNREACH);
	assert_true(hear(c));
	assert_string_equal(value(c, "errno"), "113");
	ask(d, "initiate=1\nremote_host=192.0.2.9\ntimeout_ms=50\n\n", "110");
	atomic_store(&f->refuse, ENOENT);
	ippm_server_initiated(f->server, atomic_load(&f->last_id), 0);
	ask(d, "initiate=1\nremote_host=192.0.2.10\n\n", "2");
	hang_up(a);
	hang_up(b);
	hang_up(c);
	hang_up(d);
	hang_up(e);
}

static void watchers_are_told(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);

	ask(c, "watch=1\n\n", "0");
	up(f, 1);
	gone(f, 1, IPPM_REKEYED);
	up(f, 2);
	gone(f, 2, IPPM_DELETED);
	for (int i = 0; i < 4; i++) {
		static const char *const events[] = {"up", "rekeyed", "up", "down"};

		assert_true(hear(c));
		assert_string_equal(c->pairs[0].key, "event");
		assert_string_equal(c->pairs[0].value, events[i]);
		assert_string_equal(value(c, "spi_i"), i < 2 ? "0000000000000001" : "0000000000000002");
		assert_string_equal(value(c, "key"), "(none)");
	}
	hang_up(c);
}

static void a_watcher_that_does_not_read_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f), *other = client(f);
	int messages = 0;

	ask(c, "watch=1\n\n", "0");
	for (unsigned n = 0; n < 20000; n++) {
		up(f, n & 255);
		if (n % 100 == 0)
			ask(other, "lookup=1\nremote_host=192.0.2.1\n\n", "2");
	}
	while (hear(c))
		messages++;
	assert_true(messages < 20000);
	ask(other, "list=1\n\n", "0");
	hang_up(c);
	hang_up(other);
}

static void four_hundred_clients_cost_nobody_else_anything(void **state)
{
	struct fixture *f = *state;
	struct client *first = client(f), *c;
	int fds[400], refused = 0;

	ask(first, "hold=1\n\n", "0");
	for (int i = 0; i < 400; i++) {
		fds[i] = dial(f);
		assert_int_equal(send(fds[i], "lookup=1\nremote_ho", 18, MSG_NOSIGNAL) == 18 || errno == EPIPE, 1);
	}
	ask(first, "list=1\n\n", "0");
	for (int i = 0; i < 400; i++) {
		char answer[64] = "";
		struct pollfd p = {.fd = fds[i], .events = POLLIN};

		if (poll(&p, 1, i < 70 ? 0 : LONG_MS) == 1 && recv(fds[i], answer, sizeof(answer) - 1, 0) > 0)
			refused += !strncmp(answer, "errno=16\n", 9);
	}
	assert_true(refused >= 330); /* 64 at a time; some may have met a reset before they could read */
	assert_true(atomic_load(&f->logs) <= 2);
	for (int i = 0; i < 400; i++)
		close(fds[i]);
	ask(first, "list=1\n\n", "0");
	c = client(f);
	ask(c, "list=1\n\n", "0");
	hang_up(c);
	hang_up(first);
}

static void requests_before_the_end_of_input_are_answered(void **state)
{
	struct fixture *f = *state;
	struct client *c = client(f);

	say(c, "list=1\n\n" BY_SPIS "wait_ms=200\n\nlist=1\n\nlist=");
	assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
	assert_true(hear(c));
	assert_true(hear(c));
	assert_string_equal(value(c, "errno"), "2");
	assert_true(hear(c));
	assert_string_equal(value(c, "errno"), "0");
	assert_false(hear(c));
	hang_up(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(socket_is_for_owner_and_group, start, stop),
		cmocka_unit_test_setup_teardown(a_second_server_leaves_the_first_alone, start, stop),
		cmocka_unit_test_setup_teardown(looks_up_by_host_and_by_spis, start, stop),
		cmocka_unit_test_setup_teardown(established_come_before_rekeyed, start, stop),
		cmocka_unit_test_setup_teardown(an_unknown_pair_is_waited_for, start, stop),
		cmocka_unit_test_setup_teardown(list_has_no_key_and_pages, start, stop),
		cmocka_unit_test_setup_teardown(wrong_requests_are_answered_and_survived, start, stop),
		cmocka_unit_test_setup_teardown(broken_form_is_answered_once_and_closed, start, stop),
		cmocka_unit_test_setup_teardown(another_beside_those_that_are_up, start, stop),
		cmocka_unit_test_setup_teardown(initiations_are_shared_and_capped, start, stop),
		cmocka_unit_test_setup_teardown(watchers_are_told, start, stop),
		cmocka_unit_test_setup_teardown(a_watcher_that_does_not_read_is_dropped, start, stop),
		cmocka_unit_test_setup_teardown(four_hundred_clients_cost_nobody_else_anything, start, stop),
		cmocka_unit_test_setup_teardown(requests_before_the_end_of_input_are_answered, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
