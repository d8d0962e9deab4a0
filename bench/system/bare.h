/* SPDX-License-Identifier: MIT */
/* The loops that fizeaud is measured against: they echo what comes, in batches as large as fizeaud's, and ask the kernel
   for what fizeaud asks (receive stamp, TTL, class, address) without looking at it. */
#ifndef FZ_BENCH_BARE_H
#define FZ_BENCH_BARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BENCH_BATCH = 32, BENCH_PACKET_MAX = 256, BENCH_BUFFER = 4 << 20 };

/* Starts one in a process of its own, on that core (-1: any), at a port of 127.0.0.1. With trains, neighbours of a batch to
   the same sender leave by one UDP_SEGMENT send. It ends with the caller. */
pid_t bench_bare_start(bool trains, int core, uint16_t *port);

/* A UDP socket at any port of that IPv4 address, with a large buffer. */
int bench_udp_socket(uint32_t address, uint16_t *port);
void bench_pin(pid_t pid, int core);

#endif
