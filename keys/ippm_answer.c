/* SPDX-License-Identifier: MIT */
#include "ippm_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ERRNO_MAX 4095 /* Linux's own bound */

static int rubbish(struct fz_ippm_answer *answer, const char *what)
{
	snprintf(answer->reason, sizeof(answer->reason), "its answer is wrong: %s", what);
	return -EPROTO;
}

static bool read_spi(const char *text, uint8_t spi[static 8])
{
	size_t len;

	return text != NULL && ippm_msg_hex(text, spi, 8, &len) && len == 8;
}

/* What does not fit is left out, never cut: half an identity would be someone else's. */
static void copy(char *to, size_t room, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len >= room)
		len = 0;
	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
}

/* The SA of the pairs from <= index < to. An unknown PRF leaves prf NONE and no key. */
static const char *read_sa(
	const struct ippm_msg_reader *m, size_t from, size_t to, bool keys, struct fz_ike_sa *sa)
{
	const char *key = ippm_msg_get_in(m, from, to, "key"), *prf = ippm_msg_get_in(m, from, to, "prf");
	const char *local = ippm_msg_get_in(m, from, to, "local_host");
	const char *remote = ippm_msg_get_in(m, from, to, "remote_host");
	const char *established = ippm_msg_get_in(m, from, to, "established");
	const char *vanished = ippm_msg_get_in(m, from, to, "vanished");
	uint64_t came = 0, went = 0;
	size_t len;

	if (!read_spi(ippm_msg_get_in(m, from, to, "spi_i"), sa->spi_i) ||
		!read_spi(ippm_msg_get_in(m, from, to, "spi_r"), sa->spi_r))
		return "an SPI is not 16 hex digits";
	if (prf == NULL)
		return "an SA has no prf";
	/* An empty one would read as "any". */
	if ((local != NULL && strlen(local) >= sizeof(sa->local_host)) ||
		(remote != NULL && strlen(remote) >= sizeof(sa->remote_host)))
		return "an address is too long";
	if (established != NULL && !ippm_msg_u64(established, INT64_MAX, &came))
		return "established is no number";
	if (vanished != NULL && !ippm_msg_u64(vanished, INT64_MAX, &went))
		return "vanished is no number";
	sa->established = (int64_t)came;
	sa->vanished = (int64_t)went;
	copy(sa->local_host, sizeof(sa->local_host), local);
	copy(sa->remote_host, sizeof(sa->remote_host), remote);
	copy(sa->local_id, sizeof(sa->local_id), ippm_msg_get_in(m, from, to, "local_id"));
	copy(sa->remote_id, sizeof(sa->remote_id), ippm_msg_get_in(m, from, to, "remote_id"));
	copy(sa->auth, sizeof(sa->auth), ippm_msg_get_in(m, from, to, "auth"));
	copy(sa->state, sizeof(sa->state), ippm_msg_get_in(m, from, to, "state"));
	copy(sa->connection, sizeof(sa->connection), ippm_msg_get_in(m, from, to, "connection"));
	sa->prf = fizeau_prf_from_name(prf);
	if (!keys || sa->prf == FIZEAU_PRF_NONE)
		return NULL;
	/*= rfc7717#section-5.1 IK-5.1-04 */
	if (key == NULL || !ippm_msg_hex(key, sa->key, sizeof(sa->key), &len) ||
		len != fizeau_prf_octets(sa->prf))
		return "a key has not the length of its prf's output";
	sa->key_octets = (uint8_t)len;
	return NULL;
}

static bool known(const struct fz_ippm_answer *answer, const struct fz_ike_sa *sa)
{
	for (size_t i = 0; i < answer->count; i++) {
		if (memcmp(answer->sas[i].spi_i, sa->spi_i, 8) == 0 &&
			memcmp(answer->sas[i].spi_r, sa->spi_r, 8) == 0)
			return true;
	}
	return false;
}

static int read_sas(const struct ippm_msg_reader *m, enum fz_ippm_kind kind, struct fz_ippm_answer *answer)
{
	size_t from = ippm_msg_next_sa(m, 0), to;

	for (; from < m->count; from = to) {
		struct fz_ike_sa *sa = &answer->sas[answer->count];
		const char *wrong;

		to = ippm_msg_next_sa(m, from + 1);
		if (answer->told == IPPM_MSG_ANSWER_SAS)
			return rubbish(answer, "it has too many SAs");
		answer->told++;
		wrong = read_sa(m, from, to, kind != FZ_IPPM_LIST, sa);
		if (wrong != NULL)
			return rubbish(answer, wrong);
		if (known(answer, sa))
			return rubbish(answer, "two SAs have the same SPIs");
		if (sa->prf != FIZEAU_PRF_NONE || kind == FZ_IPPM_LIST)
			answer->count++;
		else
			snprintf(answer->reason, sizeof(answer->reason),
				"an IKE SA has the PRF '%.64s', which is not known here; it cannot key a "
				"measurement",
				ippm_msg_get_in(m, from, to, "prf"));
	}
	return 0;
}

static bool lives(const struct fz_ike_sa *sa)
{
	return sa->vanished == 0 && strcmp(sa->state, "rekeyed") != 0 && strcmp(sa->state, "deleted") != 0;
}

/* The server's own IKE daemon forgets an SA that has vanished, and perhaps earlier: whatever order a service has, those
   that live are tried first. */
static void living_first(struct fz_ippm_answer *answer)
{
	size_t living = 0;

	for (size_t i = 0; i < answer->count; i++) {
		struct fz_ike_sa sa = answer->sas[i];

		if (!lives(&sa))
			continue;
		memmove(&answer->sas[living + 1], &answer->sas[living], (i - living) * sizeof(sa));
		answer->sas[living++] = sa;
		fz_ike_sa_wipe(&sa);
	}
}

int fz_ippm_answer_read(
	const struct ippm_msg_reader *m, enum fz_ippm_kind kind, struct fz_ippm_answer *answer)
{
	const char *number = ippm_msg_get(m, "errno"), *reason = ippm_msg_get(m, "reason");
	const char *more = ippm_msg_get(m, "more");
	uint64_t code;
	int error;

	memset(answer, 0, sizeof(*answer));
	if (m->count == 0 || strcmp(m->pairs[0].key, "errno") != 0 || !ippm_msg_u64(number, ERRNO_MAX, &code))
		return rubbish(answer, "it does not begin with errno");
	if (code != 0) {
		snprintf(answer->reason, sizeof(answer->reason), "%s",
			reason == NULL || reason[0] == '\0' ? strerror((int)code) : reason);
		return -(int)code;
	}
	error = read_sas(m, kind, answer);
	if (error != 0)
		return error;
	answer->more = more != NULL && strcmp(more, "1") == 0;
	if (kind == FZ_IPPM_LIST)
		return answer->more && answer->told == 0 ? rubbish(answer, "it promises more and has none")
							 : 0;
	if (answer->told == 0)
		return rubbish(answer, "it has no SA");
	living_first(answer);
	return answer->count == 0 ? -ENOTSUP : 0;
}
