/* SPDX-License-Identifier: MIT */
/* The key of a STAMP session from an IKE SA with the reflector: doc/stamp-ike.md section 3, an experimental extension. */
#ifndef FZ_CLI_STAMP_IKE_H
#define FZ_CLI_STAMP_IKE_H

#include <fizeau/st.h>
#include "measurement.h"

/* As --ike says, for the reflector at setup.control's peer. True: go on, with key and what is told of it in setup; key has no
   octets if there is no SA and --ike auto does without. False after a complaint, or silently when interrupted. ssid is not
   0. Wipe the key. */
FIZEAU_MUST_USE bool fz_stamp_ike(struct fz_measurement *measurement, uint16_t ssid, struct fizeau_st_key *key);

#endif
