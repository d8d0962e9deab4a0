/* SPDX-License-Identifier: MIT */
/* File of static SAs: whatever is in it ends in SAs that are whole, or in one line for a person. */
#include <assert.h>
#include <string.h>

#include "keys/ike_static.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct fz_ike_static *table)
{
	struct fz_addr addr;

	for (size_t i = 0; i < fz_ike_static_count(table); i++) {
		const struct fz_ike_sa *sa = fz_ike_static_at(table, i);

		assert(sa->key_octets == fizeau_prf_octets(sa->prf) && sa->key_octets >= 16);
		assert(fz_ike_static_by_spis(table, sa->spi_i, sa->spi_r) == sa);
		assert(memchr(sa->remote_id, '\0', sizeof(sa->remote_id)) != NULL);
		assert(memchr(sa->local_id, '\0', sizeof(sa->local_id)) != NULL);
		if (sa->remote_host[0] == '\0')
			continue;
		assert(fz_addr_parse(sa->remote_host, &addr));
		assert(fz_ike_static_by_remote(table, &addr) >= sa);
	}
	assert(fz_ike_static_at(table, fz_ike_static_count(table)) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[300] = "";
	struct fz_ike_static *table = fz_ike_static_parse("file", data, size, error, sizeof(error));

	if (table != NULL)
		look_at(table);
	else
		assert(memcmp(error, "file:", 5) == 0 && strchr(error, '\n') == NULL);
	fz_ike_static_free(table);
	return 0;
}
