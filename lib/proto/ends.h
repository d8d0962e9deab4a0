/* SPDX-License-Identifier: MIT */
/* What the sender of sessions says of them: skip ranges and the records of Stop-Sessions, taken block by block as they
   come in, and written. */
#ifndef FZ_PROTO_ENDS_H
#define FZ_PROTO_ENDS_H

#include "lib/wire/skip_ranges.h"
#include "lib/wire/stop_ow.h"

struct fz_ranges {
	uint32_t due, have; /* announced, and come so far */
	struct fizeau_skip_range *ranges;
	size_t cap;
};

/* That many more will come. FIZEAU_ERR_LIMIT if that makes more than FIZEAU_SKIP_RANGES_MAX. */
FIZEAU_MUST_USE int fz_ranges_expect(struct fz_ranges *r, uint32_t count);
/* A block of FZ_SKIP_RANGES_BLOCK of them, or of the last one and fill. FIZEAU_ERR_MEMORY. */
FIZEAU_MUST_USE int fz_ranges_take(struct fz_ranges *r, const uint8_t octets[static 16]);
void fz_ranges_free(struct fz_ranges *r);

struct fz_ends {
	uint32_t due, have;
	struct fizeau_session_end *ends;
	struct fz_ranges ranges; /* of all of them */
};

/* That many records will come; those before are forgotten. FIZEAU_ERR_MEMORY. */
FIZEAU_MUST_USE int fz_ends_expect(struct fz_ends *e, uint32_t count);
/* Octets of the next part: the beginning of a record, or more of its ranges; 0: all have come. */
size_t fz_ends_due(const struct fz_ends *e);
/* That part. FIZEAU_ERR_LIMIT, FIZEAU_ERR_MEMORY. */
FIZEAU_MUST_USE int fz_ends_take(struct fz_ends *e, const uint8_t *octets);
/* All have come and are proved: ends is good from now on. FIZEAU_ERR_MALFORMED as fizeau_session_end_check. */
FIZEAU_MUST_USE int fz_ends_finish(struct fz_ends *e);
void fz_ends_free(struct fz_ends *e);

/* Octets of a Stop-Sessions with these records, HMAC and all. FIZEAU_ERR_LIMIT if they have too many ranges together,
   FIZEAU_ERR_MALFORMED as fizeau_session_end_check. */
FIZEAU_MUST_USE int64_t fz_ends_octets(const struct fizeau_session_end *ends, uint32_t count);
/* In clear, with a zero HMAC field; len is fz_ends_octets. */
FIZEAU_MUST_USE int fz_ends_put(
	uint8_t accept, const struct fizeau_session_end *ends, uint32_t count, uint8_t *octets, size_t len);

#endif
