/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include "result.h"

void fz_hex_text(const uint8_t *octets, size_t count, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[octets[i] >> 4];
		text[2 * i + 1] = digits[octets[i] & 15];
	}
	text[2 * count] = '\0';
}

void fz_prf_text(enum fizeau_prf prf, char text[static 32])
{
	const char *name = fizeau_prf_name(prf);
	size_t at = 0;

	for (; name != NULL && name[at] != '\0' && at < 31; at++)
		text[at] = (char)toupper((unsigned char)name[at]);
	text[at] = '\0';
}
