/* SPDX-License-Identifier: MIT */
/* Fetch-Session and its answer, Fetch-Ack. What follows an accepting one is made of lib/wire/request_session.h,
   schedule.h, skip_ranges.h and records, each with an HMAC of its own. */
#ifndef FZ_WIRE_FETCH_H
#define FZ_WIRE_FETCH_H

#include <stdbool.h>
#include <fizeau/record.h>

#define FZ_FETCH_OCTETS 48
#define FZ_FETCH_COMMAND 4
#define FZ_FETCH_ACK_OCTETS 32

struct fz_fetch {
	uint32_t begin, end; /* numbers, both included */
	uint8_t sid[FIZEAU_SID_OCTETS];
};

struct fz_fetch_ack {
	uint8_t accept;
	uint8_t finished; /* zero in a refusal, as is all that follows */
	uint32_t next_seqno, range_count, records;
};

/* FIZEAU_ERR_LENGTH unless len is FZ_FETCH_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. The HMAC is left to the
   stream. */
FIZEAU_MUST_USE int fz_fetch_get(struct fz_fetch *fetch, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_fetch_put(const struct fz_fetch *fetch, uint8_t *octets, size_t len);

/* FIZEAU_ERR_LENGTH unless len is FZ_FETCH_ACK_OCTETS. The HMAC is left to the stream. Of a refusal only accept is
   read, and written. */
FIZEAU_MUST_USE int fz_fetch_ack_get(struct fz_fetch_ack *ack, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_fetch_ack_put(const struct fz_fetch_ack *ack, uint8_t *octets, size_t len);
/* Finished says that the session is over. */
bool fz_fetch_ack_finished(const struct fz_fetch_ack *ack);

#endif
