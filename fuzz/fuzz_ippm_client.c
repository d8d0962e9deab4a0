/* SPDX-License-Identifier: MIT */
/* Answers of the key service as the client reads them: the first octet says which request they answer. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "keys/ippm_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct fz_ippm_answer *answer, enum fz_ippm_kind kind)
{
	assert(answer->count <= answer->told && answer->told <= IPPM_MSG_ANSWER_SAS);
	assert(kind == FZ_IPPM_LIST || answer->count > 0);
	for (size_t i = 0; i < answer->count; i++) {
		const struct fz_ike_sa *sa = &answer->sas[i];

		if (kind == FZ_IPPM_LIST)
			assert(sa->key_octets == 0);
		else
			assert(sa->key_octets >= 16 && sa->key_octets == fizeau_prf_octets(sa->prf));
		assert(memchr(sa->remote_id, '\0', sizeof(sa->remote_id)) != NULL);
		assert(memchr(sa->remote_host, '\0', sizeof(sa->remote_host)) != NULL);
		assert(memchr(sa->connection, '\0', sizeof(sa->connection)) != NULL);
		for (size_t j = 0; j < i; j++)
			assert(memcmp(answer->sas[j].spi_i, sa->spi_i, 8) != 0 ||
				memcmp(answer->sas[j].spi_r, sa->spi_r, 8) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ippm_msg_pair pairs[256];
	struct fz_ippm_answer *answer = malloc(sizeof(*answer));
	char *buf = malloc(16384);
	struct ippm_msg_reader reader;
	size_t used;

	if (size > 0 && buf != NULL && answer != NULL) {
		enum fz_ippm_kind kind = (enum fz_ippm_kind)(data[0] & 3);

		ippm_msg_reader_init(&reader, buf, 16384, pairs, 256);
		if (ippm_msg_feed(&reader, (const char *)data + 1, size - 1, &used) == IPPM_MSG_COMPLETE) {
			int error = fz_ippm_answer_read(&reader, kind, answer);

			if (error == 0)
				look_at(answer, kind);
			else
				assert(error < 0 && error >= -4095 && answer->reason[0] != '\0');
		}
	}
	free(answer);
	free(buf);
	return 0;
}
