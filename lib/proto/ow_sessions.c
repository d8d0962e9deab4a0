/* SPDX-License-Identifier: MIT */
#include "lib/proto/ow_sessions.h"

#include <stdlib.h>
#include <string.h>
#include "lib/proto/grown.h"

static struct fz_ow_session *find(const struct fz_ow_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	for (uint32_t i = 0; i < s->count; i++) {
		if (memcmp(s->sessions[i].sid, sid, FIZEAU_SID_OCTETS) == 0)
			return &s->sessions[i];
	}
	return NULL;
}

int fz_ow_sessions_add(
	struct fz_ow_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS], bool server_sends)
{
	struct fz_ow_session *sessions;

	if (find(s, sid) != NULL)
		return FIZEAU_ERR_RANGE;
	sessions = fz_grown(s->sessions, s->count, &s->cap, sizeof(*sessions));
	if (sessions == NULL)
		return FIZEAU_ERR_MEMORY;
	s->sessions = sessions;
	sessions[s->count] = (struct fz_ow_session){.server_sends = server_sends};
	memcpy(sessions[s->count].sid, sid, FIZEAU_SID_OCTETS);
	s->count++;
	return 0;
}

bool fz_ow_sessions_has(const struct fz_ow_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	return find(s, sid) != NULL;
}

/* A session with both ends at the server is the server's to account for. */
/*= rfc4656#section-3.8 OW-3.8-09 */
uint32_t fz_ow_sessions_sent(const struct fz_ow_sessions *s, bool by_server)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->count; i++)
		count += s->sessions[i].server_sends == by_server ? 1 : 0;
	return count;
}

/*= rfc4656#section-3.8 OW-3.8-10 */
int fz_ow_sessions_match(
	struct fz_ow_sessions *s, bool by_server, const struct fizeau_session_end *ends, uint32_t count)
{
	if (count != fz_ow_sessions_sent(s, by_server))
		return FIZEAU_ERR_SESSIONS;
	for (uint32_t i = 0; i < s->count; i++)
		s->sessions[i].named = false;
	for (uint32_t i = 0; i < count; i++) {
		struct fz_ow_session *session = find(s, ends[i].sid);

		if (session == NULL || session->server_sends != by_server || session->named)
			return FIZEAU_ERR_SESSIONS;
		session->named = true;
	}
	return 0;
}

void fz_ow_sessions_clear(struct fz_ow_sessions *s)
{
	free(s->sessions);
	*s = (struct fz_ow_sessions){0};
}
