/* SPDX-License-Identifier: MIT */
/* One session from a Server's storage (RFC 4656 section 3.9), into memory. */
#ifndef FZ_CLI_FETCH_H
#define FZ_CLI_FETCH_H

#include <stdbool.h>
#include <fizeau/fetch_client.h>
#include "measurement.h"

struct fz_fetched {
	struct fizeau_fetch_answer answer; /* slots and ranges lie in the next two */
	struct fizeau_slot *slots;
	struct fizeau_skip_range *ranges;
	struct fizeau_record *records;     /* proved, in order of arrival */
	size_t record_count, record_capacity;
};

enum fz_fetch_outcome {
	FZ_FETCH_DONE,
	FZ_FETCH_REFUSED, /* the connection goes on */
	FZ_FETCH_BROKEN,  /* it does not */
};

/* What is wanted; more than max_records are not taken. Free fetched whatever comes; error is one line for a person,
   empty if the user interrupted. */
FIZEAU_MUST_USE enum fz_fetch_outcome fz_fetch(struct fz_measurement *measurement,
	const uint8_t sid[static FIZEAU_SID_OCTETS], uint32_t begin, uint32_t end, size_t max_records,
	struct fz_fetched *fetched, char error[static FZ_ERROR_TEXT]);
void fz_fetched_free(struct fz_fetched *fetched);

#endif
