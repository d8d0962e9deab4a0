/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "session_parts.h"

static int order_add(struct fz_session *session, const struct fz_stamp_session_wanted *wanted)
{
	const struct fz_stamp_conf *conf = &session->conf->stamp;
	struct fz_order order;
	int error;

	/* Not a bit of what lay here before goes to the worker. */
	memset(&order, 0, sizeof(order));
	order.kind = FZ_ORDER_ADD_STAMP;
	order.number = session->slot;
	fz_session_fill_order(session, wanted->require_ipsec, &order.stamp.base);
	order.stamp.base.port = wanted->listener;
	order.stamp.ssid = wanted->ssid;
	order.stamp.key = wanted->key;
	order.stamp.open_hmac_tlv = wanted->open_hmac_tlv;
	order.stamp.stateless = conf->stateless;
	order.stamp.answer_short = conf->answer_short;
	order.stamp.tlvs = conf->tlvs;
	order.stamp.location = conf->location;
	order.stamp.ptp = conf->ptp;
	order.stamp.dscps = conf->dscps;
	error = fz_workers_order(session->sessions->workers, session->worker, &order, -1);
	fizeau_wipe(&order, sizeof(order));
	return error;
}

static struct fz_session *session_new(struct fz_session_table *sessions, const struct fz_stamp_session_wanted *wanted)
{
	struct fz_session *session =
		fz_session_new(sessions, wanted->conf, wanted->of_class, wanted->mode, &wanted->remote);

	if (!session)
		return NULL;
	session->ended = wanted->ended;
	session->worker = wanted->worker;
	session->local_port = wanted->local_port;
	session->stamp.listener = wanted->listener;
	session->stamp.ssid = wanted->ssid;
	session->stamp.stateless = wanted->conf->stamp.stateless;
	return session;
}

struct fz_session *fz_session_add_stamp(struct fz_session_table *sessions, const struct fz_stamp_session_wanted *wanted,
	enum fz_counter *counter)
{
	struct fz_session *session = session_new(sessions, wanted);

	*counter = session ? FZ_COUNT_REQUEST_WORKER : FZ_COUNT_REQUEST_INTERNAL;
	if (session && fz_session_take_slot(session)) {
		if (!order_add(session, wanted)) {
			fz_session_link(session);
			fz_session_runs(session);
			return session;
		}
		fz_session_give_slot(session);
	}
	if (session)
		fz_conf_release(session->conf);
	free(session);
	return NULL;
}
