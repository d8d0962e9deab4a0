/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "conf_table.h"
#include "io/dscp.h"

#define DSCPS_ALL UINT64_MAX

static bool fail(char *error, const char *what, const char *word)
{
	snprintf(error, FZ_CONF_ERROR_MAX, "%s '%.100s'", what, word);
	return false;
}

static bool in_range(const struct fz_ssid_range *range, uint16_t ssid)
{
	return ssid >= range->first && ssid <= range->last;
}

const struct fz_stamp_key *fz_stamp_key_of(const struct fz_stamp_conf *conf, const struct fz_addr *remote, uint16_t ssid)
{
	for (uint32_t i = 0; i < conf->key_count; i++) {
		const struct fz_stamp_key *key = &conf->keys[i];
		if (in_range(&key->ssids, ssid) && fz_addr_in_net(remote, &key->net, key->prefix))
			return key;
	}
	return NULL;
}

/*= rfc8972#section-3 SX-3-05 */
bool fz_stamp_ssid_allowed(const struct fz_stamp_conf *conf, uint16_t ssid)
{
	for (uint32_t i = 0; i < conf->ssid_count; i++) {
		if (in_range(&conf->ssids[i], ssid))
			return true;
	}
	return !conf->ssid_count;
}

/*= rfc8762#section-4.1 ST-4.1-04 ST-4.1-05 */
/*= rfc8762#section-4.6 ST-4.6-03 */
/*= rfc8762#section-5 ST-5-01 */
bool fz_conf_add_stamp_listen(struct fz_conf *conf, const struct fz_stamp_listen *row)
{
	if (conf->stamp.listen_count == FZ_CONF_STAMP_LISTEN_MAX)
		return false;
	conf->stamp.listens[conf->stamp.listen_count++] = *row;
	return true;
}

void fz_conf_print_stamp_listens(const struct fz_conf *conf, FILE *to)
{
	for (uint32_t i = 0; i < conf->stamp.listen_count; i++) {
		const struct fz_stamp_listen *row = &conf->stamp.listens[i];
		char host[FZ_ADDR_TEXT] = "*";
		if (!row->any)
			fz_addr_host_text(&row->addr, host);
		fprintf(to, "listen stamp %s %u\n", host, (unsigned)row->port);
	}
}

static bool ssid_of(const char *text, size_t len, uint16_t *ssid)
{
	char word[8];
	uint64_t number;

	if (!len || len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	if (!fz_value_number(word, &number) || number > UINT16_MAX)
		return false;
	*ssid = (uint16_t)number;
	return true;
}

/* N or N-M, of so many characters. */
static bool range_of(const char *text, size_t len, struct fz_ssid_range *range)
{
	const char *dash = memchr(text, '-', len);
	size_t first = dash ? (size_t)(dash - text) : len;

	if (!ssid_of(text, first, &range->first))
		return false;
	range->last = range->first;
	return !dash || (ssid_of(dash + 1, len - first - 1, &range->last) && range->last >= range->first);
}

/* What may follow the network: ssid N[-M], tlvs. */
static bool key_options(const struct fz_words *words, struct fz_stamp_key *key, char *error)
{
	for (size_t i = 4; i < words->count; i++) {
		const char *word = words->word[i];
		if (!strcmp(word, "tlvs") && !key->ike) {
			key->use = FZ_STAMP_KEY_TLVS;
			continue;
		}
		if (strcmp(word, "ssid"))
			return fail(error, "unknown word for stamp-key:", word);
		word = ++i < words->count ? words->word[i] : "";
		if (!range_of(word, strlen(word), &key->ssids))
			return fail(error, "no SSIDs:", word);
	}
	return true;
}

/*= rfc8762#section-4.4 ST-4.4-02 */
/*= rfc8972#section-4.8 SX-4.8-06 */
bool fz_conf_set_stamp_key(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	struct fz_stamp_key key = {.ssids = {0, UINT16_MAX}};

	if (words->count < 4 || strcmp(words->word[2], "net"))
		return fail(error, "no key and network after", words->word[0]);
	key.ike = !strcmp(words->word[1], "ike");
	if (!key.ike) {
		if (!*words->word[1] || strlen(words->word[1]) > FIZEAU_KEYID_OCTETS)
			return fail(error, "no KeyID:", words->word[1]);
		snprintf(key.key_id, sizeof(key.key_id), "%s", words->word[1]);
	}
	if (!fz_conf_net_of(words->word[3], &key.net, &key.prefix))
		return fail(error, "no network:", words->word[3]);
	if (!key_options(words, &key, error))
		return false;
	if (conf->stamp.key_count == FZ_CONF_STAMP_KEYS_MAX)
		return fail(error, "more than 64 times", words->word[0]);
	conf->stamp.keys[conf->stamp.key_count++] = key;
	return true;
}

static void print_range(const struct fz_ssid_range *range, FILE *to)
{
	fprintf(to, range->first == range->last ? "%u" : "%u-%u", (unsigned)range->first, (unsigned)range->last);
}

void fz_conf_print_stamp_keys(const struct fz_conf *conf, FILE *to)
{
	for (uint32_t i = 0; i < conf->stamp.key_count; i++) {
		const struct fz_stamp_key *key = &conf->stamp.keys[i];
		char host[FZ_ADDR_TEXT];
		fz_addr_host_text(&key->net, host);
		fprintf(to, "stamp-key ");
		fz_conf_print_word(key->ike ? "ike" : key->key_id, to);
		fprintf(to, " net %s/%u", host, (unsigned)key->prefix);
		if (key->ssids.first > 0 || key->ssids.last < UINT16_MAX) {
			fprintf(to, " ssid ");
			print_range(&key->ssids, to);
		}
		fprintf(to, key->use == FZ_STAMP_KEY_TLVS ? " tlvs\n" : "\n");
	}
}

bool fz_conf_set_stamp_ssid(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	struct fz_stamp_conf *stamp = &conf->stamp;

	if (words->count < 2)
		return fail(error, "no SSIDs after", words->word[0]);
	if (words->count == 2 && !strcmp(words->word[1], "any"))
		return true;
	for (size_t i = 1; i < words->count; i++) {
		for (const char *at = words->word[i]; *at; at += *at == ',') {
			size_t len = strcspn(at, ",");
			if (stamp->ssid_count == FZ_CONF_STAMP_SSIDS_MAX)
				return fail(error, "more than 32 ranges with", at);
			if (!range_of(at, len, &stamp->ssids[stamp->ssid_count++]))
				return fail(error, "no SSIDs:", at);
			at += len;
		}
	}
	return stamp->ssid_count > 0 || fail(error, "no SSIDs:", words->word[1]);
}

void fz_conf_print_stamp_ssid(const struct fz_conf *conf, FILE *to)
{
	fprintf(to, "stamp-ssid ");
	for (uint32_t i = 0; i < conf->stamp.ssid_count; i++) {
		fprintf(to, i ? "," : "");
		print_range(&conf->stamp.ssids[i], to);
	}
	fprintf(to, conf->stamp.ssid_count ? "\n" : "any\n");
}

/*= rfc8972#section-4.4 SX-4.4-02 SX-4.4-03 */
/*= rfc8972#section-6 SX-6-02 */
bool fz_conf_set_stamp_dscp(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	uint64_t dscps = 0;

	if (words->count < 2)
		return fail(error, "no DSCPs after", words->word[0]);
	for (size_t i = 1; i < words->count; i++) {
		for (char *at = words->word[i], *next; at; at = next) {
			bool alone = words->count == 2 && at == words->word[1];
			uint8_t dscp;
			next = strchr(at, ',');
			if (next)
				*next++ = '\0';
			if (alone && !next && !strcmp(at, "any"))
				dscps = DSCPS_ALL;
			else if (alone && !next && !strcmp(at, "none"))
				dscps = 0;
			else if (fz_dscp_parse(at, &dscp))
				dscps |= UINT64_C(1) << dscp;
			else
				return fail(error, "no DSCP:", at);
		}
	}
	conf->stamp.dscps = dscps;
	return true;
}

void fz_conf_print_stamp_dscp(const struct fz_conf *conf, FILE *to)
{
	const char *between = "";

	fprintf(to, "stamp-dscp ");
	if (!conf->stamp.dscps || conf->stamp.dscps == DSCPS_ALL) {
		fprintf(to, conf->stamp.dscps ? "any\n" : "none\n");
		return;
	}
	for (unsigned dscp = 0; dscp < 64; dscp++) {
		if (conf->stamp.dscps >> dscp & 1) {
			fprintf(to, "%s%u", between, dscp);
			between = ",";
		}
	}
	fputc('\n', to);
}

/*= rfc8762#section-4.2.1 ST-4.2.1-04 ST-4.2.1-05 */
bool fz_conf_set_stamp_format(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	const char *word = words->count == 2 ? words->word[1] : "";

	conf->stamp.ptp = !strcmp(word, "ptp");
	return conf->stamp.ptp || !strcmp(word, "ntp") || fail(error, "no format of stamps:", word);
}

void fz_conf_print_stamp_format(const struct fz_conf *conf, FILE *to)
{
	fprintf(to, "stamp-format %s\n", conf->stamp.ptp ? "ptp" : "ntp");
}
