/* SPDX-License-Identifier: MIT */
/* The table of directives: name, type, range, default, unit. conf.c drives it. */
#ifndef FZ_DAEMON_CONF_TABLE_H
#define FZ_DAEMON_CONF_TABLE_H

#include "conf.h"
#include "conf_value.h"

enum fz_directive_type {
	FZ_DIRECTIVE_TIME,   /* int64_t at offset, min .. max nanoseconds */
	FZ_DIRECTIVE_NUMBER, /* uint64_t at offset, min .. max */
	FZ_DIRECTIVE_TEXT,   /* char[FZ_CONF_PATH_MAX] at offset */
	FZ_DIRECTIVE_YES,    /* uint64_t at offset: 0, 1 */
	FZ_DIRECTIVE_OTHER,  /* set and print */
};

struct fz_directive {
	const char *name;
	enum fz_directive_type type;
	size_t offset;
	int64_t min, max;
	const char *fallback; /* the default as the file would write it; NULL: none, or depends */
	const char *allowed;  /* for errors and for people */
	bool (*set)(struct fz_conf *conf, const struct fz_words *words, char *error);
	void (*print)(const struct fz_conf *conf, FILE *to);
	bool repeatable;
};

const struct fz_directive *fz_directives(size_t *count);

/* Classes and limits (conf_class.c). */
bool fz_conf_set_class(struct fz_conf *conf, const struct fz_words *words, char *error);
bool fz_conf_set_limit(struct fz_conf *conf, const struct fz_words *words, char *error);
void fz_conf_print_classes(const struct fz_conf *conf, FILE *to);
void fz_conf_print_limits(const struct fz_conf *conf, FILE *to);
FIZEAU_MUST_USE bool fz_conf_finish_classes(struct fz_conf *conf, char *error);
/* "192.0.2.0/24", "2001:db8::1". */
FIZEAU_MUST_USE bool fz_conf_net_of(const char *text, struct fz_addr *net, uint8_t *prefix);
/* STAMP (conf_stamp.c). False: no room. */
FIZEAU_MUST_USE bool fz_conf_add_stamp_listen(struct fz_conf *conf, const struct fz_stamp_listen *row);
void fz_conf_print_stamp_listens(const struct fz_conf *conf, FILE *to);
bool fz_conf_set_stamp_key(struct fz_conf *conf, const struct fz_words *words, char *error);
void fz_conf_print_stamp_keys(const struct fz_conf *conf, FILE *to);
bool fz_conf_set_stamp_ssid(struct fz_conf *conf, const struct fz_words *words, char *error);
void fz_conf_print_stamp_ssid(const struct fz_conf *conf, FILE *to);
bool fz_conf_set_stamp_dscp(struct fz_conf *conf, const struct fz_words *words, char *error);
void fz_conf_print_stamp_dscp(const struct fz_conf *conf, FILE *to);
bool fz_conf_set_stamp_format(struct fz_conf *conf, const struct fz_words *words, char *error);
void fz_conf_print_stamp_format(const struct fz_conf *conf, FILE *to);
/* A word in quotes if it needs them. */
void fz_conf_print_word(const char *word, FILE *to);

#endif
