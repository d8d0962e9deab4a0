/* SPDX-License-Identifier: MIT */
#include "tests/testlib/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (folder == NULL)
		return -1;
	snprintf(folder->dir, sizeof(folder->dir), "/tmp/fz-test-XXXXXX");
	if (mkdtemp(folder->dir) == NULL) {
		free(folder);
		return -1;
	}
	snprintf(folder->path, sizeof(folder->path), "%s/file", folder->dir);
	*state = folder;
	return 0;
}

int remove_folder(void **state)
{
	struct folder *folder = *state;

	unlink(folder->path);
	rmdir(folder->dir);
	free(folder);
	return 0;
}
