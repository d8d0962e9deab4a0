/* SPDX-License-Identifier: MIT */
/* Which SA keys a session of STAMP: keyd with static SAs, and with a key service at hand. The packets are sealed with
   OpenSSL's own HMAC, from doc/stamp-ike.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "daemon/keyd_st.h"
#include "io/clock.h"
#include "io/tcp.h"

#define SSID 0xbeef
#define SERVICE_SAS 9

struct bed {
	char folder[32], sas[64], socket[64];
	struct fz_loop *loop;
	struct fz_log log;
	struct fz_keyd *keyd;
	struct fz_addr peer;
	int listener;
	unsigned answers;
	struct fz_keyd_st_answer last;
	char reason[128];
};

static void load(struct bed *bed, const char *line)
{
	struct fz_conf *conf = fz_conf_new();
	char error[FZ_CONF_ERROR_MAX];

	assert_non_null(conf);
	assert_true(fz_conf_line(conf, line, error));
	if (!fz_conf_finish(conf, error) || !fz_keyd_load(bed->keyd, conf, error))
		fail_msg("%s", error);
	fz_conf_release(conf);
}

static void write_sas(const struct bed *bed, const char *text)
{
	FILE *file = fopen(bed->sas, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(bed->sas, 0600), 0);
}

static void static_sas(struct bed *bed, const char *text)
{
	char line[100];

	write_sas(bed, text);
	snprintf(line, sizeof(line), "ike static %s", bed->sas);
	load(bed, line);
}

static void service(struct bed *bed)
{
	char line[100];

	bed->listener = fz_unix_listen(bed->socket, 0600);
	assert_true(bed->listener >= 0);
	snprintf(line, sizeof(line), "ike socket %s", bed->socket);
	load(bed, line);
}

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	snprintf(bed->folder, sizeof(bed->folder), "/tmp/fizeau-keyd-XXXXXX");
	if (!mkdtemp(bed->folder) || fz_loop_new(&bed->loop))
		return -1;
	snprintf(bed->sas, sizeof(bed->sas), "%s/sas", bed->folder);
	snprintf(bed->socket, sizeof(bed->socket), "%s/ippm", bed->folder);
	bed->listener = -1;
	fz_log_open(&bed->log, false, 0);
	bed->keyd = fz_keyd_new(bed->loop, &bed->log);
	*state = bed;
	return bed->keyd && fz_addr_parse("192.0.2.1", &bed->peer) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	fz_keyd_free(bed->keyd);
	fz_loop_free(bed->loop);
	if (bed->listener >= 0)
		close(bed->listener);
	unlink(bed->sas);
	unlink(bed->socket);
	rmdir(bed->folder);
	free(bed);
	return 0;
}

static void hmac(const uint8_t *key, size_t octets, const uint8_t *text, size_t len, uint8_t out[static 32])
{
	unsigned written;

	assert_non_null(HMAC(EVP_sha256(), key, (int)octets, text, len, out, &written));
	assert_int_equal(written, 32);
}

/* The SA with that number has SPIs ...n and n..., and SK_d of octets n, PRF HMAC-SHA-256. */
static void key_of(uint8_t number, uint16_t ssid, uint8_t key[static 32])
{
	uint8_t sk_d[32], ippm[32], text[32] = "Fizeau STAMP 1";

	memset(sk_d, number, sizeof(sk_d));
	hmac(sk_d, sizeof(sk_d), (const uint8_t *)"IPPM", 4, ippm);
	text[21] = number;
	text[22] = number;
	text[30] = (uint8_t)(ssid >> 8);
	text[31] = (uint8_t)ssid;
	hmac(ippm, sizeof(ippm), text, sizeof(text), key);
}

static void seal(uint8_t number, uint16_t ssid, uint8_t packet[static 112])
{
	uint8_t key[32], field[32];

	for (size_t i = 0; i < 96; i++)
		packet[i] = (uint8_t)(3 * i);
	key_of(number, ssid, key);
	hmac(key, sizeof(key), packet, 96, field);
	memcpy(packet + 96, field, 16);
}

static void on_answer(void *arg, const struct fz_keyd_st_answer *answer)
{
	struct bed *bed = arg;

	bed->answers++;
	bed->last = *answer;
	snprintf(bed->reason, sizeof(bed->reason), "%s", answer->reason ? answer->reason : "");
}

static struct fz_keyd_st_request *begin(struct bed *bed, uint8_t number, uint16_t ssid)
{
	uint8_t packet[112];
	unsigned before = bed->answers;

	seal(number, ssid, packet);
	struct fz_keyd_st_request *request =
		fz_keyd_st_find(bed->keyd, &bed->peer, ssid, packet, sizeof(packet), on_answer, bed);
	assert_non_null(request);
	assert_int_equal(bed->answers, before); /* never from within the call */
	return request;
}

static void wait_answers(struct bed *bed, unsigned count)
{
	struct fizeau_mono end = {fz_clock_mono().ns + 20000000000};

	while (bed->answers < count && fz_clock_mono().ns < end.ns)
		assert_int_equal(fz_loop_once(bed->loop, end), 0);
	assert_int_equal(bed->answers, count);
}

static void assert_found(const struct bed *bed, uint8_t number)
{
	const struct fz_identity *identity = &bed->last.identity;
	uint8_t key[32];

	assert_true(bed->last.found);
	key_of(number, SSID, key);
	assert_memory_equal(bed->last.key, key, sizeof(key));
	assert_int_equal(identity->source, FZ_KEY_IKEV2);
	assert_int_equal(identity->prf, FIZEAU_PRF_HMAC_SHA2_256);
	assert_int_equal(identity->spi_i[7], number);
	assert_int_equal(identity->spi_r[0], number);
}

static void assert_refused(const struct bed *bed, enum fz_counter counter)
{
	static const uint8_t none[32];

	assert_false(bed->last.found);
	assert_int_equal(bed->last.counter, counter);
	assert_memory_equal(bed->last.key, none, sizeof(none));
	assert_int_not_equal(bed->reason[0], '\0');
}

static void sa_line(char *text, size_t octets, uint8_t number, const char *more)
{
	size_t at = strlen(text);
	int len = snprintf(text + at, octets - at, "00000000000000%02x %02x00000000000000 hmac-sha2-256 ", number, number);

	at += (size_t)len;
	for (size_t i = 0; i < 32; i++, at += 2)
		snprintf(text + at, octets - at, "%02x", number);
	snprintf(text + at, octets - at, " %s\n", more);
}

static void static_sas_of_the_address(void **state)
{
	struct bed *bed = *state;
	char text[1024] = "";

	sa_line(text, sizeof(text), 1, "remote-id CN=anywhere local-id CN=me");
	sa_line(text, sizeof(text), 2, "remote 192.0.2.1 remote-id CN=old");
	sa_line(text, sizeof(text), 3, "remote 192.0.2.1 remote-id CN=new");
	sa_line(text, sizeof(text), 4, "remote 192.0.2.9 remote-id CN=other");
	static_sas(bed, text);
	for (uint8_t number = 1; number <= 3; number++) {
		static const char *const ids[] = {"", "CN=anywhere", "CN=old", "CN=new"};

		begin(bed, number, SSID);
		wait_answers(bed, number);
		assert_found(bed, number);
		assert_string_equal(bed->last.identity.peer_id, ids[number]);
	}
	begin(bed, 4, SSID);
	wait_answers(bed, 4);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY);
	assert_true(fz_addr_parse("192.0.2.9", &bed->peer));
	begin(bed, 4, SSID);
	wait_answers(bed, 5);
	assert_found(bed, 4);
}

static void what_is_no_first_packet(void **state)
{
	struct bed *bed = *state;
	char text[512] = "";
	uint8_t packet[112];

	sa_line(text, sizeof(text), 1, "remote 192.0.2.1");
	static_sas(bed, text);
	seal(1, SSID, packet);
	assert_non_null(fz_keyd_st_find(bed->keyd, &bed->peer, SSID, packet, 111, on_answer, bed));
	wait_answers(bed, 1);
	assert_refused(bed, FZ_COUNT_DROPPED_LENGTH);
	assert_non_null(fz_keyd_st_find(bed->keyd, &bed->peer, 0, packet, 112, on_answer, bed));
	wait_answers(bed, 2);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY);
	assert_non_null(fz_keyd_st_find(bed->keyd, &bed->peer, SSID + 1, packet, 112, on_answer, bed));
	wait_answers(bed, 3);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY);
	for (size_t bit = 0; bit < 8 * sizeof(packet); bit += 37) {
		packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_non_null(fz_keyd_st_find(bed->keyd, &bed->peer, SSID, packet, 112, on_answer, bed));
		packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
		wait_answers(bed, bed->answers + 1);
		assert_refused(bed, FZ_COUNT_REFUSED_KEY);
	}
	assert_non_null(fz_keyd_st_find(bed->keyd, &bed->peer, SSID, packet, 112, on_answer, bed));
	wait_answers(bed, bed->answers + 1);
	assert_found(bed, 1);
}

static void no_sa_at_all(void **state)
{
	struct bed *bed = *state;

	static_sas(bed, "");
	begin(bed, 1, SSID);
	wait_answers(bed, 1);
	assert_refused(bed, FZ_COUNT_REFUSED_NO_IKE_SA);
	load(bed, "ike off");
	begin(bed, 1, SSID);
	wait_answers(bed, 2);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY_SERVICE);
	load(bed, "ike socket /nonexistent");
	begin(bed, 1, SSID);
	wait_answers(bed, 3);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY_SERVICE);
}

/* The next connection and what was said on it, up to the empty line. */
static int next_request(struct bed *bed, char text[512])
{
	struct fizeau_mono end = {fz_clock_mono().ns + 20000000000};
	size_t len = 0;
	int fd = -1;

	while (fz_clock_mono().ns < end.ns) {
		struct fizeau_mono soon = {fz_clock_mono().ns + 10000000};
		if (fd < 0)
			fd = accept4(bed->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
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

/* Number 1 is the newest. */
static void say_sas(int fd, unsigned count)
{
	char answer[8192] = "errno=0\n";
	size_t at = strlen(answer);

	for (unsigned n = 1; n <= count; n++) {
		uint8_t sk_d[32], key[32];

		memset(sk_d, (int)n, sizeof(sk_d));
		hmac(sk_d, sizeof(sk_d), (const uint8_t *)"IPPM", 4, key);
		at += (size_t)snprintf(answer + at, sizeof(answer) - at,
			"spi_i=00000000000000%02x\nspi_r=%02x00000000000000\nprf=hmac-sha2-256\nkey=", n, n);
		for (size_t i = 0; i < sizeof(key); i++)
			at += (size_t)snprintf(answer + at, sizeof(answer) - at, "%02x", key[i]);
		at += (size_t)snprintf(answer + at, sizeof(answer) - at, "\nremote_id=CN=%u\nstate=established\n", n);
	}
	at += (size_t)snprintf(answer + at, sizeof(answer) - at, "\n");
	assert_int_equal(send(fd, answer, at, 0), (ssize_t)at);
}

/* Sessions of one address that begin together cost one question; eight of its answers are tried. */
static void key_service(void **state)
{
	struct bed *bed = *state;
	char request[512];

	service(bed);
	begin(bed, 1, SSID);
	begin(bed, 8, SSID);
	begin(bed, SERVICE_SAS, SSID);
	int fd = next_request(bed, request);
	assert_non_null(strstr(request, "lookup=1\n"));
	assert_non_null(strstr(request, "remote_host=192.0.2.1\n"));
	assert_true(accept(bed->listener, NULL, NULL) < 0);
	assert_int_equal(bed->answers, 0);
	say_sas(fd, SERVICE_SAS);
	wait_answers(bed, 3);
	close(fd);

	begin(bed, 8, SSID);
	fd = next_request(bed, request);
	say_sas(fd, SERVICE_SAS);
	wait_answers(bed, 4);
	assert_found(bed, 8);
	assert_string_equal(bed->last.identity.peer_id, "CN=8");
	close(fd);

	begin(bed, SERVICE_SAS, SSID);
	fd = next_request(bed, request);
	say_sas(fd, SERVICE_SAS);
	wait_answers(bed, 5);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY);
	close(fd);
}

static void key_service_refuses(void **state)
{
	struct bed *bed = *state;
	char request[512];

	service(bed);
	begin(bed, 1, SSID);
	int fd = next_request(bed, request);
	assert_int_equal(send(fd, "errno=2\n\n", 9, 0), 9);
	wait_answers(bed, 1);
	assert_refused(bed, FZ_COUNT_REFUSED_NO_IKE_SA);
	close(fd);
	begin(bed, 1, SSID);
	fd = next_request(bed, request);
	assert_int_equal(send(fd, "nonsense\n\n", 10, 0), 10);
	wait_answers(bed, 2);
	assert_refused(bed, FZ_COUNT_REFUSED_KEY_SERVICE);
	close(fd);
}

static void cancelled(void **state)
{
	struct bed *bed = *state;
	char request[512];

	service(bed);
	struct fz_keyd_st_request *one = begin(bed, 1, SSID);
	begin(bed, 2, SSID);
	fz_keyd_st_cancel(one);
	int fd = next_request(bed, request);
	say_sas(fd, 2);
	wait_answers(bed, 1);
	assert_found(bed, 2);
	close(fd);
	/* Nobody waits for this one when everything ends. */
	fz_keyd_st_cancel(begin(bed, 1, SSID));
}

/* A flood from one address leaves room for the next, and both are bounded. */
static void floods(void **state)
{
	struct bed *bed = *state;
	struct fz_keyd_st_request *kept[1024];
	unsigned count = 0;
	char request[512];

	service(bed);
	for (unsigned host = 1; host <= 8; host++) {
		char text[32];

		snprintf(text, sizeof(text), "198.51.100.%u", host);
		assert_true(fz_addr_parse(text, &bed->peer));
		for (unsigned i = 0; i < (host == 1 ? 256 : 1); i++)
			kept[count++] = begin(bed, 1, SSID);
	}
	int fd = next_request(bed, request);
	assert_int_equal(bed->answers, 0);
	assert_true(fz_addr_parse("198.51.100.1", &bed->peer));
	begin(bed, 1, SSID);
	wait_answers(bed, 1);
	assert_refused(bed, FZ_COUNT_REFUSED_BUSY);
	assert_true(fz_addr_parse("198.51.100.9", &bed->peer));
	begin(bed, 1, SSID);
	wait_answers(bed, 2);
	assert_refused(bed, FZ_COUNT_REFUSED_BUSY);
	while (count > 0)
		fz_keyd_st_cancel(kept[--count]);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(static_sas_of_the_address), TEST(what_is_no_first_packet), TEST(no_sa_at_all), TEST(key_service),
		TEST(key_service_refuses), TEST(cancelled), TEST(floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
