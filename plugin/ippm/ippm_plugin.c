/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strongSwan plugin `ippm`: table, listener and server put together. */
#include <dlfcn.h>
#include <grp.h>
#include <signal.h>

#include <daemon.h>
#include <plugins/plugin_feature.h>
#include <processing/jobs/callback_job.h>
#include <threading/thread.h>

#include "ippm_initiator.h"
#include "ippm_listener.h"

#define DEFAULT_SOCKET "unix:///run/charon.ippm"
#define MAX_PER_PEER 256

struct ippm_plugin {
	plugin_t public; /* first: charon calls with it */
	struct ippm_table *table;
	struct ippm_server *server;
	struct ippm_listener listener;
	thread_t *thread;
};

plugin_t *ippm_plugin_create(void);
/* From 6.0.3 the loader wants the version that a plugin was built for. */
extern const char *ippm_plugin_version;
const char *ippm_plugin_version __attribute__((visibility("default"))) = VERSION;

static int initiate(void *arg, uint64_t id, const char *remote_host, const char *connection, bool another,
	unsigned timeout_ms)
{
	struct ippm_plugin *this = arg;

	return ippm_initiate(this->server, id, remote_host, connection, another, timeout_ms);
}

static void log_line(void *arg, const char *text)
{
	(void)arg;
	DBG1(DBG_CFG, "ippm: %s", text);
}

static void *serve(void *arg)
{
	struct ippm_plugin *this = arg;

	ippm_server_run(this->server);
	return NULL;
}

/* Runs on a worker: by then charon has given up the rights that it does not keep, so the server has none of them. */
static job_requeue_t start_thread(void *arg)
{
	struct ippm_plugin *this = arg;
	sigset_t all, old;

	/* Signals are for charon's main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	this->thread = thread_create(serve, this);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!this->thread)
		DBG1(DBG_CFG, "ippm: cannot start the thread of the key service");
	return JOB_REQUEUE_NONE;
}

static bool cancel_start(void *arg)
{
	(void)arg;
	return FALSE;
}

static int64_t setting(const char *name, int value, int min, int max)
{
	int set = lib->settings->get_int(lib->settings, "%s.plugins.ippm.%s", value, lib->ns, name);

	if (set >= min && set <= max)
		return set;
	DBG1(DBG_CFG, "ippm: %s.plugins.ippm.%s = %d is not in %d..%d: using %d", lib->ns, name, set, min, max, value);
	return value;
}

static bool find_group(gid_t *gid)
{
	const char *name = lib->settings->get_str(lib->settings, "%s.plugins.ippm.group", NULL, lib->ns);
	struct group group, *found = NULL;
	char buf[4096];

	*gid = lib->caps->get_gid(lib->caps);
	if (!name)
		return true;
	if (getgrnam_r(name, &group, buf, sizeof(buf), &found) || !found) {
		DBG1(DBG_CFG, "ippm: there is no group '%s' (%s.plugins.ippm.group)", name, lib->ns);
		return false;
	}
	*gid = group.gr_gid;
	return true;
}

static bool open_service(struct ippm_plugin *this)
{
	const char *uri = lib->settings->get_str(lib->settings, "%s.plugins.ippm.socket", DEFAULT_SOCKET, lib->ns);
	struct ippm_table_limits limits = {
		.grace_ms = setting("grace", 300, 0, 86400) * 1000,
		.grace_deleted_ms = setting("grace_deleted", 30, 0, 86400) * 1000,
		.max_vanished = (size_t)setting("max_entries", 4096, 0, 1 << 20),
		.max_vanished_per_peer = MAX_PER_PEER,
	};
	struct ippm_server_conf conf = {
		.path = uri + strlen("unix://"),
		.max_connections = (size_t)setting("max_connections", 64, 1, 1024),
		.max_initiations = (size_t)setting("max_initiations", 4, 1, 8),
	};
	struct ippm_server_ops ops = {this, initiate, log_line};
	char error[256] = "";

	if (strncmp(uri, "unix:///", 8) != 0) {
		DBG1(DBG_CFG, "ippm: %s.plugins.ippm.socket = %s is not unix:///path", lib->ns, uri);
		return false;
	}
	if (!find_group(&conf.group))
		return false;
	this->table = ippm_table_new(&limits);
	this->server = this->table ? ippm_server_new(this->table, &conf, &ops, error, sizeof(error)) : NULL;
	if (!this->server) {
		DBG1(DBG_CFG, "ippm: no key service: %s", error);
		ippm_table_free(this->table);
		this->table = NULL;
		return false;
	}
	ippm_listener_init(&this->listener, this->table, this->server);
	return true;
}

static void close_service(struct ippm_plugin *this)
{
	if (this->thread) {
		ippm_server_stop(this->server);
		this->thread->join(this->thread);
		this->thread = NULL;
	}
	ippm_server_free(this->server);
	ippm_table_free(this->table);
	this->server = NULL;
	this->table = NULL;
}

/* Charon has no worker left when it unregisters features, so no job of ours runs then. */
static bool plugin_cb(plugin_t *plugin, plugin_feature_t *feature, bool reg, void *data)
{
	struct ippm_plugin *this = (struct ippm_plugin *)plugin;

	(void)feature;
	(void)data;
	if (!reg) {
		charon->bus->remove_listener(charon->bus, &this->listener.listener);
		close_service(this);
		return TRUE;
	}
	if (!open_service(this))
		return FALSE;
	charon->bus->add_listener(charon->bus, &this->listener.listener);
	lib->processor->queue_job(lib->processor,
		(job_t *)callback_job_create_with_prio(start_thread, this, NULL, cancel_start, JOB_PRIO_CRITICAL));
	return TRUE;
}

METHOD(plugin_t, get_name, char *, struct ippm_plugin *this)
{
	static char name[] = "ippm";

	(void)this;
	return name;
}

METHOD(plugin_t, get_features, int, struct ippm_plugin *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK(plugin_cb, NULL),
			PLUGIN_PROVIDE(CUSTOM, "ippm"),
	};

	(void)this;
	*features = f;
	return countof(f);
}

METHOD(plugin_t, destroy, void, struct ippm_plugin *this)
{
	free(this);
}

/* Symbols that only some versions and builds of strongSwan have; bit n of IPPM_MARKERS says whether the one that this
   plugin was built for has the nth. */
static const char *const markers[] = {IPPM_MARKER_NAMES};

/* Structures differ between versions and with ME: in another charon the plugin would read wild pointers. */
static bool built_for_this_charon(void)
{
	for (unsigned n = 0; n < countof(markers); n++) {
		bool have = dlsym(RTLD_DEFAULT, markers[n]) != NULL;

		if (have == ((IPPM_MARKERS >> n & 1) != 0))
			continue;
		DBG1(DBG_LIB, "ippm: not loaded: built for strongSwan %s %s %s, but this one has %s: build the plugin "
			"with the headers of the installed version", VERSION, have ? "without" : "with", markers[n],
			have ? "it" : "none");
		return false;
	}
	return true;
}

__attribute__((visibility("default"))) plugin_t *ippm_plugin_create(void)
{
	struct ippm_plugin *this;

	if (!built_for_this_charon() || !charon)
		return NULL;
	INIT(this,
		.public = {
			.get_name = _get_name,
			.get_features = _get_features,
			.destroy = _destroy,
		},
	);
	return &this->public;
}
