/* SPDX-License-Identifier: MIT */
/* One target's share of fizeau twoway or fizeau stamp: set up by a thread that waits (pool.h), measured on the command's
   loop. */
#ifndef FZ_CLI_TWOWAY_H
#define FZ_CLI_TWOWAY_H

#include "measurement.h"
#include "phase.h"
#include "stamp.h"
#include "twoway_test.h"

struct fz_twoway {
	struct fz_measurement measurement; /* its loop is the thread's until fz_twoway_begin; fault is ours */
	struct fz_loop *loop;              /* the command's */
	struct fz_test test;               /* of the command's loop */
	struct fz_stamp *stamp;            /* the test's, of a STAMP session; NULL: TWAMP, which has a control connection */
	bool opened;                       /* test is */
	bool gone;                         /* the control connection is */
	struct fizeau_mono begin;          /* of the schedule */
	int64_t unix_less_mono_ns;
	struct fz_result_session session;  /* when it is summarised */
	struct fz_fault fault;
};

/* In a thread: from the name to Start-Ack. False with fault, which is FZ_FAULT_NONE if it was interrupted; close the
   control connection in the same thread then. */
FIZEAU_MUST_USE bool fz_twoway_set_up(struct fz_twoway *twoway, const struct fz_phase *phase);
/* The same of STAMP, whose packets will carry that SSID: from the name to a socket. */
FIZEAU_MUST_USE bool fz_stamp_set_up(struct fz_twoway *twoway, const struct fz_phase *phase, uint16_t ssid);
/* Likewise: opens the test, on a socket that reads packets of that many octets. */
FIZEAU_MUST_USE bool fz_twoway_open(struct fz_twoway *twoway, size_t octets);
/* All that follows is for the thread of the command's loop.
   Takes over and starts the test. False with fault. */
FIZEAU_MUST_USE bool fz_twoway_begin(struct fz_twoway *twoway, unsigned *interrupts, const struct fz_phase *phase);
/* Whether the test is done; sees to a control connection that ended. */
bool fz_twoway_done(struct fz_twoway *twoway);
/* Its session is started and stopped by itself (RFC 5938), and this is its SID. */
bool fz_twoway_individual(const struct fz_twoway *twoway);
struct fizeau_sid fz_twoway_sid(const struct fz_twoway *twoway);
/* Sends Stop-Sessions as far as the socket takes it: fz_control_flush. */
void fz_twoway_stop(struct fz_twoway *twoway);
/* Fills session. 0 or a negative error. */
FIZEAU_MUST_USE int fz_twoway_summarise(struct fz_twoway *twoway);
/* Whether what was summarised is a measurement; else there is a fault. */
void fz_twoway_judge(struct fz_twoway *twoway);
/* The same, for what is particular to STAMP. */
void fz_stamp_judge(struct fz_twoway *twoway);
/* Of the longest packet there may be, whatever the mode. */
size_t fz_twoway_octets_max(const struct fz_measure_options *options);
size_t fz_stamp_octets_max(const struct fz_measure_options *options);
/* As fz_records_write. */
FIZEAU_MUST_USE bool fz_twoway_write_records(const struct fz_twoway *twoway, const char *target, FILE *out);
void fz_twoway_close(struct fz_twoway *twoway);

#endif
