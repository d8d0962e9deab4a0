/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <fizeau/event.h>
#include "conf_value.h"
#include "conf.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool fz_words_split(const char *line, struct fz_words *words, char *error, size_t error_octets)
{
	char *to = words->room, *end = words->room + sizeof(words->room);

	words->count = 0;
	for (;;) {
		while (blank(*line))
			line++;
		if (*line == '\0' || *line == '#')
			return true;
		if (words->count == FZ_WORDS_MAX) {
			snprintf(error, error_octets, "too many words, at most %d on a line", FZ_WORDS_MAX);
			return false;
		}
		words->word[words->count++] = to;
		bool quoted = false;
		for (; *line != '\0' && (quoted || !blank(*line)); line++) {
			if (*line == '"') {
				quoted = !quoted;
				continue;
			}
			if (to + 1 >= end) {
				snprintf(error, error_octets, "line too long, at most %d characters", FZ_CONF_LINE_MAX);
				return false;
			}
			*to++ = *line;
		}
		if (quoted) {
			snprintf(error, error_octets, "a quotation that does not end, write \"...\"");
			return false;
		}
		if (to >= end) {
			snprintf(error, error_octets, "line too long, at most %d characters", FZ_CONF_LINE_MAX);
			return false;
		}
		*to++ = '\0';
	}
}

/* Digits at the start of text; NULL if there are none or they do not fit. */
static const char *digits(const char *text, uint64_t *number)
{
	uint64_t n = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return NULL;
	}
	*number = n;
	return text;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: the text of a time takes the first that divides it. */
static const struct unit times[] = {
	{"h", 3600000000000u}, {"m", 60000000000u}, {"s", 1000000000u}, {"ms", 1000000u}, {"us", 1000u}, {"ns", 1u},
};
static const struct unit sizes[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}};

static bool with_unit(const char *text, const struct unit *units, size_t count, uint64_t *number)
{
	uint64_t n;
	const char *rest = digits(text, &n);

	if (!rest)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(rest, units[i].name))
			return !__builtin_mul_overflow(n, units[i].factor, number);
	}
	return false;
}

bool fz_value_number(const char *text, uint64_t *number)
{
	return with_unit(text, sizes, sizeof(sizes) / sizeof(sizes[0]), number);
}

bool fz_value_time(const char *text, int64_t *ns)
{
	uint64_t n;

	if (!with_unit(text, times, sizeof(times) / sizeof(times[0]), &n) || n > INT64_MAX)
		return false;
	*ns = (int64_t)n;
	return true;
}

void fz_value_time_text(int64_t ns, char text[static 32])
{
	size_t i = 0;

	if (ns == 0) {
		snprintf(text, 32, "0s");
		return;
	}
	while ((uint64_t)ns % times[i].factor)
		i++;
	snprintf(text, 32, "%llu%s", (unsigned long long)((uint64_t)ns / times[i].factor), times[i].name);
}

struct mode_name {
	const char *name;
	uint32_t bit;
};

static const struct mode_name mode_names[] = {
	{"open", FIZEAU_MODE_OPEN},
	{"authenticated", FIZEAU_MODE_AUTHENTICATED},
	{"encrypted", FIZEAU_MODE_ENCRYPTED},
	{"mixed", FIZEAU_MODE_MIXED},
};

bool fz_value_modes(const char *text, uint32_t *modes)
{
	while (*text) {
		size_t len = strcspn(text, ","), i;
		for (i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
			if (strlen(mode_names[i].name) == len && !memcmp(text, mode_names[i].name, len))
				break;
		}
		if (i == sizeof(mode_names) / sizeof(mode_names[0]))
			return false;
		*modes |= mode_names[i].bit;
		text += len;
		if (*text == ',')
			text++;
	}
	return true;
}

void fz_conf_modes_text(uint32_t modes, char text[static 64])
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (modes & mode_names[i].bit)
			at += (size_t)snprintf(text + at, 64 - at, "%s%s", at ? "," : "", mode_names[i].name);
	}
}

static uint32_t feature_named(const char *name, size_t len)
{
	for (uint32_t bit = 1; bit <= FIZEAU_MODE_FEATURES; bit <<= 1) {
		const char *known = fizeau_feature_name(bit);
		if (known && strlen(known) == len && !memcmp(known, name, len))
			return bit;
	}
	return 0;
}

bool fz_value_features(const char *text, uint32_t *features)
{
	if (!strcmp(text, "none"))
		return true;
	while (*text) {
		size_t len = strcspn(text, ",");
		uint32_t bit = feature_named(text, len);
		if (!bit)
			return false;
		*features |= bit;
		text += len;
		if (*text == ',')
			text++;
	}
	return true;
}

void fz_conf_features_text(uint32_t features, char text[static 64])
{
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t bit = 1; bit <= FIZEAU_MODE_FEATURES; bit <<= 1) {
		const char *name = features & bit ? fizeau_feature_name(bit) : NULL;
		if (name)
			at += (size_t)snprintf(text + at, 64 - at, "%s%s", at ? "," : "", name);
	}
}

bool fz_value_yes(const char *text, uint64_t *yes)
{
	if (strcmp(text, "yes") && strcmp(text, "no"))
		return false;
	*yes = !strcmp(text, "yes");
	return true;
}
