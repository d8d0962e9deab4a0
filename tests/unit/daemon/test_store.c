/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store.h"
#include "tests/testlib/folder.h"

#define SECOND ((uint64_t)1 << 32)
#define PACKETS 1000u
#define ROOM (PACKETS * FIZEAU_RECORD_OCTETS) /* its records alone */

static const struct fizeau_slot slot = {false, SECOND};

struct fixture {
	struct fz_log log;
	struct fz_store *store;
	struct folder *folder;
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;

	if (!f || make_folder(&folder))
		return -1;
	f->folder = folder;
	fz_log_open(&f->log, false, FZ_LOG_ERROR);
	*state = f;
	return fz_store_open(f->folder->dir, &f->log, &f->store);
}

static int end(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	DIR *dir;
	const struct dirent *found;
	char path[512];

	fz_store_close(f->store);
	dir = opendir(f->folder->dir);
	while (dir && (found = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", f->folder->dir, found->d_name);
		if (*found->d_name != '.')
			unlink(path);
	}
	if (dir)
		closedir(dir);
	remove_folder(&folder);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	fz_store_close(f->store);
	f->store = NULL;
	assert_int_equal(fz_store_open(f->folder->dir, &f->log, &f->store), 0);
}

static struct fz_store_session session(uint8_t number)
{
	struct fz_store_session s = {
		.request = {.conf_receiver = true, .ip_version = 4, .packets = PACKETS, .sid = {0xfe, number},
			.timeout = SECOND, .slots = &slot, .slot_count = 1},
		.class_name = "friends",
	};

	return s;
}

static struct fz_stored *add(struct fixture *f, uint8_t number)
{
	struct fz_store_session s = session(number);
	struct fz_stored *stored = NULL;

	assert_int_equal(fz_store_add(f->store, &s, 1, FZ_UNLIMITED, &stored), 0);
	return stored;
}

static void put(struct fz_stored *stored, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct fizeau_record record = {.seq = i, .send_ntp = 1, .receive_ntp = 2, .send_error = 1,
			.receive_error = 1};
		assert_int_equal(fz_stored_add(stored, &record, 1), 0);
	}
}

static char *path_of(const struct fixture *f, uint8_t number)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/fe%02x%028d", f->folder->dir, number, 0);
	return path;
}

/* Records of a session; or -errno. */
static int records(struct fixture *f, uint8_t number, bool running, enum fz_store_how how)
{
	struct fz_store_reader *reader = calloc(1, sizeof(*reader));
	const struct fz_store_session s = session(number);
	bool is_running;
	int fd = fz_store_find(f->store, s.request.sid, &is_running), got = fd < 0 ? fd : 1, count = 0;

	if (fd >= 0) {
		assert_int_equal(is_running, running);
		got = fz_store_reader_open(reader, fd);
		assert_true(got || reader->end.how == how);
		if (!got)
			got = 1;
		while (got > 0) {
			got = fz_store_reader_next(reader);
			count += got > 0 ? got : 0;
		}
		fz_store_reader_close(reader);
		close(fd);
	}
	free(reader);
	return got < 0 ? got : count / (int)FIZEAU_RECORD_OCTETS;
}

static const struct fz_store_end normal = {.how = FZ_STORE_NORMAL, .received_next = 10, .next_seqno = 10};

static void sessions_are_found(void **state)
{
	struct fixture *f = *state;
	struct fz_stored *one = add(f, 1), *two = add(f, 2);

	put(one, 10);
	put(two, 3);
	assert_int_equal(records(f, 1, true, FZ_STORE_RUNNING), 10);
	assert_int_equal(records(f, 2, true, FZ_STORE_RUNNING), 3);
	assert_int_equal(records(f, 3, true, FZ_STORE_RUNNING), -ENOENT);
	assert_int_equal(fz_stored_end(one, &normal, 100), 0);
	assert_int_equal(records(f, 1, false, FZ_STORE_NORMAL), 10);
	fz_stored_drop(two);
	assert_int_equal(records(f, 2, true, FZ_STORE_RUNNING), -ENOENT);
	assert_int_equal(fz_store_count(f->store), 1);
	reopen(f);
	assert_int_equal(fz_store_count(f->store), 1);
	assert_int_equal(records(f, 1, false, FZ_STORE_NORMAL), 10);
	assert_int_not_equal(fz_store_used(f->store, "friends"), 0);
	assert_int_equal(fz_store_used(f->store, "enemies"), 0);
}

static void a_sid_is_had_once(void **state)
{
	struct fixture *f = *state;
	struct fz_stored *one = add(f, 1), *again = NULL;
	struct fz_store_session s = session(1);

	assert_int_equal(fz_store_add(f->store, &s, 1, FZ_UNLIMITED, &again), -EEXIST);
	put(one, 2);
	assert_int_equal(records(f, 1, true, FZ_STORE_RUNNING), 2);
	assert_int_equal(fz_stored_end(one, &normal, 1), 0);
}

static void what_a_dead_daemon_left_is_ended(void **state)
{
	struct fixture *f = *state;
	struct fz_stored *one = add(f, 1);
	struct stat st;
	char path[256], moved[512];

	put(one, 700);
	assert_int_equal(fz_stored_flush(one), 0);
	/* As it was before the end, and with a piece of a block behind it. */
	snprintf(path, sizeof(path), "%s", path_of(f, 1));
	snprintf(moved, sizeof(moved), "%s/saved", f->folder->dir);
	assert_int_equal(link(path, moved), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(stat(moved, &st), 0);
	assert_int_equal(fz_stored_end(one, &normal, 1), 0);
	assert_int_equal(truncate(moved, st.st_size + 7), 0);
	fz_store_close(f->store);
	f->store = NULL;
	assert_int_equal(rename(moved, path), 0);
	assert_int_equal(fz_store_open(f->folder->dir, &f->log, &f->store), 0);
	assert_int_equal(records(f, 1, false, FZ_STORE_ABORTED), 700);
}

static void foreign_files_do_no_harm(void **state)
{
	struct fixture *f = *state;
	char path[256];

	assert_int_equal(fz_stored_end(add(f, 1), &normal, 100), 0);
	snprintf(path, sizeof(path), "%s", path_of(f, 1));
	/* The name of another SID, a symbolic link, a folder, a pipe, rubbish, nothing, and a name that is no SID. */
	assert_int_equal(link(path, path_of(f, 2)), 0);
	assert_int_equal(symlink("/etc/passwd", path_of(f, 3)), 0);
	assert_int_equal(mkdir(path_of(f, 4), 0700), 0);
	assert_int_equal(mkfifo(path_of(f, 5), 0600), 0);
	int fd = open(path_of(f, 6), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "FzStore1 and then what?", 23), 23);
	close(fd);
	close(open(path_of(f, 7), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	fd = open(path_of(f, 8), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(rename(path_of(f, 8), f->folder->path), 0);
	f->log.level = 0; /* it complains */
	reopen(f);
	assert_int_equal(fz_store_count(f->store), 7);
	assert_int_equal(records(f, 1, false, FZ_STORE_NORMAL), 0);
	for (uint8_t i = 3; i < 8; i++)
		assert_true(records(f, i, false, FZ_STORE_NORMAL) < 0);
	fz_store_expire(f->store, UINT64_MAX, 0);
	rmdir(path_of(f, 4));
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(access(f->folder->path, F_OK), 0);
}

static void one_daemon_a_folder(void **state)
{
	struct fixture *f = *state;
	struct fz_store *second = NULL;

	assert_int_equal(fz_store_open(f->folder->dir, &f->log, &second), -EBUSY);
	assert_null(second);
	assert_int_equal(fz_store_open("/nowhere/at/all", &f->log, &second), -ENOENT);
	assert_int_equal(fz_store_open(path_of(f, 1), &f->log, &second), -ENOENT);
}

static void old_sessions_are_removed(void **state)
{
	struct fixture *f = *state;
	struct fz_stored *running = add(f, 3);

	assert_int_equal(fz_stored_end(add(f, 1), &normal, 1000), 0);
	assert_int_equal(fz_stored_end(add(f, 2), &normal, 1010), 0);
	fz_store_expire(f->store, 1059, 60);
	assert_int_equal(fz_store_count(f->store), 3);
	fz_store_expire(f->store, 1060, 60);
	assert_int_equal(records(f, 1, false, FZ_STORE_NORMAL), -ENOENT);
	assert_int_equal(access(path_of(f, 1), F_OK), -1);
	assert_int_equal(records(f, 2, false, FZ_STORE_NORMAL), 0);
	fz_store_expire(f->store, 1000000, 60);
	assert_int_equal(fz_store_count(f->store), 1);
	assert_int_equal(records(f, 3, true, FZ_STORE_RUNNING), 0);
	/* A clock that was set back removes nothing. */
	assert_int_equal(fz_stored_end(running, &normal, 2000), 0);
	fz_store_expire(f->store, 1, 0);
	assert_int_equal(fz_store_count(f->store), 1);
	fz_store_expire(f->store, 2000, 0);
	assert_int_equal(fz_store_count(f->store), 0);
	assert_int_equal(fz_store_used(f->store, "friends"), 0);
}

/*= rfc4656#section-6.5 OW-6.5-01 */
static void a_class_has_so_much(void **state)
{
	struct fixture *f = *state;
	struct fz_store_session s = session(1);
	struct fz_stored *one, *two;
	uint64_t limit = 2 * ROOM;

	assert_int_equal(fz_store_add(f->store, &s, 1, ROOM - 1, &one), -EFBIG);
	assert_int_equal(fz_store_add(f->store, &s, 1, 0, &one), -EFBIG);
	assert_int_equal(fz_store_add(f->store, &s, 1, limit, &one), 0);
	assert_in_range(fz_store_used(f->store, "friends"), ROOM, limit);
	s = session(2);
	assert_int_equal(fz_store_add(f->store, &s, 1, limit, &two), -EDQUOT);
	/* Another class has its own. */
	snprintf(s.class_name, sizeof(s.class_name), "others");
	assert_int_equal(fz_store_add(f->store, &s, 1, limit, &two), 0);
	fz_stored_drop(two);
	/* What was set aside and not used is free again. */
	assert_int_equal(fz_stored_end(one, &normal, 1), 0);
	assert_in_range(fz_store_used(f->store, "friends"), 1, 4096);
	s = session(2);
	assert_int_equal(fz_store_add(f->store, &s, 1, limit, &two), 0);
	fz_stored_drop(two);
	/* And counted anew from what lies there. */
	reopen(f);
	assert_in_range(fz_store_used(f->store, "friends"), 1, 4096);
}

static void duplicates_have_their_end(void **state)
{
	struct fixture *f = *state;
	struct fz_store_session s = session(1);
	const struct fizeau_record record = {.seq = 1, .send_ntp = 1, .receive_ntp = 2, .send_error = 1,
		.receive_error = 1};
	uint64_t limit = 200000;
	struct fz_stored *stored;
	int error = 0, count = 0;

	assert_int_equal(fz_store_add(f->store, &s, 1, limit, &stored), 0);
	for (; !error && count < 100000; count++)
		error = fz_stored_add(stored, &record, 1);
	assert_int_equal(error, -EDQUOT);
	assert_in_range(count, 2 * PACKETS, limit / FIZEAU_RECORD_OCTETS);
	assert_in_range(fz_store_used(f->store, "friends"), 1, limit);
	assert_int_equal(fz_stored_end(stored, &normal, 1), 0);
	assert_in_range(fz_store_used(f->store, "friends"), ROOM, limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sessions_are_found, begin, end),
		cmocka_unit_test_setup_teardown(a_sid_is_had_once, begin, end),
		cmocka_unit_test_setup_teardown(what_a_dead_daemon_left_is_ended, begin, end),
		cmocka_unit_test_setup_teardown(foreign_files_do_no_harm, begin, end),
		cmocka_unit_test_setup_teardown(one_daemon_a_folder, begin, end),
		cmocka_unit_test_setup_teardown(old_sessions_are_removed, begin, end),
		cmocka_unit_test_setup_teardown(a_class_has_so_much, begin, end),
		cmocka_unit_test_setup_teardown(duplicates_have_their_end, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
