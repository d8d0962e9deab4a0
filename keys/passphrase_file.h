/* SPDX-License-Identifier: MIT */
/* Passphrase file: INTERFACE section 5. */
#ifndef FZ_KEYS_PASSPHRASE_FILE_H
#define FZ_KEYS_PASSPHRASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/keys.h>

struct fz_passphrases;

/* Loads the file; on failure NULL and in error one line for a person, file:line, cause and remedy (chmod ...). */
struct fz_passphrases *fz_passphrases_load(const char *path, char *error, size_t error_octets);
/* The same from memory, which is copied; path is only for errors. */
struct fz_passphrases *fz_passphrases_parse(const char *path, const uint8_t *octets, size_t len, char *error,
	size_t error_octets);
void fz_passphrases_free(struct fz_passphrases *passphrases); /* wipes */
/* Octets of the passphrase of a KeyID (80 octets, zero filled, perhaps without a terminator); NULL if there is none. */
const uint8_t *fz_passphrases_find(const struct fz_passphrases *passphrases, const uint8_t key_id[static FIZEAU_KEYID_OCTETS],
	size_t *octets);
/* KeyID of a text: zero filled. False if it is empty or longer than 80 octets. */
FIZEAU_MUST_USE bool fz_key_id_from_text(const char *text, uint8_t key_id[static FIZEAU_KEYID_OCTETS]);

#endif
