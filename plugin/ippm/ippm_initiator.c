/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ippm_initiator.h"

#include <errno.h>

#include <daemon.h>
#include <processing/jobs/callback_job.h>

struct initiation {
	struct ippm_server *server;
	uint64_t id;
	char remote_host[64], connection[64];
	unsigned timeout_ms;
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
	DBG1(DBG_CFG, "ippm: setting up a childless IKE_SA '%s' for a measurement", peer_cfg->get_name(peer_cfg));
	/* Without a time-out it would wait for ever if an IKE_SA of this configuration is up that we do not know. */
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
	unsigned timeout_ms)
{
	struct initiation *this = calloc(1, sizeof(*this));

	if (!this)
		return ENOMEM;
	this->server = server;
	this->id = id;
	this->timeout_ms = timeout_ms;
	ippm_text_set(this->remote_host, sizeof(this->remote_host), remote_host);
	ippm_text_set(this->connection, sizeof(this->connection), connection);
	lib->processor->queue_job(lib->processor,
		(job_t *)callback_job_create_with_prio(run, this, free, cancel, JOB_PRIO_MEDIUM));
	return 0;
}
