/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "figures.h"

static const char *const drop_names[FZ_DROPS] = {
	[FZ_DROP_NOT_STARTED] = "not_started",
	[FZ_DROP_NOT_IPSEC] = "not_ipsec",
	[FZ_DROP_LENGTH] = "length",
	[FZ_DROP_HMAC] = "hmac",
	[FZ_DROP_LOOP] = "loop",
	[FZ_DROP_RATE] = "rate",
	[FZ_DROP_BANDWIDTH] = "bandwidth",
	[FZ_DROP_LOCAL] = "local",
};

const char *fz_drop_name(enum fz_drop drop)
{
	return drop_names[drop];
}

int fz_shared_create(void)
{
	int fd = memfd_create("fizeaud-figures", MFD_CLOEXEC | MFD_ALLOW_SEALING), error;

	if (fd < 0)
		return -errno;
	/* Whoever reads must not be hit by the memory becoming less. */
	if (!ftruncate(fd, sizeof(struct fz_shared)) &&
		!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void *map(int fd, int protection)
{
	struct stat is;
	void *at;

	if (fstat(fd, &is) || is.st_size != (off_t)sizeof(struct fz_shared))
		return NULL;
	at = mmap(NULL, sizeof(struct fz_shared), protection, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

struct fz_shared *fz_shared_map(int fd)
{
	return map(fd, PROT_READ | PROT_WRITE);
}

const struct fz_shared *fz_shared_look(int fd)
{
	return map(fd, PROT_READ);
}

void fz_shared_unmap(const struct fz_shared *shared)
{
	if (shared)
		munmap((void *)(uintptr_t)shared, sizeof(*shared));
}
