/* SPDX-License-Identifier: MIT */
/* fizeaud: reads the configuration, opens what needs rights, gives the rights up, and serves until SIGTERM. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "ctl.h"
#include "engine.h"
#include "stamp.h"
#include "user.h"
#include "worker.h"

#define WIND_DOWN_NS 2000000000ll
#define WIND_DOWN_LOOK_NS 20000000ll
#define DEFAULT_CONF "/etc/fizeau/fizeaud.conf"

struct options {
	const char *conf;
	bool conf_given, foreground, check, print, help;
	enum fz_log_level level;
};

struct daemon {
	struct options options;
	struct fz_timer wind_down;
	struct fizeau_mono give_up; /* ns 0: not winding down */
	struct fz_log log;
	struct fz_loop *loop;
	struct fz_engine engine;
	struct fz_ctl *ctl;
	struct fz_conf *conf; /* as loaded first; the engine holds the one in force */
};

static const char usage[] =
	"Usage: fizeaud [-c FILE] [-f] [-n] [-p] [-v]\n"
	"OWAMP and TWAMP server (RFC 4656, RFC 5357), with keys from IKEv2 (RFC 7717), and STAMP reflector (RFC 8762).\n"
	"  -c, --config FILE   configuration, default " DEFAULT_CONF "\n"
	"  -f, --foreground    stay in the foreground, log to stderr\n"
	"  -n, --check         check the configuration and exit\n"
	"  -p, --print         print the effective configuration and exit\n"
	"  -v, --verbose       more log\n"
	"  -h, --help          this text\n"
	"  -V, --version       the version\n";

static bool parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'f'},
		{"check", no_argument, NULL, 'n'}, {"print", no_argument, NULL, 'p'},
		{"verbose", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0},
	};
	int c;

	*options = (struct options){.conf = DEFAULT_CONF, .level = FZ_LOG_INFO};
	while ((c = getopt_long(argc, argv, "c:fnpvhV", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->conf = optarg;
			options->conf_given = true;
			break;
		case 'f':
			options->foreground = true;
			break;
		case 'n':
			options->check = true;
			break;
		case 'p':
			options->print = true;
			break;
		case 'v':
			options->level = FZ_LOG_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 'V':
			puts("fizeaud " FIZEAU_VERSION);
			exit(0);
		default:
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "fizeaud: unexpected argument '%s'\n", argv[optind]);
	return false;
}

static int complain(const char *error)
{
	fprintf(stderr, "fizeaud: %s\n", error);
	return 2;
}

/* Clients of OWAMP have been told Stop-Sessions: those that answer in time have their sessions ended well. */
static void wind_down(void *arg)
{
	struct daemon *daemon = arg;
	struct fizeau_mono now = fz_clock_mono();

	if (now.ns >= daemon->give_up.ns || !fz_engine_measures(&daemon->engine) ||
		fz_loop_timer(daemon->loop, &daemon->wind_down, (struct fizeau_mono){now.ns + WIND_DOWN_LOOK_NS}))
		fz_loop_stop(daemon->loop);
}

static void on_term(void *arg, int signo)
{
	struct daemon *daemon = arg;
	bool again = daemon->give_up.ns != 0;

	fz_log(&daemon->log, FZ_LOG_NOTICE, "ending on %s", strsignal(signo));
	sd_notify(0, "STOPPING=1");
	if (again || !fz_engine_wind_down(&daemon->engine)) {
		fz_loop_stop(daemon->loop);
		return;
	}
	daemon->give_up.ns = fz_clock_mono().ns + WIND_DOWN_NS;
	daemon->wind_down = (struct fz_timer){.fn = wind_down, .arg = daemon};
	wind_down(daemon);
}

/* What is served would not tell. */
static void warn_of_offer(struct daemon *daemon)
{
	uint32_t modes = fz_keyd_modes(daemon->engine.keyd);

	if (fz_conf_serves(daemon->engine.conf, FIZEAU_OWAMP) && (modes & FIZEAU_MODE_SECURITY) == (uint32_t)FIZEAU_MODE_MIXED)
		fz_log(&daemon->log, FZ_LOG_WARNING, "OWAMP clients are turned away: it has no mixed mode, and modes offers no "
			"other: add authenticated or encrypted, or have listen lines without owamp");
}

static void on_hup(void *arg, int signo)
{
	struct daemon *daemon = arg;
	char error[FZ_CONF_ERROR_MAX];
	struct fz_conf *conf;

	(void)signo;
	sd_notify(0, "RELOADING=1");
	conf = fz_conf_load(daemon->options.conf, !daemon->options.conf_given, error);
	if (conf && fz_engine_configure(&daemon->engine, conf, error)) {
		fz_log(&daemon->log, FZ_LOG_NOTICE, "configuration %s read again", daemon->options.conf);
		fz_engine_open_store(&daemon->engine);
	} else {
		fz_log(&daemon->log, FZ_LOG_ERROR, "configuration not taken over, the old one stays: %s", error);
	}
	if (conf && (strcmp(conf->control, daemon->conf->control) || strcmp(conf->user, daemon->conf->user) ||
			strcmp(conf->storage, daemon->conf->storage) || conf->workers != daemon->conf->workers))
		fz_log(&daemon->log, FZ_LOG_WARNING, "control, user, storage and workers take effect with a restart");
	fz_conf_release(conf);
	warn_of_offer(daemon);
	sd_notify(0, "READY=1");
}

static bool open_control(struct daemon *daemon, char *error)
{
	const struct fz_conf *conf = daemon->conf;
	int why = fz_ctl_open(&daemon->engine, conf->control, &daemon->ctl);

	if (!why)
		return true;
	snprintf(error, FZ_CONF_ERROR_MAX, "control socket %s: %s", conf->control, fizeau_strerror(why));
	if (fz_conf_given(conf, "control"))
		return false;
	fz_log(&daemon->log, FZ_LOG_WARNING, "%s; going on without, name another one with control PATH", error);
	return true;
}

static bool set_up(struct daemon *daemon, char *error)
{
	int why = fz_loop_new(&daemon->loop);

	if (!why)
		why = fz_loop_signal(daemon->loop, SIGTERM, on_term, daemon);
	if (!why)
		why = fz_loop_signal(daemon->loop, SIGINT, on_term, daemon);
	if (!why)
		why = fz_loop_signal(daemon->loop, SIGHUP, on_hup, daemon);
	/* A file that may not grow is a full disk to us. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (!why)
		why = fz_engine_init(&daemon->engine, daemon->loop, &daemon->log);
	if (why) {
		snprintf(error, FZ_CONF_ERROR_MAX, "cannot begin: %s", fizeau_strerror(why));
		return false;
	}
	if (!fz_engine_configure(&daemon->engine, daemon->conf, error) || !open_control(daemon, error) ||
		!fz_user_become(daemon->conf, &daemon->log, error))
		return false;
	fz_user_keep_secrets();
	if (!fz_engine_start_workers(&daemon->engine, daemon->options.foreground, error))
		return false;
	fz_engine_open_store(&daemon->engine);
	return true;
}

static void say_ready(struct daemon *daemon)
{
	char modes[64];
	const char *path, *source = fz_keyd_ike_text(daemon->engine.keyd, &path);

	fz_conf_modes_text(fz_keyd_modes(daemon->engine.keyd), modes);
	for (uint32_t i = 0; i < daemon->engine.listener_count; i++) {
		char text[FZ_ADDR_TEXT];
		fz_addr_text(&daemon->engine.listeners[i]->addr, text);
		fz_log(&daemon->log, FZ_LOG_NOTICE, "%s on %s",
			daemon->engine.listeners[i]->protocol == FIZEAU_OWAMP ? "OWAMP" : "TWAMP", text);
	}
	for (uint32_t i = 0; i < daemon->engine.stamp->listener_count; i++) {
		char text[FZ_ADDR_TEXT];
		fz_addr_text(&daemon->engine.stamp->listeners[i]->addr, text);
		fz_log(&daemon->log, FZ_LOG_NOTICE, "STAMP on %s", text);
	}
	fz_log(&daemon->log, FZ_LOG_NOTICE, "fizeaud " FIZEAU_VERSION " serves %s; IKEv2-derived keys: %s%s%s", modes,
		source, path ? " " : "", path ? path : "");
	warn_of_offer(daemon);
	sd_notify(0, "READY=1");
}

static void tear_down(struct daemon *daemon)
{
	fz_ctl_close(daemon->ctl);
	if (daemon->engine.loop)
		fz_engine_done(&daemon->engine);
	if (daemon->loop)
		fz_loop_free(daemon->loop);
	fz_conf_release(daemon->conf);
}

static int serve(struct daemon *daemon)
{
	char error[FZ_CONF_ERROR_MAX] = "";
	int background = -1, status = 0;

	/* What goes wrong before all is open is for the terminal, then the log is elsewhere. */
	fz_log_open(&daemon->log, false, daemon->options.level);
	if (!daemon->options.foreground)
		background = fz_user_background(error);
	fz_user_keep_secrets();
	if ((background < 0 && !daemon->options.foreground) || !set_up(daemon, error)) {
		fz_log(&daemon->log, FZ_LOG_ERROR, "%s", error);
		tear_down(daemon);
		return 2;
	}
	if (background >= 0) {
		fz_log_open(&daemon->log, true, daemon->options.level);
		fz_user_detach(background);
	}
	say_ready(daemon);
	int why = fz_loop_run(daemon->loop);
	if (why) {
		fz_log(&daemon->log, FZ_LOG_ERROR, "the loop ended: %s", fizeau_strerror(why));
		status = 1;
	}
	tear_down(daemon);
	return status;
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.ctl = NULL};
	char error[FZ_CONF_ERROR_MAX];

	if (argc > 0 && !strcmp(argv[0], FZ_WORKER_NAME))
		return fz_worker_run();
	if (!parse_options(argc, argv, &daemon.options)) {
		fputs(usage, stderr);
		return 2;
	}
	daemon.conf = fz_conf_load(daemon.options.conf, !daemon.options.conf_given, error);
	if (!daemon.conf)
		return complain(error);
	if (daemon.options.print)
		fz_conf_print(daemon.conf, stdout);
	if (daemon.options.print || daemon.options.check) {
		fz_conf_release(daemon.conf);
		return 0;
	}
	return serve(&daemon);
}
