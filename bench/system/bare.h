/* SPDX-License-Identifier: MIT */
/* The loops that fizeaud is measured against, in batches as large as its own. They ask the kernel for receive stamp, TTL,
   class and address of each packet. */
#ifndef FZ_BENCH_BARE_H
#define FZ_BENCH_BARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BENCH_BATCH = 32, BENCH_PACKET_MAX = 256, BENCH_BUFFER = 4 << 20 };

enum bench_bare {
	BENCH_ECHO,           /* sends back what came and looks at nothing: no reflector can cost less; one sendmmsg a batch */
	BENCH_ECHO_TRAINS,    /* the same; neighbours of a batch to the same sender leave by one UDP_SEGMENT send */
	BENCH_REFLECT,        /* the least that is TWAMP in open mode: T2 of the receive stamp, T3 of the clock right before the
	                         batch leaves, a number of its own, the sender's number, stamp and TTL; no session, no limit */
	BENCH_REFLECT_TRAINS,
	BENCH_BARES
};

/* Starts one in a process of its own, on that core (-1: any), at a port of 127.0.0.1. It ends with the caller. polls: it
   does not sleep. */
pid_t bench_bare_start(enum bench_bare bare, bool polls, int core, uint16_t *port);

/* A UDP socket at any port of that IPv4 address, with a large buffer. */
int bench_udp_socket(uint32_t address, uint16_t *port);
void bench_pin(pid_t pid, int core);

#endif
