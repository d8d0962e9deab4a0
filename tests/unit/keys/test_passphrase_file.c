/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/passphrase_file.h"
#include "tests/testlib/folder.h"

static struct fz_passphrases *parse(const char *text, char error[256])
{
	error[0] = '\0';
	return fz_passphrases_parse("keys", (const uint8_t *)text, strlen(text), error, 256);
}

static void assert_passphrase(const struct fz_passphrases *passphrases, const char *key_id,
	const void *wanted, size_t wanted_octets)
{
	uint8_t id[FIZEAU_KEYID_OCTETS];
	const uint8_t *octets;
	size_t len;

	assert_true(fz_key_id_from_text(key_id, id));
	octets = fz_passphrases_find(passphrases, id, &len);
	assert_non_null(octets);
	assert_int_equal(len, wanted_octets);
	assert_memory_equal(octets, wanted, wanted_octets);
}

static void assert_unknown(const struct fz_passphrases *passphrases, const char *key_id)
{
	uint8_t id[FIZEAU_KEYID_OCTETS];
	size_t len = 1;

	assert_true(fz_key_id_from_text(key_id, id));
	assert_null(fz_passphrases_find(passphrases, id, &len));
	assert_int_equal(len, 0);
}

static void lines(void **state)
{
	char error[256];
	struct fz_passphrases *passphrases = parse("# a comment\n"
						   "\n"
						   "  \t\n"
						   "zoe last one in the alphabet\n"
						   "alice\t secret-passphrase\n"
						   "  bob  with # and  two blanks\n"
						   "   # another comment\n"
						   "bin hex:00FFa1\n"
						   "trail hex:41 \t\n"
						   "j\xc3\xbcrgen p\n"
						   "al a",
		error);

	(void)state;
	assert_non_null(passphrases);
	assert_passphrase(passphrases, "alice", "secret-passphrase", 17);
	assert_passphrase(passphrases, "bob", "with # and  two blanks", 22);
	assert_passphrase(passphrases, "bin", "\x00\xff\xa1", 3);
	assert_passphrase(passphrases, "trail", "A", 1);
	assert_passphrase(passphrases, "j\xc3\xbcrgen", "p", 1);
	assert_passphrase(passphrases, "zoe", "last one in the alphabet", 24);
	assert_passphrase(passphrases, "al", "a", 1);
	assert_unknown(passphrases, "alic");
	assert_unknown(passphrases, "alicea");
	assert_unknown(passphrases, "#");
	assert_unknown(passphrases, "Alice");
	fz_passphrases_free(passphrases);
	fz_passphrases_free(NULL);
}

static void nothing_in_it(void **state)
{
	static const char *const texts[] = {"", "\n", "# only a comment", "\n\n# x\n"};
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fz_passphrases *passphrases = parse(texts[i], error);

		assert_non_null(passphrases);
		assert_unknown(passphrases, "a");
		fz_passphrases_free(passphrases);
	}
}

static void key_ids(void **state)
{
	char text[200], error[256];
	uint8_t id[FIZEAU_KEYID_OCTETS], full[FIZEAU_KEYID_OCTETS];
	struct fz_passphrases *passphrases;
	size_t len;

	(void)state;
	assert_true(fz_key_id_from_text("a", id));
	assert_int_equal(id[0], 'a');
	for (size_t i = 1; i < sizeof(id); i++)
		assert_int_equal(id[i], 0);
	assert_false(fz_key_id_from_text("", id));
	memset(text, 'k', 81);
	text[81] = '\0';
	assert_false(fz_key_id_from_text(text, id));
	text[80] = '\0';
	assert_true(fz_key_id_from_text(text, id));
	memset(full, 'k', sizeof(full));
	assert_memory_equal(id, full, sizeof(full));
	/* 80 octets fill the field, 81 do not fit. */
	snprintf(text + 80, sizeof(text) - 80, " word");
	passphrases = parse(text, error);
	assert_non_null(passphrases);
	assert_non_null(fz_passphrases_find(passphrases, full, &len));
	assert_int_equal(len, 4);
	fz_passphrases_free(passphrases);
	memset(text, 'k', 81);
	snprintf(text + 81, sizeof(text) - 81, " word");
	assert_null(parse(text, error));
	assert_string_equal(error, "keys:1: the KeyID has 81 octets, at most 80 fit");
}

static void assert_refused(const char *text, const char *start, const char *part)
{
	char error[256];

	assert_null(parse(text, error));
	assert_ptr_equal(strstr(error, start), error);
	assert_non_null(strstr(error, part));
	assert_null(strchr(error, '\n'));
	/* No error shows the secret. */
	assert_null(strstr(error, "s3cret"));
}

static void refusals(void **state)
{
	(void)state;
	assert_refused("a b\ns3cret\n", "keys:2: ", "no passphrase");
	assert_refused("a \n", "keys:1: ", "no passphrase");
	assert_refused("a s3cret\n\n#\nb s3cret\na s3cret2\n", "keys:5: ", "in line 1");
	assert_refused("a hex:s3cret\n", "keys:1: ", "hex digits");
	assert_refused("a hex:123\n", "keys:1: ", "hex digits");
	assert_refused("a hex:\n", "keys:1: ", "hex digits");
	assert_refused("a hex:12 34\n", "keys:1: ", "hex digits");
	assert_refused("a s3cret \n", "keys:1: ", "ends with a blank");
	assert_refused("a\x01 s3cret\n", "keys:1: ", "control character in the KeyID");
}

static void what_a_passphrase_may_not_have(void **state)
{
	(void)state;
	/*= rfc5357#section-3.1 TW-3.1-13 */
	assert_refused("a s3cret-\xc3\xbc\n", "keys:1: ", "not ASCII");
	assert_refused("a s3cret\x80\n", "keys:1: ", "not ASCII");
	/*= rfc5357#section-3.1 TW-3.1-14 */
	/*= rfc4656#section-3.1 OW-3.1-29 */
	assert_refused("a s3cret\r\nb c\r\n", "keys:1: ", "carriage return");
	assert_refused("b c\na s3\rcret\n", "keys:2: ", "carriage return");
	/* A newline ends the line, so the rest of such a passphrase would be a line of its own. */
	assert_refused("a s3cret\nrest\n", "keys:2: ", "no passphrase");
	/*= rfc5357#section-3.1 TW-3.1-15 */
	assert_refused("a s3cret\x07\n", "keys:1: ", "control character");
	assert_refused("a s3cret\ttab\n", "keys:1: ", "control character");
	assert_refused("a s3cret\x7f\n", "keys:1: ", "control character");
}

static void a_nul_is_a_control_character(void **state)
{
	static const uint8_t text[] = "a sec\0ret\n";
	char error[256];

	(void)state;
	assert_null(fz_passphrases_parse("keys", text, sizeof(text) - 1, error, sizeof(error)));
	assert_non_null(strstr(error, "control character"));
}

/* What hex says is meant. */
static void hex_is_exempt(void **state)
{
	char error[256];
	struct fz_passphrases *passphrases = parse("a hex:c3bc07\nb hex:20\n", error);

	(void)state;
	assert_non_null(passphrases);
	assert_passphrase(passphrases, "a", "\xc3\xbc\x07", 3);
	assert_passphrase(passphrases, "b", " ", 1);
	fz_passphrases_free(passphrases);
}

static void many(void **state)
{
	static char text[64 * 5000];
	char error[256], key_id[32], wanted[32];
	struct fz_passphrases *passphrases;
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%u word %u\n", i * 2654435761u, i);
	passphrases = parse(text, error);
	assert_non_null(passphrases);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(key_id, sizeof(key_id), "k%u", i * 2654435761u);
		snprintf(wanted, sizeof(wanted), "word %u", i);
		assert_passphrase(passphrases, key_id, wanted, strlen(wanted));
	}
	fz_passphrases_free(passphrases);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void files(void **state)
{
	static const mode_t closed[] = {0600, 0400},
			    open_to_others[] = {0640, 0604, 0660, 0620, 0602, 0601, 0666};
	struct folder *folder = *state;
	struct fz_passphrases *passphrases;
	char error[256], remedy[128];

	assert_null(fz_passphrases_load(folder->path, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));
	assert_null(fz_passphrases_load(folder->dir, error, sizeof(error)));
	assert_non_null(strstr(error, "not a regular file"));
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		write_file(folder->path, "alice secret\n", closed[i]);
		passphrases = fz_passphrases_load(folder->path, error, sizeof(error));
		assert_non_null(passphrases);
		assert_passphrase(passphrases, "alice", "secret", 6);
		fz_passphrases_free(passphrases);
		unlink(folder->path);
	}
	snprintf(remedy, sizeof(remedy), "chmod 600 %s", folder->path);
	for (size_t i = 0; i < sizeof(open_to_others) / sizeof(open_to_others[0]); i++) {
		write_file(folder->path, "alice secret\n", open_to_others[i]);
		assert_null(fz_passphrases_load(folder->path, error, sizeof(error)));
		assert_non_null(strstr(error, remedy));
		unlink(folder->path);
	}
	write_file(folder->path, "alice\n", 0600);
	assert_null(fz_passphrases_load(folder->path, error, sizeof(error)));
	snprintf(remedy, sizeof(remedy), "%s:1: ", folder->path);
	assert_ptr_equal(strstr(error, remedy), error);
}

static void a_fifo_and_a_giant(void **state)
{
	struct folder *folder = *state;
	char error[256];

	assert_int_equal(mkfifo(folder->path, 0600), 0);
	assert_null(fz_passphrases_load(folder->path, error, sizeof(error)));
	assert_non_null(strstr(error, "not a regular file"));
	unlink(folder->path);
	write_file(folder->path, "", 0600);
	assert_int_equal(truncate(folder->path, 1024 * 1024 + 1), 0);
	assert_null(fz_passphrases_load(folder->path, error, sizeof(error)));
	assert_non_null(strstr(error, "larger than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(nothing_in_it),
		cmocka_unit_test(key_ids),
		cmocka_unit_test(refusals),
		cmocka_unit_test(what_a_passphrase_may_not_have),
		cmocka_unit_test(a_nul_is_a_control_character),
		cmocka_unit_test(hex_is_exempt),
		cmocka_unit_test(many),
		cmocka_unit_test_setup_teardown(files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_fifo_and_a_giant, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
