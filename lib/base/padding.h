/* SPDX-License-Identifier: MIT */
#ifndef FZ_BASE_PADDING_H
#define FZ_BASE_PADDING_H

#include <stddef.h>
#include <stdint.h>

/* The first len octets of packet seq's padding. Pseudo-random, from a seed that is the session's own, so that nothing can
   be learnt from them about other random numbers. Each number has a part of the generator's sequence to itself, so that
   what comes back can be told without being remembered. */
void fz_padding_put(uint64_t seed, uint32_t seq, uint8_t *padding, size_t len);

#endif
