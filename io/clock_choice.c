/* SPDX-License-Identifier: MIT */
#include "io/clock_choice.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX 4
#define TEXT_MAX 256

static const char *const names[] = {
	[FZ_CLOCK_AUTO] = "auto",
	[FZ_CLOCK_KERNEL] = "kernel",
	[FZ_CLOCK_CHRONYD] = "chronyd",
	[FZ_CLOCK_PTP4L] = "ptp4l",
};

const char *fz_clock_source_name(enum fz_clock_source source)
{
	return names[source];
}

static bool path_of(const char *text, struct fz_clock_choice *choice)
{
	if (text[0] != '/' || strlen(text) >= sizeof(choice->path))
		return false;
	snprintf(choice->path, sizeof(choice->path), "%s", text);
	return choice->given = true;
}

static bool address_of(const char *text, struct fz_clock_choice *choice)
{
	char host[FZ_ADDR_TEXT];
	uint16_t port;

	if (!fz_addr_split(text, host, sizeof(host), &port) || port == 0 || !fz_addr_parse(host, &choice->addr))
		return false;
	fz_addr_set_port(&choice->addr, port);
	return choice->given = true;
}

static bool domain_of(const char *text, uint8_t *domain)
{
	unsigned value = 0;

	if (text[0] == '\0' || strlen(text) > 3)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*domain = (uint8_t)value;
	return value <= 255;
}

bool fz_clock_choice_of(const char *const *words, size_t count, struct fz_clock_choice *choice)
{
	size_t kind = 0;

	*choice = (struct fz_clock_choice){0};
	if (count == 0)
		return false;
	while (kind < sizeof(names) / sizeof(names[0]) && strcmp(words[0], names[kind]) != 0)
		kind++;
	if (kind == sizeof(names) / sizeof(names[0]))
		return false;
	choice->source = (enum fz_clock_source)kind;
	switch (choice->source) {
	case FZ_CLOCK_AUTO:
	case FZ_CLOCK_KERNEL:
		return count == 1;
	case FZ_CLOCK_CHRONYD:
		return count == 1 ||
			(count == 2 && (path_of(words[1], choice) || address_of(words[1], choice)));
	case FZ_CLOCK_PTP4L:
		return count == 1 || (count <= 3 && path_of(words[1], choice) &&
			(count == 2 || domain_of(words[2], &choice->domain)));
	}
	return false;
}

bool fz_clock_choice_parse(const char *text, struct fz_clock_choice *choice)
{
	const char *words[WORDS_MAX];
	char room[TEXT_MAX];
	size_t count = 0;

	if (strlen(text) >= sizeof(room))
		return false;
	snprintf(room, sizeof(room), "%s", text);
	for (char *at = room; *at != '\0' && count < WORDS_MAX;) {
		size_t len = strcspn(at, " ");
		bool last = at[len] == '\0';

		at[len] = '\0';
		if (len > 0)
			words[count++] = at;
		at += len + (last ? 0 : 1);
	}
	return fz_clock_choice_of(words, count, choice);
}
