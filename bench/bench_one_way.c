/* SPDX-License-Identifier: MIT */
/* One-way sessions in the library: records a second that one Session-Receiver makes, by mode, with what memory, and
   how long the summary of a session takes, in order and with the disorder that costs most. Best of several rounds on
   one core.

   usage: bench_one_way [PACKETS] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fizeau/receiver.h>
#include <fizeau/stats.h>

#define ROUNDS 5
#define OCTETS 48 /* of the longest header */
#define START 0xe800000000000000
#define SECOND ((uint64_t)1 << 32)
#define RATE 20000 /* packets a second of the schedule */
#define TIMEOUT_S 2
#define BATCH 64

static const char *const mode_names[] = {"open", "authenticated", "encrypted"};
static const uint8_t sid[16] = {10, 0, 0, 2, 0xe8};
static const struct fizeau_slot slot = {.exponential = true, .parameter = SECOND / RATE};

static void *must(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "bench_one_way: no memory, or libcrypto refuses\n");
		exit(1);
	}
	return memory;
}

static void check(int error)
{
	if (error < 0) {
		fprintf(stderr, "bench_one_way: %s\n", fizeau_strerror(error));
		exit(1);
	}
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static struct fizeau_receiver *new_receiver(enum fizeau_test_mode mode, uint32_t packets)
{
	struct fizeau_receiver_config config = {
		.mode = mode,
		.slots = &slot,
		.slot_count = 1,
		.packets = packets,
		.start_time = START,
		.timeout = TIMEOUT_S * SECOND,
	};

	memcpy(config.sid, sid, sizeof(sid));
	return must(fizeau_receiver_new(&config));
}

/* The packets of a session, each sent when it is due. */
static uint8_t *make_packets(enum fizeau_test_mode mode, uint32_t packets, uint64_t *sent)
{
	struct fizeau_schedule *schedule = must(fizeau_schedule_new(sid, &slot, 1));
	struct fizeau_sender *sender = must(fizeau_sender_new(&(struct fizeau_sender_config){.mode = mode}));
	uint8_t *octets = must(calloc(packets, OCTETS));

	for (uint32_t seq = 0; seq < packets; seq++) {
		sent[seq] = START + fizeau_schedule_next(schedule);
		check(fizeau_sender_prepare(sender, seq, octets + (size_t)seq * OCTETS));
		check(fizeau_sender_finish(sender, octets + (size_t)seq * OCTETS,
			(struct fizeau_stamp){.ntp = sent[seq], .error = 0x8a01}));
	}
	fizeau_sender_free(sender);
	fizeau_schedule_free(schedule);
	return octets;
}

/* One session through a receiver, which is asked for losses after each batch. Seconds. */
static double receive(enum fizeau_test_mode mode, uint32_t packets, const uint8_t *octets, const uint64_t *sent,
	struct fizeau_record *records, size_t *memory)
{
	size_t before = memory_in_use(), len = fizeau_sender_header_octets(mode, 0), lost = 0;
	struct fizeau_receiver *receiver = new_receiver(mode, packets);
	struct fizeau_record gone[BATCH];
	double start = now_s(), took;

	for (uint32_t seq = 0; seq < packets; seq++) {
		struct fizeau_stamp received = {.ntp = sent[seq] + SECOND / 100, .error = 0x8a01};

		check(fizeau_receiver_packet(
			receiver, octets + (size_t)seq * OCTETS, len, received, 61, &records[seq]));
		if (seq % BATCH == 0)
			lost += fizeau_receiver_lost(receiver, received, gone, BATCH);
	}
	took = now_s() - start;
	*memory = memory_in_use() - before;
	fizeau_receiver_free(receiver);
	if (lost != 0) {
		fprintf(stderr, "bench_one_way: %zu packets lost\n", lost);
		exit(1);
	}
	return took;
}

static void receiver_row(enum fizeau_test_mode mode, uint32_t packets, uint64_t *sent, struct fizeau_record *records)
{
	uint8_t *octets = make_packets(mode, packets, sent);
	double best = 0, took;
	size_t memory = 0;

	for (int round = 0; round < ROUNDS; round++) {
		took = receive(mode, packets, octets, sent, records, &memory);
		if (round == 0 || took < best)
			best = took;
	}
	printf("%-14s %12.0f %9.0f %14zu\n", mode_names[mode], packets / best, best * 1e9 / packets, memory);
	free(octets);
}

/* Moves the last record of each group to its front. */
static void turn_round(struct fizeau_record *records, uint32_t packets, uint32_t group)
{
	for (uint32_t at = 0; at + group <= packets; at += group) {
		struct fizeau_record last = records[at + group - 1];

		memmove(records + at + 1, records + at, (group - 1) * sizeof(*records));
		records[at] = last;
	}
}

static void summary_row(const char *name, const struct fizeau_record *records, uint32_t packets)
{
	const struct fizeau_session_end end = {.next_seqno = packets};
	struct fizeau_one_way_summary summary;
	double best = 0, start, took;

	for (int round = 0; round < ROUNDS; round++) {
		start = now_s();
		check(fizeau_one_way_summarise(records, packets, &end, (int64_t)TIMEOUT_S * 1000000000, &summary));
		took = now_s() - start;
		if (round == 0 || took < best)
			best = took;
	}
	printf("%-28s %9.0f ms   %llu reordered, extent %llu\n", name, best * 1e3,
		(unsigned long long)summary.reordered, (unsigned long long)summary.reordering_extent_max);
}

int main(int argc, char **argv)
{
	long wanted = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
	struct fizeau_record *records;
	uint32_t packets;
	uint64_t *sent;

	if (wanted < 1 || wanted > 10000000) {
		fprintf(stderr, "usage: bench_one_way [PACKETS]\n");
		return 2;
	}
	packets = (uint32_t)wanted;
	sent = must(calloc(packets, sizeof(*sent)));
	records = must(calloc(packets, sizeof(*records)));
	printf("octets of a record: %zu in memory, %u in storage and Fetch\n", sizeof(*records), FIZEAU_RECORD_OCTETS);
	printf("Session-Receiver, %u packets at %d/s, Timeout %d s\n", packets, RATE, TIMEOUT_S);
	printf("%-14s %12s %9s %14s\n", "mode", "records/s", "ns each", "its octets");
	for (enum fizeau_test_mode mode = FIZEAU_TEST_OPEN; mode <= FIZEAU_TEST_ENCRYPTED; mode++)
		receiver_row(mode, packets, sent, records);
	printf("summary of %u records\n", packets);
	summary_row("in order", records, packets);
	turn_round(records, packets, 2);
	summary_row("every second reordered", records, packets);
	turn_round(records, packets, packets);
	summary_row("the last one first", records, packets);
	for (uint32_t i = 0; i < packets / 2; i++) {
		struct fizeau_record other = records[packets - 1 - i];

		records[packets - 1 - i] = records[i];
		records[i] = other;
	}
	summary_row("backwards", records, packets);
	free(records);
	free(sent);
	return 0;
}
