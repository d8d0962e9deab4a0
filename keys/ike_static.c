/* SPDX-License-Identifier: MIT */
#include "ike_static.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "secret_file.h"

struct content {
	struct fz_secret_memory memory; /* of sas */
	struct fz_ike_sa *sas;
	size_t count;
};

struct fz_ike_static {
	char *path; /* NULL: there is no file to look at again */
	struct fz_file_version version;
	struct content content;
};

static bool parse_spi(struct fz_lines *lines, struct fz_span word, const char *which, uint8_t spi[static 8])
{
	static const uint8_t none[8];

	if (word.len != 16 || !fz_span_unhex(&word))
		return fz_lines_fail(lines,
			"the SPI of the %s is not 16 hex digits; a line is SPIi SPIr PRF SK_d "
			"[remote ADDR] [remote-id ID] [local-id ID]",
			which);
	if (memcmp(word.at, none, 8) == 0)
		return fz_lines_fail(lines, "the SPI of the %s is 0, which no IKE SA has", which);
	memcpy(spi, word.at, 8);
	return true;
}

/* The derived key alone is kept: SK_d ends with the file's memory. */
static bool parse_key(struct fz_lines *lines, struct fz_span prf, struct fz_span sk_d, struct fz_ike_sa *sa)
{
	char name[32] = {0};
	size_t wanted;
	int octets;

	if (prf.len < sizeof(name))
		memcpy(name, prf.at, prf.len);
	sa->prf = fizeau_prf_from_name(name);
	if (sa->prf == FIZEAU_PRF_NONE)
		return fz_lines_fail(lines, "the third field is no PRF; it is one of hmac-sha1 hmac-sha2-256 "
					    "hmac-sha2-384 hmac-sha2-512 aes128-xcbc aes128-cmac");
	if (!fz_span_unhex(&sk_d))
		return fz_lines_fail(lines, "SK_d, the fourth field, is not an even number of hex digits");
	wanted = fizeau_prf_octets(sa->prf);
	/* RFC 7296 2.14: all keys of the SA's PRF have its preferred length, that of its output for these. */
	if (sk_d.len != wanted)
		return fz_lines_fail(
			lines, "SK_d has %zu octets, with %s it has %zu", sk_d.len, name, wanted);
	octets = fizeau_prf_ippm(sa->prf, sk_d.at, sk_d.len, sa->key);
	if (octets < 0)
		return fz_lines_fail(lines, "the key cannot be derived: %s", fizeau_strerror(octets));
	sa->key_octets = (uint8_t)octets;
	return true;
}

/* A value: a word, or anything but a quote between two quotes, since distinguished names have blanks. */
static bool parse_value(
	struct fz_lines *lines, struct fz_span *line, char *value, size_t room, const char *name)
{
	struct fz_span word;

	if (line->len > 0 && *line->at == '"') {
		uint8_t *close = memchr(line->at + 1, '"', line->len - 1);

		if (close == NULL)
			return fz_lines_fail(lines, "the quote after %s is not closed", name);
		word = (struct fz_span){line->at + 1, (size_t)(close - line->at - 1)};
		line->len -= word.len + 2;
		line->at = close + 1;
		if (line->len > 0 && *line->at != ' ' && *line->at != '\t')
			return fz_lines_fail(lines, "there is no blank after the quoted %s", name);
		fz_line_blanks(line);
	} else {
		word = fz_line_word(line);
	}
	if (word.len == 0 || word.len >= room || memchr(word.at, '\0', word.len) != NULL)
		return fz_lines_fail(lines, "%s needs a value of 1 to %zu octets", name, room - 1);
	if (value[0] != '\0')
		return fz_lines_fail(lines, "%s stands there twice", name);
	memcpy(value, word.at, word.len);
	value[word.len] = '\0';
	return true;
}

static bool parse_remote(struct fz_lines *lines, struct fz_span *line, struct fz_ike_sa *sa)
{
	char text[FZ_ADDR_TEXT];
	struct fz_addr addr;

	if (!parse_value(lines, line, sa->remote_host, sizeof(sa->remote_host), "remote"))
		return false;
	if (!fz_addr_parse(sa->remote_host, &addr))
		return fz_lines_fail(lines, "what follows remote is no IP address");
	/* One text for one address. */
	fz_addr_host_text(&addr, text);
	memcpy(sa->remote_host, text, sizeof(text));
	return true;
}

static bool parse_options(struct fz_lines *lines, struct fz_span line, struct fz_ike_sa *sa)
{
	while (line.len > 0) {
		struct fz_span name = fz_line_word(&line);
		bool good;

		if (fz_span_is(name, "remote"))
			good = parse_remote(lines, &line, sa);
		else if (fz_span_is(name, "remote-id"))
			good = parse_value(lines, &line, sa->remote_id, sizeof(sa->remote_id), "remote-id");
		else if (fz_span_is(name, "local-id"))
			good = parse_value(lines, &line, sa->local_id, sizeof(sa->local_id), "local-id");
		else
			good = fz_lines_fail(lines,
				"after SK_d come remote ADDR, remote-id ID or local-id ID; an ID "
				"with blanks is written in double quotes");
		if (!good)
			return false;
	}
	return true;
}

static bool parse_line(struct fz_lines *lines, struct fz_span line, struct fz_ike_sa *sa)
{
	struct fz_span spi_i, spi_r, prf, sk_d;

	if (line.at[line.len - 1] == '\r')
		return fz_lines_fail(lines, "the line ends with a carriage return; run: sed -i 's/\\r$//' %s",
			lines->path);
	spi_i = fz_line_word(&line);
	spi_r = fz_line_word(&line);
	prf = fz_line_word(&line);
	sk_d = fz_line_word(&line);
	if (!parse_spi(lines, spi_i, "initiator", sa->spi_i) ||
		!parse_spi(lines, spi_r, "responder", sa->spi_r))
		return false;
	snprintf(sa->auth, sizeof(sa->auth), "static");
	snprintf(sa->state, sizeof(sa->state), "established");
	return parse_key(lines, prf, sk_d, sa) && parse_options(lines, line, sa);
}

static const struct fz_ike_sa *find(
	const struct content *content, const uint8_t spi_i[static 8], const uint8_t spi_r[static 8])
{
	for (size_t i = 0; i < content->count; i++) {
		if (memcmp(content->sas[i].spi_i, spi_i, 8) == 0 &&
			memcmp(content->sas[i].spi_r, spi_r, 8) == 0)
			return &content->sas[i];
	}
	return NULL;
}

static size_t count_lines(struct fz_lines lines)
{
	struct fz_span line;
	size_t count = 0;

	while (fz_lines_next(&lines, &line))
		count++;
	return count;
}

/* Changes octets. On failure nothing is left in content. */
static bool parse(const char *path, uint8_t *octets, size_t len, struct content *content, char *error,
	size_t error_octets)
{
	struct fz_lines lines = {.path = path,
		.at = octets,
		.end = octets + len,
		.error = error,
		.error_octets = error_octets};
	struct fz_span line;
	bool good = true;

	*content = (struct content){0};
	if (fz_secret_memory_get(&content->memory, (count_lines(lines) + 1) * sizeof(*content->sas)) != 0) {
		snprintf(error, error_octets, "%s: there is no memory left", path);
		return false;
	}
	content->sas = (void *)content->memory.octets;
	while (good && fz_lines_next(&lines, &line)) {
		struct fz_ike_sa *sa = &content->sas[content->count];

		good = parse_line(&lines, line, sa);
		if (good && find(content, sa->spi_i, sa->spi_r) != NULL)
			good = fz_lines_fail(&lines, "these SPIs stand in an earlier line already");
		content->count++;
	}
	if (!good) {
		fz_secret_memory_free(&content->memory);
		*content = (struct content){0};
	}
	return good;
}

static int read_file(struct fz_ike_static *table, struct content *content, char *error, size_t error_octets)
{
	struct fz_secret_memory file;
	size_t len;
	bool good;

	if (fz_secret_file_read(table->path, &file, &len, &table->version, error, error_octets) != 0)
		return -1;
	good = parse(table->path, file.octets, len, content, error, error_octets);
	fz_secret_memory_free(&file);
	return good ? 0 : -1;
}

struct fz_ike_static *fz_ike_static_load(const char *path, char *error, size_t error_octets)
{
	struct fz_ike_static *table = calloc(1, sizeof(*table));

	if (table != NULL)
		table->path = strdup(path);
	if (table == NULL || table->path == NULL)
		snprintf(error, error_octets, "%s: there is no memory left", path);
	else if (read_file(table, &table->content, error, error_octets) == 0)
		return table;
	fz_ike_static_free(table);
	return NULL;
}

struct fz_ike_static *fz_ike_static_parse(
	const char *path, const uint8_t *octets, size_t len, char *error, size_t error_octets)
{
	struct fz_ike_static *table = calloc(1, sizeof(*table));
	struct fz_secret_memory copy = {0};
	bool good = false;

	if (table == NULL || fz_secret_memory_get(&copy, len + 1) != 0) {
		snprintf(error, error_octets, "%s: there is no memory left", path);
	} else {
		if (len > 0)
			memcpy(copy.octets, octets, len);
		good = parse(path, copy.octets, len, &table->content, error, error_octets);
	}
	fz_secret_memory_free(&copy);
	if (good)
		return table;
	fz_ike_static_free(table);
	return NULL;
}

void fz_ike_static_free(struct fz_ike_static *table)
{
	if (table == NULL)
		return;
	fz_secret_memory_free(&table->content.memory);
	free(table->path);
	free(table);
}

int fz_ike_static_refresh(struct fz_ike_static *table, char *error, size_t error_octets)
{
	struct fz_file_version version;
	struct content content;

	if (table->path == NULL)
		return 0;
	version = fz_file_version_of(table->path);
	if (fz_file_version_same(&version, &table->version))
		return 0;
	if (read_file(table, &content, error, error_octets) != 0)
		return -1;
	fz_secret_memory_free(&table->content.memory);
	table->content = content;
	return 0;
}

const struct fz_ike_sa *fz_ike_static_by_spis(
	const struct fz_ike_static *table, const uint8_t spi_i[static 8], const uint8_t spi_r[static 8])
{
	return find(&table->content, spi_i, spi_r);
}

static bool is_of(const struct fz_ike_sa *sa, const struct fz_addr *remote)
{
	struct fz_addr addr;

	return fz_addr_parse(sa->remote_host, &addr) && fz_addr_same_host(&addr, remote);
}

size_t fz_ike_static_of_remote(const struct fz_ike_static *table, const struct fz_addr *remote,
	const struct fz_ike_sa **sas, size_t cap)
{
	size_t count = 0;

	for (size_t i = table->content.count; i > 0 && count < cap; i--) {
		if (is_of(&table->content.sas[i - 1], remote))
			sas[count++] = &table->content.sas[i - 1];
	}
	for (size_t i = table->content.count; i > 0 && count < cap; i--) {
		if (table->content.sas[i - 1].remote_host[0] == '\0')
			sas[count++] = &table->content.sas[i - 1];
	}
	return count;
}

const struct fz_ike_sa *fz_ike_static_by_remote(
	const struct fz_ike_static *table, const struct fz_addr *remote)
{
	const struct fz_ike_sa *sa = NULL;

	return fz_ike_static_of_remote(table, remote, &sa, 1) > 0 ? sa : NULL;
}

size_t fz_ike_static_count(const struct fz_ike_static *table)
{
	return table->content.count;
}

const struct fz_ike_sa *fz_ike_static_at(const struct fz_ike_static *table, size_t index)
{
	return index < table->content.count ? &table->content.sas[index] : NULL;
}
