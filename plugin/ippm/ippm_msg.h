/* SPDX-License-Identifier: MIT */
/* Messages of the key service (doc/key-service.md): `key=value` lines, an empty line ends a message.
   Shared by the plugin, by keys/ippm_client.c and by the fuzzer: knows neither strongSwan nor libcrypto, allocates
   nothing. All memory is the caller's; whoever read or wrote keys wipes it with ippm_msg_wipe. */
#ifndef IPPM_MSG_H
#define IPPM_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPPM_MSG_LINE_MAX 512         /* octets of a line without its newline */
#define IPPM_MSG_KEY_MAX 32           /* octets of the name of a key */
#define IPPM_MSG_REQUEST_MAX 2048     /* octets of a request, newlines and the empty line included */
#define IPPM_MSG_REQUEST_PAIRS 16     /* lines of a request */
#define IPPM_MSG_ANSWER_MAX 131072    /* octets of an answer or of a message of watch */
#define IPPM_MSG_ANSWER_PAIRS 2048    /* lines of an answer */
#define IPPM_MSG_ANSWER_SAS 64        /* SAs of an answer; `more=1` says that there would be more */
#define IPPM_MSG_WAIT_MAX_MS 10000    /* longest wait_ms of a lookup */
#define IPPM_MSG_INITIATE_DEFAULT_MS 10000
#define IPPM_MSG_INITIATE_MAX_MS 60000

enum ippm_msg_status {
	IPPM_MSG_MORE = 0,      /* the message is not complete yet */
	IPPM_MSG_COMPLETE = 1,  /* an empty line ended it: its pairs can be looked at */
	IPPM_MSG_LINE_LONG = -1,
	IPPM_MSG_TOO_LONG = -2,
	IPPM_MSG_TOO_MANY = -3, /* more lines than the caller has pairs for */
	IPPM_MSG_CONTROL = -4,  /* NUL or another control character */
	IPPM_MSG_NO_EQUALS = -5,
	IPPM_MSG_BAD_KEY = -6,  /* the key is empty, too long, or not of a-z 0-9 _ */
};

struct ippm_msg_pair {
	const char *key, *value; /* into the buffer of the reader */
};

struct ippm_msg_reader {
	char *buf;
	size_t size, len, line; /* line: where the current line starts */
	struct ippm_msg_pair *pairs;
	size_t max_pairs, count;
	enum ippm_msg_status status;
};

/* A reader over the caller's memory, which must outlive it: size octets bound a message, max_pairs its lines. */
void ippm_msg_reader_init(struct ippm_msg_reader *r, char *buf, size_t size, struct ippm_msg_pair *pairs,
	size_t max_pairs);
/* Takes octets up to the end of the current message; *used says how many it took (all of them unless a message is
   complete or wrong). After IPPM_MSG_COMPLETE the next call wipes the old message and starts a new one. An error
   stays: the stream has lost its frame and can only be closed. */
enum ippm_msg_status ippm_msg_feed(struct ippm_msg_reader *r, const char *octets, size_t len, size_t *used);
/* What is wrong, for a person. Static, never NULL. */
const char *ippm_msg_status_text(enum ippm_msg_status status);
/* True while an incomplete message lies in the reader. */
bool ippm_msg_partial(const struct ippm_msg_reader *r);
/* Forgets everything that was read, and overwrites it. */
void ippm_msg_reader_wipe(struct ippm_msg_reader *r);

/* Value of the first pair with that key, NULL if there is none. Only for a complete message. */
const char *ippm_msg_get(const struct ippm_msg_reader *r, const char *key);
/* The same among the pairs from <= index < to. */
const char *ippm_msg_get_in(const struct ippm_msg_reader *r, size_t from, size_t to, const char *key);
/* Index of the first pair at or after from that begins an SA (`spi_i`); r->count if there is none. The SA ends where
   the next one begins. */
size_t ippm_msg_next_sa(const struct ippm_msg_reader *r, size_t from);
/* True if a key occurs twice. */
bool ippm_msg_has_twin(const struct ippm_msg_reader *r);

struct ippm_msg_writer {
	char *buf;
	size_t size, len;
	bool failed; /* something did not fit or must not be in a line; nothing was written since */
};

struct ippm_msg_writer ippm_msg_writer_of(char *buf, size_t size);
void ippm_msg_put(struct ippm_msg_writer *w, const char *key, const char *value);
void ippm_msg_put_u64(struct ippm_msg_writer *w, const char *key, uint64_t value);
void ippm_msg_put_hex(struct ippm_msg_writer *w, const char *key, const uint8_t *octets, size_t len);
/* The empty line. */
void ippm_msg_put_end(struct ippm_msg_writer *w);
/* True if text can be the value of a line: no control character and not too long. */
bool ippm_msg_value_ok(const char *text);

/* Octets of hex digits of either case; *len how many. False on an odd number, another character, nothing, or more than max. */
bool ippm_msg_hex(const char *text, uint8_t *octets, size_t max, size_t *len);
/* A decimal number up to max without sign or blanks. */
bool ippm_msg_u64(const char *text, uint64_t max, uint64_t *value);
/* Overwrites so that the compiler cannot leave it out. */
void ippm_msg_wipe(void *octets, size_t len);

#endif
