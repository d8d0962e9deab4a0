/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "io/addr.h"
#include "target_list.h"
#include "values.h"

#define HOST_OCTETS 256
#define LINE_MAX_OCTETS 1024

static bool refuse(char error[static 512], const char *text)
{
	snprintf(error, 512, "%s", text);
	return false;
}

static bool make_room(struct fz_target_list *list)
{
	size_t room = list->room == 0 ? 16 : list->room * 2;
	struct fz_target_name *names;

	if (list->count < list->room)
		return true;
	names = realloc(list->names, room * sizeof(*names));
	if (names == NULL)
		return false;
	list->names = names;
	list->room = room;
	return true;
}

bool fz_target_list_add(struct fz_target_list *list, const char *text, char error[static 512])
{
	struct fz_target_name name = {0};
	char host[HOST_OCTETS];

	if (!fz_value_utf8(text) || !fz_addr_split(text, host, sizeof(host), &name.port)) {
		snprintf(error, 512, "%.300s is no HOST, HOST:PORT or [IPV6]:PORT", text);
		return false;
	}
	if (list->count == FZ_TARGETS_MAX)
		return refuse(error, "more than 65536 targets");
	name.text = strdup(text);
	name.host = strdup(host);
	if (name.text == NULL || name.host == NULL || !make_room(list)) {
		free(name.text);
		free(name.host);
		return refuse(error, "no memory");
	}
	list->names[list->count++] = name;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is on a line, without comment and blanks around it: begins at the result, and is terminated. */
static char *trim(char *line)
{
	char *end;

	line[strcspn(line, "#")] = '\0';
	while (is_blank(*line))
		line++;
	end = line + strlen(line);
	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	return line;
}

static bool add_line(struct fz_target_list *list, char *line, size_t octets, char error[static 512])
{
	const char *target;

	if (strlen(line) != octets)
		return refuse(error, "a NUL octet");
	if (octets > LINE_MAX_OCTETS)
		return refuse(error, "the line is longer than 1024 octets");
	target = trim(line);
	for (const char *at = target; *at != '\0'; at++) {
		if (is_blank(*at))
			return refuse(error, "more than one word: a line has one HOST[:PORT], and # begins a comment");
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return refuse(error, "a control character");
	}
	return *target == '\0' || fz_target_list_add(list, target, error);
}

bool fz_target_list_read(struct fz_target_list *list, FILE *in, const char *name, char error[static 512])
{
	size_t number = 0, room = 0;
	char *line = NULL, what[512];
	bool good = true;
	ssize_t octets;

	errno = 0;
	while (good && (octets = getline(&line, &room, in)) >= 0) {
		number++;
		good = add_line(list, line, (size_t)octets, what);
	}
	free(line);
	if (!good) {
		snprintf(error, 512, "%.150s:%zu: %.320s", name, number, what);
		return false;
	}
	if (ferror(in)) {
		snprintf(error, 512, "%.400s cannot be read: %s", name, strerror(errno));
		return false;
	}
	return true;
}

void fz_target_list_free(struct fz_target_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->names[i].text);
		free(list->names[i].host);
	}
	free(list->names);
	*list = (struct fz_target_list){0};
}
