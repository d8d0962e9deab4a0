/* SPDX-License-Identifier: MIT */
/* Sockets and IPsec: packets that go around it, and what a packet that came tells of its way (doc/adr/0008). */
#ifndef FZ_IO_IPSEC_H
#define FZ_IO_IPSEC_H

#include <stdbool.h>
#include <stdint.h>
#include "addr.h"

#define FZ_BYPASS_MARK 0x42u /* the mark that strongSwan's own examples keep out of the tunnel */
#define FZ_BYPASS_MARK_TEXT "0x42"
#define FZ_INTERFACE_NAME 16 /* with its NUL */

/* A firewall mark from text: 0x42 or 66; with mask also 0x42/0xff, else mask is NULL. False if it is none, or 0 (which every
   packet has), or has bits outside of the mask. */
FIZEAU_MUST_USE bool fz_mark_parse(const char *text, uint32_t *mark, uint32_t *mask);

/* Both ways past IPsec for what this socket sends and receives: a policy of its own (action allow, in and out) where the
   kernel has IPsec, and mark on every packet, for tunnels that routing leads into. version 4 or 6. -EPERM: CAP_NET_ADMIN is
   missing; nothing was done by halves then that could be taken for done. */
FIZEAU_MUST_USE int fz_ipsec_bypass(int fd, int version, uint32_t mark);
/* Whether this process could do that now, with a socket of its own: 0 or -errno. */
FIZEAU_MUST_USE int fz_ipsec_bypass_possible(uint32_t mark);

/* Has the firewall mark of every datagram told: Linux 5.19; from 6.2 to 6.4 with CAP_NET_ADMIN or CAP_NET_RAW only. 0 or
   -errno. */
FIZEAU_MUST_USE int fz_ipsec_receive_mark(int fd);
FIZEAU_MUST_USE int fz_ipsec_receive_mark_possible(void);

/* Of a TCP connection that was accepted: the interface that its handshake came in by (0: not known), and the mark that it
   inherited from it (only with the sysctl net.ipv4.tcp_fwmark_accept). 0 or -errno. */
FIZEAU_MUST_USE int fz_ipsec_of_connection(int fd, int version, uint32_t *interface, uint32_t *mark);
/* From now on the connection exists on this interface only, in both directions. Linux 5.7 without any right. */
FIZEAU_MUST_USE int fz_ipsec_pin(int fd, const char name[static FZ_INTERFACE_NAME]);

/* The index of an interface by its name; 0: there is none now. */
uint32_t fz_interface_index(const char *name);

#endif
