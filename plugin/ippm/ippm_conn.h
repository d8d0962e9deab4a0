/* SPDX-License-Identifier: MIT */
/* Inside of the key service's server: a connection and what it waits for. Only the server's thread touches these. */
#ifndef IPPM_CONN_H
#define IPPM_CONN_H

#include <pthread.h>
#include <stdatomic.h>

#include "ippm_msg.h"
#include "ippm_server.h"

#define IPPM_OUT_MAX (256 * 1024)  /* octets queued for a slow reader before it is dropped */
#define IPPM_PARTIAL_MS 10000      /* for the rest of a request, and to take some octets of an answer */
#define IPPM_IDLE_MS 60000         /* without a request */
#define IPPM_EVENTS 256            /* for watchers, before the server has looked */

enum ippm_wait {
	IPPM_WAIT_NONE,
	IPPM_WAIT_SA,         /* lookup by SPIs with wait_ms */
	IPPM_WAIT_INITIATION,
};

struct ippm_conn {
	struct ippm_conn *next;
	int fd;
	struct ippm_msg_reader reader;
	char in[IPPM_MSG_REQUEST_MAX];
	struct ippm_msg_pair pairs[IPPM_MSG_REQUEST_PAIRS];
	char raw[1024];               /* read from the socket, not yet fed to the reader */
	size_t raw_at, raw_len;
	char *out;
	size_t out_len, out_sent, out_size;
	bool eof, closing, dead;      /* nothing more to read; close once out is sent; close now */
	bool watching, holding;
	int64_t hold_since, active;   /* active: when the last request was answered, or this one began */
	enum ippm_wait wait;
	int64_t deadline;
	uint8_t spi_i[IPPM_SPI_OCTETS], spi_r[IPPM_SPI_OCTETS];
	char host[64], connection[64];
	bool another;                 /* initiate: an IKE_SA besides those that are up */
	uint64_t initiation;
};

struct ippm_initiation {
	uint64_t id; /* 0: free */
	char host[64], connection[64];
	bool another, ended;
	int error;
};

struct ippm_notice {
	enum ippm_event event;
	struct ippm_sa sa;
};

#define IPPM_INITIATIONS 32

struct ippm_server {
	struct ippm_table *table;
	struct ippm_server_ops ops;
	size_t max_connections, max_initiations;
	char path[108];
	gid_t group;
	int listen_fd, wake_fd;
	struct ippm_conn *conns;
	size_t count;
	int64_t logged, accept_after;
	atomic_bool stop;
	atomic_uint watchers;
	pthread_mutex_t mutex; /* guards what follows up to scratch */
	struct ippm_notice notices[IPPM_EVENTS];
	size_t notice_count;
	bool notices_lost;
	struct ippm_initiation initiations[IPPM_INITIATIONS];
	uint64_t last_initiation;
	char scratch[IPPM_MSG_ANSWER_MAX];
	struct ippm_sa sas[IPPM_MSG_ANSWER_SAS];
};

/* Handles the request that lies complete in the reader: answers, or begins to wait. */
void ippm_request(struct ippm_server *s, struct ippm_conn *c, int64_t now);
/* Answers a waiting connection if what it waits for is there or its time is over. */
void ippm_request_again(struct ippm_server *s, struct ippm_conn *c, int64_t now);
/* Queues errno, and reason unless it is 0. */
void ippm_answer_error(struct ippm_server *s, struct ippm_conn *c, int error, const char *reason);
/* Queues a message of watch. */
void ippm_answer_notice(struct ippm_server *s, struct ippm_conn *c, const struct ippm_notice *notice);
/* Queues octets; a reader that is too slow is dead from then on. */
void ippm_conn_queue(struct ippm_conn *c, const char *octets, size_t len);

#endif
