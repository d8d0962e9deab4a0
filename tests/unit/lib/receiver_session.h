/* SPDX-License-Identifier: MIT */
/* A Session-Receiver and a sender whose packets it takes, for tests that say when each was sent and received. */
#ifndef UNIT_RECEIVER_SESSION_H
#define UNIT_RECEIVER_SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <fizeau/receiver.h>
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define SECOND ((uint64_t)1 << 32)
#define START 0xe800000000000000
#define TIMEOUT (2 * SECOND)
#define PADDING 5
#define HERE 0x8b02 /* Error Estimate of the receiver's clock */
#define MAX 64

static const uint8_t sid[16] = {10, 0, 0, 2, 0xe8, [12] = 0xde, 0xad, 0xbe, 0xef};
/* Number n is due n + 1 seconds after START. */
static const struct fizeau_slot every_second = {.parameter = SECOND};

struct session {
	enum fizeau_test_mode mode;
	struct fizeau_receiver *receiver;
	struct fizeau_sender *sender;
	uint64_t start;
	uint8_t octets[PACKETS_MAX];
	struct fizeau_record records[MAX];
};

static inline struct fizeau_receiver_config config_of(enum fizeau_test_mode mode)
{
	struct fizeau_receiver_config config = {
		.mode = mode,
		.slots = &every_second,
		.slot_count = 1,
		.packets = 10,
		.start_time = START,
		.timeout = TIMEOUT,
		.padding_octets = PADDING,
	};

	memcpy(config.sid, sid, sizeof(sid));
	packets_keys(&config.keys);
	return config;
}

static inline struct session begin_with(const struct fizeau_receiver_config *config)
{
	struct session s = {
		.mode = config->mode,
		.receiver = fizeau_receiver_new(config),
		.sender = packets_sender(config->mode, config->padding_octets),
		.start = config->start_time,
	};

	assert_non_null(s.receiver);
	return s;
}

static inline struct session begin(enum fizeau_test_mode mode)
{
	struct fizeau_receiver_config config = config_of(mode);

	return begin_with(&config);
}

static inline void end(struct session *s)
{
	fizeau_receiver_free(s->receiver);
	fizeau_sender_free(s->sender);
}

static inline struct fizeau_stamp here(uint64_t ntp)
{
	return (struct fizeau_stamp){.ntp = ntp, .error = HERE};
}

/* A good packet; sent and received are seconds from the Start Time, 32.32 and of either sign. */
static inline int arrive(struct session *s, uint32_t seq, int64_t sent, int64_t received, struct fizeau_record *record)
{
	struct fizeau_stamp there = {.ntp = s->start + (uint64_t)sent, .error = 0x0a11};

	assert_int_equal(fizeau_sender_prepare(s->sender, seq, s->octets), 0);
	assert_int_equal(fizeau_sender_finish(s->sender, s->octets, there), 0);
	return fizeau_receiver_packet(s->receiver, s->octets, fizeau_sender_octets(s->sender),
		here(s->start + (uint64_t)received), 61, record);
}

static inline int arrives(struct session *s, uint32_t seq, int64_t sent, int64_t received)
{
	struct fizeau_record record;

	return arrive(s, seq, sent, received, &record);
}

/* Lost by now, which is from the Start Time. */
static inline size_t lost_by(struct session *s, int64_t now)
{
	return fizeau_receiver_lost(s->receiver, here(s->start + (uint64_t)now), s->records, MAX);
}

/* When the next number can become lost, from the Start Time; 0: none can. */
static inline int64_t due(struct session *s)
{
	uint64_t ntp;

	return fizeau_receiver_due(s->receiver, &ntp) ? (int64_t)(ntp - s->start) : 0;
}

#define S ((int64_t)SECOND)

#endif
