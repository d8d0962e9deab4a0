/* SPDX-License-Identifier: MIT */
/* One control connection of a client: the library's machine on a socket, waited on event by event. */
#ifndef FZ_CLI_CONTROL_H
#define FZ_CLI_CONTROL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <fizeau/control_client.h>
#include "io/addr.h"
#include "io/loop.h"

struct fz_control {
	struct fz_loop *loop;
	const unsigned *interrupts; /* waiting ends when it is not 0 */
	int fd;                     /* -1: not open */
	struct fizeau_control_client *client;
	struct fz_addr peer, local;
	int64_t connect_ns;         /* how long the connection took to come up */
	uint8_t *in;                /* what the machine has not taken yet */
	size_t in_len, in_room;
	uint32_t watched;           /* events the loop watches for */
	bool eof;
	int error;                  /* -errno of the socket */
	int closed;                 /* why the machine closed: FIZEAU_ERR_*, as the event told; 0: it has not */
};

/* Connects and starts the machine; control is to be closed by fz_control_close whatever is returned. 0 or -errno
   (-EINTR: interrupted, -ETIMEDOUT). */
FIZEAU_MUST_USE int fz_control_open(struct fz_control *control, struct fz_loop *loop, const unsigned *interrupts,
	const struct fz_addr *peer, const struct fz_addr *source, enum fizeau_protocol protocol,
	uint32_t pbkdf2_max);
void fz_control_close(struct fz_control *control);

/* Takes the connection out of its loop, for another thread to attach it to its own. Its buffer shrinks: little is
   expected to come from now on. */
void fz_control_detach(struct fz_control *control);
FIZEAU_MUST_USE int fz_control_attach(struct fz_control *control, struct fz_loop *loop, const unsigned *interrupts);

/* Waits for the next event: 0 with event, -EINTR, or -errno of the socket. After FIZEAU_EVENT_CLOSED no more come. */
FIZEAU_MUST_USE int fz_control_wait(struct fz_control *control, struct fizeau_event *event);
/* The same, but no longer than until: -ETIMEDOUT. */
FIZEAU_MUST_USE int fz_control_wait_until(struct fz_control *control, struct fizeau_mono until,
	struct fizeau_event *event);
/* What happened meanwhile, without waiting: true with event. */
FIZEAU_MUST_USE bool fz_control_poll(struct fz_control *control, struct fizeau_event *event);
/* Why it ended, for people. */
const char *fz_control_end_text(const struct fz_control *control);
/* Sends what the machine has to say as far as the socket takes it; the loop sends the rest. True if there is none. */
bool fz_control_flush(struct fz_control *control);
/* Sends what the machine has to say, for at most limit_ns. */
void fz_control_drain(struct fz_control *control, int64_t limit_ns);

#endif
