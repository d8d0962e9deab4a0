/* SPDX-License-Identifier: MIT */
/* Nanoseconds per test packet of TWAMP and STAMP in the library, by mode and padding: what each end computes before the moment
   of sending (prepare, reflect), at it (finish), and on arrival (parse). Best of several rounds on one core.

   usage: bench_packets [PACKETS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <fizeau/reflector.h>
#include <fizeau/st_reflector.h>
#include <fizeau/st_sender.h>

#define ROUNDS 5
#define OCTETS_MAX 1600

static const char *const mode_names[] = {"open", "authenticated", "encrypted"};
static const struct fizeau_stamp stamp = {.ntp = 0xe800000a12345678, .error = 0x8a01};

/* Of TWAMP or of STAMP. */
struct ends {
	struct fizeau_sender *sender;
	struct fizeau_reflector *reflector;
	struct fizeau_st_sender *st_sender;
	struct fizeau_st_reflector *st_reflector;
	size_t octets;
	uint8_t out[OCTETS_MAX], back[OCTETS_MAX];
	size_t back_octets;
	struct fizeau_reflection reflection;
	struct fizeau_st_reply st_reply;
	struct fizeau_st_reflection st_reflection;
};

/* What is measured. */
struct steps {
	void (*prepare)(struct ends *e, uint32_t seq);
	void (*finish)(struct ends *e, uint32_t seq);
	void (*parse)(struct ends *e, uint32_t seq);
	void (*reflect)(struct ends *e, uint32_t seq);
	void (*reflect_finish)(struct ends *e, uint32_t seq);
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

static const struct steps twamp_steps = {prepare, finish, parse, reflect, reflect_finish};

static void st_prepare(struct ends *e, uint32_t seq)
{
	check(fizeau_st_sender_prepare(e->st_sender, seq, e->out));
}

static void st_finish(struct ends *e, uint32_t seq)
{
	(void)seq;
	check(fizeau_st_sender_finish(e->st_sender, e->out, stamp));
}

static void st_reflect(struct ends *e, uint32_t seq)
{
	const struct fizeau_st_received received = {.stamp = stamp, .ttl = 64, .from.version = 4, .to.version = 4};

	(void)seq;
	check(fizeau_st_reflector_reflect(
		e->st_reflector, e->out, e->octets, &received, e->back, sizeof(e->back), &e->st_reply));
	e->back_octets = e->st_reply.octets;
}

static void st_reflect_finish(struct ends *e, uint32_t seq)
{
	(void)seq;
	check(fizeau_st_reflector_finish(e->st_reflector, e->back, &e->st_reply, stamp));
}

static void st_parse(struct ends *e, uint32_t seq)
{
	(void)seq;
	check(fizeau_st_sender_reflection(e->st_sender, e->back, e->back_octets, &e->st_reflection));
}

static const struct steps stamp_steps = {st_prepare, st_finish, st_parse, st_reflect, st_reflect_finish};

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

static void fresh(struct ends *e, const struct steps *steps)
{
	steps->prepare(e, 0);
	steps->finish(e, 0);
	steps->reflect(e, 0);
	steps->reflect_finish(e, 0);
}

static void row(const char *name, uint32_t padding, struct ends *e, const struct steps *steps, uint32_t packets)
{
	double prepare_ns, finish_ns, reflect_ns, reflect_finish_ns, parse_ns;

	prepare_ns = measure(e, steps->prepare, packets);
	finish_ns = measure(e, steps->finish, packets);
	fresh(e, steps);
	reflect_ns = measure(e, steps->reflect, packets);
	reflect_finish_ns = measure(e, steps->reflect_finish, packets);
	fresh(e, steps);
	parse_ns = measure(e, steps->parse, packets);
	printf("%-20s %7u %9.0f %9.0f %9.0f %9.0f %9.0f %12.0f\n", name, padding, prepare_ns, finish_ns, parse_ns,
		reflect_ns, reflect_finish_ns, 1e9 / (reflect_ns + reflect_finish_ns));
}

static void must(bool made)
{
	if (made)
		return;
	fprintf(stderr, "bench_packets: no memory, or libcrypto refuses\n");
	exit(1);
}

static void twamp_row(enum fizeau_test_mode mode, uint32_t padding, uint32_t packets)
{
	struct fizeau_sender_config sender = {.mode = mode, .padding_octets = padding};
	struct fizeau_reflector_config reflector = {.mode = mode};
	struct ends e = {.sender = fizeau_sender_new(&sender), .reflector = fizeau_reflector_new(&reflector)};

	must(e.sender && e.reflector);
	e.octets = fizeau_sender_octets(e.sender);
	row(mode_names[mode], padding, &e, &twamp_steps, packets);
	fizeau_sender_free(e.sender);
	fizeau_reflector_free(e.reflector);
}

#define TLVS \
	(FIZEAU_ST_TLV_BIT(FIZEAU_ST_LOCATION) | FIZEAU_ST_TLV_BIT(FIZEAU_ST_CLASS_OF_SERVICE) | \
		FIZEAU_ST_TLV_BIT(FIZEAU_ST_FOLLOW_UP))

static void stamp_row(bool authenticated, bool tlvs, uint32_t padding, uint32_t packets)
{
	static const char *const names[2][2] = {
		{"STAMP open", "  with three TLVs"}, {"STAMP authenticated", "  with three TLVs"}};
	static const struct fizeau_st_key key = {.key = {1}, .octets = 32};
	struct fizeau_st_sender_config sender = {.ssid = 1, .padding_octets = padding, .tlvs = tlvs ? TLVS : 0};
	struct fizeau_st_reflector_config reflector = {
		.keys = &key, .key_count = authenticated, .tlvs = true, .tell_location = true};
	struct ends e = {0};

	if (authenticated)
		sender.key = key;
	e.st_sender = fizeau_st_sender_new(&sender);
	e.st_reflector = fizeau_st_reflector_new(&reflector);
	must(e.st_sender && e.st_reflector);
	e.octets = fizeau_st_sender_octets(e.st_sender);
	row(names[authenticated][tlvs], padding, &e, &stamp_steps, packets);
	fizeau_st_sender_free(e.st_sender);
	fizeau_st_reflector_free(e.st_reflector);
}

#define PADDINGS 3

int main(int argc, char **argv)
{
	static const uint32_t paddings[PADDINGS] = {0, 64, 1400};
	long packets = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;

	if (packets < 1 || packets > 100000000) {
		fprintf(stderr, "usage: bench_packets [PACKETS]\n");
		return 2;
	}
	printf("ns per packet        |             sender            |          reflector\n");
	printf("%-20s %7s %9s %9s %9s %9s %9s %12s\n", "mode", "padding", "prepare", "finish", "parse", "reflect",
		"finish", "reflected/s");
	for (enum fizeau_test_mode mode = FIZEAU_TEST_OPEN; mode <= FIZEAU_TEST_ENCRYPTED; mode++) {
		for (size_t i = 0; i < PADDINGS; i++)
			twamp_row(mode, paddings[i], (uint32_t)packets);
	}
	for (unsigned authenticated = 0; authenticated < 2; authenticated++) {
		for (size_t i = 0; i < PADDINGS; i++)
			stamp_row(authenticated, false, paddings[i], (uint32_t)packets);
		stamp_row(authenticated, true, 0, (uint32_t)packets);
	}
	return 0;
}
