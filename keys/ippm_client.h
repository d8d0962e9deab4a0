/* SPDX-License-Identifier: MIT */
/* Client of the key service (INTERFACE section 7, doc/key-service.md) on an event loop. One connection carries one
   request at a time in order; a hold is a connection of its own. A service that dies, stalls or answers rubbish ends
   in a callback with an error, never in a hang: every request has a time-out. */
#ifndef FZ_KEYS_IPPM_CLIENT_H
#define FZ_KEYS_IPPM_CLIENT_H

#include "ike_sa.h"
#include "io/loop.h"

struct fz_ippm_request;

/* Result of a request. error: 0, -errno of the service or of the socket (-ENOENT: no such SA; -ETIMEDOUT; -EPROTO:
   rubbish; -ECONNREFUSED: no service), and reason is one line for a person. sas belong to the caller's callee only
   during the call and are wiped afterwards; those that live first, else in the order of the service: newest first. */
typedef void fz_ippm_fn(void *arg, int error, const char *reason, const struct fz_ike_sa *sas, size_t count);

/* Each starts a request and returns it (NULL: -ENOMEM, nothing will be called), or has called fn already when the
   socket failed at once and returns NULL with errno 0. It is freed after fn; cancel before that calls nothing. */
struct fz_ippm_request *fz_ippm_lookup_remote(struct fz_loop *loop, const char *socket, const char *remote_host,
	int timeout_ms, fz_ippm_fn *fn, void *arg);
struct fz_ippm_request *fz_ippm_lookup_spis(struct fz_loop *loop, const char *socket, const uint8_t spi_i[static 8],
	const uint8_t spi_r[static 8], int wait_ms, fz_ippm_fn *fn, void *arg);
/* another: even if one is up, because the peer does not know it any more. */
struct fz_ippm_request *fz_ippm_initiate(struct fz_loop *loop, const char *socket, const char *remote_host, bool another,
	int timeout_ms, fz_ippm_fn *fn, void *arg);
struct fz_ippm_request *fz_ippm_list(struct fz_loop *loop, const char *socket, int timeout_ms, fz_ippm_fn *fn,
	void *arg);
void fz_ippm_cancel(struct fz_ippm_request *request);

/* A hold: while the descriptor is open the service keeps every SA it knows now or later. A descriptor that asked for it, or
   -errno. Close it with fz_ippm_release. Answers on it are not read: keep it out of the loop. */
FIZEAU_MUST_USE int fz_ippm_hold(const char *socket);
void fz_ippm_release(int hold);

#endif
