/* SPDX-License-Identifier: MIT */
/* The client against a service that lives on the same loop and does whatever the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/tcp.h"
#include "keys/ippm_client.h"

#define KEY16 "000102030405060708090a0b0c0d0e0f"
#define KEY20 KEY16 "10111213"
#define KEY32 KEY16 KEY16
#define SA(i, prf, key) "spi_i=b503511156ca01e" i "\nspi_r=99dcf26a4372c731\nprf=" prf "\nkey=" key "\n"

static const uint8_t spi_i[8] = {0xb5, 0x03, 0x51, 0x11, 0x56, 0xca, 0x01, 0xe1};
static const uint8_t spi_r[8] = {0x99, 0xdc, 0xf2, 0x6a, 0x43, 0x72, 0xc7, 0x31};

/* What the service does with the n-th request that it read. */
struct step {
	const char *answer; /* NULL: closes */
	bool then_close;
};

struct service {
	struct fz_loop *loop;
	char dir[64], path[96];
	int listener, fd;
	int connections;
	const struct step *steps;
	size_t step, step_count, chop; /* chop: octets a write, 0: all at once */
	const char *rest;	       /* of the answer that is being written */
	size_t rest_len;
	bool close_after, silent, flood;
	char requests[4][256];
	size_t request_count, request_len;
	struct fz_timer drip;

	/* What the client called back with. */
	int calls, error;
	char reason[1024];
	struct fz_ike_sa sas[200];
	size_t count;
	struct fz_ippm_request *cancel_in_call;
};

static void service_close(struct service *service)
{
	fz_loop_remove(service->loop, service->fd);
	close(service->fd);
	service->fd = -1;
}

static void service_write(struct service *service)
{
	size_t len = service->rest_len;

	if (service->chop != 0 && len > service->chop)
		len = service->chop;
	if (len > 0)
		assert_int_equal(send(service->fd, service->rest, len, MSG_NOSIGNAL), len);
	service->rest += len;
	service->rest_len -= len;
	if (service->rest_len > 0)
		assert_int_equal(fz_loop_timer(service->loop, &service->drip, (struct fizeau_mono){0}), 0);
	else if (service->close_after)
		service_close(service);
}

static void on_drip(void *arg)
{
	service_write(arg);
}

static void service_answer(struct service *service)
{
	const struct step *step;

	if (service->silent)
		return;
	assert_true(service->step < service->step_count);
	step = &service->steps[service->step++];
	if (step->answer == NULL) {
		service_close(service);
		return;
	}
	service->rest = step->answer;
	service->rest_len = strlen(step->answer);
	service->close_after = step->then_close;
	service_write(service);
}

static void on_service(void *arg, uint32_t events)
{
	static const char flood[4096] = "errno=0\n";
	struct service *service = arg;
	char *request = service->requests[service->request_count];
	ssize_t got;

	if ((events & EPOLLOUT) && service->flood) {
		while (send(service->fd, flood, 8, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			;
	}
	got = recv(service->fd, request + service->request_len, 255 - service->request_len, MSG_DONTWAIT);
	if (got <= 0) {
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			service_close(service);
		return;
	}
	service->request_len += (size_t)got;
	if (service->request_len < 2 || memcmp(request + service->request_len - 2, "\n\n", 2) != 0)
		return;
	service->request_len = 0;
	service->request_count++;
	service_answer(service);
}

static void on_listener(void *arg, uint32_t events)
{
	struct service *service = arg;

	(void)events;
	service->fd = accept4(service->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(service->fd >= 0);
	service->connections++;
	assert_int_equal(fz_loop_add(service->loop, service->fd,
				 service->flood ? EPOLLIN | EPOLLOUT : EPOLLIN, on_service, service),
		0);
}

static int start_service(void **state)
{
	struct service *service = calloc(1, sizeof(*service));

	snprintf(service->dir, sizeof(service->dir), "/tmp/fz-ippm-XXXXXX");
	if (mkdtemp(service->dir) == NULL || fz_loop_new(&service->loop) != 0)
		return -1;
	snprintf(service->path, sizeof(service->path), "%s/sock", service->dir);
	service->fd = -1;
	service->drip = (struct fz_timer){.fn = on_drip, .arg = service};
	service->listener = fz_unix_listen(service->path, 0600);
	if (service->listener < 0 ||
		fz_loop_add(service->loop, service->listener, EPOLLIN, on_listener, service) != 0)
		return -1;
	*state = service;
	return 0;
}

static int stop_service(void **state)
{
	struct service *service = *state;

	if (service->fd >= 0)
		service_close(service);
	if (service->listener >= 0)
		close(service->listener);
	fz_loop_free(service->loop);
	unlink(service->path);
	rmdir(service->dir);
	free(service);
	return 0;
}

static void on_result(void *arg, int error, const char *reason, const struct fz_ike_sa *sas, size_t count)
{
	struct service *service = arg;

	service->calls++;
	service->error = error;
	assert_non_null(reason);
	assert_null(strchr(reason, '\n'));
	snprintf(service->reason, sizeof(service->reason), "%s", reason);
	assert_true(count <= 200);
	assert_true(error == 0 || count == 0);
	for (size_t i = 0; i < count; i++)
		service->sas[i] = sas[i];
	service->count = count;
	fz_ippm_cancel(service->cancel_in_call);
}

/* Runs until the callback has come, once. */
static void wait_for_result(struct service *service)
{
	while (service->calls == 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
	assert_int_equal(service->calls, 1);
	service->calls = 0;
	/* And let the service see the end of the connection. */
	while (service->fd >= 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
}

static void does(struct service *service, const struct step *steps, size_t count)
{
	service->steps = steps;
	service->step_count = count;
	service->step = 0;
	service->request_count = 0;
}

static void by_spis(struct service *service, const char *answer)
{
	const struct step step = {answer, false};

	does(service, &step, 1);
	assert_non_null(
		fz_ippm_lookup_spis(service->loop, service->path, spi_i, spi_r, 100, on_result, service));
	wait_for_result(service);
}

static void by_remote(struct service *service, const char *answer)
{
	const struct step step = {answer, false};

	does(service, &step, 1);
	assert_non_null(
		fz_ippm_lookup_remote(service->loop, service->path, "192.0.2.7", 5000, on_result, service));
	wait_for_result(service);
}

static void one_by_spis(void **state)
{
	struct service *service = *state;
	static const char answer[] =
		"errno=0\nspi_i=B503511156CA01E1\nspi_r=99dcf26a4372c731\nprf=hmac-sha2-256\nkey=" KEY32
		"\nlocal_host=192.0.2.1\nremote_host=192.0.2.7\nlocal_id=a.example.org\n"
		"remote_id=C=CH, O=Example, CN=b\nauth=pubkey\nestablished=1764000000\n"
		"state=rekeyed\nconnection=b\nvanished=1764000100\n\n";

	/*= rfc7717#section-5.1 IK-5.1-05 */
	for (service->chop = 0; service->chop < 3; service->chop++) {
		memset(service->sas, 0xff, sizeof(service->sas));
		by_spis(service, answer);
		assert_int_equal(service->error, 0);
		assert_string_equal(service->reason, "");
		assert_int_equal(service->count, 1);
		assert_string_equal(service->requests[0],
			"lookup=1\nspi_i=b503511156ca01e1\nspi_r=99dcf26a4372c731\nwait_ms=100\n\n");
		assert_memory_equal(service->sas[0].spi_i, spi_i, 8);
		assert_memory_equal(service->sas[0].spi_r, spi_r, 8);
		assert_int_equal(service->sas[0].prf, FIZEAU_PRF_HMAC_SHA2_256);
		/* What comes is prf(SK_d, "IPPM") at full length, and nothing else that is secret. */
		/*= rfc7717#section-5.1 IK-5.1-04 */
		assert_int_equal(service->sas[0].key_octets, 32);
		for (int i = 0; i < 32; i++)
			assert_int_equal(service->sas[0].key[i], i % 16);
		assert_string_equal(service->sas[0].local_host, "192.0.2.1");
		assert_string_equal(service->sas[0].remote_host, "192.0.2.7");
		assert_string_equal(service->sas[0].local_id, "a.example.org");
		assert_string_equal(service->sas[0].remote_id, "C=CH, O=Example, CN=b");
		assert_string_equal(service->sas[0].auth, "pubkey");
		assert_string_equal(service->sas[0].state, "rekeyed");
		assert_string_equal(service->sas[0].connection, "b");
		assert_int_equal(service->sas[0].established, 1764000000);
		assert_int_equal(service->sas[0].vanished, 1764000100);
	}
}

static void living_before_vanished(void **state)
{
	struct service *service = *state;

	by_remote(service, "errno=0\n" SA("1", "hmac-sha1", KEY20) "state=deleted\n"
				   SA("2", "hmac-sha1", KEY20) "vanished=1764000100\n"
				   SA("3", "hmac-sha1", KEY20) "state=established\n"
				   SA("4", "hmac-sha1", KEY20) "state=rekeyed\nvanished=1764000100\n"
				   SA("5", "aes128-xcbc", KEY16) "\n");
	assert_int_equal(service->error, 0);
	assert_int_equal(service->count, 5);
	assert_int_equal(service->sas[0].spi_i[7], 0xe3);
	assert_int_equal(service->sas[1].spi_i[7], 0xe5);
	assert_int_equal(service->sas[1].key_octets, 16);
	assert_int_equal(service->sas[2].spi_i[7], 0xe1);
	assert_int_equal(service->sas[3].spi_i[7], 0xe2);
	assert_int_equal(service->sas[4].spi_i[7], 0xe4);
	assert_int_equal(service->sas[4].vanished, 1764000100);
}

static void several_by_remote(void **state)
{
	struct service *service = *state;

	/*= rfc7717#section-5.1 IK-5.1-05 */
	by_remote(service, "errno=0\nnew_key_of_the_answer=x\n" SA("1", "hmac-sha1", KEY20)
				   SA("2", "aes128-xcbc", KEY16) "new_key_of_an_sa=y\n\n");
	assert_int_equal(service->error, 0);
	assert_string_equal(service->requests[0], "lookup=1\nremote_host=192.0.2.7\n\n");
	assert_int_equal(service->count, 2);
	assert_int_equal(service->sas[0].spi_i[7], 0xe1);
	assert_int_equal(service->sas[0].key_octets, 20);
	assert_int_equal(service->sas[1].spi_i[7], 0xe2);
	assert_int_equal(service->sas[1].key_octets, 16);
}

static void initiation(void **state)
{
	static const struct step steps[] = {{"errno=0\n" SA("1", "aes128-cmac", KEY16) "\n", false},
		{"errno=113\nreason=set-up failed\n\n", false}};
	struct service *service = *state;

	does(service, steps, 2);
	assert_non_null(
		fz_ippm_initiate(service->loop, service->path, "2001:db8::7", true, 3000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, 0);
	assert_string_equal(service->requests[0], "initiate=1\nremote_host=2001:db8::7\ntimeout_ms=3000\nanother=1\n\n");
	/* Beyond the service's own bounds it would be refused. */
	assert_non_null(
		fz_ippm_initiate(service->loop, service->path, "192.0.2.7", false, 1000000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -EHOSTUNREACH);
	assert_non_null(strstr(service->reason, "set-up failed"));
	assert_string_equal(service->requests[1], "initiate=1\nremote_host=192.0.2.7\ntimeout_ms=60000\n\n");
}

static void errors_of_the_service(void **state)
{
	struct service *service = *state;

	by_remote(service, "errno=2\nreason=no IKE_SA with 192.0.2.7\n\n");
	assert_int_equal(service->error, -ENOENT);
	assert_non_null(strstr(service->reason, "no IKE_SA with 192.0.2.7"));
	assert_non_null(strstr(service->reason, service->path));
	by_remote(service, "errno=22\n\n");
	assert_int_equal(service->error, -EINVAL);
	assert_non_null(strstr(service->reason, "Invalid argument"));
	/* An error's SAs are none. */
	by_remote(service, "errno=2\n" SA("1", "hmac-sha1", KEY20) "\n");
	assert_int_equal(service->error, -ENOENT);
}

static void rubbish(void **state)
{
	static const char *const answers[] = {
		"\n",
		"\xff\xfe\xfd\n\n",
		"HTTP/1.1 400 Bad Request\r\n\r\n",
		"errno\n\n",
		"reason=x\nerrno=0\n" SA("1", "hmac-sha1", KEY20) "\n",
		"errno=\n\n",
		"errno=-2\n\n",
		"errno=4096\n\n",
		"errno=99999999999999999999999\n\n",
		"errno=0\n\n",
		"errno=0\nspi_r=99dcf26a4372c731\nprf=hmac-sha1\nkey=" KEY20 "\n\n",
		"errno=0\nspi_i=b503511156ca01e1\nprf=hmac-sha1\nkey=" KEY20 "\n\n",
		"errno=0\nspi_i=b503511156ca01e\nspi_r=99dcf26a4372c731\nprf=hmac-sha1\nkey=" KEY20 "\n\n",
		"errno=0\nspi_i=b503511156ca01e1ff\nspi_r=99dcf26a4372c731\nprf=hmac-sha1\nkey=" KEY20 "\n\n",
		"errno=0\nspi_i=b503511156ca01e1\nspi_r=99dcf26a4372c731\nkey=" KEY20 "\n\n",
		"errno=0\nspi_i=b503511156ca01e1\nspi_r=99dcf26a4372c731\nprf=hmac-sha1\n\n",
		/* Keys of another length than the PRF's output. */
		"errno=0\n" SA("1", "hmac-sha1", KEY16) "\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY32) "\n",
		"errno=0\n" SA("1", "aes128-cmac", KEY20) "\n",
		"errno=0\n" SA("1", "hmac-sha2-512", KEY32) "\n",
		"errno=0\n" SA("1", "hmac-sha2-512", KEY32 KEY32 "00") "\n",
		"errno=0\n" SA("1", "hmac-sha1", "") "\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20 "0") "\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY16 "1011121z") "\n",
		/* Another SA than was asked for; two; the same twice. */
		"errno=0\n" SA("2", "hmac-sha1", KEY20) "\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20) SA("2", "hmac-sha1", KEY20) "\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20) SA("1", "hmac-sha1", KEY20) "\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20) "established=soon\n\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20) "established=9223372036854775808\n\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20) "vanished=-1\n\n",
		"errno=0\n" SA("1", "hmac-sha1", KEY20) "remote_host=0123456789012345678901234567890123456789"
							"012345678901234567890123\n\n",
	};
	struct service *service = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		by_spis(service, answers[i]);
		assert_int_equal(service->error, -EPROTO);
		assert_string_not_equal(service->reason, "");
		/* Nothing of a key gets into a text for people. */
		assert_null(strstr(service->reason, "0001020304"));
	}
	by_remote(service, "errno=0\n" SA("1", "hmac-sha1", KEY20) SA("1", "hmac-sha2-256", KEY32) "\n");
	assert_int_equal(service->error, -EPROTO);
	assert_non_null(strstr(service->reason, "same SPIs"));
}

static void unknown_prfs(void **state)
{
	struct service *service = *state;

	by_remote(service, "errno=0\n" SA("1", "hmac-streebog", KEY20) SA("2", "hmac-sha1", KEY20) "\n");
	assert_int_equal(service->error, 0);
	assert_int_equal(service->count, 1);
	assert_int_equal(service->sas[0].spi_i[7], 0xe2);
	assert_non_null(strstr(service->reason, "hmac-streebog"));
	by_spis(service, "errno=0\n" SA("1", "hmac-streebog", KEY20) "\n");
	assert_int_equal(service->error, -ENOTSUP);
	assert_non_null(strstr(service->reason, "hmac-streebog"));
}

/* What does not fit is as if it had not been told: an identity that is cut would be another. */
static void long_identities(void **state)
{
	struct service *service = *state;
	char answer[1024], id[300];

	memset(id, 'i', sizeof(id));
	for (size_t len = 255; len <= 256; len++) {
		id[255] = 'i';
		id[len] = '\0';
		snprintf(answer, sizeof(answer),
			"errno=0\n" SA("1", "hmac-sha1", KEY20) "remote_id=%s\nstate=%s\n\n", id,
			"a-state-that-is-too-long");
		by_spis(service, answer);
		assert_int_equal(service->error, 0);
		assert_string_equal(service->sas[0].remote_id, len == 255 ? id : "");
		assert_string_equal(service->sas[0].state, "");
	}
}

static void closing(void **state)
{
	static const struct step half[] = {{"errno=0\nspi_i=b5", true}};
	static const struct step busy[] = {{"errno=16\nreason=too many connections\n\n", true}};
	struct service *service = *state;

	by_spis(service, NULL);
	assert_int_equal(service->error, -EPROTO);
	assert_non_null(strstr(service->reason, "closed"));
	does(service, half, 1);
	assert_non_null(fz_ippm_lookup_remote(service->loop, service->path, "::1", 5000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -EPROTO);
	does(service, busy, 1);
	assert_non_null(fz_ippm_lookup_remote(service->loop, service->path, "::1", 5000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -EBUSY);
}

static void silence_and_half_a_message(void **state)
{
	static const struct step half[] = {{"errno=0\nspi_i=b5", false}};
	struct service *service = *state;

	service->silent = true;
	assert_non_null(fz_ippm_lookup_remote(service->loop, service->path, "::1", 30, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -ETIMEDOUT);
	assert_non_null(strstr(service->reason, "did not answer"));
	assert_non_null(fz_ippm_list(service->loop, service->path, 30, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -ETIMEDOUT);
	service->silent = false;
	does(service, half, 1);
	assert_non_null(fz_ippm_lookup_remote(service->loop, service->path, "::1", 30, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -ETIMEDOUT);
}

/* wait_ms is the service's; the client's own bound lies two seconds beyond. */
static void silence_of_a_lookup_by_spis(void **state)
{
	struct service *service = *state;
	struct fizeau_mono start = fz_clock_mono();

	service->silent = true;
	assert_non_null(
		fz_ippm_lookup_spis(service->loop, service->path, spi_i, spi_r, 0, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -ETIMEDOUT);
	assert_true(fz_clock_mono().ns - start.ns >= 2000000000);
}

static void floods(void **state)
{
	static char line[1000];
	struct service *service = *state;

	memset(line, 'a', sizeof(line) - 1);
	by_remote(service, line);
	assert_int_equal(service->error, -EPROTO);
	service->flood = true;
	service->silent = true;
	assert_non_null(
		fz_ippm_lookup_remote(service->loop, service->path, "::1", 60000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -EPROTO);
}

static void no_service(void **state)
{
	struct service *service = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/none", service->dir);
	errno = 5;
	assert_null(fz_ippm_lookup_remote(service->loop, path, "::1", 30, on_result, service));
	assert_int_equal(errno, 0);
	assert_int_equal(service->calls, 1);
	assert_int_equal(service->error, -ECONNREFUSED);
	assert_non_null(strstr(service->reason, path));
	close(service->listener);
	service->listener = -1;
	assert_null(fz_ippm_lookup_spis(service->loop, service->path, spi_i, spi_r, 0, on_result, service));
	assert_int_equal(errno, 0);
	assert_int_equal(service->calls, 2);
	assert_int_equal(service->error, -ECONNREFUSED);
	assert_int_equal(fz_ippm_hold(service->path), -ECONNREFUSED);
	assert_int_equal(fz_ippm_hold(path), -ENOENT);
	/* What no line can carry is not sent. */
	assert_null(fz_ippm_lookup_remote(service->loop, path, "a\nhold=1", 30, on_result, service));
	assert_int_equal(service->calls, 3);
	assert_int_equal(service->error, -EINVAL);
}

/* A stuck daemon: its backlog is full, and nobody accepts. */
static void full_backlog(void **state)
{
	struct service *service = *state;
	int fds[200], count = 0, error = 0;

	fz_loop_remove(service->loop, service->listener);
	while (count < 200) {
		int fd = fz_unix_connect(service->path);

		if (fd < 0) {
			error = fd;
			break;
		}
		fds[count++] = fd;
	}
	assert_int_equal(error, -EAGAIN);
	assert_int_equal(fz_ippm_hold(service->path), -EAGAIN);
	assert_non_null(fz_ippm_lookup_remote(service->loop, service->path, "::1", 70, on_result, service));
	while (service->calls == 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
	assert_int_equal(service->error, -ETIMEDOUT);
	/* With room again the next try gets through. */
	assert_non_null(
		fz_ippm_lookup_remote(service->loop, service->path, "::1", 60000, on_result, service));
	while (count > 0) {
		close(accept(service->listener, NULL, NULL));
		close(fds[--count]);
	}
	service->calls = 0;
	assert_int_equal(fz_loop_add(service->loop, service->listener, EPOLLIN, on_listener, service), 0);
	does(service, &(const struct step){"errno=2\n\n", false}, 1);
	wait_for_result(service);
	assert_int_equal(service->error, -ENOENT);
}

static void a_list_of_several_pages(void **state)
{
	static const struct step steps[] = {
		{"errno=0\nmore=1\n" SA("1", "hmac-sha1", "") SA("2", "unheard-of", KEY16) "\n", false},
		/* One moved on while we were paging. */
		{"errno=0\nmore=1\n" SA("2", "unheard-of", "") SA("3", "hmac-sha1", "zz") "\n", false},
		{"errno=0\n\n", false},
	};
	struct service *service = *state;

	does(service, steps, 3);
	assert_non_null(fz_ippm_list(service->loop, service->path, 5000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, 0);
	assert_int_equal(service->connections, 1);
	assert_string_equal(service->requests[0], "list=1\n\n");
	assert_string_equal(service->requests[1], "list=1\nskip=2\n\n");
	assert_string_equal(service->requests[2], "list=1\nskip=4\n\n");
	assert_int_equal(service->count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(service->sas[i].spi_i[7], 0xe1 + i);
		assert_int_equal(service->sas[i].key_octets, 0);
	}
	assert_int_equal(service->sas[1].prf, FIZEAU_PRF_NONE);
}

static void an_empty_list(void **state)
{
	static const struct step empty[] = {{"errno=0\n\n", false}},
				 endless[] = {{"errno=0\nmore=1\n\n", false}};
	struct service *service = *state;

	does(service, empty, 1);
	assert_non_null(fz_ippm_list(service->loop, service->path, 5000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, 0);
	assert_int_equal(service->count, 0);
	does(service, endless, 1);
	assert_non_null(fz_ippm_list(service->loop, service->path, 5000, on_result, service));
	wait_for_result(service);
	assert_int_equal(service->error, -EPROTO);
}

static void cancelling(void **state)
{
	struct service *service = *state;
	struct fz_ippm_request *request;

	service->silent = true;
	request = fz_ippm_lookup_remote(service->loop, service->path, "::1", 20, on_result, service);
	assert_non_null(request);
	while (service->request_count == 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
	fz_ippm_cancel(request);
	fz_ippm_cancel(NULL);
	while (service->fd >= 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
	assert_int_equal(fz_loop_once(service->loop, (struct fizeau_mono){fz_clock_mono().ns + 30000000}), 0);
	assert_int_equal(service->calls, 0);
	/* From inside the call it does no harm. */
	service->silent = false;
	does(service, &(const struct step){"errno=2\n\n", false}, 1);
	service->cancel_in_call =
		fz_ippm_lookup_remote(service->loop, service->path, "::1", 5000, on_result, service);
	wait_for_result(service);
	assert_int_equal(service->error, -ENOENT);
}

static void hold(void **state)
{
	struct service *service = *state;
	int fd;

	does(service, &(const struct step){"errno=0\n\n", false}, 1);
	fd = fz_ippm_hold(service->path);
	assert_true(fd >= 0);
	while (service->request_count == 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
	assert_string_equal(service->requests[0], "hold=1\n\n");
	assert_true(service->fd >= 0);
	fz_ippm_release(fd);
	fz_ippm_release(-1);
	while (service->fd >= 0)
		assert_int_equal(fz_loop_once(service->loop, FIZEAU_NEVER), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_by_spis, start_service, stop_service),
		cmocka_unit_test_setup_teardown(several_by_remote, start_service, stop_service),
		cmocka_unit_test_setup_teardown(living_before_vanished, start_service, stop_service),
		cmocka_unit_test_setup_teardown(initiation, start_service, stop_service),
		cmocka_unit_test_setup_teardown(errors_of_the_service, start_service, stop_service),
		cmocka_unit_test_setup_teardown(rubbish, start_service, stop_service),
		cmocka_unit_test_setup_teardown(unknown_prfs, start_service, stop_service),
		cmocka_unit_test_setup_teardown(long_identities, start_service, stop_service),
		cmocka_unit_test_setup_teardown(closing, start_service, stop_service),
		cmocka_unit_test_setup_teardown(silence_and_half_a_message, start_service, stop_service),
		cmocka_unit_test_setup_teardown(silence_of_a_lookup_by_spis, start_service, stop_service),
		cmocka_unit_test_setup_teardown(floods, start_service, stop_service),
		cmocka_unit_test_setup_teardown(no_service, start_service, stop_service),
		cmocka_unit_test_setup_teardown(full_backlog, start_service, stop_service),
		cmocka_unit_test_setup_teardown(a_list_of_several_pages, start_service, stop_service),
		cmocka_unit_test_setup_teardown(an_empty_list, start_service, stop_service),
		cmocka_unit_test_setup_teardown(cancelling, start_service, stop_service),
		cmocka_unit_test_setup_teardown(hold, start_service, stop_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
