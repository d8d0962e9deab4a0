/* SPDX-License-Identifier: MIT */
/* The Control-Client under a script: raw octets, octets sealed with the right keys, calls of its owner, time. A first
   octet that is no step says that the script is for OWAMP. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/fetch_client.h>
#include "fuzz/script.h"
#include "lib/crypto/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELD_OCTETS_MAX 4096
#define SAYS_OWAMP 0xF0
#define SIDS_KEPT 2

static const struct fizeau_session_keys keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
static const uint8_t server_iv[16];

struct fuzzed {
	struct fizeau_control_client *c;
	struct fizeau_mono now;
	struct fz_stream out; /* of the server */
	bool sealing;
	bool closed;
	bool owamp;
	uint32_t mode;
	bool individual;
	struct fizeau_sid sids[SIDS_KEPT]; /* of the last sessions that were granted */
	uint32_t accepted;
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

/* Records: as many blocks of zeros, so that buffers fill. */
static void give_blocks(struct fuzzed *f, struct script *script)
{
	uint8_t octets[4096] = {0};
	size_t len = (size_t)script_u8(script) * 16;

	if (!f->sealing)
		return;
	assert(fz_stream_seal(&f->out, octets, len) == 0);
	give(f, octets, len);
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
	f->individual = !f->owamp && (f->mode & FIZEAU_MODE_INDIVIDUAL) != 0;
}

static void give_server_start(struct fuzzed *f, struct script *script)
{
	uint8_t octets[48] = {0};

	octets[15] = script_u8(script);
	if (f->mode == 0 || f->sealing)
		return;
	assert(fz_stream_init(&f->out, FZ_STREAM_SEALS, (f->mode & FIZEAU_MODE_OPEN) != 0 ? NULL : &keys, server_iv) == 0);
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
	if ((f->mode & FIZEAU_MODE_REFLECT_OCTETS) != 0) {
		wish.padding_octets = 100;
		wish.reflect_length = script_u8(script);
	}
	(void)!fizeau_control_client_request_tw(f->c, &wish, f->now);
}

static void request_ow(struct fuzzed *f, struct script *script)
{
	static const struct fizeau_slot slots[3] = {{true, 1}, {false, 2}, {false, 3}};
	struct fizeau_ow_request wish = {.slots = slots};

	wish.conf_sender = (script_u8(script) & 1) != 0;
	wish.conf_receiver = (script_u8(script) & 1) != 0;
	wish.ip_version = script_u8(script) & 7;
	wish.sender_port = script_u8(script);
	wish.receiver_port = script_u8(script);
	wish.slot_count = script_u8(script) & 3;
	wish.sid[0] = script_u8(script);
	(void)!fizeau_control_client_request_ow(f->c, &wish, f->now);
}

static void stop_ow(struct fuzzed *f, struct script *script)
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
	(void)!fizeau_control_client_stop_ow(f->c, accept, &end, count & 1, f->now);
}

static void fetch(struct fuzzed *f, struct script *script)
{
	uint8_t sid[FIZEAU_SID_OCTETS] = {script_u8(script)};
	uint32_t begin = script_u8(script);

	(void)!fizeau_control_client_fetch(f->c, sid, begin, script_u8(script), f->now);
}

/* Where each session is started by itself: those that are kept. */
static void start(struct fuzzed *f, struct script *script)
{
	if (fizeau_control_client_start(f->c, f->now) == FIZEAU_ERR_STATE && f->individual)
		(void)!fizeau_control_client_start_n(f->c, f->sids, script_u8(script) % (SIDS_KEPT + 1), f->now);
}

static void stop(struct fuzzed *f, uint8_t accept)
{
	if (fizeau_control_client_stop(f->c, accept, f->now) == FIZEAU_ERR_STATE && f->individual)
		(void)!fizeau_control_client_stop_n(f->c, f->sids, accept % (SIDS_KEPT + 1), f->now);
}

static void check_ends(const struct fizeau_event *event)
{
	if (event->stopped.ends == NULL)
		return;
	for (uint32_t i = 0; i < event->stopped.sessions; i++)
		assert(fizeau_session_end_check(&event->stopped.ends[i]) == 0);
}

static void check_answer(const struct fizeau_event *event)
{
	const struct fizeau_fetch_answer *answer = &event->fetch_answer.answer;
	struct fizeau_schedule *schedule;

	if (event->fetch_answer.accept != FIZEAU_ACCEPT_OK)
		return;
	assert(fizeau_session_end_check(&answer->end) == 0);
	assert(answer->finished || (answer->end.next_seqno == 0 && answer->end.range_count == 0));
	schedule = fizeau_schedule_new(answer->request.sid, answer->request.slots, answer->request.slot_count);
	fizeau_schedule_free(schedule);
}

static void check_records(const struct fizeau_event *event)
{
	for (size_t i = 0; i < event->records.count; i++) {
		struct fizeau_record record;

		fizeau_record_get(&record, event->records.octets + i * FIZEAU_RECORD_OCTETS);
		(void)fizeau_record_lost(&record);
	}
}

static void check_session(struct fuzzed *f, const struct fizeau_event *event)
{
	struct fizeau_test_keys test_keys;

	if (!f->owamp)
		assert((event->session.accept == 0) == (event->session.port != 0));
	(void)!fizeau_control_client_test_keys(f->c, event->session.sid, &test_keys);
	if (event->session.accept == 0)
		memcpy(f->sids[f->accepted++ % SIDS_KEPT].octets, event->session.sid, FIZEAU_SID_OCTETS);
}

static void pull(struct fuzzed *f)
{
	struct fizeau_event event;

	while (fizeau_control_client_event(f->c, &event)) {
		assert(!f->closed);
		assert(event.type != FIZEAU_EVENT_NONE);
		f->closed = event.type == FIZEAU_EVENT_CLOSED;
		if (event.type == FIZEAU_EVENT_SESSION_ANSWER)
			check_session(f, &event);
		else if (event.type == FIZEAU_EVENT_STOPPED)
			check_ends(&event);
		else if (event.type == FIZEAU_EVENT_FETCH_ANSWER)
			check_answer(&event);
		else if (event.type == FIZEAU_EVENT_FETCH_RECORDS)
			check_records(&event);
		else if (event.type == FIZEAU_EVENT_START_N_ACK || event.type == FIZEAU_EVENT_STOP_N_ACK)
			assert(event.n_ack.count > 0 && event.n_ack.count <= f->accepted);
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

	switch (script_u8(script) % 17) {
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
		start(f, script);
		break;
	case 9:
		pass(f, script);
		break;
	case 10:
		stop(f, script_u8(script));
		break;
	case 12:
		give_part(f, script);
		break;
	case 13:
		give_blocks(f, script);
		break;
	case 14:
		request_ow(f, script);
		break;
	case 15:
		stop_ow(f, script);
		break;
	case 16:
		fetch(f, script);
		break;
	default:
		fizeau_control_client_eof(f->c);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fizeau_control_client_config config = {
		.answer_timeout_ns = 1000000, .max_count = FIZEAU_COUNT_MAX_DEFAULT};
	struct script script = {.at = data, .end = data + size};
	struct fuzzed f = {.now = {1}};

	if (script.at < script.end && *script.at == SAYS_OWAMP) {
		script.at++;
		config.protocol = FIZEAU_OWAMP;
		f.owamp = true;
	}
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
