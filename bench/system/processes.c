/* SPDX-License-Identifier: MIT */
#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control.h"

/* State and parent from /proc/PID/stat; false if there is no such process. */
static bool look(pid_t pid, char *state, pid_t *parent)
{
	char path[64], line[512];
	int of = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	bool good = f && fgets(line, sizeof(line), f);
	if (f)
		fclose(f);
	/* The name before may hold anything but ends with the last parenthesis. */
	const char *after = good ? strrchr(line, ')') : NULL;
	good = after && sscanf(after, ") %c %d", state, &of) == 2;
	*parent = of;
	return good;
}

static bool known(const struct bench_processes *all, pid_t pid)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->pid[i] == pid)
			return true;
	}
	return false;
}

static bool find_more(struct bench_processes *all)
{
	size_t before = all->count;
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	if (!proc)
		bench_fail("/proc", -errno);
	while ((entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), parent;
		char state;
		if (pid > 0 && !known(all, pid) && look(pid, &state, &parent) && known(all, parent) &&
			all->count < BENCH_PROCESSES_MAX)
			all->pid[all->count++] = pid;
	}
	closedir(proc);
	return all->count > before;
}

void bench_processes_find(struct bench_processes *all, pid_t pid)
{
	*all = (struct bench_processes){.pid = {pid}, .count = 1};
	while (find_more(all))
		;
}

double bench_processes_cpu_ns(const struct bench_processes *all)
{
	double sum = 0;
	for (size_t i = 0; i < all->count; i++) {
		clockid_t clock;
		struct timespec spent;
		if (clock_getcpuclockid(all->pid[i], &clock) || clock_gettime(clock, &spent) < 0)
			bench_fail("CPU time of a process", -ESRCH);
		sum += (double)spent.tv_sec * 1e9 + (double)spent.tv_nsec;
	}
	return sum;
}

static bool stopped(pid_t pid)
{
	char state;
	pid_t parent;
	if (!look(pid, &state, &parent))
		bench_fail("reflector has ended", -ECHILD);
	return state == 'T';
}

void bench_processes_hold(const struct bench_processes *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (kill(all->pid[i], SIGSTOP) < 0)
			bench_fail("reflector has ended", -errno);
	}
	for (size_t i = 0; i < all->count; i++) {
		while (!stopped(all->pid[i]))
			nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	}
}

void bench_processes_release(const struct bench_processes *all)
{
	for (size_t i = 0; i < all->count; i++)
		kill(all->pid[i], SIGCONT);
}
