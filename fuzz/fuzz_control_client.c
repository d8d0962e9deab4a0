/* SPDX-License-Identifier: MIT */
/* The Control-Client under a script: raw octets, octets sealed with the right keys, calls of its owner, time. */
#include <assert.h>
#include <stdlib.h>
#include <fizeau/control_client.h>
#include "fuzz/script.h"
#include "lib/crypto/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELD_OCTETS_MAX 4096

static const struct fizeau_session_keys keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
static const uint8_t server_iv[16];

struct fuzzed {
	struct fizeau_control_client *c;
	struct fizeau_mono now;
	struct fz_stream out; /* of the server */
	bool sealing;
	bool closed;
	uint32_t mode;
};

static void give(struct fuzzed *f, const uint8_t *octets, size_t len)
{
	size_t taken = fizeau_control_client_recv(f->c, octets, len, f->now);

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

static void give_greeting(struct fuzzed *f, struct script *script)
{
	uint8_t octets[64] = {0};

	octets[15] = script_u8(script);
	octets[50] = 4;
	octets[51] = script_u8(script);
	give(f, octets, sizeof(octets));
}

static void set_up(struct fuzzed *f, struct script *script)
{
	struct fizeau_set_up choice = {.mode = script_u8(script), .keys = keys};

	if (fizeau_control_client_set_up(f->c, &choice, f->now) == 0)
		f->mode = choice.mode;
}

static void give_server_start(struct fuzzed *f, struct script *script)
{
	uint8_t octets[48] = {0};

	octets[15] = script_u8(script);
	if (f->mode == 0 || f->sealing)
		return;
	assert(fz_stream_init(&f->out, (f->mode & FIZEAU_MODE_OPEN) != 0 ? NULL : &keys, server_iv) == 0);
	f->sealing = true;
	assert(fz_stream_seal(&f->out, octets + 32, 16) == 0);
	give(f, octets, sizeof(octets));
}

static void request(struct fuzzed *f, struct script *script)
{
	struct fizeau_tw_request wish = {0};

	wish.ip_version = script_u8(script) & 7;
	wish.sender.version = script_u8(script) & 7;
	wish.sender_port = script_u8(script);
	wish.dscp = script_u8(script);
	(void)!fizeau_control_client_request_tw(f->c, &wish, f->now);
}

static void pull(struct fuzzed *f)
{
	struct fizeau_event event;
	struct fizeau_test_keys test_keys;

	while (fizeau_control_client_event(f->c, &event)) {
		assert(!f->closed);
		assert(event.type != FIZEAU_EVENT_NONE);
		f->closed = event.type == FIZEAU_EVENT_CLOSED;
		if (event.type == FIZEAU_EVENT_SESSION_ANSWER) {
			assert((event.session.accept == 0) == (event.session.port != 0));
			(void)!fizeau_control_client_test_keys(f->c, event.session.sid, &test_keys);
		}
	}
}

static void pass(struct fuzzed *f, struct script *script)
{
	int64_t ns = INT64_C(1) << script_u8(script) % 41;

	if (f->now.ns < INT64_MAX - ns)
		f->now.ns += ns;
	fizeau_control_client_expire(f->c, f->now);
}

static void send(struct fuzzed *f, struct script *script)
{
	const uint8_t *octets;
	size_t waiting = fizeau_control_client_output(f->c, &octets);
	size_t len = script_u8(script);

	assert(waiting <= HELD_OCTETS_MAX);
	fizeau_control_client_sent(f->c, len < waiting ? len : waiting);
}

static void step(struct fuzzed *f, struct script *script)
{
	uint8_t octets[256];
	size_t len;

	switch (script_u8(script) % 12) {
	case 0:
		len = script_chunk(script, octets);
		give(f, octets, len);
		break;
	case 1:
		give_sealed(f, script);
		break;
	case 2:
		give_greeting(f, script);
		break;
	case 3:
		set_up(f, script);
		break;
	case 4:
		give_server_start(f, script);
		break;
	case 5:
		request(f, script);
		break;
	case 6:
		pull(f);
		break;
	case 7:
		send(f, script);
		break;
	case 8:
		(void)!fizeau_control_client_start(f->c, f->now);
		break;
	case 9:
		pass(f, script);
		break;
	case 10:
		(void)!fizeau_control_client_stop(f->c, script_u8(script), f->now);
		break;
	default:
		fizeau_control_client_eof(f->c);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fizeau_control_client_config config = {
		.answer_timeout_ns = 1000000, .max_count = FIZEAU_COUNT_MAX_DEFAULT};
	struct script script = {.at = data, .end = data + size};
	struct fuzzed f = {.now = {1}};

	f.c = fizeau_control_client_new(&config, f.now);
	if (f.c == NULL)
		return 0;
	while (script_goes_on(&script))
		step(&f, &script);
	pull(&f);
	fizeau_control_client_free(f.c);
	fz_stream_wipe(&f.out);
	return 0;
}
