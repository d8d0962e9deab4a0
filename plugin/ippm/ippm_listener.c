/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ippm_listener.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include <asn1/asn1.h>
#include <daemon.h>
#include <sa/ikev2/keymat_v2.h>

#include "ippm_msg.h"

/* All hooks run with charon's bus locked: copy, return, never wait. Every one returns TRUE: stay registered. */

static void spis_of(ike_sa_t *ike_sa, uint8_t *spi_i, uint8_t *spi_r)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	uint64_t i = id->get_initiator_spi(id), r = id->get_responder_spi(id); /* in network order */

	memcpy(spi_i, &i, IPPM_SPI_OCTETS);
	memcpy(spi_r, &r, IPPM_SPI_OCTETS);
}

static void host_text(host_t *host, char *text, size_t size)
{
	chunk_t address = host->get_address(host);
	char raw[INET6_ADDRSTRLEN];

	text[0] = '\0';
	if (!host->is_anyaddr(host) && inet_ntop(host->get_family(host), address.ptr, raw, sizeof(raw)) &&
		!ippm_host_canonical(raw, text, size))
		text[0] = '\0';
}

struct identity_text {
	char *at;
	size_t left;
};

static bool add(struct identity_text *t, const char *octets, size_t len)
{
	if (len >= t->left)
		return false;
	memcpy(t->at, octets, len);
	t->at += len;
	t->left -= len;
	*t->at = '\0';
	return true;
}

/* What is special within an identity comes as a backslash and two hex digits, or else who may choose one part of his name
   could write others into it: CN=mallory, OU=operations. */
static bool add_value(struct identity_text *t, const char *octets, size_t len, const char *special)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		char hex[] = {'\\', digits[(unsigned char)octets[i] >> 4], digits[(unsigned char)octets[i] & 15]};
		bool plain = octets[i] != '\\' && !strchr(special, octets[i]);

		if (!(plain ? add(t, &octets[i], 1) : add(t, hex, sizeof(hex))))
			return false;
	}
	return true;
}

/* A distinguished name as strongSwan prints it, but for what is special. The encoding tells how long each value is. */
static bool add_dn(struct identity_text *t, chunk_t dn, const char *printed)
{
	chunk_t sets, attributes = chunk_empty, attribute, oid, value;

	if (asn1_unwrap(&dn, &sets) != ASN1_SEQUENCE)
		return false;
	while (attributes.len || asn1_unwrap(&sets, &attributes) == ASN1_SET) {
		const char *equals = strchr(printed, '=');

		if (asn1_unwrap(&attributes, &attribute) != ASN1_SEQUENCE || asn1_unwrap(&attribute, &oid) != ASN1_OID ||
			asn1_unwrap(&attribute, &value) == ASN1_INVALID || !equals || strlen(equals + 1) < value.len)
			return false;
		if (!add(t, printed, (size_t)(equals + 1 - printed)) || !add_value(t, equals + 1, value.len, ","))
			return false;
		printed = equals + 1 + value.len;
		if (!*printed)
			break;
		if (strncmp(printed, ", ", 2) != 0 || !add(t, ", ", 2))
			return false;
		printed += 2;
	}
	return !*printed;
}

/* Whole, or empty. */
static void id_text(identification_t *id, char *text, size_t size)
{
	/* A pointer, because compilers check formats of snprintf itself and know no %Y. */
	int (*print)(char *to, size_t to_size, const char *format, ...) = snprintf;
	char raw[512], whole[512] = "";
	int len = print(raw, sizeof(raw), "%Y", id);
	struct identity_text t = {whole, sizeof(whole)};
	bool good = len > 0 && (size_t)len < sizeof(raw);

	if (good && id->get_type(id) == ID_DER_ASN1_DN)
		good = add_dn(&t, id->get_encoding(id), raw);
	else if (good)
		good = add_value(&t, raw, (size_t)len, ",=");
	ippm_text_set(text, size, good ? whole : NULL);
}

static void auth_text(ike_sa_t *ike_sa, char *text, size_t size)
{
	enumerator_t *enumerator = ike_sa->create_auth_cfg_enumerator(ike_sa, FALSE);
	const char *name = "";
	auth_cfg_t *cfg;

	/* The first round that the peer has passed. */
	if (enumerator->enumerate(enumerator, &cfg)) {
		switch ((auth_class_t)(uintptr_t)cfg->get(cfg, AUTH_RULE_AUTH_CLASS)) {
		case AUTH_CLASS_PSK:
			name = "psk";
			break;
		case AUTH_CLASS_PUBKEY:
			name = "pubkey";
			break;
		case AUTH_CLASS_EAP:
			name = "eap";
			break;
		case AUTH_CLASS_ANY:
		case AUTH_CLASS_XAUTH:
			break;
		}
	}
	enumerator->destroy(enumerator);
	ippm_text_set(text, size, name);
}

/* prf(SK_d, "IPPM") of RFC 7717 section 5.1. */
/*= rfc7717#section-5.1 IK-5.1-01 IK-5.1-02 IK-5.1-03 IK-5.1-04 */
static bool derive_key(ike_sa_t *ike_sa, struct ippm_sa *sa)
{
	keymat_t *keymat = ike_sa->get_keymat(ike_sa);
	keymat_v2_t *keymat_v2 = (keymat_v2_t *)keymat;
	chunk_t skd = chunk_empty, key;
	pseudo_random_function_t alg;
	bool ok = false;
	prf_t *prf;

	if (!keymat || keymat->get_version(keymat) != IKEV2)
		return false;
	alg = keymat_v2->get_skd(keymat_v2, &skd); /* charon's own octets: not ours to free */
	if (!ippm_prf_name((uint16_t)alg)) {
		DBG1(DBG_CFG, "ippm: no key from an IKE_SA with %N: not one of the PRFs of the key service",
			pseudo_random_function_names, alg);
		return false;
	}
	prf = lib->crypto->create_prf(lib->crypto, alg);
	if (!prf)
		return false;
	key = chunk_create(sa->key, prf->get_block_size(prf));
	/* Another length than the PRF's is no SK_d: charon-tkm hands out a reference into its separated part. */
	if (skd.ptr && skd.len == prf->get_key_size(prf) && key.len == ippm_prf_octets((uint16_t)alg) &&
		prf->set_key(prf, skd))
		ok = prf->get_bytes(prf, chunk_from_str("IPPM"), key.ptr);
	prf->destroy(prf);
	sa->prf = (uint16_t)alg;
	sa->key_octets = (uint8_t)key.len;
	if (!ok)
		DBG1(DBG_CFG, "ippm: no key from an IKE_SA: its keys are not in this process, or its PRF failed");
	return ok;
}

static void take(struct ippm_listener *this, ike_sa_t *ike_sa)
{
	struct ippm_sa sa = {.established = time(NULL)};

	if (derive_key(ike_sa, &sa)) {
		spis_of(ike_sa, sa.spi_i, sa.spi_r);
		host_text(ike_sa->get_my_host(ike_sa), sa.local_host, sizeof(sa.local_host));
		host_text(ike_sa->get_other_host(ike_sa), sa.remote_host, sizeof(sa.remote_host));
		id_text(ike_sa->get_my_id(ike_sa), sa.local_id, sizeof(sa.local_id));
		/* What EAP has authenticated, if it was EAP; the plain identity otherwise. */
		id_text(ike_sa->get_other_eap_id(ike_sa), sa.remote_id, sizeof(sa.remote_id));
		auth_text(ike_sa, sa.auth, sizeof(sa.auth));
		ippm_text_set(sa.connection, sizeof(sa.connection), ike_sa->get_name(ike_sa));
		if (ippm_table_up(this->table, &sa))
			ippm_server_event(this->server, IPPM_EVENT_UP, &sa);
	}
	ippm_msg_wipe(&sa, sizeof(sa));
}

static void vanish(struct ippm_listener *this, ike_sa_t *ike_sa, enum ippm_state state)
{
	uint8_t spi_i[IPPM_SPI_OCTETS], spi_r[IPPM_SPI_OCTETS];
	struct ippm_sa gone;

	spis_of(ike_sa, spi_i, spi_r);
	if (ippm_table_vanish(this->table, spi_i, spi_r, state, ippm_clock(), &gone))
		ippm_server_event(this->server, state == IPPM_REKEYED ? IPPM_EVENT_REKEYED : IPPM_EVENT_DOWN, &gone);
}

METHOD(listener_t, ike_updown, bool, struct ippm_listener *this, ike_sa_t *ike_sa, bool up)
{
	if (up)
		take(this, ike_sa);
	else
		vanish(this, ike_sa, IPPM_DELETED);
	return TRUE;
}

METHOD(listener_t, ike_rekey, bool, struct ippm_listener *this, ike_sa_t *old, ike_sa_t *new)
{
	uint8_t old_i[IPPM_SPI_OCTETS], old_r[IPPM_SPI_OCTETS], new_i[IPPM_SPI_OCTETS], new_r[IPPM_SPI_OCTETS];

	vanish(this, old, IPPM_REKEYED);
	take(this, new);
	spis_of(old, old_i, old_r);
	spis_of(new, new_i, new_r);
	ippm_table_succeed(this->table, old_i, old_r, new_i, new_r);
	return TRUE;
}

METHOD(listener_t, ike_state_change, bool, struct ippm_listener *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	/* An SA that goes without ike_updown(down). One that was rekeyed is no longer living, so stays "rekeyed". */
	if (state == IKE_DESTROYING)
		vanish(this, ike_sa, IPPM_DELETED);
	return TRUE;
}

METHOD(listener_t, ike_update, bool, struct ippm_listener *this, ike_sa_t *ike_sa, host_t *local, host_t *remote)
{
	uint8_t spi_i[IPPM_SPI_OCTETS], spi_r[IPPM_SPI_OCTETS];
	char local_host[64], remote_host[64];

	spis_of(ike_sa, spi_i, spi_r);
	host_text(local, local_host, sizeof(local_host));
	host_text(remote, remote_host, sizeof(remote_host));
	ippm_table_move(this->table, spi_i, spi_r, local_host, remote_host);
	return TRUE;
}

void ippm_listener_init(struct ippm_listener *this, struct ippm_table *table, struct ippm_server *server)
{
	*this = (struct ippm_listener){
		.listener = {
			.ike_updown = _ike_updown,
			.ike_rekey = _ike_rekey,
			.ike_state_change = _ike_state_change,
			.ike_update = _ike_update,
		},
		.table = table,
		.server = server,
	};
}
