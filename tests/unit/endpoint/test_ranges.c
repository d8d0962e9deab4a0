/* SPDX-License-Identifier: MIT */
/* How a Session-Sender accounts for packets that the kernel would not take. The linker puts a refusal before
   fz_udp_flush_in_order: those numbers leave, and are said not to have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "endpoint/sender.h"
#include "tests/testlib/packets.h"
#include <cmocka.h>

#define MS 1000000LL
#define ROUNDS_MAX 2000000

struct run {
	struct fz_clock clock;
	struct fz_loop *loop;
	struct fz_udp *udp;
	struct fz_endpoint_sender *sender;
	uint32_t sent;
	bool done;
};

/* Whether a flush is refused, by its number; set by the test that runs. */
static bool (*refused)(uint32_t number);
static uint32_t flushes;

int __real_fz_udp_flush_in_order(struct fz_udp *udp);
int __wrap_fz_udp_flush_in_order(struct fz_udp *udp);

int __wrap_fz_udp_flush_in_order(struct fz_udp *udp)
{
	int count = __real_fz_udp_flush_in_order(udp);

	return refused(flushes++) ? 0 : count;
}

static void on_sent(void *arg, uint32_t seq, struct fizeau_stamp stamp, int64_t lateness_ns)
{
	struct run *run = arg;

	(void)stamp;
	(void)lateness_ns;
	assert_false(refused(seq));
	run->sent++;
}

static void on_done(void *arg)
{
	struct run *run = arg;

	run->done = true;
}

static void send_all(struct run *run, uint32_t packets, bool (*which)(uint32_t))
{
	const struct fz_udp_options options = {.batch = 1, .packet_octets = 64};
	const struct fizeau_slot slot = {.parameter = 0};
	struct fz_endpoint_sender_config config = {
		.mode = FIZEAU_TEST_OPEN,
		.slots = &slot,
		.slot_count = 1,
		.packets = packets,
		.timeout_ns = 1000000 * MS,
		.sent = on_sent,
		.done = on_done,
		.arg = run,
	};
	struct fz_clock *clock = &run->clock;

	*run = (struct run){0};
	refused = which;
	flushes = 0;
	fz_clock_ask(clock);
	config.clock = clock;
	config.start_time = fz_clock_wall(clock).ntp;
	assert_true(fz_addr_parse("127.0.0.1", &config.remote));
	assert_int_equal(fz_loop_new(&run->loop), 0);
	assert_int_equal(fz_udp_open(&config.remote, &options, &run->udp), 0);
	/* To itself, where nobody reads. */
	fz_udp_local(run->udp, &config.remote);
	config.loop = run->loop;
	config.udp = run->udp;
	run->sender = fz_endpoint_sender_new(&config);
	assert_non_null(run->sender);
	assert_int_equal(fz_endpoint_sender_start(run->sender), 0);
	for (int i = 0; i < ROUNDS_MAX && !run->done; i++)
		assert_int_equal(fz_loop_once(run->loop, (struct fizeau_mono){fz_clock_mono().ns + MS}), 0);
	assert_true(run->done);
}

static void close_all(struct run *run)
{
	fz_endpoint_sender_free(run->sender);
	fz_udp_close(run->udp);
	fz_loop_free(run->loop);
}

static bool some(uint32_t number)
{
	return number == 0 || (number >= 5 && number <= 9) || number == 11 || number == 99;
}

/*= rfc4656#section-4.1.1 OW-4.1.1-04 */
/*= rfc4656#section-3.8 OW-3.8-12 */
static void neighbours_share_a_range(void **state)
{
	static const struct fizeau_skip_range want[] = {{0, 0}, {5, 9}, {11, 11}, {99, 99}};
	struct fz_endpoint_sender_counters counters;
	struct fizeau_session_end end;
	struct run run;

	(void)state;
	send_all(&run, 100, some);
	fz_endpoint_sender_end(run.sender, &end);
	assert_int_equal(fizeau_session_end_check(&end), 0);
	assert_int_equal(end.next_seqno, 100);
	assert_int_equal(end.range_count, 4);
	assert_memory_equal(end.ranges, want, sizeof(want));
	fz_endpoint_sender_counters(run.sender, &counters);
	assert_int_equal(counters.sent, 92);
	assert_int_equal(run.sent, 92);
	assert_int_equal(counters.skipped_drop, 8);
	assert_int_equal(counters.error, 0);
	close_all(&run);
}

static bool every_second(uint32_t number)
{
	return number % 2 == 1;
}

static void what_cannot_be_said_any_more_is_not_sent(void **state)
{
	struct fz_endpoint_sender_counters counters;
	struct fizeau_session_end end;
	struct run run;

	(void)state;
	send_all(&run, 200000, every_second);
	fz_endpoint_sender_end(run.sender, &end);
	assert_int_equal(end.range_count, FIZEAU_SKIP_RANGES_MAX);
	assert_int_equal(fizeau_session_end_check(&end), 0);
	/* The number for which there was no range is the next that would have been used. */
	assert_int_equal(end.next_seqno, 2 * FIZEAU_SKIP_RANGES_MAX + 1);
	fz_endpoint_sender_counters(run.sender, &counters);
	assert_int_equal(counters.error, FIZEAU_ERR_LIMIT);
	assert_int_equal(counters.sent, FIZEAU_SKIP_RANGES_MAX + 1);
	assert_true(fz_endpoint_sender_last(run.sender).ns < INT64_MAX);
	close_all(&run);
}

static bool none(uint32_t number)
{
	(void)number;
	return false;
}

static void a_complete_session_has_no_ranges(void **state)
{
	struct fizeau_session_end end;
	struct run run;

	(void)state;
	send_all(&run, 1000, none);
	fz_endpoint_sender_end(run.sender, &end);
	assert_int_equal(end.next_seqno, 1000);
	assert_int_equal(end.range_count, 0);
	close_all(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_share_a_range),
		cmocka_unit_test(what_cannot_be_said_any_more_is_not_sent),
		cmocka_unit_test(a_complete_session_has_no_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
