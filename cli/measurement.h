/* SPDX-License-Identifier: MIT */
/* What the measuring commands have in common: what is found wrong before the first packet, the way to a control
   connection that takes commands, waiting on it, interruption, and the end. */
#ifndef FZ_CLI_MEASUREMENT_H
#define FZ_CLI_MEASUREMENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include "cli.h"
#include "fault.h"
#include "io/clock.h"
#include "io/loop.h"
#include "io/udp.h"
#include "options.h"
#include "result.h"
#include "setup.h"
#include "target_list.h"

/* What all measurements of a command share. */
struct fz_command {
	struct fz_measure_options options;
	struct fz_loop *loop;
	struct fz_clock clock;           /* of every session of the command */
	unsigned interrupts;             /* how often the user asked for an end */
	struct fz_passphrases *passphrases;
	struct fz_ike_static *table;
	pthread_mutex_t table_lock;
	FILE *records;                   /* --records; NULL: none */
	struct fz_target_list targets;   /* of a command that takes several: one or more */
};

/* One server. */
struct fz_measurement {
	const struct fz_measure_options *options;
	const char *host;
	uint16_t port;                   /* 0: the protocol's */
	struct fz_loop *loop;            /* what is waited on */
	struct fz_clock *clock;          /* the command's */
	unsigned *interrupts;
	const struct fz_passphrases *passphrases;
	struct fz_ike_static *table;
	pthread_mutex_t *table_lock;
	atomic_uint *computing;          /* see setup.h */
	FILE *records;
	struct fz_udp_batch *udp_batch;  /* for packets of all servers, of the command's thread; NULL: one of its own */
	uint32_t sessions;               /* that the command has at once */
	struct fz_setup setup;
	bool lost;                       /* the control connection ended, or the user did not wait for it */
	struct fz_fault *fault;          /* where it goes why this did not work; NULL: to stderr */
};

/* What a command does once everything here is found right; returns an fz_exit. */
typedef int fz_command_measure_fn(struct fz_command *command);
/* What it does with one server, once that is connected; likewise. */
typedef int fz_measure_fn(struct fz_measurement *measurement);

/* A command from its arguments to its exit status. */
int fz_command_run(enum fz_measure_command which, int argc, char **argv, fz_command_measure_fn *measure);
/* Connects to the command's only server and measures. */
int fz_command_one(struct fz_command *command, fz_measure_fn *measure);

/* A measurement of the command's first host that waits on the command's loop. */
void fz_measurement_init(struct fz_measurement *measurement, struct fz_command *command);
/* Resolves and connects; false after a complaint, or silently when interrupted. Close setup.control afterwards,
   whatever came. */
FIZEAU_MUST_USE bool fz_measurement_connect(struct fz_measurement *measurement);
/* Without a control connection: resolves, and finds the way to the first address that has one, as setup.control's peer and
   local address (port 0). False as above. */
FIZEAU_MUST_USE bool fz_measurement_find(struct fz_measurement *measurement);
/* Why this server was not measured: noted in fault, or said. */
__attribute__((format(printf, 3, 4))) void fz_measurement_fail(const struct fz_measurement *measurement,
	enum fz_fault_reason reason, const char *format, ...);

/* Waits for the answer to a command; false after a complaint, or silently when interrupted. */
FIZEAU_MUST_USE bool fz_measurement_await(struct fz_measurement *measurement, const char *under_way,
	enum fizeau_event_type wanted, struct fizeau_event *event);
/* Starts the accepted sessions, or with a SID that one, where each is started by itself; false as above. */
FIZEAU_MUST_USE bool fz_measurement_start(struct fz_measurement *measurement, const struct fizeau_sid *sid);
/* Complains of a session that was refused. */
void fz_measurement_explain_refusal(const struct fz_measurement *measurement, const char *what, uint8_t accept);
/* A UDP socket for test packets at setup.control's local address, on one of the ports wanted. NULL after a
   complaint. */
struct fz_udp *fz_measurement_udp(struct fz_measurement *measurement, size_t packet_octets);
/* Expected duration of the schedule, for people. */
int64_t fz_schedule_duration_ns(const struct fz_measure_options *options);
/* Fills what of a session's facts the options and the control connection tell. */
void fz_measurement_facts(const struct fz_measurement *measurement, struct fz_session_facts *facts);
/* Fills what of a result the set-up tells. */
void fz_measurement_result(const struct fz_measurement *measurement, struct fz_result *result);
/* The same, and prints it as the options want it, to stdout. False after a complaint. */
FIZEAU_MUST_USE bool fz_measurement_print(const struct fz_measurement *measurement, struct fz_result *result);
/* Whether --records was written to its end; false after a complaint. */
FIZEAU_MUST_USE bool fz_measurement_records_written(const struct fz_measurement *measurement, bool written);

#endif
