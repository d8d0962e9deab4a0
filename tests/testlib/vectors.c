/* SPDX-License-Identifier: MIT */
#include "tests/testlib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

json_t *vectors_group(const char *file, const char *group)
{
	char path[4096];
	json_error_t error;
	json_t *root, *found;

	assert_in_range(snprintf(path, sizeof(path), "%s/%s", VECTORS_DIR, file), 1, sizeof(path) - 1);
	root = json_load_file(path, 0, &error);
	if (root == NULL)
		fail_msg("%s: line %d: %s", path, error.line, error.text);
	found = json_incref(json_object_get(root, group));
	json_decref(root);
	if (found == NULL)
		fail_msg("%s has no group %s", path, group);
	return found;
}

static unsigned digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	assert_non_null(at);
	return (unsigned)(at - digits);
}

size_t hex_octets(const char *hex, uint8_t *octets, size_t cap)
{
	size_t len = strlen(hex) / 2;

	assert_int_equal(strlen(hex) % 2, 0);
	assert_in_range(len, 0, cap);
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	return len;
}

static const json_t *member(const json_t *object, const char *name)
{
	const json_t *found = json_object_get(object, name);

	if (found == NULL)
		fail_msg("no member %s", name);
	return found;
}

const char *member_string(const json_t *object, const char *name)
{
	const char *text = json_string_value(member(object, name));

	assert_non_null(text);
	return text;
}

void member_hex(const json_t *object, const char *name, uint8_t *octets, size_t len)
{
	assert_int_equal(hex_octets(member_string(object, name), octets, len), len);
}

size_t member_hex_upto(const json_t *object, const char *name, uint8_t *octets, size_t cap)
{
	return hex_octets(member_string(object, name), octets, cap);
}

uint64_t member_u64_hex(const json_t *object, const char *name)
{
	return strtoull(member_string(object, name), NULL, 16);
}

int64_t member_int(const json_t *object, const char *name)
{
	const json_t *number = member(object, name);

	assert_true(json_is_integer(number));
	return json_integer_value(number);
}

const json_t *element_with(const json_t *array, const char *key, const char *value)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *element = json_array_get(array, i);

		if (strcmp(member_string(element, key), value) == 0)
			return element;
	}
	fail_msg("no element with %s = %s", key, value);
	return NULL;
}
