/* SPDX-License-Identifier: MIT */
/* Scalars are lines, objects are sections, arrays of objects are tables. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "out_status.h"

#define SCHEMA "fizeau.status/"
#define CELL 512
#define COLUMNS_MAX 32
#define DEPTH_MAX 6
#define INDENT 2
#define COUNTERS_MIN 5 /* an object of so many numbers is one of counters: zeros are left out */

static void scalar_text(const json_t *value, char text[static CELL])
{
	switch (value == NULL ? JSON_NULL : json_typeof(value)) {
	case JSON_STRING:
		snprintf(text, CELL, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(text, CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, CELL, "%.1f", json_real_value(value));
		break;
	case JSON_TRUE:
		snprintf(text, CELL, "yes");
		break;
	case JSON_FALSE:
		snprintf(text, CELL, "no");
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		snprintf(text, CELL, "...");
		break;
	case JSON_NULL:
		snprintf(text, CELL, "-");
		break;
	}
	/* A peer's identity may be in it: nothing in it may steer the terminal. */
	for (size_t i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

/* Nothing to report: null, 0, false. */
static bool is_nothing(const json_t *value)
{
	return json_is_null(value) || json_is_false(value) ||
		(json_is_integer(value) && json_integer_value(value) == 0);
}

/* Adds what fits. */
static void add(char text[static CELL], const char *part)
{
	size_t len = strlen(text), octets = strlen(part);

	if (octets > CELL - 1 - len)
		octets = CELL - 1 - len;
	memcpy(text + len, part, octets);
	text[len + octets] = '\0';
}

static void append(char text[static CELL], const char *name, const json_t *value)
{
	const json_t *member;
	char part[CELL];
	size_t i;

	if (text[0] != '\0')
		add(text, ", ");
	/* A text tells by itself what it is. */
	if (*name != '\0' && !json_is_string(value)) {
		add(text, name);
		add(text, " ");
	}
	if (!json_is_array(value)) {
		scalar_text(value, part);
		add(text, part);
		return;
	}
	json_array_foreach(value, i, member) {
		scalar_text(member, part);
		add(text, i == 0 ? "" : "/");
		add(text, part);
	}
}

/* A value on one line; of an object what there is to report. */
static void cell_text(json_t *value, char text[static CELL])
{
	const char *name;
	json_t *member;
	size_t i;

	text[0] = '\0';
	if (json_is_array(value)) {
		json_array_foreach(value, i, member) {
			append(text, "", member);
		}
	} else if (json_is_object(value)) {
		json_object_foreach(value, name, member) {
			if (!is_nothing(member))
				append(text, name, member);
		}
	} else {
		scalar_text(value, text);
	}
	if (text[0] == '\0')
		snprintf(text, CELL, "-");
}

/* People read blanks, programs underscores. */
static void put_name(const char *name, int width, FILE *out)
{
	int octets = 0;

	for (; name[octets] != '\0'; octets++)
		fputc(name[octets] == '_' ? ' ' : name[octets], out);
	fprintf(out, "%*s", width > octets ? width - octets : 0, "");
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_array_size(value) > 0 && json_is_object(json_array_get(value, 0));
}

static bool is_section(const json_t *value)
{
	return json_is_object(value) && json_object_size(value) > 0;
}

/* Of many counters those are shown that count something. */
static bool is_counters(json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		if (!json_is_integer(value))
			return false;
	}
	return json_object_size(object) >= COUNTERS_MIN;
}

static bool is_worth_showing(json_t *section)
{
	const char *name;
	json_t *value;

	if (!is_counters(section))
		return true;
	json_object_foreach(section, name, value) {
		if (!is_nothing(value))
			return true;
	}
	return false;
}

static size_t columns_of(json_t *row, const char *names[static COLUMNS_MAX])
{
	const char *name;
	json_t *value;
	size_t count = 0;

	json_object_foreach(row, name, value) {
		if (count < COLUMNS_MAX)
			names[count++] = name;
	}
	return count;
}

static void put_table(json_t *table, int indent, FILE *out)
{
	const char *names[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX], i, columns = columns_of(json_array_get(table, 0), names);
	char text[CELL];
	json_t *row;

	for (size_t c = 0; c < columns; c++) {
		widths[c] = strlen(names[c]);
		json_array_foreach(table, i, row) {
			cell_text(json_object_get(row, names[c]), text);
			if (strlen(text) > widths[c])
				widths[c] = strlen(text);
		}
	}
	fprintf(out, "%*s", indent, "");
	for (size_t c = 0; c < columns; c++)
		put_name(names[c], c + 1 == columns ? 0 : (int)widths[c] + 2, out);
	fputc('\n', out);
	json_array_foreach(table, i, row) {
		fprintf(out, "%*s", indent, "");
		for (size_t c = 0; c < columns; c++) {
			cell_text(json_object_get(row, names[c]), text);
			fprintf(out, "%-*s", c + 1 == columns ? 0 : (int)widths[c] + 2, text);
		}
		fputc('\n', out);
	}
}

static void put_lines(json_t *object, int indent, FILE *out)
{
	const char *name;
	json_t *value;
	bool counters = is_counters(object);
	char text[CELL];
	int width = 0;

	json_object_foreach(object, name, value) {
		if (!is_table(value) && !is_section(value) && (int)strlen(name) > width)
			width = (int)strlen(name);
	}
	json_object_foreach(object, name, value) {
		if (is_table(value) || is_section(value) || (indent == 0 && strcmp(name, "schema") == 0) ||
			(counters && is_nothing(value)))
			continue;
		fprintf(out, "%*s", indent, "");
		put_name(name, width + 2, out);
		cell_text(value, text);
		fprintf(out, "%s\n", text);
	}
}

static void put_object(json_t *object, int indent, FILE *out)
{
	const char *name;
	json_t *value;

	put_lines(object, indent, out);
	if (indent >= DEPTH_MAX * INDENT)
		return;
	json_object_foreach(object, name, value) {
		if (!is_table(value) && !(is_section(value) && is_worth_showing(value)))
			continue;
		if (indent == 0)
			fputc('\n', out);
		fprintf(out, "%*s", indent, "");
		put_name(name, 0, out);
		fputs(":\n", out);
		if (is_table(value))
			put_table(value, indent + INDENT, out);
		else
			put_object(value, indent + INDENT, out);
	}
}

bool fz_out_status(const char *text, size_t len, bool json, FILE *out)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *schema = json_string_value(json_object_get(root, "schema"));
	bool good = schema != NULL && strncmp(schema, SCHEMA, strlen(SCHEMA)) == 0;

	if (good && json)
		good = json_dumpf(root, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
	else if (good)
		put_object(root, 0, out);
	json_decref(root);
	return good;
}
