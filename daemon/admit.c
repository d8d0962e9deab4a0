/* SPDX-License-Identifier: MIT */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "admit.h"

#define BUCKETS 1024

/* Counts of one class or one address; freed when both are zero. */
struct fz_usage {
	struct fz_usage *next;
	uint32_t bucket;
	uint32_t connections, sessions;
	uint8_t octets[17]; /* version and address */
	char name[FZ_CONF_NAME_MAX + 1];
};

struct fz_admit {
	uint32_t seed;
	struct fz_usage *buckets[BUCKETS];
};

static void spi_text(const uint8_t spi[static 8], char text[static 17])
{
	for (size_t i = 0; i < 8; i++)
		snprintf(text + 2 * i, 3, "%02x", spi[i]);
}

void fz_identity_text(const struct fz_identity *identity, char text[static FZ_IDENTITY_TEXT])
{
	char spi_i[17], spi_r[17];
	const char *prf = fizeau_prf_name(identity->prf);

	switch (identity->source) {
	case FZ_KEY_NONE:
		snprintf(text, FZ_IDENTITY_TEXT, "no key");
		break;
	case FZ_KEY_PASSPHRASE:
		snprintf(text, FZ_IDENTITY_TEXT, "KeyID %s", identity->key_id);
		break;
	case FZ_KEY_IKEV2:
		spi_text(identity->spi_i, spi_i);
		spi_text(identity->spi_r, spi_r);
		snprintf(text, FZ_IDENTITY_TEXT, "IKEv2 SA %s/%s with %s, prf %s%s", spi_i, spi_r,
			*identity->peer_id ? identity->peer_id : "an identity that is not known", prf ? prf : "unknown",
			identity->stamp ? "" :
			identity->reading == FIZEAU_IKE_DIRECT ? ", reading direct" : ", reading pbkdf2");
		break;
	}
}

void fz_identity_owner(const struct fz_identity *identity, char text[static FZ_IDENTITY_OWNER + 1])
{
	char spi_i[17], spi_r[17];
	size_t named = strlen(identity->peer_id);

	text[0] = '\0';
	if (identity->source == FZ_KEY_PASSPHRASE) {
		snprintf(text, FZ_IDENTITY_OWNER + 1, "keyid %s", identity->key_id);
	} else if (identity->source == FZ_KEY_IKEV2 && named && named < sizeof(identity->peer_id) - 1) {
		/* One that fills its room may have been cut off, and then be another's as well. */
		snprintf(text, FZ_IDENTITY_OWNER + 1, "ike-id %s", identity->peer_id);
	} else if (identity->source == FZ_KEY_IKEV2) {
		spi_text(identity->spi_i, spi_i);
		spi_text(identity->spi_r, spi_r);
		snprintf(text, FZ_IDENTITY_OWNER + 1, "ike-sa %s/%s", spi_i, spi_r);
	}
}

enum verdict {
	MATCHES_NOT,
	MATCHES,
	MATCHES_PERHAPS, /* the identity decides, and is not known yet */
};

static enum verdict try_match(const struct fz_match *match, const struct fz_addr *peer,
	const struct fz_identity *identity)
{
	bool hit = true;

	if (match->kind != FZ_MATCH_ANY && match->kind != FZ_MATCH_NET && !identity)
		return MATCHES_PERHAPS;
	switch (match->kind) {
	case FZ_MATCH_ANY:
		break;
	case FZ_MATCH_NET:
		hit = fz_addr_in_net(peer, &match->net, match->prefix);
		break;
	case FZ_MATCH_OPEN:
		hit = identity->source == FZ_KEY_NONE;
		break;
	case FZ_MATCH_KEYID:
		hit = identity->source == FZ_KEY_PASSPHRASE && !fnmatch(match->glob, identity->key_id, 0);
		break;
	case FZ_MATCH_IKE_ID:
		/* An identity that IKE did not tell matches nothing, not even `*`. */
		hit = identity->source == FZ_KEY_IKEV2 && *identity->peer_id &&
			!fnmatch(match->glob, identity->peer_id, 0);
		break;
	}
	return hit ? MATCHES : MATCHES_NOT;
}

static enum verdict try_rule(const struct fz_rule *rule, const struct fz_addr *peer, const struct fz_identity *identity)
{
	enum verdict verdict = MATCHES;

	for (uint8_t i = 0; i < rule->count; i++) {
		enum verdict one = try_match(&rule->matches[i], peer, identity);
		if (one == MATCHES_NOT)
			return MATCHES_NOT;
		if (one == MATCHES_PERHAPS)
			verdict = MATCHES_PERHAPS;
	}
	return verdict;
}

static const struct fz_class *first_match(const struct fz_conf *conf, const struct fz_addr *peer,
	const struct fz_identity *identity, bool *open)
{
	for (uint32_t i = 0; i < conf->rule_count; i++) {
		enum verdict verdict = try_rule(&conf->rules[i], peer, identity);
		if (verdict == MATCHES)
			return &conf->classes[conf->rules[i].class_index];
		if (verdict == MATCHES_PERHAPS) {
			*open = true;
			return NULL;
		}
	}
	return NULL;
}

/*= rfc4656#section-6.5 OW-6.5-02 */
const struct fz_class *fz_admit_class(const struct fz_conf *conf, const struct fz_addr *peer,
	const struct fz_identity *identity)
{
	bool open = false;

	return first_match(conf, peer, identity, &open);
}

const struct fz_class *fz_admit_class_early(const struct fz_conf *conf, const struct fz_addr *peer, bool *open)
{
	*open = false;
	return first_match(conf, peer, NULL, open);
}

struct fz_admit *fz_admit_new(uint32_t seed)
{
	struct fz_admit *admit = calloc(1, sizeof(*admit));

	if (admit)
		admit->seed = seed;
	return admit;
}

void fz_admit_free(struct fz_admit *admit)
{
	for (size_t i = 0; admit && i < BUCKETS; i++) {
		while (admit->buckets[i]) {
			struct fz_usage *usage = admit->buckets[i];
			admit->buckets[i] = usage->next;
			free(usage);
		}
	}
	free(admit);
}

/* The counts of a class (name) or an address (octets); make: made if there are none, NULL without memory. */
static struct fz_usage *usage_of(struct fz_admit *admit, const char *name, const uint8_t octets[static 17], bool make)
{
	uint32_t hash = admit->seed;
	struct fz_usage *usage;

	for (const char *c = name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (size_t i = 0; i < 17; i++)
		hash = (hash ^ octets[i]) * 16777619u;
	hash = (hash ^ hash >> 15) % BUCKETS;
	for (usage = admit->buckets[hash]; usage; usage = usage->next) {
		if (!strcmp(usage->name, name) && !memcmp(usage->octets, octets, 17))
			return usage;
	}
	usage = make ? calloc(1, sizeof(*usage)) : NULL;
	if (!usage)
		return NULL;
	snprintf(usage->name, sizeof(usage->name), "%s", name);
	memcpy(usage->octets, octets, 17);
	usage->bucket = hash;
	usage->next = admit->buckets[hash];
	admit->buckets[hash] = usage;
	return usage;
}

static void usage_drop(struct fz_admit *admit, struct fz_usage *usage)
{
	struct fz_usage **at = &admit->buckets[usage->bucket];

	if (usage->connections || usage->sessions)
		return;
	while (*at != usage)
		at = &(*at)->next;
	*at = usage->next;
	free(usage);
}

static struct fz_usage *usage_of_peer(struct fz_admit *admit, const struct fz_addr *peer, bool make)
{
	struct fizeau_address address;
	uint8_t octets[17] = {0};

	fz_addr_to_message(peer, &address);
	octets[0] = address.version;
	memcpy(octets + 1, address.octets, 16);
	return usage_of(admit, "", octets, make);
}

static bool place_find(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer,
	struct fz_place *place)
{
	const uint8_t none[17] = {0};

	place->of_class = usage_of(admit, c->name, none, true);
	place->of_peer = usage_of_peer(admit, peer, true);
	return place->of_class && place->of_peer;
}

static void place_drop(struct fz_admit *admit, struct fz_place *place)
{
	if (place->of_class)
		usage_drop(admit, place->of_class);
	if (place->of_peer)
		usage_drop(admit, place->of_peer);
	*place = (struct fz_place){.of_class = NULL};
}

uint8_t fz_admit_connection(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer,
	uint32_t mode, struct fz_place *place, enum fz_counter *counter)
{
	uint8_t accept = FIZEAU_ACCEPT_OK;

	*place = (struct fz_place){.session = false};
	if (!c || c->limits[FZ_LIMIT_DENY]) {
		*counter = FZ_COUNT_REFUSED_DENY;
		return FIZEAU_ACCEPT_FAILURE;
	}
	if (!(c->limits[FZ_LIMIT_MODES] & mode)) {
		*counter = FZ_COUNT_REFUSED_MODES;
		return FIZEAU_ACCEPT_UNSUPPORTED;
	}
	/*= rfc4656#section-3.3 OW-3.3-01 */
	/*= rfc5357#section-3.3 TW-3.3-01 */
	/*= rfc5357#section-6 TW-6-01 */
	*counter = FZ_COUNT_REFUSED_CONNECTIONS;
	if (!place_find(admit, c, peer, place))
		accept = FIZEAU_ACCEPT_INTERNAL;
	else if (place->of_class->connections >= c->limits[FZ_LIMIT_CONNECTIONS] ||
		place->of_peer->connections >= c->limits[FZ_LIMIT_PEER_CONNECTIONS])
		accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	if (accept != FIZEAU_ACCEPT_OK) {
		place_drop(admit, place);
		return accept;
	}
	place->of_class->connections++;
	place->of_peer->connections++;
	return FIZEAU_ACCEPT_OK;
}

uint8_t fz_admit_session(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer,
	struct fz_place *place, enum fz_counter *counter)
{
	uint8_t accept = FIZEAU_ACCEPT_OK;

	*place = (struct fz_place){.session = true};
	*counter = FZ_COUNT_REQUEST_SESSIONS;
	if (!place_find(admit, c, peer, place))
		accept = FIZEAU_ACCEPT_INTERNAL;
	else if (place->of_class->sessions >= c->limits[FZ_LIMIT_SESSIONS] ||
		place->of_peer->sessions >= c->limits[FZ_LIMIT_PEER_SESSIONS])
		accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	if (accept != FIZEAU_ACCEPT_OK) {
		place_drop(admit, place);
		return accept;
	}
	place->of_class->sessions++;
	place->of_peer->sessions++;
	return FIZEAU_ACCEPT_OK;
}

bool fz_admit_peer_full(struct fz_admit *admit, const struct fz_class *c, const struct fz_addr *peer)
{
	const struct fz_usage *usage = usage_of_peer(admit, peer, false);

	return usage && usage->sessions >= c->limits[FZ_LIMIT_PEER_SESSIONS];
}

void fz_admit_leave(struct fz_admit *admit, struct fz_place *place)
{
	if (!place->of_class)
		return;
	if (place->session) {
		place->of_class->sessions--;
		place->of_peer->sessions--;
	} else {
		place->of_class->connections--;
		place->of_peer->connections--;
	}
	place_drop(admit, place);
}

void fz_admit_in_use(const struct fz_admit *admit, const char *class_name, uint32_t *connections, uint32_t *sessions)
{
	*connections = *sessions = 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct fz_usage *usage = admit->buckets[i]; usage; usage = usage->next) {
			if (!strcmp(usage->name, class_name) && !usage->octets[0]) {
				*connections = usage->connections;
				*sessions = usage->sessions;
				return;
			}
		}
	}
}
