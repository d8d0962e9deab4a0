/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ippm_initiator.h"

#include <errno.h>

#include <daemon.h>
#include <processing/jobs/callback_job.h>
#include <threading/semaphore.h>
#include <threading/thread.h>

struct initiation {
	struct ippm_server *server;
	uint64_t id;
	char remote_host[64], connection[64];
	unsigned timeout_ms;
	bool another;
};

/* Waits for the end of the set-up of one IKE_SA. */
struct awaiting {
	listener_t listener; /* first: the bus calls with it */
	uint32_t unique_id;
	int error;
	semaphore_t *ended;
};

/* Whether a configuration leads to just this host: not to any, not to the first of several others. */
static bool leads_to(peer_cfg_t *peer_cfg, host_t *host)
{
	ike_cfg_t *ike_cfg = peer_cfg->get_ike_cfg(peer_cfg);
	host_t *other = ike_cfg->resolve_other(ike_cfg, host->get_family(host));
	bool leads = other && !other->is_anyaddr(other) && other->ip_equals(other, host);

	if (other)
		other->destroy(other);
	return leads;
}

static peer_cfg_t *find_by_host(const char *text)
{
	host_t *host = host_create_from_string((char *)text, 0);
	peer_cfg_t *peer_cfg, *found = NULL;
	enumerator_t *enumerator;

	if (!host)
		return NULL;
	enumerator = charon->backends->create_peer_cfg_enumerator(charon->backends, NULL, host, NULL, NULL, IKEV2);
	while (!found && enumerator->enumerate(enumerator, &peer_cfg))
		if (leads_to(peer_cfg, host))
			found = peer_cfg->get_ref(peer_cfg);
	enumerator->destroy(enumerator);
	host->destroy(host);
	return found;
}

static bool end_waiting(struct awaiting *this, ike_sa_t *ike_sa, int error)
{
	if (ike_sa->get_unique_id(ike_sa) != this->unique_id)
		return TRUE;
	this->error = error;
	this->ended->post(this->ended);
	return FALSE; /* no more of it */
}

METHOD(listener_t, awaiting_updown, bool, struct awaiting *this, ike_sa_t *ike_sa, bool up)
{
	return end_waiting(this, ike_sa, up ? 0 : EHOSTUNREACH);
}

METHOD(listener_t, awaiting_state_change, bool, struct awaiting *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	return state == IKE_DESTROYING ? end_waiting(this, ike_sa, EHOSTUNREACH) : TRUE;
}

static void awaiting_end(void *data)
{
	struct awaiting *this = data;

	charon->bus->remove_listener(charon->bus, &this->listener);
	this->ended->destroy(this->ended);
}

static bool begin_another(peer_cfg_t *peer_cfg, struct awaiting *awaiting)
{
	ike_sa_t *ike_sa = charon->ike_sa_manager->create_new(charon->ike_sa_manager, IKEV2, TRUE);
	bool begun;

	if (!ike_sa)
		return false;
	ike_sa->set_peer_cfg(ike_sa, peer_cfg);
	charon->ike_sa_manager->checkout_new(charon->ike_sa_manager, ike_sa);
	charon->bus->set_sa(charon->bus, ike_sa);
	awaiting->unique_id = ike_sa->get_unique_id(ike_sa);
	charon->bus->add_listener(charon->bus, &awaiting->listener);
	begun = ike_sa->initiate(ike_sa, NULL, NULL) == SUCCESS;
	if (begun)
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	else
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	return begun;
}

/* The controller would take the IKE_SA that is up, and this one is for peers that have forgotten it. Takes peer_cfg over. */
static int set_up_another(peer_cfg_t *peer_cfg, unsigned timeout_ms)
{
	struct awaiting awaiting = {
		.listener = {.ike_updown = _awaiting_updown, .ike_state_change = _awaiting_state_change},
		.ended = semaphore_create(0),
	};
	int error;

	thread_cleanup_push((thread_cleanup_t)peer_cfg->destroy, peer_cfg);
	thread_cleanup_push(awaiting_end, &awaiting);
	if (!begin_another(peer_cfg, &awaiting))
		error = EHOSTUNREACH;
	else if (awaiting.ended->timed_wait(awaiting.ended, timeout_ms))
		error = ETIMEDOUT;
	else
		error = awaiting.error;
	thread_cleanup_pop(TRUE);
	thread_cleanup_pop(TRUE);
	return error;
}

/* Whether an IKE_SA of that configuration is up: the controller would take it and wait in vain for another one. */
static bool is_up(peer_cfg_t *peer_cfg)
{
	enumerator_t *enumerator = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager, FALSE);
	ike_sa_t *ike_sa;
	bool up = false;

	while (enumerator->enumerate(enumerator, &ike_sa)) {
		peer_cfg_t *of_sa = ike_sa->get_peer_cfg(ike_sa);

		if (of_sa && ike_sa->get_state(ike_sa) == IKE_ESTABLISHED && of_sa->equals(of_sa, peer_cfg) &&
			streq(of_sa->get_name(of_sa), peer_cfg->get_name(peer_cfg)))
			up = true;
	}
	enumerator->destroy(enumerator);
	return up;
}

/*= rfc7717#section-5.1 IK-5.1-06 */
static int set_up(struct initiation *this)
{
	peer_cfg_t *peer_cfg;
	status_t status;

	peer_cfg = this->connection[0] ? charon->backends->get_peer_cfg_by_name(charon->backends, this->connection) :
					 find_by_host(this->remote_host);
	if (!peer_cfg)
		return ENOENT;
	if (peer_cfg->get_ike_version(peer_cfg) == IKEV1) {
		peer_cfg->destroy(peer_cfg);
		return ENOENT;
	}
	DBG1(DBG_CFG, "ippm: setting up a childless IKE_SA '%s' for a measurement%s", peer_cfg->get_name(peer_cfg),
		this->another ? ", besides any that is up" : "");
	if (this->another)
		return set_up_another(peer_cfg, this->timeout_ms);
	/* Its keys cannot be had, or it would have been found. */
	if (is_up(peer_cfg)) {
		peer_cfg->destroy(peer_cfg);
		return EOPNOTSUPP;
	}
	status = charon->controller->initiate(charon->controller, peer_cfg, NULL, controller_cb_empty, NULL,
#ifdef IPPM_CONTROLLER_LEVEL
		LEVEL_CTRL,
#endif
		this->timeout_ms, FALSE);
	return status == SUCCESS ? 0 : status == OUT_OF_RES ? ETIMEDOUT : EHOSTUNREACH;
}

static job_requeue_t run(void *data)
{
	struct initiation *this = data;

	ippm_server_initiated(this->server, this->id, set_up(this));
	return JOB_REQUEUE_NONE;
}

static bool cancel(void *data)
{
	(void)data;
	return FALSE; /* by cancelling the thread */
}

int ippm_initiate(struct ippm_server *server, uint64_t id, const char *remote_host, const char *connection,
	bool another, unsigned timeout_ms)
{
	struct initiation *this = calloc(1, sizeof(*this));

	if (!this)
		return ENOMEM;
	this->server = server;
	this->id = id;
	this->timeout_ms = timeout_ms;
	this->another = another;
	ippm_text_set(this->remote_host, sizeof(this->remote_host), remote_host);
	ippm_text_set(this->connection, sizeof(this->connection), connection);
	lib->processor->queue_job(lib->processor,
		(job_t *)callback_job_create_with_prio(run, this, free, cancel, JOB_PRIO_MEDIUM));
	return 0;
}
