/* SPDX-License-Identifier: MIT */
/* Memory for secrets that is neither swapped nor dumped where the system allows that, and files that hold secrets. */
#ifndef FZ_KEYS_SECRET_FILE_H
#define FZ_KEYS_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include <fizeau/error.h>

struct fz_secret_memory {
	uint8_t *octets; /* aligned for any type, zeroed */
	size_t size;
};

/* At least one octet. 0 or -ENOMEM. */
FIZEAU_MUST_USE int fz_secret_memory_get(struct fz_secret_memory *memory, size_t size);
void fz_secret_memory_free(struct fz_secret_memory *memory); /* wipes; a zeroed one is fine */

#define FZ_SECRET_FILE_MAX (1024 * 1024)

/* What tells one version of a file from another. */
struct fz_file_version {
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct fz_file_version fz_file_version_of(const char *path);
bool fz_file_version_same(const struct fz_file_version *a, const struct fz_file_version *b);

/* Reads a regular file that nobody but its owner may read; len octets lie in memory. -1 with one line for a person in
   error otherwise; version is told in both cases. Leaves no copy anywhere else. */
FIZEAU_MUST_USE int fz_secret_file_read(const char *path, struct fz_secret_memory *memory, size_t *len,
	struct fz_file_version *version, char *error, size_t error_octets);

#endif
