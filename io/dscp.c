/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <strings.h>
#include "dscp.h"

static bool number_of(const char *text, uint8_t *dscp)
{
	unsigned number = 0, digits = 0;

	for (; *text >= '0' && *text <= '9' && number < 64; text++, digits++)
		number = 10 * number + (unsigned)(*text - '0');
	if (digits == 0 || *text != '\0' || number > 63)
		return false;
	*dscp = (uint8_t)number;
	return true;
}

bool fz_dscp_parse(const char *text, uint8_t *dscp)
{
	static const struct {
		const char *name;
		uint8_t dscp;
	} names[] = {
		{"default", 0}, {"df", 0}, {"be", 0}, {"le", 1}, {"va", 44}, {"voice-admit", 44}, {"ef", 46},
	};

	if (number_of(text, dscp))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(names[i].name, text) == 0) {
			*dscp = names[i].dscp;
			return true;
		}
	}
	/* Class selectors (RFC 2474) and assured forwarding (RFC 2597). */
	if (strncasecmp(text, "cs", 2) == 0 && text[2] >= '0' && text[2] <= '7' && text[3] == '\0') {
		*dscp = (uint8_t)((text[2] - '0') * 8);
		return true;
	}
	if (strncasecmp(text, "af", 2) == 0 && text[2] >= '1' && text[2] <= '4' && text[3] >= '1' &&
		text[3] <= '3' && text[4] == '\0') {
		*dscp = (uint8_t)((text[2] - '0') * 8 + (text[3] - '0') * 2);
		return true;
	}
	return false;
}
