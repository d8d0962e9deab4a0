/* SPDX-License-Identifier: MIT */
/* A key service (doc/key-service.md) that has one IKE_SA, that of control.h, and answers every lookup with it at once: what
   is measured is what asking costs fizeaud. Prints "ready", and serves until SIGTERM.

     key_table SOCKET */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <signal.h>
#include <unistd.h>
#include "control.h"

enum { CLIENTS = 64, REQUEST = 2048, ANSWER = 1024 };

struct client {
	int fd;
	size_t len;
	char request[REQUEST + 1];
};

static void hex(const uint8_t *octets, size_t count, char *text)
{
	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", octets[i]);
}

static void make_answer(char answer[static ANSWER])
{
	static const uint8_t sk_d[] = BENCH_SK_D;
	uint8_t key[FIZEAU_IKE_KEY_MAX];
	char spi_i[17], spi_r[17], text[2 * FIZEAU_IKE_KEY_MAX + 1];
	int octets = fizeau_prf_ippm(FIZEAU_PRF_HMAC_SHA2_256, sk_d, sizeof(sk_d) - 1, key);
	if (octets < 0)
		bench_fail("key", octets);
	hex((const uint8_t *)BENCH_SPI_I, 8, spi_i);
	hex((const uint8_t *)BENCH_SPI_R, 8, spi_r);
	hex(key, (size_t)octets, text);
	snprintf(answer, ANSWER,
		"errno=0\nspi_i=%s\nspi_r=%s\nprf=hmac-sha2-256\nkey=%s\nlocal_host=127.0.0.1\nremote_host=127.0.0.1\n"
		"local_id=bench.example\nremote_id=CN=bench\nauth=pubkey\nestablished=1764000000\nstate=established\n\n",
		spi_i, spi_r, text);
}

/* False when the client has gone. */
static bool serve(struct client *client, const char *answer)
{
	ssize_t n = recv(client->fd, client->request + client->len, REQUEST - client->len, 0);
	const char *end;
	if (n <= 0)
		return false;
	client->len += (size_t)n;
	client->request[client->len] = '\0';
	while ((end = strstr(client->request, "\n\n"))) {
		const char *text = strncmp(client->request, "hold=", 5) ? answer : "errno=0\n\n";
		if (send(client->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
			return false;
		client->len -= (size_t)(end + 2 - client->request);
		memmove(client->request, end + 2, client->len + 1);
	}
	return client->len < REQUEST;
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(at.sun_path))
		bench_fail(path, -ENAMETOOLONG);
	memcpy(at.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, CLIENTS) < 0)
		bench_fail(path, -errno);
	return fd;
}

int main(int argc, char **argv)
{
	static struct client clients[CLIENTS];
	struct pollfd fds[CLIENTS + 1];
	char answer[ANSWER];

	if (argc != 2) {
		fprintf(stderr, "usage: key_table SOCKET\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	make_answer(answer);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	fds[CLIENTS] = (struct pollfd){.fd = listen_at(argv[1]), .events = POLLIN};
	puts("ready");
	fflush(stdout);
	while (poll(fds, CLIENTS + 1, -1) >= 0 || errno == EINTR) {
		for (int i = 0; i < CLIENTS; i++) {
			if (fds[i].fd >= 0 && fds[i].revents && !serve(&clients[i], answer)) {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
		int free_place = 0;
		while (free_place < CLIENTS && fds[free_place].fd >= 0)
			free_place++;
		if (!fds[CLIENTS].revents || free_place == CLIENTS)
			continue;
		fds[free_place].fd = accept4(fds[CLIENTS].fd, NULL, NULL, SOCK_CLOEXEC);
		clients[free_place] = (struct client){.fd = fds[free_place].fd};
	}
	return 1;
}
