/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "conf_table.h"

/* A member of conf by its offset; the table says which type lies there. */
static void *member(struct fz_conf *conf, size_t offset)
{
	return (char *)conf + offset;
}

static const void *member_of(const struct fz_conf *conf, size_t offset)
{
	return (const char *)conf + offset;
}

static bool set_plain(struct fz_conf *conf, const struct fz_directive *row, const struct fz_words *words, char *error)
{
	const char *word = words->count == 2 ? words->word[1] : "";
	uint64_t number;
	int64_t ns;

	switch (row->type) {
	case FZ_DIRECTIVE_TIME:
		if (fz_value_time(word, &ns) && ns >= row->min && ns <= row->max) {
			memcpy(member(conf, row->offset), &ns, sizeof(ns));
			return true;
		}
		break;
	case FZ_DIRECTIVE_NUMBER:
		if (fz_value_number(word, &number) && number >= (uint64_t)row->min && number <= (uint64_t)row->max) {
			memcpy(member(conf, row->offset), &number, sizeof(number));
			return true;
		}
		break;
	case FZ_DIRECTIVE_TEXT:
		if (*word && strlen(word) < FZ_CONF_PATH_MAX) {
			memcpy(member(conf, row->offset), word, strlen(word) + 1);
			return true;
		}
		break;
	case FZ_DIRECTIVE_YES:
		if (fz_value_yes(word, &number)) {
			memcpy(member(conf, row->offset), &number, sizeof(number));
			return true;
		}
		break;
	case FZ_DIRECTIVE_OTHER:
		break;
	}
	snprintf(error, FZ_CONF_ERROR_MAX, "not a value for %s: '%.100s'", row->name, word);
	return false;
}

static bool apply(struct fz_conf *conf, const struct fz_directive *row, const struct fz_words *words, char *error)
{
	bool good = row->type == FZ_DIRECTIVE_OTHER ? row->set(conf, words, error) : set_plain(conf, row, words, error);

	if (!good) {
		size_t at = strlen(error);
		snprintf(error + at, FZ_CONF_ERROR_MAX - at, ", allowed: %s", row->allowed);
	}
	return good;
}

bool fz_conf_line(struct fz_conf *conf, const char *line, char error[static FZ_CONF_ERROR_MAX])
{
	struct fz_words words;
	size_t count;
	const struct fz_directive *rows = fz_directives(&count);

	if (strlen(line) > FZ_CONF_LINE_MAX) {
		snprintf(error, FZ_CONF_ERROR_MAX, "line too long, at most %d characters", FZ_CONF_LINE_MAX);
		return false;
	}
	if (!fz_words_split(line, &words, error, FZ_CONF_ERROR_MAX))
		return false;
	if (!words.count)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words.word[0], rows[i].name))
			continue;
		uint64_t bit = (uint64_t)1 << i;
		if ((conf->seen & bit) && !rows[i].repeatable) {
			snprintf(error, FZ_CONF_ERROR_MAX, "%s is given a second time, allowed: once", rows[i].name);
			return false;
		}
		conf->seen |= bit;
		return apply(conf, &rows[i], &words, error);
	}
	int at = snprintf(error, FZ_CONF_ERROR_MAX, "unknown directive '%.60s', allowed:", words.word[0]);
	for (size_t i = 0; i < count && at < FZ_CONF_ERROR_MAX; i++)
		at += snprintf(error + at, FZ_CONF_ERROR_MAX - (size_t)at, " %s", rows[i].name);
	return false;
}

struct fz_conf *fz_conf_new(void)
{
	struct fz_conf *conf = calloc(1, sizeof(*conf));
	char error[FZ_CONF_ERROR_MAX];
	size_t count;
	const struct fz_directive *rows = fz_directives(&count);

	if (!conf)
		return NULL;
	conf->references = 1;
	conf->half_open_peer = 64;
	snprintf(conf->ike_path, sizeof(conf->ike_path), "/run/charon.ippm");
	for (size_t i = 0; i < count; i++) {
		struct fz_words words;
		char line[64];
		if (!rows[i].fallback)
			continue;
		snprintf(line, sizeof(line), "%s %s", rows[i].name, rows[i].fallback);
		if (!fz_words_split(line, &words, error, sizeof(error)) || !apply(conf, &rows[i], &words, error))
			abort();
	}
	return conf;
}

struct fz_conf *fz_conf_hold(struct fz_conf *conf)
{
	conf->references++;
	return conf;
}

void fz_conf_release(struct fz_conf *conf)
{
	if (conf && !--conf->references)
		free(conf);
}

bool fz_conf_given(const struct fz_conf *conf, const char *directive)
{
	size_t count;
	const struct fz_directive *rows = fz_directives(&count);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(rows[i].name, directive))
			return conf->seen >> i & 1;
	}
	return false;
}

bool fz_conf_serves(const struct fz_conf *conf, enum fizeau_protocol protocol)
{
	for (uint32_t i = 0; i < conf->listen_count; i++) {
		if (conf->listens[i].protocol == protocol)
			return true;
	}
	return false;
}

/* Cores that this process may run on. */
static uint64_t cores(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return count < 1 ? 1 : count > FZ_CONF_WORKERS_MAX ? FZ_CONF_WORKERS_MAX : (uint64_t)count;
}

bool fz_conf_finish(struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX])
{
	if (!conf->workers)
		conf->workers = cores();
	/*= rfc8545#section-5 PO-5-01 */
	if (!conf->listen_count && !conf->stamp.listen_count) {
		conf->listens[0] = (struct fz_listen){.protocol = FIZEAU_TWAMP, .any = true, .port = 862};
		conf->listens[1] = (struct fz_listen){.protocol = FIZEAU_OWAMP, .any = true, .port = 861};
		conf->listen_count = 2;
	}
	/*= rfc4656#section-2 OW-2-05 */
	if (conf->modes && !(conf->modes & FIZEAU_MODE_OPEN) && !*conf->keys && conf->ike == FZ_IKE_OFF) {
		snprintf(error, FZ_CONF_ERROR_MAX,
			"modes needs a key source, allowed: with keys FILE or ike socket|static, or with open");
		return false;
	}
	return fz_conf_finish_classes(conf, error);
}

static bool load_lines(FILE *file, const char *path, struct fz_conf *conf, char *error)
{
	char what[FZ_CONF_ERROR_MAX] = "";
	char line[FZ_CONF_LINE_MAX + 2];
	unsigned number = 0;

	while (fgets(line, sizeof(line), file)) {
		number++;
		size_t len = strcspn(line, "\n");
		bool whole = line[len] == '\n' || feof(file);
		line[len] = '\0';
		if (whole && fz_conf_line(conf, line, what))
			continue;
		if (!whole)
			snprintf(what, sizeof(what), "line too long, at most %d characters", FZ_CONF_LINE_MAX);
		snprintf(error, FZ_CONF_ERROR_MAX, "%.150s:%u: %.340s", path, number, what);
		return false;
	}
	if (ferror(file)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "%.150s: cannot be read: %s", path, strerror(errno));
		return false;
	}
	if (fz_conf_finish(conf, what))
		return true;
	snprintf(error, FZ_CONF_ERROR_MAX, "%.150s:%u: %.340s", path, number, what);
	return false;
}

struct fz_conf *fz_conf_load(const char *path, bool missing_ok, char error[static FZ_CONF_ERROR_MAX])
{
	FILE *file = fopen(path, "re");
	struct fz_conf *conf;
	bool good;

	if (!file && !(missing_ok && errno == ENOENT)) {
		snprintf(error, FZ_CONF_ERROR_MAX, "%.300s: cannot be opened: %s", path, strerror(errno));
		return NULL;
	}
	conf = fz_conf_new();
	if (!conf) {
		snprintf(error, FZ_CONF_ERROR_MAX, "no memory for the configuration");
		good = false;
	} else if (file) {
		good = load_lines(file, path, conf, error);
	} else {
		good = fz_conf_finish(conf, error);
	}
	if (file)
		fclose(file);
	if (good)
		return conf;
	fz_conf_release(conf);
	return NULL;
}

void fz_conf_print_word(const char *word, FILE *to)
{
	bool plain = *word && !word[strcspn(word, " \t\r#")];

	fprintf(to, plain ? "%s" : "\"%s\"", word);
}

static void print_plain(const struct fz_conf *conf, const struct fz_directive *row, FILE *to)
{
	const void *at = member_of(conf, row->offset);
	char text[32];
	uint64_t number;
	int64_t ns;

	switch (row->type) {
	case FZ_DIRECTIVE_TIME:
		memcpy(&ns, at, sizeof(ns));
		fz_value_time_text(ns, text);
		fprintf(to, "%s %s\n", row->name, text);
		break;
	case FZ_DIRECTIVE_NUMBER:
		memcpy(&number, at, sizeof(number));
		fprintf(to, "%s %llu\n", row->name, (unsigned long long)number);
		break;
	case FZ_DIRECTIVE_TEXT:
		if (*(const char *)at) {
			fprintf(to, "%s ", row->name);
			fz_conf_print_word(at, to);
			fputc('\n', to);
		} else {
			fprintf(to, "# %s: none\n", row->name);
		}
		break;
	case FZ_DIRECTIVE_YES:
		memcpy(&number, at, sizeof(number));
		fprintf(to, "%s %s\n", row->name, number ? "yes" : "no");
		break;
	case FZ_DIRECTIVE_OTHER:
		break;
	}
}

void fz_conf_print(const struct fz_conf *conf, FILE *to)
{
	size_t count;
	const struct fz_directive *rows = fz_directives(&count);

	for (size_t i = 0; i < count; i++) {
		if (rows[i].print)
			rows[i].print(conf, to);
		else
			print_plain(conf, &rows[i], to);
	}
}
