/* SPDX-License-Identifier: MIT */
/* The Control-Client's part of individual session control: Start-N-Sessions and Stop-N-Sessions (RFC 5938). */
#include <assert.h>
#include <string.h>
#include "lib/proto/client_state.h"

static void take_sid(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);
static void take_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now);

static const struct fz_client_part sid_part = {FIZEAU_SID_OCTETS, FZ_OPENED, take_sid};
/*= rfc5938#section-1 IS-1-04 */
static const struct fz_client_part end_part = {FZ_HMAC_FIELD, FZ_SEALED, take_end};

/* What a command does to a session: from a state, over the one where its ack is due, to another. */
struct change {
	uint8_t command, ack;
	enum fz_sid_state before, due, after;
	enum fizeau_event_type event;
};

static const struct change starting = {FZ_START_N_COMMAND, FZ_START_N_ACK_COMMAND, FZ_SID_ACCEPTED, FZ_SID_STARTING,
	FZ_SID_RUNNING, FIZEAU_EVENT_START_N_ACK};
static const struct change stopping = {FZ_STOP_N_COMMAND, FZ_STOP_N_ACK_COMMAND, FZ_SID_RUNNING, FZ_SID_STOPPING,
	FZ_SID_STOPPED, FIZEAU_EVENT_STOP_N_ACK};

bool fz_client_individual(const struct fizeau_control_client *c)
{
	return fz_mode_individual(c->config.protocol, c->mode);
}

void fz_client_n_free(struct fz_client_n *n)
{
	fz_sid_list_free(&n->sids);
	fz_sid_sessions_clear(&n->sessions);
}

void fz_client_n_reclaim(struct fz_client_n *n)
{
	fz_sid_list_free(&n->sids);
}

/* A SID that the server gave to another session already names neither. */
int fz_client_n_accept(struct fizeau_control_client *c, const uint8_t sid[static FIZEAU_SID_OCTETS])
{
	int error = fz_sid_sessions_add(&c->n.sessions, sid);

	return error == FIZEAU_ERR_RANGE ? FIZEAU_ERR_MALFORMED : error;
}

/* The first count of them are not asked for after all. */
static void undo(struct fz_client_n *n, const struct change *change, const struct fizeau_sid *sids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fz_sid_sessions_set(
			&n->sessions, fz_sid_sessions_find(&n->sessions, sids[i].octets), change->before);
}

/* Each of them is in the state that the command is for, and thus named once. */
/*= rfc5938#section-3.2 IS-3.2-01 IS-3.2-04 IS-3.2-07 */
/*= rfc5938#section-3.4 IS-3.4-02 IS-3.4-05 */
static int ask(struct fz_client_n *n, const struct change *change, const struct fizeau_sid *sids, uint32_t count)
{
	if (count == 0)
		return FIZEAU_ERR_RANGE;
	for (uint32_t i = 0; i < count; i++) {
		struct fz_sid_session *session = fz_sid_sessions_find(&n->sessions, sids[i].octets);

		if (session == NULL || session->state != change->before) {
			undo(n, change, sids, i);
			return FIZEAU_ERR_RANGE;
		}
		fz_sid_sessions_set(&n->sessions, session, change->due);
	}
	return 0;
}

/*= rfc5938#section-3.2 IS-3.2-02 IS-3.2-03 IS-3.2-05 */
/*= rfc5938#section-3.4 IS-3.4-03 IS-3.4-04 IS-3.4-06 */
static int put(const struct change *change, const struct fizeau_sid *sids, uint32_t count, uint8_t *octets)
{
	const struct fz_n_head head = {.command = change->command, .sessions = count};
	uint8_t *at = octets + FZ_N_HEAD_OCTETS;
	int error = fz_n_head_put(&head, octets, FZ_N_HEAD_OCTETS);

	for (uint32_t i = 0; error == 0 && i < count; i++, at += FIZEAU_SID_OCTETS)
		error = fz_n_sid_put(&sids[i], at, FIZEAU_SID_OCTETS);
	return error;
}

/* Acks of others may still be due: which session an ack is about it says itself. */
/*= rfc5938#section-3.2 IS-3.2-11 */
static int command(struct fizeau_control_client *c, const struct change *change, const struct fizeau_sid *sids,
	uint32_t count, struct fizeau_mono now)
{
	size_t octets = fz_n_octets(count);
	int error;

	if (!fz_client_individual(c) || (c->phase != FZ_CLIENT_IDLE && c->phase != FZ_CLIENT_ACKS))
		return FIZEAU_ERR_STATE;
	error = ask(&c->n, change, sids, count);
	if (error < 0)
		return error;
	error = fz_channel_reserve(&c->channel, octets);
	if (error < 0) {
		undo(&c->n, change, sids, count);
		return error;
	}
	error = put(change, sids, count, fz_channel_room(&c->channel, octets));
	if (error == 0)
		error = fz_client_send_sealed(c, octets);
	if (error == 0)
		fz_client_await_server(c, FZ_CLIENT_ACKS, now);
	return error;
}

/*= rfc5938#section-2 IS-2-02 */
/*= rfc5938#section-3.1 IS-3.1-04 */
int fizeau_control_client_start_n(
	struct fizeau_control_client *c, const struct fizeau_sid *sids, uint32_t count, struct fizeau_mono now)
{
	return command(c, &starting, sids, count, now);
}

/*= rfc5938#section-2 IS-2-02 */
/*= rfc5938#section-3.1 IS-3.1-04 */
/*= rfc5938#section-3.4 IS-3.4-01 */
int fizeau_control_client_stop_n(
	struct fizeau_control_client *c, const struct fizeau_sid *sids, uint32_t count, struct fizeau_mono now)
{
	return command(c, &stopping, sids, count, now);
}

static const struct change *change_of(const struct fz_n_head *head)
{
	if (head->command == FZ_START_N_ACK_COMMAND)
		return &starting;
	return head->command == FZ_STOP_N_ACK_COMMAND ? &stopping : NULL;
}

/* Nothing of it is proved before its end, so no more is read than can be due. */
/*= rfc5938#section-3.3 IS-3.3-02 IS-3.3-04 */
/*= rfc5938#section-3.5 IS-3.5-02 IS-3.5-03 */
void fz_client_take_ack_n(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_client_n *n = &c->n;
	int error = fz_n_head_get(&n->ack, octets, FZ_N_HEAD_OCTETS);
	const struct change *change = change_of(&n->ack);

	(void)now;
	if (error == 0 && change == NULL)
		error = FIZEAU_ERR_UNEXPECTED;
	if (error == 0 && fz_n_head_check(&n->ack, n->sessions.in[change->due]) < 0)
		error = FIZEAU_ERR_MALFORMED;
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	fz_sid_list_expect(&n->sids, n->ack.sessions);
	c->part = &sid_part;
}

static void take_sid(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_sid_list *sids = &c->n.sids;
	int error = fz_sid_list_take(sids, octets);

	(void)now;
	if (error < 0)
		fz_client_close(c, error, 0);
	else
		c->part = sids->have < sids->due ? &sid_part : &end_part;
}

/* Each session's ack comes once, and only if it was asked for. */
static int acknowledge(struct fz_client_n *n, const struct change *change)
{
	enum fz_sid_state then = n->ack.accept == FIZEAU_ACCEPT_OK ? change->after : change->before;

	for (uint32_t i = 0; i < n->sids.have; i++) {
		struct fz_sid_session *session = fz_sid_sessions_find(&n->sessions, n->sids.sids[i].octets);

		if (session == NULL || session->state != change->due)
			return FIZEAU_ERR_MALFORMED;
		fz_sid_sessions_set(&n->sessions, session, then);
	}
	fz_sid_sessions_sweep(&n->sessions);
	return 0;
}

static void take_end(struct fizeau_control_client *c, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_client_n *n = &c->n;
	const struct change *change = change_of(&n->ack);
	struct fizeau_event *event;
	int error;

	(void)octets;
	(void)now;
	assert(change != NULL);
	error = acknowledge(n, change);
	if (error < 0) {
		fz_client_close(c, error, 0);
		return;
	}
	event = fz_channel_raise(&c->channel, change->event);
	event->n_ack.accept = n->ack.accept;
	event->n_ack.sids = n->sids.sids;
	event->n_ack.count = n->sids.have;
	fz_channel_lend(&c->channel, change->event);
	if (n->sessions.in[FZ_SID_STARTING] == 0 && n->sessions.in[FZ_SID_STOPPING] == 0)
		fz_client_await_caller(c, FZ_CLIENT_IDLE);
}
