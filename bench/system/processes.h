/* SPDX-License-Identifier: MIT */
/* A process and all that it has started, as one: its CPU time, and holding it. */
#ifndef FZ_BENCH_PROCESSES_H
#define FZ_BENCH_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

enum { BENCH_PROCESSES_MAX = 64 };

struct bench_processes {
	pid_t pid[BENCH_PROCESSES_MAX]; /* the first is the oldest */
	size_t count;
};

/* The process and its descendants, as they are now. */
void bench_processes_find(struct bench_processes *all, pid_t pid);
/* User and system time of them together, nanoseconds. */
double bench_processes_cpu_ns(const struct bench_processes *all);
/* Stops them (SIGSTOP) and returns when none of them runs any more. */
void bench_processes_hold(const struct bench_processes *all);
void bench_processes_release(const struct bench_processes *all);

#endif
