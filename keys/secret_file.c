/* SPDX-License-Identifier: MIT */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fizeau/keys.h>

int fz_secret_memory_get(struct fz_secret_memory *memory, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*memory = (struct fz_secret_memory){0};
	if (at == MAP_FAILED)
		return -ENOMEM;
	/* Both are hardening: a small RLIMIT_MEMLOCK must not keep anyone from measuring. */
	(void)mlock(at, size);
	(void)madvise(at, size, MADV_DONTDUMP);
	*memory = (struct fz_secret_memory){.octets = at, .size = size};
	return 0;
}

void fz_secret_memory_free(struct fz_secret_memory *memory)
{
	if (memory->octets == NULL)
		return;
	fizeau_wipe(memory->octets, memory->size);
	munmap(memory->octets, memory->size);
	*memory = (struct fz_secret_memory){0};
}

static struct fz_file_version version_of(const struct stat *st)
{
	return (struct fz_file_version){
		.exists = true,
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim,
	};
}

struct fz_file_version fz_file_version_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? version_of(&st) : (struct fz_file_version){0};
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool fz_file_version_same(const struct fz_file_version *a, const struct fz_file_version *b)
{
	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	/* The time of change as well: a chmod that mends the file leaves the time of modification alone. */
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* False with a reason if the file must not be used. */
static bool check(const char *path, const struct stat *st, char *error, size_t error_octets)
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(error, error_octets, "%s: is not a regular file", path);
		return false;
	}
	if ((st->st_mode & 077) != 0) {
		snprintf(error, error_octets,
			"%s: others than its owner can get at the secrets in it; run: chmod 600 %s", path,
			path);
		return false;
	}
	if (st->st_size > FZ_SECRET_FILE_MAX) {
		snprintf(error, error_octets, "%s: is larger than %d octets", path, FZ_SECRET_FILE_MAX);
		return false;
	}
	return true;
}

/* Octets read, fewer than room if the file ended; -1 with errno. */
static ssize_t read_all(int fd, uint8_t *octets, size_t room)
{
	size_t len = 0;

	while (len < room) {
		ssize_t got = read(fd, octets + len, room - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

int fz_secret_file_read(const char *path, struct fz_secret_memory *memory, size_t *len,
	struct fz_file_version *version, char *error, size_t error_octets)
{
	/* Not to wait for a writer if it is a pipe: it will be refused. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t got = -1;

	*memory = (struct fz_secret_memory){0};
	*version = (struct fz_file_version){0};
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(error, error_octets, "%s: cannot be read: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		*version = fz_file_version_of(path);
		return -1;
	}
	/* Before it is read: what changes meanwhile makes another version. */
	*version = version_of(&st);
	if (!check(path, &st, error, error_octets)) {
		close(fd);
		return -1;
	}
	/* One octet more than it has, to see its end. */
	if (fz_secret_memory_get(memory, (size_t)st.st_size + 1) != 0)
		errno = ENOMEM;
	else
		got = read_all(fd, memory->octets, memory->size);
	if (got < 0)
		snprintf(error, error_octets, "%s: cannot be read: %s", path, strerror(errno));
	else if ((size_t)got == memory->size)
		snprintf(error, error_octets, "%s: changes while it is read; try again", path);
	close(fd);
	if (got < 0 || (size_t)got == memory->size) {
		fz_secret_memory_free(memory);
		return -1;
	}
	*len = (size_t)got;
	return 0;
}
