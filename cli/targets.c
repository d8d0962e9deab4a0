/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include "out_targets.h"
#include "pool.h"
#include "progress.h"
#include "targets.h"
#include "targets_progress.h"
#include "twoway.h"

#define BATCH 64             /* datagrams that are read or sent at once, of whichever target */
#define THREADS_MAX 1024
#define OF_ONE_SERVER 24     /* that are set up at once: a fizeaud derives keys for 32 set-ups of one address */
#define FDS_OTHER 32
#define FDS_TARGET 2         /* control connection and test packets */
#define FEW 16               /* so many tests are looked at after every round of the loop */
#define LOOK_NS 100000000    /* of more only this often */
#define DRAIN_NS 1000000000  /* for the last Stop-Sessions */
#define GIVE_UP_NS 1000000000 /* after an interrupt, for threads that wait for a resolver */

enum state {
	WAITING, /* the pool's: nothing of it may be touched */
	RUNNING,
	ENDED,
};

struct target {
	const struct fz_target_name *name;
	struct fz_phase phase;
	struct fz_twoway *twoway; /* NULL without memory */
	enum state state;
};

struct targets {
	struct fz_command *command;
	struct target *all;
	size_t *servers;              /* of each target the first with the same text */
	size_t count, running;
	uint16_t first_ssid;          /* of STAMP sessions */
	struct fz_pool *pool;
	struct fz_udp_batch *udp_batch; /* of several targets; NULL: the only one has its own */
	unsigned interrupts;          /* seen */
	struct fizeau_mono give_up;
	struct fz_progress progress;  /* of a single test */
	struct fz_targets_progress all_progress;
};

static bool are_several(const struct targets *targets)
{
	return targets->count > 1;
}

/* Each session has one of its own, and none has 0. */
/*= rfc8972#section-3 SX-3-01 SX-3-02 */
static uint16_t ssid_of(const struct targets *targets, size_t job)
{
	const struct fz_stamp_options *options = &targets->command->options.stamp;

	if (options->light || (options->ssid_given && options->ssid == 0))
		return 0;
	return (uint16_t)((targets->first_ssid - 1 + job) % UINT16_MAX + 1);
}

/* In a thread of the pool. */
static void set_up(void *arg, struct fz_worker *worker, size_t job)
{
	struct targets *targets = arg;
	struct target *target = &targets->all[job];
	struct fz_twoway *twoway = calloc(1, sizeof(*twoway));
	struct fz_measurement *measurement;

	target->twoway = twoway;
	if (twoway == NULL)
		return;
	measurement = &twoway->measurement;
	fz_measurement_init(measurement, targets->command);
	measurement->host = target->name->host;
	measurement->port = target->name->port;
	measurement->loop = worker->loop;
	measurement->interrupts = &worker->interrupts;
	measurement->computing = worker->computing;
	measurement->udp_batch = targets->udp_batch;
	measurement->fault = &twoway->fault;
	twoway->loop = targets->command->loop;
	if (targets->command->options.command == FZ_STAMP ? fz_stamp_set_up(twoway, &target->phase, ssid_of(targets, job))
							  : fz_twoway_set_up(twoway, &target->phase))
		return;
	if (twoway->fault.reason == FZ_FAULT_NONE)
		twoway->fault.reason = FZ_FAULT_INTERRUPTED;
	fz_control_close(&measurement->setup.control);
}

static void show_progress(struct targets *targets, const struct fz_twoway *twoway)
{
	struct fizeau_mono end = {twoway->begin.ns + fz_schedule_duration_ns(&targets->command->options)};

	if (targets->command->options.quiet)
		return;
	if (are_several(targets))
		fz_targets_progress_until(&targets->all_progress, end);
	else
		fz_progress_begin(&targets->progress, targets->command->loop, &twoway->test.sent, &twoway->test.back,
			twoway->test.config.count, end);
}

/* In the command's loop: the pool is through with a target. */
static void set_up_done(void *arg, size_t job)
{
	struct targets *targets = arg;
	struct target *target = &targets->all[job];
	struct fz_twoway *twoway = target->twoway;

	target->state = ENDED;
	if (twoway == NULL)
		return;
	if (twoway->fault.reason == FZ_FAULT_NONE && targets->command->interrupts > 0)
		twoway->fault.reason = FZ_FAULT_INTERRUPTED;
	if (twoway->fault.reason == FZ_FAULT_NONE &&
		fz_twoway_begin(twoway, &targets->command->interrupts, &target->phase)) {
		target->state = RUNNING;
		targets->running++;
		show_progress(targets, twoway);
		return;
	}
	fz_twoway_close(twoway);
}

/* Ctrl-C. */
static void see_interrupts(struct targets *targets)
{
	unsigned interrupts = targets->command->interrupts;

	if (interrupts == targets->interrupts)
		return;
	if (targets->interrupts == 0) {
		fz_pool_interrupt(targets->pool);
		targets->give_up.ns = fz_clock_mono().ns + GIVE_UP_NS;
	}
	targets->interrupts = interrupts;
	for (size_t i = 0; i < targets->count; i++) {
		struct target *target = &targets->all[i];

		if (target->state != RUNNING)
			continue;
		fz_test_stop_sending(&target->twoway->test, FZ_ENDED_INTERRUPTED);
		/* Asked twice: not even what is under way is waited for. */
		if (interrupts > 1)
			target->twoway->test.done = true;
	}
}

/* Ends the tests that are done. */
static void look(struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++) {
		struct target *target = &targets->all[i];

		if (target->state != RUNNING || !fz_twoway_done(target->twoway))
			continue;
		fz_twoway_stop(target->twoway);
		target->state = ENDED;
		targets->running--;
	}
}

static bool all_ended(struct targets *targets)
{
	if (targets->running > 0)
		return false;
	if (targets->interrupts == 0)
		return fz_pool_left(targets->pool) == 0;
	return fz_pool_busy(targets->pool) == 0 || targets->interrupts > 1 ||
		fz_clock_mono().ns >= targets->give_up.ns;
}

/* The loop cannot go on: what there is is told. */
static void fail_all(struct targets *targets, int error)
{
	fz_pool_interrupt(targets->pool);
	for (size_t i = 0; i < targets->count; i++) {
		if (targets->all[i].state != RUNNING)
			continue;
		targets->all[i].twoway->test.error = error;
		targets->all[i].twoway->test.done = true;
	}
	look(targets);
}

static void run(struct targets *targets)
{
	struct fizeau_mono next = fz_clock_mono();

	while (!all_ended(targets)) {
		bool many = targets->running > FEW;
		struct fizeau_mono until = many ? next : targets->interrupts > 0 ? targets->give_up : FIZEAU_NEVER;
		int rc = fz_loop_once(targets->command->loop, until);

		if (rc < 0) {
			fail_all(targets, rc);
			return;
		}
		see_interrupts(targets);
		if (many && fz_clock_mono().ns < next.ns)
			continue;
		look(targets);
		next.ns = fz_clock_mono().ns + LOOK_NS;
	}
}

/* The last Stop-Sessions of all. */
static void drain(struct targets *targets)
{
	struct fizeau_mono until = {fz_clock_mono().ns + DRAIN_NS};

	for (size_t i = 0; i < targets->count; i++) {
		const struct target *target = &targets->all[i];

		if (target->state == WAITING || target->twoway == NULL ||
			target->twoway->measurement.setup.control.client == NULL)
			continue;
		while (!fz_control_flush(&target->twoway->measurement.setup.control) && fz_clock_mono().ns < until.ns)
			if (fz_loop_once(targets->command->loop, until) < 0)
				return;
	}
}

static bool has_session(const struct target *target)
{
	return target->state == ENDED && target->twoway != NULL && target->twoway->opened;
}

static int summarise(struct fz_twoway *twoway)
{
	int rc = fz_twoway_summarise(twoway);

	if (rc < 0)
		fz_measurement_fail(&twoway->measurement, FZ_FAULT_LOCAL, "the records cannot be summarised: %s",
			fizeau_strerror(rc));
	else
		fz_twoway_judge(twoway);
	return rc;
}

static bool write_records(const struct targets *targets, const struct target *target)
{
	FILE *records = targets->command->records;
	json_t *name;
	char *text;
	bool good;

	if (records == NULL)
		return true;
	if (!are_several(targets))
		return fz_measurement_records_written(&target->twoway->measurement,
			fz_twoway_write_records(target->twoway, NULL, records));
	name = json_string(target->name->text);
	text = name != NULL ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
	good = fz_measurement_records_written(&target->twoway->measurement,
		text != NULL && fz_twoway_write_records(target->twoway, text, records));
	free(text);
	json_decref(name);
	return good;
}

/* A single target: its result alone, and faults on stderr. */
static int report_one(const struct targets *targets)
{
	const struct target *target = &targets->all[0];
	struct fz_twoway *twoway = target->twoway;
	struct fz_result result = {.session_count = 1};
	const struct fz_fault *fault;

	if (target->state == WAITING)
		return FZ_EXIT_REFUSED;
	if (twoway == NULL) {
		fz_complain("no memory");
		return FZ_EXIT_USAGE;
	}
	fault = &twoway->fault;
	result.sessions = &twoway->session;
	if (has_session(target) && summarise(twoway) >= 0) {
		bool good = fz_measurement_print(&twoway->measurement, &result);

		if (!write_records(targets, target) || !good)
			return FZ_EXIT_USAGE;
	}
	if (fault->text[0] != '\0')
		fz_complain("%s", fault->text);
	if (fault->reason == FZ_FAULT_NONE)
		return FZ_EXIT_MEASURED;
	return fault->reason == FZ_FAULT_LOCAL ? FZ_EXIT_USAGE : FZ_EXIT_REFUSED;
}

static void conclude(const struct target *target, const struct fz_measure_options *options,
	struct fz_target_result *result)
{
	static const struct fz_fault interrupted = {FZ_FAULT_INTERRUPTED, ""}, no_memory = {FZ_FAULT_LOCAL, "no memory"};
	struct fz_twoway *twoway = target->twoway;

	result->target = target->name->text;
	result->result.protocol = fz_options_protocol(options);
	if (target->state == WAITING || twoway == NULL) {
		result->fault = target->state == WAITING ? &interrupted : &no_memory;
		return;
	}
	fz_measurement_result(&twoway->measurement, &result->result);
	result->fault = &twoway->fault;
	if (has_session(target) && summarise(twoway) >= 0) {
		result->result.sessions = &twoway->session;
		result->result.session_count = 1;
	}
}

static int report_all(const struct targets *targets)
{
	const struct fz_measure_options *options = &targets->command->options;
	struct fz_target_result *results = calloc(targets->count, sizeof(*results));
	bool good = results != NULL, written = true;
	size_t failed = 0;

	for (size_t i = 0; i < targets->count && results != NULL; i++) {
		conclude(&targets->all[i], options, &results[i]);
		failed += results[i].fault->reason != FZ_FAULT_NONE;
		if (written && results[i].result.session_count > 0)
			written = write_records(targets, &targets->all[i]);
	}
	if (good)
		good = options->json ? fz_out_targets_json(results, targets->count, stdout)
				     : fz_out_targets_text(results, targets->count, options->quiet, stdout);
	if (!good)
		fz_complain("the results cannot be written: %s", strerror(errno));
	else if (failed > 0 && options->json)
		fz_complain("%zu of %zu targets were not measured", failed, targets->count);
	free(results);
	if (!good || !written)
		return FZ_EXIT_USAGE;
	return failed > 0 ? FZ_EXIT_REFUSED : FZ_EXIT_MEASURED;
}

/* How many threads the limit of open files allows beside the targets; 0 after a complaint. */
static unsigned threads_for(size_t count)
{
	uint64_t needed = FDS_OTHER + (uint64_t)count * FDS_TARGET, threads;
	struct rlimit limit;

	if (count == 1)
		return 1;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return THREADS_MAX;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < needed + FZ_POOL_FDS_THREAD) {
		fz_complain("%zu targets take %" PRIu64 " open files, and this process may have %" PRIu64
			": raise the hard limit (ulimit -Hn, LimitNOFILE=) or give fewer targets", count,
			needed + FZ_POOL_FDS_THREAD, (uint64_t)limit.rlim_cur);
		return 0;
	}
	threads = (limit.rlim_cur - needed) / FZ_POOL_FDS_THREAD;
	return threads < THREADS_MAX ? (unsigned)threads : THREADS_MAX;
}

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct fz_target_name *names = arg;
	const size_t *one = a, *other = b;
	int order = strcmp(names[*one].text, names[*other].text);

	return order != 0 ? order : (*one > *other) - (*one < *other);
}

/* Which targets are the same server, by what they are called. */
static size_t *find_servers(const struct fz_target_list *list)
{
	size_t *servers = calloc(list->count, sizeof(*servers)), *sorted = calloc(list->count, sizeof(*sorted));

	if (servers == NULL || sorted == NULL) {
		free(servers);
		free(sorted);
		return NULL;
	}
	for (size_t i = 0; i < list->count; i++)
		sorted[i] = i;
	qsort_r(sorted, list->count, sizeof(*sorted), compare_names, list->names);
	for (size_t i = 0, first = 0; i < list->count; i++) {
		if (strcmp(list->names[sorted[i]].text, list->names[sorted[first]].text) != 0)
			first = i;
		servers[sorted[i]] = sorted[first];
	}
	free(sorted);
	return servers;
}

static void progress_of(const void *arg, struct fz_targets_sums *sums)
{
	const struct targets *targets = arg;

	for (size_t i = 0; i < targets->count; i++) {
		const struct target *target = &targets->all[i];

		sums->waiting += target->state == WAITING;
		if (has_session(target) || target->state == RUNNING) {
			sums->sent += target->twoway->test.sent;
			sums->back += target->twoway->test.back;
		} else {
			sums->failed += target->state == ENDED;
		}
	}
}

static bool begin(struct targets *targets, unsigned threads)
{
	const struct fz_measure_options *options = &targets->command->options;
	struct fizeau_mono now = fz_clock_mono();
	struct fz_pool_config config = {
		.loop = targets->command->loop,
		.jobs = targets->count,
		.threads_max = threads,
		.groups = targets->servers,
		.group_max = OF_ONE_SERVER,
		.work = set_up,
		.done = set_up_done,
		.arg = targets,
	};
	int rc;

	for (size_t i = 0; i < targets->count; i++) {
		targets->all[i].name = &targets->command->targets.names[i];
		targets->all[i].phase = fz_phase_of(options->slots, options->slot_count, now, i, targets->count);
	}
	rc = fz_pool_new(&config, &targets->pool);
	if (rc < 0)
		fz_complain("no thread can be started: %s", fizeau_strerror(rc));
	return rc >= 0;
}

static void free_all(struct targets *targets)
{
	for (size_t i = 0; i < targets->count && targets->all != NULL; i++) {
		if (targets->all[i].twoway == NULL)
			continue;
		fz_twoway_close(targets->all[i].twoway);
		fizeau_wipe(targets->all[i].twoway, sizeof(*targets->all[i].twoway));
		free(targets->all[i].twoway);
	}
	fz_udp_batch_free(targets->udp_batch);
	free(targets->servers);
	free(targets->all);
	free(targets);
}

static int measure(struct targets *targets)
{
	unsigned threads = threads_for(targets->count);
	int status;

	if (threads == 0 || !begin(targets, threads))
		return FZ_EXIT_USAGE;
	if (are_several(targets) && !targets->command->options.quiet)
		fz_targets_progress_begin(&targets->all_progress, targets->command->loop, targets->count, progress_of,
			targets);
	run(targets);
	drain(targets);
	fz_progress_end(&targets->progress);
	fz_targets_progress_end(&targets->all_progress);
	status = are_several(targets) ? report_all(targets) : report_one(targets);
	if (fz_pool_free(targets->pool))
		return status;
	/* A resolver keeps a thread, which still has its part of all this: the process ends beneath it. */
	if (fflush(NULL) != 0 || ferror(stdout))
		status = FZ_EXIT_USAGE;
	_exit(status);
}

static struct fz_udp_batch *make_batch(const struct fz_measure_options *options)
{
	size_t octets = options->command == FZ_STAMP ? fz_stamp_octets_max(options) : fz_twoway_octets_max(options);

	return fz_udp_batch_new(BATCH, (uint32_t)(octets < FIZEAU_TEST_PACKET_MAX ? octets : FIZEAU_TEST_PACKET_MAX));
}

/* Not those of another command at the same time, most likely. */
static void choose_ssid(struct targets *targets)
{
	const struct fz_stamp_options *options = &targets->command->options.stamp;

	targets->first_ssid = options->ssid;
	while (!options->ssid_given && targets->first_ssid == 0)
		if (getrandom(&targets->first_ssid, sizeof(targets->first_ssid), 0) < 0)
			targets->first_ssid = 1;
}

int fz_targets_measure(struct fz_command *command)
{
	struct targets *targets = calloc(1, sizeof(*targets));
	int status = FZ_EXIT_USAGE;

	if (targets != NULL) {
		targets->command = command;
		choose_ssid(targets);
		targets->count = command->targets.count;
		targets->all = calloc(targets->count, sizeof(*targets->all));
		targets->servers = find_servers(&command->targets);
		if (are_several(targets))
			targets->udp_batch = make_batch(&command->options);
	}
	if (targets == NULL || targets->all == NULL || targets->servers == NULL || (are_several(targets) && targets->udp_batch == NULL))
		fz_complain("no memory");
	else
		status = measure(targets);
	if (targets != NULL)
		free_all(targets);
	return status;
}
