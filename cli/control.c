/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fizeau/keys.h>
#include "control.h"
#include "io/clock.h"
#include "io/tcp.h"

#define CONNECT_TIMEOUT_NS 10000000000
#define IN_OCTETS 16384
#define IN_OCTETS_IDLE 256
#define ANSWER_TIMEOUT_NS 15000000000 /* longer than a server waits for an IKE SA before Accept 6 */

static void watch(struct fz_control *control, uint32_t events)
{
	int rc;

	if (control->watched == events || control->fd < 0 || control->eof)
		return;
	rc = fz_loop_change(control->loop, control->fd, events);
	if (rc < 0)
		control->error = rc;
	control->watched = events;
}

static void flush(struct fz_control *control)
{
	const uint8_t *octets;
	size_t len = fizeau_control_client_output(control->client, &octets);

	while (len > 0) {
		ssize_t n = send(control->fd, octets, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				control->error = -errno;
			break;
		}
		fizeau_control_client_sent(control->client, (size_t)n);
		len = fizeau_control_client_output(control->client, &octets);
	}
	watch(control, EPOLLIN | (len > 0 ? (uint32_t)EPOLLOUT : 0));
}

/* The machine takes no octets while one of its events was not pulled: what is left is offered again. */
static void feed(struct fz_control *control)
{
	size_t taken;

	if (control->in_len == 0)
		return;
	taken = fizeau_control_client_recv(control->client, control->in, control->in_len, fz_clock_mono());
	memmove(control->in, control->in + taken, control->in_len - taken);
	control->in_len -= taken;
}

static void readable(struct fz_control *control)
{
	ssize_t n;

	if (control->in_len == control->in_room)
		return;
	n = recv(control->fd, control->in + control->in_len, control->in_room - control->in_len, 0);
	if (n > 0) {
		control->in_len += (size_t)n;
		feed(control);
	} else if (n == 0) {
		feed(control);
		fizeau_control_client_eof(control->client);
		/* Nothing more can come, and a hang-up that is watched wakes the loop for ever. */
		control->eof = true;
		fz_loop_remove(control->loop, control->fd);
	} else if (errno != EAGAIN && errno != EINTR) {
		control->error = -errno;
	}
}

static void on_socket(void *arg, uint32_t events)
{
	struct fz_control *control = arg;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		readable(control);
	if (control->error == 0 && !control->eof)
		flush(control);
	/* Without this a socket in error would wake the loop for ever. */
	if (control->error != 0) {
		fz_loop_remove(control->loop, control->fd);
		fizeau_control_client_eof(control->client);
	}
}

static void on_connect(void *arg, uint32_t events)
{
	struct fz_control *control = arg;

	(void)events;
	control->watched = 0;
}

static int wait_connected(struct fz_control *control)
{
	struct fizeau_mono began = fz_clock_mono();
	struct fizeau_mono until = {began.ns + CONNECT_TIMEOUT_NS};
	int rc = fz_loop_add(control->loop, control->fd, EPOLLOUT, on_connect, control);

	if (rc < 0)
		return rc;
	control->watched = EPOLLOUT;
	while (control->watched != 0 && rc >= 0 && *control->interrupts == 0 && fz_clock_mono().ns < until.ns)
		rc = fz_loop_once(control->loop, until);
	fz_loop_remove(control->loop, control->fd);
	if (rc < 0)
		return rc;
	if (*control->interrupts != 0)
		return -EINTR;
	if (control->watched != 0)
		return -ETIMEDOUT;
	control->connect_ns = fz_clock_mono().ns - began.ns;
	return fz_tcp_connected(control->fd, &control->local);
}

/* Room for what comes in; what is there stays. */
static bool resize(struct fz_control *control, size_t room)
{
	uint8_t *in = malloc(room);

	if (in == NULL)
		return false;
	if (control->in != NULL) {
		memcpy(in, control->in, control->in_len);
		fizeau_wipe(control->in, control->in_room);
	}
	free(control->in);
	control->in = in;
	control->in_room = room;
	return true;
}

int fz_control_open(struct fz_control *control, struct fz_loop *loop, const unsigned *interrupts,
	const struct fz_addr *peer, const struct fz_addr *source, enum fizeau_protocol protocol,
	uint32_t pbkdf2_max)
{
	struct fizeau_control_client_config config = {
		.protocol = protocol,
		.answer_timeout_ns = ANSWER_TIMEOUT_NS,
		.max_count = pbkdf2_max,
	};
	int rc;

	*control = (struct fz_control){.loop = loop, .interrupts = interrupts, .peer = *peer, .fd = -1};
	/*= rfc5357#section-3.1 TW-3.1-02 */
	rc = fz_tcp_connect(peer, source);
	if (rc < 0)
		return rc;
	control->fd = rc;
	rc = wait_connected(control);
	if (rc < 0)
		return rc;
	control->client = fizeau_control_client_new(&config, fz_clock_mono());
	if (control->client == NULL || !resize(control, IN_OCTETS))
		return -ENOMEM;
	control->watched = EPOLLIN;
	return fz_loop_add(loop, control->fd, EPOLLIN, on_socket, control);
}

void fz_control_close(struct fz_control *control)
{
	if (control->fd >= 0) {
		if (control->loop != NULL)
			fz_loop_remove(control->loop, control->fd);
		close(control->fd);
		control->fd = -1;
	}
	fizeau_control_client_free(control->client);
	control->client = NULL;
	if (control->in != NULL)
		fizeau_wipe(control->in, control->in_room);
	free(control->in);
	control->in = NULL;
	control->in_len = control->in_room = 0;
}

void fz_control_detach(struct fz_control *control)
{
	fz_loop_remove(control->loop, control->fd);
	control->loop = NULL;
	/* Without memory it stays as it is. */
	if (control->in_len <= IN_OCTETS_IDLE)
		(void)!resize(control, IN_OCTETS_IDLE);
}

int fz_control_attach(struct fz_control *control, struct fz_loop *loop, const unsigned *interrupts)
{
	control->loop = loop;
	control->interrupts = interrupts;
	control->watched = EPOLLIN;
	/* Gone already: its event waits in the machine. */
	if (control->eof || control->error != 0)
		return 0;
	return fz_loop_add(loop, control->fd, EPOLLIN, on_socket, control);
}

bool fz_control_poll(struct fz_control *control, struct fizeau_event *event)
{
	bool found = fizeau_control_client_event(control->client, event);

	if (!found) {
		feed(control);
		found = fizeau_control_client_event(control->client, event);
	}
	if (found && event->type == FIZEAU_EVENT_CLOSED)
		control->closed = event->closed.error;
	return found;
}

const char *fz_control_end_text(const struct fz_control *control)
{
	if (control->error != 0)
		return fizeau_strerror(control->error);
	return control->closed == FIZEAU_ERR_CLOSED ? "closed by the server" : fizeau_strerror(control->closed);
}

int fz_control_wait_until(struct fz_control *control, struct fizeau_mono until, struct fizeau_event *event)
{
	while (true) {
		struct fizeau_mono due, now;
		int rc;

		if (fz_control_poll(control, event))
			return 0;
		if (control->error != 0)
			return control->error;
		flush(control);
		if (control->error != 0)
			return control->error;
		due = fizeau_control_client_deadline(control->client);
		rc = fz_loop_once(control->loop, due.ns < until.ns ? due : until);
		if (rc < 0)
			return rc;
		if (*control->interrupts != 0)
			return -EINTR;
		now = fz_clock_mono();
		if (now.ns >= due.ns)
			fizeau_control_client_expire(control->client, now);
		else if (now.ns >= until.ns)
			return -ETIMEDOUT;
	}
}

int fz_control_wait(struct fz_control *control, struct fizeau_event *event)
{
	return fz_control_wait_until(control, FIZEAU_NEVER, event);
}

bool fz_control_flush(struct fz_control *control)
{
	const uint8_t *octets;

	if (control->error == 0 && !control->eof)
		flush(control);
	return control->error != 0 || control->eof || fizeau_control_client_output(control->client, &octets) == 0;
}

void fz_control_drain(struct fz_control *control, int64_t limit_ns)
{
	struct fizeau_mono until = {fz_clock_mono().ns + limit_ns};
	const uint8_t *octets;

	flush(control);
	while (control->error == 0 && fizeau_control_client_output(control->client, &octets) > 0 &&
		fz_clock_mono().ns < until.ns)
		if (fz_loop_once(control->loop, until) < 0)
			return;
}
