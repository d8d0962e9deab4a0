/* SPDX-License-Identifier: MIT */
/* The Session-Reflector of one TWAMP session (RFC 5357 section 4.2). One pure call per packet, no allocation. */
#ifndef FIZEAU_REFLECTOR_H
#define FIZEAU_REFLECTOR_H

#include "sender.h"

struct fizeau_reflector_config {
	enum fizeau_test_mode mode;
	struct fizeau_test_keys keys; /* not used in open mode; copied */
	struct fizeau_test_features features; /* server_octets does not matter here */
	bool zero_padding;            /* else the sender's padding comes back, its tail dropped (RFC 5357 4.2.1) */
};

struct fizeau_reflector;

FIZEAU_API struct fizeau_reflector *fizeau_reflector_new(const struct fizeau_reflector_config *config);
FIZEAU_API void fizeau_reflector_free(struct fizeau_reflector *reflector);

/* Checks a sender's packet and prepares its reflection in out, which has cap octets; in is left as it is.
   received is the arrival, ttl the received TTL or Hop Limit (255 if unknown), tos the received TOS or Traffic Class octet.
   Returns the reflection's octets: max(len, fizeau_reflector_header_octets). FIZEAU_ERR_LENGTH (too short, also for what is
   to come back, or cap too small), FIZEAU_ERR_HMAC: no reflection, count. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_reflector_reflect(struct fizeau_reflector *reflector, const uint8_t *in, size_t len,
	struct fizeau_stamp received, uint8_t ttl, uint8_t tos, uint8_t *out, size_t cap);
/* Writes the stamp of departure into a prepared reflection, and what must follow it. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_reflector_finish(struct fizeau_reflector *reflector, uint8_t *out,
	struct fizeau_stamp stamp);

#endif
