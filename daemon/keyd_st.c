/* SPDX-License-Identifier: MIT */
#include "keyd_st.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "io/clock.h"
#include "keyd_parts.h"
#include "keys/ippm_client.h"

#define CANDIDATES 8    /* of one address: doc/stamp-ike.md section 4 */
#define LOOKUPS_MAX 8   /* at the key service at once, beside those of control connections */
#define REQUESTS_MAX 1024
#define PEER_REQUESTS_MAX 256
#define LOOKUP_MS 2000

/* One question to the key service, for all sessions of an address that begin meanwhile. */
struct fz_keyd_st_lookup {
	struct fz_keyd *keyd;
	struct fz_keyd_st_lookup *next;
	struct fz_addr peer;
	struct fz_ippm_request *ippm;
};

struct fz_keyd_st_request {
	struct fz_keyd *keyd;
	struct fz_keyd_st_request *next;
	fz_keyd_st_fn *fn;
	void *arg;
	struct fz_addr peer;
	uint16_t ssid;
	size_t len;
	uint8_t packet[FZ_KEYD_ST_PACKET];
	struct fz_keyd_st_lookup *lookup; /* NULL: the answer is there */
	struct fz_keyd_st_answer answer;
	struct fz_timer timer;
};

static void request_free(struct fz_keyd_st_request *request)
{
	struct fz_keyd_st_request **at = &request->keyd->st_requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	fz_loop_timer_stop(request->keyd->loop, &request->timer);
	fizeau_wipe(request, sizeof(*request));
	free(request);
}

void fz_keyd_st_cancel(struct fz_keyd_st_request *request)
{
	request_free(request);
}

static void lookup_free(struct fz_keyd_st_lookup *lookup)
{
	struct fz_keyd_st_lookup **at = &lookup->keyd->st_lookups;

	while (*at != lookup)
		at = &(*at)->next;
	*at = lookup->next;
	if (lookup->ippm)
		fz_ippm_cancel(lookup->ippm);
	free(lookup);
}

void fz_keyd_st_end(struct fz_keyd *keyd)
{
	while (keyd->st_lookups)
		lookup_free(keyd->st_lookups);
}

static void deliver(void *arg)
{
	struct fz_keyd_st_request *request = arg;

	request->fn(request->arg, &request->answer);
	request_free(request);
}

/* The answer is in the request: to be delivered in the loop's next round. */
static void settle(struct fz_keyd_st_request *request)
{
	request->lookup = NULL;
	if (fz_loop_timer(request->keyd->loop, &request->timer, fz_clock_mono()))
		fz_log(request->keyd->log, FZ_LOG_ERROR, "no memory for a timer: a STAMP session will not begin");
}

static void refuse(struct fz_keyd_st_request *request, enum fz_counter counter, const char *reason)
{
	request->answer.counter = counter;
	request->answer.reason = reason;
	settle(request);
}

static bool is_of(struct fz_keyd_st_request *request, const struct fz_ike_sa *sa)
{
	struct fz_keyd_st_answer *answer = &request->answer;
	struct fz_identity *identity = &answer->identity;

	if (fizeau_st_key_ike(sa->key, sa->key_octets, sa->spi_i, sa->spi_r, request->ssid, answer->key) < 0 ||
		fizeau_st_key_verifies(answer->key, request->packet, request->len) < 0) {
		fizeau_wipe(answer->key, sizeof(answer->key));
		return false;
	}
	answer->found = true;
	identity->source = FZ_KEY_IKEV2;
	identity->stamp = true;
	identity->prf = sa->prf;
	memcpy(identity->spi_i, sa->spi_i, 8);
	memcpy(identity->spi_r, sa->spi_r, 8);
	snprintf(identity->peer_id, sizeof(identity->peer_id), "%s", sa->remote_id);
	snprintf(identity->local_id, sizeof(identity->local_id), "%s", sa->local_id);
	return true;
}

/* The SAs of the source address, the newest first. */
static void try_all(struct fz_keyd_st_request *request, const struct fz_ike_sa *const *sas, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_of(request, sas[i])) {
			settle(request);
			return;
		}
	}
	if (count)
		refuse(request, FZ_COUNT_REFUSED_KEY, "its HMAC is that of none of the IKE SAs with its address");
	else
		refuse(request, FZ_COUNT_REFUSED_NO_IKE_SA, "no IKE SA with its address");
}

static void answered(struct fz_keyd_st_request *request, int error, const struct fz_ike_sa *const *sas, size_t count)
{
	if (!error || error == -ENOENT)
		try_all(request, sas, error ? 0 : count);
	else
		refuse(request, FZ_COUNT_REFUSED_KEY_SERVICE, "the key service did not answer");
}

static void looked_up(void *arg, int error, const char *reason, const struct fz_ike_sa *sas, size_t count)
{
	struct fz_keyd_st_lookup *lookup = arg;
	struct fz_keyd *keyd = lookup->keyd;
	const struct fz_ike_sa *candidates[CANDIDATES];

	lookup->ippm = NULL;
	count = count < CANDIDATES ? count : CANDIDATES;
	for (size_t i = 0; i < count; i++)
		candidates[i] = &sas[i];
	if (error && error != -ENOENT)
		fz_log_peer(keyd->log, FZ_LOG_ERROR, &lookup->peer, fz_clock_mono(), "key service %s: %s", keyd->ike_path,
			reason ? reason : fizeau_strerror(error));
	for (struct fz_keyd_st_request *request = keyd->st_requests; request; request = request->next) {
		if (request->lookup == lookup)
			answered(request, error, candidates, count);
	}
	lookup_free(lookup);
}

static struct fz_keyd_st_lookup *lookup_of(struct fz_keyd *keyd, const struct fz_addr *peer, unsigned *count)
{
	*count = 0;
	for (struct fz_keyd_st_lookup *lookup = keyd->st_lookups; lookup; lookup = lookup->next) {
		if (fz_addr_same_host(&lookup->peer, peer))
			return lookup;
		(*count)++;
	}
	return NULL;
}

static void look_up(struct fz_keyd_st_request *request)
{
	struct fz_keyd *keyd = request->keyd;
	char host[FZ_ADDR_TEXT];
	unsigned count;
	struct fz_keyd_st_lookup *lookup = lookup_of(keyd, &request->peer, &count);

	if (lookup) {
		request->lookup = lookup;
		return;
	}
	lookup = count < LOOKUPS_MAX ? calloc(1, sizeof(*lookup)) : NULL;
	if (!lookup) {
		refuse(request, FZ_COUNT_REFUSED_BUSY, "too many sessions begin at once");
		return;
	}
	*lookup = (struct fz_keyd_st_lookup){.keyd = keyd, .next = keyd->st_lookups, .peer = request->peer};
	keyd->st_lookups = lookup;
	request->lookup = lookup;
	fz_addr_host_text(&request->peer, host);
	errno = 0;
	struct fz_ippm_request *ippm =
		fz_ippm_lookup_remote(keyd->loop, keyd->ike_path, host, LOOKUP_MS, looked_up, lookup);
	if (ippm) {
		lookup->ippm = ippm;
	} else if (errno) {
		lookup_free(lookup);
		refuse(request, FZ_COUNT_REFUSED_KEY_SERVICE, "no memory");
	}
}

static void look_in_file(struct fz_keyd_st_request *request)
{
	struct fz_keyd *keyd = request->keyd;
	const struct fz_ike_sa *candidates[CANDIDATES];
	char error[FZ_CONF_ERROR_MAX];

	if (fz_ike_static_refresh(keyd->ike_static, error, sizeof(error)))
		fz_log_peer(keyd->log, FZ_LOG_WARNING, &request->peer, fz_clock_mono(),
			"the SAs read before stay in use: %s", error);
	try_all(request, candidates,
		fz_ike_static_of_remote(keyd->ike_static, &request->peer, candidates, CANDIDATES));
}

static bool too_many(const struct fz_keyd *keyd, const struct fz_addr *peer)
{
	unsigned all = 0, same = 0;

	for (const struct fz_keyd_st_request *r = keyd->st_requests; r; r = r->next) {
		all++;
		same += fz_addr_same_host(&r->peer, peer);
	}
	return all >= REQUESTS_MAX || same >= PEER_REQUESTS_MAX;
}

struct fz_keyd_st_request *fz_keyd_st_find(struct fz_keyd *keyd, const struct fz_addr *peer, uint16_t ssid,
	const uint8_t *packet, size_t len, fz_keyd_st_fn *fn, void *arg)
{
	struct fz_keyd_st_request *request = calloc(1, sizeof(*request));
	bool busy = too_many(keyd, peer);
	const char *path;

	if (!request)
		return NULL;
	*request = (struct fz_keyd_st_request){.keyd = keyd, .next = keyd->st_requests, .fn = fn, .arg = arg, .peer = *peer,
		.ssid = ssid, .len = len < FZ_KEYD_ST_PACKET ? len : FZ_KEYD_ST_PACKET,
		.timer = {.fn = deliver, .arg = request}};
	memcpy(request->packet, packet, request->len);
	keyd->st_requests = request;
	if (request->len < FZ_KEYD_ST_PACKET)
		refuse(request, FZ_COUNT_DROPPED_LENGTH, "it is shorter than an authenticated packet");
	else if (ssid == 0)
		refuse(request, FZ_COUNT_REFUSED_KEY, "it has no SSID, which is part of an IKEv2-derived key");
	else if (busy)
		refuse(request, FZ_COUNT_REFUSED_BUSY, "too many sessions begin at once");
	else if (keyd->ike == FZ_IKE_STATIC)
		look_in_file(request);
	else if (fz_keyd_service(keyd, &path))
		look_up(request);
	else
		refuse(request, FZ_COUNT_REFUSED_KEY_SERVICE, "there is no key service");
	return request;
}
