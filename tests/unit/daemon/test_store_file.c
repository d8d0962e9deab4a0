/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store_file.h"
#include "tests/testlib/folder.h"

#define START 0xe000000000000000u
#define SECOND ((uint64_t)1 << 32)

static const struct fizeau_slot slots[] = {{true, SECOND / 10}, {false, 0}};
static const struct fizeau_skip_range ranges[] = {{3, 5}, {600, 600}};

static struct fz_store_session session(void)
{
	struct fz_store_session s = {
		.request = {
			.conf_receiver = true,
			.ip_version = 4,
			.sender = {4, {192, 0, 2, 1}},
			.receiver = {4, {192, 0, 2, 2}},
			.sender_port = 5000,
			.receiver_port = 18760,
			.packets = 700,
			.sid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			.padding_octets = 27,
			.start_time = START,
			.timeout = 2 * SECOND,
			.type_p = 0xc0000001,
			.slots = slots,
			.slot_count = 2,
		},
		.owner = "keyid alice",
		.class_name = "friends",
	};

	return s;
}

/* Every seventh is lost. */
static struct fizeau_record record(uint32_t seq)
{
	struct fizeau_record r = {.seq = seq, .send_ntp = START + seq * SECOND / 10, .send_error = 0x8101,
		.receive_error = 0x8202, .ttl = 255};

	if (seq % 7 != 3) {
		r.receive_ntp = r.send_ntp + SECOND / 50;
		r.ttl = 60;
	}
	return r;
}

static int file_of(void **state)
{
	const struct folder *folder = *state;
	int fd = open(folder->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static struct fz_store_end normal_end(void)
{
	return (struct fz_store_end){.how = FZ_STORE_NORMAL, .stop_ntp = START + 99 * SECOND, .received_next = 699,
		.next_seqno = 700, .ranges = ranges, .range_count = 2};
}

/* A session of count records, flushed every `flush` of them. */
static void write_file(int fd, uint32_t count, uint32_t flush, bool end)
{
	struct fz_store_writer *writer = calloc(1, sizeof(*writer));
	struct fz_store_session s = session();
	struct fz_store_end e = normal_end();

	assert_non_null(writer);
	assert_int_equal(fz_store_writer_begin(writer, fd, &s), 0);
	for (uint32_t i = 0; i < count; i++) {
		struct fizeau_record r = record(i);
		assert_int_equal(fz_store_writer_add(writer, &r), 0);
		if ((i + 1) % flush == 0)
			assert_int_equal(fz_store_writer_flush(writer), 0);
	}
	assert_int_equal(end ? fz_store_writer_end(writer, &e) : fz_store_writer_flush(writer), 0);
	free(writer);
}

/* Reads to the end: how many records, in order from the first; or the error. */
static int read_file(struct fz_store_reader *reader, int fd)
{
	uint8_t octets[FIZEAU_RECORD_OCTETS];
	uint32_t count = 0;
	int got = fz_store_reader_open(reader, fd);

	if (got)
		return got;
	while ((got = fz_store_reader_next(reader)) > 0) {
		assert_int_equal(got % (int)FIZEAU_RECORD_OCTETS, 0);
		for (int at = 0; at < got; at += (int)FIZEAU_RECORD_OCTETS, count++) {
			struct fizeau_record r = record(count);
			fizeau_record_put(&r, octets);
			assert_memory_equal(reader->records + at, octets, sizeof(octets));
		}
	}
	return got ? got : (int)count;
}

static void what_was_written_is_read(void **state)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	const struct fz_store_session wanted = session();
	int fd = file_of(state);

	write_file(fd, 700, 700, true);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(read_file(reader, fd), 700);
		assert_string_equal(reader->session.owner, "keyid alice");
		assert_string_equal(reader->session.class_name, "friends");
		assert_memory_equal(reader->session.request.sid, wanted.request.sid, FIZEAU_SID_OCTETS);
		assert_true(reader->session.request.conf_receiver && !reader->session.request.conf_sender);
		assert_int_equal(reader->session.request.ip_version, 4);
		assert_memory_equal(&reader->session.request.sender, &wanted.request.sender, sizeof(wanted.request.sender));
		assert_memory_equal(&reader->session.request.receiver, &wanted.request.receiver,
			sizeof(wanted.request.receiver));
		assert_int_equal(reader->session.request.sender_port, 5000);
		assert_int_equal(reader->session.request.receiver_port, 18760);
		assert_int_equal(reader->session.request.packets, 700);
		assert_int_equal(reader->session.request.padding_octets, 27);
		assert_true(reader->session.request.start_time == START);
		assert_true(reader->session.request.timeout == 2 * SECOND);
		assert_true(reader->session.request.type_p == 0xc0000001);
		assert_int_equal(reader->session.request.slot_count, 2);
		assert_true(reader->session.request.slots[0].exponential && !reader->session.request.slots[1].exponential);
		assert_true(reader->session.request.slots[0].parameter == SECOND / 10);
		assert_int_equal(reader->end.how, FZ_STORE_NORMAL);
		assert_true(reader->end.stop_ntp == START + 99 * SECOND);
		assert_int_equal(reader->end.received_next, 699);
		assert_int_equal(reader->end.next_seqno, 700);
		assert_int_equal(reader->end.range_count, 2);
		assert_memory_equal(reader->end.ranges, ranges, sizeof(ranges));
		fz_store_reader_close(reader);
	}
	close(fd);
	free(reader);
}

static void a_running_session_is_read_as_far_as_it_is(void **state)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	struct fz_store_writer *writer = calloc(1, sizeof(*writer));
	struct fz_store_session s = session();
	struct fizeau_record r = record(0);
	int fd = file_of(state);

	assert_int_equal(fz_store_writer_begin(writer, fd, &s), 0);
	assert_int_equal(read_file(reader, fd), 0);
	fz_store_reader_close(reader);
	assert_int_equal(fz_store_writer_add(writer, &r), 0);
	assert_int_equal(fz_store_writer_flush(writer), 0);
	assert_int_equal(read_file(reader, fd), 1);
	assert_int_equal(reader->end.how, FZ_STORE_RUNNING);
	/* What comes after it was opened is not its concern. */
	fz_store_reader_rewind(reader);
	r = record(1);
	assert_int_equal(fz_store_writer_add(writer, &r), 0);
	assert_int_equal(fz_store_writer_flush(writer), 0);
	assert_int_equal(fz_store_reader_next(reader), (int)FIZEAU_RECORD_OCTETS);
	assert_int_equal(fz_store_reader_next(reader), 0);
	fz_store_reader_close(reader);
	close(fd);
	free(writer);
	free(reader);
}

/* Octets of the file after its HEAD and after each flush of 4 records. */
static int records_within(int64_t octets, int64_t head)
{
	const int64_t block = FZ_STORE_BLOCK_OCTETS + 4 * FIZEAU_RECORD_OCTETS;

	return (int)((octets - head) / block < 3 ? (octets - head) / block * 4 : 12);
}

static void a_torn_tail_is_cut_off(void **state)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	struct fz_store_session s = session();
	int64_t head = FZ_STORE_MAGIC_OCTETS + FZ_STORE_BLOCK_OCTETS + (int64_t)fz_store_head_octets(&s);
	int fd = file_of(state);
	struct stat st;

	write_file(fd, 12, 4, true);
	assert_int_equal(fstat(fd, &st), 0);
	for (int64_t octets = st.st_size - 1; octets >= 0; octets--) {
		assert_int_equal(ftruncate(fd, 0), 0);
		write_file(fd, 12, 4, true);
		assert_int_equal(ftruncate(fd, octets), 0);
		if (octets < head) {
			assert_int_equal(read_file(reader, fd), FZ_STORE_ALTERED);
			fz_store_reader_close(reader);
			assert_int_equal(fz_store_file_mend(fd, 1), FZ_STORE_ALTERED);
			continue;
		}
		int left = records_within(octets, head);
		assert_int_equal(read_file(reader, fd), left);
		assert_int_equal(reader->end.how, FZ_STORE_RUNNING);
		fz_store_reader_close(reader);
		assert_int_equal(fz_store_file_mend(fd, START), 0);
		/* Whole now, and a second time nothing happens. */
		assert_int_equal(fz_store_file_mend(fd, START + 1), 0);
		assert_int_equal(read_file(reader, fd), left);
		assert_int_equal(reader->end.how, FZ_STORE_ABORTED);
		assert_true(reader->end.stop_ntp == START);
		/* Number 3 and 10 are lost: the highest that came is the one before. */
		assert_int_equal(reader->end.received_next, left == 4 ? 3 : left);
		assert_false(reader->torn);
		fz_store_reader_close(reader);
	}
	close(fd);
	free(reader);
}

/* To the end, or to the error. */
static int read_all(struct fz_store_reader *reader, int fd)
{
	int got = fz_store_reader_open(reader, fd);

	if (!got)
		got = 1;
	while (got > 0)
		got = fz_store_reader_next(reader);
	return got;
}

static void what_was_altered_is_refused(void **state)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	struct fz_store_end e = normal_end();
	int fd = file_of(state), refused = 0;
	struct stat st;
	uint8_t octet, was;

	write_file(fd, 12, 4, true);
	assert_int_equal(fstat(fd, &st), 0);
	int64_t tail = st.st_size - (int64_t)fz_store_tail_octets(&e) - FZ_STORE_BLOCK_OCTETS;
	for (int64_t bit = 0; bit < st.st_size * 8; bit++) {
		assert_int_equal(pread(fd, &was, 1, bit / 8), 1);
		octet = was ^ (uint8_t)(1 << bit % 8);
		assert_int_equal(pwrite(fd, &octet, 1, bit / 8), 1);
		int got = read_all(reader, fd);
		/* A TAIL that says to be longer is one that was cut off. */
		if (bit / 8 >= tail + 4 && bit / 8 < tail + 8 && reader->torn)
			assert_int_equal(reader->end.how, FZ_STORE_RUNNING);
		else
			assert_int_equal(got, FZ_STORE_ALTERED);
		refused += got == FZ_STORE_ALTERED;
		fz_store_reader_close(reader);
		assert_int_equal(pwrite(fd, &was, 1, bit / 8), 1);
	}
	assert_in_range(refused, st.st_size * 8 - 32, st.st_size * 8);
	assert_int_equal(read_file(reader, fd), 12);
	fz_store_reader_close(reader);
	close(fd);
	free(reader);
}

/* Blocks that are whole, but not where they were: taken out, doubled, exchanged. */
static void blocks_stay_where_they_were(void **state)
{
	const size_t block = FZ_STORE_BLOCK_OCTETS + 4 * FIZEAU_RECORD_OCTETS;
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	struct fz_store_session s = session();
	size_t head = FZ_STORE_MAGIC_OCTETS + FZ_STORE_BLOCK_OCTETS + fz_store_head_octets(&s), size;
	uint8_t octets[4096];
	int fd = file_of(state);

	write_file(fd, 12, 4, true);
	size = (size_t)pread(fd, octets, sizeof(octets), 0);
	assert_in_range(size, head + 3 * block, sizeof(octets) - 1);
	/* the second one taken out */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, octets, head + block, 0), (ssize_t)(head + block));
	assert_int_equal(pwrite(fd, octets + head + 2 * block, size - head - 2 * block, (off_t)(head + block)),
		(ssize_t)(size - head - 2 * block));
	assert_int_equal(read_file(reader, fd), FZ_STORE_ALTERED);
	fz_store_reader_close(reader);
	/* something behind the TAIL */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, octets, size, 0), (ssize_t)size);
	assert_int_equal(pwrite(fd, octets + head, block, (off_t)size), (ssize_t)block);
	assert_int_equal(read_file(reader, fd), FZ_STORE_ALTERED);
	fz_store_reader_close(reader);
	assert_int_equal(fz_store_file_mend(fd, START), FZ_STORE_ALTERED);
	close(fd);
	free(reader);
}

static void no_file_is_no_session(void **state)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	const struct folder *folder = *state;
	int fd = open(folder->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fz_store_reader_open(reader, fd), FZ_STORE_ALTERED);
	fz_store_reader_close(reader);
	close(fd);
	free(reader);
}

static void a_full_disk_leaves_whole_blocks(void **state)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	struct fz_store_writer *writer = calloc(1, sizeof(*writer));
	struct fz_store_session s = session();
	struct fz_store_end e = normal_end();
	struct rlimit was, limit;
	struct fizeau_record r;
	uint32_t count = 0;
	int fd = file_of(state), error = 0;

	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = was;
	assert_int_equal(fz_store_writer_begin(writer, fd, &s), 0);
	limit.rlim_cur = writer->octets + 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (!error && count < 1000) {
		r = record(count);
		error = fz_store_writer_add(writer, &r);
		if (!error && ++count % 4 == 0)
			error = fz_store_writer_flush(writer);
	}
	assert_int_equal(error, -EFBIG);
	assert_int_equal(fz_store_writer_add(writer, &r), -EFBIG);
	assert_int_equal(fz_store_writer_end(writer, &e), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(read_file(reader, fd), 1000 / (16 + 4 * 25) * 4);
	assert_false(reader->torn);
	fz_store_reader_close(reader);
	close(fd);
	free(writer);
	free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_running_session_is_read_as_far_as_it_is, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_off, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_was_altered_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(blocks_stay_where_they_were, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(no_file_is_no_session, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_full_disk_leaves_whole_blocks, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
