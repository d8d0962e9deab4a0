/* SPDX-License-Identifier: MIT */
/* Comparing what an attacker must not learn by timing; wiping is fizeau_wipe. */
#ifndef FZ_CRYPTO_SECRET_H
#define FZ_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a time that does not depend on the octets. */
bool fz_secret_equal(const uint8_t *a, const uint8_t *b, size_t len);

#endif
