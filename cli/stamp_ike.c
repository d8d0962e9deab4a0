/* SPDX-License-Identifier: MIT */
#include "stamp_ike.h"

#include <errno.h>
#include <string.h>

/* Nothing says in STAMP whether the reflector has it too: the newest is what it has the longest use of. */
static const struct fz_ike_sa *newest(const struct fz_sa_list *sas)
{
	for (size_t i = 0; i < sas->count; i++) {
		if (sas->sas[i].key_octets >= 16 && sas->sas[i].prf != FIZEAU_PRF_NONE)
			return &sas->sas[i];
	}
	return NULL;
}

/* False when interrupted. */
static bool look_up(struct fz_measurement *measurement, struct fz_sa_list *sas)
{
	struct fz_setup *setup = &measurement->setup;

	fz_sa_lookup(&setup->sa_source, &setup->control.peer, sas);
	fz_explain(measurement->options->verbose, "key service: %zu IKE SAs with %s%s%s", sas->count, setup->host,
		sas->error != 0 ? ": " : "", sas->error != 0 ? sas->reason : "");
	if (sas->error == -EINTR || newest(sas) != NULL || measurement->options->ike != FZ_IKE_INITIATE)
		return sas->error != -EINTR;
	fz_complain("no IKE SA with %s: having one set up", setup->host);
	fz_sa_list_wipe(sas);
	fz_sa_initiate(&setup->sa_source, &setup->control.peer, false, sas);
	return sas->error != -EINTR;
}

static bool none_there(const struct fz_measurement *measurement, const struct fz_sa_list *sas)
{
	const struct fz_measure_options *options = measurement->options;
	const char *host = measurement->setup.host;
	const char *where = options->ike_static != NULL ? options->ike_static : options->ike_socket;

	if (options->ike == FZ_IKE_AUTO) {
		fz_complain("no IKE SA with %s (%s): going on %s", host, sas->reason,
			options->key_id != NULL ? "with the passphrase" : "without a key");
		return true;
	}
	if (options->ike == FZ_IKE_INITIATE)
		fz_measurement_fail(measurement, FZ_FAULT_KEYING, "no IKE SA with %s could be set up: %s: see the log of the "
			"IKE daemon at %s", host, sas->reason, where);
	else
		fz_measurement_fail(measurement, FZ_FAULT_KEYING, "no IKE SA with %s at %s: %s: set one up with fizeau keys "
			"--initiate %s, or measure with --ike initiate", host, where, sas->reason, host);
	return false;
}

static bool use(struct fz_measurement *measurement, const struct fz_ike_sa *sa, uint16_t ssid, struct fizeau_st_key *key)
{
	struct fz_result_key *told = &measurement->setup.key;
	int rc = fizeau_st_key_ike(sa->key, sa->key_octets, sa->spi_i, sa->spi_r, ssid, key->key);

	if (rc < 0) {
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "the key of the IKE SA cannot be used: %s", fizeau_strerror(rc));
		return false;
	}
	key->octets = FIZEAU_ST_IKE_KEY_OCTETS;
	*told = (struct fz_result_key){.source = FZ_KEY_IKE, .prf = sa->prf};
	memcpy(told->spi_i, sa->spi_i, 8);
	memcpy(told->spi_r, sa->spi_r, 8);
	snprintf(told->peer_id, sizeof(told->peer_id), "%s", sa->remote_id);
	snprintf(told->local_id, sizeof(told->local_id), "%s", sa->local_id);
	return true;
}

bool fz_stamp_ike(struct fz_measurement *measurement, uint16_t ssid, struct fizeau_st_key *key)
{
	struct fz_sa_list sas = {0};
	const struct fz_ike_sa *sa;
	bool good = look_up(measurement, &sas);

	sa = newest(&sas);
	if (good)
		good = sa != NULL ? use(measurement, sa, ssid, key) : none_there(measurement, &sas);
	fz_sa_list_wipe(&sas);
	return good;
}
