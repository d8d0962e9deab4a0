/* SPDX-License-Identifier: MIT */
/* What the measuring commands have in common: what is found wrong before the first packet, the way to a control
   connection that takes commands, waiting on it, interruption, and the end. */
#ifndef FZ_CLI_MEASUREMENT_H
#define FZ_CLI_MEASUREMENT_H

#include <stdbool.h>
#include <stdio.h>
#include "cli.h"
#include "io/clock.h"
#include "io/loop.h"
#include "io/udp.h"
#include "options.h"
#include "result.h"
#include "setup.h"

struct fz_measurement {
	struct fz_measure_options options;
	struct fz_loop *loop;
	struct fz_clock clock;           /* of every session of the command */
	unsigned interrupts;             /* how often the user asked for an end */
	struct fz_passphrases *passphrases;
	struct fz_ike_static *table;
	FILE *records;                   /* --records; NULL: none */
	struct fz_setup setup;
	bool lost;                       /* the control connection ended, or the user did not wait for it */
};

/* What a command does once it is connected; returns an fz_exit. */
typedef int fz_measure_fn(struct fz_measurement *measurement);

/* A command from its arguments to its exit status. */
int fz_measurement_run(enum fz_measure_command command, int argc, char **argv, fz_measure_fn *measure);

/* Waits for the answer to a command; false after a complaint, or silently when interrupted. */
FIZEAU_MUST_USE bool fz_measurement_await(struct fz_measurement *measurement, const char *under_way,
	enum fizeau_event_type wanted, struct fizeau_event *event);
/* Starts the accepted sessions; false as above. */
FIZEAU_MUST_USE bool fz_measurement_start(struct fz_measurement *measurement);
/* Complains of a session that was refused. */
void fz_measurement_explain_refusal(const struct fz_measurement *measurement, const char *what, uint8_t accept);
/* A UDP socket for test packets at the control connection's address, on one of the ports wanted. NULL after a
   complaint. */
struct fz_udp *fz_measurement_udp(struct fz_measurement *measurement, size_t packet_octets);
/* Expected duration of the schedule, for people. */
int64_t fz_schedule_duration_ns(const struct fz_measure_options *options);
/* Fills what of a session's facts the options and the control connection tell. */
void fz_measurement_facts(const struct fz_measurement *measurement, struct fz_session_facts *facts);
/* Prints a result as the options want it, to stdout. False after a complaint. */
FIZEAU_MUST_USE bool fz_measurement_print(const struct fz_measurement *measurement, struct fz_result *result);
/* Whether --records was written to its end; false after a complaint. */
FIZEAU_MUST_USE bool fz_measurement_records_written(const struct fz_measurement *measurement, bool written);

#endif
