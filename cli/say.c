/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include "cli.h"

static void say(const char *format, va_list args)
{
	/* Several threads may have something to say. */
	flockfile(stderr);
	fputs("fizeau: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void fz_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void fz_explain(int verbose, const char *format, ...)
{
	va_list args;

	if (verbose < 1)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}
