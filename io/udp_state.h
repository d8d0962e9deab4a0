/* SPDX-License-Identifier: MIT */
/* What a socket and its batch are made of: for io/udp*.c only. */
#ifndef FZ_IO_UDP_STATE_H
#define FZ_IO_UDP_STATE_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "stamping.h"
#include "udp.h"

#define BATCH_MAX 64
/* Stamps, TTL, class, addresses, mark and drops of one datagram: about 210 octets on 64-bit machines. */
#define RECEIVE_CONTROL_OCTETS 320
/* Source address, class, segment length, and what is wanted of its transmit stamp. */
#define SEND_CONTROL_OCTETS 144
#define REFUSALS 64            /* power of two */
#define SENT_MAX 32            /* transmit stamps read at once */
#define SENT_KEYS 1024         /* power of two: more than a socket has under way */

struct receive_control {
	_Alignas(struct cmsghdr) uint8_t octets[RECEIVE_CONTROL_OCTETS];
};

struct send_control {
	_Alignas(struct cmsghdr) uint8_t octets[SEND_CONTROL_OCTETS];
};

union any_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct half {
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iovs[BATCH_MAX];
	union any_sockaddr peers[BATCH_MAX];
	uint8_t *octets; /* size times packet_octets */
};

/* What all but few datagrams fit into. The longest that may come are far apart from each other, which no TLB likes; so
   the beginnings lie together, at an odd number of cache lines, and only longer ones go to where there is room for all. */
#define HEAD_OCTETS 1600
#define CACHE_LINE 64

/* A host that the kernel takes no trains for, of segments of this length and longer: IPsec on the way, an MTU. Forgotten
   after a while, and when another host takes its place: the price is one refused call. */
struct refusal {
	const struct fz_udp *udp; /* NULL: none */
	struct fz_addr host;
	size_t len;
	uint32_t trains; /* left before it is asked again */
};

struct fz_udp_batch {
	uint32_t size;          /* datagrams */
	uint32_t packet_octets; /* of each */
	struct half in, out;
	struct iovec in_parts[BATCH_MAX][2]; /* head, and the rest of a long one, before which the head has its place */
	uint8_t *heads;         /* size times HEAD_OCTETS */
	size_t out_used;        /* octets of what is queued */
	struct receive_control in_control[BATCH_MAX];
	struct send_control out_control[BATCH_MAX];
	struct fz_datagram datagrams[BATCH_MAX];
	uint32_t queued;
	const struct fz_udp *queued_for; /* the socket that what is queued leaves by */
	bool follows[BATCH_MAX];         /* same way, class and length as the one queued before it */
	bool wanted[BATCH_MAX];          /* its transmit stamp is, by the name of ids */
	uint32_t ids[BATCH_MAX];
	bool left[BATCH_MAX];            /* of the last flush */
	uint32_t flushed;                /* how many it had */
	struct mmsghdr leaving[BATCH_MAX];
	uint32_t aboard[BATCH_MAX]; /* datagrams of each that is leaving */
	struct refusal refusals[REFUSALS];
	bool any_refusal;
	struct mmsghdr sent_msgs[SENT_MAX];
	struct receive_control sent_control[SENT_MAX];
	struct fz_sent_stamp sent_stamps[SENT_MAX];
};

struct fz_udp {
	int fd;
	struct fz_addr local;
	enum fizeau_stamp_source source;
	struct fz_udp_counters counters;
	struct fz_udp_batch *batch;
	bool own_batch;
	size_t wanted_octets; /* datagrams that are longer may be cut */
	bool icmp_news;
	bool trains; /* the kernel has UDP_SEGMENT */
	enum fz_sent_names sent_names; /* whether there are transmit stamps, and who names them */
	uint32_t *sent_keys;           /* FZ_SENT_COUNTED: ids by the kernel's count, SENT_KEYS of them */
	uint32_t sent_next;            /* the kernel's next number */
};

/* Another socket may come to lie where this one was. */
void fz_udp_forget_refusals(struct fz_udp *udp);
/* 0, or -ENOMEM; where the kernel has no transmit stamps, that is no error. */
FIZEAU_MUST_USE int fz_udp_enable_sent(struct fz_udp *udp);
/* A message that a stamp was wanted of left, or did not. */
void fz_udp_count_sent(struct fz_udp *udp, uint32_t id);
void fz_udp_count_failed(struct fz_udp *udp);
/* Whether the kernel takes trains. */
bool fz_udp_has_trains(int fd);

#endif
