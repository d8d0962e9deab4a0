/* SPDX-License-Identifier: MIT */
/* The folder of stored OWAMP sessions: one file each, named by the SID that we made. What they take is counted by class,
   and they are removed when their time is over. Times are seconds of the wall clock, since they outlive us. */
#ifndef FZ_DAEMON_STORE_H
#define FZ_DAEMON_STORE_H

#include "conf.h"
#include "log.h"
#include "store_file.h"

struct fz_store;
struct fz_stored; /* a session in it, from fz_store_add to fz_stored_end or _drop */

/* Opens dir, which nobody else may have open, and counts what lies in it: sessions that a dead daemon did not end are
   ended, altered ones are named in the log. 0 or -errno: -EBUSY if another daemon has it. */
FIZEAU_MUST_USE int fz_store_open(const char *dir, struct fz_log *log, struct fz_store **store);
void fz_store_close(struct fz_store *store); /* NULL is fine */

/* A session whose records are to be stored: its file is made and begun, and room for it is set aside, of limit octets
   that its class may have. seconds: how long it will be at work, at most. 0, or
   -EFBIG   more than limit allows at all
   -EDQUOT  more than it allows now
   -ENOSPC  more than the disk has
   or another -errno. */
FIZEAU_MUST_USE int fz_store_add(struct fz_store *store, const struct fz_store_session *session, uint64_t seconds,
	uint64_t limit, struct fz_stored **stored);
/* 0 or -errno, as of fz_store_writer_add; -EDQUOT if duplicates take more than its class has left. */
FIZEAU_MUST_USE int fz_stored_add(struct fz_stored *stored, const struct fizeau_record *records, size_t count);
FIZEAU_MUST_USE int fz_stored_flush(struct fz_stored *stored);
/* The session is over; frees stored, the file stays. 0 or -errno. */
int fz_stored_end(struct fz_stored *stored, const struct fz_store_end *end, uint64_t now_s);
/* The session was never started: there is nothing to keep. */
void fz_stored_drop(struct fz_stored *stored);

/* The file of a session, for reading, with all that is known now in it: its descriptor, the caller's, or -errno;
   -ENOENT if there is none. *running: its end is yet to come. */
FIZEAU_MUST_USE int fz_store_find(struct fz_store *store, const uint8_t sid[static FIZEAU_SID_OCTETS], bool *running);

/* Removes what ended keep_s ago. */
void fz_store_expire(struct fz_store *store, uint64_t now_s, uint64_t keep_s);

/* For status. */
uint32_t fz_store_count(const struct fz_store *store);
uint64_t fz_store_used(const struct fz_store *store, const char *class_name);

#endif
