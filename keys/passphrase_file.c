/* SPDX-License-Identifier: MIT */
#include "passphrase_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "secret_file.h"

struct entry {
	uint8_t key_id[FIZEAU_KEYID_OCTETS];
	struct fz_span passphrase; /* in the file's memory */
	uint32_t line;
};

struct fz_passphrases {
	struct fz_secret_memory file; /* hex is decoded where it stands */
	struct entry *entries;	      /* sorted by KeyID, then by line */
	size_t count, room;
};

static bool set_key_id(uint8_t key_id[static FIZEAU_KEYID_OCTETS], const void *text, size_t len)
{
	memset(key_id, 0, FIZEAU_KEYID_OCTETS);
	if (len == 0 || len > FIZEAU_KEYID_OCTETS)
		return false;
	memcpy(key_id, text, len);
	return true;
}

bool fz_key_id_from_text(const char *text, uint8_t key_id[static FIZEAU_KEYID_OCTETS])
{
	return set_key_id(key_id, text, strlen(text));
}

static bool has_control(struct fz_span span)
{
	for (size_t i = 0; i < span.len; i++) {
		if (span.at[i] < 0x20 || span.at[i] == 0x7f)
			return true;
	}
	return false;
}

/* A passphrase in plain text is printable ASCII; anything else has to be meant, and is then written in hex.
 */
static bool check_text(struct fz_lines *lines, struct fz_span text)
{
	/*= rfc5357#section-3.1 TW-3.1-14 */
	/*= rfc4656#section-3.1 OW-3.1-29 */
	if (memchr(text.at, '\r', text.len) != NULL)
		return fz_lines_fail(lines,
			"the passphrase has a carriage return, which no passphrase may have; "
			"if the file was written on Windows: sed -i 's/\\r$//' %s",
			lines->path);
	/*= rfc5357#section-3.1 TW-3.1-15 */
	if (has_control(text))
		return fz_lines_fail(lines,
			"the passphrase has a control character; write it as hex:... if it is "
			"meant");
	/*= rfc5357#section-3.1 TW-3.1-13 */
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] > 0x7f)
			return fz_lines_fail(lines,
				"the passphrase is not ASCII, which alone is the same everywhere; "
				"write its octets as hex:...");
	}
	if (text.at[text.len - 1] == ' ')
		return fz_lines_fail(lines,
			"the passphrase ends with a blank; remove it, or write the passphrase as "
			"hex:... if it is meant");
	return true;
}

static bool parse_passphrase(struct fz_lines *lines, struct fz_span *rest)
{
	static const char prefix[] = "hex:";
	size_t len = sizeof(prefix) - 1;

	if (rest->len == 0)
		return fz_lines_fail(
			lines, "there is no passphrase; a line is KEYID PASSPHRASE or KEYID hex:DIGITS");
	if (rest->len < len || memcmp(rest->at, prefix, len) != 0)
		return check_text(lines, *rest);
	rest->at += len;
	rest->len -= len;
	while (rest->len > 0 && (rest->at[rest->len - 1] == ' ' || rest->at[rest->len - 1] == '\t'))
		rest->len--;
	if (!fz_span_unhex(rest))
		return fz_lines_fail(
			lines, "hex: must be followed by an even number of hex digits and nothing else");
	return true;
}

static bool parse_line(struct fz_lines *lines, struct fz_span line, struct entry *entry)
{
	struct fz_span key_id = fz_line_word(&line);

	entry->line = lines->number;
	if (has_control(key_id))
		return fz_lines_fail(
			lines, "there is a control character in the KeyID; a line is KEYID PASSPHRASE");
	if (!set_key_id(entry->key_id, key_id.at, key_id.len))
		return fz_lines_fail(
			lines, "the KeyID has %zu octets, at most %d fit", key_id.len, FIZEAU_KEYID_OCTETS);
	if (!parse_passphrase(lines, &line))
		return false;
	entry->passphrase = line;
	return true;
}

static struct entry *new_entry(struct fz_passphrases *passphrases)
{
	if (passphrases->count == passphrases->room) {
		size_t room = passphrases->room == 0 ? 16 : passphrases->room * 2;
		struct entry *entries = realloc(passphrases->entries, room * sizeof(*entries));

		if (entries == NULL)
			return NULL;
		passphrases->entries = entries;
		passphrases->room = room;
	}
	return &passphrases->entries[passphrases->count++];
}

static int compare_key_ids(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return memcmp(left->key_id, right->key_id, FIZEAU_KEYID_OCTETS);
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = compare_key_ids(a, b);

	return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static bool sort(struct fz_passphrases *passphrases, struct fz_lines *lines)
{
	if (passphrases->count > 1)
		qsort(passphrases->entries, passphrases->count, sizeof(struct entry), compare);
	for (size_t i = 1; i < passphrases->count; i++) {
		const struct entry *entry = &passphrases->entries[i];

		if (compare_key_ids(entry - 1, entry) == 0) {
			lines->number = entry->line;
			return fz_lines_fail(lines,
				"this KeyID has a passphrase already, in line %u; remove one",
				(unsigned)entry[-1].line);
		}
	}
	return true;
}

static bool parse(struct fz_passphrases *passphrases, struct fz_lines *lines)
{
	struct fz_span line;

	while (fz_lines_next(lines, &line)) {
		struct entry *entry = new_entry(passphrases);

		if (entry == NULL)
			return fz_lines_fail(lines, "there is no memory left");
		if (!parse_line(lines, line, entry))
			return false;
	}
	return sort(passphrases, lines);
}

/* Takes the memory over, on failure too. */
static struct fz_passphrases *from_memory(
	const char *path, struct fz_secret_memory *file, size_t len, char *error, size_t error_octets)
{
	struct fz_lines lines = {.path = path,
		.at = file->octets,
		.end = file->octets + len,
		.error = error,
		.error_octets = error_octets};
	struct fz_passphrases *passphrases = calloc(1, sizeof(*passphrases));

	if (passphrases == NULL) {
		snprintf(error, error_octets, "%s: there is no memory left", path);
		fz_secret_memory_free(file);
		return NULL;
	}
	passphrases->file = *file;
	if (!parse(passphrases, &lines)) {
		fz_passphrases_free(passphrases);
		return NULL;
	}
	return passphrases;
}

struct fz_passphrases *fz_passphrases_parse(
	const char *path, const uint8_t *octets, size_t len, char *error, size_t error_octets)
{
	struct fz_secret_memory file;

	if (fz_secret_memory_get(&file, len + 1) != 0) {
		snprintf(error, error_octets, "%s: there is no memory left", path);
		return NULL;
	}
	if (len > 0)
		memcpy(file.octets, octets, len);
	return from_memory(path, &file, len, error, error_octets);
}

struct fz_passphrases *fz_passphrases_load(const char *path, char *error, size_t error_octets)
{
	struct fz_secret_memory file;
	struct fz_file_version version;
	size_t len;

	if (fz_secret_file_read(path, &file, &len, &version, error, error_octets) != 0)
		return NULL;
	return from_memory(path, &file, len, error, error_octets);
}

void fz_passphrases_free(struct fz_passphrases *passphrases)
{
	if (passphrases == NULL)
		return;
	fz_secret_memory_free(&passphrases->file);
	free(passphrases->entries);
	free(passphrases);
}

const uint8_t *fz_passphrases_find(const struct fz_passphrases *passphrases,
	const uint8_t key_id[static FIZEAU_KEYID_OCTETS], size_t *octets)
{
	const struct entry *entry = NULL;
	struct entry wanted = {0};

	memcpy(wanted.key_id, key_id, FIZEAU_KEYID_OCTETS);
	if (passphrases->count > 0)
		entry = bsearch(
			&wanted, passphrases->entries, passphrases->count, sizeof(wanted), compare_key_ids);
	*octets = entry == NULL ? 0 : entry->passphrase.len;
	return entry == NULL ? NULL : entry->passphrase.at;
}
