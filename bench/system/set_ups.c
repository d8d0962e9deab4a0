/* SPDX-License-Identifier: MIT */
/* Control set-ups, one after the other, each closed when the server has accepted it: prints what they took, in
   nanoseconds. What they cost fizeaud is for the caller to see.

     set_ups PORT MODE COUNT        MODE as in control.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <netinet/in.h>
#include "io/clock.h"
#include "control.h"

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: set_ups PORT MODE COUNT\n");
		return 2;
	}
	uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
	uint32_t mode = bench_mode(argv[2]);
	long count = strtol(argv[3], NULL, 10);
	int64_t began = fz_clock_mono().ns;
	for (long i = 0; i < count; i++) {
		struct bench_control control;
		bench_control_open(&control, INADDR_LOOPBACK, port, mode);
		bench_control_close(&control);
	}
	printf("%lld\n", (long long)(fz_clock_mono().ns - began));
	return 0;
}
