/* SPDX-License-Identifier: MIT */
/* Writing and reading the file of one stored OWAMP session (store_format.h), by descriptor. */
#ifndef FZ_DAEMON_STORE_FILE_H
#define FZ_DAEMON_STORE_FILE_H

#include "store_format.h"

#define FZ_STORE_ALTERED (-EBADMSG) /* it is not what was written */

struct fz_store_writer {
	int fd;
	uint64_t check;
	uint64_t octets;  /* of the file so far */
	int error;        /* the first, -errno: nothing is written any more */
	uint32_t pending; /* records that are not in the file yet */
	uint8_t block[FZ_STORE_BLOCK_OCTETS + FZ_STORE_RECORDS_MAX];
};

/* Begins an empty file. 0 or -errno. fd stays the caller's. */
FIZEAU_MUST_USE int fz_store_writer_begin(struct fz_store_writer *writer, int fd, const struct fz_store_session *session);
/* 0 or -errno, once and for all: what is in the file by then stays readable. */
FIZEAU_MUST_USE int fz_store_writer_add(struct fz_store_writer *writer, const struct fizeau_record *record);
/* What was added is in the file afterwards, for whoever opens it; from there on it survives this process. */
FIZEAU_MUST_USE int fz_store_writer_flush(struct fz_store_writer *writer);
/* The last of a session. */
FIZEAU_MUST_USE int fz_store_writer_end(struct fz_store_writer *writer, const struct fz_store_end *end);

/* Reads a file that may be growing: what was there when it was opened. */
struct fz_store_reader {
	int fd;
	uint64_t size;                   /* of the file when opened */
	uint64_t at, records_at;         /* next block; the first one after HEAD */
	uint64_t check, check_at_records;
	struct fz_store_session session; /* from HEAD */
	struct fizeau_slot *slots;
	struct fizeau_skip_range *ranges;
	struct fz_store_end end;         /* from TAIL; how is RUNNING if there is none */
	bool torn;                       /* next ran into an incomplete block, at `at` */
	uint8_t records[FZ_STORE_RECORDS_MAX];
};

/* 0, FZ_STORE_ALTERED, or -errno. fd stays the caller's. Close also after a failure. */
FIZEAU_MUST_USE int fz_store_reader_open(struct fz_store_reader *reader, int fd);
void fz_store_reader_close(struct fz_store_reader *reader);
/* The next records, as many octets; they lie in reader->records. 0: there are no more, with torn set if the file ends
   within a block. FZ_STORE_ALTERED, or -errno. */
FIZEAU_MUST_USE int fz_store_reader_next(struct fz_store_reader *reader);
/* From the first record again. */
void fz_store_reader_rewind(struct fz_store_reader *reader);

/* A file that its writer did not come to end, since the daemon died: cuts off a torn tail and ends it as ABORTED. Does
   nothing to one that is whole. 0, FZ_STORE_ALTERED, or -errno. fd is open for reading and writing. */
FIZEAU_MUST_USE int fz_store_file_mend(int fd, uint64_t stop_ntp);

#endif
