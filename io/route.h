/* SPDX-License-Identifier: MIT */
/* Which way the kernel would send a packet. */
#ifndef FZ_IO_ROUTE_H
#define FZ_IO_ROUTE_H

#include "addr.h"
#include "ipsec.h"

struct fz_route {
	char interface[FZ_INTERFACE_NAME];
	bool tunnel; /* it has no link below: a TUN, xfrm, VTI or other tunnel device */
};

/* The interface by which packets to there, from this address of this host (NULL: any) and with this mark (0: none), would
   leave now. 0 or -errno. */
FIZEAU_MUST_USE int fz_route_ask(const struct fz_addr *to, const struct fz_addr *from, uint32_t mark,
	struct fz_route *route);

/* The address of this host that packets to there, with this mark (0: none), would leave from; its port is 0. 0 or -errno. */
FIZEAU_MUST_USE int fz_route_source(const struct fz_addr *to, uint32_t mark, struct fz_addr *source);

#endif
