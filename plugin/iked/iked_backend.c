/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iked_backend.h"

#include <stdio.h>

#include <daemon.h>
#include <credentials/certificates/x509.h>
#include <credentials/sets/mem_cred.h>
#include <crypto/proposal/proposal.h>

/* Longer than IKE goes on sending again (retransmit_tries in iked_main.c: 45 s). An IKE_SA whose life ends while its rekeying
   waits for an answer would hand its deletion on to the new one. */
#define OVER_S 60

struct iked_backend {
	backend_t public; /* first: charon calls with it */
	linked_list_t *peer_cfgs; /* does not change once registered: needs no lock */
	mem_cred_t *creds;
	certificate_t *certificate; /* ours; NULL: none */
	certificate_t *cas[IKED_CAS_MAX]; /* for peers without one of their own */
	bool registered;
};

static const char *const default_proposals[] = {
	"aes256gcm16-aes128gcm16-prfsha384-prfsha256-curve25519-ecp256",
	"aes256-aes128-sha256-prfsha256-curve25519-ecp256-modp2048",
};

METHOD(backend_t, create_peer_cfg_enumerator, enumerator_t *, struct iked_backend *this, identification_t *me,
	identification_t *other)
{
	(void)me;
	(void)other;
	return this->peer_cfgs->create_enumerator(this->peer_cfgs);
}

static bool ike_filter(void *data, enumerator_t *orig, va_list args)
{
	peer_cfg_t *cfg;
	ike_cfg_t **out;

	(void)data;
	VA_ARGS_VGET(args, out);
	if (!orig->enumerate(orig, &cfg))
		return FALSE;
	*out = cfg->get_ike_cfg(cfg);
	return TRUE;
}

METHOD(backend_t, create_ike_cfg_enumerator, enumerator_t *, struct iked_backend *this, host_t *me, host_t *other)
{
	(void)me;
	(void)other;
	return enumerator_create_filter(this->peer_cfgs->create_enumerator(this->peer_cfgs), ike_filter, NULL, NULL);
}

METHOD(backend_t, get_peer_cfg_by_name, peer_cfg_t *, struct iked_backend *this, char *name)
{
	enumerator_t *enumerator = this->peer_cfgs->create_enumerator(this->peer_cfgs);
	peer_cfg_t *cfg, *found = NULL;

	while (!found && enumerator->enumerate(enumerator, &cfg))
		if (streq(cfg->get_name(cfg), name))
			found = cfg->get_ref(cfg);
	enumerator->destroy(enumerator);
	return found;
}

/* A reference that the caller destroys, besides the one in creds. */
static certificate_t *load_certificate(struct iked_backend *this, const char *path, x509_flag_t flag, char *error,
	size_t size)
{
	certificate_t *cert = lib->creds->create(lib->creds, CRED_CERTIFICATE, CERT_X509, BUILD_FROM_FILE, path,
		BUILD_X509_FLAG, flag, BUILD_END);

	if (!cert) {
		snprintf(error, size, "%s is no X.509 certificate that can be read", path);
		return NULL;
	}
	return this->creds->add_cert_ref(this->creds, TRUE, cert);
}

/* The key must be the certificate's, and the certificate must bear our identity. */
static bool check_own(struct iked_backend *this, const struct iked_conf *conf, private_key_t *key, char *error, size_t size)
{
	identification_t *id = identification_create_from_string((char *)conf->id);
	public_key_t *public = this->certificate->get_public_key(this->certificate);
	chunk_t of_key, of_cert;
	bool ok = false;

	if (!public || !public->get_fingerprint(public, KEYID_PUBKEY_SHA1, &of_cert) ||
		!key->get_fingerprint(key, KEYID_PUBKEY_SHA1, &of_key) || !chunk_equals(of_key, of_cert))
		snprintf(error, size, "%s is not the key of %s", conf->key, conf->certificate);
	else if (!this->certificate->has_subject(this->certificate, id))
		snprintf(error, size, "%s does not name %s as its subject or subjectAltName: peers would refuse it; "
			"set id to what it names", conf->certificate, conf->id);
	else
		ok = true;
	DESTROY_IF(public);
	id->destroy(id);
	return ok;
}

static bool load_credentials(struct iked_backend *this, const struct iked_conf *conf, char *error, size_t size)
{
	private_key_t *key;
	bool ok;

	for (size_t i = 0; i < conf->ca_count; i++)
		if (!(this->cas[i] = load_certificate(this, conf->cas[i], X509_CA, error, size)))
			return false;
	if (!conf->certificate)
		return true;
	this->certificate = load_certificate(this, conf->certificate, X509_NONE, error, size);
	if (!this->certificate)
		return false;
	key = lib->creds->create(lib->creds, CRED_PRIVATE_KEY, KEY_ANY, BUILD_FROM_FILE, conf->key, BUILD_END);
	if (!key) {
		snprintf(error, size, "%s is no private key without passphrase that can be read", conf->key);
		return false;
	}
	ok = check_own(this, conf, key, error, size);
	this->creds->add_key(this->creds, key);
	return ok;
}

static bool add_proposal(ike_cfg_t *ike_cfg, const char *text)
{
	proposal_t *proposal = proposal_create_from_string(PROTO_IKE, text);

	if (!proposal)
		return false;
	ike_cfg->add_proposal(ike_cfg, proposal);
	return true;
}

static bool add_proposals(ike_cfg_t *ike_cfg, const struct iked_conf *conf, char *error, size_t size)
{
	for (size_t i = 0; i < conf->proposal_count; i++)
		if (!add_proposal(ike_cfg, conf->proposals[i])) {
			snprintf(error, size, "line %u: '%s' is no IKE proposal as strongSwan writes it: "
				"aes128-sha256-prfsha256-ecp256", conf->proposal_lines[i], conf->proposals[i]);
			return false;
		}
	for (size_t i = 0; !conf->proposal_count && i < countof(default_proposals); i++)
		if (!add_proposal(ike_cfg, default_proposals[i]))
			return false;
	return true;
}

static auth_cfg_t *add_auth(struct iked_backend *this, peer_cfg_t *cfg, const char *id, bool psk, bool local)
{
	auth_cfg_t *auth = auth_cfg_create();

	auth->add(auth, AUTH_RULE_AUTH_CLASS, psk ? AUTH_CLASS_PSK : AUTH_CLASS_PUBKEY);
	auth->add(auth, AUTH_RULE_IDENTITY, identification_create_from_string((char *)id));
	if (local && !psk)
		auth->add(auth, AUTH_RULE_SUBJECT_CERT, this->certificate->get_ref(this->certificate));
	cfg->add_auth_cfg(cfg, auth, local);
	return auth;
}

/* All CAs are in one set, so each peer is bound to its own: a partner's CA must not vouch for a host of ours. */
static bool bind_to_ca(struct iked_backend *this, auth_cfg_t *auth, const struct iked_peer *peer, char *error, size_t size)
{
	certificate_t *ca;

	for (size_t i = 0; !peer->ca && i < IKED_CAS_MAX && this->cas[i]; i++)
		auth->add(auth, AUTH_RULE_CA_CERT, this->cas[i]->get_ref(this->cas[i]));
	if (!peer->ca)
		return true;
	ca = load_certificate(this, peer->ca, X509_CA, error, size);
	if (ca)
		auth->add(auth, AUTH_RULE_CA_CERT, ca);
	return ca != NULL;
}

static void add_psk(struct iked_backend *this, const struct iked_conf *conf, const struct iked_peer *peer,
	const struct iked_psk *psk)
{
	shared_key_t *shared = shared_key_create(SHARED_IKE, chunk_clone(chunk_create((u_char *)psk->octets, psk->len)));

	this->creds->add_shared(this->creds, shared, identification_create_from_string((char *)conf->id),
		identification_create_from_string((char *)peer->id), NULL);
}

static bool add_peer(struct iked_backend *this, const struct iked_conf *conf, const struct iked_peer *peer, char *error,
	size_t size)
{
	const struct iked_psk *psk = peer->psk.len ? &peer->psk : &conf->psk;
	ike_cfg_create_t ike = {
		.version = IKEV2,
		.local = (char *)conf->local,
		.local_port = conf->port,
		.remote = (char *)peer->address,
		.remote_port = peer->port,
		.fragmentation = FRAGMENTATION_YES,
		.childless = CHILDLESS_FORCE,
	};
	/* No reauthentication: without CHILD_SA it would lose the IKE_SA. No MOBIKE: one address, and it stays. */
	peer_cfg_create_t cfg = {
		.cert_policy = CERT_ALWAYS_SEND,
		.unique = UNIQUE_NO,
		.keyingtries = 1,
		.rekey_time = conf->rekey_s,
		.jitter_time = conf->rekey_s / 10,
		.over_time = conf->rekey_s / 10 + OVER_S,
#ifdef IKED_PEER_CFG_OPTIONS /* strongSwan 6.0.2 and later */
		.options = OPT_NO_MOBIKE,
#else
		.no_mobike = TRUE,
#endif
		.dpd = conf->dpd_s,
	};
	ike_cfg_t *ike_cfg = ike_cfg_create(&ike);
	peer_cfg_t *peer_cfg;
	auth_cfg_t *auth;

	if (!add_proposals(ike_cfg, conf, error, size)) {
		ike_cfg->destroy(ike_cfg);
		return false;
	}
	peer_cfg = peer_cfg_create((char *)peer->name, ike_cfg, &cfg);
	add_auth(this, peer_cfg, conf->id, psk->len, TRUE);
	auth = add_auth(this, peer_cfg, peer->id, psk->len, FALSE);
	if (psk->len)
		add_psk(this, conf, peer, psk);
	else if (!bind_to_ca(this, auth, peer, error, size)) {
		peer_cfg->destroy(peer_cfg);
		return false;
	}
	this->peer_cfgs->insert_last(this->peer_cfgs, peer_cfg);
	return true;
}

struct iked_backend *iked_backend_new(const struct iked_conf *conf, char *error, size_t size)
{
	struct iked_backend *this;
	bool ok;

	INIT(this,
		.public = {
			.create_peer_cfg_enumerator = _create_peer_cfg_enumerator,
			.create_ike_cfg_enumerator = _create_ike_cfg_enumerator,
			.get_peer_cfg_by_name = _get_peer_cfg_by_name,
		},
		.peer_cfgs = linked_list_create(),
		.creds = mem_cred_create(),
	);
	error[0] = '\0';
	ok = load_credentials(this, conf, error, size);
	for (size_t i = 0; ok && i < conf->peer_count; i++)
		ok = add_peer(this, conf, &conf->peers[i], error, size);
	if (ok)
		return this;
	iked_backend_free(this);
	return NULL;
}

void iked_backend_register(struct iked_backend *this)
{
	lib->credmgr->add_set(lib->credmgr, &this->creds->set);
	charon->backends->add_backend(charon->backends, &this->public);
	this->registered = true;
}

void iked_backend_free(struct iked_backend *this)
{
	if (!this)
		return;
	if (this->registered) {
		charon->backends->remove_backend(charon->backends, &this->public);
		lib->credmgr->remove_set(lib->credmgr, &this->creds->set);
	}
	this->peer_cfgs->destroy_offset(this->peer_cfgs, offsetof(peer_cfg_t, destroy));
	for (size_t i = 0; i < IKED_CAS_MAX; i++)
		DESTROY_IF(this->cas[i]);
	DESTROY_IF(this->certificate);
	this->creds->destroy(this->creds);
	free(this);
}
