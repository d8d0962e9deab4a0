/* SPDX-License-Identifier: MIT */
/* Static SAs from a file, for labs and tests: INTERFACE section 6. */
#ifndef FZ_KEYS_IKE_STATIC_H
#define FZ_KEYS_IKE_STATIC_H

#include <stddef.h>
#include "ike_sa.h"
#include "io/addr.h"

struct fz_ike_static;

struct fz_ike_static *fz_ike_static_load(const char *path, char *error, size_t error_octets);
/* The same from memory, which is copied; path is only for errors, and refresh does nothing. */
struct fz_ike_static *fz_ike_static_parse(const char *path, const uint8_t *octets, size_t len, char *error,
	size_t error_octets);
void fz_ike_static_free(struct fz_ike_static *table);
/* Reads the file again if it changed; on failure the old content stays and error says why (-1), once for each change. */
FIZEAU_MUST_USE int fz_ike_static_refresh(struct fz_ike_static *table, char *error, size_t error_octets);
/* The SA of a pair of SPIs; NULL if unknown. Lies in the table until the next refresh or free. */
const struct fz_ike_sa *fz_ike_static_by_spis(const struct fz_ike_static *table, const uint8_t spi_i[static 8],
	const uint8_t spi_r[static 8]);
/* The SAs with that host, the newest first: the lines with this remote, the last first, and then those without a remote.
   Up to cap of them; they lie in the table as above. */
size_t fz_ike_static_of_remote(const struct fz_ike_static *table, const struct fz_addr *remote,
	const struct fz_ike_sa **sas, size_t cap);
/* The first of them; NULL if there is none. */
const struct fz_ike_sa *fz_ike_static_by_remote(const struct fz_ike_static *table, const struct fz_addr *remote);
size_t fz_ike_static_count(const struct fz_ike_static *table);
const struct fz_ike_sa *fz_ike_static_at(const struct fz_ike_static *table, size_t index);

#endif
