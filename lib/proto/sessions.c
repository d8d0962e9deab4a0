/* SPDX-License-Identifier: MIT */
#include "lib/proto/sessions.h"

void fz_sessions_accept(struct fz_sessions *s)
{
	s->accepted++;
}

void fz_sessions_start(struct fz_sessions *s)
{
	s->started = s->accepted;
	s->accepted = 0;
	s->expired = 0;
}

bool fz_sessions_expire(struct fz_sessions *s)
{
	if (s->expired == s->started)
		return false;
	s->expired++;
	return s->expired == s->started;
}

uint32_t fz_sessions_alive(const struct fz_sessions *s)
{
	return s->started - s->expired;
}

void fz_sessions_clear(struct fz_sessions *s)
{
	*s = (struct fz_sessions){0};
}
