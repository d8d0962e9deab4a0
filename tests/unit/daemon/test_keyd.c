/* SPDX-License-Identifier: MIT */
/* keyd with files of its own and a real loop: which Tokens open, as whom, and what the others are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/keyd.h"
#include "io/clock.h"
#include "io/tcp.h"

#define SPI_I "0f3c000000000001"
#define SPI_R "99ab000000000000"

static const uint8_t spi_i[8] = {0x0f, 0x3c, 0, 0, 0, 0, 0, 1}, spi_r[8] = {0x99, 0xab};
static const struct fizeau_session_keys session_keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};

struct bed {
	char folder[32], keys[64], sas[64];
	struct fz_loop *loop;
	struct fz_log log;
	struct fz_keyd *keyd;
	struct fz_addr peer;
	unsigned answers, opened, busy;
	struct fz_keyd_answer last;
	char reason[128];
};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	snprintf(bed->folder, sizeof(bed->folder), "/tmp/fizeau-keyd-XXXXXX");
	if (!mkdtemp(bed->folder) || fz_loop_new(&bed->loop))
		return -1;
	snprintf(bed->keys, sizeof(bed->keys), "%s/keys", bed->folder);
	snprintf(bed->sas, sizeof(bed->sas), "%s/sas", bed->folder);
	write_file(bed->keys, "alice open sesame\nbob hex:00ff10\n");
	write_file(bed->sas, SPI_I " " SPI_R " hmac-sha2-256 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
			     "5a5a5a5a remote-id CN=client.example local-id CN=server.example\n");
	fz_log_open(&bed->log, false, FZ_LOG_ERROR);
	bed->keyd = fz_keyd_new(bed->loop, &bed->log);
	if (!fz_addr_parse("192.0.2.1", &bed->peer))
		return -1;
	*state = bed;
	return bed->keyd ? 0 : -1;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	fz_keyd_free(bed->keyd);
	fz_loop_free(bed->loop);
	unlink(bed->keys);
	unlink(bed->sas);
	rmdir(bed->folder);
	free(bed);
	return 0;
}

static void load(struct bed *bed, const char *const *lines)
{
	struct fz_conf *conf = fz_conf_new();
	char error[FZ_CONF_ERROR_MAX];

	assert_non_null(conf);
	for (; *lines; lines++)
		assert_true(fz_conf_line(conf, *lines, error));
	if (!fz_conf_finish(conf, error) || !fz_keyd_load(bed->keyd, conf, error))
		fail_msg("%s", error);
	fz_conf_release(conf);
}

static void load_both(struct bed *bed)
{
	char keys[80], sas[80];
	const char *const lines[] = {keys, sas, NULL};

	snprintf(keys, sizeof(keys), "keys %s", bed->keys);
	snprintf(sas, sizeof(sas), "ike static %s", bed->sas);
	load(bed, lines);
}

static void on_answer(void *arg, const struct fz_keyd_answer *answer)
{
	struct bed *bed = arg;

	bed->answers++;
	bed->opened += answer->accept == FIZEAU_ACCEPT_OK;
	bed->busy += answer->accept == FIZEAU_ACCEPT_TEMPORARY_LIMIT && answer->counter == FZ_COUNT_REFUSED_BUSY;
	bed->last = *answer;
	snprintf(bed->reason, sizeof(bed->reason), "%s", answer->reason ? answer->reason : "");
}

static struct fizeau_event event_of(uint32_t mode)
{
	struct fizeau_event event = {.type = FIZEAU_EVENT_KEY_WANTED};

	event.key.mode = mode;
	event.key.ike = mode & FIZEAU_MODE_TW_IKEV2;
	memset(event.key.challenge, 0xc1, 16);
	memset(event.key.salt, 0x5a, 16);
	event.key.count = 1024;
	return event;
}

static void seal(struct fizeau_event *event, const uint8_t key[static 16])
{
	assert_int_equal(fizeau_token_seal(key, event->key.challenge, &session_keys, event->key.token), 0);
}

static struct fizeau_event with_passphrase(const char *id, const void *passphrase, size_t octets)
{
	struct fizeau_event event = event_of(FIZEAU_MODE_ENCRYPTED);
	uint8_t key[16];

	memcpy(event.key.key_id, id, strlen(id));
	assert_int_equal(fizeau_token_key_passphrase(passphrase, octets, event.key.salt, event.key.count, key), 0);
	seal(&event, key);
	return event;
}

static struct fizeau_event with_sa(enum fizeau_ike_reading reading, uint8_t sk_d_octet)
{
	struct fizeau_event event = event_of(FIZEAU_MODE_AUTHENTICATED | FIZEAU_MODE_TW_IKEV2);
	uint8_t sk_d[32], full[FIZEAU_IKE_KEY_MAX], key[16];

	memset(sk_d, sk_d_octet, sizeof(sk_d));
	memcpy(event.key.spi_i, spi_i, 8);
	memcpy(event.key.spi_r, spi_r, 8);
	int octets = fizeau_prf_ippm(FIZEAU_PRF_HMAC_SHA2_256, sk_d, sizeof(sk_d), full);
	assert_int_equal(octets, 32);
	assert_int_equal(fizeau_token_key_ike(full, (size_t)octets, reading, event.key.salt, event.key.count, key), 0);
	seal(&event, key);
	return event;
}

static void wait_answers(struct bed *bed, unsigned count)
{
	struct fizeau_mono end = {fz_clock_mono().ns + 20000000000};

	while (bed->answers < count && fz_clock_mono().ns < end.ns)
		assert_int_equal(fz_loop_once(bed->loop, end), 0);
	assert_int_equal(bed->answers, count);
}

static void ask(struct bed *bed, const struct fizeau_event *event)
{
	unsigned before = bed->answers;

	assert_non_null(fz_keyd_open(bed->keyd, event, &bed->peer, on_answer, bed));
	assert_int_equal(bed->answers, before); /* never from within the call */
	wait_answers(bed, before + 1);
}

static void assert_opened(const struct bed *bed)
{
	assert_int_equal(bed->last.accept, FIZEAU_ACCEPT_OK);
	assert_memory_equal(&bed->last.keys, &session_keys, sizeof(session_keys));
}

static void assert_refused(const struct bed *bed, uint8_t accept, enum fz_counter counter)
{
	static const struct fizeau_session_keys none;

	assert_int_equal(bed->last.accept, accept);
	assert_int_equal(bed->last.counter, counter);
	assert_memory_equal(&bed->last.keys, &none, sizeof(none));
}

/*= rfc4656#section-3.1 OW-3.1-26 OW-3.1-30 OW-3.1-33 */
static void passphrases(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_passphrase("alice", "open sesame", 11);

	load_both(bed);
	ask(bed, &event);
	assert_opened(bed);
	assert_int_equal(bed->last.identity.source, FZ_KEY_PASSPHRASE);
	assert_string_equal(bed->last.identity.key_id, "alice");
	event = with_passphrase("bob", "\x00\xff\x10", 3);
	ask(bed, &event);
	assert_opened(bed);
	event.key.token[20] ^= 1;
	event.key.token[3] ^= 1;
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_FAILURE, FZ_COUNT_REFUSED_KEY);
}

/* Whether the KeyID or the key was wrong is told to nobody. */
static void wrong_and_unknown_alike(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_passphrase("alice", "open barley", 11);
	char wrong[128];

	load_both(bed);
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_FAILURE, FZ_COUNT_REFUSED_KEY);
	snprintf(wrong, sizeof(wrong), "%s", bed->reason);
	event = with_passphrase("mallory", "open sesame", 11);
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_FAILURE, FZ_COUNT_REFUSED_KEY);
	assert_string_equal(bed->reason, wrong);
}

/*= rfc7717#section-5.1 IK-5.1-03 */
static void ike_static(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_sa(FIZEAU_IKE_DIRECT, 0x5a);

	load_both(bed);
	ask(bed, &event);
	assert_opened(bed);
	assert_int_equal(bed->last.identity.source, FZ_KEY_IKEV2);
	assert_int_equal(bed->last.identity.reading, FIZEAU_IKE_DIRECT);
	assert_string_equal(bed->last.identity.peer_id, "CN=client.example");
	assert_string_equal(bed->last.identity.local_id, "CN=server.example");
	assert_int_equal(bed->last.identity.prf, FIZEAU_PRF_HMAC_SHA2_256);
	event = with_sa(FIZEAU_IKE_PBKDF2, 0x5a);
	ask(bed, &event);
	assert_opened(bed);
	assert_int_equal(bed->last.identity.reading, FIZEAU_IKE_PBKDF2);
	event = with_sa(FIZEAU_IKE_DIRECT, 0x5b);
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_FAILURE, FZ_COUNT_REFUSED_KEY);
}

/*= rfc7717#section-5.3 IK-5.3-10 */
static void unknown_spis(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_sa(FIZEAU_IKE_DIRECT, 0x5a);

	load_both(bed);
	event.key.spi_r[7] ^= 1;
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_NO_IKE_SA, FZ_COUNT_REFUSED_NO_IKE_SA);
	assert_memory_equal(bed->last.identity.spi_i, spi_i, 8);
	/* Without the bit, the SPIs are a KeyID like any other. */
	event = with_sa(FIZEAU_IKE_DIRECT, 0x5a);
	event.key.ike = false;
	memcpy(event.key.key_id, spi_i, 8);
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_FAILURE, FZ_COUNT_REFUSED_KEY);
}

static void static_file_is_read_again(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_sa(FIZEAU_IKE_DIRECT, 0x5b);

	load_both(bed);
	write_file(bed->sas, SPI_I " " SPI_R " hmac-sha2-256 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b"
			     "5b5b5b5b remote-id CN=other.example\n");
	ask(bed, &event);
	assert_opened(bed);
	assert_string_equal(bed->last.identity.peer_id, "CN=other.example");
}

static void no_key_service(void **state)
{
	static const char *const lines[] = {"ike socket /nonexistent/ippm", NULL};
	struct bed *bed = *state;
	struct fizeau_event event = with_sa(FIZEAU_IKE_DIRECT, 0x5a);

	load(bed, lines);
	assert_null(fz_keyd_hold(bed->keyd));
	bed->log.level = 0;
	ask(bed, &event);
	assert_refused(bed, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY_SERVICE);
}

/* A key service at hand: what it is asked, and what it says. */
struct service {
	int listener;
	char path[80];
};

static void service_open(struct bed *bed, struct service *service)
{
	char line[100];
	const char *const lines[] = {line, "ike-wait 1234ms", NULL};

	snprintf(service->path, sizeof(service->path), "%s/ippm", bed->folder);
	service->listener = fz_unix_listen(service->path, 0600);
	assert_true(service->listener >= 0);
	snprintf(line, sizeof(line), "ike socket %s", service->path);
	load(bed, lines);
}

static void service_close(struct service *service)
{
	close(service->listener);
	unlink(service->path);
}

/* The next connection and what was said on it, up to the empty line. */
static int service_request(struct bed *bed, struct service *service, char text[512])
{
	struct fizeau_mono end = {fz_clock_mono().ns + 20000000000};
	size_t len = 0;
	int fd = -1;

	while (fz_clock_mono().ns < end.ns) {
		struct fizeau_mono soon = {fz_clock_mono().ns + 10000000};
		if (fd < 0)
			fd = accept4(service->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		ssize_t got = fd < 0 ? -1 : recv(fd, text + len, 511 - len, 0);
		len += got > 0 ? (size_t)got : 0;
		text[len] = '\0';
		if (strstr(text, "\n\n"))
			return fd;
		assert_int_equal(fz_loop_once(bed->loop, soon), 0);
	}
	fail_msg("no request came");
	return -1;
}

static void answer_lookup(struct bed *bed, struct service *service, const struct fizeau_event *event, const char *answer)
{
	char request[512];
	unsigned before = bed->answers;

	assert_non_null(fz_keyd_open(bed->keyd, event, &bed->peer, on_answer, bed));
	int fd = service_request(bed, service, request);
	/*= rfc7717#section-5.1 IK-5.1-05 */
	assert_non_null(strstr(request, "lookup=1\n"));
	assert_non_null(strstr(request, "spi_i=" SPI_I "\n"));
	assert_non_null(strstr(request, "spi_r=" SPI_R "\n"));
	assert_non_null(strstr(request, "wait_ms=1234\n"));
	assert_int_equal(bed->answers, before);
	assert_int_equal(send(fd, answer, strlen(answer), 0), (ssize_t)strlen(answer));
	wait_answers(bed, before + 1);
	close(fd);
}

static void key_service(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_sa(FIZEAU_IKE_DIRECT, 0x5a);
	struct service service;
	uint8_t sk_d[32], key[FIZEAU_IKE_KEY_MAX];
	char answer[512] = "errno=0\nspi_i=" SPI_I "\nspi_r=" SPI_R "\nprf=hmac-sha2-256\nkey=";

	service_open(bed, &service);
	assert_int_equal(fz_keyd_modes(bed->keyd), 128 | 15);
	memset(sk_d, 0x5a, sizeof(sk_d));
	assert_int_equal(fizeau_prf_ippm(FIZEAU_PRF_HMAC_SHA2_256, sk_d, sizeof(sk_d), key), 32);
	for (size_t i = 0, at = strlen(answer); i < 32; i++)
		snprintf(answer + at + 2 * i, 3, "%02x", key[i]);
	strncat(answer, "\nremote_id=CN=client.example\nstate=up\n\n", sizeof(answer) - strlen(answer) - 1);
	answer_lookup(bed, &service, &event, answer);
	assert_opened(bed);
	assert_string_equal(bed->last.identity.peer_id, "CN=client.example");
	/*= rfc7717#section-5.3 IK-5.3-10 */
	answer_lookup(bed, &service, &event, "errno=2\n\n");
	assert_refused(bed, FIZEAU_ACCEPT_NO_IKE_SA, FZ_COUNT_REFUSED_NO_IKE_SA);
	bed->log.level = 0;
	answer_lookup(bed, &service, &event, "nonsense\n\n");
	assert_refused(bed, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY_SERVICE);
	service_close(&service);
}

/* Connections of one moment share a hold, and the last of them gives it up. */
/*= rfc7717#section-5.1 IK-5.1-08 */
static void holds(void **state)
{
	struct bed *bed = *state;
	struct service service;
	char request[512];

	service_open(bed, &service);
	struct fz_keyd_hold *one = fz_keyd_hold(bed->keyd), *two = fz_keyd_hold(bed->keyd);
	assert_non_null(one);
	assert_ptr_equal(one, two);
	int fd = service_request(bed, &service, request);
	assert_non_null(strstr(request, "hold=1\n"));
	assert_true(accept(service.listener, NULL, NULL) < 0);
	fz_keyd_release(bed->keyd, one);
	assert_true(recv(fd, request, 1, 0) < 0 && errno == EAGAIN);
	fz_keyd_release(bed->keyd, two);
	assert_int_equal(recv(fd, request, 1, 0), 0);
	close(fd);
	service_close(&service);
}

/*= rfc7717#section-5.2 IK-5.2-01 */
/*= rfc4656#section-3.1 OW-3.1-04 */
static void modes(void **state)
{
	static const char *const off[] = {"ike off", NULL};
	static const char *const service[] = {"ike socket /nonexistent", NULL};
	static const char *const open_only[] = {"ike socket /nonexistent", "modes open", NULL};
	static const char *const some[] = {"ike socket /nonexistent", "modes encrypted", NULL};
	struct bed *bed = *state;
	char keys[80];
	const char *const passphrases_only[] = {keys, "ike off", NULL};

	snprintf(keys, sizeof(keys), "keys %s", bed->keys);
	load(bed, off);
	/*= rfc4656#section-2 OW-2-05 */
	assert_int_equal(fz_keyd_modes(bed->keyd), 1);
	load(bed, passphrases_only);
	assert_int_equal(fz_keyd_modes(bed->keyd), 15);
	load(bed, service);
	assert_int_equal(fz_keyd_modes(bed->keyd), 128 | 15);
	load(bed, open_only);
	assert_int_equal(fz_keyd_modes(bed->keyd), 1);
	load(bed, some);
	assert_int_equal(fz_keyd_modes(bed->keyd), 128 | 4);
}

static void too_many_of_one_address(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_passphrase("alice", "open sesame", 11);

	load_both(bed);
	for (int i = 0; i < 33; i++)
		assert_non_null(fz_keyd_open(bed->keyd, &event, &bed->peer, on_answer, bed));
	wait_answers(bed, 33);
	assert_int_equal(bed->opened, 32);
	assert_int_equal(bed->busy, 1);
}

static void cancelled(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_passphrase("alice", "open sesame", 11);
	struct fizeau_event sa = with_sa(FIZEAU_IKE_DIRECT, 0x5a);
	struct fz_keyd_request *requests[10];

	load_both(bed);
	for (int i = 0; i < 10; i++)
		requests[i] = fz_keyd_open(bed->keyd, i % 2 ? &event : &sa, &bed->peer, on_answer, bed);
	for (int i = 0; i < 10; i++)
		fz_keyd_cancel(requests[i]);
	ask(bed, &event);
	assert_opened(bed);
	assert_int_equal(bed->answers, 1);
}

static void a_bad_file_changes_nothing(void **state)
{
	struct bed *bed = *state;
	struct fizeau_event event = with_passphrase("alice", "open sesame", 11);
	struct fz_conf *conf = fz_conf_new();
	char error[FZ_CONF_ERROR_MAX], line[80];

	load_both(bed);
	snprintf(line, sizeof(line), "keys %s/missing", bed->folder);
	assert_true(fz_conf_line(conf, line, error));
	assert_true(fz_conf_finish(conf, error));
	assert_false(fz_keyd_load(bed->keyd, conf, error));
	assert_non_null(strstr(error, "/missing"));
	fz_conf_release(conf);
	ask(bed, &event);
	assert_opened(bed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(passphrases), TEST(wrong_and_unknown_alike), TEST(ike_static), TEST(unknown_spis),
		TEST(static_file_is_read_again), TEST(no_key_service), TEST(key_service), TEST(holds), TEST(modes), TEST(too_many_of_one_address),
		TEST(cancelled), TEST(a_bad_file_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
