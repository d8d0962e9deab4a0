/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of charon's kernel backends and sockets: one address, one UDP port, no IPsec SA, no route, no right that a
   plain user does not have. The address and the port come from the settings <ns>.iked.address and <ns>.iked.port. */
#ifndef IKED_KERNEL_H
#define IKED_KERNEL_H

#include <kernel/kernel_ipsec.h>
#include <kernel/kernel_net.h>
#include <network/socket.h>

kernel_ipsec_t *iked_ipsec_create(void);
kernel_net_t *iked_net_create(void);
/* NULL if the port cannot be bound. */
socket_t *iked_socket_create(void);
/* The address and port from the settings. The caller destroys it. */
host_t *iked_local_host(void);

#endif
