/* SPDX-License-Identifier: MIT */
/* Why a server was not measured, for a program and for a person. */
#ifndef FZ_CLI_FAULT_H
#define FZ_CLI_FAULT_H

#include "cli.h"

enum fz_fault_reason {
	FZ_FAULT_NONE,
	FZ_FAULT_UNRESOLVED,  /* its name has no address */
	FZ_FAULT_UNREACHABLE, /* it takes no connection */
	FZ_FAULT_SILENT,      /* it took one, and then an answer did not come in time */
	FZ_FAULT_REFUSED,     /* it said no */
	FZ_FAULT_KEYING,      /* there is no mode, or no key, that both ends have */
	FZ_FAULT_CONNECTION,  /* the control connection ended or broke, or what it carried made no sense */
	FZ_FAULT_SENDING,     /* the kernel of this host takes no packets to it */
	FZ_FAULT_LATE,        /* every packet came back too late */
	FZ_FAULT_LOST,        /* no packet came back */
	FZ_FAULT_DISCARDED,   /* what came back was not usable */
	FZ_FAULT_LOCAL,       /* this host lacks memory, ports or descriptors */
	FZ_FAULT_INTERRUPTED, /* the user did not wait */
};

struct fz_fault {
	enum fz_fault_reason reason;
	char text[FZ_ERROR_TEXT]; /* one line; empty: nothing that a person does not know */
};

/* As scripts see it: "unresolved", "refused" ...; "none". */
const char *fz_fault_name(enum fz_fault_reason reason);

#endif
