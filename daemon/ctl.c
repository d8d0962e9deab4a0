/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ctl.h"
#include "io/tcp.h"

#define CLIENTS_MAX 8
#define CLIENT_NS 5000000000ll

struct client {
	struct fz_ctl *ctl;
	int fd;
	char *document;
	size_t at, len;
	struct fz_timer timer;
};

struct fz_ctl {
	struct fz_engine *engine;
	int fd;
	char path[FZ_CONF_PATH_MAX];
	struct client *clients[CLIENTS_MAX];
};

static void client_free(struct client *client)
{
	struct fz_loop *loop = client->ctl->engine->loop;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (client->ctl->clients[i] == client)
			client->ctl->clients[i] = NULL;
	}
	fz_loop_timer_stop(loop, &client->timer);
	fz_loop_remove(loop, client->fd);
	close(client->fd);
	free(client->document);
	free(client);
}

static void client_due(void *arg)
{
	client_free(arg);
}

static void client_ready(void *arg, uint32_t events)
{
	struct client *client = arg;

	while (client->at < client->len && !(events & (EPOLLERR | EPOLLHUP))) {
		ssize_t sent = send(client->fd, client->document + client->at, client->len - client->at, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0 && errno != EINTR)
			break;
		client->at += sent > 0 ? (size_t)sent : 0;
	}
	client_free(client);
}

static bool client_new(struct fz_ctl *ctl, int fd, size_t place)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return false;
	client->ctl = ctl;
	client->fd = fd;
	client->timer = (struct fz_timer){.fn = client_due, .arg = client};
	client->document = fz_ctl_document(ctl->engine);
	if (!client->document || fz_loop_add(ctl->engine->loop, fd, EPOLLOUT, client_ready, client)) {
		free(client->document);
		free(client);
		return false;
	}
	client->len = strlen(client->document);
	ctl->clients[place] = client;
	if (fz_loop_timer(ctl->engine->loop, &client->timer, (struct fizeau_mono){fz_clock_mono().ns + CLIENT_NS})) {
		client_free(client);
		return true;
	}
	return true;
}

static void ctl_ready(void *arg, uint32_t events)
{
	struct fz_ctl *ctl = arg;
	size_t place = 0;
	int fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	while (place < CLIENTS_MAX && ctl->clients[place])
		place++;
	/* Whoever is in the way of status is only another reader of it: the first one gives way. */
	if (place == CLIENTS_MAX) {
		place = 0;
		client_free(ctl->clients[0]);
	}
	if (!client_new(ctl, fd, place))
		close(fd);
}

int fz_ctl_open(struct fz_engine *engine, const char *path, struct fz_ctl **ctl)
{
	struct fz_ctl *made = calloc(1, sizeof(*made));
	int error;

	if (!made)
		return -ENOMEM;
	made->engine = engine;
	snprintf(made->path, sizeof(made->path), "%s", path);
	made->fd = fz_unix_listen(path, 0660);
	error = made->fd < 0 ? made->fd : fz_loop_add(engine->loop, made->fd, EPOLLIN, ctl_ready, made);
	if (error) {
		if (made->fd >= 0)
			close(made->fd);
		free(made);
		return error;
	}
	*ctl = made;
	return 0;
}

void fz_ctl_close(struct fz_ctl *ctl)
{
	if (!ctl)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (ctl->clients[i])
			client_free(ctl->clients[i]);
	}
	fz_loop_remove(ctl->engine->loop, ctl->fd);
	close(ctl->fd);
	unlink(ctl->path);
	free(ctl);
}
