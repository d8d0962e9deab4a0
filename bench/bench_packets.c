/* SPDX-License-Identifier: MIT */
/* Nanoseconds per test packet in the library, by mode and padding: what each end computes before the moment
   of sending (prepare, reflect), at it (finish), and on arrival (parse). Best of several rounds on one core.

   usage: bench_packets [PACKETS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <fizeau/reflector.h>

#define ROUNDS 5
#define OCTETS_MAX 1600

static const char *const mode_names[] = {"open", "authenticated", "encrypted"};
static const struct fizeau_stamp stamp = {.ntp = 0xe800000a12345678, .error = 0x8a01};

struct ends {
	struct fizeau_sender *sender;
	struct fizeau_reflector *reflector;
	size_t octets;
	uint8_t out[OCTETS_MAX], back[OCTETS_MAX];
	size_t back_octets;
	struct fizeau_reflection reflection;
};

static void check(int error)
{
	if (error < 0) {
		fprintf(stderr, "bench_packets: %s\n", fizeau_strerror(error));
		exit(1);
	}
}

static void prepare(struct ends *e, uint32_t seq)
{
	check(fizeau_sender_prepare(e->sender, seq, e->out));
}

/* Finishing the same packet over and over costs the same as one each. */
static void finish(struct ends *e, uint32_t seq)
{
	(void)seq;
	check(fizeau_sender_finish(e->sender, e->out, stamp));
}

static void reflect(struct ends *e, uint32_t seq)
{
	int octets = fizeau_reflector_reflect(
		e->reflector, e->out, e->octets, stamp, 64, 0, e->back, sizeof(e->back));

	(void)seq;
	check(octets);
	e->back_octets = (size_t)octets;
}

static void reflect_finish(struct ends *e, uint32_t seq)
{
	(void)seq;
	check(fizeau_reflector_finish(e->reflector, e->back, stamp));
}

static void parse(struct ends *e, uint32_t seq)
{
	(void)seq;
	check(fizeau_sender_reflection(e->sender, e->back, e->back_octets, &e->reflection));
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure(struct ends *e, void (*step)(struct ends *, uint32_t), uint32_t packets)
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns(), each;

		for (uint32_t seq = 0; seq < packets; seq++)
			step(e, seq);
		each = (now_ns() - start) / packets;
		if (round == 0 || each < best)
			best = each;
	}
	return best;
}

static void fresh(struct ends *e)
{
	prepare(e, 0);
	finish(e, 0);
	reflect(e, 0);
	reflect_finish(e, 0);
}

static void row(enum fizeau_test_mode mode, uint32_t padding, uint32_t packets)
{
	struct fizeau_sender_config sender = {.mode = mode, .padding_octets = padding};
	struct fizeau_reflector_config reflector = {.mode = mode};
	struct ends e = {.sender = fizeau_sender_new(&sender), .reflector = fizeau_reflector_new(&reflector)};
	double prepare_ns, finish_ns, reflect_ns, reflect_finish_ns, parse_ns;

	if (e.sender == NULL || e.reflector == NULL) {
		fprintf(stderr, "bench_packets: no memory, or libcrypto refuses\n");
		exit(1);
	}
	e.octets = fizeau_sender_octets(e.sender);
	prepare_ns = measure(&e, prepare, packets);
	finish_ns = measure(&e, finish, packets);
	fresh(&e);
	reflect_ns = measure(&e, reflect, packets);
	reflect_finish_ns = measure(&e, reflect_finish, packets);
	fresh(&e);
	parse_ns = measure(&e, parse, packets);
	printf("%-14s %7u %9.0f %9.0f %9.0f %9.0f %9.0f %12.0f\n", mode_names[mode], padding, prepare_ns,
		finish_ns, parse_ns, reflect_ns, reflect_finish_ns, 1e9 / (reflect_ns + reflect_finish_ns));
	fizeau_sender_free(e.sender);
	fizeau_reflector_free(e.reflector);
}

int main(int argc, char **argv)
{
	static const uint32_t paddings[] = {0, 64, 1400};
	long packets = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;

	if (packets < 1 || packets > 100000000) {
		fprintf(stderr, "usage: bench_packets [PACKETS]\n");
		return 2;
	}
	printf("ns per packet     |          sender            |          reflector\n");
	printf("%-14s %7s %9s %9s %9s %9s %9s %12s\n", "mode", "padding", "prepare", "finish", "parse",
		"reflect", "finish", "reflected/s");
	for (enum fizeau_test_mode mode = FIZEAU_TEST_OPEN; mode <= FIZEAU_TEST_ENCRYPTED; mode++) {
		for (size_t i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++)
			row(mode, paddings[i], (uint32_t)packets);
	}
	return 0;
}
