/* SPDX-License-Identifier: MIT */
/* What tests of test packets share: keys, stamps and packets of tests/vectors/test_packets.json. */
#ifndef TESTLIB_PACKETS_H
#define TESTLIB_PACKETS_H

#include <fizeau/reflector.h>
#include <fizeau/sender.h>
#include "tests/testlib/vectors.h"

#define PACKETS_MAX 256 /* longest packet of the vectors */

/* The three modes, to walk through. */
extern const enum fizeau_test_mode packets_modes[3];

/* Names of the vectors by mode: "unauthenticated", "authenticated", "encrypted". */
const char *packets_mode_name(enum fizeau_test_mode mode);

void packets_keys(struct fizeau_test_keys *keys);
/* wire or plaintext of the packet whose name begins with role ("sender", "reflector") and the mode's name.
   Returns its octets. */
size_t packets_vector(const char *role, enum fizeau_test_mode mode, const char *form, uint8_t *octets);

/* Stamps that the vectors carry: T1, T2, T3. */
extern const struct fizeau_stamp packets_t1, packets_t2, packets_t3;

/* Fails the test without memory. */
struct fizeau_sender *packets_sender(enum fizeau_test_mode mode, uint32_t padding_octets);
struct fizeau_reflector *packets_reflector(enum fizeau_test_mode mode);

#endif
