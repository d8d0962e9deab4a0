/* SPDX-License-Identifier: MIT */
/* Whose word on the clock counts. */
#ifndef FZ_IO_CLOCK_CHOICE_H
#define FZ_IO_CLOCK_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include "io/addr.h"

enum fz_clock_source {
	FZ_CLOCK_AUTO,    /* as a choice: the kernel's word if it is synchronised, else chronyd's, else ptp4l's */
	FZ_CLOCK_KERNEL,
	FZ_CLOCK_CHRONYD,
	FZ_CLOCK_PTP4L,
};

#define FZ_CLOCK_PATH_MAX 108

struct fz_clock_choice {
	enum fz_clock_source source;
	bool given;                   /* of chronyd: address or path; of ptp4l: path; else the usual ones */
	struct fz_addr addr;          /* chronyd's; len 0: it is a path */
	char path[FZ_CLOCK_PATH_MAX]; /* Unix socket */
	uint8_t domain;               /* ptp4l's */
};

#define FZ_CLOCK_CHOICES "auto, kernel, chronyd [ADDR:PORT or PATH], ptp4l [PATH [DOMAIN]]"

/* Reads the words of a choice, as "ptp4l", "/run/ptp4lro", "24"; false if they are none of FZ_CLOCK_CHOICES. */
FIZEAU_MUST_USE bool fz_clock_choice_of(const char *const *words, size_t count, struct fz_clock_choice *choice);
/* The same of one text, with blanks between the words. */
FIZEAU_MUST_USE bool fz_clock_choice_parse(const char *text, struct fz_clock_choice *choice);
/* Its words again, but for the path, which may hold anything: "chronyd 127.0.0.1:323", "ptp4l". */
const char *fz_clock_source_name(enum fz_clock_source source);

#endif
