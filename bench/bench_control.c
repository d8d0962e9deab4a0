/* SPDX-License-Identifier: MIT */
/* Control set-ups a second, from the greeting to Server-Start, Server and Control-Client joined in memory on one core:
   what a mode and where its key comes from cost both ends together; and records a second through Fetch-Session, likewise.
   Best of several rounds.

   usage: bench_control [MILLISECONDS A ROUND] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fizeau/fetch_client.h>
#include <fizeau/server.h>

#define ROUNDS 3
#define FETCHED 1000000
#define NSEC INT64_C(1000000000)

enum key_source {
	KEY_NONE,
	KEY_PASSPHRASE,
	KEY_IKE_DIRECT,
	KEY_IKE_PBKDF2,
};

struct row {
	const char *name;
	enum fizeau_protocol protocol;
	uint32_t mode;
	enum key_source source;
	uint32_t count;
};

static const struct row rows[] = {
	{"open", FIZEAU_TWAMP, FIZEAU_MODE_OPEN, KEY_NONE, 1024},
	{"authenticated, IKEv2-derived", FIZEAU_TWAMP, FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_TW_IKEV2, KEY_IKE_DIRECT,
		1024},
	{"encrypted, IKEv2-derived", FIZEAU_TWAMP, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_TW_IKEV2, KEY_IKE_DIRECT, 1024},
	{"mixed, IKEv2-derived", FIZEAU_TWAMP, FIZEAU_MODE_MIXED | FIZEAU_MODE_TW_IKEV2, KEY_IKE_DIRECT, 1024},
	{"encrypted, IKEv2 by PBKDF2, 32768", FIZEAU_TWAMP, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_TW_IKEV2, KEY_IKE_PBKDF2,
		32768},
	{"encrypted, passphrase, 1024", FIZEAU_TWAMP, FIZEAU_MODE_ENCRYPTED, KEY_PASSPHRASE, 1024},
	{"encrypted, passphrase, 32768", FIZEAU_TWAMP, FIZEAU_MODE_ENCRYPTED, KEY_PASSPHRASE, 32768},
	{"OWAMP, open", FIZEAU_OWAMP, FIZEAU_MODE_OPEN, KEY_NONE, 1024},
	{"OWAMP, encrypted, IKEv2-derived", FIZEAU_OWAMP, FIZEAU_MODE_ENCRYPTED | FIZEAU_MODE_OW_IKEV2, KEY_IKE_DIRECT, 1024},
};

static const uint8_t secret[32] = "a secret of thirty-two octets..";
static const struct fizeau_server_random server_random = {.challenge = {1}, .salt = {2}, .server_iv = {3}};
static const struct fizeau_session_keys session_keys = {.aes = {4}, .hmac = {5}};

static void check(int error)
{
	if (error < 0) {
		fprintf(stderr, "bench_control: %s\n", fizeau_strerror(error));
		exit(1);
	}
}

static void wanted(bool there)
{
	if (!there) {
		fprintf(stderr, "bench_control: an event did not come\n");
		exit(1);
	}
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NSEC + t.tv_nsec;
}

static void token_key(const struct row *row, const uint8_t *salt, uint8_t key[static 16])
{
	switch (row->source) {
	case KEY_NONE:
		break;
	case KEY_PASSPHRASE:
		check(fizeau_token_key_passphrase(secret, sizeof(secret), salt, row->count, key));
		break;
	case KEY_IKE_DIRECT:
		check(fizeau_token_key_ike(secret, sizeof(secret), FIZEAU_IKE_DIRECT, salt, row->count, key));
		break;
	case KEY_IKE_PBKDF2:
		check(fizeau_token_key_ike(secret, sizeof(secret), FIZEAU_IKE_PBKDF2, salt, row->count, key));
		break;
	}
}

static void to_client(struct fizeau_server *s, struct fizeau_control_client *c, struct fizeau_event *event)
{
	const uint8_t *octets;
	size_t len = fizeau_server_output(s, &octets);

	fizeau_server_sent(s, fizeau_control_client_recv(c, octets, len, (struct fizeau_mono){0}));
	wanted(fizeau_control_client_event(c, event));
}

static void to_server(struct fizeau_server *s, struct fizeau_control_client *c, struct fizeau_event *event)
{
	const uint8_t *octets;
	size_t len = fizeau_control_client_output(c, &octets);

	fizeau_control_client_sent(c, fizeau_server_recv(s, octets, len, (struct fizeau_mono){0}));
	wanted(fizeau_server_event(s, event));
}

struct pair {
	struct fizeau_server *s;
	struct fizeau_control_client *c;
};

static struct pair set_up_pair(const struct row *row)
{
	const struct fizeau_mono now = {0};
	const struct fizeau_server_config server_config = {.protocol = row->protocol,
		.modes = row->mode,
		.count = row->count,
		.servwait_ns = NSEC,
		.setup_timeout_ns = NSEC};
	const struct fizeau_control_client_config client_config = {
		.protocol = row->protocol, .answer_timeout_ns = NSEC, .max_count = FIZEAU_COUNT_MAX_DEFAULT};
	struct fizeau_server *s = fizeau_server_new(&server_config, &server_random, now);
	struct fizeau_control_client *c = fizeau_control_client_new(&client_config, now);
	struct fizeau_set_up set_up = {.mode = row->mode, .keys = session_keys};
	struct fizeau_session_keys keys;
	struct fizeau_event event;
	uint8_t key[16];

	wanted(s != NULL && c != NULL);
	to_client(s, c, &event);
	token_key(row, event.greeting.salt, set_up.token_key);
	check(fizeau_control_client_set_up(c, &set_up, now));
	to_server(s, c, &event);
	if (row->source == KEY_NONE) {
		check(fizeau_server_answer_key(s, FIZEAU_ACCEPT_OK, NULL, now));
	} else {
		token_key(row, event.key.salt, key);
		check(fizeau_token_open(key, event.key.challenge, event.key.token, &keys));
		check(fizeau_server_answer_key(s, FIZEAU_ACCEPT_OK, &keys, now));
	}
	to_client(s, c, &event);
	wanted(event.type == FIZEAU_EVENT_SERVER_START);
	return (struct pair){s, c};
}

static void free_pair(struct pair p)
{
	fizeau_server_free(p.s);
	fizeau_control_client_free(p.c);
}

/* Records a second from the server's storage to the client's caller, one fetch. */
static double fetch_rate(const struct row *row, uint32_t records)
{
	static const uint8_t sid[FIZEAU_SID_OCTETS] = {1};
	static const uint8_t stored[400 * FIZEAU_RECORD_OCTETS];
	const struct fizeau_slot slot = {true, 1};
	const struct fizeau_fetch_answer answer = {.records = records,
		.request = {.conf_receiver = true, .ip_version = 4, .slots = &slot, .slot_count = 1}};
	const struct fizeau_mono now = {0};
	struct pair p = set_up_pair(row);
	struct fizeau_event event;
	int64_t start;

	check(fizeau_control_client_fetch(p.c, sid, FIZEAU_FETCH_ALL_BEGIN, FIZEAU_FETCH_ALL_END, now));
	to_server(p.s, p.c, &event);
	check(fizeau_server_answer_fetch(p.s, FIZEAU_ACCEPT_OK, &answer, now));
	to_client(p.s, p.c, &event);
	wanted(event.type == FIZEAU_EVENT_FETCH_ANSWER);
	start = now_ns();
	do {
		const uint8_t *octets;
		uint64_t due = fizeau_server_records_wanted(p.s);
		size_t len = due < sizeof(stored) ? (size_t)due : sizeof(stored);

		if (len > 0)
			check(fizeau_server_send_records(p.s, stored, len, now) < 0 ? FIZEAU_ERR_STATE : 0);
		len = fizeau_server_output(p.s, &octets);
		fizeau_server_sent(p.s, fizeau_control_client_recv(p.c, octets, len, now));
	} while (!fizeau_control_client_event(p.c, &event) || event.type != FIZEAU_EVENT_FETCH_DONE);
	start = now_ns() - start;
	free_pair(p);
	return (double)records * (double)NSEC / (double)start;
}

/* Set-ups a second, of the best round. */
static double rate(const struct row *row, int64_t round_ns)
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = now_ns(), spent;
		int64_t done = 0;
		double here;

		do {
			free_pair(set_up_pair(row));
			done++;
			spent = now_ns() - start;
		} while (spent < round_ns);
		here = (double)done * (double)NSEC / (double)spent;
		best = here > best ? here : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? strtol(argv[1], NULL, 10) : 300;
	double open = 0;

	if (argc > 2 || ms <= 0 || ms > 60000) {
		fprintf(stderr, "usage: bench_control [MILLISECONDS A ROUND]\n");
		return 2;
	}
	printf("%-36s %14s %14s %10s\n", "mode and key", "set-ups/s", "us a set-up", "of open");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double here = rate(&rows[i], (int64_t)ms * 1000000);

		if (i == 0)
			open = here;
		printf("%-36s %14.0f %14.2f %10.5f\n", rows[i].name, here, 1e6 / here, here / open);
	}
	printf("\n%-36s %14s\n", "fetch", "records/s");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double best = 0;

		for (int round = 0; rows[i].protocol == FIZEAU_OWAMP && round < ROUNDS; round++) {
			double here = fetch_rate(&rows[i], FETCHED);

			best = here > best ? here : best;
		}
		if (best > 0)
			printf("%-36s %14.0f\n", rows[i].name, best);
	}
	return 0;
}
