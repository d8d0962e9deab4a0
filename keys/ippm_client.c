/* SPDX-License-Identifier: MIT */
#include "ippm_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/tcp.h"
#include "ippm_answer.h"

/* What is granted beyond the time that the service itself may take. */
#define MARGIN_MS 2000
/* A full backlog tells nobody when it is worth another try. */
#define RETRY_MS 20
/* Most SAs a list is followed to: more than a service keeps. */
#define LIST_MAX 16384

struct fz_ippm_request {
	struct fz_loop *loop;
	fz_ippm_fn *fn;
	void *arg;
	enum fz_ippm_kind kind;
	uint8_t spi_i[8], spi_r[8]; /* FZ_IPPM_LOOKUP_SPIS */
	char *socket;
	int fd;	      /* -1: not connected */
	bool writing; /* waits for room in the socket */
	bool calling; /* fn is being called: a cancel must not free */
	struct fz_timer deadline, retry;

	char out[IPPM_MSG_REQUEST_MAX];
	size_t out_len, out_sent;
	struct ippm_msg_reader reader;
	struct ippm_msg_pair *pairs;
	char *in;
	size_t in_size;
	struct fz_ippm_answer *answer;

	/* FZ_IPPM_LIST: what the answers so far had. Nothing secret is in a list. */
	struct fz_ike_sa *listed;
	size_t listed_count, listed_room, skip;
};

static void on_socket(void *arg, uint32_t events);
static void on_deadline(void *arg);
static void on_retry(void *arg);

static void disconnect(struct fz_ippm_request *request)
{
	if (request->fd < 0)
		return;
	fz_loop_remove(request->loop, request->fd);
	close(request->fd);
	request->fd = -1;
}

static void free_request(struct fz_ippm_request *request)
{
	disconnect(request);
	fz_loop_timer_stop(request->loop, &request->deadline);
	fz_loop_timer_stop(request->loop, &request->retry);
	if (request->in != NULL)
		ippm_msg_reader_wipe(&request->reader);
	if (request->answer != NULL)
		fizeau_wipe(request->answer, sizeof(*request->answer));
	free(request->answer);
	free(request->listed);
	free(request->pairs);
	free(request->in);
	free(request->socket);
	free(request);
}

/* Calls back and ends the request. */
static void finish(struct fz_ippm_request *request, int error, const char *what, const struct fz_ike_sa *sas,
	size_t count)
{
	char reason[FZ_IPPM_REASON_OCTETS + 256] = "";

	disconnect(request);
	if (what != NULL && what[0] != '\0')
		snprintf(reason, sizeof(reason), "key service %s: %s", request->socket, what);
	request->calling = true;
	request->fn(request->arg, error, reason, error == 0 ? sas : NULL, error == 0 ? count : 0);
	free_request(request);
}

static void fail(struct fz_ippm_request *request, int error)
{
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		finish(request, -ECONNREFUSED,
			"nobody serves it; is the IKE daemon running, with the ippm plugin?", NULL, 0);
		break;
	case EACCES:
	case EPERM:
		finish(request, error, "permission denied; its group may use it", NULL, 0);
		break;
	case ETIMEDOUT:
		finish(request, error, "it did not answer in time", NULL, 0);
		break;
	case EAGAIN:
		finish(request, -ETIMEDOUT, "it takes no connection; is the IKE daemon stuck?", NULL, 0);
		break;
	default:
		finish(request, error, strerror(-error), NULL, 0);
		break;
	}
}

static struct ippm_msg_writer write_list_request(struct fz_ippm_request *request)
{
	struct ippm_msg_writer w = ippm_msg_writer_of(request->out, sizeof(request->out));

	ippm_msg_put(&w, "list", "1");
	if (request->skip > 0)
		ippm_msg_put_u64(&w, "skip", request->skip);
	ippm_msg_put_end(&w);
	return w;
}

/* Sends what is left; nothing if it failed, since an answer may be there all the same (too many connections).
 */
static int send_rest(struct fz_ippm_request *request)
{
	bool writing;

	while (request->out_sent < request->out_len) {
		ssize_t sent = send(request->fd, request->out + request->out_sent,
			request->out_len - request->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0)
			request->out_sent += (size_t)sent;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			request->out_sent = request->out_len;
	}
	writing = request->out_sent < request->out_len;
	if (writing == request->writing)
		return 0;
	request->writing = writing;
	return fz_loop_change(request->loop, request->fd, writing ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* 0: connected, or to be tried again by the timer. */
static int try_connect(struct fz_ippm_request *request)
{
	int fd = fz_unix_connect(request->socket), error;
	struct fizeau_mono again = {fz_clock_mono().ns + RETRY_MS * 1000000LL};

	if (fd == -EAGAIN)
		return fz_loop_timer(request->loop, &request->retry, again);
	if (fd < 0)
		return fd;
	error = fz_loop_add(request->loop, fd, EPOLLIN, on_socket, request);
	if (error != 0) {
		close(fd);
		return error;
	}
	request->fd = fd;
	return send_rest(request);
}

/* Adds those of an answer that are not there yet: while one pages through it, the table may move. */
static int add_listed(struct fz_ippm_request *request)
{
	const struct fz_ippm_answer *answer = request->answer;

	for (size_t i = 0; i < answer->count; i++) {
		const struct fz_ike_sa *sa = &answer->sas[i];
		bool known = false;

		for (size_t j = 0; j < request->listed_count && !known; j++)
			known = memcmp(request->listed[j].spi_i, sa->spi_i, 8) == 0 &&
				memcmp(request->listed[j].spi_r, sa->spi_r, 8) == 0;
		if (known)
			continue;
		if (request->listed_count == request->listed_room) {
			size_t room = request->listed_room + IPPM_MSG_ANSWER_SAS;
			struct fz_ike_sa *listed = realloc(request->listed, room * sizeof(*listed));

			if (listed == NULL)
				return -ENOMEM;
			request->listed = listed;
			request->listed_room = room;
		}
		request->listed[request->listed_count++] = *sa;
	}
	return 0;
}

static void list_answer(struct fz_ippm_request *request)
{
	int error = add_listed(request);

	request->skip += request->answer->told;
	if (error == 0 && request->answer->more && request->skip < LIST_MAX) {
		request->out_len = write_list_request(request).len;
		request->out_sent = 0;
		error = send_rest(request);
		if (error == 0)
			return;
	}
	if (error != 0)
		fail(request, error);
	else
		finish(request, 0, request->answer->reason, request->listed, request->listed_count);
}

static void take_answer(struct fz_ippm_request *request)
{
	struct fz_ippm_answer *answer = request->answer;
	int error = fz_ippm_answer_read(&request->reader, request->kind, answer);

	if (error == 0 && request->kind == FZ_IPPM_LIST) {
		list_answer(request);
		return;
	}
	if (error == 0 && request->kind == FZ_IPPM_LOOKUP_SPIS &&
		(answer->count != 1 || memcmp(answer->sas[0].spi_i, request->spi_i, 8) != 0 ||
			memcmp(answer->sas[0].spi_r, request->spi_r, 8) != 0)) {
		finish(request, -EPROTO, "its answer is wrong: it has another SA than was asked for", NULL,
			0);
		return;
	}
	finish(request, error, answer->reason, answer->sas, answer->count);
}

static void on_socket(void *arg, uint32_t events)
{
	struct fz_ippm_request *request = arg;
	enum ippm_msg_status status;
	char octets[4096];
	size_t used;
	ssize_t got;
	int error;

	if (events & EPOLLOUT) {
		error = send_rest(request);
		if (error != 0) {
			fail(request, error);
			return;
		}
	}
	got = recv(request->fd, octets, sizeof(octets), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		finish(request, got == 0 ? -EPROTO : -errno, "it closed the connection without an answer",
			NULL, 0);
		return;
	}
	/* One read a round: the loop comes back for the rest, and a flood starves nobody. */
	status = ippm_msg_feed(&request->reader, octets, (size_t)got, &used);
	fizeau_wipe(octets, (size_t)got);
	if (status == IPPM_MSG_COMPLETE)
		take_answer(request);
	else if (status != IPPM_MSG_MORE)
		finish(request, -EPROTO, ippm_msg_status_text(status), NULL, 0);
}

static void on_deadline(void *arg)
{
	struct fz_ippm_request *request = arg;

	fail(request, request->fd < 0 ? -EAGAIN : -ETIMEDOUT);
}

static void on_retry(void *arg)
{
	struct fz_ippm_request *request = arg;
	int error = try_connect(request);

	if (error != 0)
		fail(request, error);
}

static struct fz_ippm_request *new_request(
	struct fz_loop *loop, const char *socket, enum fz_ippm_kind kind, fz_ippm_fn *fn, void *arg)
{
	struct fz_ippm_request *request = calloc(1, sizeof(*request));
	/* A server may have a thousand of these under way at once, and one SA is all that can come. */
	bool small = kind == FZ_IPPM_LOOKUP_SPIS;
	size_t max_pairs = small ? 128 : IPPM_MSG_ANSWER_PAIRS;

	if (request == NULL)
		return NULL;
	request->in_size = small ? 16384 : IPPM_MSG_ANSWER_MAX;
	request->loop = loop;
	request->kind = kind;
	request->fn = fn;
	request->arg = arg;
	request->fd = -1;
	request->deadline = (struct fz_timer){.fn = on_deadline, .arg = request};
	request->retry = (struct fz_timer){.fn = on_retry, .arg = request};
	request->socket = strdup(socket);
	request->in = malloc(request->in_size);
	request->pairs = calloc(max_pairs, sizeof(*request->pairs));
	request->answer = calloc(1, sizeof(*request->answer));
	if (request->in != NULL)
		ippm_msg_reader_init(
			&request->reader, request->in, request->in_size, request->pairs, max_pairs);
	if (request->socket == NULL || request->in == NULL || request->pairs == NULL ||
		request->answer == NULL) {
		free_request(request);
		return NULL;
	}
	return request;
}

/* Sends off a request whose text has been written. */
static struct fz_ippm_request *start(struct fz_ippm_request *request, int64_t timeout_ms)
{
	struct fizeau_mono due = {fz_clock_mono().ns + timeout_ms * 1000000};
	int error = fz_loop_timer(request->loop, &request->deadline, due);

	if (error == 0)
		error = try_connect(request);
	if (error == 0)
		return request;
	if (error == -ENOMEM) {
		free_request(request);
		errno = ENOMEM;
		return NULL;
	}
	fail(request, error);
	errno = 0;
	return NULL;
}

static int64_t clamp(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

static struct fz_ippm_request *start_written(
	struct fz_ippm_request *request, const struct ippm_msg_writer *w, int64_t timeout_ms)
{
	request->out_len = w->len;
	if (!w->failed)
		return start(request, timeout_ms);
	finish(request, -EINVAL, "the request has a value that no line can carry", NULL, 0);
	errno = 0;
	return NULL;
}

/*= rfc7717#section-5.1 IK-5.1-05 */
struct fz_ippm_request *fz_ippm_lookup_remote(struct fz_loop *loop, const char *socket,
	const char *remote_host, int timeout_ms, fz_ippm_fn *fn, void *arg)
{
	struct fz_ippm_request *request = new_request(loop, socket, FZ_IPPM_LOOKUP_REMOTE, fn, arg);
	struct ippm_msg_writer w;

	if (request == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	w = ippm_msg_writer_of(request->out, sizeof(request->out));
	ippm_msg_put(&w, "lookup", "1");
	ippm_msg_put(&w, "remote_host", remote_host);
	ippm_msg_put_end(&w);
	return start_written(request, &w, timeout_ms);
}

/*= rfc7717#section-5.1 IK-5.1-05 */
struct fz_ippm_request *fz_ippm_lookup_spis(struct fz_loop *loop, const char *socket,
	const uint8_t spi_i[static 8], const uint8_t spi_r[static 8], int wait_ms, fz_ippm_fn *fn, void *arg)
{
	struct fz_ippm_request *request = new_request(loop, socket, FZ_IPPM_LOOKUP_SPIS, fn, arg);
	int64_t wait = clamp(wait_ms, 0, IPPM_MSG_WAIT_MAX_MS);
	struct ippm_msg_writer w;

	if (request == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	memcpy(request->spi_i, spi_i, 8);
	memcpy(request->spi_r, spi_r, 8);
	w = ippm_msg_writer_of(request->out, sizeof(request->out));
	ippm_msg_put(&w, "lookup", "1");
	ippm_msg_put_hex(&w, "spi_i", spi_i, 8);
	ippm_msg_put_hex(&w, "spi_r", spi_r, 8);
	ippm_msg_put_u64(&w, "wait_ms", (uint64_t)wait);
	ippm_msg_put_end(&w);
	return start_written(request, &w, wait + MARGIN_MS);
}

struct fz_ippm_request *fz_ippm_initiate(struct fz_loop *loop, const char *socket, const char *remote_host,
	bool another, int timeout_ms, fz_ippm_fn *fn, void *arg)
{
	struct fz_ippm_request *request = new_request(loop, socket, FZ_IPPM_INITIATE, fn, arg);
	int64_t timeout = clamp(timeout_ms, 1, IPPM_MSG_INITIATE_MAX_MS);
	struct ippm_msg_writer w;

	if (request == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	w = ippm_msg_writer_of(request->out, sizeof(request->out));
	ippm_msg_put(&w, "initiate", "1");
	ippm_msg_put(&w, "remote_host", remote_host);
	ippm_msg_put_u64(&w, "timeout_ms", (uint64_t)timeout);
	if (another)
		ippm_msg_put(&w, "another", "1");
	ippm_msg_put_end(&w);
	return start_written(request, &w, timeout + MARGIN_MS);
}

struct fz_ippm_request *fz_ippm_list(
	struct fz_loop *loop, const char *socket, int timeout_ms, fz_ippm_fn *fn, void *arg)
{
	struct fz_ippm_request *request = new_request(loop, socket, FZ_IPPM_LIST, fn, arg);
	struct ippm_msg_writer w;

	if (request == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	w = write_list_request(request);
	return start_written(request, &w, timeout_ms);
}

void fz_ippm_cancel(struct fz_ippm_request *request)
{
	if (request != NULL && !request->calling)
		free_request(request);
}

int fz_ippm_hold(const char *socket)
{
	static const char text[] = "hold=1\n\n";
	int fd = fz_unix_connect(socket);

	if (fd < 0)
		return fd;
	/* The buffer of a fresh socket holds it. */
	if (send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(sizeof(text) - 1)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

void fz_ippm_release(int hold)
{
	if (hold >= 0)
		close(hold);
}
