/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <fizeau/st.h>
#include "io/clock.h"
#include "keyd_parts.h"
#include "keys/ippm_client.h"

#define PEER_REQUESTS 32     /* at once, of one address */
#define LOOKUPS_MAX 32       /* at the key service at once */
#define LOOKUPS_WAITING 8    /* with more than that at the key service, none waits for an SA to come */
#define HOLD_SHARED_NS 5000000000ll

struct fz_keyd_hold {
	struct fz_keyd_hold *next;
	int fd;
	unsigned references;
	struct fizeau_mono placed;
};

struct fz_keyd_request {
	struct fz_keyd *keyd;
	struct fz_keyd_request *next;
	fz_keyd_fn *fn;
	void *arg;
	struct fz_addr peer;
	struct fizeau_event event;
	struct fz_keyd_answer answer;
	bool known; /* the KeyID has a passphrase */
	struct fz_job *job;
	struct fz_ippm_request *lookup;
	struct fz_timer timer; /* an answer known at once comes from the loop all the same */
};

struct fz_keyd *fz_keyd_new(struct fz_loop *loop, struct fz_log *log)
{
	struct fz_keyd *keyd = calloc(1, sizeof(*keyd));

	if (!keyd)
		return NULL;
	keyd->loop = loop;
	keyd->log = log;
	keyd->ike = FZ_IKE_OFF;
	keyd->thread = fz_key_thread_new(loop);
	if (!keyd->thread || getrandom(keyd->decoy, sizeof(keyd->decoy), 0) != sizeof(keyd->decoy)) {
		fz_keyd_free(keyd);
		return NULL;
	}
	return keyd;
}

void fz_keyd_free(struct fz_keyd *keyd)
{
	if (!keyd)
		return;
	fz_keyd_st_end(keyd);
	fz_key_thread_free(keyd->thread);
	while (keyd->holds) {
		keyd->holds->references = 1;
		fz_keyd_release(keyd, keyd->holds);
	}
	fz_passphrases_free(keyd->passphrases);
	fz_ike_static_free(keyd->ike_static);
	fizeau_wipe(keyd->decoy, sizeof(keyd->decoy));
	free(keyd);
}

/* Every stamp-key line has its key. */
static bool check_stamp_keys(const struct fz_conf *conf, const struct fz_passphrases *passphrases, char *error)
{
	for (uint32_t i = 0; i < conf->stamp.key_count; i++) {
		const struct fz_stamp_key *key = &conf->stamp.keys[i];
		uint8_t id[FIZEAU_KEYID_OCTETS];
		size_t octets = 0;
		if (key->ike)
			continue;
		if (!passphrases || !fz_key_id_from_text(key->key_id, id) || !fz_passphrases_find(passphrases, id, &octets)) {
			snprintf(error, FZ_CONF_ERROR_MAX, "stamp-key %.80s: no such KeyID, allowed: those of the file that "
				"keys FILE names", key->key_id);
			return false;
		}
		if (octets > FIZEAU_ST_KEY_MAX) {
			snprintf(error, FZ_CONF_ERROR_MAX, "stamp-key %.80s: its key has more than %u octets, which "
				"HMAC-SHA-256 would only shorten", key->key_id, FIZEAU_ST_KEY_MAX);
			return false;
		}
	}
	return true;
}

bool fz_keyd_load(struct fz_keyd *keyd, const struct fz_conf *conf, char error[static FZ_CONF_ERROR_MAX])
{
	struct fz_passphrases *passphrases = NULL;
	struct fz_ike_static *ike_static = NULL;

	if (*conf->keys) {
		passphrases = fz_passphrases_load(conf->keys, error, FZ_CONF_ERROR_MAX);
		if (!passphrases)
			return false;
	}
	if (!check_stamp_keys(conf, passphrases, error)) {
		fz_passphrases_free(passphrases);
		return false;
	}
	if (conf->ike == FZ_IKE_STATIC) {
		ike_static = fz_ike_static_load(conf->ike_path, error, FZ_CONF_ERROR_MAX);
		if (!ike_static) {
			fz_passphrases_free(passphrases);
			return false;
		}
		fz_log(keyd->log, FZ_LOG_WARNING,
			"static IKE SAs from %s are in use: for labs and tests, no IKE daemon vouches for them",
			conf->ike_path);
	}
	fz_passphrases_free(keyd->passphrases);
	fz_ike_static_free(keyd->ike_static);
	keyd->passphrases = passphrases;
	keyd->ike_static = ike_static;
	keyd->ike = conf->ike;
	snprintf(keyd->ike_path, sizeof(keyd->ike_path), "%s", conf->ike_path);
	keyd->ike_wait_ns = conf->ike_wait_ns;
	keyd->modes = conf->modes;
	keyd->hold_failed = false;
	return true;
}

bool fz_keyd_service(const struct fz_keyd *keyd, const char **path)
{
	*path = keyd->ike_path;
	return keyd->ike == FZ_IKE_SOCKET || (keyd->ike == FZ_IKE_AUTO && !access(keyd->ike_path, F_OK));
}

const char *fz_keyd_ike_text(const struct fz_keyd *keyd, const char **path)
{
	*path = keyd->ike_path;
	if (keyd->ike == FZ_IKE_STATIC)
		return "static";
	if (fz_keyd_service(keyd, path))
		return "socket";
	*path = NULL;
	return "off";
}

const uint8_t *fz_keyd_secret(const struct fz_keyd *keyd, const char *key_id, size_t *octets)
{
	uint8_t id[FIZEAU_KEYID_OCTETS];

	if (!keyd->passphrases || !fz_key_id_from_text(key_id, id))
		return NULL;
	return fz_passphrases_find(keyd->passphrases, id, octets);
}

uint32_t fz_keyd_modes(const struct fz_keyd *keyd)
{
	const char *path;
	uint32_t modes = keyd->modes ? keyd->modes : FIZEAU_MODE_SECURITY;
	bool ike = keyd->ike == FZ_IKE_STATIC || fz_keyd_service(keyd, &path);

	/*= rfc4656#section-2 OW-2-05 */
	/*= rfc4656#section-3.1 OW-3.1-04 */
	if (!keyd->passphrases && !ike)
		modes &= FIZEAU_MODE_OPEN;
	/*= rfc7717#section-5.2 IK-5.2-01 */
	if (ike && (modes & FIZEAU_MODE_SECURITY & ~(uint32_t)FIZEAU_MODE_OPEN))
		modes |= FIZEAU_MODE_TW_IKEV2;
	return modes;
}

static void request_free(struct fz_keyd_request *request)
{
	struct fz_keyd *keyd = request->keyd;
	struct fz_keyd_request **at = &keyd->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	fz_loop_timer_stop(keyd->loop, &request->timer);
	if (request->lookup) {
		fz_ippm_cancel(request->lookup);
		keyd->lookups--;
	}
	if (request->job)
		fz_key_thread_forget(keyd->thread, request->job);
	fizeau_wipe(request, sizeof(*request));
	free(request);
}

void fz_keyd_cancel(struct fz_keyd_request *request)
{
	request_free(request);
}

static void deliver(void *arg)
{
	struct fz_keyd_request *request = arg;

	request->fn(request->arg, &request->answer);
	request_free(request);
}

static void refuse(struct fz_keyd_request *request, uint8_t accept, enum fz_counter counter, const char *reason)
{
	request->answer.accept = accept;
	request->answer.counter = counter;
	request->answer.reason = reason;
}

/* The answer is in the request: to be delivered in the loop's next round. */
static void settle(struct fz_keyd_request *request)
{
	if (fz_loop_timer(request->keyd->loop, &request->timer, fz_clock_mono()))
		fz_log(request->keyd->log, FZ_LOG_ERROR, "no memory for a timer: a set-up will time out");
}

static void accept_keys(struct fz_keyd_request *request, const struct fizeau_session_keys *keys)
{
	request->answer.accept = FIZEAU_ACCEPT_OK;
	request->answer.counter = FZ_COUNT_SET_UP;
	request->answer.keys = *keys;
}

static void job_done(void *arg, struct fz_job *job)
{
	struct fz_keyd_request *request = arg;
	bool good = !job->result && (job->ike || request->known);

	request->job = NULL;
	if (good)
		accept_keys(request, &job->keys);
	else if (job->result && job->result != FIZEAU_ERR_KEY)
		refuse(request, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY, fizeau_strerror(job->result));
	else
		refuse(request, FIZEAU_ACCEPT_FAILURE, FZ_COUNT_REFUSED_KEY,
			job->ike ? "the Token does not open under the IKE SA's key, neither directly nor through PBKDF2"
				 : "KeyID unknown or wrong passphrase");
	deliver(request);
}

static void start_job(struct fz_keyd_request *request, bool ike, const uint8_t *secret, size_t octets)
{
	struct fz_job *job = fz_job_new(secret, octets);

	if (job) {
		job->ike = ike;
		job->done = job_done;
		job->arg = request;
		memcpy(job->salt, request->event.key.salt, sizeof(job->salt));
		memcpy(job->challenge, request->event.key.challenge, sizeof(job->challenge));
		memcpy(job->token, request->event.key.token, sizeof(job->token));
		job->count = request->event.key.count;
		if (fz_key_thread_add(request->keyd->thread, job)) {
			request->job = job;
			return;
		}
		fz_job_free(job);
	}
	refuse(request, FIZEAU_ACCEPT_TEMPORARY_LIMIT, FZ_COUNT_REFUSED_BUSY, "too many set-ups at once");
	settle(request);
}

/*= rfc4656#section-3.1 OW-3.1-26 */
static void open_passphrase(struct fz_keyd_request *request)
{
	struct fz_keyd *keyd = request->keyd;
	size_t octets = 0;
	const uint8_t *secret = NULL;

	if (keyd->passphrases)
		secret = fz_passphrases_find(keyd->passphrases, request->event.key.key_id, &octets);
	request->answer.identity.source = FZ_KEY_PASSPHRASE;
	memcpy(request->answer.identity.key_id, request->event.key.key_id, FIZEAU_KEYID_OCTETS);
	/* An unknown KeyID costs the same work as a wrong passphrase, so that time does not tell which it was. */
	request->known = secret != NULL;
	start_job(request, false, secret ? secret : keyd->decoy, secret ? octets : sizeof(keyd->decoy));
}

/* Reading A costs one AES key, so it is tried here; B goes to the thread. True if the answer is in the request. */
static bool open_with_sa(struct fz_keyd_request *request, const struct fz_ike_sa *sa)
{
	const struct fizeau_event *event = &request->event;
	struct fz_identity *identity = &request->answer.identity;
	struct fizeau_session_keys keys;
	uint8_t key[16];

	identity->prf = sa->prf;
	snprintf(identity->peer_id, sizeof(identity->peer_id), "%s", sa->remote_id);
	snprintf(identity->local_id, sizeof(identity->local_id), "%s", sa->local_id);
	/*= rfc7717#section-5.1 IK-5.1-03 */
	int result = fizeau_token_key_ike(sa->key, sa->key_octets, FIZEAU_IKE_DIRECT, event->key.salt, event->key.count,
		key);
	if (result >= 0)
		result = fizeau_token_open(key, event->key.challenge, event->key.token, &keys);
	fizeau_wipe(key, sizeof(key));
	if (result >= 0) {
		identity->reading = FIZEAU_IKE_DIRECT;
		accept_keys(request, &keys);
		fizeau_wipe(&keys, sizeof(keys));
		return true;
	}
	if (result != FIZEAU_ERR_KEY) {
		refuse(request, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY_SERVICE,
			"the key of the IKE SA is not usable");
		return true;
	}
	identity->reading = FIZEAU_IKE_PBKDF2;
	start_job(request, true, sa->key, sa->key_octets);
	return false;
}

/*= rfc7717#section-5.3 IK-5.3-09 IK-5.3-10 */
static void refuse_unknown(struct fz_keyd_request *request)
{
	refuse(request, FIZEAU_ACCEPT_NO_IKE_SA, FZ_COUNT_REFUSED_NO_IKE_SA, "no IKE SA with these SPIs");
}

static void looked_up(void *arg, int error, const char *reason, const struct fz_ike_sa *sas, size_t count)
{
	struct fz_keyd_request *request = arg;

	if (request->lookup)
		request->keyd->lookups--;
	request->lookup = NULL;
	if (!error && count && sas[0].key_octets) {
		if (open_with_sa(request, &sas[0]))
			settle(request);
		return;
	}
	if (!error || error == -ENOENT) {
		refuse_unknown(request);
	} else {
		fz_log_peer(request->keyd->log, FZ_LOG_ERROR, &request->peer, fz_clock_mono(), "key service %s: %s",
			request->keyd->ike_path, reason ? reason : fizeau_strerror(error));
		refuse(request, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY_SERVICE, "the key service did not answer");
	}
	settle(request);
}

static void look_up(struct fz_keyd_request *request)
{
	struct fz_keyd *keyd = request->keyd;
	int wait_ms = keyd->lookups < LOOKUPS_WAITING ? (int)(keyd->ike_wait_ns / 1000000) : 0;

	if (keyd->lookups >= LOOKUPS_MAX) {
		refuse(request, FIZEAU_ACCEPT_TEMPORARY_LIMIT, FZ_COUNT_REFUSED_BUSY, "too many set-ups at once");
		settle(request);
		return;
	}
	errno = 0;
	struct fz_ippm_request *lookup = fz_ippm_lookup_spis(keyd->loop, keyd->ike_path, request->event.key.spi_i,
		request->event.key.spi_r, wait_ms, looked_up, request);
	if (lookup) {
		request->lookup = lookup;
		keyd->lookups++;
	} else if (errno) {
		refuse(request, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY_SERVICE, "no memory");
		settle(request);
	}
}

static void open_ike(struct fz_keyd_request *request)
{
	struct fz_keyd *keyd = request->keyd;
	struct fz_identity *identity = &request->answer.identity;
	const struct fz_ike_sa *sa;
	const char *path;
	char error[FZ_CONF_ERROR_MAX];

	identity->source = FZ_KEY_IKEV2;
	/*= rfc7717#section-5.3 IK-5.3-07 IK-5.3-08 */
	memcpy(identity->spi_i, request->event.key.spi_i, 8);
	memcpy(identity->spi_r, request->event.key.spi_r, 8);
	if (keyd->ike == FZ_IKE_STATIC) {
		if (fz_ike_static_refresh(keyd->ike_static, error, sizeof(error)))
			fz_log_peer(keyd->log, FZ_LOG_WARNING, &request->peer, fz_clock_mono(),
				"the SAs read before stay in use: %s", error);
		sa = fz_ike_static_by_spis(keyd->ike_static, identity->spi_i, identity->spi_r);
		if (!sa)
			refuse_unknown(request);
		if (!sa || open_with_sa(request, sa))
			settle(request);
	} else if (fz_keyd_service(keyd, &path)) {
		look_up(request);
	} else {
		/* Offered in the greeting, gone since. */
		refuse(request, FIZEAU_ACCEPT_INTERNAL, FZ_COUNT_REFUSED_KEY_SERVICE, "there is no key service any more");
		settle(request);
	}
}

struct fz_keyd_request *fz_keyd_open(struct fz_keyd *keyd, const struct fizeau_event *event,
	const struct fz_addr *peer, fz_keyd_fn *fn, void *arg)
{
	struct fz_keyd_request *request = calloc(1, sizeof(*request));
	unsigned same = 0;

	if (!request)
		return NULL;
	for (const struct fz_keyd_request *r = keyd->requests; r; r = r->next)
		same += fz_addr_same_host(&r->peer, peer);
	request->keyd = keyd;
	request->fn = fn;
	request->arg = arg;
	request->peer = *peer;
	request->event = *event;
	request->timer = (struct fz_timer){.fn = deliver, .arg = request};
	request->next = keyd->requests;
	keyd->requests = request;
	if (same >= PEER_REQUESTS) {
		refuse(request, FIZEAU_ACCEPT_TEMPORARY_LIMIT, FZ_COUNT_REFUSED_BUSY, "too many set-ups of this address");
		settle(request);
	} else if (event->key.ike) {
		open_ike(request);
	} else {
		open_passphrase(request);
	}
	return request;
}

/* One hold serves all connections of five seconds: a flood of half-open connections must not fill the key service,
   and a steady stream of good ones must not keep a hold for ever. */
struct fz_keyd_hold *fz_keyd_hold(struct fz_keyd *keyd)
{
	struct fizeau_mono now = fz_clock_mono();
	const char *path;

	if (keyd->holds && now.ns - keyd->holds->placed.ns < HOLD_SHARED_NS) {
		keyd->holds->references++;
		return keyd->holds;
	}
	if (!fz_keyd_service(keyd, &path))
		return NULL;
	struct fz_keyd_hold *hold = calloc(1, sizeof(*hold));
	if (!hold)
		return NULL;
	hold->fd = fz_ippm_hold(path);
	if (hold->fd < 0) {
		if (!keyd->hold_failed)
			fz_log(keyd->log, FZ_LOG_WARNING,
				"key service %s: no hold (%s); going on without, a rekey during a set-up may fail it", path,
				fizeau_strerror(hold->fd));
		keyd->hold_failed = true;
		free(hold);
		return NULL;
	}
	keyd->hold_failed = false;
	hold->references = 1;
	hold->placed = now;
	hold->next = keyd->holds;
	keyd->holds = hold;
	return hold;
}

void fz_keyd_release(struct fz_keyd *keyd, struct fz_keyd_hold *hold)
{
	struct fz_keyd_hold **at = &keyd->holds;

	if (!hold || --hold->references)
		return;
	while (*at != hold)
		at = &(*at)->next;
	*at = hold->next;
	fz_ippm_release(hold->fd);
	free(hold);
}
