/* SPDX-License-Identifier: MIT */
/* The Session-Receiver of OWAMP under a script: packets of any number and time, raw octets, time that passes, the end.
   A model that holds all of the schedule says what counts (RFC 4656 section 4.2); nothing is lost and received. */
#include <stdlib.h>
#include <fizeau/receiver.h>
#include "fuzz/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS_MAX 512
#define SLOTS_MAX 4
#define PADDING 3
#define OCTETS (48 + PADDING)
#define STEPS_MAX 2000

struct fuzzed {
	struct fizeau_receiver_config config;
	struct fizeau_slot slots[SLOTS_MAX];
	struct fizeau_receiver *receiver;
	struct fizeau_sender *sender;
	uint64_t due[PACKETS_MAX]; /* offsets */
	bool came[PACKETS_MAX], lost[PACKETS_MAX];
	uint32_t next_lost, next_seqno;
	int64_t now; /* from the Start Time */
	bool finished;
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

static uint64_t number(struct script *script, size_t octets)
{
	uint64_t value = 0;

	while (octets-- > 0)
		value = value << 8 | script_u8(script);
	return value;
}

/* Up to 2^24 s, mostly small, often 0. */
static uint64_t duration(struct script *script)
{
	return number(script, 2) << script_u8(script) % 41;
}

static bool set_up(struct fuzzed *f, struct script *script)
{
	struct fizeau_schedule *schedule;

	f->config.mode = (enum fizeau_test_mode)(script_u8(script) % 3);
	f->config.keys = (struct fizeau_test_keys){.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
	f->config.slots = f->slots;
	f->config.slot_count = script_u8(script) % SLOTS_MAX + 1;
	for (size_t i = 0; i < f->config.slot_count; i++) {
		f->slots[i].exponential = script_u8(script) & 1;
		f->slots[i].parameter = duration(script);
	}
	f->config.packets = (uint32_t)number(script, 2) % (PACKETS_MAX + 1);
	f->config.timeout = duration(script);
	f->config.start_time = number(script, 2) << 48;
	f->config.padding_octets = PADDING;
	f->receiver = fizeau_receiver_new(&f->config);
	f->sender = fizeau_sender_new(&(struct fizeau_sender_config){
		.mode = f->config.mode, .keys = f->config.keys, .padding_octets = PADDING});
	schedule = fizeau_schedule_new(f->config.sid, f->slots, f->config.slot_count);
	must(f->receiver != NULL && f->sender != NULL && schedule != NULL);
	for (uint32_t i = 0; i < f->config.packets; i++)
		f->due[i] = fizeau_schedule_next(schedule);
	fizeau_schedule_free(schedule);
	/* All of the session within what a difference of two stamps can say. */
	return f->config.packets == 0 || f->due[f->config.packets - 1] >> 61 == 0;
}

static struct fizeau_stamp at(const struct fuzzed *f, int64_t time)
{
	return (struct fizeau_stamp){.ntp = f->config.start_time + (uint64_t)time, .error = 0x0102};
}

static uint64_t apart(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static void check_record(struct fuzzed *f, const struct fizeau_record *r)
{
	must(r->seq < f->config.packets && !f->lost[r->seq] && !fizeau_record_lost(r));
	f->came[r->seq] = true;
	if (r->seq >= f->next_seqno)
		f->next_seqno = r->seq + 1;
	must(fizeau_receiver_next_seqno(f->receiver) == f->next_seqno);
}

/* A packet with the right keys, sent and received near a time of its schedule. */
static void give_packet(struct fuzzed *f, struct script *script)
{
	uint32_t seq = (uint32_t)number(script, 2) % (PACKETS_MAX + 8);
	int64_t sent = seq < f->config.packets ? (int64_t)f->due[seq] : 0;
	struct fizeau_record record;
	uint8_t octets[OCTETS];
	int error;

	sent += (int64_t)duration(script) * (script_u8(script) % 2 ? 1 : -1);
	must(fizeau_sender_prepare(f->sender, seq, octets) == 0);
	must(fizeau_sender_finish(f->sender, octets, at(f, sent)) == 0);
	error = fizeau_receiver_packet(
		f->receiver, octets, fizeau_sender_octets(f->sender), at(f, f->now), 64, &record);
	if (seq >= f->config.packets) {
		must(error == FIZEAU_ERR_RANGE);
	} else {
		bool good = apart(f->now, sent) <= f->config.timeout &&
			    apart(sent, (int64_t)f->due[seq]) <= f->config.timeout;

		must(error == (good ? 0 : FIZEAU_ERR_LATE));
		if (good)
			check_record(f, &record);
	}
}

static void give_octets(struct fuzzed *f, struct script *script)
{
	struct fizeau_record record;
	uint8_t chunk[256], *octets;
	size_t len = script_chunk(script, chunk);

	/* Of exactly this size, so that a sanitizer sees the first octet read too far. */
	octets = malloc(len > 0 ? len : 1);
	must(octets != NULL);
	memcpy(octets, chunk, len);
	if (fizeau_receiver_packet(f->receiver, octets, len, at(f, f->now), 255, &record) == 0) {
		must(len == fizeau_sender_header_octets(f->config.mode, 0) + PADDING);
		check_record(f, &record);
	}
	free(octets);
}

static size_t take_lost(struct fuzzed *f, size_t max)
{
	struct fizeau_record records[16];
	size_t count = fizeau_receiver_lost(f->receiver, at(f, f->now), records, max);

	must(count <= max);
	for (size_t i = 0; i < count; i++) {
		uint32_t seq = records[i].seq;

		must(seq >= f->next_lost && seq < f->config.packets && !f->came[seq] && !f->lost[seq]);
		must(fizeau_record_lost(&records[i]) && records[i].send_ntp == f->config.start_time + f->due[seq]);
		f->lost[seq] = true;
		f->next_lost = seq + 1;
	}
	return count;
}

/* All that is lost by now: by the model, what did not come within two Timeouts of its time. */
static void check_lost(struct fuzzed *f)
{
	uint64_t ntp;

	while (take_lost(f, 16) == 16)
		;
	if (f->finished)
		return;
	for (uint32_t seq = 0; seq < f->config.packets; seq++) {
		bool over = f->now > 0 && f->due[seq] + 2 * f->config.timeout < (uint64_t)f->now;

		must(f->came[seq] || f->lost[seq] == over);
	}
	must(!fizeau_receiver_due(f->receiver, &ntp) || (int64_t)(ntp - f->config.start_time) > f->now);
	if (!fizeau_receiver_complete(f->receiver, &ntp))
		return;
	for (uint32_t seq = 0; seq < f->config.packets; seq++)
		must((f->came[seq] || f->lost[seq]) &&
			(int64_t)(ntp - f->config.start_time) >= (int64_t)(f->due[seq] + f->config.timeout));
}

static void finish(struct fuzzed *f, struct script *script)
{
	int64_t stop = (int64_t)duration(script);

	fizeau_receiver_finish(f->receiver, at(f, stop).ntp);
	f->finished = true;
	check_lost(f);
	for (uint32_t seq = 0; seq < f->config.packets; seq++) {
		if (!f->came[seq] && f->due[seq] + f->config.timeout <= (uint64_t)stop)
			must(f->lost[seq]);
	}
}

static void step(struct fuzzed *f, struct script *script)
{
	switch (script_u8(script) % 6) {
	case 0:
		give_octets(f, script);
		break;
	case 1:
	case 2:
		give_packet(f, script);
		break;
	case 3:
		f->now += (int64_t)duration(script);
		break;
	case 4:
		take_lost(f, script_u8(script) % 16);
		break;
	default:
		if (script_u8(script) % 8 == 0)
			finish(f, script);
		else
			check_lost(f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {data, data + size};
	struct fuzzed *f = calloc(1, sizeof(*f));

	must(f != NULL);
	if (set_up(f, &script)) {
		for (int i = 0; i < STEPS_MAX && script_goes_on(&script) && f->now >> 61 == 0 && !f->finished; i++)
			step(f, &script);
	}
	fizeau_receiver_free(f->receiver);
	fizeau_sender_free(f->sender);
	free(f);
	return 0;
}
