/* SPDX-License-Identifier: MIT */
/* Files of lines: what is common to those that hold secrets. Nothing is copied, and no error shows what stood in a
   line, since a secret may stand in the wrong place. */
#ifndef FZ_KEYS_LINE_H
#define FZ_KEYS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

/* A run of octets in the file. */
struct fz_span {
	uint8_t *at;
	size_t len;
};

struct fz_lines {
	const char *path; /* for errors */
	uint8_t *at, *end;
	uint32_t number; /* of the line last given, from 1 */
	char *error;
	size_t error_octets;
};

/* The next line that is neither empty nor a comment, without the blanks before it and its newline; false at the end. */
FIZEAU_MUST_USE bool fz_lines_next(struct fz_lines *lines, struct fz_span *line);
/* Takes the first word of a line, up to a blank, and the blanks after it. Empty at the line's end. */
struct fz_span fz_line_word(struct fz_span *line);
void fz_line_blanks(struct fz_span *line); /* takes blanks */
bool fz_span_is(struct fz_span span, const char *text);
/* Puts FILE:LINE: and the text into error; returns false. */
bool fz_lines_fail(struct fz_lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Turns hex digits into octets where they stand; false if they are none, an odd number or something else. */
FIZEAU_MUST_USE bool fz_span_unhex(struct fz_span *span);

#endif
