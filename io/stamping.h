/* SPDX-License-Identifier: MIT */
/* Stamps of a socket's datagrams, received and sent: the card's, the kernel's, or none. */
#ifndef FZ_IO_STAMPING_H
#define FZ_IO_STAMPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "addr.h"
#include "clock.h"

/* Stamps by where they are from. */
struct fz_stamp_counts {
	uint64_t hardware, kernel, user;
};

void fz_stamp_count(struct fz_stamp_counts *counts, enum fizeau_stamp_source source);
/* The worst source of any; USER of none. */
enum fizeau_stamp_source fz_stamp_worst(const struct fz_stamp_counts *counts);

/* Asks for receive stamps, best first. KERNEL if the socket gives them (the card's are seen only when they come),
   USER if neither way is there. */
enum fizeau_stamp_source fz_stamping_enable(int fd);

/* The stamp in a control message; false if it holds none. */
FIZEAU_MUST_USE bool fz_stamping_read(const struct cmsghdr *cmsg, const struct fz_clock *clock,
	struct fizeau_stamp *stamp);

/* Who gives transmit stamps the ids by which they are told apart. */
enum fz_sent_names {
	FZ_SENT_NONE,    /* there are no transmit stamps */
	FZ_SENT_COUNTED, /* the kernel: it counts the messages that a stamp was wanted of, from 0 */
	FZ_SENT_NAMED,   /* we do, with each message (Linux 6.13) */
};

/* Has transmit stamps told by the error queue of a UDP socket that is bound to local, of those datagrams that ask for
   them (fz_stamping_want). Nothing is sent. */
enum fz_sent_names fz_stamping_enable_sent(int fd, const struct fz_addr *local);
/* The kernel counts from 0 again (FZ_SENT_COUNTED): a message that failed may have been counted or not. */
void fz_stamping_recount(int fd);

/* Control messages by which a datagram asks for its transmit stamp, at `at`, which has FZ_STAMPING_WANT_OCTETS; the
   id counts only with FZ_SENT_NAMED. Returns their octets. */
#define FZ_STAMPING_WANT_OCTETS (2 * CMSG_SPACE(sizeof(uint32_t)))
size_t fz_stamping_want(uint8_t *at, enum fz_sent_names names, uint32_t id);

/* A message of the error queue: its id and the stamp. False if it tells of something else, such as an ICMP error. The
   card's stamp comes in a message of its own, after the kernel's, in the card's own time: see fz_stamping_card_left. */
FIZEAU_MUST_USE bool fz_stamping_read_sent(struct msghdr *msg, const struct fz_clock *clock, uint32_t *id,
	struct fizeau_stamp *stamp);
/* The error (errno) that ICMP told of in a message of the error queue; 0: it tells of something else. */
int fz_stamping_read_icmp(struct msghdr *msg);
/* The card's transmit stamp, which is taken only if it lies little behind the kernel's of the same packet: else its
   clock is another. The difference counts as error, as for arrivals. */
FIZEAU_MUST_USE bool fz_stamping_card_left(const struct fizeau_stamp *kernel, struct fizeau_stamp *card);

#endif
