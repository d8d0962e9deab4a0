/* SPDX-License-Identifier: MIT */
/* Preloaded, a kernel and a network card that stamp no packets. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int setsockopt(int fd, int level, int option, const void *value, socklen_t octets)
{
	if (level == SOL_SOCKET && (option == SO_TIMESTAMPING || option == SO_TIMESTAMPNS || option == SO_TIMESTAMP)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return (int)syscall(SYS_setsockopt, fd, level, option, value, octets);
}
