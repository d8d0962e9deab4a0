/* SPDX-License-Identifier: MIT */
/* The configuration: any octets as lines. What is taken must print as a configuration that is taken again, and prints
   the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds text line by line; false if a line or the whole is refused. text is taken apart. */
static bool feed(struct fz_conf *conf, char *text, bool *too_long)
{
	char error[FZ_CONF_ERROR_MAX];

	for (char *line; (line = strsep(&text, "\n"));) {
		*too_long |= strlen(line) > FZ_CONF_LINE_MAX;
		error[0] = '\0';
		if (!fz_conf_line(conf, line, error)) {
			assert(error[0] && memchr(error, '\0', sizeof(error)));
			return false;
		}
	}
	return fz_conf_finish(conf, error);
}

static char *print(const struct fz_conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert(to);
	fz_conf_print(conf, to);
	fclose(to);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	struct fz_conf *conf = fz_conf_new();
	bool too_long = false;

	assert(text && conf);
	if (size)
		memcpy(text, data, size);
	if (feed(conf, text, &too_long)) {
		struct fz_conf *again = fz_conf_new();
		char *first = print(conf), *copy = strdup(first);
		assert(again && copy);
		/* A line of nearly the greatest length may print longer than it was read. */
		if (feed(again, copy, &too_long)) {
			char *second = print(again);
			assert(!strcmp(first, second));
			free(second);
		} else {
			assert(too_long);
		}
		free(first);
		free(copy);
		fz_conf_release(again);
	}
	fz_conf_release(conf);
	free(text);
	return 0;
}
