/* SPDX-License-Identifier: MIT */
/* The document of `fizeau status`, schema fizeau.status/1. No key material: an identity, never a key. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include "ctl.h"
#include "ow_session.h"
#include "stamp.h"

#define SECOND 1000000000ll

static json_t *hex(const uint8_t *octets, size_t count)
{
	char text[2 * FIZEAU_SID_OCTETS + 1] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", octets[i]);
	return json_string(text);
}

static json_t *text_or_null(const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	/* json_string refuses what is not UTF-8, and a KeyID may be that. */
	return value ? value : json_null();
}

static json_t *number(uint64_t value)
{
	return value == FZ_UNLIMITED ? json_null() : json_integer((json_int_t)value);
}

static json_t *modes_list(uint32_t modes)
{
	json_t *list = json_array();
	char text[64], *at = text;

	fz_conf_modes_text(modes, text);
	while (*at) {
		size_t len = strcspn(at, ",");
		json_array_append_new(list, json_stringn(at, len));
		at += len + (at[len] == ',');
	}
	return list;
}

static json_t *features_list(uint32_t mode)
{
	json_t *list = json_array();

	for (uint32_t bit = 1; bit <= FIZEAU_MODE_FEATURES; bit <<= 1) {
		const char *name = mode & bit ? fizeau_feature_name(bit) : NULL;
		if (name)
			json_array_append_new(list, json_string(name));
	}
	return list;
}

static json_t *mode_text(uint32_t mode)
{
	char text[64];

	fz_conf_modes_text(mode, text);
	return json_string(text);
}

static json_t *key_of(const struct fz_identity *identity)
{
	json_t *key = json_object();
	bool ike = identity->source == FZ_KEY_IKEV2;

	json_object_set_new(key, "source", json_string(ike ? "ikev2" :
		identity->source == FZ_KEY_PASSPHRASE ? "passphrase" : "none"));
	json_object_set_new(key, "keyid", text_or_null(identity->key_id));
	json_object_set_new(key, "spi_i", ike ? hex(identity->spi_i, 8) : json_null());
	json_object_set_new(key, "spi_r", ike ? hex(identity->spi_r, 8) : json_null());
	json_object_set_new(key, "prf", text_or_null(ike ? fizeau_prf_name(identity->prf) : NULL));
	json_object_set_new(key, "reading", text_or_null(!ike ? NULL :
		identity->reading == FIZEAU_IKE_DIRECT ? "direct" : "pbkdf2"));
	json_object_set_new(key, "peer_id", text_or_null(identity->peer_id));
	json_object_set_new(key, "local_id", text_or_null(identity->local_id));
	return key;
}

static json_t *seconds_until(struct fizeau_mono when, struct fizeau_mono now)
{
	if (when.ns == INT64_MAX)
		return json_null();
	return json_integer(when.ns > now.ns ? (when.ns - now.ns + SECOND - 1) / SECOND : 0);
}

/* What sessions of all protocols have; sid: NULL, STAMP has none. */
static json_t *session_begin(const char *protocol, const char *direction, const uint8_t *sid,
	const struct fz_addr *peer, const struct fz_addr *remote, uint16_t port)
{
	json_t *one = json_object();
	char text[FZ_ADDR_TEXT];

	json_object_set_new(one, "sid", sid ? hex(sid, FIZEAU_SID_OCTETS) : json_null());
	json_object_set_new(one, "protocol", json_string(protocol));
	json_object_set_new(one, "direction", json_string(direction));
	fz_addr_host_text(peer, text);
	json_object_set_new(one, "peer", json_string(text));
	fz_addr_text(remote, text);
	json_object_set_new(one, "remote", json_string(text));
	json_object_set_new(one, "port", json_integer(port));
	return one;
}

static json_t *rate_of(uint64_t packets, int64_t ran)
{
	return ran >= SECOND / 10 ? json_integer((json_int_t)(packets * 1000 / (uint64_t)(ran / 1000000))) : json_null();
}

static json_t *session_of(const struct fz_session *session, struct fizeau_mono now)
{
	static const char *const states[] = {"requested", "running", "stopped"};
	const struct fz_figures *figures = fz_session_figures(session);
	struct fz_addr remote;
	fz_session_remote(session, &remote);
	bool stamp = session->stamp.listener;
	json_t *one = session_begin(stamp ? "stamp" : "twamp", "both", stamp ? NULL : session->sid, &session->peer, &remote,
		session->local_port);
	json_t *drops = json_object();
	bool started = session->state != FZ_SESSION_REQUESTED;
	int64_t ran = started ? now.ns - session->started.ns : 0;

	json_object_set_new(one, "state", json_string(states[session->state]));
	json_object_set_new(one, "mode", mode_text(session->mode));
	json_object_set_new(one, "features", features_list(session->mode));
	json_object_set_new(one, "key", key_of(&session->identity));
	json_object_set_new(one, "class", json_string(session->of_class->name));
	json_object_set_new(one, "ssid", stamp ? json_integer(session->stamp.ssid) : json_null());
	json_object_set_new(one, "stateful", stamp ? json_boolean(!session->stamp.stateless) : json_null());
	json_object_set_new(one, "dscp", stamp ? json_null() : json_integer(session->dscp));
	json_object_set_new(one, "padding_octets", stamp ? json_null() : json_integer(session->padding_octets));
	json_object_set_new(one, "running_s", started ? json_integer(ran / SECOND) : json_null());
	json_object_set_new(one, "ends_s", started ? seconds_until(fz_session_ends(session), now) : json_null());
	json_object_set_new(one, "worker", json_integer(session->worker + 1));
	json_object_set_new(one, "received", json_integer((json_int_t)fz_figure(&figures->received)));
	json_object_set_new(one, "reflected", json_integer((json_int_t)fz_figure(&figures->reflected)));
	json_object_set_new(one, "sent", json_null());
	json_object_set_new(one, "rate_pps", rate_of(fz_figure(&figures->received), ran));
	for (int i = 0; i < FZ_DROPS; i++)
		json_object_set_new(drops, fz_drop_name((enum fz_drop)i), json_integer((json_int_t)fz_figure(&figures->drops[i])));
	json_object_set_new(one, "drops", drops);
	return one;
}

static json_t *ow_drops_of(const struct fz_endpoint_receiver_counters *received,
	const struct fz_endpoint_sender_counters *sent)
{
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {
		{"length", received->length},
		{"hmac", received->hmac},
		{"error_estimate", received->error_estimate},
		{"unknown_number", received->unknown_number},
		{"late", received->late},
		{"foreign_source", received->foreign_source},
		{"rate", received->rate},
		{"memory", received->memory},
		{"receive", received->local},
		{"skipped_late", sent->skipped_late},
		{"skipped_local", sent->skipped_drop},
	};
	json_t *drops = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(drops, rows[i].name, json_integer((json_int_t)rows[i].count));
	return drops;
}

static json_t *ow_session_of(const struct fz_ow_session *session, struct fizeau_mono now)
{
	const struct fizeau_ow_request *request = &session->request;
	bool here = request->conf_receiver;
	struct fz_endpoint_receiver_counters received = {.received = 0};
	struct fz_endpoint_sender_counters sent = {.sent = 0};
	int64_t ran = session->running ? now.ns - session->started.ns : 0;
	struct fz_addr remote;
	json_t *one;

	fz_addr_from_message(&remote, here ? &request->sender : &request->receiver,
		here ? request->sender_port : request->receiver_port);
	one = session_begin("owamp", !request->conf_sender ? "receive" : !here ? "send" : "both", request->sid,
		&session->peer, &remote, here ? request->receiver_port : request->sender_port);
	if (session->receiver)
		fz_endpoint_receiver_counters(session->receiver, &received);
	if (session->sender)
		fz_endpoint_sender_counters(session->sender, &sent);
	json_object_set_new(one, "state", json_string(session->running ? "running" : "requested"));
	json_object_set_new(one, "mode", mode_text(session->mode));
	json_object_set_new(one, "features", json_array());
	json_object_set_new(one, "key", key_of(&session->identity));
	json_object_set_new(one, "class", json_string(session->of_class->name));
	json_object_set_new(one, "ssid", json_null());
	json_object_set_new(one, "stateful", json_null());
	json_object_set_new(one, "dscp", session->sender ? json_integer(request->type_p >> 24) : json_null());
	json_object_set_new(one, "padding_octets", json_integer(request->padding_octets));
	json_object_set_new(one, "running_s", session->running ? json_integer(ran / SECOND) : json_null());
	json_object_set_new(one, "ends_s", session->running ? seconds_until(session->ends, now) : json_null());
	json_object_set_new(one, "worker", json_null());
	json_object_set_new(one, "received",
		session->receiver ? json_integer((json_int_t)received.received) : json_null());
	json_object_set_new(one, "reflected", json_null());
	json_object_set_new(one, "sent", session->sender ? json_integer(sent.sent) : json_null());
	json_object_set_new(one, "rate_pps",
		rate_of(received.received > sent.sent ? received.received : sent.sent, ran));
	json_object_set_new(one, "drops", ow_drops_of(&received, &sent));
	return one;
}

static json_t *storage_of(const struct fz_engine *engine)
{
	json_t *storage = json_object();

	json_object_set_new(storage, "path", engine->store ? json_string(engine->conf->storage) : json_null());
	json_object_set_new(storage, "sessions",
		engine->store ? json_integer(fz_store_count(engine->store)) : json_null());
	json_object_set_new(storage, "keep_s", json_integer(engine->conf->storage_keep_ns / SECOND));
	return storage;
}

static json_t *connections_of(const struct fz_engine *engine)
{
	static const struct {
		const char *name;
		enum fz_counter counter;
	} reasons[] = {
		{"deny", FZ_COUNT_REFUSED_DENY},
		{"modes", FZ_COUNT_REFUSED_MODES},
		{"not_ipsec", FZ_COUNT_REFUSED_NOT_IPSEC},
		{"connections", FZ_COUNT_REFUSED_CONNECTIONS},
		{"key", FZ_COUNT_REFUSED_KEY},
		{"no_ike_sa", FZ_COUNT_REFUSED_NO_IKE_SA},
		{"busy", FZ_COUNT_REFUSED_BUSY},
		{"key_service", FZ_COUNT_REFUSED_KEY_SERVICE},
		{"half_open", FZ_COUNT_HALF_OPEN_DROPPED},
		{"descriptors", FZ_COUNT_ACCEPT_FAILED},
	};
	json_t *all = json_object(), *refused = json_object();

	json_object_set_new(all, "now", json_integer(engine->open.count + engine->half_open.count));
	json_object_set_new(all, "total", json_integer((json_int_t)engine->counters.of[FZ_COUNT_CONNECTIONS]));
	json_object_set_new(all, "half_open", json_integer(engine->half_open.count));
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		json_object_set_new(refused, reasons[i].name,
			json_integer((json_int_t)engine->counters.of[reasons[i].counter]));
	json_object_set_new(all, "refused", refused);
	return all;
}

static json_t *listener_of(const char *protocol, const struct fz_addr *addr)
{
	json_t *one = json_object();
	char host[FZ_ADDR_TEXT];

	fz_addr_host_text(addr, host);
	json_object_set_new(one, "protocol", json_string(protocol));
	json_object_set_new(one, "address", json_string(host));
	json_object_set_new(one, "port", json_integer(fz_addr_port(addr)));
	return one;
}

static json_t *listen_of(const struct fz_engine *engine)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < engine->listener_count; i++)
		json_array_append_new(list, listener_of(engine->listeners[i]->protocol == FIZEAU_OWAMP ? "owamp" : "twamp",
			&engine->listeners[i]->addr));
	for (uint32_t i = 0; i < engine->stamp->listener_count; i++)
		json_array_append_new(list, listener_of("stamp", &engine->stamp->listeners[i]->addr));
	return list;
}

static json_t *limits_of(const struct fz_class *c)
{
	json_t *limits = json_object();

	for (int i = 0; i < FZ_LIMIT_ITEMS; i++) {
		const char *name = fz_conf_limit_name((enum fz_limit)i);
		uint64_t value = c->limits[i];
		if (i == FZ_LIMIT_MODES)
			json_object_set_new(limits, name, modes_list((uint32_t)value));
		else if (i == FZ_LIMIT_THIRD_PARTY || i == FZ_LIMIT_DENY || i == FZ_LIMIT_REQUIRE_IPSEC ||
			i == FZ_LIMIT_BYPASS_IPSEC)
			json_object_set_new(limits, name, json_boolean(value));
		else if (i == FZ_LIMIT_DURATION)
			json_object_set_new(limits, "duration_s", value == FZ_UNLIMITED ? json_null() :
				json_integer((json_int_t)(value / (uint64_t)SECOND)));
		else
			json_object_set_new(limits, name, number(value));
	}
	return limits;
}

static json_t *classes_of(const struct fz_engine *engine)
{
	const struct fz_conf *conf = engine->conf;
	json_t *list = json_array();

	for (uint32_t i = 0; i < conf->class_count; i++) {
		json_t *one = json_object(), *matches = json_array();
		uint32_t connections, sessions;
		char text[FZ_CONF_LINE_MAX + 256];
		for (uint32_t r = 0; r < conf->rule_count; r++) {
			if (conf->rules[r].class_index != i)
				continue;
			fz_conf_rule_text(&conf->rules[r], text, sizeof(text));
			json_array_append_new(matches, json_string(text));
		}
		fz_admit_in_use(engine->admit, conf->classes[i].name, &connections, &sessions);
		json_object_set_new(one, "name", json_string(conf->classes[i].name));
		json_object_set_new(one, "match", matches);
		json_object_set_new(one, "connections", json_integer(connections));
		json_object_set_new(one, "sessions", json_integer(sessions));
		json_object_set_new(one, "storage_octets", engine->store ?
			json_integer((json_int_t)fz_store_used(engine->store, conf->classes[i].name)) : json_null());
		json_object_set_new(one, "limits", limits_of(&conf->classes[i]));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *workers_of(const struct fz_engine *engine)
{
	const struct fz_workers *workers = fz_session_table_workers(engine->sessions);
	json_t *list = json_array();

	for (uint32_t i = 0; i < fz_workers_count(workers); i++) {
		const struct fz_shared *shared = fz_workers_shared(workers, i);
		pid_t pid = fz_workers_pid(workers, i);
		json_t *one = json_object();
		uint32_t sessions, ports;
		fz_session_table_of_worker(engine->sessions, i, &sessions, &ports);
		json_object_set_new(one, "worker", json_integer(i + 1));
		json_object_set_new(one, "pid", pid ? json_integer(pid) : json_null());
		json_object_set_new(one, "sessions", json_integer(sessions));
		json_object_set_new(one, "ports", json_integer(ports));
		json_object_set_new(one, "packets_received", json_integer(
			shared ? (json_int_t)fz_figure(&shared->counters[FZ_COUNT_PACKETS_RECEIVED]) : 0));
		json_object_set_new(one, "packets_reflected", json_integer(
			shared ? (json_int_t)fz_figure(&shared->counters[FZ_COUNT_PACKETS_REFLECTED]) : 0));
		json_object_set_new(one, "restarts", json_integer((json_int_t)fz_workers_restarts(workers, i)));
		json_array_append_new(list, one);
	}
	return list;
}

/* By the main process, by the workers that run, and by those that have been. */
static uint64_t counted(const struct fz_engine *engine, enum fz_counter counter)
{
	const struct fz_workers *workers = fz_session_table_workers(engine->sessions);
	uint64_t sum = engine->counters.of[counter];

	for (uint32_t i = 0; i < fz_workers_count(workers); i++) {
		const struct fz_shared *shared = fz_workers_shared(workers, i);
		sum += shared ? fz_figure(&shared->counters[counter]) : 0;
	}
	return sum;
}

char *fz_ctl_document(const struct fz_engine *engine)
{
	struct fizeau_mono now = fz_clock_mono();
	json_t *root = json_object(), *sessions = json_array(), *counters = json_object(), *ike = json_object();
	const char *path, *source = fz_keyd_ike_text(engine->keyd, &path);
	uint32_t modes = fz_keyd_modes(engine->keyd);
	char *document;

	json_object_set_new(root, "schema", json_string("fizeau.status/1"));
	json_object_set_new(root, "version", json_string(FIZEAU_VERSION));
	json_object_set_new(root, "pid", json_integer(getpid()));
	json_object_set_new(root, "uptime_s", json_integer((now.ns - engine->started.ns) / SECOND));
	json_object_set_new(root, "listen", listen_of(engine));
	json_object_set_new(root, "modes", modes_list(modes));
	json_object_set_new(root, "features", features_list(engine->conf->features));
	json_object_set_new(ike, "source", json_string(source));
	json_object_set_new(ike, "path", text_or_null(path));
	json_object_set_new(ike, "offered", json_boolean(modes & FIZEAU_MODE_TW_IKEV2));
	json_object_set_new(root, "ike", ike);
	json_object_set_new(root, "connections", connections_of(engine));
	for (const struct fz_session *session = fz_session_table_first(engine->sessions); session; session = session->next) {
		if (!session->ending)
			json_array_append_new(sessions, session_of(session, now));
	}
	for (const struct fz_ow_session *session = engine->ow_first; session; session = session->next)
		json_array_append_new(sessions, ow_session_of(session, now));
	json_object_set_new(root, "sessions", sessions);
	json_object_set_new(root, "workers", workers_of(engine));
	json_object_set_new(root, "storage", storage_of(engine));
	for (int i = 0; i < FZ_COUNTERS; i++)
		json_object_set_new(counters, fz_counter_name((enum fz_counter)i),
			json_integer((json_int_t)counted(engine, (enum fz_counter)i)));
	json_object_set_new(root, "counters", counters);
	json_object_set_new(root, "classes", classes_of(engine));
	document = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return document;
}
