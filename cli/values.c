/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <fizeau/event.h>
#include "values.h"

#define TIME_MAX_NS (4294967295LL * 1000000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool fz_value_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (!is_digit(*text) || sum > (UINT64_MAX - 9) / 10)
			return false;
		sum = sum * 10 + (uint64_t)(*text - '0');
	}
	if (sum < min || sum > max)
		return false;
	*value = sum;
	return true;
}

static int64_t unit_ns(const char *unit, size_t len)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60000000000},
		{"h", 3600000000000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0)
			return units[i].ns;
	return 0;
}

static bool time_of(const char *text, size_t len, int64_t *ns)
{
	int64_t whole = 0, sum, unit, fraction;
	size_t at = 0, point, end;

	while (at < len && is_digit(text[at])) {
		if (whole > TIME_MAX_NS / 10)
			return false;
		whole = whole * 10 + (text[at++] - '0');
	}
	point = at;
	end = at;
	if (at > 0 && at < len && text[at] == '.') {
		for (end = at + 1; end < len && is_digit(text[end]); end++)
			;
		if (end == at + 1)
			return false;
	}
	if (point == 0)
		return false;
	if (end == len && whole == 0 && point == end) {
		*ns = 0;
		return true;
	}
	unit = unit_ns(text + end, len - end);
	if (unit == 0 || whole > TIME_MAX_NS / unit)
		return false;
	sum = whole * unit;
	fraction = unit;
	for (at = point + 1; at < end; at++) {
		/* Digits finer than a nanosecond are cut: no unit has a factor left for them. */
		fraction /= 10;
		sum += (text[at] - '0') * fraction;
	}
	if (sum > TIME_MAX_NS)
		return false;
	*ns = sum;
	return true;
}

bool fz_value_time(const char *text, int64_t *ns)
{
	return time_of(text, strlen(text), ns);
}

bool fz_value_schedule(const char *text, struct fz_slot_wish *slots, size_t *count)
{
	size_t n = 0;

	while (true) {
		size_t len = strcspn(text, ",");
		size_t prefix = strncmp(text, "exp:", 4) == 0 ? 4 : 0;
		int64_t ns;

		if (n == FZ_SLOTS_MAX || !time_of(text + prefix, len - prefix, &ns))
			return false;
		slots[n++] = (struct fz_slot_wish){.exponential = prefix != 0, .ns = ns};
		text += len;
		if (*text == '\0')
			break;
		text++;
	}
	*count = n;
	return true;
}

static const struct {
	const char *name;
	uint32_t mode;
} mode_names[] = {
	{"open", FIZEAU_MODE_OPEN},
	{"authenticated", FIZEAU_MODE_AUTHENTICATED},
	{"encrypted", FIZEAU_MODE_ENCRYPTED},
	{"mixed", FIZEAU_MODE_MIXED},
};

const char *fz_mode_name(uint32_t mode)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (mode_names[i].mode == (mode & FIZEAU_MODE_SECURITY))
			return mode_names[i].name;
	return "unknown";
}

static uint32_t mode_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (strlen(mode_names[i].name) == len && memcmp(mode_names[i].name, name, len) == 0)
			return mode_names[i].mode;
	return 0;
}

bool fz_value_modes(const char *text, uint32_t modes[static FZ_MODES_MAX], size_t *count)
{
	uint32_t seen = 0;
	size_t n = 0;

	while (true) {
		size_t len = strcspn(text, ",");
		uint32_t mode = mode_of(text, len);

		if (mode == 0 || (seen & mode) != 0)
			return false;
		seen |= mode;
		modes[n++] = mode;
		text += len;
		if (*text == '\0')
			break;
		text++;
	}
	*count = n;
	return true;
}

bool fz_value_ports(const char *text, uint16_t *low, uint16_t *high)
{
	const char *dash = strchr(text, '-');
	uint64_t a, b;
	char first[6];

	if (dash == NULL) {
		if (!fz_value_number(text, 1, UINT16_MAX, &a))
			return false;
		b = a;
	} else {
		size_t len = (size_t)(dash - text);

		if (len >= sizeof(first))
			return false;
		memcpy(first, text, len);
		first[len] = '\0';
		if (!fz_value_number(first, 1, UINT16_MAX, &a) || !fz_value_number(dash + 1, a, UINT16_MAX, &b))
			return false;
	}
	*low = (uint16_t)a;
	*high = (uint16_t)b;
	return true;
}

void fz_slot_text(const struct fz_slot_wish *slot, char text[static 48])
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
	size_t i = 0;

	while (slot->ns % units[i].ns != 0)
		i++;
	snprintf(text, 48, "%s%" PRId64 "%s", slot->exponential ? "exp:" : "", slot->ns / units[i].ns, units[i].name);
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool fz_value_sid(const char *text, uint8_t sid[static FIZEAU_SID_OCTETS])
{
	uint8_t octets[FIZEAU_SID_OCTETS] = {0};

	for (size_t i = 0; i < 2 * (size_t)FIZEAU_SID_OCTETS; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return false;
		octets[i / 2] = (uint8_t)(octets[i / 2] << 4 | digit);
	}
	if (text[2 * FIZEAU_SID_OCTETS] != '\0')
		return false;
	memcpy(sid, octets, sizeof(octets));
	return true;
}

/* Octets of the character at text, 0 if it is none; its smallest and largest second octet keep out surrogates, overlong
   forms and what lies beyond U+10FFFF. */
static size_t character(const unsigned char *text)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t octets;
	} forms[] = {
		{0x01, 0x7f, 0, 0, 1},
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].octets > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
			return 0;
		for (size_t at = 2; at < forms[i].octets; at++)
			if (text[at] < 0x80 || text[at] > 0xbf)
				return 0;
		return forms[i].octets;
	}
	return 0;
}

bool fz_value_utf8(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		size_t octets = character(at);

		if (octets == 0)
			return false;
		at += octets;
	}
	return true;
}
