/* SPDX-License-Identifier: MIT */
/* Stop-Sessions of OWAMP: the head of lib/wire/stop.h, one record a session that its sender sends, and an HMAC. */
#ifndef FZ_WIRE_STOP_OW_H
#define FZ_WIRE_STOP_OW_H

#include <fizeau/record.h>
#include "lib/wire/stop.h"

/* The head of a record, and the first of its ranges or what fills up for it: whole blocks. */
#define FZ_STOP_RECORD_OCTETS 32

/* What FZ_STOP_RECORD_OCTETS say. The ranges beyond the first follow, two to a block of 16. */
struct fz_stop_record {
	uint8_t sid[FIZEAU_SID_OCTETS];
	uint32_t next_seqno, range_count;
	struct fizeau_skip_range first; /* if there is one */
};

/* FIZEAU_ERR_LENGTH unless len is FZ_STOP_RECORD_OCTETS. */
FIZEAU_MUST_USE int fz_stop_record_get(struct fz_stop_record *record, const uint8_t *octets, size_t len);
/* Octets of a whole record with that many ranges. */
size_t fz_stop_record_octets(uint32_t range_count);
/* The whole record. FIZEAU_ERR_LENGTH unless len is fz_stop_record_octets. */
FIZEAU_MUST_USE int fz_stop_record_put(const struct fizeau_session_end *end, uint8_t *octets, size_t len);

#endif
