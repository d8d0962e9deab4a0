/* SPDX-License-Identifier: MIT */
/* Preloaded, gives a program a wall clock of its own: the machine's and what the file in FIZEAU_TEST_CLOCK holds, two
   numbers of 64 bits: nanoseconds ahead, and not 0 if the kernel is to call it synchronised within a millisecond. The
   kernel stamps packets by the machine's clock, so such a program gets no stamps of the kernel. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static const volatile int64_t *shared(void)
{
	static const volatile int64_t *at;
	static const int64_t none[2];
	const char *path = at != NULL ? NULL : getenv("FIZEAU_TEST_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at == NULL)
		at = map == MAP_FAILED ? none : map;
	return at;
}

EXPORTED int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && id == CLOCK_REALTIME) {
		int64_t ns = ts->tv_nsec + shared()[0] % 1000000000;

		ts->tv_sec += shared()[0] / 1000000000 + (ns >= 1000000000) - (ns < 0);
		ts->tv_nsec = ns < 0 ? ns + 1000000000 : ns >= 1000000000 ? ns - 1000000000 : ns;
	}
	return rc;
}

EXPORTED int adjtimex(struct timex *tx)
{
	int state = (int)syscall(SYS_adjtimex, tx);

	if (shared()[1] == 0)
		return state;
	tx->status &= ~STA_UNSYNC;
	tx->maxerror = 1000;
	return TIME_OK;
}

EXPORTED int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (level == SOL_SOCKET && (name == SO_TIMESTAMPING || name == SO_TIMESTAMPNS)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}
