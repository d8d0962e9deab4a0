/* SPDX-License-Identifier: MIT */
/* The file of a stored session, which anything may have happened to: read to its end, mended, and read again. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/store_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Records; or the error. */
static int read_all(struct fz_store_reader *reader, int fd)
{
	int got = fz_store_reader_open(reader, fd), octets = 0;

	if (got == 0)
		got = 1;
	while (got > 0) {
		got = fz_store_reader_next(reader);
		octets += got > 0 ? got : 0;
	}
	return got < 0 ? got : octets / (int)FIZEAU_RECORD_OCTETS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_store_reader *reader = malloc(sizeof(*reader));
	int fd = memfd_create("store", MFD_CLOEXEC);
	int records, error;

	if (reader != NULL && fd >= 0 && write(fd, data, size) == (ssize_t)size) {
		records = read_all(reader, fd);
		assert(records >= 0 || records == FZ_STORE_ALTERED);
		fz_store_reader_close(reader);
		error = fz_store_file_mend(fd, 1);
		assert(error == 0 || error == FZ_STORE_ALTERED);
		/* Whole afterwards, with all that was in it before. */
		if (records >= 0 && error == 0) {
			assert(read_all(reader, fd) == records);
			assert(reader->end.how != FZ_STORE_RUNNING && !reader->torn);
			fz_store_reader_close(reader);
		}
	}
	if (fd >= 0)
		close(fd);
	free(reader);
	return 0;
}
