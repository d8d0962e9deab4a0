/* SPDX-License-Identifier: MIT */
/* Values of the configuration, read and written: numbers, times, modes, ports, words. */
#ifndef FZ_DAEMON_CONF_VALUE_H
#define FZ_DAEMON_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

#define FZ_WORDS_MAX 12
#define FZ_WORD_ROOM 1100 /* all words of a line with their terminators */

struct fz_words {
	size_t count;
	char *word[FZ_WORDS_MAX];
	char room[FZ_WORD_ROOM];
};

/* Splits at blanks; `#` begins a comment where a word could begin; "double quotes" hold blanks. The word pointers
   lie in words, so it must not be copied. False: error is set. */
FIZEAU_MUST_USE bool fz_words_split(const char *line, struct fz_words *words, char *error, size_t error_octets);

/* Decimal with an optional k, M or G (powers of 1000). False if it is none or above UINT64_MAX. */
FIZEAU_MUST_USE bool fz_value_number(const char *text, uint64_t *number);
/* Decimal with ns, us, ms, s, m or h, in nanoseconds. */
FIZEAU_MUST_USE bool fz_value_time(const char *text, int64_t *ns);
void fz_value_time_text(int64_t ns, char text[static 32]);
/* "open,encrypted": bits of FIZEAU_MODE_SECURITY; adds to modes. */
FIZEAU_MUST_USE bool fz_value_modes(const char *text, uint32_t *modes);
/* "symmetrical,dscp-ecn": bits of FIZEAU_MODE_FEATURES; adds to features. "none" adds none. */
FIZEAU_MUST_USE bool fz_value_features(const char *text, uint32_t *features);
FIZEAU_MUST_USE bool fz_value_yes(const char *text, uint64_t *yes);

#endif
