/* SPDX-License-Identifier: MIT */
/* The Server's commands of individual session control: Start-N-Sessions and Stop-N-Sessions (RFC 5938). They are as
   long as the peer likes, so they are taken in parts, and what was announced is held against its bound first. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/proto/server_state.h"

#define ACCEPTS 256 /* values there are */

static void take_sid(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);
static void take_end(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now);

static const struct fz_server_part sid_part = {FIZEAU_SID_OCTETS, FZ_OPENED, take_sid};
/*= rfc5938#section-1 IS-1-04 */
static const struct fz_server_part end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_end};

bool fz_server_individual(const struct fizeau_server *s)
{
	return fz_mode_individual(s->config.protocol, s->channel.mode);
}

static void forget_command(struct fz_server_n *n)
{
	fz_sid_list_free(&n->sids);
	free(n->accepts);
	n->accepts = NULL;
	n->wanted = 0;
}

void fz_server_n_free(struct fz_server_n *n)
{
	forget_command(n);
	fz_sid_sessions_clear(&n->sessions);
}

int fz_server_n_add(struct fizeau_server *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	return fz_sid_sessions_add(&s->n.sessions, sid);
}

bool fz_server_n_full(struct fizeau_server *s)
{
	/* Nobody has to stop what has ended by itself, so they may be many. */
	if (s->n.sessions.count >= s->config.max_sessions)
		fz_sid_sessions_drop_expired(&s->n.sessions);
	return s->n.sessions.count >= s->config.max_sessions;
}

/*= rfc5938#section-3.6 IS-3.6-02 */
bool fz_server_n_running(const struct fizeau_server *s)
{
	return s->n.sessions.in[FZ_SID_RUNNING] > 0;
}

/*= rfc5938#section-3.6 IS-3.6-03 */
bool fz_server_n_expire(struct fizeau_server *s, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fz_sid_session *session = fz_sid_sessions_find(&s->n.sessions, sid);

	if (session == NULL || session->state != FZ_SID_RUNNING)
		return false;
	fz_sid_sessions_set(&s->n.sessions, session, FZ_SID_EXPIRED);
	return !fz_server_n_running(s);
}

/* Without a session there is nothing that an ack could name, and whoever sends that is not to be understood. */
/*= rfc5938#section-3.2 IS-3.2-03 IS-3.2-06 */
/*= rfc5938#section-3.4 IS-3.4-04 */
void fz_server_take_n(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_n *n = &s->n;
	int error = fz_n_head_get(&n->command, octets, FZ_N_HEAD_OCTETS);

	(void)now;
	if (error == 0)
		error = fz_n_head_check(&n->command, s->config.max_sessions);
	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	fz_sid_list_expect(&n->sids, n->command.sessions);
	s->part = &sid_part;
}

static void take_sid(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_sid_list *sids = &s->n.sids;
	int error = fz_sid_list_take(sids, octets);

	(void)now;
	if (error < 0)
		fz_server_close(s, error, 0);
	else
		s->part = sids->have < sids->due ? &sid_part : &end_part;
}

static bool starts(const struct fz_server_n *n)
{
	return n->command.command == FZ_START_N_COMMAND;
}

/* What a SID has earned before the caller was asked; wanted: the caller is to be asked. */
/*= rfc5938#section-3.2 IS-3.2-07 IS-3.2-12 */
static uint8_t judge(const struct fz_server_n *n, const struct fizeau_sid *sid, bool *wanted)
{
	const struct fz_sid_session *session = fz_sid_sessions_find(&n->sessions, sid->octets);

	*wanted = session != NULL && session->state == (starts(n) ? FZ_SID_ACCEPTED : FZ_SID_RUNNING);
	/* It does not run any more, as is wished: who ends a test need not know that REFWAIT came first. */
	if (session != NULL && !starts(n) && session->state == FZ_SID_EXPIRED)
		return FIZEAU_ACCEPT_OK;
	return FIZEAU_ACCEPT_FAILURE;
}

/* Those that the caller is asked for come first, sorted as they were. */
static void judge_all(struct fz_server_n *n)
{
	struct fizeau_sid *sids = n->sids.sids, last, sid;

	fz_sid_list_sort(&n->sids);
	for (uint32_t i = 0; i < n->sids.have; i++) {
		bool repeated = i > 0 && memcmp(&sids[i], &last, sizeof(last)) == 0, wanted = false;

		sid = last = sids[i];
		n->accepts[i] = repeated ? FIZEAU_ACCEPT_FAILURE : judge(n, &sid, &wanted);
		if (!wanted)
			continue;
		sids[i] = sids[n->wanted];
		n->accepts[i] = n->accepts[n->wanted];
		sids[n->wanted++] = sid;
	}
}

/* All SIDs with this Accept. */
/*= rfc5938#section-3.3 IS-3.3-05 IS-3.3-06 */
/*= rfc5938#section-3.5 IS-3.5-04 */
static int send_ack(struct fizeau_server *s, uint8_t accept, uint32_t count)
{
	const struct fz_server_n *n = &s->n;
	const struct fz_n_head head = {
		.command = starts(n) ? FZ_START_N_ACK_COMMAND : FZ_STOP_N_ACK_COMMAND,
		.accept = accept,
		.sessions = count,
	};
	size_t len = fz_n_octets(count), at = FZ_N_HEAD_OCTETS;
	uint8_t *octets = fz_channel_room(&s->channel, len);
	int error;

	assert(octets != NULL);
	error = fz_n_head_put(&head, octets, FZ_N_HEAD_OCTETS);
	for (uint32_t i = 0; error == 0 && i < n->sids.have; i++) {
		if (n->accepts[i] != accept)
			continue;
		error = fz_n_sid_put(&n->sids.sids[i], octets + at, FIZEAU_SID_OCTETS);
		at += FIZEAU_SID_OCTETS;
	}
	return error < 0 ? error : fz_channel_send_sealed(&s->channel, len);
}

static void apply(struct fz_server_n *n)
{
	for (uint32_t i = 0; i < n->sids.have; i++) {
		struct fz_sid_session *session = fz_sid_sessions_find(&n->sessions, n->sids.sids[i].octets);

		if (n->accepts[i] == FIZEAU_ACCEPT_OK && session != NULL)
			fz_sid_sessions_set(&n->sessions, session, starts(n) ? FZ_SID_RUNNING : FZ_SID_STOPPED);
	}
	fz_sid_sessions_sweep(&n->sessions);
}

/* One ack for each Accept value that there is, so that each SID is named once. FIZEAU_ERR_MEMORY, FIZEAU_ERR_LIMIT:
   nothing was done. */
/*= rfc5938#section-3.2 IS-3.2-08 IS-3.2-09 IS-3.2-10 */
/*= rfc5938#section-3.3 IS-3.3-03 IS-3.3-04 */
/*= rfc5938#section-3.4 IS-3.4-07 IS-3.4-08 IS-3.4-09 */
/*= rfc5938#section-3.5 IS-3.5-02 IS-3.5-03 */
static int send_acks(struct fizeau_server *s, struct fizeau_mono now)
{
	struct fz_server_n *n = &s->n;
	uint32_t counts[ACCEPTS] = {0};
	size_t octets = 0;
	int error;

	for (uint32_t i = 0; i < n->sids.have; i++)
		counts[n->accepts[i]]++;
	for (size_t i = 0; i < ACCEPTS; i++)
		octets += counts[i] > 0 ? fz_n_octets(counts[i]) : 0;
	error = fz_channel_reserve(&s->channel, octets);
	if (error < 0)
		return error;
	for (size_t i = 0; error == 0 && i < ACCEPTS; i++) {
		if (counts[i] > 0)
			error = send_ack(s, (uint8_t)i, counts[i]);
	}
	if (error < 0) {
		fz_server_close(s, error, FIZEAU_ACCEPT_INTERNAL);
		return error;
	}
	apply(n);
	forget_command(n);
	fz_server_enter_idle(s, now);
	return 0;
}

static void take_end(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_server_n *n = &s->n;
	struct fizeau_event *event;
	int error = 0;

	(void)octets;
	n->accepts = calloc(n->sids.have, sizeof(*n->accepts));
	if (n->accepts == NULL)
		error = FIZEAU_ERR_MEMORY;
	else
		judge_all(n);
	if (error == 0 && n->wanted == 0)
		error = send_acks(s, now);
	if (error < 0)
		fz_server_close(s, error, 0);
	if (n->wanted == 0 || error < 0)
		return;
	event = fz_channel_raise(
		&s->channel, starts(n) ? FIZEAU_EVENT_START_N_WANTED : FIZEAU_EVENT_STOP_N_WANTED);
	event->n_wanted.sids = n->sids.sids;
	event->n_wanted.count = n->wanted;
	/*= rfc5938#section-3.6 IS-3.6-01 */
	fz_server_await_caller(s, FZ_SERVER_N);
}

int fizeau_server_answer_n(
	struct fizeau_server *s, const uint8_t *accepts, uint32_t count, struct fizeau_mono now)
{
	if (s->phase != FZ_SERVER_N)
		return FIZEAU_ERR_STATE;
	if (count != s->n.wanted)
		return FIZEAU_ERR_RANGE;
	memcpy(s->n.accepts, accepts, count);
	return send_acks(s, now);
}
