/* SPDX-License-Identifier: MIT */
/* The servers that a command is to measure with, as they were given. */
#ifndef FZ_CLI_TARGET_LIST_H
#define FZ_CLI_TARGET_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fizeau/error.h>

#define FZ_TARGETS_MAX 65536

struct fz_target_name {
	char *text;    /* "HOST[:PORT]" as given */
	char *host;
	uint16_t port; /* 0: none given */
};

/* Zeroed is empty. */
struct fz_target_list {
	struct fz_target_name *names;
	size_t count, room;
};

/* Adds a "HOST[:PORT]"; false with one line for a person. The same one may be there twice. */
FIZEAU_MUST_USE bool fz_target_list_add(struct fz_target_list *list, const char *text, char error[static 512]);
/* Adds those of a file: one a line, # begins a comment. False with "name:line: what is wrong". */
FIZEAU_MUST_USE bool fz_target_list_read(struct fz_target_list *list, FILE *in, const char *name,
	char error[static 512]);
void fz_target_list_free(struct fz_target_list *list);

#endif
