/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fizeau-iked: IKEv2 for hosts without IPsec. A launcher on the installed libcharon with the plugin ippm, which is linked
   in: the loader finds it in the program itself. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <daemon.h>
#include <plugins/plugin_feature.h>

#include "iked_backend.h"
#include "iked_kernel.h"

#define NAME "fizeau-iked"
/* Those that are not installed are left out: openssl has most of what the others have. */
#define LIBRARY_PLUGINS "random nonce openssl aes sha1 sha2 hmac xcbc cmac gcm kdf gmp curve25519 pem pkcs1 pkcs8 pubkey " \
	"x509 constraints"

static int usage(FILE *to, int status)
{
	fputs("usage: " NAME " -c FILE [-n]\n  -c FILE  configuration, see " NAME "(8)\n  -n       check it and exit\n"
	      "  -V       version\n", to);
	return status;
}

static int complain(const char *file, const char *error)
{
	fprintf(stderr, NAME ": %s%s%s\n", file ? file : "", file ? ": " : "", error);
	return 1;
}

/* The key is a format with our namespace: dots in its arguments would not part sections. */
static void set(const char *key, const char *value)
{
	lib->settings->set_str(lib->settings, (char *)key, (char *)value, lib->ns);
}

static void set_number(const char *key, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	set(key, text);
}

/* Everything that a strongswan.conf would say. None is read: what this daemon does stands in one file. */
static void apply_settings(const struct iked_conf *conf)
{
	char uri[160];

	snprintf(uri, sizeof(uri), "unix://%s", conf->socket);
	set("%s.plugins.ippm.socket", uri);
	if (conf->vici) {
		snprintf(uri, sizeof(uri), "unix://%s", conf->vici);
		set("%s.plugins.vici.socket", uri);
	}
	if (conf->group[0])
		set("%s.plugins.ippm.group", conf->group);
	set_number("%s.plugins.ippm.grace", conf->grace_s);
	set_number("%s.plugins.ippm.grace_deleted", conf->grace_deleted_s);
	set("%s.iked.address", conf->local);
	set_number("%s.iked.port", conf->port);
	set_number("%s.filelog.stderr.default", conf->log);
	/* Packet by packet only for those who asked for more. */
	set_number("%s.filelog.stderr.net", conf->log > 1 ? 1 : 0);
	set_number("%s.filelog.stderr.enc", conf->log > 1 ? 1 : 0);
	set("%s.filelog.stderr.flush_line", "yes");
	set("%s.filelog.stderr.ike_name", "yes");
	set("%s.install_routes", "no");
	set("%s.install_virtual_ip", "no");
	set("%s.retransmit_tries", "4");
	set("%s.retransmit_timeout", "2.0");
}

static void quiet(debug_t group, level_t level, char *format, ...)
{
	(void)group, (void)level, (void)format;
}

/* Strict about files, credentials and proposals, without a socket or a thread. */
static int check(const struct iked_conf *conf, const char *file)
{
	struct iked_backend *backend = NULL;
	char error[512] = "the plugins of libstrongswan cannot be loaded";

	dbg = quiet;
	if (lib->plugins->load(lib->plugins, LIBRARY_PLUGINS))
		backend = iked_backend_new(conf, error, sizeof(error));
	if (!backend)
		return complain(file, error);
	iked_backend_free(backend);
	return 0;
}

static void wait_for_end(void)
{
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	do
		number = sigwaitinfo(&signals, NULL);
	while (number < 0);
	DBG1(DBG_DMN, "signal %d: ending", number);
	charon->bus->alert(charon->bus, ALERT_SHUTDOWN_SIGNAL, number);
}

static int serve(const struct iked_conf *conf, const char *file)
{
	/* The order of the features matters not: each names what it depends on. */
	plugin_feature_t features[] = {
		PLUGIN_CALLBACK(kernel_ipsec_register, iked_ipsec_create),
			PLUGIN_PROVIDE(CUSTOM, "kernel-ipsec"),
		PLUGIN_CALLBACK(kernel_net_register, iked_net_create),
			PLUGIN_PROVIDE(CUSTOM, "kernel-net"),
		PLUGIN_CALLBACK(socket_register, iked_socket_create),
			PLUGIN_PROVIDE(CUSTOM, "socket"),
	};
	struct iked_backend *backend;
	char error[512];

	lib->plugins->add_static_features(lib->plugins, "iked", features, countof(features), TRUE, NULL, NULL);
	if (!charon->initialize(charon, conf->vici ? LIBRARY_PLUGINS " vici! ippm!" : LIBRARY_PLUGINS " ippm!"))
		return complain(file, "cannot start; the reason is in the lines above");
	backend = iked_backend_new(conf, error, sizeof(error));
	if (!backend)
		return complain(file, error);
	iked_backend_register(backend);
	charon->start(charon);
	DBG1(DBG_DMN, NAME " " FIZEAU_VERSION " on strongSwan " VERSION ": %s port %u as %s, %u peers, key service at %s",
		conf->local, conf->port, conf->id, (unsigned)conf->peer_count, conf->socket);
	wait_for_end();
	/* While the backend stands: IKE_SAs that are deleted now still ask for their configuration. */
	lib->processor->set_threads(lib->processor, 0);
	charon->ike_sa_manager->flush(charon->ike_sa_manager);
	iked_backend_free(backend);
	return 0;
}

static int run(const struct iked_conf *conf, const char *file, bool only_check)
{
	int status = 1;

	/* "": the host's strongswan.conf is for the host's charon. */
	if (!library_init("", NAME)) {
		library_deinit();
		return complain(NULL, "libstrongswan does not start");
	}
	apply_settings(conf);
	if (only_check) {
		status = check(conf, file);
	} else if (libcharon_init()) {
		charon->load_loggers(charon);
		status = serve(conf, file);
		libcharon_deinit();
	} else {
		complain(NULL, "libcharon does not start");
	}
	library_deinit();
	return status;
}

int main(int argc, char *argv[])
{
	const char *file = NULL;
	struct iked_conf *conf;
	bool only_check = false;
	sigset_t signals;
	char error[512];
	int option, status;

	while ((option = getopt(argc, argv, "c:nhV")) != -1) {
		if (option == 'c')
			file = optarg;
		else if (option == 'n')
			only_check = true;
		else if (option == 'V')
			return printf(NAME " %s (strongSwan %s)\n", FIZEAU_VERSION, VERSION) < 0;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (!file || optind != argc)
		return usage(stderr, 2);
	/* Before there is a thread that could get them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	conf = iked_conf_load(file, error, sizeof(error));
	if (!conf)
		return complain(NULL, error);
	status = run(conf, file, only_check);
	iked_conf_free(conf);
	return status;
}
