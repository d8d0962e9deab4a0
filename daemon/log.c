/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include "log.h"

#define TOKEN_NS 1000000000ll
#define TOKENS 20

void fz_log_open(struct fz_log *log, bool to_syslog, enum fz_log_level level)
{
	memset(log, 0, sizeof(*log));
	log->syslog = to_syslog;
	log->level = level;
	if (to_syslog)
		openlog("fizeaud", LOG_PID, LOG_DAEMON);
}

/* Octets of the UTF-8 character at text; 0 if there is none. Its form alone: that is what keeps a terminal whole. */
static size_t character(const unsigned char *text)
{
	size_t len = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : text[0] >= 0xe0 && text[0] < 0xf0 ? 3 :
		text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

/* A KeyID or an identity may hold anything; a log line holds one line of text. */
static void tame(char *text)
{
	while (*text) {
		size_t len = character((const unsigned char *)text);
		if (!len || (len == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f))) {
			*text = '?';
			len = 1;
		}
		text += len;
	}
}

static void put(struct fz_log *log, enum fz_log_level level, char *text)
{
	tame(text);
	if (log->syslog)
		syslog((int)level, "%s", text);
	else
		fprintf(stderr, "fizeaud: %s%s\n", level == FZ_LOG_ERROR ? "error: " : level == FZ_LOG_WARNING ? "warning: " : "",
			text);
}

void fz_log(struct fz_log *log, enum fz_log_level level, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (level > log->level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(log, level, text);
}

static struct fz_log_bucket *bucket_of(struct fz_log *log, enum fz_log_level level, const struct fz_addr *peer)
{
	struct fz_log_bucket *buckets = level <= FZ_LOG_WARNING ? log->warnings : log->notes;
	struct fizeau_address address;
	uint32_t hash = 2166136261u;

	fz_addr_to_message(peer, &address);
	for (size_t i = 0; i < sizeof(address.octets); i++)
		hash = (hash ^ address.octets[i]) * 16777619u;
	return &buckets[(hash ^ hash >> 16) % FZ_LOG_BUCKETS];
}

/* Takes a token; false if there is none. */
static bool allowed(struct fz_log_bucket *bucket, int64_t now)
{
	if (bucket->full_at_ns < now)
		bucket->full_at_ns = now;
	if (bucket->full_at_ns + TOKEN_NS > now + TOKENS * TOKEN_NS) {
		bucket->suppressed++;
		return false;
	}
	bucket->full_at_ns += TOKEN_NS;
	return true;
}

void fz_log_peer(struct fz_log *log, enum fz_log_level level, const struct fz_addr *peer, struct fizeau_mono now,
	const char *format, ...)
{
	struct fz_log_bucket *bucket;
	char text[1024], host[FZ_ADDR_TEXT];
	va_list args;

	if (level > log->level)
		return;
	bucket = bucket_of(log, level, peer);
	if (!allowed(bucket, now.ns))
		return;
	fz_addr_text(peer, host);
	size_t at = (size_t)snprintf(text, sizeof(text), "%s: ", host);
	if (bucket->suppressed) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "(%u earlier lines left out) ",
			bucket->suppressed);
		bucket->suppressed = 0;
	}
	va_start(args, format);
	vsnprintf(text + at, sizeof(text) - at, format, args);
	va_end(args);
	put(log, level, text);
}
