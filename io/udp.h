/* SPDX-License-Identifier: MIT */
/* UDP sockets of test sessions: batches in and out, receive stamps, TTL, DSCP, the address a packet came to. */
#ifndef FZ_IO_UDP_H
#define FZ_IO_UDP_H

#include <stdbool.h>
#include <stdint.h>
#include "addr.h"
#include "clock.h"

struct fz_udp;

/* The buffers of a batch, in and out. One batch serves any number of sockets of one thread, so that a thousand
   sessions do not cost a thousand batches: what was read lies there until the next read of any of them, and what
   was queued for one must be flushed before anything is queued for another. */
struct fz_udp_batch;

/* size 1 .. 64 datagrams of up to packet_octets; NULL without memory or out of range. It outlives its sockets. */
struct fz_udp_batch *fz_udp_batch_new(uint32_t size, uint32_t packet_octets);
void fz_udp_batch_free(struct fz_udp_batch *batch); /* NULL is fine */

/* Sockets that share an address and port: the kernel gives each what comes from some of the peers, always the same ones. */
enum fz_udp_group {
	FZ_UDP_ALONE,
	FZ_UDP_FIRST, /* nobody else has the address: -EADDRINUSE, also if a group does */
	FZ_UDP_JOINS, /* the group of a first one, as the same user */
};

struct fz_udp_options {
	struct fz_udp_batch *shared; /* NULL: one of the socket's own, of the next two */
	uint32_t batch;          /* datagrams read or sent per call: 1 .. 64 */
	uint32_t packet_octets;  /* largest payload that will be read; longer ones arrive with truncated set */
	int receive_buffer;      /* octets wanted of SO_RCVBUF; 0: the system's */
	uint32_t bypass_mark;    /* not 0: packets go around IPsec, with this mark (io/ipsec.h) */
	bool receive_mark;       /* have the marks of packets told */
	bool icmp_news;          /* what ICMP answers to packets is counted; who sends reads transmit stamps for it */
	bool sent_stamps;        /* transmit stamps may be wanted (fz_udp_want_sent), where the kernel has them */
	enum fz_udp_group group;
	uint32_t busy_poll_us;   /* not 0: reads poll the card for so long where it can be polled (SO_BUSY_POLL) */
};

struct fz_datagram {
	uint8_t *octets;
	size_t len;
	bool truncated;
	struct fz_addr from, to;      /* to: the local address it came to, port included */
	struct fizeau_stamp received;
	uint8_t ttl;                  /* 255: unknown */
	uint8_t traffic_class;        /* DSCP and ECN as received */
	uint32_t interface;           /* index of the one it came in by; 0: unknown */
	uint32_t mark;                /* the firewall's, where it is told; else 0 */
};

/* Opens, binds (port 0: any) and sets TTL 255, receive stamps (hardware, kernel, or neither: source tells), TTL and
   class reporting, and local-drop counting. 0 or -errno. */
FIZEAU_MUST_USE int fz_udp_open(const struct fz_addr *local, const struct fz_udp_options *options, struct fz_udp **udp);
/* A socket that fz_udp_open opened in another process, for a shared batch: fd is taken over unless that fails. Of the
   options only the batch counts, the rest is as it was opened. */
FIZEAU_MUST_USE int fz_udp_adopt(int fd, const struct fz_udp_options *options, struct fz_udp **udp);
void fz_udp_close(struct fz_udp *udp); /* NULL is fine */
int fz_udp_fd(const struct fz_udp *udp);
void fz_udp_local(const struct fz_udp *udp, struct fz_addr *local);
/* What stamps this socket gives at best; USER is the fallback and is to be reported as such. */
enum fizeau_stamp_source fz_udp_stamp_source(const struct fz_udp *udp);

/* Reads a batch without waiting: number of datagrams, 0 if there is none, or -errno. They lie in the batch
   until the next read. */
FIZEAU_MUST_USE int fz_udp_read(struct fz_udp *udp, const struct fz_clock *clock, struct fz_datagram **datagrams);

/* What is longer than so many octets is of no use, and may arrive with truncated set: at first nothing is. Reading is cheaper
   where only short ones are wanted. */
void fz_udp_want_octets(struct fz_udp *udp, size_t octets);

/* Room for the next datagram to send: its buffer of packet_octets, in the batch; NULL if the batch
   is full (flush first). */
uint8_t *fz_udp_room(struct fz_udp *udp);
/* Queues what was written into fz_udp_room: to peer, from the local address `from` (NULL: the socket's), with dscp
   0 .. 63. Nothing leaves before fz_udp_flush. To be followed by fz_udp_want_sent where the moment of departure is to be
   told. */
void fz_udp_queue(struct fz_udp *udp, size_t len, const struct fz_addr *peer, const struct fz_addr *from, uint8_t dscp);
/* The queued buffers, for finishing (stamping) them right before they leave. */
uint32_t fz_udp_queued(const struct fz_udp *udp);
uint8_t *fz_udp_queued_octets(struct fz_udp *udp, uint32_t index);
/* Sends the batch, in the order of queueing. Neighbours of the same length that go the same way (peer, source, DSCP) leave
   as one train of segments, which the network sees as single datagrams; a train that the kernel or the device
   does not take (an MTU, IPsec) leaves one by one. A short count is retried once, the rest is counted as local drops, never waited for. Returns
   how many datagrams left; errors of single ones count as drops too, and the others go on: fz_udp_left tells which. */
FIZEAU_MUST_USE int fz_udp_flush(struct fz_udp *udp);
/* The same, but behind a datagram that does not leave none does: those that left are the first ones. Only the one that the
   kernel would not take is counted as a drop; the others were not tried. */
FIZEAU_MUST_USE int fz_udp_flush_in_order(struct fz_udp *udp);
/* What is queued is not sent after all. */
void fz_udp_unqueue(struct fz_udp *udp);
/* Whether the datagram of that index left with the last flush; until the next is queued. */
bool fz_udp_left(const struct fz_udp *udp, uint32_t index);

/* Transmit stamps: when a packet left the kernel, or the card. Each costs a message on the socket's error queue, which
   raises EPOLLERR until it is read. */
struct fz_sent_stamp {
	uint32_t id;               /* as it was wanted */
	struct fizeau_stamp stamp; /* KERNEL, or HARDWARE in the card's own time (fz_stamping_card_left) */
};

/* Whether there can be any: false without sent_stamps in the options, or where the kernel does not know them. */
bool fz_udp_tells_sent(const struct fz_udp *udp);
/* The transmit stamp of the datagram queued last is wanted, and told by that id; nothing where there can be none. Such a
   datagram is the first of its train: the stamp is its own. A stamp may fail to come, and that of the card comes beside
   the kernel's. On kernels before 6.13 a refused datagram may lead to the stamp of another one being told: the caller
   takes none that lies before the stamp it took itself. */
void fz_udp_want_sent(struct fz_udp *udp, uint32_t id);
/* The same for the first of what is queued: it leaves with its train all the same. */
void fz_udp_want_first_sent(struct fz_udp *udp, uint32_t id);
/* Reads a batch of transmit stamps without waiting: how many, 0 if there is none, or -errno. They lie in the batch
   until the next read of them. Other news of the error queue is passed over, ICMP's counted (icmp_news). */
FIZEAU_MUST_USE int fz_udp_read_sent(struct fz_udp *udp, const struct fz_clock *clock,
	const struct fz_sent_stamp **stamps);

/* SO_RCVBUF, at least, for a stall of 50 ms while packets of that payload come at that rate; bursts of their schedule
   included. */
int fz_udp_receive_buffer_for(uint64_t rate_pps, size_t packet_octets);
/* Makes the receive buffer at least so large, as far as the system allows; never smaller. Returns whether it is. */
bool fz_udp_receive_buffer(struct fz_udp *udp, int octets);

struct fz_udp_counters {
	uint64_t received, sent;
	uint64_t send_drops;    /* the kernel would not take them */
	uint64_t receive_drops; /* SO_RXQ_OVFL: our own socket's buffer was full */
	uint64_t icmp;          /* errors that ICMP told of, and the last one: ECONNREFUSED is "port unreachable" */
	int icmp_error;
};
void fz_udp_counters(const struct fz_udp *udp, struct fz_udp_counters *counters);

#endif
