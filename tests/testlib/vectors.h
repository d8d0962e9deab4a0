/* SPDX-License-Identifier: MIT */
/* The figures of tests/vectors/. Everything here fails the running test rather than return an error. */
#ifndef TESTLIB_VECTORS_H
#define TESTLIB_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

/* A group of tests/vectors/FILE; the caller gives it back with json_decref. */
json_t *vectors_group(const char *file, const char *group);
/* Octets of a hex string; fails if it has more than cap. Returns their number. */
size_t hex_octets(const char *hex, uint8_t *octets, size_t cap);
/* A member of an object: octets of a hex string, exactly len of them or up to cap; a
   hex number; the others. */
void member_hex(const json_t *object, const char *name, uint8_t *octets, size_t len);
size_t member_hex_upto(const json_t *object, const char *name, uint8_t *octets, size_t cap);
uint64_t member_u64_hex(const json_t *object, const char *name);
int64_t member_int(const json_t *object, const char *name);
const char *member_string(const json_t *object, const char *name);
/* The element of an array of objects whose member key has that value. */
const json_t *element_with(const json_t *array, const char *key, const char *value);

#endif
