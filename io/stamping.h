/* SPDX-License-Identifier: MIT */
/* Receive stamps of a socket: the card's, the kernel's, or none. */
#ifndef FZ_IO_STAMPING_H
#define FZ_IO_STAMPING_H

#include <stdbool.h>
#include <sys/socket.h>
#include "clock.h"

/* Asks for receive stamps, best first. KERNEL if the socket gives them (the card's are seen only when they come),
   USER if neither way is there. */
enum fizeau_stamp_source fz_stamping_enable(int fd);

/* The stamp in a control message; false if it holds none. */
FIZEAU_MUST_USE bool fz_stamping_read(const struct cmsghdr *cmsg, const struct fz_clock *clock,
	struct fizeau_stamp *stamp);

#endif
