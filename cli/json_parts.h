/* SPDX-License-Identifier: MIT */
/* Pieces of fizeau.result/1 that sessions of both protocols are made of. NULL without memory, which jansson's *_new
   functions take. */
#ifndef FZ_CLI_JSON_PARTS_H
#define FZ_CLI_JSON_PARTS_H

#include <jansson.h>
#include "result.h"

/* null for NULL and for nothing. */
json_t *fz_json_text(const char *text);
json_t *fz_json_hex(const uint8_t *octets, size_t count);
json_t *fz_json_number(uint64_t value);
json_t *fz_json_valid_number(bool valid, uint64_t value);
/* part of whole, from 0; null of an empty whole. */
json_t *fz_json_ratio(uint64_t part, uint64_t whole);
json_t *fz_json_distribution(const struct fizeau_distribution *d);
/* null if addr is none (its len 0). */
json_t *fz_json_address(const struct fz_addr *addr);
/* RFC 3339, UTC, with nanoseconds; null before 1970. */
json_t *fz_json_time(int64_t unix_ns);
json_t *fz_json_clock_of(bool valid, bool synchronized, int64_t error_ns);
/* "user", "kernel", "hardware". */
json_t *fz_json_stamp(enum fizeau_stamp_source source);
/* A session's object with what it was asked to be and how it ended. */
json_t *fz_json_session(const struct fz_session_facts *facts, const char *direction);

/* A document of one server; NULL without memory. */
json_t *fz_json_result(const struct fz_result *result);
/* A session of OWAMP. */
json_t *fz_json_one_way(const struct fz_one_way_session *session);

#endif
