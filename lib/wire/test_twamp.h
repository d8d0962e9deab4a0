/* SPDX-License-Identifier: MIT */
/* The headers of TWAMP-Test packets, in clear (RFC 5357 section 4). What is encrypted, and the HMAC, is for
   lib/crypto/packet.h; padding follows the header and is not touched here. */
#ifndef FZ_WIRE_TEST_TWAMP_H
#define FZ_WIRE_TEST_TWAMP_H

#include <fizeau/sender.h>

/* How the header of a mode is laid out. */
struct fz_test_layout {
	uint8_t header;	 /* octets before the padding */
	uint8_t covered; /* first octets, under the HMAC and encrypted; 0 in open mode */
	uint8_t hmac;	 /* offset of the HMAC; 0 in open mode */
};

struct fz_test_layout fz_test_sender_layout(enum fizeau_test_mode mode);
struct fz_test_layout fz_test_reflector_layout(enum fizeau_test_mode mode);

/* A sender's packet. */
struct fz_test_sender {
	uint32_t seq;
	uint64_t ntp;
	uint16_t error; /* as it came: also with Multiplier 0 or Z */
};

/* All functions take the layout's header octets. put writes all of them, with stamp and HMAC zero; stamp
   writes Timestamp and Error Estimate; get reads. */
void fz_test_sender_put(uint8_t *octets, enum fizeau_test_mode mode, uint32_t seq);
void fz_test_sender_stamp(uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_stamp stamp);
void fz_test_sender_get(const uint8_t *octets, enum fizeau_test_mode mode, struct fz_test_sender *packet);

/* put leaves out reflect_ntp and reflector_error, which are the stamp's. */
void fz_test_reflector_put(
	uint8_t *octets, enum fizeau_test_mode mode, const struct fizeau_reflection *reflection);
void fz_test_reflector_stamp(uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_stamp stamp);
void fz_test_reflector_get(
	const uint8_t *octets, enum fizeau_test_mode mode, struct fizeau_reflection *reflection);

#endif
