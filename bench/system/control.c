/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include "io/clock.h"
#include "control.h"

void bench_fail(const char *what, int error)
{
	fprintf(stderr, "bench: %s: %s\n", what, fizeau_strerror(error));
	exit(1);
}

static void flush(struct bench_control *control)
{
	const uint8_t *octets;
	size_t len;
	while ((len = fizeau_control_client_output(control->client, &octets)) > 0) {
		ssize_t n = send(control->fd, octets, len, MSG_NOSIGNAL);
		if (n < 0)
			bench_fail("control connection", -errno);
		fizeau_control_client_sent(control->client, (size_t)n);
	}
}

/* Sends what is queued and reads until the event that is due. */
static void expect(struct bench_control *control, enum fizeau_event_type type, struct fizeau_event *event)
{
	uint8_t octets[512];
	flush(control);
	while (!fizeau_control_client_event(control->client, event)) {
		ssize_t n = recv(control->fd, octets, sizeof(octets), 0);
		if (n <= 0)
			bench_fail("control connection ended", n < 0 ? -errno : FIZEAU_ERR_CLOSED);
		/* Every answer is asked for on its own, so nothing is ever left over. */
		if (fizeau_control_client_recv(control->client, octets, (size_t)n, fz_clock_mono()) != (size_t)n)
			bench_fail("control connection", FIZEAU_ERR_UNEXPECTED);
	}
	if (event->type != type)
		bench_fail("unexpected event", event->type == FIZEAU_EVENT_CLOSED ? event->closed.error : FIZEAU_ERR_STATE);
}

static int token_key(uint32_t mode, const struct fizeau_event *greeting, struct fizeau_set_up *up)
{
	static const uint8_t passphrase[] = "bench passphrase", spis[] = BENCH_SPI_I BENCH_SPI_R, sk_d[] = BENCH_SK_D;
	uint8_t key[FIZEAU_IKE_KEY_MAX];
	int octets;
	if (!(mode & FIZEAU_MODE_TW_IKEV2)) {
		memcpy(up->key_id, "bench", 5);
		return fizeau_token_key_passphrase(passphrase, sizeof(passphrase) - 1, greeting->greeting.salt,
			greeting->greeting.count, up->token_key);
	}
	memcpy(up->key_id, spis, 16);
	octets = fizeau_prf_ippm(FIZEAU_PRF_HMAC_SHA2_256, sk_d, sizeof(sk_d) - 1, key);
	return octets < 0 ? octets : fizeau_token_key_ike(key, (size_t)octets, FIZEAU_IKE_DIRECT, greeting->greeting.salt,
		greeting->greeting.count, up->token_key);
}

static void set_up(struct bench_control *control, uint32_t mode, const struct fizeau_event *greeting)
{
	struct fizeau_set_up up = {.mode = mode};
	int error = 0;
	if (mode != FIZEAU_MODE_OPEN) {
		error = token_key(mode, greeting, &up);
		if (getrandom(&up.keys, sizeof(up.keys), 0) < 0 || getrandom(up.client_iv, 16, 0) < 0)
			bench_fail("getrandom", -errno);
	}
	if (!error)
		error = fizeau_control_client_set_up(control->client, &up, fz_clock_mono());
	if (error)
		bench_fail("set-up", error);
}

uint32_t bench_mode(const char *name)
{
	static const struct {
		const char *name;
		uint32_t mode;
	} modes[] = {{"open", FIZEAU_MODE_OPEN}, {"authenticated", FIZEAU_MODE_AUTHENTICATED},
		{"encrypted", FIZEAU_MODE_ENCRYPTED}, {"mixed", FIZEAU_MODE_MIXED}};
	size_t len = strcspn(name, "+");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strlen(modes[i].name) == len && !strncmp(name, modes[i].name, len))
			return modes[i].mode | (strcmp(name + len, "+ike") ? 0 : FIZEAU_MODE_TW_IKEV2);
	}
	bench_fail(name, FIZEAU_ERR_MODE);
}

void bench_control_open(struct bench_control *control, uint32_t from, uint16_t port, uint32_t mode)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
	struct fizeau_control_client_config config = {.answer_timeout_ns = INT64_C(60000000000),
		.max_count = FIZEAU_COUNT_MAX_DEFAULT};
	struct fizeau_event event;
	control->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control->fd < 0 || bind(control->fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
		connect(control->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_fail("connect to fizeaud", -errno);
	control->client = fizeau_control_client_new(&config, fz_clock_mono());
	if (!control->client)
		bench_fail("control client", FIZEAU_ERR_MEMORY);
	expect(control, FIZEAU_EVENT_GREETING, &event);
	set_up(control, mode, &event);
	expect(control, FIZEAU_EVENT_SERVER_START, &event);
}

void bench_control_session(struct bench_control *control, uint16_t sender_port, uint32_t padding, uint32_t mode,
	struct bench_session *session)
{
	struct fizeau_tw_request request = {.ip_version = 4, .sender_port = sender_port, .padding_octets = padding,
		.timeout = fizeau_duration_from_ns(2000000000)};
	struct fizeau_event event;
	int error = fizeau_control_client_request_tw(control->client, &request, fz_clock_mono());
	if (error)
		bench_fail("request", error);
	expect(control, FIZEAU_EVENT_SESSION_ANSWER, &event);
	if (event.session.accept)
		bench_fail(fizeau_accept_text(event.session.accept), FIZEAU_ERR_REFUSED);
	session->port = event.session.port;
	memcpy(session->sid, event.session.sid, sizeof(session->sid));
	if (fizeau_test_mode_of(mode & ~FIZEAU_MODE_TW_IKEV2) != FIZEAU_TEST_OPEN) {
		error = fizeau_control_client_test_keys(control->client, session->sid, &session->keys);
		if (error)
			bench_fail("test keys", error);
	}
}

void bench_control_start(struct bench_control *control)
{
	struct fizeau_event event;
	int error = fizeau_control_client_start(control->client, fz_clock_mono());
	if (error)
		bench_fail("start", error);
	expect(control, FIZEAU_EVENT_START_ACK, &event);
	if (event.answer.accept)
		bench_fail(fizeau_accept_text(event.answer.accept), FIZEAU_ERR_REFUSED);
}

void bench_control_stop(struct bench_control *control)
{
	int error = fizeau_control_client_stop(control->client, FIZEAU_ACCEPT_OK, fz_clock_mono());
	if (error)
		bench_fail("stop", error);
	flush(control);
}

void bench_control_close(struct bench_control *control)
{
	close(control->fd);
	fizeau_control_client_free(control->client);
}
