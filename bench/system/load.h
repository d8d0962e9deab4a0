/* SPDX-License-Identifier: MIT */
/* Senders that keep a reflector busy, and what it spends on that. */
#ifndef FZ_BENCH_LOAD_H
#define FZ_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <fizeau/sender.h>
#include <fizeau/st_sender.h>
#include "bare.h"

enum { BENCH_SENDERS_MAX = 1000 };

struct bench_load {
	int senders; /* 1: its packets come in trains; more: one packet each in turn, so that no two neighbours are the same's */
	int round;   /* packets that wait for the reflector before it may go on; 1: it is never held back */
	int fd[BENCH_SENDERS_MAX];
	uint32_t host[BENCH_SENDERS_MAX]; /* of each, 127.0.0.1 if there is one only: fizeaud has a port for each of a host */
	uint16_t from[BENCH_SENDERS_MAX], to[BENCH_SENDERS_MAX]; /* ports */
	uint8_t packet[BENCH_BATCH][BENCH_PACKET_MAX];
	struct fizeau_sender *sender; /* that writes them; the load's own */
	struct fizeau_st_sender *stamp; /* or that of STAMP, likewise */
	long sent;                    /* so far: each sender numbers its packets from 0 on */
	size_t octets;
	uint64_t lost;
};

/* round: 1 or a multiple of BENCH_BATCH. */
void bench_load_open(struct bench_load *load, int senders, int round);
void bench_load_close(struct bench_load *load);
/* One packet of each sender, reflected before the next: STAMP's sessions begin with theirs. */
void bench_load_begin(struct bench_load *load);
/* Has so many packets (a multiple of the round) reflected by the process and all that it has started, and
   returns their CPU time for one, in nanoseconds. */
double bench_load_run(struct bench_load *load, pid_t pid, long packets);

#endif
