/* SPDX-License-Identifier: MIT */
/* What tests of STAMP share: key, stamps and packets of tests/vectors/stamp.json. The stamps T1, T2 and T3 are those of
   packets.h. */
#ifndef TESTLIB_ST_PACKETS_H
#define TESTLIB_ST_PACKETS_H

#include <fizeau/st_reflector.h>
#include <fizeau/st_sender.h>
#include "tests/testlib/packets.h"

#define ST_SSID 0x0102 /* of the vectors */
#define ST_TTL 0x3b
#define ST_SEQ 7 /* the sender's number */
#define ST_REFLECTOR_SEQ 3

struct fizeau_st_key st_key(void);
/* form ("wire", "tlvs") of the packet with that name; its octets. */
size_t st_vector(const char *name, const char *form, uint8_t octets[static PACKETS_MAX]);

/* As it is received in the vectors: T2, TTL, DSCP 46 with ECT(1), from 192.0.2.1 port 40000 to 192.0.2.2 port 862. */
extern const struct fizeau_st_received st_received;

/* Fail the test where there is none. */
struct fizeau_st_sender *st_sender(const struct fizeau_st_sender_config *config);
struct fizeau_st_reflector *st_reflector(const struct fizeau_st_reflector_config *config);

/* Reflects and finishes with T3; the error, or 0. */
int st_reflect(struct fizeau_st_reflector *reflector, const uint8_t *in, size_t len, uint8_t *out, size_t cap,
	struct fizeau_st_reply *reply);
/* Writes packet seq with T1; its octets. */
size_t st_send(struct fizeau_st_sender *sender, uint32_t seq, uint8_t *out, size_t cap);

#endif
