/* SPDX-License-Identifier: MIT */
/* Classes and limits of the configuration. */
#include <string.h>
#include "conf_table.h"

enum item_type {
	ITEM_MODES,
	ITEM_NUMBER,
	ITEM_TIME,
	ITEM_YES,
};

struct item {
	const char *name;
	enum item_type type;
	uint64_t fallback;
};

/*= rfc4656#section-6.5 OW-6.5-01 OW-6.5-03 */
static const struct item items[FZ_LIMIT_ITEMS] = {
	[FZ_LIMIT_MODES] = {"modes", ITEM_MODES, FIZEAU_MODE_SECURITY},
	[FZ_LIMIT_CONNECTIONS] = {"connections", ITEM_NUMBER, 256},
	[FZ_LIMIT_PEER_CONNECTIONS] = {"peer-connections", ITEM_NUMBER, 64},
	[FZ_LIMIT_SESSIONS] = {"sessions", ITEM_NUMBER, 256},
	[FZ_LIMIT_PEER_SESSIONS] = {"peer-sessions", ITEM_NUMBER, 64},
	[FZ_LIMIT_PACKETS] = {"packets", ITEM_NUMBER, 1000000},
	[FZ_LIMIT_RATE] = {"rate", ITEM_NUMBER, 1000},
	[FZ_LIMIT_BANDWIDTH] = {"bandwidth", ITEM_NUMBER, 10000000},
	[FZ_LIMIT_PADDING] = {"padding", ITEM_NUMBER, 8972},
	[FZ_LIMIT_DURATION] = {"duration", ITEM_TIME, 3600000000000u},
	[FZ_LIMIT_STORAGE] = {"storage", ITEM_NUMBER, 100000000},
	[FZ_LIMIT_THIRD_PARTY] = {"third-party", ITEM_YES, 0},
	[FZ_LIMIT_DENY] = {"deny", ITEM_YES, 0},
	[FZ_LIMIT_REQUIRE_IPSEC] = {"require-ipsec", ITEM_YES, 0},
	[FZ_LIMIT_BYPASS_IPSEC] = {"bypass-ipsec", ITEM_YES, 0},
};

const char *fz_conf_limit_name(enum fz_limit item)
{
	return items[item].name;
}

static bool fail(char *error, const char *what, const char *word)
{
	snprintf(error, FZ_CONF_ERROR_MAX, "%s '%.100s'", what, word);
	return false;
}

static int class_find(const struct fz_conf *conf, const char *name)
{
	for (uint32_t i = 0; i < conf->class_count; i++) {
		if (!strcmp(conf->classes[i].name, name))
			return (int)i;
	}
	return -1;
}

/* The class of that name, made if there is none; -1: no room. */
static int class_make(struct fz_conf *conf, const char *name)
{
	int index = class_find(conf, name);

	if (index >= 0 || conf->class_count == FZ_CONF_CLASS_MAX)
		return index;
	struct fz_class *c = &conf->classes[conf->class_count];
	snprintf(c->name, sizeof(c->name), "%s", name);
	for (int i = 0; i < FZ_LIMIT_ITEMS; i++)
		c->limits[i] = items[i].fallback;
	return (int)conf->class_count++;
}

bool fz_conf_net_of(const char *text, struct fz_addr *net, uint8_t *prefix)
{
	char host[FZ_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!fz_addr_parse(host, net))
		return false;
	uint64_t whole = fz_addr_version(net) == 4 ? 32 : 128;
	bits = whole;
	if (slash && (!fz_value_number(slash + 1, &bits) || bits > whole))
		return false;
	*prefix = (uint8_t)bits;
	return true;
}

/* One MATCH from words->word[*at] on; steps over it. */
static bool match_of(const struct fz_words *words, size_t *at, struct fz_match *match, char *error)
{
	const char *kind = words->word[(*at)++];

	*match = (struct fz_match){.kind = FZ_MATCH_ANY};
	if (!strcmp(kind, "any"))
		return true;
	if (!strcmp(kind, "open")) {
		match->kind = FZ_MATCH_OPEN;
		return true;
	}
	if (strcmp(kind, "net") && strcmp(kind, "keyid") && strcmp(kind, "ike-id"))
		return fail(error, "unknown match", kind);
	if (*at == words->count)
		return fail(error, "no value after", kind);
	const char *value = words->word[(*at)++];
	if (!strcmp(kind, "net")) {
		match->kind = FZ_MATCH_NET;
		return fz_conf_net_of(value, &match->net, &match->prefix) || fail(error, "no network:", value);
	}
	match->kind = !strcmp(kind, "keyid") ? FZ_MATCH_KEYID : FZ_MATCH_IKE_ID;
	if (strlen(value) >= sizeof(match->glob))
		return fail(error, "longer than 255 characters:", value);
	snprintf(match->glob, sizeof(match->glob), "%s", value);
	return true;
}

bool fz_conf_set_class(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	struct fz_rule rule = {.count = 0};
	size_t at = 2;

	if (words->count < 3)
		return fail(error, "no name, or no match, after", words->word[0]);
	const char *name = words->word[1];
	size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
	if (!plain || name[plain] || plain > FZ_CONF_NAME_MAX)
		return fail(error, "not 1 to 32 letters, digits or _ . - as the name:", name);
	while (at < words->count) {
		if (rule.count == FZ_CONF_MATCH_MAX)
			return fail(error, "more than four matches for", name);
		if (!match_of(words, &at, &rule.matches[rule.count++], error))
			return false;
	}
	if (conf->rule_count == FZ_CONF_RULE_MAX)
		return fail(error, "more than 256 times", "class");
	int index = class_make(conf, name);
	if (index < 0)
		return fail(error, "more than 64 classes with", name);
	rule.class_index = (uint8_t)index;
	conf->classes[index].matched = true;
	conf->rules[conf->rule_count++] = rule;
	return true;
}

/* One address may have all of what its class was given, unless something else is said. */
static void set_limit(struct fz_class *c, enum fz_limit item, uint64_t value)
{
	c->limits[item] = value;
	c->given |= 1u << item;
	if (item == FZ_LIMIT_CONNECTIONS && !(c->given & 1u << FZ_LIMIT_PEER_CONNECTIONS))
		c->limits[FZ_LIMIT_PEER_CONNECTIONS] = value;
	if (item == FZ_LIMIT_SESSIONS && !(c->given & 1u << FZ_LIMIT_PEER_SESSIONS))
		c->limits[FZ_LIMIT_PEER_SESSIONS] = value;
}

bool fz_conf_set_limit(struct fz_conf *conf, const struct fz_words *words, char *error)
{
	int item = 0;
	uint32_t modes = 0;
	int64_t ns;
	uint64_t value = 0;

	if (words->count < 3 || words->count > 4)
		return fail(error, "wrong number of values after", words->word[0]);
	/* `anyone` is there without a class line. */
	int index = strcmp(words->word[1], "anyone") ? class_find(conf, words->word[1])
						     : class_make(conf, "anyone");
	if (index < 0)
		return fail(error, "no class line above names", words->word[1]);
	while (item < FZ_LIMIT_ITEMS && strcmp(items[item].name, words->word[2]))
		item++;
	if (item == FZ_LIMIT_ITEMS)
		return fail(error, "unknown item", words->word[2]);
	const char *text = words->count == 4 ? words->word[3] : item == FZ_LIMIT_DENY ? "yes" : "";
	bool good = false;
	switch (items[item].type) {
	case ITEM_MODES:
		good = fz_value_modes(text, &modes) && modes;
		value = modes;
		break;
	case ITEM_NUMBER:
		good = fz_value_number(text, &value);
		break;
	case ITEM_TIME:
		good = fz_value_time(text, &ns);
		value = good ? (uint64_t)ns : 0;
		break;
	case ITEM_YES:
		good = fz_value_yes(text, &value);
		break;
	}
	if (!good && !strcmp(text, "none") && (items[item].type == ITEM_NUMBER || items[item].type == ITEM_TIME)) {
		value = FZ_UNLIMITED;
		good = true;
	}
	if (!good)
		return fail(error, "no value for this item:", text);
	set_limit(&conf->classes[index], (enum fz_limit)item, value);
	return true;
}

bool fz_conf_finish_classes(struct fz_conf *conf, char *error)
{
	if (!conf->rule_count) {
		int index = class_make(conf, "anyone");
		if (index < 0)
			return fail(error, "more than 64 classes with", "anyone");
		conf->classes[index].matched = true;
		conf->rules[0] = (struct fz_rule){.class_index = (uint8_t)index, .count = 1,
			.matches[0] = {.kind = FZ_MATCH_ANY}};
		conf->rule_count = 1;
	}
	for (uint32_t i = 0; i < conf->class_count; i++) {
		if (!conf->classes[i].matched)
			return fail(error, "limits, but no class line (write one: class anyone any) for",
				conf->classes[i].name);
		/* Otherwise every open connection of the class would be refused, for ever. */
		if (conf->classes[i].limits[FZ_LIMIT_REQUIRE_IPSEC] && !conf->ipsec.interface_count &&
			!conf->ipsec.mark_count)
			return fail(error, "require-ipsec, but nothing tells what came through IPsec (allowed: with "
				"ipsec interface NAME or ipsec mark MARK) for", conf->classes[i].name);
	}
	return true;
}

void fz_conf_rule_text(const struct fz_rule *rule, char *text, size_t octets)
{
	size_t at = 0;

	text[0] = '\0';
	for (uint8_t i = 0; i < rule->count && at < octets; i++) {
		const struct fz_match *match = &rule->matches[i];
		const char *space = i ? " " : "";
		char host[FZ_ADDR_TEXT];
		switch (match->kind) {
		case FZ_MATCH_OPEN:
		case FZ_MATCH_ANY:
			at += (size_t)snprintf(text + at, octets - at, "%s%s", space,
				match->kind == FZ_MATCH_OPEN ? "open" : "any");
			break;
		case FZ_MATCH_NET:
			fz_addr_host_text(&match->net, host);
			at += (size_t)snprintf(text + at, octets - at, "%snet %s/%u", space, host,
				(unsigned)match->prefix);
			break;
		case FZ_MATCH_KEYID:
		case FZ_MATCH_IKE_ID:
			at += (size_t)snprintf(text + at, octets - at, "%s%s \"%s\"", space,
				match->kind == FZ_MATCH_KEYID ? "keyid" : "ike-id", match->glob);
			break;
		}
	}
}

void fz_conf_print_classes(const struct fz_conf *conf, FILE *to)
{
	char text[FZ_CONF_LINE_MAX + 256];

	for (uint32_t i = 0; i < conf->rule_count; i++) {
		fz_conf_rule_text(&conf->rules[i], text, sizeof(text));
		fprintf(to, "class %s %s\n", conf->classes[conf->rules[i].class_index].name, text);
	}
}

static void print_limit(const struct fz_class *c, int item, FILE *to)
{
	uint64_t value = c->limits[item];
	char text[64];

	if (value == FZ_UNLIMITED) {
		snprintf(text, sizeof(text), "none");
	} else if (items[item].type == ITEM_MODES) {
		fz_conf_modes_text((uint32_t)value, text);
	} else if (items[item].type == ITEM_TIME) {
		fz_value_time_text((int64_t)value, text);
	} else if (items[item].type == ITEM_YES) {
		snprintf(text, sizeof(text), "%s", value ? "yes" : "no");
	} else {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	}
	fprintf(to, "limit %s %s %s\n", c->name, items[item].name, text);
}

void fz_conf_print_limits(const struct fz_conf *conf, FILE *to)
{
	for (uint32_t i = 0; i < conf->class_count; i++) {
		for (int item = 0; item < FZ_LIMIT_ITEMS; item++)
			print_limit(&conf->classes[i], item, to);
	}
}
