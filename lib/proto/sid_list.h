/* SPDX-License-Identifier: MIT */
/* SIDs of a message of RFC 5938, taken one by one as they come in. */
#ifndef FZ_PROTO_SID_LIST_H
#define FZ_PROTO_SID_LIST_H

#include <fizeau/event.h>

struct fz_sid_list {
	uint32_t due, have; /* announced, and come so far */
	struct fizeau_sid *sids;
	size_t cap;
};

/* That many will come; those before are forgotten. */
void fz_sid_list_expect(struct fz_sid_list *l, uint32_t count);
/* FIZEAU_ERR_MEMORY. */
FIZEAU_MUST_USE int fz_sid_list_take(struct fz_sid_list *l, const uint8_t octets[static FIZEAU_SID_OCTETS]);
void fz_sid_list_sort(struct fz_sid_list *l);
void fz_sid_list_free(struct fz_sid_list *l);

#endif
