/* SPDX-License-Identifier: MIT */
/* The headers of TWAMP-Test packets, in clear (RFC 5357 section 4). What is encrypted, and the HMAC, is for
   lib/crypto/packet.h; padding follows the header and is not touched here. */
#ifndef FZ_WIRE_TEST_TWAMP_H
#define FZ_WIRE_TEST_TWAMP_H

#include <fizeau/sender.h>

/* How the packets of one end are laid out in a session. */
struct fz_test_layout {
	enum fizeau_test_mode mode;
	uint8_t header;	 /* octets before the padding */
	uint8_t fields;	 /* the first of them, up to the last that says something; what is left is MBZ, and in clear */
	uint8_t covered; /* first octets, under the HMAC and encrypted; 0 in open mode */
	uint8_t hmac;	 /* offset of the HMAC; 0 in open mode */
	uint32_t least;	 /* shortest packet that is taken for one */
	bool dscp_ecn;	 /* of a reflection: S-DSCP-ECN is there */
	struct fizeau_stamp_format stamps; /* that are written; without ptp all that are read are NTP, whatever Z says */
};

struct fz_test_layout fz_test_sender_layout(enum fizeau_test_mode mode, const struct fizeau_test_features *features);
struct fz_test_layout fz_test_reflector_layout(enum fizeau_test_mode mode, const struct fizeau_test_features *features);

/* A sender's packet. */
struct fz_test_sender {
	uint32_t seq;
	uint64_t ntp;   /* octets as they came, of whatever format */
	uint16_t error; /* as it came: also with Multiplier 0 or Z */
};

/* put writes all of the header, with stamp and HMAC zero; stamp writes Timestamp and Error Estimate; get reads, from the
   layout's fields. */
void fz_test_sender_put(uint8_t *octets, const struct fz_test_layout *layout, uint32_t seq);
void fz_test_sender_get(const uint8_t *octets, const struct fz_test_layout *layout, struct fz_test_sender *packet);
void fz_test_stamp(uint8_t *octets, const struct fz_test_layout *layout, struct fizeau_stamp stamp);

/* put leaves out reflect_ntp and reflector_error, which are the stamp's; sender_ntp is written as it stands there. */
void fz_test_reflector_put(
	uint8_t *octets, const struct fz_test_layout *layout, const struct fizeau_reflection *reflection);
/* Stamps are NTP then. FIZEAU_ERR_ESTIMATE for a PTPv2 stamp that is none. */
FIZEAU_MUST_USE int fz_test_reflector_get(
	const uint8_t *octets, const struct fz_test_layout *layout, struct fizeau_reflection *reflection);

#endif
