/* SPDX-License-Identifier: MIT */
/* TCP and Unix stream sockets, always non-blocking. */
#ifndef FZ_IO_TCP_H
#define FZ_IO_TCP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "addr.h"

/* All return a descriptor or -errno. */
FIZEAU_MUST_USE int fz_tcp_listen(const struct fz_addr *local, int backlog); /* v6 sockets are v6-only */
/* peer and local are filled in. The connection answers with the DSCP of the client's SYN (RFC 5357 3.1). */
FIZEAU_MUST_USE int fz_tcp_accept(int listener, struct fz_addr *peer, struct fz_addr *local);
/* Starts a connection; source may be NULL. Done when writable: fz_tcp_connected. */
FIZEAU_MUST_USE int fz_tcp_connect(const struct fz_addr *peer, const struct fz_addr *source);
/* The same with a DSCP of 0 .. 63 on all of the connection's packets, the SYN included. */
FIZEAU_MUST_USE int fz_tcp_connect_dscp(const struct fz_addr *peer, const struct fz_addr *source, uint8_t dscp);
FIZEAU_MUST_USE int fz_tcp_connected(int fd, struct fz_addr *local); /* 0, or -errno of the connect */
FIZEAU_MUST_USE int fz_unix_listen(const char *path, mode_t mode);   /* replaces a dead socket, not a live one */
FIZEAU_MUST_USE int fz_unix_connect(const char *path);

#endif
