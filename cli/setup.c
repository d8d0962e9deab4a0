/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "io/clock.h"
#include "setup.h"

#define UNDER_WAY_SET_UP "the set-up"

/* What one connection came to. */
enum step {
	STEP_CONNECTED,
	STEP_AGAIN,       /* a new connection, with what is known now */
	STEP_UNREACHABLE,
	STEP_REFUSED,
};

/* Behind one NAT address there may be several servers, each with an IKE SA of its own. */
#define DISOWNED_MAX 8

/* What is carried from one connection to the next. */
struct attempts {
	struct fz_sa_list sas;
	bool asked;         /* sas is of now */
	bool initiated;
	struct {
		uint8_t spi_i[8], spi_r[8];
	} disowned[DISOWNED_MAX]; /* the server answered Accept 6 to them */
	size_t disowned_count;
	uint32_t count;     /* of the greeting */
	uint8_t salt[16];
	uint8_t challenge[16];
};

static enum step refuse(struct fz_setup *setup, const char *text)
{
	setup->reason = FZ_FAULT_CONNECTION;
	snprintf(setup->error, sizeof(setup->error), "%s", text);
	return STEP_REFUSED;
}

const char *fz_protocol_name(enum fizeau_protocol protocol)
{
	return protocol == FIZEAU_OWAMP ? "OWAMP" : "TWAMP";
}

static void sa_text(const struct fz_result_key *key, char text[static 40])
{
	char spi_i[17], spi_r[17];

	fz_hex_text(key->spi_i, 8, spi_i);
	fz_hex_text(key->spi_r, 8, spi_r);
	snprintf(text, 40, "%s/%s", spi_i, spi_r);
}

/* Why a Server-Start refused, as far as its Accept tells. */
static void explain_refusal(const struct fz_setup *setup, const char *under_way, uint8_t accept, char *error,
	size_t octets)
{
	const char *mode = fz_mode_name(setup->mode);
	char spis[40];

	sa_text(&setup->key, spis);
	/*= rfc7717#section-5.3 IK-5.3-11 */
	if (accept == FIZEAU_ACCEPT_NO_IKE_SA && setup->key.source == FZ_KEY_IKE)
		snprintf(error, octets, "server %s has no IKE SA with SPIs %s (Accept 6): see there what fizeau "
			"keys lists, or measure with --ike off", setup->host, spis);
	else if (strcmp(under_way, UNDER_WAY_SET_UP) != 0)
		snprintf(error, octets, "server %s refused %s (Accept %u, %s)", setup->host, under_way, accept,
			fizeau_accept_text(accept));
	/* Only 1 may be about the key. */
	else if (setup->key.source != FZ_KEY_NONE && accept != FIZEAU_ACCEPT_FAILURE)
		snprintf(error, octets, "server %s refused %s mode (Accept %u, %s): its log says why", setup->host, mode,
			accept, fizeau_accept_text(accept));
	else if (setup->key.source == FZ_KEY_IKE)
		snprintf(error, octets, "server %s refused %s mode with the key of IKE SA %s (Accept %u, %s): it may "
			"read RFC 7717 differently, try --ike-key %s", setup->host, mode, spis, accept,
			fizeau_accept_text(accept),
			setup->options->ike_reading == FIZEAU_IKE_DIRECT ? "pbkdf2" : "direct");
	else if (setup->key.source == FZ_KEY_PASSPHRASE)
		snprintf(error, octets, "server %s refused %s mode with KeyID %s (Accept %u, %s): KeyID and passphrase "
			"must be the same at both ends", setup->host, mode, setup->options->key_id, accept,
			fizeau_accept_text(accept));
	else
		snprintf(error, octets, "server %s refused %s mode (Accept %u, %s): it may want a key, see --keyid and "
			"--ike", setup->host, mode, accept, fizeau_accept_text(accept));
}

void fz_setup_explain_closed(const struct fz_setup *setup, const char *under_way, const struct fizeau_event *closed,
	char *error, size_t octets)
{
	int reason = closed->closed.error;

	if (reason == FIZEAU_ERR_REFUSED)
		explain_refusal(setup, under_way, closed->closed.accept, error, octets);
	else if (reason == FIZEAU_ERR_UNWILLING)
		snprintf(error, octets, "server %s is not willing to talk to this host (Modes 0)", setup->host);
	else if (reason == FIZEAU_ERR_HMAC)
		snprintf(error, octets, "server %s: an answer failed its HMAC during %s: it was altered on the way, or "
			"the other end is no %s server", setup->host, under_way,
			fz_protocol_name(setup->options->protocol));
	else if (reason == FIZEAU_ERR_CLOSED || reason == 0)
		snprintf(error, octets, "server %s closed the connection during %s", setup->host, under_way);
	else
		snprintf(error, octets, "server %s: %s failed: %s", setup->host, under_way, fizeau_strerror(reason));
}

enum fz_fault_reason fz_setup_closed_reason(const struct fizeau_event *closed)
{
	if (closed->type != FIZEAU_EVENT_CLOSED)
		return FZ_FAULT_CONNECTION;
	switch (closed->closed.error) {
	case FIZEAU_ERR_REFUSED:
	case FIZEAU_ERR_UNWILLING:
		return FZ_FAULT_REFUSED;
	case FIZEAU_ERR_TIMEOUT:
		return FZ_FAULT_SILENT;
	default:
		return FZ_FAULT_CONNECTION;
	}
}

static enum step broken(struct fz_setup *setup, int error)
{
	setup->reason = error == -EINTR ? FZ_FAULT_INTERRUPTED : FZ_FAULT_CONNECTION;
	if (error == -EINTR)
		setup->error[0] = '\0';
	else
		snprintf(setup->error, sizeof(setup->error), "server %s: the control connection broke: %s",
			setup->host, fizeau_strerror(error));
	return STEP_REFUSED;
}

static enum step closed(struct fz_setup *setup, const struct fizeau_event *event)
{
	setup->reason = fz_setup_closed_reason(event);
	fz_setup_explain_closed(setup, UNDER_WAY_SET_UP, event, setup->error, sizeof(setup->error));
	return STEP_REFUSED;
}

static bool usable(const struct fz_ike_sa *sa)
{
	return sa->key_octets >= 16 && sa->prf != FIZEAU_PRF_NONE;
}

static bool is_disowned(const struct attempts *attempts, const uint8_t *spi_i, const uint8_t *spi_r)
{
	for (size_t i = 0; i < attempts->disowned_count; i++) {
		if (memcmp(attempts->disowned[i].spi_i, spi_i, 8) == 0 &&
			memcmp(attempts->disowned[i].spi_r, spi_r, 8) == 0)
			return true;
	}
	return false;
}

/* The newest usable SA that the server has not disowned; if there is no other, one of those again: it may have come to
   the server meanwhile. */
static const struct fz_ike_sa *pick(const struct attempts *attempts)
{
	const struct fz_ike_sa *again = NULL;

	for (size_t i = 0; i < attempts->sas.count; i++) {
		const struct fz_ike_sa *sa = &attempts->sas.sas[i];

		if (!usable(sa))
			continue;
		if (!is_disowned(attempts, sa->spi_i, sa->spi_r))
			return sa;
		again = sa;
	}
	return again;
}

static void ask(struct fz_setup *setup, struct attempts *attempts)
{
	fz_sa_lookup(&setup->sa_source, &setup->control.peer, &attempts->sas);
	attempts->asked = true;
	fz_explain(setup->options->verbose, "key service: %zu IKE SAs with %s%s%s", attempts->sas.count, setup->host,
		attempts->sas.error != 0 ? ": " : "", attempts->sas.error != 0 ? attempts->sas.reason : "");
}

/* Has an SA set up; meanwhile the server may lose its patience, so a new connection follows. */
static enum step initiate(struct fz_setup *setup, struct attempts *attempts, bool another)
{
	fz_complain(another ? "server %s knows no IKE SA that is up here: having another one set up" :
			      "no IKE SA with %s: having one set up", setup->host);
	attempts->initiated = true;
	fz_sa_list_wipe(&attempts->sas);
	fz_sa_initiate(&setup->sa_source, &setup->control.peer, another, &attempts->sas);
	if (attempts->sas.error == -EINTR)
		return broken(setup, -EINTR);
	if (attempts->sas.error != 0) {
		setup->reason = FZ_FAULT_KEYING;
		snprintf(setup->error, sizeof(setup->error), "no IKE SA with %s could be set up: %s: see the log of the "
			"IKE daemon at %s", setup->host, attempts->sas.reason, setup->options->ike_socket);
		return STEP_REFUSED;
	}
	return STEP_AGAIN;
}

static void explain_verdict(struct fz_setup *setup, const struct attempts *attempts, uint32_t offered,
	enum fz_keying_verdict verdict)
{
	const char *where = setup->options->ike_static != NULL ? setup->options->ike_static
							      : setup->options->ike_socket;
	char *error = setup->error;
	size_t octets = sizeof(setup->error);
	char offer[64];

	setup->reason = verdict == FZ_KEYING_UNWILLING ? FZ_FAULT_REFUSED : FZ_FAULT_KEYING;
	fz_keying_offer_text(fz_keying_security(setup->options->protocol, offered), offer, sizeof(offer));
	switch (verdict) {
	case FZ_KEYING_UNWILLING:
		snprintf(error, octets, "server %s is not willing to talk to this host (Modes 0)", setup->host);
		break;
	case FZ_KEYING_NO_MODE:
		snprintf(error, octets, "server %s offers no mode that is acceptable here, but: %s: choose with --mode",
			setup->host, offer);
		break;
	case FZ_KEYING_NO_KEY:
		snprintf(error, octets, "no key for %s (it offers %s%s): use --keyid and --keys%s%s", setup->host, offer,
			(offered & fizeau_mode_ike(setup->options->protocol)) != 0 ? ", and IKEv2-derived keys" : "",
			(offered & fizeau_mode_ike(setup->options->protocol)) != 0 ? ", or --ike initiate" : "",
			(offered & FIZEAU_MODE_OPEN) != 0 ? ", or --mode open" : "");
		break;
	case FZ_KEYING_SERVER_IKE:
		snprintf(error, octets, "server %s takes no IKEv2-derived keys (it offers %s): measure with --ike auto "
			"or --ike off", setup->host, offer);
		break;
	case FZ_KEYING_NO_SA:
		snprintf(error, octets, "no IKE SA with %s at %s: %s: set one up with fizeau keys --initiate %s, or "
			"measure with --ike initiate", setup->host, where, attempts->sas.reason, setup->host);
		break;
	case FZ_KEYING_OK:
		break;
	}
}

static void log_fallback(const struct fz_setup *setup, const struct attempts *attempts,
	const struct fz_keying_choice *choice)
{
	char key[128] = "without a key";

	if (choice->source == FZ_KEY_PASSPHRASE)
		snprintf(key, sizeof(key), "with the passphrase of KeyID %s", setup->options->key_id);
	fz_complain("server %s takes IKEv2-derived keys, but there is no IKE SA with it (%s): going on in %s mode %s",
		setup->host, attempts->sas.reason, fz_mode_name(choice->mode), key);
}

/* Chooses mode and key for a greeting, and asks for IKE SAs if they matter. */
static enum step choose(struct fz_setup *setup, struct attempts *attempts, uint32_t offered,
	struct fz_keying_choice *choice)
{
	const struct fz_measure_options *options = setup->options;
	struct fz_keying_wish wish = {
		.protocol = options->protocol,
		.mode_count = options->mode_count,
		.ike = options->ike,
		.passphrase = setup->passphrases != NULL,
	};
	enum fz_keying_verdict verdict;
	bool wanted;

	memcpy(wish.modes, options->modes, sizeof(wish.modes));
	wanted = fz_keying_wants_sa(&wish, offered);
	if (wanted && !attempts->asked)
		ask(setup, attempts);
	if (attempts->sas.error == -EINTR)
		return broken(setup, -EINTR);
	if (wanted && pick(attempts) == NULL && options->ike == FZ_IKE_INITIATE && !attempts->initiated)
		return initiate(setup, attempts, false);
	verdict = fz_keying_choose(&wish, offered, wanted && pick(attempts) != NULL, choice);
	if (verdict != FZ_KEYING_OK) {
		explain_verdict(setup, attempts, offered, verdict);
		return STEP_REFUSED;
	}
	if (wanted && choice->source != FZ_KEY_IKE)
		log_fallback(setup, attempts, choice);
	return STEP_CONNECTED;
}

/*= rfc7717#section-5.3 IK-5.3-03 IK-5.3-04 IK-5.3-05 IK-5.3-06 */
static int use_sa(struct fz_setup *setup, const struct attempts *attempts, struct fizeau_set_up *set_up)
{
	const struct fz_ike_sa *sa = pick(attempts);
	struct fz_result_key *key = &setup->key;

	memset(set_up->key_id, 0, sizeof(set_up->key_id));
	memcpy(set_up->key_id, sa->spi_i, 8);
	memcpy(set_up->key_id + 8, sa->spi_r, 8);
	memcpy(key->spi_i, sa->spi_i, 8);
	memcpy(key->spi_r, sa->spi_r, 8);
	key->prf = sa->prf;
	snprintf(key->peer_id, sizeof(key->peer_id), "%s", sa->remote_id);
	snprintf(key->local_id, sizeof(key->local_id), "%s", sa->local_id);
	/* From here on nothing depends on the SA: it may be rekeyed or go. */
	/*= rfc7717#section-5.1 IK-5.1-08 */
	return fizeau_token_key_ike(sa->key, sa->key_octets, setup->options->ike_reading, attempts->salt,
		attempts->count, set_up->token_key);
}

/*= rfc5357#section-3.1 TW-3.1-12 */
static int use_passphrase(struct fz_setup *setup, const struct attempts *attempts, struct fizeau_set_up *set_up)
{
	const uint8_t *passphrase;
	size_t octets;

	setup->key.key_id = setup->options->key_id;
	if (!fz_key_id_from_text(setup->options->key_id, set_up->key_id))
		return FIZEAU_ERR_RANGE;
	passphrase = fz_passphrases_find(setup->passphrases, set_up->key_id, &octets);
	if (passphrase == NULL)
		return FIZEAU_ERR_KEY;
	return fizeau_token_key_passphrase(passphrase, octets, attempts->salt, attempts->count, set_up->token_key);
}

/*= rfc7717#section-4.1 IK-4.1-01 */
static int fill(struct fz_setup *setup, const struct attempts *attempts, const struct fz_keying_choice *choice,
	struct fizeau_set_up *set_up)
{
	int rc;

	/*= rfc6038#section-4.1 RO-4.1-02 RO-4.1-03 */
	/*= rfc7750#section-2.1 DE-2.1-02 */
	/*= rfc8186#section-2.2 PT-2.2-03 PT-2.2-04 */
	setup->mode = choice->mode | setup->options->features.modes;
	*set_up = (struct fizeau_set_up){.mode = setup->mode};
	setup->key = (struct fz_result_key){.source = choice->source};
	if (choice->source == FZ_KEY_NONE)
		return 0;
	/*= rfc4656#section-3.1 OW-3.1-31 OW-3.1-32 */
	if (getrandom(&set_up->keys, sizeof(set_up->keys), 0) != (ssize_t)sizeof(set_up->keys) ||
		getrandom(set_up->client_iv, sizeof(set_up->client_iv), 0) != (ssize_t)sizeof(set_up->client_iv))
		return -errno;
	if (setup->computing != NULL)
		atomic_fetch_add(setup->computing, 1);
	rc = choice->source == FZ_KEY_IKE ? use_sa(setup, attempts, set_up) : use_passphrase(setup, attempts, set_up);
	if (setup->computing != NULL)
		atomic_fetch_sub(setup->computing, 1);
	return rc;
}

/*= rfc5357#section-6 TW-6-05 */
static bool count_is_bearable(struct fz_setup *setup, const struct attempts *attempts,
	const struct fz_keying_choice *choice)
{
	/* What is not computed does no harm; its form is the library's to check. */
	bool computed = choice->source == FZ_KEY_PASSPHRASE ||
		(choice->source == FZ_KEY_IKE && setup->options->ike_reading == FIZEAU_IKE_PBKDF2);

	if (!computed || fizeau_count_check(attempts->count, setup->options->pbkdf2_max) == 0)
		return true;
	setup->reason = FZ_FAULT_KEYING;
	snprintf(setup->error, sizeof(setup->error), "server %s asks for %u rounds of PBKDF2; taken are powers of two "
		"from 1024 to %u: --pbkdf2-max raises that", setup->host, attempts->count,
		setup->options->pbkdf2_max);
	return false;
}

/* A session without what was asked for would measure something else. */
static bool features_are_offered(struct fz_setup *setup, uint32_t offered)
{
	uint32_t missing = setup->options->features.modes & ~offered;
	char lacking[FZ_FEATURES_TEXT], has[FZ_FEATURES_TEXT];

	if (missing == 0)
		return true;
	fz_features_text(missing, lacking);
	fz_features_text(offered & FIZEAU_MODE_FEATURES, has);
	setup->reason = FZ_FAULT_REFUSED;
	snprintf(setup->error, sizeof(setup->error), "server %s does not offer %s (features it offers: %s): choose others with "
		"--features, or none", setup->host, lacking, has);
	return false;
}

static enum step answer_greeting(struct fz_setup *setup, struct attempts *attempts,
	const struct fizeau_event *greeting)
{
	struct fz_keying_choice choice;
	struct fizeau_set_up set_up;
	char offer[64];
	enum step step;
	int rc;

	attempts->count = greeting->greeting.count;
	memcpy(attempts->salt, greeting->greeting.salt, sizeof(attempts->salt));
	fz_keying_offer_text(fz_keying_security(setup->options->protocol, greeting->greeting.modes), offer,
		sizeof(offer));
	fz_explain(setup->options->verbose, "server %s offers %s%s", setup->host, offer,
		(greeting->greeting.modes & fizeau_mode_ike(setup->options->protocol)) != 0 ? ", IKEv2-derived keys" : "");
	step = choose(setup, attempts, greeting->greeting.modes, &choice);
	if (step != STEP_CONNECTED)
		return step;
	if (!features_are_offered(setup, greeting->greeting.modes))
		return STEP_REFUSED;
	if (!count_is_bearable(setup, attempts, &choice))
		return STEP_REFUSED;
	rc = fill(setup, attempts, &choice, &set_up);
	if (rc >= 0)
		rc = fizeau_control_client_set_up(setup->control.client, &set_up, fz_clock_mono());
	fizeau_wipe(&set_up, sizeof(set_up));
	if (rc < 0) {
		setup->reason = FZ_FAULT_LOCAL;
		snprintf(setup->error, sizeof(setup->error), "server %s: no Set-Up-Response could be made: %s",
			setup->host, fizeau_strerror(rc));
		return STEP_REFUSED;
	}
	return STEP_CONNECTED;
}

/* Whether the next try would be with an SA that the server has disowned, or with none. */
static bool in_vain(const struct attempts *attempts)
{
	const struct fz_ike_sa *sa = pick(attempts);

	return sa == NULL || is_disowned(attempts, sa->spi_i, sa->spi_r);
}

/* Accept 6: asks the key service afresh and goes on with the next SA of its list, or with the only one once more. An IKE
   daemon that was killed knows none of the SAs that its peers still have, so with --ike initiate another one is set up,
   once. */
static enum step disowned(struct fz_setup *setup, struct attempts *attempts, const struct fizeau_event *event)
{
	bool may_initiate = setup->options->ike == FZ_IKE_INITIATE && setup->sa_source.table == NULL &&
		!attempts->initiated;
	bool last = attempts->disowned_count == DISOWNED_MAX ||
		is_disowned(attempts, setup->key.spi_i, setup->key.spi_r);

	closed(setup, event);
	if (last)
		return may_initiate ? initiate(setup, attempts, true) : STEP_REFUSED;
	memcpy(attempts->disowned[attempts->disowned_count].spi_i, setup->key.spi_i, 8);
	memcpy(attempts->disowned[attempts->disowned_count].spi_r, setup->key.spi_r, 8);
	attempts->disowned_count++;
	fz_sa_list_wipe(&attempts->sas);
	ask(setup, attempts);
	if (may_initiate && in_vain(attempts))
		return initiate(setup, attempts, true);
	if (pick(attempts) == NULL)
		return STEP_REFUSED;
	/* A file does not change while the server waits, and several have waited long enough. */
	if (in_vain(attempts) && (setup->sa_source.table != NULL || attempts->disowned_count > 1))
		return STEP_REFUSED;
	fz_explain(setup->options->verbose, "%s: trying once more", setup->error);
	return STEP_AGAIN;
}

static void explain_connected(const struct fz_setup *setup)
{
	const char *mode = fz_mode_name(setup->mode);
	char spis[40];

	sa_text(&setup->key, spis);
	if (setup->key.source == FZ_KEY_IKE)
		fz_explain(setup->options->verbose, "set up in %s mode, keyed by IKE SA %s", mode, spis);
	else if (setup->key.source == FZ_KEY_PASSPHRASE)
		fz_explain(setup->options->verbose, "set up in %s mode, keyed by KeyID %s", mode,
			setup->options->key_id);
	else
		fz_explain(setup->options->verbose, "set up in %s mode, no key", mode);
}

static enum step wait_server_start(struct fz_setup *setup, struct attempts *attempts)
{
	struct fizeau_event event;
	int rc = fz_control_wait(&setup->control, &event);

	if (rc < 0)
		return broken(setup, rc);
	if (event.type == FIZEAU_EVENT_SERVER_START) {
		explain_connected(setup);
		return STEP_CONNECTED;
	}
	if (event.type != FIZEAU_EVENT_CLOSED)
		return refuse(setup, "the library gave an event that has no place here: this is a bug of fizeau");
	if (event.closed.error == FIZEAU_ERR_REFUSED && event.closed.accept == FIZEAU_ACCEPT_NO_IKE_SA &&
		setup->key.source == FZ_KEY_IKE)
		return disowned(setup, attempts, &event);
	return closed(setup, &event);
}

static enum step connect_once(struct fz_setup *setup, struct attempts *attempts, const struct fz_addr *server)
{
	const struct fz_measure_options *options = setup->options;
	struct fizeau_event event;
	enum step step;
	int rc;

	rc = fz_control_open(&setup->control, setup->sa_source.loop, setup->sa_source.interrupts, server,
		options->source_given ? &options->source : NULL, options->protocol, options->pbkdf2_max);
	if (rc == -EINTR)
		return broken(setup, rc);
	if (rc < 0) {
		setup->reason = rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM ? FZ_FAULT_LOCAL : FZ_FAULT_UNREACHABLE;
		snprintf(setup->error, sizeof(setup->error), "server %s port %u cannot be reached: %s", setup->host,
			fz_addr_port(server), fizeau_strerror(rc));
		return STEP_UNREACHABLE;
	}
	fz_explain(options->verbose, "connected to %s port %u", setup->host, fz_addr_port(server));
	rc = fz_control_wait(&setup->control, &event);
	if (rc < 0)
		return broken(setup, rc);
	if (event.type == FIZEAU_EVENT_CLOSED)
		return closed(setup, &event);
	if (event.type != FIZEAU_EVENT_GREETING)
		return refuse(setup, "the library gave an event that has no place here: this is a bug of fizeau");
	step = answer_greeting(setup, attempts, &event);
	return step == STEP_CONNECTED ? wait_server_start(setup, attempts) : step;
}

enum fz_setup_outcome fz_setup_run(struct fz_setup *setup, const struct fz_addr *server)
{
	struct attempts attempts = {0};
	enum step step = STEP_AGAIN;

	fz_addr_host_text(server, setup->host);
	setup->control.fd = -1;
	/* Each reason to connect anew counts only once, so this ends. */
	while (step == STEP_AGAIN) {
		fz_control_close(&setup->control);
		step = connect_once(setup, &attempts, server);
	}
	fizeau_wipe(&attempts, sizeof(attempts));
	if (step == STEP_CONNECTED)
		return FZ_SETUP_CONNECTED;
	return step == STEP_UNREACHABLE ? FZ_SETUP_UNREACHABLE : FZ_SETUP_REFUSED;
}
