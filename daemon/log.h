/* SPDX-License-Identifier: MIT */
/* Log lines: stderr in the foreground, else syslog. What a peer can cause is rate-limited per address, so that
   nobody can fill a disk or drown what others cause. Secrets never come here. */
#ifndef FZ_DAEMON_LOG_H
#define FZ_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/time.h>
#include "io/addr.h"

#define FZ_LOG_BUCKETS 256

enum fz_log_level {
	FZ_LOG_ERROR = 3, /* syslog's numbers */
	FZ_LOG_WARNING = 4,
	FZ_LOG_NOTICE = 5,
	FZ_LOG_INFO = 6,
	FZ_LOG_DEBUG = 7,
};

struct fz_log_bucket {
	int64_t full_at_ns; /* when all of its tokens would be back */
	uint32_t suppressed;
};

struct fz_log {
	bool syslog;
	enum fz_log_level level; /* what is less important is dropped */
	/* Warnings and errors have buckets of their own: what goes well must not crowd out what does not. */
	struct fz_log_bucket warnings[FZ_LOG_BUCKETS], notes[FZ_LOG_BUCKETS];
};

void fz_log_open(struct fz_log *log, bool to_syslog, enum fz_log_level level);
__attribute__((format(printf, 3, 4))) void fz_log(struct fz_log *log, enum fz_log_level level, const char *format, ...);
/* A line that this peer caused: begins with its address; at most 20 at once and one a second, warnings and
   errors counted apart from the rest. */
__attribute__((format(printf, 5, 6))) void fz_log_peer(struct fz_log *log, enum fz_log_level level,
	const struct fz_addr *peer, struct fizeau_mono now, const char *format, ...);

#endif
