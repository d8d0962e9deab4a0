/* SPDX-License-Identifier: MIT */
/* The Server under a script: raw octets, octets sealed with the right keys, answers of the caller, time. Whatever
   comes, it takes no more than it is offered, holds little, and once closed stays so. The bit of symmetrical size, which
   changes nothing here, says that the script is for OWAMP. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/schedule.h>
#include <fizeau/server.h>
#include "fuzz/script.h"
#include "lib/crypto/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELD_OCTETS_MAX 4096
#define HELD_OCTETS_MAX_OWAMP 32768 /* records on their way out */
#define SAYS_OWAMP 0x40
#define SESSIONS_MAX 3

static const struct fizeau_session_keys keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
static const uint8_t client_iv[16];

struct fuzzed {
	struct fizeau_server *s;
	struct fizeau_mono now;
	struct fz_stream out; /* of the peer */
	bool sealing;
	bool closed;
	bool owamp;
	uint8_t sid[FIZEAU_SID_OCTETS]; /* of the last session that was granted */
	uint32_t wanted;                /* sessions of the last Start-N-Sessions or Stop-N-Sessions */
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

/* Blocks of a message, the HMAC of which comes later. */
static void give_part(struct fuzzed *f, struct script *script)
{
	uint8_t octets[256] = {0};
	size_t len = script_chunk(script, octets);

	len = (len + 15) / 16 * 16;
	if (!f->sealing)
		return;
	assert(fz_stream_seal(&f->out, octets, len) == 0);
	give(f, octets, len);
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
		assert(fz_stream_init(&f->out, FZ_STREAM_SEALS, (mode & FIZEAU_MODE_OPEN) != 0 ? NULL : &keys, client_iv) ==
			0);
		f->sealing = true;
	}
}

/* The caller's account of one session, or of none; both ranges of it may be wrong. */
static void stop(struct fuzzed *f, struct script *script)
{
	uint8_t octets[8];
	struct fizeau_skip_range ranges[2];
	struct fizeau_session_end end = {.ranges = ranges};
	uint8_t accept = script_u8(script);
	uint8_t count = script_u8(script);

	script_octets(script, octets, sizeof(octets));
	end.sid[0] = octets[0];
	end.next_seqno = octets[1];
	end.range_count = octets[2] % 3;
	ranges[0] = (struct fizeau_skip_range){octets[3], octets[4]};
	ranges[1] = (struct fizeau_skip_range){octets[5], octets[6]};
	(void)!fizeau_server_stop(f->s, accept, &end, count & 1, f->now);
}

static void answer_fetch(struct fuzzed *f, struct script *script)
{
	static const struct fizeau_slot slots[3] = {{true, 1}, {false, 2}, {false, 3}};
	static const struct fizeau_skip_range ranges[3] = {{0, 1}, {3, 3}, {7, 9}};
	uint8_t octets[8];
	struct fizeau_fetch_answer answer = {.end = {.ranges = ranges}, .request = {.slots = slots}};

	script_octets(script, octets, sizeof(octets));
	answer.finished = (octets[1] & 1) != 0;
	answer.end.next_seqno = octets[2];
	answer.end.range_count = octets[3] % 4;
	answer.records = (uint32_t)octets[4] << (octets[5] % 25);
	answer.request.conf_receiver = true;
	answer.request.ip_version = octets[6] & 7;
	answer.request.slot_count = octets[7] % 4;
	if (fizeau_server_answer_fetch(f->s, octets[0], &answer, f->now) == 0 && octets[0] == 0)
		assert(fizeau_server_records_wanted(f->s) == (uint64_t)answer.records * FIZEAU_RECORD_OCTETS);
}

static void send_records(struct fuzzed *f, struct script *script)
{
	static const uint8_t octets[2048];
	uint64_t wanted = fizeau_server_records_wanted(f->s);
	size_t len = (size_t)script_u8(script) * 8;
	int64_t taken;

	/* An even number does not give more than is wanted. */
	if (len % 16 == 0 && len > wanted)
		len = (size_t)wanted;
	taken = fizeau_server_send_records(f->s, octets, len, f->now);
	assert(taken <= (int64_t)len);
	assert(wanted >= len || taken == FIZEAU_ERR_STATE);
	if (taken >= 0)
		assert(fizeau_server_records_wanted(f->s) == wanted - (uint64_t)taken);
}

static void check_ends(const struct fizeau_event *event)
{
	if (event->stopped.ends == NULL)
		return;
	for (uint32_t i = 0; i < event->stopped.sessions; i++)
		assert(fizeau_session_end_check(&event->stopped.ends[i]) == 0);
}

static void check_slots(const struct fizeau_event *event)
{
	const struct fizeau_ow_request *request = &event->ow_request;
	struct fizeau_schedule *schedule = fizeau_schedule_new(request->sid, request->slots, request->slot_count);

	assert(request->conf_sender || request->conf_receiver);
	assert(request->slot_count > 0 && request->slot_count <= FIZEAU_SLOTS_MAX);
	fizeau_schedule_free(schedule);
}

static void check_sids(struct fuzzed *f, const struct fizeau_event *event)
{
	f->wanted = event->n_wanted.count;
	assert(f->wanted > 0 && f->wanted <= SESSIONS_MAX);
	for (uint32_t i = 1; i < f->wanted; i++)
		assert(memcmp(&event->n_wanted.sids[i - 1], &event->n_wanted.sids[i], FIZEAU_SID_OCTETS) < 0);
}

static void pull(struct fuzzed *f)
{
	struct fizeau_event event;

	while (fizeau_server_event(f->s, &event)) {
		assert(!f->closed);
		assert(event.type != FIZEAU_EVENT_NONE);
		f->closed = event.type == FIZEAU_EVENT_CLOSED;
		if (event.type == FIZEAU_EVENT_STOPPED && f->owamp)
			check_ends(&event);
		else if (event.type == FIZEAU_EVENT_OW_SESSION_WANTED)
			check_slots(&event);
		else if (event.type == FIZEAU_EVENT_FETCH_WANTED)
			assert(event.fetch.begin <= event.fetch.end);
		else if (event.type == FIZEAU_EVENT_START_N_WANTED || event.type == FIZEAU_EVENT_STOP_N_WANTED)
			check_sids(f, &event);
	}
}

static void answer_session(struct fuzzed *f, struct script *script)
{
	uint8_t accept = script_u8(script);
	uint8_t port = script_u8(script);
	uint8_t sid[FIZEAU_SID_OCTETS] = {port};
	struct fizeau_test_keys test_keys;

	memcpy(f->sid, sid, sizeof(f->sid));
	/* An answer takes back what the event lent, so that whoever answers has seen it. */
	if (f->owamp)
		pull(f);
	(void)!fizeau_server_answer_session(f->s, accept, port, sid, f->now);
	(void)!fizeau_server_test_keys(f->s, sid, &test_keys);
}

/* Whichever of them is wanted. */
static void answer_start(struct fuzzed *f, uint8_t accept)
{
	uint8_t accepts[SESSIONS_MAX] = {accept & 15, accept >> 4};

	if (fizeau_server_answer_start(f->s, accept, f->now) == FIZEAU_ERR_STATE &&
		fizeau_server_answer_n(f->s, accepts, f->wanted, f->now) == 0)
		assert(fizeau_server_answer_n(f->s, accepts, f->wanted, f->now) == FIZEAU_ERR_STATE);
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

	assert(waiting <= (f->owamp ? HELD_OCTETS_MAX_OWAMP : HELD_OCTETS_MAX));
	fizeau_server_sent(f->s, len < waiting ? len : waiting);
}

static void step(struct fuzzed *f, struct script *script)
{
	uint8_t octets[256];
	size_t len;

	switch (script_u8(script) % 15) {
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
		answer_start(f, script_u8(script));
		break;
	case 6:
		pull(f);
		break;
	case 7:
		send(f, script);
		break;
	case 8:
		fizeau_server_session_expired(f->s, f->sid, f->now);
		break;
	case 9:
		pass(f, script);
		break;
	case 11:
		give_part(f, script);
		break;
	case 12:
		stop(f, script);
		break;
	case 13:
		answer_fetch(f, script);
		break;
	case 14:
		send_records(f, script);
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
		.server_octets = 0x5aa5,
		.max_sessions = SESSIONS_MAX,
	};

	if ((config.modes & SAYS_OWAMP) != 0) {
		config.modes &= ~(uint32_t)SAYS_OWAMP;
		config.protocol = FIZEAU_OWAMP;
		f.owamp = true;
	}
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
