/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "store.h"

#define NAME_OCTETS (2 * FIZEAU_SID_OCTETS)
#define LOCK_NAME "lock"
#define DISK_BLOCK 4096u      /* what the smallest file takes */
#define GROWTH (64u * 1024u)  /* set aside at once for duplicates */


/* What one class takes. */
struct usage {
	struct usage *next;
	uint64_t octets;
	char name[FZ_STORE_CLASS_MAX + 1];
};

/* A file in the folder. */
struct entry {
	struct entry *next;
	struct usage *usage;
	uint64_t octets; /* counted there */
	uint64_t ended_s;
	struct fz_stored *stored; /* being written */
	char name[NAME_OCTETS + 1];
};

struct fz_store {
	struct fz_log *log;
	struct usage *usages;
	struct entry *entries;
	uint32_t count;
	int dir, lock;
};

struct fz_stored {
	struct fz_store *store;
	struct entry *entry;
	uint64_t limit;
	int fd;
	struct fz_store_writer writer;
};

static void name_of(const uint8_t sid[static FIZEAU_SID_OCTETS], char name[static NAME_OCTETS + 1])
{
	for (size_t i = 0; i < FIZEAU_SID_OCTETS; i++)
		snprintf(name + 2 * i, 3, "%02x", sid[i]);
}

static bool is_name(const char *name)
{
	return strlen(name) == NAME_OCTETS && strspn(name, "0123456789abcdef") == NAME_OCTETS;
}

static uint64_t on_disk(uint64_t octets)
{
	return (octets + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
}

static struct usage *usage_of(struct fz_store *store, const char *name)
{
	struct usage *usage = store->usages;

	while (usage && strcmp(usage->name, name))
		usage = usage->next;
	if (usage)
		return usage;
	usage = calloc(1, sizeof(*usage));
	if (!usage)
		return NULL;
	snprintf(usage->name, sizeof(usage->name), "%s", name);
	usage->next = store->usages;
	store->usages = usage;
	return usage;
}

static void count_as(struct entry *entry, uint64_t octets)
{
	entry->usage->octets += octets - entry->octets;
	entry->octets = octets;
}

static struct entry *entry_new(struct fz_store *store, const char *name, const char *class_name)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->usage = usage_of(store, class_name);
	if (!entry->usage) {
		free(entry);
		return NULL;
	}
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->next = store->entries;
	store->entries = entry;
	store->count++;
	return entry;
}

static void entry_free(struct fz_store *store, struct entry *entry)
{
	struct entry **at = &store->entries;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	count_as(entry, 0);
	store->count--;
	free(entry);
}

/* What a file says of itself; mended if it was not ended. */
static int look_at(int fd, const char *name, char class_name[static FZ_STORE_CLASS_MAX + 1], uint64_t stop_ntp)
{
	struct fz_store_reader *reader = malloc(sizeof(*reader));
	char own[NAME_OCTETS + 1];
	bool running;
	int error;

	if (!reader)
		return -ENOMEM;
	error = fz_store_reader_open(reader, fd);
	running = reader->end.how == FZ_STORE_RUNNING;
	name_of(reader->session.request.sid, own);
	if (!error && strcmp(own, name))
		error = FZ_STORE_ALTERED;
	if (!error)
		snprintf(class_name, FZ_STORE_CLASS_MAX + 1, "%s", reader->session.class_name);
	fz_store_reader_close(reader);
	free(reader);
	return error || !running ? error : fz_store_file_mend(fd, stop_ntp);
}

static int take_in(struct fz_store *store, const char *name)
{
	char class_name[FZ_STORE_CLASS_MAX + 1] = "";
	struct stat st = {.st_size = 0};
	struct entry *entry;
	int fd = openat(store->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int error = fd < 0 || fstat(fd, &st) ? -errno : 0;

	if (!error)
		error = look_at(fd, name, class_name, fizeau_ntp_from_unix(st.st_mtim.tv_sec, 0));
	if (fd >= 0)
		close(fd);
	if (error == -ENOMEM)
		return error;
	if (error)
		fz_log(store->log, FZ_LOG_WARNING, "stored session %s cannot be served: %s", name,
			error == FZ_STORE_ALTERED ? "it is not what was written" : fizeau_strerror(error));
	entry = entry_new(store, name, class_name);
	if (!entry)
		return -ENOMEM;
	entry->ended_s = (uint64_t)st.st_mtim.tv_sec;
	count_as(entry, on_disk((uint64_t)st.st_size));
	return 0;
}

static int take_in_all(struct fz_store *store)
{
	int fd = openat(store->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!dir) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (!error && (found = readdir(dir))) {
		if (is_name(found->d_name))
			error = take_in(store, found->d_name);
	}
	closedir(dir);
	return error;
}

static int open_dir(struct fz_store *store, const char *dir)
{
	store->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0)
		return -errno;
	/* Two daemons would end each other's sessions. */
	store->lock = openat(store->dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock < 0)
		return -errno;
	if (flock(store->lock, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

int fz_store_open(const char *dir, struct fz_log *log, struct fz_store **store)
{
	struct fz_store *made = calloc(1, sizeof(*made));
	int error;

	if (!made)
		return -ENOMEM;
	made->log = log;
	made->dir = made->lock = -1;
	error = open_dir(made, dir);
	if (!error)
		error = take_in_all(made);
	if (error) {
		fz_store_close(made);
		return error;
	}
	*store = made;
	return 0;
}

void fz_store_close(struct fz_store *store)
{
	if (!store)
		return;
	while (store->entries)
		entry_free(store, store->entries);
	while (store->usages) {
		struct usage *usage = store->usages;
		store->usages = usage->next;
		free(usage);
	}
	if (store->lock >= 0)
		close(store->lock);
	if (store->dir >= 0)
		close(store->dir);
	free(store);
}

/* Records, and a block a second while there are any. */
static uint64_t octets_for(const struct fz_store_session *session, uint64_t seconds)
{
	uint64_t packets = session->request.packets;
	uint64_t blocks = packets / FZ_STORE_BATCH + (seconds < packets ? seconds : packets) + 2;

	return FZ_STORE_MAGIC_OCTETS + fz_store_head_octets(session) + packets * FIZEAU_RECORD_OCTETS +
		blocks * FZ_STORE_BLOCK_OCTETS + DISK_BLOCK;
}

static int check_room(struct fz_store *store, const struct usage *usage, uint64_t octets, uint64_t limit)
{
	struct statvfs disk;

	if (octets > limit)
		return -EFBIG;
	if (usage->octets > limit - octets)
		return -EDQUOT;
	if (!fstatvfs(store->dir, &disk) && (uint64_t)disk.f_bavail * disk.f_frsize < octets)
		return -ENOSPC;
	return 0;
}

static int begin_file(struct fz_stored *stored, const struct fz_store_session *session)
{
	struct fz_store *store = stored->store;

	stored->fd = openat(store->dir, stored->entry->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (stored->fd < 0)
		return -errno;
	int error = fz_store_writer_begin(&stored->writer, stored->fd, session);
	if (error) {
		close(stored->fd);
		unlinkat(store->dir, stored->entry->name, 0);
	}
	return error;
}

int fz_store_add(struct fz_store *store, const struct fz_store_session *session, uint64_t seconds, uint64_t limit,
	struct fz_stored **stored)
{
	uint64_t octets = on_disk(octets_for(session, seconds));
	struct usage *usage = usage_of(store, session->class_name);
	char name[NAME_OCTETS + 1];
	struct fz_stored *made;
	int error = usage ? check_room(store, usage, octets, limit) : -ENOMEM;

	if (error)
		return error;
	made = calloc(1, sizeof(*made));
	name_of(session->request.sid, name);
	if (made)
		made->entry = entry_new(store, name, session->class_name);
	if (!made || !made->entry) {
		free(made);
		return -ENOMEM;
	}
	made->store = store;
	made->limit = limit;
	made->entry->stored = made;
	error = begin_file(made, session);
	if (error) {
		entry_free(store, made->entry);
		free(made);
		return error;
	}
	count_as(made->entry, octets);
	*stored = made;
	return 0;
}

/* Duplicates may make it longer than was expected: as long as its class has room. */
static int grow(struct fz_stored *stored)
{
	struct entry *entry = stored->entry;

	if (stored->writer.octets + sizeof(stored->writer.block) + DISK_BLOCK <= entry->octets)
		return 0;
	if (entry->usage->octets > stored->limit || GROWTH > stored->limit - entry->usage->octets)
		return -EDQUOT;
	count_as(entry, entry->octets + GROWTH);
	return 0;
}

int fz_stored_add(struct fz_stored *stored, const struct fizeau_record *records, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		error = fz_store_writer_add(&stored->writer, &records[i]);
		if (!error && !stored->writer.pending)
			error = grow(stored);
	}
	return error;
}

int fz_stored_flush(struct fz_stored *stored)
{
	int error = fz_store_writer_flush(&stored->writer);

	return error ? error : grow(stored);
}

int fz_stored_end(struct fz_stored *stored, const struct fz_store_end *end, uint64_t now_s)
{
	int error = fz_store_writer_end(&stored->writer, end);

	stored->entry->stored = NULL;
	stored->entry->ended_s = now_s;
	count_as(stored->entry, on_disk(stored->writer.octets));
	close(stored->fd);
	free(stored);
	return error;
}

void fz_stored_drop(struct fz_stored *stored)
{
	unlinkat(stored->store->dir, stored->entry->name, 0);
	entry_free(stored->store, stored->entry);
	close(stored->fd);
	free(stored);
}

int fz_store_find(struct fz_store *store, const uint8_t sid[static FIZEAU_SID_OCTETS], bool *running)
{
	char name[NAME_OCTETS + 1];
	struct entry *entry = store->entries;

	name_of(sid, name);
	while (entry && strcmp(entry->name, name))
		entry = entry->next;
	if (!entry)
		return -ENOENT;
	*running = entry->stored != NULL;
	/* What cannot be written any more is no reason not to show what was. */
	if (entry->stored)
		(void)!fz_store_writer_flush(&entry->stored->writer);
	int fd = openat(store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void fz_store_expire(struct fz_store *store, uint64_t now_s, uint64_t keep_s)
{
	struct entry *next;

	for (struct entry *entry = store->entries; entry; entry = next) {
		next = entry->next;
		if (entry->stored || now_s < entry->ended_s || now_s - entry->ended_s < keep_s)
			continue;
		if (unlinkat(store->dir, entry->name, 0) && errno != ENOENT) {
			fz_log(store->log, FZ_LOG_WARNING, "stored session %s cannot be removed: %s", entry->name,
				fizeau_strerror(-errno));
			entry->ended_s = now_s; /* not again every second */
			continue;
		}
		entry_free(store, entry);
	}
}

uint32_t fz_store_count(const struct fz_store *store)
{
	return store->count;
}

uint64_t fz_store_used(const struct fz_store *store, const char *class_name)
{
	for (const struct usage *usage = store->usages; usage; usage = usage->next) {
		if (!strcmp(usage->name, class_name))
			return usage->octets;
	}
	return 0;
}
