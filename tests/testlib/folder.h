/* SPDX-License-Identifier: MIT */
/* A folder in /tmp of a test's own, with the path of one file or socket in it: cmocka's set-up and tear-down. */
#ifndef FZ_TESTLIB_FOLDER_H
#define FZ_TESTLIB_FOLDER_H

struct folder {
	char dir[64], path[96];
};

/* *state becomes a struct folder. 0, or -1 without a folder. */
int make_folder(void **state);
/* Removes the file, the folder and the struct. */
int remove_folder(void **state);

#endif
