/* SPDX-License-Identifier: MIT */
/* The file of a stored OWAMP session, as octets (all numbers big-endian):

     0   8   "FzStore1"
     8       blocks: HEAD, then any number of RECS, then TAIL when the session has ended

   A block:
     0   4   what it is
     4   4   octets of its payload
     8   8   check over all blocks so far: this one's first eight octets and payload, begun with the check before it
     16      payload

   It is only ever appended to. What was cut off is a torn tail; what does not check was altered. The check finds accidents;
   who can write the file can forge it. */
#ifndef FZ_DAEMON_STORE_FORMAT_H
#define FZ_DAEMON_STORE_FORMAT_H

#include <fizeau/event.h>
#include <fizeau/record.h>

#define FZ_STORE_MAGIC_OCTETS 8u
#define FZ_STORE_BLOCK_OCTETS 16u  /* before the payload */
#define FZ_STORE_BATCH 320u        /* records of one block, at most */
#define FZ_STORE_RECORDS_MAX (FZ_STORE_BATCH * FIZEAU_RECORD_OCTETS)
#define FZ_STORE_OWNER_MAX 320u
#define FZ_STORE_CLASS_MAX 32u

enum fz_store_block {
	FZ_STORE_HEAD = 0x48454144, /* "HEAD" */
	FZ_STORE_RECS = 0x52454353,
	FZ_STORE_TAIL = 0x5441494c,
};

/* How a session ended. */
enum fz_store_how {
	FZ_STORE_RUNNING = 0,  /* not yet: there is no TAIL */
	FZ_STORE_NORMAL = 1,   /* both ends said so, and their numbers add up */
	FZ_STORE_FAILED = 2,   /* one end said otherwise, or they do not */
	FZ_STORE_BROKEN = 3,   /* the control connection broke */
	FZ_STORE_ABORTED = 4,  /* the daemon did */
};

/* HEAD: what was asked for, by whom. */
struct fz_store_session {
	struct fizeau_ow_request request; /* as answered: real ports, the SID; addresses never version 0 */
	char owner[FZ_STORE_OWNER_MAX + 1]; /* who may fetch it (fz_identity_owner); empty: who knows the SID */
	char class_name[FZ_STORE_CLASS_MAX + 1]; /* whose storage it takes */
};

/* TAIL. */
struct fz_store_end {
	enum fz_store_how how;
	uint64_t stop_ntp;                 /* when */
	uint32_t received_next;            /* one above the highest number that was received */
	uint32_t next_seqno;               /* as the sender said; 0 unless how is NORMAL */
	const struct fizeau_skip_range *ranges; /* likewise */
	uint32_t range_count;
};

extern const uint8_t fz_store_magic[FZ_STORE_MAGIC_OCTETS];

/* Octets of the payloads. */
size_t fz_store_head_octets(const struct fz_store_session *session);
size_t fz_store_tail_octets(const struct fz_store_end *end);
/* payload has just that room. */
void fz_store_head_put(const struct fz_store_session *session, uint8_t *payload);
void fz_store_tail_put(const struct fz_store_end *end, uint8_t *payload);

/* False if malformed. slots and ranges are allocated: the caller's to free, also after false. */
FIZEAU_MUST_USE bool fz_store_head_get(struct fz_store_session *session, struct fizeau_slot **slots,
	const uint8_t *payload, size_t octets);
FIZEAU_MUST_USE bool fz_store_tail_get(struct fz_store_end *end, struct fizeau_skip_range **ranges,
	const uint8_t *payload, size_t octets);

/* Writes a block's first 16 octets, and moves the check on over it. */
void fz_store_block_put(enum fz_store_block what, const uint8_t *payload, size_t octets, uint64_t *check,
	uint8_t block[static FZ_STORE_BLOCK_OCTETS]);
struct fz_store_block_head {
	uint32_t what, octets;
	uint64_t check;
};
void fz_store_block_get(struct fz_store_block_head *head, const uint8_t block[static FZ_STORE_BLOCK_OCTETS]);
/* Whether it is a block that there can be, by kind and length. */
FIZEAU_MUST_USE bool fz_store_block_possible(const struct fz_store_block_head *head);
/* Moves the check on over a block that was read; false if it was altered. */
FIZEAU_MUST_USE bool fz_store_block_check(const struct fz_store_block_head *head, const uint8_t *payload,
	uint64_t *check);

#endif
