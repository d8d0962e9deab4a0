/* SPDX-License-Identifier: MIT */
/* Passphrase file: whatever is in it ends in a table or in one line for a person. */
#include <assert.h>
#include <string.h>

#include "keys/passphrase_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first word of the input's first line must be found, unless that line is empty or a comment. */
static void look_for_first(const struct fz_passphrases *passphrases, const uint8_t *data, size_t size)
{
	uint8_t key_id[FIZEAU_KEYID_OCTETS] = {0};
	size_t octets, len = 0;

	while (len < size && len < sizeof(key_id) && data[len] != ' ' && data[len] != '\t' &&
		data[len] != '\n') {
		key_id[len] = data[len];
		len++;
	}
	if (len > 0 && data[0] != '#')
		assert(fz_passphrases_find(passphrases, key_id, &octets) != NULL && octets > 0);
	memset(key_id, 0xff, sizeof(key_id));
	if (fz_passphrases_find(passphrases, key_id, &octets) == NULL)
		assert(octets == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[200] = "";
	struct fz_passphrases *passphrases = fz_passphrases_parse("file", data, size, error, sizeof(error));

	if (passphrases != NULL)
		look_for_first(passphrases, data, size);
	else
		assert(memcmp(error, "file:", 5) == 0 && strchr(error, '\n') == NULL);
	fz_passphrases_free(passphrases);
	return 0;
}
