/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target without a fuzzer, over files and folders of inputs, so that every test run replays the corpus
   and all that ever broke. Each input is also tried cut short at every octet and with single bits flipped.
   Output is TAP: one case per input. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	INPUT_OCTETS_MAX = 1 << 16,
	CUTS_MAX = 512, /* of a longer input only so many prefixes are tried, evenly spread */
	FLIPS_MAX = 512,
};

/* The target gets memory of exactly the input's size, so that a sanitizer sees the first octet read too far. */
static void run_exact(const uint8_t *octets, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, octets, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void run_variants(uint8_t *octets, size_t len)
{
	size_t step = len / CUTS_MAX + 1;

	run_exact(octets, len);
	for (size_t cut = 0; cut < len; cut += step)
		run_exact(octets, cut);
	step = len * 8 / FLIPS_MAX + 1;
	for (size_t bit = 0; bit < len * 8; bit += step) {
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
		run_exact(octets, len);
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static int replay_file(const char *path, int *count)
{
	FILE *file = fopen(path, "rb");
	uint8_t *octets = malloc(INPUT_OCTETS_MAX);
	size_t len;

	if (!file || !octets) {
		printf("not ok %d - %s: %s\n", ++*count, path, strerror(errno));
		free(octets);
		if (file)
			fclose(file);
		return -1;
	}
	len = fread(octets, 1, INPUT_OCTETS_MAX, file);
	fclose(file);
	run_variants(octets, len);
	free(octets);
	printf("ok %d - %s\n", ++*count, path);
	fflush(stdout);
	return 0;
}

static int replay(const char *path, int *count)
{
	struct dirent **names;
	struct stat st;
	int n, result = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return replay_file(path, count);
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		return 0; /* a target without a repro/ folder has nothing in it */
	for (int i = 0; i < n; i++) {
		char below[4096];

		if (names[i]->d_name[0] != '.') {
			snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
			result |= replay(below, count);
		}
		free(names[i]);
	}
	free(names);
	return result;
}

int main(int argc, char **argv)
{
	uint8_t nothing = 0;
	int count = 0, result = 0;

	LLVMFuzzerTestOneInput(&nothing, 0);
	printf("ok %d - the empty input\n", ++count);
	for (int i = 1; i < argc; i++)
		result |= replay(argv[i], &count);
	printf("1..%d\n", count);
	return result ? 1 : 0;
}
