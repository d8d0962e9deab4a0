/* SPDX-License-Identifier: MIT */
/* The Server under a script: raw octets, octets sealed with the right keys, answers of the caller, time. Whatever
   comes, it takes no more than it is offered, holds little, and once closed stays so. */
#include <assert.h>
#include <stdlib.h>
#include <fizeau/server.h>
#include "fuzz/script.h"
#include "lib/crypto/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELD_OCTETS_MAX 4096

static const struct fizeau_session_keys keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
static const uint8_t client_iv[16];

struct fuzzed {
	struct fizeau_server *s;
	struct fizeau_mono now;
	struct fz_stream out; /* of the peer */
	bool sealing;
	bool closed;
};

static void give(struct fuzzed *f, const uint8_t *octets, size_t len)
{
	size_t taken = fizeau_server_recv(f->s, octets, len, f->now);

	assert(taken <= len);
	if (f->closed)
		assert(taken == len);
}

static void give_sealed(struct fuzzed *f, struct script *script)
{
	uint8_t octets[256 + 32] = {0};
	size_t len = script_chunk(script, octets);

	len = (len + 15) / 16 * 16;
	if (!f->sealing)
		return;
	assert(fz_stream_seal(&f->out, octets, len) == 0);
	assert(fz_stream_seal_hmac(&f->out, octets + len) == 0);
	give(f, octets, len + 16);
}

static void give_setup(struct fuzzed *f, struct script *script)
{
	uint8_t octets[164] = {0};

	octets[3] = script_u8(script);
	give(f, octets, sizeof(octets));
}

static void answer_key(struct fuzzed *f, struct script *script)
{
	uint8_t accept = script_u8(script);
	uint32_t mode = fizeau_server_mode(f->s);

	if (fizeau_server_answer_key(f->s, accept, (mode & FIZEAU_MODE_OPEN) != 0 ? NULL : &keys, f->now) ==
			0 &&
		accept == 0) {
		assert(!f->sealing);
		assert(fz_stream_init(&f->out, (mode & FIZEAU_MODE_OPEN) != 0 ? NULL : &keys, client_iv) ==
			0);
		f->sealing = true;
	}
}

static void answer_session(struct fuzzed *f, struct script *script)
{
	uint8_t accept = script_u8(script);
	uint8_t port = script_u8(script);
	uint8_t sid[FIZEAU_SID_OCTETS] = {port};
	struct fizeau_test_keys test_keys;

	(void)!fizeau_server_answer_session(f->s, accept, port, sid, f->now);
	(void)!fizeau_server_test_keys(f->s, sid, &test_keys);
}

static void pull(struct fuzzed *f)
{
	struct fizeau_event event;

	while (fizeau_server_event(f->s, &event)) {
		assert(!f->closed);
		assert(event.type != FIZEAU_EVENT_NONE);
		f->closed = event.type == FIZEAU_EVENT_CLOSED;
	}
}

static void pass(struct fuzzed *f, struct script *script)
{
	int64_t ns = INT64_C(1) << script_u8(script) % 41;

	if (f->now.ns < INT64_MAX - ns)
		f->now.ns += ns;
	fizeau_server_expire(f->s, f->now);
}

static void send(struct fuzzed *f, struct script *script)
{
	const uint8_t *octets;
	size_t waiting = fizeau_server_output(f->s, &octets);
	size_t len = script_u8(script);

	assert(waiting <= HELD_OCTETS_MAX);
	fizeau_server_sent(f->s, len < waiting ? len : waiting);
}

static void step(struct fuzzed *f, struct script *script)
{
	uint8_t octets[256];
	size_t len;

	switch (script_u8(script) % 11) {
	case 0:
		len = script_chunk(script, octets);
		give(f, octets, len);
		break;
	case 1:
		give_sealed(f, script);
		break;
	case 2:
		give_setup(f, script);
		break;
	case 3:
		answer_key(f, script);
		break;
	case 4:
		answer_session(f, script);
		break;
	case 5:
		(void)!fizeau_server_answer_start(f->s, script_u8(script), f->now);
		break;
	case 6:
		pull(f);
		break;
	case 7:
		send(f, script);
		break;
	case 8:
		fizeau_server_session_expired(f->s, f->now);
		break;
	case 9:
		pass(f, script);
		break;
	default:
		fizeau_server_eof(f->s);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fizeau_server_random random = {.challenge = {7}, .salt = {8}, .server_iv = {9}};
	struct script script = {.at = data, .end = data + size};
	struct fuzzed f = {.now = {1}};
	struct fizeau_server_config config = {
		.modes = script_u8(&script),
		.count = 1024,
		.start_time = 1,
		.servwait_ns = 1000,
		.setup_timeout_ns = 1000,
		.max_sessions = 3,
	};

	f.s = fizeau_server_new(&config, &random, f.now);
	if (f.s == NULL)
		return 0;
	while (script_goes_on(&script))
		step(&f, &script);
	pull(&f);
	fizeau_server_free(f.s);
	fz_stream_wipe(&f.out);
	return 0;
}
