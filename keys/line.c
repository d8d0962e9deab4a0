/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

void fz_line_blanks(struct fz_span *span)
{
	while (span->len > 0 && is_blank(*span->at)) {
		span->at++;
		span->len--;
	}
}

bool fz_lines_next(struct fz_lines *lines, struct fz_span *line)
{
	while (lines->at < lines->end) {
		uint8_t *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
		uint8_t *stop = newline == NULL ? lines->end : newline;

		*line = (struct fz_span){lines->at, (size_t)(stop - lines->at)};
		lines->at = newline == NULL ? lines->end : newline + 1;
		lines->number++;
		fz_line_blanks(line);
		if (line->len > 0 && *line->at != '#')
			return true;
	}
	return false;
}

struct fz_span fz_line_word(struct fz_span *line)
{
	struct fz_span word = {line->at, 0};

	while (word.len < line->len && !is_blank(word.at[word.len]))
		word.len++;
	line->at += word.len;
	line->len -= word.len;
	fz_line_blanks(line);
	return word;
}

bool fz_span_is(struct fz_span span, const char *text)
{
	return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

bool fz_lines_fail(struct fz_lines *lines, const char *format, ...)
{
	int len =
		snprintf(lines->error, lines->error_octets, "%s:%u: ", lines->path, (unsigned)lines->number);
	va_list args;

	va_start(args, format);
	if (len >= 0 && (size_t)len < lines->error_octets)
		vsnprintf(lines->error + len, lines->error_octets - (size_t)len, format, args);
	va_end(args);
	return false;
}

static int digit(uint8_t octet)
{
	if (octet >= '0' && octet <= '9')
		return octet - '0';
	if (octet >= 'a' && octet <= 'f')
		return octet - 'a' + 10;
	if (octet >= 'A' && octet <= 'F')
		return octet - 'A' + 10;
	return -1;
}

bool fz_span_unhex(struct fz_span *span)
{
	if (span->len == 0 || span->len % 2 != 0)
		return false;
	for (size_t i = 0; i < span->len; i++) {
		if (digit(span->at[i]) < 0)
			return false;
	}
	span->len /= 2;
	for (size_t i = 0; i < span->len; i++)
		span->at[i] = (uint8_t)(digit(span->at[2 * i]) << 4 | digit(span->at[2 * i + 1]));
	return true;
}
