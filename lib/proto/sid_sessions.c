/* SPDX-License-Identifier: MIT */
#include "lib/proto/sid_sessions.h"

#include <stdlib.h>
#include <string.h>
#include "lib/proto/grown.h"

/* The first whose SID is not less. */
static uint32_t place_of(const struct fz_sid_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	uint32_t from = 0, to = s->count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (memcmp(s->sessions[middle].sid.octets, sid, FIZEAU_SID_OCTETS) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct fz_sid_session *fz_sid_sessions_find(
	const struct fz_sid_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	uint32_t at = place_of(s, sid);

	if (at == s->count || memcmp(s->sessions[at].sid.octets, sid, FIZEAU_SID_OCTETS) != 0)
		return NULL;
	return &s->sessions[at];
}

int fz_sid_sessions_add(struct fz_sid_sessions *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fz_sid_session *sessions;
	uint32_t at = place_of(s, sid);

	if (fz_sid_sessions_find(s, sid) != NULL)
		return FIZEAU_ERR_RANGE;
	sessions = fz_grown(s->sessions, s->count, &s->cap, sizeof(*sessions));
	if (sessions == NULL)
		return FIZEAU_ERR_MEMORY;
	s->sessions = sessions;
	memmove(sessions + at + 1, sessions + at, (s->count - at) * sizeof(*sessions));
	sessions[at].state = FZ_SID_ACCEPTED;
	memcpy(sessions[at].sid.octets, sid, FIZEAU_SID_OCTETS);
	s->in[FZ_SID_ACCEPTED]++;
	s->count++;
	return 0;
}

void fz_sid_sessions_set(struct fz_sid_sessions *s, struct fz_sid_session *session, enum fz_sid_state state)
{
	s->in[session->state]--;
	session->state = state;
	s->in[state]++;
}

void fz_sid_sessions_sweep(struct fz_sid_sessions *s)
{
	uint32_t kept = 0;

	if (s->in[FZ_SID_STOPPED] == 0)
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		if (s->sessions[i].state != FZ_SID_STOPPED)
			s->sessions[kept++] = s->sessions[i];
	}
	s->count = kept;
	s->in[FZ_SID_STOPPED] = 0;
}

void fz_sid_sessions_drop_expired(struct fz_sid_sessions *s)
{
	for (uint32_t i = 0; s->in[FZ_SID_EXPIRED] > 0 && i < s->count; i++) {
		if (s->sessions[i].state == FZ_SID_EXPIRED)
			fz_sid_sessions_set(s, &s->sessions[i], FZ_SID_STOPPED);
	}
	fz_sid_sessions_sweep(s);
}

void fz_sid_sessions_clear(struct fz_sid_sessions *s)
{
	free(s->sessions);
	*s = (struct fz_sid_sessions){0};
}
