/* SPDX-License-Identifier: MIT */
/* Arrays that grow with what has really come, not with what was announced. */
#ifndef FZ_PROTO_GROWN_H
#define FZ_PROTO_GROWN_H

#include <stddef.h>

/* The array, with room for one more than have elements of that many octets: old itself, or twice its size and old
   freed. NULL without memory, and then old is as it was. cap is the room so far, 0 for NULL. */
void *fz_grown(void *old, size_t have, size_t *cap, size_t octets);

#endif
